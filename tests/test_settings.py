"""Settings: the chapter's by default, checked, frozen."""

import json
import math
from dataclasses import FrozenInstanceError, asdict, replace

import numpy as np
import pytest

from hotdog_ft.settings import FINE_TUNE, SCRATCH, Settings


def test_the_defaults_are_the_chapters():
    ours = Settings()
    assert (ours.size, ours.batch_size, ours.num_epochs, ours.seed) == (224, 128, 5, 0)
    assert (ours.learning_rate, ours.output_lr_mult, ours.weight_decay) == (0.01, 10, 0.001)
    assert (ours.momentum, ours.schedule, ours.crop_scale) == (0, "constant", (0.08, 1))
    assert (ours.trained, ours.fraction, ours.probe_steps) == ("all", 1, 0)
    assert not ours.from_scratch and not ours.use_global_stats
    assert replace(SCRATCH, from_scratch=False, learning_rate=0.01, output_lr_mult=10) == ours
    assert (SCRATCH.from_scratch, SCRATCH.learning_rate, SCRATCH.output_lr_mult) == (True, 0.1, 1)


def test_the_run_has_a_name():
    assert [s.kind for s in (Settings(), SCRATCH, FINE_TUNE)] == ["finetune", "scratch", "lp_ft"]


WHOLE = "a whole number from {}"
WEIGHT = "0, or from 1e-12 to 1e6"
RATE = "from 1e-30 to 1e30"


@pytest.mark.parametrize(
    "name, values, rule",
    [
        ("seed", [-1, 0.5, None, "0"], WHOLE.format(0)),
        ("seed", [2**32], f"below {2**32}"),
        ("size", [31, 64.5, 10_000], WHOLE.format(32)),
        ("batch_size", [0, math.nan, True, "32"], WHOLE.format(1)),
        ("num_epochs", [-1, math.inf], WHOLE.format(0)),
        ("probe_steps", [-1], WHOLE.format(0)),
        ("learning_rate", [0, -0.1, 1e-300, 1e300, math.inf, math.nan], RATE),
        ("learning_rate", ["0.1", None, True, np.bool_(1)], RATE),
        ("probe_learning_rate", [0, math.inf], RATE),
        ("output_lr_mult", [-1, math.inf], WEIGHT),
        ("layer_decay", [0, 1.1, math.nan], "from 0.001 to 1"),
        ("full_rate_pictures", [-1, 1.5, True], WHOLE.format(0)),
        ("weight_decay", [-0.1, math.nan], WEIGHT),
        ("probe_weight_decay", [-0.1, math.inf], WEIGHT),
        ("momentum", [-0.1, 1, math.nan], "at least 0 and below 1"),
        ("fraction", [0, 1.1, math.nan, True], "above 0 and at most 1"),
        ("balance", ["sampling", None, True], "one of none, loss"),
        ("keep", ["first"], "one of last, best"),
        ("valid_fraction", [-0.1, 1, "0.2", math.nan], "at least 0 and below 1"),
        ("patience", [-1, 1.5, True], WHOLE.format(0)),
        ("crop_scale", [(0, 1), (0.5, 0.4), (0.1, 1.1), (0.1, 0.2, 0.3), 0.5], "two shares"),
        ("trained", ["head", None], "one of all, last stage, output"),
        ("schedule", ["linear"], "one of constant, cosine"),
        ("from_scratch", ["no", None, 2], "True or False"),
        ("use_global_stats", ["False"], "True or False"),
    ],
)
def test_a_bad_value_is_named_with_its_rule(name, values, rule):
    for value in values:
        with pytest.raises(ValueError) as error:
            replace(Settings(), **{name: value})
        assert str(error.value).startswith(f"{name} is {value!r}: it must be ")
        assert rule in str(error.value)


@pytest.mark.parametrize(
    "values",
    [
        {"seed": 2**32 - 1, "fraction": 1e-9, "momentum": 0.999},
        {"size": 32, "batch_size": 1, "num_epochs": 0, "probe_steps": 0},
        {"output_lr_mult": 0, "weight_decay": 0, "probe_weight_decay": 0},
        {"crop_scale": (1, 1), "trained": "last stage", "schedule": "cosine"},
    ],
)
def test_values_at_the_edge_of_a_rule_are_good(values):
    assert {name: getattr(Settings(**values), name) for name in values} == values


def test_numbers_of_any_type_become_pythons():
    """So that JSON and `range` take them."""
    settings = Settings(seed=np.int64(3), num_epochs=2.0, output_lr_mult=np.float32(2))
    assert (settings.seed, settings.num_epochs, settings.output_lr_mult) == (3, 2, 2)
    assert type(settings.seed) is type(settings.num_epochs) is int
    assert type(settings.output_lr_mult) is float
    assert json.dumps(asdict(settings)) == json.dumps(asdict(replace(settings, output_lr_mult=2)))


def test_they_are_varied_by_replace_and_by_nothing_else():
    ours = Settings()
    assert replace(ours, seed=3) == Settings(seed=3) != ours
    with pytest.raises(FrozenInstanceError):
        ours.seed = 3
    with pytest.raises(TypeError, match="lr"):
        replace(ours, lr=0.1)


def test_a_list_from_json_is_the_same_crop_scale():
    assert Settings(crop_scale=[0.35, 1.0]) == Settings(crop_scale=(0.35, 1.0))
    assert len({Settings(crop_scale=[0.35, 1.0]), Settings(crop_scale=(0.35, 1.0))}) == 1


def test_only_what_differs_is_shown_and_it_can_be_read_back():
    assert repr(Settings()) == "Settings()"
    ours = Settings(seed=3, trained="output")
    assert repr(ours) == "Settings(seed=3, trained='output')"
    for settings in (ours, SCRATCH, FINE_TUNE):
        assert eval(repr(settings)) == settings
