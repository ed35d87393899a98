"""Ranges and lock, the wheel, and what importing the package does."""

import os
import re
import subprocess
import sys
import zipfile
from itertools import chain
from pathlib import Path

import numpy
import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from hotdog_ft.versions import NEWEST, OLDEST

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text()


PYPROJECT = (ROOT / "pyproject.toml").read_text()
PYTHONS = [f"3.{minor}" for minor in range(9, 16)]


def quoted_in(name):
    """The quoted requirements of the list that `pyproject.toml` has under `name`."""
    text = re.search(rf"^{name} = \[(.*?)\](?:\n|  #)", PYPROJECT, re.M | re.S)[1]
    return [Requirement(line) for line in re.findall(r'"([^"]+)"', text)]


def for_python(requirements, version):
    """Those of `requirements` that count for a Python on 64-bit Linux, by name."""
    there = {"python_version": version, "python_full_version": f"{version}.1", "extra": ""}
    there.update(sys_platform="linux", implementation_name="cpython")
    there.update(platform_python_implementation="CPython", platform_machine="x86_64")
    found = [r for r in requirements if r.marker is None or r.marker.evaluate(there)]
    names = [r.name.lower().replace("_", "-") for r in found]
    assert len(set(names)) == len(names)  # one version of each
    return dict(zip(names, found))


@pytest.mark.parametrize("version", PYTHONS)
def test_report_12_pyproject_environment_and_lock_agree(version):
    lines = re.findall(r"^([\w.\[\]-]+==[^\\\n]+)", LOCK, re.M)
    locked = for_python(map(Requirement, lines), version)
    extras = ["mxnet", "notebooks", "book", "onnx", "heic", "test"]
    for requirement in chain(*map(quoted_in, ["dependencies", *extras])):
        if for_python([requirement], version):
            (exact,) = locked[requirement.name.replace("_", "-")].specifier
            assert requirement.specifier.contains(exact.version)
    for name, pin in for_python(quoted_in("override-dependencies"), version).items():
        assert name == "matplotlib-inline" or locked[name].specifier == pin.specifier
    assert "pip install --no-deps -r requirements.lock" in (ROOT / "environment.yml").read_text()


def test_a_numpy_that_is_there_is_left_alone():
    """mxnet asks for numpy below 2: pip would exchange what it is installed beside."""
    wanted = {r.name: r.specifier for r in quoted_in("dependencies")}
    assert "mxnet" not in wanted
    for version in ("1.23.5", "1.26.4", "2.0.2", "2.5.5", "2.99.0"):
        assert wanted["numpy"].contains(version)
    assert not wanted["numpy"].contains("3.0.0")
    assert not wanted["pillow"].contains("13.0.0")  # which resizes differently


def test_the_lock_has_a_hash_for_everything_and_no_address():
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", LOCK)
    entries = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", LOCK, flags=re.M))
    assert len(entries) > 50
    assert all(
        re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries if entry.strip()
    )


def test_report_13_pythons_that_cannot_install_the_pins_are_ruled_out():
    (wanted,) = re.findall(r'^requires-python = "(.+)"', PYPROJECT, re.M)
    assert [v for v in [*PYTHONS, "3.8", "3.16"] if SpecifierSet(wanted).contains(v)] == PYTHONS
    assert [f"{major}.{minor}" for major, minor in (OLDEST, NEWEST)] == [PYTHONS[0], PYTHONS[-1]]


def python(code, *arguments, cwd=None, **environment):
    """What a new process of this Python prints for `code`."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if name not in ("OMP_NUM_THREADS", "MXNET_OMP_MAX_THREADS", "_HOTDOG_FT_THREADS")
    }
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=cwd,
        env={**clean, "PYTHONPATH": str(ROOT), **environment},
    )


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's list of cores")
class TestThreads:
    show = "import os, hotdog_ft; print(os.environ['OMP_NUM_THREADS'])"

    def test_report_6_every_physical_core_is_used(self):
        cores = {
            Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text()
            for cpu in os.sched_getaffinity(0)
        }
        assert python(self.show).stdout == f"{len(cores)}\n"

    def test_the_users_own_setting_stands(self):
        assert python(self.show, OMP_NUM_THREADS="7").stdout == "7\n"

    @pytest.mark.skipif(os.cpu_count() == 1, reason="there is nothing to share with one core")
    def test_one_of_several_processes_shares_the_cores_though_another_has_started_it(self):
        """`horovodrun` hands its own environment on, and it imports hotdog_ft itself."""
        child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {self.show!r}])"
        alone = python(f"{self.show}; {child}").stdout.split()
        assert alone[0] == alone[1]
        shared = f"import hotdog_ft, os; os.environ['HOROVOD_LOCAL_SIZE'] = '{alone[0]}'; {child}"
        assert python(shared).stdout == "1\n"
        assert python(shared, OMP_NUM_THREADS=f"{alone[0]}").stdout == f"{alone[0]}\n"

    @pytest.mark.skipif(os.cpu_count() == 1, reason="there is nothing to lose with one core")
    @pytest.mark.skipif(
        numpy.lib.NumpyVersion(numpy.__version__) >= "1.24.0", reason="MXNet needs hotdog_ft there"
    )
    def test_importing_mxnet_first_is_too_late_and_says_so(self):
        warning = python("import mxnet, hotdog_ft").stderr
        assert "Import hotdog_ft first" in warning
        assert (
            "hotdog_ft first" not in python("import mxnet, hotdog_ft", OMP_NUM_THREADS="2").stderr
        )


def test_importing_draws_no_random_number():
    code = (
        "import random, numpy; a = random.getstate(), numpy.random.get_state()[1].tolist();"
        "import hotdog_ft; b = random.getstate(), numpy.random.get_state()[1].tolist();"
        "print(a == b)"
    )
    assert python(code).stdout == "True\n"


def test_the_wheel_carries_the_mini_set_and_the_records_and_works_alone(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as zipped:
        zipped.extractall(tmp_path / "site")
    code = """
import sys, hotdog_ft
from hotdog_ft.records import Record
recipe = hotdog_ft.load_recipe()
print(hotdog_ft.__file__, *map(len, recipe.load_data()), recipe.load_pretrained_net().output)
print(*[Record.load(name).name for name in sys.argv[1:]])
"""
    names = [path.stem for path in sorted((ROOT / "results").glob("*.json"))]
    printed = python(code, *names, cwd=tmp_path, PYTHONPATH=str(tmp_path / "site")).stdout
    first, second = printed.splitlines()
    assert first == f"{tmp_path}/site/hotdog_ft/__init__.py 600 400 Dense(128 -> 14, linear)"
    assert second.split() == [f"{name}.json" for name in names]


def test_the_embedded_set_is_small():
    size = sum(path.stat().st_size for path in (ROOT / "data").rglob("*") if path.is_file())
    assert size <= 8_000_000
