"""The dock widget "Diversify": choose an image, move sliders, watch it change."""

from __future__ import annotations

from collections.abc import Mapping
from operator import eq
from pathlib import Path
from typing import Any

import napari.layers
import numpy.typing as npt
from napari.components import ViewerModel
from qtpy.QtWidgets import QVBoxLayout, QWidget
from superqt.utils import QSignalThrottler

from ...recipe import Recipe
from ...recipe.lazy.cache import Cache
from ..live.layers import how_made, showing, why_unusable
from ..live.live_layer import LiveLayer
from ..live.snapshot import Snapshot
from ..live.views import SplitView, View
from ..live.warming import warm_up
from ..qt.dock import Dock
from ..qt.parts import button, flow, soon
from ..qt.preferences import set_preference
from ..samples.sheet import Samples
from .card import CardWidget
from .cards import CardList
from .compare import Compare
from .image import ImageAtWork, id_of
from .in_view import InView
from .left_behind import leave, left
from .readout import Readout
from .resolve import (
    COMPARISONS,
    OF_THE_LAST,
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
from .source_panel import SourcePanel
from .state import Key, State
from .taking_over import all_views, carried_on, told_by
from .windows import Windows

_FRAME_MS = 16
_NO_IMAGE = "Open an image, or choose File > Open Sample > Diversify > Synthetic nuclei (3D)."


class Explorer(Dock):
    """Interactive diversification of the active image layer.

    All that the user has set is one :class:`.State`. Widgets wish for changes of it
    (:meth:`_change`); after every change, at most once a frame, :func:`.resolve` says what has to
    be shown, and :class:`.ShownViews` shows it.
    """

    # image, range, axes, seed, sample
    # v Contrast    [ ] live  [...]
    # > Diversify   [x] live  [...]
    # > Low-pass    [ ] live  [...]
    # [Add step]
    # plane 31  PSNR ...  SSIM ...   volume  PSNR ...
    # message, progress [cancel]
    # [Snapshot] [Save recipe] [Load recipe] [Export]

    def __init__(self, napari_viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__(napari_viewer, "recipe", parent)
        warm_up()
        self._state = State()
        self._announce = False  # say what is shown, as soon as it is
        self._units: Any = None  # of the viewer's world
        self._before_deleting: State | None = None  # at this moment; the viewer is being emptied?
        self._forgetting = soon(self, self._forget_deleted)

        self.source_panel = SourcePanel(napari_viewer)
        self.cards = CardList()
        self.readout = Readout()
        self.status.say(_NO_IMAGE)
        self._make_buttons()
        self._cache = Cache()
        picker = self.source_panel.picker
        self._image = ImageAtWork(napari_viewer, picker, self._wish, self)
        self.shown = ShownViews(napari_viewer, self._cache, self._on_failed, self)
        self._in_view = InView(
            *(napari_viewer, self.state, self._image, self.shown),
            *(self.cards, self.readout, self._cache),
        )
        self.compare = Compare(napari_viewer, self._in_view.pair)
        self.samples = Samples(napari_viewer, self._cache, self)
        self.windows = self._in_view.windows = Windows(
            *(napari_viewer, self.samples, self._what_to_export, self._in_view.explored, self)
        )
        self._snapshot = Snapshot(self)
        self._throttle = QSignalThrottler(parent=self)
        self._throttle.setTimeout(_FRAME_MS)
        self._lay_out()
        self._wire()
        self._set_state(State.first())

    def _make_buttons(self) -> None:
        self.plots_button = button(
            "Plots…", "Histogram, power spectrum, contrast against depth, PSNR against w_v."
        )
        self.samples_button = button(
            "Samples…",
            "Draw samples with other parameters, look through them, and keep or reject each.",
        )
        self.explore_button = button(
            "Explore…", "A sheet of tiles with other weights w_i and w_v; click one to take them."
        )
        self.snapshot_button = button(
            "Snapshot",
            "Compute the whole result of the last live step and keep it as an ordinary layer that "
            "no slider changes.",
        )
        self.export_button = button(
            "Export…",
            "Make any number of samples with these settings, in files that training tools take as "
            "they are.",
        )

    def _lay_out(self) -> None:
        buttons = flow()
        for push in (
            self.plots_button,
            self.samples_button,
            self.explore_button,
            self.export_button,
            self.snapshot_button,
            self.save_button,
            self.load_button,
        ):
            buttons.addWidget(push)
        layout = QVBoxLayout(self)
        layout.addWidget(self.source_panel)
        layout.addWidget(self.cards, stretch=1)
        layout.addWidget(self.compare)
        layout.addWidget(self.readout)
        layout.addWidget(self.status)
        layout.addLayout(buttons)

    def _wire(self) -> None:
        self.source_panel.sourceChanged.connect(self._on_source_changed)
        self.source_panel.edited.connect(self._on_setup_edited)
        self.source_panel.autoWished.connect(self._on_auto)
        self.source_panel.refused.connect(self.status.say)
        self.cards.edited.connect(self._on_card_edited)
        self.cards.moved.connect(self._on_card_moved)
        self.cards.removed.connect(self._on_card_removed)
        self.cards.added.connect(self._on_card_added)
        self.cards.refused.connect(self.status.say)
        self.cards.made.connect(self._on_card_made)
        for way in (self.compare.split, self.compare.difference):
            way.toggled.connect(self._on_compared)
        self.compare.refused.connect(self._on_compare_said)
        self.compare.dividerMoved.connect(self._on_divider)
        self._throttle.triggered.connect(self._apply)
        self.shown.made.connect(self._on_view_made)
        self.shown.looked.connect(self._in_view.look)
        self.shown.deleted.connect(self._on_view_deleted)
        self.shown.outdated.connect(self._throttle.throttle)
        measurement = self._image.measurement
        measurement.ranged.connect(self._on_ranged)
        measurement.finished.connect(self._on_measured)
        measurement.failed.connect(self._set_aside)
        measurement.stopped.connect(self._on_ready)
        self._image.moved.connect(self._on_source_moved)
        for task in (measurement, self._snapshot):
            task.progressed.connect(self.status.show_progress)
            task.failed.connect(self._on_failed)
        self._snapshot.finished.connect(self._on_snapshot)
        self.status.cancelled.connect(self._on_cancelled)
        self.snapshot_button.clicked.connect(self.take_snapshot)
        self.export_button.clicked.connect(self.windows.open_export)
        self.samples_button.clicked.connect(self.windows.open_samples)
        self.explore_button.clicked.connect(self.windows.open_explore)
        self.plots_button.clicked.connect(self.windows.open_plots)
        self.samples.aboutToDraw.connect(self.compare.stop)
        self.windows.weightsPicked.connect(self._on_weights_picked)
        self.windows.opened.connect(self._on_window_opened)

    # ---- public ----

    def value(self) -> Recipe:
        """What the last live card shows; if none is live, what the last open one would."""
        return recipe_shown(self._state, self._image.facts())

    def setValue(self, recipe: Recipe, sample: int | None = None) -> None:
        """Show a recipe: its steps become live cards, each on the result of the one above."""
        if sample is not None:
            recipe = recipe.replace(sample=sample)
        state, source = self._state.with_recipe(recipe), self.source_panel.picker.source()
        if source is not None:
            state = state.for_image(id_of(source), source.ndim)
        self.compare.stop()
        self._image.measurement.forget()
        self._set_state(state)
        self._measure()

    def sample(self) -> int:
        """The sample number shown."""
        return self._state.setup.sample

    def state(self) -> State:
        """All that the user has set."""
        return self._state

    def restore(self, state: State) -> None:
        """Show the settings of an earlier dock; which layers are live, its layers tell."""
        self._set_state(state)

    def card(self, kind: str, number: int = 1) -> CardWidget:
        """The card of a step; KeyError if there is none."""
        return self.cards.widgets[Key(kind, number)]

    def view(self, kind: str, name: str = "", number: int = 1) -> View | None:
        """What shows the result of a card, or an extra view of it, if it was ever shown."""
        return self.shown.get(ViewKey(Key(kind, number), name))

    def take_snapshot(self) -> None:
        """Compute the whole result of the last live step and add it as an ordinary layer."""
        source, recipe = self._image.source(), self.value()
        if source is None or self._image.measurement.range is None or not recipe.steps:
            self.status.say("There is no diversified image to take a snapshot of yet.")
            return
        try:
            array, metadata = View.full(source, recipe, self._cache)
        except ValueError as error:
            self._on_failed(error)
            return
        self._snapshot.take(source, array, metadata)

    # ---- recipes ----

    def _write(self, path: str | Path) -> None:
        self.value().save(path, overwrite=True)

    def _read(self, path: str | Path) -> Recipe:
        return Recipe.load(path)

    def _what_to_export(self) -> tuple[napari.layers.Image | None, dict[str, Recipe]]:
        """The image, and the recipe of each live layer by what it shows; the last is the usual."""
        named: dict[str, Recipe] = {}
        for key in self._state.live():
            chain = self._state.chain(key)
            name = " › ".join(card.step.kind for card in chain)
            if name in named:
                name = " › ".join(card.title for card in chain)
            named[name] = recipe_of(self._state, self._image.facts(), key)
        return self._image.source(), named

    # ---- state ----

    def _set_state(self, state: State) -> None:
        """Take another state, and have every widget show it; layers follow in :meth:`_apply`."""
        old, self._state = self._state, state
        self.source_panel.setValue(settled(state, self._image.facts()), state.automatic)
        if state.cards is not old.cards:
            self.cards.setCards(state.cards)
            self.shown.keep_cards(self.cards.widgets)
        for name in COMPARISONS:
            way = getattr(self.compare, name)
            if way.isChecked() != (name in state.compared):
                way.setChecked(name in state.compared)

    def _change(self, state: State, *, at_once: bool = False) -> None:
        """Do what the user wishes."""
        other_chain = _structure(self._state) != _structure(state)
        self._set_state(state)
        if other_chain:
            self._tell_cards()
        self._in_view.expect()
        if self._connected:
            self._image.follow()
        if at_once:
            self._apply()
        else:
            self._throttle.throttle()

    def _wish(self) -> Wish:
        return wish_of(self._state, self._image.facts())

    def _on_setup_edited(self, values: Mapping[str, Any]) -> None:
        state = self._state.with_setup(**values)
        source = self.source_panel.picker.source()
        if "spatial_ndim" in values and source is not None:
            state = state.with_axes_of(id_of(source))
        self._change(state)

    def _on_auto(self, automatic: bool) -> None:
        self._change(
            self._state.with_automatic(automatic, settled(self._state, self._image.facts()))
        )
        if automatic:
            self._measure()

    def _on_card_edited(self, key: Key, changes: Mapping[str, Any]) -> None:
        shows_other = not changes.keys().isdisjoint({"live", "views"})
        if shows_other:
            self.compare.stop()  # what it has put away may be what is switched
        self._change(self._state.edit(key, **changes), at_once=shows_other)

    def _on_card_moved(self, key: Key, to: int) -> None:
        self._change(self._state.move(key, to), at_once=True)
        self.shown.stack(ViewKey(key))

    def _on_card_removed(self, key: Key) -> None:
        self.compare.stop()
        self._change(self._state.remove(key), at_once=True)

    def _on_card_added(self, kind: str) -> None:
        self.compare.stop()
        state, key = self._state.add(kind)
        self._change(state, at_once=True)
        self.cards.showCard(key)

    def _on_weights_picked(self, w_i: float | None, w_v: float) -> None:
        card = noisy_card(self._state)
        if card is None:
            return
        step = card.step.with_weights(w_i, w_v)
        self._change(self._state.edit(card.key, step=step))

    def _on_compared(self) -> None:
        compared = {name for name in COMPARISONS if getattr(self.compare, name).isChecked()}
        if compared == self._state.compared:
            return
        self._change(self._state.with_compared(compared), at_once=True)
        self.compare.raise_divider()

    # ---- the source ----

    def _on_source_changed(self, source: napari.layers.Image | None) -> None:
        if source is None:
            self._keep_switched_on()
        self._image.watch(source)
        self._cache.clear()
        self.compare.stop()
        state = self._state
        self._set_state(state if source is None else state.for_image(id_of(source), source.ndim))
        self._tell_cards()  # there are no numbers of it yet
        self._in_view.look()
        problem = _NO_IMAGE if source is None else why_unusable(source)
        self._announce = True
        if problem is not None:
            if source is not None:
                self._set_aside()
            self.status.say(problem)
            return
        assert source is not None
        warm_up(source.dtype)
        self._renew_sheet()
        self._measure()

    def _renew_sheet(self) -> None:
        """Draw the sheet anew if its image holds another array now."""
        try:
            if self.samples.source == self._image.source():
                self.samples.renew()
        except (TypeError, ValueError) as error:
            self.samples.close()
            self.status.say(f"The sheet of samples was closed: {error}.")

    def _measure(self) -> None:
        """Measure range and PSNR of the source in a thread; the live layers follow."""
        if self._connected:
            self._image.measure()

    def _on_ranged(self) -> None:
        """Show the image as soon as its range is known."""
        self._set_state(self._state)
        self._apply(anew=True)

    def _on_measured(self) -> None:
        """Show what else is known."""
        self._in_view.expect()
        self._on_ranged()
        self._tell_cards()

    def _tell_cards(self) -> None:
        """Say in each card what is known of the image."""
        for key, widget in self.cards.widgets.items():
            alone = len(self._state.chain(key)) == 1
            widget.panel.setFacts(self._image.facts_for_panels(alone=alone))

    def _on_source_moved(self) -> None:
        """The image has another place, scale or unit: lengths are other numbers of voxels."""
        self._tell_cards()
        self._throttle.throttle()

    def _on_units(self) -> None:
        """Have layers drawn in the new units of the viewer, which napari does not do by itself.

        Else the plane on display would be another one than that of the slider.
        """
        before, self._units = self._units, self._viewer.dims.units
        # of axes that were there before: another one comes and goes with its layers
        if before and self._units and all(map(eq, before[::-1], self._units[::-1])):
            return
        for layer in self._viewer.layers:
            layer.refresh(thumbnail=False, highlight=False, extent=False)

    # ---- the live layers ----

    def _apply(self, *, anew: bool = False) -> None:
        """Show what has to be shown by now; ``anew``: the image may be another one than before."""
        source, facts = self._image.source(), self._image.facts()
        if source is None or not self._connected:
            return
        wanted = resolve(self._state, facts)
        if not facts.known or settled(self._state, facts).intensity_range is None:
            self.shown.put_away_all_but(wanted)
            if not self._image.busy:
                self._measure()  # it was cancelled before
            return
        done = self.shown.apply(source, wanted, anew=anew)
        if self._announce and all(done) and (done or anew):
            self._announce = False
            self._say_what_is_shown()

    def _set_aside(self) -> None:
        self.shown.set_aside(self._image.source())

    def _on_compare_said(self, refusal: str) -> None:
        if refusal:
            self.status.say(refusal)
        else:
            self._say_what_is_shown()

    def _on_divider(self, divider: tuple[int, float]) -> None:
        view = self.shown.get(ViewKey(OF_THE_LAST, "split"))
        if isinstance(view, SplitView):
            view.move_divider(divider)

    def _on_card_made(self, widget: CardWidget) -> None:
        widget.panel.progressed.connect(self.status.show_progress)
        widget.panel.rested.connect(self._on_ready)

    def _on_view_made(self, key: ViewKey, live: LiveLayer) -> None:
        live.ready.connect(self._on_ready)
        live.level_changed.connect(self._say_what_is_shown)
        live.progressed.connect(self.status.show_progress)
        live.failed.connect(self._on_failed)
        if not key.name:
            live.drawn.connect(self._on_drawn)

    def _on_view_deleted(self, key: ViewKey) -> None:
        """Switched off, unless it went because the viewer was emptied."""
        if self._before_deleting is None:
            self._before_deleting = self._state
            self._forgetting.start()
        self.compare.stop()
        self._change(self._state.without(key.card, key.name))
        if self.source_panel.picker.source() is None:
            self._keep_switched_on()
        self._in_view.look()

    def _forget_deleted(self) -> None:
        self._before_deleting = None

    def _keep_switched_on(self) -> None:
        """The viewer was emptied: what was live is so for the next image, too."""
        before, self._before_deleting = self._before_deleting, None
        if before is not None:
            self._set_state(before.with_compared(frozenset()))

    def _on_cancelled(self) -> None:
        for task in self._tasks():
            task.cancel()

    def _tasks(self) -> tuple[Any, ...]:
        """All that may be under way."""
        return (
            *(self._image.measurement, self._snapshot, self.readout, self.samples.live),
            *(widget.panel for widget in self.cards.widgets.values()),
            *self.shown.lives(),
        )

    # ---- what is said ----

    def _on_drawn(self) -> None:
        view = self._in_view.last_view()
        if view is not None and self.sender() is view.live:  # the numbers are of no other
            self._in_view.look()

    def _on_ready(self) -> None:
        if not any(task.running for task in self._tasks()):
            self.status.rest()

    def _on_failed(self, error: Exception) -> None:
        self._announce = True
        self._on_ready()
        source = self.source_panel.picker.source()
        name = f"“{source.name}”: " if source is not None else ""
        self.status.say(f"{name}{error}.")

    def _on_snapshot(self, values: npt.NDArray[Any], keywords: dict[str, Any]) -> None:
        layers = self._viewer.layers
        with self.source_panel.picker.undisturbed():
            active = layers.selection.active
            layer = self._viewer.add_image(values, **keywords)
            layers.selection.active = active
        self._on_ready()
        self.status.say(f"Snapshot kept as layer “{layer.name}”.")

    def _say_what_is_shown(self) -> None:
        source, view = self._image.source(), self._in_view.last_view()
        if source is None:
            self.status.say(_NO_IMAGE)
        elif not resolve(self._state, self._image.facts()):
            self.status.say(f"Nothing is live. Tick live in a step to see “{source.name}” changed.")
        elif view is not None and view.is_of(source):
            self.status.say(f"{showing(source, view.live.level)} {how_made(source)}".strip())
        else:
            self.status.say("")

    def _on_window_opened(self) -> None:
        self._in_view.look()
        self._in_view.expect()

    # ---- shown and hidden ----

    def _start(self, first: bool) -> None:
        self._take_over(first)
        self.compare.connect_viewer()
        self._units = self._viewer.dims.units
        self._viewer.dims.events.units.connect(self._on_units)
        self.source_panel.picker.connect_viewer()

    def _take_over(self, first: bool) -> None:
        """Find live layers left by this dock or an earlier one, and go on with them."""
        picker, layers = self.source_panel.picker, self._viewer.layers
        before = left(self._viewer, self)
        if first:
            self._set_state(before.state if before is not None else told_by(layers))
            if before is not None and before.pinned and before.image in layers:
                picker.pin(before.image)
        # the viewer was emptied meanwhile, and the layers not deleted for their own sake
        emptied = picker.lost() or (before is not None and before.image not in layers)
        there = self.shown.left_behind(all_views(self._state))
        spared = emptied or (first and before is None)
        self._set_state(carried_on(self._state, there, spared=spared, first=first))
        wanted = resolve(self._state, self._image.facts())
        for key, layer in there.items():
            self.shown.adopt(key, layer, on=key in wanted)
        try:
            self.samples.take_over()
        except ValueError as error:
            self.status.say(f"{error}.")

    def _stop(self) -> None:
        picker = self.source_panel.picker
        self._image.rest()
        self.compare.disconnect_viewer()
        leave(self._viewer, self, self._state, picker.source(), picker.pinned())
        opened = {card.step.kind for card in self._state.cards if card.open}
        set_preference("dock", "open_sections", ", ".join(sorted(opened)))
        self.windows.close()
        for task in self._tasks():
            if not isinstance(task, LiveLayer):  # which finishes what is in view
                task.cancel()
        self.shown.release()
        self.samples.release()
        picker.disconnect_viewer()
        self._viewer.dims.events.units.disconnect(self._on_units)
        self._image.leave()


def _structure(state: State) -> list[tuple[Key, bool, bool]]:
    """What the chain is made of, whatever its parameters."""
    return [(card.key, card.live, card.reads_image) for card in state.cards]
