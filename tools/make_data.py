"""Make everything in data/ again: draw the target set, draw the source task and train on it.

    python tools/make_data.py            # both; about ten minutes on 2 cores
    python tools/make_data.py pictures   # only the target set
    python tools/make_data.py weights    # only the source net

The pictures are equal to the last bit wherever Pillow and numpy are the locked versions; the
weights are equal on the same processor with the same number of threads.
"""

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

import draw

DATA = Path(__file__).resolve().parent.parent / "data"
SEED = 20130201  # chapter 13.2, first edition of this set
COUNTS = {"train": 300, "test": 200}  # pictures a class of the target task
SOURCE_COUNTS = {"train": 450, "test": 40}  # pictures a kind of the source task
CHANNELS = [16, 16, 32, 64, 128]  # a quarter of ResNet-18's
EPOCHS, BATCH_SIZE, RATE, SIZE = 24, 64, 0.05, 64


def target_picture(split, label, number):
    """The picture ``hotdog-mini/{split}/{label}/{number}.jpg``; its seed is its place."""
    rng = np.random.default_rng((SEED, 0, ["train", "test"].index(split), len(label), number))
    kind = draw.hotdog if label == "hotdog" else draw.OTHERS[number % len(draw.OTHERS)]
    return draw.draw(kind, rng)


def source_picture(split, label, number):
    """Picture `number` of the kind ``draw.SOURCE[label]``."""
    rng = np.random.default_rng((SEED, 1, ["train", "test"].index(split), label, number))
    return draw.draw(draw.SOURCE[label], rng)


def make_pictures():
    for split, count in COUNTS.items():
        for label in ("hotdog", "not-hotdog"):
            folder = DATA / "hotdog-mini" / split / label
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(count):
                target_picture(split, label, number).save(folder / f"{number}.jpg", quality=85)


def source_kind(job):
    split, label = job
    return [(np.asarray(source_picture(split, label, number)), label)
            for number in range(SOURCE_COUNTS[split])]


def make_weights():
    with ProcessPoolExecutor(2) as pool:  # before MXNet is imported: its threads do not survive a fork
        pictures = {split: sum(pool.map(source_kind, [(split, label) for label in
                                                      range(len(draw.SOURCE))]), [])
                    for split in SOURCE_COUNTS}
    import hotdog_ft  # before mxnet, which it tells to use every core
    import mxnet as mx
    from hotdog_ft.model import resnet18
    from hotdog_ft.history import History

    hotdog_ft.seed_everything(SEED)
    net = resnet18(2, CHANNELS, len(draw.SOURCE))
    net.initialize(mx.init.Xavier())
    net(mx.nd.zeros((1, 3, SIZE, SIZE)))
    train_iter = hotdog_ft.BatchLoader(pictures["train"], hotdog_ft.TrainAugs(SIZE), BATCH_SIZE, True)
    test_iter = hotdog_ft.BatchLoader(pictures["test"], hotdog_ft.TestAugs(SIZE), BATCH_SIZE)
    schedule = mx.lr_scheduler.CosineScheduler(EPOCHS * len(train_iter), RATE)

    def show(history: History):
        print(history.to_frame().tail(1).to_string(header=len(history.loss) == 1), flush=True)

    hotdog_ft.train(net, train_iter, test_iter, RATE, EPOCHS, momentum=0.9, lr_scheduler=schedule,
                    after_epoch=show)
    net.save_parameters(str(DATA / "resnet18-mini.params"))
    (DATA / "resnet18-mini.classes.json").write_text(
        json.dumps([kind.__name__ for kind in draw.SOURCE]) + "\n")


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["pictures", "weights"]
    if "pictures" in wanted:
        make_pictures()
    if "weights" in wanted:
        make_weights()
