"""Rows of small grey pictures under their captions: pairs of patches, and previews."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QRect, QSize, Qt
from qtpy.QtGui import QImage, QPainter, QPaintEvent, QPalette
from qtpy.QtWidgets import QSizePolicy, QWidget

_GAP = 4
_LEAST, _USUAL = 60, 100  # pixels of the side of a picture
#: Shares of pixels, in percent, that are shown black and white.
_ENDS = (0.5, 99.5)


class Pictures(QWidget):
    """Rows of pictures; those of one row share their black and white.

    Parameters
    ----------
    captions : sequence of str
        What each column shows.
    """

    # input   target
    # [    ]  [    ]
    # [    ]  [    ]

    def __init__(self, captions: Sequence[str]) -> None:
        super().__init__()
        self._captions = tuple(captions)
        self._rows: list[list[QImage]] = []
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    @property
    def rows(self) -> int:
        """How many rows are shown."""
        return len(self._rows)

    def setCaptions(self, captions: Sequence[str]) -> None:
        """Say what each column shows."""
        self._captions = tuple(captions)
        self.update()

    def setRows(self, rows: Sequence[Sequence[npt.NDArray[Any]]]) -> None:
        """Show these pictures, (Y, X) each, row by row."""
        self._rows = [_images(row) for row in rows]
        self.updateGeometry()
        self.update()

    # ---- how it lies ----

    def _side(self, width: int) -> int:
        columns = max(1, len(self._captions))
        return int(max(_LEAST, (width - (columns - 1) * _GAP) // columns))

    def heightForWidth(self, width: int) -> int:
        """As high as square pictures that fill the width."""
        if not self._rows:
            return 0
        caption = self.fontMetrics().lineSpacing()
        return int(caption + len(self._rows) * (self._side(width) + _GAP))

    def sizeHint(self) -> QSize:
        """Room for pictures of a usual size."""
        width = len(self._captions) * (_USUAL + _GAP)
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        """Room for the smallest pictures."""
        return QSize(len(self._captions) * (_LEAST + _GAP), self.heightForWidth(self.width()))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw captions and pictures."""
        if not self._rows:
            return
        painter = QPainter(self)
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        side, top = self._side(self.width()), self.fontMetrics().lineSpacing()
        for column, caption in enumerate(self._captions):
            where = QRect(column * (side + _GAP), 0, side, top)
            text = self.fontMetrics().elidedText(caption, Qt.TextElideMode.ElideRight, side)
            painter.drawText(where, Qt.AlignmentFlag.AlignLeft, text)
        for n, row in enumerate(self._rows):
            for column, image in enumerate(row):
                cell = QRect(column * (side + _GAP), top + n * (side + _GAP), side, side)
                size = image.size().scaled(cell.size(), Qt.AspectRatioMode.KeepAspectRatio)
                painter.drawImage(QRect(cell.topLeft(), size), image)
        painter.end()


def _images(row: Sequence[npt.NDArray[Any]]) -> list[QImage]:
    finite = [np.nan_to_num(np.asarray(picture, np.float32)) for picture in row]
    ends = [np.percentile(picture, _ENDS) for picture in finite]
    low, high = min(e[0] for e in ends), max(e[1] for e in ends)
    return [_image(picture, float(low), float(high)) for picture in finite]


def _image(picture: npt.NDArray[np.float32], low: float, high: float) -> QImage:
    grey = 255 * np.clip((picture - low) / max(high - low, 1e-12), 0, 1)
    values = np.ascontiguousarray(grey.astype(np.uint8))
    rows, columns = values.shape
    image = QImage(values.data, columns, rows, columns, QImage.Format.Format_Grayscale8)
    return image.copy()  # of its own: the array goes
