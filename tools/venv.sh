#!/bin/sh
# Make .venv (or $VENV) with the locked packages, unless it is there already.
# Takes $PYTHON, else the first Python 3.9 to 3.14 on the machine, else fetches one with uv.
# MXNet's build for GPUs with GPU=1, for CPUs with GPU=0; else what $VENV has, else as nvidia-smi says.
set -eu
venv=${VENV:-.venv}
unset PYTHONPATH PYTHONHOME 2>/dev/null || true

fits() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 14))' \
        >/dev/null 2>&1
}

stop() {
    echo "hotdog_ft: $1" >&2
    exit 1
}

choose_build() {
    gpu=0
    nvidia-smi >/dev/null 2>&1 && [ "$(uname -sm)" = "Linux x86_64" ] || return 0
    case $(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>&1) in
        [1-4].* | 9.* | [1-9][0-9].*)
            echo "MXNet 1.9.1 has code for GPUs of compute capability 5.0 to 8.9 alone: taking its build for CPUs"
            ;;
        *) # also where the driver is too old to say
            gpu=1
            echo "nvidia-smi shows a GPU: taking MXNet's build for GPUs, 4 GB; make GPU=0 does without"
            ;;
    esac
}

gpu=${GPU:-$(cat "$venv"/gpu 2>/dev/null || true)}
case $gpu in
    0 | 1) ;;
    "") choose_build ;;
    *) stop "GPU=$gpu is neither 0 nor 1." ;;
esac

lock=$(cksum requirements.lock)
[ "$gpu" = 0 ] || lock="$lock $(cksum requirements-gpu.lock)"
if [ -x "$venv"/bin/python ] && [ "$(cat "$venv"/complete 2>/dev/null)" = "$lock $PWD" ]; then
    exit 0
fi

python=${PYTHON:-}
if [ -n "$python" ]; then
    fits "$python" || stop "PYTHON=$python is not a Python 3.9 to 3.14 with venv."
else
    for candidate in python3.14 python3.13 python3.12 python3.11 python3.10 python3.9 python3 python; do
        if fits "$candidate"; then
            python=$candidate
            break
        fi
    done
fi

if [ -z "$python" ]; then
    echo "No Python 3.9 to 3.14 here: fetching one with uv into .uv"
    uv=$(command -v uv || echo .uv/bin/uv)
    if [ ! -x "$uv" ]; then
        any=$(command -v python3 || command -v python) ||
            stop "found no Python at all. Install Python 3.11, then run make again."
        "$any" -m pip install --quiet --target .uv uv ||
            stop "hotdog_ft needs Python 3.9 to 3.14, and uv could not be installed to fetch one. Install Python 3.11 and run make again, or name one: make PYTHON=/path/to/python3.11"
    fi
    UV_PYTHON_INSTALL_DIR=.uv/python "$uv" python install --quiet --no-bin 3.11 ||
        stop "hotdog_ft needs Python 3.9 to 3.14, and uv could not fetch one. Install Python 3.11 and run make again, or name one: make PYTHON=/path/to/python3.11"
    python=$(UV_PYTHON_INSTALL_DIR=.uv/python "$uv" python find --managed-python 3.11)
fi

echo "Setting up $venv with $("$python" --version); about a minute"
rm -rf "$venv"
"$python" -m venv "$venv"
"$venv"/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock ||
    stop "the packages could not be installed; see the lines above. Run make again when the network is back."
if [ "$gpu" = 1 ]; then
    "$venv"/bin/python -m pip --quiet uninstall --yes mxnet
    "$venv"/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-gpu.lock ||
        stop "the packages for GPUs could not be installed; see the lines above. make GPU=0 does without them."
fi
# the checkout itself, as it stands
"$venv"/bin/python -c 'import os, sysconfig; open(os.path.join(sysconfig.get_path("purelib"), "hotdog_ft.pth"), "w").write(os.getcwd() + "\n")'
echo "$gpu" > "$venv"/gpu
echo "$lock $PWD" > "$venv"/complete
