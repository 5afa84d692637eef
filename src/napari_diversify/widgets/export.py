"""The Export dialog: from what is on the screen to a training set on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import napari.layers
from napari.components import ViewerModel
from qtpy.QtCore import QTimer, QUrl, Signal
from qtpy.QtGui import QCloseEvent, QDesktopServices
from qtpy.QtWidgets import (
    QApplication,
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLayout,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from ..batch import Job, Report, as_command, as_python, run, size_of
from ..files import FORMATS, LAYOUTS
from ..recipe import DegradeContrast, Recipe, Sampling
from ..recipe.model import extra_of
from ..recipe.sampling import Strategy
from .background import Background
from .exporting import source_of
from .ranges import RangesPanel
from .status import StatusLine

_SETTLED_MS = 200
_NO_LABELS = "none"


class ExportDialog(QDialog):
    """Ask what, how many and where; then make it, with progress and cancel.

    Parameters
    ----------
    viewer : ViewerModel
    choices : callable
        ``choices()`` gives (image layer or None, {what is shown: its recipe}).
    """

    # what     [ nuclei: diversify v]
    # samples  [ 8 ]     strategy [random v]
    # vary     [x] w_i (signal) [0.2] to [1.8]   ...
    # PSNR     [ 30, 20, 12 ] dB
    # labels   [ nuclei labels v]
    # layout   [StarDist v]   format [tiff v]
    # folder   [ ... ] [Choose...]   [if it exists: stop v]
    # 8 samples of 4.2 MB, 34 MB before compression
    # progress [cancel]
    # [Copy as Python] [Copy as command] [Open folder] [Export]
    exported = Signal(object)  # a Report

    def __init__(
        self,
        viewer: ViewerModel,
        choices: Callable[[], tuple[napari.layers.Image | None, dict[str, Recipe]]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export samples")
        self._viewer = viewer
        self._choices = choices
        self._recipes: dict[str, Recipe] = {}
        self._background = Background(self)
        self.what = _combo("what", "Which of the live layers to make samples of.")
        self.samples = QSpinBox()
        self.samples.setRange(1, 1_000_000)
        self.samples.setValue(8)
        fields = Sampling.model_fields
        self.samples.setToolTip(_tip("samples", str(fields["samples"].description)))
        self.strategy = _combo("strategy", str(fields["strategy"].description))
        self.strategy.addItems(get_args(Strategy))
        self.ranges = RangesPanel()
        self.psnr = QLineEdit()
        self.psnr.setPlaceholderText("none; for a benchmark series e.g. 30, 25, 20, 15, 12")
        unit = extra_of(fields["psnr"])["unit"]
        self.psnr.setToolTip(
            _tip(f"PSNR levels ({unit})", f"{fields['psnr'].description} Samples: of each level.")
        )
        self.labels = _combo("labels", "Labels layer to copy, unchanged, beside every sample.")
        self.layout_ = _combo("layout", "How the training tool wants its files named.")
        for name, layout in LAYOUTS.items():
            self.layout_.addItem(layout.title, name)
            self.layout_.setItemData(self.layout_.count() - 1, layout.description, 3)
        self.format = _combo("format", "File format of images and labels.")
        self.folder = QLineEdit()
        self.folder.setPlaceholderText("folder of the training set")
        self.folder.setToolTip(_tip("folder", "Where the files go. It is made if need be."))
        self.choose = QPushButton("Choose…")
        self.choose.setToolTip("Choose the folder of the training set.")
        self.existing = _combo(
            "existing files",
            "What to do if samples of these names are there already. Nothing is ever overwritten "
            "unless you choose so.",
        )
        for text, key in (("stop", ""), ("keep and go on", "resume"), ("replace", "overwrite")):
            self.existing.addItem(text, key)
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.status = StatusLine()
        self.copy_python = _button("Copy as Python", "Copy a program that makes the same files.")
        self.copy_command = _button(
            "Copy as command", "Copy the command line that makes the same files."
        )
        self.open_folder = _button("Open folder", "Show the folder in the file manager.")
        self.export = _button("Export", "Make all samples. Other work can go on meanwhile.")
        self.export.setDefault(True)
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(_SETTLED_MS)
        self._lay_out()
        self._wire()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow("what", self.what)
        form.addRow("samples", _row(self.samples, QLabel("strategy"), self.strategy))
        form.addRow("vary", self.ranges)
        form.addRow("PSNR levels (dB)", self.psnr)
        form.addRow("labels", self.labels)
        form.addRow("layout", _row(self.layout_, QLabel("format"), self.format))
        form.addRow("folder", _row(self.folder, self.choose))
        form.addRow("existing files", self.existing)
        buttons = QHBoxLayout()
        for button in (self.copy_python, self.copy_command, self.open_folder, self.export):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.note)
        layout.addWidget(self.status)
        layout.addLayout(buttons)
        layout.setSizeConstraint(QLayout.SizeConstraint.SetMinimumSize)  # grows with its rows
        self.setMinimumWidth(520)

    def _wire(self) -> None:
        self.what.currentIndexChanged.connect(self._on_what)
        self.layout_.currentIndexChanged.connect(self._on_layout)
        for combo in (self.strategy, self.labels, self.format, self.existing):
            combo.currentIndexChanged.connect(self._settled.start)
        for edit in (self.psnr, self.folder):
            edit.textChanged.connect(self._settled.start)
        self.samples.valueChanged.connect(self._settled.start)
        self.ranges.valueChanged.connect(self._settled.start)
        self._settled.timeout.connect(self._say_plan)
        self.choose.clicked.connect(self._ask_folder)
        self.copy_python.clicked.connect(lambda: self._copy(as_python, "Python"))
        self.copy_command.clicked.connect(lambda: self._copy(as_command, "command"))
        self.open_folder.clicked.connect(self._open_folder)
        self.export.clicked.connect(self.start)
        self._background.progressed.connect(self.status.show_progress)
        self._background.finished.connect(self._on_finished)
        self._background.failed.connect(self._on_failed)
        self._background.stopped.connect(self._on_stopped)
        self.status.cancelled.connect(self._on_cancelled)

    # ---- public ----

    def look(self) -> None:
        """Take in what the dock shows now."""
        _, self._recipes = self._choices()
        before = self.what.currentText()
        _fill(self.what, list(self._recipes), before or None)
        names = [la.name for la in self._viewer.layers if isinstance(la, napari.layers.Labels)]
        _fill(self.labels, [_NO_LABELS, *names], self.labels.currentText() or None)
        self._on_what()
        self._on_layout()

    def job(self, *, with_file: bool = True) -> Job:
        """What is asked for; ``with_file``: look whether the image is that of a file, still.

        Raises
        ------
        ValueError, TypeError, OSError
            If it cannot be made; the message says why.
        """
        layer, recipes = self._choices()
        if layer is None:
            raise ValueError("there is no image to export: open one first")
        if self.what.currentText() not in recipes:
            raise ValueError("choose what to export: no step is live")
        if not self.folder.text().strip():
            raise ValueError("choose a folder to export to")
        name = self.labels.currentText()
        labels = next((layer for layer in self._viewer.layers if layer.name == name), None)
        levels = self.psnr.text().replace(";", ",").split(",")
        try:
            psnr = tuple(float(level) for level in levels if level.strip())
        except ValueError:
            raise ValueError(
                f"PSNR levels are numbers with commas between; got {self.psnr.text()!r}"
            ) from None
        ranges = {n: r for n, r in self.ranges.value().items() if not (psnr and n.endswith(".w_v"))}
        sampling = Sampling(
            recipe=recipes[self.what.currentText()],
            samples=self.samples.value(),
            strategy=self.strategy.currentText(),
            ranges=ranges,
            psnr=psnr,
        )
        in_lengths = any(isinstance(s, DegradeContrast) for s in sampling.recipe.steps)
        source = source_of(layer, labels, with_file=with_file, in_lengths=in_lengths)
        return Job(
            (source,),
            sampling,
            Path(self.folder.text().strip()).expanduser(),
            self.layout_.currentData(),
            self.format.currentData(),
        )

    def start(self) -> None:
        """Make all samples, in a thread."""
        job = self._job_or_reason()
        if job is None:
            return
        existing = self.existing.currentData()
        resume, overwrite = existing == "resume", existing == "overwrite"
        self.export.setEnabled(False)
        self.status.say(f"Exporting {len(job)} samples to {job.output} …")
        self.status.show_progress(0, 1)
        self._background.start(lambda: run(job, resume=resume, overwrite=overwrite))

    @property
    def running(self) -> bool:
        """Whether an export is under way."""
        return self._background.running

    # ---- what the user does ----

    def _on_what(self) -> None:
        recipe = self._recipes.get(self.what.currentText())
        if recipe is not None:
            self.ranges.setRecipe(recipe)
        self._settled.start()

    def _on_layout(self) -> None:
        layout = LAYOUTS[self.layout_.currentData()]
        before = self.format.currentData()
        self.format.clear()
        for name in layout.formats:
            self.format.addItem(f"{name} ({FORMATS[name]})", name)
        if before in layout.formats:
            self.format.setCurrentIndex(layout.formats.index(before))
        self.labels.setEnabled(layout.labels is not None)
        if layout.labels is None:
            self.labels.setCurrentIndex(0)
        self._settled.start()

    def _ask_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder of the training set")
        if folder:
            self.folder.setText(folder)

    def _copy(self, words: Callable[[Job], str], what: str) -> None:
        job = self._job_or_reason()
        if job is None:
            return
        try:
            text = words(job)
        except ValueError as error:
            self.status.say(f"There is no {what} for it: {error}.")
            return
        QApplication.clipboard().setText(text)
        self.status.say(f"Copied as {what}.")

    def _open_folder(self) -> None:
        folder = Path(self.folder.text()).expanduser()
        if not folder.is_dir():
            self.status.say(f"{folder} is not there yet.")
            return
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder.resolve())))

    def _on_cancelled(self) -> None:
        self._background.cancel()
        self.status.say(
            "Cancelled. Finished samples stay; choose “keep and go on” to make the rest."
        )

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop what is under way: finished samples stay, nothing half-made does."""
        self._background.cancel()
        super().closeEvent(event)

    # ---- what is said ----

    def _job_or_reason(self) -> Job | None:
        try:
            return self.job()
        except (ValueError, TypeError, OSError) as error:
            self.status.say(f"{str(error).rstrip('.')}.")
            return None

    def _say_plan(self) -> None:
        try:
            job = self.job(with_file=False)
            size = size_of(job)
        except (ValueError, TypeError, OSError) as error:
            self.note.setText(f"{str(error).rstrip('.')}.")
            return
        self.note.setText(
            f"{len(job)} samples, {_bytes(size)} on disk before compression. {job.how.description}"
        )

    def _on_finished(self, report: Report) -> None:
        kept = f" {len(report.kept)} were there already." if report.kept else ""
        failed = "".join(f" {name} failed: {why}." for name, why in report.failed[:3])
        more = f" {len(report.failed) - 3} more failed." if len(report.failed) > 3 else ""
        self.status.say(f"{len(report.made)} samples made.{kept}{failed}{more}")
        self.exported.emit(report)

    def _on_failed(self, error: Exception) -> None:
        self.status.say(f"{str(error).rstrip('.')}.")

    def _on_stopped(self) -> None:
        self.status.rest()
        self.export.setEnabled(True)


def _bytes(n: int) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if n >= size:
            return f"{n / size:.1f} {unit}"
    return f"{n / 1e3:.1f} kB"


def _tip(name: str, meaning: str) -> str:
    return f"<p><b>{name}</b><br>{meaning}</p>"


def _combo(name: str, meaning: str) -> QComboBox:
    combo = QComboBox()
    combo.setToolTip(_tip(name, meaning))
    return combo


def _button(name: str, meaning: str) -> QPushButton:
    button = QPushButton(name)
    button.setToolTip(_tip(name, meaning))
    button.setAutoDefault(False)
    return button


def _row(*widgets: QWidget) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget, stretch=0 if isinstance(widget, (QLabel, QPushButton)) else 1)
    return row


def _fill(combo: QComboBox, texts: list[str], chosen: str | None) -> None:
    """Fill a list anew, keeping what was chosen if it is still there; else the last."""
    combo.blockSignals(True)
    combo.clear()
    combo.addItems(texts)
    if chosen in texts:
        combo.setCurrentIndex(texts.index(chosen))
    elif chosen is None and texts and texts[0] != _NO_LABELS:
        combo.setCurrentIndex(len(texts) - 1)
    combo.blockSignals(False)
