"""What a path leads to, judged by its first bytes, before anything is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tifffile

from .ome_zarr.nodes import node_at
from .reading import images_in
from .tiff.library import series_in

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PLATE = {"plate", "well"}
_WITH_IMAGES = {"multiscales", "bioformats2raw.layout", *_PLATE}


def may_hold_image(path: Path) -> bool:
    """Whether a folder or TIFF looks like one that :func:`.open_image` reads.

    Zarr arrays, and groups with images in them; TIFFs unless all that they hold is in
    colour.
    """
    if path.is_dir():
        try:
            node = node_at(path)
        except ValueError:
            return True  # damaged: opening it says how
        return node is not None and (not _WITH_IMAGES.isdisjoint(node.ome) or _lists_image(path))
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
    """The OME part of the attributes of a Zarr group; empty if there is none that can be read."""
    try:
        node = node_at(path)
    except ValueError:
        return {}
    return {} if node is None or node.is_array else node.ome


def _lists_image(path: Path) -> bool:
    try:
        return bool(images_in(path))
    except (OSError, ValueError):
        return False


def _is_in_colour(path: Path) -> bool:
    try:
        with tifffile.TiffFile(path) as tif:
            series = series_in(tif)
            return bool(series) and all(s.keyframe.samplesperpixel > 1 for s in series)
    except Exception:  # noqa: BLE001  damaged: opening it says how
        return False
