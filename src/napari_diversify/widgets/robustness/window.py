"""The window Robustness: how much worse an image may become before its segmentation fails."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import napari.layers
from napari.components import ViewerModel
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, Signal
from qtpy.QtGui import QCloseEvent, QHideEvent, QShowEvent
from qtpy.QtWidgets import (
    QApplication,
    QFileDialog,
    QWidget,
)

from ...robustness.following import Outcome
from ...robustness.looking import Looked
from ...robustness.rows import Row
from ...robustness.study import Study
from ...robustness.words import level_in_words
from ..export.source import source_of
from ..plots.plot import colours_of
from ..qt.parts import sentence
from .at_work import AtWork
from .face import Face
from .job import Concluded, Job, Objects, command_of
from .layers import ResultLayers, Undisturbed, is_ours

if TYPE_CHECKING:  # it imports everything that writes files
    from ..export.dialog import Choices


class RobustnessWindow(Face):
    """Runs a study of the image of the dock, and shows it while it grows.

    Parameters
    ----------
    viewer : ViewerModel
    choices : callable
        ``choices()`` gives (image layer or None, {what is shown: its recipe}).
    undisturbed : callable
        Gives the context in which layers are added without the dock turning to them.
    """

    sampleWished = Signal(object)  # a Row: the dock is to show its sample

    def __init__(
        self,
        viewer: ViewerModel,
        choices: Choices,
        undisturbed: Undisturbed,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._choices = choices
        self.objects: Objects | None = None
        self.layers = ResultLayers(viewer, undisturbed)
        self._began, self._known_then = 0.0, 0
        self.work = AtWork(self)
        self._wire()
        self._show_what_can_be_done()

    def _wire(self) -> None:
        self.run.clicked.connect(self.start)
        self.resume.clicked.connect(self.go_on)
        self.status.cancelled.connect(self.stop)
        self.command.clicked.connect(self.copy_command)
        self.export.clicked.connect(self._ask_where_to_export)
        self.setup.scoreChanged.connect(self._on_score)
        self.setup.segmenters.refused.connect(self.status.say)
        self.plot.clicked.connect(self.look_behind)
        self.errors.changed.connect(self.layers.hide_fates)
        self.findings.rowChosen.connect(self.look_behind)
        self.findings.objectChosen.connect(self._on_object)
        self.findings.objectsWished.connect(self.work.find_objects)
        self.findings.layerWished.connect(self.show_fragile)
        work = self.work
        work.progressed.connect(self._on_progress)
        work.finished.connect(self._on_finished)
        work.stopped.connect(self._on_stopped)
        work.drawn.connect(self._on_concluded)
        work.looked.connect(self._on_looked)
        work.found.connect(self._on_objects)
        work.notFound.connect(self._on_no_objects)
        work.kept.connect(self._on_kept)
        work.failed.connect(self._on_failed)

    # ---- public ----

    @property
    def job(self) -> Job | None:
        """The study that is shown."""
        return self.work.job

    def look(self) -> None:
        """Take in what the dock shows now, and which labels there are."""
        image, recipes = self._choices()
        self.setup.image.setText("none: open an image" if image is None else image.name)
        self.setup.setRecipes(recipes)
        self.setup.setLabels(self._labels(), image)

    def start(self) -> None:
        """Run the study that is set, from its beginning."""
        try:
            study, image, labels = self._asked()
            source_of(image, labels, with_file=False, in_lengths=study.recipe.in_lengths)
        except (ValueError, TypeError) as error:
            self.status.say(sentence(error))
            return
        self.objects = None
        self.plot.setStudy(study)
        self.findings.setStudy(study)
        self.errors.setEnabled(False)
        self.work.begin(Job(study, image, labels))
        self._told()
        self._show_what_can_be_done()

    def go_on(self) -> None:
        """Make the scores that are missing."""
        if self.job is not None and not self.work.running:
            self._told()
            self.work.go_on()
            self._show_what_can_be_done()

    def stop(self) -> None:
        """Stop; what is scored stays."""
        if self.work.running and self.job is not None:
            self.work.stop()
            self.status.say(f"Stopped with {len(self.job.rows)} scores, which stay.")
        else:
            self.work.cancel()
            self.status.say("Cancelled.")
        self._rest()

    def look_behind(self, row: Row) -> None:
        """Show the sample of a row, its segmentation and its errors, and tell the dock."""
        self.plot.choose(row)
        self.status.say(f"{self.plot.words_of(row)}. Segmenting its sample once more …")
        self.work.look_behind(row)

    def show_fragile(self) -> None:
        """Show objects in the colours of the levels at which they are lost."""
        if self.job is None or self.objects is None:
            return
        study, name = self.job.study, self.job.study.curves[self.objects.curve].name
        if self._image_is_there():
            self.layers.show_fragile(self.job.image, study, name, self.objects.layer)
            self.status.say(
                "The colours are those of the column “lost at”; napari says below the canvas at "
                "which level the object under the mouse is lost."
            )

    def copy_command(self) -> None:
        """Copy the command of the study that is shown; if there is none, of the one that is set."""
        try:
            study, image, labels = self._asked() if self.job is None else self._shown(self.job)
            text = command_of(study, image, labels)
        except (ValueError, TypeError, OSError) as error:
            self.status.say(f"There is no command for it: {error}.")
            return
        QApplication.clipboard().setText(text)
        self.status.say("Copied as command.")

    def export_to(self, folder: Path) -> None:
        """Write tables, curves and page into a folder."""
        self.status.say(f"Writing to {folder} …")
        self.status.show_progress(0, 0)
        self.work.keep(self._study(), folder)

    # ---- what comes back ----

    def _on_progress(self, done: int, total: int) -> None:
        assert self.job is not None
        self.status.show_progress(done, total)
        if not total:
            return
        made = len(self.job.rows) - self._known_then
        left = ""
        if made:
            seconds = (time.monotonic() - self._began) / made * (total - done)
            left = f", about {_duration(seconds)} left" if done < total else ""
        if not self.work.looking:
            self.status.say(f"{done} of {total} scores{left}.")
        self._show_rows()

    def _show_rows(self) -> None:
        """Draw the dots there are; the curves follow from a thread."""
        if self.job is None:
            return
        rows, study = tuple(self.job.rows), self._study()
        if len(rows) != len(self.plot.rows):
            self.plot.setRows(study, rows)
            self.findings.setRows(study, rows)
        self.work.conclude(study)

    def _on_concluded(self, concluded: Concluded) -> None:
        self.plot.setResult(concluded.result)
        self.findings.setSentences(
            concluded.sentences, against_itself=concluded.result.against_itself
        )
        self.work.conclude(self._study())  # of what has come meanwhile

    def _on_finished(self, outcome: Outcome) -> None:
        assert self.job is not None
        failed = sum(bool(one.failed) for one in outcome.rows)
        words = f"{len(outcome.rows)} scores."
        if failed:
            words += f" {failed} segmentations failed and count as 0; Scores says why."
        self.status.say(" ".join([words, *(f"{what}: {why}." for what, why in outcome.problems)]))

    def _on_stopped(self) -> None:
        self._show_rows()
        self._rest()
        self.work.find_objects(self.findings.curve.currentIndex())

    def _on_score(self) -> None:
        if self.job is not None and self.job.rows:
            study, rows = self._study(), tuple(self.job.rows)
            self.plot.setRows(study, rows)
            self.findings.setRows(study, rows)
            self.work.conclude(study)

    def _on_looked(self, found: tuple[Row, Looked]) -> None:
        row, looked = found
        assert self.job is not None
        if not self._image_is_there():
            return
        curve = self.job.study.curves[row.dot.curve]
        level = level_in_words(self.job.study, row.dot.level)
        caption = f"{level}, draw {row.dot.draw + 1}" if row.dot.level else level
        filtered = "" if curve.cutoff is None else f", low-pass {curve.cutoff:g}"
        self.layers.show_behind(self.job.image, row, looked, caption + filtered)
        self.errors.setEnabled(looked.errors is not None)
        self.status.say(f"{self.plot.words_of(row)}.")
        if row.made_by.steps:
            self.sampleWished.emit(row)

    def _on_objects(self, objects: Objects) -> None:
        self.objects = objects
        header = None if self.job is None or self.job.source is None else self.job.source.header
        known = header is not None and header.spacing is not None
        power = "³" if header is not None and header.spatial_ndim == 3 else "²"
        self.findings.setObjects(objects, f"µm{power}" if known else "voxels")

    def _on_no_objects(self, error: Exception) -> None:
        self.objects = None
        self.findings.setObjects(None, "", sentence(error))

    def _on_object(self, centre: tuple[float, ...]) -> None:
        if self.job is not None and self._image_is_there():
            self.layers.look_at(self.job.image, centre)

    def _on_kept(self, written: list[Path]) -> None:
        self._rest()
        self.status.say(f"Written to {written[0].parent}; the page is {written[0].name}.")

    def _on_failed(self, error: Exception) -> None:
        self._rest()
        self.status.say(sentence(error))

    # ---- private ----

    def _asked(self) -> tuple[Study, napari.layers.Image, napari.layers.Labels | None]:
        """What is set."""
        image, _ = self._choices()
        if image is None:
            raise ValueError("there is no image to make samples of: open one first")
        self.look()
        return self.setup.value(), image, self.setup.chosen_labels(self._labels())

    def _shown(self, job: Job) -> tuple[Study, napari.layers.Image, napari.layers.Labels | None]:
        """What is shown."""
        return self._study(), job.image, job.labels

    def _told(self) -> None:
        """Say that work begins."""
        self._began = time.monotonic()
        self._known_then = 0 if self.job is None else len(self.job.rows)
        self.status.say("Reading the image …")
        self.status.show_progress(0, 0)

    def _study(self) -> Study:
        """The study at work, judged by the score that is chosen."""
        assert self.job is not None
        judged: Study = self.job.study.replace(score=self.setup.score.currentData())
        return judged

    def _labels(self) -> list[napari.layers.Labels]:
        there = [la for la in self._viewer.layers if isinstance(la, napari.layers.Labels)]
        return [layer for layer in there if not is_ours(layer)]

    def _image_is_there(self) -> bool:
        there = self.job is not None and self.job.image in self._viewer.layers
        if not there:
            self.status.say("The image of this study is not in the viewer any more.")
        return there

    def _rest(self) -> None:
        if not (self.work.running or self.work.keeping):
            self.status.rest()
        self._show_what_can_be_done()

    def _show_what_can_be_done(self) -> None:
        job = self.job
        stopped = job is not None and not job.done and not self.work.running
        self.run.setEnabled(not self.work.running)
        self.resume.setEnabled(stopped)
        self.export.setEnabled(job is not None and bool(job.rows) and not self.work.running)

    def _ask_where_to_export(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Choose a folder for the study")
        if folder:
            self.export_to(Path(folder))

    # ---- theme, shown and hidden ----

    def _on_theme(self) -> None:
        if not isalive(self):  # its parent was deleted while it was open
            self._viewer.events.theme.disconnect(self._on_theme)
            return
        self.plot.setColours(colours_of(self._viewer.theme))

    def event(self, event: QEvent) -> bool:
        """Take in what has changed elsewhere when somebody comes back to the window."""
        if event.type() == QEvent.Type.WindowActivate and isalive(self):
            self.look()
        return bool(super().event(event))

    def showEvent(self, event: QShowEvent) -> None:
        """Follow the theme."""
        super().showEvent(event)
        self._viewer.events.theme.connect(self._on_theme)
        self._on_theme()

    def hideEvent(self, event: QHideEvent) -> None:
        """Follow nothing."""
        super().hideEvent(event)
        self._viewer.events.theme.disconnect(self._on_theme)

    def reject(self) -> None:
        """Escape: hide the window, but never what goes on in it."""
        if self.work.running:
            self.status.say("Samples are being scored. Press Stop, or close the window.")
            return
        super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop what is under way; scores stay as long as the dock."""
        self.work.cancel()
        super().closeEvent(event)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
