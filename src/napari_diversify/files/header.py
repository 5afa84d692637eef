"""What a file says about an image besides its voxels."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .units import unit_name, unit_of

#: All axes that an image can have, in the order in which it has them.
AXES = "tczyx"


@dataclass(frozen=True)
class Header:
    """Shape, dtype, axes, voxel size, channels and origin of an image.

    Parameters
    ----------
    shape : tuple of int
        Voxels per axis.
    dtype : numpy.dtype
        Integers or floating-point numbers, native byte order.
    axes : str
        One letter per axis, some of "tczyx" in this order; "yx" are the last two.
    scale : tuple of float, optional
        Size of a voxel per axis, in ``units``; 1.0 where it is unknown, the default.
    units : tuple of str or None, optional
        Unit per axis by its OME name ("micrometer", "second"); other spellings
        are translated. None where it is unknown.
    channels : tuple of str, optional
        A name per channel, or nothing.
    name : str, optional
        Name of the image. Line breaks and control characters become spaces.
    provenance : dict, optional
        Our own record of how the image was made: whatever JSON can hold.
    origin : tuple of float, optional
        Where the middle of the first voxel lies, per axis, in ``units``; by default 0.0.
    notes : tuple of str, optional
        Sentences, without a full stop, on what was noticed when the image was read and its user
        should know. Not written to files, and not part of equality.

    Raises
    ------
    ValueError, TypeError
        If the parts do not fit together; the message says how.

    Examples
    --------
    >>> header = Header((30, 64, 64), "uint16", "zyx", (1.0, 250, 250), ("µm", "nm", "nm"))
    >>> header.units, header.spatial_ndim, header.spacing
    (('micrometer', 'nanometer', 'nanometer'), 3, (1.0, 0.25, 0.25))
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    axes: str
    scale: tuple[float, ...] = ()
    units: tuple[str | None, ...] = ()
    channels: tuple[str, ...] = ()
    name: str = "image"
    provenance: dict[str, Any] | None = None
    origin: tuple[float, ...] = ()
    notes: tuple[str, ...] = field(default=(), compare=False, repr=False)

    def __post_init__(self) -> None:
        n = len(self.axes)
        set_ = object.__setattr__  # a frozen dataclass cannot tidy its own fields in another way
        set_(self, "shape", tuple(int(size) for size in self.shape))
        set_(self, "dtype", image_dtype(self.dtype))
        set_(self, "scale", tuple(float(s) for s in self.scale) or (1.0,) * n)
        set_(self, "origin", tuple(float(o) for o in self.origin) or (0.0,) * n)
        set_(self, "channels", tuple(printable(c) for c in self.channels))
        set_(self, "name", printable(self.name).strip() or "image")
        check_axes(self.axes)
        units = tuple(self.units) or (None,) * n
        per_axis = {"shape": self.shape, "scale": self.scale, "units": units, "origin": self.origin}
        for what, given in per_axis.items():
            if len(given) != n:
                raise ValueError(f"{what} must have one entry per axis of {self.axes!r}: {given}")
        if min(self.shape) < 1:
            raise ValueError(f"the image is empty: its shape is {self.shape}")
        if not all(math.isfinite(s) and s > 0 for s in self.scale):
            raise ValueError(f"the size of a voxel must be above 0 along each axis: {self.scale}")
        if not all(math.isfinite(o) for o in self.origin):
            raise ValueError(f"the origin must be a number along each axis: {self.origin}")
        for axis, unit in zip(self.axes, units, strict=True):
            if unit is not None and unit_of(unit, axis) is None:
                kind = {"c": "no unit", "t": "a unit of time"}.get(axis, "a unit of length")
                raise ValueError(f"axis {axis!r} must have {kind} or None; got {unit!r}")
        set_(self, "units", tuple(unit_name(u, a) for u, a in zip(units, self.axes, strict=True)))
        n_channels = self.size_of("c")
        if self.channels and len(self.channels) != n_channels:
            raise ValueError(
                f"{len(self.channels)} channel names do not fit an image of {n_channels} channel(s)"
            )

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.axes)

    @property
    def nbytes(self) -> int:
        """Bytes of all voxels, uncompressed."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def spatial_ndim(self) -> int:
        """3 for volumes, 2 for planes."""
        return 3 if "z" in self.axes else 2

    @property
    def spacing(self) -> tuple[float, ...] | None:
        """Voxel size along the spatial axes in micrometres; None if any is unknown."""
        return self.spacing_along(self.axes[-self.spatial_ndim :])

    def spacing_along(self, axes: str) -> tuple[float, ...] | None:
        """Voxel size along some spatial axes in micrometres; None if any of these is unknown."""
        sizes = []
        for axis in axes:
            unit = unit_of(self.unit_of(axis), axis)
            if unit is None:
                return None
            sizes.append(self.scale_of(axis) * unit.worth)
        return tuple(sizes)

    def size_of(self, axis: str) -> int:
        """Voxels along an axis, 1 if the image does not have it."""
        return self.shape[self.axes.index(axis)] if axis in self.axes else 1

    def scale_of(self, axis: str) -> float:
        """Voxel size along an axis, 1.0 if the image does not have it."""
        return self.scale[self.axes.index(axis)] if axis in self.axes else 1.0

    def unit_of(self, axis: str) -> str | None:
        """Unit of an axis, None if the image does not have it."""
        return self.units[self.axes.index(axis)] if axis in self.axes else None


def header_of(
    shape: Sequence[int], dtype: npt.DTypeLike, axes: str | None = None, **fields: Any
) -> Header:
    """Describe an array that has no metadata but its shape and dtype.

    Without ``axes`` they are the last of "tczyx": a 2D array is one plane, 3D a
    volume (z, y, x), 4D channels of volumes, 5D a time series of those.

    Parameters
    ----------
    shape, dtype
        Of the array.
    axes : str, optional
        As for :class:`Header`; instead of the guess.
    **fields
        Any other field of :class:`Header`.

    Examples
    --------
    >>> header_of((30, 64, 64), "uint8").axes, header_of((30, 64, 64), "uint8", "tyx").axes
    ('zyx', 'tyx')
    """
    shape = tuple(shape)
    return Header(
        shape, np.dtype(dtype), guess_axes(len(shape)) if axes is None else axes, **fields
    )


def guess_axes(ndim: int) -> str:
    """The axes of an array of which only their number is known: the last ones of "tczyx"."""
    if not 2 <= ndim <= len(AXES):
        raise ValueError(f"an image has 2 to {len(AXES)} axes ({AXES}); this one has {ndim}")
    return AXES[-ndim:]


def check_axes(axes: str) -> None:
    """Raise a readable error unless ``axes`` are some of "tczyx", in this order, with "yx" last."""
    if axes != "".join(a for a in AXES if a in axes) or not axes.endswith("yx"):
        raise ValueError(
            f"axes must be some of {AXES!r} in this order, 'yx' being the last; got {axes!r}"
        )


def image_dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """The native dtype of an image; raise, saying why, if voxels cannot have this one."""
    given: np.dtype[Any] = np.dtype(dtype)
    if given.kind not in "iuf" or given.itemsize > 8:
        raise TypeError(
            "an image must hold integers or floating-point numbers of up to 64 bits; "
            f"got dtype {given}. Convert it first, e.g. image.astype('uint8')"
        )
    return given.newbyteorder("=")


def printable(text: object) -> str:
    """A text on one line, without characters that XML and file names cannot hold."""
    return "".join(
        " " if unicodedata.category(c) in ("Zl", "Zp") or unicodedata.category(c)[0] == "C" else c
        for c in str(text)
    )
