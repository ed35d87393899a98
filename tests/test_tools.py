"""The makers of data/: the committed files are what the tools draw."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

from hotdog_ft.data import content_sha256
from hotdog_ft.folders import ImageFolder

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))
import kinds  # noqa: E402
import make_data  # noqa: E402


@pytest.mark.parametrize(
    "split, label, number",
    [
        ("train", "hotdog", 0),
        ("train", "not-hotdog", 12),
        ("test", "hotdog", 199),
        ("test", "not-hotdog", 77),
    ],
)
def test_a_picture_drawn_again_is_the_committed_one(split, label, number, tmp_path):
    make_data.target_picture(split, label, number).save(tmp_path / "again.jpg", quality=85)
    committed = ROOT / "data/hotdog-mini" / split / label / f"{number}.jpg"
    np.testing.assert_array_equal(
        np.asarray(Image.open(tmp_path / "again.jpg")), np.asarray(Image.open(committed))
    )


def test_pictures_differ_and_kinds_are_many():
    pictures = (make_data.target_picture("train", "hotdog", n) for n in (1, 2))
    first, second = (np.asarray(picture.resize((72, 72))) for picture in pictures)
    assert np.abs(first.astype(float) - second).mean() > 5
    assert (
        len(kinds.SOURCE) >= 10
        and kinds.hotdog in kinds.SOURCE
        and kinds.hotdog not in kinds.OTHERS
    )


def test_no_picture_is_in_both_training_and_test_set():
    paths = (ROOT / "data/hotdog-mini").rglob("*.jpg")
    hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    assert len(hashes) == len(set(hashes)) == 1000


def test_the_readme_of_the_data_gives_every_hash():
    text = (ROOT / "data/README.md").read_text()
    given = set(re.findall(r"[0-9a-f]{64}", text))
    files = [path for path in (ROOT / "data").iterdir() if path.suffix and path.suffix != ".md"]
    actual = {hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    splits = (ImageFolder(ROOT / "data/hotdog-mini" / split) for split in ("train", "test"))
    actual |= {content_sha256(images) for images in splits}
    assert given == actual


class TestExecute:
    """make tutorial's work, on notebooks of a line or two."""

    def run(self, tmp_path, *sources, limit="60"):
        cells = [
            nbformat.v4.new_code_cell(source, metadata={"tags": ["result"]}) for source in sources
        ]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "one.ipynb")
        return subprocess.run(
            [
                sys.executable,
                ROOT / "tools/execute.py",
                "--limit",
                limit,
                "--to",
                tmp_path / "build",
                tmp_path / "one.ipynb",
            ],
            capture_output=True,
            text=True,
        )

    def test_report_36_the_executed_notebook_and_its_page_are_left_and_the_result_is_printed(
        self, tmp_path
    ):
        done = self.run(tmp_path, "print('forty', 1 + 1)")
        assert done.returncode == 0, done.stderr
        assert (
            "1 code cells ran" in done.stdout
            and "forty 2" in done.stdout
            and "one.html" in done.stdout
        )
        assert "forty 2" in (tmp_path / "build/one.html").read_text()
        assert (
            nbformat.read(tmp_path / "build/one.ipynb", 4).cells[0].outputs[0].text == "forty 2\n"
        )

    def test_it_runs_by_the_python_that_executes_wherever_other_kernels_lie(
        self, tmp_path, monkeypatch
    ):
        other = tmp_path / "kernels/python3/kernel.json"
        other.parent.mkdir(parents=True)
        about = {"argv": ["false"], "display_name": "another Python", "language": "python"}
        other.write_text(json.dumps(about))
        monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
        done = self.run(tmp_path, "import sys; print(sys.executable)")
        assert done.returncode == 0 and sys.executable in done.stdout, done.stderr

    def test_report_35_a_notebook_without_code_is_a_failure(self, tmp_path):
        done = self.run(tmp_path)
        assert done.returncode == 1 and "no code cell ran" in done.stderr

    def test_report_34_a_cell_that_takes_too_long_is_a_failure_that_says_so(self, tmp_path):
        done = self.run(tmp_path, "import threading; threading.Event().wait()", limit="1")
        assert done.returncode == 1 and "timed out" in done.stderr

    def test_a_cell_that_fails_is_shown(self, tmp_path):
        done = self.run(tmp_path, "assert 1 > 2, 'it is not'")
        assert (
            done.returncode == 1
            and "it is not" in done.stderr
            and list((tmp_path / "build").iterdir()) == []
        )

    def test_a_place_for_no_result_is_told_before_any_cell_runs(self, tmp_path):
        (tmp_path / "build").touch()
        done = self.run(tmp_path, "open('ran', 'w')")
        assert done.returncode == 1 and done.stderr.count("\n") == 1
        assert f"{tmp_path}/build cannot be written to" in done.stderr

    @pytest.mark.parametrize("name", ["absent.ipynb", "no.ipynb"])
    def test_what_is_no_notebook_is_one_sentence(self, tmp_path, name):
        (tmp_path / "no.ipynb").write_text("no notebook")
        command = [sys.executable, ROOT / "tools/execute.py", "--to", tmp_path, tmp_path / name]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 1 and done.stderr.count("\n") == 1
        assert f"{name} cannot be read as a notebook" in done.stderr


def test_the_table_of_reports_is_complete_and_names_tests_that_are_there():
    text = (ROOT / "tests/README.md").read_text()
    table = text.split("## Reported traps")[1].split("##")[0]
    numbers = set()
    for first, last in re.findall(r"^\| (\d+)(?:[–, ]+(\d+))? \|", table, re.M):
        numbers |= set(range(int(first), int(last or first) + 1))
    assert numbers == set(range(1, 87))
    code = "".join(path.read_text() for path in (ROOT / "tests").glob("*.py"))
    defined = set(re.findall(r"def (test_\w+)", code))
    assert set(re.findall(r"`(test_\w+)`", text)) <= defined
