"""Making one sample: its image, its labels, its numbers; all its files or none."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from copy import copy
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import __version__, files
from ..analysis.range_fit import misfit
from ..core.blocks import Region, exhaust, region_shape, slices
from ..core.measures.pair_sums import PairSums
from ..files import Header
from ..recipe import LazyVolume, Recipe
from .apart import Read
from .interrupt import undisturbed
from .job import Job, Unit
from .labels import Labels, labels_of, write_labels
from .metrics import Found, found_in, watched_planes
from .parts import Part, parts_of
from .record import Record, read_record, superseded, write_record
from .runs import Runs
from .settle import once, settle, volume_of
from .source import Source

#: Voxels of a slab that are computed at once.
_BAND = 1 << 20


def request(job: Job, unit: Unit, real: Callable[[Path], str] = os.path.realpath) -> Record:
    """A description of a sample, to decide whether a finished one is the one that is wanted.

    ``real`` finds where paths lead; one that remembers folders is quicker for many samples.
    """
    s, source, labels = job.sampling_of(unit.source), unit.source, unit.source.labels
    return {
        "recipe": s.recipe.replace(sample=s.recipe.sample + unit.number).model_dump(mode="json"),
        "drawn": s.drawn(unit.number),
        "target_psnr": s.target(unit.number),
        "source": _named(source, job.output, real),
        "labels": None if labels is None else _named(labels, job.output, real),
        "layout": job.layout,
        "format": job.format,
        "chunk": job.chunk,
        "shard": job.shard,
    }


def provenance(job: Job, unit: Unit, volume: LazyVolume) -> Record:
    """The record in every file: enough to make it again."""
    s = job.sampling_of(unit.source)
    return {
        "program": "napari-diversify",
        "version": __version__,
        "recipe": volume.recipe.model_dump(mode="json"),
        "drawn": s.drawn(unit.number),
        "target_psnr": s.target(unit.number),
        "source": _named(unit.source, job.output),
        "spacing": None if volume.spacing is None else list(volume.spacing),
    }


def _named(source: Source, output: Path, real: Callable[[Path], str] = os.path.realpath) -> Record:
    """Which image it is, and where."""
    path = None if source.path is None else _way(real(source.path), real(output))
    named: Record = {"name": source.name, "path": path, "axes": source.axes}
    if source.series is not None:
        named["series"] = source.series
    if source.voxel_size:
        named["voxel_size"] = dict(sorted(source.voxel_size.items()))
    return named


def _way(path: str, folder: str) -> str:
    """The path from the training set to a source, so that both may be moved together."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive
        return Path(path).as_posix()


def make(
    job: Job,
    unit: Unit,
    *,
    overwrite: bool = False,
    executor: Executor | None = None,
    claim: Path | None = None,
) -> Generator[tuple[int, int], None, Record]:
    """Make a sample; yield (pieces done, pieces), return its record.

    Parameters
    ----------
    job, unit
        What to make.
    overwrite : bool, optional
        Replace files of these names, each once the new one is complete, and then
        remove those of an older record of this sample that have no successor.
    executor : Executor, optional
        Where the slabs of OME-Zarr files are computed; by default here.
    claim : Path, optional
        The file of the claim on these samples: without it no file gets its name.

    Raises
    ------
    OSError, ValueError, TypeError
        If the sample could not be made; then none of its files exists.

    Returns
    -------
    Record
        As on disk, and the files that were ``removed``.
    """
    run = "" if claim is None else claim.stem
    read = Read([unit.source], files.Listing())
    with ExitStack() as stack:
        header, data = stack.enter_context(unit.source.open())
        files.check_dtype(header.dtype, job.format)
        recipe = settle(job.sampling_of(unit.source), unit.number, unit.source, header, data)
        volume = volume_of(header, data, recipe, in_voxels=unit.source.in_voxels)
        origin = provenance(job, unit, volume)
        labels = labels_of(job, unit.source, header, stack)
        notes = notes_on(unit.source, header, labels)
        yield from volume.prepare()
        parts = parts_of(unit.name, header, job.how)
        done: list[Record] = []
        ranges: dict[str, None] = {}
        for k, part in enumerate(parts):
            targets = _targets(job, part, with_labels=labels is not None)
            for target in targets.values():
                read.check(target)
            partial = {
                role: stack.enter_context(files.writing(path, overwrite, run))
                for role, path in targets.items()
            }
            told = replace(
                part.header, name=part.name, provenance={**origin, "at": [list(a) for a in part.at]}
            )
            if job.format == "ome-zarr":
                work = _write_zarr(job, unit.source, volume, told, partial["image"], executor)
            else:
                work = _write_tiff(volume, part, header.axes, told, partial["image"])
            found = yield from _within(work, k, len(parts))
            unfit = misfit(found.sums.reference, *volume.intensity_range, header.dtype)
            ranges |= {} if unfit is None else {unfit: None}
            if labels is not None and "labels" in partial:
                write_labels(job, *part.cut(labels.header, labels.data), partial["labels"])
            if "source" in partial:
                clean, cut = part.cut(header, data)
                files.write_tiff(partial["source"], clean, files.planes_of(cut, clean))
            there = {role: path.relative_to(job.output) for role, path in targets.items()}
            done.append(
                {
                    "name": part.name,
                    "files": {role: path.as_posix() for role, path in there.items()},
                    "header": _summary(_with_channels(part, header)),
                    "metrics": found.table(),
                }
            )
        record = {
            "request": request(job, unit),
            "provenance": origin,
            "parts": done,
            "notes": [*notes, *ranges],
            "finished": False,
        }
        before = read_record(job.output, unit.name) if overwrite else None
        old = superseded(job.output, unit.name, before, record)
        if claim is not None and not claim.exists():
            raise TimeoutError("its run is over, and another one may make it by now")
        # before the files get their names: what is there without a record is not ours
        write_record(job.output, unit.name, {**record, "superseded": old} if old else record, run)
    for path in old:
        files.remove(job.output / path)
    record["finished"] = True
    write_record(job.output, unit.name, record, run)
    return {**record, "removed": old}


def notes_on(source: Source, header: Header, labels: Labels | None) -> list[str]:
    """What the user should know about an image and its labels, in sentences.

    Raises
    ------
    ValueError
        If no voxel of the image is there.
    """
    notes = [*source.notes, *header.notes]
    missing, chunks = _missing_chunks(source)
    if missing and missing == chunks:
        raise ValueError("none of its chunks is there, so it has no voxels. Copy it again")
    if missing:
        notes.append(
            f"{missing} of its {chunks} chunks are not there, and count as if they held nothing "
            "but the fill value: copied in part, or left out as empty"
        )
    if labels is not None and source.labels is not None:
        notes += [f"its labels: {note}" for note in labels.notes]
        missing, chunks = _missing_chunks(source.labels)
        if missing:
            every = "all of the chunks" if missing == chunks else "some chunks"
            notes.append(f"its labels: {every} are not there, and count as background")
    return notes


def _missing_chunks(source: Source) -> tuple[int, int]:
    """How many chunks of a Zarr image are missing, and how many there should be."""
    path = source.path
    if path is None or source.array is not None or not path.is_dir():
        return 0, 0
    return once(source, "chunks", lambda: files.missing_chunks(path, source.series))


def targets_of(job: Job, unit: Unit, header: Header) -> list[Path]:
    """All files that a sample of an image with this header becomes."""
    with_labels = unit.source.labels is not None
    return [
        path
        for part in parts_of(unit.name, header, job.how)
        for path in _targets(job, part, with_labels=with_labels).values()
    ]


def _targets(job: Job, part: Part, *, with_labels: bool) -> dict[str, Path]:
    """Files of a part. Channels share their labels, which come with the first."""
    targets = files.paths(
        job.how, job.output, part.name, file_format=job.format, channel=part.channel
    )
    own_labels = "{channel" not in job.how.image or part.channel == 0
    if not (with_labels and own_labels):
        targets.pop("labels", None)
    return targets


def _within(
    work: Generator[tuple[int, int], None, Found], k: int, n: int
) -> Generator[tuple[int, int], None, Found]:
    """Run part k of n, and report its progress as that of all parts."""
    with closing(work):  # at once: its files are tidied up next
        while True:
            try:
                done, total = next(work)
            except StopIteration as end:
                found: Found = end.value
                return found
            yield k * total + done, n * total


def _with_channels(part: Part, header: Header) -> Header:
    """The header of all channels, for a part that is one of them."""
    others = tuple(at for at in part.at if at[0] != "c")
    return replace(part, at=others).of(header)


def _summary(header: Header) -> Record:
    """What layouts and readers want to know of a finished file."""
    return {
        "shape": list(header.shape),
        "dtype": header.dtype.name,
        "axes": header.axes,
        "scale": list(header.scale),
        "units": list(header.units),
        "channels": list(header.channels),
    }


# ---- the image ----


def _write_zarr(
    job: Job,
    source: Source,
    volume: LazyVolume,
    header: Header,
    path: Path,
    executor: Executor | None,
) -> Generator[tuple[int, int], None, Found]:
    files.create(path, header, chunk=job.chunk, shard=job.shard, window=volume.intensity_range)
    regions, watched = files.slabs(path), watched_planes(header)
    thickness = _thickness(regions[0])
    if executor is None:
        runs = Runs(volume.source, thickness)
        results: Generator[Found, None, None] = (
            _slab(volume, runs, path, r, watched) for r in regions
        )
    elif isinstance(executor, ThreadPoolExecutor):
        runs = Runs(volume.source, thickness)
        tasks: list[tuple[Any, ...]] = [(volume, runs, path, r, watched) for r in regions]
        results = in_order(executor, _slab, tasks)
    else:
        tasks = [(source, volume.recipe, thickness, path, r, watched) for r in regions]
        results = in_order(executor, _slab_elsewhere, tasks)
    found = Found(PairSums(*volume.intensity_range))
    with closing(results):
        for n, one in enumerate(results):
            found = found + one
            yield n + 1, len(regions)
    for level, region in files.reduced(path):
        files.write_reduced(path, level, region)
        yield len(regions), len(regions)
    files.finish(path, header.provenance)
    return found


def _thickness(region: Region) -> int:
    """Planes of a slab."""
    return len(region[-3]) if len(region) > 2 else 1


def _slab(
    volume: LazyVolume, runs: Runs, path: Path, region: Region, watched: frozenset[int]
) -> Found:
    """Compute and write a slab."""
    volume = copy(volume)
    volume.source = runs.for_slab()
    block = _computed(volume, region)
    files.write_slab(path, region, block)
    start = [r.start for r in region[:-2]]
    first = int(np.ravel_multi_index(start, volume.shape[:-2])) if start else 0
    return found_in(volume, region, block, watched, first)


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
    path: Path,
    region: Region,
    watched: frozenset[int],
) -> Found:
    """:func:`_slab` in a worker process, which opens the source for itself."""
    return _slab(*_opened(source, recipe, thickness), path, region, watched)


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
    rest = iter(tasks)
    ahead = 2 * getattr(executor, "_max_workers", os.cpu_count() or 1)
    waiting: list[Future[Any]] = [
        executor.submit(function, *task) for task in itertools.islice(rest, ahead)
    ]
    try:
        while waiting:
            result = waiting.pop(0).result()
            waiting += [executor.submit(function, *t) for t in itertools.islice(rest, 1)]
            yield result
    finally:
        with undisturbed():  # nobody may write any more when the files are tidied up
            for future in waiting:
                future.cancel()
            wait([future for future in waiting if not future.cancelled()])


def _write_tiff(
    volume: LazyVolume, part: Part, axes: str, header: Header, path: Path
) -> Generator[tuple[int, int], None, Found]:
    regions, watched = list(part.runs(axes)), watched_planes(part.header)
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

    # tifffile asks for the planes: in a thread, so that progress can be told meanwhile
    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(files.write_tiff, path, header, planes())
        try:
            while not written.done():
                wait([written], timeout=0.1)
                yield started[0], len(regions)
        finally:
            stop.set()
        written.result()
    return found[0]
