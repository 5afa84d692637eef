"""Planes of the images of a training set, and small pictures of them."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..files import Header, open_image
from ..recipe.provenance import Provenance
from ..sentences import reason
from .rows import Row, without_channels


@dataclass(frozen=True)
class Plane:
    """The middle plane of an image: the middle along time and depth, the first channel.

    Attributes
    ----------
    values : ndarray, shape (y, x)
    at : mapping of str to int
        Where it lies on the other axes; for a generated file also on those of
        its source that the file does not have.
    limits : (float, float) or None
        Intensity range, if the file says how it was made.
    """

    values: npt.NDArray[Any]
    at: Mapping[str, int] = field(default_factory=dict)
    limits: tuple[float, float] | None = None


def middle_plane(path: Path, axes: str | None = None, at: Mapping[str, int] | None = None) -> Plane:
    """Read one plane of an image, the middle one unless ``at`` says which.

    Raises
    ------
    OSError, ValueError
        If the file cannot be read, or does not have this plane; the message
        does not contain the folder.
    """
    try:
        with open_image(path, axes=axes) as image:
            header = image.header
            place = {a: 0 if a == "c" else header.size_of(a) // 2 for a in header.axes[:-2]}
            place |= {a: i for a, i in (at or {}).items() if a in place}
            values = np.asarray(image.data[tuple(place[a] for a in header.axes[:-2])])
            origin = _origin_in(header)
            return Plane(values, {**origin.at, **place}, origin.limits)
    except Exception as error:  # readers fail in all kinds of ways
        raise ValueError(reason_in(error, path)) from error


def trouble_of(folder: Path, row: Row, *, opened: bool) -> str | None:
    """What is wrong with the files of a row, if anything; headers are read if ``opened``."""
    for name in (row.file, row.labels, row.clean):
        try:
            exists = not name or (folder / name).exists()
        except OSError as error:  # no file can have such a name
            return f"it cannot be read: {reason_in(error, folder / name)}"
        if not exists:
            return f"{name} is missing"
    if not opened:
        return None
    path = folder / row.file
    try:
        with open_image(path) as image:
            header = image.header
    except Exception as error:  # noqa: BLE001  readers fail in all kinds of ways
        return f"it cannot be read: {reason_in(error, path)}"
    sizes = without_channels(header.axes, header.shape)
    if row.origin is not None and (sizes, header.dtype.name) != (
        row.origin.sizes,
        row.origin.dtype,
    ):
        return (
            f"it was written as {row.origin.dtype} ({_spelled(row.origin.sizes)}) and is now "
            f"{header.dtype} ({_spelled(sizes)})"
        )
    return None


def source_plane(folder: Path, row: Row, plane: Plane) -> Plane:
    """The plane of the source that a plane of a row was made from.

    Raises
    ------
    OSError, ValueError
        If it cannot be found or read; the message fits after a colon.
    """
    if row.clean:
        return middle_plane(folder / row.clean, at=plane.at)
    if row.origin is None:
        raise ValueError("there is no record of where it is")
    if row.origin.source is None:
        raise ValueError("it was an image in memory")
    path = folder / row.origin.source
    if not path.exists():
        raise FileNotFoundError(f"{path.name} is not where it was")
    source = middle_plane(path, row.origin.axes, plane.at)
    if source.values.shape != plane.values.shape:
        raise ValueError(f"{path.name} has another size now")
    return source


def limits_of(row: Row, plane: Plane) -> tuple[float, float]:
    """The grey scale of a row: its intensity range or, if that is not known, the plane's own."""
    recorded = row.origin.limits if row.origin is not None else None
    limits = recorded or plane.limits
    if limits is not None:
        return limits
    values = plane.values[np.isfinite(plane.values)]
    return (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)


def thumbnail(
    values: npt.NDArray[Any], limits: tuple[float, float], side: int
) -> tuple[str, int, int]:
    """A plane as a small grey PNG: its data URI, width and height.

    Every n-th pixel is kept, none is averaged: noise looks as strong as it is.
    """
    step = -(-max(values.shape) // side)
    low, high = limits
    unit = (values[::step, ::step].astype(np.float64) - low) / max(high - low, 1e-300)
    grey = np.rint(np.clip(np.nan_to_num(unit), 0, 1) * 255).astype(np.uint8)
    png = io.BytesIO()
    Image.fromarray(grey).save(png, "PNG", optimize=True)
    text = base64.b64encode(png.getvalue()).decode("ascii")
    return f"data:image/png;base64,{text}", grey.shape[1], grey.shape[0]


def reason_in(error: Exception, path: Path) -> str:
    """What went wrong, without the folder: a page says the same wherever the set lies."""
    return reason(error).removeprefix(f"{path}: ").replace(str(path), path.name)


def _origin_in(header: Header) -> Plane:
    """What a generated file says about its origin, as a plane without values."""
    nothing: npt.NDArray[Any] = np.empty((0, 0))
    try:
        made = Provenance.read(header.provenance or {})
    except ValueError:
        return Plane(nothing)
    return Plane(nothing, dict(made.at), made.recipe.limits if made.recipe else None)


def _spelled(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{axis} {n}" for axis, n in sizes.items())
