#!/bin/sh
# Print the Pythons of this machine that hotdog_ft runs on, the newest first, one of each version.
# With names as arguments: these alone, and it fails at one that does not fit.

# print where "$1" really lies, if it is a Python that fits and can make environments
fits() {
    "$1" -c "import sys, venv, ensurepip
(3, 9) <= sys.version_info[:2] <= (3, 15) or sys.exit(1)
print(sys._base_executable)" 2>/dev/null
}

for name in "$@"; do
    if ! fits "$name"; then
        echo "hotdog_ft: $name is not a Python 3.9 to 3.15 with venv." >&2
        exit 1
    fi
done
[ $# -eq 0 ] || exit 0

found=
for version in 3.15 3.14 3.13 3.12 3.11 3.10 3.9; do
    # pyenv's commands refuse all versions but the chosen one; its folders do not
    for python in "python$version" "${PYENV_ROOT:-${HOME:-}/.pyenv}/versions/$version".*/bin/python; do
        fits "$python" && found=yes && break
    done
done
[ "$found" ] || fits python3 || fits python || exit 0
