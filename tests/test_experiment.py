"""What the exercises vary, the tables and intervals, the range test, and the source's classes."""

from dataclasses import replace

import hotdog_ft
import mxnet as mx
import numpy as np
import pytest
from conftest import make_source_net, values
from hotdog_ft import experiment
from mxnet.gluon import nn
from test_chapter import own_data, tiny  # noqa: F401  fixtures

QUIET = {"report": lambda line: None}


class TestRun:
    def test_a_fraction_is_the_same_share_of_every_class(self, tiny):  # noqa: F811
        # 12 pictures, 6 a class: a third is 2 of each
        entry = experiment.run(tiny, fraction=1 / 3)
        assert entry["history"]["num_examples"] == 4

    def test_a_fraction_and_a_rate_hold_for_every_kind_of_run(self, tiny):  # noqa: F811
        for run in hotdog_ft.RUNS:
            entry = experiment.run(tiny, run, fraction=1 / 3, learning_rate=0.002)
            assert (entry["history"]["num_examples"], entry["history"]["learning_rate"]) == (4, 0.002)

    @pytest.mark.parametrize("trained, moving", [
        ("output", {"output.weight", "output.bias"}),
        ("last stage", None), ("all", None)])
    def test_what_is_not_trained_stays(self, trained, moving, tiny, monkeypatch):  # noqa: F811
        nets = []
        make = experiment.finetune_net
        monkeypatch.setattr(experiment, "finetune_net", lambda *a: nets.append(make(*a)) or nets[-1])
        source = values(tiny.load_pretrained_net())
        experiment.run(tiny, trained=trained)
        after = values(nets[0])
        moved = {name for name in after if name.startswith("output") or not np.array_equal(after[name], source[name])}
        if trained == "output":
            assert moved == moving
        else:
            stage = hotdog_ft.last_stage(nets[0])
            late = {name for name in after if name.startswith("output") or int(name.split(".")[1]) >= stage}
            assert moved == late if trained == "last stage" else moved > late

    def test_stored_features_give_what_probing_gives(self, tiny):  # noqa: F811
        entry = experiment.run(tiny, trained="output, stored features")
        hotdog_ft.seed_everything(0)
        train_imgs, test_imgs = tiny.load_data()
        net = hotdog_ft.finetune_net(tiny.load_pretrained_net(), 2)
        augs = hotdog_ft.TestAugs(tiny.size)
        hotdog_ft.fit_output(net, *hotdog_ft.extract_features(net, hotdog_ft.BatchLoader(train_imgs, augs, 32)))
        assert entry["test_acc"] == hotdog_ft.evaluate(net, hotdog_ft.BatchLoader(test_imgs, augs, 4))
        assert 0 < entry["epoch_seconds"] < entry["seconds"]

    def test_a_rate_that_diverges_is_an_outcome_of_the_run(self, tiny):  # noqa: F811
        record = hotdog_ft.study("x", tiny, [{"learning_rate": 1e30}, {"learning_rate": 0.01}], **QUIET)
        first, second = record["runs"]
        assert "learning rate 1e+30" in first["diverged"] and first["history"]["loss"] == []
        assert "diverged" not in second and len(second["history"]["loss"]) == 1
        assert hotdog_ft.runs_table(record).test_acc.isna().tolist() == [True, False]


class TestStudy:
    def test_a_case_is_run_once_and_cases_may_be_added(self, tiny, tmp_path):  # noqa: F811
        ran = []

        def run_case(recipe, learning_rate, checkpoint):
            ran.append(learning_rate)
            return {"test_acc": learning_rate / 2}

        cases = [{"learning_rate": rate} for rate in (0.1, 0.2, 0.3)]
        hotdog_ft.study("rate", tiny, cases[:2], tmp_path / "results", run_case=run_case, **QUIET)
        record = hotdog_ft.study("rate", tiny, cases, tmp_path / "results", run_case=run_case, **QUIET)
        assert ran == [0.1, 0.2, 0.3]
        assert hotdog_ft.runs_table(record)[["learning_rate", "test_acc"]].values.tolist() == [
            [0.1, 0.05], [0.2, 0.1], [0.3, 0.15]]
        path, = (tmp_path / "results").iterdir()
        assert path.name.startswith("rate-full-") and hotdog_ft.results.load_record(path) == record

    def test_each_run_says_on_which_machine_and_when_it_was_made(self, tiny, tmp_path):  # noqa: F811
        quiet = {**QUIET, "run_case": lambda *a, **k: {}}
        hotdog_ft.study("rate", tiny, [{"seed": 0}], tmp_path / "results", **quiet)
        path, = (tmp_path / "results").iterdir()
        text = path.read_text()
        path.write_text(text.replace(hotdog_ft.results.machine()["date"], "1999-12-31"))  # as if made then
        record = hotdog_ft.study("rate", tiny, [{"seed": 0}, {"seed": 1}], tmp_path / "results", **quiet)
        assert [run["made"]["date"] == "1999-12-31" for run in record["runs"]] == [True, False]
        assert record["provenance"]["date"] == "1999-12-31"
        assert record["runs"][1]["made"].keys() >= {"versions", "machine", "commit"}

    def test_studies_of_other_names_keep_records_of_their_own(self, tiny, tmp_path):  # noqa: F811
        for name in ("a", "b"):
            hotdog_ft.study(name, tiny, [{"seed": 0}], tmp_path / "results", run_case=lambda *a, **k: {}, **QUIET)
        assert len(list((tmp_path / "results").iterdir())) == 2


def test_the_interval_of_an_accuracy_is_wilsons():
    # Brown, Cai, DasGupta 2001: centre (k + z²/2)/(n + z²); for k = n/2 the half width is z/(2 sqrt(n + z²))
    low, high = hotdog_ft.accuracy_interval(0.5, 100)
    half = 1.959964 / (2 * np.sqrt(100 + 1.959964**2))
    assert (low, high) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-6)
    low, high = hotdog_ft.accuracy_interval(1.0, 800)  # never beyond 1, and not empty at the edge
    assert 0.99 < low < 1 and high == 1


def test_the_paired_gap_has_students_interval():
    # gaps 1, 2, 3: mean 2, sd 1; t(0.975, 2) = 4.302653 (any table), so ± 4.302653 / sqrt(3)
    mean, low, high = hotdog_ft.paired_gap([1, 3, 5], [0, 1, 2])
    assert (mean, low, high) == pytest.approx((2, 2 - 2.484138, 2 + 2.484138), abs=1e-5)


class TestRangeTest:
    def linear_net(self):
        """One weight a class and no bias, on inputs of which all but one are zero."""
        net = nn.HybridSequential()
        net.add(nn.Flatten(), nn.Dense(2, use_bias=False, in_units=3))
        net.initialize(mx.init.Zero())
        return net

    def test_it_leaves_the_net_as_it_was(self, source_net):
        rng = np.random.default_rng(0)
        net = hotdog_ft.finetune_net(source_net, 2)
        before = values(net)
        batch = (rng.normal(size=(4, 3, 32, 32)).astype("float32"), np.array([0, 1, 1, 0]))
        hotdog_ft.lr_range_test(net, [batch], num_steps=20)
        after = values(net)
        assert all(np.array_equal(before[name], after[name]) for name in before)

    def test_losses_are_those_of_the_growing_rates(self):
        # Two pictures (a, 0, 0) with labels 0 and 1 for +a and -a: the loss is log(1 + exp(-2 w a)) where ± w are the
        # first weights, and each step moves w by rate * a / (1 + exp(2 w a)): followed here in plain Python.
        a, w, expected = 2.0, 0.0, []
        rates = np.geomspace(1e-3, 1e-1, 30)
        for rate in rates:
            expected.append(np.log1p(np.exp(-2 * w * a)))
            w += rate * a / (1 + np.exp(2 * w * a))
        X = np.zeros((2, 3, 1, 1), "float32")
        X[0, 0], X[1, 0] = a, -a
        losses, suggestion = hotdog_ft.lr_range_test(self.linear_net(), [(X, np.array([0, 1]))], 1e-3, 1e-1, 30, weight_decay=0)
        np.testing.assert_allclose(losses.index, rates[3:-3])
        smooth = [np.mean(expected[i - 3:i + 4]) for i in range(3, 27)]
        np.testing.assert_allclose(losses, smooth, rtol=1e-4)
        assert suggestion == pytest.approx(rates[26] / 10)  # the loss falls all the way

    def test_it_ends_where_the_loss_explodes(self):
        # Contradicting labels: no rate helps, and with lr * curvature > 2 the loss grows without bound
        X = np.full((2, 3, 1, 1), 5.0, "float32")
        X[1] *= 1.1
        losses, suggestion = hotdog_ft.lr_range_test(
            self.linear_net(), [(X, np.array([0, 1]))], 1e-4, 1e4, 100, weight_decay=0)
        assert len(losses) < 100 and np.isfinite(losses).all()
        assert suggestion == pytest.approx(losses.idxmin() / 10) and losses.idxmin() < losses.index[-1]

    def test_a_beginning_that_is_too_high_is_one_clear_error(self):
        X = np.full((2, 3, 1, 1), 5.0, "float32")
        X[1] *= 1.1
        with pytest.raises(FloatingPointError, match="begin below lowest=10000"):
            hotdog_ft.lr_range_test(self.linear_net(), [(X, np.array([0, 1]))], 1e4, 1e8, 100, weight_decay=0)


class TestSourceClasses:
    def test_report_8_the_hot_dog_is_found_by_name_and_has_row_934(self, tiny):  # noqa: F811
        classes = tiny.source_classes()
        assert len(classes) == 1000 and classes.wnid.is_unique
        assert classes.wnid.is_monotonic_increasing  # ILSVRC's order, which Gluon and torchvision follow
        row, = classes.index[classes.name.str.startswith("hotdog")]
        # ILSVRC-2012's synsets n07697537 and n03924679 (image-net.org); the book's code takes the second for the first
        assert (row, classes.wnid[row]) == (934, "n07697537")
        assert classes.loc[713].tolist() == ["n03924679", "photocopier"]

    def test_the_mini_source_nets_outputs_have_names(self):
        recipe = hotdog_ft.load_recipe()
        assert len(recipe.source_classes()) == len(recipe.load_pretrained_net().output.bias.data())
        assert recipe.source_classes().name[0] == "hotdog"


class TestHeadStart:
    def test_anything_else_is_the_slope_of_the_other_logits_log_sum_exp(self):
        net, row = make_source_net(), 3
        features = np.random.default_rng(0).normal(size=(20, net.output.weight.shape[1])).astype("float32")
        weight, bias = hotdog_ft.rows_from_source(net, row, features)

        def mean_of_log_sum_exp(features):
            logits = np.delete(features @ net.output.weight.data().asnumpy().T.astype("float64"), row, axis=1)
            return np.log(np.exp(logits).sum(axis=1)).mean()

        for axis in range(5):  # the source's biases are 0 here; central differences, error of order 1e-6
            step = 1e-3 * np.eye(features.shape[1])[axis]
            slope = (mean_of_log_sum_exp(features + step) - mean_of_log_sum_exp(features - step)) / 2e-3
            assert weight[1, axis] == pytest.approx(slope, abs=1e-5)
        assert np.array_equal(weight[0], net.output.weight.data().asnumpy()[row])
        assert ((features @ weight.T + bias).argmax(axis=1) == 0).sum() == 10  # half of the pictures

    def test_it_begins_with_the_row_and_then_learns(self, tiny):  # noqa: F811
        train_x, train_y, test_x, test_y = hotdog_ft.source_features(tiny)
        weight, bias = hotdog_ft.rows_from_source(tiny.load_pretrained_net(), 3, train_x)
        entry = hotdog_ft.head_start(tiny, row=3, num_epochs=2)
        assert entry["test_acc"][0] == np.mean((test_x @ weight.T + bias).argmax(axis=1) == test_y)
        assert len(entry["test_acc"]) == 3 and 0 <= entry["top1"] <= 1
        assert entry == hotdog_ft.head_start(tiny, row=3, num_epochs=2)  # the seed decides


class TestFineTune:
    @pytest.mark.parametrize("version", [1, 2])
    def test_three_lines_for_any_number_of_classes(self, version, picture_folders):
        counts = {"train": {"a": 5, "b": 5, "c": 5}, "test": {"a": 2, "b": 2, "c": 2}}
        train_imgs, test_imgs = hotdog_ft.load_image_folders(picture_folders(counts))
        net = hotdog_ft.finetune_net(make_source_net(version), 3)
        probe_acc, history = hotdog_ft.fine_tune(net, train_imgs, test_imgs, 32, num_epochs=1)
        assert 0 <= probe_acc <= 1 and len(history.test_acc) == 1 and history.num_examples == 15

    def test_without_an_epoch_the_features_stay(self, picture_folders):
        train_imgs, test_imgs = hotdog_ft.load_image_folders(picture_folders())
        net = hotdog_ft.finetune_net(make_source_net(), 2)
        before = hotdog_ft.fingerprint(net.features)
        probe_acc, history = hotdog_ft.fine_tune(net, train_imgs, test_imgs, 32, num_epochs=0)
        assert hotdog_ft.fingerprint(net.features) == before and history.loss == []
        assert probe_acc == hotdog_ft.evaluate(net, hotdog_ft.BatchLoader(test_imgs, hotdog_ft.TestAugs(32), 4))

    def test_the_probe_does_not_care_about_the_features_scale(self):
        rng = np.random.default_rng(0)
        labels = np.arange(40) % 2
        features = (rng.normal(size=(40, 10)) + 2 * labels[:, None] - 1).astype("float32")  # the bias stays near 0
        odds = []
        for scale in (1, 4):  # with L2 at a fixed strength the larger features would end far more certain
            mx.random.seed(0)
            net = hotdog_ft.finetune_net(make_source_net(), 2)
            hotdog_ft.fit_output(net, scale * features, labels, num_steps=3000, weight_decay=0.01)
            odds.append(net.output(mx.nd.array(scale * features)).softmax().asnumpy())
        np.testing.assert_allclose(odds[0], odds[1], atol=0.02)


@pytest.mark.parametrize("version", [1, 2])
def test_an_activation_map_adds_up_to_the_logit(version):
    net = hotdog_ft.finetune_net(make_source_net(version), 3)
    x = np.random.default_rng(0).normal(size=(3, 64, 64)).astype("float32")
    logits = net(mx.nd.array(x[None]))[0].asnumpy()
    bias = net.output.bias.data().asnumpy()
    for label in range(3):
        heat = hotdog_ft.class_activation_map(net, x, label)
        assert heat.shape == (2, 2)
        # by linearity: the mean over places of w·A is the logit without its bias; both lose the classes' mean
        assert heat.mean() + bias[label] - bias.mean() == pytest.approx(logits[label] - logits.mean(), abs=1e-5)
