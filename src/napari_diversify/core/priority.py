"""Threads that give way to others of the same program: a window comes before what it waits for."""

from __future__ import annotations

import os
import sys
import threading

#: Of 0 to 19: how willingly a thread gives way, where Linux lets threads differ.
LOW = 5


def niceness() -> int:
    """How willingly the thread that asks gives way; 0 where threads cannot differ."""
    # elsewhere this number would be that of a process, and perhaps of somebody else's
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) if _threads_differ() else 0


def give_way(by: int = LOW) -> None:
    """Let the thread that asks give way to others, from now on: there is no way back."""
    if _threads_differ() and by > niceness():
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), by)


def _threads_differ() -> bool:
    return sys.platform == "linux"
