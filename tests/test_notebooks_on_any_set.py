"""Every notebook in full mode on a stranger's pictures: few, of any classes, and no hot dog."""

import ast
import re
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from conftest import ROOT, make_source_net
from PIL import Image

sys.path.insert(0, str(ROOT / "tools"))
from execute import execute

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LONG = "phở bò tái nạm gầu gân sách, a bowl as it is served in Hà Nội"
# Put before a notebook's first cell: the titles of pictures are printed as well as drawn.
PRINT_TITLES = """
from hotdog_ft import plot

def show_images(imgs, num_rows, num_cols, titles=None, draw=plot.show_images):
    assert len(imgs) == len(titles) <= num_rows * num_cols
    print("titles:", titles)
    return draw(imgs, num_rows, num_cols, titles)

plot.show_images = show_images
"""


def picture_of(colour, rng):
    pixels = rng.integers(0, 120, (72, 64, 3), dtype="uint8")
    pixels[..., colour] += 100
    return Image.fromarray(pixels)


def write(root, splits):
    """Noise with a cast of colour: ``{split: {class: its pictures' colours}}``."""
    rng = np.random.default_rng(0)
    for split, classes in splits.items():
        for name, colours in classes.items():
            (root / split / name).mkdir(parents=True)
            for number, colour in enumerate(colours):
                picture_of(colour, rng).save(root / split / name / f"{number}.png")
    return root


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "net.params"
    make_source_net(classes=7).save_parameters(str(path))
    return path


@pytest.fixture(scope="module")
def dishes(tmp_path_factory):
    """Three classes, nine test pictures: two copies, and most look like another class.

    Nothing in the test set looks like the third class, so a net that has learnt the colours is
    right on two or three of nine.
    """
    root = tmp_path_factory.mktemp("dishes")
    train = {"bánh mì": [0] * 4, "cơm $5 & $6_": [1] * 4, LONG: [2] * 4}
    test = {"bánh mì": [0, 1, 1], "cơm $5 & $6_": [1, 0, 0], LONG: [0, 1, 1]}
    write(root, {"train": train, "test": test})
    for name in list(train)[:2]:
        (root / "test" / name / "0.png").write_bytes((root / "train" / name / "0.png").read_bytes())
    return root


@pytest.fixture
def run(weights, tmp_path, monkeypatch):
    """A function that executes a notebook, or its first `cells`, on a folder of pictures.

    It gives what each cell prints.
    """

    def run(stem, data, cells=None):
        (path,) = (path for path in NOTEBOOKS if path.stem == stem)
        notebook = nbformat.read(path, as_version=4)
        notebook.cells = notebook.cells[:cells]
        notebook.cells.insert(0, nbformat.v4.new_code_cell(PRINT_TITLES))
        nbformat.write(notebook, tmp_path / path.name)
        full = {"MODE": "full", "DATA": data, "WEIGHTS": weights}
        for name, value in full.items():
            monkeypatch.setenv(f"HOTDOG_FT_{name}", str(value))
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        monkeypatch.chdir(tmp_path)
        cells = execute(Path(path.name), tmp_path / "executed", 120).cells
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        assert not [output for output in outputs if output.get("name") == "stderr"]
        shown = [output.data for output in outputs if "data" in output]
        figures = [data for data in shown if data["text/plain"].startswith("<Plot")]
        assert all("image/png" in data for data in figures)
        return {
            cell.id: "".join(o.get("text") or o["data"]["text/plain"] for o in cell.outputs)
            for cell in cells
            if cell.get("outputs")
        }

    return run


def titles_in(text):
    return ast.literal_eval(re.search(r"^titles: (.*)$", text, re.M)[1])


def test_report_42_notebook_01_says_nothing_of_hot_dogs_about_other_pictures(run, dishes):
    printed = run("01-fine-tuning", dishes)
    classes = ["bánh mì", "cơm $5 & $6_", LONG]
    assert titles_in(printed["cell-08"]) == [name for name in classes for _ in range(4)]
    assert "12 for training, 9 for the test" in printed["cell-06"]
    assert "book" not in printed["cell-25"] and "fine-tuning" in printed["cell-25"]
    assert printed["cell-27"].startswith("On these pictures")
    of_these_pictures = [text for name, text in printed.items() if name < "cell-28"]
    assert not re.search("hot.?dog|ImageNet", "".join(of_these_pictures))


def test_report_42_notebook_02_goes_on_whether_or_not_accuracy_falls(run, dishes):
    printed = run("02-learning-rate", dishes)
    assert printed["cell-07"].startswith("On these pictures")
    assert "best rate" in printed["cell-08"] and "On these pictures" in printed["cell-18"]


def test_report_39_notebook_03_takes_fewer_pictures_than_it_has_shares(run, dishes):
    printed = run("03-budgets", dishes)
    # 5, 10 and 25 % of four pictures a class are one of each, 50 % are two
    assert re.findall(r"^(\d+) ", printed["cell-09"], re.M) == ["3", "6", "12"]
    assert all(printed[f"cell-{cell}"].startswith("On these pictures") for cell in ("06", "11"))
    assert "above 5 points" in printed["cell-14"]  # of the record, so it holds everywhere


def test_report_40_notebook_04_says_what_does_not_hold_and_goes_on(run, dishes):
    printed = run("04-frozen-features", dishes)
    assert "not one bit moved" in printed["cell-07"]
    assert printed["cell-11"].startswith("On these pictures it is otherwise")


def test_report_42_notebook_05_goes_on_with_the_drawings(run, dishes):
    # the cells that choose the source net's rows; all others run as in mini mode
    printed = run("05-hot-dog-row", dishes, cells=6)
    first = printed["cell-01"]
    assert first.index("needs pictures of hot dogs") < first.index("mode mini")
    assert "hotdog" in printed["cell-03"] and "photocopier" in printed["cell-05"]


def test_report_39_notebook_06_runs_on_nine_test_pictures(run, dishes):
    printed = run("06-probing-first", dishes)
    assert printed["cell-06"].startswith("below the bound the loss only falls\nOn these pictures")
    assert "LP-FT over its probe" in printed["cell-21"]


def test_reports_39_40_and_41_notebook_07_reaches_its_end_on_an_own_folder(run, dishes):
    printed = run("07-your-own-photographs", dishes)
    assert "2 pairs look alike" in printed["cell-06"]
    assert titles_in(printed["cell-06"]) == ["training"] * 2 + ["test, like above"] * 2
    assert len(titles_in(printed["cell-12"])) == 9
    assert "predict and evaluate agree\nOn these pictures it is otherwise" in printed["cell-14"]
    right, wrong = titles_in(printed["cell-20"]), titles_in(printed["cell-22"])
    for titles, same in ((right, True), (wrong, False)):
        named = [re.fullmatch(r"(.*) \d\.\d\d\ntrue: (.*)", title) for title in titles if title]
        assert named and all((name[1] == name[2]) == same for name in named)
    assert "its training pictures are others; its test pictures are others" in printed["cell-30"]
    assert LONG in printed["cell-32"] and "bit by bit" in printed["cell-33"]


def test_report_39_notebook_07_takes_one_picture_a_class(run, tmp_path):
    """With so little the net may be right on both, on one, or on none."""
    one_each = {"train": {"a": [0], "b": [1]}, "test": {"a": [0], "b": [1]}}
    printed = run("07-your-own-photographs", write(tmp_path / "least", one_each))
    assert "There is none to show." in printed["cell-06"]
    assert len(titles_in(printed["cell-12"])) == 2 and "bit by bit" in printed["cell-33"]
