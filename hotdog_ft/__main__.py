"""``python -m hotdog_ft``: comparison, training, prediction, downloads and the doctor from the shell."""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path


def _seeds(text):
    """``3`` means the seeds 0, 1, 2; ``0,7`` means these two."""
    seeds = [int(part) for part in text.split(",")] if "," in text else list(range(int(text)))
    if not seeds or min(seeds) < 0 or max(seeds) >= 2**32:
        raise argparse.ArgumentTypeError(
            f"{text} names no seeds: give a number from 1, or a list such as 0,7"
        )
    return seeds


def _positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} must be at least 1")
    return number


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m hotdog_ft",
        description="Fine-tuning on hot dogs, as in chapter 13.2 of Dive into Deep Learning.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    compare = commands.add_parser(
        "compare",
        help="train the fine-tuned net and the scratch twin, print and keep the result",
        description="Train three nets on the same pictures: a copy of the source net with a new "
        "output layer, the same network from scratch, and a copy whose output layer is "
        "trained first. Prints a table and keeps every run in a JSON record; a "
        "second call continues where the first was stopped.",
    )
    compare.add_argument(
        "--mode",
        choices=["mini", "full"],
        help="mini: embedded drawings, seconds (default); full: photographs, "
        "ResNet-18, about an hour on a CPU",
    )
    compare.add_argument(
        "--data",
        metavar="PATH",
        help="full mode: a folder or zip with train/ and "
        "test/ instead of the book's hotdog.zip (also HOTDOG_FT_DATA)",
    )
    compare.add_argument(
        "--weights",
        metavar="FILE",
        help="full mode: .params or .safetensors of a "
        "ResNet-18 instead of a download (also HOTDOG_FT_WEIGHTS)",
    )
    compare.add_argument(
        "--seeds",
        type=_seeds,
        default=[0],
        metavar="N",
        help="N repetitions, or a list such as 0,7 (default: 1)",
    )
    compare.add_argument(
        "--epochs",
        type=_positive,
        metavar="N",
        help="epochs of each run (default: 5, mini mode 10)",
    )
    compare.add_argument(
        "--batch-size",
        type=_positive,
        metavar="N",
        help="pictures in a mini-batch of "
        "every run (default: 128 for the chapter's two runs, else 32)",
    )
    compare.add_argument(
        "--out",
        default="results",
        metavar="FOLDER",
        help="where the record is kept (default: results)",
    )

    train = commands.add_parser(
        "train",
        help="fine-tune on your own pictures and save the net",
        description="Fine-tune an ImageNet ResNet-18 on FOLDER/train/CLASS/*, test it on FOLDER/test/CLASS/*, "
        "and save it with its class names. Any number of classes. A second call with the same "
        "arguments goes on where the first was stopped.",
    )
    train.add_argument(
        "--data", metavar="PATH", required=True, help="a folder or zip with train/ and test/"
    )
    train.add_argument(
        "--out",
        metavar="FILE",
        default="net.safetensors",
        help="where the net goes, ending in .safetensors (default: net.safetensors)",
    )
    train.add_argument(
        "--weights",
        metavar="FILE",
        help="source net, .params or .safetensors of a ResNet-18 "
        "(default: ImageNet's, fetched once)",
    )
    train.add_argument(
        "--epochs",
        type=int,
        default=5,
        metavar="N",
        help="epochs over all layers after the "
        "output layer alone; 0 leaves the copied layers as they are (default: 5)",
    )
    train.add_argument(
        "--learning-rate", type=float, default=0.001, metavar="RATE", help="default: 0.001"
    )
    train.add_argument("--batch-size", type=int, default=32, metavar="N", help="default: 32")
    train.add_argument(
        "--size",
        type=int,
        default=224,
        metavar="PIXELS",
        help="side of the network's input (default: 224)",
    )

    predict = commands.add_parser(
        "predict",
        help="say what is on pictures",
        description="Print a table: file, class, probability.",
    )
    predict.add_argument(
        "paths", nargs="+", metavar="PATH", help="a picture, or a folder of pictures"
    )
    predict.add_argument(
        "--net",
        metavar="FILE",
        default="net.safetensors",
        help="what `train` saved (default: net.safetensors)",
    )

    commands.add_parser(
        "download",
        help="fetch hotdog.zip (261 MB) and ImageNet weights into the cache",
        description="Fetch the book's pictures and the ImageNet weights now, so that "
        "full mode needs no network later. Files that are there and "
        "intact are not fetched again.",
    )

    doctor = commands.add_parser(
        "doctor",
        help="check this machine: versions, GPUs, memory, disk, pictures, weights",
        description="Check what hotdog_ft needs, a line each: OK, WARN or FAIL with the cure. The exit "
        "status is 1 if there is a FAIL.",
    )
    doctor.add_argument("--json", action="store_true", help="print a JSON list instead of lines")
    return parser


def _compare(options):
    from . import plot, recipe, studies, tables

    chosen = recipe.load_recipe(options.mode, options.data, options.weights)
    changes = {"num_epochs": options.epochs, "batch_size": options.batch_size}
    chosen = chosen.with_settings(**{name: value for name, value in changes.items() if value})
    print(chosen)
    record = studies.compare(chosen, options.seeds, options.out)
    last = record.histories(options.seeds[-1])
    figure = Path(options.out) / record.name.replace(".json", ".png")
    titled = {recipe.TITLES[name]: history for name, history in last.items()}
    plot.plot_histories(titled).savefig(figure)
    print(f"The curves of seed {options.seeds[-1]} are in {figure}.")
    print(tables.result_table(last).to_string(na_rep=""))
    if len(options.seeds) > 1:
        print(f"Test accuracy over all seeds\n{tables.seed_table(record).to_string(na_rep='')}")


def _train(options):
    from . import data, fine_tuning, generators, model, weights, zoo
    from .settings import FINE_TUNE

    out = Path(options.out)
    if out.suffix != ".safetensors":
        raise ValueError(f"--out {out} must end in .safetensors.")
    if not out.parent.is_dir():
        raise ValueError(f"There is no folder {out.parent} for --out {out}.")
    settings = replace(
        FINE_TUNE,
        num_epochs=options.epochs,
        learning_rate=options.learning_rate,
        batch_size=options.batch_size,
        size=options.size,
    )
    train_imgs, test_imgs = data.load_image_folders(options.data)
    source_net = weights.load_net(options.weights or zoo.fetch_weights())
    print(f"{train_imgs}\n{test_imgs}", flush=True)
    generators.seed_everything(settings.seed)
    net = model.finetune_net(source_net, len(train_imgs.classes))
    checkpoint = out.with_suffix(".checkpoint")
    history = fine_tuning.fine_tune(net, train_imgs, test_imgs, settings, checkpoint=checkpoint)
    weights.save_net(net, out)
    checkpoint.unlink(missing_ok=True)
    print(f"{history}\nThe net is in {out}.")


def _predict(options):
    from . import prediction, weights

    table = prediction.predict(weights.load_net(options.net), options.paths)
    print(table.to_string(index=False))


def _download(options):
    from . import data, zoo

    for name, fetch in (("pictures", data.download_hotdog), ("weights", zoo.fetch_weights)):
        print(f"{name}: {fetch()}")


def _doctor(options):
    from . import doctor

    found = doctor.examine()
    print(
        json.dumps(found, indent=1)
        if options.json
        else "\n".join(f"{line['status']:4}  {line['message']}" for line in found)
    )
    return int(any(line["status"] == doctor.FAIL for line in found))


COMMANDS = {
    "compare": _compare,
    "train": _train,
    "predict": _predict,
    "download": _download,
    "doctor": _doctor,
}


def main(arguments=None):
    """Run one command; returns the exit status. A fault that has a known cure is one line."""
    options = _parser().parse_args(arguments)
    try:
        return COMMANDS[options.command](options) or 0
    except (ValueError, FloatingPointError, OSError, ImportError, MemoryError) as error:
        print(f"hotdog_ft: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stop:
        print(
            f"hotdog_ft: {str(stop) or 'Stopped. The same command goes on after the last finished epoch.'}",
            file=sys.stderr,
        )
        return 130


if __name__ == "__main__":
    sys.exit(main())
