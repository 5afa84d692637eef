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
    mode = where.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(f"{where} is a folder, not a file")
    if not stat.S_ISREG(mode) and not str(where).startswith(_STREAMS):
        raise OSError(f"{where} is a device or a pipe, not a file")
    with where.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(f"{where} is larger than {most >> 20} MB, too large for what it should be")
    return content
