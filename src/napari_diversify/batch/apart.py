"""Files that a batch reads are never among those that it writes or removes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from .. import files
from ..files import Layout, Listing
from .parts import unit_of
from .source import Source

#: A folder, whatever path leads to it: its number on its disk, or the path if it does not exist.
_Folder: TypeAlias = tuple[int, int] | str


class Read:
    """The files of some sources, to be asked about others one by one.

    Parameters
    ----------
    sources : iterable of Source
    listing : Listing
        Says which files are links, looking at each folder once.
    """

    def __init__(self, sources: Iterable[Source], listing: Listing) -> None:
        self._listing = listing
        self._folders: dict[str, _Folder] = {}
        self._inside: dict[str, bool] = {}  # folders, and whether they are in one that is read
        self._read = {self._place(path): path for path in map(self._real, _paths(sources))}
        folders = {os.path.dirname(path) for path in self._read.values()}
        self._around = {self._place(above) for folder in folders for above in _upwards(folder)}

    def check(self, target: Path) -> None:
        """Raise if a file to be written, or removed, is one that is read."""
        path = self._real(target)
        place, folder = self._place(path), os.path.dirname(path)
        if folder not in self._inside:
            self._inside[folder] = any(
                self._place(above) in self._read for above in _upwards(folder)
            )
        if place in self._read or place in self._around or self._inside[folder]:
            raise _replaced(target)

    def check_names(self, layout: Layout, output: Path, ending: str, units: set[str]) -> None:
        """Raise if a file that is read has a name that a file of a sample may get.

        Which files a sample has depends on the axes of its image: all of them are considered.
        """
        root = self._folder(os.fspath(output))
        ways: dict[str, str | None] = {}  # folders of what is read, as seen from the root
        for path in self._read.values():
            folder, name = os.path.split(path)
            if folder not in ways:
                inside = [above for above in _upwards(folder) if self._folder(above) == root]
                ways[folder] = os.path.relpath(folder, inside[0]) if inside else None
            way = ways[folder]
            if way is None:
                continue
            inner = Path(way, name)
            for at in (inner, *inner.parents):
                names = files.names_of(layout, at.as_posix(), ending)
                if any(unit_of(name) in units for name in names):
                    raise _replaced(path)

    def _real(self, path: Path) -> str:
        return os.path.abspath(self._listing.real(path))

    def _place(self, path: str) -> tuple[_Folder, str]:
        """Where a file is, whether or not it exists and whatever path leads to it."""
        folder, name = os.path.split(path)
        return self._folder(folder), files.fold(name)

    def _folder(self, folder: str) -> _Folder:
        if folder not in self._folders:
            try:
                status = os.stat(folder)
                self._folders[folder] = (status.st_dev, status.st_ino)
            except OSError:
                self._folders[folder] = os.path.realpath(folder)
        return self._folders[folder]


def _replaced(path: str | os.PathLike[str]) -> ValueError:
    return ValueError(
        f"{path} is an image that is read, or lies in one or holds one, and would be replaced. "
        "Choose another folder"
    )


def _paths(sources: Iterable[Source]) -> Iterator[Path]:
    for source in sources:
        for file in (source, source.labels):
            if file is not None and file.path is not None:
                yield file.path


def _upwards(folder: str) -> Iterator[str]:
    """A folder and all folders around it, except for the outermost."""
    while (above := os.path.dirname(folder)) != folder:
        yield folder
        folder = above
