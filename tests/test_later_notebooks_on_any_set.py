"""Notebooks 04 to 07 on a stranger's pictures: few, of any classes, and no hot dog."""

import re

from any_set import LONG, titles_in, write


def test_report_40_notebook_04_says_what_does_not_hold_and_goes_on(run_notebook, dishes):
    printed = run_notebook("04-frozen-features", dishes)
    assert "not one bit moved" in printed["cell-07"]
    assert printed["cell-11"].startswith("On these pictures it is otherwise")


def test_report_42_notebook_05_goes_on_with_the_drawings(run_notebook, dishes):
    # the cells that choose the source net's rows; all others run as in mini mode
    printed = run_notebook("05-hot-dog-row", dishes, cells=7)
    first = printed["cell-01"]
    assert first.index("needs pictures of hot dogs") < first.index("mode mini")
    assert "hotdog" in printed["cell-03"] and "photocopier" in printed["cell-05"]


def test_report_39_notebook_06_runs_on_nine_test_pictures(run_notebook, dishes):
    printed = run_notebook("06-probing-first", dishes)
    assert printed["cell-06"].startswith("below the bound the loss only falls\nOn these pictures")
    assert "LP-FT over its probe" in printed["cell-21"]


def test_reports_39_40_and_41_notebook_07_reaches_its_end_on_an_own_folder(run_notebook, dishes):
    printed = run_notebook("07-your-own-photographs", dishes)
    copy = "copy\n1 % differs"
    assert titles_in(printed["cell-07"]) == ["train", "train", copy, copy]
    assert "2 pairs look alike" in printed["cell-09"]
    assert titles_in(printed["cell-09"]) == ["train"] * 2 + ["test\n0 % differs"] * 2
    # a picture and an array; the two bad files have no answer; more rows if the table is too wide
    rows = re.findall(r"^\d +(\S+)", printed["cell-15"], re.M)[:4]
    assert rows[::2] == ["0.png", "empty.png"]
    assert printed["cell-15"].count("None") == 4
    assert len(titles_in(printed["cell-17"])) == 9
    assert "predict and evaluate agree\nOn these pictures it is otherwise" in printed["cell-19"]
    assert "recognised  of" in printed["cell-21"] and "share" in printed["cell-21"]
    right, wrong = titles_in(printed["cell-28"]), titles_in(printed["cell-30"])
    for titles, same in ((right, True), (wrong, False)):
        half = len(titles) // 2
        named = [re.fullmatch(r"(.*) \d\.\d\d\ntrue: (.*)", title) for title in titles[:half]]
        assert named and all((name[1] == name[2]) == same for name in named)
        assert titles[half:] == ["red: what counts"] * half
    assert len(titles_in(printed["cell-23"])) == len(wrong) // 2
    assert "its training pictures are others; its test pictures are others" in printed["cell-38"]
    assert LONG in printed["cell-40"] and "bit by bit" in printed["cell-41"]


def test_report_39_notebook_07_takes_one_picture_a_class(run_notebook, tmp_path):
    """With so little the net may be right on both, on one, or on none."""
    one_each = {"train": {"a": [0], "b": [1]}, "test": {"a": [0], "b": [1]}}
    printed = run_notebook("07-your-own-photographs", write(tmp_path / "least", one_each))
    assert printed["cell-09"].strip() == "0 pairs look alike"
    assert len(titles_in(printed["cell-17"])) == 2 and "bit by bit" in printed["cell-41"]
