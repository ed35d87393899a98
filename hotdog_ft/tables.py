"""Tables of runs, and how sure they are."""

import numpy as np

from .evaluation import unpack_answers
from .recipe import BOOK, HOT_DOGS, TITLES
from .settings import Settings


def runs_table(record):
    """One row per run of a record: what was varied, and what came out at the end.

    Returns
    -------
    pandas.DataFrame
        Column ``run``; a column per setting that differs between the runs, and per part of their
        cases; ``loss``, ``train_acc``, ``test_acc``, ``seconds`` of all epochs; further figures.
    """
    import pandas as pd

    settings = [vars(entry.settings) for entry in record.entries]
    varied = [name for name in vars(Settings()) if len({one[name] for one in settings}) > 1]
    rows = []
    for entry in record.entries:
        history = entry.history
        row = {"run": entry.settings.kind, **{name: entry.value(name) for name in varied}}
        row.update(entry.case)
        row.update({name: _last(history, name) for name in ("loss", "train_acc")})
        row.update(test_acc=history.last_test_acc, seconds=sum(history.seconds))
        further = {"probe_acc": history.probe_acc, "diverged": entry.diverged}
        row.update({name: value for name, value in further.items() if value is not None})
        rows.append({**row, **entry.figures})
    return pd.DataFrame(rows)


def _last(history, name):
    """The value at the end, as of `last_test_acc`: of the epoch that was kept."""
    values = getattr(history, name)
    return values[history.end] if values and history.kept_epoch != 0 else np.nan


def result_table(histories, classes=HOT_DOGS):
    """One column per run, and below ours the book's figures, where the classes are the book's.

    Parameters
    ----------
    histories : dict of str to History
        Keyed by the names in TITLES.
    classes : sequence of str
        What the pictures show: the book's figures are about hot dogs alone.

    Returns
    -------
    pandas.DataFrame
        Rounded to three digits, as a history prints.
    """
    import pandas as pd

    columns, of_the_book = {}, sorted(map(str, classes or [])) == HOT_DOGS
    for name, history in histories.items():
        ours = {
            "loss": _last(history, "loss"),
            "train acc": _last(history, "train_acc"),
            "test acc": history.last_test_acc,
            "examples/sec": history.examples_per_sec,
        }
        book = BOOK.get(name, {})
        columns[TITLES[name]] = {
            **ours,
            "examples/sec with data": history.examples_per_sec_with_data,
            "seconds": sum(history.seconds),
            **{f"book: {row}": book.get(row) for row in ours if of_the_book},
        }
    return pd.DataFrame(columns, dtype=float).round(3)


def worst_confusions(table, n=10):
    """The classes that are taken for others most often.

    Parameters
    ----------
    table : pandas.DataFrame
        Counts, a row per true class and a column per predicted one, as for `show_confusion`.
    n : int
        Rows at most.

    Returns
    -------
    pandas.DataFrame
        Columns ``true``, ``predicted``, ``count``, and ``share`` of the true class's pictures; the
        highest count first, then the highest share.

    Examples
    --------
    >>> import pandas as pd
    >>> counts = pd.DataFrame({"cat": [8, 1], "dog": [2, 3]}, index=["cat", "dog"])
    >>> worst_confusions(counts)
      true predicted  count  share
    0  cat       dog      2   0.20
    1  dog       cat      1   0.25
    """
    import pandas as pd

    counts = table.to_numpy()
    rows = [
        (table.index[i], table.columns[j], counts[i, j], counts[i, j] / counts[i].sum())
        for i, j in np.argwhere(counts > 0)
        if table.index[i] != table.columns[j]
    ]
    found = pd.DataFrame(rows, columns=["true", "predicted", "count", "share"]).round({"share": 3})
    found = found.sort_values(["count", "share"], ascending=False, kind="stable")
    return found.head(n).reset_index(drop=True)


def seed_table(record):
    """Each run's final test accuracy over all seeds of a record.

    Returns
    -------
    pandas.DataFrame
        A row per run. Columns ``seeds``, their number; ``mean``, ``std`` (n - 1), ``min``, ``max``;
        and ``smallest lead`` over the same seed's run from scratch.
    """
    import pandas as pd

    accuracy = pd.DataFrame(
        {
            seed: {TITLES[run]: h.last_test_acc for run, h in record.histories(seed).items()}
            for seed in {entry.settings.seed: None for entry in record.entries}
        }
    ).T
    columns = {"seeds": accuracy.count()}
    columns.update({name: getattr(accuracy, name)() for name in ("mean", "std", "min", "max")})
    if TITLES["scratch"] in accuracy:
        lead = accuracy.sub(accuracy[TITLES["scratch"]], axis=0)
        columns["smallest lead"] = lead.drop(columns=TITLES["scratch"]).min()
    table = pd.DataFrame(columns).loc[accuracy.columns].round(3)
    return table.astype({name: object for name in table if table[name].isna().any()}).fillna("")


def by_minutes(history):
    """Test accuracy against the minutes of training so far, the probe and its features included.

    Returns
    -------
    pandas.Series
        Accuracies, 0 to 1, by minutes (float); the tests take no time here.

    Examples
    --------
    >>> from hotdog_ft.history import History
    >>> probed = {"probe_acc": 0.9, "features_seconds": 57, "probe_seconds": 3}
    >>> by_minutes(History(test_acc=[0.92, 0.93], seconds=[120, 120], **probed)).to_dict()
    {1.0: 0.9, 3.0: 0.92, 5.0: 0.93}
    """
    import pandas as pd

    seconds, accuracies = list(history.seconds), list(history.test_acc)
    if history.probe_acc is not None:
        seconds.insert(0, history.features_seconds + history.probe_seconds)
        accuracies.insert(0, history.probe_acc)
    return pd.Series(accuracies, np.cumsum(seconds)[: len(accuracies)] / 60)


def accuracy_interval(accuracy, num_pictures):
    """95 % interval (low, high) that the number of test pictures alone leaves (Wilson 1927).

    It says what other pictures of the same kind might have given; it knows nothing of the seed.

    Examples
    --------
    >>> [round(float(end), 3) for end in accuracy_interval(0.92, 800)]
    [0.899, 0.937]
    """
    from scipy.stats import binomtest

    found = binomtest(round(accuracy * num_pictures), num_pictures)
    interval = found.proportion_ci(method="wilson")
    return interval.low, interval.high


def paired_gap(first, second):
    """Mean of ``first - second`` over the same seeds, and its 95 % interval (Student's t).

    Parameters
    ----------
    first, second : sequence of float
        Accuracies, at least two, in the same order of seeds.

    Returns
    -------
    mean, low, high : float

    Examples
    --------
    >>> [round(float(value), 3) for value in paired_gap([0.9, 0.8, 0.85], [0.6, 0.55, 0.5])]
    [0.3, 0.176, 0.424]
    """
    from scipy.stats import t

    gaps = np.subtract(first, second)
    half = t.ppf(0.975, len(gaps) - 1) * gaps.std(ddof=1) / np.sqrt(len(gaps))
    return gaps.mean(), gaps.mean() - half, gaps.mean() + half


def right_of(entries, net):
    """For every picture of a cross-validation's folds: whether the net of this name is right.

    Returns
    -------
    numpy.ndarray
        bool (n,), in the order of `entries`, whose figures have ``answers``.
    """
    answers = [unpack_answers(entry.figures["answers"][net]) for entry in entries]
    return np.concatenate([labels for labels, _ in answers]) == 0


def paired_gain(right, before):
    """How many more of the same pictures are right than before, and whether that may be chance.

    Parameters
    ----------
    right, before : sequence of bool
        Whether each picture is right, in the same order.

    Returns
    -------
    won, lost : int
        Pictures that are right and were not, and the other way.
    gain, low, high : float
        Difference of the accuracies, and its 95 % interval from the pictures that changed.
    p : float
        McNemar's exact test: how often as many would change, were both ways as likely.

    Examples
    --------
    >>> before = [True] * 80 + [False] * 20
    >>> won, lost, gain, low, high, p = paired_gain([True] * 90 + [False] * 10, before)
    >>> won, lost, round(gain, 3), round(low, 3), round(high, 3), round(p, 5)
    (10, 0, 0.1, 0.041, 0.159, 0.00195)
    """
    from scipy.stats import binomtest

    right, before = np.asarray(right), np.asarray(before)
    won, lost = int((right & ~before).sum()), int((before & ~right).sum())
    gain = (won - lost) / len(right)
    half = 1.96 * np.sqrt((won + lost) / len(right) - gain**2) / np.sqrt(len(right))
    p = binomtest(won, won + lost).pvalue if won + lost else 1.0
    return won, lost, gain, float(gain - half), float(gain + half), float(p)
