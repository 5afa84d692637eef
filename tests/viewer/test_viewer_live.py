"""In a real window: what is on the canvas is what the recipe makes."""

import gc
import time
import weakref

import numpy as np
import pytest
from napari.qt.threading import GeneratorWorker
from qtpy.QtWidgets import QApplication

from napari_diversify.widgets.diversify import measurement
from napari_diversify.widgets.live import feed
from napari_diversify.widgets.live import live_layer as preview

pytestmark = pytest.mark.viewer


@pytest.fixture
def image(make_image):
    return make_image()


@pytest.fixture
def live(viewer, image, dock_in):
    viewer.add_image(image, name="cells")
    dock = dock_in()
    dock.wait()
    dock.wait(lambda: dock.layer.loaded)
    return dock


def canvas_of(viewer, layer):
    """The canvas at one pixel per voxel, with one layer on it, as grey levels 0 to 255."""
    visible = {la: la.visible for la in viewer.layers}
    for la in viewer.layers:
        la.visible = la == layer
    layer.colormap, layer.interpolation2d = "gray", "nearest"
    try:
        return viewer.export_figure(scale_factor=1, flash=False)[..., 0]
    finally:
        for la, was in visible.items():
            la.visible = was


def grey(plane, limits):
    low, high = limits
    return np.clip((plane.astype(float) - low) / (high - low), 0, 1) * 255


def assert_on_canvas(dock, viewer, expected):
    dock.wait(lambda: dock.layer.loaded)
    picture = canvas_of(viewer, dock.layer)
    assert picture.shape == expected.shape
    assert np.abs(picture - grey(expected, dock.layer.contrast_limits)).max() <= 2


def test_the_canvas_shows_the_applied_recipe_along_every_axis(live, viewer, image):
    places = [(2.0, 0, 2), (6.0, 0, 5), (0.0, 0, 0), (6.0, 1, 4), (6.0, 2, 4)]
    for w_v, axis, at in places:
        live.slide(w_v=w_v)
        viewer.dims.order = {0: (0, 1, 2), 1: (1, 0, 2), 2: (2, 0, 1)}[axis]
        viewer.dims.set_current_step(axis, at)
        live.wait()
        live.assert_exact(image)
        assert_on_canvas(live, viewer, live.rebuilt(image).take(at, axis))


def test_a_drag_ends_with_its_last_value_on_the_canvas(live, viewer, image):
    for w_v in np.linspace(0.05, 7.0, 50):
        live.slide(w_v=w_v)
        QApplication.processEvents()
    live.wait()
    assert live.entry["recipe"]["steps"][0]["w_v"] == 7.0
    assert_on_canvas(live, viewer, live.rebuilt(image)[viewer.dims.current_step[0]])


def test_voxels_edited_in_place_reach_the_canvas(live, viewer, image):
    source, z = viewer.layers["cells"], viewer.dims.current_step[0]
    for turn in range(2):
        image[:, 4 + turn, 4:20] = 60_000
        source.refresh()
        live.wait(lambda: source.loaded)
        live.wait()
        assert_on_canvas(live, viewer, live.rebuilt(image)[z])


def test_voxels_edited_out_of_view_reach_the_canvas_when_they_come_into_view(live, viewer, image):
    source = viewer.layers["cells"]
    for z in (0, 5):
        viewer.dims.set_current_step(0, z)
        live.wait(lambda: source.loaded and live.layer.loaded)
    image[0, 4, 4:20] = 60_000
    source.refresh()
    live.wait(lambda: source.loaded)
    viewer.dims.set_current_step(0, 0)
    live.wait(lambda: source.loaded)
    live.wait()
    assert_on_canvas(live, viewer, live.rebuilt(image)[0])


def test_scrolling_an_image_that_is_slow_to_read_is_not_taken_for_editing(viewer, dock_in, image):
    """Slices that arrive late, when the view has moved on, are no edits."""
    viewer.add_image(SlowToRead(image), name="cells", contrast_limits=(0, 65535))
    dock = dock_in()
    dock.wait()
    edited = []
    dock.explorer.view("diversify").live.source_edited.connect(lambda: edited.append(True))
    dock.wait(lambda: viewer.layers["cells"].loaded and dock.layer.loaded)
    for z in range(6):
        viewer.dims.set_current_step(0, z)
        QApplication.processEvents()
    dock.wait(lambda: viewer.layers["cells"].loaded and dock.layer.loaded)
    assert edited == []


class SlowToRead:
    """An array that lets the event loop get ahead of whoever reads it."""

    def __init__(self, array):
        self._array = array
        self.shape, self.dtype = array.shape, array.dtype
        self.ndim, self.size = array.ndim, array.size

    def __getitem__(self, key):
        time.sleep(0.02)
        return self._array[key]


def test_layers_come_and_go_without_an_error(live, viewer, image, make_image):
    source = viewer.layers["cells"]
    other = viewer.add_image(make_image((40, 48), seed=3), name="other")
    live.wait_for_source(other)
    live.assert_exact(other.data)
    viewer.layers.remove("other")
    live.wait_for_source(source)
    source.name = "renamed"
    assert live.layer.name == "renamed (diversified)"
    viewer.layers.remove(live.layer)
    assert not live.explorer.card("diversify").live.isChecked()
    live.explorer.card("diversify").live.setChecked(True)
    live.wait()
    viewer.layers.remove(source)
    live.slide(w_v=6.0)
    live.wait(lambda: live.entry["recipe"]["steps"][0]["w_v"] == 6.0)
    assert_on_canvas(live, viewer, live.rebuilt(image)[viewer.dims.current_step[0]])
    viewer.layers.clear()
    QApplication.processEvents()
    viewer.add_image(image, name="again")
    live.wait_measured()
    live.explorer.card("diversify").live.setChecked(True)
    live.wait()
    live.assert_exact(image)


def test_a_tabified_dock_that_comes_back_goes_on(live, viewer, image):
    layer = live.layer
    dock = next(w for w in _parents(live.explorer) if type(w).__name__ == "QtViewerDockWidget")
    dock.hide()
    assert live.layer is None
    dock.show()
    live.wait()
    assert live.layer == layer
    live.slide(w_v=5.0)
    live.wait()
    live.assert_exact(image)


def _parents(widget):
    while widget is not None:
        yield widget
        widget = widget.parentWidget()


def test_the_viewer_closes_while_the_dock_is_live(viewer, image, dock_in):
    """The viewer fixture checks that nothing of it is left."""
    viewer.add_image(image, name="cells")
    dock = dock_in()
    dock.wait()
    dock.slide(w_v=5.0)


def test_the_viewer_closes_while_the_image_is_measured(viewer, image, dock_in, gate, monkeypatch):
    monkeypatch.setattr(measurement, "measure", gate.guard(measurement.measure))
    gate.close()
    viewer.add_image(image, name="cells")
    dock = dock_in()
    dock.wait(lambda: dock.measuring)


def test_the_viewer_closes_while_a_volume_is_computed(live, viewer, gate, monkeypatch):
    monkeypatch.setattr(preview, "AT_ONCE", 1)
    monkeypatch.setattr(feed, "granting", gate.guard(feed.granting))
    gate.close()
    viewer.dims.ndisplay = 3
    live.wait(lambda: not live.layer.visible)


def test_a_dock_removed_from_the_window_is_gone(viewer, image, dock_in, qtbot):
    viewer.add_image(image, name="cells")
    dock = dock_in()
    dock.wait()
    gone = weakref.ref(dock.explorer)
    viewer.window.remove_dock_widget(dock.explorer)
    dock.explorer.deleteLater()
    del dock

    def collected():
        gc.collect()
        return gone() is None

    qtbot.waitUntil(collected)
    viewer.dims.set_current_step(0, 1)
    viewer.layers.clear()


# ---- 3D ----


def test_work_in_the_background_leaves_nothing_behind(live, viewer, qtbot):
    """napari keeps a record, with all that hangs on it, of each worker that it makes."""

    def workers():
        gc.collect()
        return sum(issubclass(type(thing), GeneratorWorker) for thing in gc.get_objects())

    for seed in range(4):
        viewer.layers["cells"].data = live.layer.data[...] + seed  # it is measured again
        live.wait()
    qtbot.waitUntil(lambda: workers() == 0)


def test_going_to_3d_computes_in_a_thread_and_ends_with_the_exact_volume(
    live, viewer, image, drawn, computed_on_gui_thread, monkeypatch, same_bits
):
    plane = image[0].size
    monkeypatch.setattr(preview, "AT_ONCE", plane)
    computed_on_gui_thread.clear()
    viewer.dims.ndisplay = 3
    live.wait(lambda: live.calm() and live.layer.visible and live.layer.loaded)
    live.slide(w_v=6.0)
    live.wait()
    live.wait(lambda: live.layer.loaded)
    assert [shape for shape in computed_on_gui_thread if np.prod(shape) > plane] == []
    whole = [values for _, values, exact in drawn if exact and values.size > plane]
    same_bits(whole[-1], live.rebuilt(image))
    assert live.entry["recipe"]["steps"][0]["w_v"] == 6.0
    viewer.dims.ndisplay = 2
    live.wait(lambda: live.layer.visible and live.layer.loaded)
    assert_on_canvas(live, viewer, live.rebuilt(image)[viewer.dims.current_step[0]])


def test_the_view_may_change_between_2d_and_3d_at_any_moment(live, viewer, image, monkeypatch):
    monkeypatch.setattr(preview, "AT_ONCE", image[0].size)
    for n, ndisplay in enumerate((3, 2, 3, 3, 2, 3, 2)):
        viewer.dims.ndisplay = ndisplay
        live.slide(w_v=1.0 + n)
        QApplication.processEvents()
        live.assert_exact(image)
    live.wait(lambda: live.calm() and live.layer.visible)
    assert live.entry["recipe"]["steps"][0]["w_v"] == 7.0
    assert_on_canvas(live, viewer, live.rebuilt(image)[viewer.dims.current_step[0]])


# ---- pyramids ----


@pytest.fixture
def pyramid(make_image):
    image = make_image((1024, 1024))
    return [image[::n, ::n] for n in (1, 2, 4)]


@pytest.fixture
def live_pyramid(viewer, pyramid, dock_in):
    viewer.add_image(pyramid, multiscale=True, name="cells")
    dock = dock_in()
    dock.wait()
    return dock


def zoom_to_level(viewer, dock, level):
    """Look at the middle from far away, and then from near by if level 0 is wanted."""
    for at, zoom in ((2, 0.1), (0, 4.0)):
        viewer.scene.camera.zoom = zoom
        for layer in (viewer.layers["cells"], dock.layer):
            dock.wait(lambda la=layer, at=at: la.data_level == at and la.loaded)
        if at == level:
            return


def test_a_flat_pyramid_shows_new_values_at_every_zoom_and_says_whether_it_is_a_preview(
    live_pyramid, viewer, pyramid
):
    dock = live_pyramid
    for level, said in ((2, "Preview of “cells” at 1/4"), (0, "in full resolution")):
        zoom_to_level(viewer, dock, level)
        assert said in dock.message
        for w_v in (0.0, 6.0):
            dock.slide(w_v=w_v)
            dock.wait()
            dock.wait(lambda level=level: dock.layer.data_level == level and dock.layer.loaded)
            expected = dock.rebuilt(pyramid[level])
            for y, x in ((500, 500), (512, 516), (528, 520)):
                seen = dock.layer.get_value((y, x), world=True)
                assert seen == (level, expected[y >> level, x >> level])
        assert said in dock.message


def test_a_slider_keeps_the_level_that_is_on_the_canvas(live_pyramid, viewer):
    dock = live_pyramid
    zoom_to_level(viewer, dock, 0)
    levels, layer = [], dock.layer

    def take_in():
        levels.append(layer.data_level)

    layer.events.set_data.connect(take_in)
    for w_v in (3.0, 4.0, 5.0):
        dock.slide(w_v=w_v)
        dock.wait()
        dock.wait(lambda: dock.layer.loaded)
    layer.events.set_data.disconnect(take_in)
    assert set(levels) == {0}


def test_panning_a_pyramid_is_not_taken_for_editing_it(live_pyramid, viewer):
    dock = live_pyramid
    zoom_to_level(viewer, dock, 0)
    source, edited, drawn = viewer.layers["cells"], [], []
    dock.explorer.view("diversify").live.source_edited.connect(lambda: edited.append(True))
    source.events.set_data.connect(lambda: drawn.append(True))
    for y in (100, 900, 500):
        before = source.corner_pixels.copy()
        viewer.scene.camera.center = (0, y, y)
        dock.wait(lambda before=before: (source.corner_pixels != before).any() and source.loaded)
        dock.wait(lambda: dock.layer.loaded)
    assert drawn  # napari fetched other tiles
    assert edited == []
