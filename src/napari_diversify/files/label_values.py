"""What label values mean, and in which dtype they are written.

A label is the number of an object, and 0 is background. What some programs write instead (-1
for "ignore", whole numbers as floats, masks, images in place of labels) would be learned as
objects: it is refused, or noted where it is not certain.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .dtypes import smallest_integer
from .formats import FORMATS
from .header import Header
from .layouts import Layout
from .tiff.writing import planes_of

#: Values below 0 that a sentence names before it counts the rest.
_NAMED = 3
#: A plane of this many pixels tells an image from labels if at least half of all pairs of
#: neighbours have labels: in an image less than this share of these pairs is equal, and there
#: are this many different values.
_PIXELS, _EQUAL, _VALUES = 1024, 0.1, 64


@dataclass(frozen=True)
class LabelPlan:
    """How labels are written.

    Attributes
    ----------
    dtype : numpy.dtype
        Of their file.
    notes : tuple of str
        Sentences, without a full stop, on what the user should know about them.
    """

    dtype: np.dtype[Any]
    notes: tuple[str, ...] = ()


def check_labels(header: Header, array: Any, layout: Layout, file_format: str) -> LabelPlan:
    """Read labels once, some megabytes at a time, and decide how a layout writes them.

    Parameters
    ----------
    header : Header
        Shape and dtype of the labels.
    array : array-like
        Their voxels.
    layout : Layout
        Whether it wants classes, and accepts labels below 0.
    file_format : str
        One of :data:`.formats.FORMATS`.

    Raises
    ------
    ValueError
        If a voxel is neither object nor background, or if no dtype of the format holds all
        labels; the message says what to do.

    Examples
    --------
    >>> from napari_diversify.files import LAYOUTS, header_of
    >>> labels = np.zeros((4, 32, 32), np.int64)
    >>> labels[1, 5:9, 5:9], labels[2, 20:28, 20:28] = 1, 700
    >>> check_labels(header_of(labels.shape, labels.dtype), labels, LAYOUTS["stardist"], "tiff")
    LabelPlan(dtype=dtype('uint16'), notes=('they are written as uint16: TIFF cannot hold int64',))
    """
    labels = _LabelStatistics(header)
    for plane in planes_of(array, header):
        labels.add(plane)
        if labels.fraction is not None:
            break
    if header.dtype.kind == "f":
        raise ValueError(_why_no_integers(header, labels))
    fmt = FORMATS[file_format]
    fits = fmt.holds(header.dtype)
    if labels.negative and not (layout.negative_labels and fits):
        raise ValueError(
            f"{_negatives(labels)}: these stand neither for an object nor for background. Set them "
            "to 0 first, e.g. labels[labels < 0] = 0"
        )
    notes = _doubts(labels)
    if labels.negative:
        notes = (f"{_negatives(labels)}, and are written as they are", *notes)
    if layout.semantic:
        return LabelPlan(np.dtype(np.uint8), notes)
    if fits:
        return LabelPlan(header.dtype, notes)
    dtype = smallest_integer(labels.low, labels.high, fmt.dtypes)
    if dtype is None:
        raise ValueError(
            f"labels go up to {labels.high}, which no dtype of {fmt.title} holds. Renumber them, "
            "e.g. with skimage.segmentation.relabel_sequential, or write OME-Zarr"
        )
    return LabelPlan(
        dtype, (f"they are written as {dtype}: {fmt.title} cannot hold {header.dtype}", *notes)
    )


class _LabelStatistics:
    """What the values of labels are, plane by plane.

    Attributes
    ----------
    low, high : int or float
        Their lowest and highest value.
    fraction : float or None
        A value that is not a whole number.
    negative : Counter
        How many voxels have each value below 0.
    alone : int or None
        The only value besides 0; None if there are others, or none.
    top, below_top : int
        How many voxels have the highest number of an unsigned dtype, and the next lower value.
    """

    def __init__(self, header: Header) -> None:
        n = int(np.prod(header.shape[:-2]))
        self._examined = {0, n // 2, n - 1}  # planes in which an image would show
        self._at = 0
        self._limit = int(np.iinfo(header.dtype).max) if header.dtype.kind == "u" else None
        self._several = False
        self._like_image: list[bool] = []
        self.low: Any = None
        self.high: Any = None
        self.fraction: float | None = None
        self.negative: Counter[int] = Counter()
        self.alone: int | None = None
        self.top, self.below_top = 0, 0

    def add(self, plane: npt.NDArray[Any]) -> None:
        """Take in the next plane."""
        low, high = plane.min().item(), plane.max().item()
        self.low = low if self.low is None else min(self.low, low)
        self.high = high if self.high is None else max(self.high, high)
        if plane.dtype.kind == "f":
            odd = plane[~(np.isfinite(plane) & (plane == np.rint(plane)))]
            self.fraction = float(odd[0]) if odd.size else None
            return
        if low < 0:
            values, counts = np.unique(plane[plane < 0], return_counts=True)
            self.negative.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
        self._count_objects(plane, high)
        if high == self._limit:
            others = plane[plane != high]
            self.top += plane.size - others.size
            high = int(others.max(initial=0))
        self.below_top = max(self.below_top, high)
        if self._at in self._examined:
            self._like_image.append(_is_like_an_image(plane))
        self._at += 1

    def _count_objects(self, plane: npt.NDArray[Any], high: int) -> None:
        if self._several or high <= 0:
            return
        first = high if self.alone is None else self.alone
        self._several = bool(((plane > 0) & (plane != first)).any())
        self.alone = None if self._several else first

    @property
    def like_image(self) -> bool:
        """Whether none of the planes examined could be one of labels."""
        return all(self._like_image)


def _is_like_an_image(plane: npt.NDArray[Any]) -> bool:
    """Whether nearly all neighbours have different values, and there are very many values."""
    left, right = plane[:, :-1], plane[:, 1:]
    both = (left != 0) & (right != 0)
    pairs = np.count_nonzero(both)
    if plane.size < _PIXELS or 2 * pairs < left.size:
        return False
    equal = np.count_nonzero(both & (left == right))
    return bool(equal < _EQUAL * pairs and np.unique(plane).size >= _VALUES)


# ---- in words ----


def _why_no_integers(header: Header, labels: _LabelStatistics) -> str:
    if labels.fraction is not None:
        return (
            f"labels must be whole numbers; these are {header.dtype} and hold {labels.fraction:g}, "
            "for example. They may be an image, or probabilities: give the numbered objects"
        )
    every = (name for fmt in FORMATS.values() for name in fmt.dtypes)
    fitting = smallest_integer(int(labels.low), int(labels.high), every) or np.dtype(np.int64)
    return (
        f"labels must have an integer dtype; these are {header.dtype}, though all of them are "
        f"whole numbers. Convert them first, e.g. labels.astype({fitting.name!r})"
    )


def _negatives(labels: _LabelStatistics) -> str:
    listed = sorted(labels.negative.items(), reverse=True)
    parts = [f"{_voxels(count)} the label {value}" for value, count in listed[:_NAMED]]
    rest = sum(count for _, count in listed[_NAMED:])
    return ", ".join([*parts, *([f"{rest:,} have others below 0"] if rest else [])])


def _voxels(count: int) -> str:
    return "1 voxel has" if count == 1 else f"{count:,} voxels have"


def _doubts(labels: _LabelStatistics) -> tuple[str, ...]:
    """What is not certain, and should be checked by the user."""
    notes = []
    if labels.high <= 0:
        notes.append("they hold no object: no label is above 0")
    elif labels.low == labels.high:
        notes.append(f"every voxel has the label {labels.low}: there is no background")
    elif labels.alone is not None:
        notes.append(
            f"they hold one object, {labels.alone}. If they are a mask of several, number these "
            "first, e.g. with skimage.measure.label"
        )
    elif labels.top and 0 < 2 * labels.below_top < labels.high:
        notes.append(
            f"{_voxels(labels.top)} the label {labels.high}, the highest that there is, and all "
            f"others are at most {labels.below_top}: if it stands for no object, set it to 0 first"
        )
    if labels.like_image:
        notes.append("they look like an image: neighbouring voxels hardly ever have the same label")
    return tuple(notes)
