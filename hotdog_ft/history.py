"""The history that a training run leaves."""

import json
from dataclasses import asdict, dataclass, field


@dataclass
class History:
    """What a training run saw: one number an epoch in each list.

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
    learning_rate, batch_size : float, int
    """

    num_examples: int = 0
    batch_size: int = 0
    learning_rate: float = 0.0
    devices: list = field(default_factory=list)
    loss: list = field(default_factory=list)
    train_acc: list = field(default_factory=list)
    test_acc: list = field(default_factory=list)
    seconds: list = field(default_factory=list)
    compute_seconds: list = field(default_factory=list)
    test_seconds: list = field(default_factory=list)

    @property
    def examples_per_sec(self):
        """Pictures trained on per second, the data's time left out (the book's figure)."""
        return self.num_examples * len(self.loss) / sum(self.compute_seconds)

    @property
    def examples_per_sec_with_data(self):
        """Pictures trained on per second, the time waiting for data included."""
        return self.num_examples * len(self.loss) / sum(self.seconds)

    def __str__(self):
        """The book's two result lines."""
        if not self.loss:
            return "no epoch yet"
        return (f"loss {self.loss[-1]:.3f}, train acc {self.train_acc[-1]:.3f}, "
                f"test acc {self.test_acc[-1]:.3f}\n"
                f"{self.examples_per_sec:.1f} examples/sec on [{', '.join(self.devices)}]")

    def to_frame(self):
        """A pandas frame with one row an epoch, counted from 1."""
        import pandas as pd
        columns = ["loss", "train_acc", "test_acc", "seconds", "compute_seconds", "test_seconds"]
        epochs = pd.RangeIndex(1, len(self.loss) + 1, name="epoch")
        return pd.DataFrame({name: getattr(self, name) for name in columns}, index=epochs)

    def to_json(self):
        """The attributes as a JSON object; `from_json` reads it back."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text):
        """The history that `to_json` wrote."""
        return cls(**json.loads(text))
