"""What is computed of a plan in a thread: its objects, what of them is in view, or all voxels."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.blocks import whole
from ...synthetic.plan import Plan
from ...synthetic.specimen import Specimen, SpecimenArray
from ..live.pictures import Place
from ..live.wishes import Done, Wish, granting
from ..qt.driver import Work
from .array import SpecimenView, values_of

#: Names and roles of the layers.
IMAGE, LABELS = "synthetic", "synthetic labels"


@dataclass(frozen=True)
class Computed:
    """A specimen, both its arrays, and what of them is in view."""

    plan: Plan
    specimen: Specimen
    arrays: tuple[SpecimenView, SpecimenView]
    granted: tuple[list[Done], list[Done]]


def computing(
    plan: Plan, places: tuple[list[Place], list[Place]]
) -> Generator[tuple[int, int], None, Computed]:
    """Draw the objects of a plan, and compute parts of both arrays."""
    specimen = yield from plan.drawing()
    yield 0, 1
    slow = plan.renderer is not None
    arrays = (
        SpecimenView(specimen.image, (IMAGE, plan), slow=slow),
        SpecimenView(labels_of(specimen), (LABELS, plan), slow=slow),
    )
    image = yield from granting(Wish((arrays[0],), tuple(places[0])))
    labels = yield from granting(Wish((arrays[1],), tuple(places[1])))
    return Computed(plan, specimen, arrays, (image, labels))


def whole_of(plan: Plan) -> Work:
    """Work: (plan, image, labels, source, objects), all voxels of a plan and how many objects.

    ``source`` are the labels that the image was made for, where others were found in it, or None.
    """
    specimen = yield from plan.drawing()
    yield 0, 1
    region = whole(plan.shape)
    image = yield from values_of(specimen.image, region)
    labels = yield from values_of(labels_of(specimen), region)
    source = None
    if specimen.found is not None:
        source = yield from values_of(specimen.labels, region)
    objects = int(np.count_nonzero(np.bincount(labels.ravel())[1:]))
    return plan, image, labels, source, objects


def labels_of(specimen: Specimen) -> SpecimenArray:
    """What can be found in the image, or else all objects."""
    return specimen.labels if specimen.found is None else specimen.found


def place_of(plan: Plan) -> dict[str, Any]:
    """Keywords that put a layer into the field of a plan."""
    return {
        "scale": plan.spacing,
        "units": ("micrometer",) * plan.ndim,
        "axis_labels": tuple("zyx"[-plan.ndim :]),
    }


def limits_of(image: npt.NDArray[Any]) -> tuple[float, float]:
    """Contrast limits that show an image from its background to its brightest structures."""
    low, high = np.percentile(image.ravel()[:: max(1, image.size // 200_000)], (0.5, 99.9))
    return float(low), float(max(high, low + 1))
