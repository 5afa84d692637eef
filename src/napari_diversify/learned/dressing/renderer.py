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
Labelled = Callable[[Region], npt.NDArray[Any]]

_KEPT = 4  # planes
_HIGHEST = 65535


def rendering(model: str, specimen: Specimen, seed: int) -> tuple[Compute, str, Labelled]:
    """As :mod:`napari_diversify.synthetic.renderers` asks for it: plane by plane.

    What is found in an image is numbered anew. In volumes, where planes are looked at one by one,
    found voxels have the numbers of the objects that they were made for.
    """
    dressing = DressingModel(model)
    doubts = dressing.card.doubts(specimen.spacing, dressing.card.trained.levels)
    labels = specimen.labels

    @lru_cache(maxsize=_KEPT)
    def plane(z: int) -> npt.NDArray[np.uint16]:
        objects = labels[z] if len(labels.shape) == 3 else labels[:]
        return as_grey(dressing.picture(objects, seed, z))

    @lru_cache(maxsize=_KEPT)
    def found(z: int) -> npt.NDArray[Any]:
        if len(labels.shape) == 3:
            return np.where(dressing.mask(plane(z)) > 0, labels[z], 0)
        return dressing.masks(plane(z)).astype(labels.dtype)

    image = _in_planes(plane, np.dtype(np.uint16))
    note = "; ".join(f"{doubt[0].upper()}{doubt[1:]}." for doubt in doubts)
    return image, note, _in_planes(found, labels.dtype)


def _in_planes(plane: Callable[[int], npt.NDArray[Any]], dtype: np.dtype[Any]) -> Labelled:
    def compute(region: Region) -> npt.NDArray[Any]:
        *lead, rows, columns = region
        out = np.empty(region_shape(region), dtype)
        part: Any = np.ix_(rows, columns)
        for n, z in enumerate(lead[0] if lead else range(1)):
            out[(n,) if lead else ...] = plane(z)[part]
        return out

    return compute


def as_grey(picture: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """Whole grey levels, as files hold them."""
    return np.rint(np.clip(picture, 0, _HIGHEST)).astype(np.uint16)
