"""How long a window stands still: a timer that beats every two milliseconds, if it can."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from qtpy.QtCore import QEventLoop, Qt, QTimer
from qtpy.QtWidgets import QApplication

_BEAT_MS = 2
#: Without an answer for so long, a benchmark gives up.
_PATIENCE = 120.0


class Block(NamedTuple):
    """The worst of some time, in seconds.

    Parameters
    ----------
    longest : float
        Pause between two beats.
    worked : float
        CPU time of the GUI thread itself between two beats, at most: without what it has
        waited for, be it drawing, another thread or another program.
    """

    longest: float
    worked: float


class Heartbeat:
    """Beats in the event loop, and remembers the longest pause between two beats.

    Whatever holds the GUI thread delays the next beat: Python, Qt, drawing, waiting for a lock
    or for a file. So a pause, less the time between beats, is how long nobody could click.

    """

    def __init__(self) -> None:
        self._last, self._work = time.perf_counter(), time.thread_time()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_beat)
        self._timer.start(_BEAT_MS)
        self._longest = self._worked = 0.0

    def listen(self) -> None:
        """Begin anew, with a beat now."""
        self._last, self._work = time.perf_counter(), time.thread_time()
        self._longest = self._worked = 0.0

    def stop(self) -> Block:
        self._timer.stop()
        return Block(self._longest, self._worked)

    def _on_beat(self) -> None:
        now, work = time.perf_counter(), time.thread_time()
        self._longest = max(self._longest, now - self._last - _BEAT_MS / 1e3)
        self._worked = max(self._worked, work - self._work)
        self._last, self._work = now, work


def run_for(seconds: float) -> None:
    """Let the window live for a while."""
    end = time.perf_counter() + seconds
    run_until(lambda: time.perf_counter() >= end)


def run_until(condition: Callable[[], bool]) -> None:
    """Let the window live until something is so."""
    end = time.perf_counter() + _PATIENCE
    while not condition():
        if time.perf_counter() > end:
            raise TimeoutError("the window has not done what it should")
        QApplication.processEvents()
        time.sleep(0.0005)


def settle(layers: Iterable[Any]) -> None:
    """Wait in the event loop, without polling, until live layers show their results."""
    layers = list(layers)
    while any(layer.running for layer in layers):
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
