"""Write the logits that PyTorch's own ResNet-18 gives for torchvision_logits.json.

    python tests/make_torch_fixture.py    # where torch and torchvision are installed

Parameters and pictures come from `numpy.random`, so that only the logits need to be kept.
"""

import json
from pathlib import Path

import numpy as np

FIXTURE = Path(__file__).with_name("torchvision_logits.json")


def tensors_like(shapes):
    """Parameters in the given shapes: normal weights, positive variances, gains near one."""
    rng = np.random.default_rng(18)
    tensors = {}
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            tensors[name] = np.array(1)
        elif name.endswith("running_var") or (len(shape) == 1 and name.endswith("weight")):
            tensors[name] = rng.uniform(0.5, 1.5, shape).astype("float32")
        else:
            scale = np.sqrt(2 / np.prod(shape[1:])) if len(shape) > 1 else 0.1
            tensors[name] = rng.normal(0, scale, shape).astype("float32")
    return tensors


def pictures():
    return np.random.default_rng(19).normal(size=(2, 3, 96, 96)).astype("float32")


def torch_logits():
    """Shapes by name, and logits (2, 10), of torchvision's ResNet-18 with these parameters."""
    import torch
    from torchvision.models import resnet18

    net = resnet18(num_classes=10).eval()
    shapes = {name: list(tensor.shape) for name, tensor in net.state_dict().items()}
    net.load_state_dict(
        {name: torch.from_numpy(tensor) for name, tensor in tensors_like(shapes).items()}
    )
    with torch.no_grad():
        return shapes, net(torch.from_numpy(pictures())).numpy()


if __name__ == "__main__":
    import torch
    import torchvision

    shapes, logits = torch_logits()
    FIXTURE.write_text(
        json.dumps(
            {
                "torch": torch.__version__,
                "torchvision": torchvision.__version__,
                "shapes": shapes,
                "logits": logits.tolist(),
            }
        )
        + "\n"
    )
