"""The labels of an image: whether they fit it, and writing them beside its samples."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import files
from ..core.computed import Computed
from ..files import Arranged, Header
from .job import Job
from .settle import once
from .small_images import opened
from .source import Source


@dataclass(frozen=True)
class Labels:
    """Labels of an image, opened.

    Attributes
    ----------
    header : Header
        Their axes are those of the image; channels may share them.
    data : array-like
        Their voxels, in the dtype in which they are written.
    notes : tuple of str
        Sentences without a full stop on what was noticed about them.
    """

    header: Header
    data: Any
    notes: tuple[str, ...]


def labels_of(
    job: Job, source: Source, header: Header, stack: ExitStack, run: str = ""
) -> Labels | None:
    """Labels of a source, opened, read once, and as the layout takes them.

    Raises
    ------
    ValueError
        If they do not fit the image, or hold values that are neither object nor background.
    """
    if source.labels is None:
        return None
    theirs, data = opened(source, run, stack, labels=True)
    laid, array = fitted(theirs, data, header)
    plan = once(
        source.labels,
        (job.layout, job.format.name),
        lambda: files.check_labels(theirs, data, job.how, job.format.name),
    )
    if not job.how.semantic and plan.dtype != laid.dtype:
        laid, array = replace(laid, dtype=plan.dtype), _Cast(array, plan.dtype)
    return Labels(laid, array, (*theirs.notes, *plan.notes))


class _Cast(Computed):
    """An array in another dtype, which holds all of its values."""

    def __init__(self, array: Any, dtype: np.dtype[Any]) -> None:
        self._array = array
        self.shape: tuple[int, ...] = tuple(array.shape)
        self.dtype: np.dtype[Any] = dtype

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        return np.asarray(self._array[key]).astype(self.dtype)


def fitted(theirs: Header, data: Any, header: Header) -> tuple[Header, Any]:
    """Labels with the axes of their image; axes of length 1 may be missing or extra.

    Axes that are longer must have the same lengths in the same order. Labels lie where the image
    lies, whatever their file says.

    Raises
    ------
    ValueError
        If their axes cannot be matched with those of the image.
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
        classes = replace(header, dtype=np.dtype("uint8"))
        job.format.codec.write_planes(path, classes, planes, labels=True, **job.settings)
    else:
        job.format.codec.write(path, header, array, labels=True, **job.settings)
