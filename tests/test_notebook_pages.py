"""What a reader of the pages relies on: links, contents, short paragraphs, compared tables."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from conftest import run_python
from nbconvert import ScriptExporter

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def prose(path):
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestPage:
    def test_it_opens_with_links_contents_and_what_you_will_know(self, path):
        first = nbformat.read(path, as_version=4).cells[0].source
        place = NOTEBOOKS.index(path)
        neighbours = [p.name for p in NOTEBOOKS[max(0, place - 1) : place + 2] if p != path]
        assert all(f"]({name})" in first for name in ["../README.md", *neighbours])
        assert "Contents" in first and "What you will know afterwards" in first
        headings = re.findall(r"^## (.*)$", prose(path), re.M)
        anchors = re.findall(r"\]\(#([^)]*)\)", first)
        assert anchors == [heading.replace(" ", "-") for heading in headings]

    def test_it_ends_with_a_summary_and_something_to_try(self, path):
        *_, summary, try_it = re.findall(r"^## (.*)$", prose(path), re.M)
        assert (summary, try_it) == ("Summary", "Try it")
        prompts = re.findall(r"^- ", prose(path).split("## Try it")[1], re.M)
        assert 2 <= len(prompts) <= 3

    def test_every_link_leads_to_a_file(self, path):
        targets = re.findall(r"\]\(([^)#]+)\)", prose(path))
        assert all((path.parent / target).exists() for target in targets if "://" not in target)

    def test_no_paragraph_is_long(self, path):
        for paragraph in re.split(r"\n\n|\n(?=[-\d] ?)", prose(path)):
            lines = paragraph.splitlines()
            listed = paragraph.startswith(("Contents", "- ", "1. "))
            assert listed or len(lines) <= 6, paragraph
            assert all(len(line) <= 120 or "://" in line for line in lines), paragraph

    def test_report_82_it_becomes_a_python_script(self, path):
        script, resources = ScriptExporter().from_filename(str(path))
        assert resources["output_extension"] == ".py"
        compile(script, path.name, "exec")

    def test_report_81_nothing_depends_on_the_folder_it_runs_in(self, path):
        cells = nbformat.read(path, as_version=4).cells
        code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
        assert "../" not in code and not re.search(r"Record\.load\([^)]*/", code)


def test_report_81_the_records_that_notebooks_read_are_found_from_any_folder(tmp_path):
    code = ["from hotdog_ft.records import Record"]
    for path in NOTEBOOKS:
        for cell in nbformat.read(path, as_version=4).cells:
            code += re.findall(r"Record\.load\([^)]*\)", cell.source)
    assert len(code) > 8
    code += ["import hotdog_ft", "hotdog_ft.load_recipe('mini').load_data()"]
    done = run_python("\n".join(code), cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_report_82_an_executed_notebook_keeps_what_makes_it_a_script(tmp_path):
    cells = [nbformat.v4.new_code_cell("print('out')")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "bare.ipynb")  # no metadata
    for name in ("bare.ipynb", "again.ipynb"):
        command = [sys.executable, ROOT / "tools/execute.py", "--to", tmp_path, tmp_path / name]
        subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
        text = (tmp_path / name).read_text()
        (tmp_path / "again.ipynb").write_text(text)
        assert nbformat.reads(text, as_version=4).metadata.language_info.file_extension == ".py"
        assert '"version"' not in text  # of Python, which would differ from run to run
    command = [sys.executable, "-m", "nbconvert", "--to", "script", "bare.ipynb"]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    assert "print('out')" in (tmp_path / "bare.py").read_text()


TABLE = "import pandas as pd\npd.DataFrame({'runs': [5, 3], 'mean': [0.5, 0.25]}, index=['a', 'b'])"
# What is different in a committed table, and whether nbval must fail.
DOCTORED = {
    "a decimal, which differs by machine": ("0.25", "0.31", False),
    "a label, on the page alone": ("<th>a</th>", "<th>c</th>", True),
    "a column": ("<th>mean</th>", "<th>median</th>", True),
    "a count": ("<td>5</td>", "<td>4</td>", True),
    "no longer a decimal": ("<td>0.50</td>", "<td>5</td>", True),
    "a label, in the text alone": ("a     5", "c     5", True),
}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """nbval's verdicts on one executed table, committed with something else each time."""
    folder = tmp_path_factory.mktemp("tables")
    path = folder / "tables.ipynb"
    cells = [nbformat.v4.new_code_cell(TABLE) for _ in DOCTORED]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    command = [sys.executable, ROOT / "tools/execute.py", "--to", folder, path]
    subprocess.run(command, check=True, capture_output=True)
    notebook = nbformat.read(path, as_version=4)
    for cell, (old, new, _) in zip(notebook.cells, DOCTORED.values()):
        data = cell.outputs[0].data
        assert "".join(data.values()).count(old) in (1, 2)  # in one of the two forms, or in both
        data.update({kind: text.replace(old, new) for kind, text in data.items()})
    nbformat.write(notebook, path)
    options = ["-v", "--nbval", "--nbval-sanitize-with", ROOT / "notebooks/sanitize.cfg"]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", folder]
    done = subprocess.run([*command, *options, path], capture_output=True, text=True)
    found = re.findall(r"::Cell \d+ (PASSED|FAILED)", done.stdout)
    assert len(found) == len(DOCTORED), done.stdout
    return dict(zip(DOCTORED, found))


@pytest.mark.parametrize("what", DOCTORED)
def test_a_table_is_compared_as_html_and_as_text_all_of_it_but_the_decimals(what, verdicts):
    assert verdicts[what] == ("FAILED" if DOCTORED[what][2] else "PASSED")
