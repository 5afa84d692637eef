"""Processes in which functions of the user segment images, seen from here.

A function may crash, hang or leak; its process is ended then, and a new one started for the next
image. Each is used by one thread at a time, and kept for the next image, as loading a model may
take long.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryFile
from threading import Lock, Timer
from typing import Any, BinaryIO, cast
from weakref import WeakSet

import numpy as np
import numpy.typing as npt

from ..sentences import on_one_line, shortened
from .exchange import receive_array, send
from .segmenters import Cellpose, Function, Labels, Spacing, StarDist

Apart = Function | StarDist | Cellpose


class ChildError(RuntimeError):
    """A segmenter failed on an image; the message says how, and fits after its name."""


class Child:
    """A process that serves one function."""

    def __init__(self, segmenter: Apart) -> None:
        self._limit = segmenter.time_limit
        options = {} if isinstance(segmenter, Function) else {"model": segmenter.model}
        self._said = TemporaryFile()  # noqa: SIM115  closed in end()
        program = ["-m", f"{__package__}.child", segmenter.target, json.dumps(options)]
        self._process = subprocess.Popen(
            [sys.executable, *program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            start_new_session=True,  # Ctrl+C is for whoever asks
        )
        may_be_stopped(self._process)
        try:
            self.identity: dict[str, str] = self._answer({}, None)[0]["identity"]
        except ChildError:
            self.end()
            raise

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def segment(self, image: npt.NDArray[Any], spacing: Spacing) -> Labels:
        """What the function returns for an image.

        Raises
        ------
        ChildError
            If it raises, crashes, or takes too long.
        """
        labels = self._answer({"spacing": spacing}, image)[1]
        assert labels is not None
        return labels

    def end(self) -> None:
        """End the process and what it has started."""
        end_all(self._process)
        for stream in (self._process.stdin, self._process.stdout, self._said):
            with suppress(OSError):
                if stream is not None:
                    stream.close()

    def _answer(
        self, message: dict[str, Any], image: npt.NDArray[Any] | None
    ) -> tuple[dict[str, Any], Labels | None]:
        late: list[bool] = []

        def give_up() -> None:
            late.append(True)
            end_all(self._process)

        stdin = cast(BinaryIO, self._process.stdin)
        stdout = cast(BinaryIO, self._process.stdout)
        timer = Timer(self._limit, give_up)
        timer.daemon = True
        timer.start()
        try:
            if image is not None:
                send(stdin, message, np.asarray(image))
            answer = json.loads(stdout.readline())
            labels = None
            if image is not None and "failed" not in answer:
                labels = receive_array(stdout)
        except (OSError, ValueError):
            end_all(self._process)
            raise ChildError(
                f"it took longer than {self._limit:g} s" if late else self._how_it_ended()
            ) from None
        finally:
            timer.cancel()
        if "failed" in answer:
            raise ChildError(str(answer["failed"]))
        return answer, labels

    def _how_it_ended(self) -> str:
        status = self._process.wait()
        try:
            how = f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
        except ValueError:
            how = f"status {status}"
        said = _last_line(self._said)
        return f"its process ended ({how})" + (f": {said}" if said else "")


def _last_line(file: Any) -> str:
    file.seek(max(0, file.seek(0, 2) - 4096))
    lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    return shortened(on_one_line(lines[-1]).strip(". "), 300) if lines else ""


def end_all(process: subprocess.Popen[Any]) -> None:
    """Kill a process that was started in a session of its own, with all that it has started."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.wait(10)


_idle: dict[Apart, list[Child]] = {}
_started: WeakSet[subprocess.Popen[bytes]] = WeakSet()
_lock = Lock()


@contextmanager
def borrowed(segmenter: Apart) -> Iterator[Child]:
    """A process for a segmenter, nobody else's for as long as the block lasts."""
    with _lock:
        waiting = _idle.setdefault(segmenter, [])
        child = waiting.pop() if waiting else None
    if child is not None and not child.alive:
        child.end()
        child = None
    if child is None:
        child = Child(segmenter)
    try:
        yield child
    except BaseException:
        if not child.alive:
            child.end()
            raise
        with _lock:
            _idle.setdefault(segmenter, []).append(child)
        raise
    else:
        with _lock:
            _idle.setdefault(segmenter, []).append(child)


def may_be_stopped(process: subprocess.Popen[bytes]) -> None:
    """Let :func:`stop_all` end a process, too."""
    _started.add(process)


def stop_all() -> None:
    """End all processes, also those at work: their images fail at once."""
    for process in list(_started):
        if process.poll() is None:
            end_all(process)


def end_idle() -> None:
    """End all processes that nobody uses at the moment."""
    with _lock:
        children = [child for waiting in _idle.values() for child in waiting]
        _idle.clear()
    for child in children:
        child.end()


atexit.register(end_idle)
