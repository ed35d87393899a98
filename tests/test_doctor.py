"""What a broken or odd machine is told; no machine has all of these, so each is simulated.

`test_broken_mxnet.py` has the installations that can really be broken here.
"""

import importlib.metadata
import json
import shutil
from collections import namedtuple

import mxnet as mx
import pytest
from conftest import make_source_net

from hotdog_ft import doctor, zoo
from hotdog_ft.__main__ import main
from hotdog_ft.download import cache_folder

MISSING = ModuleNotFoundError("No module named 'mxnet'", name="mxnet")
LINUX, MAC, WINDOWS = ("Linux", "x86_64"), ("Darwin", "arm64"), ("Windows", "AMD64")


def no_library(name):
    return OSError(f"{name}: cannot open shared object file: No such file or directory")


@pytest.mark.parametrize(
    "error, machine, words",
    [
        (MISSING, MAC, "Apple Silicon"),  # report 14
        (OSError("dlopen(libmxnet.dylib): incompatible architecture"), MAC, "Apple Silicon"),
        (MISSING, WINDOWS, "WSL 2"),
        (no_library("libcudart.so.11.0"), LINUX, "misses libcudart.so.11.0"),  # report 15
        (no_library("libcudnn.so.8"), LINUX, "misses libcudnn.so.8"),
        (no_library("libgomp.so.1"), LINUX, "lacks libgomp.so.1, which MXNet needs: apt-get"),
        (no_library("libquadmath.so.0"), LINUX, "apt-get install libgomp1 libquadmath0"),
        (MISSING, LINUX, "pip install --no-deps mxnet==1.9.1"),
        (RuntimeError("something\nelse"), LINUX, "import mxnet fails"),
    ],
)
def test_reports_12_to_15_each_way_in_which_mxnet_fails_gets_its_own_line(
    monkeypatch, error, machine, words
):
    monkeypatch.setattr("platform.system", lambda: machine[0])
    monkeypatch.setattr("platform.machine", lambda: machine[1])
    line = doctor.why_import_fails(error)
    assert words in line and "\n" not in line


class TestThisMachine:
    def test_a_sound_machine_without_the_big_files_is_warned_and_passes(self, capsys):
        assert main(["doctor"]) == 0
        printed = capsys.readouterr().out
        assert printed.count("\n") == 9 and "FAIL" not in printed
        assert "hotdog.zip is not here yet" in printed and "no ImageNet weights here yet" in printed

    def test_own_data_and_weights_are_read(self, picture_folders, tmp_path, monkeypatch, capsys):
        make_source_net().save_parameters(str(tmp_path / "net.params"))
        monkeypatch.setenv("HOTDOG_FT_DATA", str(picture_folders()))
        monkeypatch.setenv("HOTDOG_FT_WEIGHTS", str(tmp_path / "net.params"))
        assert main(["doctor"]) == 0
        printed = capsys.readouterr().out
        assert "12 + 6 pictures of 2 classes" in printed and "ResNetV2" in printed

    def test_damage_is_a_failure(self, picture_folders, tmp_path, monkeypatch, capsys):
        root = picture_folders()
        (root / "train/a/bad.jpg").write_bytes(b"")
        (tmp_path / "net.params").write_bytes(b"half")
        monkeypatch.setenv("HOTDOG_FT_DATA", str(root))
        monkeypatch.setenv("HOTDOG_FT_WEIGHTS", str(tmp_path / "net.params"))
        assert main(["doctor", "--json"]) == 1
        lines = {line["check"]: line for line in json.loads(capsys.readouterr().out)}
        assert lines["data"]["status"] == "FAIL" and "bad.jpg" in lines["data"]["message"]
        assert lines["weights"]["status"] == "FAIL" and "net.params" in lines["weights"]["message"]

    def test_a_damaged_download_is_a_failure(self):
        cache_folder().mkdir(parents=True)
        (cache_folder() / "hotdog.zip").write_bytes(b"half of it")
        assert (
            doctor.check_data()[0] == "FAIL" and "hotdog.zip is damaged" in doctor.check_data()[1]
        )

    @pytest.mark.parametrize("host", ["gluon", "torchvision"])
    def test_damaged_weights_are_a_failure_though_they_load(self, host):
        path, _ = zoo.fetched_files()[host]
        path.parent.mkdir(parents=True)
        make_source_net().save_parameters(str(path))
        assert doctor.check_weights()[0] == "FAIL" and "is damaged" in doctor.check_weights()[1]

    @pytest.mark.skipif(mx.runtime.Features().is_enabled("CUDA"), reason="of the build for CPUs")
    def test_report_15_a_gpu_that_is_not_used_is_explained(self, monkeypatch):
        monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/" + name)
        status, message = doctor.check_mxnet()
        assert status == "WARN" and "mxnet-cu112" in message

    @pytest.mark.parametrize(
        "check, change, words",
        [
            (
                doctor.check_memory,
                ("os.sysconf", lambda name: 1 << 16),
                "--batch-size 32",
            ),  # report 28
            (
                doctor.check_disk,
                ("shutil.disk_usage", lambda path: namedtuple("U", "free")(1000)),
                "HOTDOG_FT_CACHE",
            ),
            (
                doctor.check_threads,
                ("hotdog_ft.cores.usable_cores", lambda: 64),
                "uses few of 64 cores",
            ),
            (
                doctor.check_packages,
                ("importlib.metadata.version", lambda name: "0.0.1"),
                "numpy 0.0.1 is not <3,>=1.23.5",
            ),
        ],
    )
    def test_what_is_scarce_or_odd_is_a_warning_with_the_cure(
        self, monkeypatch, check, change, words
    ):
        monkeypatch.setenv("OMP_NUM_THREADS", "2")
        monkeypatch.setattr(*change)
        status, message = check()
        assert status == "WARN" and words in message

    def test_ranges_are_the_projects_and_their_cure_can_be_pasted(self, monkeypatch):
        real = importlib.metadata.version
        monkeypatch.setattr(
            importlib.metadata, "version", lambda name: "13.0.0" if name == "pillow" else real(name)
        )
        status, message = doctor.check_packages()
        assert status == "WARN" and "pillow 13.0.0 is not <13,>=11.2.1" in message
        assert message.endswith("; pip install 'pillow<13,>=11.2.1'") and "numpy" not in message

    def test_a_checkout_says_what_make_runs(self):
        status, message = doctor.check_make()
        assert status == "OK" and message.startswith("make runs .venv") and "3." in message
