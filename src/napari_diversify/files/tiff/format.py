"""TIFF as a file format: what :class:`.formats.Codec` asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy.typing as npt

from ..formats import Opened
from ..header import Header
from .reading import images_in_tiff as images
from .reading import read_tiff
from .writing import planes_of, write_tiff

__all__ = ["images", "read", "write", "write_planes"]


def read(path: Path, name: str, axes: str | None, series: int | None) -> Opened:
    """Open an image without reading its voxels."""
    header, levels, files = read_tiff(path, name, axes, series)
    return header, levels, files.close


def write(
    path: Path,
    header: Header,
    array: Any,
    *,
    labels: bool = False,
    tell: Callable[[int], object] = lambda n: None,
    **settings: Any,
) -> None:
    """Write all voxels of an array-like plane by plane; tell how many each plane has."""
    write_planes(path, header, _telling(planes_of(array, header), tell), labels=labels)


def write_planes(
    path: Path,
    header: Header,
    planes: Iterable[npt.NDArray[Any]],
    *,
    labels: bool = False,
    **settings: Any,
) -> None:
    """Write planes (y, x), given in C order over the other axes."""
    write_tiff(path, header, planes, labels=labels)


def _telling(
    planes: Iterable[npt.NDArray[Any]], tell: Callable[[int], object]
) -> Iterator[npt.NDArray[Any]]:
    for plane in planes:
        yield plane
        tell(plane.size)
