"""The objects of a 2D image, as a network of shapes sees them; and which of them it cannot use."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from ..card import Card, DiffusionShape
from .objects import listed
from .pictures import Floats, middle_of, seen

_SMALL = 6.0  # times smaller than a cube: objects that nothing was learned about
_COARSE = 3.0  # times a cube's voxels
_LEAST = 9  # pixels of an object


@dataclass(frozen=True, eq=False)
class Given:
    """An object of a 2D image.

    Attributes
    ----------
    number : int
        Its label.
    middle : (float, float)
        Of its mask, in micrometres from the corner of the image.
    seen : array of float32, shape (2, side, side)
        Mask and picture; see :func:`.pictures.seen`.
    """

    number: int
    middle: tuple[float, float]
    seen: Floats


def shape_of(card: Card, name: str) -> DiffusionShape:
    """The network of a model of shapes; raise if it is a model of something else."""
    if not isinstance(card.shape, DiffusionShape):
        raise ValueError(
            f"the model {name} was trained to {card.task}; shapes need a model that “train shapes” "
            "has made"
        )
    return card.shape


def check_given(
    labels: npt.NDArray[Any],
    image: npt.NDArray[Any] | None,
    spacing: Sequence[float],
    shape: DiffusionShape,
) -> None:
    """Raise, saying why, unless shapes can be drawn for these labels."""
    if labels.dtype.kind not in "iu":
        raise TypeError(f"labels must be whole numbers, 0 for background; got dtype {labels.dtype}")
    if labels.ndim != 2:
        raise ValueError(
            f"shapes are drawn for 2D labels (y, x); these have the shape {labels.shape}. Choose "
            "one plane of them"
        )
    if image is None and shape.image:
        raise ValueError(
            "the model looks at pictures of the objects, not at masks alone: give the image of the "
            "labels as well"
        )
    if image is not None and image.shape != labels.shape:
        raise ValueError(
            f"the image has the shape {image.shape} and the labels have {labels.shape}; both must "
            "have the same"
        )
    if len(spacing) != 2 or not all(math.isfinite(s) and s > 0 for s in spacing):
        raise ValueError(f"the pixel size must be two lengths in micrometres; got {spacing!r}")
    if not labels.any():
        raise ValueError("there is no object in the labels: all pixels are 0 (background)")


def objects_in(
    labels: npt.NDArray[Any],
    image: npt.NDArray[Any] | None,
    levels: tuple[float, float],
    spacing: tuple[float, float],
    shape: DiffusionShape,
) -> tuple[list[Given], tuple[str, ...]]:
    """The objects that shapes can be drawn for, and sentences on the others and on doubts."""
    numbers, places = np.unique(labels, return_inverse=True)
    own = places.reshape(labels.shape) + int(numbers[0] != 0)
    numbers = numbers[numbers != 0]
    room = shape.side * shape.voxel
    objects, widths = [], []
    reasons: dict[str, list[int]] = {}
    for number, box in zip(numbers, scipy.ndimage.find_objects(own), strict=True):
        mask = labels[box] == number
        width = max(n * s for n, s in zip(mask.shape, spacing, strict=True))
        cut = any(b.start == 0 or b.stop == n for b, n in zip(box, labels.shape, strict=True))
        why = "the border of the image cuts them" if cut else ""
        if not cut and width > room:
            why = f"they are larger than the {room:.3g} µm that the model has room for"
        if not cut and np.count_nonzero(mask) < _LEAST:
            why = f"they have fewer than {_LEAST} pixels"
        grey = None if image is None else np.asarray(image[box])
        view = None if why else seen(mask, grey, levels, spacing, shape.voxel, shape.side)
        if view is not None and not view[0].any():
            why = f"they are smaller than the {shape.voxel:.3g} µm of a voxel of the model"
        if view is None or why:
            reasons.setdefault(why, []).append(int(number))
            continue
        start = [b.start * s for b, s in zip(box, spacing, strict=True)]
        y, x = (a + b for a, b in zip(start, middle_of(mask, spacing), strict=True))
        objects.append(Given(int(number), (y, x), view))
        widths.append(width)
    notes = [f"{listed(which)} left out, as {why}" for why, which in reasons.items()]
    if not objects:
        raise ValueError("; ".join(["no shape can be drawn for these labels", *notes]))
    if np.median(widths) < room / _SMALL:
        notes.append(
            f"the objects are small ({np.median(widths):.3g} µm) for a model that learned from "
            f"objects of up to {room:.3g} µm: is the pixel size of {spacing[1]:.3g} µm right?"
        )
    if max(spacing) > _COARSE * shape.voxel:
        notes.append(
            f"pixels of {max(spacing):.3g} µm are coarse for a model whose voxels have "
            f"{shape.voxel:.3g} µm: shapes will be vague"
        )
    return objects, tuple(notes)
