"""The Export dialog: from what is on the screen to a training set on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import napari.layers
from napari.components import ViewerModel
from qtpy.QtCore import QTimer, QUrl, Signal
from qtpy.QtGui import QCloseEvent, QDesktopServices
from qtpy.QtWidgets import (
    QApplication,
    QCheckBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from ...batch import Job, Report, as_command, as_python, run, size_of
from ...files import FORMATS, LAYOUTS, free_name
from ...model import extra_of
from ...recipe import Recipe, Sampling
from ...report import NAME, reporting
from ..qt.background import Background
from ..qt.numbers import numbers_in
from ..qt.parts import button, combo, fill, row, sentence, tip
from ..qt.preferences import preference, set_preference
from ..qt.status import StatusLine
from ..qt.words import Words
from ..samples.sampling_panel import SamplingPanel
from .folder_line import folder_line
from .source import source_of
from .words import finished, planned

_SETTLED_MS = 200
_NO_LABELS = "none"

#: The image, and the recipe of each live layer by what it shows; the last is the usual.
Choices: TypeAlias = Callable[[], tuple[napari.layers.Image | None, dict[str, Recipe]]]
#: What a sheet of samples shows, and which of them are kept; None if there is no sheet.
Kept: TypeAlias = Callable[[], tuple[Sampling, tuple[int, ...]] | None]


class ExportDialog(QDialog):
    """Ask what, how many and where; then make it, with progress and cancel.

    Parameters
    ----------
    viewer : ViewerModel
    choices : callable
        ``choices()`` gives (image layer or None, {what is shown: its recipe}).
    kept : callable
        ``kept()`` gives what a sheet of samples shows and which are kept, or None.
    """

    # [x] only the 12 kept of the 20 samples on the sheet
    # (what, samples, strategy, vary: as in the Samples window)
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
        choices: Choices,
        kept: Kept,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export samples")
        self._viewer = viewer
        self._choices = choices
        self._kept = kept
        self._background = Background(self, guarded=True)
        self._reporting = Background(self)
        self.only_kept = QCheckBox()
        self.only_kept.setToolTip(
            tip("only the kept", "Make those samples of the sheet that were not rejected.")
        )
        self.sampling = SamplingPanel()
        fields = Sampling.model_fields
        self.psnr = QLineEdit()
        self.psnr.setPlaceholderText("none; for a benchmark series e.g. 30; 25; 20; 15; 12")
        unit = extra_of(fields["psnr"])["unit"]
        self.psnr.setToolTip(
            tip(f"PSNR levels ({unit})", f"{fields['psnr'].description} Samples: of each level.")
        )
        self.labels = combo("labels", "Labels layer to copy, unchanged, beside every sample.")
        self.layout_ = combo("layout", "How the training tool wants its files named.")
        for name, layout in LAYOUTS.items():
            self.layout_.addItem(layout.title, name)
            self.layout_.setItemData(self.layout_.count() - 1, layout.description, 3)
        self.format = combo("format", "File format of images and labels.")
        self.folder, self.choose = folder_line(
            "folder of the training set",
            tip("folder", "Where the files go. It is made if need be."),
            "Choose the folder of the training set.",
        )
        self.real, self.choose_real = folder_line(
            "none; compared with in the report",
            tip("real images", "Folder of real images that the report compares the samples with."),
            "Choose the folder of real images.",
        )
        self.existing = combo(
            "existing files",
            "What to do if samples of these names are there already. Nothing is ever overwritten "
            "unless you choose so; replace also removes their files of another layout.",
        )
        for text, key in (("stop", ""), ("keep and go on", "resume"), ("replace", "overwrite")):
            self.existing.addItem(text, key)
        self.note = Words()
        self.status = StatusLine()
        self.copy_python = button("Copy as Python", "Copy a program that makes the same files.")
        self.copy_command = button(
            "Copy as command", "Copy the command line that makes the same files."
        )
        self.report = button(
            "Report",
            "Write one page on what is in the folder: what stands out, how the numbers lie. Then "
            "show it in the web browser.",
        )
        self.open_folder = button("Open folder", "Show the folder in the file manager.")
        self.export = button("Export", "Make all samples. Other work can go on meanwhile.")
        self.export.setDefault(True)
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(_SETTLED_MS)
        self._lay_out()
        self._take_preferences()
        self._wire()

    def _take_preferences(self) -> None:
        """Begin with the layout and the format of the last export."""
        self.layout_.setCurrentIndex(
            max(0, self.layout_.findData(preference("export", "layout", "plain")))
        )
        self._on_layout()
        self.format.setCurrentIndex(
            max(0, self.format.findData(preference("export", "format", "")))
        )

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow(self.only_kept)
        form.addRow(self.sampling)
        form.addRow("PSNR levels (dB)", self.psnr)
        form.addRow("labels", self.labels)
        form.addRow("layout", row(self.layout_, QLabel("format"), self.format))
        form.addRow("folder", row(self.folder, self.choose))
        form.addRow("existing files", self.existing)
        form.addRow("real images", row(self.real, self.choose_real))
        buttons = QHBoxLayout()
        for push in (
            self.copy_python,
            self.copy_command,
            self.open_folder,
            self.report,
            self.export,
        ):
            buttons.addWidget(push)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.note)
        layout.addWidget(self.status)
        layout.addLayout(buttons)
        layout.setSizeConstraint(QLayout.SizeConstraint.SetMinimumSize)  # grows with its rows
        self.setMinimumWidth(520)

    def _wire(self) -> None:
        self.only_kept.toggled.connect(self._on_only_kept)
        self.sampling.valueChanged.connect(self._on_changed)
        self.layout_.currentIndexChanged.connect(self._on_layout)
        for box in (self.labels, self.format, self.existing):
            box.currentIndexChanged.connect(self._on_changed)
        for edit in (self.psnr, self.folder):
            edit.textChanged.connect(self._on_changed)
        self._settled.timeout.connect(self._say_plan)
        self.report.clicked.connect(self.write_report)
        self.copy_python.clicked.connect(lambda: self._copy(as_python, "Python"))
        self.copy_command.clicked.connect(lambda: self._copy(as_command, "command"))
        self.open_folder.clicked.connect(self._open_folder)
        self.export.clicked.connect(self.start)
        self._background.progressed.connect(self.status.show_progress)
        self._background.finished.connect(self._on_finished)
        self._background.failed.connect(self._on_failed)
        self._reporting.progressed.connect(self.status.show_progress)
        self._reporting.finished.connect(self._on_report)
        self._reporting.failed.connect(self._on_failed)
        for background in (self._background, self._reporting):
            background.stopped.connect(self._on_stopped)
        self.status.cancelled.connect(self._on_cancelled)

    # ---- public ----

    def look(self) -> None:
        """Take in what the dock shows now."""
        self.sampling.setRecipes(self._choices()[1])
        names = [la.name for la in self._viewer.layers if isinstance(la, napari.layers.Labels)]
        fill(self.labels, [_NO_LABELS, *names], self.labels.currentText() or None, _NO_LABELS)
        self.look_at_sheet()
        self._on_layout()

    def look_at_sheet(self) -> None:
        """Take in which samples of the sheet are kept."""
        kept = self._kept()
        self.only_kept.setVisible(kept is not None)
        if kept is None:
            self.only_kept.setChecked(False)
        else:
            sampling, numbers = kept
            self.only_kept.setText(
                f"only the {len(numbers)} kept of the {len(sampling)} samples on the sheet"
            )
        self._on_only_kept()

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
        if not self.folder.text().strip():
            raise ValueError("choose a folder to export to")
        name = self.labels.currentText()
        labels = next((layer for layer in self._viewer.layers if layer.name == name), None)
        sampling, only = self._what(recipes)
        in_lengths = sampling.recipe.in_lengths
        source = source_of(layer, labels, with_file=with_file, in_lengths=in_lengths)
        return Job(
            (source,),
            sampling,
            Path(self.folder.text().strip()).expanduser(),
            self.layout_.currentData(),
            self.format.currentData(),
            only=only,
        )

    def _what(self, recipes: dict[str, Recipe]) -> tuple[Sampling, tuple[int, ...] | None]:
        """What is to be drawn, and which of it is to be made if not all."""
        kept = self._kept() if self.only_kept.isChecked() else None
        if kept is not None:
            return kept
        try:
            psnr = numbers_in(self.psnr.text(), self.psnr.locale())
        except ValueError as error:
            raise ValueError(f"PSNR levels: {error}") from None
        return self.sampling.value(recipes, psnr), None

    def start(self) -> None:
        """Make all samples, in a thread."""
        job = self._job_or_reason()
        if job is None:
            return
        set_preference("export", "layout", job.layout)
        set_preference("export", "format", self.format.currentData())
        existing = self.existing.currentData()
        resume, overwrite = existing == "resume", existing == "overwrite"
        self.export.setEnabled(False)
        self.status.say(f"Exporting {len(job)} samples to {job.output} …")
        self.status.show_progress(0, 1)
        self._background.start(lambda: run(job, resume=resume, overwrite=overwrite))

    def write_report(self) -> None:
        """Write the page on what is in the folder, in a thread, and show it."""
        if not self.folder.text().strip():
            self.status.say("Choose the folder to report on.")
            return
        folder = Path(self.folder.text().strip()).expanduser()
        real = self.real.text().strip()
        self.report.setEnabled(False)
        self.status.say(f"Looking at the samples in {folder} …")
        where = Path(real).expanduser() if real else None
        self._reporting.start(lambda: reporting(folder, real=where, out=free_name(folder / NAME)))

    @property
    def running(self) -> bool:
        """Whether an export or a report is under way."""
        return self._background.running or self._reporting.running

    # ---- what the user does ----

    def _on_changed(self) -> None:
        self._settled.start()  # which would take what a signal carries for its interval

    def _on_only_kept(self) -> None:
        drawn_here = not self.only_kept.isChecked()
        self.sampling.setEnabled(drawn_here)
        self.psnr.setEnabled(drawn_here)
        self._settled.start()

    def _on_layout(self) -> None:
        layout = LAYOUTS[self.layout_.currentData()]
        before = self.format.currentData()
        self.format.clear()
        for name in layout.formats:
            self.format.addItem(f"{name} ({FORMATS[name].ending})", name)
        if before in layout.formats:
            self.format.setCurrentIndex(layout.formats.index(before))
        self.labels.setEnabled(layout.labels is not None)
        if layout.labels is None:
            self.labels.setCurrentIndex(0)
        self._settled.start()

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
        if self._reporting.running:
            self._reporting.cancel()
            self.status.say("Cancelled. No report was written.")
            return
        self._background.cancel()
        self.status.say(
            "Cancelled. Finished samples stay; choose “keep and go on” to make the rest."
        )

    def reject(self) -> None:
        """Escape: hide the dialog, but never what goes on in it."""
        if self.running:
            self.status.say(
                "Samples or a report are being made. Press Cancel to stop, or close the window, "
                "which stops too."
            )
            return
        super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop what is under way: finished samples stay, nothing half-made does."""
        self._background.cancel()
        self._reporting.cancel()
        super().closeEvent(event)

    # ---- what is said ----

    def _job_or_reason(self) -> Job | None:
        try:
            return self.job()
        except (ValueError, TypeError, OSError) as error:
            self.status.say(sentence(error))
            return None

    def _say_plan(self) -> None:
        try:
            job = self.job(with_file=False)
            size = size_of(job)
        except (ValueError, TypeError, OSError) as error:
            self.note.setText(sentence(error))
            return
        self.note.setText(planned(job, size))

    def _on_finished(self, report: Report) -> None:
        self.status.say(finished(report))
        self.exported.emit(report)

    def _on_report(self, page: Path) -> None:
        self.status.say(f"The report is in {page}.")
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(page.resolve())))

    def _on_failed(self, error: Exception) -> None:
        self.status.say(sentence(error))

    def _on_stopped(self) -> None:
        if not self.running:
            self.status.rest()
        self.export.setEnabled(not self._background.running)
        self.report.setEnabled(not self._reporting.running)
