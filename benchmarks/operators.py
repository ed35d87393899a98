"""Which operators a training step's time goes to, by MXNet's profiler.

    python benchmarks/operators.py [BATCH_SIZE]

Our step of part A, ten of them; the operators run one by one, and not in bulk, so that each is
timed. Forward and backward of one kind stand apart.
"""

import atexit
import json
import os
import shutil
import sys
import tempfile

os.environ["MXNET_EXEC_BULK_EXEC_TRAIN"] = "0"  # before mxnet
from ours import train

# isort: split
from mxnet import profiler

STEPS = 10


def main():
    batch_size = int(sys.argv[1]) if len(sys.argv) > 1 else 32
    step = train(batch_size)
    step()
    kinds = {"profile_symbolic": True, "profile_imperative": True, "aggregate_stats": True}
    # MXNet writes megabytes there when the process ends, and nobody reads them
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    profiler.set_config(filename=os.path.join(folder, "profile.json"), **kinds)
    profiler.set_state("run")
    for _ in range(STEPS):
        step()
    profiler.set_state("stop")
    times = json.loads(profiler.dumps(format="json"))["Time"]["operator"]
    taken = {name: found["Total"] / STEPS for name, found in times.items()}
    total = sum(taken.values())
    print(f"batch {batch_size}: {total:.0f} ms a step in operators")
    for name in sorted(taken, key=taken.get, reverse=True)[:12]:
        print(f"| {name} | {taken[name]:.1f} ms | {taken[name] / total:.0%} |")


if __name__ == "__main__":
    main()
