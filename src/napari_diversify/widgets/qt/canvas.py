"""Removing a layer is safe: its textures are given back in the context that drew them.

napari 0.9 hands the textures and buffers of a removed layer back in whatever OpenGL
context happens to be current. After the window was composed that is Qt's own; the
canvas then goes on with names that mean something else, and Mesa's software renderer
ends the whole program at one of the next frames (seen with Mesa 22.3, in runs of a
test that does little but add and remove layers; with the context current, in none).
Our docks add and remove more layers than most, so they see to it.
"""

from __future__ import annotations

from napari.components import ViewerModel
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QMainWindow, QWidget


class Canvas:
    """The canvas in the window of a dock, if it has one.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
    dock : QWidget
        Any widget inside a dock of the viewer's window.
    """

    def __init__(self, viewer: ViewerModel, dock: QWidget) -> None:
        self._layers = viewer.layers
        self._dock = dock

    def connect_viewer(self) -> None:
        """Watch the layers: napari tells before it removes one."""
        self._layers.events.removing.connect(self._make_current)

    def disconnect_viewer(self) -> None:
        """Watch no more."""
        self._layers.events.removing.disconnect(self._make_current)

    def _make_current(self) -> None:
        widget: QWidget | None = self._dock
        while widget is not None and not isinstance(widget, QMainWindow):
            widget = widget.parentWidget()  # a floating dock has its main window as parent
        canvas = widget.findChild(QOpenGLWidget) if widget is not None else None
        if canvas is not None and canvas.isValid():
            canvas.makeCurrent()
