"""The files that hold the chunks of a Zarr array: how they are named, and which exist.

Zarr reads a chunk that is not there as its fill value. Programs leave out chunks that hold
nothing else, and so does a copy that was cut short: only a person can tell the two apart, so
they are counted.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from .nodes import Node, counted, is_shape

#: The file of a chunk or its outermost folder, in any of the ways in which chunks are named.
_LIKE_A_CHUNK = re.compile(r"(c\.)?\d+(\.\d+)*", re.ASCII)


@dataclass(frozen=True)
class Grid:
    """How an array is cut into files: chunks, or shards that hold several.

    Parameters
    ----------
    path : Path
        Folder of the array.
    shape : tuple of int
        Files per axis.
    chunk : tuple of int
        Voxels per file and axis.
    prefix, separator : str
        A file is named by the prefix and its numbers along all axes, separated.
    """

    path: Path
    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    prefix: str
    separator: str

    @classmethod
    def of(cls, array: Node) -> Grid:
        """The grid of an array.

        Raises
        ------
        ValueError
            If its metadata are not understood.
        """
        chunk, prefix, separator = _chunks(array.document)
        shape = array.shape
        fits = is_shape(chunk) and len(chunk) == len(shape) and (not chunk or min(chunk) > 0)
        if not fits or separator not in (".", "/"):
            raise ValueError(
                f"how the array {array.path.name!r} is cut into chunks is not understood "
                f"(chunks {chunk!r:.80}, separator {separator!r:.20})"
            )
        files = tuple(-(-n // c) for n, c in zip(shape, chunk, strict=True))
        return cls(array.path, files, tuple(chunk), prefix, separator)

    @property
    def size(self) -> int:
        """How many files there should be."""
        return math.prod(self.shape)

    def name(self, numbers: tuple[int, ...]) -> str:
        """The name of the file of a chunk."""
        return self.prefix + self.separator.join(map(str, numbers))

    def files(self) -> Iterator[str]:
        """Paths of the files that exist, in any order."""
        if self.separator == "/":
            yield from _deep(os.path.join(self.path, self.prefix), self.shape)
            return
        n, prefix = len(self.shape), self.prefix
        for entry in _entries(self.path):
            numbers = entry.name.removeprefix(prefix).split(".")
            fits = len(numbers) == n and all(map(_is_below, numbers, self.shape))
            if fits and entry.name.startswith(prefix) and entry.is_file():
                yield entry.path

    def missing(self) -> int:
        """How many files do not exist."""
        return self.size - sum(1 for _ in self.files())

    def is_bare(self) -> bool:
        """Whether none of the files exists."""
        return next(self.files(), None) is None

    def stranger(self) -> str | None:
        """The first file that is named like a chunk, in whichever way."""
        for folder in (self.path, self.path / "c"):
            for entry in sorted(_entries(folder), key=lambda entry: counted(entry.name)):
                if _LIKE_A_CHUNK.fullmatch(entry.name) and (file := _first(Path(entry.path))):
                    return file.relative_to(self.path).as_posix()
        return None


def _chunks(document: dict[str, Any]) -> tuple[Any, str, Any]:
    """Voxels per file, and prefix and separator of names."""
    if document.get("zarr_format") == 2:
        return document.get("chunks"), "", document.get("dimension_separator") or "."
    grid, keys = document.get("chunk_grid"), document.get("chunk_key_encoding")
    if not isinstance(grid, dict) or grid.get("name") != "regular":
        return None, "", ""
    configuration = grid.get("configuration")
    chunk = configuration.get("chunk_shape") if isinstance(configuration, dict) else None
    keys = {"name": keys} if isinstance(keys, str) else keys
    if not isinstance(keys, dict) or keys.get("name") not in ("default", "v2"):
        return chunk, "", ""
    configuration = keys.get("configuration")
    given = configuration.get("separator") if isinstance(configuration, dict) else None
    if keys["name"] == "v2":
        return chunk, "", given or "."
    return chunk, f"c{given or '/'}", given or "/"


def _entries(folder: str | Path) -> Iterator[os.DirEntry[str]]:
    """What is in a folder; nothing if it is not a folder."""
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except (FileNotFoundError, NotADirectoryError):
        return


def _deep(folder: str, shape: tuple[int, ...]) -> Iterator[str]:
    """Files below a folder whose path is numbers, each below that of ``shape``."""
    last = len(shape) == 1
    for entry in _entries(folder):
        if _is_below(entry.name, shape[0]):
            if not last:
                yield from _deep(entry.path, shape[1:])
            elif entry.is_file():
                yield entry.path


def _first(path: Path) -> Path | None:
    """The file, or the first one in the folder or in the folders inside."""
    if path.is_file():
        return path
    inner = sorted(_entries(path), key=lambda entry: counted(entry.name))
    return next((file for entry in inner if (file := _first(Path(entry.path)))), None)


@lru_cache(1 << 16)
def _is_below(text: str, n: int) -> bool:
    return text.isascii() and text.isdecimal() and int(text) < n and str(int(text)) == text
