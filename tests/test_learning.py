"""What of a net learns: frozen parts, running statistics, rates; afterwards it is as before."""

from dataclasses import replace

import mxnet as mx
import numpy as np
import pytest
from conftest import cpus, make_source_net, some_batches, train_on, values
from mxnet import autograd, gluon, nd
from mxnet.gluon import nn

import hotdog_ft
from hotdog_ft.identity import fingerprint
from hotdog_ft.learning import last_stage, learning_as_set, learning_parameters
from hotdog_ft.mxnet_internals import global_stats_flags, parameters
from hotdog_ft.settings import Settings

ONE_EPOCH = Settings(num_epochs=1)


@pytest.mark.parametrize("version", [1, 2])
def test_global_statistics_leave_the_gradient_right_down_to_the_stem(version):
    """The loss in training is then that in prediction: its slope is measured by differences."""
    X, y = some_batches([8])[0]
    loss_function = gluon.loss.SoftmaxCrossEntropyLoss()
    net = hotdog_ft.finetune_net(make_source_net(version), 2)
    before = values(net)
    train_on(net, [(X, y)], replace(ONE_EPOCH, weight_decay=0, use_global_stats=True))
    learned = values(net)

    def loss_at(name, direction, step):
        parameters(net)[name].set_data(nd.array(before[name] + step * direction))
        return float(loss_function(net(nd.array(X)), nd.array(y)).mean().asscalar())

    for name, value in before.items():  # everything back to the start
        parameters(net)[name].set_data(nd.array(value))
    checked = [name for name in before if "weight" in name][:3] + ["output.weight"]
    for name in checked:
        gradient = (before[name] - learned[name]) / (0.1 if name.startswith("output") else 0.01)
        length = np.linalg.norm(gradient)
        unit = gradient / length
        slope = (loss_at(name, unit, 2e-3) - loss_at(name, unit, -2e-3)) / 4e-3
        loss_at(name, gradient, 0)
        assert slope == pytest.approx(length, rel=0.03), name


def test_global_statistics_stay_as_they_are_and_are_what_normalises():
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    before = values(net)
    ((X, y),) = some_batches([6])
    predicted = net(nd.array(X)).softmax().asnumpy()
    expected = -np.log(predicted[np.arange(6), y]).mean()  # the loss in prediction mode
    history = train_on(net, [(X, y)], replace(ONE_EPOCH, use_global_stats=True))
    assert history.loss[0] == pytest.approx(expected, rel=1e-4)
    after = values(net)
    assert all(np.array_equal(after[name], before[name]) for name in after if "running" in name)
    stem = "features.5.0.conv1.weight"
    assert not np.array_equal(after[stem], before[stem])


@pytest.mark.parametrize("count", [1, 2])
def test_report_10_a_frozen_part_computes_in_training_what_it_computes_in_prediction(
    source_net, count
):
    net = hotdog_ft.finetune_net(source_net, 2)
    assert hotdog_ft.freeze(net.features) is net.features
    before = fingerprint(net.features), fingerprint(net.output)
    ((X, y),) = some_batches([6])
    settings = Settings(learning_rate=0.1, num_epochs=2, momentum=0.9)
    train_on(net, [(X, y)] * 3, settings, devices=cpus(count))
    assert fingerprint(net.features) == before[0]  # running statistics included
    assert fingerprint(net.output) != before[1]
    net.collect_params().reset_ctx(mx.cpu())
    with autograd.record():
        training = net(nd.array(X)).asnumpy()
    np.testing.assert_array_equal(training, net(nd.array(X)).asnumpy())


def test_a_net_that_was_used_before_can_still_be_frozen(source_net):
    """A graph that was built before must not keep on moving the running statistics."""
    net = hotdog_ft.finetune_net(source_net, 2)
    train_on(net, some_batches([6]), ONE_EPOCH)
    hotdog_ft.freeze(net.features)
    before = fingerprint(net.features)
    train_on(net, some_batches([6, 6]), ONE_EPOCH)
    assert fingerprint(net.features) == before


def test_what_was_frozen_learns_again_after_unfreeze():
    plain, net = (hotdog_ft.finetune_net(make_source_net(), 2) for _ in range(2))
    for name, value in values(plain).items():
        parameters(net)[name].set_data(nd.array(value))
    assert hotdog_ft.unfreeze(hotdog_ft.freeze(net)) is net
    for one in (plain, net):  # running statistics included
        mx.random.seed(0)
        train_on(one, some_batches([6, 6]), ONE_EPOCH)
    ours, theirs = values(net), values(plain)
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


def state(net):
    """All that `learning_as_set` changes."""
    rates = [(p.lr_mult, p.grad_req) for p in net.collect_params().values()]
    return rates, global_stats_flags(net)


WITHIN = [
    Settings(trained="last stage", output_lr_mult=3),
    Settings(trained="output", use_global_stats=True, output_lr_mult=3),
    Settings(use_global_stats=True),
    Settings(layer_decay=0.5),
]


@pytest.mark.parametrize("raises", [False, True])
@pytest.mark.parametrize("settings", WITHIN, ids=repr)
def test_everything_is_as_before_after_the_block_also_when_it_raises(settings, raises, source_net):
    net = hotdog_ft.finetune_net(source_net, 2)
    place = last_stage(net)
    hotdog_ft.freeze(net.features[place])  # what was frozen before stays frozen
    before = state(net)
    try:
        with learning_as_set(net, settings):
            assert state(net) != before
            if raises:
                raise InterruptedError
    except InterruptedError:
        pass
    assert state(net) == before
    early, late = fingerprint(net.features[:place]), fingerprint(net.features[place])
    train_on(net, some_batches([6]), ONE_EPOCH)  # no graph from within the block is left
    assert fingerprint(net.features[:place]) != early
    assert fingerprint(net.features[place]) == late


@pytest.mark.parametrize("trained", ["all", "last stage", "output"])
def test_what_is_not_trained_stays(trained, source_net):
    net = hotdog_ft.finetune_net(source_net, 2)
    before = values(net)
    train_on(net, some_batches([6, 6]), replace(ONE_EPOCH, trained=trained, learning_rate=0.1))
    moved = {name for name, value in values(net).items() if not np.array_equal(value, before[name])}
    output = {"output.weight", "output.bias"}
    stage = last_stage(net)
    late = output | {n for n in before if n not in output and int(n.split(".")[1]) >= stage}
    if trained == "all":
        assert moved > late
    else:
        assert moved == {"output": output, "last stage": late}[trained]


def test_report_86_a_run_in_which_nothing_would_learn_is_refused(picture_folders):
    images = hotdog_ft.load_image_folders(picture_folders())
    net = hotdog_ft.freeze(hotdog_ft.finetune_net(make_source_net(), 2))
    with pytest.raises(ValueError, match=r"net\.output is frozen .* unfreeze\(net\.output\)"):
        hotdog_ft.fine_tune(net, *images, size=32, num_epochs=1)
    settings = Settings(size=32, num_epochs=1)
    with pytest.raises(ValueError, match=r"net is frozen .* unfreeze\(net\)"):
        hotdog_ft.train(net, *images, settings)
    hotdog_ft.unfreeze(net.features)  # without a probe, `output` may stay as it is
    assert len(hotdog_ft.train(net, *images, settings).loss) == 1


@pytest.mark.parametrize("changes", [{"num_epochs": 2}, {"num_epochs": 0, "probe_steps": 3}])
def test_gradients_that_were_to_be_added_up_are_not(changes, picture_folders):
    """``grad_req="add"`` of the caller's would keep the gradients of all earlier steps."""
    images = hotdog_ft.load_image_folders(picture_folders())
    settings = Settings(size=32, batch_size=5, use_global_stats=True, **changes)
    found = []
    for grad_req in ("write", "add"):
        net = hotdog_ft.finetune_net(make_source_net(), 2)
        hotdog_ft.seed_everything(1)
        net.output.initialize(force_reinit=True)
        for parameter in learning_parameters(net):
            parameter.grad_req = grad_req
        hotdog_ft.train(net, *images, settings)
        assert {p.grad_req for p in learning_parameters(net)} == {grad_req}  # as before
        found.append(values(net))
    for name, array in found[0].items():
        np.testing.assert_array_equal(found[1][name], array, name)


def test_a_frozen_normalisation_with_its_activation_is_frozen_too():
    net = nn.HybridSequential()
    net.add(nn.Conv2D(16, 3, in_channels=3), nn.BatchNormReLU(in_channels=16))
    net.initialize()
    hotdog_ft.freeze(net)
    X = nd.array(some_batches([6])[0][0])
    expected = net(X).asnumpy()
    with autograd.record():
        np.testing.assert_allclose(net(X).asnumpy(), expected, rtol=1e-5, atol=1e-6)


def test_each_stage_learns_at_a_share_of_the_rate_of_the_one_after_it(source_net):
    moved = []
    for decay in (1, 0.5):
        hotdog_ft.seed_everything(0)
        net = hotdog_ft.finetune_net(source_net, 2)
        before = values(net)
        settings = replace(ONE_EPOCH, layer_decay=decay, weight_decay=0, use_global_stats=True)
        train_on(net, some_batches([6]), settings)  # one step, without momentum
        moved.append({name: value - before[name] for name, value in values(net).items()})
    last, seen = last_stage(net), set()
    for name, whole in moved[0].items():
        place = int(name.split(".")[1]) if name.startswith("features") else last
        after = min(max(last - place, 0), 4)  # what comes before the first stage is one part
        np.testing.assert_allclose(moved[1][name], 0.5**after * whole, rtol=1e-3, atol=1e-7)
        seen.add(after)
    assert seen == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("kind", ["mobilenet0_25", "densenet121", "squeezenet1_0", "vgg11"])
def test_the_rates_of_other_nets_fall_as_far(kind):
    net = getattr(gluon.model_zoo.vision, kind)()
    net.initialize()
    net(nd.zeros((1, 3, 224, 224)))
    with learning_as_set(net, Settings(layer_decay=0.5)):
        rates = [p.lr_mult for p in net.features.collect_params().values()]
    assert rates == sorted(rates) and rates[0] == 0.5**4 and rates[-1] == 1
    assert {p.lr_mult for p in net.features.collect_params().values()} == {1}
