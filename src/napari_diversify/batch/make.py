"""Making one sample: its image, its labels, its numbers; all its files or none."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Executor
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

from .. import files
from ..analysis.range_fit import misfit
from ..files import Header
from ..recipe import LazyVolume
from .apart import Read
from .job import Job, Unit
from .labels import Labels, labels_of, write_labels
from .metrics import Found
from .parts import Part, parts_of
from .record import Record, read_record, superseded, write_record
from .request import provenance_of, request
from .settle import once, settle, volume_of
from .small_images import opened
from .source import Source
from .voxels import Image, write_planes, write_slabs


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
        Where slabs are computed, if the format is written in slabs; by default here.
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
        header, data = opened(unit.source, run, stack)
        files.check_dtype(header.dtype, job.format.name)
        recipe = settle(job.sampling_of(unit.source), unit.number, unit.source, header, data)
        volume = volume_of(header, data, recipe, in_voxels=unit.source.in_voxels)
        made_by = provenance_of(job, unit, volume)
        labels = labels_of(job, unit.source, header, stack, run)
        notes = [*notes_on(unit.source, header, labels), *_doubts(volume)]
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
            described = replace(
                part.header, name=part.name, provenance=made_by.part(part.at).entry()
            )
            image = Image(unit.source, volume, described, partial["image"])
            if job.format.in_slabs:
                work = write_slabs(job, image, executor)
            else:
                work = write_planes(job, image, list(part.runs(header.axes)))
            found = yield from _within(work, k, len(parts))
            unfit = misfit(found.sums.reference, *volume.intensity_range, header.dtype)
            ranges |= {} if unfit is None else {unfit: None}
            if labels is not None and "labels" in partial:
                write_labels(job, *part.cut(labels.header, labels.data), partial["labels"])
            if "source" in partial:
                clean, cut = part.cut(header, data)
                job.format.codec.write(partial["source"], clean, cut, **job.settings)
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
            "provenance": made_by.entry(),
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


def _doubts(volume: LazyVolume) -> tuple[str, ...]:
    """Why not to believe what the recipe makes of this image."""
    shape = volume.shape[-volume.spatial_ndim :]
    return volume.recipe.doubts(shape, volume.spacing, volume.intensity_range)


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
        job.how, job.output, part.name, file_format=job.format.name, channel=part.channel
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
