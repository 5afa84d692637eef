"""Threads that give way to others of the same program: the window before background work."""

from __future__ import annotations

import os
import sys
import threading

#: Of 0 to 19: how willingly a thread gives way, where Linux lets threads differ.
LOW = 5


def niceness() -> int:
    """How willingly the calling thread gives way; 0 where threads cannot differ."""
    # elsewhere the thread's number would be taken for that of a process, perhaps not even ours
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) if _threads_differ() else 0


def give_way(by: int = LOW) -> None:
    """Let the calling thread give way to others from now on; this cannot be undone."""
    if _threads_differ() and by > niceness():
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), by)


def _threads_differ() -> bool:
    return sys.platform == "linux"
