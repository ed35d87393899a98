"""tools/venv.sh: which of MXNet's builds it takes. Nothing is installed: that would be 4 GB."""

import os
import platform
import shutil

import pytest
from test_setup import command, project, set_up  # noqa: F401

pytestmark = pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"), reason="no build for GPUs"
)
NO_SUCH_FIELD = 'Field "compute_cap" is not a valid field to query.'  # older drivers'
LOCKS = ["requirements.lock", "requirements-gpu.lock"]


@pytest.fixture
def machine(project):  # noqa: F811
    """The project, on a machine whose Python notes what pip is asked for, in a file ``asked``."""
    (project / "requirements-gpu.lock").write_text("# nothing either\n")
    os.symlink(shutil.which("cp"), project / "bin/cp")
    python = """case "$*" in
    "-m venv"*) mkdir -p "$3/bin"; : > "$3/pyvenv.cfg"; cp "$0" "$3/bin/python" ;;
    "-m pip"*) echo "$*" >> asked ;;
    --version) echo Python 3.11.7 ;;
    *_base_executable*) echo "$0" ;;
    esac"""
    command(project, "python3", python)
    return project


def shows(machine, capability, status=0):
    command(machine, "nvidia-smi", f"echo '{capability}'; exit {status}")


def installed(machine, **environment):
    """What a set-up printed, and which locks it has installed, in their order."""
    asked = machine / "asked"
    asked.write_text("")
    done = set_up(machine, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    words = asked.read_text().split()
    if LOCKS[1] in words:  # the other build has gone before
        assert words.index(LOCKS[0]) < words.index("uninstall") < words.index(LOCKS[1])
    return done.stdout, [word for word in words if word.endswith(".lock")]


@pytest.mark.parametrize("capability", ["8.6", "5.0\n9.0", NO_SUCH_FIELD])
def test_the_build_for_gpus_is_taken_where_one_is_and_said(machine, capability):
    shows(machine, capability)
    printed, locks = installed(machine)
    assert "taking MXNet's build for GPUs" in printed and locks == LOCKS
    assert installed(machine) == ("", [])


@pytest.mark.parametrize("capability", ["9.0", "12.0", "3.7"])
def test_not_for_a_gpu_that_it_has_no_code_for(machine, capability):
    shows(machine, capability)
    printed, locks = installed(machine)
    assert "5.0 to 8.9 alone: taking its build for CPUs" in printed and locks == LOCKS[:1]


def test_nor_without_a_driver_that_works(machine):
    assert installed(machine)[1] == LOCKS[:1]
    shutil.rmtree(machine / ".venv")
    shows(machine, "NVIDIA-SMI has failed", status=9)
    printed, locks = installed(machine)
    assert "GPU" not in printed and locks == LOCKS[:1]


def test_what_was_chosen_by_hand_stays(machine):
    assert installed(machine, GPU="1")[1] == LOCKS
    assert installed(machine) == ("", [])
    shows(machine, "8.6")
    printed, locks = installed(machine, GPU="0")
    assert "GPU" not in printed and locks == LOCKS[:1]
    assert installed(machine) == ("", [])


def test_another_lock_is_installed_anew(machine):
    installed(machine, GPU="1")
    (machine / LOCKS[1]).write_text("# something else\n")
    assert installed(machine)[1] == LOCKS


def test_anything_else_is_no_choice(machine):
    done = set_up(machine, GPU="yes")
    assert done.returncode == 1 and done.stderr == "hotdog_ft: GPU=yes is neither 0 nor 1.\n"
