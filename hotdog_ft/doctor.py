"""``python -m hotdog_ft doctor``: what this machine has, what is wrong with it, and the cure.

Everything else in the package needs a working MXNet; this module must do without.
"""

import importlib
import importlib.metadata
import os
import platform
import re
import shutil
import sys
import warnings
from pathlib import Path

from packaging.requirements import Requirement

from . import cuda_faults
from .download import cache_folder, is_intact, user_path

OK, WARN, FAIL = "OK", "WARN", "FAIL"
ROOM = 1e9  # bytes: hotdog.zip, its content, and weights
DOWNLOAD = "python -m hotdog_ft download"
MEMORY = 6e9  # bytes: training ResNet-18 at 224 px in batches of 128 was seen to take 5.8 GB


def why_mxnet_fails(error):
    """The likeliest cause of an error from ``import mxnet``, and its cure, in one line."""
    text = f"{error.__class__.__name__}: {error}".splitlines()[0]
    want_of_cuda = cuda_faults.why_import_fails(text)
    python, message = check_python()
    if python == FAIL:
        return f"{message} ({text})."
    missing = isinstance(error, ImportError) and error.name == "mxnet"
    if missing or (isinstance(error, OSError) and not want_of_cuda):
        if (platform.system(), platform.machine()) == ("Darwin", "arm64"):
            return (
                "There is no mxnet 1.9.1 for Apple Silicon. Use a Python for x86-64 under Rosetta "
                "2, or a container for linux/amd64."
            )
        if platform.system() == "Windows":
            return "There is no mxnet 1.9.1 for Windows. Use WSL 2."
    if want_of_cuda:
        return want_of_cuda
    numpy = _version("numpy")
    if numpy and int(numpy.split(".")[0]) > 2:
        return f"numpy {numpy} is too new for mxnet 1.9.1 ({text}): pip install 'numpy<3'."
    if missing:
        return "mxnet is not installed: pip install mxnet==1.9.1."
    return f"import mxnet fails ({text}). Try pip install --force-reinstall mxnet==1.9.1."


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return _version(cuda_faults.BUILD) if name == "mxnet" else None


def _pins():
    """``{package: version}`` that the project names for this Python."""
    project = Path(__file__).parents[1] / "pyproject.toml"
    if project.exists():
        text = project.read_text().split("[project.optional-dependencies]")[0]
        lines = re.findall(r'^ +"([^"]+==[^"]+)"', text, re.M)
    else:
        lines = importlib.metadata.requires("hotdog_ft")
    found = map(Requirement, lines)
    wanted = [r for r in found if r.marker is None or r.marker.evaluate({"extra": ""})]
    return {r.name: str(r.specifier).lstrip("=") for r in wanted}


def check_python():
    version = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    if not (3, 9) <= sys.version_info[:2] <= (3, 14):
        cure = "Use Python 3.9 to 3.14; make tutorial fetches one"
        return FAIL, f"{version} cannot run mxnet 1.9.1. {cure}"
    return OK, version


def check_packages():
    found = {name: _version(name) for name in _pins()}
    odd = [
        f"{name} {found[name] or 'missing'} instead of {pin}"
        for name, pin in _pins().items()
        if found[name] != pin
    ]
    if odd:
        return WARN, (
            f"other versions than the tested ones: {', '.join(odd)}; "
            "pip install -r requirements.lock brings the tested ones"
        )
    return OK, f"{len(found)} packages in the tested versions"


def check_mxnet():
    try:
        mx = importlib.import_module("mxnet")
    except Exception as error:  # whatever a broken installation raises
        return FAIL, why_mxnet_fails(error)
    from .devices import available_devices, describe_devices

    found = describe_devices(available_devices())
    if mx.runtime.Features().is_enabled("CUDA"):
        words, wrong = cuda_faults.state()
        return (WARN, f"{found}, {words}. {wrong}") if wrong else (OK, f"{found}, {words}")
    if shutil.which("nvidia-smi"):
        return WARN, f"{found}, though nvidia-smi is there. {cuda_faults.GPU_BUILD}"
    return OK, found


def check_threads():
    from .cores import cpu_quota, usable_cores

    wanted, quota, cores = os.environ.get("OMP_NUM_THREADS"), cpu_quota(), usable_cores()
    limit = f" (a CPU quota allows {quota:g} of {os.cpu_count()})" if quota else ""
    cores = cores or os.cpu_count()
    if wanted and wanted.isdigit() and int(wanted) < cores / 2:
        return WARN, f"OMP_NUM_THREADS={wanted} uses few of {cores} cores{limit}; unset it"
    if quota and wanted and wanted.isdigit() and int(wanted) > cores:
        return WARN, f"OMP_NUM_THREADS={wanted} is more than {cores} cores{limit}; unset it"
    return OK, f"{wanted or 'all'} threads, {cores} cores{limit}"


def check_memory():
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, AttributeError):
        return OK, "memory: unknown on this system"
    if memory < MEMORY:
        return WARN, (
            f"{memory / 1e9:.1f} GB of memory: full mode takes 6 GB in batches of 128; "
            "--batch-size 32 takes 2 GB"
        )
    return OK, f"{memory / 1e9:.1f} GB of memory"


def check_disk():
    folder = cache_folder()
    there = next(path for path in [folder, *folder.absolute().parents] if os.path.exists(path))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return FAIL, f"{there} cannot be written to; name another folder with HOTDOG_FT_CACHE"
    free = shutil.disk_usage(there).free
    if free < ROOM:
        return WARN, (
            f"{free / 1e9:.2f} GB free for {folder}, full mode needs {ROOM / 1e9:.0f}; make room "
            "or name another folder with HOTDOG_FT_CACHE"
        )
    return OK, f"{free / 1e9:.0f} GB free for {folder}"


def check_data():
    from . import data, splits

    named = os.environ.get("HOTDOG_FT_DATA")
    path = user_path(named or cache_folder() / "hotdog.zip")
    if not named and not os.path.exists(path):
        return WARN, f"hotdog.zip is not here yet; full mode fetches it, or: {DOWNLOAD}"
    if not named and not is_intact(path, f"sha1:{data.HOTDOG_SHA1}"):
        return FAIL, f"{path} is damaged; remove it, then: {DOWNLOAD}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are the notes below
        train_imgs, test_imgs = splits.load_image_folders(path)
    counts = " + ".join(str(len(images)) for images in (train_imgs, test_imgs) if images)
    read = f"{path}: {counts} pictures of {len(train_imgs.classes)} classes, all read"
    return OK, "; ".join([read, *train_imgs.notes])


def check_weights():
    from . import weights, zoo

    fetched = {path: sha for path, sha in zoo.fetched_files().values() if os.path.exists(path)}
    path = os.environ.get("HOTDOG_FT_WEIGHTS") or next(iter(fetched), None)
    if path in fetched and not is_intact(path, fetched[path]):
        return FAIL, f"{path} is damaged; remove it, then: {DOWNLOAD}"
    if path is None:
        return WARN, f"no ImageNet weights here yet; full mode fetches them, or: {DOWNLOAD}"
    net = weights.load_net(path)
    return OK, f"{path}: {net.__class__.__name__}, {net.output}"


def examine():
    """Every check in turn: a list of ``{"check", "status", "message"}``."""
    checks = [check_python, check_packages, check_mxnet, check_threads, check_memory]
    checks += [check_disk, check_data, check_weights]
    found, broken = [], False
    for check in checks:
        if broken and check in (check_disk, check_data, check_weights):
            continue  # they need MXNet
        try:
            status, message = check()
        except Exception as error:  # whatever is wrong here, the other lines are wanted
            status, message = FAIL, f"{error}" or repr(error)
        broken = broken or (check is check_mxnet and status == FAIL)
        found.append({"check": check.__name__[6:], "status": status, "message": message})
    return found
