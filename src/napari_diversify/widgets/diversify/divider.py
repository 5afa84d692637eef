"""A line across the image that can be dragged."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import napari.layers
import numpy as np
from napari.components import ViewerModel
from qtpy.QtCore import QObject, Signal

from ..live.layers import SPATIAL, copy_spatial_state, levels_of, spatial_state
from ..live.slicing import slicing_of, step_on_canvas, voxel_at

_GRASP_PX = 8  # how near to the line a drag may begin
_WIDTH_PX = 2


class Divider(QObject):
    """A line across what is in view of an image, along the vertical of the canvas.

    A layer of one line, for the eye; the mouse is listened to in the viewer, so
    that the line can be dragged whichever layer is active.
    """

    moved = Signal(object)  # (axis counted from the end, share of its length)
    removed = Signal()  # the user deleted the line

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = viewer
        self._source: napari.layers.Image | None = None
        self._line: napari.layers.Vectors | None = None
        self._share = 0.5

    @property
    def place(self) -> tuple[int, float]:
        """Axis of the image along which the line is dragged, from the end, and how far it is."""
        return self._axis(-1), self._share

    def show(self, source: napari.layers.Image) -> None:
        """Draw the line over an image, in its middle."""
        self.hide()
        self._source, self._share = source, 0.5
        active = self._viewer.layers.selection.active
        self._line = self._viewer.add_vectors(
            None,
            ndim=source.ndim,
            name=f"{source.name} (divider: drag it)",
            edge_color="#ffd166",
            vector_style="line",
            visible=False,  # napari fails to draw no vector at all of an image in 3D
            **spatial_state(source),
        )
        self._viewer.layers.selection.active = active
        self._viewer.mouse_drag_callbacks.append(self._drag)
        for emitter in self._emitters(source):
            emitter.connect(self._on_view_changed)
        self._viewer.layers.events.removed.connect(self._on_removed)
        self._on_view_changed()

    def to_top(self) -> None:
        """Put the line on top of all layers."""
        layers = self._viewer.layers
        if self._line is not None:
            layers.move(layers.index(self._line), len(layers))

    def hide(self) -> None:
        """Take the line away."""
        if self._line is None:
            return
        line, source, self._line, self._source = self._line, self._source, None, None
        self._viewer.mouse_drag_callbacks.remove(self._drag)
        for emitter in self._emitters(source):
            emitter.disconnect(self._on_view_changed)
        self._viewer.layers.events.removed.disconnect(self._on_removed)
        if line in self._viewer.layers:
            self._viewer.layers.remove(line)

    # ---- private ----

    def _emitters(self, source: Any) -> tuple[Any, ...]:
        dims = self._viewer.dims.events
        moved = (getattr(source.events, name) for name in SPATIAL)
        return dims.point, dims.order, dims.ndisplay, *moved

    def _can_be_seen(self) -> bool:
        """Whether a plane of the image is in view."""
        dims, source = self._viewer.dims, self._source
        return (
            source is not None
            and self._line is not None
            and self._line.ndim == source.ndim  # else the image has just got other voxels
            and dims.ndisplay == 2
            and min(dims.displayed) >= dims.ndim - source.ndim
            and not slicing_of(source, dims).is_empty(levels_of(source)[0].shape)
        )

    def _axis(self, nth: int) -> int:
        """The n-th axis in view, counted from the end of the image's axes."""
        dims = self._viewer.dims
        return int(dims.displayed[nth] - dims.ndim)

    def _draw(self) -> None:
        """Put the line where it belongs, in the plane in view."""
        if self._line is None or self._source is None:
            return
        if not self._can_be_seen():
            self._line.visible = False
            return
        copy_spatial_state(self._source, self._line)
        shape = levels_of(self._source)[0].shape
        across, down = self._axis(-1), self._axis(-2)
        at = np.round(np.nan_to_num(slicing_of(self._source, self._viewer.dims).point))
        ends = np.stack([at, at])
        ends[:, across] = round(self._share * shape[across]) - 0.5
        ends[:, down] = -0.5, shape[down] - 0.5
        self._line.data = np.stack([ends[0], ends[1] - ends[0]])[np.newaxis]
        self._line.edge_width = _WIDTH_PX * self._pixel()
        if not self._line.visible:
            self._line.visible = True

    def _pixel(self) -> float:
        """Size of a pixel of the canvas, in voxels across."""
        assert self._source is not None
        across = self._source.ndim + self._axis(-1)
        step = step_on_canvas(self._source, self._viewer.dims, across)
        return 1 / max(float(self._viewer.scene.camera.zoom) * step, 1e-9)

    def _on_view_changed(self) -> None:
        self._draw()
        if self._can_be_seen():
            self.moved.emit(self.place)

    def _on_removed(self, event: Any) -> None:
        if event.value == self._line:
            self.hide()
            self.removed.emit()

    def _drag(self, viewer: Any, event: Any) -> Generator[None, None, None]:
        if self._source is None or not self._can_be_seen():
            return
        n = levels_of(self._source)[0].shape[self._axis(-1)]
        if abs(self._voxel(event) - (self._share * n - 0.5)) > _GRASP_PX * self._pixel():
            return
        camera = self._viewer.scene.camera
        before, camera.mouse_pan = camera.mouse_pan, False
        try:
            yield
            while event.type == "mouse_move":
                self._share = min(max((self._voxel(event) + 0.5) / n, 0.0), 1.0)
                self._draw()
                self.moved.emit(self.place)
                yield
        finally:
            camera.mouse_pan = before

    def _voxel(self, event: Any) -> float:
        assert self._source is not None
        return float(voxel_at(self._source, self._viewer.dims, event.position)[self._axis(-1)])
