"""Reading recipes, records and tables: small files that somebody else may have exchanged.

A name may lead to a pipe that nobody writes to, to a device without an end, or to an image of
many gigabytes; none of that is read.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

_STREAMS = ("/dev/fd/", "/dev/stdin", "/proc/")  # as a shell passes on: <(command), -


def read_small(path: str | os.PathLike[str], most: int = 16 << 20) -> bytes:
    """All bytes of a file of at most ``most``.

    Raises
    ------
    OSError
        If it is missing, cannot be read, or is too large.
    """
    where = Path(path)
    stream = str(where).startswith(_STREAMS)
    try:
        with open(where, "rb", opener=None if stream else _at_once) as file:
            if not stream and not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(f"{where} is a device or a pipe, not a file")
            content = file.read(most + 1)
    except IsADirectoryError:
        raise IsADirectoryError(f"{where} is a folder, not a file") from None
    if len(content) > most:
        raise OSError(f"{where} is larger than {most >> 20} MB, too large for what it should be")
    return content


def _at_once(path: str, flags: int) -> int:
    """Open without waiting for somebody who writes to a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
