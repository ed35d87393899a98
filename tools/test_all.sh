#!/bin/sh
# Unit tests on every Python that is here, or on those named: a line of result for each.
# $TESTS names what is run, else all of tests/. It fails if any of them does.
set -eu
pythons=$(sh tools/pythons.sh "$@")
mkdir -p build
worst=0
while read -r python; do
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    venv=.venv-$version log=build/tests-$version.log
    GPU=${GPU:-0} HOTDOG_FT_VENV=$venv PYTHON=$python sh tools/venv.sh >&2
    status=0
    HOTDOG_FT_MODE=mini OMP_NUM_THREADS=1 "$venv"/bin/python -m pytest -q -n 2 --dist loadfile \
        ${TESTS:-tests} </dev/null >"$log" 2>&1 || status=$? worst=1
    [ $status -eq 0 ] || grep -E '^(FAILED|ERROR)' "$log" || tail -n 20 "$log"
    numpy=$("$venv"/bin/python -c 'import importlib.metadata as m; print(m.version("numpy"))')
    echo "$("$venv"/bin/python --version), NumPy $numpy: $(tail -n 1 "$log") ($log)"
done <<EOF
$pythons
EOF
exit $worst
