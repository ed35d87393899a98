"""Pictures that look alike, such as leaks from the training set into the test set."""

import numpy as np
from PIL import Image

SIDE = 16  # pixels of the small copies that are compared
NOISE = 4.0  # variance, in levels of 255, that saving anew leaves even in a plain picture
STRIPE = 256  # pictures compared at once with all others


def _small_copies(pictures):
    """float32 (pictures, 3, 256): brightness and two colour differences, the mean nearly gone.

    A copy may have been made lighter or darker, so what a picture's mean adds counts little; it
    counts, since two plain pictures have nothing else. And bool (pictures,): which are grey.
    """
    copies = np.zeros((len(pictures), 3, SIDE * SIDE), "float32")
    for i in range(len(pictures)):
        image = Image.fromarray(pictures[i][0]).convert("YCbCr").resize((SIDE, SIDE), Image.BOX)
        copies[i] = np.asarray(image, "float32").reshape(-1, 3).T - 128
    grey = np.abs(copies[:, 1:]).max(axis=(1, 2), initial=0) < 4
    return copies - copies.mean(axis=2, keepdims=True) * 6 / 7, grey


def _unlike(ours, theirs):
    """The part of what is to be seen in two pictures that differs, in percent, for all pairs."""
    pixels = ours.shape[2]
    contrast = [copies.var(axis=2).sum(axis=1) + NOISE for copies in (ours, theirs)]
    ours, theirs = ours.reshape(len(ours), -1), theirs.reshape(len(theirs), -1)
    energy = [np.square(copies).sum(axis=1) for copies in (ours, theirs)]
    difference = np.add.outer(*energy) - 2 * ours @ theirs.T
    return 100 * difference.clip(0) / pixels / np.add.outer(*contrast)


def near_duplicates(first, second, max_distance=3):
    """Pairs of pictures that look alike, such as leaks from the training into the test set.

    A copy is found in another size, format or quality, in grey, and lighter or darker; not if it
    was cut, turned or mirrored.

    Parameters
    ----------
    first, second : Pictures
        The same object twice looks for pairs within it.
    max_distance : float
        How much may differ, in percent of what is to be seen in two small copies. A copy differs
        in 0 to 3, an unrelated photograph in 10 and more; of two products on white, one pair in a
        thousand differs in less than 3.

    Returns
    -------
    pandas.DataFrame
        Columns ``first``, ``second`` (paths), ``distance`` (int, whole percent, rounded up) and
        ``same_label``, closest pairs first.

    Examples
    --------
    >>> from hotdog_ft import load_recipe
    >>> train_imgs, test_imgs = load_recipe("mini").load_data()
    >>> len(near_duplicates(train_imgs, test_imgs))
    0
    """
    import pandas as pd

    (ours, our_grey), (theirs, their_grey) = _small_copies(first), _small_copies(second)
    rows = []
    for start in range(0, len(ours), STRIPE):
        stripe = slice(start, start + STRIPE)
        # a grey picture and one in colour: only brightness can be compared
        distances = np.where(
            np.not_equal.outer(our_grey[stripe], their_grey),
            _unlike(ours[stripe, :1], theirs[:, :1]),
            _unlike(ours[stripe], theirs),
        )
        for i, j in np.argwhere(distances <= max_distance):
            if first is not second or start + i < j:
                distance = int(np.ceil(distances[i, j] - 0.05))
                files = str(first.paths[start + i]), str(second.paths[j])
                rows.append((*files, distance, first.labels[start + i] == second.labels[j]))
    frame = pd.DataFrame(rows, columns=["first", "second", "distance", "same_label"])
    return frame.sort_values("distance", kind="stable", ignore_index=True)
