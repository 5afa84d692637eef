"""tifffile as we use it: without its log, and with its errors put into sentences.

tifffile logs what it does not understand and continues. A log that nobody has set up
appears on the user's screen, so it is silenced here while one of our calls is under
way, on any thread, as Zarr reads in a thread of its own.
"""

from __future__ import annotations

import errno
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import tifffile


class Refused(ValueError):
    """An error with a message of ours: what the matter is, and what to do."""


@contextmanager
def sentences(what: str = "this TIFF is damaged") -> Iterator[None]:
    """A context for calls of tifffile: all errors become a ValueError that starts with ``what``.

    :class:`Refused` stays as it is, and so do errors of the operating system, except for
    impossible positions in the file.
    """
    with _quiet:
        try:
            yield
        except Refused:
            raise
        except OSError as error:
            if error.errno not in (None, errno.EINVAL):
                raise
            raise ValueError(f"{what} ({error})") from error
        except Exception as error:
            kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
            raise ValueError(f"{what} ({kind}{_one_line(error)})") from error


@contextmanager
def refusals(what: str) -> Iterator[None]:
    """A context for calls of tifffile: like :func:`sentences`, but errors become Refused."""
    try:
        with sentences(what):
            yield
    except ValueError as error:
        raise Refused(str(error)) from error


# Up to 2026.3 a series could be read with and without its axes of length 1; since 2026.5 it is
# either the one or the other.


def series_in(tif: tifffile.TiffFile) -> list[tifffile.TiffPageSeries]:
    """The images of a file, with all their axes."""
    series = tif.series
    return list(series(squeeze=False) if callable(series) else series)


def axes_of(series: tifffile.TiffPageSeries) -> str:
    """A letter per axis, in lower case, also of those of length 1."""
    ask = getattr(series, "get_axes", None)
    return str(series.axes if ask is None else ask(squeeze=False)).lower()


def shape_of(series: tifffile.TiffPageSeries) -> tuple[int, ...]:
    """Lengths of all axes, also those of length 1."""
    ask = getattr(series, "get_shape", None)
    return tuple(series.shape if ask is None else ask(squeeze=False))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or "no reason is given"


class _Quiet(logging.Filter):
    """Drops what tifffile logs while at least one of our calls is under way."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._calls = 0

    def __enter__(self) -> None:
        with self._lock:
            self._calls += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._calls -= 1

    def filter(self, record: logging.LogRecord) -> bool:
        return not self._calls


_quiet = _Quiet()
logging.getLogger("tifffile").addFilter(_quiet)
