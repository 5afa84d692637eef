"""What is under the plot: findings, scores, objects; each on a tab."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QLabel, QTabWidget, QTextBrowser, QVBoxLayout, QWidget

from ...robustness.looking import FATES
from ...robustness.rows import Row
from ...robustness.study import Study
from ...robustness.words import CAUTIONS, STABILITY
from ..qt.parts import button, combo, flow, row
from ..qt.words import Words
from .job import Objects
from .layers import FATE_COLOURS
from .tables import Table, object_lines, score_lines

_FATES = {
    "right": "Objects that are found: IoU 0.5 or more.",
    "missed": "Objects in whose place hardly anything is found.",
    "false": "What is found where there is no object, or beside it.",
    "merged": "Objects that are found as one with others.",
    "split": "Objects that are found in parts.",
}


class Findings(QTabWidget):
    """Sentences, a table of scores, and fragile objects."""

    # [Findings] [Scores] [Objects]
    # otsu: AP at IoU 0.5 is 0.73 in the image as it is, and holds to 16 dB …
    rowChosen = Signal(object)
    objectChosen = Signal(object)  # its centre
    objectsWished = Signal(int)  # of a curve
    layerWished = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._study: Study | None = None
        self.sentences = QTextBrowser()
        self.sentences.setFrameShape(QTextBrowser.Shape.NoFrame)
        self.scores = Table("Every score. Click a line to see what is behind it.")
        self.objects = Table(
            "At which level each labelled object is lost: from there on it is found in less than "
            "half of the draws. Click a line to bring the object into view."
        )
        self.curve = combo("of", "Which segmenter the objects are lost by.")
        self.show_layer = button(
            "Show as layer", "Labels in the colours of the levels at which each object is lost."
        )
        self.objects_note = Words("Known when a study has ended or was stopped.")
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 4, 0, 0)
        column.addWidget(row(QLabel("lost by"), self.curve, self.show_layer))
        column.addWidget(self.objects_note)
        column.addWidget(self.objects, stretch=1)
        self.addTab(self.sentences, "Findings")
        self.addTab(self.scores, "Scores")
        self.addTab(page, "Objects")
        self.setMinimumHeight(170)
        self.setSentences((), against_itself=False)
        self.scores.chosen.connect(self.rowChosen)
        self.objects.chosen.connect(self.objectChosen)
        self.curve.currentIndexChanged.connect(self._on_curve)
        self.show_layer.clicked.connect(self.layerWished)

    def setStudy(self, study: Study) -> None:
        """Begin with nothing."""
        self._study = study
        self.curve.blockSignals(True)
        self.curve.clear()
        self.curve.addItems([curve.name for curve in study.curves])
        self.curve.blockSignals(False)
        self.setSentences((), against_itself=False)
        self.setRows(study, ())
        self.setObjects(None, "")

    def setSentences(self, sentences: Sequence[str], *, against_itself: bool) -> None:
        """Say what the rows tell."""
        if not sentences:
            self.sentences.setPlainText("Sentences come with the first curves.")
            return
        told = "".join(f"<p style='margin: 4px 0'>{escape(text)}.</p>" for text in sentences)
        notes = [*([STABILITY] if against_itself else []), *CAUTIONS]
        cautions = "".join(f"<p style='margin: 4px 0'>{escape(text)}</p>" for text in notes)
        place = self.sentences.verticalScrollBar().value()
        self.sentences.setHtml(f"{told}<hr>{cautions}")
        self.sentences.verticalScrollBar().setValue(place)

    def setRows(self, study: Study, rows: Sequence[Row]) -> None:
        """Show every score."""
        self.scores.setLines(*score_lines(study, rows))

    def setObjects(self, found: Objects | None, unit: str, why: str = "") -> None:
        """Show how long each object is found; or say why that is not known."""
        self.show_layer.setEnabled(found is not None)
        if found is None or self._study is None:
            self.objects_note.setText(why or "Known when a study has ended or was stopped.")
            self.objects.setLines((), ())
            return
        self.objects_note.setText(
            f"{len(found.objects)} objects, those that are lost first at the top."
        )
        self.objects.setLines(*object_lines(self._study, found.objects, found.centres, unit))

    def _on_curve(self, number: int) -> None:
        if number >= 0:
            self.objectsWished.emit(number)


class ErrorLegend(QWidget):
    """What the colours of the errors mean; each can be switched off."""

    # errors  [x] right  [x] missed  [x] false  [x] merged  [x] split
    changed = Signal(object)  # fates that are hidden

    def __init__(self) -> None:
        super().__init__()
        layout = flow(10)
        self.setLayout(layout)
        layout.addWidget(QLabel("errors"))
        self.boxes: dict[str, QCheckBox] = {}
        for fate in FATES:
            square = QLabel(f'<span style="color: {FATE_COLOURS[fate]}">■</span>')
            box = QCheckBox(fate)
            box.setChecked(True)
            box.setToolTip(f"<p><b>{fate}</b><br>{_FATES[fate]}</p>")
            box.toggled.connect(self._on_toggled)
            self.boxes[fate] = box
            layout.addWidget(row(square, box))
        self.setEnabled(False)

    def _on_toggled(self) -> None:
        self.changed.emit({fate for fate, box in self.boxes.items() if not box.isChecked()})
