"""Membrane-like cells: a Voronoi tessellation with stained walls.

Image diversification was published for membrane-stained tissue: polyhedral cells
that fill space, bright where two of them meet. Seeds are random points that
keep a distance from each other; a voxel belongs to the nearest of them. Labels
and image are computed in any region by itself.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..blocks import Region, exhaust, region_shape
from ..noise import check_count
from . import compiled as kernels
from .ellipsoids import Floats, check_number, placing
from .field import by_slabs, check_field, in_three, label_dtype, three
from .microscope import Microscope, Texture

#: Distance of seeds at regularity 1, as a share of the cell diameter: near the
#: densest that random sequential placement fills without many tries.
_PACKED = {2: 0.68, 3: 0.65}
# (1 - u^2)^2 is one half at this u
_HALF_WIDTH = math.sqrt(1.0 - math.sqrt(0.5))


def draw_seeds(
    shape: Sequence[int],
    spacing: Sequence[float],
    *,
    diameter: float,
    regularity: float = 0.8,
    seed: int = 0,
) -> Floats:
    """Draw the seeds of cells: random points with a least distance (a hard-core process).

    Parameters
    ----------
    shape, spacing : sequence
        Of the field: two or three axes, micrometres.
    diameter : float
        Diameter of the sphere (disc, in 2D) of a cell's mean volume (area), in micrometres.
    regularity : float, optional
        0 for independent points, 1 for cells nearly equal in size.
    seed : int, optional
        0 to 2**64 - 1.

    Returns
    -------
    numpy.ndarray of float64, shape (n, 3)
        Places (z, y, x) in micrometres; those in the field come first. There
        are seeds around the field too, so that cells at the border look like the others.

    Examples
    --------
    >>> seeds = draw_seeds((32, 64, 64), (1.0, 0.5, 0.5), diameter=8.0)
    >>> 80 < len(seeds) < 2000, seeds.shape[1]
    (True, 3)
    """
    return exhaust(
        drawing_seeds(shape, spacing, diameter=diameter, regularity=regularity, seed=seed)
    )


def drawing_seeds(
    shape: Sequence[int],
    spacing: Sequence[float],
    *,
    diameter: float,
    regularity: float,
    seed: int,
) -> Generator[tuple[int, int], None, Floats]:
    """As :func:`draw_seeds`, and yield (seeds placed so far, all seeds)."""
    check_field(shape, spacing)
    rng = np.random.default_rng(check_count("seed", seed, 64))
    ndim = len(shape)
    full, size = in_three(shape, spacing)
    high = np.multiply(full, size)
    margin = np.full(3, 2.0 * diameter)
    margin[: 3 - ndim] = 0.0
    volume = diameter**2 * math.pi / 4 if ndim == 2 else diameter**3 * math.pi / 6
    low, high = -margin, high + margin
    if ndim == 2:
        low[0] = high[0] = 0.5
    n = max(1, round(float(np.prod((high - low)[-ndim:])) / volume))
    check_number(n, "Make the diameter larger, or the field smaller")
    least = 0.5 * regularity * _PACKED[ndim] * diameter
    # spheres of half the least distance; at 0 they are points, which never overlap
    radii = np.full(n, max(least, 1e-6 * diameter))
    spheres = np.zeros((n, 6))
    spheres[:, :3] = radii[:, None] ** 2
    centres, placed = yield from placing(
        spheres, np.stack([radii, radii], axis=1), low, high, rng, wrapped=margin > 0
    )
    centres = centres[placed]
    inside = ((centres >= 0) & (centres < np.multiply(full, size))).all(axis=1)
    return np.concatenate([centres[inside], centres[~inside]])


#: How membranes vary along themselves.
ALONG_MEMBRANES = Texture(0.3)


@dataclass(frozen=True, eq=False)
class Cells:
    """Voronoi cells in a field of voxels: labels and image of any region.

    Parameters
    ----------
    seeds : numpy.ndarray of float64, shape (n, 3)
        As :func:`draw_seeds` gives them; cell k + 1 is that of seed k.
    shape : sequence of int
        Voxels of the field, (y, x) or (z, y, x).
    spacing : sequence of float
        Voxel size in micrometres.
    seed : int
        Of texture, shading and noise.
    thickness : float, optional
        Full width at half maximum of a membrane in micrometres, before the blur.
    apart : bool, optional
        Give voxels on a membrane the label 0, so that no two cells touch.
    inside : float, optional
        Brightness inside cells as a share of that of membranes.
    texture : Texture, optional
        How the brightness varies along membranes.
    microscope : Microscope, optional

    Examples
    --------
    >>> shape, spacing = (16, 64, 64), (0.5, 0.5, 0.5)
    >>> cells = Cells(draw_seeds(shape, spacing, diameter=8.0), shape, spacing)
    >>> plane = (range(8, 9), range(64), range(64))
    >>> cells.image(plane).dtype.name, bool((cells.labels(plane) > 0).all())
    ('uint16', True)
    """

    seeds: Floats
    shape: Sequence[int]
    spacing: Sequence[float]
    seed: int = 0
    thickness: float = 0.5
    apart: bool = False
    inside: float = 0.08
    texture: Texture = ALONG_MEMBRANES
    microscope: Microscope = field(default_factory=Microscope)
    _grid: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_field(self.shape, self.spacing)
        if not len(self.seeds):
            raise ValueError("there are no seeds: cells need one or more")
        object.__setattr__(self, "_grid", _gridded(self.seeds, len(self.shape)))

    @property
    def label_dtype(self) -> np.dtype[Any]:
        """uint16, or uint32 for more than 65535 cells, those around the field included."""
        return label_dtype(len(self.seeds))

    def labels(self, region: Region) -> npt.NDArray[Any]:
        """Instance labels of a gapless region, from 1; 0 on membranes if ``apart``.

        The cells with a seed in the field have the lowest numbers.
        """
        # of two voxels that are neighbours across a wall, one is this near to it
        near = max(self.thickness, float(np.linalg.norm(self.spacing))) / 2.0 * 1.000001
        numbers, walls = self.walls(three(region), near * 1.01 if self.apart else 0.0)
        labels = (numbers + 1).astype(self.label_dtype)
        if self.apart:
            labels[walls <= near] = 0
        return labels.reshape(region_shape(region))

    def image(self, region: Region) -> npt.NDArray[np.uint16]:
        """Grey levels of a gapless region."""
        return self.microscope.record(self.light, region, self.shape, self.spacing, self.seed)

    def light(self, region: Region) -> npt.NDArray[np.float32]:
        """Fluorescence of a gapless region (z, y, x), which may reach beyond the field."""
        far = self.thickness / 2.0 / _HALF_WIDTH
        _, walls = self.walls(region, far)
        coarse, finer, origin, scale = self.texture.lattices(
            region, self.shape, self.spacing, self.seed
        )
        _, size = in_three(self.shape, self.spacing)
        out = np.empty_like(walls)

        def fill(start: Any, part: tuple[slice, ...]) -> None:
            kernels.paint_walls(
                walls[part],
                start,
                size,
                coarse,
                finer,
                origin,
                self.texture.grain,
                self.texture.strength,
                scale,
                far,
                self.inside,
                out[part],
            )

        by_slabs(fill, region)
        return out

    def walls(
        self, region: Region, far: float
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Number of the nearest seed, and distance to the nearest wall of its cell.

        Distances are in micrometres, exact up to ``far``, and ``far`` beyond.
        """
        numbers = np.empty(region_shape(region), np.int64)
        walls = np.empty(numbers.shape, np.float32)
        low, side, firsts, order = self._grid
        _, size = in_three(self.shape, self.spacing)

        def fill(start: Any, part: tuple[slice, ...]) -> None:
            kernels.voronoi(
                self.seeds, low, side, firsts, order, start, size, far, numbers[part], walls[part]
            )

        by_slabs(fill, region)
        return numbers, walls


def _gridded(seeds: Floats, ndim: int) -> tuple[Floats, float, Any, Any]:
    """Sort seeds into a grid of cubes, about two in each; see the kernel."""
    low = seeds.min(axis=0)
    extent = seeds.max(axis=0) - low
    longest = max(float(extent.max()), 1e-9)
    extents = np.maximum(extent[-ndim:], 1e-3 * longest)
    side = (2.0 * float(np.prod(extents)) / len(seeds)) ** (1.0 / ndim)
    side = max(side, longest / 1024.0)
    sizes = (extent / side).astype(int) + 1
    cells = np.minimum(((seeds - low) / side).astype(int), sizes - 1)
    flat = np.ravel_multi_index(tuple(cells.T), tuple(sizes))
    order = np.argsort(flat, kind="stable")
    counts = np.bincount(flat, minlength=int(np.prod(sizes)))
    ends = np.cumsum(counts).reshape(tuple(sizes))
    firsts = np.concatenate([ends[..., :1] - counts.reshape(tuple(sizes))[..., :1], ends], axis=-1)
    return low, side, np.ascontiguousarray(firsts), order
