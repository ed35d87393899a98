"""All that decides a training run, apart from the pictures and the source net."""

from dataclasses import dataclass, fields

from .rules import RULES

# What the same settings mean. Raised when the code begins to compute something else from them.
METHOD = 1

VALID_FRACTION = 0.2  # of the training pictures, where epochs are chosen and nothing else is said


@dataclass(frozen=True, repr=False)
class Settings:
    """Settings of a run; by default those of the chapter's fine-tuning.

    They are frozen: vary them with ``dataclasses.replace(settings, seed=1)``.

    Attributes
    ----------
    seed : int
        Of the three generators a run draws from, 0 to 2**32 - 1.
    from_scratch : bool
        What `studies.run` builds: a net with random parameters everywhere, not only in `output`.
    trained : {"all", "last stage", "output"}
        What learns; everything before it is frozen. `output` always learns.
    fraction : float
        Share of the training pictures of every class, drawn by `seed`; above 0, at most 1.
    size : int
        Side of the network's input in pixels, at least 32.
    test_scale : float
        Side of the input where the net is probed, tested and used, over `size`; 1 to 4 (Touvron et
        al. 2019). A net that takes one size alone keeps to that.
    test_mirrored : bool
        Whether a picture's outputs are the mean of its own and its mirror image's.
    crop_scale : tuple of 2 float
        Smallest and largest share of a picture's area in a training crop.
    batch_size, num_epochs : int
        Pictures in a mini-batch; passes over the training pictures, 0 for the probe alone.
    optimizer : {"sgd", "adam"}
        Stochastic gradient descent, or Adam (Kingma and Ba 2015), whose steps are as long for small
        gradients as for large ones.
    learning_rate : float
        For the gradient of a mini-batch's *mean* loss.
    full_rate_pictures : int
        With fewer training pictures the rate is in proportion smaller, for they say less about what
        the features should become; 0 for the same rate with any number.
    output_lr_mult : float
        The rate of `output` over that of `features`.
    layer_decay : float
        The rate of each of the five parts of `features` of a ResNet, the stem and four stages, over
        that of the part after it: 1 for the same, less to hold early layers (Howard and Ruder 2018,
        discriminative fine-tuning). Other nets' rates fall as far over their parts.
    momentum, weight_decay : float
        Of stochastic gradient descent; Adam takes `weight_decay` alone.
    schedule : {"constant", "cosine"}
        The cosine falls from `learning_rate` to 0 over all epochs.
    use_global_stats : bool
        Whether BatchNorm keeps the source's running statistics (Gluon's name for it).
    probe_steps : int
        Steps of Adam that train `output` alone, on stored features, before the first epoch.
    probe_learning_rate, probe_weight_decay : float
        Of these steps; the decay is multiplied by the mean squared norm of the features.
    balance : {"none", "loss"}
        "loss" weights every picture by n / (k n_c), n_c of n pictures being of its class, one of k:
        rare classes count as much as frequent ones, in the probe as well.
    keep : {"last", "best"}
        Which epoch's parameters a run ends with; the best has the highest accuracy on the
        validation pictures, the earliest of several. The probe counts as epoch 0.
    valid_fraction : float
        Share of the training pictures of every class that is held out, drawn by `seed`, for runs
        that are given no validation pictures; at least 0, below 1. With 0, a run that chooses
        (`keep` "best", or a `patience`) holds out 0.2.
    patience : int
        Epochs without a better validation accuracy after which a run ends; 0 for never.
    precision : {"float32", "int8", "auto"}
        Of the features while they do not learn: for the probe, and where it is measured. With
        "int8", 8-bit integers, the net is left with ``ranges``, by which `predict` takes them too;
        "auto" is int8 where that pays, see `precision.settled`. What is measured after an epoch is
        float32.
    train_precision : {"float32", "bfloat16"}
        Of the epochs. With "bfloat16", convolutions are computed with 16 bits, on processors that
        have instructions for it; parameters stay float32.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from hotdog_ft.settings import FINE_TUNE, Settings
    >>> Settings()
    Settings()
    >>> replace(FINE_TUNE, num_epochs=3).num_epochs
    3
    >>> Settings(num_epochs=-1)
    Traceback (most recent call last):
    ...
    ValueError: num_epochs is -1: it must be a whole number from 0.
    """

    seed: int = 0
    from_scratch: bool = False
    trained: str = "all"
    fraction: float = 1.0
    size: int = 224
    test_scale: float = 1.0
    test_mirrored: bool = False
    crop_scale: tuple = (0.08, 1.0)
    batch_size: int = 128
    num_epochs: int = 5
    optimizer: str = "sgd"
    learning_rate: float = 0.01
    full_rate_pictures: int = 0
    output_lr_mult: float = 10.0
    layer_decay: float = 1.0
    momentum: float = 0.0
    weight_decay: float = 0.001
    schedule: str = "constant"
    use_global_stats: bool = False
    probe_steps: int = 0
    probe_learning_rate: float = 0.01
    probe_weight_decay: float = 3e-4
    balance: str = "none"
    keep: str = "last"
    valid_fraction: float = 0.0
    patience: int = 0
    precision: str = "float32"
    train_precision: str = "float32"

    def __post_init__(self):
        for name, (convert, good, rule) in RULES.items():
            given = getattr(self, name)
            try:
                value = convert(given)
            except (TypeError, ValueError, OverflowError):  # not even of its kind
                value = None
            if value is None or not good(value):
                raise ValueError(f"{name} is {given!r}: it must be {rule}.")
            object.__setattr__(self, name, value)

    def __repr__(self):
        """What differs from the chapter's fine-tuning."""
        changed = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in fields(self)
            if getattr(self, field.name) != field.default
        ]
        return f"Settings({', '.join(changed)})"

    @property
    def test_size(self):
        """Side of the input in pixels where the net is probed, tested and used."""
        return round(self.size * self.test_scale)

    def rate_with(self, num_pictures):
        """The learning rate of a run on so many training pictures, see ``full_rate_pictures``."""
        return self.learning_rate * min(1, num_pictures / max(1, self.full_rate_pictures))

    @property
    def held_out(self):
        """Share of the training pictures that is held out where no others are given to validate."""
        chooses = self.keep == "best" or self.patience > 0
        return self.valid_fraction or (VALID_FRACTION if chooses else 0.0)

    @property
    def kind(self):
        """Which of the three runs this is: ``"finetune"``, ``"scratch"`` or ``"lp_ft"``."""
        if self.from_scratch:
            return "scratch"
        return "lp_ft" if self.probe_steps else "finetune"


# The chapter's two runs; then the first again, at a rate that its new layer bears on ImageNet's
# features.
CHAPTER = Settings()
SCRATCH = Settings(from_scratch=True, learning_rate=0.1, output_lr_mult=1)
BELOW_BOUND = Settings(learning_rate=0.0015)

# Linear probing, then fine-tuning (Kumar et al. 2022). Chosen on parts of the training set, before
# any look at the test set: tools/choose_recipe.py, weigh_in_pytorch.py.
FINE_TUNE = Settings(
    test_scale=9 / 7,  # 288 pixels where training has 224
    test_mirrored=True,
    crop_scale=(0.35, 1.0),
    batch_size=32,
    optimizer="adam",
    learning_rate=3e-4,
    full_rate_pictures=1600,
    output_lr_mult=1.0,
    layer_decay=0.5,
    weight_decay=0.0,
    schedule="cosine",
    use_global_stats=True,
    probe_steps=300,
    probe_weight_decay=1e-4,
)
