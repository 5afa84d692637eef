"""Voxel sizes, units, stage positions and channel names of OME-XML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from xml.etree import ElementTree

from ..measures import Measure, position, size
from ..units import unit_of


class Measures(NamedTuple):
    """What is known of each axis, and what is odd."""

    scale: Mapping[str, float]
    units: Mapping[str, str | None]
    origin: Mapping[str, float]
    notes: tuple[str, ...]


def measures(pixels: ElementTree.Element) -> Measures:
    """Voxel size, unit and position of the first voxel along each axis of an element Pixels.

    The position of the stage counts only if its unit is given: without one, OME-XML counts in
    the "reference frame" of the microscope.
    """
    scale: dict[str, float] = {}
    units: dict[str, str | None] = {}
    origin: dict[str, float] = {}
    notes: list[str] = []
    plane = pixels.find("Plane")
    for axis in "tzyx":
        name = "TimeIncrement" if axis == "t" else f"PhysicalSize{axis.upper()}"
        unit = pixels.get(f"{name}Unit", "s" if axis == "t" else "µm")
        measure = size(pixels.get(name), unit, axis, name)
        _add(measure, axis, scale, notes)
        units[axis] = measure.unit
        if plane is not None and axis != "t":
            name = f"Position{axis.upper()}"
            place = position(plane.get(name), plane.get(f"{name}Unit"), axis, name)
            _add(_in_unit(place, measure.unit, axis, name), axis, origin, notes)
    return Measures(scale, units, origin, tuple(notes))


def channel_names(pixels: ElementTree.Element, n: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of all ``n`` channels, or none, and what is odd about them."""
    names = tuple(element.get("Name", "") for element in pixels.findall("Channel"))
    if len(names) == n and all(names):
        return names, ()
    if len(names) == n or not any(names) or samples(pixels) == n:
        return (), ()
    return (), (f"OME-XML names {len(names)} channels of {n}: none of the names is used",)


def samples(pixels: ElementTree.Element) -> int:
    """Values per pixel of all channels together."""
    counts = (element.get("SamplesPerPixel", "1") for element in pixels.findall("Channel"))
    return sum(int(count) if count.isdecimal() and len(count) < 6 else 1 for count in counts)


def _add(measure: Measure, axis: str, values: dict[str, float], notes: list[str]) -> None:
    if measure.value is not None:
        values[axis] = measure.value
    if measure.note:
        notes.append(measure.note)


def _in_unit(place: Measure, unit: str | None, axis: str, name: str) -> Measure:
    """A position in the unit in which the size of a voxel is given."""
    own, wanted = unit_of(place.unit, axis), unit_of(unit, axis)
    if place.value is None or own is None or own == wanted:
        return place
    if wanted is None:
        odd = f"{name} is not used, as the size of a voxel along {axis} is unknown"
        return Measure(note=odd if place.value else "")
    return Measure(place.value * (own.worth / wanted.worth), unit, place.note)
