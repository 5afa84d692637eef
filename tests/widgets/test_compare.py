"""Source and result against each other, by button and by key, and everything put back after."""

from types import SimpleNamespace

import numpy as np
import pytest
from napari.utils.interactions import (
    mouse_move_callbacks,
    mouse_press_callbacks,
    mouse_release_callbacks,
)
from wrapt import ObjectProxy

from napari_diversify.recipe.lazy.compared import LazyDifference, LazySplit


def press(viewer, key):
    viewer.keymap[next(k for k in viewer.keymap if str(k) == key)](viewer)


def looks(viewer):
    grid, camera = viewer.canvas.grid, viewer.scene.camera
    return (
        {la.name: (la.visible, la.opacity, str(la.blending)) for la in viewer.layers},
        (grid.enabled, grid.stride, grid.shape),
        (camera.zoom, camera.mouse_pan),
    )


@pytest.fixture
def source(viewer, live):
    viewer.add_labels(np.ones((6, 24, 32), np.uint8), name="truth", opacity=0.3)
    viewer.layers.selection.active = viewer.layers["cells"]
    return viewer.layers["cells"]


def layer_of(live, kind):
    return live.layer_of(kind)


# ---- side by side ----


def test_side_by_side_shows_the_two_alone_the_source_left(viewer, live, source):
    before = looks(viewer)
    press(viewer, "G")
    shown = [la.name for la in viewer.layers if la.visible]
    assert shown == ["cells", "cells (diversified)"]
    grid, layers = viewer.canvas.grid, viewer.layers
    assert grid.enabled
    assert grid.actual_shape(layers) == (1, 2)
    assert grid.position(layers.index(source), layers) == (0, 0)
    assert grid.position(layers.index(live.layer), layers) == (0, 1)
    press(viewer, "G")
    assert looks(viewer) == before


def test_the_source_stays_left_when_it_lies_above(viewer, live, source):
    viewer.layers.move(viewer.layers.index(source), len(viewer.layers))
    live.explorer.compare.side_by_side.click()
    layers = viewer.layers
    assert viewer.canvas.grid.position(layers.index(source), layers) == (0, 0)


def test_contrast_stays_linked_side_by_side(viewer, live, source):
    live.explorer.compare.side_by_side.click()
    source.contrast_limits = (5, 100)
    assert live.layer.contrast_limits == [5, 100]


def test_the_grid_switched_off_in_napari_is_the_end_of_it(viewer, live, source):
    live.explorer.compare.side_by_side.click()
    viewer.canvas.grid.enabled = False
    assert not live.explorer.compare.side_by_side.isChecked()
    assert viewer.layers["truth"].visible


def test_what_the_user_changed_meanwhile_stays(viewer, live, source):
    live.explorer.compare.side_by_side.click()
    viewer.scene.camera.zoom = 7.5
    viewer.layers["truth"].visible = True
    live.explorer.compare.side_by_side.click()
    assert viewer.scene.camera.zoom == 7.5
    assert viewer.layers["truth"].visible


# ---- blink ----


def test_blink_shows_one_and_the_other_in_one_place(viewer, live, source, qtbot):
    live.layer.opacity, live.layer.blending = 0.7, "additive"
    before = looks(viewer)
    live.explorer.compare._timer.setInterval(5)
    press(viewer, "B")
    seen = set()
    qtbot.waitUntil(lambda: seen.add(live.layer.opacity) or seen == {0.0, 1.0})
    assert source.visible
    assert str(live.layer.blending) == "translucent_no_depth"
    press(viewer, "B")
    assert looks(viewer) == before


def test_blinking_computes_nothing(viewer, live, source, qtbot, handed):
    live.wait(lambda: not live.explorer.view("diversify").live._own.idle.isActive())
    live.explorer.compare._timer.setInterval(5)
    live.explorer.compare.blink.click()
    handed.calls.clear()
    seen = []
    qtbot.waitUntil(lambda: seen.append(live.layer.opacity) or seen.count(0.0) > 3)
    assert handed.calls == []
    live.explorer.compare.blink.click()


# ---- split ----


def event(viewer, kind, x, y=5.0):
    position = list(viewer.dims.point)
    position[viewer.dims.displayed[-1]] = x
    position[viewer.dims.displayed[-2]] = y
    values = {"type": f"mouse_{kind}", "position": tuple(position), "is_dragging": True}
    # napari puts each event of a drag behind the proxy that the first came in
    return ObjectProxy(SimpleNamespace(**values, modifiers=(), button=1))


def drag(viewer, start, *way):
    mouse_press_callbacks(viewer, event(viewer, "press", start))
    moving = []
    for x in way:
        mouse_move_callbacks(viewer, event(viewer, "move", x))
        moving.append(viewer.scene.camera.mouse_pan)
    mouse_release_callbacks(viewer, event(viewer, "release", way[-1]))
    return moving


def test_split_shows_the_source_left_and_the_result_right(viewer, live, source, same_bits):
    press(viewer, "S")
    split = layer_of(live, "split")
    assert isinstance(split.data.array, LazySplit)
    z = viewer.dims.current_step[0]
    live.wait()
    expected = np.asarray(live.layer.data)[z]
    expected[:, :16] = source.data[z][:, :16]
    same_bits(np.asarray(split._slice.image.raw), expected)
    assert viewer.layers[-1].name == "cells (divider: drag it)"
    start, along = viewer.layers[-1].data[0]
    np.testing.assert_array_equal(start, [z, -0.5, 15.5])
    np.testing.assert_array_equal(along, [0, 24, 0])
    press(viewer, "S")
    assert split not in viewer.layers
    assert "divider" not in " ".join(la.name for la in viewer.layers)


def test_the_divider_is_dragged_and_the_image_is_not(viewer, live, source):
    live.explorer.compare.split.click()
    split = layer_of(live, "split")
    assert drag(viewer, 15.5, 12.0, 7.5) == [False, False]
    assert viewer.scene.camera.mouse_pan
    live.wait(lambda: split.data.array.divider == (-1, 8))
    z = viewer.dims.current_step[0]
    np.testing.assert_array_equal(split.data[z][:, :8], source.data[z][:, :8])
    np.testing.assert_array_equal(split.data[z][:, 8:], live.layer.data[z][:, 8:])
    assert drag(viewer, 7.5, 500.0) == [False]
    live.wait(lambda: split.data.array.divider == (-1, 32))
    assert drag(viewer, 31.5, -500.0) == [False]
    live.wait(lambda: split.data.array.divider == (-1, 0))


def test_a_drag_elsewhere_moves_the_image(viewer, live, source):
    live.explorer.compare.split.click()
    assert drag(viewer, 30.0, 12.0) == [True]
    assert layer_of(live, "split").data.array.divider == (-1, 16)


def test_the_divider_follows_the_view(viewer, live, source):
    live.explorer.compare.split.click()
    viewer.dims.order = (1, 2, 0)  # z across
    live.wait()
    split = layer_of(live, "split")
    assert split.data.array.divider == (-3, 3)
    start, along = viewer.layers[-1].data[0]
    assert (start[0], along[0]) == (2.5, 0)
    viewer.dims.ndisplay = 3
    assert not viewer.layers[-1].visible


def test_the_split_follows_the_sliders(viewer, live, source):
    live.explorer.compare.split.click()
    live.slide(w_v=6.0)
    live.wait()
    split = layer_of(live, "split")
    z = viewer.dims.current_step[0]
    np.testing.assert_array_equal(split.data[z][:, 16:], live.layer.data[z][:, 16:])


@pytest.mark.parametrize("which", ["divider", "split"])
def test_deleting_line_or_layer_ends_the_split(viewer, live, source, which):
    live.explorer.compare.split.click()
    viewer.layers.remove(viewer.layers[-1 if which == "divider" else -2])
    assert not live.explorer.compare.split.isChecked()
    assert not any("divider" in la.name for la in viewer.layers)
    live.explorer.compare.split.click()
    assert layer_of(live, "split").visible
    assert any("divider" in la.name for la in viewer.layers)


# ---- difference ----


def test_the_difference_is_a_layer_that_follows(viewer, live, source):
    press(viewer, "D")
    layer = layer_of(live, "difference")
    assert isinstance(layer.data.array, LazyDifference)
    live.slide(w_v=5.0)
    live.wait()
    expected = np.asarray(live.layer.data).astype(np.float32) - source.data.astype(np.float32)
    np.testing.assert_array_equal(np.asarray(layer.data), expected)
    low, high = layer.contrast_limits
    assert low == -high
    assert source.contrast_limits != layer.contrast_limits
    press(viewer, "D")
    assert layer not in viewer.layers


def test_the_difference_is_that_of_the_last_live_result(viewer, live, source):
    live.explorer.compare.difference.click()
    live.explorer.card("lowpass").live.setChecked(True)
    live.wait(lambda: layer_of(live, "lowpass") is not None)
    expected = np.asarray(layer_of(live, "lowpass").data).astype(np.float32) - source.data
    difference = layer_of(live, "difference")
    live.wait(lambda: np.array_equal(np.asarray(difference.data), expected))


# ---- one at a time, and nothing left ----


def test_one_way_at_a_time(viewer, live, source):
    compare = live.explorer.compare
    before = looks(viewer)
    for way in (compare.side_by_side, compare.blink, compare.split, compare.side_by_side):
        way.click()
        assert [w for w in compare._ways if w.isChecked()] == [way]
    compare.side_by_side.click()
    assert looks(viewer) == before


def test_nothing_to_compare_is_said(viewer, live, source):
    live.explorer.card("diversify").live.setChecked(False)
    for way in (*live.explorer.compare._ways, live.explorer.compare.difference):
        way.click()
        assert not way.isChecked()
        assert "nothing to compare" in live.message
        live.explorer.status.say("")
    assert not viewer.canvas.grid.enabled
    assert not any("divider" in la.name for la in viewer.layers)


def test_another_image_ends_the_comparison(viewer, live, source, make_image):
    live.explorer.compare.side_by_side.click()
    other = viewer.add_image(make_image(seed=4), name="other")
    live.wait_for_source(other)
    assert not live.explorer.compare.side_by_side.isChecked()
    assert viewer.layers["truth"].visible


def test_a_closed_dock_puts_all_back_and_gives_the_keys_back(viewer, live, source):
    before = looks(viewer)
    live.explorer.compare.blink.click()
    live.explorer.close()
    assert looks(viewer) == before
    assert not any(str(key) in "GBSDKR" for key in viewer.keymap)
    live.explorer.show()
    assert {"G", "B", "S", "D"} <= {str(key) for key in viewer.keymap}


# ---- what once went wrong ----


@pytest.mark.parametrize("first", ["difference", "sigma"])
def test_a_layer_put_away_and_switched_off_meanwhile_stays_away(viewer, live, source, first):
    switch = live.switch(first)
    switch.setChecked(True)
    layer = layer_of(live, first)
    live.explorer.compare.side_by_side.click()
    switch.setChecked(False)
    assert layer not in viewer.layers or not layer.visible
    assert not live.explorer.compare.side_by_side.isChecked()
    assert viewer.layers["truth"].visible


def test_a_way_refused_leaves_another_on(viewer, live, source):
    compare = live.explorer.compare
    compare.blink.click()
    live.layer.visible = False
    compare.split.click()
    assert not compare.split.isChecked()
    assert compare.blink.isChecked()
    assert compare._timer.isActive()
    compare.blink.click()


def test_a_view_along_an_axis_that_the_image_lacks_hides_the_line(viewer, open_dock, make_image):
    viewer.add_image(make_image((5, 20, 20)), name="volume")
    plane = viewer.add_image(make_image((20, 20)), name="plane")
    viewer.layers.selection.active = plane
    dock = open_dock(viewer)
    dock.wait()
    compare = dock.explorer.compare
    viewer.dims.order = (2, 0, 1)
    compare.split.click()
    assert not any("divider" in la.name and la.visible for la in viewer.layers)
    viewer.dims.order = (0, 1, 2)
    assert any("divider" in la.name and la.visible for la in viewer.layers)
    compare.split.click()
    assert not any("divider" in la.name for la in viewer.layers)
    compare.split.click()
    assert sum("divider" in la.name for la in viewer.layers) == 1


def test_the_line_moves_with_its_image(viewer, live, source):
    live.explorer.compare.split.click()
    line = viewer.layers[-1]
    source.translate = (0, 7, 9)
    source.scale = (2, 0.5, 0.5)
    np.testing.assert_array_equal(line.translate, (0, 7, 9))
    np.testing.assert_array_equal(line.scale, (2, 0.5, 0.5))


def test_a_refusal_is_said_no_longer_than_it_is_true(viewer, live, source):
    live.explorer.card("diversify").live.setChecked(False)
    live.explorer.compare.blink.click()
    assert "nothing to compare" in live.message
    live.explorer.card("diversify").live.setChecked(True)
    live.wait()
    live.explorer.compare.blink.click()
    assert "nothing to compare" not in live.message
    live.explorer.compare.blink.click()


@pytest.mark.parametrize("way", ["side_by_side", "blink", "split"])
def test_a_sheet_is_put_away_while_comparing_and_ends_it_when_drawn(viewer, live, source, way):
    windows, compare = live.explorer.windows, live.explorer.compare
    windows.open_samples()
    windows.samples.draw.click()
    sheet = live.explorer.samples.live.layer
    getattr(compare, way).click()
    assert not sheet.visible
    assert viewer.canvas.overlays.text.text == ""
    windows.samples.draw.click()
    assert not getattr(compare, way).isChecked()
    assert sheet.visible


def test_line_and_split_agree_when_it_is_opened_again(viewer, live, source):
    live.explorer.compare.split.click()
    drag(viewer, 15.5, 7.5)
    live.wait(lambda: layer_of(live, "split").data.array.divider == (-1, 8))
    live.explorer.compare.split.click()
    viewer.dims.order = (1, 2, 0)  # z across
    live.explorer.compare.split.click()
    live.wait(lambda: layer_of(live, "split") is not None)
    axis, at = layer_of(live, "split").data.array.divider
    start, _ = next(la for la in viewer.layers if "divider" in la.name).data[0]
    assert (axis, at) == (-3, 3)
    assert start[axis] == at - 0.5


def test_the_line_is_not_seen_before_it_has_a_place(live, viewer):
    """Of an image of two axes in 3D, napari fails to draw vectors as long as there are none."""
    seen = {}

    def note(event):
        seen[event.value.name] = event.value.visible

    viewer.layers.events.inserted.connect(note)
    live.explorer.compare.split.click()
    assert seen["cells (divider: drag it)"] is False
    assert viewer.layers["cells (divider: drag it)"].visible
