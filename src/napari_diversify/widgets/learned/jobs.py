"""From layers of the viewer to a training: what is read from files, and what is copied."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from ...files.safe import remove
from ...learned.folder import CARD, WEIGHTS, load, reference
from ...learned.training.job import Job, Source, discard, pairs, place, preparing, start
from ...learned.training.settings import Settings
from ...synthetic.nuclei import SyntheticNuclei
from ...synthetic.plan import Plan
from ..export.source import source_of
from ..qt.driver import Work
from .tasks import TASKS

#: Patches shown before a training, and how much of the middle of an image they come from;
#: more planes of frames and of labelled volumes.
PAIRS = 4
_SIDE, _PLANES, _MORE = 512, 9, 64
#: Where the copy of a layer lies, in the folder ``training``.
_PLACE = "data/{}.npy"


@dataclass(frozen=True)
class Wanted:
    """A training as the dock has it.

    Attributes
    ----------
    layers : tuple of napari.layers.Image
    settings : RestoreTraining, DenoiseTraining, DressTraining or ShapesTraining
    seed : int
    frames : napari.layers.Image or None
        Frames of one static scene, in which the noise is measured.
    labels : napari.layers.Labels or None
        3D labels that shapes are learned from; ``layers`` is their image then, or empty.
    specimen : dict or None
        Record of the synthetic specimen that masks are drawn from.
    like : napari.layers.Labels or None
        Labels that this specimen is fitted to.
    """

    layers: tuple[Any, ...]
    settings: Settings
    seed: int
    frames: Any = None
    labels: Any = None
    specimen: dict[str, Any] | None = None
    like: Any = None


def begun(wanted: Wanted, folder: Path) -> Work:
    """Work: prepare a training in a folder, and start it; returns the folder."""
    sources, copies = [], {}
    for n, layer in enumerate(_layers(wanted)):
        yield 0, 0  # whether a layer is that of its file is told by reading
        found = source_of(layer)
        assert found.header is not None
        _check(wanted, layer, found.header)
        if found.path is not None:
            path, name = str(Path(found.path).resolve()), found.name
            sources.append(Source(path=path, name=name, series=found.series))
        else:
            copies[_PLACE.format(n)] = found.array
            sources.append(_copied(n, layer.name, found.header))
    specimen = yield from _specimen(wanted)
    yield from preparing(folder, _job(wanted, sources, specimen), copies)
    start(folder)
    return folder


def first_pairs(wanted: Wanted) -> Work:
    """Work: patches like those that a training would see, from the middle of each image."""
    with TemporaryDirectory() as folder:
        where, sources = place(folder), []
        (where / _PLACE).parent.mkdir(parents=True)
        for n, layer in enumerate(_layers(wanted)):
            yield 0, 0
            found = source_of(layer, with_file=False)
            assert found.header is not None
            _check(wanted, layer, found.header)
            # how dense objects are, and what they are like, is not that of the middle alone
            more = layer is wanted.frames or wanted.settings.kind in ("dress", "shapes")
            planes = _MORE if more else _PLANES
            np.save(where / _PLACE.format(n), _middle(found.array, found.header.axes, planes))
            sources.append(_copied(n, layer.name, found.header))
        specimen = yield from _specimen(wanted)
        job = _job(wanted, sources, specimen)
        if job.settings.kind == "shapes":
            few = job.settings.replace(cells=min(job.settings.cells, PAIRS))
            job = job.replace(settings=few)
        result: Sequence[tuple[Any, ...]] = pairs(job, PAIRS, folder)
        return result


def _check(wanted: Wanted, layer: Any, header: Any) -> None:
    """Raise a ValueError where lengths are needed and not known."""
    why = TASKS[wanted.settings.kind].needs_lengths
    if why and header.spacing is None:
        raise ValueError(
            f"“{layer.name}” has no unit of length, and {why}: set the scale and the units of the "
            "layer first"
        )


def _layers(wanted: Wanted) -> list[Any]:
    more = (wanted.frames, wanted.labels)
    return [*wanted.layers, *(layer for layer in more if layer is not None)]


def _specimen(wanted: Wanted) -> Generator[tuple[int, int], None, dict[str, Any] | None]:
    """The record of the specimen that masks are drawn from, fitted to labels if there are any."""
    if wanted.like is None:
        return wanted.specimen
    found = source_of(wanted.like, with_file=False)
    assert found.header is not None
    _check(wanted, wanted.like, found.header)
    sizes, n = found.header.spacing, found.header.spatial_ndim
    assert sizes is not None
    labels = np.asarray(found.array[(0,) * (found.header.ndim - n)])
    if not labels.any():
        raise ValueError(f"“{wanted.like.name}” has no objects: there is nothing to be like")
    fitted = yield from SyntheticNuclei.matching(labels, sizes)
    return Plan(fitted.model, labels.shape, tuple(sizes)).record()


def _job(wanted: Wanted, sources: Sequence[Source], specimen: dict[str, Any] | None) -> Job:
    images, rest = sources[: len(wanted.layers)], list(sources[len(wanted.layers) :])
    return Job(
        images=tuple(images),
        settings=wanted.settings,
        seed=wanted.seed,
        frames=rest.pop(0) if wanted.frames is not None else None,
        labels=tuple(rest),
        specimen=specimen,
    )


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
    path = _PLACE.format(number)
    return Source(path=path, name=name, axes=header.axes, spacing=header.spacing)


def _middle(array: Any, axes: str, planes: int) -> npt.NDArray[Any]:
    """The middle of an image: some planes, and a part of them if they are big."""
    most, left, index = {"y": _SIDE, "x": _SIDE}, planes, []
    for axis, length in reversed(list(zip(axes, array.shape, strict=True))):
        size = min(length, most.get(axis, left))
        left = left if axis in most else max(1, left // size)
        start = (length - size) // 2
        index.append(slice(start, start + size))
    return np.asarray(array[tuple(reversed(index))])
