"""Peak memory and rate with 100,000 files: links to a few drawings, in a folder for the time being.

    python benchmarks/many_files.py predict     # `predict_files` with the mini net
    python benchmarks/many_files.py train       # a part of an epoch, beyond what the loader keeps

Each takes some minutes; ``--files`` and ``--batches`` change how many. Memory is what the process
held at most, over what it held when the net was loaded.
"""

import argparse
import resource
import tempfile
import time
from itertools import islice
from pathlib import Path

import hotdog_ft  # before mxnet

# isort: split
import mxnet as mx
from calls import drawings, held_megabytes

from hotdog_ft.data import CACHE_BYTES, Pictures
from hotdog_ft.loader import loaders
from hotdog_ft.parts import predict_files
from hotdog_ft.training import new_trainer, train_one_epoch


def links(folder, count):
    """Paths of so many links to eight drawings of 640 x 480."""
    originals = []
    for number, content in enumerate(drawings()):
        originals.append(folder / f"original-{number}.jpg")
        originals[-1].write_bytes(content)
    (folder / "links").mkdir()
    paths = [folder / f"links/{number:07}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        path.symlink_to(originals[number % len(originals)])
    return paths


def predict(net, folder, options):
    links(folder, options.files)
    before, start = held_megabytes(), time.perf_counter()
    predict_files(net, folder / "links", folder / "out", size=64)
    return options.files, time.perf_counter() - start, before


def train(net, folder, options):
    settings = hotdog_ft.Settings(size=64, batch_size=32)
    paths = links(folder, options.files)
    pictures = Pictures(paths, [number % 2 for number in range(len(paths))])
    before, start = held_megabytes(), time.perf_counter()
    batches, _ = loaders(pictures, None, settings)
    sums = train_one_epoch(
        net,
        islice(batches, options.batches),
        new_trainer(net, settings, options.batches),
        [mx.cpu()],
    )
    print(f"The loader keeps decoded pictures up to {CACHE_BYTES / 1e6:.0f} MB.")
    return sums.examples, time.perf_counter() - start, before


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["predict", "train"])
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--batches", type=int, default=100)
    options = parser.parse_args()
    net = hotdog_ft.load_recipe("mini").load_pretrained_net()
    if options.what == "train":
        net = hotdog_ft.finetune_net(net, 2)
    with tempfile.TemporaryDirectory() as folder:
        what = predict if options.what == "predict" else train
        count, seconds, before = what(net, Path(folder), options)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6  # from KiB
    print(
        f"{options.what}, {count:,} of {options.files:,} files in {seconds:.0f} s: "
        f"{count / seconds:.0f} a second, peak {peak:.0f} MB, {peak - before:.0f} MB over the net"
    )
