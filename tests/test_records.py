"""Records: found, opened, refused, read back."""

import fcntl
import json
from dataclasses import replace

import numpy as np
import pytest
from conftest import ROOT, make_source_net

import hotdog_ft
from hotdog_ft.history import History
from hotdog_ft.machine import machine
from hotdog_ft.records import Entry, Record
from hotdog_ft.settings import FINE_TUNE, SCRATCH, Settings

COMMITTED = sorted((ROOT / "results").glob("*.json"))


@pytest.fixture
def record(tiny, tmp_path):
    """A record with a path and three entries."""
    record = Record.open("rate", tiny, tmp_path / "results")
    for settings in (Settings(), Settings(learning_rate=0.1), replace(SCRATCH, seed=1)):
        history = History(num_examples=12, loss=[0.5], train_acc=[0.75], test_acc=[0.875])
        record.add(Entry(settings, history, {"row": 934}, {"top1": 0.5}))
    return record


def test_a_record_is_read_back_as_it_was(record):
    again = Record.load(record.path)
    assert again == record and again.name == record.path.name
    assert record.name.startswith("rate-full-")
    assert repr(again) == "<Record rate, full mode: 3 runs>"
    assert again.about == {"train_pictures": 12, "test_pictures": 6, "weights": "net.params"}


def test_every_entry_says_on_which_machine_and_when_it_was_made(record):
    for entry in record.entries:
        assert entry.made.keys() == machine().keys() == {"versions", "machine", "date", "commit"}
    record.add(Entry(Settings(seed=9), made={"date": "1999-12-31", "note": "by hand"}))
    made = Record.load(record.path).entries[-1].made
    assert (made["date"], made["note"]) == ("1999-12-31", "by hand") and "versions" in made


def test_nothing_of_this_machines_folders_is_written(record, tmp_path):
    assert str(tmp_path) not in record.path.read_text()


def test_runs_are_found_by_settings_and_by_values_of_settings_or_case(record):
    first, second, third = record.entries
    assert record.find(Settings()) == [first]
    assert record.find(learning_rate=0.1) == [second, third]  # the scratch twin's rate is 0.1 too
    assert record.find(learning_rate=0.1, seed=0) == [second]
    assert record.find(row=934) == record.find() == record.entries
    assert record.find(row=713) == record.find(nonsense=1) == record.find(FINE_TUNE) == []
    assert first.value("row") == 934 and third.value("seed") == 1


def test_a_part_of_a_record_has_its_identity_and_no_path(record):
    before = record.path.read_bytes()
    part = record.only([replace(SCRATCH, seed=1), Settings()])
    assert part.entries == [record.entries[2], record.entries[0]]
    assert part.name == record.name and part.path is None
    part.add(Entry(Settings(seed=5)))
    assert record.path.read_bytes() == before and len(record.entries) == 3


def test_histories_go_by_the_name_of_the_run(record):
    record.add(Entry(replace(FINE_TUNE, seed=1), History(probe_acc=0.5)))
    assert list(record.histories(1)) == ["scratch", "lp_ft"]
    assert record.histories(1)["lp_ft"].probe_acc == 0.5
    assert record.histories(7) == {}


def test_two_runs_of_one_kind_and_seed_must_be_told_apart(record):
    _, second = record.find(seed=0)
    with pytest.raises(ValueError, match=r"several runs finetune with seed 0.*record\.only"):
        record.histories(0)
    assert record.only([second.settings]).histories(0) == {"finetune": second.history}


def test_what_another_process_writes_meanwhile_is_kept(record):
    ours, theirs = Record.load(record.path), Record.load(record.path)
    theirs.add(Entry(Settings(seed=5)))
    ours.add(Entry(Settings(seed=6)))
    assert [entry.settings.seed for entry in Record.load(record.path).entries][3:] == [5, 6]


def test_a_disk_without_locks_is_no_obstacle(record, monkeypatch):
    def no_locks(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    record.add(Entry(Settings(seed=7), History(test_acc=[0.5])))
    assert Record.load(record.path).find(seed=7)


def test_numbers_of_numpy_can_be_written(record):
    record.add(Entry(Settings(seed=5), figures={"a": np.float32(0.5), "b": np.arange(2)}))
    assert Record.load(record.path).find(seed=5)[0].figures == {"a": 0.5, "b": [0, 1]}


class TestOpen:
    def test_the_same_recipe_goes_on_with_its_record(self, record, tiny, tmp_path):
        again = Record.open("rate", tiny.with_settings(num_epochs=9), tmp_path / "results")
        assert again == record

    def test_without_a_folder_nothing_is_written(self, tiny):
        record = Record.open("rate", tiny)
        record.add(Entry(Settings()))
        assert record.path is None and len(record.entries) == 1

    def test_other_pictures_and_other_weights_have_files_of_their_own(
        self, record, tiny, tmp_path, picture_folders
    ):
        counts = {"train": {"a": 5, "b": 7}, "test": {"a": 3, "b": 3}}
        other = picture_folders(counts, tmp_path / "other")
        make_source_net(version=1).save_parameters(str(tmp_path / "other.params"))
        recipes = replace(tiny, data=str(other)), replace(tiny, weights=f"{tmp_path}/other.params")
        names = {Record.open("rate", recipe).name for recipe in (tiny, *recipes)}
        assert len(names | {Record.open("size", tiny).name}) == 4 and record.name in names

    @pytest.mark.parametrize(
        "change, words",
        [
            (lambda c: c["identity"].update({"training pictures": "0"}), "training pictures are"),
            (lambda c: c["identity"].update({"test pictures": "0"}), "test pictures are others"),
            (lambda c: c["identity"].update({"source net": "0"}), "source net is another"),
            (lambda c: c["identity"].update(method=0), "made by method 0 instead of"),
            (
                lambda c: c["identity"].update(classes=["b", "a"]),
                "classes are b, a instead of a, b",
            ),
            (lambda c: c["identity"].update(classes=["x", "y"]), "x, y instead of a, b"),
            (lambda c: c.update(study="size"), "it is the study size in full mode"),
            (lambda c: c.update(mode="mini"), "it is the study rate in mini mode"),
        ],
    )
    def test_a_file_of_other_runs_is_refused_with_what_differs(
        self, change, words, record, tiny, tmp_path
    ):
        content = json.loads(record.path.read_text())
        change(content)
        record.path.write_text(json.dumps(content))
        before = record.path.read_bytes()
        with pytest.raises(hotdog_ft.DataError) as error:
            Record.open("rate", tiny, tmp_path / "results")
        assert str(record.path) in str(error.value) and words in str(error.value)
        assert str(error.value).count(";") == 0  # nothing else differs
        assert record.path.read_bytes() == before


DAMAGED = [b"{}", b"", b"{", b"[1, 2", b"\xff\xfe", b"<html>", b"[]", b'{"identity": {}}']
DAMAGED.append(b'{"identity": {}, "entries": [{"settings": {"seed": -1}, "history": {}}]}')


@pytest.mark.parametrize("content", DAMAGED)
def test_what_is_no_record_is_named(tmp_path, content):
    (tmp_path / "record.json").write_bytes(content)
    with pytest.raises(hotdog_ft.DataError, match=r"(?s)record\.json.*: move it away\.$"):
        Record.load(tmp_path / "record.json")


def test_a_missing_record_is_named(tmp_path):
    for path in (tmp_path / "absent.json", "compare-mini-absent"):
        with pytest.raises(hotdog_ft.DataError, match="absent"):
            Record.load(path)


def test_a_committed_record_is_loaded_by_its_name(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (path,) = (ROOT / "results").glob("compare-mini-*.json")
    assert Record.load(path.stem) == Record.load(path)


def test_the_committed_comparison_is_of_the_embedded_set():
    (path,) = (ROOT / "results").glob("compare-mini-*.json")
    assert Record.open("compare", hotdog_ft.load_recipe()).name == path.name


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.name)
def test_every_committed_record_is_read_and_is_plausible(path):
    record = Record.load(path)
    assert path.name == record.name and record.entries
    for entry in record.entries:
        history = entry.history
        accuracy = entry.figures.get("accuracy", {})
        figures = [*accuracy.values()] if isinstance(accuracy, dict) else [accuracy]
        figures += entry.figures.get("valid_acc", [])
        for views in entry.figures.get("judged", {}).values():
            figures += [view["accuracy"] for view in views.values()]
        figures += [net["accuracy"] for net in entry.figures.get("answers", {}).values()]
        accuracies = [*history.train_acc, *history.test_acc, *figures]
        accuracies += [history.probe_acc] if history.probe_acc is not None else []
        assert accuracies and all(0 <= value <= 1 for value in accuracies)
        if history.loss:  # else only the output layer was trained
            assert len(history.loss) == entry.settings.num_epochs or entry.diverged
            assert all(np.isfinite(history.loss)) and min(history.seconds) > 0
            # parts of the training set: by `fraction`, or folds that a recipe was chosen on
            whole = entry.settings.fraction == 1 and "fold" not in entry.case
            pictures = record.about["train_pictures"]
            assert (history.num_examples == pictures) == whole
            assert history.num_examples <= pictures
        assert {"versions", "machine", "date"} <= entry.made.keys()


def test_the_same_run_of_two_processes_is_kept_once(record, tiny):
    other = Record.open("rate", tiny, record.path.parent)
    for ours in (record, other):
        ours.add(Entry(Settings(seed=7), History(test_acc=[0.5])))
    assert len(Record.load(record.path).find(seed=7)) == 1
    assert len(other.find(seed=7)) == len(other.only([Settings(seed=7)] * 2).entries) == 1
