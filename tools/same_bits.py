"""What this environment computes, as hashes, to be compared with another's: pictures, a batch,
and an epoch of each of the chapter's three runs on the drawings, with one thread.

    python tools/same_bits.py > here.json       # in each environment
    python tools/same_bits.py one.json other.json   # how far they are apart; status 1 if at all
"""

import hashlib
import json
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # OpenMP sums in another order with another number


def sha256(arrays):
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(array.tobytes())
    return digest.hexdigest()[:16]


def compute():
    import numpy as np

    import hotdog_ft
    from hotdog_ft.mxnet_internals import arrays_of
    from hotdog_ft.recipe import TITLES

    recipe = hotdog_ft.load_recipe("mini").with_settings(num_epochs=1)
    train_imgs, test_imgs = recipe.load_data()
    found = {"pictures": sha256(np.asarray(train_imgs[i][0]) for i in range(len(train_imgs)))}
    train_iter, test_iter = recipe.loaders()
    for name, batches in (("training batch", train_iter), ("test batch", test_iter)):
        hotdog_ft.seed_everything(0)
        found[name] = sha256([next(iter(batches))[0]])
    source_net = recipe.load_pretrained_net()
    for name, settings in recipe.runs.items():
        hotdog_ft.seed_everything(0)
        make = hotdog_ft.scratch_net if name == "scratch" else hotdog_ft.finetune_net
        net = make(source_net, 2)
        history = hotdog_ft.train(net, train_imgs, test_imgs, settings)
        found[f"{TITLES[name]}: parameters"] = sha256(arrays_of(net).values())
        found[f"{TITLES[name]}: loss"] = float(history.loss[0]).hex()
        found[f"{TITLES[name]}: test accuracy"] = history.test_acc[0]
        probabilities = hotdog_ft.predict(net, test_imgs, probabilities=True).iloc[:, -2:]
        found[f"{TITLES[name]}: probabilities"] = sha256([probabilities.to_numpy()])
    return found


def compare(one, other):
    """Print what differs between two files; returns the number of such lines."""
    one, other = (json.loads(Path(path).read_text())["computed"] for path in (one, other))
    names = [name for name in one if one[name] != other[name]]
    for name in names:
        ours, theirs = (
            float.fromhex(run[name]) if "loss" in name else run[name] for run in (one, other)
        )
        print(f"{name}: {ours} and {theirs}")
    print(f"{len(one) - len(names)} of {len(one)} are equal, bit for bit")
    return len(names)


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit(compare(*sys.argv[1:]) > 0)
    packages = ["numpy", "pillow", "pandas", "scipy", "matplotlib", "safetensors"]
    here = {"python": platform.python_version(), **{name: version(name) for name in packages}}
    print(json.dumps({"environment": here, "computed": compute()}, indent=1))
