"""Which layers are ours: known as objects, so that no copy of one is taken for it.

napari copies metadata and name into every layer that it makes of another one
(Duplicate Layer, projections, Split Stack, Convert to Labels, a saved file).
So what makes a layer ours is kept beside it: the layer itself together with
the arrays that we gave it. Whatever else there is belongs to the user. A dock
that is opened again finds the layers here that an earlier one left behind.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any
from weakref import WeakKeyDictionary, ref

import napari.layers

from ..qt.proxy import behind
from .layers import levels_of
from .live_array import LiveArray

#: Of each layer of ours: what it shows, and the arrays that we gave it.
_CLAIMS: WeakKeyDictionary[Any, tuple[str, tuple[ref[Any], ...]]] = WeakKeyDictionary()


def claim(layer: Any, role: str, arrays: Iterable[Any]) -> None:
    """Make a layer ours, before it is added to a viewer or gets these arrays."""
    _CLAIMS[behind(layer)] = role, tuple(ref(behind(array)) for array in arrays)


def disown(layer: Any) -> None:
    """Leave a layer to the user: from now on it is one like any other."""
    _CLAIMS.pop(behind(layer), None)


def role_of(layer: Any) -> str | None:
    """What a layer of ours shows; None if it is the user's, or has become so by other data."""
    role, arrays = _CLAIMS.get(behind(layer), (None, ()))
    return role if role is not None and _holds(layer, arrays) else None


def find(layers: Iterable[Any], role: str) -> Any:
    """The layer of ours that shows this, or None."""
    return next((layer for layer in layers if role_of(layer) == role), None)


def can_be_source(layer: Any) -> bool:
    """Whether a layer is an image of the user's, good or bad."""
    return isinstance(layer, napari.layers.Image) and role_of(layer) is None


def part_from(layer: Any, arrays: Iterable[Any]) -> None:
    """Give a layer of the user's arrays of its own in place of those of ours that it shares.

    *New layer from selected multiscale level* puts the very array of a live
    layer into a layer of the user's, which would then follow our sliders.
    """
    if not isinstance(layer, (napari.layers.Image, napari.layers.Labels)):
        return
    ours = {id(behind(array)) for array in arrays}
    levels = [behind(level) for level in levels_of(layer)]
    if any(id(level) in ours for level in levels):
        # copied deeply, a front keeps what it shows: a shallow copy would have our feed
        parted = [deepcopy(level) if id(level) in ours else level for level in levels]
        for level in parted:
            if isinstance(level, LiveArray):
                level.feed.attach(layer)
        layer.data = parted if layer.multiscale else parted[0]


def _holds(layer: Any, arrays: tuple[ref[Any], ...]) -> bool:
    levels = levels_of(layer)
    return len(levels) == len(arrays) and all(
        behind(level) is array() for level, array in zip(levels, arrays, strict=True)
    )
