"""A layer that steps aside while its volume is computed: its eye is shut, and opened again.

In 3D a picture of the image in place of the result would cost as much to draw as the result
itself. What lies beneath is seen instead. The eye stays the user's: who opens it meanwhile sees
the image until the volume is there; and it is left alone where shutting it would leave
nothing to be seen, or would shut others that are linked to it.
"""

from __future__ import annotations

from typing import Any

from napari.components import ViewerModel
from qtpy.QtCore import QObject

from .feed import Feed


class Eye(QObject):
    """The eye of one layer at a time.

    Parameters
    ----------
    viewer : ViewerModel
    """

    def __init__(self, viewer: ViewerModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layer: Any = None
        self._beneath: Any = None
        self._feed: Feed | None = None
        self._ours = False  # being moved by us
        self._shared = False  # with other layers, by a link

    @property
    def shut(self) -> bool:
        """Whether the layer is hidden only until it is ready."""
        return self._feed is not None and self._feed.stepped_aside

    def follow(self, layer: Any, beneath: Any, feed: Feed) -> None:
        """Look after this layer from now on; ``beneath`` is the image that it is made from."""
        was_shut = self.shut
        self.leave()
        self._layer, self._beneath, self._feed, self._shared = layer, beneath, feed, False
        feed.volumes_aside, feed.stepped_aside = True, was_shut
        layer.events.visible.connect(self._on_visible)
        for emitter in self._emitters():
            emitter.connect(self._on_view)

    def leave(self) -> None:
        """Look after nothing."""
        if self._layer is None:
            return
        self._layer.events.visible.disconnect(self._on_visible)
        for emitter in self._emitters():
            emitter.disconnect(self._on_view)
        if self._feed is not None:
            self._feed.stepped_aside = self._feed.volumes_aside = False
        self._layer = self._beneath = self._feed = None

    def shut_it(self) -> None:
        """The canvas was given nothing: hide the layer, if that shows what lies beneath."""
        feed, layer = self._feed, self._layer
        if feed is None or not layer.visible or not feed.volumes_aside:
            return
        others = [la for la in self._viewer.layers if la != layer and la.visible]
        seen = self._beneath in others and not self._viewer.canvas.grid.enabled
        if seen and not self._shared:
            self._move(False)
            linked = [la for la in others if not la.visible]
            if not linked:
                feed.stepped_aside = True
                return
            self._shared = True
            self._move(True)
            for la in linked:
                la.visible = True
        self._stand_in()

    def open_it(self) -> None:
        """There is something to be shown."""
        if self._feed is not None and self._feed.stepped_aside:
            self._feed.stepped_aside = False
            hidden = [la for la in self._viewer.layers if la != self._layer and not la.visible]
            self._move(True)
            self._hide_again([la for la in hidden if la.visible])
        if self._feed is not None:
            self._feed.volumes_aside = True

    def _hide_again(self, linked: list[Any]) -> None:
        """Leave hidden what the user has linked with our layer: it was hidden before."""
        if linked:
            layers, group = self._viewer.layers, [self._layer, *linked]
            layers.unlink_layers(group, ("visible",))
            for layer in linked:
                layer.visible = False
            layers.link_layers(group, ("visible",))

    def _stand_in(self) -> None:
        """Show the image in place of the volume, from now on until it is there."""
        assert self._feed is not None
        self._feed.volumes_aside = False
        self._layer.refresh(thumbnail=False, highlight=False, extent=False)

    def _move(self, visible: bool) -> None:
        self._ours = True
        try:
            self._layer.visible = visible
        finally:
            self._ours = False

    def _emitters(self) -> tuple[Any, ...]:
        dims = self._viewer.dims.events
        return dims.point, dims.order, dims.ndisplay

    def _on_view(self) -> None:
        # another view may be at hand; hidden, the layer would not be asked for it
        if self.shut:
            self.open_it()

    def _on_visible(self) -> None:
        if self._ours or self._feed is None or not self._feed.stepped_aside:
            return
        if self._layer.visible:  # the user opened it
            self._feed.stepped_aside = False
            self._stand_in()
