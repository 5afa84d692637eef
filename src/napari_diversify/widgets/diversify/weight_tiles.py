"""The Explore window: a sheet of tiles, w_i by w_v around the current point; click one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Hashable
from dataclasses import dataclass
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
from ...recipe import LazyVolume, Recipe
from ...recipe.steps.registry import AnyStep
from ..live.layers import levels_of
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
_NOTHING = "There is no noise to explore: open an image, or add a step such as Diversify."
_FACTORS_I = (0.5, 0.75, 1.0, 1.25, 1.5)
_FACTORS_V = (0.25, 0.5, 1.0, 2.0, 4.0)
_FROM_NOTHING = (0.0, 0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True)
class Explored:
    """Whose weights are explored, and where.

    Attributes
    ----------
    array : LazyVolume
        Shows the result.
    index : tuple
        What is in view of it.
    layer : napari.layers.Image
        How it is shown.
    number : int
        Of the step in the recipe of the array.
    """

    array: LazyVolume
    index: tuple[Any, ...]
    layer: napari.layers.Image
    number: int


def weights_around(step: AnyStep) -> tuple[list[float], list[float]]:
    """Five values each of the weights of image and noise, with those of the step among them.

    Multiples, so that steps look alike at all strengths; without noise the
    usual strengths. Kept within what the step accepts.
    """
    signal, noise = step.weights
    fields = type(step).model_fields
    names = step.signal_weight, step.noise_weight
    bounds = [bounds_of(fields[name]) if name is not None else (1.0, 1.0) for name in names]
    return (
        _around(signal, _FACTORS_I, bounds[0]),
        _around(noise, _FACTORS_V if noise > 0 else (), bounds[1]),
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

    def __init__(
        self,
        viewer: ViewerModel,
        explored: Callable[[], Explored | None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self._explored = explored
        self.setWindowTitle("Explore w_i × w_v")
        self._viewer = viewer
        self._layer: napari.layers.Image | None = None  # in whose colours tiles are painted
        self._computed: Hashable = None  # what the tiles are of
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

    def look(self) -> None:
        """Follow what is in view, which may be something else by now."""
        if not self.isVisible():
            return
        if self._explored() is None:
            self.cancel()
            self._show_nothing()
        else:
            self._soon.start()

    @property
    def running(self) -> bool:
        """Whether tiles are being computed."""
        return self._background.running

    def cancel(self) -> None:
        """Stop computing."""
        self._soon.stop()
        self._background.cancel()
        self._computed = None

    # ---- private ----

    def _compute(self) -> None:
        if driver().busy:  # the picture comes first
            self._soon.start()
            return
        explored = self._explored()
        if explored is None:
            self._show_nothing()
            return
        array, recipe, at = explored.array, explored.array.recipe, explored.number
        plane = tuple(part if part == slice(None) else 0 for part in explored.index)
        if plane.count(slice(None)) != 2:
            self.note.setText("Tiles show a plane of the image: go back to a 2D view of one.")
            return
        step = recipe.steps[at]
        self._lay_out(*weights_around(step), step.weights)
        region = self._middle(explored)
        look = (recipe, array.edition, id(array.source), array.shape, region, tuple(self.tiles))
        if look == self._computed:
            return
        self._computed, self._layer = look, explored.layer
        wanted = [(w, recipe.with_step(at, step.with_weights(*w))) for w in self.tiles]
        values: dict[tuple[float, float], npt.NDArray[Any]] = {}  # of this run alone

        def work() -> Generator[tuple[int, int], None, None]:
            for n, (weights, tile) in enumerate(wanted):
                yield n, len(wanted)
                values[weights] = _tile(array, tile, region, plane)
            yield len(wanted), len(wanted)

        self.values, self._painted = values, set()
        self._background.start(work)

    def _show_nothing(self) -> None:
        self._background.cancel()
        self.values, self._painted, self._computed = {}, set(), None
        for tile in self.tiles.values():
            tile.setIcon(QIcon())
        self.note.setText(_NOTHING)

    def _middle(self, explored: Explored) -> tuple[Any, ...]:
        """The part of the index around the middle of the view that fits on a tile."""
        dims, layer = self._viewer.dims, explored.layer
        world = list(dims.point)
        for axis, centre in zip(
            dims.displayed, self._viewer.scene.camera.center[-2:], strict=False
        ):
            world[axis] = centre
        point = voxel_at(layer, dims, world)
        shape, finest = explored.array.shape, levels_of(layer)[0].shape
        out: list[Any] = []
        for part, n, full, where in zip(explored.index, shape, finest, point, strict=True):
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
        self._computed = None
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
