"""Notebooks in full mode on a stranger's pictures: few, of any classes, and no hot dog."""

import ast
import re
import sys
from pathlib import Path

import nbformat
import numpy as np
from conftest import ROOT, make_source_net
from PIL import Image

sys.path.insert(0, str(ROOT / "tools"))
from execute import execute

LONG = "phở bò tái nạm gầu gân sách, a bowl as it is served in Hà Nội"
# Put before a notebook's first cell: the titles of pictures are printed as well as drawn.
PRINT_TITLES = """
from hotdog_ft import plot

def show_images(imgs, num_rows, num_cols, titles=None, draw=plot.show_images):
    imgs = list(imgs)
    assert len(imgs) == len(titles) <= num_rows * num_cols
    print("titles:", titles)
    return draw(imgs, num_rows, num_cols, titles)

plot.show_images = show_images
"""


def write(root, splits):
    """Patches with a cast of colour: ``{split: {class: its pictures' colours}}``."""
    rng = np.random.default_rng(0)
    for split, classes in splits.items():
        for name, colours in classes.items():
            (root / split / name).mkdir(parents=True)
            for number, colour in enumerate(colours):
                pixels = rng.integers(0, 120, (5, 4, 3), dtype="uint8")
                pixels[..., colour] += 100
                picture = Image.fromarray(pixels).resize((64, 72))
                picture.save(root / split / name / f"{number}.png")
    return root


def write_dishes(root):
    """Three classes, nine test pictures: two copies, and most look like another class.

    Nothing in the test set looks like the third class, so a net that has learnt the colours is
    right on two or three of nine.
    """
    train = {"bánh mì": [0] * 4, "cơm $5 & $6_": [1] * 4, LONG: [2] * 4}
    test = {"bánh mì": [0, 1, 1], "cơm $5 & $6_": [1, 0, 0], LONG: [0, 1, 1]}
    write(root, {"train": train, "test": test})
    for name in list(train)[:2]:
        (root / "test" / name / "0.png").write_bytes((root / "train" / name / "0.png").read_bytes())
    return root


def run_notebook(stem, data, folder, monkeypatch, cells=None):
    """What each cell of a notebook prints, or of its first `cells`, on a folder of pictures."""
    notebook = nbformat.read(ROOT / "notebooks" / f"{stem}.ipynb", as_version=4)
    notebook.cells = notebook.cells[:cells]
    notebook.cells.insert(0, nbformat.v4.new_code_cell(PRINT_TITLES))
    nbformat.write(notebook, folder / f"{stem}.ipynb")
    make_source_net(classes=7).save_parameters(str(folder / "net.params"))
    full = {"MODE": "full", "DATA": data, "WEIGHTS": folder / "net.params"}
    for name, value in full.items():
        monkeypatch.setenv(f"HOTDOG_FT_{name}", str(value))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(folder)
    cells = execute(Path(f"{stem}.ipynb"), folder / "executed", 120).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    said = [output.text for output in outputs if output.get("name") == "stderr"]
    # so few of them, of which two are copies
    known = re.compile("No temperature fits these pictures|pictures in test, 2 are training pict")
    said = [text for text in said if not known.search(text)]
    assert not said, said
    shown = [output.data for output in outputs if "data" in output]
    figures = [data for data in shown if data["text/plain"].startswith("<Plot")]
    assert all("image/png" in data for data in figures)
    return {
        cell.id: "".join(
            output.get("text") or output["data"]["text/plain"]
            for output in cell.outputs
            if output.get("name") != "stderr"
        )
        for cell in cells
        if cell.get("outputs")
    }


def titles_in(text):
    return ast.literal_eval(re.search(r"^titles: (.*)$", text, re.M)[1])
