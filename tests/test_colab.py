"""The notebooks' first code cell: what it installs in Colab, and that it does nothing elsewhere."""

import shutil
import subprocess
import sys

import nbformat
import pytest
from conftest import ROOT, run_python

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# IPython as in a notebook, but for what it would have a shell do
RUN = """
import sys, types
from IPython.core.interactiveshell import InteractiveShell
if sys.argv[2:]:
    sys.modules[sys.argv[2]] = types.ModuleType(sys.argv[2])
shell = InteractiveShell()
shell.system = lambda command: print(command.partition(" -m ")[2])
sys.exit(not shell.run_cell(sys.argv[1]).success)
"""


def first_code(path):
    cells = nbformat.read(path, as_version=4).cells
    return next(cell for cell in cells if cell.cell_type == "code")


@pytest.fixture
def copied(tmp_path):
    """The notebooks and the tool, and a function that runs it."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools/colab.py", tmp_path / "tools")

    def rewrite(*arguments):
        command = [sys.executable, tmp_path / "tools/colab.py", *arguments]
        return subprocess.run(command, capture_output=True, text=True)

    return rewrite


def test_all_notebooks_begin_alike_and_the_cell_shows_nothing():
    first, *others = map(first_code, NOTEBOOKS)
    assert first.id == "colab" and first.source.startswith("import sys\n")
    assert all(cell == first for cell in others) and first.outputs == []


def test_the_cell_installs_on_colab_and_nowhere_else():
    source = first_code(NOTEBOOKS[0]).source
    elsewhere = run_python(RUN, source)
    assert (elsewhere.returncode, elsewhere.stdout, elsewhere.stderr) == (0, "", "")
    there = run_python(RUN, source, "google.colab")
    assert there.returncode == 0, there.stderr
    commands = [line for line in there.stdout.splitlines() if line.startswith("pip ")]
    assert commands[0] == "pip install --quiet --no-deps mxnet==1.9.1"
    assert len(commands) == 2 and commands[1].startswith("pip install --quiet ")


def test_with_an_address_each_notebook_has_its_badge_and_without_it_none(copied, tmp_path):
    assert copied("me/food").returncode == copied("me/food").returncode == 0
    for path in sorted((tmp_path / "notebooks").glob("*.ipynb")):
        title = nbformat.read(path, as_version=4).cells[0].source
        assert title.count("colab-badge.svg") == 1
        assert f"colab.research.google.com/github/me/food/blob/main/notebooks/{path.name})" in title
        assert first_code(path).source.count("git+https://github.com/me/food") == 1
    assert copied().returncode == 0
    for path in NOTEBOOKS:
        again = (tmp_path / "notebooks" / path.name).read_text()
        assert "colab-badge" not in again
        if "colab-badge" not in path.read_text():
            assert again == path.read_text()
    refused = copied("https://github.com/me/food")
    assert refused.returncode == 1 and "is no OWNER/NAME" in refused.stderr


def test_a_new_notebook_is_given_the_cell_and_stays_as_if_executed_in_order(copied, tmp_path):
    new = nbformat.v4.new_notebook()
    new.cells = [
        nbformat.v4.new_markdown_cell("# Title\n\nWords."),
        nbformat.v4.new_code_cell("6 * 7", execution_count=1),
    ]
    new.cells[1].outputs = [
        nbformat.v4.new_output("execute_result", {"text/plain": "42"}, execution_count=1)
    ]
    nbformat.write(new, tmp_path / "notebooks/99-new.ipynb")
    assert copied().returncode == 0
    title, colab, cell = nbformat.read(tmp_path / "notebooks/99-new.ipynb", as_version=4).cells
    assert title.source == "# Title\n\nWords." and colab.source == first_code(NOTEBOOKS[0]).source
    assert (colab.execution_count, cell.execution_count) == (1, 2)
    assert cell.outputs[0].execution_count == 2
