"""Synthetic specimens that a dressing draws: masks by their number, and pictures of our renderer.

Mask n is a function of the seed and of n alone, as everything a training sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ...core.noise import seed_for
from ...synthetic.plan import Plan
from ...synthetic.registry import Synthetic
from ...synthetic.specimen import Specimen
from .masks import seen_by_network

_RANGE = 256  # side of the specimen that the grey levels of rendered pictures are measured in
_PERCENTILES = (0.1, 99.9)


class Drawn:
    """Planes of synthetic specimens, each with other objects.

    Parameters
    ----------
    plan : Plan
        Model and number of axes of the specimens; of volumes, one plane is taken.
    spacing : sequence of float
        Pixel size of the planes (y, x), in micrometres.
    side : int
        Of a plane, in pixels.
    seed : int
    """

    def __init__(self, plan: Plan, spacing: Sequence[float], side: int, seed: int) -> None:
        self.plan, self.side = plan, side
        self.spacing = (float(spacing[-2]), float(spacing[-1]))
        self._seed = seed_for(seed, "specimens")

    def specimen(self, number: int, side: int | None = None) -> Specimen:
        """A specimen, of a single plane."""
        side = self.side if side is None else side
        return plane_of(self.plan, number, (side, side), self.spacing, self._seed)

    def labels(self, number: int) -> npt.NDArray[np.uint32]:
        """Numbered objects, (side, side)."""
        return np.asarray(self.specimen(number).labels).reshape(self.side, self.side)

    def mask(self, number: int) -> npt.NDArray[np.float32]:
        """The same as the network sees it."""
        return seen_by_network(self.labels(number))

    def rendered(self, number: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """A mask, and its picture by our renderer, from -1 to 1 for the usual grey levels."""
        specimen = self.specimen(number)
        labels, image = (
            np.asarray(a).reshape(self.side, self.side) for a in (specimen.labels, specimen.image)
        )
        low, high = self._levels
        unit = (image.astype(np.float32) - np.float32(low)) / np.float32((high - low) / 2)
        return seen_by_network(labels), unit - np.float32(1)

    @property
    def diameter(self) -> float:
        """Of a usual object, in pixels."""
        return float(self.plan.model.diameter / np.mean(self.spacing))

    @cached_property
    def covered(self) -> float:
        """Share of a plane that lies inside objects."""
        return float(np.mean([(self.mask(n) > 0).mean() for n in range(32)]))

    @cached_property
    def _levels(self) -> tuple[float, float]:
        image = np.asarray(self.specimen(0, max(_RANGE, self.side)).image)
        low, high = (float(v) for v in np.percentile(image, _PERCENTILES))
        return low, max(high, low + 1)


def plane_of(
    plan: Plan, number: int, shape: Sequence[int], spacing: Sequence[float], seed: int
) -> Specimen:
    """A single plane (y, x) of a specimen like that of a plan, with objects of its own."""
    own = seed_for(seed, str(number)) % 2**32
    deep = plan.ndim == 3
    return replace(
        plan,
        model=section(plan.model).replace(seed=own) if deep else plan.model.replace(seed=own),
        shape=(1, *shape) if deep else tuple(shape),
        spacing=(plan.spacing[0], *spacing[-2:]) if deep else tuple(spacing[-2:]),
    ).specimen()


def section(model: Synthetic) -> Synthetic:
    """What a plane of a volume is drawn by: it meets as many objects as one at any depth.

    A layer of nuclei would lie in a plane that is the only one as it lies in the volume: with as
    many per volume, and hardly any.
    """
    layered: Synthetic = model.replace(layer=0.0) if "layer" in type(model).model_fields else model
    return layered
