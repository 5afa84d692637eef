"""Files that say who is at work in a folder, also on a disk that several machines share.

A lock is a file that only one process can create. It says whose it is, and its owner
touches it every few seconds as a sign of life. Locks of processes that are gone do not
stand in the way. On the owner's machine one can look whether the process is there. Seen from
another machine it counts as gone after minutes without a sign of life, by the clock of the
disk, and only if none comes while one looks on: the clocks of two machines may differ.
"""

from __future__ import annotations

import json
import math
import os
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..interrupt import undisturbed
from .owners import Owner, myself

#: Seconds between two signs of life.
BEAT = 5.0
#: Seconds without one after which an owner on another machine counts as gone,
SILENCE = 300.0
#: if none comes during so many beats while one looks on.
BEATS_WATCHED = 3

T = TypeVar("T")


@dataclass(frozen=True)
class Sign:
    """The contents of a lock: its owner, what else was written, and when it was touched.

    ``owner`` is None for a file that nobody has finished to write. ``touched`` are
    nanoseconds by the clock of the disk.
    """

    owner: Owner | None
    more: dict[str, Any]
    text: bytes
    touched: int


class Lock:
    """A lock of this process, with signs of life until it is released.

    Attributes
    ----------
    path : Path
        The file.
    id : str
        That of its owner.
    lost : bool
        Whether another process has assumed that this one is gone, and removed the lock.
    waited : bool
        Whether another process had it when this one wanted it.
    """

    def __init__(self, path: Path, id: str) -> None:
        self.path, self.id, self.lost, self.waited = path, id, False, False
        self._released = threading.Event()
        self._thread = threading.Thread(target=self._live, name="signs of life", daemon=True)
        self._thread.start()

    @classmethod
    def create(cls, path: Path, owner: Owner | None = None, **more: Any) -> Lock | None:
        """Get a lock, with further content; None if another process has it.

        ``owner`` is this process, by default with a new id.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        owner = myself() if owner is None else owner
        text = json.dumps(asdict(owner) | more, ensure_ascii=False) + "\n"
        try:
            file = _patiently(lambda: path.open("xb"))
        except FileExistsError:
            return None
        try:
            with file:
                file.write(text.encode())
        except BaseException:
            unlink(path)
            raise
        return cls(path, owner.id)

    def is_mine(self) -> bool:
        """Whether the lock has not been removed by others."""
        sign = read(self.path)
        return sign is not None and sign.owner is not None and sign.owner.id == self.id

    def release(self) -> None:
        """End the signs of life, and remove the file."""
        self._released.set()
        self._thread.join()
        with suppress(OSError):  # the disk is away: it will count as gone
            if self.is_mine():
                unlink(self.path)

    def _live(self) -> None:
        while not (self._released.wait(BEAT) or self.lost):
            self.lost = not self._touch()

    def _touch(self) -> bool:
        """Write the last byte again, so that the disk dates it; False if it is not mine."""
        try:
            with self.path.open("r+b", buffering=0) as file:
                if self.id.encode() not in file.read(64):
                    return False
                file.seek(-1, os.SEEK_END)
                file.write(b"\n")
        except FileNotFoundError:
            return False
        except OSError:
            return True  # the disk is away for a moment
        return True


def read(path: Path) -> Sign | None:
    """The contents of a lock; None if there is no lock."""
    try:
        with path.open("rb") as file:  # opening it asks the disk anew
            text, touched = file.read(), os.fstat(file.fileno()).st_mtime_ns
    except FileNotFoundError:
        return None
    try:
        content = json.loads(text)
        owner = Owner(**{name: content.pop(name) for name in Owner.__dataclass_fields__})
    except (ValueError, KeyError, TypeError, AttributeError):
        return Sign(None, {}, text, touched)
    return Sign(owner, content, text, touched)


class Watch:
    """Watches the locks of other processes, and decides whose owners are gone."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[bytes, int, float]] = {}  # text, when touched, seen since
        self._clock = (-math.inf, 0)  # when the disk was asked for its time, and its time in ns

    def is_gone(self, path: Path, sign: Sign, *, at_once: bool = False) -> bool | None:
        """Whether the owner of a lock is gone; None: look again in a moment.

        ``at_once``: trust a recent sign of life without waiting for another one.
        """
        beats = self._take_in(path, sign)
        if sign.owner is not None and sign.owner.is_here:
            return not sign.owner.is_alive
        if beats or (at_once and sign.owner is not None and not self._is_silent(path, sign)):
            return False
        if self.still_for(path) < BEATS_WATCHED * BEAT:
            return None
        return True if sign.owner is None or self._is_silent(path, sign) else None

    def still_for(self, path: Path) -> float:
        """Seconds without a sign of life while this process was watching."""
        return time.monotonic() - self._seen[path][2]

    def _is_silent(self, path: Path, sign: Sign) -> bool:
        """Whether the last sign of life is long ago, or in the future, which is no evidence."""
        asked, then = self._clock
        if time.monotonic() - asked > BEAT:  # once for all locks in a folder, not for each
            then, asked = look_anew(path.parent, f"{secrets.token_hex(6)}.now"), time.monotonic()
            self._clock = asked, then
        now = then + (time.monotonic() - asked) * 1e9
        return abs(now - sign.touched) > SILENCE * 1e9

    def _take_in(self, path: Path, sign: Sign) -> bool:
        """Remember this look; return whether there was a sign of life since the previous one."""
        now = (sign.text, sign.touched)
        *before, since = self._seen.get(path, (*now, time.monotonic()))
        self._seen[path] = (*now, since if tuple(before) == now else time.monotonic())
        return before[0] == sign.text and before[1] != sign.touched


@contextmanager
def locked(path: Path) -> Iterator[Lock]:
    """Hold a lock for the length of a block; wait for it as long as its owner works.

    Its folder is made if another process has removed it.

    Raises
    ------
    OSError
        If it cannot be written, or if its owner is there and does not move.
    """
    lock, watch, waited = None, Watch(), False
    try:
        while lock is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError), undisturbed():
                lock = Lock.create(path)
            if lock is None:
                _wait_for(path, watch)
                waited = True
        lock.waited = waited
        yield lock
    finally:
        if lock is not None:
            with undisturbed():
                lock.release()


def _wait_for(path: Path, watch: Watch) -> None:
    """Wait a moment, or remove the lock if its owner is gone."""
    sign = read(path)
    if sign is None:
        return
    if watch.is_gone(path, sign):
        with undisturbed():
            bury(path, sign, watch)
    elif sign.owner is not None and sign.owner.is_here and watch.still_for(path) > SILENCE:
        raise TimeoutError(
            f"{path} belongs to {sign.owner}, which has not moved for {SILENCE / 60:.0f} minutes. "
            "Let it go on if it was stopped, or end it"
        )
    else:
        time.sleep(random.uniform(0.02, 0.1))


def bury(path: Path, sign: Sign, watch: Watch) -> None:
    """Remove the lock of an owner who is gone, and never the one that came after it.

    Several processes may notice this at the same time. Removing the lock takes another lock
    and another look, as it may belong to a new owner by then.
    """
    name = "nobody" if sign.owner is None else sign.owner.id
    removal = path.with_name(f"{path.stem}-{name}.end")
    lock = Lock.create(removal)
    if lock is None:
        other = read(removal)
        if other is not None and watch.is_gone(removal, other):
            bury(removal, other, watch)
        return
    try:
        now = read(path)
        if now is not None and now.text == sign.text:
            unlink(path)
    finally:
        lock.release()


def look_anew(folder: Path, name: str) -> int:
    """Make a disk show what is in a folder now; return its time in ns.

    Network disks cache the contents of a folder for up to a minute, unless something in it
    changes: for this, a file of this name is written and removed.
    """
    probe = folder / name
    while True:
        try:
            probe.write_bytes(b"\n")
            with probe.open("rb") as file:
                return os.fstat(file.fileno()).st_mtime_ns
        except FileNotFoundError:  # somebody has tidied up
            folder.mkdir(parents=True, exist_ok=True)
        finally:
            unlink(probe)


def unlink(path: Path) -> None:
    """Remove a lock, if it exists."""
    _patiently(lambda: path.unlink(missing_ok=True))


def _patiently(action: Callable[[], T]) -> T:
    """Do something with a file that another process may have open, which Windows refuses."""
    for _ in range(50 if os.name == "nt" else 0):
        try:
            return action()
        except PermissionError:
            time.sleep(0.02)
    return action()
