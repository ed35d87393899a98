"""Measure hotdog_ft beside the book's code and PyTorch, interleaved, and write one JSON record.

    python benchmarks/run.py --data hotdog --torch-python .venv-bench/bin/python --out results/bench

Every figure is the median of some repetitions; wall seconds, with cpu seconds beside them.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
# ResNet-18 at 224 px: 1.814e9 multiplications and additions forward (He et al. 2016, table 1: 1.8e9); backward
# twice as many, but for the stem's data gradient (118e6), which nothing needs.
FORWARD = 2 * 1.814e9
STEP = 3 * FORWARD - 2 * 118e6


class Contender:
    """A process that does tasks on request."""

    def __init__(self, name, command, **environment):
        self.name = name
        clean = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
        self.process = subprocess.Popen(command, cwd=HERE, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, env={**clean, **environment})

    def ask(self, *request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.name} ended at {request}.")
        return json.loads(answer)

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def side_by_side(contenders, request, repetitions):
    """The medians of every contender over interleaved repetitions of one request."""
    answers = {contender.name: [] for contender in contenders}
    for _ in range(repetitions):
        for contender in contenders:
            answers[contender.name].append(contender.ask(*request))
    found = {}
    for name, runs in answers.items():
        found[name] = {"per_second": median(run["pictures"] / run["seconds"] for run in runs),
                       "cpu_ms": median(1e3 * run["cpu_seconds"] / run["pictures"] for run in runs),
                       "all_seconds": [round(run["seconds"], 3) for run in runs]}
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder with train/CLASS/*")
    parser.add_argument("--torch-python", help="a Python that has torch and torchvision; left out without")
    parser.add_argument("--out", type=Path, required=True, help="folder of the JSON record")
    parser.add_argument("--repetitions", type=int, default=3)
    options = parser.parse_args()
    data = str(Path(options.data).resolve())
    commands = {"ours": [sys.executable, "ours.py"], "book": [sys.executable, "book.py"]}
    if options.torch_python:
        torch = os.path.abspath(options.torch_python)
        commands["PyTorch"] = [torch, "pytorch.py"]
        commands["PyTorch channels-last"] = [torch, "pytorch.py", "channels-last"]

    sys.path.insert(0, str(HERE.parent))
    from hotdog_ft.results import machine, save_record
    record = {**machine(), "repetitions": options.repetitions}
    if options.torch_python:
        record["versions"]["torch"] = subprocess.run([torch, "-c", "import torch; print(torch.__version__)"], text=True,
                                                     capture_output=True).stdout.strip()
    path = options.out / f"bench-{record['date']}.json"

    def note(part, found):
        record.setdefault(part[0], {})[part[1]] = found
        save_record(record, path)
        print(f"{part[0]} {part[1]}: " + ", ".join(
            f"{name} {figures['per_second']:.4g}/s" for name, figures in found.items()), flush=True)

    contenders = [Contender(name, command) for name, command in commands.items()]
    rate = side_by_side(contenders[:1], ["matrix", 4096], 5)
    note(("F", "float32 matrix rate in operations"), rate)
    for batch_size in (32, 128):
        note(("A", f"training step, batch {batch_size}"),
             side_by_side(contenders, ["train", batch_size], options.repetitions))
        note(("B", f"prediction, batch {batch_size}"),
             side_by_side(contenders, ["predict", batch_size], options.repetitions))
    loaders = contenders[:3]
    for kind in ("train", "test"):
        for epoch in (1, 2):
            note(("C", f"loader, {kind}, {'first epoch' if epoch == 1 else 'later epochs'}"),
                 side_by_side(loaders, ["load", kind, data, 1000, epoch], 3))
    for contender in contenders:
        contender.stop()

    for batch_size in (32, 128):  # in processes of their own, for the memory
        found = {}
        for name, command in commands.items():
            contender = Contender(name, command)
            first, later = (contender.ask("epoch", data, 256, batch_size) for _ in range(2))
            found[name] = {"per_second": later["pictures"] / later["seconds"],
                           "first_per_second": first["pictures"] / first["seconds"],
                           "cpu_ms": 1e3 * later["cpu_seconds"] / later["pictures"], "peak_gb": later["peak_gb"]}
            contender.stop()
        note(("D", f"epoch of 256 pictures from disk, batch {batch_size}"), found)

    for threads in ("1", "2"):
        ours = Contender("ours", commands["ours"], OMP_NUM_THREADS=threads)
        for request in (["train", 8], ["train", 32], ["train", 32, 128], ["train", 32, 64], ["train", 32, 224, 2],
                        ["predict", 32]):
            note(("G", f"{threads} threads, {request}"), side_by_side([ours], request, 2))
        ours.stop()
    ours = Contender("ours", commands["ours"])
    for count in (250, 500, 1000, 2000):
        note(("G", f"loader, {count} pictures, later epochs"), side_by_side([ours], ["load", "train", data, count, 2], 2))
    note(("G", "training the output layer alone on 2,000 stored features"), side_by_side([ours], ["probe_epoch", 2000], 5))
    ours.stop()
    print(f"The record is in {path}.")


if __name__ == "__main__":
    main()
