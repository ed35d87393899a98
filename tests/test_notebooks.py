"""What every committed notebook keeps to; that it runs is checked by nbval."""

import re
from pathlib import Path
from types import SimpleNamespace

import mxnet as mx
import nbformat
import numpy as np
import pandas as pd
import pytest
from conftest import make_source_net

import hotdog_ft
from hotdog_ft import tables
from hotdog_ft.history import History
from hotdog_ft.zoo import imagenet_classes

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
        assert [cell.execution_count for cell in code_cells(path)] == list(
            range(1, len(code_cells(path)) + 1)
        )
        assert any(
            cell.outputs for cell in code_cells(path)
        )  # report 11: a stripped one passes with nothing

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
        assert imported <= {
            "dataclasses",
            "hotdog_ft",
            "mxnet",
            "numpy",
            "pandas",
            "matplotlib",
            "pathlib",
            "PIL",
            "sys",
            "tempfile",
        }
        assert not re.search(r"hotdog_ft\.(\w+\.)*_\w", source)


RATES = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0]


def curve(*test_acc):
    return History(test_acc=list(test_acc))


# For each cell with the tag "verdict", in order: its variables if the claim were false.
FALSE_WORLDS = {
    "01-fine-tuning": [
        {
            "pretrained_net": hotdog_ft.finetune_net(make_source_net(), 2),
            "x": mx.nd.ones((1, 3, 32, 32)),
            "source_before": np.zeros((1, 10, 1, 1), "float32"),
        },  # the source changed
        {"finetuned": curve(0.5, 0.52), "scratch": curve(0.5, 0.5)},
    ],  # labels at random: both at chance
    "02-learning-rate": [
        {
            "rates": RATES,
            "table": pd.DataFrame({"test_acc": [0.5] * 8}, index=RATES),
        },  # the rate does not matter
        {
            "rates": RATES,
            "table": pd.DataFrame({"test_acc": np.arange(8) / 10}, index=RATES),
            "best": 1.0,
            "suggestion": 0.003,
        },
    ],  # far from the best
    "03-budgets": [
        {
            "table": pd.DataFrame(
                {"3 epochs": [0.8, 0.6, 0.7, 0.75]},
                index=pd.MultiIndex.from_product([["finetune", "scratch"], [0.01, 0.1]]),
            )
        },  # a good rate from scratch beats a bad one of fine-tuning
        {
            "sizes": pd.DataFrame(
                {"run": ["finetune"] * 2, "fraction": [0.25, 0.5], "test_acc": [0.5, 0.8]}
            ),
            "by_size": pd.DataFrame({"scratch": [0.5, 0.5, 0.6]}),
        },
        {"runs": pd.DataFrame({"finetune": [0.9, 0.6, 0.9, 0.6], "scratch": [0.6, 0.9, 0.5, 0.6]})},
    ],  # the seed decides
    "04-frozen-features": [
        {
            "before": {"features": "a", "output": "b"},
            "after": {"features": "c", "output": "d"},
        },  # features moved
        {
            "table": pd.DataFrame(
                {"test_acc": [0.9, 0.75]}, index=["all", "output, stored features"]
            ),
        },
        {"epoch_of_all": 1.0, "epoch_stored": 0.9},
    ],
    "05-hot-dog-row": [
        {"row": 934, "control": 713, "untrained": {934: 0.7, 713: 0.7}},  # any row will do
        {
            "accuracies": {
                name: np.random.default_rng(i).uniform(0.4, 0.6, (10, 6))
                for i, name in enumerate(["random", "hot dog row", "control row"])
            }
        },
    ],
    "06-probing-first": [
        {
            "curves": {
                0.5: pd.Series([0.7, 0.6]),
                0.9: pd.Series([0.7, 0.8]),
                5: pd.Series([0.7, 3.0]),
            }
        },  # no bound
        {
            "ends": pd.DataFrame(
                {
                    "probing, then fine-tuning": [0.91, 0.9],
                    "fine-tuning": [0.9, 0.9],
                    "its probe": [0.88, 0.88],
                }
            )
        },
    ],  # a tie with one of the seeds
    "07-your-own-photographs": [
        {
            "frame": pd.DataFrame({"true": ["a", "b"] * 10, "label": ["a", "a"] * 10}),
            "accuracy": 0.5,
            "evaluated": 0.5,
        },
        {"before": np.array([[1, 0]]), "after": np.array([[0, 1]])},  # another answer
        {"resumed": curve(0.8, 0.9), "straight": curve(0.8, 0.85)},  # the stop left a trace
        {
            "frame": pd.DataFrame({"label": ["a"], "probability": [0.9]}),
            "again": pd.DataFrame({"label": ["a"], "probability": [0.8]}),
        },
    ],
}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_verdict_fails_when_its_claim_is_false(path):
    verdicts = [
        cell.source for cell in code_cells(path) if "verdict" in cell.metadata.get("tags", [])
    ]
    worlds = FALSE_WORLDS[path.stem]
    names = {"hotdog_ft": hotdog_ft, "tables": tables, "np": np, "pd": pd}
    names["recipe"] = hotdog_ft.load_recipe("mini")
    assert len(verdicts) == len(worlds) > 0
    for source, world in zip(verdicts, worlds):
        with pytest.raises(AssertionError):
            exec(source, {**names, **world})


def test_report_11_every_rule_of_the_sanitizer_takes_effect():
    """nbval ignores a rule whose ``replace:`` does not end in a space, without a word."""
    text = (ROOT / "notebooks/sanitize.cfg").read_text()
    replacements = re.findall(r"^replace:.*", text, re.M)
    assert (
        len(replacements)
        == len(re.findall(r"^\[", text, re.M))
        == len(re.findall(r"^regex:", text, re.M))
    )
    assert all(line.endswith(" ") for line in replacements)


def test_with_imagenets_classes_the_control_is_the_photocopier():
    """Row 713, which the book's code takes; pencil boxes and pencil sharpeners come before it."""
    cells = code_cells(ROOT / "notebooks/05-hot-dog-row.ipynb")
    (source,) = [cell.source for cell in cells if "control = " in cell.source]
    recipe = SimpleNamespace(load_pretrained_net=lambda: None, source_classes=imagenet_classes)
    names = {"recipe": recipe}
    exec(source, names)
    assert (names["row"], names["control"]) == (934, 713)
