"""Whether a net is right as often as it says."""

import numpy as np
import pytest
from conftest import make_source_net, some_batches
from mxnet.gluon import nn

import hotdog_ft
from hotdog_ft import calibration
from hotdog_ft.evaluation import logits_of, pack_answers, probabilities, unpack_answers
from hotdog_ft.inference import outputs


def drawn(n=40_000, classes=3, seed=0):
    """Logits, and labels drawn by exactly the probabilities that they say."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=2, size=(n, classes))
    labels = (rng.random((n, 1)) > probabilities(logits).cumsum(axis=1)).sum(axis=1)
    return labels, logits


def test_a_net_that_means_what_it_says_has_no_error_and_temperature_one():
    labels, logits = drawn()
    # ten groups of thousands: each share is within 0.01 of its probability, but for chance
    assert calibration.calibration_error(labels, logits) < 0.01
    assert calibration.temperature(labels, logits) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("factor", [0.5, 3])
def test_a_net_that_is_too_sure_or_too_modest_gets_back_what_it_exaggerates(factor):
    labels, logits = drawn()
    assert calibration.calibration_error(labels, logits * factor) > 0.05
    found = calibration.temperature(labels, logits * factor)
    assert found == pytest.approx(factor, rel=0.03)
    assert calibration.calibration_error(labels, logits * factor / found) < 0.01


def test_chance_is_told_from_being_too_sure():
    # one group of 400 pictures that are right 9 times of 10: the error is the distance of a
    # binomial share from 0.9; 0.05 of a normal one is within 0.063 deviations, 0.95 within 1.96
    logits = np.log(np.tile([0.9, 0.1], (400, 1)))
    deviation = np.sqrt(0.9 * 0.1 / 400)
    low, high = calibration.chance_error(logits)
    assert high == pytest.approx(1.96 * deviation, rel=0.1)
    assert 0 <= low <= 0.15 * deviation
    # of seeds whose labels are drawn so, most are inside; with logits three times too large, none
    errors, exaggerated = [], []
    for seed in range(20):
        labels, logits = drawn(800, classes=2, seed=seed)
        low, high = calibration.chance_error(logits, draws=100)
        errors.append(low <= calibration.calibration_error(labels, logits) <= high)
        _, high = calibration.chance_error(3 * logits, draws=100)
        exaggerated.append(calibration.calibration_error(labels, 3 * logits) <= high)
    assert sum(errors) >= 14 and not any(exaggerated)  # of 20 at 0.9, 13 or fewer: 0.2 %


def test_the_groups_hold_every_picture_once_also_at_certainty():
    logits = np.array([[1000.0, 0], [0, 1000], [0, 0]])  # 1, 1 and 1/2
    table = calibration.reliability(np.array([0, 0, 0]), logits)
    assert table.to_dict("list") == {
        "confidence": [0.5, 1.0],
        "accuracy": [1.0, 0.5],
        "pictures": [1, 2],
    }
    assert calibration.temperature(np.array([0, 1, 0]), logits) > 0  # nor is it infinite


def test_a_calibrated_net_gives_the_same_answers_with_other_probabilities():
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    batches = some_batches([20, 12])
    labels, logits = logits_of(net, batches)
    found = calibration.calibrate(net, batches)
    assert found == calibration.temperature(labels, logits)
    np.testing.assert_allclose(logits_of(net, batches)[1], logits / found, rtol=1e-4, atol=1e-5)


def test_what_is_told_of_answers_gives_them_back():
    labels, logits = drawn(500, classes=2)
    again = unpack_answers(pack_answers(labels, logits))
    sure = probabilities(logits).max(axis=1)
    np.testing.assert_allclose(probabilities(again[1])[:, 0], sure, atol=0.002)  # two digits
    assert (again[0] == (logits.argmax(axis=1) != labels)).all()
    error = calibration.calibration_error(labels, logits)
    assert calibration.calibration_error(*again) == pytest.approx(error, abs=0.01)


@pytest.mark.parametrize("sureness", [1, 30, 1000])
def test_where_no_answer_is_wrong_the_net_stays_as_it_is(sureness):
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    ((X, _),) = some_batches([12])
    net.output.weight.set_data(net.output.weight.data() * sureness)
    before = outputs(net, X)
    batches = [(X, before.argmax(axis=1))]
    with pytest.warns(UserWarning, match="No temperature fits these pictures"):
        assert calibration.calibrate(net, batches) == 1
    np.testing.assert_array_equal(outputs(net, X), before)


def test_a_net_whose_logits_no_division_of_output_divides_is_refused():
    two_layers, net = nn.HybridSequential(), nn.HybridSequential()
    two_layers.add(nn.Dense(3, in_units=10, activation="relu"), nn.Dense(2, in_units=3))
    two_layers.initialize()
    net.output = two_layers
    for one in (two_layers, net):
        with pytest.raises(ValueError, match="no Dense layer `output`"):
            calibration.calibrate(one, some_batches([4]))
