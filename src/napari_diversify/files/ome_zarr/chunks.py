"""How the levels of an OME-Zarr image are cut into chunks, shards and slabs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..header import Header
from .arrays import create_array
from .pyramid import Level, plan_levels

#: A slab of whole planes is at most this many bytes, if one plane is not more.
SLAB = 16 << 20
_DEEPEST = 32  # planes per chunk
_SIDE = 256  # rows and columns per chunk


@dataclass(frozen=True)
class Chunks:
    """Levels with their chunks and shards."""

    levels: list[Level]
    chunks: list[tuple[int, ...]]
    shards: list[tuple[int, ...]] | None

    @classmethod
    def planned(
        cls, header: Header, chunk: int | Sequence[int] | None, shard: int | Sequence[int] | None
    ) -> Chunks:
        """Chunks of level 0 as asked for, and of the other levels to go with them."""
        levels = plan_levels(header)
        sizes = _per_axis(header, chunk, "chunk") or _default_chunk(header)
        # a slab makes whole chunks of the coarse levels too: they get thinner as z does
        chunks = [_thinner(sizes, level, header.spatial_ndim) for level in levels]
        outer = _per_axis(header, shard, "shard")
        if outer is None:
            return cls(levels, [_clamped(c, x.shape) for c, x in _zip(chunks, levels)], None)
        if any(o % s for o, s in zip(outer, sizes, strict=True)):
            raise ValueError(f"shards must be multiples of the chunks {sizes}; got {outer}")
        shards = []
        chunks = [_clamped(c, x.shape) for c, x in _zip(chunks, levels)]
        for inner, level in _zip(chunks, levels):
            wanted = _thinner(outer, level, header.spatial_ndim)
            # no larger than the level, but whole chunks
            most = [-(-n // c) for n, c in zip(level.shape, inner, strict=True)]
            times = [max(1, min(w // c, m)) for w, c, m in zip(wanted, inner, most, strict=True)]
            shards.append(tuple(c * t for c, t in zip(inner, times, strict=True)))
        return cls(levels, chunks, shards)

    def specs(self, dtype: np.dtype[Any]) -> list[tuple[tuple[int, ...], Any]]:
        """Shapes and dtype, as yaozarrs asks for them."""
        return [(level.shape, dtype) for level in self.levels]

    def create_in(self, folder: Path, header: Header) -> None:
        """Create the array of each level in a folder."""
        for n, level in enumerate(self.levels):
            self._create(folder / str(n), level.shape, header.dtype, tuple(header.axes))

    def creator(self) -> Callable[..., Any]:
        """The function with which yaozarrs creates the array of each level."""

        def create(path: Path, shape: tuple[int, ...], dtype: Any, *_: Any, **more: Any) -> None:
            self._create(Path(path), shape, dtype, more["dimension_names"])

        return create

    def _create(
        self, path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], names: Sequence[str]
    ) -> None:
        level = int(path.name)
        shards = None if self.shards is None else self.shards[level]
        create_array(path, shape, dtype, self.chunks[level], shards, names)


def _zip(sizes: list[tuple[int, ...]], levels: list[Level]) -> list[tuple[tuple[int, ...], Level]]:
    return list(zip(sizes, levels, strict=True))


def _per_axis(
    header: Header, given: int | Sequence[int] | None, what: str
) -> tuple[int, ...] | None:
    if given is None:
        return None
    if isinstance(given, (int, np.integer)):
        given = [1] * (header.ndim - header.spatial_ndim) + [int(given)] * header.spatial_ndim
    sizes = tuple(int(n) for n in given)
    if len(sizes) != header.ndim or min(sizes) < 1 or set(sizes[: -header.spatial_ndim]) - {1}:
        raise ValueError(
            f"{what} must be one number, or one per axis of {header.axes!r} with 1 for t and c; "
            f"got {tuple(given)}"
        )
    return sizes


def _default_chunk(header: Header) -> tuple[int, ...]:
    side = tuple(min(_SIDE, n) for n in header.shape[-2:])
    lead = (1,) * (header.ndim - 2)
    if header.spatial_ndim == 2:
        return lead + side
    plane = header.shape[-1] * header.shape[-2] * header.dtype.itemsize
    depth = _DEEPEST
    while depth > 1 and depth * plane > SLAB:
        depth //= 2
    return lead[1:] + (depth,) + side


def _thinner(sizes: tuple[int, ...], level: Level, spatial_ndim: int) -> tuple[int, ...]:
    if spatial_ndim == 2:
        return sizes
    return (*sizes[:-3], max(1, sizes[-3] // level.factors[-3]), *sizes[-2:])


def _clamped(sizes: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(min(a, b) for a, b in zip(sizes, shape, strict=True))
