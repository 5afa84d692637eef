"""What libraries say while a command runs: nothing, unless ``--debug`` asks for it.

Their warnings and log lines are written for programmers, name no file of the user's, and come
in the midst of a progress bar. What a user should know is said by us. Only the commands call
this: a program that imports the library decides for itself.
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
    """Let no library write warnings, log lines, or errors that nobody can catch.

    Returns
    -------
    callable
        Undoes it. A command does not: some of them are written at the very end.
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
