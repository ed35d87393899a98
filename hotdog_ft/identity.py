"""What a run is a run of: settings, pictures, source net and method, and where two runs differ."""

import hashlib
import json
from dataclasses import asdict

from .data import content_sha256
from .labels import class_names
from .mxnet_internals import arrays_of, parameters
from .settings import METHOD, Settings


def data_identity(train_imgs, test_imgs):
    """Hashes of both data sets' content, and the class names in order; None for nothing."""
    classes = class_names(train_imgs)
    return {
        "classes": classes and list(map(str, classes)),
        "training pictures": content_sha256(train_imgs),
        "test pictures": None if test_imgs is None else content_sha256(test_imgs),
    }


def study_identity(recipe):
    """The identity of all runs of a recipe's pictures and source net."""
    source_sha256 = fingerprint(recipe.load_pretrained_net())
    return {"method": METHOD, **data_identity(*recipe.load_data()), "source net": source_sha256}


def run_identity(net, train_imgs, test_imgs, settings, valid_imgs=None, augmentations=None):
    """The identity of a training run, as a dictionary for JSON.

    Parameters
    ----------
    net : HybridBlock
        The net before its first update.
    valid_imgs : ImageFolder, optional
        Validation pictures that are no part of `train_imgs`.
    augmentations : str, optional
        Hash of what the run's own augmentations give, from `check_augs`.
    """
    identity = {
        "method": METHOD,
        **data_identity(train_imgs, test_imgs),
        "source net": start_sha256(arrays_of(net), settings.probe_steps),
        "layers": _layers_sha256(net),
        "settings": asdict(settings),
    }
    if valid_imgs is not None:  # most runs have none: older checkpoints say nothing of it
        identity["validation pictures"] = content_sha256(valid_imgs)
    if augmentations is not None:
        identity["augmentations"] = augmentations
    return identity


def start_sha256(arrays, probe_steps):
    """Hash of the arrays that a run starts from.

    Where the probe trains `output`, what `output` holds before is no part of it.
    """
    if probe_steps:
        arrays = {name: a for name, a in arrays.items() if not name.startswith("output.")}
    return arrays_sha256(arrays)


def _layers_sha256(net):
    """Hash of what the layers are, and of what somebody set on them: frozen, other rates."""
    set_by_hand = {
        # the settings decide about the rate of `output`
        name: (1 if name.startswith("output.") else p.lr_mult, p.wd_mult, p.grad_req)
        for name, p in parameters(net).items()
    }
    return hashlib.sha256(f"{net}\n{set_by_hand}".encode()).hexdigest()


def differences(found, wanted):
    """What is different about the run `found`, in words; empty where it is the one `wanted`."""
    words = []
    for name in {**wanted, **found}:
        there, value = found.get(name), wanted.get(name)
        if name == "settings":
            words += _other_settings(there or {}, value)
        elif there == value:
            continue
        elif name == "method":
            words.append(f"it was made by method {there} instead of {value}")
        elif name == "classes":
            words.append(f"its classes are {_listed(there)} instead of {_listed(value)}")
        elif name == "source net":
            words.append("its source net is another")
        elif name == "layers":
            words.append("its layers are others, or were frozen or scaled by hand in another way")
        elif found.get("classes") == wanted["classes"]:  # a set of other classes is another anyway
            words.append(f"its {name} are others")
    return words


def _listed(classes):
    return ", ".join(classes) if classes else "without names"


def _other_settings(found, wanted):
    found = {**asdict(Settings()), **found}  # older runs know nothing of newer settings
    found, wanted = json.loads(json.dumps([found, wanted]))  # lists for tuples in both
    return [
        f"{name} {found.get(name)} instead of {wanted.get(name)}"
        for name in {**wanted, **found}
        if found.get(name) != wanted.get(name)
    ]


def fingerprint(block):
    """Hash of every array in a part of a net, running statistics included."""
    return arrays_sha256(arrays_of(block))


def arrays_sha256(arrays):
    """Hash of a dictionary of arrays with their names."""
    total = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        total.update(name.encode() + array.tobytes())
    return total.hexdigest()
