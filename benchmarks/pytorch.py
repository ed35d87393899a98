"""The contender PyTorch, by torchvision; arguments: "channels-last", and a precision."""

import sys
from pathlib import Path

import numpy as np
import torch
from serve import KIND, precision_tasks, serve
from torch.ao.quantization import get_default_qconfig_mapping
from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx
from torch.library import define
from torch.utils.data import DataLoader, Subset

try:
    import torchvision  # noqa: F401
except (
    RuntimeError
):  # PyTorch's build for CPUs lacks two operators of torchvision's wheel; none is used here
    for name in ("nms", "qnms"):
        define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float threshold) -> Tensor")
from torchvision import datasets, transforms
from torchvision.models import resnet18

FORMAT = torch.channels_last if "channels-last" in sys.argv else torch.contiguous_format
normalize = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
AUGS = {
    "train": transforms.Compose(
        [
            transforms.RandomResizedCrop(224),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            normalize,
        ]
    ),
    "test": transforms.Compose(
        [
            transforms.Resize((256, 256)),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            normalize,
        ]
    ),
}


def new_net():
    net = resnet18(num_classes=2).to(memory_format=FORMAT)
    return net, torch.optim.SGD(net.parameters(), lr=1e-4, weight_decay=0.001)


def autocast():
    return torch.autocast("cpu", torch.bfloat16, enabled=KIND == "bfloat16")


def step(net, optimizer, X, y):
    with autocast():
        loss = torch.nn.functional.cross_entropy(net(X.to(memory_format=FORMAT)), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def train(batch_size):
    net, optimizer = new_net()
    X, y = torch.randn(batch_size, 3, 224, 224), torch.randint(0, 2, (batch_size,))

    def once():
        step(net, optimizer, X, y)
        return batch_size

    once()
    return once


def predict(batch_size):
    net = new_net()[0].eval()
    X = torch.randn(batch_size, 3, 224, 224).to(memory_format=FORMAT)

    def once():
        with torch.inference_mode():
            return len(net(X).numpy())

    once()
    return once


def batches(kind, folder, count, batch_size):
    images = datasets.ImageFolder(Path(folder) / "train", AUGS[kind])
    order = torch.randperm(len(images))[:count].tolist()
    return DataLoader(Subset(images, order), batch_size, shuffle=kind == "train", num_workers=2)


def load(kind, folder, count, epoch):
    data_iter = batches(kind, folder, count, 32)

    def once():
        return sum(len(y) for _, y in data_iter)

    return once


def epoch(folder, count, batch_size):
    net, optimizer = new_net()
    data_iter = batches("train", folder, count, batch_size)
    step(
        net,
        optimizer,
        torch.zeros(batch_size, 3, 224, 224),
        torch.zeros(batch_size, dtype=torch.long),
    )

    def once():
        seen = 0
        for X, y in data_iter:
            step(net, optimizer, X, y)
            seen += len(y)
        return seen

    return once


def forward(folder, seen):
    """float32, bfloat16 by autocast, or int8 by torch.ao, in its FX mode."""
    net = resnet18().eval()
    with np.load(folder / "torch.npz") as arrays:
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    left = net.load_state_dict(tensors, strict=False)
    assert all("num_batches_tracked" in name for name in left.missing_keys)
    net = net.to(memory_format=torch.channels_last)
    if KIND == "int8":
        torch.backends.quantized.engine = "x86"
        net = prepare_fx(net, get_default_qconfig_mapping("x86"), (torch.from_numpy(seen[:1]),))
        net(torch.from_numpy(seen))
        net = convert_fx(net)

    def run(X):
        with torch.inference_mode(), autocast():
            X = torch.from_numpy(X).to(memory_format=torch.channels_last)
            return net(X).float().numpy()

    return run


def matrix(side):
    a, b = torch.randn(2, side, side)

    def once():
        a @ b
        return 2 * side**3

    once()
    return once


if __name__ == "__main__":
    tasks = {"train": train, "predict": predict, "load": load, "epoch": epoch, "matrix": matrix}
    serve({**tasks, **precision_tasks(forward)})
