"""Whether the bytes of a chunk are all there, checked before they are decoded.

A chunk whose end was not copied is an error with most compressions, but Blosc trusts what the
chunk says about its own length, and crashes the process by reading past its end.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_BLOSC = struct.Struct("<4x3I")  # of its header: bytes decoded, bytes per block, bytes of the chunk
_USUAL = {"transpose", "bytes", "blosc", "zstd", "gzip", "crc32c"}
_NOTHING = np.uint64(2**64 - 1)  # in the index of a shard: there is no such chunk


class DamagedChunk(ValueError):
    """The bytes of a chunk are not those that were written; the message says why."""


@dataclass(frozen=True)
class Shard:
    """A file that holds several chunks, and an index of where they lie.

    Parameters
    ----------
    n : int
        How many chunks, whether or not they exist.
    at_start : bool
        Whether the index comes first or last.
    index_size : int
        Bytes of the index.
    inner : Encoding
        Of each chunk.
    """

    n: int
    at_start: bool
    index_size: int
    inner: Encoding


@dataclass(frozen=True)
class Encoding:
    """What is known about the bytes of a chunk as they are stored.

    Parameters
    ----------
    size : int or None
        Bytes of a decoded chunk; None if that is not known.
    compressor : str
        The last step of encoding: "blosc", "gzip", ...; empty if the voxels are stored raw.
    shard : Shard, optional
        If the file holds several chunks and is not encoded as a whole.
    """

    size: int | None
    compressor: str = ""
    shard: Shard | None = None

    @classmethod
    def of(cls, document: Mapping[str, Any], item: int) -> Encoding:
        """From the metadata of an array with ``item`` bytes per voxel."""
        if document["zarr_format"] == 2:
            size = math.prod(document["chunks"]) * item
            steps = [*(document.get("filters") or []), document.get("compressor")]
            names = [str(step["id"]) for step in steps if step]
            return cls(size if len(names) < 2 else None, names[-1] if names else "")
        shape = document["chunk_grid"]["configuration"]["chunk_shape"]
        return _encoding(document["codecs"], shape, item)


def is_usual(document: Mapping[str, Any]) -> bool:
    """Whether zarr does not warn about the way in which the chunks of an array are encoded."""
    if document["zarr_format"] == 2:
        return True
    names = _names(document["codecs"])
    if names == ["sharding_indexed"]:
        names = _names(document["codecs"][0]["configuration"]["codecs"])
    return set(names) <= _USUAL


def _names(codecs: Sequence[Any]) -> list[str]:
    return [codec if isinstance(codec, str) else str(codec["name"]) for codec in codecs]


def _encoding(codecs: Sequence[Any], shape: Sequence[int], item: int) -> Encoding:
    names = _names(codecs)
    size = math.prod(shape) * item if set(names[:-1]) <= {"transpose", "bytes"} else None
    if names[-1] == "bytes":
        return Encoding(size)
    if names[-1] != "sharding_indexed":
        return Encoding(size, names[-1])
    configuration = codecs[-1]["configuration"]
    inner = configuration["chunk_shape"]
    n = math.prod(a // b for a, b in zip(shape, inner, strict=True))
    index = _names(configuration.get("index_codecs", ()))
    if index not in ([], ["bytes"], ["bytes", "crc32c"]):
        raise ValueError(f"the index of its shards is encoded in an unknown way ({index})")
    return Encoding(
        None,
        shard=Shard(
            n,
            configuration.get("index_location") == "start",
            16 * n + (0 if index == ["bytes"] else 4),
            _encoding(configuration["codecs"], inner, item),
        ),
    )


def check_chunk(data: npt.NDArray[np.uint8], encoding: Encoding) -> None:
    """Raise DamagedChunk unless the bytes of a chunk can be those that were written."""
    if not len(data):
        raise DamagedChunk("is empty")
    if encoding.shard is not None:
        check_shard(data, encoding.shard)
    elif encoding.compressor in ("blosc", "numcodecs.blosc"):
        _check_blosc(data, encoding.size)
    elif not encoding.compressor and encoding.size not in (None, len(data)):
        raise DamagedChunk(_lengths(len(data), encoding.size))


def check_part(data: npt.NDArray[np.uint8], length: int, encoding: Encoding) -> None:
    """Raise DamagedChunk unless these can be bytes of a shard from the start of a chunk on."""
    if len(data) < length:
        raise DamagedChunk("is cut off: chunks in it lie beyond its end")
    longer = encoding.size is not None and len(data) > encoding.size  # several chunks at once
    if encoding.compressor or encoding.shard is not None or not longer:
        check_chunk(data, encoding)


def check_shard(data: npt.NDArray[np.uint8], shard: Shard) -> None:
    """Raise DamagedChunk unless a whole shard can be what was written."""
    if len(data) < shard.index_size:
        raise DamagedChunk(_lengths(len(data), shard.index_size))
    index = data[: shard.index_size] if shard.at_start else data[-shard.index_size :]
    for start, length in check_index(index, len(data), shard):
        check_chunk(data[start : start + length], shard.inner)


def check_index(
    index: npt.NDArray[np.uint8], file_size: int, shard: Shard
) -> npt.NDArray[np.uint64]:
    """Starts and lengths of the chunks in a shard; raise if they lie beyond its end."""
    if len(index) != shard.index_size:
        raise DamagedChunk(_lengths(file_size, shard.index_size))
    pairs: npt.NDArray[np.uint64]
    pairs = np.frombuffer(index[: 16 * shard.n].tobytes(), "<u8").reshape(-1, 2)
    pairs = pairs[(pairs != _NOTHING).any(axis=1)]
    starts, lengths = pairs.T
    size = np.uint64(file_size)
    if ((starts > size) | (lengths > size - np.minimum(starts, size))).any():
        raise DamagedChunk("is cut off: chunks in it lie beyond its end")
    return pairs


def _check_blosc(data: npt.NDArray[np.uint8], size: int | None) -> None:
    if len(data) < 16:
        raise DamagedChunk(_lengths(len(data), 16))
    decoded, block, encoded = _BLOSC.unpack(data[:16].tobytes())
    if len(data) < encoded or encoded < 16:
        raise DamagedChunk(_lengths(len(data), encoded))
    if size not in (None, decoded) or block > max(decoded, 1 << 31):
        raise DamagedChunk(f"is damaged: it holds {decoded} bytes of voxels instead of {size}")


def _lengths(length: int, wanted: int | None) -> str:
    if wanted is not None and length < wanted:
        return f"is cut off: it has {length} of {wanted} bytes"
    return f"is damaged: it has {length} bytes instead of {wanted}"
