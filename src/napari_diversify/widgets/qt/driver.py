"""Threads for all live layers: the newest wish first, and what nobody has asked for yet last.

The end of the program is that of all threads, also of those that others have started.
"""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from threading import Condition, Event, Thread, get_ident
from typing import Any, TypeAlias
from weakref import WeakSet

from qtpy.compat import isalive
from qtpy.QtCore import QCoreApplication, QObject, Qt, QThreadPool, QTimer, Signal

from ...core.blocks import workers
from ...core.priority import give_way

#: Work yields (pieces done, pieces) and returns its result.
Work: TypeAlias = Generator[tuple[int, int], None, Any]
#: Gets the result of a task and None, or None and the exception.
Told: TypeAlias = Callable[[Any, Exception | None], None]

#: A thread that has had nothing to do for so long ends.
_IDLE_S = 3.0
# numerical work is spread over all cores anyway, but reading waits
_MOST_WISHES = min(4, max(2, workers()))
# time that threads are given to come to the end of a piece when the program ends
_QUIT_S, _EXIT_S = 0.2, 10.0
#: What takes longer is told how far it is, this often.
_PATIENCE_S, _TELL_MS = 0.5, 100


class Task:
    """One computation under way, or waiting for its turn.

    Attributes
    ----------
    ahead : int
        0: somebody waits for it. Else how far it lies ahead of what is asked for.
    progress : (int, int)
        Pieces done, and pieces, so far.
    dropped : bool
        Nobody wants it any more: it ends at its next piece, and nothing is told.
    """

    def __init__(
        self,
        work: Callable[[], Work],
        told: Told,
        progressed: Callable[[int, int], None] | None,
        ahead: int,
    ) -> None:
        self.work, self.told, self.progressed, self.ahead = work, told, progressed, ahead
        self.since = time.monotonic()
        self.progress = (0, 0)
        self.dropped = False


class Driver(QObject):
    """Runs generators in threads, and tells what came of each in the thread of the window.

    Get the one that all share from :func:`driver`.
    """

    _posted = Signal(object)  # to be called

    def __init__(self) -> None:
        super().__init__()
        self._changed = Condition()
        self._waiting: list[Task] = []  # oldest first
        self._at_work: list[Task] = []
        self._threads: dict[bool, int] = {False: 0, True: 0}  # ahead or not: how many
        self._others: WeakSet[Thread] = WeakSet()
        self._stops: WeakSet[Event] = WeakSet()  # which tell others to stop
        self._window = get_ident()
        self._posted.connect(_call, Qt.ConnectionType.QueuedConnection)
        self._telling = QTimer(self)
        self._telling.setInterval(_TELL_MS)
        self._telling.timeout.connect(self._tell_progress)
        atexit.register(self.stop, _EXIT_S)
        if (app := QCoreApplication.instance()) is not None:
            app.aboutToQuit.connect(self._on_quit)

    @property
    def in_window(self) -> bool:
        """Whether this is called in the thread of the window."""
        return get_ident() == self._window

    def post(self, function: Callable[[], None]) -> None:
        """Have a function called in the thread of the window, soon; from any thread."""
        with suppress(RuntimeError):  # the program has ended meanwhile
            self._posted.emit(function)

    def start(
        self,
        work: Callable[[], Work],
        told: Told,
        progressed: Callable[[int, int], None] | None = None,
        *,
        ahead: int = 0,
    ) -> Task:
        """Run ``work()`` as soon as it has its turn; from the thread of the window.

        Work that lies ahead waits while there are wishes, also between its pieces.
        """
        task = Task(work, told, progressed, ahead)
        with self._changed:
            self._waiting.append(task)
            self._have_threads()
        if progressed is not None and not self._telling.isActive():
            self._telling.start()
        return task

    def hurry(self, task: Task) -> None:
        """Somebody waits by now for a task that lay ahead."""
        with self._changed:
            task.ahead = 0
            self._have_threads()

    def drop(self, task: Task) -> None:
        """Let a task end at its next piece; nothing more is heard of it."""
        with self._changed:
            task.dropped = True
            if task in self._waiting:
                self._waiting.remove(task)
            self._changed.notify_all()

    @property
    def busy(self) -> bool:
        """Whether somebody waits for something: numbers and plots can wait till it is there."""
        with self._changed:
            return self._wishes()

    @property
    def idle(self) -> bool:
        """Whether no thread is at work."""
        with self._changed:
            return not self._waiting and not self._at_work

    def end_along(self, stop: Event, thread: Thread | None = None) -> None:
        """Set this event when the program ends, and wait for this thread, or napari's own."""
        self._stops.add(stop)
        if thread is not None:
            self._others.add(thread)

    def stop(self, seconds: float = _QUIT_S) -> None:
        """Drop all tasks, tell other threads to stop, and wait so long for all to notice."""
        for event in list(self._stops):
            event.set()
        with self._changed:
            for task in (*self._waiting, *self._at_work):
                task.dropped = True
            self._waiting.clear()
            self._changed.notify_all()
        self.wait(seconds)

    def wait(self, seconds: float) -> bool:
        """Wait until no thread is at work, so long at most; whether that is so."""
        deadline = time.monotonic() + seconds

        def left() -> float:
            return max(0.0, deadline - time.monotonic())

        with self._changed:
            rests = self._changed.wait_for(lambda: not self._at_work, seconds)
        for thread in list(self._others):
            thread.join(left())
        ended = QThreadPool.globalInstance().waitForDone(int(left() * 1000))
        return rests and bool(ended) and not any(thread.is_alive() for thread in self._others)

    def _have_threads(self) -> None:
        """See to it that there are threads for all tasks, and that they know of them."""
        for ahead, most in ((False, _MOST_WISHES), (True, 1)):
            tasks = sum((task.ahead > 0) == ahead for task in (*self._waiting, *self._at_work))
            if self._threads[ahead] < min(most, tasks):
                self._threads[ahead] += 1
                Thread(target=self._serve, args=(ahead,), name="diversify", daemon=True).start()
        self._changed.notify_all()

    # ---- in the threads ----

    def _serve(self, ahead: bool) -> None:
        give_way()
        while (task := self._next(ahead)) is not None:
            try:
                self._run(task)
            finally:
                with self._changed:
                    self._at_work.remove(task)
                    self._changed.notify_all()
            del task  # and all that it would keep alive until the next one comes

    def _next(self, ahead: bool) -> Task | None:
        """The task whose turn it is, as soon as there is one; None if none has come for long."""
        with self._changed:
            while (task := self._turn(ahead)) is None:
                idle = not self._changed.wait(_IDLE_S)
                if idle and not any((task.ahead > 0) == ahead for task in self._waiting):
                    self._threads[ahead] -= 1
                    return None
            self._waiting.remove(task)
            self._at_work.append(task)
            return task

    def _turn(self, ahead: bool) -> Task | None:
        if not ahead:
            return next((task for task in reversed(self._waiting) if not task.ahead), None)
        if self._wishes():
            return None
        tasks = (task for task in self._waiting if task.ahead)
        return min(tasks, key=lambda task: task.ahead, default=None)

    def _wishes(self) -> bool:
        return any(not task.ahead for task in (*self._waiting, *self._at_work))

    def _run(self, task: Task) -> None:
        result: Any = None
        error: Exception | None = None
        try:
            with closing(task.work()) as pieces:  # it tidies up here, whoever forgets it
                while not task.dropped:
                    if task.ahead:
                        self._let_wishes_pass(task)
                    try:
                        task.progress = next(pieces)
                    except StopIteration as end:
                        result = end.value
                        break
        except Exception as exception:  # noqa: BLE001  whatever it is, the user is told
            error = exception
        self.post(lambda: _tell(task, result, error))

    def _let_wishes_pass(self, task: Task) -> None:
        with self._changed:
            self._changed.wait_for(lambda: task.dropped or not task.ahead or not self._wishes())

    # ---- in the thread of the window ----

    def _tell_progress(self) -> None:
        with self._changed:
            tasks = [task for task in (*self._waiting, *self._at_work) if task.progressed]
        if not tasks:
            self._telling.stop()
        long_ago = time.monotonic() - _PATIENCE_S
        for task in tasks:
            waited_for = not (task.dropped or task.ahead) and task.since < long_ago
            if waited_for and task.progressed and is_there(task.progressed):
                task.progressed(*task.progress)

    def _on_quit(self) -> None:
        self.stop()


def is_there(callback: Any) -> bool:
    """Whether an object of Qt, or the one whose method this is, has not been destroyed."""
    owner = callback if isinstance(callback, QObject) else getattr(callback, "__self__", None)
    return not isinstance(owner, QObject) or isalive(owner)


def _call(function: Callable[[], None]) -> None:
    function()


def _tell(task: Task, result: Any, error: Exception | None) -> None:
    if not task.dropped and is_there(task.told):
        task.told(result, error)


_DRIVER: list[Driver] = []


def driver() -> Driver:
    """The driver of this program; made in the thread of the window."""
    if not _DRIVER:
        _DRIVER.append(Driver())
    return _DRIVER[0]
