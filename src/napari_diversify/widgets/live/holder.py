"""Which layer holds the arrays of a feed, and whether it is in a layer list."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from ..qt.proxy import behind
from .live_array import LiveArray

if TYPE_CHECKING:
    from .feed import Feed


class Holder:
    """The layer of one feed, which this keeps alive no longer than others do.

    Attributes
    ----------
    away : bool
        Whether the layer has been taken out of the list.
    """

    def __init__(self, feed: Feed) -> None:
        self.away = False
        self._feed = weakref.ref(feed)
        self._layer: weakref.ReferenceType[Any] | None = None
        self._inserted: Any = None  # emitter of the layer list
        self._awaits = False  # being told of the layer by it

    @property
    def layer(self) -> Any:
        """The layer, or None."""
        return None if self._layer is None else self._layer()

    @property
    def layers(self) -> Any:
        """The list that the layer was awaited in last, or None."""
        return None if self._inserted is None else self._inserted.source

    def take(self, layer: Any) -> None:
        """Have this layer from now on."""
        self._layer = weakref.ref(behind(layer))
        if self._awaits:
            self._awaits = False
            self._inserted.disconnect(self._on_inserted)
        self.away = False

    def drop(self) -> None:
        """Have no layer any more."""
        self._layer = None

    def await_in(self, layers: Any) -> None:
        """Attach the feed to the layer that holds its arrays as soon as it is in this list."""
        # events give the layer itself: what adding returns may be a proxy, which nobody keeps
        self._inserted, self._awaits = layers.events.inserted, True
        self._inserted.connect(self._on_inserted)

    def _on_inserted(self, event: Any) -> None:
        feed = self._feed()
        data: Any = getattr(event.value, "data", None)
        levels = data if getattr(event.value, "multiscale", False) else [data]
        if feed is not None and any(
            isinstance(level, LiveArray) and level.feed is feed for level in levels
        ):
            feed.attach(event.value)
