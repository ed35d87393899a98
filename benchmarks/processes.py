"""Training and prediction by 1, 2 and 4 processes of this machine; needs `make cluster`.

    python benchmarks/processes.py

The mini net on the drawings, a thread a process, mini-batches of 32 whatever their number, and
4,096 links to predict, with what the workers take to import MXNet. Processes beyond the cores gain
nothing: they show what the messages cost.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

COUNTS = (1, 2, 4)
FILES = 4096


def train():
    """What each process does; the first one prints pictures per second, epochs 2 to 4, and the end.

    BatchNorm normalises by the mini-batch, of which each process has a share: that is what makes
    the ends of one, two and four processes differ.
    """
    import hotdog_ft
    from hotdog_ft.team import is_first

    recipe = hotdog_ft.load_recipe("mini")
    net = hotdog_ft.finetune_net(recipe.load_pretrained_net(), num_classes=2)
    settings = hotdog_ft.Settings(size=64, batch_size=32, num_epochs=4)
    history = hotdog_ft.train(net, *recipe.load_data(), settings)
    if is_first():
        rate = history.num_examples / median(history.seconds[1:])
        end = f"loss {history.loss[-1]:.4f}, test acc {history.test_acc[-1]:.4f}"
        print(f"rate {rate:.1f} pictures a second, {end}", flush=True)


def predict(workers):
    """Pictures per second by so many workers; 0 for this process alone."""
    import hotdog_ft  # before mxnet

    # isort: split
    from distributed import LocalCluster
    from many_files import links

    from hotdog_ft.parts import predict_files

    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        links(folder, FILES)
        recipe = hotdog_ft.load_recipe("mini")
        names = recipe.source_classes().name
        hotdog_ft.save_net(recipe.load_pretrained_net(), folder / "net.safetensors", names, size=64)
        where = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
        cluster = LocalCluster(host="127.0.0.1", **where) if workers else None
        start = time.perf_counter()
        predict_files(
            folder / "net.safetensors",
            folder / "links",
            folder / "out",
            scheduler=cluster and cluster.scheduler_address,
        )
        rate = FILES / (time.perf_counter() - start)
        if cluster:
            cluster.close()
    return rate


def measure():
    """One line for each number of processes."""
    here = os.path.abspath(__file__)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for count in COUNTS:
        team = [Path(sys.executable).with_name("horovodrun"), "--gloo", "-np", str(count)]
        command = [*(team if count > 1 else []), sys.executable, here, "train"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        told = next(line for line in done.stdout.splitlines() if "rate" in line)
        print(f"training, {count} processes: {told.split('rate ')[1]}", flush=True)
    print(f"prediction, this process: {predict(0):.1f} files a second", flush=True)
    for count in COUNTS:
        print(f"prediction, {count} workers: {predict(count):.1f} files a second", flush=True)


if __name__ == "__main__":
    train() if sys.argv[1:] == ["train"] else measure()
