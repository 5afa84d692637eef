"""Arrays and groups of a Zarr folder, from their own JSON files.

Listing the images of thousands of inputs costs a few small files each. Copies of the metadata
elsewhere (consolidated metadata) may be out of date and are never read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, TypeGuard

from ...small_files import read_small

#: A file larger than this is not metadata, whatever its name.
_LARGEST = 1 << 30


@dataclass(frozen=True)
class Node:
    """An array or a group.

    Parameters
    ----------
    path : Path
        Its folder.
    is_array : bool
        Or a group.
    document : dict
        The contents of ``zarr.json`` or ``.zarray``; empty for a group of Zarr format 2.
    """

    path: Path
    is_array: bool
    document: dict[str, Any]

    @cached_property
    def attributes(self) -> dict[str, Any]:
        """The attributes that its writers added; empty if they are not a JSON object."""
        if self.document.get("zarr_format") == 3:
            given = self.document.get("attributes")
        else:
            given = _json(self.path / ".zattrs")
        return given if isinstance(given, dict) else {}

    @cached_property
    def ome(self) -> dict[str, Any]:
        """The OME part of its attributes: under "ome" since 0.5, at the top level before."""
        ome = self.attributes.get("ome")
        return {**self.attributes, **ome} if isinstance(ome, dict) else self.attributes

    @property
    def shape(self) -> tuple[int, ...]:
        """Of an array."""
        shape = self.document.get("shape")
        if is_shape(shape):
            return tuple(shape)
        raise ValueError(f"the shape of the array {self.path.name!r} is damaged: {shape!r:.80}")


def node_at(path: Path) -> Node | None:
    """The array or group in a folder; None if there are no Zarr metadata.

    Raises
    ------
    ValueError
        If the metadata are damaged.
    """
    document = _json(path / "zarr.json")
    if document is not None:
        kind = document.get("node_type") if isinstance(document, dict) else None
        if kind not in ("array", "group"):
            raise ValueError(
                f"{path.name}/zarr.json says neither that this is an array nor that it is a group: "
                "it is damaged"
            )
        return Node(path, kind == "array", {**document, "zarr_format": 3})
    document = _json(path / ".zarray")
    if document is not None:
        if not isinstance(document, dict):
            raise ValueError(f"{path.name}/.zarray is damaged: it holds no JSON object")
        return Node(path, True, {**document, "zarr_format": 2})
    if (path / ".zgroup").exists() or (path / ".zattrs").exists():
        return Node(path, False, {"zarr_format": 2})
    return None


def is_shape(numbers: object) -> TypeGuard[list[int]]:
    """Whether these are sizes along axes that an array can have."""
    return (
        isinstance(numbers, list)
        and len(numbers) <= 32
        and all(type(n) is int and 0 <= n < 1 << 62 for n in numbers)
    )


def inside(folder: Path, way: object) -> Path:
    """The path that the metadata of a folder name; it may not lead out of the folder.

    Raises
    ------
    ValueError
        If it does, or is not a path.
    """
    text = str(way) if isinstance(way, str) or type(way) is int else ""
    parts = PurePosixPath(text).parts
    windows = PureWindowsPath(text)
    if not parts or "\0" in text or windows.anchor or ".." in (*parts, *windows.parts):
        raise ValueError(f"its metadata name a path that is not inside this folder: {way!r:.80}")
    return folder.joinpath(*parts)


def folders_in(path: Path) -> Iterator[Path]:
    """The folders inside a folder, in the order in which people count: 2 before 10."""
    try:
        names = [e.name for e in path.iterdir() if not e.name.startswith(".") and e.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        names = []
    return (path / name for name in sorted(names, key=counted))


def counted(name: str) -> list[tuple[int, int, str]]:
    """A key that sorts names with numbers in them as people do.

    Examples
    --------
    >>> sorted(["s10", "s2", "10", "9"], key=counted)
    ['9', '10', 's2', 's10']
    """
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(0, int(p[:99]), p) if p[0] in "0123456789" else (1, 0, p) for p in parts]


def _json(file: Path) -> Any:
    """The contents of a JSON file; None if it does not exist."""
    try:
        too_large = file.stat().st_size > _LARGEST
        text = b"" if too_large else read_small(file, _LARGEST)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if too_large:
        raise ValueError(f"{file.parent.name}/{file.name} is too large to be metadata")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{file.parent.name}/{file.name} is not valid JSON ({error}): it is damaged, or was "
            "not copied completely"
        ) from error
