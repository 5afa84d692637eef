"""The tiles that learned results are computed in: a fixed grid, anchored at voxel 0.

The last bit of a convolution depends on the shape that it is computed in. So every result is
computed in tiles of the same shape, each with a halo of everything that it depends on, and then
cropped: any region equals that part of the whole.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ..core.blocks import Region, in_slabs, reflected, slices, spread_over

#: Plane, row of tiles and column of tiles; the plane of a 2D image is 0.
Tile: TypeAlias = tuple[int, int, int]
Unit: TypeAlias = npt.NDArray[np.float32]


def covering(region: Region, side: int) -> list[Tile]:
    """The tiles that a region of an image lies in, in order."""
    planes = region[0] if len(region) == 3 else range(1)
    rows, columns = (range(r.start // side, -(-r.stop // side)) for r in region[-2:])
    return list(itertools.product(planes, rows, columns))


def region_of(tile: Tile, side: int, shape: Sequence[int]) -> Region:
    """The voxels of a tile: ``side`` in both directions, or up to the border of the image."""
    z, *place = tile
    in_plane = tuple(
        range(n * side, min((n + 1) * side, length))
        for n, length in zip(place, shape[-2:], strict=True)
    )
    return in_plane if len(shape) == 2 else (range(z, z + 1), *in_plane)


def needed(
    tiles: Iterable[Tile], side: int, halo: int, context: int, shape: Sequence[int]
) -> Region:
    """All that these tiles are computed from: halos and neighbouring planes, inside the image."""
    seen = [[_inside(at) for at in _places(tile, side, halo, context, shape)] for tile in tiles]
    region = tuple(
        range(min(r.start for r in axis), max(r.stop for r in axis))
        for axis in zip(*seen, strict=True)
    )
    return region if len(shape) == 3 else region[1:]


def _places(
    tile: Tile, side: int, halo: int, context: int, shape: Sequence[int]
) -> list[npt.NDArray[np.int64]]:
    """Planes, rows and columns of what a tile is computed from: reflected beyond the border.

    A tile that the border cuts is computed as a whole one: all have the same shape.
    """
    z, *place = tile
    planes = shape[0] if len(shape) == 3 else 1
    along = [(range(z, z + 1), context, planes)]
    along += [
        (range(n * side, (n + 1) * side), halo, length)
        for n, length in zip(place, shape[-2:], strict=True)
    ]
    return [reflected(*axis)[0] for axis in along]


def _inside(places: npt.NDArray[np.int64]) -> range:
    return range(int(places.min()), int(places.max()) + 1)


def block(
    tile: Tile,
    side: int,
    halo: int,
    context: int,
    shape: Sequence[int],
    source: Callable[[Region], Unit],
) -> Unit:
    """What a tile is computed from, (1 + 2 context, side + 2 halo, side + 2 halo).

    Beyond its border the image is reflected, in the plane as along z.
    """
    places = _places(tile, side, halo, context, shape)
    within = [_inside(at) for at in places]
    values = source(tuple(within[-len(shape) :])).reshape([len(r) for r in within])
    inner = (at - r.start for at, r in zip(places, within, strict=True))
    return np.ascontiguousarray(values[np.ix_(*inner)])


def assembled(region: Region, tiles: dict[Tile, Unit], side: int) -> Unit:
    """A region of an image, put together from tiles cropped to the image."""
    inside = region if len(region) == 3 else (range(1), *region)
    out = np.empty(tuple(len(r) for r in inside), np.float32)
    for z, *place in covering(region, side):
        parts = [
            range(max(n * side, r.start), min((n + 1) * side, r.stop))
            for n, r in zip(place, inside[1:], strict=True)
        ]
        y, x = slices(tuple(parts), inside[1:])
        of = slices(tuple(parts), tuple(range(n * side, (n + 1) * side) for n in place))
        out[z - inside[0].start, y, x] = tiles[z, place[0], place[1]][of]
    return out if len(region) == 3 else out[0]


def each(tiles: Sequence[Tile], compute: Callable[[Tile], Unit]) -> Iterator[tuple[Tile, Unit]]:
    """Compute tiles, one in each thread of ours at a time."""
    results: dict[Tile, Unit] = {}

    def some(part: slice) -> None:
        before = spread_over(1)  # what a tile asks for is computed in its own thread
        try:
            for tile in tiles[part]:
                results[tile] = compute(tile)
        finally:
            spread_over(before)

    in_slabs(some, len(tiles), 1 << 30)
    yield from results.items()
