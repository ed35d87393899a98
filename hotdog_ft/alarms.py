"""What a run should be told about itself at its end: a loss or an accuracy worse than guessing."""

import warnings

import numpy as np

from .history import three_digits


class LearningWarning(UserWarning):
    """A run ended worse than guessing; where that is an outcome, this can be ignored."""


def warn_if_worse_than_guessing(history, num_classes, num_tested, learning_rate):
    """Warn, with the cure, of a loss that has grown, or of an accuracy below that of guessing.

    Parameters
    ----------
    num_classes, num_tested : int
        Classes, all as likely for who guesses; test pictures.
    """
    guess = np.log(num_classes)
    # the only epoch of a run begins with a net that has learnt nothing
    bound = (1.2 if len(history.loss) > 1 else 3) * guess
    if history.loss and history.loss[-1] > bound:
        words = (
            f"The loss of the last epoch is {history.loss[-1]:.3g}, that of guessing "
            f"{guess:.3g}: a learning rate of {learning_rate:g} is too high for this net, or there "
            "were too few steps. Train a fresh net with a smaller rate, or for longer."
        )
    else:
        chance = 1 / num_classes
        error = np.sqrt(chance * (1 - chance) / max(num_tested, 1))
        if not history.test_acc or history.last_test_acc >= chance - 2.5 * error:
            return
        words = (
            f"The test accuracy is {three_digits(history.last_test_acc)}, below the "
            f"{three_digits(chance)} of guessing: look whether the test pictures have the right "
            "labels, in the order of the training pictures' classes."
        )
    warnings.warn(words, LearningWarning, stacklevel=3)
