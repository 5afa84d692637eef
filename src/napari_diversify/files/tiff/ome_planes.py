"""Where each plane of an OME image is, by file and page: all of them or none.

tifffile would fill missing planes with zeros, and use those listed twice without a word.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .library import Refused
from .ome_xml import FileName, OmeImage, Run

Place = tuple[FileName | None, int]

#: What helps where the planes of a file are not known.
ASK = "Say with axes= (--axes) what the axes of its pages are, e.g. axes='zyx'"


@dataclass(frozen=True)
class Block:
    """The planes that exist: all of an image, or all of some channels, slices or times.

    Parameters
    ----------
    indices : mapping from "t", "c", "z" to sequence of int
        Which positions along each axis.
    places : list of Place
        Of their planes, in C order over the axes of the image.
    """

    indices: Mapping[str, Sequence[int]]
    places: list[Place]


def block_of(
    image: OmeImage, channels: int, n_pages: Mapping[FileName | None, int], missing: str = ""
) -> Block:
    """Find the planes of an image.

    Parameters
    ----------
    image : OmeImage
        Its runs use the same names of files as ``n_pages``.
    channels : int
        Pages per slice and time: fewer than channels if a pixel holds several of them.
    n_pages : mapping
        The number of pages of each file to be used.
    missing : str
        Files of the set that do not exist, if any, so that there may be only some of the
        channels, slices or times.

    Raises
    ------
    Refused
        If planes are missing, or listed twice.
    """
    shape = [channels if axis == "c" else image.sizes[axis] for axis in image.order]
    total = math.prod(shape)
    places = _places(image, shape, n_pages)
    if len(places) == total:
        every = dict(zip(image.order, map(range, shape), strict=True))
        return Block(every, [places[n] for n in range(total)])
    if not missing:
        raise Refused(
            f"this TIFF is cut off, or its OME-XML is wrong: it lists {total} planes, but "
            f"{len(places)} are there. Copy it again. Or: {ASK}"
        )
    block = _whole_block(image.order, shape, places)
    if block is None:
        raise Refused(
            f"its OME-XML lists {total} planes, but {len(places)} are there: files of its set are "
            f"missing ({missing}). Put them beside it. Or: {ASK}"
        )
    return block


def _places(
    image: OmeImage, shape: Sequence[int], n_pages: Mapping[FileName | None, int]
) -> dict[int, Place]:
    """Where each plane is, by its number."""
    total = math.prod(shape)
    places: dict[int, Place] = {}
    used: set[Place] = set()
    for run in image.runs:
        start = _number(run, image.order, shape)
        if start is None or run.file not in n_pages:
            continue  # planes that the image does not have: some programs leave them when cropping
        available = max(n_pages[run.file] - run.page, 0)
        wanted = total - start if run.count is None else min(run.count, total - start)
        for n in range(min(wanted, available)):
            place = (run.file, run.page + n)
            if place in used or start + n in places:
                raise Refused(f"its OME-XML lists a plane or a page twice. {ASK}")
            used.add(place)
            places[start + n] = place
    return places


def _number(run: Run, order: str, shape: Sequence[int]) -> int | None:
    """The number of the first plane of a run; None if the image has no such plane."""
    number = 0
    for axis, length in zip(order, shape, strict=True):
        if run.first[axis] >= length:
            return None
        number = number * length + run.first[axis]
    return number


def _whole_block(order: str, shape: Sequence[int], places: Mapping[int, Place]) -> Block | None:
    """The planes as a block of whole channels, slices or times, if that is what they are."""
    if not places:
        return None
    numbers = np.unravel_index(sorted(places), tuple(shape))
    indices = [np.unique(along).tolist() for along in numbers]
    if math.prod(map(len, indices)) != len(places):
        return None
    return Block(dict(zip(order, indices, strict=True)), [places[n] for n in sorted(places)])


def claimed_twice(
    image: OmeImage, others: Iterable[OmeImage], places: Iterable[Place]
) -> OmeImage | None:
    """Another image whose runs cover one of the places of an image."""
    pages: dict[FileName | None, list[int]] = {}
    for file, page in places:
        pages.setdefault(file, []).append(page)
    for numbers in pages.values():
        numbers.sort()
    for other in others:
        for run in other.runs if other.number != image.number else ():
            mine = pages.get(run.file, [])
            next_of_mine = bisect_left(mine, run.page)
            if next_of_mine < len(mine) and (
                run.count is None or mine[next_of_mine] < run.page + run.count
            ):
                return other
    return None
