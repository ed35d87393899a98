"""MXNet 1.9.1, of 2022, on Pythons and NumPys of later years.

It is imported here, and lent what they have dropped. While that lasts, MXNet's modules and no
others get stand-ins for NumPy and distutils, which they keep. NumPy itself, ``sys.modules`` and
everybody else's imports stay as they are.
"""

import builtins
import importlib.util
import os
import re
import struct
import sys
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy

from .cuda_libraries import preload
from .versions import INSTALL, why_not


def _refuse(sentence):
    if sentence:
        raise ImportError(sentence, name="hotdog_ft")


def _cut_short(folder):
    """A sentence on a library of MXNet's that ends early: to load it would kill the process."""
    for path in sorted(Path(folder).glob("*.so*")):
        with open(path, "rb") as file:
            head = file.read(64)
        if len(head) == 64 and head.startswith(b"\x7fELF"):
            # the table of sections comes last: where it begins, how long and how many they are
            start, size, count = struct.unpack_from("<40xQ10xHH", head)
            if os.path.getsize(path) < start + size * count:
                return f"{path} is cut short: {INSTALL} --force-reinstall."
    return None


_refuse(why_not(numpy=numpy.__version__))

_import = builtins.__import__
_old_numpy, _old_distutils = ModuleType("numpy"), ModuleType("distutils.version")
_stand_ins = {"numpy": _old_numpy, "distutils.version": _old_distutils}

# what MXNet takes from NumPy 1.23 and a later one lacks, or gives another meaning
vars(_old_numpy).update(
    vars(numpy),
    bool=bool,
    int=int,
    PZERO=0.0,
    NZERO=-0.0,
    Inf=numpy.inf,
    PINF=numpy.inf,
    NINF=-numpy.inf,
    NaN=numpy.nan,
    NAN=numpy.nan,
    alltrue=partial(numpy.all),
    sometrue=partial(numpy.any),
    product=partial(numpy.prod),
    round_=partial(numpy.round),
    msort=partial(numpy.sort, axis=0),
    in1d=lambda x, *args, **kwargs: numpy.isin(numpy.ravel(x), *args, **kwargs),
    trapz=getattr(numpy, "trapezoid", None) or numpy.trapz,
    compat=SimpleNamespace(basestring=str),
    # without a function since NumPy 1.20
    **dict.fromkeys(["mirr", "npv", "pmt", "ppmt", "pv", "rate"]),
)
if numpy.__version__.startswith("2"):
    _old_numpy.core = numpy._core


def _version(text):
    return [int(number) for number in re.findall(r"\d+", text)]


_old_distutils.LooseVersion = _old_distutils.StrictVersion = _version


def _import_for_mxnet(name, globals=None, locals=None, fromlist=(), level=0):
    asker = str((globals or {}).get("__name__"))
    if level == 0 and name in _stand_ins and asker.startswith("mxnet."):
        return _stand_ins[name]
    return _import(name, globals, locals, fromlist, level)


if "mxnet" not in sys.modules:  # what an import without this module left behind when it failed
    for _name in [name for name in sys.modules if name.startswith("mxnet.")]:
        del sys.modules[_name]
    _found = importlib.util.find_spec("mxnet")
    for _folder in (_found and _found.submodule_search_locations) or ():
        _refuse(_cut_short(_folder))
preload()
builtins.__import__ = _import_for_mxnet
try:
    import mxnet
    from mxnet._ctypes import ndarray, symbol
finally:
    builtins.__import__ = _import
_refuse(why_not(mxnet=mxnet.__version__))


def _old_str(value):
    """What ``str(value)`` was before NumPy 2: ``(1, 2)``, not ``(np.int64(1), 2)``.

    MXNet hands such texts to its C library.
    """
    return re.sub(r"\bnp\.(?:\w+\(([^()]*)\)|(True|False)_)", r"\1\2", str(value))


ndarray.str = symbol.str = _old_str
# looked up whenever an array is made, where SciPy now warns
for _module in (mxnet.ndarray.sparse, mxnet.ndarray.utils):
    if _module.spsp:
        _module.spsp = SimpleNamespace(**{**vars(_module.spsp), "csr": _module.spsp})
