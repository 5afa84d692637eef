"""Whether a path leads to something that can be read at all, before anything is opened.

Opening a named pipe waits for a writer, perhaps forever; a device has no end.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

_SPECIAL = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def check_present(path: str | os.PathLike[str]) -> None:
    """Raise a readable error unless a path leads to a file with something in it, or to a folder.

    Raises
    ------
    OSError
        If nothing is there, or what is there can never be read.
    ValueError
        If the file is empty.
    """
    where = Path(path)
    try:
        mode = os.stat(where)
    except (FileNotFoundError, NotADirectoryError):
        if where.is_symlink():
            raise FileNotFoundError(
                f"{where} is a link to {os.readlink(where)}, which is not there"
            ) from None
        raise FileNotFoundError(f"{where}: there is no such file or folder") from None
    kind = stat.S_IFMT(mode.st_mode)
    if kind in _SPECIAL:
        raise OSError(f"{where} is {_SPECIAL[kind]}, not a file or folder")
    if kind == stat.S_IFREG and mode.st_size == 0:
        raise ValueError(f"{where}: it is empty, and so damaged: it has 0 bytes. Copy it again")
