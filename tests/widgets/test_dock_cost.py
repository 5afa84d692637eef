"""A dock costs what is looked at: few computations, no memory, nothing left when it closes."""

import gc
import weakref

import numpy as np
import psutil
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

from napari_diversify.widgets.diversify.dock import Explorer
from napari_diversify.widgets.live.feed import Feed


def callbacks(*owners):
    """How many callbacks are connected to all events of some layers, viewers, lists."""
    total = 0
    for owner in owners:
        for emitter in owner.events.emitters.values():
            total += len(emitter.callbacks)
    return total


# ---- computing ----


def test_a_fast_drag_shows_the_last_value_and_skips_most_others(live, handed):
    for w_v in np.linspace(0.01, 7.0, 200):
        live.slide(w_v=w_v)
    live.wait()
    assert live.entry["recipe"]["steps"][0]["w_v"] == 7.0
    assert 1 <= len(handed.volumes()) <= 20


def test_a_drag_with_the_event_loop_running_shows_the_last_value(live, handed, same_bits):
    image = live.explorer.source_panel.picker.source().data
    for w_v in np.linspace(0.01, 7.0, 60):
        live.slide(w_v=w_v)
        QApplication.processEvents()
    live.wait()
    same_bits(np.squeeze(handed.last()), live.rebuilt(image)[2])


def test_one_slider_move_asks_for_one_plane(live, handed):
    live.wait(lambda: not live.explorer.view("diversify").live._own.idle.isActive())
    handed.calls.clear()
    live.slide(w_v=5.0)
    live.wait()
    live.wait(lambda: not live.explorer.view("diversify").live._own.idle.isActive())
    planes = handed.volumes()
    assert {plane.shape for plane in planes} == {(1, 24, 32)}
    assert len(planes) <= 2  # the picture, and its thumbnail once the user rests


@pytest.mark.parametrize("name", ["w_i", "w_v", "psnr"])
def test_a_weight_moved_on_a_plane_seen_before_reads_nothing_of_the_image(
    viewer, open_dock, make_image, spy, handed, name
):
    source = spy(make_image())
    viewer.add_image(source, name="cells", contrast_limits=(0, 65535))
    dock = open_dock(viewer)
    dock.wait()
    dock.slide(w_v=3.0)
    dock.wait()
    dock.wait(lambda: "PSNR" in dock.explorer.readout.plane.text())
    source.reads = 0
    shown = len(handed.volumes())
    for value in (0.5, 1.5, 1.0) if name != "psnr" else (12.0, 20.0, 30.0):
        dock.slide(**{name: value})
        dock.wait()
    dock.wait(lambda: not dock.explorer.view("diversify").live._own.idle.isActive())
    assert len(handed.volumes()) >= shown + 3
    assert source.reads == 0


def test_a_plane_that_was_visited_is_not_read_again(viewer, open_dock, make_image, spy):
    source = spy(make_image())
    layer = viewer.add_image(source, name="cells", contrast_limits=(0, 65535))
    dock = open_dock(viewer)
    dock.wait()
    for z in (1, 4):
        viewer.dims.set_current_step(0, z)
    layer.visible = False  # napari's own reads do not count
    source.reads = 0
    for z in (1, 4):
        viewer.dims.set_current_step(0, z)
    dock.slide(w_v=6.0)
    dock.wait()
    assert source.reads == 0


def test_the_noise_changes_without_reading_the_image_again(viewer, open_dock, make_image, spy):
    source = spy(make_image())
    viewer.add_image(source, name="cells", contrast_limits=(0, 65535))
    dock = open_dock(viewer)
    dock.wait()
    before = np.asarray(dock.layer.data)
    source.reads = 0
    dock.explorer.source_panel.seed.setValue(5)
    dock.explorer.source_panel.sample.setValue(6)
    dock.wait()
    assert source.reads == 0
    assert (np.asarray(dock.layer.data) != before).any()


def test_a_dock_with_nothing_to_do_computes_nothing(live, viewer, handed):
    live.wait(lambda: not live.explorer.view("diversify").live._own.idle.isActive())
    handed.calls.clear()
    viewer.layers["cells"].contrast_limits = (0, 100)
    viewer.layers.selection.active = live.layer
    viewer.layers.selection.active = viewer.layers["cells"]
    live.explorer.source_panel.picker.setCurrentIndex(0)
    for _ in range(20):
        QApplication.processEvents()
    assert handed.calls == []


def test_an_image_is_measured_once_when_the_dock_opens(viewer, open_dock, make_image, monkeypatch):
    from napari_diversify.widgets.diversify import measurement

    measured, original = [], measurement.measure

    def counted(*args, **keywords):
        measured.append(args)
        return original(*args, **keywords)

    monkeypatch.setattr(measurement, "measure", counted)
    viewer.add_image(make_image())
    dock = open_dock(viewer)
    dock.wait()
    viewer.dims.set_current_step(0, 1)
    dock.slide(w_v=5.0)
    dock.wait()
    assert len(measured) == 1


# ---- memory ----


def test_two_thousand_slider_events_take_no_memory(viewer, open_dock):
    image = np.random.default_rng(0).random((2, 256, 256), dtype="float32")
    viewer.add_image(image, contrast_limits=(0, 1))
    dock = open_dock(viewer)
    dock.wait()
    dock.explorer.session._throttle.setTimeout(0)  # every event is shown
    shown, original = [0], Feed.picture

    def counted(feed, place, *, tile):
        shown[0] += 1
        return original(feed, place, tile=tile)

    Feed.picture = counted
    try:
        weights = np.linspace(0.1, 7.9, 200)
        process = psutil.Process()

        def drag():
            for w_v in weights:
                dock.slide(w_v=w_v)
                QApplication.processEvents()

        drag()
        gc.collect()
        before, shown[0] = process.memory_info().rss, 0
        for _ in range(10):
            drag()
        gc.collect()
        grown = process.memory_info().rss - before
    finally:
        Feed.picture = original
    assert shown[0] > 500  # others were overtaken
    assert grown < 5 << 20


# ---- what is left ----


def test_ten_docks_opened_and_closed_leave_no_qt_object(
    viewer, open_dock, make_image, destroy_closed, qtbot
):
    viewer.add_image(make_image(), name="cells")

    def open_and_close():
        dock = open_dock(viewer)
        dock.wait()
        dock.explorer.card("diversify").views["sigma"].setChecked(True)
        dock.slide(w_v=4.0)
        dock.wait()
        dock.explorer.close()
        dock.explorer.deleteLater()
        return weakref.ref(dock.explorer)

    def settle():
        destroy_closed()
        gc.collect()
        destroy_closed()

    open_and_close()  # what Qt and napari make once
    settle()
    widgets = len(QApplication.allWidgets())
    docks = [open_and_close() for _ in range(10)]
    settle()
    assert len(QApplication.allWidgets()) == widgets
    assert [dock() for dock in docks if dock() is not None] == []


@pytest.mark.parametrize("way", ["hide", "close"])
def test_a_closed_dock_leaves_no_callback_behind(
    viewer, open_dock, make_image, way, destroy_closed
):
    source = viewer.add_image(make_image(), name="cells")
    viewer.add_image(make_image(seed=1), name="other")

    def count():
        return callbacks(viewer, viewer.layers, viewer.dims, viewer.layers.selection, source)

    before = count()
    dock = open_dock(viewer)
    dock.wait()
    viewer.layers.selection.active = source
    dock.wait_for_source(source)
    dock.explorer.card("diversify").views["sigma"].setChecked(True)
    dock.wait()
    assert count() > before
    left = [dock.layer, dock.sigma]
    getattr(dock.explorer, way)()
    while left:  # left behind, they follow their image; and what napari connects goes with them
        viewer.layers.remove(left.pop())

    def is_as_before():
        gc.collect()
        destroy_closed()
        return count() == before

    dock.wait(is_as_before)


def test_a_dock_destroyed_while_it_is_shown_leaves_a_viewer_that_works(
    viewer, make_image, destroy_closed, qtbot
):
    source = viewer.add_image(make_image(), name="cells")
    explorer = Explorer(viewer)
    explorer.show()
    qtbot.waitUntil(lambda: len(viewer.layers) == 2)
    explorer.deleteLater()
    del explorer
    destroy_closed()
    gc.collect()
    viewer.add_image(make_image(seed=1), name="other")
    viewer.dims.set_current_step(0, 1)
    viewer.dims.ndisplay = 3
    source.scale = (2, 1, 1)
    source.refresh()
    viewer.layers.clear()
    assert len(viewer.layers) == 0


def test_a_dock_shown_and_hidden_many_times_connects_nothing_twice(live, viewer):
    source = viewer.layers["cells"]

    def count():
        layers = (viewer, viewer.layers, viewer.dims, viewer.layers.selection, source, live.layer)
        return callbacks(*layers)

    live.explorer.hide()
    live.explorer.show()
    live.wait()
    before = count()
    for _ in range(5):
        live.explorer.hide()
        live.explorer.show()
        live.wait()
    assert count() == before


def test_switching_images_back_and_forth_connects_nothing_twice(live, viewer, make_image):
    cells, other = viewer.layers["cells"], viewer.add_image(make_image(seed=1), name="other")

    def there_and_back():
        for layer in (other, cells):
            viewer.layers.selection.active = layer
            live.wait_for_source(layer)
        return callbacks(viewer, viewer.layers, viewer.dims, cells, other, live.layer)

    assert there_and_back() == there_and_back()


def test_two_copies_of_a_live_layer_do_not_confuse_the_next_dock(live, viewer):
    source = viewer.layers["cells"]
    before = callbacks(viewer.dims, viewer.layers)
    copy = type(live.layer).create(*live.layer.as_layer_data_tuple())
    viewer.add_layer(copy)
    live.explorer.hide()
    live.explorer.show()
    live.wait()
    assert callbacks(viewer.dims, viewer.layers) == before
    live.assert_exact(source.data)


def test_a_viewer_is_not_kept_alive_by_a_closed_dock(open_dock, make_image, qtbot):
    viewer = ViewerModel()
    viewer.add_image(make_image(), name="cells")  # unnamed, napari would look into this frame
    dock = open_dock(viewer)
    dock.wait()
    dock.explorer.close()
    dock.explorer.deleteLater()
    gone = weakref.ref(viewer)
    del dock, viewer

    def collected():
        gc.collect()
        return gone() is None

    qtbot.waitUntil(collected)


def test_a_dock_that_was_never_shown_touches_nothing(viewer, make_image, qtbot):
    source = viewer.add_image(make_image())
    before = callbacks(viewer, viewer.layers, viewer.dims, source)
    explorer = Explorer(viewer)
    qtbot.addWidget(explorer)
    assert callbacks(viewer, viewer.layers, viewer.dims, source) == before
    assert [layer.name for layer in viewer.layers] == [source.name]


def test_the_window_lives_between_two_new_layers(viewer, open_dock, make_image, monkeypatch):
    """napari takes a while to add a layer: several at once would be felt."""
    viewer.add_image(make_image(), name="cells")
    dock = open_dock(viewer)  # what is switched on now waits for the image to be measured
    for name in ("contrast", "lowpass", "sigma"):
        dock.switch(name).setChecked(True)
    turns, added = [0], []
    heart = QTimer(dock.explorer)
    heart.timeout.connect(lambda: turns.__setitem__(0, turns[0] + 1))
    heart.start(0)
    viewer.layers.events.inserted.connect(lambda event: added.append(turns[0]))
    dock.wait(lambda: len(viewer.layers) == 5)
    heart.stop()
    # what comes with a signal and what comes with a timer may follow each other in one turn
    assert len(added) == 4
    assert max(map(added.count, added)) <= 2
    dock.wait(lambda: not dock.measuring and not dock.computing)
    dock.assert_exact(viewer.layers["cells"].data)


def test_a_layer_that_is_not_wanted_any_more_is_not_added(viewer, open_dock, make_image):
    viewer.add_image(make_image(), name="cells")
    dock = open_dock(viewer)
    for name in ("contrast", "lowpass"):
        dock.switch(name).setChecked(True)
    viewer.layers.events.inserted.connect(lambda event: dock.switch("lowpass").setChecked(False))
    dock.wait(lambda: len(viewer.layers) == 3 and not dock.measuring and not dock.computing)
    for _ in range(20):
        QApplication.processEvents()
    assert {layer.name for layer in viewer.layers} == {
        "cells",
        "cells (deep tissue)",
        "cells (diversified)",
    }
