"""What a training picture costs, stage by stage: the profile behind part C.

    python benchmarks/stages.py ours --data hotdog
    python benchmarks/stages.py book --data hotdog

Milliseconds a picture, medians of 5 passes over 400 pictures: in one thread, and where threads do
it, in two at once.
"""

import argparse
import hashlib
import sys
import threading
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))
COUNT, PASSES, SIZE = 400, 5, 224


def milliseconds(work, items, threads=1):
    """A picture's share of the wall time, and what `work` gave in one thread."""
    taken = []
    for _ in range(PASSES):
        results = [None] * len(items)

        def part(begin, results=results):
            for place in range(begin, len(items), threads):
                results[place] = work(items[place])

        workers = [threading.Thread(target=part, args=(begin,)) for begin in range(threads)]
        start = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        taken.append(1000 * (time.perf_counter() - start) / len(items))
    return median(taken), results


def ours(folder):
    from ours import images

    # isort: split
    import numpy as np
    from PIL import Image

    from hotdog_ft.augment import normalize, random_crop_box
    from hotdog_ft.picture import read_picture

    rng = np.random.default_rng(0)

    def crop_and_resize(image):
        box = random_crop_box(image.height, image.width, rng)
        return image.resize((SIZE, SIZE), Image.BILINEAR, box)

    stages = {
        "read and decode": read_picture,
        "to Pillow": Image.fromarray,
        "crop, smoothed to 224 px": crop_and_resize,
        "to numpy": np.asarray,
        "normalise": normalize,
    }
    items = images(folder, COUNT).paths
    hashing, _ = milliseconds(lambda path: hashlib.sha256(path.read_bytes()).digest(), items)
    print(f"| hash of the file | {hashing:.3f} | |")
    for name, work in stages.items():
        two, _ = milliseconds(work, items, threads=2)
        one, items = milliseconds(work, items)
        print(f"| {name} | {one:.3f} | {two:.3f} |")


def book(folder):
    from book import AUGS
    from mxnet import gluon, npx

    found = gluon.data.vision.ImageFolderDataset(str(Path(folder) / "train"))
    step = len(found) // COUNT
    items = list(range(0, step * COUNT, step))
    stages = {"read and decode": lambda index: found[index][0]}
    stages.update((type(stage).__name__, stage) for stage in AUGS["train"]._children.values())
    for name, work in stages.items():

        def waited(item, work=work):
            result = work(item)
            npx.waitall()
            return result

        one, items = milliseconds(waited, items)
        print(f"| {name} | {one:.3f} | |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("contender", choices=["ours", "book"])
    parser.add_argument("--data", required=True, help="folder with train/CLASS/*")
    options = parser.parse_args()
    {"ours": ours, "book": book}[options.contender](options.data)
