"""What MXNet is lent on newer Pythons, and that nobody else notices."""

import numpy as np
import pytest
from conftest import ROOT, run_python
from mxnet import nd


def test_numpy_and_everybody_elses_imports_stay_as_they_are():
    code = """
import builtins, numpy, sys
names = "PZERO NINF alltrue product in1d int bool bool_".split()
before = builtins.__import__, [vars(numpy).get(name) for name in names]
import hotdog_ft, mxnet
import numpy as again
after = builtins.__import__, [vars(numpy).get(name) for name in names]
lent = "distutils" in sys.modules and sys.version_info >= (3, 12)
print(before == after, again is numpy, lent, mxnet.__version__)
"""
    done = run_python(code, cwd=ROOT)
    assert done.stdout == "True True False 1.9.1\n", done.stderr


@pytest.mark.parametrize("number", [2, np.int64(2), np.int32(2), np.array(2)[()]])
def test_numbers_of_numpy_reach_the_c_library_as_numbers(number):
    x = nd.arange(12).reshape((3, 4))
    cut = nd.slice(x, begin=(number - 1, number), end=(number, number + 1))
    assert cut.asnumpy().tolist() == [[6.0]]  # row 1, column 2 of 0 to 11 in rows of four
    assert nd.zeros((number, 3)).shape == (2, 3)


def test_a_scalar_of_numpy_may_be_an_operators_parameter():
    assert nd.clip(nd.array([1, 5]), np.float32(2), np.float64(3)).asnumpy().tolist() == [2.0, 3.0]
    assert (nd.ones(2) * np.float64(0.5)).asnumpy().tolist() == [0.5, 0.5]


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "1.24.0", reason="MXNet needs no help")
def test_mxnet_alone_fails_where_it_needs_the_help_and_a_failed_import_does_no_harm():
    assert run_python("import mxnet").returncode == 1
    code = """
try:
    import mxnet
except Exception:
    import hotdog_ft, mxnet
x = mxnet.np.zeros((1, 1, 2, 2))
print(mxnet.nd.ones(1).asscalar(), mxnet.np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))).shape)
"""
    done = run_python(code)
    # pad asks for numpy.compat, which NumPy 2 has no more
    assert done.stdout == "1.0 (1, 1, 4, 4)\n", done.stderr


def test_a_program_of_the_users_imports_both_and_has_its_own_errors():
    code = """
import hotdog_ft, mxnet, numpy
print(numpy.__version__ == VERSION, mxnet.nd.ones(2).asnumpy().sum() == numpy.ones(2).sum())
import a_module_of_my_own
"""
    done = run_python(code.replace("VERSION", repr(np.__version__)))
    assert done.stdout == "True True\n"
    assert done.stderr.endswith("ModuleNotFoundError: No module named 'a_module_of_my_own'\n")


def test_nothing_of_it_warns_where_warnings_are_errors():
    code = """
import hotdog_ft, numpy as np
net = hotdog_ft.load_recipe("mini").load_pretrained_net()
images = [(np.zeros((40, 40, 3), "uint8"), i % 2) for i in range(4)]
settings = hotdog_ft.Settings(size=32, batch_size=4, num_epochs=1, probe_steps=2)
net = hotdog_ft.finetune_net(net, 2)
hotdog_ft.train(net, images, None, settings)
print(len(hotdog_ft.predict(net, images)))
"""
    done = run_python(f"import warnings; warnings.simplefilter('error')\n{code}")
    assert done.stdout == "4\n", done.stderr
