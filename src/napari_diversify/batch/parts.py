"""Which files the image of a sample becomes: most layouts take three axes at most."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..core.blocks import Region
from ..files import Cut, Header, Layout

_RUN = 32 << 20  # bytes of planes computed together for a TIFF


@dataclass(frozen=True)
class Part:
    """The part of an image that one file holds.

    Attributes
    ----------
    name : str
        Of its files, without ending.
    header : Header
        Of the part.
    at : tuple of (str, int)
        Axes of the image that the part does not have, and where on them it lies.
    """

    name: str
    header: Header
    at: tuple[tuple[str, int], ...]

    @property
    def channel(self) -> int:
        """The channel, if the image is split into them."""
        return dict(self.at).get("c", 0)

    def index(self, axes: str) -> tuple[int | slice, ...]:
        """Index of the part in an array with these axes."""
        at = dict(self.at)
        return tuple(at.get(axis, slice(None)) for axis in axes)

    def cut(self, header: Header, array: Any) -> tuple[Header, Cut]:
        """The part of another array of the same place, such as labels."""
        return self.of(header), Cut(array, self.index(header.axes))

    def of(self, header: Header) -> Header:
        """What the part has of the header of an image."""
        kept = [i for i, axis in enumerate(header.axes) if axis not in dict(self.at)]
        return replace(
            header,
            shape=tuple(header.shape[i] for i in kept),
            axes="".join(header.axes[i] for i in kept),
            scale=tuple(header.scale[i] for i in kept),
            units=tuple(header.units[i] for i in kept),
            origin=tuple(header.origin[i] for i in kept),
            channels=header.channels if "c" not in dict(self.at) else (),
            name=self.name,
        )

    def runs(self, axes: str) -> Iterator[Region]:
        """Regions of the whole image, some planes each, that cover the part in C order."""
        shape, deep = self.header.shape, "z" in self.header.axes
        n = shape[-3] if deep else 1
        thick = max(1, _RUN // (shape[-1] * shape[-2] * self.header.dtype.itemsize))
        for lead in np.ndindex(*shape[: -3 if deep else -2]):
            for start in range(0, n, thick):
                inner = [range(i, i + 1) for i in lead]
                if deep:
                    inner.append(range(start, min(start + thick, n)))
                rest = iter([*inner, range(shape[-2]), range(shape[-1])])
                yield tuple(
                    next(rest) if isinstance(i, slice) else range(i, i + 1)
                    for i in self.index(axes)
                )


def parts_of(name: str, header: Header, layout: Layout) -> list[Part]:
    """The files that a sample of an image is written to, in C order of the split axes."""
    split = [axis for axis in header.axes if axis not in layout.axes]
    split += ["c"] if "{channel" in layout.image and "c" in header.axes and "c" not in split else []
    parts = []
    for positions in itertools.product(*(range(header.size_of(axis)) for axis in split)):
        at = tuple(zip(split, positions, strict=True))
        suffix = "".join(
            f"_{axis}{i:0{len(str(header.size_of(axis) - 1))}d}"
            for axis, i in at
            if header.size_of(axis) > 1 and not (axis == "c" and "{channel" in layout.image)
        )
        whole = Part(name + suffix, header, at)
        parts.append(replace(whole, header=whole.of(header)))
    return parts


def unit_of(name: str) -> str:
    """The sample to which a part of this name belongs, as :func:`parts_of` names them."""
    return re.sub(r"(_[tczyx]\d+)+$", "", name)
