"""Dockerfile, devcontainer, Binder and tools/arm.sh: true to the lock, Makefile and scripts."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT
from packaging.specifiers import SpecifierSet

DOCKERFILE = (ROOT / "Dockerfile").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
BINDER = ROOT / "binder"


def copied(text):
    """What the COPY lines of a Dockerfile name, as patterns."""
    lines = re.findall(r"^COPY (?:--\S+ )*(.*)$", text, re.M)
    return [source for line in lines for source in line.split()[:-1]]


@pytest.mark.parametrize(
    "version",
    [
        re.search(r"^FROM python:([\d.]+)-slim", DOCKERFILE, re.M)[1],
        (BINDER / "runtime.txt").read_text().strip().partition("python-")[2],
    ],
    ids=["Docker", "Binder"],
)
def test_the_python_of_an_image_is_one_that_the_project_supports(version):
    project = (ROOT / "pyproject.toml").read_text()
    assert SpecifierSet(re.search(r'requires-python = "(.*)"', project)[1]).contains(version)


@pytest.mark.parametrize("text", [DOCKERFILE, (BINDER / "apt.txt").read_text()])
def test_an_image_has_make_and_what_the_wheel_of_mxnet_leaves_to_the_system(text):
    assert set(re.findall(r"\w+", text)) >= {"make", "libgomp1", "libquadmath0"}


def test_every_make_target_that_an_image_calls_is_in_the_makefile():
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    calls = [*json.loads(re.search(r"^CMD (.*)$", DOCKERFILE, re.M)[1])[1:]]
    for script in (container["postCreateCommand"], (BINDER / "postBuild").read_text()):
        calls += re.findall(r"^make (\S+)$", script, re.M)
    assert calls == ["tutorial", "venv", "venv"]
    assert all(re.search(rf"^{target}:", MAKEFILE, re.M) for target in calls)


def test_the_container_of_an_editor_is_the_image_and_its_user_is_not_root():
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    build = container["build"]
    assert (ROOT / ".devcontainer" / build["dockerfile"]).resolve() == ROOT / "Dockerfile"
    assert (ROOT / ".devcontainer" / build["context"]).resolve() == ROOT
    assert f"--uid 1000 {container['remoteUser']}\n" in DOCKERFILE
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.M) == [container["remoteUser"]]


def test_a_script_of_an_image_is_one_that_can_be_run():
    assert os.access(BINDER / "postBuild", os.X_OK)
    for script in (BINDER / "postBuild", ROOT / "tools/arm.sh"):
        subprocess.run(["sh", "-n", script], check=True)


def test_packages_are_installed_from_what_is_copied_before_also_on_arm(tmp_path):
    """The image's set-up in a folder that has those files alone; the lock is emptied."""
    before, _, _ = DOCKERFILE.partition("RUN sh tools/venv.sh")
    assert copied(before)
    for pattern in copied(before):
        files = list(ROOT.glob(pattern))
        assert files, pattern
        for path in files:
            copy = tmp_path / path.relative_to(ROOT)
            copy.parent.mkdir(exist_ok=True)
            shutil.copy(path, copy)
    assert (tmp_path / "tools/arm.sh").exists()
    (tmp_path / "tools/arm.sh").write_text('echo "linked for $1"\n')
    (tmp_path / "requirements.lock").write_text("# nothing to install\n")
    (tmp_path / "uname").write_text("#!/bin/sh\necho aarch64\n")
    (tmp_path / "uname").chmod(0o755)
    environment = {**os.environ, "PYTHON": sys.executable, "GPU": "0"}
    environment["PATH"] = f"{tmp_path}:{os.environ['PATH']}"
    command = ["sh", "tools/venv.sh"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / ".venv/complete").exists()
    assert "linked for .venv/bin/python\n" in done.stdout


def test_the_image_lacks_what_git_ignores_and_nothing_else_of_the_project():
    kept_out, ignored = (
        {line.strip("/").replace("**/", "") for line in (ROOT / name).read_text().split()}
        for name in (".dockerignore", ".gitignore")
    )
    assert {".git", ".venv*", ".uv", "build", "__pycache__"} <= kept_out <= {".git", *ignored}


def test_without_git_as_in_the_image_style_is_asked_of_the_project_alone(tmp_path):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for folder in ("build", ".venv-3.9", ".uv", "notebooks"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "made.py").write_text("import  os\n")
    ruff = [sys.executable, "-m", "ruff", "check", "--quiet", "--no-cache"]
    assert subprocess.run(ruff, cwd=tmp_path, capture_output=True).returncode == 0
    (tmp_path / "own.py").write_text("import  os\n")
    assert subprocess.run(ruff, cwd=tmp_path, capture_output=True).returncode == 1


@pytest.fixture
def on_arm(tmp_path):
    """Runs tools/arm.sh with a package mxnet that is empty and the libraries that are named."""
    package = tmp_path / "site/mxnet"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise OSError('libarmpl_lp64_mp.so: cannot open')")

    def run(*libraries):
        # the lines are those of glibc's ldconfig -p
        lines = [f"\t{name} (libc6,AArch64) => {tmp_path}/lib/{name}" for name in libraries]
        (tmp_path / "ldconfig").write_text("#!/bin/sh\ncat <<'.'\n" + "\n".join(lines) + "\n.\n")
        (tmp_path / "ldconfig").chmod(0o755)
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": package.parent}
        command = ["sh", ROOT / "tools/arm.sh", sys.executable]
        return package, subprocess.run(command, env=environment, capture_output=True, text=True)

    return run


def test_on_arm_mxnet_is_given_links_to_the_systems_libraries(on_arm, tmp_path):
    names = ["libopenblas.so.0", "liblapacke.so.3", "libm.so.6"]
    for _ in range(2):  # again is no fault
        package, done = on_arm("libfoolibm.so.6", *names)
        assert (done.returncode, done.stderr) == (0, "")
    wanted = ["libarmpl_lp64_mp.so", "libamath.so", "libastring.so"]
    links = {link: os.readlink(package / link) for link in wanted}
    assert links == {link: f"{tmp_path}/lib/{name}" for link, name in zip(wanted, names)}


def test_on_arm_a_missing_library_is_one_line_that_names_the_packages(on_arm):
    _, done = on_arm("libopenblas.so.0", "libm.so.6")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "liblapacke.so.3: apt-get install libgomp1 libopenblas0 liblapacke" in done.stderr


def test_on_arm_the_doctor_names_the_script():
    from hotdog_ft.doctor import why_import_fails

    line = why_import_fails(OSError("libarmpl_lp64_mp.so: cannot open shared object file"))
    assert "leaves out libarmpl_lp64_mp.so: sh tools/arm.sh" in line
