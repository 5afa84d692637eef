"""OME-XML as data: which images it describes, where their planes are, and how large voxels are.

Only text is read here, no file. It may hold anything: what does not fit the model
becomes a sentence that stays with its image, and neither the length of the text nor
the sizes that it declares cost more than reading it once.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, NamedTuple
from xml.etree import ElementTree

from .library import Refused
from .ome_measures import channel_names, measures
from .ome_tree import ome_tree

#: Key of our note that says that voxels are labels.
LABELS_KEY = "labels"
#: Namespace of our annotation in OME-XML.
NAMESPACE = "napari-diversify"

_TYPES = {"float": "float32", "double": "float64", "bit": "bool"}
_UUID = re.compile(r"""<(?:\w+:)?OME\s[^>]*?\bUUID\s*=\s*["']([^"']*)""")  # of the root
_MOST_VOXELS = 1 << 62
_MODULO = {
    "angle": "a", "phase": "p", "tile": "r", "lifetime": "h", "lambda": "e", "other": "q",
}  # fmt: skip


class FileName(NamedTuple):
    """How OME-XML refers to a file; either may be empty."""

    uuid: str
    name: str


@dataclass(frozen=True)
class Run:
    """Planes that follow each other, in the image and in a file (an element TiffData).

    Parameters
    ----------
    first : mapping from "c", "z", "t" to int
        The first of them.
    page : int
        Its page in the file.
    count : int, optional
        How many; all pages of the file if it is not given.
    file : FileName, optional
        Which file; the one that holds the text if it is not given.
    """

    first: Mapping[str, int]
    page: int
    count: int | None
    file: FileName | None


@dataclass(frozen=True)
class OmeImage:
    """An element Image.

    Parameters
    ----------
    number : int
        Which of the elements Image it is.
    name : str
        Empty if it has none.
    order : str
        The axes of its planes, slowest first, such as "tzc".
    sizes : mapping from "t", "c", "z", "y", "x" to int
        Channels count samples of a pixel too.
    dtype : str
        As NumPy calls it.
    runs : tuple of Run
        Where its planes are; empty if they are nowhere.
    silent : bool
        Whether nothing at all is said about where its planes are.
    colour : bool
        Whether a channel has the red, green and blue of a picture.
    channels : tuple of str
        Names, if every channel has one.
    scale, units, origin : mapping from axis
        What is known.
    modulo : mapping from "t", "c" or "z" to (str, int)
        Another axis that this one includes, and its length.
    notes : tuple of str
        What is odd.
    problem : str
        Why it cannot be read; empty if it can.
    """

    number: int
    name: str = ""
    order: str = ""
    sizes: Mapping[str, int] = field(default_factory=dict)
    dtype: str = ""
    runs: tuple[Run, ...] = ()
    silent: bool = False
    colour: bool = False
    channels: tuple[str, ...] = ()
    scale: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str | None] = field(default_factory=dict)
    origin: Mapping[str, float] = field(default_factory=dict)
    modulo: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    problem: str = ""

    @property
    def files(self) -> list[FileName | None]:
        """The files that it is spread over, in the order of its planes."""
        return list(dict.fromkeys(run.file for run in sorted(self.runs, key=self._place)))

    def _place(self, run: Run) -> int:
        place = 0
        for axis in self.order:
            place = place * self.sizes[axis] + run.first[axis]
        return place


@dataclass(frozen=True)
class OmeXml:
    """The contents of an OME-XML text.

    Parameters
    ----------
    uuid : str
        Of the file that holds it; empty if it has none.
    images : tuple of OmeImage
        Those with Pixels.
    companion : FileName, optional
        The file that holds the metadata instead.
    note : mapping
        What :mod:`.tiff` wrote beside the metadata.
    """

    uuid: str
    images: tuple[OmeImage, ...] = ()
    companion: FileName | None = None
    note: Mapping[str, Any] = field(default_factory=dict)


def parsed(text: str) -> OmeXml:
    """Read OME-XML.

    Raises
    ------
    Refused
        As :func:`.ome_tree`.
    """
    uuid = _UUID.search(text[:65536])
    if uuid is None:
        return _parsed(text)
    xml = _parsed(text[: uuid.start(1)] + text[uuid.end(1) :])
    return replace(xml, uuid=xml.uuid or uuid.group(1))


# The files of a set have the same text except for their UUID, and are listed before being opened.
@lru_cache(maxsize=2)
def _parsed(text: str) -> OmeXml:
    root = ome_tree(text)
    elsewhere = root.find("BinaryOnly")
    companion = None
    if elsewhere is not None:
        companion = FileName(elsewhere.get("UUID", ""), elsewhere.get("MetadataFile", ""))
    modulo = dict(_modulo(root))
    images = (
        _image(n, element, modulo)
        for n, element in enumerate(root.findall("Image"))
        if element.find("Pixels") is not None
    )
    return OmeXml(root.get("UUID", ""), tuple(images), companion, _our_note(root))


def _image(
    number: int, element: ElementTree.Element, modulo: Mapping[str, dict[str, tuple[str, int]]]
) -> OmeImage:
    pixels = element.find("Pixels")
    assert pixels is not None
    name = element.get("Name", "").strip()
    try:
        order, sizes = _sizes(pixels)
        runs = tuple(_run(data) for data in pixels.findall("TiffData"))
    except ValueError as error:
        return OmeImage(number, name, runs=(Run({}, 0, None, None),), problem=str(error))
    scale, units, origin, notes = measures(pixels)
    channels = pixels.findall("Channel")
    names, odd = channel_names(pixels, sizes["c"])
    references = [r.get("ID", "") for r in element.findall("AnnotationRef")]
    kind = pixels.get("Type") or pixels.get("PixelType") or ""
    return OmeImage(
        number,
        name,
        order,
        sizes,
        _TYPES.get(kind.lower(), kind.lower()),
        runs,
        silent=all(pixels.find(tag) is None for tag in ("TiffData", "BinData", "MetadataOnly")),
        colour=any(c.get("SamplesPerPixel", "1").strip() in ("3", "4") for c in channels),
        channels=names,
        scale=scale,
        units=units,
        origin=origin,
        modulo=next((modulo[r] for r in references if r in modulo), {}),
        notes=(*notes, *odd),
    )


def _sizes(pixels: ElementTree.Element) -> tuple[str, dict[str, int]]:
    """The axes of planes, slowest first, and the length of every axis."""
    sizes = {}
    for axis in "tczyx":
        name = f"Size{axis.upper()}"
        length = _whole(pixels.get(name), name)
        if length is None:
            raise Refused(f"its OME-XML does not say {name}")
        sizes[axis] = length
    if not 0 < math.prod(sizes.values()) < _MOST_VOXELS:
        raise Refused(f"its OME-XML describes an image of {sizes}, which is impossible")
    order = pixels.get("DimensionOrder", "").strip().lower()
    if not order and sum(sizes[axis] > 1 for axis in "tcz") < 2:
        order = "xyczt"  # any order gives the same
    if sorted(order) != sorted("xyczt") or order[:2] != "xy":
        raise Refused(f'its OME-XML has the DimensionOrder "{order[:20]}", which is not valid')
    return order[:1:-1], sizes


def _whole(text: str | None, name: str) -> int | None:
    """A whole number; None where it is missing or empty."""
    if text is None or not text.strip():
        return None
    if not re.fullmatch(r"[0-9]{1,18}", text.strip()):
        raise Refused(f'its OME-XML says "{text[:20]}" where the number {name} should be')
    return int(text)


def _run(data: ElementTree.Element) -> Run:
    first = {axis: _whole(data.get(f"First{axis.upper()}"), "First") or 0 for axis in "czt"}
    page = _whole(data.get("IFD"), "IFD")
    count = _whole(data.get("PlaneCount", data.get("NumPlanes")), "PlaneCount")  # since, until 2008
    if count is None and page is not None:
        count = 1
    uuid = data.find("UUID")
    file = None
    if uuid is not None:
        file = FileName((uuid.text or "").strip(), uuid.get("FileName", "").strip())
    return Run(first, page or 0, count, file if file is not None and any(file) else None)


def _modulo(root: ElementTree.Element) -> Iterator[tuple[str, dict[str, tuple[str, int]]]]:
    """Axes that combine two, by the identifier of the annotation."""
    for annotation in root.findall("StructuredAnnotations/XMLAnnotation"):
        axes = {}
        for along in annotation.findall("Value/Modulo/*"):
            ends = [along.get(key, default) for key, default in (("Start", "0"), ("End", ""))]
            step = along.get("Step", "1")
            try:
                steps = round((float(ends[1]) - float(ends[0])) / float(step)) + 1
            except (ValueError, ArithmeticError):
                steps = len(along.findall("Label"))
            if steps > 1:
                axes[along.tag[-1].lower()] = (_MODULO.get(along.get("Type", ""), "?"), steps)
        if axes:
            yield annotation.get("ID", ""), axes


def _our_note(root: ElementTree.Element) -> dict[str, Any]:
    for annotation in root.findall("StructuredAnnotations/MapAnnotation"):
        if annotation.get("Namespace") == NAMESPACE:
            for entry in annotation.findall("Value/M"):
                if entry.get("K") == "header":
                    try:
                        note = json.loads(entry.text or "{}")
                    except (ValueError, RecursionError):
                        return {}
                    return note if isinstance(note, dict) else {}
    return {}
