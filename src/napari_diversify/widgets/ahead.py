"""Which views are likely to be asked for next."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ..core.blocks import Region

#: An axis, and which way along it.
Travel = tuple[int, int]


def travel(before: Region, now: Region) -> Travel | None:
    """The axis along which one plane lies from another, and which way; None if it is not so."""
    changed = [axis for axis, (a, b) in enumerate(zip(before, now, strict=True)) if a != b]
    if len(changed) != 1 or len(before[changed[0]]) != 1 or len(now[changed[0]]) != 1:
        return None
    axis = changed[0]
    return axis, 1 if now[axis].start > before[axis].start else -1


class Journey:
    """How the user goes through planes: which way, and how fast.

    Attributes
    ----------
    way : (int, int) or None
        None: by leaps, or not at all yet.
    """

    def __init__(self) -> None:
        self.way: Travel | None = None
        self._last, self._dwell = -math.inf, math.inf  # when the last step was; from one to another

    def go(self, before: Region, now: Region, at: float) -> None:
        """Another view is looked at, since a time in seconds."""
        way = travel(before, now)
        on = way is not None and way == self.way
        self._dwell = at - self._last if on else math.inf
        self.way, self._last = way, at

    def distance(self, seconds: float, at: float) -> int:
        """How many planes further on the user is going to be in so many seconds.

        0 for who stays long enough, or rests: has not gone on for twice as long as before.
        """
        if not math.isfinite(seconds) or at - self._last > 2 * self._dwell:
            return 0
        return int(seconds // self._dwell) if self._dwell > 0 else 0


def moved(region: Region, way: Travel, distance: int) -> Region:
    """The plane so far along a way, wherever that is."""
    axis, step = way
    at = region[axis].start + step * distance
    return (*region[:axis], range(at, at + 1), *region[axis + 1 :])


def in_time(region: Region, shape: Sequence[int], way: Travel, distance: int) -> Iterator[Region]:
    """The planes to compute for who is ``distance`` further on when one is done, nearest first.

    Every second, fourth, eighth ... plane of the stack: layers that take different times then
    show the same planes.
    """
    axis, step = way
    every = 1 << distance.bit_length()
    at = region[axis].start + step * distance
    while 0 <= at < shape[axis]:
        if at % every == 0:
            yield moved(region, way, (at - region[axis].start) * step)
        at += step


def lies_ahead(region: Region, view: Region, way: Travel) -> bool:
    """Whether a plane is in view, or going to be for who goes on."""
    axis, step = way
    return (
        (region[axis].start - view[axis].start) * step >= 0
        and region[:axis] == view[:axis]
        and region[axis + 1 :] == view[axis + 1 :]
    )


def next_ones(region: Region, shape: Sequence[int], way: Travel | None, n: int) -> Iterator[Region]:
    """At most n planes that lie ahead, nearest first, and one behind; unknown: those around.

    Who has come to the end can only turn back.
    """
    axes = [axis for axis, part in enumerate(region) if len(part) == 1 < shape[axis]]
    if way is None and axes:
        way = axes[-1], 1
    if way is None or way[0] not in axes:
        return
    axis, step = way
    at = region[axis].start
    if not 0 <= at + step < shape[axis]:
        step = -step
    for place in [at + step, at - step, *(at + step * d for d in range(2, n))][:n]:
        if 0 <= place < shape[axis]:
            yield moved(region, (axis, 1), place - at)
