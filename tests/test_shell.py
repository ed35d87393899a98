"""``python -m hotdog_ft`` as a shell has it: Ctrl-C, locales, empty and absurd values."""

import fcntl
import os
import shlex
import signal
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, make_source_net

import hotdog_ft
from hotdog_ft import fine_tuning
from hotdog_ft.__main__ import main
from hotdog_ft.files import only_here
from hotdog_ft.settings import Settings

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def process(*arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        env={**ENVIRONMENT, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.fixture
def arguments(picture_folders, tmp_path):
    """Of a training that takes a second."""
    make_source_net().save_parameters(str(tmp_path / "source.params"))
    more = ["--size", "32", "--epochs", "1", "--out", tmp_path / "net.safetensors"]
    paths = ["--data", picture_folders(), "--weights", tmp_path / "source.params"]
    return ["train", *map(str, [*paths, *more])]


@pytest.fixture
def interrupted(tmp_path):
    """The environment of a process that gets Ctrl-C while it imports Pillow."""
    (tmp_path / "PIL").mkdir()
    code = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)\n"
    (tmp_path / "PIL/__init__.py").write_text(code)
    return {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}


@pytest.mark.parametrize(
    "module, has_mxnet",
    [("hotdog_ft", True), ("hotdog_ft.onnx_predict", True), ("hotdog_ft.onnx_predict", False)],
)
def test_ctrl_c_while_modules_are_imported_shows_no_traceback(
    module, has_mxnet, interrupted, tmp_path
):
    if not has_mxnet:
        (tmp_path / "mxnet").mkdir()
        missing = "raise ModuleNotFoundError('No module named mxnet', name='mxnet')"
        (tmp_path / "mxnet/__init__.py").write_text(missing)
    begun = process(module, "doctor", **interrupted)
    assert begun.communicate() == ("", "") and begun.returncode == -signal.SIGINT


def test_another_program_gets_ctrl_c_as_ever(interrupted, tmp_path):
    (tmp_path / "hotdog_ft_app.py").write_text("""
try:
    import hotdog_ft
except KeyboardInterrupt:
    print("clean-up done")
""")
    assert process("hotdog_ft_app", **interrupted).communicate() == ("clean-up done\n", "")


def test_a_locale_that_spoils_names_is_refused():
    done = process("hotdog_ft", "doctor", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    printed, errors = done.communicate()
    assert (printed, done.returncode) == ("", 1)
    assert errors == (
        "hotdog_ft: This locale is not UTF-8, as the names of files are: set PYTHONUTF8=1.\n"
    )


@pytest.mark.parametrize("command", [["compare"], ["predict", "--net", "n", "x"], ["train"]])
def test_an_empty_out_is_refused(command, capsys):
    more = ["--data", "x"] if command == ["train"] else []
    assert main([*command, *more, "--out", ""]) == 1
    assert "--out is empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option, value, words",
    [
        ("--epochs", "abc", "abc must be a whole number, at least 1"),
        ("--seeds", "20261127000", "names no seeds: give a number from 1 to 9999"),
        ("--seeds", "9" * 20, "names no seeds: give a number from 1 to 9999"),
    ],
)
def test_a_value_of_another_kind_is_one_sentence(option, value, words, capsys):
    with pytest.raises(SystemExit):
        main(["compare", option, value])
    assert words in capsys.readouterr().err


def test_two_trainings_into_one_file_are_one_too_many(arguments, tmp_path, capsys):
    with only_here(tmp_path / "net.safetensors") as alone:
        assert alone and main(arguments) == 1
        assert "Another process trains into" in capsys.readouterr().err
    assert main(arguments) == 0
    assert not list(tmp_path.glob(".*"))


def test_a_disk_without_locks_is_no_obstacle(arguments, monkeypatch):
    def no_locks(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    assert main(arguments) == 0


def test_of_many_processes_one_is_in_at_a_time(tmp_path):
    code = """
import sys, time
from pathlib import Path
from hotdog_ft.files import only_here
inside, done = Path(sys.argv[1], "inside"), 0
while done < 60:
    with only_here(Path(sys.argv[1], "net")) as alone:
        if alone:
            inside.touch(exist_ok=False)
            time.sleep(0.002)
            inside.unlink()
            done += 1
"""
    many = [
        subprocess.Popen([sys.executable, "-c", code, tmp_path], env=ENVIRONMENT) for _ in "1234"
    ]
    assert [one.wait() for one in many] == [0] * 4


def test_what_has_appeared_while_it_trained_is_not_written_over(
    arguments, tmp_path, capsys, monkeypatch
):
    out = tmp_path / "net.safetensors"
    train = fine_tuning.train

    def train_while_another_saves(*args, **options):
        out.write_bytes(b"somebody's")
        return train(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(fine_tuning, "train", train_while_another_saves)
        assert main(arguments) == 1
    assert "has appeared meanwhile: move it away" in capsys.readouterr().err
    assert out.read_bytes() == b"somebody's"
    out.unlink()
    assert main(arguments) == 0
    assert "features of" not in capsys.readouterr().out  # it had been kept
    assert hotdog_ft.load_net(out).classes == ["a", "b"]


def test_a_net_that_diverges_in_its_only_batch_is_not_saved(arguments, tmp_path, capsys):
    assert main([*arguments, "--learning-rate", "1e9", "--batch-size", "100"]) == 1
    assert "no finite numbers" in capsys.readouterr().err
    assert not (tmp_path / "net.safetensors").exists()


def test_with_standard_error_closed_it_trains_and_no_word_comes_among_the_answers(arguments):
    command = f"{shlex.quote(sys.executable)} -m hotdog_ft"
    options = {"shell": True, "capture_output": True, "text": True, "env": ENVIRONMENT}
    done = subprocess.run(f"{command} {shlex.join(arguments)} 2>&-", **options)
    net = arguments[-1]
    assert done.returncode == 0 and os.path.exists(net)
    done = subprocess.run(f"{command} predict --net {shlex.quote(net)} absent.png 2>&-", **options)
    assert (done.returncode, done.stdout) == (1, "")


def test_without_standard_error_a_net_is_trained_too(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)  # as under some daemons
    images = [(np.zeros((32, 32, 3), "uint8"), i % 2) for i in range(4)]
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    assert len(hotdog_ft.train(net, images, None, Settings(size=32, num_epochs=1)).loss) == 1


@pytest.mark.parametrize("settings", [{"size": 32}, 5, None])
def test_settings_of_another_kind_are_refused(settings):
    images = [(np.zeros((32, 32, 3), "uint8"), i % 2) for i in range(4)]
    net = hotdog_ft.finetune_net(make_source_net(), 2)
    for run in (hotdog_ft.train, hotdog_ft.fine_tune):
        with pytest.raises(ValueError, match="give Settings"):
            run(net, images, None, settings)
