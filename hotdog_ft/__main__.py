"""``python -m hotdog_ft``: all commands from the shell."""

import io
import json
import os
import signal
import sys
import warnings
from contextlib import nullcontext, suppress
from dataclasses import replace
from traceback import walk_tb

from .arguments import TRAIN_SETTINGS, parser
from .doctor import why_import_fails
from .files import DataError, make_folder, only_here, user_path


def _compare(options):
    from . import plot, recipe, studies, tables
    from .fine_tuning import say

    def run_in_the_open(chosen, settings, checkpoint):
        runs = chosen.runs.items()
        name = next(n for n, one in runs if replace(one, seed=settings.seed) == settings)
        say(f"{recipe.TITLES[name]}, seed {settings.seed}")
        return studies.run(chosen, settings, checkpoint, say)

    chosen = recipe.load_recipe(options.mode, options.data, options.weights)
    changes = {"num_epochs": options.epochs, "batch_size": options.batch_size}
    chosen = chosen.with_settings(**{name: value for name, value in changes.items() if value})
    say(chosen)
    record = studies.compare(chosen, options.seeds, options.out, say, run_in_the_open)
    last = record.histories(options.seeds[-1])
    figure = user_path(options.out) / record.name.replace(".json", ".png")
    titled = {recipe.TITLES[name]: history for name, history in last.items()}
    plot.plot_histories(titled).savefig(figure)
    print(f"The curves of seed {options.seeds[-1]} are in {figure}.")
    print(tables.result_table(last, record.identity["classes"]).to_string(na_rep=""))
    if len(options.seeds) > 1:
        print(f"Test accuracy over all seeds\n{tables.seed_table(record).to_string()}")


def _train_settings(options):
    """The settings of `train`; a ValueError names the option that is out of range."""
    from .settings import FINE_TUNE

    settings = FINE_TUNE
    for option, (name, *_) in TRAIN_SETTINGS.items():
        try:
            settings = replace(settings, **{name: getattr(options, name)})
        except ValueError as error:
            raise ValueError(f"{option}: {error}") from error
    return settings


def _train(options):
    from . import team

    out = user_path(options.out)
    if out.suffix != ".safetensors":
        raise ValueError(f"--out {options.out!r} must end in .safetensors.")
    if not out.parent.is_dir():
        raise ValueError(f"There is no folder {out.parent} for --out {out}.")
    make_folder(out.parent)  # before any work, whether it can be written to
    with only_here(out) if team.is_first() else nullcontext(True) as alone:
        if team.agreed(not alone):
            raise DataError(f"Another process trains into {out} at this time: name another --out.")
        _train_into(out, options)


def _train_into(out, options):
    from . import fine_tuning, generators, model, records, splits, team, weights, zoo

    checkpoint, was_there = out.with_suffix(".checkpoint"), out.exists()
    if was_there and not checkpoint.exists():
        raise ValueError(f"--out {out} is there already: remove it, or name another file.")
    settings = _train_settings(options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the notes are printed below
        train_imgs, test_imgs = splits.load_image_folders(options.data, holdout=options.holdout)
    source_net = weights.load_net(options.weights or zoo.fetch_weights())
    for line in (train_imgs, test_imgs, *train_imgs.notes) if team.is_first() else ():
        fine_tuning.say(line or "no test pictures: nothing is tested")
    generators.seed_everything(settings.seed)
    net = model.finetune_net(source_net, len(train_imgs.classes))
    if not team.is_first():
        warnings.simplefilter("ignore")  # the first one warns
    history = fine_tuning.fine_tune(net, train_imgs, test_imgs, settings, checkpoint=checkpoint)
    if team.is_first():
        if out.exists() and not was_there:
            raise ValueError(
                f"--out {out} has appeared meanwhile: move it away. The same call then writes the "
                f"net that is in {checkpoint}."
            )
        records.save_history(out, settings, train_imgs.classes, history)
        weights.save_net(net, out)
    team.agreed(False)  # all wait until it is saved
    checkpoint.unlink(missing_ok=True)
    if team.is_first():
        where = f"The net is in {out}, its history beside it (.history.json, .history.csv)."
        print(f"{history}\n{where}")


def _predict_files(options):
    from . import parts

    bad = parts.predict_files(
        options.net,
        options.paths,
        options.out,
        scheduler=options.scheduler,
        top_k=options.top_k,
        probabilities=options.probabilities,
        precision=options.precision,
    )
    how = ", computed in int8" if parts.precision_of(options.out) == "int8" else ""
    print(f"The answers are in {options.out}, part-*.csv{how}; bad files: {bad or 'none'}", end="")
    print(", listed in bad-*.csv." if bad else ".")
    return int(bad > 0)


def _predict(options):
    from . import prediction, predictor, weights

    if options.out:
        return _predict_files(options)
    if options.scheduler:
        raise ValueError("--scheduler needs --out, the folder for the answers.")
    table = prediction.predict(
        weights.load_net(options.net),
        options.paths,
        top_k=options.top_k,
        probabilities=options.probabilities,
        skip_bad=options.skip_bad,
        precision=options.precision,
    )
    if table.attrs["precision"] == "int8":
        print("hotdog_ft: computed in int8", file=sys.stderr)
    bad = table[table["error"].notna()] if options.skip_bad else table[:0]
    for message in bad.get("error", ()):
        print(f"hotdog_ft: {message}", file=sys.stderr)
    if options.csv:
        print(predictor.csv_of(table), end="")
    elif options.json:
        rows = table.astype(object).where(table.notna(), None).to_dict("records")
        text = json.dumps(rows, ensure_ascii=False, allow_nan=False, indent=1)
        print(text.encode("utf-8", "backslashreplace").decode())  # as JSON writes lone surrogates
    else:
        print(table.drop(bad.index).drop(columns="error", errors="ignore").to_string(index=False))
    return int(len(bad) > 0)


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


def _sentence(error):
    """What to say of an error in a line; None of a fault of the program: that keeps its traceback.

    A plain ValueError is ours if a module of ours raised it, not a library below.
    """
    *_, (frame, _) = walk_tb(error.__traceback__)
    # by package: with `python -m` the name of this very module is "__main__"
    ours = isinstance(error, DataError) or frame.f_globals.get("__package__") == __package__
    if isinstance(error, ValueError) and not ours:
        return None
    if isinstance(error, ModuleNotFoundError) or (isinstance(error, ImportError) and not ours):
        return why_import_fails(error)
    return str(error) or "There is not enough memory."


def _run(arguments):
    options = parser().parse_args(arguments)
    if getattr(options, "out", None) == "":
        raise ValueError("--out is empty: name a file or a folder.")
    return COMMANDS[options.command](options)


def main(arguments=None, run=_run):
    """Run one command; returns the exit status. A fault that has a known cure is one line."""
    sys.stderr = sys.stderr or io.StringIO()  # closed: print would take standard output instead
    try:
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # while modules were imported
            with suppress(ValueError):  # of a thread
                signal.signal(signal.SIGINT, signal.default_int_handler)
        if sys.getfilesystemencoding() != "utf-8":
            raise ValueError(
                "This locale is not UTF-8, as the names of files are: set PYTHONUTF8=1."
            )
        if hasattr(sys.stdout, "reconfigure"):  # file names come out as they are on disk
            sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
        status = run(arguments) or 0
        print(end="", flush=True)
        return status
    except BrokenPipeError:  # whoever read the output has gone, as `head` does
        with open(os.devnull, "w") as nowhere:  # or Python complains of what is left to print
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        return 141  # as a shell says of SIGPIPE
    except (ValueError, FloatingPointError, OSError, ImportError, MemoryError) as error:
        why = _sentence(error)
        if why is None:
            raise
        print("hotdog_ft:", why, file=sys.stderr)
        return 1
    except KeyboardInterrupt as stop:
        print(f"hotdog_ft: {str(stop) or 'Stopped.'}", file=sys.stderr)
        return 130


if __name__ == "__main__":
    warnings.formatwarning = lambda message, *_: f"hotdog_ft: {message}\n"  # no line of code
    sys.exit(main())
