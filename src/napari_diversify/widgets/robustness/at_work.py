"""All that is under way for the window: the study, and what is asked about its rows."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QObject, Signal

from ...robustness.rows import Row
from ...robustness.study import Study
from ..qt.background import Background
from .job import Concluded, Job


class AtWork(QObject):
    """A job and the threads that work on it; each tells what it has found.

    Attributes
    ----------
    job : Job or None
    concluded : Concluded or None
        What the rows told when there were so many.
    """

    progressed = Signal(int, int)  # scores there are, and will be
    finished = Signal(object)  # an Outcome
    stopped = Signal()  # the study, at its end or before
    drawn = Signal(object)  # Concluded
    looked = Signal(object)  # a Row, and what is behind it
    found = Signal(object)  # Objects
    notFound = Signal(object)  # why they are not known
    kept = Signal(object)  # files
    failed = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.job: Job | None = None
        self.concluded: Concluded | None = None
        self._study = Background(self, guarded=True)
        self._concluding, self._looking, self._finding, self._keeping = (
            Background(self) for _ in range(4)
        )
        self._study.progressed.connect(self.progressed)
        self._study.finished.connect(self.finished)
        self._study.stopped.connect(self.stopped)
        self._concluding.finished.connect(self._on_concluded)
        self._looking.finished.connect(self.looked)
        self._finding.finished.connect(self.found)
        self._finding.failed.connect(self.notFound)
        self._keeping.finished.connect(self.kept)
        for background in (self._study, self._concluding, self._looking, self._keeping):
            background.failed.connect(self.failed)

    @property
    def running(self) -> bool:
        """Whether samples are being scored."""
        return self._study.running

    @property
    def looking(self) -> bool:
        """Whether what is behind a row is being made."""
        return self._looking.running

    @property
    def keeping(self) -> bool:
        """Whether files are being written."""
        return self._keeping.running

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        all_work = self._concluding, self._looking, self._finding, self._keeping
        return self.running or any(work.running for work in all_work)

    def begin(self, job: Job) -> None:
        """Run a job in place of the one before."""
        self.cancel()
        self.job, self.concluded = job, None
        self.go_on()

    def go_on(self) -> None:
        """Make the scores that are missing."""
        if self.job is not None and not self.running:
            self._study.start(self.job.work)

    def stop(self) -> None:
        """Stop scoring; rows stay."""
        if self.running and self.job is not None:
            self.job.hurry()
            self._study.cancel()

    def cancel(self) -> None:
        """Stop everything."""
        self.stop()
        for background in (self._concluding, self._looking, self._finding, self._keeping):
            background.cancel()

    def conclude(self, study: Study) -> None:
        """Draw curves of the rows there are, judged by the score of ``study``."""
        job, known = self.job, self.concluded
        if job is None or not job.rows or self._concluding.running:
            return
        if known is None or len(known.rows) < len(job.rows) or known.study != study:
            self._concluding.start(lambda: job.concluded(study))

    def look_behind(self, row: Row) -> None:
        """Make the sample of a row, and segment it."""
        job = self.job
        if job is not None and job.source is not None:
            self._looking.start(lambda: job.behind(row))

    def find_objects(self, curve: int) -> None:
        """Find out how long each object is found; not while there are ever more rows."""
        job = self.job
        if job is not None and job.source is not None and job.rows and not self.running:
            self._finding.start(lambda: job.objects(curve))

    def keep(self, study: Study, folder: Path) -> None:
        """Write all there is into a folder."""
        job = self.job
        if job is not None and job.rows and not self.running:
            self._keeping.start(lambda: job.kept(study, folder))

    def _on_concluded(self, concluded: Concluded) -> None:
        self.concluded = concluded
        self.drawn.emit(concluded)
