"""The three generators: seeded, kept, put back."""

import json
import random
import threading

import mxnet as mx
import numpy as np
import pytest

import hotdog_ft
from hotdog_ft.generators import generator_states, reseed_mxnet, restore_generators
from hotdog_ft.settings import Settings


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


@pytest.mark.parametrize("seed", [-1, 2**32, "a", None, 0.5])
def test_what_is_no_seed_is_one_sentence(seed):
    with pytest.raises(ValueError, match=r"seed is .*: it must be a whole number from 0"):
        hotdog_ft.seed_everything(seed)


@pytest.mark.parametrize("kind", [np.int64, np.uint32, np.array])
def test_numpys_whole_numbers_are_seeds_too(kind):
    hotdog_ft.seed_everything(3)
    expected = np.random.random(), random.random()
    hotdog_ft.seed_everything(kind(3))
    assert (np.random.random(), random.random()) == expected


class TestARunIsTheSame:
    """Whatever draws beside it."""

    @pytest.fixture
    def loss(self, source_net):
        rng = np.random.default_rng(0)
        images = [(rng.integers(0, 256, (40, 32, 3), dtype="uint8"), i % 2) for i in range(12)]

        def loss(**options):
            hotdog_ft.seed_everything(0)
            net = hotdog_ft.finetune_net(source_net, 2)
            settings = Settings(size=32, batch_size=4, num_epochs=3, probe_steps=5)
            return hotdog_ft.train(net, images, images, settings, **options).loss

        return loss

    @pytest.mark.parametrize("call", ["report", "after_epoch"])
    def test_if_what_it_calls_draws(self, loss, call):
        assert loss(**{call: lambda about: draws()}) == loss()

    def test_if_another_thread_evaluates(self, loss, source_net):
        expected, seen = loss(), []
        images = [(np.zeros((40, 32, 3), "uint8"), 0)]
        net = hotdog_ft.finetune_net(source_net, 2)
        net.size = 32

        def evaluate_beside(about):
            other = threading.Thread(target=lambda: seen.append(hotdog_ft.evaluate(net, images)))
            other.start()
            other.join()

        state = generator_states()
        evaluate_beside(None)
        assert generator_states() == state
        assert loss(after_epoch=evaluate_beside) == expected and len(seen) == 4
