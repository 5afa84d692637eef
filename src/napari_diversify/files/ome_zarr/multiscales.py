"""One image among the ``multiscales`` of an OME-Zarr group: its levels, sizes and position."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .nodes import Node, inside, node_at

#: Versions of OME-Zarr that are understood; revisions of one are written alike.
_KNOWN = re.compile(r"0\.[1-5](\.\d+)?")

#: Sizes are decimal numbers: two of them are the same if they are within a part in a million.
_NEARLY = 1 - 1e-6


@dataclass(frozen=True)
class Place:
    """Where voxels lie, per axis: index times ``scale`` plus ``origin``; NaN where unknown."""

    scale: tuple[float, ...]
    origin: tuple[float, ...]


@dataclass(frozen=True)
class Level:
    """A level of an image: its array, and where its voxels lie."""

    array: Node
    place: Place


@dataclass(frozen=True)
class Multiscale:
    """One image: its levels, finest first, and sentences on what is doubtful."""

    levels: tuple[Level, ...]
    notes: tuple[str, ...] = ()


def entries(group: Node) -> list[Mapping[str, Any]]:
    """The images that a group lists; none if it lists none.

    Raises
    ------
    ValueError
        If they are not a list of objects.
    """
    listed = group.ome.get("multiscales")
    if listed is None:
        return []
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise ValueError(
            "its OME metadata cannot be understood (multiscales is not a list of images)"
        )
    return listed


def dataset_paths(entry: Mapping[str, Any]) -> list[object]:
    """Where an image says that its levels are."""
    datasets = entry.get("datasets")
    if not isinstance(datasets, list) or not all(isinstance(d, dict) for d in datasets):
        datasets = []
    if not datasets:
        raise ValueError("its OME metadata cannot be understood (an image must list its datasets)")
    return [dataset.get("path") for dataset in datasets]


def unknown_version(group: Node, entry: Mapping[str, Any]) -> str | None:
    """The version of OME-Zarr, if it is not understood."""
    ome = group.attributes.get("ome")  # before 0.5, a "version" beside is not that of OME-Zarr
    of_group = ome.get("version") if isinstance(ome, dict) else None
    for version in (of_group, entry.get("version")):
        if version not in (None, "") and not _KNOWN.fullmatch(str(version)):
            return str(version)
    if "coordinateSystems" in entry:
        return "0.6 or later"
    return None


def describes_sizes(entry: Mapping[str, Any]) -> bool:
    """Whether an image says anything about the sizes of its voxels, right or wrong."""
    datasets = entry.get("datasets")
    parts = [entry, *(datasets if isinstance(datasets, list) else [])]
    return any(isinstance(p, dict) and bool(p.get("coordinateTransformations")) for p in parts)


def multiscale(group: Node, entry: Mapping[str, Any], only: Path | None = None) -> Multiscale:
    """The levels of an image, whatever the order in which they are listed.

    Parameters
    ----------
    group : Node
        The group that lists the image.
    entry : mapping
        One of :func:`entries`.
    only : Path, optional
        Use this level alone.
    """
    listed, gaps = _levels_of(group, entry, only)
    if not listed:
        raise ValueError(f"none of its levels can be read: {', '.join(gaps)}")
    levels = sorted(listed, key=lambda level: -math.prod(level.array.shape))
    finest = levels[0]
    for name, place in gaps.items():
        if not _is_coarser(place, finest.place):
            raise ValueError(
                f"nothing says that a level which cannot be read is a coarse one: {name}. Was the "
                "folder copied completely?"
            )
    pyramid = [level for level in levels if _is_alike(level.array, finest.array)]
    shapes = [level.array.shape for level in pyramid]
    if any(n > most for shape in shapes for n, most in zip(shape, shapes[0], strict=True)):
        raise ValueError(
            "its levels are not coarse copies of one image: their shapes are "
            f"{', '.join(map(str, shapes))}. Give the array of one"
        )
    notes = []
    if levels != listed:
        notes.append("its levels are not listed from fine to coarse: the finest is used")
    if gaps:
        notes.append(f"coarse levels of it cannot be read: {', '.join(gaps)}")
    if len(pyramid) < len(levels):
        notes.append("levels with other axes or another type of voxels are left out")
    finest, doubts = _with_sizes_checked(pyramid)
    return Multiscale((finest, *pyramid[1:]), (*notes, *doubts))


def _levels_of(
    group: Node, entry: Mapping[str, Any], only: Path | None
) -> tuple[list[Level], dict[str, Place]]:
    """The levels that exist, and those that do not, by path and reason."""
    shared = entry.get("coordinateTransformations")
    levels: list[Level] = []
    gaps: dict[str, Place] = {}
    for path, dataset in zip(dataset_paths(entry), entry["datasets"], strict=True):
        where = inside(group.path, path)
        if only not in (None, where) or any(level.array.path == where for level in levels):
            continue
        own = dataset.get("coordinateTransformations")
        try:
            array = node_at(where)
            if array is None or not array.is_array:
                raise ValueError("there is no array")
            levels.append(Level(array, place_of((own, shared), len(array.shape))))
        except ValueError as error:
            gaps[f"{path} ({error})"] = place_of((own, shared))
    return levels, gaps


def place_of(lists: Sequence[object], n: int | None = None) -> Place:
    """Lists of transformations, one after the other, as one; by default with their axes.

    What they do not say, or what is not understood, is NaN.
    """
    steps = [step for steps in lists for step in (steps if isinstance(steps, list) else [steps])]
    steps = [step for step in steps if step is not None]
    if n is None:
        n = max([len(v) for v in map(_values_of, steps) if isinstance(v, list)], default=0)
    scale, origin = [1.0] * n, [0.0] * n
    has_scale = False
    for step in steps:
        kind = step.get("type") if isinstance(step, dict) else None
        values = _numbers(_values_of(step), n)
        if kind == "scale":
            has_scale = True
            factors = [v if v > 0 else math.nan for v in values]
            scale = [s * f for s, f in zip(scale, factors, strict=True)]
            origin = [o and o * f for o, f in zip(origin, factors, strict=True)]
        elif kind == "translation":
            origin = [o + v for o, v in zip(origin, values, strict=True)]
        elif kind != "identity":
            scale, origin = [math.nan] * n, [math.nan] * n
    if not has_scale:
        scale = [math.nan] * n
    return Place(
        tuple(s if math.isfinite(s) and s > 0 else math.nan for s in scale),
        tuple(o if math.isfinite(o) else math.nan for o in origin),
    )


def _values_of(step: object) -> object:
    return step.get(str(step.get("type"))) if isinstance(step, dict) else None


def _numbers(values: object, n: int) -> list[float]:
    """The values as ``n`` numbers, NaN where they are none."""
    if not isinstance(values, list) or len(values) != n:
        return [math.nan] * n
    return [_number(value) for value in values]


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan


def _is_alike(array: Node, finest: Node) -> bool:
    """Whether two arrays have the same number of axes and the same type of voxels."""
    types = [
        str(node.document.get("data_type", node.document.get("dtype"))) for node in (array, finest)
    ]
    return len(array.shape) == len(finest.shape) and types[0] == types[1]


def _is_coarser(place: Place, finest: Place) -> bool:
    """Whether voxels are larger than those of a level, by what the file says."""
    pairs = list(zip(place.scale, finest.scale, strict=False))
    is_known = len(place.scale) == len(finest.scale) and not any(
        math.isnan(s + f) for s, f in pairs
    )
    return is_known and all(s >= f * _NEARLY for s, f in pairs) and any(s > f for s, f in pairs)


def _with_sizes_checked(levels: Sequence[Level]) -> tuple[Level, tuple[str, ...]]:
    """The finest level, and a note if sizes of voxels do not go with the shapes of levels."""
    finest = levels[0]
    fits = True
    for level in levels[1:]:
        as_fine = level.array.shape == finest.array.shape
        for size, fine, n, most in zip(
            level.place.scale,
            finest.place.scale,
            level.array.shape,
            finest.array.shape,
            strict=True,
        ):
            if size < fine * _NEARLY or (as_fine and fine < size * _NEARLY):
                unknown = (math.nan,) * len(levels[0].array.shape)
                return Level(finest.array, Place(unknown, finest.place.origin)), (
                    "the sizes of voxels of its levels contradict their shapes: they count as "
                    "unknown. Give them with --voxel-size",
                )
            # halved several times, and always rounded up or down, a level may be off by a step
            step = size / fine
            fits = fits and not abs(n * step - most) > step / _NEARLY
    if fits:
        return finest, ()
    return finest, (
        "the sizes of voxels of its coarse levels do not go with their shapes: only that of the "
        "finest level is used",
    )
