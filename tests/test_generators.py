"""The three generators: seeded, kept, put back."""

import json
import random

import mxnet as mx
import numpy as np
import pytest

import hotdog_ft
from hotdog_ft.generators import generator_states, reseed_mxnet, restore_generators


def draws():
    """A few numbers from each of the three."""
    return random.random(), np.random.normal(size=3).tolist(), mx.random.uniform().asscalar()


def test_one_seed_decides_all_three():
    hotdog_ft.seed_everything(7)
    first = draws()
    hotdog_ft.seed_everything(7)
    assert draws() == first
    hotdog_ft.seed_everything(8)
    assert all(ours != theirs for ours, theirs in zip(draws(), first))


def test_the_states_survive_json_and_go_on_where_they_were():
    hotdog_ft.seed_everything(7)
    draws()  # three normal numbers: numpy keeps the fourth of two pairs for later
    states = json.loads(json.dumps(generator_states()))
    expected = draws()[:2]
    hotdog_ft.seed_everything(99)
    restore_generators(states)
    assert draws()[:2] == expected


def test_mxnets_generator_follows_from_the_other_states_alone():
    """Its own state cannot be read."""
    hotdog_ft.seed_everything(7)
    reseed_mxnet(generator_states())
    first = draws()[2]
    hotdog_ft.seed_everything(7)
    mx.random.seed(99)
    reseed_mxnet(generator_states())
    assert draws()[2] == first
    reseed_mxnet(generator_states())  # numpy has drawn meanwhile
    assert draws()[2] != first


@pytest.mark.parametrize("kind", [np.int64, np.uint32, np.array])
def test_numpys_whole_numbers_are_seeds_too(kind):
    hotdog_ft.seed_everything(3)
    expected = np.random.random(), random.random()
    hotdog_ft.seed_everything(kind(3))
    assert (np.random.random(), random.random()) == expected
