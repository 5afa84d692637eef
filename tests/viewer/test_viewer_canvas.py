"""Removed layers give their textures back in the context that drew them, whatever is current."""

import pytest
from qtpy.QtGui import QOffscreenSurface, QOpenGLContext
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QMainWindow

from napari_diversify.widgets.diversify.dock import Explorer
from napari_diversify.widgets.synthetic.dock import SyntheticDock

pytestmark = pytest.mark.viewer


@pytest.fixture
def image(make_image):
    return make_image()


@pytest.fixture
def elsewhere():
    """Make an OpenGL context current that is not the canvas's, as composing the window does."""
    surface = QOffscreenSurface()
    surface.create()
    context = QOpenGLContext()
    assert context.create()

    def make_current():
        assert context.makeCurrent(surface)

    yield make_current
    context.doneCurrent()


@pytest.mark.parametrize("floating", [False, True], ids=["docked", "floating"])
@pytest.mark.parametrize("content", [Explorer, SyntheticDock])
def test_a_layer_is_removed_with_the_context_of_its_canvas(
    content, floating, viewer, image, qtbot, elsewhere
):
    ours = content(viewer)
    dock = viewer.window.add_dock_widget(ours, name="ours", area="right")
    dock.setFloating(floating)
    window = dock
    while not isinstance(window, QMainWindow):
        window = window.parentWidget()
    canvas = window.findChild(QOpenGLWidget)
    for name in "abc":
        viewer.add_image(image, name=name)
    qtbot.waitUntil(lambda: canvas.isValid() and ours.isVisible() and ours._connected)
    current = []
    viewer.layers.events.removed.connect(
        lambda event: current.append(QOpenGLContext.currentContext())
    )
    elsewhere()
    viewer.layers.remove("a")
    elsewhere()
    viewer.layers.clear()
    assert len(current) >= 3
    assert all(context == canvas.context() for context in current)
