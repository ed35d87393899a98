"""The pins, the lock, the environment file, the wheel, and what importing the package does."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def pins(text):
    """``{name: version}`` of every ``name==version`` in `text`, names in their normal form."""
    return {
        name.lower().replace("_", "-"): version
        for name, version in re.findall(r"([\w.-]+)==([\w.]+)", text)
    }


def test_report_12_pyproject_environment_and_lock_agree():
    wanted = pins((ROOT / "pyproject.toml").read_text())
    wanted = {name: pin for name, pin in wanted.items() if not name.startswith("nvidia-")}
    assert wanted == pins((ROOT / "environment.yml").read_text())
    assert (wanted["mxnet"], wanted["d2l"]) == ("1.9.1", "1.0.3")
    locked = pins((ROOT / "requirements.lock").read_text())
    assert {name: locked.get(name) for name in wanted} == wanted


def test_the_lock_has_a_hash_for_everything_and_no_address():
    text = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text)
    entries = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.M))
    assert len(entries) > 50
    assert all(
        re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries if entry.strip()
    )


def test_report_13_pythons_that_cannot_install_the_pins_are_ruled_out():
    assert 'requires-python = ">=3.9,<3.15"' in (ROOT / "pyproject.toml").read_text()


def python(code, *arguments, cwd=None, **environment):
    """What a new process of this Python prints for `code`."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if name not in ("OMP_NUM_THREADS", "MXNET_OMP_MAX_THREADS")
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

    @pytest.mark.skipif(os.cpu_count() == 1, reason="there is nothing to lose with one core")
    @pytest.mark.skipif(sys.version_info >= (3, 12), reason="MXNet needs hotdog_ft there")
    def test_importing_mxnet_first_is_too_late_and_says_so(self):
        warning = python("import mxnet, hotdog_ft").stderr
        assert "Import hotdog_ft first" in warning
        assert (
            "hotdog_ft first" not in python("import mxnet, hotdog_ft", OMP_NUM_THREADS="2").stderr
        )


def test_importing_seeds_nothing_and_leaves_notebook_and_book_packages_alone():
    code = (
        "import random, numpy, sys; a = random.getstate(), numpy.random.get_state()[1].tolist();"
        "import hotdog_ft; b = random.getstate(), numpy.random.get_state()[1].tolist();"
        "print(a == b, 'd2l' in sys.modules, 'matplotlib.pyplot' in sys.modules)"
    )
    assert python(code).stdout == "True False False\n"


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
