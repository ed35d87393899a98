"""Source nets of any architecture: target, scratch twin, training, files and back."""

import mxnet as mx
import numpy as np
import pytest
from conftest import some_batches, train_on, values
from mxnet import gluon, nd
from mxnet.gluon import nn
from mxnet.gluon.model_zoo import vision
from mxnet.gluon.model_zoo.vision import resnet
from picture_zoo import GOOD

import hotdog_ft
from hotdog_ft.files import DataError
from hotdog_ft.settings import Settings

# depths of ResNet-34, -50 and -101 as in Gluon's resnet_spec, but narrow; the others as they are
MAKE = {
    "resnet34_v1": lambda: resnet.ResNetV1(resnet.BasicBlockV1, [3, 4, 6, 3], [4, 4, 6, 8, 10]),
    "resnet34_v2": lambda: resnet.ResNetV2(resnet.BasicBlockV2, [3, 4, 6, 3], [4, 4, 6, 8, 10]),
    "resnet50_v1": lambda: resnet.ResNetV1(resnet.BottleneckV1, [3, 4, 6, 3], [4, 8, 12, 16, 20]),
    "resnet50_v2": lambda: resnet.ResNetV2(resnet.BottleneckV2, [3, 4, 6, 3], [4, 8, 12, 16, 20]),
    "three stages": lambda: resnet.ResNetV2(resnet.BottleneckV2, [1, 3, 1], [4, 4, 8, 12]),
    "thumbnails": lambda: resnet.ResNetV1(resnet.BasicBlockV1, [1, 2], [4, 4, 6], thumbnail=True),
    "mobilenet": lambda: vision.mobilenet0_25(),
    "densenet": lambda: vision.DenseNet(4, 2, [1, 2, 1, 1]),
}
SIDE = {"densenet": 224}  # its pooling is made for that size


def drawn(net, side=32):
    mx.random.seed(5)
    net.initialize(mx.init.Xavier())
    with mx.autograd.record():  # one step in training mode moves BatchNorm's running statistics
        net(nd.random.normal(shape=(2, 3, side, side)))
    return net


@pytest.fixture(params=MAKE, scope="module")
def any_net(request):
    return drawn(MAKE[request.param](), SIDE.get(request.param, 32))


def test_reports_54_and_74_any_source_net_gives_a_target_and_a_scratch_twin(any_net):
    before = values(any_net)
    target, scratch = (make(any_net, 3) for make in (hotdog_ft.finetune_net, hotdog_ft.scratch_net))
    for net in (target, scratch):
        shapes = {name: value.shape for name, value in values(net).items()}
        assert type(net) is type(any_net) and net.prefix == any_net.prefix
        assert shapes["output.weight"] == (3, before["output.weight"].shape[1])
        assert {n: s for n, s in shapes.items() if "output" not in n} == {
            name: value.shape for name, value in before.items() if "output" not in name
        }
    drawn_again = values(scratch)
    for name, value in values(target).items():
        if name.startswith("features"):
            np.testing.assert_array_equal(value, before[name])
            if name.endswith("weight"):
                assert not np.array_equal(drawn_again[name], value)
    assert {p.lr_mult for p in target.output.collect_params().values()} == {10}


@pytest.mark.parametrize("name", [name for name in MAKE if name != "densenet"])
def test_report_54_any_net_is_saved_and_loaded(name, tmp_path):
    net = hotdog_ft.finetune_net(drawn(MAKE[name]()), 2)
    hotdog_ft.save_net(net, tmp_path / "net.safetensors", ["yes", "no"], size=32)
    net.save_parameters(str(tmp_path / "net.params"))
    X = nd.random.normal(shape=(2, 3, 32, 32))
    for file in ("net.safetensors", "net.params"):
        loaded = hotdog_ft.load_net(tmp_path / file)
        np.testing.assert_array_equal(loaded(X).asnumpy(), net(X).asnumpy())
    assert hotdog_ft.load_net(tmp_path / "net.safetensors").classes == ["yes", "no"]


@pytest.mark.parametrize("name", ["resnet50_v1", "mobilenet"])
def test_reports_54_and_73_a_net_is_exported_at_once_and_older_names_are_read(name, tmp_path):
    net = hotdog_ft.finetune_net(drawn(MAKE[name]()), 2)
    net.collect_params().save(str(tmp_path / "old.params"), strip_prefix=net.prefix)
    net.export(str(tmp_path / "first"))  # before anything was computed
    X = nd.random.normal(shape=(2, 3, 32, 32))
    for file in ("old.params", "first-0000.params"):
        loaded = hotdog_ft.load_net(tmp_path / file)
        loaded.export(str(tmp_path / "again"))
        np.testing.assert_array_equal(loaded(X).asnumpy(), net(X).asnumpy())
    symbols = [str(tmp_path / "again-symbol.json"), ["data"], str(tmp_path / "again-0000.params")]
    imported = gluon.SymbolBlock.imports(*symbols)
    np.testing.assert_array_equal(imported(X).asnumpy(), net(X).asnumpy())


@pytest.mark.parametrize("name", ["resnet50_v2", "mobilenet"])
def test_report_74_other_nets_are_trained_kept_and_used(name, picture_folders, tmp_path):
    images = hotdog_ft.load_image_folders(picture_folders())
    net = hotdog_ft.finetune_net(drawn(MAKE[name]()), 2)
    options = {"size": 32, "batch_size": 6, "checkpoint": tmp_path / "net.checkpoint"}
    history = hotdog_ft.fine_tune(net, *images, num_epochs=1, **options)
    assert len(history.loss) == 1 and np.isfinite(history.loss).all()
    hotdog_ft.fine_tune(net, *images, num_epochs=1, **options)  # as it was left: nothing to do
    hotdog_ft.save_net(net, tmp_path / "net.safetensors")
    (tmp_path / "1.png").write_bytes(GOOD["plain.png"][0])
    ours, theirs = (
        hotdog_ft.predict(n, tmp_path / "1.png")
        for n in (net, hotdog_ft.load_net(tmp_path / "net.safetensors"))
    )
    assert ours.equals(theirs) and ours["label"][0] in ("a", "b")


def test_report_74_a_net_without_stages_says_so_when_its_last_is_to_be_trained():
    settings = Settings(trained="last stage", num_epochs=1)
    for source, words in ((MAKE["mobilenet"](), "MobileNet"), (Bare(), "Bare")):
        net = hotdog_ft.finetune_net(drawn(source), 2)
        with pytest.raises(ValueError, match=f"features of this {words} have no stages to train"):
            train_on(net, some_batches([4]), settings)


class Bare(gluon.HybridBlock):
    """A classifier whose features are a single layer."""

    def __init__(self):
        super().__init__()
        with self.name_scope():
            self.features, self.output = nn.Conv2D(4, 32), nn.Dense(5)

    def hybrid_forward(self, F, x):
        return self.output(self.features(x))


class Own(gluon.HybridBlock):
    """Somebody's own classifier, with layers that hold functions and numbers of their own."""

    def __init__(self, neck=False, output=None):
        super().__init__()
        with self.name_scope():
            self.features = nn.HybridSequential()
            self.features.add(nn.Conv2D(4, 3), nn.BatchNorm(), nn.PReLU())
            self.features.add(nn.HybridLambda(lambda F, x: F.relu(x)), nn.GlobalAvgPool2D())
            self.neck = nn.Dense(3) if neck else None
            self.output = output or nn.Dense(5)

    def hybrid_forward(self, F, x):
        x = self.features(x)
        return self.output(self.neck(x) if self.neck else x)


def test_report_74_somebodys_own_net_in_the_midst_of_training_is_copied_and_left_alone():
    source = drawn(Own())
    source.hybridize()
    X = nd.random.normal(shape=(4, 3, 32, 32))
    trainer = gluon.Trainer(source.collect_params(), "sgd", {"momentum": 0.9})
    with mx.autograd.record():
        source(X).sum().backward()
    trainer.step(4)
    hotdog_ft.freeze(source.features)(X)
    source.classes, source.size = list("abcde"), 32
    before = values(source)
    net = hotdog_ft.finetune_net(source, 2)
    np.testing.assert_array_equal(net.features(X).asnumpy(), source.features(X).asnumpy())
    assert not hasattr(net, "classes")  # those are the source's
    train_on(net, some_batches([4]), Settings(learning_rate=0.1, num_epochs=1))
    for name, value in values(source).items():
        np.testing.assert_array_equal(value, before[name])
        assert not np.array_equal(values(net)[name], value)


def test_report_54_a_net_that_cannot_be_built_again_is_not_saved(tmp_path):
    class Wider(resnet.ResNetV1):  # its name and shapes tell nothing of what else it does
        pass

    other = Wider(resnet.BasicBlockV1, [1, 1], [4, 4, 6], classes=2)
    for net in (drawn(Own()), drawn(other), drawn(vision.MobileNet(0.3, classes=2))):
        kind = type(net).__name__
        with pytest.raises(ValueError, match=rf"this {kind} is none of them.*net\.export"):
            hotdog_ft.save_net(net, tmp_path / "net.safetensors", ["a", "b"], 32)
    assert not list(tmp_path.iterdir())


def test_report_54_a_twin_of_a_net_that_was_never_used_knows_its_shapes():
    net = hotdog_ft.scratch_net(vision.mobilenet0_25(), 2)
    assert repr(net.output) == "Dense(256 -> 2, linear)"
    with pytest.raises(ValueError, match=r"has no values to begin with .*has not been initialized"):
        hotdog_ft.finetune_net(vision.mobilenet0_25(), 2)
    with pytest.raises(ValueError, match="does not take pictures of 224 pixels: run it once"):
        hotdog_ft.scratch_net(vision.inception_v3(), 2)


class Plain(gluon.Block):
    def __init__(self):
        super().__init__()
        self.features, self.output = nn.HybridSequential(), nn.Dense(2)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: vision.mobilenet_v2_0_25(), "MobileNetV2 has a HybridSequential as `output`"),
        (lambda: vision.squeezenet1_1(), "SqueezeNet has a HybridSequential as `output`"),
        (lambda: nn.HybridSequential(), "HybridSequential has no `features`"),
        (lambda: Own(neck=True), r"Own has parameters outside of both \(neck\.weight\)"),
        (Plain, "Plain is no HybridBlock"),
        (lambda: "net.params", "str is no HybridBlock"),
    ],
)
def test_report_74_a_net_of_another_make_is_refused_in_words(make, words):
    for new_net in (hotdog_ft.finetune_net, hotdog_ft.scratch_net):
        with pytest.raises(ValueError, match=f"A source net needs `features`.*{words}"):
            new_net(make(), 2)


@pytest.mark.parametrize("number", [0, -1, 2.5, "2", None])
def test_a_number_of_classes_that_is_none_is_refused(number, source_net):
    with pytest.raises(ValueError, match=r"num_classes is .*: it must be a whole number"):
        hotdog_ft.finetune_net(source_net, number)


def test_a_net_of_half_precision_is_kept_exactly(tmp_path):
    source = drawn(MAKE["thumbnails"]())
    source.cast("float16")
    hotdog_ft.save_net(source, tmp_path / "n.safetensors", [str(i) for i in range(1000)], 32)
    for net in (hotdog_ft.finetune_net(source, 2), hotdog_ft.load_net(tmp_path / "n.safetensors")):
        for name, value in values(net.features).items():
            assert value.dtype == "float32"
            np.testing.assert_array_equal(value, values(source.features)[name])


def test_report_48_a_home_folder_is_one(source_net, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    hotdog_ft.save_net(source_net, "~/net.safetensors", list("abcde"), 32)
    assert [path.name for path in tmp_path.iterdir()] == ["net.safetensors"]
    assert hotdog_ft.load_net("~/net.safetensors").size == 32
    with pytest.raises(DataError, match=f"There is no {tmp_path}/other"):
        hotdog_ft.load_net("~/other")
