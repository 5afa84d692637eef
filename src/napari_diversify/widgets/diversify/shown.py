"""The views that a dock shows: the one place where what is shown becomes what has to be shown."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext

import napari.layers
from napari.components import ViewerModel
from qtpy.QtCore import QObject, Signal

from ...recipe.lazy.cache import Cache
from ..live.live_layer import LiveLayer
from ..live.ours import find, role_of
from ..live.views import KINDS, View
from ..qt.parts import soon
from .resolve import Shown, ViewKey
from .state import Key


class ShownViews(QObject):
    """The views of a viewer, by key: made when first asked for, put away when not.

    Parameters
    ----------
    viewer : ViewerModel
    cache : Cache
        Shared by all views of one image.
    failed : callable
        Told the error of what cannot be shown.
    """

    looked = Signal()  # views have been shown, put away, or are going to be
    deleted = Signal(object)  # the key of a view whose layer somebody has deleted
    outdated = Signal()  # something has to be shown anew
    made = Signal(object, object)  # key and LiveLayer of a new view

    def __init__(
        self,
        viewer: ViewerModel,
        cache: Cache,
        failed: Callable[[Exception], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._cache = cache
        self._failed = failed
        self.views: dict[ViewKey, View] = {}
        self._wanted: Mapping[ViewKey, Shown] = {}
        self._on: set[ViewKey] = set()  # shown, as far as they can be
        self._source: napari.layers.Image | None = None
        self._to_add: list[ViewKey] = []  # that are going to have a layer
        self._showing: set[ViewKey] = set()  # at this moment, in which others hear of new layers
        self._adding = soon(self, self._add_next)

    # ---- what is there ----

    def get(self, key: ViewKey) -> View | None:
        """The view of this key, if it has ever been shown."""
        return self.views.get(key)

    def lives(self) -> list[LiveLayer]:
        """The live layers of all views."""
        return [view.live for view in self.views.values()]

    # ---- what is to be shown ----

    def apply(
        self, source: napari.layers.Image, wanted: Mapping[ViewKey, Shown], *, anew: bool = False
    ) -> list[bool]:
        """Show of an image exactly what is wanted; whether each of those that were new could be.

        ``anew``: look at the image again, whose voxels may be others by now.
        """
        self.put_away_all_but(wanted)
        before = [key for key in self._wanted if key in wanted]
        self._source, self._wanted = source, wanted
        if before != [key for key in wanted if key in before]:  # cards were moved
            for key in wanted:
                self.stack(key)
        fresh = {
            key
            for key in wanted
            if anew or key not in self._on or not self._view(key).shows(source)
        } - {*self._to_add, *self._showing}
        together = self._together(source, fresh)
        if together is None:  # napari takes a while for a new layer: the window lives in between
            new = [key for key in wanted if key in fresh and self._view(key).live.layer is None]
            self._to_add += new[1:]
            fresh -= set(new[1:])
        done: list[bool] = []
        with together or nullcontext():
            for key, shown in wanted.items():
                if key in fresh:
                    done.append(self._show(key))
                elif key not in (*self._to_add, *self._showing) and not self._follow(key, shown):
                    done.append(False)
        if self._to_add:
            self._adding.start()
        return done

    def stack(self, key: ViewKey) -> None:
        """Put the layer of a result where its card stands: later ones lie above, and are seen."""
        layers = self._viewer.layers
        # one that is not shown yet, but has a layer from before, has no place yet
        keys = [k for k in self._wanted if not k.name and k in self._on]
        layer = self._layer(key)
        if layer is None or key not in keys:
            return
        at = keys.index(key)
        later = [layers.index(la) for k in keys[at + 1 :] if (la := self._layer(k)) is not None]
        earlier = [layers.index(la) for k in keys[:at] if (la := self._layer(k)) is not None]
        if later and layers.index(layer) > min(later):
            layers.move(layers.index(layer), min(later))
        elif earlier and layers.index(layer) < max(earlier):
            layers.move(layers.index(layer), max(earlier) + 1)

    def _layer(self, key: ViewKey) -> napari.layers.Image | None:
        """The layer of a view, if it is in the viewer."""
        view = self.views.get(key)
        layer = None if view is None else view.live.layer
        return layer if layer is not None and layer in self._viewer.layers else None

    def follow(self, wanted: Mapping[ViewKey, Shown]) -> None:
        """Bring up to date what is shown, and put away what is not wanted any more."""
        self.put_away_all_but(wanted)
        for key in [key for key in wanted if key in self._on]:
            self._follow(key, wanted[key])

    def _follow(self, key: ViewKey, shown: Shown) -> bool:
        try:
            self.views[key].follow(shown.recipe)
        except Exception as error:  # noqa: BLE001  whatever a step of another package does
            self._failed(error)
            return False
        return True

    def put_away_all_but(self, wanted: Collection[ViewKey]) -> None:
        """Show no more what is not wanted any more."""
        self._to_add = [key for key in self._to_add if key in wanted]
        gone = [key for key in self._on if key not in wanted]
        for key in gone:
            self._on.discard(key)
            self.views[key].put_away()
        if gone:
            self.looked.emit()

    def set_aside(self, source: napari.layers.Image | None) -> None:
        """Hide all layers of another image than this one, until they can be shown."""
        for view in self.views.values():
            if source is None or not view.is_of(source):
                view.set_aside()

    def keep_cards(self, cards: Collection[Key]) -> None:
        """Take away the layers of cards that there are no more."""
        gone = [k for k in self.views if k.card.kind and k.card not in cards]
        for key in gone:
            view = self.views.pop(key)
            self._on.discard(key)
            self._to_add = [k for k in self._to_add if k != key]
            view.live.remove()
            view.live.release()
            view.deleteLater()
        if gone:
            self.looked.emit()

    # ---- taken over, and left ----

    def left_behind(self, names: Mapping[ViewKey, str]) -> dict[ViewKey, napari.layers.Image]:
        """Layers of these names that an earlier dock left in the viewer."""
        layers = {key: find(self._viewer.layers, name) for key, name in names.items()}
        return {key: layer for key, layer in layers.items() if layer is not None}

    def adopt(self, key: ViewKey, layer: napari.layers.Image, *, on: bool) -> None:
        """Go on with a layer that was left behind."""
        view = self._view(key, role_of(layer) or "")
        view.live.adopt(layer, paused=not on)
        if on:
            self._on.add(key)

    def release(self) -> None:
        """Let go of all layers, which stay as they are."""
        self._to_add.clear()
        self._on.clear()
        for view in self.views.values():
            view.live.release()

    # ---- private ----

    def _view(self, key: ViewKey, name: str = "") -> View:
        view = self.views.get(key)
        if view is None:
            name = name or self._wanted[key].layer
            view = self.views[key] = KINDS[key.name](self._viewer, name, self._cache, self)
            view.deleted.connect(self._on_deleted)
            view.outdated.connect(self.outdated)
            self.made.emit(key, view.live)
        return view

    def _together(
        self, source: napari.layers.Image, fresh: Collection[ViewKey]
    ) -> AbstractContextManager[None] | None:
        """In which layers are taken away at once, if any are: napari collects garbage for each."""
        some = any(not self._view(key).live.fits(source) for key in fresh)
        return self._viewer.layers.batched_update() if some else None

    def _show(self, key: ViewKey) -> bool:
        view, source = self._view(key), self._source
        assert source is not None
        before, was_on = view.live.layer, key in self._on
        self._on.add(key)
        self._showing.add(key)
        try:
            view.show(source, self._wanted[key].recipe)
            if key in self._wanted:  # something else by now
                view.follow(self._wanted[key].recipe)
            else:
                self._on.discard(key)
                view.put_away()
        except Exception as error:  # noqa: BLE001  whatever a step of another package does
            if not view.is_of(source):
                view.set_aside()
            self._failed(error)
            return False
        finally:
            self._showing.discard(key)
            if view.live.layer != before or not was_on:
                self.stack(key)
            self.looked.emit()
        return True

    def _add_next(self) -> None:
        """Show the next view that has no layer yet."""
        while self._to_add:
            key = self._to_add.pop(0)
            if self._view(key).live.layer is None:
                self._show(key)
                break
        if self._to_add:
            self._adding.start()

    def _on_deleted(self) -> None:
        view = self.sender()
        for key, other in list(self.views.items()):
            if other is view and key in self._on:
                self._on.discard(key)
                self.deleted.emit(key)
