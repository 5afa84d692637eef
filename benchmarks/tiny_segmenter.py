"""A small 2D U-Net that segments nuclei: trained in half a minute on one core.

It says of each pixel whether it is foreground, and whether it lies inside an object, away from
others and the border; a watershed of the second from its maxima divides the first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy
import skimage
import torch
from torch import nn

Image: TypeAlias = npt.NDArray[np.float32]
Labels: TypeAlias = npt.NDArray[Any]
Maps: TypeAlias = npt.NDArray[np.float32]
#: A crop with its number, of which no other crop of the training has the same: the crop seen.
Augment: TypeAlias = Callable[[Image, int], Image]

WIDTHS = (11, 22, 44)
CROP, BATCH = 96, 4
SMALLEST = 30  # pixels of an object


class Net(nn.Module):
    """A U-Net with batch normalisation: (N, 1, Y, X) to (N, 2, Y, X), sides multiples of 4."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(map(_pair, (1, *WIDTHS), WIDTHS))
        self.up = nn.ModuleList(
            _pair(low + high, high) for high, low in zip(WIDTHS, WIDTHS[1:], strict=False)
        )
        self.out = nn.Conv2d(WIDTHS[0], 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept = []
        for level, block in enumerate(self.down):
            x = block(nn.functional.max_pool2d(x, 2) if level else x)
            kept.append(x)
        kept.pop()
        for level in reversed(range(len(kept))):
            x = nn.functional.interpolate(x, scale_factor=2, mode="nearest")
            x = self.up[level](torch.cat([x, kept[level]], 1))
        return self.out(x)


def _pair(before: int, after: int) -> nn.Sequential:
    def one(n: int) -> list[nn.Module]:
        return [nn.Conv2d(n, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]

    return nn.Sequential(*one(before), *one(after))


def levels(image: Image) -> tuple[float, float]:
    """The grey levels that become 0 and 1 for the network."""
    low, high = np.percentile(image, (1, 99.8))
    return float(low), float(max(high, low + 1e-6))


def targets(labels: Labels) -> Maps:
    """Foreground, and inside: where all of 5 x 5 pixels belong to one object; (2, Y, X)."""
    least, most = (f(labels, size=5) for f in (scipy.ndimage.minimum_filter, _most))
    return np.stack([labels > 0, (labels > 0) & (least == most)]).astype(np.float32)


_most = scipy.ndimage.maximum_filter


def trained(
    pairs: Sequence[tuple[Image, Labels]], augment: Augment, *, steps: int, seed: int
) -> Net:
    """A network after so many steps; crops and flips depend on the seed alone."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = Net().train()
    known = [(image, targets(labels), levels(image)) for image, labels in pairs]
    adam = torch.optim.Adam(net.parameters())
    cycle = torch.optim.lr_scheduler.OneCycleLR(adam, 5e-3, total_steps=max(steps, 2))
    for step in range(steps):
        seen = [_crop(*known[rng.integers(len(known))], rng) for _ in range(BATCH)]
        x = [
            (augment(crop, BATCH * step + n) - low) / (high - low)
            for n, (crop, _, (low, high)) in enumerate(seen)
        ]
        wanted = torch.from_numpy(np.stack([maps for _, maps, _ in seen]))
        out = net(torch.from_numpy(np.stack(x)[:, None].astype(np.float32)))
        loss = nn.functional.binary_cross_entropy_with_logits(out, wanted)
        adam.zero_grad()
        loss.backward()
        adam.step()
        cycle.step()
    return net.eval()


def _crop(
    image: Image, maps: Maps, known: tuple[float, float], rng: np.random.Generator
) -> tuple[Image, Maps, tuple[float, float]]:
    y, x = (rng.integers(size - CROP + 1) for size in image.shape)
    turns, mirrored = rng.integers(4), rng.integers(2)

    def cut(whole: Any) -> Any:
        part = np.rot90(whole[..., y : y + CROP, x : x + CROP], turns, (-2, -1))
        return np.ascontiguousarray(part[..., ::-1] if mirrored else part)

    return cut(image), cut(maps), known


def maps_of(net: Net, image: Image) -> Maps:
    """Probabilities of foreground and inside, (2, Y, X), of an image in any grey levels."""
    low, high = levels(image)
    height, width = image.shape
    unit = np.pad((image - low) / (high - low), [(0, -n % 4) for n in image.shape], mode="edge")
    with torch.inference_mode():
        out = torch.sigmoid(net(torch.from_numpy(unit[None, None].astype(np.float32))))
    return out[0, :, :height, :width].numpy()


def labels_of(maps: Maps) -> Labels:
    """Objects: the foreground, divided among the connected parts of the inside."""
    foreground, inside = maps
    seeds, _ = scipy.ndimage.label(inside > 0.5)
    found = skimage.segmentation.watershed(-inside, seeds, mask=foreground > 0.5)
    sizes = np.bincount(found.ravel())
    found[sizes[found] < SMALLEST] = 0
    return found
