"""The history that a training run leaves."""

from dataclasses import dataclass, field

import numpy as np

UNEVEN = 0.2  # that a class is recognised more rarely than all pictures: worth a line


def three_digits(value):
    """A number as pandas rounds it, so that a line and a table never differ in the last digit."""
    return f"{np.round(value, 3):.3f}"


def duration(seconds):
    """A time in words, such as ``24 s``, ``12 min`` or ``3 h 20 min``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


@dataclass
class EpochSums:
    """What an epoch has added up so far.

    Attributes
    ----------
    batches, examples, correct : int
    loss : float
        Summed over the pictures (nats).
    seconds, compute_seconds : float
        Wall time with and without waiting for data.
    """

    batches: int = 0
    loss: float = 0.0
    correct: int = 0
    examples: int = 0
    seconds: float = 0.0
    compute_seconds: float = 0.0


@dataclass(repr=False)
class History:
    """What a training run saw: one number per epoch in each list.

    Attributes
    ----------
    loss, train_acc, test_acc : list of float
        Mean cross-entropy (nats; weighted where the classes are) and top-1 accuracy over the
        epoch's training batches, taken before each update as in the book, and top-1 accuracy on the
        test set after the epoch; empty without a test set.
    seconds, compute_seconds, test_seconds : list of float
        Wall time of the epoch's training with and without waiting for data, and of measuring it.
    num_examples : int
        Training pictures in an epoch.
    devices : list of str
    probe_acc : float or None
        Test accuracy of `output` trained alone, before the first epoch.
    features_seconds, probe_seconds : float
        Wall time of computing the features that the probe learns from, and of its steps.
    probe_train_acc, probe_valid_acc : float or None
        The probe's accuracy on the pictures that it learnt from, and on the validation pictures.
    probe_precision : {"float32", "int8"}
        What the probe's features, and these accuracies of it, were computed in.
    valid_acc : list of float
        Top-1 accuracy on the validation pictures after the epoch; empty without any.
    kept_epoch : int or None
        With ``keep="best"`` the epoch whose parameters the net has, 0 for the probe; else None.
    class_acc : dict of str to float
        Share of each class's pictures that are recognised (its recall), of the test set, else of
        the validation pictures, by the net as it was kept.
    class_pictures : dict of str to int
        How many pictures that is of.

    Examples
    --------
    >>> history = History(loss=[0.5, 0.25], train_acc=[0.8, 0.875], test_acc=[0.75, 0.875])
    >>> history
    <History: 2 epochs, loss 0.250, train acc 0.875, test acc 0.875>
    >>> history.to_frame().test_acc.tolist()
    [0.75, 0.875]
    """

    num_examples: int = 0
    devices: list = field(default_factory=list)
    loss: list = field(default_factory=list)
    train_acc: list = field(default_factory=list)
    test_acc: list = field(default_factory=list)
    seconds: list = field(default_factory=list)
    compute_seconds: list = field(default_factory=list)
    test_seconds: list = field(default_factory=list)
    probe_acc: float = None
    features_seconds: float = 0.0
    probe_seconds: float = 0.0
    probe_train_acc: float = None
    probe_valid_acc: float = None
    probe_precision: str = "float32"
    valid_acc: list = field(default_factory=list)
    kept_epoch: int = None
    class_acc: dict = field(default_factory=dict)
    class_pictures: dict = field(default_factory=dict)

    def add_epoch(self, sums, test_acc, test_seconds, valid_acc=None):
        """Close an epoch: its `EpochSums`, what was measured after it, and the time that took.

        Accuracies that were not measured are None.
        """
        self.num_examples = sums.examples
        self.loss.append(sums.loss / sums.examples)
        self.train_acc.append(sums.correct / sums.examples)
        for measured, accuracy in ((self.test_acc, test_acc), (self.valid_acc, valid_acc)):
            if accuracy is not None:
                measured.append(accuracy)
        self.seconds.append(sums.seconds)
        self.compute_seconds.append(sums.compute_seconds)
        self.test_seconds.append(test_seconds)

    @property
    def best_epoch(self):
        """The epoch with the best validation accuracy, the earliest of several; 0 is the probe.

        None where nothing was validated.
        """
        found = dict(enumerate(self.valid_acc, 1))
        if self.probe_valid_acc is not None:
            found = {0: self.probe_valid_acc, **found}
        return max(found, key=found.get, default=None)

    def is_over(self, settings):
        """Whether all epochs are done, or none of the last few was better."""
        done = len(self.loss)
        without = 0 if self.best_epoch is None else done - self.best_epoch
        return done >= settings.num_epochs or 0 < settings.patience <= without

    @property
    def last_test_acc(self):
        """Test accuracy at the end: of the kept epoch, the last one or the probe, or NaN."""
        if self.test_acc and self.kept_epoch != 0:
            return self.test_acc[self.end]
        return np.nan if self.probe_acc is None else self.probe_acc

    @property
    def end(self):
        """Index of the epoch whose parameters the net has, in a list of one number per epoch."""
        return self.kept_epoch - 1 if self.kept_epoch else -1

    @property
    def examples_per_sec(self):
        """Pictures trained on per second, the data's time left out (the book's figure)."""
        return self._per(self.compute_seconds)

    @property
    def examples_per_sec_with_data(self):
        """Pictures trained on per second, the time waiting for data included."""
        return self._per(self.seconds)

    def _per(self, seconds):
        return self.num_examples * len(self.loss) / sum(seconds) if self.loss else np.nan

    def _outcome(self):
        lists = {"loss": self.loss, "train acc": self.train_acc, "test acc": self.test_acc}
        parts = [f"{title} {three_digits(v[self.end])}" for title, v in lists.items() if v]
        return ", ".join(parts if self.test_acc else [*parts, "not tested"])

    def _worst_class(self):
        """A line about the class that is recognised most rarely, if that is more than chance."""
        worst = min(self.class_acc, key=self.class_acc.get, default=None)
        if worst is None:
            return []
        recall, count = self.class_acc[worst], self.class_pictures[worst]
        right = sum(self.class_acc[name] * n for name, n in self.class_pictures.items())
        overall = right / sum(self.class_pictures.values())
        if overall - recall < max(UNEVEN, 1 / np.sqrt(count)):  # two standard errors at most
            return []
        return [f"worst class: {worst}, {three_digits(recall)} of {count:,} pictures right"]

    def __str__(self):
        """The book's two result lines, below a line about the probe where there was one.

        Where the best epoch was kept, they are that one's, and a line says which it is. Where one
        class is recognised far more rarely than another, a line names it.
        """
        lines = []
        if self.probe_acc is not None:
            lines.append(f"output layer alone: test acc {three_digits(self.probe_acc)}")
        if self.loss:
            speed = f"{self.examples_per_sec:.1f} examples/sec on [{', '.join(self.devices)}]"
            # of the last epoch, where the net that is kept is an earlier one
            dropped = f"after epoch {len(self.loss)}: " if self.kept_epoch == 0 else ""
            lines += [f"{dropped}{self._outcome()}", speed]
        elif self.probe_acc is None and self.probe_train_acc is not None:
            found = three_digits(self.probe_train_acc)
            lines.append(f"output layer alone: train acc {found}, not tested")
        elif self.test_acc:
            lines.append(f"test acc {three_digits(self.test_acc[-1])}")
        if self.kept_epoch is not None:
            best = [self.probe_valid_acc, *self.valid_acc][self.kept_epoch]
            kept = f"epoch {self.kept_epoch}" if self.kept_epoch else "the output layer alone"
            lines.append(f"kept: {kept}, valid acc {three_digits(best)}")
        lines += self._worst_class()
        return "\n".join(lines) or "no epoch yet"

    def __repr__(self):
        probe = "" if self.probe_acc is None else f", probe {three_digits(self.probe_acc)}"
        outcome = f", {self._outcome()}" if self.loss else ""
        epochs = f"{len(self.loss)} epoch{'s' if len(self.loss) != 1 else ''}"
        return f"<History: {epochs}{probe}{outcome}>"

    def probe_line(self):
        """The probe in a line: its accuracies, and how long its steps took."""
        measured = self.probe_train_acc, self.probe_valid_acc, self.probe_acc
        named = zip(("train", "valid", "test"), measured)
        parts = [f"{title} {three_digits(value)}" for title, value in named if value is not None]
        return "  ".join(["output layer alone", *parts, f"{self.probe_seconds:.1f} s"])

    def epoch_line(self, num_epochs):
        """The last epoch in a line: its figures, how long it took, how long the rest may take."""
        seconds = np.add(self.seconds, self.test_seconds)
        names = {"loss": "loss", "train_acc": "train", "valid_acc": "valid", "test_acc": "test"}
        measured = {title: getattr(self, name) for name, title in names.items()}
        parts = [f"epoch {len(self.loss)}/{num_epochs}"]
        parts += [f"{title} {three_digits(v[-1])}" for title, v in measured.items() if v]
        parts.append(f"{seconds[-1]:.1f} s")
        left = num_epochs - len(self.loss)
        if left:
            parts.append(f"eta {duration(seconds.mean() * left)}")
        return "  ".join(parts)

    def to_frame(self):
        """A pandas frame with one row per epoch, counted from 1."""
        import pandas as pd

        columns = ["loss", "train_acc", "test_acc", "seconds", "compute_seconds", "test_seconds"]
        columns += ["valid_acc"] if self.valid_acc else []
        epochs = pd.RangeIndex(1, len(self.loss) + 1, name="epoch")
        # NaN for what was not measured
        values = {name: getattr(self, name) or np.nan for name in columns}
        return pd.DataFrame(values, index=epochs)
