"""``python -m hotdog_ft``: compare, train, predict, download and the doctor from the shell."""

import json
import sys
from dataclasses import replace
from pathlib import Path

from .arguments import parser


def _compare(options):
    from . import plot, recipe, studies, tables
    from .fine_tuning import say

    chosen = recipe.load_recipe(options.mode, options.data, options.weights)
    changes = {"num_epochs": options.epochs, "batch_size": options.batch_size}
    chosen = chosen.with_settings(**{name: value for name, value in changes.items() if value})
    say(chosen)
    record = studies.compare(chosen, options.seeds, options.out, say, _run_in_the_open)
    last = record.histories(options.seeds[-1])
    figure = Path(options.out) / record.name.replace(".json", ".png")
    titled = {recipe.TITLES[name]: history for name, history in last.items()}
    plot.plot_histories(titled).savefig(figure)
    print(f"The curves of seed {options.seeds[-1]} are in {figure}.")
    print(tables.result_table(last).to_string(na_rep=""))
    if len(options.seeds) > 1:
        print(f"Test accuracy over all seeds\n{tables.seed_table(record).to_string(na_rep='')}")


def _run_in_the_open(recipe, settings, checkpoint):
    """A run of the comparison with a line when it begins and after every epoch."""
    from . import studies
    from .fine_tuning import say
    from .recipe import TITLES

    say(f"{TITLES[settings.kind]}, seed {settings.seed}")
    return studies.run(recipe, settings, checkpoint, say)


# The options of `train` that are settings, and what these are called.
TRAIN_SETTINGS = {
    "--epochs": "num_epochs",
    "--learning-rate": "learning_rate",
    "--batch-size": "batch_size",
    "--size": "size",
    "--keep": "keep",
    "--patience": "patience",
    "--balance": "balance",
}


def _train_settings(options):
    """The settings of `train`; a ValueError names the option that is out of range."""
    from .settings import FINE_TUNE

    settings = FINE_TUNE
    for option, name in TRAIN_SETTINGS.items():
        try:
            settings = replace(settings, **{name: getattr(options, name)})
        except ValueError as error:
            raise ValueError(f"{option}: {error}") from error
    return settings


def _train(options):
    from . import data, fine_tuning, generators, model, records, weights, zoo
    from .fine_tuning import say

    out = Path(options.out).expanduser()
    checkpoint = out.with_suffix(".checkpoint")
    if out.suffix != ".safetensors":
        raise ValueError(f"--out {out} must end in .safetensors.")
    if not out.parent.is_dir():
        raise ValueError(f"There is no folder {out.parent} for --out {out}.")
    if out.exists() and not checkpoint.exists():
        raise ValueError(f"--out {out} is there already: remove it, or name another file.")
    settings = _train_settings(options)
    holdout = {} if options.holdout is None else {"holdout": options.holdout}
    train_imgs, test_imgs = data.load_image_folders(options.data, **holdout)
    source_net = weights.load_net(options.weights or zoo.fetch_weights())
    for line in (train_imgs, test_imgs, *getattr(train_imgs, "notes", ())):
        say(line or "no test pictures: nothing is tested")
    generators.seed_everything(settings.seed)
    net = model.finetune_net(source_net, len(train_imgs.classes))
    history = fine_tuning.fine_tune(net, train_imgs, test_imgs, settings, checkpoint=checkpoint)
    records.save_history(out, settings, train_imgs.classes, history)
    weights.save_net(net, out)
    checkpoint.unlink(missing_ok=True)
    print(f"{history}\nThe net is in {out}, its history beside it (.history.json, .history.csv).")


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
    options = parser().parse_args(arguments)
    try:
        return COMMANDS[options.command](options) or 0
    except (ValueError, FloatingPointError, OSError, ImportError, MemoryError) as error:
        print(f"hotdog_ft: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stop:
        print(f"hotdog_ft: {str(stop) or 'Stopped.'}", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
