"""Report 73: a net is exported at once, whatever was done with it last."""

import hotdog_ft

# isort: split
import mxnet as mx
import numpy as np
import pytest
from conftest import cpus, make_source_net, some_batches, train_on
from mxnet import gluon, nd

from hotdog_ft.probe import extract_features
from hotdog_ft.settings import FINE_TUNE, Settings

PICTURES = list(np.random.default_rng(0).integers(0, 256, (40, 40, 40, 3), dtype="uint8"))


def train(net, tmp_path):
    images = [(pixels, number % 2) for number, pixels in enumerate(PICTURES[:8])]
    hotdog_ft.train(net, images, images, Settings(size=32, batch_size=4, num_epochs=1))


def fine_tune(net, tmp_path):
    images = [(pixels, number % 2) for number, pixels in enumerate(PICTURES[:8])]
    settings = {"size": 32, "batch_size": 4, "num_epochs": 1, "probe_steps": 2}
    hotdog_ft.fine_tune(net, images, images, FINE_TUNE, **settings)


def train_on_two_devices(net, tmp_path):
    devices = cpus(3)[1:]  # neither is the one that MXNet takes where none is named
    train_on(net, some_batches([4]), Settings(num_epochs=1), devices=devices)


LAST = {
    "finetune_net": lambda net, tmp_path: None,
    "predict one": lambda net, tmp_path: hotdog_ft.predict(net, PICTURES[0], size=32),
    "predict many": lambda net, tmp_path: hotdog_ft.predict(net, PICTURES, size=32),
    "features": lambda net, tmp_path: extract_features(net, some_batches([4])),
    "train": train,
    "fine_tune": fine_tune,
    "train on two devices": train_on_two_devices,
}


@pytest.mark.parametrize("last", LAST)
def test_report_73_what_is_exported_predicts_the_same(last, source_net, tmp_path):
    net = hotdog_ft.finetune_net(source_net, 2)
    LAST[last](net, tmp_path)
    check_export(net, tmp_path)


def check_export(net, tmp_path):
    net.export(str(tmp_path / "exported"))
    files = [str(tmp_path / f"exported-{end}") for end in ("symbol.json", "0000.params")]
    assert "_sg_" not in (tmp_path / "exported-symbol.json").read_text()  # the plain operations
    again = gluon.SymbolBlock.imports(files[0], ["data"], files[1], ctx=mx.cpu())
    ((X, _),) = some_batches([3])
    net.collect_params().reset_ctx(mx.cpu())
    np.testing.assert_array_equal(again(nd.array(X)).asnumpy(), net(nd.array(X)).asnumpy())


def test_report_73_so_are_nets_from_files_and_hybridized_nets_of_anybodys(tmp_path):
    net = make_source_net()
    hotdog_ft.save_net(net, tmp_path / "net.safetensors", list("abcde"), size=32)
    check_export(hotdog_ft.load_net(tmp_path / "net.safetensors"), tmp_path)
    net.hybridize()  # forgets the graph
    hotdog_ft.predict(net, PICTURES, size=32)
    check_export(net, tmp_path)
    # and what was imported predicts in turn, as fast: it is a graph already
    files = [str(tmp_path / f"exported-{end}") for end in ("symbol.json", "0000.params")]
    again = gluon.SymbolBlock.imports(files[0], ["data"], files[1])
    ours, theirs = (hotdog_ft.predict(n, PICTURES, size=32).probability for n in (net, again))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
