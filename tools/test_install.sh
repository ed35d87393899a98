#!/bin/sh
# The README's two commands, in an environment that has today's NumPy and pandas already: both stay
# what they are, and a program that imports all of them runs. PYTHON names another than the newest.
set -eu
python=$(sh tools/pythons.sh ${PYTHON:+"$PYTHON"} | { read -r newest || :; echo "$newest"; })
venv=$PWD/build/install
rm -rf "$venv"
"$python" -m venv "$venv"
there() { "$venv"/bin/python -m pip freeze | grep -E '^(numpy|pandas)=='; }
"$venv"/bin/python -m pip install --quiet numpy pandas
before=$(there)
"$venv"/bin/python -m pip install --quiet .
"$venv"/bin/python -m pip install --quiet --no-deps mxnet==1.9.1
if [ "$before" != "$(there)" ]; then
    echo "hotdog_ft: installing it has changed $before into $(there)" >&2
    exit 1
fi
cd "$venv"  # away from the checkout
bin/python -m hotdog_ft doctor
bin/python -c 'import hotdog_ft, mxnet, numpy, pandas
net = hotdog_ft.load_recipe("mini").load_pretrained_net()
pictures = numpy.zeros((2, 40, 40, 3), "uint8")
print(pandas.DataFrame(hotdog_ft.predict(net, pictures, size=32)), mxnet.nd.ones(2).asnumpy())'
bin/python -m pip check || echo "(as is to be expected: mxnet runs with these all the same)"
