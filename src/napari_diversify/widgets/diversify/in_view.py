"""What of the results is in view, and who is told of it: read-out, windows, cards."""

from __future__ import annotations

import napari.layers
from napari.components import ViewerModel

from ...recipe import LazyVolume
from ..live.layers import (
    displayed_index,
    name_of_view,
    shown_level,
    why_not_shown,
)
from ..live.views import View, volumes
from .cards import CardList
from .readout import Readout
from .resolve import ViewKey, noisy_card, recipe_of
from .session import Session
from .weight_tiles import Explored
from .windows import Windows


class InView:
    """Looks at the last live result, and tells its numbers.

    Parameters
    ----------
    viewer : ViewerModel
    session : Session
    cards, readout
        Of the dock.
    """

    def __init__(
        self, viewer: ViewerModel, session: Session, cards: CardList, readout: Readout
    ) -> None:
        self._viewer = viewer
        self._session = session
        self._cards = cards
        self._readout = readout
        self.windows: Windows | None = None  # which ask back

    def last_view(self) -> View | None:
        """The view of the last live step, or of the last that could be shown of the image."""
        source = self._session.image.source()
        views = [self._session.views.get(ViewKey(key)) for key in self._session.state.live()]
        there = [view for view in views if view is not None]
        shown = [view for view in there if source is not None and view.is_of(source)]
        return next(reversed(shown or there), None)

    def pair(self) -> tuple[napari.layers.Image, napari.layers.Image] | None:
        """The image and its last live result, if both are there."""
        source, view = self._session.image.source(), self.last_view()
        result = None if view is None else view.live.layer
        if source is None or view is None or result is None:
            return None
        return (source, result) if result.visible and view.is_of(source) else None

    def explored(self) -> Explored | None:
        """What is in view of the noise, whichever steps are live."""
        image, state = self._session.image, self._session.state
        source, facts, card = image.source(), image.facts(), noisy_card(state)
        if source is None or card is None or not facts.known or why_not_shown(source, self._viewer):
            return None
        live = state.live()
        key = live[-1] if live and card in state.chain(live[-1]) else card.key
        recipe = recipe_of(state, facts, key)
        try:
            levels = volumes(LazyVolume, source, recipe, self._session.cache)
        except ValueError:  # a step refuses the image, which the dock says
            return None
        array = levels[shown_level(source, self._viewer)]
        assert isinstance(array, LazyVolume)
        index = displayed_index(source, self._viewer, array.shape)
        return Explored(array, index, source, state.chain(key).index(card))

    def look(self) -> None:
        """Give the numbers of the last live layer, as it is in view."""
        view, source = self.last_view(), self._session.image.source()
        layer = None if view is None else view.live.layer
        seen = view.live.in_view() if view and source is not None and view.is_of(source) else None
        if seen is None or layer is None:
            in_sight = layer is not None and layer.visible
            self._readout.clear(why_not_shown(layer, self._viewer) if in_sight else "")
            if self.windows is not None:
                self.windows.clear()
            self.expect()
        else:
            array, index = seen
            if layer.ndim != array.ndim:
                return  # the layer is just being given another image
            assert isinstance(array, LazyVolume)
            name = name_of_view(layer.axis_labels, index, array.shape, array.spatial_ndim)
            self._readout.look(array, index, name)
            if self.windows is not None:
                self.windows.look(array, index, name)
        self._look_in_cards()

    def _look_in_cards(self) -> None:
        """Say in each card what is in view of its result."""
        source = self._session.image.source()
        for key, widget in self._cards.widgets.items():
            view = self._session.views.get(ViewKey(key))
            of_it = view is not None and source is not None and view.is_of(source)
            seen = view.live.in_view() if view is not None and of_it else None
            widget.panel.look(*(seen or (None,)))

    def expect(self) -> None:
        """Tell the plots which weights are set, and what is to be expected of any."""
        if self.windows is None:
            return
        measured, card = self._session.image.measurement.result, noisy_card(self._session.state)
        if card is None:
            self.windows.expect(None, 1.0, 0.0)
            return
        model = None if measured is None else measured.psnr.get(card.step.windows)
        self.windows.expect(model, *card.step.weights)
