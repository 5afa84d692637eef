"""Standard-normal noise that depends on the seed and on the voxel's position alone.

Any part of the field can be computed by itself and equals the same part of the
whole, bit for bit: there is no generator state, and no chunk, thread or viewing
direction can leave a trace. Philox4x32-10 (Salmon et al., SC'11, "Parallel
random numbers: as easy as 1, 2, 3") turns the voxel's position into 32 random
bits; a table of cubics turns these into a normal value with IEEE additions and
multiplications only, so that every machine computes the same bits.
"""

from __future__ import annotations

import hashlib
import math
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from . import compiled as kernels
from .blocks import Region, in_slabs, normalise_index, region_shape

#: Name and version of the generator; a recipe stores it.
GENERATOR: Final = "philox4x32-10/1"


_LONG_ROW = 1 << 14


@cache
def table() -> npt.NDArray[np.complex128]:
    """The cubics of all segments, four float32 in the bits of one number each."""
    table = np.load(Path(__file__).with_name("normal_table.npy"), allow_pickle=False)
    return np.ascontiguousarray(table, dtype=np.float32).view(np.complex128).ravel()


#: How many samples there are, counted from 0; after the last comes the first.
SAMPLES = 2**32


def sample_after(first: int, n: int) -> int:
    """The number of the sample that comes ``n`` after another."""
    return (first + n) % SAMPLES


def check_count(name: str, value: int, bits: int) -> int:
    """Check that ``value`` is a whole number of at most ``bits`` bits."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = -1
    if isinstance(value, (bool, np.bool_)) or number != value or not 0 <= number < 2**bits:
        raise ValueError(f"{name} must be a whole number from 0 to 2**{bits} - 1; got {value!r}")
    return number


def normal_region(
    shape: Sequence[int], region: Region, seed: int, sample: int = 0, stream: int = 0
) -> npt.NDArray[np.float32]:
    """The part ``region`` of the field of ``shape``; see :func:`normal_field`."""
    out = np.empty(region_shape(region), np.float32)
    if out.size == 0:
        return out
    shape, region = _in_long_rows(shape, region)
    first, *growth = numbering(shape, region)
    starts = np.full(1, first, np.int64)  # number of the first voxel of every row
    for positions, g in zip(region[:-1], growth[:-1], strict=True):
        starts = np.add.outer(starts, (np.asarray(positions) - positions.start) * g).ravel()
    rows = out.reshape(len(starts), -1)
    numbers = counter_and_key(seed, sample, stream)
    step = region[-1].step

    def fill(part: slice) -> None:
        if step == 1 and rows.shape[1] > 1:
            kernels.normal_rows(starts[part], *numbers, table(), rows[part])
        else:
            kernels.normal_scattered(starts[part], step, *numbers, table(), rows[part])

    in_slabs(fill, len(rows), out.size)
    return out


def counter_and_key(
    seed: int, sample: int, stream: int
) -> tuple[tuple[np.uint32, np.uint32], tuple[np.uint32, np.uint32]]:
    """The last two words of the Philox counter, and the key, as the kernels take them."""
    return (
        (np.uint32(stream), np.uint32(sample)),
        (np.uint32(seed & 0xFFFFFFFF), np.uint32(seed >> 32)),
    )


def numbering(shape: Sequence[int], region: Region) -> tuple[int, ...]:
    """The number of the first voxel of a region in the field, and its growth along each axis."""
    growth = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    return sum(r.start * g for r, g in zip(region, growth, strict=True)), *growth


def _in_long_rows(shape: Sequence[int], region: Region) -> tuple[tuple[int, ...], Region]:
    """The same voxels in the same order, short rows that follow each other as one.

    A row has to be started; and only whole rows can be shared out among threads.
    """
    shape = tuple(shape)
    while (
        len(shape) > 1
        and region[-1] == range(shape[-1])
        and region[-2].step == 1
        and len(region[-2]) * shape[-1] <= _LONG_ROW
    ):
        rows, n = region[-2], shape[-1]
        region = (*region[:-2], range(rows.start * n, rows.stop * n))
        shape = (*shape[:-2], shape[-2] * n)
    return shape, region


def normal_field(
    shape: Sequence[int],
    seed: int,
    *,
    sample: int = 0,
    stream: int = 0,
    region: Any = None,
) -> npt.NDArray[np.float32]:
    """Standard-normal noise on a voxel grid, or any part of it.

    Parameters
    ----------
    shape : sequence of int
        Shape of the whole field, one number or more.
    seed : int
        0 to 2**64 - 1, the Philox key.
    sample, stream : int, optional
        0 to 2**32 - 1. Each pair gives another, independent field: ``sample``
        counts the volumes made from one recipe, ``stream`` the noisy steps in it.
    region : basic index, optional
        The part to compute: slices, integers and ``...`` as in ``field[region]``.
        By default the whole field.

    Returns
    -------
    numpy.ndarray of float32
        Equal, bit for bit, to ``normal_field(shape, seed, ...)[region]``.

    Raises
    ------
    ValueError
        If shape, seed, sample or stream are out of range.
    IndexError
        If ``region`` is not a basic index into ``shape``.

    Notes
    -----
    The voxel with linear (C-order) index v takes word v % 4 of the Philox block
    with counter (v // 4, stream, sample) and key ``seed``. Values lie within
    +-6.34 and are within 5e-7 of the exact inverse distribution function.

    References
    ----------
    .. [1] J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11 (2011).

    Examples
    --------
    >>> from napari_diversify.core import normal_field
    >>> field = normal_field((4, 6, 5), seed=42)
    >>> part = normal_field((4, 6, 5), seed=42, region=(2, slice(1, 3)))
    >>> bool((part == field[2, 1:3]).all())
    True
    """
    shape = tuple(check_count("each number in shape", n, 62) for n in shape)
    if not shape:
        raise ValueError("shape must have at least one axis; got ()")
    seed = check_count("seed", seed, 64)
    sample = check_count("sample", sample, 32)
    stream = check_count("stream", stream, 32)
    if math.prod(shape) >= 2**63:
        raise ValueError(f"shape must have fewer than 2**63 voxels; got {shape}")
    ranges, dropped = normalise_index(... if region is None else region, shape)
    return normal_region(shape, ranges, seed, sample, stream).squeeze(dropped)


def seed_for(seed: int, name: str) -> int:
    """Derive a separate seed for each name, so that each gets noise of its own.

    Parameters
    ----------
    seed : int
        0 to 2**64 - 1, common to all names.
    name : str
        For example that of an image. Composed and decomposed letters count as equal: file
        systems store them either way.

    Returns
    -------
    int
        0 to 2**53 - 1, the same on any machine; two of 10,000 names share one with a
        probability below 1e-8.

    Examples
    --------
    >>> from napari_diversify.core.noise import seed_for
    >>> seed_for(1, "cell0") == seed_for(1, "cell0"), seed_for(1, "cell0") == seed_for(1, "cell1")
    (True, False)
    """
    text = f"{check_count('seed', seed, 64)}:{unicodedata.normalize('NFC', name)}"
    # undecodable bytes of file names are lone surrogates, which strict UTF-8 cannot encode
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 11


#: The stream that numbers other than noise are drawn from; no step uses it.
_NUMBERS = 2**32 - 1


def uniform_numbers(n: int, seed: int, sample: int = 0) -> npt.NDArray[np.float64]:
    """Draw n uniform numbers between 0 and 1, both excluded: a function of seed and sample.

    The first numbers are the same however many are asked for, on any machine.

    Examples
    --------
    >>> from napari_diversify.core.noise import uniform_numbers
    >>> bool((uniform_numbers(2, seed=1) == uniform_numbers(9, seed=1)[:2]).all())
    True
    """
    n = check_count("n", n, 31)
    seed, sample = check_count("seed", seed, 64), check_count("sample", sample, 32)
    words = np.empty(max(4, -(-n // 4) * 4), np.uint32)
    counter, key = counter_and_key(seed, sample, _NUMBERS)
    kernels.philox_words(np.uint64(0), words.size // 4, *counter, *key, words)
    return (words[:n].astype(np.float64) + 0.5) / 2.0**32
