"""Part H: many small calls of `predict`, one after the other and as a threaded server does.

    python benchmarks/calls.py --weights resnet18.params --out results/bench

ResNet-18 at 224 px on a drawing of 640 x 480, given as the bytes of a JPEG. Memory is what the
process holds when a call has ended.
"""

import argparse
import io
import json
import os
import threading
import time
from pathlib import Path
from statistics import median

import hotdog_ft  # before mxnet

# isort: split
import mxnet as mx
import numpy as np
from PIL import Image, ImageDraw

from hotdog_ft.machine import machine
from hotdog_ft.records import save_json

CALLS, THREADS = 1000, 8


def drawings(count=8):
    """JPEGs of discs in different colours."""
    rng, found = np.random.default_rng(0), []
    for _ in range(count):
        image = Image.new("RGB", (640, 480), tuple(rng.integers(0, 256, 3).tolist()))
        box = (*rng.integers(0, 200, 2).tolist(), *rng.integers(300, 480, 2).tolist())
        ImageDraw.Draw(image).ellipse(box, fill=tuple(rng.integers(0, 256, 3).tolist()))
        file = io.BytesIO()
        image.save(file, "JPEG", quality=90)
        found.append(file.getvalue())
    return found


def held_megabytes():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def milliseconds(call, times):
    taken = []
    for i in range(times):
        start = time.perf_counter()
        call(i)
        taken.append(1000 * (time.perf_counter() - start))
    return median(taken)


def one_by_one(net, pictures):
    """Milliseconds of the net alone and of a call, and how much memory CALLS calls take."""
    x = mx.nd.random.normal(shape=(1, 3, 224, 224))
    forward = milliseconds(lambda i: net(x).asnumpy(), 100)
    milliseconds(lambda i: hotdog_ft.predict(net, pictures[i % len(pictures)], size=224), 20)
    before = held_megabytes()
    call = milliseconds(
        lambda i: hotdog_ft.predict(net, pictures[i % len(pictures)], size=224), CALLS
    )
    return {"forward_ms": forward, "call_ms": call, "grown_mb": held_megabytes() - before}


def from_threads(net, pictures, calls=CALLS):
    """Calls, THREADS at a time, each in a new thread: how many a second, and how they end."""
    right = [hotdog_ft.predict(net, picture, size=224).label[0] for picture in pictures]
    wrong = []

    def answer(i):
        try:
            frame = hotdog_ft.predict(net, pictures[i % len(pictures)], size=224)
            if frame.label[0] != right[i % len(right)]:
                wrong.append(i)
        except Exception as error:
            wrong.append(repr(error))

    def client(first):
        for i in range(first, calls, THREADS):
            request = threading.Thread(target=answer, args=(i,))
            request.start()
            request.join()

    clients = [threading.Thread(target=client, args=(i,)) for i in range(THREADS)]
    before, start = held_megabytes(), time.perf_counter()
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    rate = calls / (time.perf_counter() - start)
    grown = held_megabytes() - before
    return {"calls_per_sec": rate, "wrong": len(wrong), "grown_by_threads_mb": grown}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--out", type=Path, default=Path("results/bench"))
    options = parser.parse_args()
    net, pictures = hotdog_ft.load_net(options.weights), drawings()
    found = {**machine(), **one_by_one(net, pictures)}
    before = held_megabytes()
    from_threads(net, pictures, 200)  # MXNet takes memory of its own for the first thread
    found["first_threads_mb"] = held_megabytes() - before
    found.update(from_threads(net, pictures))
    save_json(found, options.out / f"calls-{found['date']}.json")
    print(json.dumps(found, indent=1))
