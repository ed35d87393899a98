"""What a caller has turned on in MXNet changes nothing here, and is on afterwards."""

import hotdog_ft  # before mxnet, which it tells to use every core

# isort: split
from dataclasses import replace

import numpy as np
import pytest
from conftest import make_source_net, some_batches
from mxnet import Context, autograd, cpu, gluon, init, npx
from mxnet import np as mxnet_numpy
from mxnet.util import is_np_array, is_np_shape

from hotdog_ft import calibration
from hotdog_ft.lr_range import lr_range_test
from hotdog_ft.probe import extract_features, fit_output
from hotdog_ft.settings import Settings

SETTINGS = Settings(size=32, batch_size=4, num_epochs=1, probe_steps=3)
NOISE = np.random.default_rng(0).integers(0, 256, (8, 40, 40, 3), dtype="uint8")
IMAGES = [(picture, place % 2) for place, picture in enumerate(NOISE)]
# of runs that are short
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture
def source(tmp_path):
    hotdog_ft.save_net(make_source_net(1), tmp_path / "source.safetensors", list("abcde"), 32)
    return tmp_path / "source.safetensors"


@pytest.fixture
def numpy_mode():
    npx.set_np()  # as in the first cell of the book's notebooks
    yield
    npx.reset_np()


def use_all(source, precision):
    """Everything that computes, from a file to files; what it gave."""
    source_net, batches = hotdog_ft.load_net(source), some_batches([8, 4])
    hotdog_ft.seed_everything(0)
    hotdog_ft.scratch_net(source_net, 3)
    net = hotdog_ft.finetune_net(source_net, 2)
    history = hotdog_ft.train(net, IMAGES, IMAGES, replace(SETTINGS, precision=precision))
    fit_output(net, *extract_features(net, batches), SETTINGS)
    found = [history.loss, history.test_acc, hotdog_ft.evaluate(net, IMAGES, precision)]
    found += [calibration.calibrate(net, batches), lr_range_test(net, batches[:1])[1]]
    found.append(hotdog_ft.predict(net, NOISE, precision=precision).probability.tolist())
    hotdog_ft.save_net(net, source.with_name("net.safetensors"), ["a", "b"])
    hotdog_ft.export_onnx(net, source.with_name("net.onnx"), ["a", "b"])
    return found


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_all_is_the_same_after_set_np(precision, source, numpy_mode):
    found = use_all(source, precision)
    assert is_np_array() and is_np_shape()
    npx.reset_np()
    assert found == use_all(source, precision)


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_all_is_the_same_within_a_record_and_on_another_device(precision, source):
    with autograd.record(), cpu(1):
        found = use_all(source, precision)
        assert autograd.is_recording() and Context("cpu", 1) == mxnet_numpy.zeros(1).ctx
    assert mxnet_numpy.zeros(1).ctx == cpu(0)
    assert found == use_all(source, precision)


def test_a_new_net_that_was_built_after_set_np_is_refused_too(numpy_mode, tmp_path):
    zoo = gluon.model_zoo.vision.resnet18_v2(classes=4)
    zoo.initialize(init.Xavier())
    settings = replace(SETTINGS, probe_steps=0)
    for use in (
        lambda: hotdog_ft.predict(zoo, NOISE),
        lambda: hotdog_ft.train(zoo, IMAGES, None, settings),
        lambda: hotdog_ft.export_onnx(zoo, tmp_path / "net.onnx", list("abcd"), 32),
    ):
        with pytest.raises(ValueError, match=r"built after npx\.set_np"):
            use()


def test_callbacks_and_loaders_have_the_mode_of_the_caller(source, numpy_mode):
    """As the chapter's own loader has it, and the book's functions in a callback."""
    seen = []

    class Loader:
        def __iter__(self):
            seen.append(mxnet_numpy.zeros(()).shape)  # an error outside of the mode
            yield from some_batches([8])

    def look(*_):
        seen.append((is_np_array(), is_np_shape()))

    net = hotdog_ft.finetune_net(hotdog_ft.load_net(source), 2)
    hotdog_ft.train(net, IMAGES, None, SETTINGS, after_epoch=look, report=look)
    assert len(seen) >= 3 and set(seen) == {(True, True)}
    with cpu(1):
        hotdog_ft.train(net, IMAGES, None, SETTINGS, after_epoch=lambda _: seen.append(where()))
    assert seen.pop() == cpu(1)
    seen.clear()
    for use in (calibration.calibrate, lr_range_test, hotdog_ft.evaluate, extract_features):
        use(net, Loader())
    assert set(seen) == {()}


def where():
    return mxnet_numpy.zeros(1).ctx


def test_a_net_that_was_built_after_set_np_is_refused_but_copied(numpy_mode):
    zoo = gluon.model_zoo.vision.resnet18_v2(classes=4)
    zoo.initialize(init.Xavier())
    X = np.random.default_rng(0).normal(size=(2, 3, 32, 32)).astype("float32")
    features = zoo.features(mxnet_numpy.array(X)).asnumpy().reshape(2, -1)
    with pytest.raises(ValueError, match=r"built after npx\.set_np"):
        hotdog_ft.predict(zoo, NOISE)
    net = hotdog_ft.finetune_net(zoo, 2)
    np.testing.assert_allclose(
        extract_features(net, [(X, [0, 1])])[0], features, rtol=1e-4, atol=1e-6
    )
    assert len(hotdog_ft.predict(net, NOISE)) == len(NOISE)
    assert zoo(mxnet_numpy.array(X)).shape == (2, 4)  # it is as before
