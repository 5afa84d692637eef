"""Opening an image in napari: what it calls for *File > Open* of an OME-Zarr or OME-TIFF.

Voxels stay in the file until they are looked at. Pyramids, voxel size, units, axes, position,
channels with their names and colours, and the recipe of a generated image come with them; label
images become Labels layers. What :mod:`.writers` saved comes back as it was.
"""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from . import files
from .files import Entry, Header, ImageFile
from .recipe.provenance import KEY, for_layer

LayerData: TypeAlias = tuple[Any, dict[str, Any], str]

#: Key of a layer's metadata that says which image of which file it shows.
FILE_KEY = "napari-diversify-file"

_ENDINGS = files.FORMATS["ome-tiff"].endings
#: Fields of a plate that are opened with it.
_FIELDS = 4
#: Bytes of labels that are read at once: napari paints on arrays in memory only.
_PAINTABLE = 64 << 20
#: Voxels, in all and along y and x, that are read to see how bright an image is.
_FEW, _SIDE = 1 << 22, 1 << 11
# as add_image(channel_axis=...) chooses them
_TWO_COLOURS = ("magenta", "green")
_COLOURS = ("cyan", "yellow", "magenta", "red", "green", "blue")


class ReaderNote(UserWarning):
    """Something that a reader noticed and the user should know."""


def get_reader(
    path: str | os.PathLike[str] | Sequence[str],
) -> Callable[[str], list[LayerData]] | None:
    """The function that opens a path, or None to leave it to other readers.

    Those are for files that are neither Zarr nor OME-TIFF, for images in colour, and for stacks
    of several files.
    """
    if not isinstance(path, (str, os.PathLike)):
        return None
    where = Path(path)
    named = where.is_dir() or where.name.lower().endswith(_ENDINGS)
    return read_layers if named and files.may_hold_image(where) else None


def read_layers(path: str) -> list[LayerData]:
    """The images and labels in a file or Zarr folder, as layers.

    Parameters
    ----------
    path : str
        As for :func:`.files.open_image`.

    Returns
    -------
    list of (data, keywords, "image" or "labels")
        One per channel of each image, then the labels stored beside them. Images that the file
        sets aside, such as thumbnails, are left out; of a plate the first fields are opened.

    Raises
    ------
    ValueError, OSError
        If nothing in it can be opened; the message says why.

    Warns
    -----
    ReaderNote
        For each thing that users should know about the file, once.
    """
    where = Path(path)
    entries = files.images_in(where)
    wanted = [entry for entry in entries if not entry.aside] or entries
    notes: list[str] = []
    if files.is_plate(where) and len(wanted) > _FIELDS:
        notes.append(
            f"it has {len(wanted)} fields, of which the first {_FIELDS} are opened. To see "
            f"another, open its folder, e.g. {wanted[_FIELDS].path}"
        )
        wanted = wanted[:_FIELDS]
    layers: list[LayerData] = []
    images: dict[Path, Header] = {}
    refusals: list[Exception] = []

    def open_(entry: Entry, title: str, beside: Header | None = None) -> None:
        lone = sum(other.path == entry.path for other in entries) < 2
        series = None if lone else entry.series
        try:
            image = files.open_image(entry.path, series=series)
            layers.extend(_layers_of(image, entry, series, title, beside))
        except (OSError, ValueError) as error:
            refusals.append(error)
            return
        except Exception as error:  # noqa: BLE001  decoders fail in all kinds of ways
            what = f"{type(error).__name__}: {error}"
            refusals.append(ValueError(f"{entry.path}: its voxels cannot be read ({what})"))
            return
        notes.extend(image.header.notes)
        if beside is None:
            images.setdefault(entry.path, image.header)

    for entry in wanted:
        open_(entry, "" if len(wanted) == 1 else entry.name)
    if not layers:
        raise refusals[0] if refusals else ValueError(f"{where}: there is no image in it")
    for image_path, header in images.items():
        for inside in files.labels_in(image_path):
            name = inside.name if len(images) == 1 else f"{files.stem(image_path)} {inside.name}"
            open_(Entry(inside, name=name), name, header)
    for note in dict.fromkeys([*notes, *map(str, refusals)]):
        warnings.warn(f"{where.name}: {note}.", ReaderNote, stacklevel=2)
    return layers


def _layers_of(
    image: ImageFile, entry: Entry, series: int | None, title: str, beside: Header | None
) -> list[LayerData]:
    """One layer per channel, named by the title, or by default as the image is.

    ``beside`` is the header of the image whose labels these are.
    """
    header, looks = image.header, files.looks_of(entry.path)
    labels = (looks.labels or beside is not None) and header.dtype.kind in "iu"
    channels = files.channels_of(image)
    layers: list[LayerData] = []
    for n, levels in enumerate(channels):
        keywords = {
            **_place(header, beside),
            "name": _name(title, entry, header, n),
            "multiscale": len(levels) > 1,
            "metadata": _metadata(entry, series, header, n),
        }
        data: Any = levels if len(levels) > 1 else levels[0]
        if labels:
            if len(levels) == 1 and levels[0].nbytes <= _PAINTABLE:
                data = np.asarray(data)
            layers.append((data, keywords, "labels"))
            continue
        # napari would look at the first plane only, and take a short last axis to be colours
        keywords |= {"contrast_limits": _limits(levels[-1], looks.window(n)), "rgb": False}
        if len(channels) > 1:
            usual = _TWO_COLOURS if len(channels) == 2 else _COLOURS
            keywords |= {"blending": "additive", "colormap": usual[n % len(usual)]}
        if colour := looks.colour(n):
            keywords["colormap"] = "gray" if colour == "#ffffff" else colour
        layers.append((data, keywords, "image"))
    return layers


def _name(title: str, entry: Entry, header: Header, channel: int) -> str:
    # some writers name an image by its path in the Zarr folder, which is the root
    name = title or (entry.name if header.name == "/" else header.name)
    if header.size_of("c") == 1:
        return name
    if not header.channels or not header.channels[channel].strip():
        return f"{name} c{channel}"
    return f"{title} {header.channels[channel]}".strip()


def _place(header: Header, beside: Header | None) -> dict[str, Any]:
    """Where a layer lies; labels that do not say so lie where the image of their shape lies."""
    axes = [axis for axis in header.axes if axis != "c"]
    if beside is not None and header.spacing is None:
        same = all(header.size_of(axis) == beside.size_of(axis) for axis in axes)
        header = beside if same and {*axes} <= {*beside.axes} else header
    at = [header.axes.index(axis) for axis in axes]
    return {
        "scale": tuple(header.scale[i] for i in at),
        "translate": tuple(header.origin[i] for i in at),
        "units": tuple(header.units[i] or "pixel" for i in at),
        "axis_labels": tuple(axes),
    }


def _metadata(entry: Entry, series: int | None, header: Header, channel: int) -> dict[str, Any]:
    """Which image a layer shows, and our own record of how it was made."""
    out: dict[str, Any] = {
        FILE_KEY: {"path": str(entry.path), "series": series, "name": entry.name}
    }
    if header.size_of("c") > 1:
        out[FILE_KEY]["channel"] = channel
    made = copy.deepcopy(header.provenance or {})
    made = for_layer(made, channel if "c" in header.axes else None)
    return {**out, KEY: made} if made else out


def _limits(coarsest: Any, window: tuple[float, float] | None) -> tuple[float, float]:
    """Grey levels to show as black and white: those of the file, or the range of some voxels."""
    limits = np.iinfo(coarsest.dtype) if coarsest.dtype.kind in "iu" else None
    # writers that do not know it put in the whole range
    if window not in (None, (0, 1) if limits is None else (limits.min, limits.max)):
        return window
    *lead, height, width = coarsest.shape
    index: list[Any] = [slice(None)] * len(lead)
    if coarsest.size > _FEW:
        index = [n // 2 for n in lead]
    for n in (height, width):
        start = max(0, (n - _SIDE) // 2)
        index.append(slice(start, start + _SIDE))
    values = coarsest[tuple(index)]
    values = values[np.isfinite(values)]
    if not values.size:
        return 0, 1
    low, high = values.min().item(), values.max().item()
    return (low, high) if low < high else (min(low, 0), max(high, 1))
