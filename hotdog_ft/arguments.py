"""What the command line takes."""

import argparse

from .rules import BALANCES, KEPT, PRECISIONS, TRAIN_PRECISIONS
from .settings import FINE_TUNE

# The options of `train` that are settings: their field, what they take, and what they are for.
TRAIN_SETTINGS = {
    "--epochs": (
        "num_epochs",
        int,
        "epochs over all layers after the output layer alone; 0 leaves the copied layers as they "
        "are",
    ),
    "--learning-rate": ("learning_rate", float, "first rate; below 1,600 pictures a smaller one"),
    "--batch-size": ("batch_size", int, "pictures in a mini-batch"),
    "--size": ("size", int, "side of the network's input in pixels"),
    "--keep": (
        "keep",
        KEPT,
        "best: end with the epoch that is best on validation pictures, a part of the training "
        "pictures unless there is a folder of them",
    ),
    "--patience": (
        "patience",
        int,
        "stop after N epochs without a better accuracy on validation pictures, which are as for "
        "--keep; 0 for never",
    ),
    "--balance": ("balance", BALANCES, "loss: rare classes count as much as frequent ones"),
    "--precision": (
        "precision",
        PRECISIONS,
        "int8: copied layers that do not learn compute with 8-bit integers, and the net is kept "
        "with what `predict` needs for that; auto: where it is faster",
    ),
    "--train-precision": (
        "train_precision",
        TRAIN_PRECISIONS,
        "bfloat16: epochs with 16-bit numbers, faster on processors that have instructions for it",
    ),
}


def _seeds(text):
    """``3`` means the seeds 0, 1, 2; ``0,7`` means these two."""
    try:
        seeds = [int(part) for part in text.split(",")] if "," in text else range(int(text))
        fits = 0 < len(seeds) < 10_000
    except (ValueError, OverflowError):
        fits = False
    if not fits or min(seeds) < 0 or max(seeds) >= 2**32:
        raise argparse.ArgumentTypeError(
            f"{text} names no seeds: give a number from 1 to 9999, or a list such as 0,7"
        )
    return list(seeds)


def _positive(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} must be a whole number, at least 1")
    return int(text)


def parser():
    """The parser of ``python -m hotdog_ft`` and its commands."""
    whole = argparse.ArgumentParser(
        prog="python -m hotdog_ft",
        description="Fine-tuning on hot dogs, as in chapter 13.2 of Dive into Deep Learning.",
    )
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")

    compare = commands.add_parser(
        "compare",
        help="train the fine-tuned net and the scratch twin, print and keep the result",
        description="Train nets on the same pictures: a copy of the source net with a new output "
        "layer (in full mode at two rates), the same network from scratch, and a copy whose output "
        "layer is trained first. Prints a table and keeps every run in a JSON record; a second "
        "call continues where the first was stopped.",
    )
    compare.add_argument(
        "--mode",
        choices=["mini", "full"],
        help="mini: embedded drawings, a minute or two (default); full: photographs, ResNet-18, "
        "half an hour a seed on two cores",
    )
    compare.add_argument(
        "--data",
        metavar="PATH",
        help="full mode: a data set instead of the book's hotdog.zip (also HOTDOG_FT_DATA)",
    )
    compare.add_argument(
        "--weights",
        metavar="FILE",
        help="full mode: .params or .safetensors instead of a download (also HOTDOG_FT_WEIGHTS)",
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
        help="pictures in a mini-batch of every run (default: 32; in full mode 128, and 32 where "
        "the output layer is trained first)",
    )
    compare.add_argument(
        "--out",
        default="build/results",
        metavar="FOLDER",
        help="where the record is kept (default: %(default)s)",
    )

    train = commands.add_parser(
        "train",
        help="fine-tune on your own pictures and save the net",
        description="Fine-tune a net on PATH/train/CLASS/*, test it on PATH/test/CLASS/*, and save "
        "it with its class names, and beside it its history as .json and .csv. Any number of "
        "classes. Prints a line per epoch. A second call with the same arguments goes on where the "
        "first was stopped.",
    )
    train.add_argument(
        "--data", metavar="PATH", required=True, help="a folder, an archive, or a CSV file"
    )
    train.add_argument(
        "--out",
        metavar="FILE",
        default="net.safetensors",
        help="where the net goes, ending in .safetensors (default: %(default)s)",
    )
    train.add_argument(
        "--weights",
        metavar="FILE",
        help="source net, .params or .safetensors (default: ImageNet's ResNet-18, fetched once)",
    )
    train.add_argument(
        "--holdout",
        type=float,
        metavar="SHARE",
        help="share of the pictures to test on where there is no test set (default: a fifth)",
    )
    for option, (name, kind, text) in TRAIN_SETTINGS.items():
        values = {"choices": kind} if isinstance(kind, tuple) else {"type": kind, "metavar": "N"}
        default = getattr(FINE_TUNE, name)
        train.add_argument(
            option, dest=name, default=default, help=f"{text} (default: %(default)s)", **values
        )

    predict = commands.add_parser(
        "predict",
        help="say what is on pictures",
        description="Print a table: file, class, probability. The exit status is 1 if a picture "
        "cannot be read; then nothing is predicted, but for --skip-bad and --out.",
    )
    predict.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="a picture, a folder of pictures, or a pattern such as 'photos/**/*.jpg'",
    )
    predict.add_argument(
        "--net",
        metavar="FILE",
        default="net.safetensors",
        help="what `train` saved (default: %(default)s)",
    )
    form = predict.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="print CSV in UTF-8 instead")
    form.add_argument("--json", action="store_true", help="print a JSON list of objects instead")
    form.add_argument(
        "--out",
        metavar="FOLDER",
        help="write CSV tables of 256 files each into it instead, for any number of files: "
        "part-*.csv, and bad-*.csv with what cannot be read. A second call with the same arguments "
        "goes on where the first was stopped",
    )
    predict.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="with --out: a Dask scheduler whose workers do it, or `local` for a process per core",
    )
    predict.add_argument(
        "--top-k",
        type=_positive,
        default=1,
        metavar="N",
        help="the N likeliest classes of each picture (default: 1)",
    )
    predict.add_argument(
        "--probabilities", action="store_true", help="the probability of every class as well"
    )
    predict.add_argument(
        "--skip-bad",
        action="store_true",
        help="predict all that can be read, and list the others on the standard error; in CSV and "
        "JSON they have a sentence in the column `error`. The exit status is 1 if there are any",
    )
    predict.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="auto",
        help="int8: with 8-bit integers, for nets that were trained with --precision (default: "
        "auto, which is int8 where such a net is faster, for 32 pictures or more)",
    )

    export = commands.add_parser(
        "export",
        help="write the net as ONNX, to predict where MXNet does not run",
        description="Write a net with its class names and its preprocessing as ONNX. There, "
        "python -m hotdog_ft.onnx_predict takes onnxruntime, Pillow and NumPy alone.",
    )
    export.add_argument(
        "--net",
        metavar="FILE",
        default="net.safetensors",
        help="what `train` saved (default: net.safetensors)",
    )
    export.add_argument(
        "--out", metavar="FILE", default="net.onnx", help="ending in .onnx (default: net.onnx)"
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
        description="Check what hotdog_ft needs, a line each: OK, WARN or FAIL with the cure. The "
        "exit status is 1 if there is a FAIL.",
    )
    doctor.add_argument("--json", action="store_true", help="print a JSON list instead of lines")
    return whole
