"""Training in bfloat16: what it computes, what stays float32, and where it is refused."""

from dataclasses import replace

import hotdog_ft

# isort: split
import mxnet as mx
import numpy as np
import pytest
from conftest import cpus, make_source_net, some_batches, values
from mxnet import autograd, gluon, nd

from hotdog_ft import bfloat16, load_recipe
from hotdog_ft.bfloat16 import has_bfloat16, in_bfloat16
from hotdog_ft.learning import last_stage, learning_as_set
from hotdog_ft.mxnet_internals import parameters, set_arrays
from hotdog_ft.settings import Settings

needs_instructions = pytest.mark.skipif(
    not has_bfloat16(), reason="this processor has no instructions for bfloat16"
)
SMALL = Settings(size=32, batch_size=5, num_epochs=2, train_precision="bfloat16")


@pytest.fixture
def images(picture_folders):
    return hotdog_ft.load_image_folders(picture_folders())


def gradients(net, block):
    """What `block`, a form of `net`, gives as logits and gradients for one mini-batch."""
    ((X, y),) = some_batches([8])
    with autograd.record():
        logits = block(nd.array(X))
        loss = gluon.loss.SoftmaxCrossEntropyLoss()(logits, nd.array(y)).mean()
    loss.backward()
    found = {n: p.grad().asnumpy() for n, p in parameters(net).items() if p.grad_req != "null"}
    return logits.asnumpy(), found


@needs_instructions
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("running, least", [(True, 0.99), (False, 0.9)])
def test_gradients_are_float32s_but_for_roundings(version, running, least):
    """bfloat16 has 8 significant bits: every rounding is off by 0.4 % at most, at random.

    Statistics of a mini-batch, in the last stage of 8 values, make more of that.
    """
    net = hotdog_ft.finetune_net(make_source_net(version), 2)
    start = values(net)
    with learning_as_set(net, replace(SMALL, use_global_stats=running)):
        logits, wanted = gradients(net, net)
        nd.waitall()
        moved = values(net)
        set_arrays(net, start)
        low, found = gradients(net, in_bfloat16(net))
        nd.waitall()
    for name, array in values(net).items():
        assert np.array_equal(array, start[name]) == np.array_equal(moved[name], start[name])
        np.testing.assert_allclose(array, moved[name], rtol=0.05, atol=0.01, err_msg=name)
    assert low.dtype == np.float32 and not np.array_equal(low, logits)
    np.testing.assert_allclose(low, logits, atol=0.05 * abs(logits).max())
    assert {array.dtype for array in found.values()} == {np.dtype("float32")}
    ours, theirs = (np.concatenate([g[n].ravel() for n in wanted]) for g in (found, wanted))
    cosine = np.vdot(ours, theirs) / np.linalg.norm(ours) / np.linalg.norm(theirs)
    assert cosine > least


@needs_instructions
def test_a_step_smaller_than_bfloat16_can_tell_is_not_lost(images):
    """Beside a weight of 1, 16 bits know no step below 1/256: all parameters stay float32."""
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    before = values(net)
    hotdog_ft.train(net, *images, replace(SMALL, learning_rate=1e-5, num_epochs=1))
    after = values(net)
    gammas = [name for name in before if name.endswith("gamma") and (before[name] == 1).all()]
    assert gammas and {array.dtype for array in after.values()} == {np.dtype("float32")}
    moved = np.concatenate([after[name] - before[name] for name in gammas])
    assert 0 < abs(moved).max() < 1 / 256


@needs_instructions
@pytest.mark.parametrize("devices", [1, 2])
def test_the_same_run_has_the_same_bits_and_goes_on_from_its_file(images, tmp_path, devices):
    def run(num_epochs, checkpoint=None):
        net = hotdog_ft.finetune_net(make_source_net(), 2)
        settings = replace(SMALL, num_epochs=num_epochs)
        hotdog_ft.train(net, *images, settings, devices=cpus(devices), checkpoint=checkpoint)
        return values(net)

    whole = run(2)
    run(1, tmp_path / "run.checkpoint")
    for other in (run(2), run(2, tmp_path / "run.checkpoint")):
        assert all(np.array_equal(other[name], array) for name, array in whole.items())
    exact = hotdog_ft.finetune_net(make_source_net(), 2)
    settings = replace(SMALL, train_precision="float32")
    hotdog_ft.train(exact, *images, settings, devices=cpus(devices))
    assert any(not np.array_equal(values(exact)[n], array) for n, array in whole.items())


@needs_instructions
@pytest.mark.parametrize("trained", ["output", "last stage"])
def test_what_is_frozen_stays(images, trained):
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    before = values(net)
    hotdog_ft.train(net, *images, replace(SMALL, trained=trained))
    moved = {name for name, array in values(net).items() if not np.array_equal(array, before[name])}
    places = range(last_stage(net), len(net.features)) if trained == "last stage" else ()
    learning = ("output", *(f"features.{place}." for place in places))
    assert moved == {name for name in before if name.startswith(learning)}


@needs_instructions
def test_the_drawings_are_learnt_as_in_float32():
    """After two epochs the losses of both are within a tenth of each other."""
    recipe = load_recipe("mini")
    losses = []
    for precision in ("float32", "bfloat16"):
        net = hotdog_ft.finetune_net(recipe.load_pretrained_net(), 2)
        settings = replace(recipe.lp_ft, num_epochs=2, train_precision=precision)
        losses.append(hotdog_ft.train(net, *recipe.load_data(), settings).loss)
    assert losses[0] != losses[1]
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.1)


def test_without_instructions_or_on_a_gpu_it_is_refused_in_a_sentence(images, monkeypatch):
    monkeypatch.setattr(bfloat16, "has_instructions", lambda names: False)
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    before = values(net)
    with pytest.raises(ValueError, match=r"no instructions for it \(amx_bf16 or avx512_bf16\)"):
        hotdog_ft.train(net, *images, SMALL)
    assert all(np.array_equal(array, before[name]) for name, array in values(net).items())
    with pytest.raises(ValueError, match=r"there is a GPU\. Take 'float32'"):
        bfloat16.check_bfloat16([mx.gpu(0)])
