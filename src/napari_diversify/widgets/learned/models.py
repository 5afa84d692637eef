"""The models that there are; the card of the one chosen is shown before it is used."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from qtpy.QtCore import Qt, QUrl, Signal
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QMessageBox,
    QTextBrowser,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ..qt.parts import button, flow, tip
from .card_page import page, trained_on
from .tasks import TASKS
from .watch import Model

_NONE = "<p>No model has been trained in this folder: begin a training under Train.</p>"


class ModelsView(QWidget):
    """A list of models, the card of the one chosen, and what can be done with it."""

    # cells restored   restore contrast   26 Nov 14:05
    # (its card)
    # [Use in Diversify] [Reveal folder] [Remove…]
    useWished = Signal(object)  # Model
    removeWished = Signal(object)  # Model
    chosenChanged = Signal(object)  # Model, or None

    def __init__(self) -> None:
        super().__init__()
        self.list = QTreeWidget()
        self.list.setHeaderLabels(["model", "task", "when"])
        self.list.setRootIsDecorated(False)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setToolTip(tip("models", "Models in the folder of models, the newest first."))
        header = self.list.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.list.setFixedHeight(110)
        self.card = QTextBrowser()
        self.card.setOpenLinks(False)
        self.card.setMinimumHeight(200)
        self.card.setHtml(_NONE)
        self.use_button = button(
            "Use in Diversify",
            "Add a step with this model to the chain of the dock Diversify, live; or have it make "
            "the images of the dock Synthetic nuclei. The dock is opened if it is not there.",
        )
        self.reveal_button = button("Reveal folder", "Open the folder of this model.")
        self.remove_button = button(
            "Remove…",
            "Delete the model: its weights, its card and what is left of its training. Asks first. "
            "Images and whatever else is in the folder stay.",
        )
        self._models: tuple[Model, ...] = ()
        buttons = flow()
        for push in (self.use_button, self.reveal_button, self.remove_button):
            buttons.addWidget(push)
        layout = QVBoxLayout(self)
        layout.addWidget(self.list)
        layout.addWidget(self.card, stretch=1)
        layout.addLayout(buttons)
        self.list.currentItemChanged.connect(self._show_chosen)
        self.use_button.clicked.connect(self._on_use)
        self.reveal_button.clicked.connect(self._on_reveal)
        self.remove_button.clicked.connect(self._on_remove)
        self._show_chosen()

    @property
    def models(self) -> tuple[Model, ...]:
        """The models there are, the newest first."""
        return self._models

    @property
    def model(self) -> Model | None:
        """The model chosen."""
        n = self.list.indexOfTopLevelItem(self.list.currentItem())
        return self._models[n] if 0 <= n < len(self._models) else None

    def setModels(self, models: tuple[Model, ...]) -> None:
        """List these models; the one chosen stays so if it is still there."""
        before = None if self.model is None else self.model.folder
        self._models = models
        self.list.blockSignals(True)
        self.list.clear()
        self.list.addTopLevelItems([_item(model) for model in models])
        folders = [model.folder for model in models]
        if models:
            at = folders.index(before) if before in folders else 0
            self.list.setCurrentItem(self.list.topLevelItem(at))
        self.list.blockSignals(False)
        self._show_chosen()

    def choose(self, folder: Path) -> None:
        """Choose the model in a folder, if it is listed."""
        for n, model in enumerate(self._models):
            if model.folder == folder:
                self.list.setCurrentItem(self.list.topLevelItem(n))

    def _show_chosen(self) -> None:
        model = self.model
        self.card.setHtml(_NONE if model is None else page(model.folder, model.card))
        for push in (self.use_button, self.reveal_button, self.remove_button):
            push.setEnabled(model is not None)
        task = "" if model is None else model.card.task
        self.use_button.setVisible(task != "shapes")  # which are drawn below the card
        self.use_button.setText(f"Use in {'Synthetic nuclei' if task == 'dress' else 'Diversify'}")
        self.chosenChanged.emit(model)

    def _on_use(self) -> None:
        if self.model is not None:
            self.useWished.emit(self.model)

    def _on_reveal(self) -> None:
        if self.model is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.model.folder)))

    def _on_remove(self) -> None:
        model = self.model
        if model is None:
            return
        answer = QMessageBox.question(
            self,
            "Remove the model?",
            f"“{model.folder.name}” is deleted from {model.folder.parent}. Recipes that name it "
            "can no longer be computed.",
            QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No,
            QMessageBox.StandardButton.No,
        )
        if answer == QMessageBox.StandardButton.Yes:
            self.removeWished.emit(model)


def _item(model: Model) -> QTreeWidgetItem:
    when = datetime.fromtimestamp(model.when)
    item = QTreeWidgetItem([model.folder.name, TASKS[model.card.task].name, f"{when:%d %b %H:%M}"])
    trained = trained_on(model.card)
    item.setToolTip(0, f"<p>{model.folder}<br>Trained on {trained}, {when:%Y-%m-%d %H:%M}.</p>")
    item.setTextAlignment(2, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return item
