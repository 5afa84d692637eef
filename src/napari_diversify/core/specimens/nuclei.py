"""Synthetic nuclei: a labelled field that looks like a fluorescence stack.

For demonstration, tests and training: ellipsoids (ellipses in 2D) that do not
touch unless asked to, with a slightly brighter rim, texture, uneven brightness and
illumination, the blur of a microscope, camera offset and noise. The objects are
drawn as a whole; labels and image are computed in any region by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ..blocks import Region, exhaust, region_shape, whole
from ..noise import check_count
from . import compiled as kernels
from .ellipsoids import Ellipsoids, boxes_of, exclusion_ellipsoids, in_field, middle_of, placing
from .field import by_slabs, check_field, in_three, label_dtype, three
from .microscope import Microscope, Texture
from .population import draw_directions


@dataclass(frozen=True, eq=False)
class Nuclei:
    """Ellipsoids in a field of voxels: labels and image of any region.

    Parameters
    ----------
    objects : Ellipsoids
        Numbered from 1 in their order.
    shape : sequence of int
        Voxels of the field, (y, x) or (z, y, x).
    spacing : sequence of float
        Voxel size in micrometres.
    seed : int
        Of texture, shading and noise.
    texture : Texture, optional
    microscope : Microscope, optional

    Examples
    --------
    >>> from napari_diversify.core.specimens.population import Population
    >>> shape, spacing = (16, 64, 64), (0.5, 0.25, 0.25)
    >>> nuclei = Nuclei(Population(density=3).draw(shape, spacing, 1), shape, spacing, 1)
    >>> plane = (range(8, 9), range(64), range(64))
    >>> nuclei.image(plane).shape, bool((nuclei.labels(plane) > 0).any())
    ((1, 64, 64), True)
    """

    objects: Ellipsoids
    shape: Sequence[int]
    spacing: Sequence[float]
    seed: int = 0
    texture: Texture = field(default_factory=Texture)
    microscope: Microscope = field(default_factory=Microscope)
    _centres: Any = field(init=False, repr=False)
    _forms: Any = field(init=False, repr=False)
    _boxes: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_field(self.shape, self.spacing)
        set_ = object.__setattr__  # the way for a frozen dataclass to fill its own fields
        set_(self, "_centres", self.objects.centres - middle_of(self.shape))
        set_(self, "_forms", self.objects.matrices(-2))
        set_(self, "_boxes", boxes_of(self.objects, self.spacing, len(self.shape), kernels.EDGE))

    @property
    def label_dtype(self) -> np.dtype[Any]:
        """uint16, or uint32 for more than 65535 objects."""
        return label_dtype(len(self.objects))

    def labels(self, region: Region) -> npt.NDArray[Any]:
        """Instance labels of a gapless region: 0 is background.

        Where objects overlap, a voxel belongs to the one with the smaller
        normalised radius there.
        """
        inner = three(region)
        out = np.zeros(region_shape(inner), self.label_dtype)
        nearest = np.full(out.shape, np.inf, np.float32)
        _, size = in_three(self.shape, self.spacing)

        def fill(numbers: Any, start: Any, part: tuple[slice, ...]) -> None:
            kernels.label_ellipsoids(
                self._forms,
                self._centres,
                self._boxes,
                numbers,
                start,
                size,
                nearest[part],
                out[part],
            )

        self._fill(fill, inner)
        return out.reshape(region_shape(region))

    def image(self, region: Region) -> npt.NDArray[np.uint16]:
        """Grey levels of a gapless region."""
        return self.microscope.record(self.light, region, self.shape, self.spacing, self.seed)

    def light(self, region: Region) -> npt.NDArray[np.float32]:
        """Fluorescence of a gapless region (z, y, x), which may reach beyond the field."""
        out = np.zeros(region_shape(region), np.float32)
        coarse, finer, origin, scale = self.texture.lattices(
            region, self.shape, self.spacing, self.seed
        )
        _, size = in_three(self.shape, self.spacing)

        def fill(numbers: Any, start: Any, part: tuple[slice, ...]) -> None:
            kernels.paint_ellipsoids(
                self._forms,
                self._centres,
                self._boxes,
                self.objects.brightness,
                numbers,
                start,
                size,
                coarse,
                finer,
                origin,
                self.texture.grain,
                self.texture.strength,
                scale,
                out[part],
            )

        self._fill(fill, region)
        return out

    def _fill(self, fill: Any, region: Region) -> None:
        """Call ``fill`` with the objects of the region, where each slab starts, and its slices."""
        start = np.array([r.start for r in region])
        stop = np.array([r.stop for r in region])
        inside = (self._boxes[:, 0] < stop).all(axis=1) & (self._boxes[:, 1] > start).all(axis=1)
        if inside.any():
            by_slabs(partial(fill, np.flatnonzero(inside)), region)


# ---- a whole volume at once ----


@dataclass(frozen=True)
class Phantom:
    """A synthetic image with its ground truth.

    Attributes
    ----------
    image : numpy.ndarray of uint16, shape (Z, Y, X)
    labels : numpy.ndarray of uint16, shape (Z, Y, X)
        0 is background; nuclei are numbered from 1.
    spacing : tuple of float
        Voxel size (z, y, x) in micrometres.
    """

    image: npt.NDArray[np.uint16]
    labels: npt.NDArray[np.uint16]
    spacing: tuple[float, float, float]


def synthetic_nuclei(
    shape: tuple[int, int, int] = (64, 256, 256),
    *,
    spacing: tuple[float, float, float] = (0.5, 0.2, 0.2),
    radius: tuple[float, float] = (2.6, 4.4),
    count: int = 80,
    seed: int = 0,
) -> Phantom:
    """Make a volume of synthetic nuclei with its instance labels.

    No two labels touch. For sizes and shapes by their distributions, density,
    overlap, clusters and images, see :class:`~napari_diversify.synthetic.nuclei.SyntheticNuclei`.

    Parameters
    ----------
    shape : (int, int, int), optional
        Voxels (z, y, x).
    spacing : (float, float, float), optional
        Voxel size (z, y, x) in micrometres.
    radius : (float, float), optional
        Shortest and longest semi-axis in micrometres; each of the three
        semi-axes of a nucleus is drawn between them.
    count : int, optional
        Number of nuclei to place; fewer if there is no room. Their centres lie
        in the volume.
    seed : int, optional
        The same seed gives the same volume.

    Returns
    -------
    Phantom
        Image and labels (uint16) and the spacing.

    Raises
    ------
    ValueError
        If shape, spacing, radius or count are out of range.

    Examples
    --------
    >>> from napari_diversify.core import synthetic_nuclei
    >>> phantom = synthetic_nuclei((16, 64, 64), count=4, seed=1)
    >>> phantom.image.shape, int(phantom.labels.max())
    ((16, 64, 64), 4)
    """
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"shape must be three positive numbers (z, y, x); got {shape!r}")
    if len(spacing) != 3 or not all(np.isfinite(s) and s > 0 for s in spacing):
        raise ValueError(f"spacing must be three positive sizes in micrometres; got {spacing!r}")
    if not 0 < radius[0] <= radius[1]:
        raise ValueError(f"radius must be (low, high) with 0 < low <= high; got {radius!r}")
    if not 0 <= count <= np.iinfo(np.uint16).max:
        raise ValueError(f"count must be from 0 to 65535; got {count!r}")
    rng = np.random.default_rng(check_count("seed", seed, 64))
    semi_axes = -np.sort(-rng.uniform(*radius, (count, 3)), axis=1)
    directions = draw_directions(count, 3, 0.0, rng)
    matrices, reach = exclusion_ellipsoids(semi_axes, directions, spacing, 0.0)
    size = np.multiply(shape, spacing)
    centres, placed = exhaust(placing(matrices, reach, np.zeros(3), size, rng, tries=1000))
    brightness = rng.uniform(0.35, 1.0, count)
    drawn = Ellipsoids(centres, semi_axes, directions, brightness, count, int(placed.sum()))
    nuclei = Nuclei(in_field(drawn.take(placed), shape, spacing), shape, spacing, seed)
    everything = whole(shape)
    return Phantom(nuclei.image(everything), nuclei.labels(everything), spacing)
