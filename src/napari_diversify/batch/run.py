"""Running a batch: what is finished stays, what fails is told at the end, the rest goes on."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Generator, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ThreadPoolExecutor,
    wait,
)
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from .. import files
from ..core.blocks import exhaust
from ..sentences import reason
from .engine import engine
from .interrupt import undisturbed
from .job import Job, Unit
from .labels import labels_of
from .make import check_apart, make, notes_on, request, targets_of
from .notes import Noted, gathered, noted_in
from .record import (
    FOLDER,
    MANIFEST,
    Record,
    files_of,
    finished_records,
    is_finished,
    read_record,
    records_in,
    write_manifest,
)
from .settle import forget, volume_of

_LOG = logging.getLogger(__name__)

#: An image bigger than this (bytes) is made by all workers together, others by one each.
_BIG = 64 << 20
#: Progress of one sample is told in so many steps.
_STEPS = 100


@dataclass(frozen=True)
class Report:
    """What became of a batch.

    Attributes
    ----------
    made, kept : tuple of str
        Samples made now, and those that were finished before.
    failed : tuple of (str, str)
        Samples that could not be made, and why.
    manifest : Path or None
        The table of all finished samples.
    removed : tuple of str
        Files of samples that were made again, which these do not have any more.
    notes : tuple of str
        What was noticed of the images, in sentences without a full stop.
    """

    made: tuple[str, ...]
    kept: tuple[str, ...]
    failed: tuple[tuple[str, str], ...]
    manifest: Path | None
    removed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def run(
    job: Job,
    *,
    executor: Executor | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Generator[tuple[int, int], None, Report]:
    """Make all samples of a job; yield (steps done, steps), return a report.

    A generator: close it to stop. Finished samples stay, unfinished ones leave
    nothing behind, and another run with ``resume`` goes on from there.

    Parameters
    ----------
    job : Job
    executor : Executor, optional
        See :func:`engine`; by default threads.
    resume : bool, optional
        Keep what an earlier run of the same job has finished.
    overwrite : bool, optional
        Make all again, each file replacing its namesake once it is complete. Older
        files of these samples without a namesake, of another layout for example, are
        removed if their record tells of them.

    Raises
    ------
    FileExistsError
        If files of this job exist and neither ``resume`` nor ``overwrite`` is set; or if
        ``overwrite`` would leave older samples of these images among the new ones.
    OSError
        If the folder cannot be written to.
    """
    state = _State(job, resume, overwrite)
    with ExitStack() as stack:
        if executor is None:
            executor = stack.enter_context(engine())
        state.look()
        try:
            yield from state.work(executor)
        except BrokenExecutor as error:
            raise OSError(
                "a worker process ended unexpectedly, perhaps for want of memory. Finished samples "
                "stay: resume, with fewer workers"
            ) from error
        finally:
            with undisturbed():
                state.write_tables()
        return state.report()


def preview(job: Job, *, resume: bool = False, overwrite: bool = False) -> Report:
    """What :func:`run` would do with a job, as far as can be told without making anything.

    Returns
    -------
    Report
        ``made`` are the samples that would be made.

    Raises
    ------
    FileExistsError
        As :func:`run` would.
    """
    state = _State(job, resume, overwrite)
    state.look()
    return state.expected()


def export(
    job: Job,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Report:
    """Make all samples of a job and wait for them.

    Parameters
    ----------
    job : Job
    workers, scheduler
        Who does the work; see :func:`engine`.
    resume, overwrite
        What becomes of earlier results; see :func:`run`.

    Returns
    -------
    Report

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from pathlib import Path
    >>> from napari_diversify import Recipe
    >>> from napari_diversify.batch import Job, export, sources_of
    >>> from napari_diversify.recipe import Diversify, Sampling
    >>> folder = tempfile.TemporaryDirectory()
    >>> here = Path(folder.name)
    >>> np.save(here / "cells.npy", np.arange(960.0, dtype="float32").reshape(4, 12, 20))
    >>> sampling = Sampling(recipe=Recipe(steps=(Diversify(),)), samples=2,
    ...                     ranges={"w_v": (0, 8)})
    >>> job = Job(sources_of([here / "cells.npy"]), sampling, here / "train", "stardist")
    >>> export(job).made
    ('cells_0000', 'cells_0001')
    >>> folder.cleanup()
    """
    with engine(workers, scheduler) as executor:
        return exhaust(run(job, executor=executor, resume=resume, overwrite=overwrite))


class _State:
    """What of a job is finished, kept and failed so far."""

    def __init__(self, job: Job, resume: bool, overwrite: bool) -> None:
        if resume and overwrite:
            raise ValueError("resume keeps what is finished, overwrite makes it again: choose one")
        self._job = job
        self._resume, self._overwrite = resume, overwrite
        self._records: dict[str, Record] = {}
        self._made: list[str] = []
        self._kept: list[str] = []
        self._failed: dict[str, str] = {}
        self._todo: list[tuple[Unit, bool]] = []  # with: may its files be replaced
        self._manifest: Path | None = None
        self._noted: list[Noted] = []  # of images of which no sample is made in a preview

    def look(self) -> None:
        """See what is there already."""
        there = []
        self._look_at_tables()
        if self._overwrite and self._job.only is None:
            self._look_at_others()
        for source in self._job.sources:
            forget(source)
        for unit in self._job.units():
            targets = files.paths(
                self._job.how, self._job.output, unit.name, file_format=self._job.format
            )
            check_apart(targets.values(), self._job.sources)
            record = read_record(self._job.output, unit.name)
            if record is not None and self._overwrite:
                check_apart(files_of(self._job.output, record), self._job.sources)
            if record is None or self._overwrite:
                path = targets["image"]
                if path.exists() and not (self._resume or self._overwrite):
                    there.append(path)
                self._todo.append((unit, self._overwrite))
                continue
            if not self._resume:
                there.append(self._job.output / unit.name)
            elif record["request"] != request(self._job, unit):
                self._failed[unit.name] = (
                    "it was made of another image or with other settings, and is left as it is. "
                    "Choose another folder, or overwrite"
                )
            elif is_finished(self._job.output, record):
                self._records[unit.name] = record
                self._kept.append(unit.name)
            else:  # stopped between the record and the last of its files
                self._todo.append((unit, True))
        if there:
            raise FileExistsError(
                f"{len(there)} of {len(self._job)} samples exist in {self._job.output} already, "
                f"the first is {there[0].name}. Resume to keep them, overwrite to make them "
                "again, or choose another folder"
            )

    def _look_at_tables(self) -> None:
        """Refuse a folder whose tables somebody else has written."""
        names = [MANIFEST, *(["dataset.json"] if self._job.how.extras is not None else [])]
        foreign = [name for name in names if (self._job.output / name).exists()]
        if foreign and not (self._job.output / FOLDER).is_dir():
            raise FileExistsError(
                f"{self._job.output} holds a {foreign[0]} that no batch has written; it is left as "
                "it is. Choose another folder"
            )

    def _look_at_others(self) -> None:
        """Refuse to leave samples of an earlier run among the new ones of the same images."""
        ours = {unit.name for unit in self._job.units()}
        sources = {source.name for source in self._job.sources}
        left = {}
        for name, record in records_in(self._job.output):
            if name not in ours and record["provenance"]["source"]["name"] in sources:
                left[name] = [p for p in files_of(self._job.output, record) if p.exists()]
        there = [paths[0].name for paths in left.values() if paths]
        if there:
            raise FileExistsError(
                f"{sum(map(len, left.values()))} older files of {len(there)} samples that would "
                f"not be made again would stay among the new ones in {self._job.output}, the first "
                f"is {there[0]}. Remove them, choose another folder, or make as many samples as "
                "before; with a choice of samples (only) the others may stay"
            )

    def expected(self) -> Report:
        """What would become of it, if all that can be opened can be made."""
        made = []
        for source, items in itertools.groupby(self._todo, lambda item: item[0].source):
            todo = list(items)
            try:
                with ExitStack() as stack:
                    header, data = stack.enter_context(source.open())
                    volume = volume_of(
                        header, data, self._job.sampling.recipe, in_voxels=source.in_voxels
                    )
                    labels = labels_of(source, header, stack)
                    notes = tuple(notes_on(source, header, labels))
                    self._noted.append(Noted(source.name, notes, volume.spacing))
            except (OSError, ValueError, TypeError) as error:
                self._failed |= {unit.name: reason(error) for unit, _ in todo}
                continue
            for unit, replace in todo:
                try:
                    for path in () if replace else targets_of(self._job, unit, header):
                        files.check_free(path)
                    made.append(unit.name)
                except FileExistsError as error:
                    self._failed[unit.name] = reason(error)
        self._made = made
        return self.report()

    def work(self, executor: Executor) -> Generator[tuple[int, int], None, None]:
        """Make what is left to do."""
        total = _STEPS * len(self._job)
        running: dict[Future[Record], Unit] = {}
        ahead = 2 * getattr(executor, "_max_workers", 32)
        for record in self._records.values():
            for path in files_of(self._job.output, record):
                files.tidy(path)
        yield self._done(), total
        try:
            for unit, replace in self._todo:
                if self._is_big(unit, executor):
                    pieces = make(self._job.of(unit), unit, overwrite=replace, executor=executor)
                    try:
                        for part in self._watched(pieces, unit):
                            yield self._done() + int(_STEPS * part), total
                    finally:
                        pieces.close()
                    continue
                with undisturbed():  # else nobody would wait for what was just handed over
                    running[executor.submit(_make, self._job.of(unit), unit, replace)] = unit
                while len(running) >= ahead:
                    self._collect(running)
                    yield self._done(), total
            while running:
                self._collect(running)
                yield self._done(), total
        finally:
            for future in running:
                future.cancel()
            rest = [future for future in running if not future.cancelled()]
            with undisturbed():
                wait(rest)  # they finish their sample: nothing is left half-made
                for future in rest:
                    self._finish(running[future], future)

    def _watched(
        self, pieces: Generator[tuple[int, int], None, Record], unit: Unit
    ) -> Iterator[float]:
        """Run one sample here; yield the share that is done."""
        try:
            while True:
                done, total = next(pieces)
                yield done / max(total, 1)
        except StopIteration as end:
            self._records[unit.name] = end.value
            self._made.append(unit.name)
        except Exception as error:  # noqa: BLE001  whatever it is, the others go on
            self._fail(unit, error)

    def _is_big(self, unit: Unit, executor: Executor) -> bool:
        if self._job.format != "ome-zarr" and not isinstance(executor, ThreadPoolExecutor):
            return False  # a TIFF is written by one worker
        try:
            with unit.source.open() as (header, _):
                return header.nbytes > _BIG
        except (OSError, ValueError, TypeError):
            return False  # told where it is made

    def _collect(self, running: dict[Future[Record], Unit]) -> None:
        """Take in what is finished, waiting a moment for it."""
        done, _ = wait(running, timeout=0.1, return_when=FIRST_COMPLETED)
        for future in done:
            self._finish(running.pop(future), future)

    def _finish(self, unit: Unit, future: Future[Record]) -> None:
        try:
            self._records[unit.name] = future.result()
            self._made.append(unit.name)
        except BaseException as error:  # noqa: BLE001  also what stopped a worker
            self._fail(unit, error)

    def _fail(self, unit: Unit, error: BaseException) -> None:
        self._failed[unit.name] = reason(error)
        _LOG.info("%s failed", unit.name, exc_info=error)  # seen with --debug

    def _done(self) -> int:
        return _STEPS * (len(self._records) + len(self._failed))

    def write_tables(self) -> None:
        """Write manifest and what the layout wants, of all that is finished."""
        if not self._records:
            return
        records = finished_records(self._job.output)  # those of other jobs too
        self._manifest = write_manifest(self._job.output, records)
        items = {
            part["name"]: files.Item(part["name"], files.header_of(**_header(part["header"])))
            for record in records
            for part in record["parts"]
            if record["request"]["layout"] == self._job.layout
        }
        files.write_extras(self._job.how, self._job.output, list(items.values()))
        for path in self._removed:
            for folder in list(Path(path).parents)[:-1]:
                with suppress(OSError):  # it holds something else
                    (self._job.output / folder).rmdir()

    def report(self) -> Report:
        """What became of it, in the order of the job."""
        order = {unit.name: n for n, unit in enumerate(self._job.units())}
        return Report(
            tuple(sorted(self._made, key=order.__getitem__)),
            tuple(self._kept),
            tuple(sorted(self._failed.items(), key=lambda item: order[item[0]])),
            self._manifest,
            self._removed,
            gathered([*map(noted_in, self._records.values()), *self._noted]),
        )

    @property
    def _removed(self) -> tuple[str, ...]:
        # whichever worker was first
        return tuple(sorted(path for r in self._records.values() for path in r.get("removed", ())))


def _make(job: Job, unit: Unit, replace: bool) -> Record:
    """One sample from beginning to end, for a worker."""
    return exhaust(make(job, unit, overwrite=replace))


def _header(summary: Record) -> Record:
    return {name: tuple(v) if isinstance(v, list) else v for name, v in summary.items()}
