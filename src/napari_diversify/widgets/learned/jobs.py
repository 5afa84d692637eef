"""From layers of the viewer to a training: what is read from files, and what is copied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from ...files.safe import remove
from ...learned.folder import CARD, WEIGHTS, load, reference
from ...learned.training.job import Job, Source, discard, pairs, preparing, start
from ...learned.training.settings import Settings
from ..export.source import source_of
from ..qt.driver import Work

#: Patches shown before a training, and how much of the middle of an image they come from.
PAIRS = 4
_SIDE, _PLANES = 512, 9


@dataclass(frozen=True)
class Wanted:
    """A training as the dock has it.

    Attributes
    ----------
    layers : tuple of napari.layers.Image
    settings : RestoreTraining or DenoiseTraining
    seed : int
    """

    layers: tuple[Any, ...]
    settings: Settings
    seed: int


def begun(wanted: Wanted, folder: Path) -> Work:
    """Work: prepare a training in a folder, and start it; returns the folder."""
    yield 0, 0  # whether a layer is that of its file is told by reading
    images, copies = [], {}
    for n, layer in enumerate(wanted.layers):
        found = source_of(layer)
        yield 0, 0
        assert found.header is not None
        if found.path is not None:
            path, name = str(Path(found.path).resolve()), found.name
            images.append(Source(path=path, name=name, series=found.series))
        else:
            copies[f"data/{n}.npy"] = found.array
            images.append(_copied(n, layer.name, found.header))
    job = Job(images=tuple(images), settings=wanted.settings, seed=wanted.seed)
    yield from preparing(folder, job, copies)
    start(folder)
    return folder


def first_pairs(wanted: Wanted) -> Work:
    """Work: patches like those that a training would see, from the middle of each image."""
    yield 0, 0
    with TemporaryDirectory() as folder:
        data = Path(folder) / "training" / "data"
        data.mkdir(parents=True)
        images = []
        for n, layer in enumerate(wanted.layers):
            found = source_of(layer, with_file=False)
            assert found.header is not None
            np.save(data / f"{n}.npy", _middle(found.array, found.header.axes))
            images.append(_copied(n, layer.name, found.header))
            yield 0, 0
        job = Job(images=tuple(images), settings=wanted.settings, seed=wanted.seed)
        found_pairs: Sequence[tuple[Any, Any]] = pairs(job, PAIRS, folder)
        return found_pairs


def removed(folder: Path) -> Work:
    """Work: delete a model, and nothing else that is in its folder; returns the folder."""
    yield 0, 0
    for name in (CARD, WEIGHTS):
        remove(folder / name)
    discard(folder)
    return folder


def loaded(folder: Path) -> Work:
    """Work: load a model, PyTorch with it, before it is to be at hand; returns its reference."""
    yield 0, 0
    name = reference(folder)
    load(name)
    return name


def _copied(number: int, name: str, header: Any) -> Source:
    return Source(path=f"data/{number}.npy", name=name, axes=header.axes, spacing=header.spacing)


def _middle(array: Any, axes: str) -> npt.NDArray[Any]:
    """The middle of an image: some planes, and a part of them if they are big."""
    most = {"z": _PLANES, "y": _SIDE, "x": _SIDE}
    index = []
    for axis, length in zip(axes, array.shape, strict=True):
        size = min(length, most.get(axis, 1))
        start = (length - size) // 2
        index.append(slice(start, start + size))
    return np.asarray(array[tuple(index)])
