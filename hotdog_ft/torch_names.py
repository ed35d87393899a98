"""Names of tensors in files of PyTorch, by Gluon's, and back in words for errors."""

import re

_NORM = {"weight": "gamma", "bias": "beta"}
# body: conv, bn, relu, conv, bn, and in a bottleneck relu, conv, bn
_PLACES = {
    **{f"conv{n}": f"body.{3 * n - 3}" for n in (1, 2, 3)},
    **{f"bn{n}": f"body.{3 * n - 2}" for n in (1, 2, 3)},
    **{f"downsample.{n}": f"downsample.{n}" for n in (0, 1)},
}
_LAYER = re.compile(rf"layer(\d+)\.(\d+)\.({'|'.join(map(re.escape, _PLACES))})")


def _gluon_name(name):
    """Gluon's name (``resnet18_v1`` …) of a tensor of torchvision's ResNets; others stay."""
    part, _, suffix = name.rpartition(".")
    layer = _LAYER.fullmatch(part)
    if layer:
        stage, block, place = layer.groups()
        found = f"features.{int(stage) + 3}.{block}.{_PLACES[place]}"
    else:
        found = {"conv1": "features.0", "bn1": "features.1", "fc": "output"}.get(part)
    if not found:
        return name
    is_norm = part.rpartition(".")[2].startswith("bn") or part.endswith("downsample.1")
    return f"{found}.{_NORM.get(suffix, suffix) if is_norm else suffix}"


def torch_name(gluon):
    """The other way round: what PyTorch calls a tensor of a ResNet-V1."""
    layer = re.fullmatch(r"features\.(\d+)\.(\d+)\.(\w+\.\d+)\.(\w+)", gluon)
    if layer:
        stage, block, place, suffix = layer.groups()
        torch = {ours: theirs for theirs, ours in _PLACES.items()}.get(place, place)
        part = f"layer{int(stage) - 3}.{block}.{torch}"
    else:
        part, _, suffix = gluon.rpartition(".")
        part = {"features.0": "conv1", "features.1": "bn1", "output": "fc"}.get(part, part)
    return f"{part}.{ {'gamma': 'weight', 'beta': 'bias'}.get(suffix, suffix) }"


def first_convolutions(shapes):
    """The first convolution of every ResNet in a file: 7 x 7 over the three channels of pictures.

    Returns
    -------
    dict of str to str
        Its name by what stands before it, such as ``module.``, or nothing.
    """
    stem = re.compile(r"((?:.*\.)?)(?:conv1|features\.[01])\.weight")
    found = {name: stem.fullmatch(name) for name in shapes if shapes[name][1:] == (3, 7, 7)}
    return {match[1]: name for name, match in found.items() if match}


def gluon_names(shapes):
    """Gluon's names for the tensors of a file, whoever wrote it.

    What stands before all names goes, or before all but the head's; and the only dense layer beside
    ``features`` is ``output``, whatever it is called.

    Parameters
    ----------
    shapes : dict of str to tuple

    Returns
    -------
    dict of str to str
        Name in the file by name in Gluon.
    """
    start = next(iter(first_convolutions(shapes)), "")
    names = {
        _gluon_name(name[len(start) :] if name.startswith(start) else name): name for name in shapes
    }
    if "output.weight" not in names:
        heads = [
            ours.rpartition(".")[0]
            for ours, name in names.items()
            if ours.endswith(".weight") and not ours.startswith("features.")
            if len(shapes[name]) == 2
        ]
        if len(heads) == 1:
            for suffix in ("weight", "bias"):
                if f"{heads[0]}.{suffix}" in names:
                    names[f"output.{suffix}"] = names.pop(f"{heads[0]}.{suffix}")
    return names
