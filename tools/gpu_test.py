"""Whether GPUs compute what the CPU does, and how fast: minutes, and a record in results/bench.

    make gpu-test

One training step on the first GPU against the same step on the CPU, and on all GPUs against one;
the three runs of the comparison in mini mode, whose accuracies must lie where the recorded runs on
a CPU put them; pictures per second of training steps of ResNet-18 at 224 pixels. The exit status is
1 if something differs, and if there is no GPU: then nothing is written.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import hotdog_ft  # before mxnet

# isort: split
import mxnet as mx
import numpy as np
from mxnet import nd
from mxnet.gluon.model_zoo.vision import resnet18_v2
from scipy.stats import t

from hotdog_ft.cuda_faults import state
from hotdog_ft.devices import available_devices
from hotdog_ft.doctor import check_mxnet
from hotdog_ft.learning import learning_as_set
from hotdog_ft.machine import machine
from hotdog_ft.mxnet_internals import arrays_of
from hotdog_ft.records import Record, save_json
from hotdog_ft.settings import Settings
from hotdog_ft.training import new_trainer, train_step

BENCH = Path(__file__).parents[1] / "results/bench"
RECORDED = "compare-mini-dd524153"
CLOSE = 1e-4
# compared in full single precision: on newer GPUs the default rounds factors to 10 bits (TF32)
EXACT = {"NVIDIA_TF32_OVERRIDE": "0", "MXNET_CUDA_ALLOW_TENSOR_CORE": "0"}


def mini_net():
    """The net of mini mode with a new output layer."""
    return hotdog_ft.finetune_net(hotdog_ft.load_recipe("mini").load_pretrained_net(), 2)


def resnet18():
    """ResNet-18 with random weights."""
    net = resnet18_v2(classes=2)
    net.initialize(mx.init.Xavier())
    net(nd.zeros((1, 3, 32, 32)))  # from here on its parameters have shapes
    return net


def batch_of(count, size):
    rng = np.random.default_rng(0)
    return rng.normal(size=(count, 3, size, size)).astype("float32"), rng.integers(0, 2, count)


def step(make_net, size, devices, **changes):
    """All that learns before and after one training step on 16 pictures, and the loss before."""
    hotdog_ft.seed_everything(0)
    net, settings = make_net(), Settings(size=size, **changes)
    net.collect_params().reset_ctx(devices)

    def learnt():
        arrays = arrays_of(net)
        return np.concatenate([arrays[n].ravel() for n in arrays if "running_" not in n])

    before = learnt()
    with learning_as_set(net, settings):
        loss, _ = train_step(net, *batch_of(16, size), new_trainer(net, settings, 1), devices)
    return before, learnt(), loss / 16


def difference(make_net, size, devices, others, **changes):
    """How far two lots of devices are apart after a step, relative to the second's figures.

    The update alone is told, not judged: two ways of computing on a CPU, with oneDNN and without,
    differ by 1 % of it on ResNet-18, for a sum near 0 falls on either side of a ReLU.
    """
    _, ours, loss = step(make_net, size, devices, **changes)
    before, theirs, wanted = step(make_net, size, others, **changes)
    apart = float(np.linalg.norm(ours - theirs))
    return {
        "parameters": apart / float(np.linalg.norm(theirs)),
        "update": apart / float(np.linalg.norm(theirs - before)),
        "loss": abs(loss - wanted) / wanted,
    }


def spread(accuracies):
    """Where the next run will be with 99 % certainty, if all are normally distributed alike."""
    mean, n = np.mean(accuracies), len(accuracies)
    half = t.ppf(0.995, n - 1) * np.std(accuracies, ddof=1) * (1 + 1 / n) ** 0.5
    return float(mean - half), float(mean + half)


def compare(recipe, devices, recorded):
    """Each of the recipe's runs with seed 0: its accuracy, and where the record's runs put it."""
    found = {}
    for kind, settings in recipe.runs.items():
        hotdog_ft.seed_everything(settings.seed)
        new_net = hotdog_ft.scratch_net if settings.from_scratch else hotdog_ft.finetune_net
        net = new_net(recipe.load_pretrained_net(), 2)
        history = hotdog_ft.train(net, *recipe.load_data(), settings, devices=devices)
        theirs = [e.history.last_test_acc for e in recorded.entries if e.run == kind]
        found[kind] = {"accuracy": history.last_test_acc, "recorded": spread(theirs)}
    return found


def rate(devices, batch_size, size=224, steps=20):
    """Pictures per second of a training step, transfer to the devices included."""
    net, settings = resnet18(), Settings(size=size, batch_size=batch_size)
    net.collect_params().reset_ctx(devices)
    net.hybridize(static_alloc=True, static_shape=True)
    X, y = batch_of(batch_size, size)
    trainer = new_trainer(net, settings, steps)
    for _ in range(3):  # cuDNN tries its algorithms
        train_step(net, X, y, trainer, devices)
    start = time.perf_counter()
    for _ in range(steps):
        train_step(net, X, y, trainer, devices)
    return batch_size * steps / (time.perf_counter() - start)


def rates(gpus):
    """`rate` of batches of 32 and 128, on the first GPU and, if there are more, on all."""
    lots = {1: gpus[:1], len(gpus): gpus}
    return [
        {"GPUs": count, "batch": n, "pictures per second": rate(lot, n)}
        for count, lot in lots.items()
        for n in (32, 128)
    ]


def check(gpus, cpu, recipe, recorded):
    """All comparisons: their figures, and a line for each that does not hold."""
    frozen = {"use_global_stats": True}  # else BatchNorm normalises by the part on each device
    found = {
        "mini net, GPU and CPU": difference(mini_net, recipe.size, gpus[:1], cpu),
        "ResNet-18, GPU and CPU": difference(resnet18, 224, gpus[:1], cpu),
    }
    if len(gpus) > 1:
        found["mini net, all GPUs and one"] = difference(
            mini_net, recipe.size, gpus, gpus[:1], **frozen
        )
    wrong = [
        f"{name}: {what} {figure:.1e} apart"
        for name, figures in found.items()
        for what, figure in figures.items()
        if what != "update" and not figure <= CLOSE
    ]
    runs = compare(recipe, gpus[:1], recorded)
    for kind, run in runs.items():
        low, high = run["recorded"]
        if not low <= run["accuracy"] <= high:
            wrong.append(f"{kind}: accuracy {run['accuracy']}, not {low:.4f} to {high:.4f}")
    return {"steps": found, "runs": runs, "wrong": wrong}


PARTS = {
    "check": lambda gpus: check(
        gpus, [mx.cpu()], hotdog_ft.load_recipe("mini"), Record.load(RECORDED)
    ),
    "rates": rates,
}


def in_a_process(part, **environment):
    """What one of PARTS gives for all GPUs, in a process with these settings of CUDA's."""
    command = [sys.executable, __file__, part]
    done = subprocess.run(command, env={**os.environ, **environment}, stdout=subprocess.PIPE)
    if done.returncode:
        sys.exit(done.returncode)
    return json.loads(done.stdout.splitlines()[-1])


def main():
    try:
        gpus = available_devices()
    except (OSError, MemoryError) as error:
        sys.exit(f"hotdog_ft: {error}")
    if gpus[0].device_type != "gpu":
        sys.exit(f"hotdog_ft: There is no GPU to test: {check_mxnet()[1]}")
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True)
    about = {"gpus": listed.stdout.splitlines() or list(map(str, gpus)), "cuda": state()[0]}
    print(*about.values(), flush=True)
    content = {**machine(), **about, **in_a_process("check", **EXACT)}
    content["rates"] = in_a_process("rates")
    path = BENCH / f"gpu-{content['date']}.json"
    save_json(content, path)
    for name in ("steps", "runs", "rates"):
        print(name, json.dumps(content[name], indent=1))
    print(f"The record is in {path}.")
    sys.exit("\n".join(f"hotdog_ft: {line}" for line in content["wrong"]) or 0)


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(PARTS[sys.argv[1]](available_devices())))
    else:
        main()
