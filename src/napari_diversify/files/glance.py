"""What lies at a path, by a look at its first bytes: before anything is opened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tifffile

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PLATE = {"plate", "well"}
_WITH_IMAGES = {"multiscales", "bioformats2raw.layout", *_PLATE}


def may_hold_image(path: Path) -> bool:
    """Whether a folder or TIFF looks like one that :func:`.open_image` reads.

    Zarr arrays, and groups with OME metadata of images; TIFFs unless all that they hold is in
    colour.
    """
    if path.is_dir():
        return _node_type(path) == "array" or not _WITH_IMAGES.isdisjoint(ome_attributes(path))
    try:
        with open(path, "rb") as file:
            is_tiff = file.read(4) in _TIFF
    except OSError:
        return False
    return is_tiff and not _is_in_colour(path)


def is_plate(path: Path) -> bool:
    """Whether a folder is a plate, or a well of one, of OME-Zarr."""
    return not _PLATE.isdisjoint(ome_attributes(path))


def ome_attributes(path: Path) -> dict[str, Any]:
    """The OME part of the attributes of a Zarr group; empty if there is none."""
    if _node_type(path) != "group":
        return {}
    attributes = _json(path / "zarr.json").get("attributes") or _json(path / ".zattrs")
    ome = attributes.get("ome", attributes) if isinstance(attributes, Mapping) else {}
    return dict(ome) if isinstance(ome, Mapping) else {}


def _node_type(folder: Path) -> str:
    """What a Zarr folder is, "array" or "group"; empty if it is none."""
    if (folder / ".zarray").exists():
        return "array"
    if (folder / ".zgroup").exists():
        return "group"
    return str(_json(folder / "zarr.json").get("node_type", ""))


def _json(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _is_in_colour(path: Path) -> bool:
    try:
        with tifffile.TiffFile(path) as tif:
            return bool(tif.series) and all(s.keyframe.samplesperpixel > 1 for s in tif.series)
    except Exception:  # noqa: BLE001  damaged: whoever opens it says how
        return False
