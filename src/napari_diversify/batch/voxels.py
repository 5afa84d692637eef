"""The voxels of a sample: computed, measured and written, some planes at a time."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core.blocks import Region, exhaust, region_shape, slices, spread_over
from ..core.blocks import workers as cores
from ..core.measures.pair_sums import PairSums
from ..files import FORMATS, Header
from ..interrupt import undisturbed
from ..recipe import LazyVolume, Recipe
from .engines import Crew
from .job import Job
from .metrics import Found, found_in, watched_planes
from .runs import Runs
from .settle import volume_of
from .source import Source

#: Voxels of a slab that are computed at once.
_BAND = 1 << 20


@dataclass(frozen=True)
class Image:
    """An image to be written.

    Attributes
    ----------
    source : Source
        What it is made from.
    volume : LazyVolume
        The recipe on all of the source.
    header : Header
        Of the image, which may be a part of it.
    path : Path
        The temporary name of its file.
    """

    source: Source
    volume: LazyVolume
    header: Header
    path: Path


def write_slabs(
    job: Job, image: Image, executor: Executor | None
) -> Generator[tuple[int, int], None, Found]:
    """Write an image slab by slab, in any order; yield (slabs done, slabs)."""
    volume, path, codec = image.volume, image.path, job.format.codec
    codec.create(path, image.header, window=volume.intensity_range, **job.settings)
    regions, watched = codec.slabs(path), watched_planes(image.header)
    thickness = _thickness(regions[0])
    where = job.format.name, path
    if executor is None:
        runs = Runs(volume.source, thickness)
        results: Generator[Found, None, None] = (
            _slab(volume, runs, *where, r, watched) for r in regions
        )
    elif isinstance(executor, ThreadPoolExecutor):
        runs = Runs(volume.source, thickness)
        at_once = min(len(regions), executor._max_workers)
        threads = max(1, cores() // at_once)
        tasks: list[tuple[Any, ...]] = [
            (volume, runs, *where, r, watched, threads) for r in regions
        ]
        results = in_order(executor, _slab_beside_others, tasks)
    else:
        tasks = [(image.source, volume.recipe, thickness, *where, r, watched) for r in regions]
        results = in_order(executor, _slab_elsewhere, tasks)
    found = Found(PairSums(*volume.intensity_range))
    with closing(results):
        for n, one in enumerate(results):
            found = found + one
            yield n + 1, len(regions)
    for level, region in codec.reduced(path):
        codec.write_reduced(path, level, region)
        yield len(regions), len(regions)
    codec.finish(path, image.header.provenance)
    return found


def write_planes(
    job: Job, image: Image, regions: Sequence[Region]
) -> Generator[tuple[int, int], None, Found]:
    """Write an image plane by plane.

    ``regions`` of the whole volume, some planes each, cover the image in C order. Yield (regions
    done, regions).
    """
    volume, watched = image.volume, watched_planes(image.header)
    source = Runs(volume.source, _thickness(regions[0]))
    found = [Found(PairSums(*volume.intensity_range))]
    stop, started = Event(), [0]

    def planes() -> Iterator[npt.NDArray[Any]]:
        first = 0
        for n, region in enumerate(regions):
            if stop.is_set():
                raise InterruptedError("stopped")
            started[0] = n
            here = copy(volume)
            here.source = source.for_slab()
            block = here.read(region)
            found[0] = found[0] + found_in(here, region, block, watched, first)
            single = block.reshape(-1, *block.shape[-2:])
            first += len(single)
            yield from single

    # the writer asks for the planes: in a thread, so that progress can be told meanwhile
    with ThreadPoolExecutor(1) as pool:
        write = job.format.codec.write_planes
        written = pool.submit(write, image.path, image.header, planes())
        try:
            while not written.done():
                wait([written], timeout=0.1)
                yield started[0], len(regions)
        finally:
            stop.set()
        written.result()
    return found[0]


def _thickness(region: Region) -> int:
    """Planes of a slab."""
    return len(region[-3]) if len(region) > 2 else 1


def _slab(
    volume: LazyVolume,
    runs: Runs,
    file_format: str,
    path: Path,
    region: Region,
    watched: frozenset[int],
) -> Found:
    """Compute and write a slab."""
    volume = copy(volume)
    volume.source = runs.for_slab()
    block = _computed(volume, region)
    FORMATS[file_format].codec.write_slab(path, region, block)
    start = [r.start for r in region[:-2]]
    first = int(np.ravel_multi_index(start, volume.shape[:-2])) if start else 0
    return found_in(volume, region, block, watched, first)


def _slab_beside_others(*arguments: Any) -> Found:
    """:func:`_slab` in so many threads: while one slab is written, another one is computed."""
    *given, threads = arguments
    before = spread_over(threads)
    try:
        return _slab(*given)
    finally:
        spread_over(before)


def _computed(volume: LazyVolume, region: Region) -> npt.NDArray[Any]:
    """The voxels of a slab, in bands if these cost no more, as they need less memory."""
    *outer, rows, columns = region
    height = max(1, _BAND // max(1, math.prod(region_shape((*outer, columns)))))
    band = (*outer, rows[:height], columns)
    if volume.work(slices(band)) > math.prod(region_shape(band)):
        return volume.read(region)  # its planes are computed whole
    block = np.empty(region_shape(region), volume.dtype)
    for start in range(0, len(rows), height):
        here = slice(start, start + height)
        block[..., here, :] = volume.read((*outer, rows[here], columns))
    return block


def _slab_elsewhere(
    source: Source,
    recipe: Recipe,
    thickness: int,
    file_format: str,
    path: Path,
    region: Region,
    watched: frozenset[int],
) -> Found:
    """:func:`_slab` in a worker process, which opens the source for itself."""
    return _slab(*_opened(source, recipe, thickness), file_format, path, region, watched)


#: The volume of a sample and its source, kept open in a worker for the next slab of it.
_open: dict[tuple[object, ...], tuple[LazyVolume, Runs, ExitStack]] = {}
_MOST_OPEN = 2


def _opened(source: Source, recipe: Recipe, thickness: int) -> tuple[LazyVolume, Runs]:
    key = (source.identity, recipe, thickness)
    if key not in _open:
        with ExitStack() as stack:
            header, data = stack.enter_context(source.open())
            volume = volume_of(header, data, recipe, in_voxels=source.in_voxels)
            exhaust(volume.prepare())
            _open[key] = (volume, Runs(volume.source, thickness), stack.pop_all())
        while len(_open) > _MOST_OPEN:
            _open.pop(next(iter(_open)))[2].close()
    return _open[key][:2]


def in_order(
    executor: Executor, function: Callable[..., Any], tasks: list[tuple[Any, ...]]
) -> Generator[Any, None, None]:
    """Results of tasks in their order, a few of them under way at a time."""
    rest, crew = iter(tasks), Crew(executor)
    waiting: deque[Future[Any]] = deque()
    try:
        while True:
            some = itertools.islice(rest, max(0, crew.ahead - len(waiting)))
            waiting.extend(executor.submit(function, *task) for task in some)
            if not waiting:
                return
            yield waiting.popleft().result()
    finally:
        with undisturbed():  # nobody may write any more when the files are tidied up
            for future in waiting:
                future.cancel()
            wait([future for future in waiting if not future.cancelled()])
