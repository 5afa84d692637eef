"""Sizes and units as metadata spells them: understood where that is certain, else unknown.

Oddities become sentences for the user of the image, never errors: the voxels are sound
without these metadata.
"""

from __future__ import annotations

import html
import math
import re
from typing import NamedTuple

from .units import unit_of

_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
# "0,5" is one half; "1,234" may be about a thousand or about one: only a leading zero, or more or
# fewer than three digits after the comma, make it certain
_COMMA = re.compile(r"[+-]?(0+,\d+|\d+,(\d{1,2}|\d{4,}))([eE][+-]?\d+)?")
_NO_LENGTHS = {"pixel", "pixels", "pix", "px", "voxel", "voxels", "reference frame"}


class Measure(NamedTuple):
    """A number with its unit; None for what is unknown, and a sentence on what is odd."""

    value: float | None = None
    unit: str | None = None
    note: str = ""


def number(text: str) -> float | None:
    """The number that a text spells, with a point or a comma; None if it is not certain.

    Examples
    --------
    >>> number("0.5"), number(" 0,5 "), number("1,234"), number("nan"), number("")
    (0.5, 0.5, None, None, None)
    """
    text = text.strip()
    if _COMMA.fullmatch(text):
        text = text.replace(",", ".")
    if not _DECIMAL.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def size(text: object, unit: object, axis: str, name: str) -> Measure:
    """The size of a voxel, or the time between two frames.

    Parameters
    ----------
    text, unit : object
        As they stand in the file; None if they do not.
    axis : str
        Its letter.
    name : str
        What the file calls it, for the note.

    Examples
    --------
    >>> size("250", "nm", "x", "PhysicalSizeX").unit
    'nanometer'
    >>> size("", "nm", "x", "PhysicalSizeX").note
    'the size of a voxel along x is unknown: PhysicalSizeX is empty'
    """
    measure = _measure(text, unit, axis, name)
    what = "time between two frames" if axis == "t" else f"size of a voxel along {axis}"
    if measure.value is not None and not _is_size(measure, axis):
        measure = Measure(note=f"{name} is {_shown(text)}, which is not a size")
    if measure.value is None and measure.note:
        return Measure(note=f"the {what} is unknown: {measure.note}")
    return measure


def position(text: object, unit: object, axis: str, name: str) -> Measure:
    """Where a voxel lies; unlike :func:`size` it may be 0 or negative, and needs a unit."""
    measure = _measure(text, unit, axis, name)
    if measure.value is not None and measure.unit is None:
        note = f"{name} is {_shown(text)}, without a unit of length" if measure.value else ""
        measure = Measure(note=note)
    if measure.value is None and measure.note:
        return Measure(note=f"where the image lies along {axis} is unknown: {measure.note}")
    return measure


def _measure(text: object, unit: object, axis: str, name: str) -> Measure:
    if text is None:
        return Measure()
    value = number(str(text))
    if value is None:
        return Measure(note=f"{name} is {_shown(text)}")
    note = f"{name} is {_shown(text)} and was read as {value:g}" if "," in str(text) else ""
    if unit is None:
        return Measure(value, None, note)
    spelling = _mended(str(unit))
    meaning = unit_of(spelling, axis)
    if meaning is None and spelling.strip().lower() not in _NO_LENGTHS:
        return Measure(note=f"{name} has the unit {_shown(unit)}")
    return Measure(value, None if meaning is None else meaning.name, note)


def _is_size(measure: Measure, axis: str) -> bool:
    """Whether a voxel can have this size, in its own unit and in ours."""
    unit = unit_of(measure.unit, axis)
    value = measure.value or 0.0
    worth = value * (1.0 if unit is None else unit.worth)
    return value > 0 and worth > 0 and math.isfinite(worth)


def _mended(unit: str) -> str:
    r"""A unit freed of wrong encodings, such as ``Âµm``, ``&#181;m`` or ``\u00B5m``."""
    unit = html.unescape(unit).replace("\\u00B5", "µ").replace("\\u00b5", "µ")
    return unit.replace("Âµ", "µ").replace("Î¼", "μ")


def _shown(text: object) -> str:
    words = str(text).strip()
    return f'"{words[:40]}"' if words else "empty"
