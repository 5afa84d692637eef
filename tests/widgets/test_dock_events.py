"""Whatever happens to layers, viewer or dock, the live layer stays right and nothing breaks."""

import numpy as np
import pytest

from napari_diversify.widgets.diversify.dock import Explorer


def live_layers(viewer):
    return [la for la in viewer.layers if "napari-diversify" in la.metadata]


@pytest.fixture
def other(viewer, make_image):
    """Adds a second image, which becomes the active layer."""

    def add(shape=(6, 24, 32), dtype="uint16", name="other", **keywords):
        return viewer.add_image(make_image(shape, dtype, seed=5), name=name, **keywords)

    return add


@pytest.fixture
def slow_measurement(monkeypatch, gate):
    """Measurements wait while the gate is closed."""
    from napari_diversify.widgets.diversify import measurement

    monkeypatch.setattr(measurement, "measure", gate.guard(measurement.measure))
    return gate


# ---- the image is renamed, replaced, edited, deleted ----


def test_a_renamed_image_renames_its_live_layer(live, viewer):
    viewer.layers["cells"].name = "nuclei"
    assert live.layer.name == "nuclei (diversified)"
    assert live.entry["source"] == "nuclei"
    assert live.explorer.source_panel.picker.currentText() == "active image: nuclei"


def test_renaming_the_image_leaves_a_name_given_by_the_user(live, viewer):
    live.layer.name = "my favourite"
    viewer.layers["cells"].name = "nuclei"
    assert live.layer.name == "my favourite"


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((6, 24, 32), "uint16"),
        ((9, 20, 48), "uint16"),
        ((6, 24, 32), "float32"),
        ((40, 48), "uint16"),
        ((2, 5, 24, 32), "uint8"),
    ],
    ids=["same shape", "other shape", "other dtype", "2D", "4D"],
)
def test_a_replaced_array_is_diversified_instead(live, viewer, make_image, shape, dtype):
    source, data = viewer.layers["cells"], make_image(shape, dtype, seed=3)
    source.data = data
    live.wait(lambda: live.calm() and live.layer.data.shape == shape)
    live.assert_exact(data)
    assert live.layer.dtype == data.dtype
    assert live.explorer.value().intensity_range == (data.min(), data.max())
    assert len(live_layers(viewer)) == 1


def test_an_image_replaced_by_one_of_other_dimensions_is_still_followed(live, viewer, make_image):
    source, data = viewer.layers["cells"], make_image((40, 48), seed=3)
    source.data = data
    live.wait(lambda: live.calm() and live.layer.data.shape == data.shape)
    source.name = "nuclei"
    source.contrast_limits = (10, 1000)
    data[3, 4:20] = 0
    source.refresh()
    live.wait()
    assert live.layer.name == "nuclei (diversified)"
    assert live.layer.contrast_limits == [10, 1000]
    live.assert_exact(data)


def test_an_array_replaced_after_the_dock_was_hidden_and_shown_is_noticed(live, viewer, make_image):
    live.explorer.hide()
    live.explorer.show()
    live.wait()
    data = make_image((4, 20, 20), seed=3)
    viewer.layers["cells"].data = data
    live.wait(lambda: live.calm() and live.layer.data.shape == data.shape)
    live.assert_exact(data)


@pytest.mark.parametrize("shape", [(4, 20, 20), (20, 24), (2, 4, 20, 24)])
def test_an_array_replaced_while_the_dock_is_hidden_is_found_when_it_is_back(
    live, viewer, make_image, shape
):
    live.explorer.hide()
    data = make_image(shape, seed=3)
    viewer.layers["cells"].data = data
    live.explorer.show()
    live.wait(lambda: live.calm() and live.layer.data.shape == shape)
    live.assert_exact(data)


def test_voxels_edited_in_place_are_diversified_anew(live, viewer, handed, same_bits):
    source = viewer.layers["cells"]
    z = viewer.dims.current_step[0]
    for turn in range(3):  # the first edit counts like the later ones
        source.data[:, 3 + turn, 4:20] = 1000 * turn
        source.refresh()
        live.wait()
        same_bits(np.squeeze(handed.last()), live.rebuilt(source.data)[z])
        live.assert_exact(source.data)
        source.refresh()


def test_voxels_edited_on_a_plane_out_of_view_are_there_when_it_comes_into_view(
    live, viewer, handed, same_bits
):
    source = viewer.layers["cells"]
    for z in (0, 5):
        viewer.dims.set_current_step(0, z)
    source.data[0, 3, 4:20] = 60_000
    source.refresh()
    live.wait()
    viewer.dims.set_current_step(0, 0)
    live.wait()
    same_bits(np.squeeze(handed.last()), live.rebuilt(source.data)[0])
    same_bits(live.layer.data[1], live.rebuilt(source.data)[1])


def test_edited_voxels_are_measured_again(live, viewer):
    source = viewer.layers["cells"]
    viewer.dims.set_current_step(0, 1)
    source.data[0, 0, 0] = 65_535
    source.refresh()
    live.wait(lambda: live.calm() and live.explorer.value().intensity_range[1] == 65_535)


def test_the_sigma_map_follows_edited_voxels_too(live, viewer, same_bits):
    from napari_diversify.core import local_std

    source = viewer.layers["cells"]
    live.explorer.card("diversify").views["sigma"].setChecked(True)
    viewer.dims.set_current_step(0, 1)
    source.data[1, 3, 4:20] = 0
    source.refresh()
    live.wait()
    same_bits(np.asarray(live.sigma.data), local_std(source.data, 5))


@pytest.mark.parametrize(
    "look",
    [
        lambda v: v.dims.set_current_step(0, 4),
        lambda v: v.dims.roll(),
        lambda v: v.dims.transpose(),
        lambda v: setattr(v.dims, "ndisplay", 3),
        lambda v: v.add_labels(np.zeros((6, 24, 32), int)),
        lambda v: v.add_points(np.zeros((1, 4))),
        lambda v: setattr(v.layers["cells"], "colormap", "red"),
        lambda v: setattr(v.layers["cells"], "contrast_limits", (0, 100)),
        lambda v: setattr(v.layers["cells"], "opacity", 0.5),
        lambda v: setattr(v.layers["cells"], "translate", (1, 0, 0)),
        lambda v: setattr(v.layers["cells"], "visible", False),
    ],
    ids=(
        ["z", "roll", "transpose", "3D", "labels", "points"]
        + ["colormap", "limits", "opacity", "translate", "eye"]
    ),
)
def test_looking_at_an_image_is_not_taken_for_editing_it(live, viewer, look):
    viewer.dims.set_current_step(0, 1)
    edited = []
    live.explorer.view("diversify").live.source_edited.connect(lambda: edited.append(True))
    look(viewer)
    assert edited == []


def test_voxels_edited_while_the_image_is_hidden_are_noticed_when_it_is_shown(live, viewer):
    source = viewer.layers["cells"]
    viewer.dims.set_current_step(0, 1)
    source.visible = False
    source.data[1, 3, 4:20] = 65_535
    source.visible = True
    live.wait()
    live.assert_exact(source.data)


def test_sliders_go_on_working_after_the_image_is_deleted(live, viewer, handed, same_bits):
    source = viewer.layers["cells"]
    viewer.layers.remove(source)
    live.slide(w_v=7.0)
    live.wait(lambda: live.entry["recipe"]["steps"][0]["w_v"] == 7.0)
    live.assert_exact(source.data)
    viewer.dims.set_current_step(0, 5)
    same_bits(np.squeeze(handed.last()), live.rebuilt(source.data)[5])


def test_without_an_image_the_dock_says_what_to_do(live, viewer):
    viewer.layers.remove("cells")
    assert live.message.startswith("Open an image")
    assert live.explorer.source_panel.picker.currentText() == "no image"


def test_the_dock_of_an_empty_viewer_takes_the_first_image(viewer, open_dock, make_image):
    dock = open_dock(viewer)
    assert dock.message.startswith("Open an image")
    image = make_image()
    viewer.add_image(image)
    dock.wait()
    dock.assert_exact(image)


# ---- the live layer is deleted or copied ----


def test_a_live_layer_deleted_by_the_user_switches_live_off(live, viewer):
    viewer.layers.remove(live.layer)
    assert not live.explorer.card("diversify").live.isChecked()
    live.slide(w_v=7.0)
    live.wait_measured()
    assert live_layers(viewer) == []


def test_a_deleted_live_layer_comes_back_when_live_is_switched_on(live, viewer):
    image = viewer.layers["cells"].data
    viewer.layers.remove(live.layer)
    live.slide(w_v=7.0)
    live.explorer.card("diversify").live.setChecked(True)
    live.wait()
    assert live.layer.visible
    assert live.entry["recipe"]["steps"][0]["w_v"] == 7.0
    live.assert_exact(image)


def test_a_deleted_sigma_map_switches_its_box_off_and_comes_back(live, viewer):
    live.explorer.card("diversify").views["sigma"].setChecked(True)
    viewer.layers.remove(live.sigma)
    assert not live.explorer.card("diversify").views["sigma"].isChecked()
    assert live.sigma is None
    live.explorer.card("diversify").views["sigma"].setChecked(True)
    assert live.sigma in viewer.layers
    assert live.sigma.visible


def test_a_sigma_map_switched_off_is_hidden_and_comes_back_with_the_newest_window(live, same_bits):
    from napari_diversify.core import local_std

    live.explorer.card("diversify").views["sigma"].setChecked(True)
    layer, image = live.sigma, live.explorer.source_panel.picker.source().data
    live.explorer.card("diversify").views["sigma"].setChecked(False)
    assert not layer.visible
    live.axis_boxes("window")[0].setValue(9)
    live.wait()
    live.explorer.card("diversify").views["sigma"].setChecked(True)
    live.wait(lambda: layer.visible)
    same_bits(np.asarray(layer.data), local_std(image, (9, 5, 5)))


def test_a_copy_of_the_live_layer_is_left_alone(live, viewer):
    before = np.asarray(live.layer.data)
    copy = type(live.layer).create(*live.layer.as_layer_data_tuple())
    copy.data = live.layer.data.__deepcopy__({})
    viewer.add_layer(copy)
    live.slide(w_v=7.0)
    live.wait()
    assert (np.asarray(copy.data) == before).all()
    assert (np.asarray(live.layer.data) != before).any()


# ---- which image is worked on ----


def test_the_live_layer_goes_over_to_the_image_that_is_activated(live, viewer, other):
    layer, second = live.layer, other(scale=(3, 2, 1))
    live.wait_for_source(second)
    live.assert_exact(second.data)
    assert live.layer is layer
    assert live.layer.name == "other (diversified)"
    assert live.layer.scale.tolist() == [3, 2, 1]
    viewer.layers.selection.active = viewer.layers["cells"]
    live.wait_for_source(viewer.layers["cells"])
    live.assert_exact(viewer.layers["cells"].data)
    assert live.layer is layer


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((6, 24, 32), "uint16"), ((6, 24, 32), "uint8"), ((24, 32), "float32")],
    ids=["same", "darker", "2D"],
)
def test_the_live_layer_takes_the_contrast_limits_of_the_image_it_goes_over_to(
    live, other, shape, dtype
):
    second = other(shape, dtype)
    second.contrast_limits = (second.data.min(), second.data.max() / 2)
    live.wait_for_source(second)
    assert live.layer.contrast_limits == second.contrast_limits
    second.contrast_limits = (second.data.min(), second.data.max() / 3)
    assert live.layer.contrast_limits == second.contrast_limits


def test_the_image_left_behind_shares_nothing_with_the_live_layer_any_more(live, viewer, other):
    live.wait_for_source(other())
    before = live.layer.contrast_limits
    viewer.layers["cells"].contrast_limits = (1, 2)
    viewer.layers["cells"].scale = (9, 9, 9)
    viewer.layers["cells"].name = "left behind"
    assert live.layer.contrast_limits == before
    assert live.layer.scale.tolist() == [1, 1, 1]
    assert live.layer.name == "other (diversified)"


def test_an_image_of_other_dimensions_gets_a_live_layer_of_its_own_and_the_old_one_goes(
    live, viewer, other
):
    second = other((40, 48))
    live.wait_for_source(second)
    live.assert_exact(second.data)
    assert live_layers(viewer) == [live.layer]
    viewer.layers.selection.active = viewer.layers["cells"]
    live.wait_for_source(viewer.layers["cells"])
    live.assert_exact(viewer.layers["cells"].data)
    assert live_layers(viewer) == [live.layer]


def test_the_sigma_map_goes_over_with_the_live_layer(live, other, same_bits):
    from napari_diversify.core import local_std

    live.explorer.card("diversify").views["sigma"].setChecked(True)
    second = other((5, 30, 30))
    live.wait_for_source(second)
    assert live.sigma.name == "other (σ map)"
    same_bits(np.asarray(live.sigma.data), local_std(second.data, 5))


def test_a_pinned_image_stays_whatever_is_activated(live, viewer, other):
    cells, second = viewer.layers["cells"], other()
    live.pin(cells)
    live.wait_for_source(cells)
    viewer.layers.selection.active = second
    viewer.layers.selection.active = None
    assert live.explorer.source_panel.picker.source() == cells
    live.pin(None)
    viewer.layers.selection.active = second
    live.wait_for_source(second)
    live.assert_exact(second.data)


def test_deleting_the_pinned_image_goes_back_to_the_active_one(live, viewer, other):
    cells, second = viewer.layers["cells"], other()
    live.pin(cells)
    viewer.layers.selection.active = second
    viewer.layers.remove(cells)
    live.wait_for_source(second)
    assert live.explorer.source_panel.picker.currentIndex() == 0


def test_the_list_of_images_holds_all_images_but_no_live_layer(live, viewer, other):
    other()
    viewer.add_labels(np.zeros((6, 24, 32), int))
    live.explorer.card("diversify").views["sigma"].setChecked(True)
    live.wait()
    picker = live.explorer.source_panel.picker
    names = [picker.itemText(i) for i in range(picker.count())]
    assert names == ["active image: other", "cells", "other"]


def test_activating_labels_or_a_live_layer_keeps_the_image(live, viewer, other):
    other()
    cells = viewer.layers["cells"]
    viewer.layers.selection.active = cells
    live.wait_for_source(cells)
    live.explorer.card("diversify").views["sigma"].setChecked(True)
    labels = viewer.add_labels(np.zeros((6, 24, 32), int))
    for layer in (labels, live.layer, live.sigma):
        viewer.layers.selection.active = layer
        assert live.explorer.source_panel.picker.source() == cells
        assert live.entry["source"] == "cells"


def test_the_image_stays_while_labels_are_active_and_the_dock_is_hidden_and_shown(
    live, viewer, other
):
    other()
    cells = viewer.layers["cells"]
    viewer.layers.selection.active = cells
    live.wait_for_source(cells)
    viewer.add_labels(np.zeros((6, 24, 32), int))
    live.explorer.hide()
    live.explorer.show()
    live.wait_measured()
    assert live.explorer.source_panel.picker.source() == cells


def test_the_axes_chosen_for_an_image_are_not_forced_on_the_next(live, other):
    live.explorer.source_panel.axes.setCurrentIndex(1)
    live.wait()
    live.wait_for_source(other())
    assert live.explorer.value().spatial_ndim == 3


# ---- while it is being measured ----


def test_an_image_activated_while_another_is_measured_wins(
    viewer, open_dock, make_image, slow_measurement, other
):
    viewer.add_image(make_image(), name="cells")
    slow_measurement.close()
    dock = open_dock(viewer)
    second = other((4, 20, 20))
    slow_measurement.open()
    dock.wait_for_source(second)
    dock.assert_exact(second.data)


def test_an_image_deleted_while_it_is_measured_is_forgotten(
    viewer, open_dock, make_image, slow_measurement
):
    source = viewer.add_image(make_image(), name="cells")
    slow_measurement.close()
    dock = open_dock(viewer)
    viewer.layers.remove(source)
    slow_measurement.open()
    dock.wait_measured()
    assert dock.layer is None
    assert dock.message.startswith("Open an image")


def test_a_slider_moved_while_the_axes_are_being_changed_is_not_lost(live, slow_measurement):
    image = live.explorer.source_panel.picker.source().data
    slow_measurement.close()
    live.explorer.source_panel.axes.setCurrentIndex(1)
    live.slide(w_v=6.0)
    live.wait(lambda: not live.explorer.session._throttle._timer.isActive())
    slow_measurement.open()
    live.wait()
    assert live.entry["recipe"]["spatial_ndim"] == 2
    assert live.entry["recipe"]["steps"][0]["w_v"] == 6.0
    live.assert_exact(image)


def test_a_slider_moved_while_another_image_is_measured_is_not_lost(live, slow_measurement, other):
    live.explorer.source_panel.low.setValue(100)  # a range of the user's own
    live.wait()
    slow_measurement.close()
    second = other((40, 48))
    live.slide(w_v=6.0)
    live.wait(lambda: not live.explorer.session._throttle._timer.isActive())
    slow_measurement.open()
    live.wait_for_source(second)
    assert live.entry["recipe"]["steps"][0]["w_v"] == 6.0
    live.assert_exact(second.data)


def test_measuring_can_be_cancelled_and_any_setting_starts_it_again(
    viewer, open_dock, make_image, slow_measurement
):
    image = make_image()
    viewer.add_image(image)
    slow_measurement.close()
    dock = open_dock(viewer)
    dock.wait(lambda: dock.explorer.status.cancel.isVisible())
    dock.explorer.status.cancel.click()
    assert not dock.measuring
    assert not dock.explorer.status.cancel.isVisible()
    assert "Cancelled" in dock.message
    slow_measurement.open()
    dock.slide(w_v=3.0)
    dock.wait()
    dock.assert_exact(image)


def test_progress_is_shown_only_while_there_is_work(
    viewer, open_dock, make_image, slow_measurement
):
    viewer.add_image(make_image())
    slow_measurement.close()
    dock = open_dock(viewer)
    dock.wait(lambda: dock.explorer.status.progress.isVisible())
    slow_measurement.open()
    dock.wait()
    assert not dock.explorer.status.progress.isVisible()


# ---- the viewer is emptied ----


def test_emptying_the_viewer_while_live_leaves_nothing_and_the_next_image_works(
    live, viewer, make_image
):
    live.explorer.card("diversify").views["sigma"].setChecked(True)
    live.wait()
    viewer.layers.clear()
    assert live.layer is None
    assert live.message.startswith("Open an image")
    image = make_image(seed=8)
    viewer.add_image(image, name="next")
    live.wait_measured()
    live.explorer.card("diversify").live.setChecked(True)
    live.wait()
    live.assert_exact(image)


def test_emptying_the_viewer_while_measuring_leaves_nothing(
    viewer, open_dock, make_image, slow_measurement
):
    viewer.add_image(make_image())
    slow_measurement.close()
    dock = open_dock(viewer)
    viewer.layers.clear()
    slow_measurement.open()
    dock.wait_measured()
    assert dock.layer is None
    assert len(viewer.layers) == 0


# ---- the dock is hidden and shown ----


def test_a_hidden_dock_does_nothing(live, viewer):
    live.explorer.hide()
    layer = next(la for la in viewer.layers if la.name == "cells (diversified)")
    source, before = viewer.layers["cells"], layer.metadata
    live.slide(w_v=7.0)
    source.name = "renamed"
    source.scale = (5, 5, 5)
    live.wait(lambda: not live.explorer.session._throttle._timer.isActive())
    assert layer.metadata == before
    assert layer.name == "cells (diversified)"
    assert layer.scale.tolist() == [1, 1, 1]
    assert not live.measuring


def test_a_layer_left_by_a_hidden_dock_stays_exact_when_it_is_looked_at(
    live, viewer, handed, same_bits
):
    image = viewer.layers["cells"].data
    expected = live.rebuilt(image)
    live.explorer.hide()
    for z in range(len(image)):
        viewer.dims.set_current_step(0, z)
        live.wait(lambda: handed.calls[-1][2])
        same_bits(np.squeeze(handed.last()), expected[z])


def test_a_dock_shown_again_goes_on_with_its_layer_and_its_settings(live, viewer):
    image, layer = viewer.layers["cells"].data, live.layer
    live.slide(w_i=0.8, w_v=3.3)
    live.explorer.source_panel.seed.setValue(11)
    live.explorer.source_panel.sample.setValue(12)
    live.explorer.source_panel.axes.setCurrentIndex(1)
    live.wait()
    recipe, sample = live.explorer.value(), live.explorer.sample()
    live.explorer.hide()
    live.explorer.show()
    live.wait()
    assert live.layer is layer
    assert (live.explorer.value(), live.explorer.sample()) == (recipe, sample)
    live.slide(w_v=5.0)
    live.wait()
    live.assert_exact(image)


def test_a_dock_shown_again_still_takes_the_range_from_the_image(live, viewer):
    live.explorer.hide()
    live.explorer.show()
    live.wait()
    assert live.explorer.source_panel.auto.isChecked()


def test_a_dock_shown_again_keeps_a_range_typed_by_the_user(live):
    live.explorer.source_panel.low.setValue(500)
    live.wait()
    before = live.explorer.value().intensity_range
    live.explorer.hide()
    live.explorer.show()
    live.wait()
    assert live.explorer.value().intensity_range == before
    assert not live.explorer.source_panel.auto.isChecked()


@pytest.mark.parametrize("on", [True, False])
def test_a_dock_shown_again_leaves_live_as_it_was(live, viewer, on):
    layer = live.layer
    live.explorer.card("diversify").live.setChecked(on)
    live.explorer.hide()
    live.explorer.show()
    live.wait_measured()
    assert live.explorer.card("diversify").live.isChecked() is on
    assert layer.visible is on


@pytest.mark.parametrize("on", [True, False])
def test_a_dock_shown_again_leaves_the_sigma_map_as_it_was(live, on):
    live.explorer.card("diversify").views["sigma"].setChecked(True)
    layer = live.sigma
    live.explorer.card("diversify").views["sigma"].setChecked(on)
    live.explorer.hide()
    live.explorer.show()
    live.wait_measured()
    assert live.explorer.card("diversify").views["sigma"].isChecked() is on
    assert layer.visible is on


def test_a_live_layer_deleted_while_the_dock_is_hidden_stays_deleted(live, viewer):
    live.explorer.hide()
    viewer.layers.remove("cells (diversified)")
    live.explorer.show()
    live.wait_measured()
    assert live_layers(viewer) == []
    assert not live.explorer.card("diversify").live.isChecked()
    live.explorer.card("diversify").live.setChecked(True)
    live.wait()


def test_a_new_dock_takes_over_the_live_layers_and_their_settings(
    live, viewer, open_dock, make_image
):
    image = make_image()
    live.slide(w_i=0.8, w_v=3.3)
    live.axis_boxes("window")[2].setValue(9)
    live.explorer.source_panel.seed.setValue(11)
    live.explorer.source_panel.sample.setValue(12)
    live.explorer.source_panel.axes.setCurrentIndex(1)
    live.explorer.card("diversify").views["sigma"].setChecked(True)
    live.wait()
    layers, recipe, before = list(viewer.layers), live.explorer.value(), live.layer
    live.explorer.hide()
    new = open_dock(viewer)
    new.wait()
    assert isinstance(new.explorer, Explorer)
    assert new.layer is before
    assert list(viewer.layers) == layers
    assert (new.explorer.value(), new.explorer.sample()) == (recipe, 12)
    assert new.explorer.card("diversify").live.isChecked()
    assert new.explorer.card("diversify").views["sigma"].isChecked()
    new.slide(w_v=6.0)
    new.wait()
    new.assert_exact(image)


def test_a_live_layer_that_was_switched_off_is_not_live_in_a_new_dock(live, viewer, open_dock):
    live.explorer.card("diversify").live.setChecked(False)
    live.explorer.hide()
    new = open_dock(viewer)
    new.wait_measured()
    layer = next(la for la in viewer.layers if la.name == "cells (diversified)")
    assert new.explorer.card("diversify").live.isChecked() == layer.visible


def test_a_live_layer_with_settings_that_cannot_be_read_is_reported(live, viewer, open_dock):
    live.layer.metadata = {
        "napari-diversify": {**live.entry, "recipe": {"schema_version": 99}, "live": "diversified"}
    }
    live.explorer.hide()
    new = open_dock(viewer, show=False)
    said = []
    new.explorer.status.say = said.append
    new.explorer.show()
    assert any("could not be read" in text and "99" in text for text in said)
    new.wait()
