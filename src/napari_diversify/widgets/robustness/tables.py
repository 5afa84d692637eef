"""The tables of the window: scores, and objects in the order in which they are lost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from ...robustness.fragile import Fragile, lost_at
from ...robustness.rows import Row, in_order
from ...robustness.study import Study
from ...robustness.words import TITLES, level_in_words
from .layers import level_colours

_SORTED = int(Qt.ItemDataRole.UserRole)


class Line:
    """A line of a table: cells, what they are sorted by, what is meant, and its colour."""

    def __init__(self, cells: Sequence[str], order: Sequence[Any], of: Any, colour: str = ""):
        self.cells, self.order, self.of = cells, order, of
        self.colour = QColor(colour) if colour else None


class Table(QTableView):
    """Lines that can be sorted by any column and chosen, by mouse or by keys."""

    chosen = Signal(object)  # what is meant by the line

    def __init__(self, tooltip: str) -> None:
        super().__init__()
        self._lines = _Lines(self)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self._lines)
        self._sorted.setSortRole(_SORTED)
        self.setModel(self._sorted)
        self.setToolTip(f"<p>{tooltip}</p>")
        self.setSortingEnabled(True)
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.verticalHeader().hide()
        self.setWordWrap(False)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        self.clicked.connect(self._on_chosen)
        self.activated.connect(self._on_chosen)

    def setLines(self, head: Sequence[str], lines: Sequence[Line]) -> None:
        """Show these lines."""
        fresh = not self._lines.lines
        self._lines.show(head, lines)
        if fresh:
            self.resizeColumnsToContents()

    @property
    def lines(self) -> Sequence[Line]:
        """What is shown, unsorted."""
        return self._lines.lines

    def _on_chosen(self, index: QModelIndex) -> None:
        self.chosen.emit(self._lines.lines[self._sorted.mapToSource(index).row()].of)


class _Lines(QAbstractTableModel):
    def __init__(self, parent: Any) -> None:
        super().__init__(parent)
        self.head: Sequence[str] = ()
        self.lines: Sequence[Line] = ()

    def show(self, head: Sequence[str], lines: Sequence[Line]) -> None:
        self.beginResetModel()
        self.head, self.lines = head, lines
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.lines)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.head)

    def headerData(self, section: int, orientation: Any, role: int = 0) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return self.head[section]
        return None

    def data(self, index: QModelIndex, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        if not index.isValid():
            return None
        line, column = self.lines[index.row()], index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return line.cells[column]
        if role == _SORTED:
            return line.order[column]
        if role == Qt.ItemDataRole.DecorationRole and column == 0:
            return line.colour
        return None


def score_lines(study: Study, rows: Sequence[Row]) -> tuple[list[str], list[Line]]:
    """A line for each sample and curve."""
    against_itself = any(row.against_itself for row in rows)
    score = "pq" if against_itself else study.score
    title = "stability (PQ)" if against_itself else TITLES[score]
    head = ["segmenter", "level", "draw", title, "found", "true", "w_v", "PSNR (dB)", "failed"]
    lines = []
    for row in in_order(rows):
        values: list[Any] = [
            study.curves[row.dot.curve].name,
            row.dot.level,
            row.dot.draw + 1,
            row.scores[score],
            row.found,
            row.true,
            row.weight,
            row.psnr,
            row.failed,
        ]
        cells = [values[0], level_in_words(study, row.dot.level)] + [_cell(v) for v in values[2:]]
        lines.append(Line(cells, [-math.inf if v is None else v for v in values], row))
    return head, lines


def object_lines(
    study: Study,
    objects: Sequence[Fragile],
    centres: Sequence[tuple[float, ...]],
    unit: str,
) -> tuple[list[str], list[Line]]:
    """A line for each object, those that are lost first at the top."""
    head = ["lost at", "label", f"size ({unit})", "brightness", "contrast", "touching", "border"]
    colours = level_colours(study)
    lines = []
    for one, centre in sorted(zip(objects, centres, strict=True), key=lambda pair: pair[0].held):
        values: list[Any] = [one.held, one.label, one.size, one.brightness, one.contrast]
        values += [one.touching, one.at_border]
        cells = [lost_at(study, one.held), str(one.label)] + [_cell(v) for v in values[2:]]
        lines.append(Line(cells, values, centre, colours[one.held]))
    return head, lines


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else ""
    if value == math.inf:
        return "∞"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
