"""Pictures that look alike, such as leaks from the training set into the test set."""

import numpy as np
from PIL import Image


def _fingerprints(pictures):
    """64 bits per picture: is each of 8 x 8 cells brighter than its right neighbour? ("dHash")."""
    rows = [
        np.asarray(Image.fromarray(pictures[i][0]).convert("L").resize((9, 8), Image.BILINEAR), int)
        for i in range(len(pictures))
    ]
    return np.packbits(np.diff(np.stack(rows), axis=2).reshape(len(rows), 64) > 0, axis=1)


def near_duplicates(first, second, max_distance=3):
    """Pairs of pictures that look alike, such as leaks from the training into the test set.

    Parameters
    ----------
    first, second : Pictures
        The same object twice looks for pairs within it.
    max_distance : int
        Of 64 bits that tell coarse brightness, how many may differ. A copy of another size, format
        or quality differs in few; two unrelated pictures in about 32.

    Returns
    -------
    pandas.DataFrame
        Columns ``first``, ``second`` (paths), ``distance`` and ``same_label``, closest pairs first.

    Examples
    --------
    >>> from hotdog_ft import load_recipe
    >>> train_imgs, test_imgs = load_recipe("mini").load_data()
    >>> int(near_duplicates(train_imgs, test_imgs).distance.max())
    3
    """
    import pandas as pd

    ours, theirs = _fingerprints(first), _fingerprints(second)
    counts = np.unpackbits(np.arange(256, dtype="uint8")[:, None], axis=1).sum(1)
    rows = []
    for i, bits in enumerate(ours):
        distances = counts[bits ^ theirs].sum(1)
        rows += [
            (
                str(first.paths[i]),
                str(second.paths[j]),
                int(distances[j]),
                first.labels[i] == second.labels[j],
            )
            for j in np.flatnonzero(distances <= max_distance)
            if first is not second or i < j
        ]
    frame = pd.DataFrame(rows, columns=["first", "second", "distance", "same_label"])
    return frame.sort_values("distance", kind="stable", ignore_index=True)
