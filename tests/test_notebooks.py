"""What every committed notebook keeps to; that it runs is checked by nbval."""

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def code_cells(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def test_report_35_there_are_notebooks_with_code():
    assert NOTEBOOKS and all(len(code_cells(path)) > 0 for path in NOTEBOOKS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestNotebook:
    def test_cells_are_short(self, path):
        for cell in code_cells(path):
            lines = cell.source.splitlines()
            assert len(lines) <= 15 and max(map(len, lines)) <= 100

    def test_it_was_run_in_order_from_a_fresh_kernel(self, path):
        assert [cell.execution_count for cell in code_cells(path)] == list(range(1, len(code_cells(path)) + 1))
        assert any(cell.outputs for cell in code_cells(path))  # report 11: a stripped one passes with nothing

    def test_report_33_outputs_are_recorded_ones(self, path):
        for cell in code_cells(path):
            for output in cell.outputs:
                assert output.output_type != "error"
                assert output.get("name") != "stderr"
                assert not {"image/svg+xml", "image/jpeg"} & set(output.get("data", {}))

    def test_no_path_of_a_machine_is_in_it(self, path):
        assert not re.search(r"(/home/|/root/|/tmp/|/Users/|[A-Z]:\\\\)", path.read_text())

    def test_only_public_names_and_plain_packages_are_used(self, path):
        source = "\n".join(cell.source for cell in code_cells(path))
        imported = set(re.findall(r"^(?:import|from) (\w+)", source, re.M))
        assert imported <= {"hotdog_ft", "mxnet", "numpy", "pandas", "matplotlib"}
        assert not re.search(r"hotdog_ft\.(\w+\.)*_\w", source)


def test_report_11_every_rule_of_the_sanitizer_takes_effect():
    """nbval ignores a rule whose ``replace:`` does not end in a space, without a word."""
    text = (ROOT / "notebooks/sanitize.cfg").read_text()
    replacements = re.findall(r"^replace:.*", text, re.M)
    assert len(replacements) == len(re.findall(r"^\[", text, re.M)) == len(re.findall(r"^regex:", text, re.M))
    assert all(line.endswith(" ") for line in replacements)
