"""Predictions from an ONNX file, where neither MXNet nor much else is there."""

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, run_python
from picture_zoo import BAD, GOOD

import hotdog_ft

onnx = pytest.importorskip("onnx", reason="the package onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

# A machine where MXNet, and what else training takes, cannot be installed.
ELSEWHERE = """
import runpy, sys
for name in "mxnet pandas pooch requests tqdm safetensors matplotlib scipy onnx packaging".split():
    sys.modules[name] = None
runpy.run_module("hotdog_ft.onnx_predict", run_name="__main__")
"""


@pytest.fixture(scope="module", params=[False, True], ids=["as they are", "and mirrored"])
def exported(tmp_path_factory, request):
    """The mini set's net, and what the shell wrote of it as ONNX."""
    folder = tmp_path_factory.mktemp("exported")
    recipe = hotdog_ft.load_recipe("mini")
    net = recipe.load_pretrained_net()
    net.mirrored = request.param
    names = list(recipe.source_classes().name)
    hotdog_ft.save_net(net, folder / "net.safetensors", names, 64)
    command = [sys.executable, "-m", "hotdog_ft", "export", "--net", "net.safetensors"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and "in onnxruntime" in done.stdout, done.stderr
    for name, (content, _, _) in GOOD.items():
        (folder / "good").mkdir(exist_ok=True)
        (folder / "good" / name).write_bytes(content)
    return folder


def test_predictions_without_mxnet_are_those_of_predict(exported):
    done = run_python(ELSEWHERE, "good", "--csv", cwd=exported)
    assert done.returncode == 0 and done.stderr == ""
    rows = {row["file"]: row for row in csv.DictReader(io.StringIO(done.stdout))}
    frame = hotdog_ft.predict(hotdog_ft.load_net(exported / "net.safetensors"), exported / "good")
    assert len(rows) == len(frame) == len(GOOD)
    for row in frame.itertuples():
        theirs = rows[str(Path(row.file).relative_to(exported))]
        assert theirs["label"] == row.label
        assert float(theirs["probability"]) == pytest.approx(row.probability, abs=1e-5)


def test_a_net_that_gives_no_finite_numbers_is_one_line(exported):
    model = onnx.load(str(exported / "net.onnx"))
    bias = next(one for one in model.graph.initializer if one.name == "output.bias")
    numbers = onnx.numpy_helper.to_array(bias) + float("nan")
    bias.CopyFrom(onnx.numpy_helper.from_array(numbers, bias.name))
    onnx.save(model, str(exported / "nan.onnx"))
    done = run_python(ELSEWHERE, "good", "--net", "nan.onnx", cwd=exported)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("hotdog_ft: nan.onnx gives no finite numbers")
    assert done.stderr.count("\n") == 1


def test_a_table_has_a_line_for_each_picture(exported):
    done = run_python(ELSEWHERE, "good/plain.png", "good/grey.png", cwd=exported)
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == ["file", "good/plain.png", "good/grey.png"]
    assert lines[0][1:] == ["label", "probability"] and len(lines[1][2]) == len("0.123456")


def test_bad_pictures_are_named_and_the_others_predicted_only_when_that_is_wanted(exported):
    (exported / "bad").mkdir()
    for name, content in BAD.items():
        (exported / "bad" / name).write_bytes(content)
    bad = [f"bad/{name}" for name in BAD]
    done = run_python(ELSEWHERE, "good", *bad, cwd=exported)
    assert done.returncode == 1 and done.stdout == ""
    assert all(name in done.stderr for name in bad) and "good/" not in done.stderr
    skipped = run_python(ELSEWHERE, "good", *bad, "--skip-bad", "--csv", cwd=exported)
    assert skipped.returncode == 1 and all(name in skipped.stderr for name in bad)
    assert skipped.stdout == run_python(ELSEWHERE, "good", "--csv", cwd=exported).stdout


def test_what_is_missing_or_no_net_of_ours_is_one_line(exported):
    (exported / "empty").mkdir()
    other = onnx.load(exported / "net.onnx")
    del other.metadata_props[:]
    onnx.save(other, exported / "other.onnx")
    onnx.helper.set_model_props(other, {"hotdog_ft": "no JSON"})
    onnx.save(other, exported / "odd.onnx")
    for arguments, sentence in (
        (["--net", "absent.onnx", "good"], "There is no absent.onnx"),
        (["--net", "good/plain.png", "good"], "cannot be read as ONNX"),
        (["--net", "good", "good"], "good is a folder"),
        (["--net", "odd.onnx", "good"], "cannot be read as ONNX"),
        (["--net", "other.onnx", "good"], "does not say how its pictures are prepared"),
        (["absent.png"], "There is no absent.png"),
        (["empty"], "There is no picture in empty"),
    ):
        done = run_python(ELSEWHERE, *arguments, cwd=exported)
        assert done.returncode == 1 and done.stdout == ""
        assert sentence in done.stderr and done.stderr.count("\n") == 1
    alone = ELSEWHERE.replace("mxnet", "onnxruntime mxnet", 1)
    assert "pip install onnxruntime" in run_python(alone, "good", cwd=exported).stderr


def test_a_reader_that_has_seen_enough_ends_it_silently(exported):
    command = [sys.executable, "-c", ELSEWHERE, "good/plain.png"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=exported, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141  # as of a program that SIGPIPE ended: 128 + 13


def test_a_name_with_signs_that_move_the_cursor_stays_in_its_row(exported):
    os.link(exported / "good/plain.png", exported / "new\nline\ttab.png")
    done = run_python(ELSEWHERE, "new\nline\ttab.png", cwd=exported)
    assert done.stdout.count("\n") == 2 and r"new\nline\ttab.png" in done.stdout, done.stderr


def test_classes_may_be_numbers(exported):
    net = hotdog_ft.load_net(exported / "net.safetensors")
    hotdog_ft.export_onnx(net, exported / "numbers.onnx", classes=range(14))
    done = run_python(ELSEWHERE, "good/plain.png", "--net", "numbers.onnx", cwd=exported)
    assert done.returncode == 0 and done.stdout.split()[4].isdigit(), done.stderr
