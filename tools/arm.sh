#!/bin/sh
# On Linux on ARM: put Debian's OpenBLAS, LAPACKE and libm where MXNet looks for Arm's own
# libraries, which its wheel leaves out and no registry has. $1 is a Python with MXNet.
set -eu
PATH=$PATH:/sbin:/usr/sbin
mxnet=$("$1" -c 'from importlib.util import find_spec
print(*find_spec("mxnet").submodule_search_locations)')

link() {
    library=$(ldconfig -p | sed -n "s|^[[:space:]]*$2 .*=> ||p" | head -n 1)
    if [ -z "$library" ]; then
        packages="libgomp1 libopenblas0 liblapacke"
        echo "hotdog_ft: MXNet on ARM needs $2: apt-get install $packages, then again." >&2
        exit 1
    fi
    ln -sf "$library" "$mxnet/$1"
}

link libarmpl_lp64_mp.so libopenblas.so.0
link libamath.so liblapacke.so.3
link libastring.so libm.so.6
