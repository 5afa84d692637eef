"""Ellipsoids as objects, not voxels: where they lie, whether they overlap, where there is room.

Objects are placed one after the other, large ones first, where they overlap none
of those placed before (random sequential placement). Whether two of them overlap is
decided exactly, by the contact function of Perram and Wertheim. Ellipses are
ellipsoids of which only the cut z = 0 counts.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import compiled as kernels
from .field import in_three

Floats = npt.NDArray[np.float64]

#: Objects per cluster, on average, and tries to place one before it is left out.
CLUSTER, TRIES = 8, 300
_MOST = 2_000_000  # objects in one population
_PIECE = 64  # of them between the first reports of progress
_PIECE_S = 0.05  # seconds between later ones, about


@dataclass(frozen=True, eq=False)
class Ellipsoids:
    """Ellipsoids in a field: an array per property, lengths in micrometres, axes (z, y, x).

    Attributes
    ----------
    centres : numpy.ndarray of float64, shape (n, 3)
        The field begins at 0; voxel i has its middle at (i + 0.5) * spacing.
        For ellipses z is 0.
    semi_axes : numpy.ndarray of float64, shape (n, 3)
        For ellipses the last one is 1 and has no meaning.
    directions : numpy.ndarray of float64, shape (n, 3, 3)
        ``directions[k, i]`` is the unit vector (z, y, x) along semi-axis i of object k.
    brightness : numpy.ndarray of float64, shape (n,)
    asked : int
        How many were to be placed.
    placed : int
        How many found room, including those without a voxel in the field, which the
        arrays leave out.
    """

    centres: Floats
    semi_axes: Floats
    directions: Floats
    brightness: Floats
    asked: int
    placed: int

    def __len__(self) -> int:
        return len(self.centres)

    def matrices(self, power: int = 2) -> Floats:
        """Symmetric matrices R' diag(semi-axes ** power) R, shape (n, 6): zz yy xx zy zx yx."""
        return _matrices(self.semi_axes, self.directions, power)

    def take(self, which: npt.NDArray[np.bool_]) -> Ellipsoids:
        """The objects for which ``which`` is true."""
        return Ellipsoids(
            self.centres[which],
            self.semi_axes[which],
            self.directions[which],
            self.brightness[which],
            self.asked,
            self.placed,
        )


def _matrices(semi_axes: Floats, directions: Floats, power: int) -> Floats:
    full = np.einsum("nij,ni,nik->njk", directions, semi_axes**power, directions)
    return np.ascontiguousarray(full[:, [0, 1, 2, 1, 2, 2], [0, 1, 2, 0, 0, 1]])


# ---- places ----


def contact(
    matrices: Floats, centres: Floats, pairs: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Contact function of pairs of ellipsoids: below 1 they overlap, at 1 they touch.

    Its square root is the factor by which both would have to be scaled about
    their centres to touch.

    Parameters
    ----------
    matrices : numpy.ndarray of float64, shape (n, 6)
        As :meth:`Ellipsoids.matrices` gives them.
    centres : numpy.ndarray of float64, shape (n, 3)
    pairs : numpy.ndarray of int64, shape (m, 2)
        Numbers of the two ellipsoids, from 0.

    References
    ----------
    .. [1] J. W. Perram and M. S. Wertheim, "Statistical mechanics of hard
       ellipsoids. I. Overlap algorithm and the contact function",
       J. Comput. Phys. 58, 409-416 (1985).

    Examples
    --------
    >>> spheres = np.array([[1.0, 1, 1, 0, 0, 0], [4.0, 4, 4, 0, 0, 0]])  # radius 1 and 2
    >>> print(contact(spheres, np.array([[0.0, 0, 0], [0, 0, 6]]), np.array([[0, 1]])).round(6))
    [4.]
    """
    out = np.empty(len(pairs))
    kernels.contacts(matrices, centres, np.ascontiguousarray(pairs, np.int64), out)
    return out


def exclusion_ellipsoids(
    semi_axes: Floats, directions: Floats, spacing: Sequence[float], overlap: float
) -> tuple[Floats, Floats]:
    """Ellipsoids that must not overlap, one per object: matrices (n, 6), semi-axes (n, 2).

    With an ``overlap`` above 0 they are the objects with semi-axes shorter by that
    share. With 0 each surrounds its object and half a voxel on every side of it:
    no voxel of one object is then a neighbour of a voxel of another, not even
    across a corner. Of the semi-axes, the shortest and the longest are given.
    """
    if overlap > 0:
        q = _matrices(semi_axes, directions, 2) * (1.0 - overlap) ** 2
    else:
        # an ellipsoid around the voxel, then that of smallest trace around the sum of both
        n = len(spacing)
        voxel = np.ones(3)
        voxel[-n:] = n / 4.0 * np.square(spacing)
        size = np.square(semi_axes[:, :n]).sum(axis=1)
        share = np.sqrt(voxel[-n:].sum() / size)[:, None] * 1.000001
        q = _matrices(semi_axes, directions, 2) * (1.0 + share)
        q[:, :3] += (1.0 + 1.0 / share) * voxel
    if len(spacing) == 2:
        q[:, 0] = 1.0
    full = q[:, [[0, 3, 4], [3, 1, 5], [4, 5, 2]]]
    flat = full[:, 1:, 1:] if len(spacing) == 2 else full
    return q, np.sqrt(np.linalg.eigvalsh(flat)[:, [0, -1]])


def placing(
    matrices: Floats,
    reach: Floats,
    low: Floats,
    high: Floats,
    rng: np.random.Generator,
    *,
    wrapped: Sequence[bool] | npt.NDArray[np.bool_] = (False,) * 3,
    clustered: npt.NDArray[np.bool_] | None = None,
    spread: float = 0.0,
    tries: int = TRIES,
    patience: int | None = None,
) -> Generator[tuple[int, int], None, tuple[Floats, npt.NDArray[np.bool_]]]:
    """Place ellipsoids between ``low`` and ``high`` so that none overlap, large ones first.

    Parameters
    ----------
    matrices : numpy.ndarray of float64, shape (n, 6)
    reach : numpy.ndarray of float64, shape (n, 2)
        Shortest and longest semi-axis of each.
    low, high : numpy.ndarray of float64, shape (3,)
        Where centres may lie.
    rng : numpy.random.Generator
        Where the random numbers come from.
    wrapped : sequence of bool, optional
        Axes (z, y, x) along which the box continues at its other end: the density is
        then the same everywhere in it, while hard borders attract objects.
    clustered : numpy.ndarray of bool, shape (n,), optional
        Which objects lie in clusters, around parents that are spread evenly
        (a Thomas process, as far as there is room).
    spread : float, optional
        Standard deviation of a cluster along each axis in micrometres; it grows
        for objects that find no place.
    tries : int, optional
        Places tried for an object before it is left out.
    patience : int, optional
        How many in a row may be left out before all others are. By default all are tried.

    Yields
    ------
    done, n : int
        How many have been placed or left out.

    Returns
    -------
    centres : numpy.ndarray of float64, shape (n, 3)
    placed : numpy.ndarray of bool, shape (n,)
    """
    n = len(matrices)
    centres, placed = np.zeros((n, 3)), np.zeros(n, np.bool_)
    if n == 0:
        return centres, placed
    cluster = np.full(n, -1, np.int64)
    parents = np.zeros((1, 3))
    if clustered is not None and clustered.any():
        members = int(clustered.sum())
        parents = low + rng.random((max(1, round(members / CLUSTER)), 3)) * (high - low)
        cluster[clustered] = rng.integers(len(parents), size=members)
    # a cell is as wide as the widest pair; very small ones would only cost memory
    side = max(2.0 * float(reach.max()), float((high - low).max()) / 256.0)
    heads = np.full(np.maximum(((high - low) / side).astype(int), 1), -1, np.int64)
    order = np.argsort(-reach[:, 1], kind="stable")
    ordered_centres, ordered_placed = np.zeros((n, 3)), np.zeros(n, np.bool_)
    following = np.empty(n, np.int64)
    patient = n if patience is None else patience
    failed = 0
    sorted_ = [np.ascontiguousarray(a[order]) for a in (matrices, reach[:, 1], reach[:, 0])]
    cluster = cluster[order]
    first, step = 0, _PIECE
    while first < n and failed <= patient:
        last, start = min(first + step, n), time.perf_counter()
        failed = kernels.place(
            *sorted_,
            low,
            high - low,
            np.array(wrapped),
            cluster,
            parents,
            spread,
            tries,
            patient,
            rng,
            first,
            last,
            failed,
            heads,
            following,
            ordered_centres,
            ordered_placed,
        )
        # in a crowded box one object may take a thousand times as long as the first ones
        slow = time.perf_counter() - start > _PIECE_S
        yield last, n
        first, step = last, max(1, step // 4) if slow else 2 * step
    centres[order], placed[order] = ordered_centres, ordered_placed
    return centres, placed


# ---- in a field of voxels ----


def in_field(
    objects: Ellipsoids, shape: Sequence[int], spacing: Sequence[float], overlap: float = 0.0
) -> Ellipsoids:
    """The objects that have a voxel in the field, whatever overlaps them."""
    own = np.empty(len(objects), np.bool_)
    three, size = in_three(shape, spacing)
    kernels.owns_voxel(
        objects.matrices(-2) / (1.0 - overlap) ** 2,
        objects.centres - middle_of(shape),
        boxes_of(objects, spacing, len(shape), 1.0 - overlap),
        np.array(three),
        size,
        own,
    )
    return objects.take(own)


def boxes_of(
    objects: Ellipsoids, spacing: Sequence[float], ndim: int, scale: float = 1.0
) -> npt.NDArray[np.int64]:
    """First voxel, and the one after the last, that each object may reach, shape (n, 2, 3)."""
    half = scale * np.sqrt(objects.matrices(2)[:, :3])
    _, size = in_three((1,) * ndim, spacing)
    centres = objects.centres
    low = np.floor((centres - half) / size - 0.5)
    high = np.ceil((centres + half) / size + 0.5)
    boxes = np.stack([low, high], axis=1).astype(np.int64)
    if ndim == 2:
        boxes[:, :, 0] = (0, 1)
    return boxes


def middle_of(shape: Sequence[int]) -> Floats:
    """Subtracted from centres, it moves ellipses (z = 0) to the middle of the only plane."""
    return np.array([0.0 if len(shape) == 3 else -0.5, 0.0, 0.0])


def check_number(n: int, advice: str) -> None:
    """Raise a ValueError if there are more objects than memory and patience allow."""
    if n > _MOST:
        raise ValueError(f"{n:,} objects would lie in this field; {_MOST:,} can be drawn. {advice}")
