"""Each way in which MXNet cannot work is one sentence: at the import, in the shell, in the doctor.

The installations are really broken, in folders that come before the sound one.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

MXNET = Path(sys.modules["mxnet"].__file__).parent
# what is imported first asks for the version too, and takes it at its word
NEW_PYTHON = """
import sys
import numpy, packaging.requirements, pooch, requests, typing_extensions, warnings
sys.version_info = (3, 16, 0, "final", 0)
"""


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def numpy_3(folder):
    write(folder / "numpy/__init__.py", "__version__ = '3.0.0'")


def python_3_16(folder):
    write(folder / "sitecustomize.py", NEW_PYTHON)


def for_linux_on_a_mac(folder):
    """What pip takes on Apple Silicon: 1.6.0, whose library is Linux's."""
    write(folder / "mxnet/libinfo.py", "__version__ = '1.6.0'")
    write(folder / "mxnet/__init__.py", "from . import libinfo\nraise OSError('not a mach-o file')")


def older(folder):
    write(folder / "mxnet/__init__.py", "__version__ = '1.8.0'")
    write(folder / "mxnet/_ctypes/__init__.py", "")
    write(folder / "mxnet/_ctypes/ndarray.py", "")
    write(folder / "mxnet/_ctypes/symbol.py", "")


def wheel_with(folder, library):
    """MXNet's own wheel, except for the library itself."""
    (folder / "mxnet").mkdir()
    for path in MXNET.iterdir():
        if path.name != "libmxnet.so":
            (folder / "mxnet" / path.name).symlink_to(path)
    (folder / "mxnet/libmxnet.so").write_bytes(library)


def cut_short(folder):
    with open(MXNET / "libmxnet.so", "rb") as file:
        wheel_with(folder, file.read(1_000_000))


def empty(folder):
    wheel_with(folder, b"")


def without_libquadmath(folder):
    """A small library of the wheel that asks for libquadmath, under a name that no system has."""
    fortran = (MXNET / "libgfortran.so.3").read_bytes()
    assert b"libquadmath.so.0\0" in fortran
    wheel_with(folder, fortran.replace(b"libquadmath.so.0\0", b"libquadmath.so.9\0"))


def without_requests(folder):
    """As --no-deps leaves it where nothing else has brought the package."""
    write(folder / "mxnet/__init__.py", "import absent_package")


def for_gpus(folder):
    message = "libcudart.so.11.0: cannot open shared object file"
    write(folder / "mxnet/__init__.py", f"raise OSError({message!r})")


def mine(folder):
    """The user's own module, of a name that MXNet imports, with a fault of its own."""
    write(folder / "requests.py", "oops = 1 / 0")


@pytest.fixture
def run(tmp_path):
    def run_here(*arguments):
        return subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        )

    return run_here


@pytest.mark.skipif(sys.platform != "linux", reason="breaks Linux's libraries")
@pytest.mark.parametrize(
    "break_it, words",
    [
        (python_3_16, "Python 3.16 cannot run mxnet 1.9.1. Use Python 3.9 to 3.15"),  # report 13
        (numpy_3, "numpy 3.0.0 is too new for mxnet 1.9.1: pip install 'numpy<3'"),  # report 12
        (for_linux_on_a_mac, "mxnet 1.6.0 is here, and hotdog_ft needs 1.9.1: pip install --no"),
        (older, "mxnet 1.8.0 is here, and hotdog_ft needs 1.9.1: pip install --no-deps"),
        (cut_short, "mxnet/libmxnet.so is cut short: pip install --no-deps mxnet==1.9.1 --force"),
        (empty, "libmxnet.so: file too short). Try pip install --no-deps mxnet==1.9.1 --force"),
        (
            without_libquadmath,
            "lacks libquadmath.so.9, which MXNet needs: apt-get install libgomp1",
        ),
        (without_requests, "absent_package is not installed, which hotdog_ft or MXNet needs: pip"),
        (for_gpus, "This build of MXNet is for GPUs and misses libcudart.so.11.0"),  # report 15
        (mine, "import mxnet fails (ZeroDivisionError: division by zero)"),
    ],
)
def test_what_keeps_mxnet_from_working_is_one_sentence_everywhere(tmp_path, run, break_it, words):
    break_it(tmp_path)
    last = run("-c", "import hotdog_ft").stderr.splitlines()[-1]
    assert last.startswith("ImportError: ") and words in last
    shell = run("-m", "hotdog_ft", "predict", "--net", "no.safetensors", "no.png")
    assert (shell.returncode, shell.stdout) == (1, "")
    assert shell.stderr == f"hotdog_ft: {last[len('ImportError: ') :]}\n"
    doctor = run("-m", "hotdog_ft", "doctor")
    assert doctor.returncode == 1
    assert f"FAIL  {last[len('ImportError: ') :]}\n" in doctor.stdout
    assert "cores" in doctor.stdout  # the other lines are there all the same


def test_an_error_of_the_users_own_code_keeps_its_traceback(tmp_path, run):
    mine(tmp_path)
    said = run("-c", "import hotdog_ft").stderr
    assert "ZeroDivisionError: division by zero" in said and f"{tmp_path}/requests.py" in said


@pytest.mark.parametrize("package", ["pooch", "safetensors", "PIL"])
def test_a_package_that_is_missing_is_named_with_its_cure(tmp_path, run, package):
    fault = f"raise ModuleNotFoundError('No module named {package}', name={package!r})"
    write(tmp_path / f"{package}.py", fault)
    cure = f"pip install {'pillow' if package == 'PIL' else package}"
    last = run("-c", "import hotdog_ft").stderr.splitlines()[-1]
    assert f"{package} is not installed, which hotdog_ft or MXNet needs: {cure}." in last
    shell = run("-m", "hotdog_ft", "compare")
    assert shell.returncode == 1 and shell.stderr.count("\n") == 1 and cure in shell.stderr
    doctor = run("-m", "hotdog_ft", "doctor")
    assert doctor.returncode == 1 and "FAIL" in doctor.stdout and doctor.stderr == ""
    assert doctor.stdout.count("\n") == 9


@pytest.mark.parametrize("package", ["pooch", "safetensors", "PIL"])
def test_a_package_that_is_broken_is_told_everywhere(tmp_path, run, package):
    write(tmp_path / f"{package}.py", "raise ImportError('\\n\\nlibodd.so is not there\\n')")
    last = run("-c", "import hotdog_ft").stderr.splitlines()[-1]
    assert last.startswith("ImportError: A package is broken (ImportError: libodd.so is not there)")
    shell = run("-m", "hotdog_ft", "compare")
    assert shell.returncode == 1 and shell.stderr == f"hotdog_ft: {last[len('ImportError: ') :]}\n"
    doctor = run("-m", "hotdog_ft", "doctor")
    assert doctor.returncode == 1 and doctor.stderr == "" and doctor.stdout.count("\n") == 9
    name = "pillow" if package == "PIL" else package
    assert f"{name} cannot be imported (libodd.so is not there)" in doctor.stdout
    assert doctor.stdout.count("says which") <= 2  # a line says it once


@pytest.mark.parametrize(
    "fault", ["ModuleNotFoundError('no', name='pandas')", "ImportError('odd')"]
)
def test_a_package_that_is_used_late_fails_in_the_doctor(tmp_path, run, fault):
    write(tmp_path / "pandas.py", f"raise {fault}")
    assert run("-c", "import hotdog_ft").returncode == 0
    doctor = run("-m", "hotdog_ft", "doctor")
    assert doctor.returncode == 1
    line = next(line for line in doctor.stdout.splitlines() if "pandas" in line)
    assert line.startswith("FAIL  pandas cannot be imported (") and "'pandas>=" in line


def test_simplejpeg_may_be_missing(run):
    code = """
import importlib.metadata as m, sys
sys.modules["simplejpeg"], real = None, m.version
def version(name):
    if name == "simplejpeg":
        raise m.PackageNotFoundError
    return real(name)
m.version = version
from hotdog_ft.__main__ import main
sys.exit(main(["doctor"]))
"""
    done = run("-c", code)
    assert done.returncode == 0
    assert "WARN  other packages than were tried: simplejpeg is missing" in done.stdout


def test_another_package_is_not_taken_for_mxnet(tmp_path, run):
    write(tmp_path / "pandas.py", "import odd_package.absent")
    write(tmp_path / "odd_package/__init__.py", "")
    picture = next((ROOT / "data/hotdog-mini/test/hotdog").iterdir())
    net = ROOT / "data/resnet18-mini.params"
    shell = run("-m", "hotdog_ft", "predict", "--net", net, picture)
    assert shell.returncode == 1 and shell.stderr.startswith(
        "hotdog_ft: A package is broken (ModuleNotFoundError: No module named 'odd_package.absent')"
    )


ABSENT = "import sys; sys.modules['mxnet'] = None;"


@pytest.mark.parametrize(
    "use", ["import hotdog_ft; hotdog_ft.train", "from hotdog_ft import train"]
)
def test_without_mxnet_its_first_use_says_how_to_get_it(run, use):
    last = run("-c", ABSENT + use).stderr.splitlines()[-1]
    assert last == "ImportError: mxnet is not installed: pip install --no-deps mxnet==1.9.1."
    # onnx_predict needs no MXNet
    assert run("-c", ABSENT + "import hotdog_ft").returncode == 0
    assert run("-c", ABSENT + "from hotdog_ft import onnx_predict").returncode == 0


def test_without_docstrings_the_way_out_is_named():
    command = [sys.executable, "-OO", "-c", "import hotdog_ft"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 1 and "drop -OO" in done.stderr.strip().splitlines()[-1]
