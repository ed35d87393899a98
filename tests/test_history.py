"""The history of a run: what it prints, its frame, its figures."""

import json
import math
from dataclasses import asdict, replace

import pandas as pd
import pytest
from conftest import small_net, some_batches, train_on
from hypothesis import given, settings
from hypothesis import strategies as st

from hotdog_ft.history import EpochSums, History, three_digits
from hotdog_ft.settings import Settings
from hotdog_ft.tables import result_table

numbers = st.floats(allow_nan=False, allow_infinity=False)


@pytest.fixture
def history():
    return History(
        num_examples=100,
        devices=["gpu(0)"],
        loss=[0.5, 0.223],
        train_acc=[0.8, 0.926],
        test_acc=[0.9, 0.934],
        seconds=[1.0, 1.0],
        compute_seconds=[0.5, 0.5],
        test_seconds=[0.1, 0.1],
    )


def test_it_prints_the_books_two_lines(history):
    # the book's figures, with 200 pictures in 1 s of computing
    lines = (
        "loss 0.223, train acc 0.926, test acc 0.934",
        "200.0 examples/sec on [gpu(0)]",
    )
    assert str(history) == "\n".join(lines)
    assert history.examples_per_sec_with_data == 100.0
    probed = replace(history, probe_acc=0.8)
    assert str(probed) == "\n".join(["output layer alone: test acc 0.800", *lines])


def test_its_repr_is_one_line_whatever_was_run(history):
    outcome = "loss 0.223, train acc 0.926, test acc 0.934"
    assert repr(history) == f"<History: 2 epochs, {outcome}>"
    assert repr(replace(history, probe_acc=0.8)) == f"<History: 2 epochs, probe 0.800, {outcome}>"
    assert repr(History()) == "<History: 0 epochs>" and str(History()) == "no epoch yet"
    probed = str(History(probe_train_acc=0.75))
    assert probed == "output layer alone: train acc 0.750, not tested"
    assert repr(History(probe_acc=0.5)) == "<History: 0 epochs, probe 0.500>"
    one = History(loss=[1.0], train_acc=[0.5], test_acc=[0.25])
    assert repr(one) == "<History: 1 epoch, loss 1.000, train acc 0.500, test acc 0.250>"


def test_the_last_accuracy_is_the_last_epochs_else_the_probes(history):
    assert replace(history, probe_acc=0.5).last_test_acc == 0.934
    assert History(probe_acc=0.5).last_test_acc == 0.5
    assert math.isnan(History().last_test_acc)


def test_a_line_and_a_table_round_alike(history):
    """In binary 0.6575 is a little less: plain formatting gives 0.657, pandas 0.658."""
    assert f"{0.6575:.3f}" == "0.657"  # the trap
    history.test_acc[-1] = 0.6575
    assert "test acc 0.658" in str(history) and "test acc 0.658" in repr(history)
    assert result_table({"finetune": history}).loc["test acc", "fine-tuning"] == 0.658


@pytest.mark.parametrize("pictures", [400, 800])
def test_every_accuracy_is_rounded_as_pandas_does(pictures):
    accuracies = pd.Series(range(pictures + 1)) / pictures
    rounded = accuracies.round(3)
    assert [three_digits(a) for a in accuracies] == [f"{value:.3f}" for value in rounded]


def test_it_becomes_a_frame_with_a_row_an_epoch(history):
    frame = history.to_frame()
    assert list(frame.index) == [1, 2] and frame.index.name == "epoch"
    assert frame.test_acc.tolist() == [0.9, 0.934]
    assert len(History().to_frame()) == 0


def test_an_epoch_is_closed_with_means_over_its_pictures():
    history = History()
    sums = EpochSums(batches=2, loss=6.0, correct=3, examples=4, seconds=2.0, compute_seconds=1.0)
    history.add_epoch(sums, test_acc=0.5, test_seconds=0.25)
    assert (history.num_examples, history.loss, history.train_acc) == (4, [1.5], [0.75])
    assert (history.test_acc, history.test_seconds) == ([0.5], [0.25])
    assert history.examples_per_sec == 4 and history.examples_per_sec_with_data == 2


@settings(deadline=None)
@given(
    num_examples=st.integers(1, 10**6),
    probe_acc=st.none() | numbers,
    devices=st.lists(st.text()),
    epochs=st.lists(st.tuples(*[numbers] * 6)),
)
def test_it_survives_json_whatever_is_in_it(num_examples, probe_acc, devices, epochs):
    names = ["loss", "train_acc", "test_acc", "seconds", "compute_seconds", "test_seconds"]
    columns = {name: [epoch[i] for epoch in epochs] for i, name in enumerate(names)}
    history = History(num_examples, devices, probe_acc=probe_acc, **columns)
    assert History(**json.loads(json.dumps(asdict(history)))) == history
    assert len(history.to_frame()) == len(epochs)


def test_epochs_are_timed_with_and_without_the_data():
    history = train_on(small_net(), some_batches([4, 4]), Settings(num_epochs=3))
    assert len(history.seconds) == len(history.compute_seconds) == len(history.test_seconds) == 3
    assert all(0 < c <= s for c, s in zip(history.compute_seconds, history.seconds))
