"""Turn records of version 0.1 into today's: the rule is in results/README.md.

    HOTDOG_FT_DATA=hotdog HOTDOG_FT_WEIGHTS=resnet18.params python tools/convert_records.py
"""

import json
from dataclasses import replace
from pathlib import Path

from hotdog_ft import load_recipe
from hotdog_ft.history import History
from hotdog_ft.records import Entry, Record
from hotdog_ft.settings import FINE_TUNE

RESULTS = Path(__file__).parents[1] / "results"


def settings_of(recipe, study, run):
    settings = recipe.runs[run.get("run", "finetune")]
    if study == "choose-probe":
        return replace(FINE_TUNE, num_epochs=0, probe_weight_decay=run["weight_decay"])
    if study == "choose-recipe":
        return replace(
            FINE_TUNE,
            learning_rate=run["learning_rate"],
            crop_scale=(run["smallest_crop"], 1.0),
            output_lr_mult=run["output_lr_mult"],
            num_epochs=run["num_epochs"],
            probe_weight_decay=1e-4,
        )
    kept = ("seed", "learning_rate", "num_epochs", "fraction", "trained")
    return replace(settings, **{name: run[name] for name in kept if name in run})


def entry_of(recipe, study, run, about):
    history = {k: v for k, v in run.get("history", {}).items() if k not in ("batch_size", "learning_rate")}
    for name in ("probe_test_acc", "probe_valid_acc"):
        if name in run:
            history["probe_acc"] = run[name]
    figures = {k: run[k] for k in ("valid_acc", "mean_valid_acc", "mean_valid_loss", "valid_loss") if k in run}
    made = run.get("made") or {k: about[k] for k in ("versions", "machine", "date")}
    made = {**made, "commit": made.get("commit") or run["commit"]}
    if "commit" in run:
        made["commit"] = run["commit"]
    if "note" in run:
        made["note"] = run["note"]
    case = {"choose-probe": {"mirror_images": run.get("mirror_images")}, "choose-recipe": {"fold": 0}}
    return Entry(settings_of(recipe, study, run), History(**history), case.get(study, {}), figures, made=made)


for path in sorted(RESULTS.glob("*.json")):
    old = json.loads(path.read_text())
    if "identity" in old or old["study"] == "hot-dog-row":
        continue
    recipe = load_recipe(old["mode"])
    new = Record.open(old["study"], recipe, RESULTS)
    for run in old["runs"]:
        if "stored features" not in run.get("trained", ""):  # made again
            new.entries.append(entry_of(recipe, old["study"], run, old["provenance"]))
    new.save()
    path.unlink()
    print(path.name, "->", new.path.name, len(new.entries), "runs")
