"""A notebook of a reader's own, in a folder of their own: from photographs to a net in use."""

from pathlib import Path

import nbformat
import pytest
from any_set import execute, write
from conftest import ROOT, make_source_net

CELLS = [
    """
import hotdog_ft
import numpy as np
from hotdog_ft import plot
from hotdog_ft.duplicates import near_duplicates
from pathlib import Path
from PIL import Image
""",
    """
train_imgs, test_imgs = hotdog_ft.load_image_folders("dishes")
print(train_imgs, test_imgs)
""",
    'print(len(near_duplicates(train_imgs, test_imgs)), "pairs look alike")',
    """
hotdog_ft.seed_everything(0)
source_net = hotdog_ft.load_net("source.params")
net = hotdog_ft.finetune_net(source_net, num_classes=len(train_imgs.classes))
history = hotdog_ft.fine_tune(net, train_imgs, test_imgs, size=64, num_epochs=2)
""",
    "print(history)",
    'plot.plot_histories({"mine": history})',
    """
path = Path("dishes/test/phở/0.png")
picture = Image.open(path)
pictures = [path, str(path), picture, np.asarray(picture)]
frame = hotdog_ft.predict(net, pictures)
print(frame[["label", "probability"]].drop_duplicates().to_string())
""",
    "plot.show_images([np.asarray(picture)], 1, 1, list(frame.label[:1]))",
    """
hotdog_ft.save_net(net, "here.safetensors")
again = hotdog_ft.predict(hotdog_ft.load_net("here.safetensors"), pictures)
print("the same from the file:", again.equals(frame))
""",
]


@pytest.fixture
def printed(tmp_path, monkeypatch):
    """What each cell prints, in the reader's folder; figures stand there by their kind."""
    colours = {"bánh mì": 0, "phở": 1, "cơm": 2}
    splits = {"train": 4, "test": 3}
    write(
        tmp_path / "dishes",
        {split: {name: [c] * n for name, c in colours.items()} for split, n in splits.items()},
    )
    make_source_net(classes=7).save_parameters(str(tmp_path / "source.params"))
    cells = [nbformat.v4.new_code_cell(cell.strip()) for cell in CELLS]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "mine.ipynb")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    outputs = [cell.outputs for cell in execute(Path("mine.ipynb"), Path("done"), 120).cells]
    assert not [output for cell in outputs for output in cell if output.get("name") == "stderr"]
    return ["".join(o["text"] if "text" in o else min(o["data"]) for o in cell) for cell in outputs]


def test_an_own_notebook_goes_from_a_folder_to_a_net_that_is_used(printed, tmp_path):
    first, data, pairs, trained, history, curves, predicted, shown, saved = printed
    assert first == "" and "4 phở" in data and "3 phở" in data
    assert pairs == "0 pairs look alike\n"
    # the curves are drawn during training, and as a figure afterwards
    assert trained == curves == shown == "image/png"
    assert "output layer alone" in history and "test acc" in history
    # report 43: a file, its name, a Pillow image and an array are the same picture
    assert len(predicted.splitlines()) == 2
    assert saved == "the same from the file: True\n" and (tmp_path / "here.safetensors").is_file()
