"""What a dressing shows, hides and finds: the probe on pictures for masks it has not seen.

Importing this loads PyTorch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ...core.measures.hidden import HiddenProbe, dice, probe_hidden
from ...core.spectral.lowpass import energy_share, lowpass
from ..card import Figures
from ..dressing.guard import guarded
from ..dressing.masks import seen_by_network
from .dressing import Dressing
from .images import Plane

_PICTURES = 8
_SIDE = 192
_FIRST = 1 << 31  # number of the first mask: beyond those of any training
_ENERGY = 0.5  # cutoff, in units of Nyquist, that the energy above is measured at
_DIFFERS = 1.5  # factor by which the covered shares may differ


def dressing_figures(
    task: Dressing, net: Any, real: Sequence[Plane]
) -> tuple[tuple[Figures, ...], tuple[str, ...]]:
    """Figures of a dressing on masks of its own, and sentences on how to read them.

    ``real``: held-out planes, in grey levels.
    """
    probes, visible, signs = [], [], []
    for n in range(_PICTURES):
        labels, picture, found = example(task, net, n)
        probe = probe_hidden(picture, labels, noise=task.law, found=found > 0, cutoff=_ENERGY)
        seen = np.isin(labels, probe.numbers[~probe.unseen])
        visible.append(dice(seen, found > 0))
        signs.append(_sign(picture, labels))
        probes.append(probe)
    covered = float(np.mean([_covered(net, plane, task) for plane in real]))
    masks, energy = task.drawn.covered, float(np.mean([_energy(plane) for plane in real]))
    rows = (
        Figures(
            method="pictures for new masks",
            values={
                "objects": float(sum(p.numbers.size for p in probes)),
                "unseen (%)": 100 * _mean(probes, "unseen_share"),
                "unseen, yet found (%)": 100 * _mean(probes, "hidden_share"),
                "contrast, 5th percentile": float(np.nanmean([p.percentile(5) for p in probes])),
                "contrast, median": float(np.nanmean([p.percentile(50) for p in probes])),
                "Dice of seen objects and cycled mask": float(np.nanmean(visible)),
                "energy above half of Nyquist (%)": 100 * _mean(probes, "energy"),
                "covered by masks (%)": 100 * masks,
                "bright inside (1) or dark (-1)": float(np.sign(np.mean(signs))),
            },
        ),
        Figures(
            method="real images",
            values={
                "energy above half of Nyquist (%)": 100 * energy,
                "covered by their masks (%)": 100 * covered,
            },
        ),
    )
    return rows, _remarks(probes, covered, masks, float(np.mean(signs)))


def example(task: Dressing, net: Any, n: int) -> tuple[Plane, Plane, Plane]:
    """Labels that were never trained on, the guarded picture of them, and its mask."""
    specimen = task.drawn.specimen(_FIRST + n, _SIDE)
    labels = np.asarray(specimen.labels).reshape(_SIDE, _SIDE)
    with torch.inference_mode():
        given = torch.from_numpy(seen_by_network(labels))[None, None]
        noise = torch.randn(given.shape, generator=torch.Generator().manual_seed(n))
        shown = guarded(net.pictures(given), task.shape, noise)
        found = net.masks(shown)
    scale, shift = np.float32(task.normal.std), np.float32(task.normal.mean)
    return labels, shown[0, 0].numpy() * scale + shift, found[0, 0].numpy()


def _remarks(
    probes: list[HiddenProbe], covered: float, masks: float, sign: float
) -> tuple[str, ...]:
    said = [
        "An object is unseen if it stands out by less than the noise of the real images; one "
        "that is found all the same is known from a hidden signal."
    ]
    if _mean(probes, "hidden_share") > 0.02:
        said.append(
            "These pictures hide objects: lower the cutoff, or raise the noise, and train again."
        )
    if sign < 0:
        said.append("Objects are darker than the background: was that so in the real images?")
    if max(covered, 1e-3) / max(masks, 1e-3) > _DIFFERS or masks / max(covered, 1e-3) > _DIFFERS:
        said.append(
            f"The masks cover {masks:.0%} of a picture, but {covered:.0%} of the real images are "
            "taken for objects. Where these differ, a dressing must hide objects or invent them: "
            "fit the specimen to labels or counts (--like, --count)."
        )
    return tuple(said)


def _covered(net: Any, plane: Plane, task: Dressing) -> float:
    height, width = (n // 4 * 4 for n in plane.shape)
    unit = (plane[:height, :width] - np.float32(task.normal.mean)) / np.float32(task.normal.std)
    with torch.inference_mode():
        return float((net.masks(torch.from_numpy(unit)[None, None]) > 0).float().mean())


def _sign(picture: Plane, labels: Plane) -> float:
    """Above 0 if objects are brighter than what is around them."""
    inside = labels > 0
    return float(picture[inside].mean() - picture[~inside].mean()) if inside.any() else 0.0


def _energy(plane: Plane) -> float:
    return energy_share(plane, plane - lowpass(plane, _ENERGY))


def _mean(probes: list[HiddenProbe], name: str) -> float:
    return float(np.nanmean([getattr(probe, name) for probe in probes]))
