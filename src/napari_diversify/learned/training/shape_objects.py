"""The objects that shapes are learned from: of labels in files, and synthetic cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...core.noise import seed_for, uniform_numbers
from ..shapes.cells import synthetic_cells
from ..shapes.objects import Found, Objects, found_in, in_cubes, joined
from .images import Image, opened, opened_labels
from .plan import Job
from .settings import ShapesTraining

_FEWEST = 8  # objects
_EVERY = 8  # one of so many is held out
_CELLS = 0.84 * 0.5  # semi-axis of the largest synthetic cell, as a share of its cube


def divided(n: int, seed: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Numbers of objects to learn from, and of those to hold out.

    Raises
    ------
    ValueError
        If there are too few.
    """
    if n < _FEWEST:
        raise ValueError(
            f"there {'is' if n == 1 else 'are'} only {n} whole object{'s' * (n != 1)} to learn "
            f"shapes from, and at least {_FEWEST} are needed: give more labels, or synthetic cells "
            "beside them (--cells)"
        )
    order = np.argsort(uniform_numbers(n, seed_for(seed, "held out")))
    held = max(1, n // _EVERY)
    return np.sort(order[held:]), np.sort(order[:held])


def objects_of(job: Job, folder: Path, voxel: float | None = None) -> Objects:
    """The objects of a training, in their cubes, with voxels of this size if it is given.

    Raises
    ------
    OSError, TypeError, ValueError
        If there is nothing to learn from; the message says why, and what to do.
    """
    settings = job.settings
    assert isinstance(settings, ShapesTraining)
    found: list[Found] = []
    left_out: tuple[str, ...] = ()
    with opened_labels(job.labels, folder) as labels, opened(job.images, folder) as images:
        for k, volumes in enumerate(labels):
            some, why = _in_file(volumes, images[k] if images else None, settings)
            found, left_out = found + some, left_out + why
    parts = []
    if job.labels:
        parts.append(in_cubes(found, settings.patch, voxel, left_out))
        voxel = parts[0].voxel
    elif voxel is None:
        voxel = settings.cell_diameter / (2 * _CELLS * settings.patch)
    if settings.cells:
        drawn, _ = synthetic_cells(
            settings.cells, job.seed, side=settings.patch, voxel=voxel, taken=settings.picture
        )
        parts.append(drawn)
    return joined(parts)


def _in_file(
    labels: Image, image: Image | None, settings: ShapesTraining
) -> tuple[list[Found], tuple[str, ...]]:
    """The objects of all volumes in a file."""
    spacing = labels.voxel_size or (None if image is None else image.voxel_size)
    if spacing is None:
        raise ValueError(
            f"{labels.name} does not say how large its voxels are, and shapes are learned in "
            "micrometres: give the voxel size (--voxel-size z=...,y=...,x=...)"
        )
    if image is not None and image.array.shape != labels.array.shape:
        raise ValueError(
            f"the image {image.name} has the shape {image.array.shape}, and its labels "
            f"{labels.name} have {labels.array.shape}; both must have the same"
        )
    found: list[Found] = []
    left_out: tuple[str, ...] = ()
    whole = labels.array.shape[:-3] if labels.depth > 1 else labels.array.shape[:-2]
    for place in np.ndindex(whole):
        name = " ".join([labels.name, *map(str, place)])
        grey = None if image is None else np.asarray(image.array[place])
        some, why = found_in(np.asarray(labels.array[place]), grey, spacing, name, settings.picture)
        found, left_out = found + some, left_out + why
    return found, left_out
