"""What the description of an ImageJ TIFF says: planes, voxel size, and what its values mean.

ImageJ writes lines such as ``slices=30``. Stacks of more than 4 GB have only one page,
followed by all planes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ..measures import number, size
from .library import Refused

_PLANES = {"t": "frames", "z": "slices", "c": "channels"}
_STRAIGHT_LINE, _NO_CALIBRATION = "0", "20"


@dataclass(frozen=True)
class ImageJ:
    """What an ImageJ description says.

    Parameters
    ----------
    letters : str
        Axes of its planes, slowest first; "i" where it does not say what they are.
    sizes : tuple of int
        Their lengths; empty if it does not say how many planes there are.
    scale, units, origin : mapping from axis
        What is known.
    signed : bool
        Whether it is a signed 16-bit image, which ImageJ stores with 32768 added.
    notes : tuple of str
        What is odd.
    """

    letters: str
    sizes: tuple[int, ...]
    scale: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str | None] = field(default_factory=dict)
    origin: Mapping[str, float] = field(default_factory=dict)
    signed: bool = False
    notes: tuple[str, ...] = ()


def is_imagej(text: str) -> bool:
    """Whether a description is one of ImageJ."""
    return text.startswith(("ImageJ=", "SCIFIO="))


def imagej(text: str, pixels: Mapping[str, float], samples: int) -> ImageJ:
    """Read a description of ImageJ.

    Parameters
    ----------
    text : str
        The description.
    pixels : mapping from "y", "x" to float
        Size of a pixel, which TIFF has tags for.
    samples : int
        Values per pixel: some programs list them as channels too.

    Raises
    ------
    Refused
        If it contradicts itself on how many planes there are.
    """
    pairs = (line.partition("=")[::2] for line in text.splitlines())
    fields = {key.strip(): value.strip() for key, value in pairs}
    letters, sizes = _planes(fields, samples)
    measures = _measures(fields, pixels)
    signed, note = _calibration(fields)
    notes = (*measures.notes, note) if note else measures.notes
    return ImageJ(letters, sizes, *measures[:3], signed, notes)


def _planes(fields: Mapping[str, str], samples: int) -> tuple[str, tuple[int, ...]]:
    images = _count(fields, "images")
    counts = {axis: _count(fields, key) for axis, key in _PLANES.items()}
    if samples > 1 and counts["c"] == samples:
        counts["c"] = None
    if not any(counts.values()):
        return ("i", (images,)) if images is not None else ("i", ())
    fastest_first = fields.get("order", "").lower()
    letters = fastest_first[::-1] if sorted(fastest_first) == sorted("czt") else "tzc"
    sizes = tuple(counts[axis] or 1 for axis in letters)
    if images not in (None, math.prod(sizes)):
        keys = ("images", *_PLANES.values())
        shown = ", ".join(f"{key}={fields[key]}" for key in keys if key in fields)
        raise Refused(
            f"its ImageJ description contradicts itself ({shown}): what its planes are is unknown. "
            "Say with axes= (--axes) what the axes of its pages are, e.g. axes='zyx'"
        )
    return letters, sizes


def _count(fields: Mapping[str, str], key: str) -> int | None:
    text = fields.get(key, "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 16 and int(text)):
        raise Refused(
            f"its ImageJ description says {key}={text[:20]}, which is not a number of planes. Say "
            "with axes= (--axes) what the axes of its pages are, e.g. axes='zyx'"
        )
    return int(text)


class _Measures(NamedTuple):
    scale: dict[str, float]
    units: dict[str, str | None]
    origin: dict[str, float]
    notes: tuple[str, ...]


def _measures(fields: Mapping[str, str], pixels: Mapping[str, float]) -> _Measures:
    """Voxel sizes: z in the description, y and x in tags; and the origin, counted in voxels."""
    unit = fields.get("unit") or None
    given: dict[str, tuple[object, str | None, str]] = {
        # negative where z was read backwards
        "z": (
            fields.get("spacing", "").lstrip("-") or None,
            fields.get("zunit") or unit,
            "spacing",
        ),
        "y": (pixels.get("y"), fields.get("yunit") or unit, "YResolution"),
        "x": (pixels.get("x"), unit, "XResolution"),
    }
    if number(fields.get("finterval", "")) != 0:  # 0: not set
        given["t"] = (fields.get("finterval") or None, fields.get("tunit") or "s", "finterval")
    out = _Measures({}, {}, {}, ())
    notes = []
    for axis, (text, spelled, name) in given.items():
        measure = size(text, spelled, axis, name)
        out.units[axis] = measure.unit
        if measure.note:
            notes.append(measure.note)
        if measure.value is None:
            continue
        out.scale[axis] = measure.value
        voxels = number(fields.get(f"{axis}origin", "")) if axis != "t" else None
        upside_down = axis == "y" and fields.get("inverty", "").lower() == "true"
        if voxels and measure.unit is not None and not upside_down:
            out.origin[axis] = -voxels * measure.value
    return out._replace(notes=tuple(notes))


def _calibration(fields: Mapping[str, str]) -> tuple[bool, str]:
    """Whether grey levels are signed 16-bit numbers, and a note if they are calibrated."""
    function = fields.get("cf", _NO_CALIBRATION)
    offset, slope = (number(fields.get(key, "")) for key in ("c0", "c1"))
    if function == _NO_CALIBRATION or (function == _STRAIGHT_LINE and (offset, slope) == (0, 1)):
        return False, ""
    if function == _STRAIGHT_LINE and (offset, slope) == (-32768, 1):
        return True, ""
    unit = fields.get("vunit", "")
    of = f' to "{unit[:20]}"' if unit else ""
    return False, f"ImageJ calibrates its grey levels{of}: the grey levels as stored were kept"
