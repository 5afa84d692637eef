"""Voxels that stay in their file, which is open as long as anything can read them."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

import numpy.typing as npt

from .arranged import Cut
from .reading import ImageFile

_OF_ZARR = ("zarr.json", ".zgroup", ".zarray", ".zattrs")


class OpenVoxels(Cut):
    """One level of one channel of an open image; see :func:`channels_of`."""

    def __init__(self, array: Any, index: tuple[int | slice, ...], file: _OpenFile) -> None:
        super().__init__(array, index)
        self._file = file

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        self._file.check_unchanged()
        return super().__getitem__(key)


def channels_of(image: ImageFile) -> list[list[OpenVoxels]]:
    """The levels, finest first, of each channel of an image, without the axis of channels.

    The image need not be closed: that happens when the last of its arrays is gone. Once its file
    has been changed or replaced they raise OSError, as they would mix the voxels of two images.
    """
    file = _OpenFile(image)
    axes, n = image.header.axes, image.header.size_of("c")
    indices = [tuple(i if axis == "c" else slice(None) for axis in axes) for i in range(n)]
    return [[OpenVoxels(level, index, file) for level in image.levels] for index in indices]


class _OpenFile:
    """Closes an image when nothing refers to this object any more."""

    def __init__(self, image: ImageFile) -> None:
        folder = image.path.is_dir()
        self._path, self._is_file = image.path, not folder
        self._parts = [image.path / name for name in _OF_ZARR] if folder else [image.path]
        self._opened = [_state(part) for part in self._parts]
        weakref.finalize(self, image.close)

    def check_unchanged(self) -> None:
        now = [_state(part) for part in self._parts]
        # an open file keeps its contents when it is removed, or when another one takes its name
        elsewhere = self._is_file and now[0][:1] != self._opened[0][:1]
        if now != self._opened and not elsewhere:
            raise OSError(
                f"{self._path} has been changed or replaced since it was opened: open it again"
            )


def _state(path: Path) -> tuple[int, ...]:
    """What distinguishes a file from a later one of the same name; empty if there is none."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_ino, status.st_mtime_ns, status.st_size
