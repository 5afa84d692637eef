"""Keep a generated image: compute it whole, in a thread, and add it as an ordinary layer."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import napari.layers
import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QObject, Signal

from ...recipe.lazy.array import LazyArray
from ...recipe.provenance import KEY, of_voxels
from ..qt.background import Background
from .layers import appearance, spatial_state, too_big


class Snapshot(QObject):
    """Takes one snapshot at a time of lazy arrays."""

    progressed = Signal(int, int)
    finished = Signal(object, object)  # values, and the keywords of their layer
    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._keywords: dict[str, Any] = {}
        self._background = Background(self)
        self._background.progressed.connect(self.progressed)
        self._background.finished.connect(self._on_finished)
        self._background.failed.connect(self.failed)

    @property
    def running(self) -> bool:
        """Whether a snapshot is being taken."""
        return self._background.running

    def take(self, source: napari.layers.Image, array: LazyArray, metadata: dict[str, Any]) -> None:
        """Compute ``array``, to be added beside ``source`` with its place and looks."""
        if problem := too_big(array):
            self.failed.emit(MemoryError(f"no snapshot was taken: {problem}"))
            return
        self._keywords = {
            "name": f"{source.name} (snapshot)",
            "metadata": {KEY: {**metadata, "source": source.name, **of_voxels(array)}},
            **spatial_state(source),
            **appearance(source),
        }
        self._background.start(lambda: _computed(array))

    def cancel(self) -> None:
        """Stop; nothing will come of it."""
        self._background.cancel()

    def _on_finished(self, values: npt.NDArray[Any]) -> None:
        self.finished.emit(values, self._keywords)


def _computed(array: LazyArray) -> Generator[tuple[int, int], None, npt.NDArray[Any]]:
    yield from array.prepare()
    out = np.empty(array.shape, array.dtype)
    total = array.slab_count()
    for n, (place, block) in enumerate(array.slabs()):
        out[place] = block
        yield n + 1, total
    return out
