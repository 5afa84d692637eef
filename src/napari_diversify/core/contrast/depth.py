"""How deep each plane of a stack lies in tissue."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def depth_of_planes(
    n: int,
    spacing_z: float,
    extra_depth: float,
    *,
    growing: bool = False,
    surface: int = 0,
    upwards: bool = False,
) -> npt.NDArray[np.float64]:
    """Extra depth of each plane, in the unit of ``spacing_z``.

    The same for all; with ``growing``, each plane's own depth below the plane
    ``surface`` is added. Planes above the surface get the extra depth alone.
    """
    if not growing:
        return np.full(n, float(extra_depth))
    below = (np.arange(n) - surface) * (-spacing_z if upwards else spacing_z)
    depths: npt.NDArray[np.float64] = extra_depth + np.maximum(below, 0.0)
    return depths


def planes_and_depths(
    shape: Sequence[int],
    spacing: Sequence[float] | None,
    name: str,
    depth: float,
    *,
    growing: bool,
    surface: int,
    upwards: bool,
) -> tuple[tuple[float, ...], npt.NDArray[np.float64]]:
    """Check what is said of an image; give its voxel size and the depth of each of its planes.

    ``name``: what the caller calls the ``depth`` of all planes.
    """
    sizes = (1.0,) * len(shape) if spacing is None else tuple(float(s) for s in spacing)
    if len(sizes) != len(shape) or not all(np.isfinite(s) and s > 0 for s in sizes):
        raise ValueError(
            f"spacing must be {len(shape)} positive numbers, one per axis; got {spacing!r}"
        )
    if not (np.isfinite(depth) and depth >= 0):
        raise ValueError(f"{name} must be 0 or more; got {depth!r}")
    if growing and len(shape) == 2:
        raise ValueError("a 2D image has no depth to grow with; use growing=False")
    planes = shape[0] if len(shape) == 3 else 1
    if growing and not (isinstance(surface, int) and 0 <= surface < planes):
        raise ValueError(
            f"surface must be a plane of the image, 0 to {planes - 1}; got {surface!r}"
        )
    spacing_z = sizes[0] if len(shape) == 3 else 1.0
    depths = depth_of_planes(
        planes, spacing_z, depth, growing=growing, surface=surface, upwards=upwards
    )
    return sizes, depths
