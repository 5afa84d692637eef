"""Reading OME-Zarr (0.1 to 0.5), and Zarr arrays that say nothing of OME."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import zarr

from .arranged import Arranged
from .entry import Entry
from .header import AXES, Header, guess_axes
from .units import unit_name

#: Attribute of a group in which our own record of an image is kept, beside "ome".
PROVENANCE_KEY = "diversify"

_KINDS = {"time": "t", "channel": "c"}


def images_in_zarr(path: Path) -> list[Entry]:
    """The images of a Zarr folder or a plate, in the order in which they are numbered."""
    return [Entry(path)]


def missing_chunks(path: Path, series: int | None = None) -> tuple[int, int]:
    """How many chunks (or shards) of the finest level are not there, and how many there should be.

    Zarr reads a chunk that is not there as its fill value: programs leave out chunks that hold
    nothing else, and so does a copy that was cut short. Only the files are counted.
    """
    return 0, 0


def read_zarr(
    path: Path, name: str, axes: str | None, series: int | None
) -> tuple[Header, list[Arranged]]:
    """The header and the levels, finest first, of a Zarr folder."""
    try:
        node = zarr.open(str(path), mode="r")
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise ValueError(
            "this folder is no Zarr array or group that can be read "
            f"({type(error).__name__}: {error}). Give the folder that ends with .zarr, "
            "or one that contains images"
        ) from error
    if isinstance(node, zarr.Array):
        return _plain(node, name, axes)
    try:
        return _group(node, name, axes, series or 0)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(
            f"its OME metadata cannot be understood ({type(error).__name__}: {error})"
        ) from error


def label_names(path: Path) -> list[str]:
    """Names of the label images that are stored inside an OME-Zarr image."""
    try:
        group = zarr.open_group(str(path / "labels"), mode="r")
    except (ValueError, KeyError, TypeError, OSError):
        return []
    attributes = dict(group.attrs)
    names = _ome(attributes).get("labels", [])
    return [str(n) for n in names] if isinstance(names, list) else []


def _ome(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The OME part of the attributes: under "ome" since 0.5, at the top before."""
    ome = attributes.get("ome", attributes)
    return dict(ome) if isinstance(ome, Mapping) else {}


def _plain(array: Any, name: str, axes: str | None) -> tuple[Header, list[Arranged]]:
    named = getattr(array.metadata, "dimension_names", None) or ()
    own = "".join(str(n).lower() for n in named)
    if axes is None and len(own) == array.ndim and set(own) <= set(AXES) and own.endswith("yx"):
        axes = own
    axes = guess_axes(array.ndim) if axes is None else axes
    return _described([array], axes, {}, {}, (), name, dict(array.attrs))


def _group(group: Any, name: str, axes: str | None, series: int) -> tuple[Header, list[Arranged]]:
    attributes = dict(group.attrs)
    ome = _ome(attributes)
    if "bioformats2raw.layout" in ome and "multiscales" not in ome:
        found = sorted((k for k in group.group_keys() if k.isdecimal()), key=int)
        if str(series) not in found:
            raise ValueError(f"it has no series {series}; it has {', '.join(found) or 'none'}")
        return _group(group[str(series)], name, axes, 0)
    if "multiscales" not in ome:
        raise ValueError(_why_no_image(group, ome))
    images = ome["multiscales"]
    if not 0 <= series < len(images):
        raise ValueError(f"it has no series {series}; its {len(images)} series count from 0")
    image = images[series]
    levels = [group[d["path"]] for d in image["datasets"]]
    own, units = _axes(image.get("axes"), levels[0].ndim)
    if axes is None:
        axes = own
    else:
        units = {new: unit_name(units.get(old), new) for new, old in zip(axes, own, strict=False)}
    sizes = _sizes(image, len(own))
    scale = dict(zip(axes, sizes, strict=False))
    labels = [c.get("label") for c in (ome.get("omero") or {}).get("channels", [])]
    channels = tuple(labels) if all(isinstance(c, str) for c in labels) else ()
    return _described(levels, axes, scale, units, channels, image.get("name") or name, attributes)


def _why_no_image(group: Any, ome: Mapping[str, Any]) -> str:
    """What a group is that is not one image, and what to give instead."""
    if "plate" in ome or "well" in ome:
        return "this is a plate or a well; give one of its images, e.g. .../A/1/0"
    if isinstance(ome.get("labels"), list):
        return f"these are several label images; give one of {', '.join(map(str, ome['labels']))}"
    inside = ", ".join(sorted(group.array_keys())) or "none"
    return f"this Zarr group has no OME metadata; give one of the arrays in it ({inside})"


def _axes(axes: Sequence[Any] | None, ndim: int) -> tuple[str, dict[str, str | None]]:
    """Letters and units of axes as stored: dicts since 0.4, names in 0.3, nothing before."""
    if axes is None:
        return guess_axes(ndim), {}
    letters, units = "", {}
    for axis in axes:
        entry = axis if isinstance(axis, Mapping) else {"name": axis}
        called = str(entry["name"]).lower()
        letter = _KINDS.get(str(entry.get("type")), called)
        # "?": an axis that we do not know, which is no matter if it has length 1
        letters += letter if letter in AXES and len(letter) == 1 else "?"
        units[letters[-1]] = unit_name(entry.get("unit"), letters[-1])
    return letters, units


def _sizes(image: Mapping[str, Any], n: int) -> list[float]:
    """Voxel size per axis of the finest level: its own scale times that of all levels."""
    sizes = [1.0] * n
    for owner in (image["datasets"][0], image):
        for transform in owner.get("coordinateTransformations") or []:
            if transform.get("type") == "scale" and "scale" in transform:
                sizes = [s * float(t) for s, t in zip(sizes, transform["scale"], strict=True)]
    return sizes


def _described(
    levels: Sequence[Any],
    axes: str,
    scale: Mapping[str, float],
    units: Mapping[str, str | None],
    channels: tuple[str, ...],
    name: str,
    attributes: Mapping[str, Any],
) -> tuple[Header, list[Arranged]]:
    own = attributes.get(PROVENANCE_KEY)
    return described(
        levels, axes, scale, units, channels, name, own if isinstance(own, dict) else None
    )


def described(
    levels: Sequence[Any],
    axes: str,
    scale: Mapping[str, float],
    units: Mapping[str, str | None],
    channels: tuple[str, ...],
    name: str,
    provenance: dict[str, Any] | None,
    keep: str = AXES,
) -> tuple[Header, list[Arranged]]:
    """Put levels with axes in the order of a file into ours, and describe them.

    Parameters
    ----------
    levels : sequence of array-like
        Finest first.
    axes : str
        One letter per axis; letters that are none of ours must have length 1.
    scale, units : mapping from axis to size and unit
        What is known; a size that no voxel can have counts as unknown.
    channels : tuple of str
        Names; left out if there are more or fewer than channels.
    name : str
        Of the image.
    provenance : dict or None
        Our own record.
    keep : str
        Axes that stay although they have length 1.
    """
    shape = tuple(levels[0].shape)
    if len(axes) != len(shape):
        raise ValueError(
            f"axes={axes!r} names {len(axes)} axes, but the image has {len(shape)}: its shape is "
            f"{shape}"
        )
    sizes = dict(zip(axes, shape, strict=True))
    wanted = "".join(a for a in AXES if a in axes and (a in "yx" or sizes[a] > 1 or a in keep))
    strange = [f"{a!r} ({n})" for a, n in zip(axes, shape, strict=True) if a not in AXES and n > 1]
    twice = any(axes.count(a) > 1 for a in AXES)
    if strange or twice or not wanted.endswith("yx"):
        raise ValueError(
            f"its axes {axes!r} with shape {shape} cannot be told apart as {AXES!r}. Say what they "
            f"are with axes=, e.g. axes='{guess_axes(min(max(len(shape), 2), 5))}'"
        )
    known = {a: s for a, s in scale.items() if math.isfinite(s) and s > 0}
    arranged = [Arranged(level, axes, wanted) for level in levels]
    n_channels = sizes.get("c", 1) if "c" in wanted else 1
    header = Header(
        arranged[0].shape,
        levels[0].dtype,
        wanted,
        tuple(known.get(a, 1.0) for a in wanted),
        tuple(units.get(a) if a in known else None for a in wanted),
        channels if len(channels) == n_channels else (),
        name,
        provenance,
    )
    return header, arranged
