"""The specimen whose masks a dressing is trained with, from the words of a command."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .answers import say
from .progress import tracked

if TYPE_CHECKING:
    from ..learned.training.job import Source
    from ..synthetic.plan import Plan


def record_of(
    images: Sequence[Source],
    like: Path | None,
    specimen: Path | None,
    diameter: float | None,
    count: float | None,
) -> dict[str, Any]:
    """Record of a plan: fitted to labels, saved before, or of a diameter and a count.

    Raises
    ------
    OSError, ValueError
        If a file cannot be used, or the words contradict each other.
    """
    from ..synthetic.nuclei import SyntheticNuclei
    from ..synthetic.plan import Plan

    given = [("--like", like), ("--specimen", specimen), ("--count", count)]
    named = [option for option, value in given if value is not None]
    if len(named) > 1:
        raise ValueError(f"{named[0]} and {named[1]} both say how dense the masks are: give one")
    spacing, area = _pixels(images[0])
    values: dict[str, Any] = {} if diameter is None else {"diameter": diameter}
    if like is not None:
        plan = _fitted(like, images[0])
    elif specimen is not None:
        from ..small_files import read_small

        plan = Plan.from_record(json.loads(read_small(specimen)))
    else:
        plan = Plan(SyntheticNuclei(), (1, 1), spacing)
        if count is None:
            say(
                "Note: the masks have the usual density of synthetic nuclei, which need not be "
                "that of these images; --like, or --count and --diameter, say what it is."
            )
        else:
            values["density"] = 1000 * count / area
    return replace(plan, model=plan.model.replace(**values)).record()


def _pixels(source: Source) -> tuple[tuple[float, float], float]:
    """Pixel size and area of a plane of an image, in µm and µm²."""
    from ..learned.training.images import opened

    with opened([source], Path()) as (image,):
        if image.spacing is None:
            raise ValueError(
                f"{image.name} does not say how large its pixels are, which nuclei in "
                "micrometres need. Give the voxel size (--voxel-size)"
            )
        y, x = (float(size) for size in image.spacing[-2:])
        return (y, x), image.side[0] * y * image.side[1] * x


def _fitted(like: Path, image: Source) -> Plan:
    """Nuclei whose statistics are those of labels; without a voxel size they have the images'."""
    import numpy as np

    from ..files import open_image
    from ..synthetic.nuclei import SyntheticNuclei
    from ..synthetic.plan import Plan

    with open_image(like) as opened:
        header = opened.header
        n = header.spatial_ndim
        labels = np.asarray(opened.data[(0,) * (header.ndim - n)])
        # a size that is given holds for both; that in the file of the labels may be wrong
        given = image.spacing
        spacing = given[-n:] if given is not None and len(given) >= n else header.spacing
    if labels.dtype.kind not in "iu":
        raise ValueError(f"{like} holds {labels.dtype} numbers; labels are whole numbers")
    if not labels.any():
        raise ValueError(f"{like} has no objects: there is nothing to fit the masks to")
    if spacing is None:
        raise ValueError(
            f"{like} does not say how large its voxels are. Give the voxel size (--voxel-size)"
        )
    work = SyntheticNuclei.matching(labels, spacing)
    found = tracked(work, "fitting", "Stopped. Nothing was trained.").model
    return Plan(found, labels.shape, tuple(spacing))
