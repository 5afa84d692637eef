"""The axes of Zarr arrays, as their files name them: never guessed where there is a name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeGuard

from ..header import AXES, guess_axes
from .nodes import Node

#: What files call an axis, in lower case.
_NAMES = {
    "t": ("t", "time", "times", "frame", "frames", "timepoint", "timepoints", "time_point"),
    "c": ("c", "ch", "channel", "channels"),
    "z": ("z",),
    "y": ("y",),
    "x": ("x",),
}
_LETTERS = {name: letter for letter, names in _NAMES.items() for name in names}
_OF_TYPE = {"time": "t", "channel": "c"}

#: Attributes of an array in which some programs list the names of its axes.
_LISTS = ("axes", "axis_names", "dimension_names")

#: Names that a program gives to axes that have none.
_NAMELESS = re.compile(r"(phony_)?(dim|axis)_?\d+")


def ome_axes(axes: object, shape: Sequence[int]) -> str | None:
    """Letters of the axes of an OME image; None if they are not listed.

    They are objects since 0.4, names in 0.3, and were not listed before. A letter is "?" where
    the axis has length 1 and is not one of ours.

    Raises
    ------
    ValueError
        If they cannot be told apart; the message names the option to use.
    """
    if axes is None or axes == []:
        return None
    if not isinstance(axes, (list, str)) or len(axes) != len(shape):
        raise ValueError(
            f"its OME metadata do not describe each of its {len(shape)} axes: {axes!r:.200}"
            + _remedy(len(shape))
        )
    return settled(list(axes), shape)


def ome_units(axes: object, ndim: int) -> list[str | None]:
    """The units of the axes of an OME image, as they are written; None where there is none."""
    entries = axes if isinstance(axes, list) and len(axes) == ndim else [None] * ndim
    units = [entry.get("unit") if isinstance(entry, dict) else None for entry in entries]
    return [None if unit is None else str(unit) for unit in units]


def named_axes(array: Node) -> str | None:
    """Letters of the axes of an array that names them itself; None if it does not.

    Raises
    ------
    ValueError
        If it names them, but they cannot be told apart.
    """
    n = len(array.shape)
    lists = [array.attributes.get("_ARRAY_DIMENSIONS")]
    if array.document.get("zarr_format") == 3:
        lists.insert(0, array.document.get("dimension_names"))
    others = [array.attributes.get(key) for key in _LISTS]
    lists += [names for names in others if _are_names(names) and len(names) == n]
    readings: dict[str, Any] = {}
    for names in lists:
        if names is None or _are_empty(names):
            continue
        if not isinstance(names, (list, str)) or len(names) != n:
            raise ValueError(
                f"the names of its {n} axes are not as many: {names!r:.200}" + _remedy(n)
            )
        readings[settled(list(names), array.shape)] = names
    if len(readings) > 1:
        one, other = list(readings.values())[:2]
        raise ValueError(f"it names its axes twice, as {one} and as {other}" + _remedy(n))
    return next(iter(readings), None)


def settled(entries: Sequence[Any], shape: Sequence[int]) -> str:
    """The letters of axes by name and type; "?" where one has length 1 and does not matter."""
    all_letters = [_letter(entry) for entry in entries]
    letters = [
        "?" if n == 1 and (a not in AXES or all_letters.count(a) > 1) else a
        for a, n in zip(all_letters, shape, strict=True)
    ]
    is_clear = all(a in AXES or n == 1 for a, n in zip(letters, shape, strict=True))
    ours = [a for a in letters if a in AXES]
    if not is_clear or len(set(ours)) < len(ours) or not {"y", "x"} <= set(ours):
        raise ValueError(
            f"its axes are called {', '.join(map(_label, entries))} (shape {tuple(shape)}), which "
            f"cannot be told apart as {AXES!r}" + _remedy(len(shape))
        )
    return "".join(letters)


def given_axes(axes: str, shape: Sequence[int]) -> str:
    """The axes that a user names: all of the array's, or those longer than 1."""
    long = [i for i, n in enumerate(shape) if n > 1]
    if len(axes) == len(shape) or len(axes) != len(long):
        return axes
    letters = ["?"] * len(shape)
    for i, letter in zip(long, axes, strict=True):
        letters[i] = letter
    return "".join(letters)


def guessed_axes(ndim: int) -> tuple[str, tuple[str, ...]]:
    """The axes of an array that names none, and a note if they may be others."""
    axes = guess_axes(ndim)
    if ndim == 2:
        return axes, ()
    return axes, (
        f"its axes have no names: they are taken to be {axes!r}. Change this with --axes",
    )


def disagreement(ome: str, own: str) -> tuple[str, ...]:
    """A note if the array of an OME image calls its axes something else."""
    pairs = [(a, b) for a, b in zip(ome, own, strict=True) if "?" not in (a, b)]
    if all(a == b for a, b in pairs):
        return ()
    return (
        f"its OME metadata call its axes {ome!r}, the array itself {own!r}: the former are used. "
        "Change this with --axes",
    )


def _letter(entry: object) -> str:
    """The letter of an axis; "?" if its description is not understood or contradicts itself."""
    name, kind = _name_and_kind(entry)
    by_name = _LETTERS.get(name, "?")
    if kind == "space":
        return by_name if by_name in "zyx" else "?"
    if kind in _OF_TYPE:  # the type decides, unless the name is that of another axis
        return _OF_TYPE[kind] if by_name in ("?", _OF_TYPE[kind]) else "?"
    return by_name


def _label(entry: object) -> str:
    if not isinstance(entry, dict):
        return f"{entry!r:.40}"
    kind = f" (of type {entry['type']!r:.20})" if entry.get("type") is not None else ""
    return f"{entry.get('name')!r:.40}{kind}"


def _name_and_kind(entry: object) -> tuple[str, str]:
    """Both in lower case, empty where they are missing."""
    both = (entry.get("name"), entry.get("type")) if isinstance(entry, dict) else (entry, None)
    name, kind = (part.strip().lower() if isinstance(part, str) else "" for part in both)
    return name, kind


def _are_names(names: object) -> TypeGuard[list[Any] | str]:
    """Whether an attribute, which may hold anything, is a list of names."""
    return isinstance(names, str) or (
        isinstance(names, list) and all(isinstance(name, (str, dict)) for name in names)
    )


def _are_empty(names: object) -> bool:
    """Whether none of the names says anything."""
    return isinstance(names, (list, str)) and all(
        name in (None, "") or (isinstance(name, str) and _NAMELESS.fullmatch(name) is not None)
        for name in names
    )


def axes_option(ndim: int) -> str:
    """The option with which a user says what the axes are."""
    example = guess_axes(min(max(ndim, 2), len(AXES)))
    return f"axes='{example}' or the like (--axes on the command line)"


def _remedy(ndim: int) -> str:
    return f". Say what they are with {axes_option(ndim)}"
