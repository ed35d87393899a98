#!/bin/sh
# What prediction and training on several machines need, for the Python of $1: Dask, and Horovod,
# which is built from its source beside MXNet with gloo, without MPI. It needs a C++ compiler.
set -eu
python=$1

"$python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
    -r requirements-cluster.lock
# Horovod's build and horovodrun import mxnet alone, which fails on newer Pythons without what
# hotdog_ft lends it: here every Python begins with hotdog_ft
packages=$("$python" -c "import sysconfig; print(sysconfig.get_path('purelib'))")
echo "import hotdog_ft" > "$packages/z_hotdog_ft.pth"
if ! "$python" -c "import horovod.mxnet" 2>/dev/null; then
    echo "Building Horovod 0.28.1; some minutes"
    # whole, for pip builds in a folder of its own: there lies the lock's cmake
    PATH="$(cd "$(dirname "$python")" && pwd):$PATH" \
        HOROVOD_WITH_MXNET=1 HOROVOD_WITH_GLOO=1 HOROVOD_CPU_OPERATIONS=GLOO HOROVOD_WITHOUT_MPI=1 \
        HOROVOD_WITHOUT_TENSORFLOW=1 HOROVOD_WITHOUT_PYTORCH=1 \
        "$python" -m pip install --quiet --disable-pip-version-check --no-deps \
        --no-build-isolation --no-cache-dir horovod==0.28.1 || {
        echo "hotdog_ft: Horovod could not be built: it needs g++ and make; see the lines above." >&2
        exit 1
    }
fi
