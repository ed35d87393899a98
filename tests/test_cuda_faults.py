"""CUDA's own messages become a sentence with the cure, wherever a GPU is used."""

import shutil
import subprocess

import mxnet as mx
import numpy as np
import pytest
from conftest import run_python, small_net, some_batches
from mxnet.gluon import nn

import hotdog_ft
from hotdog_ft import cuda_faults
from hotdog_ft.__main__ import main
from hotdog_ft.devices import available_devices
from hotdog_ft.inference import outputs
from hotdog_ft.settings import Settings
from hotdog_ft.training import new_trainer, train_step

# What mxnet-cu112 1.9.1 said with a stand-in driver whose cuInit returned 100, 803, 999 and 2, and
# that called itself one of CUDA 10.2; the last two are of others' reports (apache/mxnet #20469 and
# deepinsight/insightface #1240), CUDA's part in them what cudaGetErrorString gives for 209 and 2.
FOUND = "Check failed: e == cudaSuccess || e == cudaErrorCudartUnloading: "
SAID = {
    f"CUDA: {FOUND}CUDA driver version is insufficient for CUDA runtime version": "450.80.02",
    f"CUDA: {FOUND}no CUDA-capable device is detected": "CUDA_VISIBLE_DEVICES",
    "MXNetError: Check failed: device_count_ > 0 (-1 vs. 0) : GPU usage requires at least 1 GPU": (
        "finds no GPU here"
    ),
    "CUDA: Check failed: e == cudaSuccess (803 vs. 0) : system has unsupported display driver / "
    "cuda driver combination": "restart the machine",
    "CUDA: Check failed: e == cudaSuccess (999 vs. 0) : unknown error": "does not answer",
    "CUDA: Check failed: e == cudaSuccess (2 vs. 0) : out of memory": "memory is full",
    "MXNetError: Check failed: err == cudaSuccess (209 vs. 0) : Name: rand_generator_seed_kernel "
    "ErrStr:no kernel image is available for execution on the device": "5.0 to 8.9",
    "MXNetError: cudaMalloc retry failed: out of memory": "memory is full",
}


def failing(text):
    """A net that fails as MXNet does on a GPU."""

    class Failing(nn.HybridSequential):
        def forward(self, x):
            raise mx.MXNetError(f"Traceback (most recent call last):\n  File x, line 1\n{text}")

    net = Failing()
    net.add(nn.Dense(2, in_units=3))
    net.initialize()
    return net


@pytest.mark.parametrize("text", SAID)
def test_in_prediction_and_training_each_message_is_a_sentence_with_the_cure(text):
    net, X = failing(text), np.zeros((4, 3), "float32")
    trainer = new_trainer(net, Settings(), 1)
    for use in (
        lambda: outputs(net, X),
        lambda: train_step(net, X, np.zeros(4), trainer, [mx.cpu()]),
    ):
        with pytest.raises((OSError, MemoryError)) as caught:
            use()
        words = str(caught.value)
        assert SAID[text] in words or "batch_size=2 or less" in words
        assert "\n" not in words and isinstance(caught.value.__cause__, mx.MXNetError)
        assert isinstance(caught.value, MemoryError) == ("out of memory" in text)


@pytest.mark.parametrize("text", SAID)
def test_the_command_line_and_the_doctor_print_it(text, monkeypatch, own_data, tmp_path, capsys):
    def num_gpus():
        raise mx.MXNetError(f"Traceback (most recent call last):\n{text}")

    monkeypatch.setattr(mx.context, "num_gpus", num_gpus)
    with pytest.raises((OSError, MemoryError), match=SAID[text]):
        available_devices()
    assert main(["compare", "--out", str(tmp_path)]) == 1
    assert main(["doctor"]) == 1
    printed, complaint = capsys.readouterr()
    assert complaint.startswith("hotdog_ft: ") and SAID[text] in complaint
    assert complaint.count("\n") == 1 and f"FAIL  {complaint[11:]}" in printed


@pytest.mark.skipif(mx.runtime.Features().is_enabled("CUDA"), reason="speaks of the other build")
def test_the_build_for_cpus_says_so_when_a_gpu_is_asked_for():
    batch = some_batches([4])[0]
    images = [(np.zeros((40, 40, 3), "uint8"), n % 2) for n in range(4)]
    with pytest.raises(OSError, match=r"build for CPUs.*mxnet-cu112==1\.9\.1"):
        hotdog_ft.train(small_net(), images, None, Settings(size=32), devices=[mx.gpu(0)])
    net = small_net()
    with pytest.raises(OSError, match="build for CPUs"):
        train_step(net, *batch, new_trainer(net, Settings(), 1), [mx.gpu(0)])


def test_what_a_users_own_code_raises_stays_as_it_is():
    images = [(np.zeros((40, 40, 3), "uint8"), n % 2) for n in range(4)]

    def after_epoch(history):
        raise RuntimeError("CUDA out of memory")  # PyTorch's words

    settings = Settings(size=32, num_epochs=1)
    with pytest.warns(UserWarning, match="class") as warned:  # it names the caller's line
        hotdog_ft.train(small_net(), [*images, *images[:1] * 40], None, settings)
    assert __file__ in [warning.filename for warning in warned if warning.category is UserWarning]
    with pytest.raises(RuntimeError, match=r"^CUDA out of memory$"):
        hotdog_ft.train(small_net(), images, None, settings, after_epoch=after_epoch)
    with pytest.raises(mx.MXNetError, match="anything else"), cuda_faults.faults_explained():
        raise mx.MXNetError("anything else")


def test_a_driver_that_lacks_what_mxnet_calls_is_too_old():
    text = "OSError: mxnet/libmxnet.so: undefined symbol: cuGraphNodeGetType"  # it said so here
    assert "driver is too old" in cuda_faults.why_import_fails(text)
    assert (
        cuda_faults.why_import_fails("OSError: libmxnet.so: undefined symbol: cblas_sgemm") is None
    )


RUNTIME = """
static int count = 2, major = 8, failure = 0;
int set(int c, int m, int f) { count = c; major = m; failure = f; return 0; }
int cudaDriverGetVersion(int *v) { *v = 12020; return 0; }
int cudaGetDeviceCount(int *n) { *n = count; return failure; }
int cudaDeviceGetAttribute(int *n, int attribute, int device) { *n = major + device; return 0; }
const char *cudaGetErrorString(int code) {
    return code == 100 ? "no CUDA-capable device is detected" : "odd";
}
"""


@pytest.mark.skipif(
    not shutil.which("cc") or mx.runtime.Features().is_enabled("CUDA"),
    reason="makes a CUDA runtime of its own",
)
def test_the_doctor_asks_the_runtime_that_mxnet_has_loaded(tmp_path):
    library = tmp_path / "a cuda/libcudart.so.11.0"
    library.parent.mkdir()
    (tmp_path / "runtime.c").write_text(RUNTIME)
    command = ["cc", "-shared", "-fPIC", "-o", library, tmp_path / "runtime.c"]
    subprocess.run(command, check=True)
    code = """
import ctypes, sys
from unittest import mock
import hotdog_ft, mxnet
from hotdog_ft import doctor
cuda = ctypes.CDLL(sys.argv[1])
with mock.patch.object(mxnet.runtime.Features, "is_enabled", return_value=True):
    for count, major, failure in ((1, 8, 0), (2, 8, 0), (1, 4, 0), (0, 0, 100), (0, 0, 1)):
        cuda.set(count, major, failure)
        print(*doctor.check_mxnet())
"""
    done = run_python(code, library)
    lines = done.stdout.splitlines()
    assert len(lines) == 5, done.stderr
    assert all(f"CUDA from {library.parent}, driver for CUDA 12.2" in line for line in lines)
    assert lines[0].startswith("OK") and all(line.startswith("WARN") for line in lines[1:])
    assert "gpu(1): MXNet 1.9.1 has code for GPUs of compute capability 5.0 to 8.9" in lines[1]
    assert "gpu(0): MXNet" in lines[2] and "finds no GPU" in lines[3] and "fails (odd)" in lines[4]


@pytest.mark.parametrize(  # seen under RLIMIT_AS: of libmxnet.so, and of oneDNN within it
    "text",
    [
        "Failed to allocate CPU Memory",
        "could not create a memory object",
        "could not create a primitive",
    ],
)
def test_memory_that_is_full_is_a_sentence_with_a_cure(text):
    with pytest.raises(MemoryError, match="take a smaller size"), cuda_faults.faults_explained():
        raise mx.MXNetError(text)
    assert cuda_faults.explanation("could not create a primitive descriptor iterator") is None
