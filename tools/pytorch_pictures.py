"""Pictures on the GPU for `weigh_in_pytorch`: decoded once, cut and changed there."""

import io
import math
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
MEAN = torch.tensor([0.485, 0.456, 0.406], device=DEVICE).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225], device=DEVICE).view(3, 1, 1)
GREY = torch.tensor([0.299, 0.587, 0.114], device=DEVICE).view(3, 1, 1)


def decoded(folder):
    """All pictures in one array with black margins, their heights and widths, labels."""
    coded, labels = pickle.loads((folder / "pictures.pickle").read_bytes())
    with ThreadPoolExecutor() as pool:
        opened = pool.map(lambda code: Image.open(io.BytesIO(code)).convert("RGB"), coded)
        pictures = [np.asarray(picture) for picture in opened]
    sizes = np.array([p.shape[:2] for p in pictures])
    canvas = torch.zeros((len(pictures), *sizes.max(axis=0), 3), dtype=torch.uint8)
    for place, picture in enumerate(pictures):
        canvas[place, : picture.shape[0], : picture.shape[1]] = torch.from_numpy(picture.copy())
    return canvas.share_memory_(), torch.tensor(sizes).float(), torch.tensor(labels).long()


def crop_box(rows, columns, rng, least):
    """Left, top, width, height, drawn as by `hotdog_ft.augment.random_crop_box`."""
    for _ in range(10):
        area = rng.uniform(least, 1) * rows * columns
        ratio = math.exp(rng.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 1 <= w <= columns and 1 <= h <= rows:
            return rng.integers(columns - w + 1), rng.integers(rows - h + 1), w, h
    side = min(rows, columns)
    return (columns - side) // 2, (rows - side) // 2, side, side


class Pictures:
    """All pictures; `which` are indices on the GPU."""

    def __init__(self, data):
        self.canvas, self.sizes, self.labels = (part.to(DEVICE) for part in data)

    def cut(self, which, boxes, side, angle=None, shear=None, over=2):
        """Boxes (n, 4) of left, top, width, height in pixels as (n, 3, side, side), 0 to 1.

        Sampled `over` times as densely and averaged, as Pillow does where it makes smaller.
        """
        steps = (torch.arange(side * over, device=DEVICE) + 0.5) / (side * over) - 0.5
        v, u = torch.meshgrid(steps, steps, indexing="ij")
        u, v = u.expand(len(which), -1, -1), v.expand(len(which), -1, -1)
        if angle is not None:
            cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
            u, v = u + shear[:, 0, None, None] * v, v + shear[:, 1, None, None] * u
            u, v = cos * u - sin * v, sin * u + cos * v
        left, top, width, height = (c[:, None, None] for c in boxes.T)
        rows, columns = (c[:, None, None] for c in self.sizes[which].T)
        x = torch.minimum((left + (u + 0.5) * width - 0.5).clamp(min=0), columns - 1)
        y = torch.minimum((top + (v + 0.5) * height - 0.5).clamp(min=0), rows - 1)
        high, wide = self.canvas.shape[1:3]
        grid = torch.stack(((2 * x + 1) / wide - 1, (2 * y + 1) / high - 1), dim=-1)
        canvas = self.canvas[which].permute(0, 3, 1, 2).float() / 255
        cut = F.grid_sample(canvas, grid, align_corners=False, padding_mode="border")
        return F.avg_pool2d(cut, over).contiguous(memory_format=torch.channels_last)

    def view(self, which, whole, side):
        """What `TestAugs` gives: the centre of the picture resized to whole × whole."""
        rows, columns = self.sizes[which].T
        share, margin = side / whole, (whole - side) // 2 / whole
        boxes = torch.stack((columns * margin, rows * margin, columns * share, rows * share), dim=1)
        return (self.cut(which, boxes, side) - MEAN) / STD

    def crops(self, which, settings, rng):
        """What `TrainAugs` gives, and what an idea adds."""
        n = len(which)

        def draw(*shape):
            return torch.tensor(rng.random(shape), device=DEVICE, dtype=torch.float32)

        angle = shear = None
        kinds = torch.tensor(rng.integers(10, size=(max(settings["ops"], 1), n)), device=DEVICE)
        strength = (2 * draw(*kinds.shape) - 1) * settings["magnitude"]
        if settings["ops"]:
            angle = (strength * (kinds == 1)).sum(0) * math.pi / 6
            shear = torch.stack([(strength * (kinds == k)).sum(0) * 0.3 for k in (2, 3)], dim=1)
        sizes = self.sizes[which].tolist()
        boxes = [crop_box(*size, rng, settings["crop"]) for size in sizes]
        boxes = torch.tensor(boxes, device=DEVICE, dtype=torch.float32)
        x = self.cut(which, boxes, settings["size"], angle, shear)
        for kind, power in zip(kinds, strength) if settings["ops"] else ():
            x = coloured(x, *(column(1 + 0.9 * power * (kind == k)) for k in (4, 5, 6)))
            step = 2 ** (4 * column(power).abs())
            x = torch.where(column(kind == 7), (x * 255 / step).floor() * step / 255, x)
            low, high = x.amin((2, 3), True), x.amax((2, 3), True)
            x = torch.where(column(kind == 8), (x - low) / (high - low + 1e-3), x)
            x = torch.where(column(kind == 9) & (x > 1 - column(power).abs()), 1 - x, x)
        if settings["colour"]:
            x = coloured(x, *(column(1 + settings["colour"] * (2 * draw(n) - 1)) for _ in range(3)))
        x = (x - MEAN) / STD
        if settings["erase"]:
            here = torch.arange(settings["size"], device=DEVICE) / settings["size"]
            side, at = 0.15 + 0.35 * draw(n, 1), draw(n, 2)
            spans = [((here - at[:, k : k + 1] * (1 - side)) / side) for k in (0, 1)]
            inside = [(span >= 0) & (span < 1) for span in spans]
            hole = inside[0][:, None, :, None] & inside[1][:, None, None, :]
            x = torch.where(hole & column(draw(n) < settings["erase"]), torch.zeros_like(x), x)
        return torch.where(column(draw(n) < 0.5), x.flip(3), x)


def column(values):
    return values.view(-1, 1, 1, 1)


def coloured(x, brightness, contrast, saturation):
    x = (x * brightness).clamp(0, 1)
    mean = (x * GREY).sum(1, True).mean((2, 3), True)
    x = (mean + (x - mean) * contrast).clamp(0, 1)
    grey = (x * GREY).sum(1, True)
    return (grey + (x - grey) * saturation).clamp(0, 1)
