"""The header of an image whose file keeps its axes in any order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .arranged import Arranged
from .header import AXES, Header, guess_axes


def described(
    levels: Sequence[Any],
    axes: str,
    scale: Mapping[str, float],
    units: Mapping[str, str | None],
    channels: tuple[str, ...],
    name: str,
    provenance: dict[str, Any] | None,
    keep: str = AXES,
    *,
    origin: Mapping[str, float] | None = None,
    notes: Sequence[str] = (),
) -> tuple[Header, list[Arranged]]:
    """Put levels with axes in the order of a file into ours, and describe them.

    Parameters
    ----------
    levels : sequence of array-like
        Finest first.
    axes : str
        One letter per axis; axes with letters other than ours must have length 1.
    scale, units : mapping from axis to size and unit
        What is known; an impossible size counts as unknown.
    channels : tuple of str
        Names; left out if there are more or fewer than channels.
    name : str
        Of the image.
    provenance : dict or None
        Our own record.
    keep : str
        Axes that stay although they have length 1.
    origin : mapping from axis to float, optional
        Where the middle of the first voxel lies, 0.0 where that is not known.
    notes : sequence of str, optional
        What the reader noticed.
    """
    shape = tuple(levels[0].shape)
    if len(axes) != len(shape):
        raise ValueError(
            f"axes={axes!r} names {len(axes)} axes, but the image has {len(shape)}: its shape is "
            f"{shape}"
        )
    sizes = dict(zip(axes, shape, strict=True))
    wanted = "".join(a for a in AXES if a in axes and (a in "yx" or sizes[a] > 1 or a in keep))
    strange = [f"{a!r} ({n})" for a, n in zip(axes, shape, strict=True) if a not in AXES and n > 1]
    twice = any(axes.count(a) > 1 for a in AXES)
    if strange or twice or not wanted.endswith("yx"):
        raise ValueError(
            f"its axes {axes!r} with shape {shape} cannot be told apart as {AXES!r}. Say what they "
            f"are with axes=, e.g. axes='{guess_axes(min(max(len(shape), 2), 5))}'"
        )
    known = {a: s for a, s in scale.items() if math.isfinite(s) and s > 0}
    places = {a: o for a, o in (origin or {}).items() if math.isfinite(o)}
    arranged = [Arranged(level, axes, wanted) for level in levels]
    n_channels = sizes.get("c", 1) if "c" in wanted else 1
    header = Header(
        arranged[0].shape,
        levels[0].dtype,
        wanted,
        tuple(known.get(a, 1.0) for a in wanted),
        tuple(units.get(a) if a in known else None for a in wanted),
        channels if len(channels) == n_channels else (),
        name,
        provenance,
        tuple(places.get(a, 0.0) for a in wanted),
        tuple(notes),
    )
    return header, arranged
