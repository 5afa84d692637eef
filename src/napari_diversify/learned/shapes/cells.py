"""Synthetic cells of six classes, to learn shapes from and to test what was learned.

    smooth      an ellipsoid
    cup         a flattened ball with a hollow in its top
    spiky       a ball with a dozen thin spikes
    lobed       a ball with three to five thick lobes
    pinched     a body with a waist
    biconcave   a disc that is thinner in its middle (Evans and Fung 1972)

Each has its own size and proportions and lies on glass, tilted a little and turned in any
direction. Its picture is what a microscope shows of it: blurred, more along z, with noise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import scipy

from ...core.noise import normal_field, seed_for, uniform_numbers
from .objects import Objects, Taken
from .pictures import Floats, middle_of, seen

Points: TypeAlias = npt.NDArray[np.float64]
Form: TypeAlias = Callable[[Points], Points]

CLASSES = ("smooth", "cup", "spiky", "lobed", "pinched", "biconcave")

_LARGEST = 0.84  # of half a cube: the semi-axis of the largest cell
_SMALLEST = 0.7  # of that
_TILT = 25.0  # degrees: the standard deviation
_BLUR = (2.0, 1.0, 1.0)  # voxels of a cube of 32
_NOISE = 0.08  # of the brightness
#: Brightness of a usual cell, where 1 is that of a body that fills the cube.
_LIGHT = {"section": 0.9, "projection": 0.4}


def synthetic_cells(
    n: int,
    seed: int,
    *,
    side: int = 32,
    voxel: float = 0.25,
    classes: tuple[str, ...] = CLASSES,
    taken: Taken = "section",
) -> tuple[Objects, npt.NDArray[np.intp]]:
    """Draw cells of all classes in turn.

    Parameters
    ----------
    n, seed : int
        How many, and which: cell i depends on the seed and on i alone.
    side : int, optional
        Voxels along an edge of their cubes.
    voxel : float, optional
        Size of these in micrometres; a cell is 0.6 to 0.85 of the cube wide.
    classes : tuple of str, optional
        Some of :data:`CLASSES`.
    taken : {"section", "projection"}, optional

    Returns
    -------
    objects : Objects
    kinds : array of int, shape (n,)
        Number of each one's class in ``classes``.

    Examples
    --------
    >>> cells, kinds = synthetic_cells(6, seed=1)
    >>> cells.cubes.shape, [CLASSES[k] for k in kinds][:2]
    ((6, 32, 32, 32), ['smooth', 'cup'])
    """
    kinds = np.arange(n) % len(classes)
    drawn = [_cell(classes[k], seed, i, side, taken) for i, k in enumerate(kinds)]
    cubes = np.stack([cube for cube, _ in drawn]) if n else np.empty((0, side, side, side), bool)
    views = np.stack([v for _, v in drawn]) if n else np.empty((0, 2, side, side), np.float32)
    names = tuple(f"{classes[k]} {i}" for i, k in enumerate(kinds))
    return Objects(cubes, views, names, voxel, True), kinds


def _cell(
    kind: str, seed: int, number: int, side: int, taken: Taken
) -> tuple[npt.NDArray[np.bool_], Floats]:
    own = seed_for(seed, f"cell {kind}")
    u = uniform_numbers(80, own, number)
    form = _FORMS[kind](u[8:])
    radius = _LARGEST * side / 2 * (_SMALLEST + (1 - _SMALLEST) * u[0])
    turn = scipy.spatial.transform.Rotation.from_euler(
        "zyz", [360 * u[1], _TILT * scipy.special.ndtri(u[2]), 360 * u[3]], degrees=True
    )
    offsets = np.arange(side) - (side - 1) / 2
    z, y, x = np.meshgrid(offsets, offsets, offsets, indexing="ij")
    points = np.stack([x, y, z], axis=-1)

    def inside(where: Points) -> npt.NDArray[np.bool_]:
        values = form(turn.inv().apply(where.reshape(-1, 3) / radius))
        found: npt.NDArray[np.bool_] = values.reshape(where.shape[:-1]) < 0
        return found

    def flat() -> npt.NDArray[np.bool_]:
        if taken == "projection":
            return np.asarray(cube.any(axis=0))
        return inside(points[0] * (1, 1, 0))

    # what is predicted for is centred at its picture
    cube = inside(points)
    middle = np.array(middle_of(flat(), (1.0, 1.0))) - side / 2
    points = points + (middle[1], middle[0], 0)
    cube = inside(points)
    scale = side / 32
    light = scipy.ndimage.gaussian_filter(cube.astype(np.float32), [scale * s for s in _BLUR])
    half = side // 2
    picture = light.mean(axis=0) if taken == "projection" else light[half - 1 : half + 1].mean(0)
    noise = _NOISE * normal_field(picture.shape, own, sample=number)
    return cube, seen(flat(), picture + noise, (0.0, _LIGHT[taken]), (1.0, 1.0), 1.0, side)


# ---- the classes: negative inside, in units of the cell's radius ----


def _smooth(u: npt.NDArray[np.float64]) -> Form:
    axes = np.array([1.0, 0.8 + 0.2 * u[0], 0.6 + 0.35 * u[1]])
    return lambda p: np.linalg.norm(p / axes, axis=-1) - 1


def _cup(u: npt.NDArray[np.float64]) -> Form:
    axes = np.array([1.0, 0.9 + 0.1 * u[0], 0.7 + 0.2 * u[1]])
    hollow, height = 0.6 + 0.15 * u[2], 0.75 + 0.15 * u[3]
    return lambda p: np.maximum(
        np.linalg.norm(p / axes, axis=-1) - 1,
        hollow - np.linalg.norm(p - (0, 0, height), axis=-1),
    )


def _bumps(body: float, height: float, width: float, directions: Points) -> Form:
    def form(p: Points) -> Points:
        r = np.linalg.norm(p, axis=-1)
        cosine = (p / np.maximum(r, 1e-9)[..., None]) @ directions.T
        bumps = np.exp(-0.5 * np.square(np.arccos(np.clip(cosine, -1, 1)) / width))
        result: Points = r - np.minimum(body + height * bumps.sum(axis=-1), 1.1)
        return result

    return form


def _directions(u: npt.NDArray[np.float64], n: int, flatness: float) -> Points:
    z, around = (2 * u[:n] - 1) * flatness, 2 * np.pi * (np.arange(n) * 0.618 + u[n : 2 * n] / n)
    across = np.sqrt(1 - z**2)
    return np.stack([across * np.cos(around), across * np.sin(around), z], axis=-1)


def _spiky(u: npt.NDArray[np.float64]) -> Form:
    n = 10 + int(8 * u[0])
    return _bumps(0.68 + 0.06 * u[1], 0.35, 0.18, _directions(u[2:], n, 1.0))


def _lobed(u: npt.NDArray[np.float64]) -> Form:
    n = 3 + int(3 * u[0])
    turns = np.arange(n) / n * 2 * np.pi + 0.4 * u[2 : 2 + n]
    up = 0.6 * (2 * u[8 : 8 + n] - 1)
    across = np.sqrt(1 - up**2)
    lobes = np.stack([across * np.cos(turns), across * np.sin(turns), up], axis=-1)
    return _bumps(0.55 + 0.1 * u[1], 0.4, 0.4, lobes)


def _pinched(u: npt.NDArray[np.float64]) -> Form:
    thick, depth, width = 0.65 + 0.15 * u[0], 0.4 + 0.25 * u[1], 0.2 + 0.1 * u[2]
    place = 0.3 * (u[3] - 0.5)

    def form(p: Points) -> Points:
        x = np.clip(p[..., 0], -1, 1)
        waist = 1 - depth * np.exp(-0.5 * np.square((x - place) / width))
        result: Points = np.hypot(p[..., 1], p[..., 2]) - thick * np.sqrt(1 - x**2) * waist
        return np.where(np.abs(p[..., 0]) < 1, result, 1.0)

    return form


def _biconcave(u: npt.NDArray[np.float64]) -> Form:
    thick, oval = 0.9 + 0.4 * u[0], 0.85 + 0.15 * u[1]

    def form(p: Points) -> Points:
        square = np.minimum(p[..., 0] ** 2 + (p[..., 1] / oval) ** 2, 1)
        half = 0.5 * np.sqrt(1 - square) * (0.207 + 2.003 * square - 1.123 * square**2)
        result: Points = np.abs(p[..., 2]) - thick * half
        return np.where(square < 1, result, 1.0)

    return form


_FORMS = {
    "smooth": _smooth,
    "cup": _cup,
    "spiky": _spiky,
    "lobed": _lobed,
    "pinched": _pinched,
    "biconcave": _biconcave,
}
