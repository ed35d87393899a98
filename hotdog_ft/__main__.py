"""``python -m hotdog_ft``: all commands from the shell."""

import json
import sys
from dataclasses import replace
from pathlib import Path

from .arguments import parser


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
        num_epochs=options.num_epochs,
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


def _export(options):
    from . import onnx_export, weights

    difference = onnx_export.export_onnx(weights.load_net(options.net), options.out)
    checked = (
        "not compared, for onnxruntime is not installed"
        if difference is None
        else f"logits within {difference:.0e} of the net's in onnxruntime"
    )
    print(f"The net is in {options.out} ({checked}).")


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
    "export": _export,
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
