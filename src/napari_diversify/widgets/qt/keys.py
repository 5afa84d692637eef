"""Keys of the viewer, taken for a while and given back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.components import ViewerModel


def key(letter: str, layers: str = "") -> str:
    """A key in the words of a tooltip; layers of some kinds use it themselves while active."""
    unless = f", unless a {layers} layer is active, whose key it is then" if layers else ""
    return f"Key, in the viewer: {letter}{unless}."


class Keys:
    """Keys that do something while they are taken.

    Parameters
    ----------
    viewer : ViewerModel
    actions : dict of str to callable
        What each key does. What it did before it does again once released.
    """

    def __init__(self, viewer: ViewerModel, actions: dict[str, Callable[[], None]]) -> None:
        self._viewer = viewer
        self._actions = actions
        self._before: dict[str, Any] | None = None

    def take(self) -> None:
        """Make the keys do what they are meant to."""
        if self._before is not None:
            return
        self._before = {}
        for key, action in self._actions.items():
            self._before[key] = self._viewer.bind_key(key, None)
            self._viewer.bind_key(key, _pressed(action))

    def release(self) -> None:
        """Give the keys back."""
        for key, before in (self._before or {}).items():
            self._viewer.bind_key(key, before, overwrite=True)
        self._before = None


def _pressed(action: Callable[[], None]) -> Callable[[Any], None]:
    def call(viewer: Any) -> None:
        action()

    return call
