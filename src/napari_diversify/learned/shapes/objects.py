"""Objects with their shapes: cut out of 3D labels, each with its picture, in a cube of its own.

The picture is either the largest section of the object along z, as a confocal microscope shows
it in focus, or its projection along z. The cube is centred at the middle of the picture, and its
voxels have the same size in micrometres for all objects: the network sees how large they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy

from .pictures import Floats, levels_of, middle_of, on_grid, seen

Taken: TypeAlias = Literal["section", "projection"]

_FREE = 1  # voxels of a cube that stay free on each side
_LARGE = 2.0  # times the median: objects beyond do not set the size of the cube
_LEAST = 27  # voxels from which an object has a shape


@dataclass(frozen=True, eq=False)
class Found:
    """A whole object in a volume.

    Attributes
    ----------
    name : str
        Of its image, and its number.
    mask : array of bool, shape (z, y, x)
        Its voxels, in the box around it.
    flat : array of bool, shape (y, x)
    picture : array or None, shape (y, x)
    levels : (float, float)
        Grey levels of background and objects in its image; see :func:`.pictures.levels_of`.
    spacing : tuple of float
    centre : tuple of float
        Of the picture, in micrometres from the corner of the box.
    """

    name: str
    mask: npt.NDArray[np.bool_]
    flat: npt.NDArray[np.bool_]
    picture: npt.NDArray[Any] | None
    levels: tuple[float, float]
    spacing: tuple[float, ...]
    centre: tuple[float, ...]

    def voxel(self, side: int) -> float:
        """The voxel size of the smallest cube that holds it, in micrometres."""
        reach = max(
            max(c, n * s - c)
            for c, n, s in zip(self.centre, self.mask.shape, self.spacing, strict=True)
        )
        return float(2 * reach / (side - 2 * _FREE))


@dataclass(frozen=True, eq=False)
class Objects:
    """Objects in cubes.

    Attributes
    ----------
    cubes : array of bool, shape (n, side, side, side)
        Voxels of each object, (z, y, x); the picture lies in the middle of z.
    seen : array of float32, shape (n, 2, side, side)
        Mask and picture of each; see :func:`.pictures.seen`.
    names : tuple of str
    voxel : float
        Size of a voxel of the cubes in micrometres.
    with_pictures : bool
        Whether there are pictures, or masks only.
    left_out : tuple of str
        Sentences without a full stop on objects that are missing, and why.
    """

    cubes: npt.NDArray[np.bool_]
    seen: Floats
    names: tuple[str, ...]
    voxel: float
    with_pictures: bool
    left_out: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.cubes)

    @property
    def side(self) -> int:
        """Voxels along an edge of a cube."""
        return int(self.cubes.shape[-1])

    def take(self, chosen: Sequence[int] | npt.NDArray[np.intp]) -> Objects:
        """Some of them."""
        which = np.asarray(chosen, np.intp)
        names = tuple(self.names[i] for i in which)
        return Objects(
            self.cubes[which], self.seen[which], names, self.voxel, self.with_pictures,
            self.left_out,
        )  # fmt: skip

    def digests(self) -> tuple[str, ...]:
        """A word for each that no other object has: what a model was trained on is known by it."""
        return tuple(
            hashlib.blake2b(np.packbits(cube).tobytes(), digest_size=8).hexdigest()
            for cube in self.cubes
        )


def joined(parts: Sequence[Objects]) -> Objects:
    """Objects of several sources with cubes of the same size, one after the other."""
    return Objects(
        np.concatenate([p.cubes for p in parts]),
        np.concatenate([p.seen for p in parts]),
        tuple(name for p in parts for name in p.names),
        parts[0].voxel,
        all(p.with_pictures for p in parts),
        tuple(why for p in parts for why in p.left_out),
    )


def found_in(
    labels: npt.NDArray[Any],
    image: npt.NDArray[Any] | None,
    spacing: Sequence[float],
    name: str,
    taken: Taken = "section",
) -> tuple[list[Found], tuple[str, ...]]:
    """The whole objects of a labelled volume, and sentences on those left out.

    Parameters
    ----------
    labels : array of int, shape (Z, Y, X)
        0 is background.
    image : array or None, of the same shape
    spacing : sequence of float
        Voxel size in micrometres, (z, y, x).
    name : str
        Of the volume.
    taken : {"section", "projection"}
        How a picture is made of an object.

    Raises
    ------
    TypeError, ValueError
        If they are no 3D labels, or the image does not fit.
    """
    _check(labels, image, name)
    numbers, places = np.unique(labels, return_inverse=True)
    own = places.reshape(labels.shape) + int(numbers[0] != 0)
    numbers = numbers[numbers != 0]
    found, cut, small = [], [], []
    for number, box in zip(numbers, scipy.ndimage.find_objects(own), strict=True):
        if any(b.start == 0 or b.stop == n for b, n in zip(box, labels.shape, strict=True)):
            cut.append(int(number))
            continue
        mask = labels[box] == number
        if mask.sum() < _LEAST:
            small.append(int(number))
            continue
        grey = None if image is None else np.asarray(image[box])
        found.append(_found(f"{name} {number}", mask, grey, tuple(spacing), taken))
    if image is not None and found:
        inside = np.concatenate([one.picture[one.flat] for one in found if one.picture is not None])
        levels = levels_of(image, labels, inside)
        found = [replace(one, levels=levels) for one in found]
    why = []
    if cut:
        why.append(f"{name}: {listed(cut)} left out, as the border of the volume cuts them")
    if small:
        why.append(f"{name}: {listed(small)} left out, with fewer than {_LEAST} voxels")
    return found, tuple(why)


def _check(labels: npt.NDArray[Any], image: npt.NDArray[Any] | None, name: str) -> None:
    if labels.dtype.kind not in "iu":
        raise TypeError(
            f"{name} holds {labels.dtype} values; labels are whole numbers, 0 for background"
        )
    if labels.ndim != 3 or min(labels.shape) < 3:
        raise ValueError(
            f"{name} has the shape {labels.shape}: shapes are learned from 3D labels (z, y, x), "
            "where each object has several planes. 2D labels can be predicted for, not learned from"
        )
    if image is not None and image.shape != labels.shape:
        raise ValueError(
            f"the labels {name} have the shape {labels.shape}, and their image has "
            f"{image.shape}; both must have the same"
        )
    if not labels.any():
        raise ValueError(f"{name} holds no object: all of its voxels are 0 (background)")


def _found(
    name: str,
    mask: npt.NDArray[np.bool_],
    grey: npt.NDArray[Any] | None,
    spacing: tuple[float, ...],
    taken: Taken,
) -> Found:
    if taken == "section":
        areas = mask.sum(axis=(1, 2))
        largest = float(np.flatnonzero(areas == areas.max()).mean())
        z, deep = int(largest), (largest + 0.5) * spacing[0]
        flat, picture = mask[z], None if grey is None else grey[z]
    else:
        flat, deep = mask.any(axis=0), len(mask) * spacing[0] / 2
        picture = None if grey is None else grey.mean(axis=0)
    return Found(
        name, mask, flat, picture, (0.0, 1.0), spacing, (deep, *middle_of(flat, spacing[1:]))
    )


def in_cubes(
    found: Sequence[Found], side: int, voxel: float | None = None, left_out: Sequence[str] = ()
) -> Objects:
    """Objects in cubes of ``side`` voxels.

    Parameters
    ----------
    found : sequence of Found
    side : int
    voxel : float, optional
        Size of a voxel of the cubes in micrometres; by default, the largest object just fits,
        if it is not much larger than most. Those that do not fit are left out.
    left_out : sequence of str
        What was left out before.

    Raises
    ------
    ValueError
        If none is left.
    """
    needed = np.array([one.voxel(side) for one in found])
    if voxel is None and len(found):
        usual = needed[needed <= _LARGE * np.median(needed)]
        voxel = float(usual.max()) * (1 + 1e-9)
    kept = [one for one, size in zip(found, needed, strict=True) if size <= (voxel or 0)]
    why = tuple(left_out)
    if len(kept) < len(found):
        large = len(found) - len(kept)
        why += (
            f"{large} object{'s' * (large > 1)} left out: larger than a cube of "
            f"{side * (voxel or 0):.3g} µm",
        )
    if not kept or voxel is None:
        raise ValueError("; ".join(["there is no whole object to learn from", *why]))
    cubes = np.stack(
        [on_grid(one.mask, one.spacing, one.centre, voxel, side) >= 0.5 for one in kept]
    )
    views = np.stack(
        [seen(one.flat, one.picture, one.levels, one.spacing[1:], voxel, side) for one in kept]
    )
    pictured = all(one.picture is not None for one in kept)
    return Objects(cubes, views, tuple(one.name for one in kept), voxel, pictured, why)


def listed(numbers: Sequence[int]) -> str:
    """Some objects by their numbers.

    Examples
    --------
    >>> listed([3]), listed(range(20))
    ('object 3', '20 objects (0, 1, 2, 3, 4, ...)')
    """
    if len(numbers) == 1:
        return f"object {numbers[0]}"
    shown = ", ".join(map(str, numbers[:5])) + ", ..." * (len(numbers) > 5)
    return f"{len(numbers)} objects ({shown})"
