"""Time to accuracy (part E): test accuracy against seconds since the process began, run by run.

    python benchmarks/time_to_accuracy.py fast --data hotdog --weights FILE --out RECORD.json

- **fast**: ``hotdog_ft.fine_tune(num_epochs=0)``: the output layer alone, on stored features;
- **book**: the epochs of ``hotdog_ft.fine_tune``'s recipe with d2l 1.0.3's training step and
  evaluation and the chapter's loaders, which look at no mirror images in the test. The book has no
  probing: it starts from the output layer that "fast" has left (run that before), at no cost;
- **ours**: the same epochs under hotdog_ft, not run again but read from a record of ``hotdog_ft
  compare`` (``--record``), behind the start that "fast" took with the same seed;
- **draw**: nothing is run, the figure beside the record is drawn again.
"""

import time

START = time.perf_counter()  # before the imports, which belong to the bill

import argparse  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from dataclasses import asdict, replace  # noqa: E402
from pathlib import Path  # noqa: E402
from types import SimpleNamespace  # noqa: E402

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))


def book(options):
    from d2l import mxnet as d2l
    from mxnet import cpu, gluon, lr_scheduler, npx

    npx.set_np()
    # as "fast" has left them: importing hotdog_ft would give the book every core
    settings = SimpleNamespace(**json.loads(options.out.with_suffix(".settings").read_text()))
    size, rate = round(settings.size * settings.test_scale), settings.learning_rate
    transforms = gluon.data.vision.transforms
    to_input = [
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]
    crop = transforms.RandomResizedCrop(settings.size, scale=settings.crop_scale)
    augs = {
        "train": [crop, transforms.RandomFlipLeftRight()],
        "test": [transforms.Resize(round(size * 256 / 224)), transforms.CenterCrop(size)],
    }
    images = {
        split: gluon.data.vision.ImageFolderDataset(str(Path(options.data) / split))
        for split in augs
    }
    train_iter, test_iter = (
        gluon.data.DataLoader(
            images[split].transform_first(transforms.Compose([*some, *to_input])),
            settings.batch_size,
            shuffle=split == "train",
        )
        for split, some in augs.items()
    )
    net = gluon.model_zoo.vision.resnet18_v1(classes=len(images["train"].synsets))
    net.load_parameters(str(options.out.with_suffix(".probed")))
    if settings.use_global_stats:
        net.apply(
            lambda layer: (
                layer._kwargs.update(use_global_stats=True)
                if isinstance(layer, gluon.nn.BatchNorm)
                else None
            )
        )
    net.hybridize()
    net.output.collect_params().setattr("lr_mult", settings.output_lr_mult)
    is_stage = [isinstance(layer, gluon.nn.HybridSequential) for layer in net.features]
    for place, layer in enumerate(net.features):
        after = sum(is_stage[place + 1 :])
        layer.collect_params().setattr("lr_mult", settings.layer_decay**after)
    steps = settings.num_epochs * len(train_iter)
    schedules = {"constant": None, "cosine": lr_scheduler.CosineScheduler(steps, rate)}
    rates = {
        "learning_rate": rate,
        "wd": settings.weight_decay,
        "lr_scheduler": schedules[settings.schedule],
    }
    if settings.optimizer == "sgd":
        rates["momentum"] = settings.momentum
    trainer = gluon.Trainer(net.collect_params(), settings.optimizer, rates)
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    for _ in range(settings.num_epochs):
        for X, y in train_iter:
            d2l.train_batch_ch13(net, X, y, loss, trainer, [cpu()])
        accuracy = float(d2l.evaluate_accuracy_gpus(net, test_iter))
        yield time.perf_counter() - START, accuracy, len(images["test"])


def fast(options):
    import hotdog_ft
    from hotdog_ft.settings import FINE_TUNE

    train_imgs, test_imgs = hotdog_ft.load_image_folders(options.data)
    hotdog_ft.seed_everything(options.seed)
    net = hotdog_ft.finetune_net(hotdog_ft.load_net(options.weights), len(train_imgs.classes))
    settings = replace(FINE_TUNE, seed=options.seed)
    history = hotdog_ft.fine_tune(net, train_imgs, test_imgs, settings, num_epochs=0)
    yield time.perf_counter() - START, history.probe_acc, len(test_imgs)
    net.save_parameters(str(options.out.with_suffix(".probed")))
    options.out.with_suffix(".settings").write_text(json.dumps(asdict(settings)))


def ours(options):
    from hotdog_ft.records import Record
    from hotdog_ft.settings import FINE_TUNE

    record, runs = Record.load(options.record), json.loads(options.out.read_text())["runs"]
    wanted = ("fast", options.seed)
    (start,) = (run for run in runs if (run["contender"], run["seed"]) == wanted)
    (entry,) = record.find(replace(FINE_TUNE, seed=options.seed))
    now, history = start["seconds"][0], entry.history
    yield now, history.probe_acc, record.about["test_pictures"]
    for accuracy, *seconds in zip(history.test_acc, history.seconds, history.test_seconds):
        now += sum(seconds)
        yield now, accuracy, record.about["test_pictures"]


def measure(options):
    """Add a run of a contender to the record, which is written after every figure."""
    record = json.loads(options.out.read_text()) if options.out.exists() else {"runs": []}
    run = {"contender": options.contender, "seed": options.seed, "seconds": [], "test_acc": []}
    record["runs"].append(run)
    threads = os.environ.get("OMP_NUM_THREADS")
    contender = {"book": book, "fast": fast, "ours": ours}[options.contender]
    for seconds, accuracy, run["test_pictures"] in contender(options):
        run["seconds"].append(round(seconds, 1))
        run["test_acc"].append(accuracy)
        # not before the first figure: hotdog_ft would give the book every core
        from hotdog_ft.machine import machine
        from hotdog_ft.records import save_json

        run.update(machine())
        if options.contender == "book":
            run["machine"]["omp_num_threads"] = threads
        save_json(record, options.out)
        print(f"{seconds:.1f} s: {accuracy:.4f}", flush=True)


def draw(path):
    """The figure of a record: a curve a run, with what the number of test pictures leaves open."""
    import pandas as pd

    from hotdog_ft import plot, tables

    runs = json.loads(path.read_text())["runs"]
    curves = {
        f"{run['contender']}, seed {run['seed']}": pd.Series(run["test_acc"], index=run["seconds"])
        for run in runs
    }
    count = runs[0].get("test_pictures", 800)  # the records before 2026-11-27 do not say it
    figure = plot.plot_curves(
        curves,
        "seconds since the process began",
        "test accuracy",
        interval=lambda accuracy: tables.accuracy_interval(accuracy, count),
    )
    figure.axes[0].set_ylim(0.7, 1)
    title = f"bars: the 95 % interval that {count} test pictures leave"
    figure.axes[0].set_title(title, fontsize=9)
    figure.savefig(path.with_suffix(".png"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("contender", choices=["fast", "ours", "book", "draw"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", help="for fast and book: folder with train/CLASS/*, test/CLASS/*")
    parser.add_argument("--weights", help="for fast")
    parser.add_argument("--record", type=Path, help="for ours: results/compare-full-….json")
    parser.add_argument(
        "--out", type=Path, required=True, help="the JSON record; a run is added to it"
    )
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    if options.contender != "draw":
        measure(options)
    draw(options.out)


if __name__ == "__main__":
    main()
