"""Processes as others see them: whose, on which machine, and whether they are still there."""

from __future__ import annotations

import getpass
import os
import platform
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Owner:
    """A process at work on something that others may want as well.

    Attributes
    ----------
    id : str
        Twelve hexadecimal digits that no other owner has.
    user, host : str
        Whose it is, and where.
    machine : str
        Where its process number is valid.
    pid : int
        Its number.
    started : float or None
        When the process was started, to tell it from others that get its number later.
    begun : str
        When it started this work.
    """

    id: str
    user: str
    host: str
    machine: str
    pid: int
    started: float | None
    begun: str

    def __post_init__(self) -> None:
        int(self.id, 16)  # it becomes part of file names
        if not isinstance(self.pid, int):
            raise TypeError(f"the number of a process is an integer; got {self.pid!r}")

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine, so that one can look for it."""
        return self.machine == machine()

    @property
    def is_alive(self) -> bool:
        """Whether the process is there, if it is on this machine."""
        there, started = _process(self.pid)
        return there and (None in (started, self.started) or started == self.started)

    def __str__(self) -> str:
        return f"process {self.pid} of {self.user} on {self.host}, begun {self.begun}"


def myself() -> Owner:
    """The calling process as an owner, with a new id."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container without accounts
        user = "somebody"
    return Owner(
        id=secrets.token_hex(6),
        user=user,
        host=platform.node() or "a machine without a name",
        machine=machine(),
        pid=os.getpid(),
        started=_process(os.getpid())[1],
        begun=datetime.now().astimezone().isoformat(sep=" ", timespec="seconds"),
    )


@cache
def machine() -> str:
    """Where the number of a process is valid: this host, since it was started.

    On Linux each container has numbers of its own.
    """
    parts = [platform.node()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def _process(pid: int) -> tuple[bool, float | None]:
    """Whether a process exists, and when it was started if that is known."""
    if os.name == "posix":
        try:
            os.kill(pid, 0)  # this finds those too that are hidden from other users
        except (ProcessLookupError, OverflowError):
            return False, None
        except PermissionError:
            pass
        with suppress(OSError, ValueError, IndexError):
            # Linux: counted from its start, whatever becomes of the clock
            line = Path(f"/proc/{pid}/stat").read_text(encoding="latin-1")
            state, *rest = line.rpartition(")")[2].split()
            return state not in "ZX", float(rest[18])
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE, process.create_time()
    except psutil.NoSuchProcess:
        return os.name == "posix", None
    except psutil.Error:
        return True, None
