"""Measure hotdog_ft beside the book's code and PyTorch, interleaved, and write one JSON record.

    python benchmarks/run.py --data hotdog --torch-python .venv-bench/bin/python --out results/bench
    python benchmarks/run.py --show results/bench/bench-2026-11-26.json

Figures are medians of some repetitions, but for parts D and G: there the second of two goes counts.
Wall seconds, with cpu seconds beside them. The second call prints the tables of
benchmarks/README.md from a record.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
# ResNet-18 at 224 px: 1.814e9 multiplications and additions forward (He et al. 2016, table 1:
# 1.8e9); backward twice as many, but for the stem's data gradient (118e6), which nothing needs.
FORWARD = 2 * 1.814e9
STEP = 3 * FORWARD - 2 * 118e6


class Contender:
    """A process that does tasks on request."""

    def __init__(self, name, command, **environment):
        self.name = name
        clean = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
        self.process = subprocess.Popen(
            command,
            cwd=HERE,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**clean, **environment},
        )

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
        found[name] = {
            "per_second": median(run["pictures"] / run["seconds"] for run in runs),
            "cpu_ms": median(1e3 * run["cpu_seconds"] / run["pictures"] for run in runs),
            "all_seconds": [round(run["seconds"], 3) for run in runs],
            "peak_gb": max(run["peak_gb"] for run in runs),
        }
    return found


def alone(command, request, **environment):
    """A contender's rate in its second go at a request, and its memory, in a process of its own."""
    contender = Contender("ours", command, **environment)
    first, later = contender.ask(*request), contender.ask(*request)
    contender.stop()
    return {
        "per_second": later["pictures"] / later["seconds"],
        "first_per_second": first["pictures"] / first["seconds"],
        "cpu_ms": 1e3 * later["cpu_seconds"] / later["pictures"],
        "peak_gb": later["peak_gb"],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder with train/CLASS/*")
    parser.add_argument(
        "--torch-python", help="a Python that has torch and torchvision; left out without"
    )
    parser.add_argument("--out", type=Path, help="folder of the JSON record")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument(
        "--show", type=Path, help="a record to print as tables; nothing is measured"
    )
    options = parser.parse_args()
    if options.show:
        return show(json.loads(options.show.read_text()))
    if not (options.data and options.out):
        parser.error("--data and --out say what is measured and where the record goes")
    data = str(Path(options.data).resolve())
    commands = {"ours": [sys.executable, "ours.py"], "book": [sys.executable, "book.py"]}
    if options.torch_python:
        torch = os.path.abspath(options.torch_python)
        commands["PyTorch"] = [torch, "pytorch.py"]
        commands["PyTorch channels-last"] = [torch, "pytorch.py", "channels-last"]

    sys.path.insert(0, str(HERE.parent))
    from hotdog_ft.machine import machine
    from hotdog_ft.records import save_json

    record = {**machine(), "repetitions": options.repetitions}
    if options.torch_python:
        record["versions"]["torch"] = subprocess.run(
            [torch, "-c", "import torch; print(torch.__version__)"], text=True, capture_output=True
        ).stdout.strip()
    path = options.out / f"bench-{record['date']}.json"
    if path.exists():
        parser.error(f"{path} is there already: give it another name, and nothing is lost")

    def note(part, found):
        record.setdefault(part[0], {})[part[1]] = found
        save_json(record, path)
        print(
            f"{part[0]} {part[1]}: "
            + ", ".join(f"{name} {figures['per_second']:.4g}/s" for name, figures in found.items()),
            flush=True,
        )

    contenders = [Contender(name, command) for name, command in commands.items()]
    note(
        ("F", "float32 matrix rate in operations"),  # the book's code has no other than ours
        side_by_side([c for c in contenders if c.name in ("ours", "PyTorch")], ["matrix", 4096], 5),
    )
    for batch_size in (32, 128):
        note(
            ("A", f"training step, batch {batch_size}"),
            side_by_side(contenders, ["train", batch_size], options.repetitions),
        )
        note(
            ("B", f"prediction, batch {batch_size}"),
            side_by_side(contenders, ["predict", batch_size], options.repetitions),
        )
    for kind in ("train", "test"):
        for epoch in (1, 2):
            note(
                ("C", f"loader, {kind}, {'first epoch' if epoch == 1 else 'later epochs'}"),
                side_by_side(contenders[:3], ["load", kind, data, 1000, epoch], 3),
            )
    for contender in contenders:
        contender.stop()

    for batch_size in (32, 128):
        note(
            ("D", f"epoch of 256 pictures from disk, batch {batch_size}"),
            {
                name: alone(command, ["epoch", data, 256, batch_size])
                for name, command in commands.items()
            },
        )

    for title, request in {
        **{
            f"training step, batch {n}, {size} px, {devices} devices": ["train", n, size, devices]
            for n, size, devices in (
                (8, 224, 1),
                (32, 224, 1),
                (64, 224, 1),
                (128, 224, 1),
                (32, 128, 1),
                (32, 64, 1),
                (32, 224, 2),
                (32, 224, 3),
            )
        },
        **{
            f"loader, {count} pictures": ["grow", data, count]
            for count in (250, 500, 1000, 2000, 4000, 8000)
        },
        "output layer alone on 2,000 stored features": ["probe_epoch", 2000],
    }.items():
        note(("G", title), {"ours": alone(commands["ours"], request)})
    for threads in "12":
        note(
            ("G", f"training step, batch 32, {threads} threads"),
            {"ours": alone(commands["ours"], ["train", 32], OMP_NUM_THREADS=threads)},
        )
    print(f"The record is in {path}.")


def show(record):
    """Print the tables of a record in Markdown."""
    rate = max(found["per_second"] for found in record["F"].popitem()[1].values())
    print(f"{record['machine']['processor']}, {record['date']}, {rate / 1e9:.0f} GFLOP/s")
    for part in "ABCD":
        for title, found in record.get(part, {}).items():
            ceiling = {"A": rate / STEP, "B": rate / FORWARD}.get(part)
            rates = {name: figures["per_second"] for name, figures in found.items()}
            torch = max(
                (value for name, value in rates.items() if "PyTorch" in name), default=float("nan")
            )
            cells = [
                f"{value:.4g}" + (f" ({value / ceiling:.0%})" if ceiling else "")
                for value in rates.values()
            ]
            cells += [""] * (4 - len(cells)) + [f"{ceiling:.4g}" if ceiling else ""]
            cells += [f"{rates['ours'] / rates['book']:.2f}", f"{rates['ours'] / torch:.2f}"]
            print(f"| **{part}** {title.replace('train,', 'training,')} | {' | '.join(cells)} |")
    for title, found in record.get("D", {}).items():
        print(
            f"{title}, first epoch, peak GB: "
            + ", ".join(
                f"{name} {figures['first_per_second']:.3g}, {figures['peak_gb']:.1f}"
                for name, figures in found.items()
            )
        )
    for title, found in record.get("G", {}).items():
        ours = found["ours"]
        print(f"| {title} | {ours['per_second']:.4g} | {ours.get('peak_gb', float('nan')):.2f} |")


if __name__ == "__main__":
    main()
