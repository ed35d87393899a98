"""Make everything in data/ again: draw the target set, draw the source task and train on it.

    python tools/make_data.py            # both; about seven minutes
    python tools/make_data.py pictures   # only the target set
    python tools/make_data.py weights    # only the source net

The pictures are equal to the last bit wherever Pillow and numpy are the locked versions; the
weights are equal on the same processor with the same number of threads.
"""

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from pathlib import Path

import draw
import kinds
import numpy as np

DATA = Path(__file__).resolve().parent.parent / "data"
SEED = 20130201  # chapter 13.2, first edition of this set
COUNTS = {"train": 300, "test": 200}  # pictures a class of the target task
SOURCE_COUNTS = {"train": 450, "test": 40}  # pictures a kind of the source task
CHANNELS = [16, 16, 32, 64, 128]  # a quarter of ResNet-18's
SETTINGS = {
    "seed": SEED,
    "size": 64,
    "batch_size": 64,
    "num_epochs": 24,
    "learning_rate": 0.05,
    "output_lr_mult": 1,
    "momentum": 0.9,
    "schedule": "cosine",
}


def target_picture(split, label, number):
    """The picture ``hotdog-mini/{split}/{label}/{number}.jpg``; its seed is its place."""
    rng = np.random.default_rng((SEED, 0, ["train", "test"].index(split), len(label), number))
    kind = kinds.hotdog if label == "hotdog" else kinds.OTHERS[number % len(kinds.OTHERS)]
    return draw.draw(kind, rng)


def source_picture(split, label, number):
    """Picture `number` of the kind ``kinds.SOURCE[label]``."""
    rng = np.random.default_rng((SEED, 1, ["train", "test"].index(split), label, number))
    return draw.draw(kinds.SOURCE[label], rng)


def make_pictures():
    for split, count in COUNTS.items():
        for label in ("hotdog", "not-hotdog"):
            folder = DATA / "hotdog-mini" / split / label
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(count):
                target_picture(split, label, number).save(folder / f"{number}.jpg", quality=85)


def source_kind(job):
    split, label = job
    return [
        (np.asarray(source_picture(split, label, number)), label)
        for number in range(SOURCE_COUNTS[split])
    ]


def make_weights():
    labels = range(len(kinds.SOURCE))
    with ProcessPoolExecutor(2) as pool:  # before MXNet, whose threads do not survive a fork
        pictures = {
            split: list(chain(*pool.map(source_kind, [(split, label) for label in labels])))
            for split in SOURCE_COUNTS
        }
    import hotdog_ft

    # isort: split
    import mxnet as mx  # after hotdog_ft, which tells it to use every core
    from mxnet.gluon.model_zoo.vision import resnet

    settings = hotdog_ft.Settings(**SETTINGS)
    hotdog_ft.seed_everything(settings.seed)
    classes = len(kinds.SOURCE)
    net = resnet.ResNetV2(resnet.BasicBlockV2, [2, 2, 2, 2], CHANNELS, classes=classes)
    net.hybridize(static_alloc=True)
    net.initialize(mx.init.Xavier())
    net(mx.nd.zeros((1, 3, settings.size, settings.size)))

    def show(history):
        print(history.to_frame().tail(1).to_string(header=len(history.loss) == 1), flush=True)

    hotdog_ft.train(net, pictures["train"], pictures["test"], settings, after_epoch=show)
    net.save_parameters(str(DATA / "resnet18-mini.params"))
    (DATA / "resnet18-mini.classes.json").write_text(
        json.dumps([kind.__name__ for kind in kinds.SOURCE]) + "\n"
    )


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["pictures", "weights"]
    if "pictures" in wanted:
        make_pictures()
    if "weights" in wanted:
        make_weights()
