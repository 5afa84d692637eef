"""An image that a batch makes samples of, and where its voxels come from."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from .. import files
from ..files import Header


@dataclass(frozen=True, eq=False)
class Source:
    """An image to make samples of: a file, or an array in memory.

    Attributes
    ----------
    name : str
        Its samples are named after it.
    path : Path, optional
        The file.
    axes : str, optional
        Axes of the file, if it does not say so itself.
    array, header
        Voxels in memory, and what they are: instead of a file, or as they were
        read from it.
    labels : Source, optional
        Numbered objects in it, copied unchanged beside every sample.
    series : int, optional
        Which image of a file that holds several.
    voxel_size : mapping from axis to float, optional
        Micrometres along "z", "y", "x", if the file does not say so itself.
    in_voxels : bool, optional
        Whether lengths of a recipe may count in voxels where the voxel size is not known.
    key : str, optional
        Noise and drawn values are those of this name, see :meth:`.Sampling.keyed`; by default
        those of the recipe itself.
    notes : tuple of str, optional
        Sentences on how it was found, for the record of its samples.
    """

    name: str
    path: Path | None = None
    axes: str | None = None
    array: Any = None
    header: Header | None = None
    labels: Source | None = None
    series: int | None = None
    voxel_size: Mapping[str, float] | None = None
    in_voxels: bool = False
    key: str | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.array is None) != (self.header is None) or (self.path or self.header) is None:
            raise ValueError("a source is a file (path), or an array with its header, or both")

    @contextmanager
    def open(self) -> Iterator[tuple[Header, Any]]:
        """Header and lazy voxels, for as long as the block lasts."""
        if self.header is not None:
            yield self.header, self.array
            return
        assert self.path is not None
        with files.open_image(
            self.path, axes=self.axes, series=self.series, voxel_size=self.voxel_size
        ) as image:
            yield image.header, image.data

    @contextmanager
    def open_labels(self) -> Iterator[tuple[Header, Any]]:
        """Header and lazy voxels of the labels; axes that were given hold for them too."""
        labels = self.labels
        if labels is None:
            raise ValueError(f"{self.name} has no labels")
        if labels.axes is None or labels.path is None or labels.header is not None:
            with labels.open() as opened:
                yield opened
            return
        image = _with_fewer_axes(labels.path, labels.axes, labels.series)
        with image:
            yield image.header, image.data

    @property
    def identity(self) -> tuple[object, ...]:
        """What identifies it, in this process and while its file is not changed."""
        if self.array is not None:
            return ("array", id(self.array))
        assert self.path is not None
        sizes = tuple(sorted((self.voxel_size or {}).items()))
        changed = os.stat(self.path).st_mtime_ns
        return (str(self.path), self.axes, self.series, sizes, changed)


def _with_fewer_axes(path: Path, axes: str, series: int | None) -> files.ImageFile:
    """Open labels with the axes of their image; they may lack channels and time points."""
    refused: ValueError | None = None
    for n in range(3):
        for absent in combinations([a for a in "ct" if a in axes.lower()], n):
            fewer = "".join(a for a in axes if a.lower() not in absent)
            try:
                return files.open_image(path, axes=fewer, series=series)
            except ValueError as error:
                refused = refused or error
    assert refused is not None
    raise refused
