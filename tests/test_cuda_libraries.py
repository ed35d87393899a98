"""NVIDIA's wheels are loaded before MXNet: with empty libraries, in processes of their own."""

import json
import os
import re
import subprocess
import sys
import tempfile

import pytest
from conftest import ROOT, run_python
from shared_object import write_library

from hotdog_ft.cuda_libraries import WHEELS, wheel_folders

without_wheels = pytest.mark.skipif(bool(wheel_folders()), reason="NVIDIA's wheels are here")
pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.uname().machine != "x86_64",
    reason="MXNet's build for GPUs is not",
)

# As `readelf -d` shows them in mxnet-cu112 1.9.1 and in the wheels, without the C library's. The
# folders are the wheels' too, which also say where to look for these ($ORIGIN): ours do not.
FOLDERS = {
    "cuda_runtime": {"libcudart.so.11.0": []},
    "cuda_nvrtc": {"libnvrtc.so.11.2": []},
    "nvtx": {"libnvToolsExt.so.1": []},
    "cufft": {"libcufft.so.10": []},
    "curand": {"libcurand.so.10": []},
    "cusolver": {"libcusolver.so.11": ["libcublas.so.11", "libcublasLt.so.11"]},
    "nccl": {"libnccl.so.2": []},
    "cublas": {"libcublasLt.so.11": [], "libcublas.so.11": ["libcublasLt.so.11"]},
    "cudnn": {
        "libcudnn.so.8": [],
        "libcudnn_ops_infer.so.8": [],
        **{
            f"libcudnn_{part}.so.8": [f"libcudnn_{other}.so.8" for other in others.split()]
            for part, others in {
                "ops_train": "ops_infer",
                "cnn_infer": "ops_infer",
                "adv_infer": "ops_infer",
                "cnn_train": "ops_infer ops_train cnn_infer",
                "adv_train": "ops_infer ops_train adv_infer",
            }.items()
        },
    },
}
NEEDED = ["libcuda.so.1", *(name for names in FOLDERS.values() for name in names)]
NEEDED = [name for name in NEEDED if "libcudnn_" not in name and name != "libcublasLt.so.11"]


def write_wheels(folder, place="nvidia/{}/lib"):
    for wheel, libraries in FOLDERS.items():
        for name, needed in libraries.items():
            write_library(folder / place.format(wheel) / name, needed)


@pytest.fixture
def site(tmp_path):
    """Like site-packages with the build for GPUs; its MXNet can be loaded, and then says so."""
    write_library(tmp_path / "driver/libcuda.so.1")
    write_library(tmp_path / "site/mxnet/libmxnet.so", NEEDED)
    (tmp_path / "site/mxnet/__init__.py").write_text(
        "import ctypes, os\n"
        "ctypes.CDLL(os.path.join(os.path.dirname(__file__), 'libmxnet.so'))\n"
        "raise RuntimeError('its libraries are there')\n"
    )
    say_it_is_for_gpus(tmp_path / "site")
    return tmp_path / "site"


def say_it_is_for_gpus(site):
    about = site / "mxnet_cu112-1.9.1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: mxnet-cu112\nVersion: 1.9.1\n")


def doctor_says(site, libraries=("driver",)):
    """The doctor's line about MXNet, in a process that has these folders for libraries."""
    folders = ":".join(str(site.parent / name) for name in libraries)
    environment = {"PYTHONPATH": f"{site}:{ROOT}", "LD_LIBRARY_PATH": folders}
    done = subprocess.run(
        [sys.executable, "-m", "hotdog_ft", "doctor", "--json"],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    assert done.returncode == 1, done.stderr
    return next(line["message"] for line in json.loads(done.stdout) if line["check"] == "mxnet")


def test_the_wheels_are_enough(site):
    write_wheels(site)
    assert "its libraries are there" in doctor_says(site)


def test_so_is_a_cuda_of_the_systems(site):
    write_wheels(site.parent, "cuda")
    assert "its libraries are there" in doctor_says(site, ["driver", "cuda"])


@pytest.mark.parametrize(
    "name, wheel",
    [
        ("libcurand.so.10", "nvidia-curand-cu11==10.3.0.86"),
        ("libcudnn_cnn_train.so.8", "nvidia-cudnn-cu11==8.9.6.50"),
    ],
)
def test_what_is_missing_or_torn_is_named_with_its_wheel(site, name, wheel):
    write_wheels(site)
    (library,) = site.glob(f"nvidia/*/lib/{name}")
    library.write_bytes(b"")
    line = doctor_says(site)
    assert line.startswith("This build of MXNet is for GPUs and misses libcu")
    assert line.endswith(f". pip install --no-deps --force-reinstall {wheel}")


@without_wheels
def test_without_a_wheel_one_command_brings_all(site):
    assert doctor_says(site).endswith(" ".join(["--force-reinstall", *WHEELS]))


def test_without_the_driver_it_is_said(site):
    write_wheels(site)
    line = doctor_says(site, [])
    assert "misses libcuda.so.1" in line and "NVIDIA driver" in line and "GPU=0" in line


@without_wheels
@pytest.mark.parametrize("for_gpus", [True, False])
def test_the_build_for_cpus_loads_nothing(tmp_path, for_gpus):
    write_wheels(tmp_path)
    if for_gpus:
        say_it_is_for_gpus(tmp_path)
    code = "import hotdog_ft; print('libcudart' in open('/proc/self/maps').read())"
    done = run_python(code, PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert done.stdout == f"{for_gpus}\n", done.stderr


def test_another_cudnn_on_the_system_stays_out(tmp_path):
    write_wheels(tmp_path)
    write_wheels(tmp_path, "other")
    say_it_is_for_gpus(tmp_path)
    code = """
import ctypes, hotdog_ft, re
for part in ("ops_infer", "adv_train"):
    ctypes.CDLL(f"libcudnn_{part}.so.8")  # as libcudnn.so.8 does it
print(sorted(set(re.findall("([^/]*)/[^/]*/libcudnn", open("/proc/self/maps").read()))))
"""
    done = run_python(code, PYTHONPATH=f"{tmp_path}:{ROOT}", LD_LIBRARY_PATH=tmp_path / "other")
    assert done.stdout == "['cudnn']\n", done.stderr


def test_the_extra_and_the_lock_name_the_same_wheels():
    wheels = set(WHEELS)
    lock = (ROOT / "requirements-gpu.lock").read_text()
    extra = re.findall(r'"(nvidia-[^"]+)"', (ROOT / "pyproject.toml").read_text())
    locked = re.findall(r"^(\S+==\S+) \\\n    --hash=sha256:[0-9a-f]{64}", lock, re.M)
    assert set(extra) == wheels and set(locked) == {"mxnet-cu112==1.9.1", *wheels}
    assert "==" not in re.sub(r"^\S+==\S+ \\$", "", lock, flags=re.M) and "://" not in lock


def test_a_folder_of_pythons_that_is_closed_is_passed_over():
    code = """
import os, sys
from hotdog_ft.cuda_libraries import wheel_folders
sys.path[:] = sys.argv[1:]
os.chmod(sys.argv[1], 0o000)
os.getuid() or os.setuid(65534)
print(wheel_folders())
"""
    with tempfile.TemporaryDirectory() as folder:
        assert run_python(code, folder).stdout == "[]\n"
