"""What the contenders share: each is a process that does one task a line and says what it cost.

A line on standard input is a JSON list, the task's name and its arguments. The answer is a JSON
object with the pictures that were handled, wall and cpu seconds, and the process's peak memory.
What a task needs is set up outside of the measurement, when its first line with the same arguments
comes.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

CALIBRATION = 32  # pictures at the beginning of X.npy; the others are judged
KIND = next((kind for kind in ("bfloat16", "int8") if kind in sys.argv), "float32")


def peak_gb():
    """The most memory that this process has held; getrusage would count its parent's too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e9 for line in lines if line.startswith("VmHWM"))


def serve(tasks):
    """Answer requests until standard input ends.

    ``tasks[name](*arguments)`` sets up, and returns a function that does the work once and returns
    the number of pictures.
    """
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever libraries print goes elsewhere
    ready = {}
    for line in sys.stdin:
        if line not in ready:
            name, *arguments = json.loads(line)
            ready[line] = tasks[name](*arguments)
        wall, cpu = time.perf_counter(), time.process_time()
        pictures = ready[line]()
        print(
            json.dumps(
                {
                    "pictures": pictures,
                    "seconds": time.perf_counter() - wall,
                    "cpu_seconds": time.process_time() - cpu,
                    "peak_gb": peak_gb(),
                }
            ),
            file=answers,
            flush=True,
        )


def precision_tasks(forward):
    """The tasks of `precision.py` for a contender.

    Parameters
    ----------
    forward : callable
        ``forward(folder, seen)`` gives what makes logits of a batch, in the precision `KIND`, an
        argument of the script; `seen` are pictures to calibrate on.
    """

    def begun(folder):
        X = np.load(Path(folder) / "X.npy")
        return X, forward(Path(folder), X[:CALIBRATION])

    def rate(folder, batch_size):
        X, run = begun(folder)
        X = np.resize(X, (batch_size, *X.shape[1:]))
        run(X)
        return lambda: len(run(X))

    def agree(folder):
        """The "pictures" are those whose first choice is that of our float32."""
        X, run = begun(folder)
        wanted, parts = np.load(Path(folder) / "choices.npy"), np.split(X[CALIBRATION:], 6)
        return lambda: int((np.concatenate([run(p) for p in parts]).argmax(1) == wanted).sum())

    return {"rate": rate, "agree": agree}
