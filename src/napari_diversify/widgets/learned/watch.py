"""What there is in a folder of models, looked at again and again, in a thread."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from ...learned.card import Card
from ...learned.folder import CARD, models_in
from ...learned.training.job import Status, place, preview, progress, status, trainings
from ..qt.background import Background

#: Between two looks, in milliseconds.
LOOK_MS = 700


@dataclass(frozen=True)
class Training:
    """A training that there is."""

    folder: Path
    status: Status


@dataclass(frozen=True)
class Model:
    """A model that there is, and when it was finished, in seconds since 1970."""

    folder: Path
    card: Card
    when: float


@dataclass(frozen=True, eq=False)
class Seen:
    """What a look at a folder has found.

    Attributes
    ----------
    trainings : tuple of Training
        The newest first.
    models : tuple of Model or None
        The newest first; None where nothing has changed.
    reports : list of Progress or None
        Of the training that is looked at; None where nothing has changed.
    preview : dict of str to numpy.ndarray, or None
        Of that training, if there is another than before.
    marks : tuple
        When what was last read, so that it need not be read again.
    """

    trainings: tuple[Training, ...]
    models: tuple[Model, ...] | None
    reports: list[Any] | None
    preview: dict[str, Any] | None
    marks: tuple[Any, ...]


class Watch(QObject):
    """Looks at a folder of models every now and then, and at one training more closely.

    Nothing is read in the thread of the window.
    """

    seen = Signal(object)  # Seen
    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folder: Path | None = None
        self._chosen: Path | None = None
        self._marks: tuple[Any, ...] = ()
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self.look)
        self._background = Background(self)
        self._background.finished.connect(self._on_seen)
        self._background.failed.connect(self.failed)

    def setFolder(self, folder: Path) -> None:
        """Look at this folder from now on."""
        self._folder, self._marks = folder, ()
        self._look_again()

    def choose(self, training: Path | None) -> None:
        """Look at this training more closely."""
        if training != self._chosen:
            self._chosen, self._marks = training, self._marks[:1]
            self._look_again()

    def look(self) -> None:
        """Look now, unless that is under way."""
        folder, chosen, marks = self._folder, self._chosen, self._marks
        if folder is not None and not self._background.running:
            self._background.start(lambda: _look(folder, chosen, marks))

    def start(self) -> None:
        """Begin, or go on."""
        self._timer.start()
        self.look()

    def stop(self) -> None:
        """Look no more."""
        self._timer.stop()
        self._background.cancel()
        self._marks = ()

    def _look_again(self) -> None:
        self._background.cancel()
        if self._timer.isActive():
            self.look()

    def _on_seen(self, seen: Seen) -> None:
        self._marks = seen.marks
        self.seen.emit(seen)


def _look(
    folder: Path, chosen: Path | None, before: tuple[Any, ...]
) -> Generator[tuple[int, int], None, Seen]:
    yield 0, 0
    there = []
    for training in trainings(folder):
        with suppress(OSError, ValueError):  # it is just being removed, or damaged
            there.append(
                (_when(place(training) / "job.json"), Training(training, status(training)))
            )
    there.sort(key=lambda item: (-(item[0] or 0), item[1].folder))
    cards = sorted(folder.glob(f"*/{CARD}")) if folder.is_dir() else []
    at = tuple((str(card), _when(card)) for card in cards)
    models = None
    if not before or before[0] != at:
        found = (Model(f, card, _when(f / CARD) or 0) for f, card in models_in(folder))
        models = tuple(sorted(found, key=lambda model: -model.when))
    names = ("progress.jsonl", "preview.npz")
    times = (None, None) if chosen is None else tuple(_when(place(chosen) / n) for n in names)
    known = before[1:] == (chosen, times)
    reports = None if chosen is None or known else progress(chosen)
    picture = None if chosen is None or known else preview(chosen)
    return Seen(tuple(t for _, t in there), models, reports, picture, (at, chosen, times))


def _when(path: Path) -> float | None:
    with suppress(OSError):
        return path.stat().st_mtime
    return None
