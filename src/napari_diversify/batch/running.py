"""Running a batch: what is finished stays, failures are reported at the end, the rest continues."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

from .. import files
from ..core.blocks import exhaust
from ..files import Listing
from ..interrupt import undisturbed
from ..sentences import reason
from .claims import Claim, check_claims, claimed, remove_folders, traces
from .engines import Crew, engine
from .job import Job, Unit
from .looking import Plan, look
from .make import make
from .notes import Noted, gathered, noted_in
from .record import MANIFEST, Record, names_in
from .source import Source
from .tables import are_written, write_tables

_LOG = logging.getLogger(__name__)

#: Samples of images bigger than this (bytes) are made by all workers together, others by one each;
#: by processes only if there is not one for each of them, up to a size that does not take long.
_BIG, _HUGE = 64 << 20, 1 << 30
#: Progress of one sample is reported in this many steps.
_STEPS = 100


@dataclass(frozen=True)
class Report:
    """The outcome of a batch.

    Attributes
    ----------
    made, kept : tuple of str
        Samples made now, and those that were finished before.
    failed : tuple of (str, str)
        Samples that could not be made, and why.
    manifest : Path or None
        The table of all finished samples.
    removed : tuple of str
        Files of samples that were made again, and no longer have these files.
    notes : tuple of str
        What was noticed about the images, in sentences without a full stop.
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
        If the folder cannot be written to, or if another run makes some of these samples.
    """
    before = traces(job.output)
    plan = plan_of(job, resume, overwrite)
    if is_done(job, plan):
        yield len(job), len(job)
        return report_of(job, plan)
    with ExitStack() as stack:
        claim = stack.enter_context(claimed(job, before))
        if claim.others_came or names_in(job.output, Listing()) != names_in(
            job.output, plan.listing
        ):
            plan = look(job, resume=resume, overwrite=overwrite)
        if executor is None:
            executor = stack.enter_context(engine())
        work = _Work(job, plan, claim, executor)
        try:
            yield from work.make_all()
        except BrokenExecutor as error:
            raise OSError(
                "a worker process ended unexpectedly, perhaps for lack of memory. Finished samples "
                "stay: resume, with fewer workers"
            ) from error
        finally:
            with undisturbed():
                work.end()
        return work.report()


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


def plan_of(job: Job, resume: bool, overwrite: bool) -> Plan:
    """Find out what to do; say so if existing samples belong to another run at work."""
    try:
        return look(job, resume=resume, overwrite=overwrite)
    except FileExistsError:
        check_claims(job)
        raise


def is_done(job: Job, plan: Plan) -> bool:
    """Whether nothing is left to write."""
    return not (plan.todo or plan.leftovers) and (
        not plan.kept or are_written(job.output, job.how, plan.listing)
    )


def report_of(
    job: Job,
    plan: Plan,
    made: Iterable[str] = (),
    failed: Mapping[str, str] | None = None,
    removed: Iterable[str] = (),
    noted: Iterable[Noted] = (),
) -> Report:
    """The outcome of a job, in its order."""
    order = {unit.name: n for n, unit in enumerate(job.units())}
    made, why = sorted(made, key=order.__getitem__), {**plan.failed, **(failed or {})}
    return Report(
        tuple(made),
        plan.kept,
        tuple((name, why[name]) for name in sorted(why, key=order.__getitem__)),
        job.output / MANIFEST if made or plan.kept else None,
        tuple(sorted(removed)),  # whichever worker was first
        gathered(noted),
    )


class _Work:
    """What remains to be done of a job, and its outcome so far."""

    def __init__(self, job: Job, plan: Plan, claim: Claim, executor: Executor) -> None:
        self._job, self._plan, self._claim, self._executor = job, plan, claim, executor
        self._crew = Crew(executor)
        self._running: dict[Future[Record], Unit] = {}
        self._ended: SimpleQueue[Future[Record]] = SimpleQueue()
        self._made: dict[str, None] = {}
        self._failed: dict[str, str] = {}
        self._removed: dict[str, None] = {}
        self._noted: list[Noted] = []
        self._size: tuple[Source, int] | None = None  # of the last source, in bytes

    def make_all(self) -> Generator[tuple[int, int], None, None]:
        """Make what is left to do; yield (steps done, steps)."""
        total = _STEPS * len(self._job)
        for leftover in self._plan.leftovers:
            if leftover.run not in self._claim.others:
                files.remove(leftover.path)
        yield self._done(), total
        for n, (unit, replace) in enumerate(self._plan.todo):
            self._claim.check()
            if self._is_for_all(unit.source, len(self._plan.todo) - n):
                for part in self._made_by_all(unit, replace):
                    yield self._done() + int(_STEPS * part), total
                continue
            with undisturbed():  # else nobody would wait for what was just handed over
                future = self._executor.submit(
                    _make, self._job.of(unit), unit, replace, self._claim.lock.path
                )
                self._running[future] = unit
                future.add_done_callback(self._ended.put)
            while len(self._running) >= self._crew.ahead:
                for steps in self._collect():
                    yield steps, total
        while self._running:
            self._claim.check()
            for steps in self._collect():
                yield steps, total

    def end(self) -> None:
        """Wait for samples being made, so that none is left half-made, and write the tables."""
        for future in self._running:
            future.cancel()
        self._running = {f: unit for f, unit in self._running.items() if not f.cancelled()}
        wait(self._running)
        for future, unit in self._running.items():
            self._finish(unit, future)
        write_tables(self._job.output, self._job.how, self._claim.lock.id)
        remove_folders(self._job.output, self._claim, self._removed)

    def report(self) -> Report:
        """The outcome."""
        return report_of(
            self._job, self._plan, self._made, self._failed, self._removed, self._noted
        )

    def _made_by_all(self, unit: Unit, replace: bool) -> Iterator[float]:
        """Make one sample with all workers; yield the share that is done."""
        pieces = make(
            self._job.of(unit),
            unit,
            overwrite=replace,
            executor=self._executor,
            claim=self._claim.lock.path,
        )
        try:
            while True:
                done, total = next(pieces)
                yield done / max(total, 1)
        except StopIteration as end:
            self._take_in(unit, end.value)
        except Exception as error:  # noqa: BLE001  whatever it is, the others go on
            self._fail(unit, error)
        finally:
            pieces.close()

    def _is_for_all(self, source: Source, left: int) -> bool:
        """Whether all workers make a sample together, with so many left to make."""
        in_threads = isinstance(self._executor, ThreadPoolExecutor)
        if not (self._job.format.in_slabs or in_threads):
            return False  # its planes are written by one worker
        if self._size is None or self._size[0] is not source:
            self._size = source, _size_of(source)
        size = self._size[1]
        # one each, nobody waits at the end of a sample for its last slabs and its pyramid
        return size > _BIG and (in_threads or size > _HUGE or left < self._crew.size)

    def _collect(self) -> Iterator[int]:
        """Collect what is finished, waiting a moment for it; yield the steps done after each."""
        try:
            future = self._ended.get(timeout=0.1)
            while True:
                self._finish(self._running[future], future)
                del self._running[future]
                yield self._done()
                future = self._ended.get_nowait()
        except Empty:
            yield self._done()

    def _finish(self, unit: Unit, future: Future[Record]) -> None:
        """Collect a future that is done; doing so twice is harmless."""
        error = future.exception()  # also what stopped a worker; Ctrl+C is not among it
        if error is None:
            self._take_in(unit, future.result())
        else:
            self._fail(unit, error)

    def _fail(self, unit: Unit, error: BaseException) -> None:
        self._failed[unit.name] = reason(error)
        _LOG.info("%s failed", unit.name, exc_info=error)  # seen with --debug

    def _take_in(self, unit: Unit, record: Record) -> None:
        self._made[unit.name] = None
        self._noted.append(noted_in(record))
        self._removed |= dict.fromkeys(record.get("removed", ()))

    def _done(self) -> int:
        before = len(self._plan.kept) + len(self._plan.failed)
        return _STEPS * (before + len(self._made) + len(self._failed))


def _make(job: Job, unit: Unit, replace: bool, claim: Path) -> Record:
    """One sample from beginning to end, for a worker."""
    return exhaust(make(job, unit, overwrite=replace, claim=claim))


def _size_of(source: Source) -> int:
    try:
        with source.open() as (header, _):
            return header.nbytes
    except (OSError, ValueError, TypeError):
        return 0  # told where it is made
