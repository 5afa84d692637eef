"""From the user's labels to a population of ellipsoids with the same statistics."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..blocks import exhaust
from .morphometry import ImageStatistics, Morphometry, measure, measure_image, neighbour_ratio
from .population import Population

_SIMULATED = 2000  # objects at most in a population that is drawn to compare with
_SEEDS = 3  # populations that are averaged over
_BY_CHANCE = 16  # populations without clusters, to see how far chance alone varies the ratio
_SURE = 2.5  # standard deviations below chance: then there are clusters


def fit(
    labels: npt.ArrayLike,
    spacing: Sequence[float],
    image: npt.ArrayLike | None = None,
) -> Population:
    """Find the population from which labels like these are drawn.

    Sizes, shapes, density and overlap are those that :func:`measure` finds. The
    share of objects in clusters is the one at which populations drawn with the
    other parameters have the neighbour ratio of the labels; 0 where chance alone
    may have made it, as with few objects, or where there is no room for clusters.

    Parameters
    ----------
    labels : array_like of int, shape (Y, X) or (Z, Y, X)
        0 is background.
    spacing : sequence of float
        Voxel size in micrometres.
    image : array_like, optional
        The image with these labels, for the brightness of objects.

    Returns
    -------
    Population

    Raises
    ------
    TypeError, ValueError
        As :func:`measure`, and if the image has another shape.

    Examples
    --------
    >>> from napari_diversify.core import synthetic_nuclei
    >>> phantom = synthetic_nuclei((32, 128, 128), radius=(2.0, 2.0), count=20)
    >>> population = fit(phantom.labels, phantom.spacing)
    >>> print(f"{population.diameter:.1f} {population.axis_ratio:.1f}")
    4.0 1.0
    """
    seen = measure(labels, spacing)
    light = None if image is None else measure_image(labels, image, spacing)
    return exhaust(fitting(seen, light, np.shape(labels), spacing))


def fitting(
    seen: Morphometry,
    light: ImageStatistics | None,
    shape: Sequence[int],
    spacing: Sequence[float],
) -> Generator[tuple[int, int], None, Population]:
    """As :func:`fit`, from what was measured of labels of a shape, and of their image if any.

    Yield (populations drawn so far, all that will be drawn).
    """
    population = Population(
        diameter=seen.diameter,
        diameter_variation=min(seen.diameter_variation, 0.8),
        axis_ratio=max(seen.axis_ratio, 1.0),
        axis_ratio_spread=seen.axis_ratio_spread,
        density=seen.density,
        overlap=min(seen.overlap, 0.9),
        flatness=seen.flatness,
        layer=seen.layer,
    )
    if light is not None:
        population = replace(population, brightness_variation=light.variation)
    clustering = yield from _clustering(population, seen.neighbour_ratio, shape, spacing)
    return replace(population, clustering=clustering)


def _clustering(
    population: Population, ratio: float, shape: Sequence[int], spacing: Sequence[float]
) -> Generator[tuple[int, int], None, float]:
    """The share of clustered objects at which drawn populations have this neighbour ratio."""
    if math.isnan(ratio):
        return 0.0
    field = np.multiply(shape, spacing)
    expected = population.density / 1000.0 * float(np.prod(field))
    if expected > _SIMULATED:  # a part of the field says as much
        part = (_SIMULATED / expected) ** (1.0 / len(shape))
        shape = [max(1, round(n * part)) for n in shape]
        field = np.multiply(shape, spacing)
    shares = np.linspace(0.0, 1.0, 6)
    drawn, total = 0, _BY_CHANCE + _SEEDS * (len(shares) - 1)

    def ratios_of(
        share: float, seeds: int
    ) -> Generator[tuple[int, int], None, npt.NDArray[np.float64]]:
        nonlocal drawn
        clustered, ratios = replace(population, clustering=share), []
        for seed in range(seeds):
            centres = clustered.draw(shape, spacing, seed, tries=200).centres[:, -len(shape) :]
            ratios.append(neighbour_ratio(centres, field, population.density / 1000.0))
            drawn += 1
            yield drawn, total
        return np.array(ratios)

    # the ratios that chance alone gives to objects without clusters
    by_chance = yield from ratios_of(0.0, _BY_CHANCE)
    if not np.isfinite(by_chance).all():
        return 0.0
    lowest = float(by_chance.mean() - _SURE * by_chance.std(ddof=1))
    if ratio >= lowest:
        return 0.0
    ratios = [float(by_chance.mean())]
    for share in shares[1:]:
        clustered = yield from ratios_of(share, _SEEDS)
        ratios.append(float(clustered.mean()))
    # with hardly any room no clusters form: the ratio says nothing about them
    if not np.isfinite(ratios).all() or ratios[-1] >= lowest:
        return 0.0
    falling = np.minimum.accumulate(ratios)
    return float(np.interp(-ratio, -falling, shares))
