"""What a run is a run of: settings, pictures, source net and method, and where two runs differ."""

from dataclasses import asdict

from .data import content_sha256
from .model import arrays_sha256, fingerprint
from .mxnet_internals import parameters
from .settings import METHOD


def data_identity(train_imgs, test_imgs):
    """Hashes of both data sets' content, and the class names in order (None if there are none)."""
    return {
        "classes": getattr(train_imgs, "classes", None),
        "training pictures": content_sha256(train_imgs),
        "test pictures": content_sha256(test_imgs),
    }


def run_identity(net, train_imgs, test_imgs, settings):
    """The identity of a training run, as a dictionary for JSON.

    Parameters
    ----------
    net : HybridBlock
        The net before its first update. Of a net with `features` and `output` the source net is
        what `features` hold; of any other it is the whole net.
    """
    other_rates = {
        name: [p.lr_mult, p.wd_mult, p.grad_req]
        for name, p in parameters(net).items()
        if not name.startswith("output.")
        and (p.lr_mult, p.wd_mult, p.grad_req) != (1.0, 1.0, "write")
        and not name.endswith(("running_mean", "running_var"))
    }
    return {
        "method": METHOD,
        **data_identity(train_imgs, test_imgs),
        "source net": source_sha256(net),
        "frozen parts and rates of layers": other_rates,
        "settings": asdict(settings),
    }


def source_sha256(net):
    """Hash of what a run starts from: `features`, or a whole net that has none."""
    return fingerprint(net.features if hasattr(net, "features") else net)


def source_sha256_of(tensors):
    """What `source_sha256` gives for a net that holds these arrays, a dict by their names."""
    part = "features."
    if any(name.startswith(part) for name in tensors):
        tensors = {n[len(part) :]: a for n, a in tensors.items() if n.startswith(part)}
    return arrays_sha256(sorted(tensors.items()))


def differences(found, wanted):
    """What is different about the run `found`, in words; empty where it is the one `wanted`."""
    words = []
    for name, value in wanted.items():
        there = found.get(name)
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
        elif found.get("classes") == wanted["classes"]:  # a set of other classes is another anyway
            words.append(f"its {name} are others")
    return words


def _listed(classes):
    return ", ".join(classes) if classes else "without names"


def _other_settings(found, wanted):
    def plain(value):
        return list(value) if isinstance(value, tuple) else value  # as JSON has it

    return [
        f"{name} {plain(found.get(name))} instead of {plain(value)}"
        for name, value in wanted.items()
        if plain(found.get(name)) != plain(value)
    ]
