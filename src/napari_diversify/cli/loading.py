"""Ctrl+C while a command is still being loaded ends it at once, in a line."""

from __future__ import annotations

import os
import signal
from typing import Any, NoReturn

_usual: list[Any] = []


def stop(*_: Any) -> NoReturn:
    """End the program."""
    # no exception: raised amid imports it may be lost, or end in many lines
    os.write(2, b"Stopped.\n")
    os._exit(130)


def stop_at_once() -> None:
    """Let Ctrl+C end the program from now on, until a command begins."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:  # ignored, if a script starts it in the background
        _usual.append(usual)
        signal.signal(signal.SIGINT, stop)


def begin() -> None:
    """From now on there is something that has to be tidied up: Ctrl+C is an exception again."""
    while _usual:
        signal.signal(signal.SIGINT, _usual.pop())
