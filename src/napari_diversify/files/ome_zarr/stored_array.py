"""A Zarr array on disk whose damage is reported in plain words.

zarr decodes it; what comes from the disk is checked in between. None of zarr's global
settings is changed.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import zarr
from zarr.abc.store import ByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.storage import LocalStore, StorePath

from ..header import printable
from .chunk_checks import (
    DamagedChunk,
    Encoding,
    Shard,
    check_chunk,
    check_index,
    check_part,
    is_usual,
)
from .chunk_files import Grid
from .nodes import Node

if TYPE_CHECKING:
    from zarr.core.buffer import Buffer, BufferPrototype

#: No image and no chunk is larger (bytes): metadata that say so are damaged.
_LARGEST_IMAGE, _LARGEST_CHUNK = 1 << 56, 1 << 40

_PATIENCE = 10  # seconds to wait for other reads when a chunk is damaged
_SETTLING = "napari-diversify: settling"

_NUMBERS = re.compile(r"[<>|=]?[biufc][0-9]+|bool|(u?int|float|complex)[0-9]+")


class StoredArray:
    """The voxels of an array, read where they are looked at.

    Parameters
    ----------
    array : Node
        The array; its own metadata are used, and no others.

    Raises
    ------
    ValueError
        If zarr cannot read it; the message says why.
    """

    def __init__(self, array: Node) -> None:
        self.grid = Grid.of(array)
        self.shape = array.shape
        self.dtype = _dtype(array)
        item = self.dtype.itemsize
        if (
            math.prod(self.shape) * item > _LARGEST_IMAGE
            or math.prod(self.grid.chunk) * item > _LARGEST_CHUNK
        ):
            raise ValueError(
                f"no image is as large as this one claims to be (shape {self.shape}, chunks "
                f"{self.grid.chunk}): its metadata are damaged"
            )
        try:
            encoding = Encoding.of(array.document, item)
            self._store = _CheckedStore(array.path, encoding=encoding)
            with _quiet(array.document):
                self._array: zarr.Array[Any] = zarr.Array.from_dict(
                    StorePath(self._store), _needed(array.document)
                )
        except Exception as error:
            raise ValueError(
                f"zarr cannot read the array {array.path.name!r}: {_text_of(error)}"
            ) from error

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __getitem__(self, region: tuple[slice, ...]) -> npt.NDArray[Any]:
        try:
            return np.asarray(self._array[region])
        except Exception as error:
            self._store.settle()
            if isinstance(error, OSError) and error.errno is not None:  # of the disk
                raise
            raise ValueError(f"{self.grid.path}: {self._damage(region, error)}") from error

    def _damage(self, region: tuple[slice, ...], error: Exception) -> str:
        """Which chunk of a region cannot be read, and why."""
        if isinstance(error, DamagedChunk):
            return f"{error}. Copy it again"
        if isinstance(error, MemoryError):
            return f"there is not enough memory to read it ({_text_of(error)})"
        spans = [
            range(part.start // size, -(-part.stop // size))
            for part, size in zip(region, self.grid.chunk, strict=True)
        ]
        for numbers in itertools.product(*spans):
            one = tuple(
                slice(i * size, min((i + 1) * size, n))
                for i, size, n in zip(numbers, self.grid.chunk, self.shape, strict=True)
            )
            try:
                self._array[one]
            except DamagedChunk as damage:
                return f"{damage}. Copy it again"
            except Exception as damage:  # noqa: BLE001  # any decoder may have raised it
                return (
                    f"chunk {self.grid.name(numbers)} cannot be decoded ({_text_of(damage)}). "
                    "Copy it again"
                )
        return f"it cannot be read ({_text_of(error)})"


class _CheckedStore(LocalStore):
    """The folder of one array; chunks that are cut off are errors before they are decoded."""

    def __init__(
        self, root: Path | str, *, read_only: bool = True, encoding: Encoding | None = None
    ) -> None:
        super().__init__(root, read_only=read_only)
        self._encoding = encoding
        self._loop: asyncio.AbstractEventLoop | None = None

    def settle(self) -> None:
        """Wait for the other reads under way when a chunk could not be read.

        zarr continues them in its own thread, and a process that ends meanwhile logs errors.
        """
        if self._loop is not None and self._loop.is_running():
            settled = asyncio.run_coroutine_threadsafe(_others(), self._loop)
            with suppress(TimeoutError, RuntimeError):
                settled.result(_PATIENCE)
            settled.cancel()

    async def get(
        self,
        key: str,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        self._loop = asyncio.get_running_loop()
        value = await super().get(key, prototype, byte_range)
        self._check(key, value, byte_range)
        return value

    def get_sync(
        self,
        key: str,
        *,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        value = super().get_sync(key, prototype=prototype, byte_range=byte_range)
        self._check(key, value, byte_range)
        return value

    def _check(self, key: str, value: Buffer | None, byte_range: ByteRequest | None) -> None:
        encoding = self._encoding
        if value is None or encoding is None:
            return
        data = value.as_numpy_array()
        shard = encoding.shard
        try:
            if byte_range is None:
                check_chunk(data, encoding)
            elif shard is not None and _is_of_index(byte_range, shard):
                check_index(data, (self.root / key).stat().st_size, shard)
            elif shard is not None and isinstance(byte_range, RangeByteRequest):
                check_part(data, byte_range.end - byte_range.start, shard.inner)
        except DamagedChunk as damage:
            raise DamagedChunk(f"chunk {key} {damage}") from None


def _is_of_index(byte_range: ByteRequest, shard: Shard) -> bool:
    """Whether these are the bytes of the index of a shard, and not those of chunks in it."""
    if isinstance(byte_range, RangeByteRequest):
        return shard.at_start and byte_range.start == 0
    return not shard.at_start and isinstance(byte_range, SuffixByteRequest)


async def _others() -> None:
    """Wait until all other tasks of this thread have ended, except those that wait like this."""
    this = asyncio.current_task()
    if this is not None:
        this.set_name(_SETTLING)
    others = [task for task in asyncio.all_tasks() if task.get_name() != _SETTLING]
    if others:
        await asyncio.wait(others)


def _dtype(array: Node) -> np.dtype[Any]:
    given = array.document.get("data_type", array.document.get("dtype"))
    try:
        if isinstance(given, str) and _NUMBERS.fullmatch(given):
            return np.dtype(given)
    except TypeError:
        pass
    raise ValueError(
        f"an image must hold integers or floating-point numbers; the array {array.path.name!r} "
        f"holds {given!r:.80}"
    )


def _needed(document: dict[str, Any]) -> dict[str, Any]:
    """What zarr has to know about an array; what it need not know may be damaged."""
    out = {k: v for k, v in document.items() if k != "consolidated_metadata"}
    if document["zarr_format"] == 2:
        steps = [*(document.get("filters") or []), document.get("compressor") or {}]
        if any(step.get("id") == "pickle" for step in steps):
            raise ValueError("its voxels are pickled, and a pickle may run any program")
        return out | {"filters": document.get("filters") or None, "attributes": {}}
    if document.get("storage_transformers"):
        raise ValueError("its voxels went through storage transformers, which are not supported")
    return out | {"attributes": {}, "dimension_names": None}


_LOCK = threading.Lock()


@contextmanager
def _quiet(document: dict[str, Any]) -> Iterator[None]:
    """Suppress zarr's warnings about rare encodings, if this is one."""
    if is_usual(document):
        yield
        return
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _text_of(error: Exception) -> str:
    """What an exception says, on one line and not too long."""
    text = printable(f"{type(error).__name__}: {error}").rstrip(". ")
    return text if len(text) <= 300 else text[:299] + "…"
