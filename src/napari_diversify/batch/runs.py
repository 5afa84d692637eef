"""A source that is read in runs of whole planes, each once, though slabs need their neighbours."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from concurrent.futures import Future
from threading import Lock, get_ident
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..core.blocks import normalise_index, region_shape, span

_Number: TypeAlias = tuple[int, ...]  # of a run: its image, and which of its runs
_MOST = 8  # runs that one slab keeps


class Runs:
    """Reads an array-like in runs of planes and keeps the last few.

    The windows of σ reach into the slabs beside one, and of a chunk a single
    plane costs as much as all. Threads that want the same run wait for the
    first of them.

    Parameters
    ----------
    array : array-like
        With shape and indexing by slices.
    thickness : int
        Planes per run, along the third axis from the end.
    """

    def __init__(self, array: Any, thickness: int) -> None:
        self.array = array
        self.thickness = thickness
        self._kept: OrderedDict[_Number, Future[npt.NDArray[Any]]] = OrderedDict()
        self._readers: set[int] = set()
        self._at_once = 1  # most runs that a slab needed
        self._lock = Lock()

    def for_slab(self) -> Any:
        """The array for the worker that makes a slab: what it has read stays until it is done."""
        in_memory = isinstance(self.array, np.ndarray) or len(self.array.shape) < 3
        return self.array if in_memory else _Held(self)

    def run(self, number: _Number, held: int) -> npt.NDArray[Any]:
        """A run of planes, for a reader that holds this many of them."""
        with self._lock:
            self._readers.add(get_ident())
            self._at_once = max(self._at_once, held)
            known = self._kept.get(number)
            future = self._kept.setdefault(number, Future()) if known is None else known
            self._kept.move_to_end(number)
            # slabs at work lie side by side: together they need little more than one of them
            while len(self._kept) > len(self._readers) + self._at_once - 1:
                self._kept.popitem(last=False)
        if known is None:
            try:
                future.set_result(self._read(number))
            except BaseException as error:
                with self._lock:
                    self._kept.pop(number, None)
                future.set_exception(error)
                raise
        return future.result()

    def _read(self, number: _Number) -> npt.NDArray[Any]:
        *lead, k = number
        planes = slice(k * self.thickness, (k + 1) * self.thickness)
        block = np.asarray(self.array[(*(slice(i, i + 1) for i in lead), planes)])
        return block.reshape(block.shape[-3:])


class _Held:
    """The array of some runs, seen by one slab."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self.shape = tuple(int(n) for n in runs.array.shape)
        self.dtype = np.dtype(runs.array.dtype)
        self._mine: OrderedDict[_Number, npt.NDArray[Any]] = OrderedDict()

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        region, dropped = normalise_index(key, self.shape)
        *lead, zs, ys, xs = (span(r) for r in region)
        images = [self._image(index, zs, ys, xs) for index in itertools.product(*lead)]
        block = images[0] if len(images) == 1 else np.stack(images)
        block = block.reshape((*region_shape(tuple(lead)), len(zs), len(ys), len(xs)))
        return block[tuple(slice(None, None, r.step) for r in region)].squeeze(dropped)

    def _image(self, index: tuple[int, ...], zs: range, ys: range, xs: range) -> npt.NDArray[Any]:
        """A region of one image; no copy if it lies in one run."""
        thick = self._runs.thickness
        parts = []
        for k in range(zs.start // thick, (zs.stop - 1) // thick + 1):
            planes = slice(max(zs.start - k * thick, 0), zs.stop - k * thick)
            run = self._run((*index, k))
            parts.append(run[planes, ys.start : ys.stop, xs.start : xs.stop])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _run(self, number: _Number) -> npt.NDArray[Any]:
        if number not in self._mine:
            self._mine[number] = self._runs.run(number, len(self._mine) + 1)
            if len(self._mine) > _MOST:
                self._mine.popitem(last=False)
        return self._mine[number]
