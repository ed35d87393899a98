"""The comparison: a recipe's runs for every seed, by their names."""

from dataclasses import replace

from conftest import quiet

from hotdog_ft import evaluation, studies, tables
from hotdog_ft.recipe import TITLES
from hotdog_ft.records import Record


def test_the_record_holds_every_run_and_where_it_comes_from(tiny, tmp_path):
    lines = []
    record = studies.compare(tiny, [0, 1], tmp_path / "results", lines.append)
    (path,) = (tmp_path / "results").iterdir()
    assert Record.load(path).entries == record.entries
    assert [(entry.settings.seed, entry.run) for entry in record.entries] == [
        (seed, name) for seed in (0, 1) for name in ("finetune", "below_bound", "scratch", "lp_ft")
    ]
    for entry in record.entries:  # each answer is kept, and gives the accuracy again
        labels, logits = evaluation.unpack_answers(entry.figures)
        assert (logits.argmax(axis=1) == labels).mean() == entry.history.last_test_acc
    assert len(lines) == 9 and str(path) in lines[-1]
    assert str(tmp_path) not in path.read_text()
    table = tables.result_table(record.histories(1))
    assert table.loc["book: test acc", "fine-tuning"] == 0.934  # the chapter's printed figures
    assert table.loc["book: test acc", "from scratch"] == 0.809


def test_a_recipe_may_have_two_runs_of_one_kind(tiny, tmp_path):
    gentle = replace(tiny.finetune, learning_rate=0.001)
    record = studies.compare(replace(tiny, below_bound=gentle), [0], tmp_path, quiet)
    assert list(record.histories(0)) == ["finetune", "below_bound", "scratch", "lp_ft"]
    assert record.find(run="below_bound")[0].settings == gentle
    assert TITLES["below_bound"] in tables.seed_table(record).index


def test_a_second_call_runs_only_what_is_missing(tiny, tmp_path):
    first = studies.compare(tiny, [0], tmp_path, quiet)
    lines = []
    second = studies.compare(tiny, [0, 1], tmp_path, lines.append)
    assert second.entries[:4] == first.entries and len(second.entries) == 8
    assert len(lines) == 5 and all("seed 1" in line for line in lines[:4])


def test_other_settings_join_the_record_and_are_left_out_of_the_answer(tiny, tmp_path):
    studies.compare(tiny, [0], tmp_path, quiet)
    longer = studies.compare(tiny.with_settings(num_epochs=2), [0], tmp_path, quiet)
    assert [entry.settings.num_epochs for entry in longer.entries] == [2, 2, 2, 2]
    (path,) = tmp_path.glob("*.json")
    assert len(Record.load(path).entries) == 8


def test_another_data_set_never_touches_a_record(tiny, picture_folders, tmp_path):
    record = studies.compare(tiny, [0], tmp_path / "results", quiet)
    path = tmp_path / "results" / record.name
    before = path.read_bytes()
    counts = {"train": {"a": 5, "b": 7}, "test": {"a": 3, "b": 3}}
    other = picture_folders(counts, tmp_path / "other")
    studies.compare(replace(tiny, data=str(other)), [0], tmp_path / "results", quiet)
    assert len(list((tmp_path / "results").iterdir())) == 2 and path.read_bytes() == before
