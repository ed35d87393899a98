"""tools/venv.sh: which Python it takes, and its one line where there is none."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def project(tmp_path):
    """A folder with a space in its name, the script, a lock, and an empty PATH to fill."""
    root = tmp_path / "a project"
    (root / "tools").mkdir(parents=True)
    for script in ("venv.sh", "pythons.sh"):
        shutil.copy(ROOT / "tools" / script, root / "tools")
    (root / "requirements.lock").write_text("# nothing to install\n")
    (root / "bin").mkdir()
    for tool in ("sh", "cat", "cksum", "rm", "mkdir", "uname"):
        os.symlink(shutil.which(tool), root / "bin" / tool)
    return root


def command(project, name, body):
    path = project / "bin" / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def set_up(project, *arguments, script="venv.sh", **environment):
    return subprocess.run(
        [shutil.which("sh"), f"tools/{script}", *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        env={"PATH": str(project / "bin"), "HOME": str(project), **environment},
    )


def test_a_fitting_python_on_the_path_is_taken_and_used_once(project):
    command(project, "python3.11", "exit 1")  # a shim that leads nowhere
    command(project, "python3", f'exec "{sys.executable}" "$@"')
    done = set_up(project)
    assert done.returncode == 0, done.stderr
    paths = subprocess.run(
        [project / ".venv/bin/python", "-c", "import sys; print(sys.path)"],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    ).stdout
    assert str(project) in paths
    again = set_up(project)
    assert (again.returncode, again.stdout) == (0, "")


def test_without_python_and_without_network_it_is_one_clear_line(project):
    command(project, "python3", "exit 1")  # Python 3.8, say, and no pip
    done = set_up(project)
    assert done.returncode == 1 and not (project / ".venv").exists()
    assert done.stderr.count("\n") == 1 and "Install Python 3.11" in done.stderr


def test_uv_fetches_a_python_where_there_is_none(project):
    command(project, "uv", f'case "$2" in find) echo "{sys.executable}";; esac')
    done = set_up(project)
    assert done.returncode == 0, done.stderr
    assert "fetching one with uv" in done.stdout and (project / ".venv/bin/python").exists()


def test_a_uv_that_cannot_fetch_is_one_clear_line(project):
    command(project, "uv", "exit 1")
    done = set_up(project)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "uv could not fetch one" in done.stderr


def test_a_named_python_must_fit(project):
    command(project, "python3.12", "exit 1")
    done = set_up(project, PYTHON="python3.12")
    assert done.returncode == 1 and not (project / ".venv").exists()
    assert done.stderr == "hotdog_ft: python3.12 is not a Python 3.9 to 3.15 with venv.\n"


def test_an_interrupted_set_up_is_begun_again(project):
    command(project, "python3", f'exec "{sys.executable}" "$@"')
    assert set_up(project).returncode == 0
    (project / ".venv/complete").unlink()
    assert "Setting up" in set_up(project).stdout


def say(version):
    """The body of a command that is, for what `tools/pythons.sh` asks, a Python of this version."""
    return f"""case "$2" in *sys.exit*) exec "{sys.executable}" -c "import sys
sys.version_info, sys._base_executable = ({version.replace(".", ", ")}, 0), '$0'
$2";; esac"""


def test_the_newest_python_is_taken_also_from_a_folder_of_pyenvs(project):
    for name, version in (("python3.9", "3.9"), ("python3.11", "3.11"), ("python3.8", "3.8")):
        command(project, name, say(version))
    command(project, "python3.14", "exit 1")  # pyenv's, while another version is chosen
    found = set_up(project, script="pythons.sh").stdout.splitlines()
    assert found == [f"{project}/bin/python3.11", f"{project}/bin/python3.9"]
    (project / ".pyenv/versions/3.14.2/bin").mkdir(parents=True)
    command(project, "../.pyenv/versions/3.14.2/bin/python", say("3.14"))
    newest = set_up(project, script="pythons.sh").stdout.splitlines()[0]
    assert newest == f"{project}/.pyenv/versions/3.14.2/bin/python"
    plan = set_up(project, "plan")
    assert plan.stdout == f".venv, not made yet, with {newest}\n"
    assert not (project / ".venv").exists()


def test_a_python_that_is_too_new_is_not_taken(project):
    command(project, "python3", say("3.16"))
    assert set_up(project, script="pythons.sh").stdout == ""
    assert "uv fetches" in set_up(project, "plan").stdout


@pytest.mark.parametrize("broken, status", [("3.9", 1), ("3.8", 0)])
def test_each_python_has_a_line_of_result_and_one_failure_is_enough(project, broken, status):
    """`make test-all`, with environments that only say what pytest would."""
    for tool in ("tail", "grep"):
        os.symlink(shutil.which(tool), project / "bin" / tool)
    shutil.copy(ROOT / "tools/test_all.sh", project / "tools")
    done = subprocess.run(
        ["cksum", "requirements.lock"], cwd=project, capture_output=True, text=True, check=True
    )
    for version in ("3.9", "3.11"):
        command(project, f"python{version}", say(version).replace("*sys.exit*", "*import*"))
        (project / f".venv-{version}/bin").mkdir(parents=True)
        (project / f".venv-{version}/complete").write_text(f"{done.stdout.strip()} {project}\n")
        works = broken != version
        said = "2 passed in 1 s" if works else "FAILED one.py::one; echo 1 failed in 1 s"
        command(
            project,
            f"../.venv-{version}/bin/python",
            f'case "$1 $2" in *sys.version*) exec "{sys.executable}" "$@";;'
            f' --version*) echo Python {version}.0;; "-m pytest") echo {said};'
            f" exit {int(not works)};; *) echo 1.23.5;; esac",
        )
    done = set_up(project, script="test_all.sh")
    assert done.returncode == status
    first, *more = done.stdout.splitlines()
    assert first == "Python 3.11.0, NumPy 1.23.5: 2 passed in 1 s (build/tests-3.11.log)"
    count = "1 failed" if status else "2 passed"
    last = f"Python 3.9.0, NumPy 1.23.5: {count} in 1 s (build/tests-3.9.log)"
    assert more == (["FAILED one.py::one", last] if status else [last])


def test_a_folder_of_the_users_is_left_alone(project):
    """VENV is a common name for one, and .venv may be one as well."""
    command(project, "python3", f'exec "{sys.executable}" "$@"')
    (project / "env").mkdir()
    (project / "env/letters").touch()
    assert set_up(project, VENV=str(project / "env")).returncode == 0
    assert (project / ".venv/complete").exists() and (project / "env/letters").exists()
    done = set_up(project, HOTDOG_FT_VENV="env")
    assert done.returncode == 1 and done.stderr.endswith("no Python environment: move it away.\n")
    assert (project / "env/letters").exists()


def test_another_python_than_the_environment_has_is_set_up_anew(project):
    command(project, "python3", f'exec "{sys.executable}" "$@"')
    assert set_up(project).returncode == 0
    assert "Setting up" not in set_up(project, PYTHON="python3").stdout
    command(project, "python3.9", say("3.9"))
    assert "not made yet" in set_up(project, "plan", PYTHON="python3.9").stdout
