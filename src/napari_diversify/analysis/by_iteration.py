"""Contrast and detail of a plane, by how often it has been restored."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core.measures.retention import detail_retention
from ..core.measures.visibility import rms_contrast
from ..recipe import LazyVolume, Recipe
from .plane import Floats, plane_in_view

#: Below this detail retention a restored image has lost too much of what it was made from.
LEAST_RETENTION = 0.9


@dataclass(frozen=True, eq=False)
class ByIteration:
    """What iterations do to an image.

    Attributes
    ----------
    iterations : numpy.ndarray of int
        Ascending.
    contrast : numpy.ndarray of float64
        RMS contrast: standard deviation over mean, above the low end of the range. NaN if the
        mean is not above it.
    retention : numpy.ndarray of float64
        :func:`~napari_diversify.core.detail_retention` against the image before.
    """

    iterations: npt.NDArray[np.intp]
    contrast: Floats
    retention: Floats

    def at(self, iterations: int) -> tuple[float, float]:
        """Contrast and retention after so many iterations, between those that were computed."""
        contrast, retention = (
            float(np.interp(iterations, self.iterations, values))
            for values in (self.contrast, self.retention)
        )
        return contrast, retention


def by_iteration(
    before: npt.NDArray[Any], planes: Mapping[int, npt.NDArray[Any]], offset: float = 0.0
) -> ByIteration:
    """Contrast and detail of images that have been restored again and again.

    Parameters
    ----------
    before : numpy.ndarray of int or float, shape (..., Y, X)
        The image that is restored.
    planes : mapping of int to numpy.ndarray, of that shape
        What it has become after so many iterations.
    offset : float
        Grey level of no light.

    Returns
    -------
    ByIteration
    """
    order = sorted(planes)
    contrast = [rms_contrast(planes[k], offset) for k in order]
    retention = [detail_retention(before, planes[k]) for k in order]
    return ByIteration(np.array(order), np.array(contrast), np.array(retention))


def restored_again(recipe: Recipe) -> dict[int, Recipe]:
    """A recipe up to its last step with iterations, by the number of them; empty without one."""
    for n in range(len(recipe.steps), 0, -1):
        step = recipe.steps[n - 1]
        if step.iterations_compared:
            upto = recipe.replace(steps=recipe.steps[:n])
            return {
                k: upto.with_step(n - 1, step.replace(iterations=k))
                for k in step.iterations_compared
            }
    return {}


def iterations_in(recipe: Recipe) -> int | None:
    """How often the last step with iterations is repeated; None without one."""
    steps = (step for step in reversed(recipe.steps) if step.iterations_compared)
    return next((int(getattr(step, "iterations")) for step in steps), None)  # noqa: B009  not all have it


def of_view(
    array: LazyVolume, index: tuple[Any, ...]
) -> Generator[tuple[int, int], None, ByIteration | str]:
    """Contrast and detail of the plane in view, against how often its recipe restores it."""
    recipes = restored_again(array.recipe)
    if not recipes:
        return (
            "No step here restores by iterations: add Restore contrast (learned), or choose "
            "richardson-lucy in Restore contrast."
        )
    yield 0, len(recipes) + 1
    plane = plane_in_view(array, index)
    upto = next(iter(recipes.values()))
    before = LazyVolume.like(array, upto.replace(steps=upto.steps[:-1]))
    source = before[plane.where].reshape(plane.shape)
    planes: dict[int, npt.NDArray[Any]] = {}
    for k, recipe in recipes.items():
        yield len(planes) + 1, len(recipes) + 1
        planes[k] = LazyVolume.like(array, recipe)[plane.where].reshape(plane.shape)
    return by_iteration(source, planes, array.intensity_range[0])


def retention_in_view(
    array: LazyVolume, index: tuple[Any, ...]
) -> Generator[tuple[int, int], None, float]:
    """How much of the detail of the plane in view the last step keeps."""
    yield 0, 2
    plane = plane_in_view(array, index)
    before = array.recipe.replace(steps=array.recipe.steps[:-1])
    source = LazyVolume.like(array, before)[plane.where].reshape(plane.shape)
    yield 1, 2
    return detail_retention(source, array[plane.where].reshape(plane.shape))
