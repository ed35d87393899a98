"""Fine-tuning, as in chapter 13.2 of Dive into Deep Learning, to run, check and build on.

Six functions are enough to begin with::

    import hotdog_ft  # before mxnet, so that MXNet uses every core

    train_imgs, test_imgs = hotdog_ft.load_image_folders("chairs")
    source_net = hotdog_ft.load_net(hotdog_ft.fetch_weights())
    net = hotdog_ft.finetune_net(source_net, num_classes=len(train_imgs.classes))
    print(hotdog_ft.fine_tune(net, train_imgs, test_imgs))
    print(hotdog_ft.predict(net, "more-chairs"))

What is not listed here lies in the submodules: `augment` and `loader` prepare pictures, `probe` and
`training` are the parts of a run, `studies`, `records` and `tables` do many runs, `plot` draws.
"""


def _use_every_core():
    """Have MXNet use each core it may: on virtual machines it takes half of them untold."""
    import os
    import re
    import sys
    import warnings

    from .cores import usable_cores

    cores, given = usable_cores(), os.environ.get("OMP_NUM_THREADS", "1")
    if not re.fullmatch(r"\s*\+?0*[1-9]\d{0,8}\s*", given, re.ASCII):
        del os.environ["OMP_NUM_THREADS"]
        if given:  # such as "2,1", which is right for OpenMP
            warnings.warn(
                f"OMP_NUM_THREADS={given} is no whole number from 1, and MXNet takes nothing else: "
                f"it is not set, and {cores or 'all'} cores are used.",
                stacklevel=3,
            )
    if cores:  # Horovod may have started several processes here
        cores = max(1, cores // int(os.environ.get("HOROVOD_LOCAL_SIZE", 1)))
    # set by hand, or by this function in the process that has started this one
    given, ours = (os.environ.get(name) for name in ("OMP_NUM_THREADS", "_HOTDOG_FT_THREADS"))
    if not cores or given not in (None, ours) or "MXNET_OMP_MAX_THREADS" in os.environ:
        return
    if given != str(cores):
        os.environ["OMP_NUM_THREADS"] = os.environ["_HOTDOG_FT_THREADS"] = str(cores)
        if "mxnet" in sys.modules and cores > 1:
            warnings.warn(
                "MXNet was imported before hotdog_ft and may use half of the cores. Import "
                f"hotdog_ft first, or set OMP_NUM_THREADS={cores}.",
                stacklevel=3,
            )


def _do_without_home():
    """Have matplotlib make a folder for the time being where the user has none to keep it in."""
    import os
    from pathlib import Path

    try:
        Path.home()
    except (RuntimeError, KeyError):  # a container's user without an account; the latter in 3.9
        # nothing can lie below /dev/null
        os.environ.setdefault("MPLCONFIGDIR", os.path.join(os.devnull, "matplotlib"))


def _stop_at_once():
    """While our own commands import their modules, Ctrl-C ends them without a traceback."""
    import os
    import signal
    import sys
    import threading

    begun = getattr(sys, "orig_argv", ())
    if not begun and os.path.exists("/proc/self/cmdline"):  # before Python 3.10
        with open("/proc/self/cmdline", "rb") as file:
            begun = os.fsdecode(file.read()).split("\0")
    ours = {("-m", "hotdog_ft"), ("-m", "hotdog_ft.onnx_predict")}
    in_main_thread = threading.current_thread() is threading.main_thread()
    as_ever = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if in_main_thread and as_ever and not ours.isdisjoint(zip(begun, begun[1:])):
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # until `__main__.main`


_stop_at_once()
_do_without_home()
_use_every_core()  # MXNet reads the variable when it is imported and never again

__version__ = "0.2.0"

__all__ = [
    "load_image_folders",
    "load_net",
    "finetune_net",
    "fine_tune",
    "predict",
    "save_net",
    "export_onnx",
    "fetch_weights",
    "scratch_net",
    "freeze",
    "unfreeze",
    "Settings",
    "train",
    "evaluate",
    "seed_everything",
    "load_recipe",
    "train_fine_tuning",
    "DataError",
]

_broken = None
try:
    from . import mxnet_compat  # noqa: F401  MXNet itself, on any of these Pythons
except Exception as error:
    _broken = error
else:
    try:
        from .evaluation import evaluate
        from .files import DataError
        from .fine_tuning import fine_tune
        from .generators import seed_everything
        from .learning import freeze, unfreeze
        from .model import finetune_net, scratch_net
        from .onnx_export import export_onnx
        from .prediction import predict
        from .recipe import load_recipe, train_fine_tuning
        from .run import train
        from .settings import Settings
        from .splits import load_image_folders
        from .weights import load_net, save_net
        from .zoo import fetch_weights
    except ImportError as error:
        _broken = error
if _broken:
    import sys

    from . import doctor

    # With `python -m hotdog_ft` (argv is "-m" that long) the doctor must run, and where MXNet is
    # not even installed, onnx_predict: both are told at the first use of anything else.
    if sys.argv[:1] != ["-m"] and getattr(_broken, "name", None) != "mxnet":
        raise ImportError(doctor.why_import_fails(_broken), name=__name__) from _broken


def __getattr__(name):
    if _broken and not name.startswith("__") and name != "onnx_predict":
        raise ImportError(doctor.why_import_fails(_broken), name=__name__) from _broken
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
