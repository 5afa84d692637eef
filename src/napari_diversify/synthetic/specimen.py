"""A synthetic specimen: lazy arrays of image and labels over one field."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core.blocks import Region, normalise_index, region_shape, span
from ..core.computed import Computed
from ..core.specimens.membranes import Cells
from ..core.specimens.nuclei import Nuclei

# Voxels computed at once when much is asked for; bounds the temporary memory.
_SLAB = 1 << 22


class SpecimenArray(Computed):
    """Image or labels of a synthetic specimen, computed where they are indexed.

    Takes every basic index. Any part equals the same part of the whole, bit for bit.
    """

    def __init__(
        self,
        compute: Callable[[Region], npt.NDArray[Any]],
        shape: tuple[int, ...],
        dtype: npt.DTypeLike,
    ) -> None:
        self._compute = compute
        self.shape = shape
        self.dtype: np.dtype[Any] = np.dtype(dtype)

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        region, dropped = normalise_index(key, self.shape)
        out = np.empty(region_shape(region), self.dtype)
        for part, place in _parts(region):
            block = self._compute(tuple(span(r) for r in part))
            out[place] = block[tuple(slice(None, None, r.step if len(r) > 1 else 1) for r in part)]
        return out.squeeze(dropped)

    def __copy__(self) -> SpecimenArray:
        return SpecimenArray(self._compute, self.shape, self.dtype)

    def __deepcopy__(self, memo: dict[int, Any]) -> SpecimenArray:
        return self.__copy__()  # the specimen never changes, and is shared


class Specimen:
    """A synthetic specimen of some shape and voxel size.

    Attributes
    ----------
    image : SpecimenArray of uint16
        Shape (Y, X) or (Z, Y, X).
    labels : SpecimenArray of uint16 or uint32
        0 is background.
    spacing : tuple of float
        Voxel size in micrometres.
    objects : int
        How many nuclei reach into the field, or how many cells have their middle in it.
    found : SpecimenArray or None
        Labels of what can be found in the image, if a renderer knows that better than ``labels``.
    note : str
        A sentence on what could not be done as asked; empty if there is nothing to say.
    """

    def __init__(self, drawn: Nuclei | Cells, objects: int, note: str = "") -> None:
        shape = tuple(int(n) for n in drawn.shape)
        self.image = SpecimenArray(drawn.image, shape, np.uint16)
        self.labels = SpecimenArray(drawn.labels, shape, drawn.label_dtype)
        self.found: SpecimenArray | None = None
        self.spacing = tuple(float(s) for s in drawn.spacing)
        self.objects = objects
        self.note = note

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels along each axis."""
        return self.image.shape

    def looking(
        self,
        compute: Callable[[Region], npt.NDArray[Any]],
        note: str = "",
        found: Callable[[Region], npt.NDArray[Any]] | None = None,
    ) -> Specimen:
        """The same objects in another image, of uint16, and with another note if there is one.

        ``found`` computes labels of what can be found in that image, of the dtype of the labels.
        """
        other = copy(self)
        other.image = SpecimenArray(compute, self.shape, np.uint16)
        if found is not None:
            other.found = SpecimenArray(found, self.shape, self.labels.dtype)
        other.note = " ".join(filter(None, (self.note, note)))
        return other

    def __repr__(self) -> str:
        return f"<Specimen {self.shape}, {self.objects} objects, spacing {self.spacing} µm>"


def _parts(region: Region) -> Iterator[tuple[Region, tuple[slice, ...]]]:
    """Cut a region into runs of planes, or of rows of one plane, with their places."""
    if 0 in region_shape(region):
        return
    lead, outer, rest = region[:-2], region[-2], region[-1]
    width = len(span(rest))
    plane = width * len(span(outer))
    rows = len(outer) if plane <= _SLAB else max(64, _SLAB // width)
    planes = lead[0] if lead else range(1)
    # with gaps one by one: nothing between them is computed
    deep = max(1, _SLAB // plane) if abs(planes.step) == 1 else 1
    for z in range(0, len(planes), deep):
        for y in range(0, len(outer), rows):
            here, where = slice(z, z + deep), slice(y, y + rows)
            inner: Region = (outer[where], rest)
            if lead:
                yield (planes[here], *inner), (here, where)
            else:
                yield inner, (where,)
