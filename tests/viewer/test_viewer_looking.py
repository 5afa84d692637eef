"""In a real window: keys on the canvas, the mouse on the divider, the sheet of samples."""

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

pytestmark = pytest.mark.viewer


@pytest.fixture
def canvas(viewer):
    """The widget that napari draws in: a user's keys and mouse go there."""
    from vispy.app.backends._qt import CanvasBackendDesktop

    shown = (w for w in QApplication.allWidgets() if isinstance(w, CanvasBackendDesktop))
    return next(w for w in shown if w.isVisible())


@pytest.fixture
def live(viewer, make_image, dock_in):
    viewer.add_image(make_image((6, 40, 48)), name="cells")
    dock = dock_in()
    dock.wait()
    dock.wait(lambda: dock.layer.loaded)
    viewer.fit_to_view()
    seen = []
    dock.wait(lambda: seen.append(zoom(viewer)) or seen[-10:] == seen[-1:] * 10)  # at rest
    return dock


def zoom(viewer):
    return viewer.scene.camera.zoom


def names(viewer):
    return [layer.name for layer in viewer.layers if layer.visible]


def test_keys_on_the_canvas_compare_and_put_back(viewer, live, canvas):
    before = names(viewer), zoom(viewer)
    QTest.keyClick(canvas, Qt.Key.Key_G)
    live.wait(lambda: viewer.canvas.grid.enabled and zoom(viewer) != before[1])
    QTest.keyClick(canvas, Qt.Key.Key_G)
    live.wait(lambda: not viewer.canvas.grid.enabled)
    live.wait(lambda: (names(viewer), zoom(viewer)) == before)
    QTest.keyClick(canvas, Qt.Key.Key_D)
    live.wait(lambda: "cells (difference)" in names(viewer))
    QTest.keyClick(canvas, Qt.Key.Key_D)
    live.wait(lambda: "cells (difference)" not in names(viewer))


def test_the_divider_is_dragged_with_the_mouse(viewer, live, canvas):
    QTest.keyClick(canvas, Qt.Key.Key_S)
    live.wait(lambda: any("divider" in name for name in names(viewer)))
    split = live.layer_of("split")
    live.wait(lambda: split.loaded)
    assert split.data.array.divider == (-1, 24)
    centre = tuple(viewer.scene.camera.center)
    pixels = zoom(viewer)
    middle, line = canvas.rect().center(), 23.5
    x = round(middle.x() + (line - centre[-1]) * pixels)
    left, y = x - round(10 * pixels), middle.y()
    QTest.mouseMove(canvas, QPoint(x, y))
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(x, y))
    for step in range(1, 11):
        QTest.mouseMove(canvas, QPoint(x + (left - x) * step // 10, y))
        QTest.qWait(20)
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(left, y))
    live.wait(lambda: abs(split.data.array.divider[1] - 14) <= 1)
    assert tuple(viewer.scene.camera.center) == centre  # the image was not


def test_a_sheet_is_gone_through_with_keys(viewer, live, canvas):
    live.explorer.windows.open_samples()
    window, samples = live.explorer.windows.samples, live.explorer.samples
    window.sampling.ranges.rows["diversify.w_v"][0].setChecked(True)
    window.draw.click()
    sheet = samples.live.layer
    live.wait(lambda: sheet.loaded)
    assert viewer.canvas.overlays.text.text.startswith("sample 0")
    for key in (Qt.Key.Key_R, Qt.Key.Key_K, Qt.Key.Key_R):
        QTest.keyClick(canvas, key)
        live.wait(lambda: sheet.loaded)
    QTest.keyClick(canvas, Qt.Key.Key_Right)  # the arrow turns the page too
    live.wait(lambda: samples.current() == 4)
    live.wait(lambda: sheet.loaded)
    assert samples.kept() == tuple(n for n in range(20) if n not in (0, 2))
    z = viewer.dims.current_step[1]
    expected = samples.sampling.recipe_of(4).apply(viewer.layers["cells"].data)[z]
    np.testing.assert_array_equal(sheet.data[4, z], expected)


def test_plots_follow_a_drag_in_a_real_window(viewer, live):
    live.explorer.windows.open_plots()
    plots = live.explorer.windows.plots
    for w_v in np.linspace(1, 6, 8):
        live.slide(w_v=w_v)
        QTest.qWait(16)
    live.wait(lambda: plots.in_step and not plots.running)
    assert plots.plots["noise"].marker.value() ** 2 == pytest.approx(6.0)
    picture = plots.grab().toImage()
    colours = {picture.pixel(x, y) for x in range(0, picture.width(), 7) for y in range(0, 700, 7)}
    assert len(colours) > 10  # something was drawn
    plots.close()
