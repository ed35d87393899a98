"""``python -m hotdog_ft doctor``: what this machine has, what is wrong with it, and the cure.

It must run where MXNet does not.
"""

import importlib
import importlib.metadata
import logging
import os
import platform
import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

from . import cuda_faults
from .download import cache_folder, is_intact
from .files import user_path
from .versions import INSTALL, why_not

OK, WARN, FAIL = "OK", "WARN", "FAIL"
ROOM = 1e9  # bytes: hotdog.zip, its content, and weights
DOWNLOAD = "python -m hotdog_ft download"
MODULES = {"pillow": "PIL", "python-dateutil": "dateutil"}  # of another name than the package
MEMORY = 6e9  # bytes: training ResNet-18 at 224 px in batches of 128 was seen to take 5.8 GB


def why_import_fails(error):
    """The likeliest cause of an error from ``import hotdog_ft``, and its cure, in one line."""
    if getattr(error, "name", None) == "hotdog_ft":
        return str(error)  # a refusal of ours
    if sys.flags.optimize > 1:
        return "MXNet cannot be imported without docstrings: drop -OO, and PYTHONOPTIMIZE=2."
    text = " ".join(f"{error.__class__.__name__}: {error}".split())[:300]
    want_of_cuda = cuda_faults.why_import_fails(text)
    lacking = re.search(r"lib(gomp|quadmath|stdc\+\+)\.so[.\d]*: cannot open", str(error))
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing == "mxnet" or (isinstance(error, OSError) and not want_of_cuda):
        if (platform.system(), platform.machine()) == ("Darwin", "arm64"):
            return (
                "There is no mxnet 1.9.1 for Apple Silicon. Use a Python for x86-64 under Rosetta "
                "2, or a container for linux/amd64."
            )
        if platform.system() == "Windows":
            return "There is no mxnet 1.9.1 for Windows. Use WSL 2."
    arm = re.search(r"lib(armpl|amath|astring)\w*\.so", str(error))
    if arm:
        return f"MXNet's wheel for ARM leaves out {arm[0]}: sh tools/arm.sh {sys.executable}."
    if want_of_cuda:
        return want_of_cuda
    if lacking:
        return (
            f"This system lacks {lacking[0].split(':')[0]}, which MXNet needs: "
            "apt-get install libgomp1 libquadmath0 libstdc++6."
        )
    if missing == "mxnet":
        return f"mxnet is not installed: {INSTALL}."
    if missing and "." not in missing and not missing.startswith("_"):
        name = {module: name for name, module in MODULES.items()}.get(missing, missing)
        return f"{missing} is not installed, which hotdog_ft or MXNet needs: pip install {name}."
    if isinstance(error, ImportError) and f"{__package__}.mxnet_compat" in sys.modules:
        return f"A package is broken ({text}): python -m hotdog_ft doctor says which."
    # what has run of it before the error knows its version
    other = why_not(mxnet=getattr(sys.modules.get("mxnet.libinfo"), "__version__", None))
    return other or f"import mxnet fails ({text}). Try {INSTALL} --force-reinstall."


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _ranges():
    """``{package: versions}`` that the project states for this Python, as ``SpecifierSet``."""
    from packaging.requirements import Requirement  # `onnx_predict` does without

    project = Path(__file__).parents[1] / "pyproject.toml"
    text = project.read_text("utf-8") if project.exists() else ""
    if '\nname = "hotdog_ft"\n' in text:  # a checkout's, and not what another package left there
        text = re.search(r"^dependencies = \[\n(.+?)^\]", text, re.M | re.S)[1]
        lines = re.findall(r'^ +"([^"]+)"', text, re.M)
    else:
        lines = importlib.metadata.requires("hotdog_ft")
    found = map(Requirement, lines)
    wanted = [r for r in found if r.marker is None or r.marker.evaluate({"extra": ""})]
    return {r.name: r.specifier for r in wanted}


def check_python():
    version = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    unfit = why_not()
    return (FAIL, unfit) if unfit else (OK, version)


def check_make():
    root = Path(__file__).parents[1]
    if not (root / "tools/venv.sh").exists():
        return OK, f"installed in {sys.prefix}; make is for a checkout"
    command = ["sh", "tools/venv.sh", "plan"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if done.returncode:
        return FAIL, done.stderr.strip()
    return OK, f"make runs {done.stdout.splitlines()[-1]}"


def _why_not_imported(module):
    """What an import raises, None where it succeeds; Matplotlib's words on its cache go unsaid."""
    level = logging.root.manager.disable
    logging.disable()
    try:
        importlib.import_module(module)
    except Exception as error:  # whatever a broken installation raises
        return " ".join(str(error).split())[:300] or repr(error)
    finally:
        logging.disable(level)


def check_packages():
    wanted, odd, broken = _ranges(), {}, {}
    for name, versions in wanted.items():
        version, why = _version(name), _why_not_imported(MODULES.get(name, name))
        if why and (version or name != "simplejpeg"):  # without it, Pillow does it all
            broken[name] = f"{name} cannot be imported ({why})" if version else f"{name} is missing"
        elif not (version and versions.contains(version, prereleases=True)):
            odd[name] = f"{name} {version} is not {versions}" if version else f"{name} is missing"
    names = " ".join(f"'{name}{wanted[name]}'" for name in broken or odd)
    words = ", ".join((broken or odd).values())
    if broken:
        anew = "--force-reinstall " * any(map(_version, broken))
        return FAIL, f"{words}; pip install {anew}{names}"
    if odd:
        return WARN, f"other packages than were tried: {words}; pip install {names}"
    return OK, f"{len(wanted)} packages in versions that were tried, numpy {_version('numpy')}"


def check_mxnet():
    try:
        importlib.import_module(".mxnet_compat", __package__)
    except Exception as error:  # whatever a broken installation raises
        return FAIL, why_import_fails(error)
    import mxnet as mx

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
    from .cores import memory_limit

    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, AttributeError):
        return OK, "memory: unknown on this system"
    memory = min(memory, memory_limit() or memory)
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
    checks = [check_python, check_make, check_packages, check_mxnet, check_threads]
    checks += [check_memory, check_disk, check_data, check_weights]
    found, broken = [], False
    for check in checks:
        if broken and check in (check_disk, check_data, check_weights):
            continue  # they need MXNet, or what is for it
        try:
            status, message = check()
        except ImportError as error:
            status, message = FAIL, why_import_fails(error)
        except Exception as error:  # whatever is wrong here, the other lines are wanted
            status, message = FAIL, f"{error}" or repr(error)
        broken = broken or (check is check_mxnet and status == FAIL)
        found.append({"check": check.__name__[6:], "status": status, "message": message})
    return found
