"""Views that take long (3D, giant planes) are computed in a thread and shown when ready."""

import numpy as np
import pytest

from napari_diversify.core import local_std
from napari_diversify.widgets.live import ahead, feed
from napari_diversify.widgets.live import live_layer as preview
from napari_diversify.widgets.qt.driver import driver

PLANE = 24 * 32


@pytest.fixture
def slow(monkeypatch, gate):
    """Anything bigger than a plane is big, and its computation waits while the gate is closed."""
    monkeypatch.setattr(preview, "AT_ONCE", PLANE)
    monkeypatch.setattr(feed, "granting", gate.guard(feed.granting))
    return gate


@pytest.fixture
def image(viewer):
    return viewer.layers["cells"].data


def assert_metadata_tells_the_truth(dock, image):
    dock.assert_exact(image)


def wait_shown(dock):
    dock.wait(lambda: dock.calm() and dock.layer.visible)


def wait_hidden(dock):
    dock.wait(lambda: dock.layer is not None and not dock.layer.visible)


def test_going_to_3d_hides_the_layer_until_the_volume_is_there(
    live, viewer, slow, image, handed, same_bits
):
    slow.close()
    viewer.dims.ndisplay = 3
    wait_hidden(live)
    assert_metadata_tells_the_truth(live, image)
    slow.open()
    wait_shown(live)
    same_bits(handed.last(), live.rebuilt(image))


def test_no_big_view_is_ever_computed_on_the_gui_thread(live, viewer, slow, handed):
    viewer.dims.ndisplay = 3
    wait_shown(live)
    live.slide(w_v=5.0)
    live.wait()
    live.axis_boxes("window")[0].setValue(9)
    live.wait()
    live.explorer.source_panel.sample.setValue(3)
    live.wait()
    viewer.dims.ndisplay = 2
    viewer.dims.ndisplay = 3
    wait_shown(live)
    assert any(values.size > PLANE for values in handed.volumes())
    assert handed.computed_on_gui_thread(more_than=PLANE) == []


def test_a_dock_opened_on_a_viewer_in_3d_computes_the_volume_in_a_thread(
    viewer, open_dock, make_image, slow, handed, same_bits
):
    data = make_image()
    viewer.add_image(data, name="cells")
    viewer.dims.ndisplay = 3
    slow.close()
    dock = open_dock(viewer)
    wait_hidden(dock)
    slow.open()
    wait_shown(dock)
    assert handed.computed_on_gui_thread(more_than=PLANE) == []
    same_bits(handed.last(), dock.rebuilt(data))


def test_slider_moves_in_3d_keep_the_last_picture_until_the_next_is_ready(
    live, viewer, slow, image, handed, same_bits
):
    viewer.dims.ndisplay = 3
    wait_shown(live)
    slow.close()
    before = live.rebuilt(image)
    for w_v in (3.0, 4.0, 5.0):
        live.slide(w_v=w_v)
    live.wait(lambda: live.explorer.status.progress.isVisible())
    assert live.layer.visible
    assert live.entry["recipe"]["steps"][0]["w_v"] == 2.0
    same_bits(np.asarray(live.layer.data), before)
    slow.open()
    live.wait()
    assert live.entry["recipe"]["steps"][0]["w_v"] == 5.0
    assert not live.explorer.status.progress.isVisible()
    same_bits(live.layer.data[:], live.rebuilt(image))
    assert handed.computed_on_gui_thread(more_than=PLANE) == []


def test_a_drag_in_3d_ends_with_its_last_value_and_skips_most_others(live, viewer, slow, image):
    viewer.dims.ndisplay = 3
    wait_shown(live)
    slow.close()
    written = []
    live.layer.events.metadata.connect(lambda: written.append(live.entry["recipe"]))
    for w_v in np.linspace(2.1, 6.0, 40):
        live.slide(w_v=w_v)
        live.wait(lambda: not live.explorer.session._throttle._timer.isActive())
    slow.open()
    live.wait()
    assert live.entry["recipe"]["steps"][0]["w_v"] == 6.0
    assert_metadata_tells_the_truth(live, image)
    assert 1 <= len(written) <= 5


def test_going_back_to_2d_while_3d_is_computed_shows_a_plane_at_once(
    live, viewer, slow, image, handed, same_bits
):
    slow.close()
    viewer.dims.ndisplay = 3
    live.slide(w_v=6.0)
    viewer.dims.ndisplay = 2
    assert live.layer.visible
    assert handed.calls[-1][1].size == PLANE  # that of the image if ours takes long
    slow.open()
    live.wait()
    z = viewer.dims.current_step[0]
    same_bits(np.squeeze(handed.last()), live.rebuilt(image)[z])
    assert live.entry["recipe"]["steps"][0]["w_v"] == 6.0
    assert_metadata_tells_the_truth(live, image)


def test_a_cancelled_big_view_can_be_asked_for_again(live, viewer, slow, image):
    slow.close()
    viewer.dims.ndisplay = 3
    live.wait(lambda: live.explorer.status.cancel.isVisible())
    live.explorer.status.cancel.click()
    assert "Cancelled" in live.message
    assert not live.explorer.status.cancel.isVisible()
    slow.open()
    assert_metadata_tells_the_truth(live, image)
    live.slide(w_v=4.0)
    wait_shown(live)
    assert live.entry["recipe"]["steps"][0]["w_v"] == 4.0
    assert_metadata_tells_the_truth(live, image)


def test_cancelling_a_slider_move_in_3d_keeps_the_picture_that_was_there(live, viewer, slow, image):
    viewer.dims.ndisplay = 3
    wait_shown(live)
    slow.close()
    live.slide(w_v=6.0)
    live.wait(lambda: live.explorer.status.cancel.isVisible())
    live.explorer.status.cancel.click()
    slow.open()
    assert live.layer.visible
    assert live.entry["recipe"]["steps"][0]["w_v"] == 2.0
    assert_metadata_tells_the_truth(live, image)


def test_each_time_point_in_3d_is_computed_in_a_thread(
    viewer, open_dock, make_image, slow, handed, same_bits
):
    data = make_image((3, 4, 24, 32))
    viewer.add_image(data, name="cells", axis_labels=("t", "z", "y", "x"))
    dock = open_dock(viewer)
    dock.wait()
    viewer.dims.ndisplay = 3
    wait_shown(dock)
    for t in (0, 2):
        slow.close()
        viewer.dims.set_current_step(0, t)
        wait_hidden(dock)
        slow.open()
        wait_shown(dock)
        same_bits(np.squeeze(handed.last()), dock.rebuilt(data)[t])
    assert handed.computed_on_gui_thread(more_than=PLANE) == []


def test_stepping_on_in_time_drops_the_volume_that_was_being_computed(
    viewer, open_dock, make_image, slow, handed, same_bits
):
    data = make_image((3, 4, 24, 32))
    viewer.add_image(data, name="cells", axis_labels=("t", "z", "y", "x"))
    dock = open_dock(viewer)
    dock.wait()
    slow.close()
    viewer.dims.ndisplay = 3
    for t in (0, 1, 2):
        viewer.dims.set_current_step(0, t)
    slow.open()
    wait_shown(dock)
    volumes = [values for values in handed.volumes() if values.size > PLANE]
    assert len(volumes) == 1
    same_bits(np.squeeze(volumes[0]), dock.rebuilt(data)[2])


def test_until_a_giant_plane_is_there_the_layer_shows_that_of_the_image(
    viewer, open_dock, make_image, monkeypatch, gate, handed, same_bits
):
    monkeypatch.setattr(preview, "AT_ONCE", PLANE // 2)
    monkeypatch.setattr(feed, "granting", gate.guard(feed.granting))
    monkeypatch.setattr(ahead, "_AHEAD", 0)
    data = make_image()
    viewer.add_image(data, name="cells")
    gate.close()
    dock = open_dock(viewer)
    dock.wait(lambda: dock.layer is not None)
    for z in (viewer.dims.current_step[0], 5):
        viewer.dims.set_current_step(0, z)
        assert dock.layer.visible
        same_bits(np.squeeze(handed.calls[-1][1]), data[z])
        gate.open()
        wait_shown(dock)
        same_bits(np.squeeze(handed.last()), dock.rebuilt(data)[z])
        gate.close()
    gate.open()
    assert handed.computed_on_gui_thread(more_than=PLANE // 2) == []


def test_a_volume_seen_before_is_shown_again_without_computing(live, viewer, slow, handed):
    viewer.dims.ndisplay = 3
    wait_shown(live)
    viewer.dims.ndisplay = 2
    slow.close()
    viewer.dims.ndisplay = 3
    assert live.layer.visible
    assert handed.computed_on_gui_thread(more_than=PLANE) == []


def test_a_layer_hidden_by_the_user_stays_hidden_in_3d(live, viewer, slow, handed):
    live.layer.visible = False
    viewer.dims.ndisplay = 3
    live.slide(w_v=6.0)
    live.wait()
    assert not live.layer.visible


def test_an_eye_opened_while_the_volume_is_computed_shows_the_image_until_it_is_there(
    live, viewer, slow, image, handed, same_bits
):
    slow.close()
    viewer.dims.ndisplay = 3
    wait_hidden(live)
    live.layer.visible = True
    same_bits(handed.calls[-1][1], image)
    live.wait(lambda: live.layer.visible)
    slow.open()
    wait_shown(live)
    same_bits(handed.last(), live.rebuilt(image))
    assert handed.computed_on_gui_thread(more_than=PLANE) == []


def test_a_layer_switched_off_while_its_volume_is_computed_stays_hidden(live, viewer, slow, image):
    slow.close()
    viewer.dims.ndisplay = 3
    wait_hidden(live)
    live.explorer.card("diversify").live.setChecked(False)
    image[0] += 1
    viewer.layers["cells"].refresh()  # which it would have to look at again
    viewer.dims.ndisplay = 2
    slow.open()
    live.wait(lambda: driver().idle and not live.measuring)
    assert not live.layer.visible
    live.explorer.card("diversify").live.setChecked(True)
    wait_shown(live)
    live.assert_exact(image)


def test_the_eyes_of_linked_layers_are_left_alone(live, viewer, slow, image, handed, same_bits):
    viewer.layers.link_layers([viewer.layers["cells"], live.layer])
    slow.close()
    viewer.dims.ndisplay = 3
    live.wait(lambda: handed.calls[-1][1].shape == image.shape)
    assert viewer.layers["cells"].visible
    assert live.layer.visible
    slow.open()
    wait_shown(live)
    same_bits(handed.last(), live.rebuilt(image))


def test_over_an_image_whose_eye_is_shut_the_layer_does_not_step_aside(
    live, viewer, slow, image, handed, same_bits
):
    viewer.layers["cells"].visible = False
    slow.close()
    viewer.dims.ndisplay = 3
    live.wait(lambda: handed.calls[-1][1].shape == image.shape)
    assert live.layer.visible
    same_bits(handed.calls[-1][1], image)


def test_a_layer_shown_by_its_eye_in_3d_is_computed_in_the_thread(live, viewer, slow, handed):
    live.layer.visible = False
    viewer.dims.ndisplay = 3
    live.layer.visible = True
    wait_shown(live)
    assert handed.computed_on_gui_thread(more_than=PLANE) == []


def test_the_sigma_map_in_3d_is_computed_in_the_thread(
    live, viewer, slow, image, handed, same_bits
):
    live.explorer.card("diversify").views["sigma"].setChecked(True)
    slow.close()
    viewer.dims.ndisplay = 3
    live.wait(lambda: not live.sigma.visible)
    slow.open()
    live.wait(lambda: live.sigma.visible)
    same_bits(live.sigma.data[:], local_std(image, 5))
    assert handed.computed_on_gui_thread(more_than=PLANE) == []


def test_voxels_edited_while_the_view_is_in_3d_reach_the_picture(
    live, viewer, slow, image, handed, same_bits
):
    viewer.dims.ndisplay = 3
    wait_shown(live)
    source = viewer.layers["cells"]
    source.refresh()
    live.wait()
    image[:, 4, 4:20] = 60_000
    source.refresh()
    live.wait()
    same_bits(live.layer.data[:], live.rebuilt(image))
    assert handed.computed_on_gui_thread(more_than=PLANE) == []


def test_an_image_deleted_in_3d_leaves_the_live_layer_driven(live, viewer, slow, image):
    viewer.dims.ndisplay = 3
    wait_shown(live)
    viewer.layers.remove("cells")
    live.slide(w_v=6.0)
    live.wait(lambda: live.entry["recipe"]["steps"][0]["w_v"] == 6.0)
    live.assert_exact(image)


def test_a_live_layer_deleted_while_it_is_computed_stays_deleted(live, viewer, slow):
    slow.close()
    viewer.dims.ndisplay = 3
    viewer.layers.remove(live.layer)
    slow.open()
    live.wait_measured()
    assert [layer.name for layer in viewer.layers] == ["cells"]
    assert not live.explorer.card("diversify").live.isChecked()


def test_a_viewer_emptied_while_a_volume_is_computed_stays_empty(live, viewer, slow):
    slow.close()
    viewer.dims.ndisplay = 3
    viewer.layers.clear()
    slow.open()
    live.wait_measured()
    assert len(viewer.layers) == 0


@pytest.mark.parametrize("new_dock", [False, True], ids=["same dock", "new dock"])
def test_a_layer_hidden_for_computing_is_shown_again_by_the_dock_that_takes_it_up(
    live, viewer, slow, image, open_dock, new_dock
):
    slow.close()
    viewer.dims.ndisplay = 3
    wait_hidden(live)
    live.explorer.hide()
    viewer.dims.ndisplay = 2
    slow.open()
    if new_dock:
        live = open_dock(viewer)
    else:
        live.explorer.show()
    live.wait()
    assert live.layer.visible
    live.assert_exact(image)


def test_the_next_image_in_3d_replaces_the_picture_when_it_is_ready(
    live, viewer, slow, make_image, handed, same_bits
):
    viewer.dims.ndisplay = 3
    wait_shown(live)
    second = viewer.add_image(make_image(seed=9), name="second")
    live.wait_for_source(second)
    wait_shown(live)
    same_bits(live.layer.data[:], live.rebuilt(second.data))
    assert handed.computed_on_gui_thread(more_than=PLANE) == []


def test_a_hidden_layer_that_the_user_has_linked_with_ours_stays_hidden(live, viewer, slow, image):
    other = viewer.add_labels(np.zeros(image.shape, int), visible=False)
    viewer.layers.link_layers([other, live.layer], ("visible",))
    slow.close()
    viewer.dims.ndisplay = 3
    live.wait(lambda: not live.layer.visible)
    slow.open()
    wait_shown(live)
    assert live.layer.visible
    assert not other.visible
    live.layer.visible = False
    live.layer.visible = True
    assert other.visible  # still linked


def test_a_hidden_live_layer_is_told_that_its_image_was_renamed(live, viewer):
    live.switch("diversify").setChecked(False)
    viewer.layers["cells"].name = "renamed"
    assert live.layer.name == "renamed (diversified)"
    assert live.entry["source"] == "renamed"
