"""Many runs: each done once, kept in a record, gone on with where they were stopped."""

import datetime
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from conftest import quiet

import hotdog_ft
from hotdog_ft import evaluation, run, studies, tables, training
from hotdog_ft.history import History
from hotdog_ft.probe import rows_from_source
from hotdog_ft.records import Entry, Record
from hotdog_ft.settings import FINE_TUNE, Settings


def half_the_rate(recipe, settings, checkpoint, **further):
    """A run that takes no time."""
    return Entry(settings, History(test_acc=[settings.learning_rate / 2]))


def stop_at_call(number):
    calls = []

    def stop(*arguments):
        calls.append(1)
        if len(calls) == number:
            raise KeyboardInterrupt

    return stop


class TestRun:
    def test_a_fraction_and_a_rate_hold_for_every_kind_of_run(self, tiny):
        # 12 pictures, 6 a class: a third is 2 of each
        for settings in tiny.runs.values():
            entry = studies.run(tiny, replace(settings, fraction=1 / 3, learning_rate=0.002))
            assert entry.history.num_examples == 4 and entry.settings.learning_rate == 0.002

    @pytest.mark.parametrize("kept", [False, True])
    def test_a_rate_that_diverges_is_an_outcome_of_the_run(self, tiny, tmp_path, kept):
        runs = [replace(tiny.finetune, learning_rate=rate) for rate in (1e20, 0.01)]
        folder = tmp_path if kept else None
        record = studies.study("x", tiny, runs, folder, report=quiet)
        first, second = record.entries
        assert "smaller rate" in first.diverged and "Remove" not in first.diverged
        assert first.history.loss == []
        assert second.diverged is None and len(second.history.loss) == 1
        assert tables.runs_table(record).test_acc.isna().tolist() == [True, False]

    def test_so_is_a_probe_that_diverges(self, tiny):
        probed = replace(tiny.lp_ft, probe_learning_rate=1e30, size=32)
        (entry,) = studies.study("x", tiny, [probed], report=quiet).entries
        assert "no finite numbers" in entry.diverged and entry.history.loss == []

    def test_what_was_seen_before_it_diverged_is_kept(self, tiny, monkeypatch):
        calls = []

        def fails_in_the_second_epoch(*arguments, **options):
            calls.append(1)
            if len(calls) == 2:
                raise FloatingPointError("epoch 2")
            return train_one_epoch(*arguments, **options)

        train_one_epoch = training.train_one_epoch
        monkeypatch.setattr(run, "train_one_epoch", fails_in_the_second_epoch)
        entry = studies.run(tiny, replace(tiny.finetune, num_epochs=3))
        assert entry.diverged == "epoch 2" and len(entry.history.loss) == 1

    def test_also_what_was_seen_before_it_was_stopped(self, tiny, tmp_path, monkeypatch):
        settings = replace(tiny.finetune, num_epochs=3)
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(training, "average_running_statistics", stop_at_call(2))
            studies.run(tiny, settings, tmp_path / "c")
        monkeypatch.setattr(training, "train_step", lambda *_: (np.nan, 0))
        entry = studies.run(tiny, settings, tmp_path / "c")
        assert "epoch 2" in entry.diverged and len(entry.history.test_acc) == 1

    def test_report_9_a_seeded_run_of_the_comparison_repeats(self, tiny):
        for settings in tiny.runs.values():
            settings = replace(settings, seed=5)
            first, second = (studies.run(tiny, settings).history for _ in range(2))
            assert (first.loss, first.test_acc) == (second.loss, second.test_acc)
            assert first.probe_acc == second.probe_acc

    def test_also_if_another_thread_begins_one(self, tiny):
        first, second = (replace(tiny.scratch, num_epochs=2, seed=seed) for seed in (0, 1))
        alone = [studies.run(tiny, settings).history.loss for settings in (first, second)]
        with ThreadPoolExecutor(1) as pool:
            begun = []

            def begin_another(line):
                if not begun:
                    begun.append(pool.submit(studies.run, tiny, second))
                    time.sleep(0.2)  # long enough to seed, if it could

            beside = studies.run(tiny, first, report=begin_another).history.loss
            assert [beside, begun[0].result().history.loss] == alone

    def test_fine_tuning_beats_scratch_on_the_mini_set(self):
        """One of the five seeds of README's table, on half of the epochs."""
        recipe = hotdog_ft.load_recipe().with_settings(num_epochs=5)
        finetuned, scratch = (
            studies.run(recipe, recipe.runs[name]).history for name in ("finetune", "scratch")
        )
        assert finetuned.last_test_acc - scratch.last_test_acc >= 0.10


class TestStudy:
    def test_a_case_is_the_same_after_it_was_read_back(self, tiny, tmp_path):
        """JSON knows no tuples, and 1 is 1.0."""
        ran = []

        def note(recipe, settings, checkpoint, rows):
            ran.append(checkpoint.name)
            return Entry(settings)

        for mult in (1, 1.0):
            cases = [(replace(tiny.finetune, output_lr_mult=mult), {"rows": (1, 2)})]
            studies.study("x", tiny, cases, tmp_path, report=quiet, run_case=note)
        assert len(ran) == 1

    def test_a_case_is_run_once_and_cases_may_be_added(self, tiny, tmp_path):
        lines = []
        rates = (0.1, 0.2, 0.3)
        runs = [replace(tiny.finetune, learning_rate=rate) for rate in rates]
        for cases in (runs[:2], runs):
            record = studies.study("rate", tiny, cases, tmp_path, lines.append, half_the_rate)
        titles = [f"finetune, seed 0, learning_rate {rate}" for rate in rates]
        assert [line.split(":")[0] for line in lines if "record" not in line] == titles
        assert tables.runs_table(record)[["learning_rate", "test_acc"]].values.tolist() == [
            [0.1, 0.05],
            [0.2, 0.1],
            [0.3, 0.15],
        ]
        (path,) = tmp_path.glob("*.json")
        assert path.name.startswith("rate-full-") and Record.load(path) == record
        assert lines[-1] == f"The record is in {path}."

    def test_a_case_beyond_the_settings_is_told_apart_and_passed_on(self, tiny, tmp_path):
        rows = [(Settings(), {"row": row}) for row in (3, None)]
        seen = []

        def run_case(recipe, settings, checkpoint, row):
            seen.append(row)
            return Entry(settings)

        for cases in (rows[:1], rows):
            record = studies.study("row", tiny, cases, tmp_path, quiet, run_case)
        assert seen == [3, None] and [entry.case["row"] for entry in record.entries] == seen
        assert record.find(row=3) == record.entries[:1]

    def test_a_run_keeps_its_date_when_others_are_added(self, tiny, tmp_path):
        runs = [Settings(seed=seed) for seed in (0, 1)]
        record = studies.study("rate", tiny, runs[:1], tmp_path, quiet, half_the_rate)
        today = datetime.date.today().isoformat()
        text = record.path.read_text()
        record.path.write_text(text.replace(today, "1999-12-31"))  # as if made then
        record = studies.study("rate", tiny, runs, tmp_path, quiet, half_the_rate)
        assert [entry.made["date"] == "1999-12-31" for entry in record.entries] == [True, False]

    def test_studies_of_other_names_keep_records_of_their_own(self, tiny, tmp_path):
        for name in ("a", "b"):
            studies.study(name, tiny, [Settings()], tmp_path, quiet, half_the_rate)
        assert len(list(tmp_path.glob("[ab]-full-*.json"))) == 2

    def test_a_stopped_study_goes_on_from_the_checkpoint_beside_its_record(
        self, tiny, tmp_path, monkeypatch
    ):
        runs = [replace(tiny.finetune, num_epochs=3, seed=seed) for seed in (0, 1)]
        whole = studies.study("rate", tiny, runs, tmp_path / "whole", quiet)
        epochs = []

        def stop_in_the_fifth_epoch(*arguments):
            epochs.append(1)
            if len(epochs) == 5:
                raise KeyboardInterrupt
            return evaluation.logits_of(*arguments)

        folder = tmp_path / "stopped"
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(run, "logits_of", stop_in_the_fifth_epoch)
            studies.study("rate", tiny, runs, folder, quiet)
        (path,) = folder.glob("*.json")
        (checkpoint,) = folder.glob("*.checkpoint")
        assert checkpoint.name.startswith(f"{path.stem}.finetune-seed-1-")
        assert len(Record.load(path).entries) == 1

        done = []

        def count(*arguments):
            done.append(1)
            return evaluation.logits_of(*arguments)

        monkeypatch.setattr(run, "logits_of", count)
        again = studies.study("rate", tiny, runs, folder, quiet)
        assert len(done) == 2  # the second run's last two epochs
        for ours, wanted in zip(again.entries, whole.entries):
            assert ours.history.loss == wanted.history.loss
            assert ours.history.test_acc == wanted.history.test_acc
        assert list(folder.iterdir()) == [path]

    def test_cases_that_differ_in_anything_have_checkpoints_of_their_own(self, tiny, tmp_path):
        paths = []

        def run_case(recipe, settings, checkpoint, **further):
            paths.append(checkpoint)
            return Entry(settings)

        cases = [Settings(), Settings(learning_rate=0.1), (Settings(), {"row": 3})]
        studies.study("rate", tiny, cases, tmp_path, quiet, run_case)
        assert len(set(paths)) == 3 and {path.parent for path in paths} == {tmp_path}
        assert studies.study("rate", tiny, [Settings(seed=1)], None, quiet, run_case).path is None
        assert paths[-1] is None


def test_features_are_those_of_the_net_that_lies_in_the_file_now(tiny):
    train_x, *_ = studies.source_features(tiny)
    assert studies.source_features(tiny)[0] is train_x  # computed once
    hotdog_ft.scratch_net(tiny.load_pretrained_net(), 5).save_parameters(tiny.weights)
    again, *_ = studies.source_features(tiny)
    assert again.shape == train_x.shape and not np.allclose(again, train_x)


def test_a_head_start_begins_with_the_row_and_then_learns(tiny):
    train_x, _, test_x, test_y = studies.source_features(tiny)
    weight, bias = rows_from_source(tiny.load_pretrained_net(), 3, train_x)
    settings = replace(FINE_TUNE, size=32, num_epochs=2)
    entry = studies.head_start(tiny, settings, row=3)
    first = np.mean((test_x @ weight.T + bias).argmax(axis=1) == test_y)
    assert entry.history.test_acc[0] == first
    assert len(entry.history.test_acc) == 3 and 0 <= entry.figures["top1"] <= 1
    assert entry == studies.head_start(tiny, settings, row=3)  # the seed decides
    assert studies.head_start(tiny, settings).figures == {}  # without a row: Xavier's start
