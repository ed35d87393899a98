"""``predict_files`` and ``predict --out``: any number of files, stopped or not."""

import io
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import hotdog_ft

# isort: split
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, make_source_net
from picture_zoo import GOOD

from hotdog_ft.__main__ import main
from hotdog_ft.parts import predict_files, read_answers

FILES = 600  # two parts of 256 and one of 88


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Links to one good picture and to three bad ones; a net; and there we are."""
    net = make_source_net(classes=3)
    hotdog_ft.save_net(net, tmp_path / "net.safetensors", ["a", "b,c", "热狗"], size=32)
    folder = tmp_path / "photos"
    folder.mkdir()
    (tmp_path / "good.png").write_bytes(GOOD["plain.png"][0])
    (tmp_path / "bad.png").write_bytes(b"")
    for number in range(FILES):
        kind = "bad" if number in (0, 300, 301) else "good"
        (folder / f"{number:04}.png").symlink_to(tmp_path / f"{kind}.png")
    monkeypatch.chdir(tmp_path)
    return folder


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "hotdog_ft", "predict", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def tables(folder, kind):
    return [pd.read_csv(path) for path in sorted(folder.glob(f"{kind}-*.csv"))]


def test_the_parts_say_what_predict_says_and_list_what_is_bad(photos, tmp_path):
    net = hotdog_ft.load_net("net.safetensors")
    out = tmp_path / "predictions"
    assert predict_files(net, "photos", out, top_k=2, probabilities=True) == 3
    parts = tables(out, "part")
    assert [len(part) for part in parts] == [255, 254, 88]
    files = sorted(str(path.relative_to(tmp_path)) for path in photos.iterdir())
    expected = hotdog_ft.predict(
        net, files[:256], top_k=2, probabilities=True, skip_bad=True
    ).dropna(subset="label")
    pd.testing.assert_frame_equal(
        parts[0], expected.drop(columns="error").reset_index(drop=True), check_dtype=False
    )
    bad = pd.concat(tables(out, "bad"))
    assert bad.file.tolist() == ["photos/0000.png", "photos/0300.png", "photos/0301.png"]
    assert sorted(pd.concat([*parts, bad]).file) == files
    assert all(file in error for file, error in zip(bad.file, bad.error))


def test_names_that_look_like_numbers_or_nothing_come_back_as_they_are(photos):
    names = ["007", "nan", "1e3"]
    hotdog_ft.save_net(hotdog_ft.load_net("net.safetensors"), "odd.safetensors", names, size=32)
    files = [f"photos/{number:04}.png" for number in range(1, 260)]
    for top_k in (1, 3):
        assert predict_files("odd.safetensors", files, f"out {top_k}", top_k=top_k) == 0
        found = read_answers(f"out {top_k}")
        expected = hotdog_ft.predict(hotdog_ft.load_net("odd.safetensors"), files, top_k=top_k)
        pd.testing.assert_frame_equal(found, expected, check_dtype=False, atol=1e-6)
        assert set(found.filter(regex="^label").to_numpy().ravel()) <= set(names)
    files = ["photos/0000.png"] * 256 + files  # a part without an answer
    assert predict_files("odd.safetensors", files, "bad first") == 256
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read_answers("bad first")
    assert found.probability.dtype == float and len(found) == len(files) - 256
    for folder in ("photos", "nowhere"):
        with pytest.raises(hotdog_ft.DataError, match=f"{folder} holds no predictions"):
            read_answers(folder)


def test_a_killed_one_goes_on_and_ends_as_if_nothing_had_been(photos, tmp_path, capsys):
    assert main(["predict", "photos", "--out", "whole"]) == 1
    assert "bad files: 3, listed in bad-*.csv." in capsys.readouterr().out
    process = start("photos", "--out", "killed")
    first = tmp_path / "killed/part-000000.csv"
    while not first.exists() and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    before = {path: path.stat().st_ino for path in first.parent.glob("part-*.csv")}
    assert first in before
    assert main(["predict", "photos", "--out", "killed"]) == 1
    assert all(path.stat().st_ino == inode for path, inode in before.items())  # not written again
    found = contents(tmp_path / "killed")
    # what the killed process may have been writing has a hidden name
    assert {n: c for n, c in found.items() if n[0] != "."} == contents(tmp_path / "whole")


def test_ctrl_c_says_how_to_go_on(photos, tmp_path):
    process = start("photos", "--out", "out")
    while not (tmp_path / "out/part-000000.csv").exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.wait() in (130, 1)  # the latter if it was done before
    if process.returncode == 130:
        assert process.stderr.read() == (
            "hotdog_ft: Stopped. What was done is in out: the same call goes on from there.\n"
        )


def test_a_folder_belongs_to_one_net_one_list_of_files_and_one_set_of_options(photos, capsys):
    files = ["photos/0001.png", "photos/0002.png"]
    other = make_source_net(version=1, classes=3)
    hotdog_ft.save_net(other, "other.safetensors", ["a", "b,c", "热狗"], size=32)
    assert main(["predict", *files, "--out", "out"]) == 0
    before = contents(photos.parent / "out")
    for what, arguments in {
        "net": [*files, "--net", "other.safetensors"],
        "files": files[:1],
        "top_k": [*files, "--top-k", "2"],
        "probabilities": [*files, "--probabilities"],
    }.items():
        capsys.readouterr()
        assert main(["predict", *arguments, "--out", "out"]) == 1
        assert capsys.readouterr().err == (
            f"hotdog_ft: out holds other predictions (what differs: {what}): name another folder, "
            "or remove this one to begin again.\n"
        )
    assert contents(photos.parent / "out") == before
    assert main(["predict", *files, "--out", "photos"]) == 1
    assert "photos holds something else" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["absent", "--out", "out"], "There is no absent."),
        (["photos/*.webp", "--out", "out"], "no picture that matches"),
        (["photos", "--out", "out", "--top-k", "4"], "a whole number from 1 to 3"),
        (["photos", "--out", "good.png"], "good.png cannot be written to"),
        (["photos", "--scheduler", "local"], "--scheduler needs --out"),
    ],
)
def test_a_fault_is_one_line_and_leaves_no_folder(arguments, words, photos, capsys):
    assert main(["predict", *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == "" and words in err and err.count("\n") == 1
    assert not (photos.parent / "out").exists()


@pytest.mark.parametrize("nothing", [None, float("nan"), b"x"])
def test_what_is_no_path_is_refused_by_its_place(nothing, photos, tmp_path):
    net = hotdog_ft.load_net("net.safetensors")
    with pytest.raises(ValueError, match="Picture 2 is no path"):
        predict_files(net, ["photos/0001.png", nothing], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_paths_come_from_anywhere_and_what_is_absent_or_all_bad_is_listed(photos, tmp_path):
    net = hotdog_ft.load_net("net.safetensors")
    (photos / "0002.png").rename(photos / "café\n.png")
    some = (path for path in [photos / "café\n.png", "photos/000[3-5].png", "photos/gone.png"])
    assert predict_files(net, some, "out") == 1
    names = [f"{photos}/café\n.png", *(f"photos/000{n}.png" for n in (3, 4, 5))]
    assert tables(tmp_path / "out", "part")[0].file.tolist() == names
    assert tables(tmp_path / "out", "bad")[0].file.tolist() == ["photos/gone.png"]
    assert predict_files(net, ["bad.png"], "worse", probabilities=True) == 1
    (empty,) = tables(tmp_path / "worse", "part")  # pandas reads it all the same
    assert list(empty) == ["file", "label", "probability", "a", "b,c", "热狗"] and not len(empty)
    with pytest.raises(ValueError, match="Picture 1 is no path"):
        predict_files(net, [photos.parent.joinpath("good.png").read_bytes()], "out")


def test_files_of_the_same_names_elsewhere_are_others(photos, tmp_path, monkeypatch):
    (tmp_path / "elsewhere/photos").mkdir(parents=True)
    (tmp_path / "elsewhere/photos/0001.png").symlink_to(tmp_path / "good.png")
    net = hotdog_ft.load_net("net.safetensors")
    for k in (2, np.int64(2)):  # which JSON does not know
        assert predict_files(net, "photos/0001.png", tmp_path / "out", top_k=k) == 0
    monkeypatch.chdir("elsewhere")
    with pytest.raises(hotdog_ft.DataError, match=r"what differs: files\)"):
        predict_files(net, "photos/0001.png", tmp_path / "out", top_k=2)


def test_what_is_no_longer_bad_is_no_longer_listed(photos, tmp_path):
    net, out = hotdog_ft.load_net("net.safetensors"), tmp_path / "out"
    assert predict_files(net, "photos", out) == 3
    (tmp_path / "bad.png").write_bytes((tmp_path / "good.png").read_bytes())
    whole = (out / "part-000002.csv").stat().st_mtime_ns
    (out / "part-000001.csv").unlink()
    assert predict_files(net, "photos", out) == 1  # the other part says what was
    assert predict_files(net, "photos", out) == 0  # all was done: this looks again
    assert [len(part) for part in tables(out, "part")] == [256, 256, 88]
    assert not list(out.glob("bad-*")) and (out / "part-000002.csv").stat().st_mtime_ns == whole


def test_a_folder_that_cannot_be_listed_ends_it_with_the_reason(photos, monkeypatch):
    def refused(folder):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refused)  # the tests may be run by root
    with pytest.raises(hotdog_ft.DataError, match=r"photos cannot be listed .*Permission denied"):
        predict_files("net.safetensors", ["good.png", "photos"], "out")
    assert not (photos.parent / "out").exists()


def test_names_with_a_carriage_return_are_one_row_each(tmp_path, capsys, photos):
    for name, kind in (("a\rb.png", "good"), ("c\rd.png", "bad")):
        (tmp_path / name).symlink_to(tmp_path / f"{kind}.png")
    odd = [str(tmp_path / "a\rb.png"), str(tmp_path / "c\rd.png")]
    assert predict_files("net.safetensors", odd, tmp_path / "out") == 1
    assert [part.file.tolist() for part in tables(tmp_path / "out", "part")] == [odd[:1]]
    assert [part.file.tolist() for part in tables(tmp_path / "out", "bad")] == [odd[1:]]
    assert main(["predict", "--net", "net.safetensors", "--csv", odd[0]]) == 0
    assert pd.read_csv(io.StringIO(capsys.readouterr().out, newline="")).file.tolist() == odd[:1]


@pytest.mark.parametrize("content", ["", "{}", "[1"])
def test_what_is_noted_of_a_folder_may_be_damaged(content, photos, tmp_path):
    predict_files("net.safetensors", "good.png", tmp_path / "out")
    (tmp_path / "out/predictions.json").write_text(content)
    with pytest.raises(hotdog_ft.DataError, match=r"predictions\.json is damaged"):
        predict_files("net.safetensors", "good.png", tmp_path / "out")


def test_where_nothing_is_left_to_do_no_cluster_is_asked(photos, tmp_path):
    expected = predict_files("net.safetensors", "good.png", tmp_path / "out")
    again = predict_files("net.safetensors", "good.png", tmp_path / "out", scheduler="tcp://no:1")
    assert again == expected == 0
