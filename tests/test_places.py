"""Places that people name with ~, folders that cannot be written to, and users without a home."""

import os
import shutil
import unicodedata
from pathlib import Path

import pytest
from conftest import ROOT, make_source_net, run_python, trained, values, zip_of

import hotdog_ft
from hotdog_ft import doctor, studies
from hotdog_ft.__main__ import main
from hotdog_ft.checkpoint import Checkpoint
from hotdog_ft.download import cache_folder
from hotdog_ft.files import DataError, make_folder, user_path
from hotdog_ft.history import History
from hotdog_ft.parts import predict_files
from hotdog_ft.records import Record
from hotdog_ft.zoo import fetched_files


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder, and another one to be in, in which nothing may appear."""
    for name in ("home", "here"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "here")
    yield tmp_path / "home"
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.parametrize("path", ["~/n.safetensors", Path("~/n.safetensors")])
def test_report_48_a_net_is_saved_and_loaded_below_the_home_folder(home, path):
    net = make_source_net()
    hotdog_ft.save_net(net, path, classes=list("abcde"), size=32)
    assert [found.name for found in home.iterdir()] == ["n.safetensors"]
    read, wrote = values(hotdog_ft.load_net(path)), values(net)
    assert all((read[name] == wrote[name]).all() for name in wrote)


def test_report_48_every_variable_takes_a_home_folder(home, monkeypatch):
    for name in ("HOTDOG_FT_CACHE", "MXNET_HOME", "HOTDOG_FT_DATA", "HOTDOG_FT_WEIGHTS"):
        monkeypatch.setenv(name, f"~/{name}")
    assert cache_folder() == home / "HOTDOG_FT_CACHE"
    assert fetched_files()["gluon"][0].is_relative_to(home / "MXNET_HOME")
    recipe = hotdog_ft.load_recipe("full")
    assert (recipe.data, recipe.weights) == (f"{home}/HOTDOG_FT_DATA", f"{home}/HOTDOG_FT_WEIGHTS")
    recipe = hotdog_ft.load_recipe("full", "~/data", Path("~/weights"))
    assert (recipe.data, recipe.weights) == (f"{home}/data", f"{home}/weights")


def test_report_48_records_and_checkpoints_go_below_the_home_folder(home, own_data):
    recipe = hotdog_ft.load_recipe("full", *own_data)
    record = Record.open("compare", recipe, "~/results")
    assert record.path.parent == home / "results"
    record.path.parent.mkdir()
    record.save()
    assert Record.load(f"~/results/{record.name}").identity == record.identity
    assert Checkpoint("~/a.checkpoint", {}).path == home / "a.checkpoint"


def test_report_48_the_shell_may_leave_the_home_folder_to_us(home, own_data, capsys, monkeypatch):
    for path in own_data:
        os.rename(path, home / Path(path).name)
    run = ["train", "--data=~/pictures", "--weights=~/net.params", "--out=~/n.safetensors"]
    assert main([*run, "--epochs=0", "--size=32"]) == 0
    assert (home / "n.safetensors").exists()
    monkeypatch.setattr(studies, "train", trained(History()))
    run = ["compare", "--mode=full", "--data=~/pictures", "--weights=~/net.params", "--out=~/out"]
    assert main(run) == 0 and len(list((home / "out").glob("*.png"))) == 1
    assert f"are in {home}/out" in capsys.readouterr().out


def test_a_home_folder_that_is_none_is_one_sentence(home, capsys):
    for path in ("~nobody-here/n.safetensors", Path("~nobody-here/n.safetensors")):
        with pytest.raises(DataError, match="no home folder for ~nobody-here/n"):
            user_path(path)
    assert main(["predict", "--net", "~nobody-here/n.safetensors", "x.png"]) == 1
    assert capsys.readouterr().err.startswith("hotdog_ft: There is no home folder for ~nobody-here")


@pytest.mark.parametrize("disk, typed", [("NFD", "NFC"), ("NFC", "NFD")])
def test_names_are_found_in_whatever_form_of_unicode_they_are_typed(
    disk, typed, picture_folders, tmp_path, monkeypatch
):
    """Macs, and the disks and archives that they have written, hold Vietnamese names as NFD."""
    there, name = (unicodedata.normalize(form, "Phở bò") for form in (disk, typed))
    shutil.move(picture_folders(), tmp_path / there)
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    net.size, net.classes = 32, ["a", "b"]
    hotdog_ft.save_net(net, tmp_path / there / "net.safetensors")
    monkeypatch.chdir(tmp_path)
    assert len(hotdog_ft.load_image_folders(name)[0]) == 12
    assert hotdog_ft.load_net(f"{name}/net.safetensors").classes == net.classes
    for path, count in ((f"{name}/train/a", 6), (f"{name}/*/a/*.png", 9), (f"{name[0]}*", 18)):
        assert len(hotdog_ft.predict(net, path)) == count
    with pytest.raises(DataError, match=f"Did you mean {there}"):
        hotdog_ft.load_image_folders(name + "o")


@pytest.mark.parametrize("path", [None, b"net", 3, True, ""])
def test_what_is_no_path_is_one_sentence(path):
    net = make_source_net()
    for call in (
        lambda: hotdog_ft.load_net(path),
        lambda: hotdog_ft.save_net(net, path, list("abcde"), 32),
        lambda: hotdog_ft.export_onnx(net, path, list("abcde"), 32),
        lambda: Checkpoint(path, {}),
        lambda: Record.load(path),
        lambda: predict_files(net, "x.png", path, size=32),
    ):
        words = f"{path!r} is no path" if path != "" else "The path is empty"
        with pytest.raises(DataError, match=words):
            call()


def test_a_file_whose_name_begins_with_a_tilde_is_meant_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "~$draft.png").write_bytes(b"")
    assert user_path("~$draft.png") == user_path(Path("~$draft.png")) == Path("~$draft.png")
    assert user_path("a/~b") == Path("a/~b")


@pytest.fixture
def nowhere(tmp_path):
    """A folder that nobody can make, not even root: it would lie in a file."""
    (tmp_path / "file").write_text("")
    return tmp_path / "file" / "folder"


def test_report_83_a_cache_that_cannot_be_written_to_is_named_with_its_variable(
    nowhere, picture_folders, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOTDOG_FT_CACHE", str(nowhere))
    archive = zip_of(picture_folders(), tmp_path / "pictures.zip")
    with pytest.raises(DataError, match=f"{nowhere}.*HOTDOG_FT_CACHE") as refusal:
        hotdog_ft.load_image_folders(archive)
    assert "Download it again" not in str(refusal.value)
    status, message = doctor.check_disk()
    assert status == "FAIL" and "HOTDOG_FT_CACHE" in message


def test_a_folder_for_results_is_tried_before_the_work_begins(nowhere, own_data, monkeypatch):
    monkeypatch.setattr(studies, "train", lambda *arguments, **options: pytest.fail("it trained"))
    with pytest.raises(DataError, match=f"{nowhere} cannot be written to .*name another"):
        studies.compare(hotdog_ft.load_recipe("full", *own_data), folder=nowhere)
    assert make_folder(nowhere.parents[1] / "a/b").is_dir()


# No variable, and no account either: what a container's --user 12345 meets.
HOMELESS = """
import os, pwd, sys
os.environ.pop("HOME", None)
def getpwuid(uid):
    raise KeyError(uid)
pwd.getpwuid = getpwuid
for name in ("HOTDOG_FT_CACHE", "MXNET_HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR", "XDG_CONFIG_HOME"):
    os.environ.pop(name, None)
import hotdog_ft
from hotdog_ft.__main__ import main
"""


def test_report_83_without_a_home_the_doctor_names_what_to_set(tmp_path):
    done = run_python(HOMELESS + "sys.exit(main(['doctor']))", cwd=tmp_path)
    assert done.returncode == 1 and done.stderr == ""
    *_, disk, data, weights = done.stdout.splitlines()
    assert disk.startswith("FAIL") and "name a folder with HOTDOG_FT_CACHE" in disk
    assert data.startswith("FAIL") and "name a folder with HOTDOG_FT_CACHE" in data
    assert weights.startswith("FAIL") and "name a folder with MXNET_HOME" in weights
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command, variable",
    [
        (["download"], "HOTDOG_FT_CACHE"),
        (["compare", "--mode", "full"], "HOTDOG_FT_CACHE"),
        (
            ["train", "--data", str(ROOT / "data/hotdog-mini"), "--out", "n.safetensors"],
            "MXNET_HOME",
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_report_83_without_a_home_a_command_ends_in_one_line(tmp_path, command, variable):
    done = run_python(HOMELESS + "sys.exit(main(sys.argv[1:]))", *command, cwd=tmp_path)
    said = [line for line in done.stderr.splitlines() if "matplotlib" not in line.lower()]
    assert done.returncode == 1 and len(said) == 1, done.stderr
    assert said[0].startswith("hotdog_ft: ") and variable in said[0]
    assert list(tmp_path.iterdir()) == []


def test_report_83_without_a_home_figures_are_drawn_and_mini_mode_loads(tmp_path):
    code = (
        "from hotdog_ft import plot; plot.draw_fine_tuning().savefig('idea.png')\n"
        "print(hotdog_ft.load_recipe('mini').load_pretrained_net().output)"
    )
    done = run_python(HOMELESS + code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["idea.png"]


def test_report_83_a_check_that_breaks_does_not_hide_the_others(monkeypatch):
    def check_memory():
        raise PermissionError(13, "Permission denied", "/somewhere")

    monkeypatch.setattr(doctor, "check_memory", check_memory)
    found = {line["check"]: line for line in doctor.examine()}
    assert len(found) == 9 and "Permission denied: '/somewhere'" in found["memory"]["message"]
    assert found["memory"]["status"] == "FAIL" and found["disk"]["status"] == "OK"
