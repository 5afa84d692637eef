"""What is to be trained on what: the form, and the pairs that the network would see."""

from __future__ import annotations

from itertools import chain, count
from pathlib import Path
from typing import Any

from napari.components import ViewerModel
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QLineEdit, QVBoxLayout, QWidget
from superqt import QLargeIntSpinBox

from ...files import check_name
from ...learned.needs import check_installed
from ...learned.training.settings import Settings
from ..diversify.dock import Explorer
from ..export.source import tidy
from ..qt.background import Background
from ..qt.column import Column
from ..qt.dock import find_dock
from ..qt.forms import leave_wheel
from ..qt.numbers import whole_numbers_only
from ..qt.parts import button, combo, evenly, sentence, soon, tip
from ..qt.words import Words
from .jobs import Wanted, first_pairs
from .layer_list import LayerList
from .pictures import Pictures
from .task_form import TaskForm
from .task_inputs import TaskInputs
from .tasks import TASKS

#: What a tissue is made of, as settings and steps both have it, in the same units.
_TISSUE = ("scattering_length", "blur", "halo", "collected", "absorption", "pedestal")

#: The settings of each task.
KINDS: dict[str, type[Any]] = {kind: task.settings for kind, task in TASKS.items()}


class NewTraining(QWidget):
    """Everything that a training needs to be told, and a look at what it would see.

    Parameters
    ----------
    viewer : ViewerModel
    files : QWidget
        Buttons that save and load the settings.
    """

    # task [restore contrast v]
    # (what it does)
    # images [x] cells [ ] nuclei
    # steps ...
    # > Network and processor
    # seed [0]
    # [Save settings…] [Load settings…]
    # [input ] [target]
    # ---- always in sight ----
    # name [cells restored]
    # [Show pairs] [Train]
    trainWished = Signal(object, str)  # Wanted; the name of the model
    refused = Signal(str)  # a sentence for the user

    def __init__(self, viewer: ViewerModel, files: QWidget) -> None:
        super().__init__()
        self._viewer = viewer
        self.task = combo("task", "What the network is to learn.")
        for kind, task in TASKS.items():
            self.task.addItem(task.name, kind)
        leave_wheel(self.task)
        self.about = Words()
        self.layers = LayerList(viewer)
        self.forms = {kind: TaskForm(settings()) for kind, settings in KINDS.items()}
        self.pairs_button = button(
            "Show pairs",
            "Show patches like those that the network would see, from the middle of each image, "
            "before a training is begun. If they do not look like what you know of your images, "
            "change the settings first.",
        )
        self.pictures = Pictures(())
        self.tissue_button = button(
            "Take tissue from Diversify",
            "Set scattering length, blur and the like as they are in the first step of the dock "
            "Diversify that has them, such as Contrast (deep tissue), whose Calibrate measures the "
            "scattering length in the image.",
        )
        self.inputs = TaskInputs(viewer)
        self.name = QLineEdit()
        self.name.setToolTip(
            tip("name", "What the model is called: the name of its folder in the folder of models.")
        )
        self.seed = QLargeIntSpinBox()
        self.seed.setRange(0, 2**64 - 1)
        whole_numbers_only(self.seed)
        leave_wheel(self.seed)
        self.seed.setToolTip(
            tip("seed", "Of weights, patches and noise. The same seed trains the same model again.")
        )
        self.train_button = button(
            "Train",
            "Begin the training, in a process of its own. It goes on when napari is closed, and is "
            "found again under Trainings.",
        )
        self._named = ""  # by us, from the images
        self._to_pairs = soon(self, self._scroll_to_pairs)
        self._background = Background(self)
        self._background.finished.connect(self._on_pairs)
        self._background.failed.connect(self._on_failed)
        self._taken: frozenset[str] = frozenset()
        self._lay_out(files)
        self._wire()
        self._show_task()

    def _lay_out(self, files: QWidget) -> None:
        top, seed, bottom = QFormLayout(), QFormLayout(), QFormLayout()
        for form in (top, seed, bottom):
            form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        top.addRow("task", self.task)
        seed.addRow("seed", self.seed)
        bottom.addRow("name", self.name)
        inner = QWidget()
        inside = QVBoxLayout(inner)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addLayout(top)
        inside.addWidget(self.about)
        inside.addWidget(self.layers)
        inside.addWidget(self.inputs)
        for task in self.forms.values():
            inside.addWidget(task)
        inside.addWidget(self.tissue_button)
        inside.addLayout(seed)
        inside.addWidget(files)
        inside.addWidget(self.pictures)
        inside.addStretch()
        self._column = Column(inner)
        layout = QVBoxLayout(self)
        layout.addWidget(self._column, stretch=1)
        layout.addLayout(bottom)
        layout.addWidget(evenly(self.pairs_button, self.train_button))

    def _wire(self) -> None:
        self.task.currentIndexChanged.connect(self._show_task)
        self.layers.chosenChanged.connect(self._on_chosen)
        self.layers.listed.connect(self.inputs.look)
        self.inputs.changed.connect(self._on_chosen)
        self.tissue_button.clicked.connect(self.take_tissue)
        self.pairs_button.clicked.connect(self.show_pairs)
        self.train_button.clicked.connect(self.train)
        for form in self.forms.values():
            form.refused.connect(self.refused)
            form.valueChanged.connect(self._forget_pairs)

    # ---- what it says ----

    @property
    def kind(self) -> str:
        """The word for the task."""
        return str(self.task.currentData())

    def value(self) -> Any:
        """The settings of the task chosen."""
        return self.forms[self.kind].value()

    def setValue(self, settings: Settings) -> None:
        """Show settings, and their task."""
        self.forms[settings.kind].setValue(settings)
        self.task.setCurrentIndex(self.task.findData(settings.kind))
        self._forget_pairs()

    @property
    def running(self) -> bool:
        """Whether pairs are being made."""
        return self._background.running

    def cancel(self) -> None:
        """Make no pairs any more."""
        self._background.cancel()
        self._say_ready()

    def connect_viewer(self) -> None:
        """Follow the layers of the viewer."""
        self.layers.connect_viewer()
        self._on_chosen()

    def disconnect_viewer(self) -> None:
        """Leave the viewer alone."""
        self.layers.disconnect_viewer()

    def setTaken(self, names: frozenset[str]) -> None:
        """Say which names there are: what we name is called otherwise."""
        if names != self._taken:
            if self.name.text() in names - self._taken:
                self._named = self.name.text()  # it was given to what has just been begun
            self._taken = names
            self._name_it()

    # ---- what the user does ----

    def wanted(self) -> Wanted | None:
        """What is to be trained on what; None, and a sentence, if that cannot be."""
        try:
            check_installed()
            settings = self.value()
            given = {"layers": tuple(self.layers.chosen()), **self.inputs.chosen(settings)}
            if not given["layers"] and self.kind != "shapes":
                raise ValueError("tick an image to train on; open one first if none is listed")
            return Wanted(settings=settings, seed=self.seed.value(), **given)
        except (ImportError, ValueError) as error:
            self.refused.emit(sentence(error))
            return None

    def take_tissue(self) -> None:
        """Take the tissue of a step in the dock Diversify."""
        explorer = find_dock(self._viewer, Explorer)
        cards = () if explorer is None else explorer.state().cards
        step = next((card.step for card in cards if hasattr(card.step, _TISSUE[0])), None)
        if step is None:
            self.refused.emit(
                "No step of the dock Diversify has tissue: add Contrast (deep tissue) there first."
            )
            return
        values = {name: getattr(step, name) for name in _TISSUE if hasattr(step, name)}
        form = self.forms["restore"]
        form.setValue(form.value().replace(**values))
        self._forget_pairs()
        self.refused.emit(f"The tissue is that of the step “{step.title}” now.")

    def show_pairs(self) -> None:
        """Show what a training would see."""
        wanted = self.wanted()
        if wanted is not None:
            self.pairs_button.setText("Making pairs…")
            self.pairs_button.setEnabled(False)
            self._background.start(lambda: first_pairs(wanted))

    def train(self) -> None:
        """Wish for the training that is set."""
        wanted, name = self.wanted(), self.name.text().strip()
        if wanted is not None:
            self.trainWished.emit(wanted, name)

    def _show_task(self) -> None:
        task = TASKS[self.kind]
        for kind, form in self.forms.items():
            form.setVisible(kind == self.kind)
        self.about.setText(task.about)
        self.tissue_button.setVisible(self.kind == "restore")
        self.layers.setVisible(self.kind != "shapes")  # which have labels, and one image
        self.inputs.setTask(self.kind)
        self._forget_pairs()
        self._name_it()

    def _on_chosen(self) -> None:
        self._forget_pairs()
        self._name_it()

    def _name_it(self) -> None:
        """Name the model after its images, unless the user has named it."""
        if self.name.text() == self._named:
            layers = self.layers.chosen()
            of = layers[0].name if layers else ""
            if self.kind == "shapes":
                of = self.inputs.named_after
            name = f"{_as_folder(of)} {TASKS[self.kind].made}" if of else ""
            numbered = (f"{name} {n}" for n in count(2))
            free = (n for n in chain([name], numbered) if n not in self._taken)
            self._named = next(free) if of else ""
            self.name.setText(self._named)

    def _forget_pairs(self) -> None:
        self._background.cancel()
        self._say_ready()
        self.pictures.setRows([])

    def _on_pairs(self, pairs: list[tuple[Any, ...]]) -> None:
        self._say_ready()
        captions = TASKS[self.kind].captions
        without = len(captions) - len(pairs[0]) if pairs else 0  # shapes of masks alone
        self.pictures.setCaptions((captions[0], *captions[1 + without :]))
        self.pictures.setRows(pairs)
        self._to_pairs.start()  # when they have their place

    def _scroll_to_pairs(self) -> None:
        inner = self._column.widget()
        inner.layout().activate()
        inner.resize(inner.width(), max(inner.sizeHint().height(), self._column.height()))
        self._column.verticalScrollBar().setValue(self.pictures.y())

    def _on_failed(self, error: Exception) -> None:
        self._say_ready()
        self.refused.emit(f"No pairs: {sentence(error)}")

    def _say_ready(self) -> None:
        self.pairs_button.setText("Show pairs")
        self.pairs_button.setEnabled(True)


def folder_of(models: Path, name: str) -> Path:
    """The folder of a model of this name.

    Raises
    ------
    ValueError
        If it cannot be the name of a folder.
    """
    try:
        return models / check_name(name)
    except ValueError as error:
        raise ValueError(f"the name of a model is that of its folder: {error}") from None


def _as_folder(name: str) -> str:
    """The name of a layer, or what can be the name of a folder of it."""
    try:
        return check_name(name)
    except ValueError:
        return tidy(name)
