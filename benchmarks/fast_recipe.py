"""Where the fast recipe's time goes, from the start of the process: one run a call.

    python benchmarks/fast_recipe.py --data hotdog --weights FILE --precision int8 --out RECORD.json

It is ``hotdog_ft.fine_tune(num_epochs=0)`` as `time_to_accuracy.py` runs it. *Decoding* goes on
beside the features, in threads; "decoding alone" is a pass of the same loader without a net,
afterwards, that is in no sum.
"""

import time

START = time.perf_counter()  # before the imports, which belong to the bill

import argparse  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
from functools import wraps  # noqa: E402
from pathlib import Path  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[1]))
import hotdog_ft  # noqa: E402
from hotdog_ft.loader import plain_loader  # noqa: E402
from hotdog_ft.machine import machine  # noqa: E402
from hotdog_ft.records import save_json  # noqa: E402

IMPORTED = time.perf_counter()


def watch(module, name, title, seconds):
    """Have a function of a module add up how long it takes."""
    function = getattr(module, name)

    @wraps(function)
    def watched(*arguments, **options):
        start = time.perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            seconds[title] = seconds.get(title, 0) + time.perf_counter() - start

    setattr(module, name, watched)


def profile(options):
    """Seconds by stage, and what came out."""
    from hotdog_ft import precision, probe, run

    seconds, inside = {"imports": IMPORTED - START}, {}
    watch(hotdog_ft, "load_image_folders", "looking at the pictures", seconds)
    watch(hotdog_ft, "load_net", "reading the source net", seconds)
    watch(run, "check_sets", "checks", seconds)
    watch(probe, "ranges_for", "ranges", seconds)
    watch(probe, "settled", "trial", seconds)
    watch(probe, "features_for_batches", "graph of the features", seconds)
    watch(probe, "extract_features", "features", inside)
    watch(probe, "fit_output", "output layer", seconds)
    watch(run, "logits_of", "test", seconds)
    watch(precision, "in_int8", "graph of the test", inside)
    train_imgs, test_imgs = hotdog_ft.load_image_folders(options.data)
    hotdog_ft.seed_everything(options.seed)
    net = hotdog_ft.finetune_net(hotdog_ft.load_net(options.weights), len(train_imgs.classes))
    history = hotdog_ft.fine_tune(
        net,
        train_imgs,
        test_imgs,
        seed=options.seed,
        num_epochs=0,
        precision=options.precision,
    )
    total = time.perf_counter() - START
    seconds["features"] = inside["features"] - seconds["graph of the features"]
    if "graph of the test" in inside:
        seconds["graph of the test"] = inside["graph of the test"]
        seconds["test"] -= inside["graph of the test"]
    seconds["everything else"] = total - sum(seconds.values())
    start = time.perf_counter()
    for _ in plain_loader(train_imgs, net.size):
        pass
    found = {"total": total, "seconds": seconds, "decoding alone": time.perf_counter() - start}
    found.update(precision=history.probe_precision, test_acc=history.probe_acc)
    return {**found, "seed": options.seed, "test_pictures": len(test_imgs)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder with train/CLASS/*, test/CLASS/*")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--precision", default="float32", choices=["float32", "int8", "auto"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="a run is added to this record")
    options = parser.parse_args()
    found = profile(options)
    record = json.loads(options.out.read_text()) if options.out.exists() else {"runs": []}
    record["runs"].append({**found, **machine()})
    save_json(record, options.out)
    for title, value in {**found["seconds"], "in all": found["total"]}.items():
        print(f"{title:24} {value:6.2f} s")
    print(f"decoding alone {found['decoding alone']:.2f} s; test accuracy {found['test_acc']:.4f}")


if __name__ == "__main__":
    main()
