"""Which values of a setting are good, and how they are written in Python."""

import math

TRAINED = ("all", "last stage", "output")
SCHEDULES = ("constant", "cosine")
OPTIMIZERS = ("sgd", "adam")
KEPT = ("last", "best")
BALANCES = ("none", "loss")
PRECISIONS = ("float32", "int8", "auto")
TRAIN_PRECISIONS = ("float32", "bfloat16")


def _whole(least, below=math.inf):
    end = "" if below == math.inf else f", below {below}"
    return _int, lambda value: least <= value < below, f"a whole number from {least}{end}"


def _int(value):
    if value != int(value):
        raise ValueError
    return int(_number(value))


def _float(value):
    return float(_number(value))


def _number(value):
    if isinstance(value, (str, bytes)) or type(value).__name__ in ("bool", "bool_"):  # NumPy's too
        raise TypeError
    return value


def _bool(value):
    if value not in (True, False):
        raise ValueError
    return bool(value)


def _pair(value):
    low, high = value
    return _float(low), _float(high)


# far enough from the ends of float32 that a rate and its multiples are not beyond them
_RATE = _float, lambda value: 1e-30 <= value <= 1e30, "from 1e-30 to 1e30"
_WEIGHT = _float, lambda value: value == 0 or 1e-12 <= value <= 1e6, "0, or from 1e-12 to 1e6"
_FLAG = _bool, lambda value: True, "True or False"


def _one_of(names):
    return str, lambda value: value in names, f"one of {', '.join(names)}"


# What makes a Python value of each field (JSON takes no others), which values are good, in words.
RULES = {
    "seed": _whole(0, 2**32),
    "from_scratch": _FLAG,
    "trained": _one_of(TRAINED),
    "fraction": (_float, lambda value: 0 < value <= 1, "above 0 and at most 1"),
    "size": _whole(32, 10_000),
    "test_scale": (_float, lambda value: 1 <= value <= 4, "from 1 to 4"),
    "test_mirrored": _FLAG,
    "crop_scale": (
        _pair,
        lambda value: 0 < value[0] <= value[1] <= 1,
        "two shares of the area, the smaller first",
    ),
    "batch_size": _whole(1),
    "num_epochs": _whole(0),
    "optimizer": _one_of(OPTIMIZERS),
    "learning_rate": _RATE,
    "full_rate_pictures": _whole(0),
    "output_lr_mult": _WEIGHT,
    "layer_decay": (_float, lambda value: 0.001 <= value <= 1, "from 0.001 to 1"),
    "momentum": (_float, lambda value: 0 <= value < 1, "at least 0 and below 1"),
    "weight_decay": _WEIGHT,
    "schedule": _one_of(SCHEDULES),
    "use_global_stats": _FLAG,
    "probe_steps": _whole(0),
    "probe_learning_rate": _RATE,
    "probe_weight_decay": _WEIGHT,
    "balance": _one_of(BALANCES),
    "keep": _one_of(KEPT),
    "valid_fraction": (_float, lambda value: 0 <= value < 1, "at least 0 and below 1"),
    "patience": _whole(0),
    "precision": _one_of(PRECISIONS),
    "train_precision": _one_of(TRAIN_PRECISIONS),
}
