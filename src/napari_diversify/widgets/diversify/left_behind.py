"""Where the state of a dock that is closed waits for the next dock of the same viewer.

A layer's metadata tell how its voxels were made, which is less than the user has set: a range
may be measured or typed, and a step that is off has parameters, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import ref

from ..qt.proxy import behind
from .state import State


@dataclass(frozen=True)
class Left:
    """What a dock left behind: its state, the image it worked on, and whether that was pinned."""

    state: State
    image: Any
    pinned: bool


#: By the identity of the viewer, which cannot be hashed.
_LEFT: dict[int, tuple[ref[Any], ref[Any], State, ref[Any] | None, bool]] = {}


def leave(viewer: Any, dock: Any, state: State, image: Any, pinned: bool) -> None:
    """Keep the state of a dock that is closed for as long as its viewer lives."""
    key, of = id(behind(viewer)), None if image is None else ref(behind(image))
    gone = ref(behind(viewer), lambda _: _LEFT.pop(key, None))
    _LEFT[key] = gone, ref(dock), state, of, pinned


def left(viewer: Any, dock: Any) -> Left | None:
    """What another dock of this viewer left behind last; None if none did."""
    found = _LEFT.get(id(behind(viewer)))
    if found is None:
        return None
    of, by, state, image, pinned = found
    if of() is not behind(viewer) or by() is dock:
        return None
    return Left(state, None if image is None else image(), pinned)
