"""The Explore window: a sheet of tiles, w_i by w_v around the current point; click one."""

from __future__ import annotations

import copy
from collections.abc import Generator
from typing import Any

import napari.layers
import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from qtpy.QtCore import QSize, Qt, QTimer, Signal
from qtpy.QtGui import QHideEvent, QIcon, QImage, QPixmap, QShowEvent
from qtpy.QtWidgets import (
    QGridLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ...model import bounds_of
from ...recipe import Diversify, LazyVolume, Recipe
from ..live.slicing import voxel_at
from ..qt.background import Background
from ..qt.driver import driver
from ..qt.parts import soon
from ..qt.words import Words

SIDE = 144  # pixels of a tile: as many voxels at most
_SETTLED_MS = 200
_MARGIN_PX = 8  # so that a bar on one side calls for none on the other
_FRAMED = (
    "QToolButton { border: 3px solid transparent; padding: 0px; }"
    "QToolButton:hover { border-color: palette(mid); }"
    "QToolButton:checked { border-color: #ffd166; }"
)
_READY = "Rows: w_i. Columns: w_v. Click a tile to take its weights."
_NOTHING = "Nothing live is in view: switch a step live to explore its weights."
_FACTORS_I = (0.5, 0.75, 1.0, 1.25, 1.5)
_FACTORS_V = (0.25, 0.5, 1.0, 2.0, 4.0)
_FROM_NOTHING = (0.0, 0.5, 1.0, 2.0, 4.0)


def weights_around(w_i: float, w_v: float) -> tuple[list[float], list[float]]:
    """Five values each of w_i and w_v, with the given ones among them.

    Multiples, so that steps look alike at all strengths; without noise the
    usual strengths. Kept within what the step accepts.
    """
    fields = Diversify.model_fields
    return (
        _around(w_i, _FACTORS_I, bounds_of(fields["w_i"])),
        _around(w_v, _FACTORS_V if w_v > 0 else (), bounds_of(fields["w_v"])),
    )


def _around(value: float, factors: tuple[float, ...], bounds: tuple[float, float]) -> list[float]:
    wanted = [value * f for f in factors] if factors and value > 0 else list(_FROM_NOTHING)
    inside = {min(max(round(w, 4), bounds[0]), bounds[1]) for w in wanted if w != value}
    return sorted({*inside, value})


class ExploreWindow(QWidget):
    """Tiles of the plane in view under other weights.

    A tile shows the voxels in the middle of the view, in full resolution, in
    the colours of the image; nothing is computed while the window is hidden.
    """

    #          w_v 0.5   1    2    4    8
    # w_i 0.5  [tile] [tile] ...
    # ...
    picked = Signal(object, float)  # w_i, w_v

    def __init__(self, viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle("Explore w_i × w_v")
        self._viewer = viewer
        self._array: LazyVolume | None = None
        self._index: tuple[Any, ...] = ()
        self._layer: napari.layers.Image | None = None
        self.tiles: dict[tuple[float, float], QToolButton] = {}
        self.values: dict[tuple[float, float], npt.NDArray[Any]] = {}
        self._painted: set[tuple[float, float]] = set()
        self.note = Words(_READY)
        sheet = QWidget()
        self._grid = QGridLayout(sheet)
        self._grid.setSpacing(4)
        self._area = QScrollArea()  # a sheet is higher than the screens of many laptops
        self._area.setWidget(sheet)
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QScrollArea.Shape.NoFrame)
        layout = QVBoxLayout(self)
        layout.addWidget(self._area, stretch=1)
        layout.addWidget(self.note)
        self._background = Background(self)
        self._background.progressed.connect(self._paint)
        self._background.finished.connect(self._on_finished)
        self._background.failed.connect(self._on_failed)
        self._fitting = soon(self, self._fit_screen)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SETTLED_MS)
        self._soon.timeout.connect(self._compute)

    # ---- public ----

    def look(self, array: LazyVolume, index: tuple[Any, ...], layer: napari.layers.Image) -> None:
        """Show tiles around what is in view: ``index`` of ``array``, in the looks of a layer."""
        self._array, self._index, self._layer = array, index, layer
        if self.isVisible():
            self._soon.start()

    def clear(self) -> None:
        """Show nothing: there is no result in view."""
        self._array = None
        self.cancel()
        self.values, self._painted = {}, set()
        for tile in self.tiles.values():
            tile.setIcon(QIcon())
        self.note.setText(_NOTHING)

    @property
    def running(self) -> bool:
        """Whether tiles are being computed."""
        return self._background.running

    def cancel(self) -> None:
        """Stop computing."""
        self._soon.stop()
        self._background.cancel()

    # ---- private ----

    def _compute(self) -> None:
        if driver().busy:  # the picture comes first
            self._soon.start()
            return
        array = self._array
        if array is None:
            self.note.setText(_NOTHING)
            return
        recipe, steps = array.recipe, array.recipe.steps
        at = next((i for i, step in enumerate(steps) if isinstance(step, Diversify)), None)
        if at is None:
            self.note.setText("Weights belong to the Diversify step: switch it live.")
            return
        plane = tuple(part if part == slice(None) else 0 for part in self._index)
        if plane.count(slice(None)) != 2:
            self.note.setText("Tiles show a plane of the image: go back to a 2D view of one.")
            return
        step = steps[at]
        assert isinstance(step, Diversify)
        all_w_i, all_w_v = weights_around(step.w_i, step.w_v)
        self._lay_out(all_w_i, all_w_v, (step.w_i, step.w_v))
        region = self._middle(array)
        before, after = steps[:at], steps[at + 1 :]
        wanted = [
            (w, recipe.replace(steps=(*before, step.replace(w_i=w[0], w_v=w[1]), *after)))
            for w in self.tiles
        ]

        values: dict[tuple[float, float], npt.NDArray[Any]] = {}  # of this run alone

        def work() -> Generator[tuple[int, int], None, None]:
            for n, (weights, tile) in enumerate(wanted):
                yield n, len(wanted)
                values[weights] = _tile(array, tile, region, plane)
            yield len(wanted), len(wanted)

        self.values, self._painted = values, set()
        self._background.start(work)

    def _middle(self, array: LazyVolume) -> tuple[Any, ...]:
        """The part of the index around the middle of the view that fits on a tile."""
        assert self._layer is not None
        dims = self._viewer.dims
        world = list(dims.point)
        for axis, centre in zip(
            dims.displayed, self._viewer.scene.camera.center[-2:], strict=False
        ):
            world[axis] = centre
        finest = self._layer.data[0] if self._layer.multiscale else self._layer.data
        point = voxel_at(self._layer, dims, world)
        out: list[Any] = []
        for part, n, full, where in zip(self._index, array.shape, finest.shape, point, strict=True):
            if part != slice(None):
                out.append(part)
                continue
            middle = round(float(where) * n / full)
            first = min(max(middle - SIDE // 2, 0), max(n - SIDE, 0))
            out.append(slice(first, min(first + SIDE, n)))
        return tuple(out)

    def _lay_out(
        self, all_w_i: list[float], all_w_v: list[float], here: tuple[float, float]
    ) -> None:
        wanted = [(w_i, w_v) for w_i in all_w_i for w_v in all_w_v]
        if list(self.tiles) != wanted:
            if not self.tiles:
                self._fitting.start()  # once it is known what they need; later it is the user's
            while (item := self._grid.takeAt(0)) is not None:
                item.widget().deleteLater()
            self.tiles = {}
            for column, w_v in enumerate(all_w_v, 1):
                self._grid.addWidget(_caption(f"w_v {w_v:.3g}"), 0, column)
            for line, w_i in enumerate(all_w_i, 1):
                self._grid.addWidget(_caption(f"w_i {w_i:.3g}"), line, 0)
                for column, w_v in enumerate(all_w_v, 1):
                    self._add((w_i, w_v), line, column)
        for weights, tile in self.tiles.items():
            tile.setChecked(weights == here)

    def _fit_screen(self) -> None:
        """As large as the first sheet needs, and no larger than the screen."""
        sheet, screen, layout = self._area.widget(), self.screen(), self.layout()
        if sheet is None or screen is None or layout is None:
            return
        bar = self._area.verticalScrollBar().sizeHint().width() + _MARGIN_PX
        margins = layout.contentsMargins()
        width = sheet.sizeHint().width() + bar + margins.left() + margins.right()
        height = sheet.sizeHint().height() + bar + margins.top() + margins.bottom()
        height += layout.spacing() + self.note.heightForWidth(width)
        self.resize(QSize(width, height).boundedTo(0.9 * screen.availableGeometry().size()))

    def _add(self, weights: tuple[float, float], line: int, column: int) -> None:
        tile = QToolButton()
        tile.setCheckable(True)
        tile.setIconSize(QSize(SIDE, SIDE))
        tile.setStyleSheet(_FRAMED)
        tile.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        tile.setToolTip(
            f"<p><b>w_i {weights[0]:.3g}, w_v {weights[1]:.3g}</b><br>Click to take these "
            "weights.</p>"
        )
        tile.clicked.connect(lambda: self.picked.emit(*weights))
        self._grid.addWidget(tile, line, column)
        self.tiles[weights] = tile

    def _paint(self) -> None:
        """Show the tiles that are there."""
        if self._layer is None:
            return
        for weights, values in list(self.values.items()):
            if weights not in self._painted and weights in self.tiles:
                self._painted.add(weights)
                self.tiles[weights].setIcon(QIcon(_pixmap(values, self._layer)))

    def _on_finished(self) -> None:
        self._paint()
        self.note.setText(_READY)

    def _on_failed(self, error: Exception) -> None:
        self.note.setText(f"{error}.")

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up."""
        super().showEvent(event)
        self._soon.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Compute nothing that is not seen."""
        super().hideEvent(event)
        self.cancel()


def _tile(
    array: LazyVolume, recipe: Recipe, region: tuple[Any, ...], plane: tuple[Any, ...]
) -> npt.NDArray[Any]:
    """A part of the result of another recipe; what both have in common is computed once."""
    other = copy.copy(array)
    other.recipe = recipe
    values: npt.NDArray[Any] = other[region][plane]
    return values


def _pixmap(values: npt.NDArray[Any], layer: napari.layers.Image) -> QPixmap:
    """A plane in the colours of a layer."""
    low, high = layer.contrast_limits
    unit = np.clip((values.astype(np.float32) - low) / max(high - low, 1e-30), 0, 1)
    colours = np.ascontiguousarray(
        np.rint(layer.colormap.map(unit.ravel() ** layer.gamma) * 255).astype(np.uint8)
    ).reshape(*values.shape, 4)
    height, width = values.shape
    image = QImage(colours.data, width, height, 4 * width, QImage.Format.Format_RGBA8888)
    return QPixmap.fromImage(image.copy())


def _caption(text: str) -> QLabel:
    label = QLabel(text)
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    return label
