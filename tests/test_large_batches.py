"""Mini-batches that are computed in parts."""

import hotdog_ft

# isort: split
import mxnet as mx
import numpy as np
import pytest
from conftest import cpus, make_source_net, some_batches, values

from hotdog_ft.learning import learning_as_set
from hotdog_ft.settings import Settings
from hotdog_ft.training import new_trainer, train_step


@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize("part", [1, 3, 5])
def test_a_mini_batch_in_parts_moves_the_net_as_the_whole_does(part, devices):
    """Where BatchNorm uses its running statistics, gradients of single pictures add up."""
    ((X, y),) = some_batches([8])
    found = []
    for at_once in (None, part):
        net = hotdog_ft.finetune_net(make_source_net(1), 2)
        net.collect_params().reset_ctx(cpus(devices))
        settings = Settings(learning_rate=0.1, use_global_stats=True)
        with learning_as_set(net, settings):
            trainer = new_trainer(net, settings, 1)
            weights = np.array([0.5, 2.0], "float32")
            told = train_step(net, X, y, trainer, cpus(devices), weights, at_once)
        found.append((told, values(net)))
    (whole, wanted), (parts, ours) = found
    assert parts[1] == whole[1] and abs(parts[0] - whole[0]) < 1e-5
    for name, array in wanted.items():
        np.testing.assert_allclose(ours[name], array, rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.filterwarnings("ignore:(?s).*forward hook")  # meant for layers within a net
@pytest.mark.parametrize(
    "changes, most",
    [
        ({"use_global_stats": True}, 32),
        ({"trained": "output"}, 32),
        ({"trained": "last stage"}, 40),  # its BatchNorm looks at all of the mini-batch
        ({}, 40),
    ],
)
def test_a_run_takes_mini_batches_apart_where_pictures_do_not_sway_each_other(changes, most):
    seen, images = [], [(np.full((32, 32, 3), 5 * i, "uint8"), i % 2) for i in range(40)]
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    net.register_forward_pre_hook(lambda net, inputs: seen.append(len(inputs[0])))
    settings = Settings(size=32, batch_size=40, num_epochs=1, **changes)
    hotdog_ft.train(net, images, None, settings)
    assert max(seen) == most


@pytest.mark.filterwarnings("ignore:(?s).*forward hook")
@pytest.mark.parametrize(  # as libmxnet.so and oneDNN, within it, say so
    "text", ["Failed to allocate CPU Memory", "could not create a primitive", "out of memory"]
)
def test_too_little_memory_for_a_part_says_by_how_much_to_cut_it(text):
    """Advice above the size of a part would change nothing."""
    ((X, y),) = some_batches([40])
    net = hotdog_ft.finetune_net(make_source_net(1), 2)
    settings = Settings(use_global_stats=True)
    refused = mx.MXNetError(text)
    net.register_forward_pre_hook(lambda *_: (_ for _ in ()).throw(refused))
    with learning_as_set(net, settings), pytest.raises(MemoryError) as caught:
        train_step(net, X, y, new_trainer(net, settings, 1), cpus(2), part=8)
    assert "40 pictures, 16 at a time, 32 pixels wide" in str(caught.value)
    assert "batch_size=8 or less" in str(caught.value)
