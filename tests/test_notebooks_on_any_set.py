"""Notebooks 01 to 03 on a stranger's pictures; the others are in the other file."""

import re

from any_set import LONG, titles_in


def test_report_42_notebook_01_says_nothing_of_hot_dogs_about_other_pictures(run_notebook, dishes):
    printed = run_notebook("01-fine-tuning", dishes)
    classes = ["bánh mì", "cơm $5 & $6_", LONG]
    assert titles_in(printed["cell-08"]) == [name for name in classes for _ in range(4)]
    assert "12 for training, 9 for the test" in printed["cell-06"]
    assert "book" not in printed["cell-25"] and "fine-tuning" in printed["cell-25"]
    assert printed["cell-27"].startswith("On these pictures")
    of_these_pictures = [text for name, text in printed.items() if name < "cell-28"]
    assert not re.search("hot.?dog|ImageNet", "".join(of_these_pictures))


def test_report_42_notebook_02_goes_on_whether_or_not_accuracy_falls(run_notebook, dishes):
    printed = run_notebook("02-learning-rate", dishes)
    assert printed["cell-07"].startswith("On these pictures")
    assert "best rate" in printed["cell-08"] and "On these pictures" in printed["cell-18"]


def test_report_39_notebook_03_takes_fewer_pictures_than_it_has_shares(run_notebook, dishes):
    printed = run_notebook("03-budgets", dishes)
    # 5, 10 and 25 % of four pictures a class are one of each, 50 % are two
    assert re.findall(r"^(\d+) ", printed["cell-09"], re.M) == ["3", "6", "12"]
    assert all(printed[f"cell-{cell}"].startswith("On these pictures") for cell in ("06", "11"))
    assert "above 5 points" in printed["cell-14"]  # of the record, so it holds everywhere
