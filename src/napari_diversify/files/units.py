"""Units of length and time: one name each, their sizes, and how files spell them.

Names are those of UDUNITS-2, which OME-Zarr asks for. OME-XML writes symbols
instead, ImageJ and people write what they like; :func:`unit_name` reads them all.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Unit:
    """A unit that an axis can have.

    Parameters
    ----------
    name : str
        As OME-Zarr spells it.
    symbol : str
        As OME-XML spells it.
    worth : float
        Its size in micrometres, or in seconds.
    aliases : tuple of str
        Other spellings, in lower case.
    """

    name: str
    symbol: str
    worth: float
    aliases: tuple[str, ...] = ()


LENGTHS = (
    Unit("picometer", "pm", 1e-6, ("picometre", "picometers")),
    Unit("angstrom", "Å", 1e-4, ("\u212b", "ångström", "ångstrom", "angstroms")),
    Unit("nanometer", "nm", 1e-3, ("nanometre", "nanometers", "nanometres")),
    Unit(
        "micrometer",
        "µm",
        1.0,
        ("μm", "um", "micron", "microns", "micrometre", "micrometers", "micrometres", r"\u00b5m"),
    ),
    Unit("millimeter", "mm", 1e3, ("millimetre", "millimeters", "millimetres")),
    Unit("centimeter", "cm", 1e4, ("centimetre", "centimeters", "centimetres")),
    Unit("decimeter", "dm", 1e5, ("decimetre", "decimeters", "decimetres")),
    Unit("meter", "m", 1e6, ("metre", "meters", "metres")),
    Unit("kilometer", "km", 1e9, ("kilometre", "kilometers", "kilometres")),
    Unit("inch", "in", 25400.0, ("inches",)),
    Unit("foot", "ft", 304800.0, ("feet",)),
    Unit("yard", "yd", 914400.0, ("yards",)),
)

TIMES = (
    Unit("nanosecond", "ns", 1e-9, ("nanoseconds",)),
    Unit("microsecond", "µs", 1e-6, ("μs", "us", "microseconds")),
    Unit("millisecond", "ms", 1e-3, ("milliseconds", "msec")),
    Unit("second", "s", 1.0, ("seconds", "sec", "secs")),
    Unit("minute", "min", 60.0, ("minutes", "mins")),
    Unit("hour", "h", 3600.0, ("hours", "hr", "hrs")),
    Unit("day", "d", 86400.0, ("days",)),
)

_SPELLINGS = {
    axes: {s.lower(): u for u in units for s in (u.name, u.symbol, *u.aliases)}
    for axes, units in (("zyx", LENGTHS), ("t", TIMES))
}


def unit_of(text: str | None, axis: str) -> Unit | None:
    """The unit that ``text`` names on an axis, or None if it names none that fits.

    "pixel" and the like are not units: they say that the size is not known.

    Examples
    --------
    >>> unit_of("µm", "z").name, unit_of("pixel", "z"), unit_of("micron", "t")
    ('micrometer', None, None)
    """
    if text is None:
        return None
    for axes, spellings in _SPELLINGS.items():
        if axis in axes:
            return spellings.get(str(text).strip().lower())
    return None


def unit_name(text: str | None, axis: str) -> str | None:
    """The name under which OME-Zarr knows a unit, or None; see :func:`unit_of`."""
    unit = unit_of(text, axis)
    return None if unit is None else unit.name


def ratio(text: str | None, other: str | None) -> float | None:
    """How many of another unit make up one of this; None if they measure different things.

    Examples
    --------
    >>> ratio("nm", "micrometer"), ratio("s", "µm"), ratio("pixel", "pixel")
    (0.001, None, 1.0)
    """
    if text == other:
        return 1.0
    for axis in "zt":
        unit, of = unit_of(text, axis), unit_of(other, axis)
        if unit is not None and of is not None:
            return unit.worth / of.worth
    return None
