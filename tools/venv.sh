#!/bin/sh
# Make .venv (or $HOTDOG_FT_VENV) with the locked packages (or those of $HOTDOG_FT_LOCK), unless it is there.
# Takes $PYTHON, else the newest Python 3.9 to 3.15 on the machine, else fetches one with uv.
# `sh tools/venv.sh plan` only says what it would take.
# MXNet's build for GPUs with GPU=1, for CPUs with GPU=0; else what is there has, else as nvidia-smi says.
set -eu
# two at once would break each other's work
if [ "${1:-}" != plan ] && [ -z "${_HOTDOG_FT_ALONE:-}" ] && command -v flock >/dev/null; then
    _HOTDOG_FT_ALONE=1 exec flock "$0" sh "$0" "$@"
fi
venv=${HOTDOG_FT_VENV:-.venv}
packages=${HOTDOG_FT_LOCK:-requirements.lock}
unset PYTHONPATH PYTHONHOME 2>/dev/null || true

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

lock=$(cksum "$packages")
[ "$gpu" = 0 ] || lock="$lock $(cksum requirements-gpu.lock)"
python=
[ -z "${PYTHON:-}" ] || python=$(sh tools/pythons.sh "$PYTHON")
version() {
    "$1" -c "import sys; print(sys.version)"
}
other=
if [ -n "$python" ] && [ -x "$venv"/bin/python ] && [ "$(version "$python")" != "$(version "$venv"/bin/python)" ]; then
    other="PYTHON=$PYTHON is another Python than $venv has"
elif [ -x "$venv"/bin/python ] && [ "$(cat "$venv"/complete 2>/dev/null)" = "$lock $PWD" ]; then
    [ "${1:-}" != plan ] || echo "$venv with $("$venv"/bin/python --version)"
    exit 0
fi

[ -n "$python" ] || python=$(sh tools/pythons.sh | { read -r newest || :; echo "$newest"; })
if [ "${1:-}" = plan ]; then
    echo "$venv, not made yet, with ${python:-a Python 3.11 that uv fetches}"
    exit 0
fi

if [ -z "$python" ]; then
    echo "No Python 3.9 to 3.15 with its module venv here: fetching one with uv into .uv"
    uv=$(command -v uv || echo .uv/bin/uv)
    if [ ! -x "$uv" ]; then
        any=$(command -v python3 || command -v python) ||
            stop "found no Python at all. Install Python 3.11, then run make again."
        "$any" -m pip install --quiet --target .uv uv ||
            stop "hotdog_ft needs Python 3.9 to 3.15 with its module venv (on Debian and Ubuntu: apt-get install python3-venv), and uv could not be installed to fetch one. Install Python 3.11 and run make again, or name one: make PYTHON=/path/to/python3.11"
    fi
    UV_PYTHON_INSTALL_DIR=.uv/python "$uv" python install --quiet --no-bin 3.11 ||
        stop "hotdog_ft needs Python 3.9 to 3.15, and uv could not fetch one. Install Python 3.11 and run make again, or name one: make PYTHON=/path/to/python3.11"
    python=$(UV_PYTHON_INSTALL_DIR=.uv/python "$uv" python find --managed-python 3.11)
fi

[ -z "$other" ] || echo "$other"
echo "Setting up $venv with $("$python" --version); about a minute"
[ ! -e "$venv" ] || [ -e "$venv"/pyvenv.cfg ] || rmdir "$venv" 2>/dev/null ||
    stop "$venv is there and no Python environment: move it away."
rm -rf "$venv"
"$python" -m venv "$venv"
# mxnet's metadata refuses NumPy 2; the lock is complete without what it asks for
"$venv"/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$packages" ||
    stop "the packages could not be installed; see the lines above. Run make again when the network is back."
if [ "$gpu" = 1 ]; then
    "$venv"/bin/python -m pip --quiet uninstall --yes mxnet
    "$venv"/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-gpu.lock ||
        stop "the packages for GPUs could not be installed; see the lines above. make GPU=0 does without them."
fi
[ "$(uname -m)" != aarch64 ] || sh tools/arm.sh "$venv"/bin/python
# the checkout itself, as it stands
"$venv"/bin/python -c 'import os, sysconfig; open(os.path.join(sysconfig.get_path("purelib"), "hotdog_ft.pth"), "w").write(os.getcwd() + "\n")'
echo "$gpu" > "$venv"/gpu
echo "$lock $PWD" > "$venv"/complete
