"""In what a net computes: who chooses int8, where, and where one can see it."""

import json

import hotdog_ft

# isort: split
import numpy as np
import pytest
from conftest import make_source_net
from picture_zoo import GOOD

from hotdog_ft import precision
from hotdog_ft.__main__ import main
from hotdog_ft.cores import has_instructions
from hotdog_ft.files import DataError
from hotdog_ft.history import History
from hotdog_ft.parts import predict_files
from hotdog_ft.precision import settled
from hotdog_ft.quantization import find_ranges
from hotdog_ft.settings import FINE_TUNE, Settings


@pytest.fixture
def photos(tmp_path):
    """Forty files of one picture."""
    (tmp_path / "photos").mkdir()
    for number in range(40):
        (tmp_path / "photos" / f"{number:02}.png").write_bytes(GOOD["plain.png"][0])
    return tmp_path / "photos"


@pytest.fixture
def net(photos):
    net = make_source_net(1)
    net.size, net.classes = 64, list("abcde")
    net.ranges = find_ranges(net, photos)
    return net


@pytest.fixture
def processor(monkeypatch):
    """A function that sets whether there are instructions for int8, and how long each takes."""

    def is_(int8=True, float32_seconds=2.0, int8_seconds=1.0):
        taken = iter([int8_seconds, float32_seconds])
        monkeypatch.setattr(precision, "has_int8", lambda: int8)
        monkeypatch.setattr(precision, "_seconds", lambda block, X: next(taken))
        monkeypatch.setattr(precision, "_faster", {})

    return is_


def how(net, pictures, asked="auto"):
    return hotdog_ft.predict(net, pictures, precision=asked).attrs["precision"]


@pytest.mark.parametrize(
    "flags, has",
    [
        ("fpu avx2 avx512f avx512_vnni", True),
        ("fpu avx2 avx_vnni", True),
        ("fpu amx_tile amx_int8", True),
        ("fpu avx2 avx512f avx512_vnni2 avx512_bf16", False),
    ],
)
def test_instructions_are_read_off_the_processors_flags(flags, has, tmp_path):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text(f"model name : x\nflags\t\t: {flags}\nbugs :\n")
    assert has_instructions(precision.INSTRUCTIONS, tmp_path) is has
    assert not has_instructions(precision.INSTRUCTIONS, tmp_path / "not-linux")


def test_auto_is_int8_where_it_is_faster_by_a_trial_once_a_process(net, photos, processor):
    processor()
    assert how(net, photos) == how(net, photos) == "int8"  # a second trial would find no more times
    processor(int8_seconds=3.0)
    assert how(net, photos) == "float32"
    processor(int8=False)
    assert how(net, photos) == "float32"
    assert how(net, photos, "int8") == "int8"  # who asks gets it


def test_few_pictures_are_float32_unless_int8_is_asked_for(net, photos, processor):
    processor()
    assert how(net, sorted(photos.iterdir())[:31]) == "float32"
    one = sorted(photos.iterdir())[0]
    found = [hotdog_ft.predict(net, one, precision=asked) for asked in ("int8", "float32")]
    assert found[0].attrs["precision"] == "int8"
    assert found[0].probability[0] != found[1].probability[0]


def test_a_net_without_ranges_is_as_it_was(net, photos, processor):
    processor()
    once = hotdog_ft.predict(net, photos, probabilities=True, precision="float32")
    net.ranges = None
    again = hotdog_ft.predict(net, photos, probabilities=True)
    assert again.equals(once) and again.attrs["precision"] == "float32"
    with pytest.raises(ValueError, match="has no ranges for int8: train it with precision='int8'"):
        hotdog_ft.predict(net, photos, precision="int8")
    with pytest.raises(ValueError, match="'int4': it must be one of float32, int8, auto"):
        hotdog_ft.predict(net, photos, precision="int4")
    with pytest.raises(ValueError, match="'int4'"):
        settled(net, "int4", 64)


def test_a_folder_goes_on_in_its_precision_whatever_is_faster_today(net, photos, processor):
    processor()
    predict_files(net, photos, photos.parent / "out")
    part = photos.parent / "out" / "part-000000.csv"
    whole = part.read_bytes()
    part.unlink()
    processor(float32_seconds=1.0, int8_seconds=2.0)
    predict_files(net, photos, photos.parent / "out")
    assert part.read_bytes() == whole


def test_a_folder_of_predictions_is_of_one_precision(net, photos, processor, tmp_path):
    processor()
    predict_files(net, photos, tmp_path / "out")
    about = json.loads((tmp_path / "out/predictions.json").read_text())
    assert about["precision"] == "int8"
    tables = [(tmp_path / "out/part-000000.csv").read_bytes()]
    with pytest.raises(DataError, match=r"what differs: precision, ranges"):
        predict_files(net, photos, tmp_path / "out", precision="float32")
    (tmp_path / "out/part-000000.csv").unlink()
    predict_files(net, photos, tmp_path / "out", precision="int8")
    tables.append((tmp_path / "out/part-000000.csv").read_bytes())
    assert tables[0] == tables[1]


def test_few_files_are_int8_too(net, photos, processor, tmp_path):
    """Else the last part of many would be of another precision."""
    processor()
    predict_files(net, sorted(photos.iterdir())[:3], tmp_path / "out")
    assert json.loads((tmp_path / "out/predictions.json").read_text())["precision"] == "int8"


def run(net, folder, **changes):
    train_imgs, test_imgs = hotdog_ft.load_image_folders(folder)
    lines = []
    changes = {"size": 64, "test_scale": 1.0, "batch_size": 6, "num_epochs": 0, **changes}
    settings = Settings(**{**vars(FINE_TUNE), **changes})
    history = hotdog_ft.train(net, train_imgs, test_imgs, settings, report=lines.append)
    return history, lines, (train_imgs, test_imgs)


def test_a_run_in_int8_says_so_and_leaves_ranges(picture_folders):
    folder = picture_folders()
    net = hotdog_ft.finetune_net(make_source_net(1), 2)
    history, lines, (_, test_imgs) = run(net, folder, precision="int8")
    assert lines[0].startswith("features of 12 pictures in int8  ")
    assert history.probe_precision == "int8" and len(net.ranges) == 21
    assert history.probe_acc == hotdog_ft.evaluate(net, test_imgs, "int8")
    probed = net.ranges
    run(net, folder, precision="int8", num_epochs=1)
    assert len(net.ranges) == 21 and net.ranges != probed  # the features have moved
    history, lines, _ = run(net, folder)
    assert net.ranges is None and history.probe_precision == "float32"
    assert "int8" not in lines[0]
    assert History(loss=[0.5]).probe_precision == "float32"  # as in records of earlier versions


def test_auto_is_float32_in_a_run_where_int8_does_not_pay(picture_folders, processor):
    processor(int8=False)
    net = hotdog_ft.finetune_net(make_source_net(2), 2)
    history, _, _ = run(net, picture_folders(), precision="auto")
    assert net.ranges is None and history.probe_precision == "float32"
    processor()
    history, _, _ = run(net, picture_folders(), precision="auto")
    assert net.ranges and history.probe_precision == "int8"


def test_a_run_that_was_stopped_behind_its_probe_has_ranges_in_the_end(picture_folders, tmp_path):
    train_imgs, test_imgs = hotdog_ft.load_image_folders(picture_folders())
    settings = Settings(**{**vars(FINE_TUNE), "size": 64, "num_epochs": 0, "precision": "int8"})
    nets = [hotdog_ft.finetune_net(make_source_net(1), 2) for _ in range(2)]
    for net in nets:  # the second finds the first one's checkpoint
        hotdog_ft.train(net, train_imgs, test_imgs, settings, checkpoint=tmp_path / "checkpoint")
    assert nets[0].ranges == nets[1].ranges and nets[0].ranges


def test_the_command_line_trains_and_predicts_in_int8(picture_folders, photos, tmp_path, capsys):
    make_source_net(1).save_parameters(str(tmp_path / "source.params"))
    out = str(tmp_path / "net.safetensors")
    paths = ["--data", picture_folders(), "--weights", tmp_path / "source.params", "--out", out]
    more = ["--size", "64", "--epochs", "0", "--precision", "int8"]
    assert main(["train", *map(str, paths), *more]) == 0
    assert "in int8" in capsys.readouterr().out
    content = json.loads((tmp_path / "net.history.json").read_text())
    assert content["settings"]["precision"] == content["history"]["probe_precision"] == "int8"
    predict = ["predict", str(photos), "--net", out]
    assert main([*predict, "--precision", "int8", "--csv"]) == 0
    printed = capsys.readouterr()
    assert printed.err == "hotdog_ft: computed in int8\n"
    assert printed.out.startswith("file,label,probability\n") and printed.out.count("\n") == 41
    assert main([*predict, "--precision", "float32"]) == 0
    assert capsys.readouterr().err == ""
    assert main([*predict, "--precision", "int8", "--out", str(tmp_path / "answers")]) == 0
    assert "part-*.csv, computed in int8; bad files: none." in capsys.readouterr().out


def test_the_command_line_refuses_int8_in_a_line(photos, tmp_path, capsys):
    net = make_source_net()
    hotdog_ft.save_net(net, tmp_path / "net.safetensors", list("abcde"), size=64)
    predict = ["predict", str(photos), "--net", str(tmp_path / "net.safetensors")]
    assert main([*predict, "--precision", "int8"]) == 1
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith("hotdog_ft: The net has no ranges")
    assert printed.err.count("\n") == 1 and "--precision int8" in printed.err
    assert np.isfinite(hotdog_ft.predict(net, photos, size=64).probability).all()
