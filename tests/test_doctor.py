"""What a broken or odd machine is told; no machine has all of these, so each is simulated."""

import importlib.metadata
import json
import shutil
import sys
from collections import namedtuple

import mxnet as mx
import pytest
from conftest import make_source_net, run_python

import hotdog_ft
from hotdog_ft import doctor, zoo
from hotdog_ft.__main__ import main
from hotdog_ft.download import cache_folder

Version = namedtuple("Version", "major minor micro releaselevel serial")
MISSING = ModuleNotFoundError("No module named 'mxnet'", name="mxnet")
NUMPY = AttributeError("module 'numpy' has no attribute 'bool'")


@pytest.mark.parametrize(
    "error, system, machine, python, numpy, words",
    [
        (NUMPY, "Linux", "x86_64", (3, 11), "3.0.1", "numpy 3.0.1 is too new"),  # report 12
        (
            MISSING,
            "Linux",
            "x86_64",
            (3, 15),
            "2.5.5",
            "Use Python 3.9 to 3.14",
        ),  # report 13
        (MISSING, "Darwin", "arm64", (3, 11), "1.23.5", "Apple Silicon"),  # report 14
        (
            OSError("dlopen(libmxnet.dylib): incompatible architecture"),
            "Darwin",
            "arm64",
            (3, 11),
            "1.23.5",
            "Apple Silicon",
        ),
        (MISSING, "Windows", "AMD64", (3, 11), "1.23.5", "WSL 2"),
        (
            OSError("libcudart.so.11.0: cannot open shared object file"),
            "Linux",
            "x86_64",
            (3, 11),
            "1.23.5",
            "misses libcudart.so.11.0",
        ),  # report 15
        (
            OSError("libcudnn.so.8: cannot open shared object file"),
            "Linux",
            "x86_64",
            (3, 11),
            "1.23.5",
            "misses libcudnn.so.8",
        ),
        (MISSING, "Linux", "x86_64", (3, 11), "1.23.5", "pip install mxnet==1.9.1"),
        (
            RuntimeError("something\nelse"),
            "Linux",
            "x86_64",
            (3, 11),
            "1.23.5",
            "import mxnet fails",
        ),
    ],
)
def test_reports_12_to_15_each_way_in_which_mxnet_fails_gets_its_own_line(
    monkeypatch, error, system, machine, python, numpy, words
):
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr("sys.version_info", Version(*python, 0, "final", 0))
    real = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: numpy if name == "numpy" else real(name)
    )
    line = doctor.why_mxnet_fails(error)
    assert words in line and "\n" not in line
    assert doctor.check_python()[0] == ("OK" if python <= (3, 14) else "FAIL")


class TestBrokenInstallation:
    """A real import that fails: a module named mxnet that raises what numpy 1.24 makes it raise."""

    @pytest.fixture
    def broken(self, tmp_path):
        (tmp_path / "mxnet.py").write_text(
            "raise OSError('libcudart.so.11.0: cannot open shared object file')"
        )
        return "import sys; sys.path.insert(0, sys.argv[1]);"

    def test_report_15_using_the_package_ends_in_one_clear_line(self, broken, tmp_path):
        for use in (
            "import hotdog_ft; hotdog_ft.finetune_net",
            "from hotdog_ft import finetune_net",
        ):
            done = run_python(broken + use, tmp_path)
            assert done.returncode == 1
            assert (
                done.stderr.strip()
                .splitlines()[-1]
                .startswith(
                    "ImportError: This build of MXNet is for GPUs and misses libcudart.so.11.0"
                )
            )

    def test_the_doctor_works_all_the_same(self, broken, tmp_path):
        done = run_python(
            broken + "from hotdog_ft.__main__ import main; sys.exit(main(['doctor', '--json']))",
            tmp_path,
        )
        assert done.returncode == 1, done.stderr
        lines = {line["check"]: line for line in json.loads(done.stdout)}
        assert (
            lines["mxnet"]["status"] == "FAIL" and "libcudart.so.11.0" in lines["mxnet"]["message"]
        )
        assert lines["python"]["status"] == "OK"


class TestThisMachine:
    def test_a_sound_machine_without_the_big_files_is_warned_and_passes(self, capsys):
        assert main(["doctor"]) == 0
        printed = capsys.readouterr().out
        assert printed.count("\n") == 8 and "FAIL" not in printed
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
                "mxnet 0.0.1 instead of 1.9.1",
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

    def test_the_pins_are_the_projects(self):
        numpy = "1.23.5" if sys.version_info < (3, 12) else "2.3.5"
        assert doctor._pins()["mxnet"] == "1.9.1" and doctor._pins()["numpy"] == numpy
        assert hotdog_ft.__version__
