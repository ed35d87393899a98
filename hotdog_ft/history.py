"""The history that a training run leaves."""

from dataclasses import dataclass, field

import numpy as np


def three_digits(value):
    """A number as pandas rounds it, so that a line and a table never differ in the last digit."""
    return f"{np.round(value, 3):.3f}"


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
        Mean cross-entropy (nats) and top-1 accuracy over the epoch's training batches, taken
        before each update as in the book, and top-1 accuracy on the test set after the epoch.
    seconds, compute_seconds, test_seconds : list of float
        Wall time of the epoch's training with and without waiting for data, and of the test.
    num_examples : int
        Training pictures in an epoch.
    devices : list of str
    probe_acc : float or None
        Test accuracy of `output` trained alone, before the first epoch.
    features_seconds, probe_seconds : float
        Wall time of computing the features that the probe learns from, and of its steps.

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

    def add_epoch(self, sums, test_acc, test_seconds):
        """Close an epoch: its `EpochSums`, the test accuracy after it, and the test's wall time."""
        self.num_examples = sums.examples
        self.loss.append(sums.loss / sums.examples)
        self.train_acc.append(sums.correct / sums.examples)
        self.test_acc.append(test_acc)
        self.seconds.append(sums.seconds)
        self.compute_seconds.append(sums.compute_seconds)
        self.test_seconds.append(test_seconds)

    @property
    def last_test_acc(self):
        """Test accuracy at the end: after the last epoch, else of the probe, else NaN."""
        if self.test_acc:
            return self.test_acc[-1]
        return np.nan if self.probe_acc is None else self.probe_acc

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
        names = {"loss": "loss", "train_acc": "train acc", "test_acc": "test acc"}
        return ", ".join(
            f"{title} {three_digits(getattr(self, name)[-1])}" for name, title in names.items()
        )

    def __str__(self):
        """The book's two result lines, below a line about the probe where there was one."""
        lines = []
        if self.probe_acc is not None:
            lines.append(f"output layer alone: test acc {three_digits(self.probe_acc)}")
        if self.loss:
            speed = f"{self.examples_per_sec:.1f} examples/sec on [{', '.join(self.devices)}]"
            lines += [self._outcome(), speed]
        elif self.test_acc:
            lines.append(f"test acc {three_digits(self.test_acc[-1])}")
        return "\n".join(lines) or "no epoch yet"

    def __repr__(self):
        probe = "" if self.probe_acc is None else f", probe {three_digits(self.probe_acc)}"
        outcome = f", {self._outcome()}" if self.loss else ""
        epochs = f"{len(self.loss)} epoch{'s' if len(self.loss) != 1 else ''}"
        return f"<History: {epochs}{probe}{outcome}>"

    def to_frame(self):
        """A pandas frame with one row per epoch, counted from 1."""
        import pandas as pd

        columns = ["loss", "train_acc", "test_acc", "seconds", "compute_seconds", "test_seconds"]
        epochs = pd.RangeIndex(1, len(self.loss) + 1, name="epoch")
        # NaN for what was not measured
        values = {name: getattr(self, name) or np.nan for name in columns}
        return pd.DataFrame(values, index=epochs)
