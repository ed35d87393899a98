"""The output layer alone: on stored features, and from rows of the source net."""

from dataclasses import replace

import mxnet as mx
import numpy as np
import pytest
from conftest import make_source_net, some_batches, values
from mxnet import nd

import hotdog_ft
from hotdog_ft import studies
from hotdog_ft.augment import TestAugs
from hotdog_ft.loader import BatchLoader
from hotdog_ft.probe import extract_features, fit_output, rows_from_source
from hotdog_ft.settings import FINE_TUNE


def test_linear_probing_trains_the_head_and_nothing_else():
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    before = values(net)
    features, labels = extract_features(net, some_batches([8, 8, 4]))
    assert features.shape == (20, 10) and labels.shape == (20,)
    separable = np.where(labels[:, None] == 1, 1.0, -1.0) + 0.1 * features / np.abs(features).max()
    fit_output(net, separable.astype("float32"), labels)
    after = values(net)
    assert all(np.array_equal(after[n], before[n]) for n in after if n.startswith("features"))
    predicted = net.output(nd.array(separable)).asnumpy().argmax(1)
    assert (predicted == labels).all()
    assert {p.lr_mult for p in net.output.collect_params().values()} == {10}  # as it was


def test_the_probe_does_not_care_about_the_features_scale():
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    # symmetric, so that the bias stays near 0
    features = (rng.normal(size=(40, 10)) + 2 * labels[:, None] - 1).astype("float32")
    settings = replace(FINE_TUNE, probe_steps=3000, probe_weight_decay=0.01)
    shares = []
    for scale in (1, 4):  # with L2 at a fixed strength the larger features would end more certain
        mx.random.seed(0)
        net = hotdog_ft.finetune_net(make_source_net(), 2)
        fit_output(net, scale * features, labels, settings)
        shares.append(net.output(nd.array(scale * features)).softmax().asnumpy())
    np.testing.assert_allclose(shares[0], shares[1], atol=0.02)


def test_stored_features_give_what_probing_gives(tiny):
    settings = replace(tiny.finetune, probe_steps=300, num_epochs=0)
    history = studies.run(tiny, settings).history
    train_imgs, test_imgs = tiny.load_data()
    hotdog_ft.seed_everything(0)
    net = hotdog_ft.finetune_net(tiny.load_pretrained_net(), 2)
    augs = TestAugs(tiny.size)
    fit_output(net, *extract_features(net, BatchLoader(train_imgs, augs, 32)), settings)
    assert history.probe_acc == hotdog_ft.evaluate(net, BatchLoader(test_imgs, augs, 4))
    assert history.features_seconds > 0 and history.probe_seconds > 0


def test_anything_else_is_the_slope_of_the_other_logits_log_sum_exp():
    net, row = make_source_net(), 3
    source = net.output.weight.data().asnumpy()
    rng = np.random.default_rng(0)
    features = rng.normal(size=(20, source.shape[1])).astype("float32")
    weight, bias = rows_from_source(net, row, features)

    def mean_of_log_sum_exp(features):
        logits = np.delete(features @ source.T.astype("float64"), row, axis=1)
        return np.log(np.exp(logits).sum(axis=1)).mean()

    for axis in range(5):  # the source's biases are 0; central differences, error of order 1e-6
        step = 1e-3 * np.eye(features.shape[1])[axis]
        up, down = mean_of_log_sum_exp(features + step), mean_of_log_sum_exp(features - step)
        assert weight[1, axis] == pytest.approx((up - down) / 2e-3, abs=1e-5)
    assert np.array_equal(weight[0], source[row])
    assert ((features @ weight.T + bias).argmax(axis=1) == 0).sum() == 10  # half of the pictures


def test_features_of_nothing_are_refused():
    with pytest.raises(ValueError, match="There is no picture to compute features of"):
        extract_features(make_source_net(), [])
