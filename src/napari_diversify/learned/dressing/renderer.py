"""A dressing as renderer of specimens: they look like the images that it was trained on."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.blocks import Region, region_shape
from ...synthetic.specimen import Specimen
from .model import DressingModel

Compute = Callable[[Region], npt.NDArray[np.uint16]]

_KEPT = 4  # planes
_HIGHEST = 65535


def rendering(model: str, specimen: Specimen, seed: int) -> tuple[Compute, str]:
    """As :mod:`napari_diversify.synthetic.renderers` asks for it: plane by plane."""
    dressing = DressingModel(model)
    doubts = dressing.card.doubts(specimen.spacing, dressing.card.trained.levels)
    labels = specimen.labels

    @lru_cache(maxsize=_KEPT)
    def plane(z: int) -> npt.NDArray[np.uint16]:
        objects = labels[z] if len(labels.shape) == 3 else labels[:]
        return as_grey(dressing.picture(objects, seed, z))

    def compute(region: Region) -> npt.NDArray[np.uint16]:
        *lead, rows, columns = region
        out = np.empty(region_shape(region), np.uint16)
        part: Any = np.ix_(rows, columns)
        for n, z in enumerate(lead[0] if lead else range(1)):
            out[(n,) if lead else ...] = plane(z)[part]
        return out

    return compute, "; ".join(f"{doubt[0].upper()}{doubt[1:]}." for doubt in doubts)


def as_grey(picture: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """Whole grey levels, as files hold them."""
    return np.rint(np.clip(picture, 0, _HIGHEST)).astype(np.uint16)
