"""The dock widget "Diversify": choose an image, move sliders, watch it change."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import napari.layers
import numpy.typing as npt
from napari.components import ViewerModel
from qtpy.QtWidgets import QVBoxLayout, QWidget

from ...recipe import Recipe
from ..live.layers import how_made, showing
from ..live.live_layer import LiveLayer
from ..live.snapshot import Snapshot
from ..live.views import SplitView, View
from ..live.warming import warm_up
from ..live.world_units import WorldUnits
from ..qt.dock import Dock
from ..qt.preferences import set_preference
from ..samples.sheet import Samples
from .actions import Actions
from .card import CardWidget
from .cards import CardList
from .compare import Compare
from .in_view import InView
from .left_behind import leave
from .readout import Readout
from .resolve import COMPARISONS, OF_THE_LAST, ViewKey
from .session import Session
from .source_panel import SourcePanel
from .state import Card, Key, State
from .windows import Windows

if TYPE_CHECKING:
    from ...robustness.rows import Row

_NO_IMAGE = "Open an image, or choose File > Open Sample > Diversify > Synthetic nuclei (3D)."


class Explorer(Dock):
    """Interactive diversification of the active image layer.

    All that the user has set is one :class:`.State`, which a :class:`.Session` keeps. Widgets
    show it and wish for changes of it; after every change, at most once a frame,
    :func:`.resolve` says what has to be shown, and :class:`.ShownViews` shows it.
    """

    # image, range, axes, seed, sample
    # > Contrast    [ ] live  [...]
    # v Diversify   [x] live  [...]
    # > Low-pass    [ ] live  [...]
    # [Add step]
    # [Side by side] [Blink] [Split] [Difference]
    # z 31    PSNR ...  SSIM ...
    # volume  PSNR ...
    # message, progress [cancel]
    # [Plots] [Samples] [Explore] [Robustness] [Export] [Snapshot] [Save recipe] [Load recipe]

    def __init__(self, napari_viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__(napari_viewer, "recipe", parent)
        warm_up()
        self.source_panel = SourcePanel(napari_viewer)
        self.cards = CardList()
        self.readout = Readout()
        self.actions_ = Actions(self.save_button, self.load_button)
        self.session = Session(napari_viewer, self.source_panel.picker, self)
        self._in_view = InView(napari_viewer, self.session, self.cards, self.readout)
        self.compare = Compare(napari_viewer, self._in_view.pair)
        self.samples = Samples(napari_viewer, self.session.cache, self)
        self.windows = Windows(
            napari_viewer,
            self.samples,
            self._what_to_export,
            self._in_view.explored,
            self.source_panel.picker.undisturbed,
            self,
        )
        self._in_view.windows = self.windows
        self._snapshot = Snapshot(self)
        self._units = WorldUnits(napari_viewer)
        layout = QVBoxLayout(self)
        layout.addWidget(self.source_panel)
        layout.addWidget(self.cards, stretch=1)
        for widget in (self.compare, self.readout, self.status, self.actions_):
            layout.addWidget(widget)
        self._shown_cards: tuple[Card, ...] = ()
        self._wire_session()
        self._wire_widgets()
        self.status.say(_NO_IMAGE)
        self._show_state()

    def _wire_session(self) -> None:
        session = self.session
        session.stateChanged.connect(self._show_state)
        session.chainChanged.connect(self._tell_cards)
        session.aboutToSwitch.connect(self.compare.stop)
        session.sourceChanged.connect(self._on_source_changed)
        session.shown.connect(self._say_what_is_shown)
        session.failed.connect(self._on_failed)
        session.expected.connect(self._in_view.expect)
        session.views.made.connect(self._on_view_made)
        session.views.looked.connect(self._in_view.look)
        session.image.measurement.progressed.connect(self.status.show_progress)
        session.image.measurement.stopped.connect(self._on_ready)

    def _wire_widgets(self) -> None:
        self.source_panel.edited.connect(self._on_setup_edited)
        self.source_panel.autoWished.connect(self.session.choose_automatic)
        self.cards.edited.connect(self._on_card_edited)
        self.cards.moved.connect(self._on_card_moved)
        self.cards.removed.connect(self._on_card_removed)
        self.cards.added.connect(self._on_card_added)
        self.cards.made.connect(self._on_card_made)
        for way in (self.compare.split, self.compare.difference):
            way.toggled.connect(self._on_compared)
        self.compare.refused.connect(self._on_compare_refused)
        self.compare.dividerMoved.connect(self._on_divider)
        for panel in (self.source_panel, self.cards):
            panel.refused.connect(self.status.say)
        self._snapshot.progressed.connect(self.status.show_progress)
        self._snapshot.failed.connect(self.session.fail)
        self._snapshot.finished.connect(self._on_snapshot)
        self.status.cancelled.connect(self._on_cancelled)
        self.actions_.snapshot.clicked.connect(self.take_snapshot)
        self.actions_.export.clicked.connect(self.windows.open_export)
        self.actions_.samples.clicked.connect(self.windows.open_samples)
        self.actions_.explore.clicked.connect(self.windows.open_explore)
        self.actions_.plots.clicked.connect(self.windows.open_plots)
        self.actions_.robustness.clicked.connect(self.windows.open_robustness)
        self.windows.sampleWished.connect(self._on_sample_wished)
        self.samples.aboutToDraw.connect(self.compare.stop)
        self.windows.weightsPicked.connect(self.session.take_weights)
        self.windows.opened.connect(self._on_window_opened)

    # ---- public ----

    def value(self) -> Recipe:
        """What the last live card shows; if none is live, what the last open one would."""
        return self.session.recipe()

    def setValue(self, recipe: Recipe, sample: int | None = None) -> None:
        """Show a recipe: its steps become live cards, each on the result of the one above."""
        if sample is not None:
            recipe = recipe.replace(sample=sample)
        self.session.show(self.state().with_recipe(recipe))

    def sample(self) -> int:
        """The sample number shown."""
        return self.state().setup.sample

    def state(self) -> State:
        """All that the user has set."""
        return self.session.state

    def card(self, kind: str, number: int = 1) -> CardWidget:
        """The card of a step; KeyError if there is none."""
        return self.cards.widgets[Key(kind, number)]

    def view(self, kind: str, name: str = "", number: int = 1) -> View | None:
        """What shows the result of a card, or an extra view of it, if it was ever shown."""
        return self.session.views.get(ViewKey(Key(kind, number), name))

    def take_snapshot(self) -> None:
        """Compute the whole result of the last live step and add it as an ordinary layer."""
        image, recipe = self.session.image, self.value()
        source = image.source()
        if source is None or image.measurement.range is None or not recipe.steps:
            self.status.say("There is no diversified image to take a snapshot of yet.")
            return
        try:
            array, metadata = View.full(source, recipe, self.session.cache)
        except ValueError as error:
            self.session.fail(error)
            return
        self._snapshot.take(source, array, metadata)

    # ---- recipes ----

    def _write(self, path: str | Path) -> None:
        self.value().save(path, overwrite=True)

    def _read(self, path: str | Path) -> Recipe:
        return Recipe.load(path)

    def _what_to_export(self) -> tuple[napari.layers.Image | None, dict[str, Recipe]]:
        """The image, and the recipe of each live layer by what it shows."""
        return self.session.image.source(), self.session.recipes()

    # ---- what is set ----

    def _show_state(self) -> None:
        """Have every widget show what is set."""
        state = self.session.state
        self.source_panel.setValue(self.session.setup(), state.automatic)
        if state.cards is not self._shown_cards:
            self._shown_cards = state.cards
            self.cards.setCards(state.cards)
            QWidget.setTabOrder(self.source_panel.sample, self.cards.first_stop)
        for name in COMPARISONS:
            way = getattr(self.compare, name)
            if way.isChecked() != (name in state.compared):
                way.setChecked(name in state.compared)

    def _tell_cards(self) -> None:
        """Say in each card what is known of the image."""
        for key, widget in self.cards.widgets.items():
            alone = len(self.session.state.chain(key)) == 1
            widget.panel.setFacts(self.session.image.facts_for_panels(alone=alone))

    def _on_setup_edited(self, values: Mapping[str, Any]) -> None:
        if "spatial_ndim" in values:
            self.session.choose_axes(values["spatial_ndim"])
        else:
            self.session.change(self.state().with_setup(**values))

    def _on_card_edited(self, key: Key, changes: Mapping[str, Any]) -> None:
        self.session.change(self.state().edit(key, **changes))

    def _on_card_moved(self, key: Key, to: int) -> None:
        self.session.move(key, to)
        self.cards.showCard(key)

    def _on_card_removed(self, key: Key) -> None:
        self.session.change(self.state().remove(key))

    def _on_card_added(self, kind: str) -> None:
        state, key = self.state().add(kind)
        self.session.change(state)
        self.cards.showCard(key)

    def _on_compared(self) -> None:
        compared = {name for name in COMPARISONS if getattr(self.compare, name).isChecked()}
        if compared != self.state().compared:
            self.session.change(self.state().with_compared(compared))
            self.compare.raise_divider()

    def _on_divider(self, divider: tuple[int, float]) -> None:
        view = self.session.views.get(ViewKey(OF_THE_LAST, "split"))
        if isinstance(view, SplitView):
            view.move_divider(divider)

    # ---- what is under way ----

    def _on_card_made(self, widget: CardWidget) -> None:
        widget.panel.progressed.connect(self.status.show_progress)
        widget.panel.rested.connect(self._on_ready)
        widget.panel.measured.connect(self._on_measured)

    def _on_measured(self, values: Mapping[str, Any]) -> None:
        self.session.change(self.state().with_measured(values))

    def _on_view_made(self, key: ViewKey, live: LiveLayer) -> None:
        live.ready.connect(self._on_ready)
        live.level_changed.connect(self._say_what_is_shown)
        live.progressed.connect(self.status.show_progress)
        live.failed.connect(self.session.fail)
        if not key.name:
            live.drawn.connect(self._on_drawn)

    def _tasks(self) -> tuple[Any, ...]:
        """All that may be under way."""
        return (
            *(self.session.image.measurement, self._snapshot, self.readout, self.samples.live),
            *(widget.panel for widget in self.cards.widgets.values()),
            *self.session.views.lives(),
        )

    def _on_cancelled(self) -> None:
        for task in self._tasks():
            task.cancel()

    def _on_ready(self) -> None:
        if not any(task.running for task in self._tasks()):
            self.status.rest()

    def _on_drawn(self) -> None:
        view = self._in_view.last_view()
        if view is not None and self.sender() is view.live:  # the numbers are of no other
            self._in_view.look()

    def _on_sample_wished(self, row: Row) -> None:
        self.session.take_sample(row.made_by, row.sample)

    def _on_window_opened(self) -> None:
        self._in_view.look()
        self._in_view.expect()

    # ---- what is said ----

    def _on_source_changed(self, source: napari.layers.Image | None, problem: str) -> None:
        if source is None or problem:
            self.status.say(problem or _NO_IMAGE)
            return
        try:
            self.samples.renew_if_of(source)
        except (TypeError, ValueError) as error:
            self.samples.close()
            self.status.say(f"The sheet of samples was closed: {error}.")

    def _on_compare_refused(self, refusal: str) -> None:
        if refusal:
            self.status.say(refusal)
        else:
            self._say_what_is_shown()

    def _on_failed(self, error: Exception) -> None:
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
        source, view = self.session.image.source(), self._in_view.last_view()
        if source is None:
            self.status.say(_NO_IMAGE)
        elif not self.session.shows_something:
            self.status.say(f"Nothing is live. Tick live in a step to see “{source.name}” changed.")
        elif view is not None and view.is_of(source):
            if not view.follows(self.value()):
                return  # a step refuses, which has been said
            self.status.say(f"{showing(source, view.live.level)} {how_made(source)}".strip())
        else:
            self.status.say("")

    # ---- shown and hidden ----

    def _start(self, first: bool) -> None:
        self.session.connected = True
        if problem := self.session.take_over(self, first=first):
            self.status.say(problem)
        try:
            self.samples.take_over()
        except ValueError as error:
            self.status.say(f"{error}.")
        self.compare.connect_viewer()
        self._units.connect()
        self.source_panel.picker.connect_viewer()

    def _stop(self) -> None:
        picker, state = self.source_panel.picker, self.state()
        self.compare.disconnect_viewer()
        leave(self._viewer, self, state, picker.source(), picker.pinned())
        opened = {card.step.kind for card in state.cards if card.open}
        set_preference("dock", "open_sections", ", ".join(sorted(opened)))
        self.windows.close()
        self.session.connected = False
        for task in self._tasks():
            if not isinstance(task, LiveLayer):  # which finishes what is in view
                task.cancel()
        self.session.release()
        self.samples.release()
        picker.disconnect_viewer()
        self._units.disconnect()
