"""Which Python, NumPy and MXNet go together. It imports nothing that may be broken."""

import sys

OLDEST, NEWEST = (3, 9), (3, 15)  # Pythons
MXNET = "1.9.1"
# alone: its metadata asks for numpy below 2, and pip would exchange what is there
INSTALL = f"pip install --no-deps mxnet=={MXNET}"


def why_not(numpy=None, mxnet=None):
    """A sentence on what cannot work together: this Python, or these versions; None if all can."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        this, oldest, newest = ("{}.{}".format(*v[:2]) for v in (sys.version_info, OLDEST, NEWEST))
        return f"Python {this} cannot run mxnet {MXNET}. Use Python {oldest} to {newest}."
    if numpy and int(numpy.split(".")[0]) > 2:
        return f"numpy {numpy} is too new for mxnet {MXNET}: pip install 'numpy<3'."
    if mxnet and mxnet != MXNET:
        return f"mxnet {mxnet} is here, and hotdog_ft needs {MXNET}: {INSTALL}."
    return None
