"""What is on a disk, each folder listed once: ten thousand questions cost about as much as one."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass

_NO_NAMES = ("", ".", "..")  # last parts of paths that no folder lists


@dataclass(frozen=True)
class _Folder:
    """Names in a folder; folded, as seen by disks that ignore case and kinds of accents."""

    names: frozenset[str]
    folded: frozenset[str]
    links: frozenset[str]


class Listing:
    """Names in folders and where they lead, as they were when first asked for."""

    def __init__(self) -> None:
        self._folders: dict[str, _Folder | None] = {}
        self._real: dict[str, str] = {}
        self._links: dict[str, bool] = {}

    def names(self, folder: str | os.PathLike[str]) -> frozenset[str]:
        """All names in a folder; none if it is not a folder, or may not be listed."""
        listed = self._listed(os.fspath(folder))
        return frozenset() if listed is None else listed.names

    def exists(self, path: str | os.PathLike[str]) -> bool:
        """Whether something is there, as :meth:`pathlib.Path.exists` would say."""
        folder, name = os.path.split(path)
        listed = self._listed(folder)
        if listed is None or name in _NO_NAMES:  # not listed, but its contents may be readable
            return os.path.exists(path)
        if name in listed.names and name not in listed.links:
            return True
        return fold(name) in listed.folded and os.path.exists(path)

    def is_link(self, path: str | os.PathLike[str]) -> bool:
        """Whether a path leads elsewhere."""
        path = os.fspath(path)
        folder, name = os.path.split(path)
        listed = self._folders.get(folder)
        if listed is not None:
            return name in listed.links
        if path not in self._links:
            self._links[path] = os.path.islink(path)
        return self._links[path]

    def real(self, path: str | os.PathLike[str]) -> str:
        """The path without links, as :func:`os.path.realpath` would return it."""
        folder, name = os.path.split(os.fspath(path))
        if name in _NO_NAMES or self.is_link(path):
            return os.path.realpath(path)
        if folder not in self._real:
            self._real[folder] = os.path.realpath(folder or ".")
        return os.path.join(self._real[folder], name)

    def _listed(self, folder: str) -> _Folder | None:
        if folder not in self._folders:
            self._folders[folder] = _list(folder)
        return self._folders[folder]


def fold(name: str) -> str:
    """A name as seen by disks that ignore upper and lower case and kinds of accents."""
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", name).casefold()


def _list(folder: str) -> _Folder | None:
    try:
        with os.scandir(folder or ".") as entries:
            inside = [(entry.name, entry.is_symlink()) for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        inside = []
    except OSError:
        return None
    return _Folder(
        frozenset(name for name, _ in inside),
        frozenset(fold(name) for name, _ in inside),
        frozenset(name for name, is_link in inside if is_link),
    )
