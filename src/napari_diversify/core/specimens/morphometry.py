"""Morphometry of labelled objects: how many, how big, how long, how they lie, how bright.

What is measured are the parameters that :mod:`.population` draws objects from:
:func:`.fitting.fit` turns a label image into a population with its statistics.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

from .ellipsoids import contact
from .measured_objects import MeasuredObjects, check_labels, measure_objects

_LEAST = 8  # voxels from which a shape can be measured


@dataclass(frozen=True)
class Morphometry:
    """Statistics of labelled objects; lengths in micrometres.

    Attributes
    ----------
    objects : int
        Labels in the array, those cut by its border included.
    whole : int
        Those that no border cuts. Sizes and shapes are measured on them, each weighted
        by 1 / the probability that an object of its extent lies inside the field
        as a whole (Miles and Lantuéjoul), as big ones are cut more often. If
        there are none, all objects count.
    density : float
        Objects per 1000 cubic (in 2D square) micrometres. An object cut by a
        border counts one half, in two directions a quarter (Gundersen's frame).
    diameter, diameter_variation : float
        Diameter of the sphere (disc) of equal volume: mean, coefficient of variation.
    axis_ratio, axis_ratio_spread : float
        Longest / shortest axis of the ellipsoid with equal second moments: mean,
        standard deviation.
    flatness : float
        0 if the shortest axes point in all directions, 1 if along z; 0 in 2D.
    layer : float
        Thickness of the layer in which the objects lie, 0 if there is none.
    neighbour_ratio : float
        Mean distance to the nearest neighbour's centre / the mean distance in a random
        field of this density (Clark and Evans): below 1 in clusters, above if
        regular. Objects nearer to the border than to their neighbour are left
        out. NaN with fewer than two objects.
    touching : float
        Share of the objects that have a voxel next to one of another object.
    overlap : float
        Share by which the ellipsoids' semi-axes would have to shrink so that
        at most 2 % of the pairs of neighbours overlapped; 0 if none touch.
    """

    objects: int
    whole: int
    density: float
    diameter: float
    diameter_variation: float
    axis_ratio: float
    axis_ratio_spread: float
    flatness: float
    layer: float
    neighbour_ratio: float
    touching: float
    overlap: float


def measure(labels: npt.ArrayLike, spacing: Sequence[float]) -> Morphometry:
    """Measure the statistics of labelled objects.

    Parameters
    ----------
    labels : array_like of int, shape (Y, X) or (Z, Y, X)
        0 is background; every other number is an object.
    spacing : sequence of float
        Voxel size in micrometres, one number per axis.

    Returns
    -------
    Morphometry

    Raises
    ------
    TypeError
        If labels are not integers.
    ValueError
        If there is no label, or shape and spacing do not fit each other.

    References
    ----------
    .. [1] P. J. Clark and F. C. Evans, "Distance to nearest neighbor as a measure
       of spatial relationships in populations", Ecology 35, 445-453 (1954).
    .. [2] H. J. G. Gundersen, "Notes on the estimation of the numerical density of
       arbitrary profiles: the edge effect", J. Microsc. 111, 219-223 (1977).
    .. [3] C. Lantuéjoul, "On the estimation of mean values in individual analysis
       of particles", Microsc. Acta Suppl. 4, 266-273 (1980).

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.zeros((40, 40), int)
    >>> labels[5:15, 5:15], labels[20:30, 10:30] = 1, 2
    >>> statistics = measure(labels, (0.5, 0.5))
    >>> statistics.objects, round(statistics.density), round(statistics.axis_ratio, 1)
    (2, 5, 1.6)
    """
    given = check_labels(labels, spacing)
    return _statistics(measure_objects(given, spacing), given.shape, spacing)


@dataclass(frozen=True)
class ImageStatistics:
    """Brightness of labelled objects in an image, in its grey levels.

    Attributes
    ----------
    background : float
        Median outside the objects.
    noise : float
        Standard deviation of the noise there, from neighbours along x.
    signal : float
        Mean of the objects above the background.
    variation : float
        Coefficient of variation of the objects' brightness.
    texture : float
        Standard deviation of the brightness inside objects as a share of their
        brightness: the median over objects, without the noise. The blur of the
        microscope has weakened it already.
    """

    background: float
    noise: float
    signal: float
    variation: float
    texture: float


def measure_image(
    labels: npt.ArrayLike, image: npt.ArrayLike, spacing: Sequence[float]
) -> ImageStatistics:
    """Measure brightness and texture of labelled objects.

    Parameters
    ----------
    labels : array_like of int, shape (Y, X) or (Z, Y, X)
    image : array_like, of the same shape
    spacing : sequence of float
        Voxel size in micrometres.

    Raises
    ------
    TypeError, ValueError
        As :func:`measure`, and if the image does not fit the labels or is constant.

    Examples
    --------
    >>> from napari_diversify.core import synthetic_nuclei
    >>> phantom = synthetic_nuclei((32, 128, 128), count=20)
    >>> grey = measure_image(phantom.labels, phantom.image, phantom.spacing)
    >>> 0.05 < grey.texture < 0.3 and grey.signal > grey.background
    True
    """
    given = check_labels(labels, spacing)
    grey = np.asarray(image)
    if grey.shape != given.shape:
        raise ValueError(
            f"image and labels must have the same shape; got {grey.shape} and {given.shape}"
        )
    if grey.dtype.kind not in "iuf":
        raise TypeError(f"the image must hold real numbers; got dtype {grey.dtype}")
    if grey.min() == grey.max():
        raise ValueError(f"the image is {grey.min()} everywhere: there is nothing to measure in it")
    grey = grey.astype(np.float64, copy=False)
    outside = grey[given == 0]
    background = float(np.median(outside)) if outside.size else float(grey.min())
    steps = np.diff(grey, axis=-1)[(given[..., 1:] == 0) & (given[..., :-1] == 0)]
    # bright structures without a label do not move the median
    floor = float(np.median(np.abs(steps))) / 0.6745 / math.sqrt(2.0) if steps.size else 0.0
    means, textures = [], []
    for number, box in enumerate(scipy.ndimage.find_objects(given), start=1):
        mask = given[box] == number
        inner = scipy.ndimage.distance_transform_edt(mask, sampling=tuple(spacing))
        core = inner > 0.4 * inner.max()  # the rim and the blurred edge left out
        values = grey[box][core] - background
        means.append(float(values.mean()))
        # neighbours along x differ by noise, and by texture only where it is as fine as a voxel
        pairs = core[..., 1:] & core[..., :-1]
        noise = np.square(np.diff(grey[box], axis=-1)[pairs]).mean() / 2.0 if pairs.any() else 0.0
        if values.size >= _LEAST and values.mean() > 0:
            textures.append(math.sqrt(max(values.var() - noise, 0.0)) / values.mean())
    mean = float(np.mean(means))
    variation = float(np.std(means) / mean) if mean > 0 else 0.0
    texture = float(np.median(textures)) if textures else 0.0
    return ImageStatistics(background, floor, mean, variation, texture)


# ---- from voxels to objects ----


def _statistics(
    objects: MeasuredObjects, shape: Sequence[int], spacing: Sequence[float]
) -> Morphometry:
    ndim = len(shape)
    size = np.asarray(spacing, np.float64)
    field = size * shape
    # places that the first voxel of an object may have without the border cutting it
    room = size * np.maximum(np.subtract(shape, 1), 1)
    cut = np.where(np.equal(shape, 1), 0, objects.cut)
    halves = np.prod((2 - cut) / 2.0, axis=1)
    if not halves.any():  # all reach from border to border
        halves = np.prod(np.where(cut > 0, 0.5, 1.0), axis=1)
    density = float(halves.sum() / np.prod(room))
    whole = (cut == 0).all(axis=1)
    layer = _layer(objects, whole, field) if ndim == 3 else 0.0
    inside = np.clip((room - objects.extent) / field, 1e-3, 1.0)
    inside[:, np.equal(shape, 1)] = 1.0
    if layer > 0:
        inside[:, 0] = 1.0  # the layer lies inside the field: z cuts nothing off
    weights = np.where(whole, 1.0 / np.prod(inside, axis=1), 0.0)
    if not whole.any():
        weights = np.ones(len(whole))
    power = 1.0 / ndim
    diameters = (objects.volume * (6.0 if ndim == 3 else 4.0) / np.pi) ** power
    shaped = weights * (objects.voxels >= _LEAST)
    if not shaped.any():
        shaped = weights
    ratios = objects.semi_axes[:, -1] / objects.semi_axes[:, 0]
    diameter, spread = _moments(diameters, weights)
    axis_ratio, axis_ratio_spread = _moments(ratios, shaped)
    tilt = float(np.average(np.arccos(np.clip(objects.shortest, 0.0, 1.0)), weights=shaped))
    return Morphometry(
        objects=len(whole),
        whole=int(whole.sum()),
        density=1000.0 * density,
        diameter=diameter,
        diameter_variation=spread / diameter,
        axis_ratio=axis_ratio,
        axis_ratio_spread=axis_ratio_spread,
        # the mean tilt of directions that point everywhere is 1 radian
        flatness=float(np.clip(1.0 - tilt, 0.0, 1.0)) if ndim == 3 else 0.0,
        layer=layer,
        neighbour_ratio=neighbour_ratio(objects.centres[:, -ndim:], field, density),
        touching=float(objects.touching.mean()),
        overlap=_overlap(objects),
    )


def _moments(
    values: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]
) -> tuple[float, float]:
    """Weighted mean and bias-corrected standard deviation."""
    mean = float(np.average(values, weights=weights))
    n = float(weights.sum() ** 2 / np.square(weights).sum())
    variance = float(np.average(np.square(values - mean), weights=weights))
    return mean, math.sqrt(variance * n / (n - 1.0)) if n > 1.5 else 0.0


def _layer(
    objects: MeasuredObjects, whole: npt.NDArray[np.bool_], field: npt.NDArray[np.float64]
) -> float:
    """Thickness of the layer that holds the centres, 0 if they lie all over the depth."""
    if whole.sum() < 5:
        return 0.0
    z, deep = objects.centres[whole, 0], objects.extent[whole, 0].mean()
    thickness = math.sqrt(12.0) * float(z.std(ddof=1))
    # the centres of whole objects have this much room; a layer leaves both borders free
    room = max(float(field[0] - deep), 0.0)
    few_cut = (objects.cut[:, 0] > 0).mean() < 0.2
    return thickness if few_cut and thickness < 0.6 * room else 0.0


def neighbour_ratio(
    centres: npt.NDArray[np.float64], field: npt.NDArray[np.float64], density: float
) -> float:
    """Clark and Evans' ratio of points (n, 2 or 3) in a field; see :class:`Morphometry`."""
    inside = ((centres >= 0) & (centres <= field)).all(axis=1)
    points = centres[inside]
    if len(points) < 2 or density <= 0:
        return math.nan
    distance = np.asarray(scipy.spatial.cKDTree(points).query(points, k=2)[0])[:, 1]
    border = np.minimum(points, field - points).min(axis=1)
    if points.shape[1] == 3 and np.ptp(points[:, 0]) < distance.mean():
        border = np.minimum(points, field - points)[:, 1:].min(axis=1)  # a layer
    sure = border >= distance
    if sure.any():
        distance = distance[sure]
    if points.shape[1] == 2:
        expected = 0.5 / math.sqrt(density)
    else:
        expected = math.gamma(4.0 / 3.0) / (4.0 / 3.0 * math.pi * density) ** (1.0 / 3.0)
    return float(distance.mean() / expected)


def _overlap(objects: MeasuredObjects) -> float:
    if not objects.touching.any() or len(objects.centres) < 2:
        return 0.0
    pairs = scipy.spatial.cKDTree(objects.centres).query_pairs(
        2.0 * float(objects.semi_axes[:, -1].max()), output_type="ndarray"
    )
    pairs = pairs[objects.touching[pairs].all(axis=1)]
    if not len(pairs):
        return 0.0
    scale = np.sqrt(contact(objects.matrices, objects.centres, pairs))
    near = scale[scale < 1.25]  # others are not neighbours
    if not len(near):
        return 0.0
    return float(np.clip(1.0 - np.quantile(near, 0.02), 0.01, 0.9))
