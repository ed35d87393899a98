"""Weigh many ideas for `fine_tune` on a GPU, in PyTorch, on parts of the training set alone.

    python tools/weigh_in_pytorch.py prepare FOLDER           # beside MXNet: pictures and weights
    python tools/weigh_in_pytorch.py run FOLDER OUT '{"NAME": {...}}' [--seconds N] ...

The same training as `hotdog_ft.train` with ``FINE_TUNE``: five-fold cross-validation, the same
folds, every picture answered by nets that have not learnt from it. What differs: TF32 products, and
crops that are cut on the GPU. An idea is what differs from BASE; `run` prints a table and writes
what every net answered. It needs PyTorch and Pillow; seconds a net on one large GPU.
"""

import argparse
import json
import pickle
import time
from pathlib import Path

import numpy as np

BASE = {
    "epochs": 5,
    "batch": 32,
    "size": 224,
    "optimizer": "adam",
    "rate": 1e-4,
    "head": 1.0,  # rate of `output` over that of the last stage
    "depth": 1.0,  # rate of each stage over that of the one after it
    "from_stage": 0,  # the first that learns: 0 the stem, 1 to 4
    "decay": 0.0,  # decoupled, AdamW's
    "towards_source": 0.0,  # the same, towards the source's parameters (L2-SP)
    "warm_up": 0.0,  # share of the steps
    "crop": 0.35,
    "colour": 0.0,
    "ops": 0,  # RandAugment's, of ten kinds
    "magnitude": 0.5,
    "erase": 0.0,  # probability
    "mixup": 0.0,
    "cutmix": 0.0,
    "smoothing": 0.0,
    "dropout": 0.0,
    "sharpness": 0.0,  # rho of SAM
    "source_logits": 0.0,  # weight of the distance to the source's 1,000 answers (LwF)
    "probe_view": "288",
}
FOLDS = 5
# side of the whole picture, side of the centre that the net sees; mirrored each
MIRRORED_VIEWS = {
    "288": (329, 288),
    "256": (293, 256),
    "320": (366, 320),
    "288 whole": (288, 288),
    "320 whole": (320, 320),
}
STAGES = ("layer1", "layer2", "layer3", "layer4")


def prepare(folder):
    from hotdog_ft import load_recipe
    from hotdog_ft.mxnet_internals import arrays_of

    recipe = load_recipe("full")
    images, _ = recipe.load_data()
    folder.mkdir(parents=True, exist_ok=True)
    coded = [Path(path).read_bytes() for path in images.paths]
    (folder / "pictures.pickle").write_bytes(pickle.dumps((coded, np.array(images.labels))))
    arrays = arrays_of(recipe.load_pretrained_net())
    (folder / "weights.pickle").write_bytes(pickle.dumps(arrays))


def entry_of(name, seed, fold, margins_of, differs):
    """What the record keeps of a net: accuracy, loss in nats, and which pictures were wrong."""
    answers = {}
    for (end, view), margins in margins_of.items():
        margins = margins.astype("float32")
        answers.setdefault(end, {})[view] = {
            "accuracy": float((margins > 0).mean()),
            "loss": round(float(np.logaddexp(0, -margins).mean()), 4),
            "wrong": np.flatnonzero(margins <= 0).tolist(),
        }
    entry = {"idea": name, "differs": differs, "seed": seed, "fold": fold}
    return {**entry, "held_out": len(margins), "answers": answers}


def right_of(entry, end, view="288"):
    right = np.ones(entry["held_out"], dtype=bool)
    right[entry["answers"][end][view]["wrong"]] = False
    return right


def gain(pairs):
    """Mean gain in accuracy and half its 95 % interval; a picture of several seeds counts once."""
    by_fold = {}
    for fold, right, before in pairs:
        by_fold.setdefault(fold, []).append(right.astype(float) - before)
    per_picture = np.concatenate([np.mean(differences, axis=0) for differences in by_fold.values()])
    return per_picture.mean(), 1.96 * per_picture.std() / np.sqrt(len(per_picture))


def tell(entries, end="end"):
    """A line of every idea: accuracy and loss, gain on its own probe and on "base"."""
    base = {(e["seed"], e["fold"]): e for e in entries if e["idea"] == "base"}
    for name in dict.fromkeys(entry["idea"] for entry in entries):
        mine = [entry for entry in entries if entry["idea"] == name]
        means = [
            np.mean([entry["answers"][end]["288"][figure] for entry in mine])
            for figure in ("accuracy", "loss")
        ]
        on_probe = gain([(e["fold"], right_of(e, end), right_of(e, "probe")) for e in mine])
        both = [(e, base[e["seed"], e["fold"]]) for e in mine if (e["seed"], e["fold"]) in base]
        on_base = both and gain([(e["fold"], right_of(e, end), right_of(b, end)) for e, b in both])
        print(
            f"{name}: {len(mine)} nets, accuracy {means[0]:.4f}, loss {means[1]:.3f}, gain on its "
            f"probe {on_probe[0]:.4f} +- {on_probe[1]:.4f}"
            + (f", on base {on_base[0]:.4f} +- {on_base[1]:.4f}" if both else "")
        )


def run(folder, out, ideas, seconds, workers, folds, seeds):
    import torch.multiprocessing as multiprocessing
    from pytorch_nets import work
    from pytorch_pictures import decoded

    start = time.time()
    context = multiprocessing.get_context("spawn")
    tasks, answers = context.Queue(), context.Queue()
    tasks.cancel_join_thread()  # at the end nobody needs what no worker has taken
    todo = [(name, seed, fold) for seed in seeds for fold in folds for name in ideas]
    for name, seed, fold in todo:
        tasks.put((name, {**BASE, **ideas[name]}, seed, fold))
    arguments = (folder, decoded(folder), tasks, answers, start + seconds)
    processes = [context.Process(target=work, args=arguments) for _ in range(workers)]
    for process in processes:
        process.start()
    entries, at_work = [], workers
    while at_work:
        found = answers.get()
        if found is None:
            at_work -= 1
            continue
        (name, seed, fold), margins_of = found
        entries.append(entry_of(name, seed, fold, margins_of, ideas[name]))
        print(f"{time.time() - start:.0f} s: {len(entries)} of {len(todo)}", flush=True)
        out.write_text(json.dumps({"base": BASE, "entries": entries}))
    tell(entries)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("prepare", "run"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path, nargs="?")
    parser.add_argument("ideas", nargs="?", type=json.loads)
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--folds", type=json.loads, default=list(range(FOLDS)))
    parser.add_argument("--seeds", type=json.loads, default=[0])
    options = vars(parser.parse_args())
    if options.pop("what") == "prepare":
        prepare(options["folder"])
    else:
        run(**options)
