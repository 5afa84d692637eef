"""Reading OME-TIFF, ImageJ TIFF and plain TIFF."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import tifffile
import zarr

from .arranged import Arranged
from .described import described
from .entry import Entry
from .header import AXES, Header
from .units import unit_name

_DESCRIPTION = 270  # the tag that holds OME-XML
_CUT_OFF = "this TIFF is cut off: it ends before its last plane. Copy it again"

#: Namespace of our annotation in OME-XML.
NAMESPACE = "napari-diversify"


def images_in_tiff(path: Path) -> list[Entry]:
    """The images of a TIFF file, in the order in which they are numbered."""
    return [Entry(path)]


def read_tiff(
    path: Path, name: str, axes: str | None, series: int | None
) -> tuple[Header, list[Arranged], tifffile.TiffFile]:
    """The header, the levels (finest first) and the open file, which the caller closes."""
    try:
        tif = tifffile.TiffFile(path)
    except (ValueError, struct.error, KeyError, IndexError, EOFError) as error:
        raise ValueError(f"this is no TIFF, or a damaged one ({error})") from error
    try:
        header, levels = _read(tif, name, axes, series or 0)
    except BaseException as error:
        tif.close()
        if isinstance(error, (KeyError, IndexError, AttributeError, struct.error, zlib.error)):
            raise ValueError(f"this TIFF is damaged ({type(error).__name__}: {error})") from error
        raise
    return header, levels, tif


def _read(
    tif: tifffile.TiffFile, name: str, axes: str | None, index: int
) -> tuple[Header, list[Arranged]]:
    if not tif.series:
        raise ValueError("it holds no image that can be read: it is damaged or not complete")
    if not 0 <= index < len(tif.series):
        raise ValueError(f"it has no series {index}; its {len(tif.series)} series count from 0")
    series = tif.series[index]
    shape = tuple(series.get_shape(squeeze=False))
    letters = series.get_axes(squeeze=False).lower()
    if "s" in letters and shape[letters.index("s")] > 1:
        raise ValueError(
            f"this is a colour image with {shape[letters.index('s')]} samples per pixel (RGB). "
            "Split it into channels, and save those"
        )
    _check_readable(series)
    if not _is_complete(tif):
        raise ValueError(_CUT_OFF)
    image = _ome_image(tif, index)
    scale: dict[str, float] = {}
    units: dict[str, str | None] = {}
    channels: tuple[str, ...] = ()
    note: dict[str, Any] = {}
    if image is not None:
        scale, units, channels = _ome_measures(image)
        note = _note(tif)
        name = image.get("Name") or name
        _check_complete(image, letters, shape)
    elif tif.is_imagej:
        scale, units = _imagej_measures(tif)
    # the resolution of a plain TIFF is that of a printer more often than of a microscope
    scale |= {str(a): float(s) for a, s in dict(note.get("scale", {})).items()}
    if axes is None:
        letters = _guessed(letters, shape)
    else:
        letters = _given(axes, letters, shape)
    chunkmode = 0 if series.keyframe.is_tiled else 2  # planes in strips are read whole
    levels = [
        zarr.open_array(level.aszarr(squeeze=False, level=0, chunkmode=chunkmode), mode="r")
        for level in series.levels
    ]
    # OME-XML and ImageJ count axes of length 1 that nobody asked for; our note and
    # tifffile's own shape say which of them are meant
    keep = AXES if series.kind == "shaped" else str(note.get("axes", ""))
    provenance = note.get("provenance")
    return described(
        levels, letters, scale, units, channels, name, provenance, keep if axes is None else axes
    )


def _guessed(letters: str, shape: tuple[int, ...]) -> str:
    """Take one axis of which a TIFF says nothing (Q, I) for z, or for t if z is there."""
    unknown = [i for i, a in enumerate(letters) if a in "qi" and shape[i] > 1]
    if len(unknown) == 1:
        free = [a for a in "zt" if a not in letters or shape[letters.index(a)] == 1]
        if free:
            letters = letters.replace(free[0], "?")
            letters = letters[: unknown[0]] + free[0] + letters[unknown[0] + 1 :]
    return "".join(a if a in AXES else "?" for a in letters) if _lone(letters, shape) else letters


def _lone(letters: str, shape: tuple[int, ...]) -> bool:
    """Whether all axes that are none of ours have length 1, so that their letter is no matter."""
    return all(a in AXES or n == 1 for a, n in zip(letters, shape, strict=True))


def _given(axes: str, letters: str, shape: tuple[int, ...]) -> str:
    """The axes that the caller names: all of the file's, or those longer than 1."""
    if len(axes) == len(shape):
        return axes
    long = [i for i, n in enumerate(shape) if n > 1 or letters[i] in "yx"]
    if len(axes) != len(long):
        raise ValueError(
            f"axes={axes!r} names {len(axes)} axes, but the image has {len(long)}: its shape is "
            f"{tuple(shape[i] for i in long)}"
        )
    out = ["?"] * len(shape)
    for i, axis in zip(long, axes, strict=True):
        out[i] = axis
    return "".join(out)


def _check_readable(series: tifffile.TiffPageSeries) -> None:
    """Raise a sentence if planes are missing, cut off or compressed with what we cannot read.

    tifffile would give zeros for the first two.
    """
    page = series.keyframe
    try:
        tifffile.TIFF.DECOMPRESSORS[page.compression]
        tifffile.TIFF.UNPREDICTORS[page.predictor]
    except KeyError:
        raise ValueError(
            f"its compression ({tifffile.COMPRESSION(page.compression).name}) cannot be read "
            "without the package imagecodecs: pip install imagecodecs, or save it uncompressed"
        ) from None
    if series.dataoffset is not None:
        complete = series.dataoffset + series.nbytes <= page.parent.filehandle.size
    else:
        complete = all(_is_whole(page) for page in series.pages)
    if not complete:
        raise ValueError(_CUT_OFF)


def _is_complete(tif: tifffile.TiffFile) -> bool:
    """Whether the last page is the last one, and the description of the first is there.

    tifffile leaves out what lies beyond the end of the file, and goes on.
    """
    if tif.is_ndpi:  # offsets of its own kind
        return True
    _, after_last = _table(tif, tif.pages[len(tif.pages) - 1].offset)
    tags, _ = _table(tif, tif.pages.first.offset)
    return after_last == 0 and (_DESCRIPTION not in tags or _DESCRIPTION in tif.pages.first.tags)


def _table(tif: tifffile.TiffFile, start: int) -> tuple[set[int], int]:
    """Numbers of the tags of a page, and where the next page is (0: there is none)."""
    form, file = tif.tiff, tif.filehandle
    file.seek(start)
    (n_tags,) = struct.unpack(form.tagnoformat, file.read(form.tagnosize))
    entries = file.read(n_tags * form.tagsize)
    starts = range(0, len(entries), form.tagsize)
    tags = {struct.unpack_from(form.byteorder + "H", entries, at)[0] for at in starts}
    (after,) = struct.unpack(form.offsetformat, file.read(form.offsetsize))
    return tags, after


def _is_whole(page: Any) -> bool:
    if page is None:
        return False
    size = page.parent.filehandle.size
    ends = (a + b for a, b in zip(page.dataoffsets, page.databytecounts, strict=True))
    return bool(max(ends, default=0) <= size)


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rsplit("}", 1)[-1]


def _ome_image(tif: tifffile.TiffFile, index: int) -> ElementTree.Element | None:
    """The Image element of OME-XML that describes a series."""
    if tif.ome_metadata is None:
        return None
    try:
        root = ElementTree.fromstring(tif.ome_metadata)
    except ElementTree.ParseError:
        return None
    images = [element for element in root if _tag(element) == "Image"]
    return images[index] if index < len(images) else None


def _check_complete(image: ElementTree.Element, letters: str, shape: tuple[int, ...]) -> None:
    """Raise a sentence if fewer planes are there than OME-XML says."""
    pixels = next(element for element in image if _tag(element) == "Pixels")
    said = {a: int(pixels.get(f"Size{a.upper()}", 1)) for a in AXES}
    planes = 1
    for axis in "tcz":
        planes *= said[axis]
    there = 1
    for axis, n in zip(letters, shape, strict=True):
        there *= 1 if axis in "yxs" else n
    if there < planes:
        raise ValueError(
            f"this TIFF is cut off: OME-XML speaks of {planes} planes, {there} are there. "
            "Copy it again"
        )


def _ome_measures(
    image: ElementTree.Element,
) -> tuple[dict[str, float], dict[str, str | None], tuple[str, ...]]:
    """Voxel sizes, units and channel names of OME-XML."""
    pixels = next(element for element in image if _tag(element) == "Pixels")
    scale: dict[str, float] = {}
    units: dict[str, str | None] = {}
    names = [(a, f"PhysicalSize{a.upper()}", "µm") for a in "zyx"] + [("t", "TimeIncrement", "s")]
    for axis, attribute, default in names:
        value = pixels.get(attribute)
        if value is not None:
            scale[axis] = float(value)
            units[axis] = unit_name(pixels.get(f"{attribute}Unit", default), axis)
    labels = [element.get("Name") for element in pixels if _tag(element) == "Channel"]
    return scale, units, tuple(str(n) for n in labels) if all(labels) else ()


def _note(tif: tifffile.TiffFile) -> dict[str, Any]:
    """What :mod:`.tiff` wrote beside the OME metadata, or nothing."""
    for element in ElementTree.fromstring(str(tif.ome_metadata)).iter():
        if _tag(element) == "MapAnnotation" and element.get("Namespace") == NAMESPACE:
            for entry in element.iter():
                if _tag(entry) == "M" and entry.get("K") == "header":
                    note = json.loads(entry.text or "{}")
                    return note if isinstance(note, dict) else {}
    return {}


def _imagej_measures(tif: tifffile.TiffFile) -> tuple[dict[str, float], dict[str, str | None]]:
    """Voxel sizes and units of ImageJ: z in its description, y and x in the resolution tags."""
    said = tif.imagej_metadata or {}
    unit = said.get("unit")
    scale: dict[str, float] = {}
    for axis, tag in (("y", "YResolution"), ("x", "XResolution")):
        if tag in tif.pages.first.tags:
            pixels, length = tif.pages.first.tags[tag].value
            if pixels and length:
                scale[axis] = length / pixels
    if "spacing" in said:
        scale["z"] = abs(float(said["spacing"]))  # ImageJ: negative where z was read backwards
    if said.get("finterval"):
        scale["t"] = float(said["finterval"])
    spelled = {"z": said.get("zunit", unit), "y": said.get("yunit", unit), "x": unit}
    units = {axis: unit_name(text, axis) for axis, text in spelled.items()}
    units["t"] = unit_name(said.get("tunit", "s"), "t")
    return scale, units
