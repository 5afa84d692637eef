"""OME-Zarr as a file format: what :class:`.formats.Codec` asks for."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..formats import Opened
from ..header import Header
from .reading import images_in_zarr as images
from .reading import read_zarr
from .writing import create, finish, reduced, slabs, write_all, write_reduced, write_slab

__all__ = [
    "create",
    "finish",
    "images",
    "read",
    "reduced",
    "slabs",
    "write",
    "write_planes",
    "write_reduced",
    "write_slab",
]


def read(path: Path, name: str, axes: str | None, series: int | None) -> Opened:
    """Open an image without reading its voxels."""
    if not path.is_dir():
        raise ValueError("a Zarr image is a folder, and this is a file: unpack it, if it is a ZIP")
    header, levels = read_zarr(path, name, axes, series)
    return header, levels, lambda: None


def write(
    path: Path,
    header: Header,
    array: Any,
    *,
    labels: bool = False,
    tell: Callable[[int], object] = lambda n: None,
    **settings: Any,
) -> None:
    """Write all voxels of an array-like slab by slab; tell how many each slab has."""
    create(path, header, labels=labels, **settings)
    write_all(path, array, header.provenance, tell)


def write_planes(
    path: Path,
    header: Header,
    planes: Iterable[npt.NDArray[Any]],
    *,
    labels: bool = False,
    **settings: Any,
) -> None:
    """Write planes (y, x), given in C order over the other axes."""
    write(path, header, _InOrder(planes), labels=labels, **settings)


class _InOrder:
    """Planes that are read once, slab after slab."""

    def __init__(self, planes: Iterable[npt.NDArray[Any]]) -> None:
        self._planes = iter(planes)

    def __getitem__(self, key: tuple[slice, ...]) -> npt.NDArray[Any]:
        shape = tuple(part.stop - part.start for part in key)
        planes = list(itertools.islice(self._planes, math.prod(shape[:-2])))
        return np.stack(planes).reshape(shape)
