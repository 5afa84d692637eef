"""What part of a job is finished, what is to be made, and what stands in the way.

Only looks: nothing is written, no image is opened, and each folder is listed once, so that
ten thousand images take seconds.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .. import files
from ..files import Listing
from ..recipe.recipe import migrated
from .apart import Read
from .job import Job, Unit
from .parts import unit_of
from .record import (
    FOLDER,
    Record,
    files_of,
    is_finished,
    names_in,
    place_of,
    provenance_in,
    read_record,
    recipe_asked_in,
    records_in,
    superseded_in,
)
from .request import request
from .settle import forget
from .tables import check_tables, items_of


@dataclass(frozen=True)
class Plan:
    """What a run has to do.

    Attributes
    ----------
    todo : tuple of (Unit, bool)
        Samples to be made, and whether their files may be replaced.
    kept : tuple of str
        Samples that are finished.
    failed : dict of str to str
        Samples that can be neither kept nor made, and why.
    leftovers : tuple of Leftover
        Files that killed runs may have left, and that runs at work may be writing.
    listing : Listing
        Of the folder, as it was.
    """

    todo: tuple[tuple[Unit, bool], ...]
    kept: tuple[str, ...]
    failed: dict[str, str]
    leftovers: tuple[files.Leftover, ...]
    listing: Listing


def look(job: Job, *, resume: bool = False, overwrite: bool = False) -> Plan:
    """Find out what exists already of a job.

    Raises
    ------
    OSError, ValueError
        If the job cannot start; the message says what to do.
    """
    if resume and overwrite:
        raise ValueError("resume keeps what is finished, overwrite makes it again: choose one")
    listing, units = Listing(), list(job.units())
    names = {unit.name for unit in units}
    for folder in _folders(job):
        listing.names(folder)  # nothing in it is asked for one by one
    check_tables(job.output, job.how, listing)
    if job.how.extras is not None:
        records = (record for _, record in records_in(job.output, listing))
        items = items_of(records, job.how)
        files.check_extras(job.how, job.output, items, lambda n: unit_of(n) in names, listing)
    if overwrite and job.only is None:
        _check_others(job, names, listing)
    read = Read(job.sources, listing)
    read.check_names(job.how, job.output, job.format.ending, names)
    return _sorted_out(job, units, read, listing, resume, overwrite)


def _sorted_out(
    job: Job, units: list[Unit], read: Read, listing: Listing, resume: bool, overwrite: bool
) -> Plan:
    """What is to become of each sample."""
    for source in job.sources:
        forget(source)
    there: list[Path] = []
    todo: list[tuple[Unit, bool]] = []
    kept: list[str] = []
    failed: dict[str, str] = {}
    for unit in units:
        targets = files.paths(job.how, job.output, unit.name, file_format=job.format.name)
        for path in targets.values():
            read.check(path)
        record = _record_of(job, unit, listing)
        if record is not None and overwrite:
            for path in (*files_of(job.output, record), *superseded_in(job.output, record)):
                read.check(path)
        if record is None or overwrite:
            if not (resume or overwrite) and listing.exists(targets["image"]):
                there.append(targets["image"])
            todo.append((unit, overwrite))
        elif not resume:
            there.append(job.output / unit.name)
        elif _asked(record) != request(job, unit, listing.real):
            failed[unit.name] = (
                "it was made of another image or with other settings, and is left as it is. "
                "Choose another folder, or overwrite"
            )
        elif is_finished(job.output, record, listing):
            kept.append(unit.name)
        else:  # stopped between the record and the last of its files
            todo.append((unit, True))
    if there:
        raise FileExistsError(
            f"{len(there)} of {len(job)} samples exist in {job.output} already, "
            f"the first is {there[0].name}. Resume to keep them, overwrite to make them "
            "again, or choose another folder"
        )
    if todo:
        for folder in _folders(job):
            files.check_folder(folder)
    left = _leftovers(job, {unit.name for unit in units}, listing)
    return Plan(tuple(todo), tuple(kept), failed, tuple(left), listing)


def _asked(record: Record) -> Record:
    """The request of a record, as this version would write it."""
    return {**record["request"], "recipe": migrated(recipe_asked_in(record).root)}


def _record_of(job: Job, unit: Unit, listing: Listing) -> Record | None:
    place = place_of(job.output, unit.name)
    return read_record(job.output, unit.name) if listing.exists(place) else None


def _check_others(job: Job, units: set[str], listing: Listing) -> None:
    """Refuse to leave samples of an earlier run among the new ones of the same images."""
    sources = {source.name for source in job.sources}
    left = {}
    for name in names_in(job.output, listing):
        if name in units:
            continue
        record = read_record(job.output, name)
        if record is not None and provenance_in(record).source.name in sources:
            left[name] = [p for p in files_of(job.output, record) if listing.exists(p)]
    there = [paths[0].name for paths in left.values() if paths]
    if there:
        raise FileExistsError(
            f"{sum(map(len, left.values()))} older files of {len(there)} samples that would "
            f"not be made again would stay among the new ones in {job.output}, the first "
            f"is {there[0]}. Remove them, choose another folder, or make as many samples as "
            "before; with a choice of samples (only) the others may stay"
        )


def _folders(job: Job) -> list[Path]:
    """All folders that a job writes to."""
    how = job.how
    patterns = [p for p in (how.image, how.labels, how.source, *how.beside) if p is not None]
    inner = dict.fromkeys(os.path.dirname(pattern) for pattern in patterns)
    return [job.output, job.output / FOLDER, *(job.output / f for f in inner if f)]


def _leftovers(job: Job, units: set[str], listing: Listing) -> list[files.Leftover]:
    """Files that killed runs may have left: of any known run, otherwise of these samples."""
    left = []
    for folder in _folders(job):
        for leftover in files.leftovers(folder, listing):
            way = (folder / leftover.name).relative_to(job.output).as_posix()
            names = files.names_of(job.how, way, job.format.ending)
            if leftover.run or any(unit_of(name) in units for name in names):
                left.append(leftover)
    return left
