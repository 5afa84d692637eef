"""Which views are likely to be asked for next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...core.blocks import Region

#: An axis, and which way along it.
Travel = tuple[int, int]


def travel(before: Region, now: Region) -> Travel | None:
    """The axis along which one plane lies from another, and which way; None if it is not so."""
    changed = [axis for axis, (a, b) in enumerate(zip(before, now, strict=True)) if a != b]
    if len(changed) != 1 or len(before[changed[0]]) != 1 or len(now[changed[0]]) != 1:
        return None
    axis = changed[0]
    return axis, 1 if now[axis].start > before[axis].start else -1


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
            yield (*region[:axis], range(place, place + 1), *region[axis + 1 :])
