"""Predictions as a table, saved nets, near-duplicates, frozen layers."""

import hashlib
import json

import hotdog_ft
import mxnet as mx
import numpy as np
import pytest
from conftest import make_source_net, run_python, values
from hotdog_ft.__main__ import main
from PIL import Image
from safetensors.numpy import load_file, save_file
from test_pictures import BAD, GOOD


@pytest.fixture
def net():
    return hotdog_ft.finetune_net(make_source_net(), 2)


class TestPredict:
    def test_report_31_each_file_gets_its_label_and_a_probability(self, net, picture_folders):
        root = picture_folders()
        frame = hotdog_ft.predict(net, root / "train", classes=["a", "b"], size=32)
        images = hotdog_ft.ImageFolder(root / "train")
        X = np.stack([hotdog_ft.TestAugs(32)(images[i][0]) for i in range(len(images))])
        odds = net(mx.nd.array(X)).softmax().asnumpy()
        assert list(frame.columns) == ["file", "label", "probability"]
        assert frame["file"].tolist() == [str(path) for path in images.paths]
        assert frame["label"].tolist() == [["a", "b"][i] for i in odds.argmax(1)]
        np.testing.assert_allclose(frame["probability"], odds.max(1), rtol=1e-5)

    def test_its_labels_give_the_accuracy_that_evaluation_gives(self, net, picture_folders):
        root = picture_folders()
        images = hotdog_ft.ImageFolder(root / "test")
        frame = hotdog_ft.predict(net, [root / "test/a", root / "test/b"], classes=images.classes, size=32)
        right = np.mean([row.file.split("/")[-2] == row.label for row in frame.itertuples()])
        assert right == hotdog_ft.evaluate(net, hotdog_ft.BatchLoader(images, hotdog_ft.TestAugs(32), 4))

    def test_report_21_all_good_pictures_of_the_zoo_are_predicted(self, net, tmp_path):
        for name, (content, _, _) in GOOD.items():
            (tmp_path / name).write_bytes(content)
        frame = hotdog_ft.predict(net, tmp_path, size=32)
        assert len(frame) == len(GOOD) and frame["probability"].between(0.5, 1).all()
        assert set(frame["label"]) <= {0, 1}

    def test_report_20_all_bad_ones_are_named_and_none_is_predicted(self, net, tmp_path):
        for name, content in {**BAD, "fine.png": GOOD["plain.png"][0]}.items():
            (tmp_path / name).write_bytes(content)
        with pytest.raises(hotdog_ft.DataError) as error:
            hotdog_ft.predict(net, tmp_path)
        assert all(name in str(error.value) for name in BAD) and "fine.png" not in str(error.value)

    def test_folders_are_searched_at_any_depth_and_never_in_a_circle(self, net, tmp_path):
        (tmp_path / "x/y").mkdir(parents=True)
        (tmp_path / "x/y/1.png").write_bytes(GOOD["plain.png"][0])
        (tmp_path / ".hidden").mkdir()
        (tmp_path / ".hidden/2.png").write_bytes(b"not looked at")
        assert len(hotdog_ft.predict(net, tmp_path, size=32)) == 1
        (tmp_path / "x/round").symlink_to(tmp_path, target_is_directory=True)
        with pytest.raises(hotdog_ft.DataError, match="round"):
            hotdog_ft.predict(net, tmp_path, size=32)

    def test_nothing_to_predict_is_an_error(self, net, tmp_path):
        with pytest.raises(hotdog_ft.DataError, match="no picture"):
            hotdog_ft.predict(net, tmp_path)
        with pytest.raises(hotdog_ft.DataError, match="absent.png"):
            hotdog_ft.predict(net, tmp_path / "absent.png")


class TestSavedNet:
    def test_report_29_and_30_a_new_process_has_the_same_logits_classes_and_size(self, source_net, tmp_path):
        net = hotdog_ft.finetune_net(source_net, 3)
        hotdog_ft.save_net(net, tmp_path / "net.safetensors", ["chair", "stool", "bánh mì"], size=48)
        x = np.random.default_rng(0).normal(size=(4, 3, 48, 48)).astype("float32")
        np.save(tmp_path / "x.npy", x)
        done = run_python("import sys, hotdog_ft, mxnet as mx, numpy as np\n"
                          "net = hotdog_ft.load_net('net.safetensors')\n"
                          "np.save('y.npy', net(mx.nd.array(np.load('x.npy'))).asnumpy())\n"
                          "print(net.classes, net.size)", cwd=tmp_path, PYTHONIOENCODING="utf-8")
        assert done.stdout == "['chair', 'stool', 'bánh mì'] 48\n", done.stderr
        np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), net(mx.nd.array(x)).asnumpy())

    def test_predict_uses_what_was_saved(self, net, tmp_path):
        (tmp_path / "1.png").write_bytes(GOOD["plain.png"][0])
        hotdog_ft.save_net(net, tmp_path / "net.safetensors", ["yes", "no"], size=40)
        loaded = hotdog_ft.load_net(tmp_path / "net.safetensors")
        ours = hotdog_ft.predict(loaded, tmp_path / "1.png")
        theirs = hotdog_ft.predict(net, tmp_path / "1.png", classes=["yes", "no"], size=40)
        assert ours.equals(theirs) and ours["label"][0] in ("yes", "no")

    def test_names_must_fit_the_outputs_and_the_suffix_the_format(self, net, tmp_path):
        with pytest.raises(ValueError, match="3 class names for 2 outputs"):
            hotdog_ft.save_net(net, tmp_path / "net.safetensors", ["a", "b", "c"])
        with pytest.raises(ValueError, match=".safetensors"):
            hotdog_ft.save_net(net, tmp_path / "net.params", ["a", "b"])
        assert not list(tmp_path.iterdir())

    def test_a_net_for_pictures_normalised_in_another_way_is_refused(self, net, tmp_path):
        path = tmp_path / "net.safetensors"
        about = {"classes": ["a", "b"], "size": 32, "mean": [0.5] * 3, "sd": [0.5] * 3}
        save_file(values(net), path, {"hotdog_ft": json.dumps(about)})
        with pytest.raises(hotdog_ft.WeightsError, match=r"mean \[0.5, 0.5, 0.5\]"):
            hotdog_ft.load_net(path)

    def test_other_tools_can_read_it(self, net, tmp_path):
        hotdog_ft.save_net(net, tmp_path / "net.safetensors", ["a", "b"])
        assert load_file(tmp_path / "net.safetensors")["output.weight"].shape == (2, 10)


def test_report_22_copies_between_training_and_test_set_are_listed(tmp_path):
    """Copies in another size, format and quality, one of them under another label."""
    rng = np.random.default_rng(0)

    def photo():  # smooth, as photographs are
        return Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype="uint8")).resize((90, 60), Image.BICUBIC)

    for split, count in (("train", 12), ("test", 8)):
        for label in ("a", "b"):
            (tmp_path / split / label).mkdir(parents=True)
            for number in range(count):
                photo().save(tmp_path / split / label / f"{number}.png")
    leak = Image.open(tmp_path / "train/a/3.png")
    leak.resize((45, 30)).save(tmp_path / "test/a/leak.jpg", quality=80)
    leak.save(tmp_path / "test/b/leak.webp", quality=60)
    frame = hotdog_ft.near_duplicates(*hotdog_ft.load_image_folders(tmp_path))
    assert set(frame["first"]) == {str(tmp_path / "train/a/3.png")}
    assert dict(zip(frame["second"], frame["same_label"])) == {
        str(tmp_path / "test/a/leak.jpg"): True, str(tmp_path / "test/b/leak.webp"): False}
    within = hotdog_ft.ImageFolder(tmp_path / "test")
    assert len(hotdog_ft.near_duplicates(within, within)) == 1


def digest(net, part):
    total = hashlib.sha256()
    for name, value in sorted(values(net).items()):
        if name.startswith(part):
            total.update(value.tobytes())
    return total.hexdigest()


@pytest.mark.parametrize("count", [1, 2])
def test_report_10_a_frozen_part_moves_nothing_and_computes_in_training_what_it_computes_in_prediction(
        source_net, count):
    net = hotdog_ft.finetune_net(source_net, 2)
    assert hotdog_ft.freeze(net.features) is net.features
    before = digest(net, "features"), digest(net, "output")
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(6, 3, 32, 32)).astype("float32"), rng.integers(0, 2, 6)
    hotdog_ft.train(net, [(X, y)] * 3, [(X, y)], 0.1, 2, momentum=0.9, on_devices=[mx.cpu(i) for i in range(count)])
    assert digest(net, "features") == before[0]  # running statistics included
    assert digest(net, "output") != before[1]
    net.collect_params().reset_ctx(mx.cpu())
    with mx.autograd.record():
        training = net(mx.nd.array(X)).asnumpy()
    np.testing.assert_array_equal(training, net(mx.nd.array(X)).asnumpy())


def test_a_net_that_was_used_before_can_still_be_frozen(source_net):
    """A graph that was built before must not keep on moving the running statistics."""
    net = hotdog_ft.finetune_net(source_net, 2)
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(6, 3, 32, 32)).astype("float32"), rng.integers(0, 2, 6)
    hotdog_ft.train(net, [(X, y)], [(X, y)], 0.01, 1)
    hotdog_ft.freeze(net.features)
    before = digest(net, "features")
    hotdog_ft.train(net, [(X, y)] * 2, [(X, y)], 0.01, 1)
    assert digest(net, "features") == before


class TestCommandLine:
    def test_train_saves_a_net_and_predict_uses_it(self, picture_folders, tmp_path, capsys):
        root = picture_folders({"train": {"a": 8, "b": 8, "c d": 8}, "test": {"a": 2, "b": 2, "c d": 2}})
        make_source_net().save_parameters(str(tmp_path / "source.params"))
        arguments = ["train", "--data", str(root), "--weights", str(tmp_path / "source.params"), "--size", "32",
                     "--epochs", "1", "--out", str(tmp_path / "net.safetensors")]
        assert main(arguments) == 0
        printed = capsys.readouterr().out
        assert "24 + 6 pictures of a, b, c d" in printed and "output layer alone: test acc" in printed
        assert "examples/sec" in printed
        assert {path.name for path in tmp_path.iterdir()} == {"pictures", "source.params", "net.safetensors"}
        assert main(["predict", "--net", str(tmp_path / "net.safetensors"), str(root / "test")]) == 0
        lines = capsys.readouterr().out.splitlines()
        frame = hotdog_ft.predict(hotdog_ft.load_net(tmp_path / "net.safetensors"), root / "test")
        assert lines[0].split() == ["file", "label", "probability"] and len(lines) == 1 + len(frame)
        assert all(row.file in line and str(row.label) in line for row, line in zip(frame.itertuples(), lines[1:]))

    @pytest.mark.parametrize("arguments, words", [
        (["--out", "net.params"], "must end in .safetensors"),
        (["--out", "nowhere/net.safetensors"], "There is no folder nowhere"),
        (["--epochs", "-1"], "--epochs must be at least 0"),
        (["--weights", "absent.params"], "absent.params"),
        (["--data", "absent"], "absent"),
    ])
    def test_a_fault_is_one_line_before_any_training(self, arguments, words, picture_folders, tmp_path, capsys, monkeypatch):
        root = picture_folders()
        monkeypatch.chdir(tmp_path)
        assert main(["train", "--data", str(root), *arguments]) == 1
        error = capsys.readouterr().err
        assert error.startswith("hotdog_ft: ") and error.count("\n") == 1 and words in error
        assert [path.name for path in tmp_path.iterdir()] == ["pictures"]
