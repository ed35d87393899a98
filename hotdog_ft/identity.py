"""What a run is a run of: settings, pictures, source net and method, and where two runs differ."""

from dataclasses import asdict

from .data import content_sha256
from .model import arrays_sha256, fingerprint
from .mxnet_internals import parameters
from .settings import METHOD


def data_identity(train_imgs, test_imgs):
    """Hashes of both data sets' content, and the class names in their order (None if there are none)."""
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
    """What `source_sha256` gives for a net that holds these arrays (a dict by parameters' names)."""
    part = "features."
    if any(name.startswith(part) for name in tensors):
        tensors = {n[len(part) :]: a for n, a in tensors.items() if n.startswith(part)}
    return arrays_sha256(sorted(tensors.items()))


def differences(found, wanted):
    """What is different about the run `found`, in words; an empty list where it is the one `wanted`."""
    words = []
    for name, value in wanted.items():
        there = found.get(name)
        if name == "settings":
            old = there or {}
            words += [
                f"{key} {_plain(old.get(key))} instead of {_plain(value[key])}"
                for key in value
                if _plain(old.get(key)) != _plain(value[key])
            ]
        elif there != value:
            if name == "classes" and there and value and sorted(there) != sorted(value):
                words.append(f"its classes are {', '.join(there)} instead of {', '.join(value)}")
            elif name == "classes":
                words.append("its classes are in another order")
            elif name == "method":
                words.append(f"it was made by method {there} instead of {value}")
            else:
                words.append(f"its {name} {'is another' if name == 'source net' else 'are others'}")
    return words


def _plain(value):
    return list(value) if isinstance(value, tuple) else value
