"""A training run in a process of its own, for the tests that kill it and call it again.

    python run_training.py OUT '{"data": FOLDER, "settings": {…}, …}'

It prints "batch" after every update, leaves OUT.checkpoint on its way and OUT.npz, OUT.json at the
end, or says why the checkpoint was refused. Keys beside ``data`` and ``settings``: ``each``
(settings of several runs, one after the other), ``other_source``, ``scratch``, ``freeze`` (freeze a
part by hand), ``method``, ``devices`` (their number), ``stuck``.
"""

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import hotdog_ft  # before mxnet, which newer Pythons cannot import alone

# isort: split
import mxnet as mx
import numpy as np
from conftest import ROOT, make_source_net, values

from hotdog_ft import identity, training
from hotdog_ft.settings import Settings

SCRIPT = Path(__file__)
SETTINGS = Settings(size=32, batch_size=3, num_epochs=4, momentum=0.9)


def start(out, **run):
    """Start this file as a process."""
    paths = f"{ROOT}{os.pathsep}{SCRIPT.parent}"
    return subprocess.Popen(
        [sys.executable, SCRIPT, str(out), json.dumps(run, default=str)],
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        # shells have their background jobs ignore Ctrl-C, and so would this process
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def kill_after(process, batches):
    """Kill a process that `start` began, after so many updates."""
    assert [process.stdout.readline() for _ in range(batches)] == ["batch\n"] * batches
    process.kill()
    process.communicate()


step = training.train_step


def loud_step(*arguments):
    sums = step(*arguments)
    print("batch", flush=True)
    return sums


def stuck(self, target):
    """In place of ``Path.replace``: stop for ever between writing a file and giving it its name."""
    print("writing", flush=True)
    sys.stdin.read()


def run(out, data, settings=None, **about):
    """One run; a refusal of its checkpoint is a DataError."""
    settings = replace(SETTINGS, **(settings or {}))
    source_net = make_source_net()
    if about.get("other_source"):
        stem = source_net.features[1].weight
        stem.set_data(1.001 * stem.data())
    hotdog_ft.seed_everything(5)
    new_net = hotdog_ft.scratch_net if about.get("scratch") else hotdog_ft.finetune_net
    train_imgs, test_imgs = hotdog_ft.load_image_folders(data)
    net = new_net(source_net, len(train_imgs.classes))
    if about.get("freeze"):
        hotdog_ft.freeze(net.features[:2])
    devices = [mx.cpu(i) for i in range(about.get("devices", 1))]
    history = hotdog_ft.train(
        net, train_imgs, test_imgs, settings, devices=devices, checkpoint=f"{out}.checkpoint"
    )
    np.savez(f"{out}.npz", **values(net))
    Path(f"{out}.json").write_text(json.dumps(asdict(history)))


if __name__ == "__main__":
    out, about = sys.argv[1], json.loads(sys.argv[2])
    training.train_step = loud_step
    if about.pop("stuck", False):
        Path.replace = stuck
    identity.METHOD = about.pop("method", identity.METHOD)
    refusals = []
    for settings in about.pop("each", [about.pop("settings", {})]):
        try:
            run(out, settings=settings, **about)
        except hotdog_ft.DataError as error:
            refusals.append(str(error))
    sys.exit("\n".join(refusals) or 0)
