"""Long work in a thread: one task at a time, the newest wins, with progress and cancel."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from functools import partial
from threading import Event, Thread
from typing import Any

from napari.qt.threading import create_worker
from qtpy.QtCore import QObject, Signal

from .driver import Work, driver, is_there


class Background(QObject):
    """Runs a generator in a thread and reports on it.

    Tasks are numbered. Starting another stops the one before at its next
    piece, and whatever still arrives under an old number is dropped.

    Parameters
    ----------
    guarded : bool
        Whether napari asks before it closes the window while work is under way. It keeps
        its workers for good, with all that hangs on them: this is for work that the
        user has started.
    """

    progressed = Signal(int, int)  # pieces done, pieces
    finished = Signal(object)  # what the work returned
    failed = Signal(object)  # the exception
    stopped = Signal()  # nothing is running any more

    def __init__(self, parent: QObject | None = None, *, guarded: bool = False) -> None:
        super().__init__(parent)
        self._guarded = guarded
        self._number = 0
        self._stop = Event()
        self._worker: Any = None

    @property
    def running(self) -> bool:
        """Whether work is under way."""
        return self._worker is not None

    def start(self, work: Callable[[], Work]) -> None:
        """Run ``work()`` in a thread instead of what runs now."""
        self._stop.set()
        self._stop = Event()
        self._number += 1
        task = self._number, work, self._stop
        if self._guarded:
            self._worker = create_worker(_numbered, *task, _start_thread=False)
            self._worker.yielded.connect(self._on_message)
            driver().end_along(self._stop)
        else:
            arguments = _numbered(*task), driver().post, self._on_message
            self._worker = Thread(target=_send, args=arguments, daemon=True)
            driver().end_along(self._stop, self._worker)
        self._worker.start()

    def cancel(self) -> None:
        """Stop at the next piece; no result will come."""
        if self._worker is not None:
            self._stop.set()
            self._worker = None
            self.stopped.emit()

    def _on_message(self, message: tuple[int, str, Any]) -> None:
        number, kind, value = message
        if number != self._number or self._worker is None:
            return
        if kind == "progress":
            self.progressed.emit(*value)
            return
        self._worker = None
        (self.finished if kind == "result" else self.failed).emit(value)
        self.stopped.emit()


def _send(
    messages: Generator[Any, None, None],
    post: Callable[[Callable[[], None]], None],
    told: Callable[[Any], None],
) -> None:
    for message in messages:
        post(partial(_tell, told, message))


def _tell(told: Callable[[Any], None], message: Any) -> None:
    """In the thread of the window: other threads cannot know what is about to be destroyed."""
    if is_there(told):
        told(message)


def _numbered(
    number: int, work: Callable[[], Work], stop: Event
) -> Generator[tuple[int, str, Any], None, None]:
    """The messages of a task: any number of progress, then one result or error."""
    try:
        with closing(work()) as task:  # it tidies up here, not in whatever thread forgets it
            while not stop.is_set():
                try:
                    progress = next(task)
                except StopIteration as end:
                    yield number, "result", end.value
                    return
                yield number, "progress", progress
    except Exception as error:  # noqa: BLE001  whatever it is, the user is told
        yield number, "error", error
