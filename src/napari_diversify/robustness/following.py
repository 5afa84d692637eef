"""Following a study: its rows as they come, coarse to fine."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from uuid import uuid4

from ..batch.engines import Crew, engine
from ..batch.source import Source
from ..interrupt import undisturbed
from ..sentences import reason
from .children import end_idle, stop_all
from .resampling import wants_more
from .rows import Dot, Row
from .scoring import check_image, scored
from .segmenters import Command
from .study import Study

_Key = tuple[str, Dot]


@dataclass(frozen=True)
class Progress:
    """Rows that have just come, and how many there are of how many.

    The total grows with draws "auto".
    """

    rows: tuple[Row, ...]
    done: int
    total: int


@dataclass(frozen=True)
class Outcome:
    """What a study ended with.

    Attributes
    ----------
    rows : tuple of Row
        All, also those that were known.
    problems : tuple of (str, str)
        Images, or levels of them, that could not be made, and why. A segmentation that
        failed is none: it is a row.
    """

    rows: tuple[Row, ...]
    problems: tuple[tuple[str, str], ...]


def follow(
    study: Study,
    sources: Sequence[Source],
    *,
    executor: Executor | None = None,
    known: Iterable[Row] = (),
) -> Generator[Progress, None, Outcome]:
    """Score all samples of a study; yield rows as they come.

    First the images as they are, the two ends and the middle of the axis, one draw each; then
    the levels in between, then more draws. Close the generator to stop.

    Parameters
    ----------
    study : Study
    sources : sequence of Source
        Images with their labels. Without labels the reference is what the segmenter made of
        the image as it is: stability, not accuracy.
    executor : Executor, optional
        See :func:`napari_diversify.batch.engine`; by default threads. Which one does not
        change a row.
    known : iterable of Row, optional
        Of an earlier run of the same study: they are not computed again.

    Raises
    ------
    OSError
        If a worker process was lost.
    """
    work = _Work(study, sources, known)
    with ExitStack() as stack:
        if executor is None:
            executor = stack.enter_context(engine())
        try:
            yield from work.all_rounds(executor)
        except BrokenExecutor as error:
            raise OSError(
                "a worker process ended unexpectedly, perhaps for lack of memory. Finished rows "
                "stay: resume, with fewer workers"
            ) from error
        finally:
            with undisturbed():
                work.end()
        return work.outcome()


def check_images(study: Study, sources: Sequence[Source]) -> tuple[int, dict[str, str]]:
    """How many samples a study makes at least, and which images it cannot use, and why."""
    work = _Work(study, sources, ())
    work.look()
    return work.least // len(study.curves), work.problems


class _Work:
    """What is known of a study, and what is under way."""

    def __init__(self, study: Study, sources: Sequence[Source], known: Iterable[Row]) -> None:
        self._study, self._sources, self._run = study, sources, uuid4().hex[:12]
        self._rows: dict[_Key, Row] = {(row.image, row.dot): row for row in known}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self.problems: dict[str, str] = {}
        self._left = 0
        self._running: dict[Future[list[Row]], tuple[Source, list[Dot]]] = {}

    def all_rounds(self, executor: Executor) -> Generator[Progress, None, None]:
        """Round after round; the next one is known when one is done."""
        self.look()
        n = len(self._study.levels)
        coarse = {0, 1, (n + 1) // 2, n}
        yield from self._round(
            executor, [(s, lv, 0) for s in self._usable() for lv in sorted(coarse)]
        )
        fine = [lv for lv in range(n + 1) if lv not in coarse]
        yield from self._round(executor, [(s, lv, 0) for s in self._usable() for lv in fine])
        draw = 1
        while True:
            wanted = [
                (s, lv, draw)
                for s in self._usable()
                for lv in range(n + 1)
                if self._wants(s, lv, draw)
            ]
            if not wanted:
                return
            yield from self._round(executor, wanted)
            draw += 1

    def look(self) -> None:
        """Find out which images can be used."""
        for source in self._sources:
            try:
                self._shapes[source.name] = check_image(self._study, source)
            except (OSError, ValueError, TypeError) as error:
                self.problems[source.name] = reason(error)

    def end(self) -> None:
        """Stop what is under way; nothing is kept of it."""
        for future in self._running:
            future.cancel()
        running = {future for future in self._running if not future.cancelled()}
        while running:
            stop_all()  # a segmenter may take minutes, and another one begin meanwhile
            running = wait(running, timeout=0.2).not_done
        end_idle()

    def outcome(self) -> Outcome:
        """All rows, and what could not be made."""
        return Outcome(tuple(self._rows.values()), tuple(self.problems.items()))

    def _usable(self) -> list[Source]:
        return [source for source in self._sources if source.name in self._shapes]

    def _wants(self, source: Source, level: int, draw: int) -> bool:
        """Whether a level of an image gets another draw."""
        if f"{source.name} at {self._name_of(level)}" in self.problems:
            return False
        wanted = self._study.draws_of(level, self._shapes[source.name])
        if wanted is not None or draw < Study.FEW:
            return draw < (Study.FEW if wanted is None else wanted)
        if draw >= Study.MANY:
            return False
        rows = [
            [
                self._rows[key]
                for d in range(draw)
                if (key := (source.name, Dot(c.number, level, d))) in self._rows
            ]
            for c in self._study.curves
        ]
        if any(len(of_curve) < draw for of_curve in rows):
            return False  # it had enough already
        score = "pq" if source.labels is None else self._study.score
        return any(wants_more(of_curve, score) for of_curve in rows)

    def _round(
        self, executor: Executor, dots: Sequence[tuple[Source, int, int]]
    ) -> Generator[Progress, None, None]:
        """Score these dots of all curves, but for those that are known."""
        tasks: list[tuple[int, int, int, list[Dot]]] = []
        for source, of_source in groupby(dots, lambda dot: dot[0]):
            places = [(level, draw) for _, level, draw in of_source]
            for curve in self._study.curves:
                of_curve = [Dot(curve.number, *place) for place in places]
                todo = [dot for dot in of_curve if (source.name, dot) not in self._rows]
                together = isinstance(curve.segmenter, Command)
                pieces = [todo] if together and todo else [[dot] for dot in todo]
                at = self._sources.index(source)
                tasks += [(at, n, curve.number, piece) for n, piece in enumerate(pieces)]
        self._left = sum(len(piece) for *_, piece in tasks)
        ahead = Crew(executor).ahead
        for at, _, number, piece in sorted(tasks, key=lambda task: task[:3]):  # all curves in turn
            curve, source = self._study.curves[number], self._sources[at]
            with undisturbed():
                future = executor.submit(scored, self._study, source, curve, piece, self._run)
                self._running[future] = (source, piece)
            while len(self._running) >= ahead:
                yield self._collected()
        while self._running:
            yield self._collected()

    def _collected(self) -> Progress:
        """Take in what is done, waiting a moment for it."""
        done, _ = wait(self._running, timeout=0.2, return_when=FIRST_COMPLETED)
        rows: list[Row] = []
        for future in done:
            source, dots = self._running.pop(future)
            error = future.exception()
            if isinstance(error, BrokenExecutor):
                raise error
            if error is None:
                rows += future.result()
            else:
                why = reason(error)
                self.problems |= {f"{source.name} at {self._name_of(d.level)}": why for d in dots}
            self._left -= len(dots)
        self._rows |= {(row.image, row.dot): row for row in rows}
        return Progress(tuple(rows), len(self._rows), max(self.least, len(self._rows) + self._left))

    @property
    def least(self) -> int:
        """How many rows there will be at least."""
        draws = [
            self._study.draws_of(level, self._shapes[source.name]) or Study.FEW
            for source in self._usable()
            for level in range(len(self._study.levels) + 1)
        ]
        return sum(draws) * len(self._study.curves)

    def _name_of(self, level: int) -> str:
        if level == 0:
            return "the image as it is"
        name, unit = self._study.axis
        return f"{name} {self._study.levels[level - 1]:g} {unit}".strip()
