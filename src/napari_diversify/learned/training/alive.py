"""A file that is locked while a process works; the system frees it however that process ends."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PATIENCE = 3.0  # seconds: somebody who only looks has it for a moment


@contextmanager
def alive(path: Path) -> Iterator[None]:
    """Hold the lock for the length of a block.

    Raises
    ------
    BlockingIOError
        If another process has it.
    """
    with open(path, "ab") as file:
        end = time.monotonic() + _PATIENCE
        while not _locked(file.fileno()):
            if time.monotonic() > end:
                raise BlockingIOError(f"another process is training {path.parent.parent} already")
            time.sleep(0.05)
        yield


def is_alive(path: Path) -> bool:
    """Whether some process holds the lock."""
    try:
        with open(path, "r+b") as file:
            return not _locked(file.fileno())
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _locked(descriptor: int) -> bool:
        """Whether a file is locked now, by this process."""
        try:
            os.lseek(descriptor, 0, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _locked(descriptor: int) -> bool:
        """Whether a file is locked now, by this process."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
