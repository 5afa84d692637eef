"""A state, the image it is about, and the layers that show it: whatever changes passes here."""

from __future__ import annotations

from collections.abc import Collection

import napari.layers
from napari.components import ViewerModel
from qtpy.QtCore import QObject, Signal
from superqt.utils import QSignalThrottler

from ...recipe import Recipe
from ...recipe.lazy.cache import Cache
from ..live.layers import why_unusable
from ..live.warming import warm_up
from ..qt.parts import soon
from .image import ImageAtWork, id_of
from .left_behind import left
from .resolve import (
    ViewKey,
    Wish,
    noisy_card,
    recipe_of,
    recipe_shown,
    resolve,
    settled,
    wish_of,
)
from .shown import ShownViews
from .source import SourcePicker
from .state import Key, State
from .taking_over import all_views, carried_on, told_by

_FRAME_MS = 16


class Session(QObject):
    """The one place where the state of a dock changes, and where layers follow it.

    Parameters
    ----------
    viewer : ViewerModel
    picker : SourcePicker
        Which image is worked on.
    """

    stateChanged = Signal()  # widgets have another state to show
    chainChanged = Signal()  # steps work on something else, or more is known of the image
    aboutToSwitch = Signal()  # layers are going to be shown or put away
    sourceChanged = Signal(object, str)  # the image; why it cannot be worked on
    shown = Signal()  # all that has to be shown is, for the first time
    failed = Signal(object)
    expected = Signal()  # other weights are set, or more is known of their PSNR

    def __init__(self, viewer: ViewerModel, picker: SourcePicker, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._picker = picker
        self.state = State.first()
        self.connected = False  # to the viewer
        self._announce = False  # say what is shown, as soon as it is
        self._before_deleting: State | None = None  # at this moment; the viewer is being emptied?
        self._forgetting = soon(self, self._forget_deleted)
        self.cache = Cache()
        self.image = ImageAtWork(viewer, picker, self._wish, self)
        self.views = ShownViews(viewer, self.cache, self.fail, self)
        self._throttle = QSignalThrottler(parent=self)
        self._throttle.setTimeout(_FRAME_MS)
        self._throttle.triggered.connect(self.apply)
        self.views.deleted.connect(self._on_view_deleted)
        self.views.outdated.connect(self._throttle.throttle)
        self.image.moved.connect(self._on_moved)
        self.image.measurement.ranged.connect(self._on_ranged)
        self.image.measurement.finished.connect(self._on_measured)
        self.image.measurement.failed.connect(self._on_not_measured)
        picker.sourceChanged.connect(self._on_source_changed)

    # ---- what it says ----

    def setup(self) -> Recipe:
        """The recipe without steps, with the range and the axes that count for the image."""
        return settled(self.state, self.image.facts())

    def recipe(self) -> Recipe:
        """What the last live card shows; if none is live, what the last open one would."""
        return recipe_shown(self.state, self.image.facts())

    def recipes(self) -> dict[str, Recipe]:
        """The recipe of each live layer by what it shows; the last is the usual."""
        named: dict[str, Recipe] = {}
        for key in self.state.live():
            chain = self.state.chain(key)
            name = " › ".join(card.step.kind for card in chain)
            if name in named:
                name = " › ".join(card.title for card in chain)
            named[name] = recipe_of(self.state, self.image.facts(), key)
        return named

    @property
    def shows_something(self) -> bool:
        """Whether anything is switched on."""
        return bool(resolve(self.state, self.image.facts()))

    # ---- what changes ----

    def show(self, state: State) -> None:
        """Take a state as a whole, such as that of a recipe; the image is measured for it."""
        source = self._picker.source()
        if source is not None:
            state = state.for_image(id_of(source), source.ndim)
        self.aboutToSwitch.emit()  # which ends comparisons
        self.image.measurement.forget()
        self._set(state.with_compared(self.state.compared))
        self.measure()

    def change(self, state: State) -> None:
        """Do what the user wishes: what is switched on or off at once, all else at the frame."""
        before, self.state = self.state, state
        switched = _switches(before) != _switches(state)
        if switched:
            self.aboutToSwitch.emit()  # what a comparison has put away may be what is switched
            state = self.state
        self._set(state)
        if _chain(before) != _chain(state):
            self.chainChanged.emit()
        self.expected.emit()
        if self.connected:
            self.image.follow()
        if switched or before.compared != state.compared:
            self._announce |= switched
            self.apply(switched=switched)
        else:
            self._throttle.throttle()

    def move(self, key: Key, to: int) -> None:
        """Put a card elsewhere in the chain."""
        self.change(self.state.move(key, to))

    def choose_axes(self, spatial_ndim: int) -> None:
        """Take so many axes of the chosen image as space."""
        source = self._picker.source()
        state = self.state.with_setup(spatial_ndim=spatial_ndim)
        self.change(state if source is None else state.with_axes_of(id_of(source)))

    def choose_automatic(self, automatic: bool) -> None:
        """Take the range of the image, whichever it is; or leave it as it is now."""
        self.change(self.state.with_automatic(automatic, self.setup()))
        if automatic:
            self.measure()

    def take_weights(self, signal: float | None, noise: float) -> None:
        """Give the noise that is explored other weights."""
        card = noisy_card(self.state)
        if card is not None:
            self.change(self.state.edit(card.key, step=card.step.with_weights(signal, noise)))

    def take_sample(self, recipe: Recipe, sample: int) -> None:
        """Give the steps of the chain that a recipe has its values, and show this sample of it."""
        state = self.state.with_setup(sample=sample)
        spare = list(state.cards)
        for step in recipe.steps:
            card = next((c for c in spare if c.live and c.step.kind == step.kind), None)
            if card is not None:
                spare.remove(card)
                state = state.edit(card.key, step=step)
        self.change(state)

    def fail(self, error: Exception) -> None:
        """Say why something could not be; what can be is announced again."""
        self._announce = True
        self.failed.emit(error)

    def _set(self, state: State) -> None:
        self.state = state
        self.views.keep_cards({card.key for card in state.cards})
        self.stateChanged.emit()

    # ---- the image ----

    def _wish(self) -> Wish:
        return wish_of(self.state, self.image.facts())

    def measure(self) -> None:
        """Measure range and PSNR of the image in a thread; the live layers follow."""
        if self.connected:
            self.image.measure()

    def _on_source_changed(self, source: napari.layers.Image | None) -> None:
        if source is None:
            self._keep_switched_on()
        self.image.watch(source)
        self.cache.clear()
        self.aboutToSwitch.emit()
        self._set(
            self.state if source is None else self.state.for_image(id_of(source), source.ndim)
        )
        self.chainChanged.emit()  # there are no numbers of it yet
        self.views.looked.emit()
        self._announce = True
        problem = None if source is None else why_unusable(source)
        if problem is not None:
            self.views.set_aside(None)
        self.sourceChanged.emit(source, problem or "")
        if source is not None and problem is None:
            warm_up(source.dtype)
            self.measure()

    def _on_ranged(self) -> None:
        """Show the image as soon as its range is known."""
        self.stateChanged.emit()
        self.apply(anew=True)

    def _on_measured(self) -> None:
        """Show what else is known."""
        self.expected.emit()
        self._on_ranged()
        self.chainChanged.emit()

    def _on_not_measured(self, error: Exception) -> None:
        self.fail(error)
        self.views.set_aside(self.image.source())

    def _on_moved(self) -> None:
        """The image has another place, scale or unit: lengths are other numbers of voxels."""
        self.chainChanged.emit()
        self._throttle.throttle()

    # ---- the layers ----

    def apply(self, *, anew: bool = False, switched: bool = False) -> None:
        """Show what has to be shown by now.

        ``anew``: the image may be another one than before; ``switched``: views have been
        switched on or off, which is announced.
        """
        source, facts = self.image.source(), self.image.facts()
        if not self.connected:
            return
        wanted = resolve(self.state, facts)
        if source is None:  # what is left of the last image goes on following
            self.views.follow(wanted)
            return
        if not facts.known or self.setup().intensity_range is None:
            self.views.put_away_all_but(wanted)
            if not self.image.busy:
                self.measure()  # it was cancelled before
            return
        done = self.views.apply(source, wanted, anew=anew)
        if self._announce and all(done) and (done or anew or switched):
            self._announce = False
            self.shown.emit()

    def _on_view_deleted(self, key: ViewKey) -> None:
        """Switched off, unless it went because the viewer was emptied."""
        if self._before_deleting is None:
            self._before_deleting = self.state
            self._forgetting.start()
        self.change(self.state.without(key.card, key.name))
        self._throttle.throttle()
        if self._picker.source() is None:
            self._keep_switched_on()
        self.views.looked.emit()

    def _forget_deleted(self) -> None:
        self._before_deleting = None

    def _keep_switched_on(self) -> None:
        """The viewer was emptied: what was live is so for the next image, too."""
        before, self._before_deleting = self._before_deleting, None
        if before is not None:
            self._set(before.with_compared(()))

    # ---- shown and hidden ----

    def take_over(self, dock: QObject, *, first: bool) -> str:
        """Find live layers left by this dock or an earlier one, and go on with them.

        Returns a sentence on what could not be read; empty if there is nothing to say.
        """
        layers, problem = self._viewer.layers, ""
        before = left(self._viewer, dock)
        if first:
            told, problem = told_by(layers)
            self._set(told if before is None else before.state)
            if before is not None and before.pinned and before.image in layers:
                self._picker.pin(before.image)
        # the viewer was emptied meanwhile, and the layers not deleted for their own sake
        emptied = self._picker.lost() or (before is not None and before.image not in layers)
        there = self.views.left_behind(all_views(self.state))
        spared = emptied or (first and before is None)
        self._set(carried_on(self.state, there, spared=spared, first=first))
        wanted: Collection[ViewKey] = resolve(self.state, self.image.facts())
        for key, layer in there.items():
            self.views.adopt(key, layer, on=key in wanted)
        return problem

    def release(self) -> None:
        """Let go of layers and image, which stay as they are."""
        self.image.rest()
        self.views.release()
        self.image.leave()


def _chain(state: State) -> list[tuple[Key, bool, bool]]:
    """What the chain is made of, whatever its parameters."""
    return [(card.key, card.live, card.reads_image) for card in state.cards]


def _switches(state: State) -> tuple[object, ...]:
    """What is switched on, besides the line that splits the picture."""
    cards = {card.key: (card.live, card.views) for card in state.cards}
    return cards, "difference" in state.compared
