"""``python -m hotdog_ft predict``: what it prints, for people and for other programs."""

import csv
import io
import json
import os
import shlex
import subprocess
import sys

import hotdog_ft

# isort: split
import numpy as np
import pytest
from conftest import ROOT, make_source_net
from picture_zoo import GOOD

from hotdog_ft import prediction
from hotdog_ft.__main__ import main

NAMES = ["2.png", 'a, "b"\n.png', "bánh mì 热狗.png", os.fsdecode(b"caf\xe9.png")]


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Good pictures, the names of which are hard to print; a net; and there we are."""
    net = make_source_net(classes=3)
    hotdog_ft.save_net(net, tmp_path / "net.safetensors", ["a", "b,c", "热狗"], size=32)
    (tmp_path / "photos").mkdir()
    for name in NAMES[:3]:
        (tmp_path / "photos" / name).write_bytes(GOOD["plain.png"][0])
    monkeypatch.chdir(tmp_path)
    return tmp_path / "photos"


def run(*arguments, **options):
    """The command in a process of its own; what it prints are bytes."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
    command = [sys.executable, "-m", "hotdog_ft", "predict", *map(str, arguments)]
    return subprocess.run(command, env=environment, **{"capture_output": True, **options})


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_report_55_file_names_come_out_as_they_are_on_disk(encoding, photos):
    (photos / NAMES[3]).write_bytes(GOOD["plain.png"][0])  # which pytest's own output cannot hold
    done = run("photos", env={"PYTHONIOENCODING": encoding})
    assert done.returncode == 0 and done.stderr == b""
    for name in (NAMES[0], *NAMES[2:]):
        assert os.fsencode(f"photos/{name}") in done.stdout


def test_report_55_a_bad_file_of_such_a_name_is_named(photos):
    (photos / NAMES[3]).write_bytes(b"")
    done = run("photos", env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 1 and done.stdout == b"" and b"Traceback" not in done.stderr
    assert rb"caf\udce9.png" in done.stderr


@pytest.mark.parametrize("form", ["--csv", "--json"])
def test_report_72_other_programs_read_what_is_printed(form, photos):
    (photos / NAMES[3]).write_bytes(GOOD["plain.png"][0])
    done = run("photos", form, "--top-k", 2, "--probabilities")
    assert done.returncode == 0
    if form == "--csv":
        text = io.StringIO(done.stdout.decode("utf-8", "surrogateescape"), newline="")
        rows = list(csv.DictReader(text))
    else:
        rows = json.loads(done.stdout)  # JSON is UTF-8 throughout
    frame = hotdog_ft.predict(
        hotdog_ft.load_net("net.safetensors"), "photos", top_k=2, probabilities=True
    )
    assert len(rows) == len(frame) == 4
    for row, expected in zip(rows, frame.to_dict("records")):
        assert list(row) == list(expected) and row["file"] == expected["file"]
        for name, value in expected.items():
            assert row[name] == value if isinstance(value, str) else float(row[name]) == value
    assert {os.fsencode(row["file"]) for row in rows} == {
        os.fsencode(f"photos/{name}") for name in NAMES
    }


@pytest.mark.parametrize("form", [[], ["--csv"], ["--json"]])
def test_report_59_bad_files_are_listed_and_the_others_predicted(form, photos, capsys):
    (photos / "2.png").write_bytes(b"")
    (photos / "3.png").write_bytes(GOOD["plain.png"][0][:60])
    assert main(["predict", "photos", *form]) == 1
    out, err = capsys.readouterr()
    assert out == "" and "2 of 4 pictures are bad" in err
    assert main(["predict", "photos", "--skip-bad", *form]) == 1
    out, err = capsys.readouterr()
    assert len(err.splitlines()) == 2
    assert all(line.startswith("hotdog_ft: ") for line in err.splitlines())
    if form == ["--csv"]:
        rows = list(csv.DictReader(io.StringIO(out)))
        assert [bool(row["error"]) for row in rows] == [not row["label"] for row in rows]
        assert sum(bool(row["error"]) for row in rows) == 2 and len(rows) == 4
    elif form:
        rows = json.loads(out)
        bad = [row for row in rows if row["error"] is not None]
        assert len(rows) == 4 and len(bad) == 2
        assert all(row["label"] is row["probability"] is None for row in bad)
    else:
        assert "2.png" not in out and "3.png" not in out and "热狗.png" in out
        assert "error" not in out


def test_skip_bad_without_bad_ones_ends_well(photos, capsys):
    assert main(["predict", "photos/*", "--skip-bad"]) == 0
    out, err = capsys.readouterr()
    heads, first = (line.split() for line in out.split("\n")[:2])
    assert err == "" and heads == ["file", "label", "probability"] and first[0] == "photos/2.png"


@pytest.mark.parametrize("form", [[], ["--csv"], ["--json"]])
def test_report_72_a_reader_that_has_seen_enough_ends_it_silently(form, photos):
    read, write = os.pipe()
    os.close(read)  # as `head` leaves, only earlier
    with open(write, "wb") as pipe:
        done = run("photos", *form, capture_output=False, stdout=pipe, stderr=subprocess.PIPE)
    assert done.stderr == b"" and done.returncode == 141  # what a shell says after SIGPIPE


def test_report_72_output_that_does_not_fit_or_is_closed(photos):
    with open("/dev/full", "wb") as full:
        done = run("photos", capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1 and done.stderr.decode() == (
        "hotdog_ft: [Errno 28] No space left on device\n"
    )
    closed = f"exec {shlex.quote(sys.executable)} -m hotdog_ft predict photos >&-"
    done = subprocess.run(
        ["sh", "-c", closed], capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0 and done.stderr == b""


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["photos", "--top-k", "4"], "top_k is 4: it must be a whole number from 1 to 3"),
        (["absent.png"], "There is no absent.png"),
        (["https://example.org/a.png"], "download it first"),
        (["photos/*.webp"], "no picture that matches"),
        (["photos", "--net", "absent.safetensors"], "absent.safetensors"),
    ],
)
def test_a_fault_is_one_line(arguments, words, photos, capsys):
    assert main(["predict", *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("hotdog_ft: ") and words in err and err.count("\n") == 1


@pytest.mark.parametrize("options", [["--csv", "--json"], ["--top-k", "0"], ["--top-k", "x"]])
def test_options_that_make_no_sense_are_refused(options, photos, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["predict", "photos", *options])
    assert stop.value.code == 2 and options[0].strip("-") in capsys.readouterr().err


def fault(error):
    def raise_it(*arguments, **options):
        raise error

    return raise_it


@pytest.mark.parametrize(
    "broken",
    [
        fault(KeyError("x")),
        fault(TypeError("x")),
        fault(ValueError("operands could not be broadcast together")),
        lambda *arguments, **options: json.loads("{"),
        lambda *arguments, **options: np.reshape(np.zeros(3), (2, 2)),
    ],
)
def test_a_fault_of_the_program_keeps_its_traceback(broken, photos, monkeypatch):
    monkeypatch.setattr(prediction, "predict", broken)
    with pytest.raises((KeyError, TypeError, ValueError)):
        main(["predict", "photos"])


@pytest.mark.parametrize(
    "error, words",
    [
        (OSError("disk full"), "disk full\n"),
        (MemoryError("too much"), "too much\n"),
        (ImportError("odd.so"), "A package is broken (ImportError: odd.so): python -m"),
    ],
)
def test_a_fault_of_the_machine_is_one_line(error, words, photos, monkeypatch, capsys):
    monkeypatch.setattr(prediction, "predict", fault(error))
    assert main(["predict", "photos"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"hotdog_ft: {words}") and said.count("\n") == 1
