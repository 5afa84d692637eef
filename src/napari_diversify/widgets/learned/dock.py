"""The dock widget "Learn": train models on open images, watch them learn, judge and use them."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from napari.components import ViewerModel
from qtpy.QtWidgets import (
    QFileDialog,
    QFormLayout,
    QLineEdit,
    QSizePolicy,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from ...files.safe import replace_text
from ...learned.folder import models_folder
from ...learned.training.job import Status
from ...learned.training.settings import Settings
from ...sentences import reason
from ...small_files import read_small
from ..plots.plot import colours_of
from ..qt.background import Background
from ..qt.column import Column
from ..qt.dock import Dock
from ..qt.parts import button, evenly, row, sentence, tip
from ..qt.preferences import preference, set_preference
from .consensus import ConsensusRow
from .jobs import Wanted, begun, loaded, removed
from .models import ModelsView
from .new_training import KINDS, NewTraining, folder_of
from .probe import ProbeView
from .shapes import ShapesRow
from .trainings import TrainingsView
from .use import use, use_dressing
from .watch import Model, Seen, Watch

_ENDED = {"failed": "failed: see Trainings", "interrupted": "been interrupted: it can be resumed"}


class LearnDock(Dock):
    """Trainings and models of one folder.

    Trainings run in processes of their own and models lie in files: the dock keeps nothing but
    the settings of the next training, and shows what it finds in the folder of models.
    """

    # models in [~/models] [Choose…]
    # [Train][Trainings][Models][Probe]
    # (one of them)
    # message, progress [Cancel]

    def __init__(self, napari_viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__(napari_viewer, "settings", parent)
        self.folder = QLineEdit()
        self.folder.setReadOnly(True)
        self.folder.setToolTip(
            tip(
                "models in",
                "The folder of models: trainings are made in it, and its trainings and models are "
                "listed here. Each is a folder of its own.",
            )
        )
        self.choose_button = button("Choose…", "Choose another folder of models.")
        self.new = NewTraining(napari_viewer, evenly(self.save_button, self.load_button))
        self.trainings = TrainingsView()
        self.models = ModelsView()
        self.consensus = ConsensusRow(napari_viewer)
        self.shapes = ShapesRow(napari_viewer)
        self.probe = ProbeView(napari_viewer)
        self._own = (self.consensus, self.shapes, self.probe)
        self.tabs = QTabWidget()
        self._watch = Watch(self)
        self._preparing = Background(self, guarded=True)
        self._small = Background(self)  # what takes a moment: loading, removing
        self._after: Callable[[Any], None] = self._on_removed  # what to do with its result
        self._lay_out()
        self._wire()
        self._set_folder(Path(preference("learn", "folder", "") or models_folder()))

    def _lay_out(self) -> None:
        models = QWidget()
        of_models = QVBoxLayout(models)
        of_models.setContentsMargins(0, 0, 0, 0)
        of_models.addWidget(self.models, stretch=1)
        for below in (self.consensus, self.shapes):
            of_models.addWidget(below)
            below.setContentsMargins(9, 0, 9, 9)
        for name, widget, meaning in (
            ("Train", self.new, "Begin a training."),
            (
                "Trainings",
                Column(self.trainings),
                "Trainings under way, and those that have ended.",
            ),
            ("Models", Column(models), "Models, how well they do, and what they are used for."),
            (
                "Probe",
                Column(self.probe),
                "Objects that labels have and their image does not show.",
            ),
        ):
            self.tabs.addTab(widget, name)
            self.tabs.setTabToolTip(self.tabs.count() - 1, meaning)
        top = QFormLayout()
        top.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        top.addRow("models in", row(self.folder, self.choose_button))
        layout = QVBoxLayout(self)
        layout.addLayout(top)
        layout.addWidget(self.tabs, stretch=1)
        # else napari adds an empty stretch of its own below everything
        self.tabs.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        layout.addWidget(self.status)

    def _wire(self) -> None:
        self.choose_button.clicked.connect(self._ask_for_folder)
        for part in (self.new, self.trainings, *self._own):
            part.refused.connect(self.status.say)
        self.new.trainWished.connect(self.train)
        self.trainings.chosen.connect(self._watch.choose)
        self.trainings.changed.connect(self._watch.look)
        self.models.useWished.connect(self.use)
        self.models.removeWished.connect(self.remove)
        for below in (self.consensus, self.shapes):
            self.models.chosenChanged.connect(below.setModel)
        for own in self._own:
            own.done.connect(self.status.say)
        self._watch.seen.connect(self._on_seen)
        self._watch.failed.connect(self._on_failed)
        for work in (self._preparing, *self._own):
            work.progressed.connect(self.status.show_progress)
            work.stopped.connect(self._rest)
        self._preparing.finished.connect(self._on_begun)
        self._preparing.failed.connect(self._on_failed)
        self._small.failed.connect(self._on_failed)
        self._small.finished.connect(self._on_small)
        self._small.stopped.connect(self._rest)
        self.status.cancelled.connect(self._on_cancelled)

    # ---- public ----

    def value(self) -> Any:
        """The settings of the next training."""
        return self.new.value()

    def setValue(self, settings: Settings) -> None:
        """Show settings of a training, and their task."""
        self.new.setValue(settings)

    def train(self, wanted: Wanted, name: str) -> None:
        """Begin a training: its model will have this name."""
        if self._preparing.running:
            self.status.say("Another training is being prepared; wait until it has begun.")
            return
        try:
            folder = folder_of(self._models_folder, name)
        except ValueError as error:
            self._on_failed(error)
            return
        self.status.say(f"Preparing the training of “{name}”…")
        self.status.show_progress(0, 0)
        self._preparing.start(lambda: begun(wanted, folder))

    def use(self, model: Model) -> None:
        """Use a model: in the chain of the dock Diversify, or in Synthetic nuclei."""
        self.status.say(f"Loading “{model.folder.name}”…")
        self.status.show_progress(0, 0)
        self._after = partial(self._use, model)
        self._small.start(lambda: loaded(model.folder))

    def remove(self, model: Model) -> None:
        """Delete a model."""
        self._after = self._on_removed
        self._small.start(lambda: removed(model.folder))

    # ---- settings in a file ----

    def _write(self, path: str | Path) -> None:
        replace_text(Path(path), self.value().model_dump_json(indent=2) + "\n")

    def _read(self, path: str | Path) -> Settings:
        try:
            values = json.loads(read_small(path))
            kind = values.get("kind") if isinstance(values, dict) else None
            if kind not in KINDS:
                raise ValueError(f"its kind must be one of {', '.join(KINDS)}; got {kind!r}")
            settings: Settings = KINDS[kind](**values)
            return settings
        except ValueError as error:
            raise ValueError(f"{path} holds no settings of a training: {reason(error)}") from None

    # ---- the folder of models ----

    def _ask_for_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(
            self, "Choose a folder of models", self.folder.text()
        )
        if chosen:
            set_preference("learn", "folder", chosen)
            self._set_folder(Path(chosen))

    def _set_folder(self, folder: Path) -> None:
        self._models_folder = folder
        self.folder.setText(str(folder))
        self.folder.setCursorPosition(len(str(folder)))  # its end is what differs
        self._watch.setFolder(folder)

    # ---- what comes back ----

    def _on_seen(self, seen: Seen) -> None:
        before = self.trainings.states
        self.trainings.show_seen(seen)
        if seen.models is not None:
            self.models.setModels(seen.models)
        for folder, status in self.trainings.states.items():
            if folder in before and before[folder].state != status.state:
                self._announce(folder, status)
        there: tuple[Any, ...] = (*seen.trainings, *self.models.models)
        self.new.setTaken(frozenset(one.folder.name for one in there))
        at_work = sum(t.status.state in ("waiting", "running") for t in seen.trainings)
        for n, name, count in ((1, "Trainings", at_work), (2, "Models", len(self.models.models))):
            self.tabs.setTabText(n, f"{name} ({count})" if count else name)

    def _announce(self, folder: Path, status: Status) -> None:
        """Say that a training has come to its end."""
        if status.state == "done":
            self.status.say(f"“{folder.name}” has been trained: see its card under Models.")
            self.models.choose(folder)
        elif status.state in ("failed", "interrupted"):
            self.status.say(f"The training of “{folder.name}” has {_ENDED[status.state]}.")

    def _on_begun(self, folder: Path) -> None:
        self.status.say(
            f"“{folder.name}” is being trained. You can go on working, and close napari, meanwhile."
        )
        self.trainings.choose(folder)
        self.tabs.setCurrentIndex(1)
        self._watch.look()

    def _on_small(self, result: Any) -> None:
        self._after(result)

    def _use(self, model: Model, name: str) -> None:
        if model.card.task == "dress":
            place, there = "Synthetic nuclei", use_dressing(self._viewer, model.card, name)
        else:
            place, there = "Diversify", use(self._viewer, model.card.task, name)
        if there:
            self.status.say(f"“{model.folder.name}” is at work in the dock {place}.")
        else:
            self.status.say(f"Open the dock {place} first: Plugins > {place}.")

    def _on_removed(self, folder: Path) -> None:
        self.status.say(f"“{folder.name}” has been removed.")
        self._watch.look()

    def _on_failed(self, error: Exception) -> None:
        self.status.say(sentence(error))

    def _on_cancelled(self) -> None:
        self._preparing.cancel()
        self._small.cancel()
        for own in self._own:
            own.cancel()
        self.status.say("Cancelled.")

    def _rest(self) -> None:
        if not any(work.running for work in (self._preparing, self._small, *self._own)):
            self.status.rest()

    # ---- shown and hidden ----

    def _on_theme(self) -> None:
        self.trainings.setColours(colours_of(self._viewer.theme))

    def _start(self, first: bool) -> None:
        self._viewer.events.theme.connect(self._on_theme)
        self._on_theme()
        self.new.connect_viewer()
        for own in self._own:
            own.connect_viewer()
        self._watch.start()

    def _stop(self) -> None:
        self._viewer.events.theme.disconnect(self._on_theme)
        self._watch.stop()
        self.new.cancel()
        self.new.disconnect_viewer()
        for own in self._own:
            own.cancel()
            own.disconnect_viewer()
        self.trainings.cancel_work()
        self._small.cancel()  # a training that is being prepared goes on
