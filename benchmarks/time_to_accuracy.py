"""Time to accuracy (part E): test accuracy against seconds since the process began, one run at a time.

    python benchmarks/time_to_accuracy.py fast --seed 0 --data hotdog --weights FILE --out results/bench/time-to-accuracy.json

- **fast**: ``hotdog_ft.fine_tune(num_epochs=0)``: the output layer alone, on stored features;
- **book**: five epochs of ``hotdog_ft.fine_tune``'s recipe with d2l 1.0.3's training step and evaluation and the chapter's
  loaders and settings. The book has no probing: it starts from the output layer that "fast" has left (run that before),
  at no cost;
- **ours**: the same five epochs under hotdog_ft, not run again but read from a record of ``hotdog_ft compare``
  (``--record``), behind the start that "fast" took with the same seed.
"""

import time

START = time.perf_counter()  # before the imports, which belong to the bill

import argparse  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402


def book(options):
    from d2l import mxnet as d2l
    from mxnet import cpu, gluon, lr_scheduler, npx
    npx.set_np()
    transforms = gluon.data.vision.transforms
    normalize = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    augs = {"train": [transforms.RandomResizedCrop(224, scale=(0.35, 1)), transforms.RandomFlipLeftRight()],
            "test": [transforms.Resize(256), transforms.CenterCrop(224)]}
    train_iter, test_iter = (gluon.data.DataLoader(
        gluon.data.vision.ImageFolderDataset(str(Path(options.data) / split)).transform_first(
            transforms.Compose([*some, transforms.ToTensor(), normalize])), 32, shuffle=split == "train")
        for split, some in augs.items())
    net = gluon.model_zoo.vision.resnet18_v1(classes=2)
    net.load_parameters(str(options.out.with_suffix(".probed")))
    net.apply(lambda layer: layer._kwargs.update(use_global_stats=True)
              if isinstance(layer, gluon.nn.BatchNorm) else None)
    net.hybridize()
    net.output.collect_params().setattr("lr_mult", 0.1)
    trainer = gluon.Trainer(net.collect_params(), "sgd", {
        "learning_rate": 0.001, "momentum": 0.9, "wd": 0.001,
        "lr_scheduler": lr_scheduler.CosineScheduler(5 * len(train_iter), 0.001)})
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    for _ in range(5):
        for X, y in train_iter:
            d2l.train_batch_ch13(net, X, y, loss, trainer, [cpu()])
        accuracy = float(d2l.evaluate_accuracy_gpus(net, test_iter))
        yield time.perf_counter() - START, accuracy


def fast(options):
    sys.path.insert(0, str(Path(__file__).parents[1]))
    import hotdog_ft
    train_imgs, test_imgs = hotdog_ft.load_image_folders(options.data)
    hotdog_ft.seed_everything(options.seed)
    net = hotdog_ft.finetune_net(hotdog_ft.load_net(options.weights), len(train_imgs.classes))
    probe_acc, _ = hotdog_ft.fine_tune(net, train_imgs, test_imgs, num_epochs=0)
    yield time.perf_counter() - START, probe_acc
    net.save_parameters(str(options.out.with_suffix(".probed")))


def ours(options):
    start, = (run for run in json.loads(options.out.read_text())["runs"]
              if (run["contender"], run["seed"]) == ("fast", options.seed))
    entry, = (run for run in json.loads(options.record.read_text())["runs"]
              if (run["run"], run["seed"]) == ("lp_ft", options.seed))
    now, history = start["seconds"][0], entry["history"]
    yield now, entry["probe_test_acc"]
    for accuracy, *seconds in zip(history["test_acc"], history["seconds"], history["test_seconds"]):
        now += sum(seconds)
        yield now, accuracy


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("contender", choices=["fast", "ours", "book"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", help="not for ours")
    parser.add_argument("--weights", help="for fast")
    parser.add_argument("--record", type=Path, help="for ours: results/compare-full-….json")
    parser.add_argument("--out", type=Path, required=True, help="the JSON record; a run is added to it")
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    record = json.loads(options.out.read_text()) if options.out.exists() else {"runs": []}
    run = {"contender": options.contender, "seed": options.seed, "seconds": [], "test_acc": []}
    record["runs"].append(run)
    threads = os.environ.get("OMP_NUM_THREADS")
    for seconds, accuracy in {"book": book, "fast": fast, "ours": ours}[options.contender](options):
        run["seconds"].append(round(seconds, 1))
        run["test_acc"].append(accuracy)
        sys.path.insert(0, str(Path(__file__).parents[1]))
        from hotdog_ft.results import machine, save_record  # not before: hotdog_ft would give the book both cores
        run.update(machine())
        if options.contender == "book":
            run["machine"]["omp_num_threads"] = threads
        save_record(record, options.out)
        print(f"{seconds:.1f} s: {accuracy:.4f}", flush=True)
    draw(record, options.out.with_suffix(".png"))


def draw(record, path):
    import pandas as pd
    from hotdog_ft import plot
    curves = {f"{run['contender']}, seed {run['seed']}": pd.Series(run["test_acc"], index=run["seconds"])
              for run in record["runs"]}
    plot.plot_curves(curves, "seconds since the process began", "test accuracy").savefig(path)


if __name__ == "__main__":
    main()
