"""What a live layer needs next, and what may be given up for it."""

from __future__ import annotations

import copy
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from ...recipe.lazy.array import as_index
from ...recipe.lazy.viewable import Look, Viewable
from . import pace
from .pictures import Pictures, Place


@dataclass(frozen=True)
class Wish:
    """Parts of arrays that are not at hand.

    Attributes
    ----------
    arrays : tuple of Viewable
        One per level.
    places : tuple of Place
    tag : object or None
        Of arrays that are to be shown from then on; None if they are shown already.
    ahead : int
        0: it is waited for. Else how far it lies ahead.
    """

    arrays: tuple[Viewable, ...]
    places: tuple[Place, ...]
    tag: object = None
    ahead: int = 0


@dataclass(frozen=True)
class Done:
    """A part that was computed, and of what."""

    place: Place
    look: Look
    values: npt.NDArray[Any]


def wish_for(
    arrays: tuple[Viewable, ...],
    places: Sequence[Place],
    pictures: Pictures,
    *,
    tag: object = None,
    ahead: int = 0,
) -> Wish:
    """A wish for those of some parts that are not kept yet."""
    missing = [p for p in places if pictures.find(p, arrays[p[0]].look) is None]
    return Wish(arrays, tuple(dict.fromkeys(missing)), tag, ahead)


def looking_again(arrays: tuple[Viewable, ...]) -> tuple[Viewable, ...]:
    """Copies of arrays whose source has been edited."""
    new = tuple(copy.copy(array) for array in arrays)
    for array in new:
        array.look_again()
    return new


def gives_way(under_way: Wish, wish: Wish) -> bool:
    """Whether what is under way is to be given up for another wish.

    What is being computed with older settings is finished first: a slider that moves on
    and on has to show something. What is computed of another view is not, unless it
    prepares what this view needs too.
    """
    if wish.ahead:
        return False
    if under_way.ahead:
        return not (under_way.arrays is wish.arrays and set(wish.places) <= set(under_way.places))
    if not all(under_way.arrays[p[0]].prepared(as_index(p[1])) for p in under_way.places):
        return False
    other = under_way.tag is None and wish.tag is not None
    return other or not set(wish.places) <= set(under_way.places)


def granting(wish: Wish) -> Generator[tuple[int, int], None, list[Done]]:
    """Compute what is wished for, piece by piece, and note how long it takes."""
    granted = []
    for place in wish.places:
        array, index = wish.arrays[place[0]], as_index(place[1])
        look, voxels, region = array.look, array.work(index), place[1]
        start = time.perf_counter()
        values = array.quick(index)
        again = values is not None
        if values is None:
            region, values = yield from array.computing(index, ahead=wish.ahead > 0)
        if not wish.ahead:  # which waits for others in between
            seconds = time.perf_counter() - start
            pace.PACES.note(array.kind_of_work, voxels, seconds, again=again)
        granted.append(Done((place[0], region), look, values))
    return granted


def quickly(
    array: Viewable, place: Place, pictures: Pictures, at_once: int, seconds: float
) -> npt.NDArray[Any] | None:
    """A part computed now, and kept, if that is expected to take at most so many seconds.

    ``at_once``: voxels of work that may be done at most, however quick it is.
    """
    if not array.in_memory:
        return None
    index = as_index(place[1])
    voxels, kind = array.work(index), array.kind_of_work
    if voxels > at_once:
        return None
    start, values, again = time.perf_counter(), None, True
    if pace.PACES.seconds(kind, voxels, again=True) <= seconds:
        values = array.quick(index)
    if values is None and array.prepared(index):
        again = False
        if pace.PACES.seconds(kind, voxels, again=False) <= seconds:
            values = array[index]
    if values is not None:
        pace.PACES.note(kind, voxels, time.perf_counter() - start, again=again)
        pictures.keep(place, array.look, values)
    return values
