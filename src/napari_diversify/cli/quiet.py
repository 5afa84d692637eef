"""Silences libraries while a command runs, unless ``--debug`` is given.

Their warnings and log lines are written for programmers, do not name the user's files, and
break up progress bars. What a user should know, we say ourselves. Only the commands call this:
a program that imports the library decides for itself.
"""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PACKAGE = __name__.partition(".")[0]


def quieten() -> Callable[[], None]:
    """Keep libraries from writing warnings, log lines, or errors that nobody can catch.

    Returns
    -------
    callable
        Undoes it. A command never does: some of these messages come at the very end.
    """
    disabled, options = logging.root.manager.disable, list(sys.warnoptions)
    hooks, filters = (sys.unraisablehook, threading.excepthook), warnings.catch_warnings()

    def undo() -> None:
        sys.unraisablehook, threading.excepthook = hooks
        logging.disable(disabled)
        sys.warnoptions[:] = options
        filters.__exit__(None, None, None)

    filters.__enter__()
    warnings.simplefilter("ignore")
    sys.warnoptions.append("ignore")  # for the processes that are started: workers, trackers
    logging.disable(logging.CRITICAL)
    sys.unraisablehook = lambda _: None
    threading.excepthook = lambda _: None
    return undo


@contextmanager
def heard() -> Iterator[None]:
    """Write log lines to standard error, ours with all details: where a sample failed."""
    ours = logging.getLogger(_PACKAGE)
    handler, level = logging.StreamHandler(sys.stderr), ours.level
    logging.root.addHandler(handler)
    ours.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        ours.setLevel(level)
        logging.root.removeHandler(handler)
