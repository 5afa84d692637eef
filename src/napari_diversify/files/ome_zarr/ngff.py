"""The metadata of OME-Zarr 0.5 (OME-NGFF), from a header."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import yaozarrs.v05 as ngff

from ..header import Header
from .pyramid import Level

_COLOURS = ("FFFFFF", "00FF00", "FF00FF", "00FFFF", "FFFF00", "FF0000", "0000FF")


def metadata(
    header: Header, levels: Sequence[Level], window: tuple[float, float] | None, *, labels: bool
) -> dict[str, Any]:
    """The metadata of an image by itself, or of labels, as they stand in JSON under "ome"."""
    # images of a batch differ in their names only, and checking the rest takes longer than writing
    alike = replace(header, name="image", provenance=None)
    ome = _checked(alike, tuple(levels), window, labels)
    return ome | {"multiscales": [ome["multiscales"][0] | {"name": header.name}]}


@lru_cache(64)
def _checked(
    header: Header, levels: tuple[Level, ...], window: tuple[float, float] | None, labels: bool
) -> dict[str, Any]:
    model = labels_model(header, levels, None) if labels else image_model(header, levels, window)
    return model.model_dump(mode="json", exclude_none=True)


def image_model(
    header: Header, levels: Sequence[Level], window: tuple[float, float] | None
) -> ngff.Image:
    """The metadata of an image; ``window`` are the grey levels shown as black and white."""
    omero = ngff.Omero(channels=_channels(header, window)) if header.channels else None
    return ngff.Image(multiscales=[_multiscale(header, levels, "mean")], omero=omero)


def labels_model(header: Header, levels: Sequence[Level], source: str | None) -> ngff.LabelImage:
    """The metadata of a label image; ``source`` is the path from it to its image, if any."""
    if header.dtype.kind not in "iu":
        raise TypeError(f"labels must be integers; these are {header.dtype}")
    of = None if source is None else ngff.LabelSource(image=source)
    return ngff.LabelImage(
        multiscales=[_multiscale(header, levels, "nearest")],
        **{"image-label": ngff.ImageLabel(version="0.5", source=of)},
    )


def _multiscale(header: Header, levels: Sequence[Level], method: str) -> ngff.Multiscale:
    kinds = {"t": ngff.TimeAxis, "c": ngff.ChannelAxis}
    axes = [
        kinds.get(axis, ngff.SpaceAxis)(name=axis, unit=unit)
        for axis, unit in zip(header.axes, header.units, strict=True)
    ]
    datasets = []
    for n, level in enumerate(levels):
        scale = [s * f for s, f in zip(header.scale, level.factors, strict=True)]
        transforms: list[Any] = [ngff.ScaleTransformation(scale=scale)]
        # the mean of f voxels lies in the middle of them; a label stays where it was
        moved = method == "mean"
        place = [
            o + moved * s * (f - 1) / 2
            for o, s, f in zip(header.origin, header.scale, level.factors, strict=True)
        ]
        if any(header.origin) or (n and moved):
            transforms.append(ngff.TranslationTransformation(translation=place))
        datasets.append(ngff.Dataset(path=str(n), coordinateTransformations=transforms))
    return ngff.Multiscale(name=header.name, axes=axes, datasets=datasets, type=method)


def _channels(header: Header, window: tuple[float, float] | None) -> list[ngff.OmeroChannel]:
    """Names of the channels, and how viewers show them."""
    lowest, highest = 0.0, 1.0
    if header.dtype.kind in "iu":
        lowest, highest = np.iinfo(header.dtype).min, np.iinfo(header.dtype).max
    start, end = (lowest, highest) if window is None else window
    return [
        ngff.OmeroChannel(
            label=name,
            color=_COLOURS[i % len(_COLOURS)],
            active=True,
            window=ngff.OmeroWindow(min=lowest, max=highest, start=start, end=end),
        )
        for i, name in enumerate(header.channels)
    ]
