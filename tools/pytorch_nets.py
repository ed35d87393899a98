"""The nets of `weigh_in_pytorch`, trained and judged in processes of their own."""

import math
import pickle
import queue
import time

import numpy as np
import torch
import torch.nn.functional as F
from pytorch_pictures import DEVICE, Pictures
from weigh_in_pytorch import FOLDS, MIRRORED_VIEWS, STAGES


class Block(torch.nn.Module):
    def __init__(self, before, channels, stride):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(before, channels, 3, stride, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(channels)
        self.conv2 = torch.nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(channels)
        self.down = None
        if stride > 1 or before != channels:
            conv = torch.nn.Conv2d(before, channels, 1, stride, bias=False)
            self.down = torch.nn.Sequential(conv, torch.nn.BatchNorm2d(channels))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (self.down(x) if self.down else x))


class ResNet18(torch.nn.Module):
    """The order of its parameters is Gluon's."""

    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn = torch.nn.BatchNorm2d(64)
        before = 64
        for name, channels in zip(STAGES, (64, 128, 256, 512)):
            stride = 1 if channels == 64 else 2
            blocks = Block(before, channels, stride), Block(channels, channels, 1)
            setattr(self, name, torch.nn.Sequential(*blocks))
            before = channels
        self.output = torch.nn.Linear(512, 1000)

    def features(self, x):
        x = F.max_pool2d(F.relu(self.bn(self.stem(x))), 3, 2, 1)
        for name in STAGES:
            x = getattr(self, name)(x)
        return x.mean(dim=(2, 3))

    def forward(self, x):
        return self.output(self.features(x))


def source_net(folder):
    arrays = list(pickle.loads((folder / "weights.pickle").read_bytes()).values())
    net = ResNet18()
    ours = [v for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")]
    assert [tuple(v.shape) for v in ours] == [a.shape for a in arrays]
    for tensor, array in zip(ours, arrays):
        tensor.copy_(torch.from_numpy(np.array(array, dtype="float32")))
    return net.to(DEVICE, memory_format=torch.channels_last).eval()


def fit_output(features, labels, seed, decay=1e-4, steps=300):
    torch.manual_seed(seed)
    output = torch.nn.Linear(512, 2).to(DEVICE)
    torch.nn.init.xavier_uniform_(output.weight)
    torch.nn.init.zeros_(output.bias)
    decay *= float((features**2).sum(1).mean())
    adam = torch.optim.Adam(output.parameters(), 0.01, weight_decay=decay, fused=DEVICE == "cuda")
    for _ in range(steps):
        adam.zero_grad()
        F.cross_entropy(output(features), labels).backward()
        adam.step()
    return output


@torch.no_grad()
def margins(net, pictures, which, view):
    """By how much the logit of the right class is above the other, mirrored."""
    found = []
    for part in which.split(100):
        x = pictures.view(part, *MIRRORED_VIEWS[view])
        logits = (net(x) + net(x.flip(3))) / 2
        right = logits.gather(1, pictures.labels[part, None])[:, 0]
        found.append(2 * right - logits.sum(1))
    return torch.cat(found).half().cpu().numpy()


def groups(net, settings):
    """Parameters of each stage, with their rates over the last stage's."""
    parts = [list(net.stem.parameters()) + list(net.bn.parameters())]
    parts += [list(getattr(net, name).parameters()) for name in STAGES]
    chosen = []
    for stage, parameters in enumerate(parts):
        for parameter in parameters:
            parameter.requires_grad_(stage >= settings["from_stage"])
        if stage >= settings["from_stage"]:
            chosen.append({"params": parameters, "times": settings["depth"] ** (4 - stage)})
    return [*chosen, {"params": list(net.output.parameters()), "times": settings["head"]}]


def mixed(x, target, settings, rng):
    """Mixup, CutMix and label smoothing of one mini-batch."""
    for kind in ("mixup", "cutmix"):
        if not settings[kind]:
            continue
        share = rng.beta(settings[kind], settings[kind])
        other = torch.tensor(rng.permutation(len(x)), device=DEVICE)
        if kind == "mixup":
            x = share * x + (1 - share) * x[other]
        else:
            side = int(settings["size"] * math.sqrt(1 - share))
            top, left = rng.integers(settings["size"] - side + 1, size=2)
            hole = slice(None), slice(top, top + side), slice(left, left + side)
            x[(slice(None), *hole)] = x[(other, *hole)]
            share = 1 - (side / settings["size"]) ** 2
        target = share * target + (1 - share) * target[other]
    return x, target * (1 - settings["smoothing"]) + settings["smoothing"] / 2


def loss_of(net, source, x, target, settings):
    features = net.features(x)
    loss = F.cross_entropy(net.output(F.dropout(features, settings["dropout"])), target)
    if settings["source_logits"]:
        with torch.no_grad():
            wanted = F.softmax(source(x) / 2, dim=1)
        answer = F.log_softmax(source.output(features) / 2, dim=1)
        loss = loss + settings["source_logits"] * F.kl_div(answer, wanted, reduction="batchmean")
    return loss


def new_optimizer(parameters, settings):
    if settings["optimizer"] == "sgd":
        return torch.optim.SGD(parameters, 0.0, momentum=0.9)
    return torch.optim.AdamW(parameters, 0.0, weight_decay=0.0, fused=DEVICE == "cuda")


def update(net, source, x, target, optimizer, learning, settings):
    """One step; with a `sharpness`, at the gradient a step uphill (Foret et al. 2021, SAM)."""
    optimizer.zero_grad(set_to_none=True)
    loss_of(net, source, x, target, settings).backward()
    if settings["sharpness"]:
        gradients = [p.grad for p in learning]
        norm = torch.sqrt(sum((g**2).sum() for g in gradients)) + 1e-12
        climbs = [settings["sharpness"] / norm * g for g in gradients]
        with torch.no_grad():
            torch._foreach_add_(learning, climbs)
        optimizer.zero_grad(set_to_none=True)
        loss_of(net, source, x, target, settings).backward()
        with torch.no_grad():
            torch._foreach_sub_(learning, climbs)
    optimizer.step()


def train(net, source, pictures, training, settings, seed):
    """The epochs; what learnt, and its values at the end and of several means along the way."""
    rng = np.random.default_rng(seed)
    optimizer = new_optimizer(groups(net, settings), settings)
    learning = [p for group in optimizer.param_groups for p in group["params"]]
    before = [p.detach().clone() for p in learning]
    total = settings["epochs"] * -(-len(training) // settings["batch"])
    step, average, ends = 0, None, []
    warm = settings["warm_up"] * total
    for _ in range(settings["epochs"]):
        order = training[torch.tensor(rng.permutation(len(training)), device=DEVICE)]
        for which in order.split(settings["batch"]):
            fall = 0.5 * (1 + math.cos(math.pi * max(0, step - warm) / (total - warm)))
            rate = settings["rate"] * (step / warm if step < warm else fall)
            for group in optimizer.param_groups:
                group["lr"] = rate * group["times"]
            x = pictures.crops(which, settings, rng)
            target = F.one_hot(pictures.labels[which], 2).float()
            x, target = mixed(x, target, settings, rng)
            update(net, source, x, target, optimizer, learning, settings)
            with torch.no_grad():
                for parameter, start in zip(learning, before):
                    if settings["decay"] or settings["towards_source"]:
                        parameter.mul_(1 - rate * settings["decay"])
                        parameter.lerp_(start, rate * settings["towards_source"])
                if average is None:
                    average = [p.detach().clone() for p in learning]
                torch._foreach_lerp_(average, learning, 0.02)
            step += 1
        ends.append([p.detach().clone() for p in learning])
    return learning, {
        "end": ends[-1],
        "last three": mean(*ends[-3:]),
        "average": average,
        "half way": mean(before, ends[-1]),
    }


def mean(*nets):
    return [sum(parts) / len(nets) for parts in zip(*nets)]


def fold_of(folder, pictures, settings, seed, fold, kept):
    """Train on four fifths; the margins of the fifth by the probe, the net after, and means."""
    order = np.random.default_rng(0).permutation(len(pictures.labels))
    held_out = np.array_split(order, FOLDS)[fold]
    training = torch.tensor(np.setdiff1d(order, held_out), device=DEVICE)
    held_out = torch.tensor(held_out, device=DEVICE)
    net, source = source_net(folder), source_net(folder)
    view = settings["probe_view"]
    if view not in kept:
        with torch.no_grad():
            parts = torch.arange(len(order), device=DEVICE).split(100)
            views = (pictures.view(part, *MIRRORED_VIEWS[view]) for part in parts)
            kept[view] = torch.cat([source.features(x) for x in views])
    source.requires_grad_(False)
    net.output = fit_output(kept[view][training], pictures.labels[training], seed)
    found = {("probe", v): margins(net, pictures, held_out, v) for v in MIRRORED_VIEWS}
    learning, ends = train(net, source, pictures, training, settings, seed)
    for end, values in ends.items():
        with torch.no_grad():
            for parameter, value in zip(learning, values):
                parameter.copy_(value)
        for v in MIRRORED_VIEWS if end == "last three" else ("288",):
            found[end, v] = margins(net, pictures, held_out, v)
    return found


def work(folder, data, tasks, answers, deadline):
    """Take one task after the other until none is left, or it is late."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    try:
        pictures, kept = Pictures(data), {}
        while time.time() < deadline:
            try:
                name, settings, seed, fold = tasks.get(timeout=2)
            except queue.Empty:
                break
            found = fold_of(folder, pictures, settings, seed, fold, kept)
            answers.put(((name, seed, fold), found))
    finally:
        answers.put(None)  # whatever has happened: somebody waits
