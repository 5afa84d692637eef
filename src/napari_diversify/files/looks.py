"""How a file says that its image should be shown: as labels, in which colours, how bright.

Nothing here changes a voxel or a length, so whatever cannot be read is ignored.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tifffile

from .glance import ome_attributes
from .tiff.ome_tree import ome_tree
from .tiff.ome_xml import LABELS_KEY, parsed


@dataclass(frozen=True)
class Looks:
    """How a file says that its image should be shown.

    Parameters
    ----------
    labels : bool, optional
        Whether voxels are numbers of objects.
    colours : tuple of str, optional
        A colour per channel ("#00ff00"), empty where none is given; or nothing.
    windows : tuple of (float, float) or None, optional
        Per channel the grey levels shown as black and as the full colour; or nothing.
    """

    labels: bool = False
    colours: tuple[str, ...] = ()
    windows: tuple[tuple[float, float] | None, ...] = ()

    def colour(self, channel: int) -> str:
        """Colour of a channel, or nothing."""
        return self.colours[channel] if channel < len(self.colours) else ""

    def window(self, channel: int) -> tuple[float, float] | None:
        """Grey levels of a channel, or None."""
        return self.windows[channel] if channel < len(self.windows) else None


def looks_of(path: Path) -> Looks:
    """How the Zarr folder or the TIFF of an image says that it should be shown."""
    if path.is_dir():
        return _looks_of_zarr(ome_attributes(path))
    try:
        with tifffile.TiffFile(path) as tif:
            return _looks_of_tiff(tif.ome_metadata or "")
    except (OSError, ValueError, struct.error, KeyError, IndexError):
        return Looks()


# ---- Zarr ----


def _looks_of_zarr(ome: Mapping[str, Any]) -> Looks:
    omero = ome.get("omero")
    channels = omero.get("channels") if isinstance(omero, Mapping) else None
    channels = channels if isinstance(channels, list) else []
    channels = [channel if isinstance(channel, Mapping) else {} for channel in channels]
    return Looks(
        labels="image-label" in ome,
        colours=tuple(_colour(c.get("color")) for c in channels),
        windows=tuple(_window(c.get("window")) for c in channels),
    )


def _colour(text: Any) -> str:
    """Six hexadecimal digits as a colour, or nothing."""
    match = re.fullmatch("#?([0-9a-f]{6})", str(text).strip().lower())
    return f"#{match[1]}" if match else ""


def _window(window: Any) -> tuple[float, float] | None:
    try:
        start, end = float(window["start"]), float(window["end"])
    except (KeyError, TypeError, ValueError):
        return None
    return (start, end) if -math.inf < start < end < math.inf else None


# ---- TIFF ----


def _looks_of_tiff(text: str) -> Looks:
    images = ome_tree(text).findall("Image")
    # of several images it is not known here which element describes which
    channels = images[0].findall("Pixels/Channel") if len(images) == 1 else []
    return Looks(
        labels=bool(parsed(text).note.get(LABELS_KEY)),
        colours=tuple(_signed_colour(channel.get("Color")) for channel in channels),
    )


def _signed_colour(text: str | None) -> str:
    """The colour that OME-XML writes as RGBA in a signed 32-bit number, or nothing."""
    try:
        return "" if text is None else f"#{(int(text) & 0xFFFFFFFF) >> 8:06x}"
    except ValueError:
        return ""
