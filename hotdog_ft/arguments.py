"""What the command line takes."""

import argparse

from .settings import FINE_TUNE


def _seeds(text):
    """``3`` means the seeds 0, 1, 2; ``0,7`` means these two."""
    try:
        seeds = [int(part) for part in text.split(",")] if "," in text else list(range(int(text)))
    except ValueError:
        seeds = []
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
        description="Train three nets on the same pictures: a copy of the source net with a new "
        "output layer, the same network from scratch, and a copy whose output layer is "
        "trained first. Prints a table and keeps every run in a JSON record; a "
        "second call continues where the first was stopped.",
    )
    compare.add_argument(
        "--mode",
        choices=["mini", "full"],
        help="mini: embedded drawings, seconds (default); full: photographs, ResNet-18, "
        "about an hour on a CPU",
    )
    compare.add_argument(
        "--data",
        metavar="PATH",
        help="full mode: a folder or zip with train/ and test/ "
        "instead of the book's hotdog.zip (also HOTDOG_FT_DATA)",
    )
    compare.add_argument(
        "--weights",
        metavar="FILE",
        help="full mode: .params or .safetensors of a ResNet-18 "
        "instead of a download (also HOTDOG_FT_WEIGHTS)",
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
        help="pictures in a mini-batch of every run (default: 128 for the chapter's two runs, "
        "else 32)",
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
        description="Fine-tune an ImageNet ResNet-18 on PATH/train/CLASS/*, test it on "
        "PATH/test/CLASS/*, and save it with its class names. Any number of classes. A second call "
        "with the same arguments goes on where the first was stopped.",
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
        dest="num_epochs",
        type=int,
        default=FINE_TUNE.num_epochs,
        metavar="N",
        help="epochs over all layers after the output layer alone; 0 leaves the copied layers as "
        "they are (default: %(default)s)",
    )
    train.add_argument(
        "--learning-rate",
        type=float,
        default=FINE_TUNE.learning_rate,
        metavar="RATE",
        help="default: %(default)s",
    )
    train.add_argument(
        "--batch-size",
        type=int,
        default=FINE_TUNE.batch_size,
        metavar="N",
        help="default: %(default)s",
    )
    train.add_argument(
        "--size",
        type=int,
        default=FINE_TUNE.size,
        metavar="PIXELS",
        help="side of the network's input (default: %(default)s)",
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
