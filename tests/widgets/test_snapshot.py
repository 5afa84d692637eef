"""A snapshot is the diversified image as an ordinary layer that nothing changes any more."""

from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from napari_diversify import Recipe
from napari_diversify.recipe.lazy.array import LazyArray
from napari_diversify.widgets.live import snapshot


@pytest.fixture
def take(viewer):
    """Press the button and wait for the layer."""

    def press(dock):
        before = set(viewer.layers)
        dock.explorer.actions_.snapshot.click()
        dock.wait(lambda: len(set(viewer.layers) - before) == 1)
        return (set(viewer.layers) - before).pop()

    return press


@pytest.fixture
def slow_snapshot(monkeypatch, gate):
    monkeypatch.setattr(snapshot, "_computed", gate.guard(snapshot._computed))
    gate.close()
    return gate


def test_a_snapshot_equals_the_applied_recipe_bit_for_bit(live, viewer, take, same_bits):
    image = viewer.layers["cells"].data
    live.slide(w_v=4.0)
    live.explorer.source_panel.sample.setValue(2)
    live.wait()
    layer = take(live)
    assert type(layer.data) is np.ndarray
    same_bits(layer.data, live.explorer.value().apply(image, sample=2))


def test_a_snapshot_is_what_the_live_layer_shows(live, take, same_bits):
    live.slide(w_v=4.0)
    live.wait()
    same_bits(take(live).data, np.asarray(live.layer.data))


def test_a_snapshot_taken_right_after_a_slider_move_has_the_new_value(
    live, viewer, take, same_bits
):
    live.slide(w_v=4.0)
    recipe = live.explorer.value()
    same_bits(take(live).data, recipe.apply(viewer.layers["cells"].data))


def test_a_snapshot_lies_where_the_image_lies_and_looks_like_it(
    viewer, open_dock, make_image, take
):
    source = viewer.add_image(
        make_image(),
        name="cells",
        scale=(2.0, 0.5, 0.25),
        translate=(1, 2, 3),
        units=("micrometer",) * 3,
        axis_labels=("z", "y", "x"),
        colormap="green",
    )
    dock = open_dock(viewer)
    dock.wait()
    layer = take(dock)
    assert layer.scale.tolist() == [2.0, 0.5, 0.25]
    assert layer.translate.tolist() == [1, 2, 3]
    assert layer.units == source.units
    assert layer.axis_labels == ("z", "y", "x")
    assert layer.colormap.name == "green"
    assert layer.contrast_limits == source.contrast_limits


def test_a_snapshot_carries_the_recipe_that_rebuilds_it(live, viewer, take, same_bits):
    image = viewer.layers["cells"].data
    live.explorer.source_panel.sample.setValue(5)
    live.wait()
    entry = take(live).metadata["napari-diversify"]
    recipe = Recipe(**entry["recipe"])
    same_bits(viewer.layers["cells (snapshot)"].data, recipe.apply(image, sample=entry["sample"]))
    assert entry["source"] == "cells"


def test_no_slider_changes_a_snapshot(live, take):
    layer = take(live)
    before = layer.data.copy()
    live.slide(w_v=8.0)
    live.wait()
    assert (layer.data == before).all()


def test_a_snapshot_does_not_change_what_is_worked_on(live, viewer, take):
    measured = []
    live.explorer.source_panel.sourceChanged.connect(lambda source: measured.append(source))
    take(live)
    assert viewer.layers.selection.active == viewer.layers["cells"]
    assert live.explorer.source_panel.picker.source() == viewer.layers["cells"]
    assert measured == []


def test_a_snapshot_is_announced_by_its_name(live, take):
    layer = take(live)
    live.wait()
    assert live.message == f"Snapshot kept as layer “{layer.name}”."


def test_a_snapshot_can_itself_be_diversified(live, viewer, take):
    layer = take(live)
    viewer.layers.selection.active = layer
    live.wait_for_source(layer)
    live.assert_exact(layer.data)


def test_a_snapshot_of_a_pyramid_is_its_finest_level(
    viewer, open_dock, make_image, take, same_bits
):
    image = make_image((64, 80))
    viewer.add_image([image, image[::2, ::2]], multiscale=True, name="cells")
    dock = open_dock(viewer)
    dock.wait()
    same_bits(take(dock).data, dock.explorer.value().apply(image))


def test_a_snapshot_can_be_taken_while_live_is_off(live, viewer, take, same_bits):
    live.explorer.card("diversify").live.setChecked(False)
    live.slide(w_v=6.0)
    same_bits(take(live).data, live.explorer.value().apply(viewer.layers["cells"].data))


def test_without_an_image_a_snapshot_says_why_there_is_none(viewer, open_dock):
    dock = open_dock(viewer)
    dock.explorer.actions_.snapshot.click()
    assert "no diversified image" in dock.message
    assert len(viewer.layers) == 0


def test_a_snapshot_too_big_for_the_memory_is_refused_with_both_numbers(live, viewer, monkeypatch):
    monkeypatch.setattr(
        psutil, "virtual_memory", lambda: SimpleNamespace(available=live.layer.data.nbytes)
    )
    names = [layer.name for layer in viewer.layers]
    live.explorer.actions_.snapshot.click()
    assert "memory" in live.message
    assert "“cells”" in live.message
    assert live.message.count("GB") == 2
    assert [layer.name for layer in viewer.layers] == names


def test_a_cancelled_snapshot_leaves_no_layer(live, viewer, slow_snapshot):
    names = [layer.name for layer in viewer.layers]
    live.explorer.actions_.snapshot.click()
    live.wait(lambda: live.explorer.status.cancel.isVisible())
    live.explorer.status.cancel.click()
    assert not live.explorer.status.cancel.isVisible()
    slow_snapshot.open()
    live.wait()
    assert [layer.name for layer in viewer.layers] == names
    assert "Cancelled" in live.message


def test_sliders_work_while_a_snapshot_is_taken_and_do_not_change_it(
    live, viewer, slow_snapshot, same_bits
):
    image = viewer.layers["cells"].data
    recipe = live.explorer.value()
    live.explorer.actions_.snapshot.click()
    live.slide(w_v=7.0)
    live.wait()
    live.assert_exact(image)
    live.wait(lambda: live.explorer.status.progress.isVisible())
    slow_snapshot.open()
    live.wait(lambda: "cells (snapshot)" in viewer.layers)
    same_bits(viewer.layers["cells (snapshot)"].data, recipe.apply(image))


def test_the_image_can_be_deleted_while_its_snapshot_is_taken(
    live, viewer, slow_snapshot, same_bits
):
    image, recipe = viewer.layers["cells"].data, live.explorer.value()
    live.explorer.actions_.snapshot.click()
    viewer.layers.clear()
    slow_snapshot.open()
    live.wait(lambda: "cells (snapshot)" in viewer.layers)
    same_bits(viewer.layers["cells (snapshot)"].data, recipe.apply(image))


def test_hiding_the_dock_cancels_its_snapshot(live, viewer, slow_snapshot):
    names = [layer.name for layer in viewer.layers]
    live.explorer.actions_.snapshot.click()
    live.explorer.hide()
    slow_snapshot.open()
    live.explorer.show()
    live.wait()
    assert [layer.name for layer in viewer.layers] == names


def test_a_snapshot_that_fails_says_why(live, monkeypatch):
    def broken(array):
        raise OSError("the disk with the image is gone")
        yield

    monkeypatch.setattr(LazyArray, "slabs", broken)
    live.explorer.actions_.snapshot.click()
    live.wait(lambda: "the disk with the image is gone" in live.message)
