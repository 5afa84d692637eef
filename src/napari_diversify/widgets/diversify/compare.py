"""Source and result against each other: side by side, blinking, split, or their difference."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import napari.layers
from napari.components import ViewerModel
from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QPushButton, QWidget
from superqt.utils import signals_blocked

from ..qt.keys import Keys, key
from ..qt.parts import button, flow
from .divider import Divider

_BLINK_MS = 600
_OVER = "translucent_no_depth"  # hides what is below, where opaque; shows it where transparent

_NOTHING = "There is nothing to compare: switch a step live first."

#: The image and its last live result, None while there is none in view.
Pair: TypeAlias = Callable[[], tuple[napari.layers.Image, napari.layers.Image] | None]


class Compare(QWidget):
    """Four ways to compare, a button and a key each; one of the first three at a time.

    "Split" and "Difference" are layers, which whoever owns the live layers
    shows while the buttons are down; here is only the divider.

    Parameters
    ----------
    viewer : ViewerModel
    pair : callable
        ``pair()`` gives the image and its last live result, or None.
    """

    # [Side by side (G)] [Blink (B)] [Split (S)] [Difference (D)]
    refused = Signal(str)
    dividerMoved = Signal(object)  # (axis counted from the end, share of its length)

    def __init__(self, viewer: ViewerModel, pair: Pair) -> None:
        super().__init__()
        self._viewer = viewer
        self._pair = pair
        self.side_by_side = button(
            "Side by side",
            f"Show the image and its last live result side by side, and nothing else. {key('G')}",
            checkable=True,
        )
        self.blink = button(
            "Blink",
            "Show the image and its last live result in turn, in one place. "
            + key("B", "Labels or Shapes"),
            checkable=True,
        )
        self.split = button(
            "Split",
            "Show the image left of a line, and its last live result right of it; drag the line "
            f"in the viewer. {key('S', 'Points or Shapes')}",
            checkable=True,
        )
        self.difference = button(
            "Difference",
            "Show the last live result minus the image, in grey levels, in a layer of its own: "
            f"orange is more, blue is less. {key('D', 'Shapes')}",
            checkable=True,
        )
        layout = flow()
        self.setLayout(layout)
        self._ways = (self.side_by_side, self.blink, self.split)
        for push in (*self._ways, self.difference):
            layout.addWidget(push)
        self._keys = Keys(
            viewer,
            {
                "G": self.side_by_side.toggle,
                "B": self.blink.toggle,
                "S": self.split.toggle,
                "D": self.difference.toggle,
            },
        )
        self._undo: list[Callable[[], object]] = []
        self._blinking: napari.layers.Image | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_BLINK_MS)
        self._timer.timeout.connect(self._turn)
        self._divider = Divider(viewer)
        self._divider.moved.connect(self.dividerMoved)
        self._divider.removed.connect(self.stop)
        self.difference.toggled.connect(self._on_difference)
        for way in self._ways:  # methods, not closures, which would keep us alive
            way.toggled.connect(self._on_toggled)

    def connect_viewer(self) -> None:
        """Take the keys."""
        self._keys.take()
        self._viewer.canvas.grid.events.enabled.connect(self._on_grid)

    def disconnect_viewer(self) -> None:
        """Put everything back, and give the keys back."""
        self.stop()
        self._viewer.canvas.grid.events.enabled.disconnect(self._on_grid)
        self._keys.release()

    def stop(self) -> None:
        """Compare no more: source or result are gone, or others now."""
        for way in self._ways:
            way.setChecked(False)

    def raise_divider(self) -> None:
        """Put the line on top of all layers."""
        self._divider.to_top()

    # ---- private ----

    def _on_toggled(self, on: bool) -> None:
        way = self.sender()
        assert isinstance(way, QPushButton)
        if on:
            self._begin(way)
        else:
            self._take_back()

    def _on_difference(self, on: bool) -> None:
        if on and self._pair() is None:
            with signals_blocked(self.difference):
                self.difference.setChecked(False)
            self.refused.emit(_NOTHING)

    def _begin(self, way: QPushButton) -> None:
        pair = self._pair()
        if pair is None:
            with signals_blocked(way):  # another way may be on, and stays so
                way.setChecked(False)
            self.refused.emit(_NOTHING)
            return
        self.refused.emit("")  # any more
        for other in self._ways:
            if other is not way:
                other.setChecked(False)
        for layer in list(self._viewer.layers):
            self._set(layer, visible=layer in pair)
        if way is self.side_by_side:
            self._put_side_by_side(*pair)
        elif way is self.blink:
            self._set(pair[1], blending=_OVER, opacity=1.0)
            self._blinking = pair[1]
            self._timer.start()
        else:
            self._divider.show(pair[0])
            self._undo.append(self._divider.hide)

    def _put_side_by_side(self, source: napari.layers.Image, result: napari.layers.Image) -> None:
        grid, camera = self._viewer.canvas.grid, self._viewer.scene.camera
        first = self._viewer.layers.index(source) < self._viewer.layers.index(result)
        # napari begins with the lowest layer, or, with a negative stride, with the topmost
        self._set(grid, stride=1 if first else -1, shape=(1, 2), enabled=True)
        self._set(camera, zoom=camera.zoom / 2)  # each has half the width

    def _set(self, thing: Any, **values: Any) -> None:
        """Set attributes, and remember to set them back if nobody else has changed them."""
        for name, value in values.items():
            before = getattr(thing, name)
            if before != value:
                setattr(thing, name, value)
                self._undo.append(partial(_put_back, thing, name, value, before))

    def _turn(self) -> None:
        if self._blinking is not None:
            self._blinking.opacity = 0.0 if self._blinking.opacity else 1.0

    def _take_back(self) -> None:
        self._timer.stop()
        if self._blinking is not None:
            self._blinking.opacity = 1.0
            self._blinking = None
        undo, self._undo = self._undo, []
        for step in reversed(undo):
            step()

    def _on_grid(self) -> None:
        if not self._viewer.canvas.grid.enabled:
            self.side_by_side.setChecked(False)  # switched off in napari's own way


def _put_back(thing: Any, name: str, ours: Any, before: Any) -> None:
    if getattr(thing, name) == ours:
        setattr(thing, name, before)
