"""The labels of an image: whether they fit it, and writing them beside its samples."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import files
from ..files import Arranged, Header
from .job import Job
from .source import Source


def labels_of(source: Source, header: Header, stack: ExitStack) -> tuple[Header, Any] | None:
    """Labels of the source, opened, with the axes of the image; channels may share them.

    Raises
    ------
    ValueError
        If they are not whole numbers, or do not fit the image.
    """
    if source.labels is None:
        return None
    theirs, data = stack.enter_context(source.open_labels())
    if theirs.dtype.kind not in "iu":
        raise ValueError(f"labels must be whole numbers; these are {theirs.dtype}")
    return fitted(theirs, data, header)


def fitted(theirs: Header, data: Any, header: Header) -> tuple[Header, Any]:
    """Labels with the axes of their image: those of length 1 may be there or not.

    Axes that are longer must have the same lengths in the same order. Labels lie where the image
    lies, whatever their file says.

    Raises
    ------
    ValueError
        If there is no such way to lay them upon the image.
    """
    for axes in (header.axes, header.axes.replace("c", "")):
        wanted = _long(header.axes, header.shape, axes)
        if [n for _, n in wanted] != [n for _, n in _long(theirs.axes, theirs.shape)]:
            continue
        letters = iter(a for a, _ in wanted)
        long = {a for a, _ in _long(theirs.axes, theirs.shape)}
        own = "".join(next(letters) if a in long else "?" for a in theirs.axes)
        laid = replace(
            theirs,
            shape=tuple(header.size_of(a) for a in axes),
            axes=axes,
            scale=tuple(header.scale_of(a) for a in axes),
            units=tuple(header.unit_of(a) for a in axes),
            origin=tuple(header.origin[header.axes.index(a)] for a in axes),
            channels=(),
            provenance=None,
        )
        return laid, Arranged(data, own, axes)
    expected = tuple(header.size_of(a) for a in header.axes if a != "c")
    raise ValueError(
        f"the labels have the shape {theirs.shape} ({theirs.axes}); an image of {header.shape} "
        f"({header.axes}) needs labels of {expected}. Axes of length 1 may be left out"
    )


def _long(axes: str, shape: tuple[int, ...], among: str = files.AXES) -> list[tuple[str, int]]:
    """Axes that are longer than 1, and y and x, with their lengths."""
    sizes = zip(axes, shape, strict=True)
    return [(a, n) for a, n in sizes if a in among and (n > 1 or a in "yx")]


def write_labels(job: Job, header: Header, array: Any, path: Path) -> None:
    """Write labels as the layout wants them."""
    if job.how.semantic:
        planes = files.semantic_planes(array, header.spatial_ndim)
        files.write_tiff(path, replace(header, dtype=np.dtype("uint8")), planes, labels=True)
    elif job.format == "ome-zarr":
        files.create(path, header, chunk=job.chunk, shard=job.shard, labels=True)
        files.write_all(path, array, None)
    else:
        files.write_tiff(path, header, files.planes_of(array, header), labels=True)
