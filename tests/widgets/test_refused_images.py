"""What cannot be diversified is refused in a sentence, and the dock goes on working."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from qtpy.QtWidgets import QAbstractSpinBox, QCheckBox, QComboBox, QPushButton

from napari_diversify.widgets.live.layers import why_unusable


def with_one(value):
    image = np.random.default_rng(0).random((24, 32)).astype("float32")
    image[3, 4] = value
    return image


#: what is opened, and words that the message must hold: what was given, what is accepted or to do
REFUSED = {
    "RGB": (np.zeros((24, 32, 3), "uint8"), ("RGB", "one channel", "Split RGB")),
    "bool": (np.eye(24, dtype=bool), ("bool", "integers or floating-point numbers")),
    "constant": (np.full((24, 32), 7, "uint8"), ("constant", "7")),
    "one voxel": (np.full((1, 1), 5, "uint16"), ("constant", "5")),
    "one voxel, 3D": (np.full((1, 1, 1), 5, "uint16"), ("constant", "5")),
    "NaN": (with_one(np.nan), ("NaN", "finite", "nan_to_num")),
    "inf": (with_one(np.inf), ("infinite", "finite", "nan_to_num")),
    "-inf": (with_one(-np.inf), ("infinite", "finite", "nan_to_num")),
}


def add(viewer, kind):
    with warnings.catch_warnings():
        # napari itself wonders about the contrast limits of such images
        warnings.simplefilter("ignore", RuntimeWarning)
        return viewer.add_image(REFUSED[kind][0], name="odd", rgb=kind == "RGB")


def assert_refused(dock, kind):
    dock.wait_measured()
    assert "“odd”" in dock.message
    for word in REFUSED[kind][1]:
        assert word in dock.message


@pytest.mark.parametrize("kind", REFUSED)
def test_the_message_says_what_was_given_and_what_is_accepted(viewer, open_dock, kind):
    add(viewer, kind)
    dock = open_dock(viewer)
    assert_refused(dock, kind)
    assert dock.layer is None
    assert len(viewer.layers) == 1
    assert not dock.control("psnr").isEnabled()


def test_complex_numbers_are_refused_should_napari_ever_show_them():
    image = SimpleNamespace(name="odd", rgb=False, multiscale=False, data=np.eye(24) * 1j)
    problem = why_unusable(image)
    assert "“odd”" in problem
    assert "complex128" in problem
    assert "integers or floating-point numbers" in problem


@pytest.mark.parametrize("kind", REFUSED)
def test_everything_can_be_touched_while_an_image_is_refused(viewer, open_dock, kind):
    add(viewer, kind)
    dock = open_dock(viewer)
    dock.wait_measured()
    dock.slide(w_i=0.5, w_v=4.0)
    dock.axis_boxes("window")[2].setValue(9)
    dock.explorer.source_panel.seed.setValue(3)
    dock.explorer.source_panel.sample.setValue(3)
    dock.explorer.source_panel.auto.click()
    dock.explorer.source_panel.auto.click()
    dock.explorer.card("diversify").live.click()
    dock.explorer.card("diversify").live.click()
    dock.explorer.card("diversify").views["sigma"].click()
    dock.explorer.actions_.snapshot.click()
    dock.wait(lambda: not dock.measuring and not dock.explorer.session._throttle._timer.isActive())
    assert [layer.name for layer in viewer.layers] == ["odd"]


@pytest.mark.parametrize("kind", ["RGB", "bool"])
def test_the_reason_stays_while_steps_are_switched(viewer, open_dock, kind):
    add(viewer, kind)
    dock = open_dock(viewer)
    assert_refused(dock, kind)
    dock.explorer.card("diversify").live.click()
    dock.explorer.card("diversify").live.click()
    dock.slide(w_v=4.0)
    dock.wait(lambda: not dock.explorer.session._throttle._timer.isActive())
    assert_refused(dock, kind)


@pytest.mark.parametrize("kind", REFUSED)
def test_the_live_layer_works_on_after_an_image_was_refused(live, viewer, kind):
    cells = viewer.layers["cells"]
    layer = live.layer
    add(viewer, kind)
    assert_refused(live, kind)
    live.assert_exact(cells.data)
    viewer.layers.selection.active = cells
    live.wait_for_source(cells)
    live.slide(w_v=5.0)
    live.wait()
    assert live.layer is layer
    assert live.entry["recipe"]["steps"][0]["w_v"] == 5.0
    live.assert_exact(cells.data)
    assert "odd" not in live.message


@pytest.mark.parametrize("kind", REFUSED)
def test_deleting_a_refused_image_goes_back_to_the_good_one(live, viewer, kind):
    odd = add(viewer, kind)
    assert_refused(live, kind)
    viewer.layers.remove(odd)
    live.wait_for_source(viewer.layers["cells"])
    live.assert_exact(viewer.layers["cells"].data)


@pytest.mark.parametrize("kind", REFUSED)
def test_a_live_layer_never_lies_while_an_image_is_refused(live, viewer, kind):
    cells = viewer.layers["cells"]
    add(viewer, kind)
    live.wait_measured()
    live.slide(w_v=5.0)
    live.explorer.source_panel.seed.setValue(77)
    live.wait(lambda: not live.measuring and not live.explorer.session._throttle._timer.isActive())
    assert live.entry["source"] == "cells"
    live.assert_exact(cells.data)


def test_an_image_that_gets_a_nan_while_it_is_live_is_reported(viewer, open_dock, make_image):
    image = make_image(dtype="float32")
    source = viewer.add_image(image, name="cells")
    dock = open_dock(viewer)
    dock.wait()
    broken = image.copy()
    broken[0, 0, 0] = np.nan
    source.data = broken
    dock.wait_measured()
    assert "NaN" in dock.message
    source.data = image
    dock.wait()
    dock.assert_exact(image)


def test_labels_alone_are_no_image(viewer, open_dock):
    viewer.add_labels(np.ones((24, 32), int))
    dock = open_dock(viewer)
    assert dock.message.startswith("Open an image")
    assert dock.layer is None
    assert dock.explorer.source_panel.picker.currentText() == "no image"


def test_a_range_upside_down_is_refused_and_taken_back(live):
    panel = live.explorer.source_panel
    before = (panel.low.value(), panel.high.value())
    panel.low.setValue(before[1] + 1)
    assert "low < high" in live.message
    assert f"{before[1] + 1:g}" in live.message
    assert (panel.low.value(), panel.high.value()) == before
    live.slide(w_v=5.0)
    live.wait()
    live.assert_exact(live.explorer.source_panel.picker.source().data)


def test_an_empty_range_is_refused_and_taken_back(live):
    panel = live.explorer.source_panel
    before = panel.high.value()
    panel.high.setValue(panel.low.value())
    assert "low < high" in live.message
    assert panel.high.value() == before


def test_a_refused_range_leaves_auto_as_it_was(live):
    panel = live.explorer.source_panel
    panel.low.setValue(panel.high.value() + 1)
    assert panel.auto.isChecked()


def test_an_even_window_is_refused_and_taken_back(live):
    live.axis_boxes("window")[1].setValue(6)
    assert "odd" in live.message
    assert live.control("window").value() == (5, 5, 5)
    live.slide(w_v=5.0)
    live.wait()
    live.assert_exact(live.explorer.source_panel.picker.source().data)


def test_a_recipe_with_two_steps_of_a_kind_is_shown(live):
    recipe = live.explorer.value()
    recipe = recipe.replace(steps=recipe.steps * 2)
    live.explorer.setValue(recipe)
    assert live.explorer.value() == recipe
    live.wait(lambda: live.explorer.view("diversify", number=2) is not None)
    layer = live.explorer.view("diversify", number=2).live.layer
    live.wait(lambda: not any(task.running for task in live.explorer._tasks()))
    assert layer.name == "cells (diversified 2)"
    image = live.explorer.source_panel.picker.source().data
    np.testing.assert_array_equal(np.asarray(layer.data), recipe.apply(image))


def test_every_control_and_button_says_what_it_is_for(viewer, open_dock):
    dock = open_dock(viewer, show=False)
    kinds = (QPushButton, QCheckBox, QComboBox, QAbstractSpinBox)
    controls = [c for kind in kinds for c in dock.explorer.findChildren(kind)]
    assert len(controls) > 15

    def explained(widget):
        while widget is not None and widget is not dock.explorer:
            if widget.toolTip():
                return True
            widget = widget.parentWidget()
        return False

    assert [c for c in controls if not explained(c)] == []
