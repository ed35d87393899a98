"""Part I: float32, bfloat16 and int8, beside PyTorch and onnxruntime, interleaved.

    python benchmarks/precision.py --data hotdog --weights resnet18.params \\
        --torch-python .venv-bench/bin/python --out results/bench

All have the same net, calibrate on the same 32 training pictures at 224 px, and are timed on the
same arrays; each precision is a process of its own. *Agree* is the share of 192 other training
pictures whose first choice is that of our float32. A training step is timed on noise, as in part A.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from run import HERE, Contender, side_by_side
from serve import CALIBRATION

sys.path.insert(0, str(HERE.parent))
import hotdog_ft

# isort: split
from hotdog_ft.augment import TestAugs
from hotdog_ft.folders import ImageFolder
from hotdog_ft.inference import outputs
from hotdog_ft.machine import machine
from hotdog_ft.mxnet_internals import arrays_of
from hotdog_ft.quantization import find_ranges
from hotdog_ft.records import save_json
from hotdog_ft.torch_names import torch_name

SIZE, JUDGED, BATCHES = 224, 192, (32, 128)
SCRIPTS = {
    "ours": ["ours.py"],
    "PyTorch channels-last": ["pytorch.py", "channels-last"],
    "onnxruntime": ["runtime.py"],
}
PREDICT = {
    "ours": ["float32", "int8"],
    "PyTorch channels-last": ["float32", "bfloat16", "int8"],
    "onnxruntime": ["float32", "int8"],
}
TRAIN = {"ours": ["float32", "bfloat16"], "PyTorch channels-last": ["float32", "bfloat16"]}


def prepare(folder, data, weights):
    """Net, pictures and our first choices, for all contenders."""
    images = ImageFolder(Path(data) / "train")
    places = np.random.default_rng(0).permutation(len(images))[: CALIBRATION + JUDGED].tolist()
    augs, net = TestAugs(SIZE), hotdog_ft.load_net(weights)
    X = np.stack([augs(images[place][0]) for place in places])
    np.save(folder / "X.npy", X)
    parts = np.split(X[CALIBRATION:], 6)
    choices = [outputs(net, part).argmax(axis=1) for part in parts]
    np.save(folder / "choices.npy", np.concatenate(choices))
    net.size, net.classes = SIZE, [str(i) for i in range(net.output.weight.shape[0])]
    net.ranges = find_ranges(net, (images[place][0] for place in places[:CALIBRATION]))
    hotdog_ft.save_net(net, folder / "net.safetensors")
    hotdog_ft.export_onnx(net, folder / "net.onnx")
    tensors = {torch_name(name): array for name, array in arrays_of(net).items()}
    np.savez(folder / "torch.npz", **tensors)


def show(record):
    """Print the tables of a record in Markdown: a row per contender."""
    print(f"{record['machine']['processor']}, {record['date']}")
    for title, found in record["I"].items():
        best = max(v["per_second"] for n, v in found.items() if not n.startswith("ours"))
        float32 = found["PyTorch channels-last float32"]["per_second"]
        for name, figures in found.items():
            rate, agree = figures["per_second"], record["agree"].get(name)
            cells = f"{rate:.4g}", f"{rate / float32:.2f}", f"{rate / best:.2f}"
            cells += f"{figures['peak_gb']:.2f}", f"{agree:.3f}" if "pred" in title else ""
            print(f"| {title} | {name} | {' | '.join(cells)} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder with train/CLASS/*")
    parser.add_argument("--weights", help="a ResNet-18 V1 that has learnt ImageNet")
    parser.add_argument("--torch-python", help="with torch, onnx and onnxruntime")
    parser.add_argument("--out", type=Path, help="folder of the JSON record")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--show", type=Path, help="a record to print as a table")
    options = parser.parse_args()
    if options.show:
        return show(json.loads(options.show.read_text()))
    if not (options.data and options.weights and options.torch_python and options.out):
        parser.error("--data, --weights, --torch-python and --out are needed")
    record = {**machine(), "repetitions": options.repetitions, "agree": {}, "I": {}}
    path = options.out / f"precision-{record['date']}.json"
    if path.exists():
        parser.error(f"{path} is there already: give it another name, and nothing is lost")
    pythons = {"ours": sys.executable}
    other = str(Path(options.torch_python).absolute())
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), options.data, options.weights)

        def begun(kinds):
            return [
                Contender(f"{name} {kind}", [pythons.get(name, other), *SCRIPTS[name], kind])
                for name in kinds
                for kind in kinds[name]
            ]

        def measure(title, contenders, *request):
            record["I"][title] = side_by_side(contenders, request, options.repetitions)
            save_json(record, path)

        for batch_size in BATCHES:  # each in processes of its own, whose peaks of memory are told
            training = begun(TRAIN)
            measure(f"training step, batch {batch_size}", training, "train", batch_size)
            for contender in training:
                contender.stop()
            predicting = begun(PREDICT)
            measure(f"prediction, batch {batch_size}", predicting, "rate", folder, batch_size)
            for contender in predicting:
                answer = contender.ask("agree", folder)
                record["agree"][contender.name] = answer["pictures"] / JUDGED
                contender.stop()
    save_json(record, path)
    show(record)
    print(f"The record is in {path}.")


if __name__ == "__main__":
    main()
