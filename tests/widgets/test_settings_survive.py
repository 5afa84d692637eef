"""What the user has set survives: dock closed and opened, 3D and back, another image, an end."""

import gc

import pytest
from napari import settings
from napari.components import ViewerModel
from napari.settings import get_plugin_settings
from npe2 import PluginManifest

from napari_diversify.widgets.diversify import left_behind
from napari_diversify.widgets.diversify.dock import Explorer


def settle(dock):
    dock.settle()


def opened(dock):
    """Kinds of the cards that are open."""
    return {card.step.kind for card in dock.explorer.state().cards if card.open}


@pytest.fixture
def tuned(live):
    """A dock with every setting away from its default, those of steps that are off too."""
    explorer = live.explorer
    live.slide(w_i=0.8, w_v=3.3)
    live.axis_boxes("window")[2].setValue(9)
    explorer.source_panel.seed.setValue(11)
    explorer.source_panel.sample.setValue(12)
    explorer.card("lowpass").panel.form.controls["cutoff"].findChild(
        type(live.slider("w_i"))
    ).setValue(0.3)
    explorer.card("contrast").live.setChecked(True)
    explorer.card("diversify").views["sigma"].setChecked(True)
    live.put_in_order("diversify", "lowpass", "contrast")
    explorer.card("lowpass").reads_image.setChecked(True)
    explorer.card("contrast").title.setChecked(True)
    explorer.card("diversify").title.setChecked(False)
    settle(live)
    return live


def shown_again(dock, open_dock, viewer, how):
    """The same dock, or the next one of the same viewer."""
    if how == "hidden and shown":
        dock.explorer.hide()
        dock.explorer.show()
        again = dock
    else:
        dock.explorer.close()
        again = open_dock(viewer)
    settle(again)
    return again


@pytest.mark.parametrize("how", ["hidden and shown", "closed and opened"])
def test_all_settings_of_a_dock_are_there_again(tuned, viewer, open_dock, how):
    before, recipe = tuned.explorer.state(), tuned.explorer.value()
    layers = list(viewer.layers)
    again = shown_again(tuned, open_dock, viewer, how)
    assert again.explorer.state() == before
    assert again.explorer.value() == recipe
    assert list(viewer.layers) == layers
    again.explorer.card("diversify").panel.form.controls["w_v"].valueChanged.emit(5.0)
    settle(again)
    assert again.layer_of("contrast") in layers


@pytest.mark.parametrize("how", ["hidden and shown", "closed and opened"])
def test_an_automatic_range_stays_automatic_for_the_next_image(
    live, viewer, open_dock, make_image, how
):
    again = shown_again(live, open_dock, viewer, how)
    assert again.explorer.source_panel.auto.isChecked()
    eight = (make_image(seed=4) >> 13).astype("uint8")
    viewer.add_image(eight, name="eight bits")
    again.wait()
    assert again.explorer.value().intensity_range == (eight.min(), eight.max())
    again.assert_exact(eight)


@pytest.mark.parametrize("how", ["hidden and shown", "closed and opened"])
def test_a_typed_range_stays_typed(live, viewer, open_dock, make_image, how):
    live.explorer.source_panel.low.setValue(500)
    live.wait()
    before = live.explorer.value().intensity_range
    again = shown_again(live, open_dock, viewer, how)
    viewer.add_image(make_image(seed=4), name="next")
    settle(again)
    assert not again.explorer.source_panel.auto.isChecked()
    assert again.explorer.value().intensity_range == before


def test_a_pinned_image_is_pinned_in_the_next_dock(live, viewer, open_dock, make_image):
    live.pin(viewer.layers["cells"])
    viewer.add_image(make_image(seed=4), name="next")
    settle(live)
    again = shown_again(live, open_dock, viewer, "closed and opened")
    assert again.explorer.source_panel.picker.currentText() == "cells"
    assert again.entry["source"] == "cells"


@pytest.mark.parametrize("how", ["hidden and shown", "closed and opened"])
def test_a_layer_whose_eye_the_user_shut_is_live_still_and_shut(live, viewer, open_dock, how):
    layer = live.layer
    layer.visible = False
    again = shown_again(live, open_dock, viewer, how)
    assert again.explorer.card("diversify").live.isChecked()
    assert again.layer is layer
    assert not layer.visible


def test_a_layer_that_the_user_made_visible_is_not_hidden_by_the_next_dock(live, viewer, open_dock):
    layer = live.layer
    live.explorer.card("diversify").live.setChecked(False)
    layer.visible = True
    again = shown_again(live, open_dock, viewer, "closed and opened")
    assert layer.visible
    again.wait()
    again.assert_exact(viewer.layers["cells"].data)


def test_what_is_seen_and_set_is_the_same_after_3d_and_back(tuned, viewer):
    before, shown = tuned.explorer.state(), {la.name: la.visible for la in viewer.layers}
    viewer.dims.ndisplay = 3
    settle(tuned)
    viewer.dims.ndisplay = 2
    settle(tuned)
    assert tuned.explorer.state() == before
    assert {la.name: la.visible for la in viewer.layers} == shown


@pytest.mark.parametrize("away", [False, True], ids=["dock shown", "dock hidden"])
def test_emptying_the_viewer_changes_no_setting(tuned, viewer, make_image, away):
    before = tuned.explorer.state()
    if away:
        tuned.explorer.hide()
    viewer.layers.clear()
    image = make_image(seed=4)
    viewer.add_image(image, name="next")
    if away:
        tuned.explorer.show()
    settle(tuned)
    now = tuned.explorer.state()
    assert now.cards == before.cards
    assert now.automatic == before.automatic
    names = {la.name for la in viewer.layers}
    assert names == {"next", "next (diversified)", "next (deep tissue)", "next (σ map)"}


def test_emptying_the_viewer_while_the_dock_is_closed_changes_no_setting(
    tuned, viewer, open_dock, make_image
):
    before = tuned.explorer.state()
    tuned.explorer.close()
    viewer.layers.clear()
    viewer.add_image(make_image(seed=4), name="next")
    again = open_dock(viewer)
    settle(again)
    assert again.explorer.state().cards == before.cards


def test_deleting_one_live_layer_switches_it_off_for_good(tuned, viewer, make_image):
    viewer.layers.remove("cells (deep tissue)")
    settle(tuned)
    assert not tuned.explorer.card("contrast").live.isChecked()
    viewer.layers.remove("cells")
    viewer.add_image(make_image(seed=4), name="next")
    settle(tuned)
    assert not tuned.explorer.card("contrast").live.isChecked()
    assert tuned.explorer.card("diversify").live.isChecked()


def test_a_recipe_of_one_step_leaves_the_order_of_the_others(live):
    live.put_in_order("lowpass", "contrast", "diversify")
    before = live.explorer.state()
    live.explorer.setValue(live.explorer.value())
    assert [card.key for card in live.explorer.state().cards] == [c.key for c in before.cards]


def test_the_state_of_a_viewer_that_is_gone_is_forgotten(qtbot, make_image):
    viewer = ViewerModel()
    dock = Explorer(viewer)
    qtbot.addWidget(dock)
    dock.show()
    dock.close()
    before = len(left_behind._LEFT)
    key = id(viewer)
    assert key in left_behind._LEFT
    dock.deleteLater()
    del dock, viewer
    qtbot.wait(1)
    gc.collect()
    assert len(left_behind._LEFT) <= before  # other tests' viewers may be gone now, too


# ---- between sessions ----


@pytest.fixture
def session(plugin_settings, npe2pm):
    """The plugin as napari finds it, with settings that are written to a folder of the test."""
    npe2pm.register(PluginManifest.from_distribution("napari-diversify"))

    def end():
        """Forget all that is not written to a file."""
        settings._clear_plugin_settings_cache()
        left_behind._LEFT.clear()

    return end


def test_sections_are_open_in_the_next_session_as_they_were(session, viewer, open_dock):
    dock = open_dock(viewer)
    assert opened(dock) == {"diversify"}
    dock.explorer.card("diversify").title.setChecked(False)
    dock.explorer.card("contrast").title.setChecked(True)
    dock.explorer.card("lowpass").title.setChecked(True)
    dock.explorer.close()
    session()
    assert opened(open_dock(viewer)) == {"contrast", "lowpass"}


def test_no_section_is_open_if_none_was(session, viewer, open_dock):
    dock = open_dock(viewer)
    dock.explorer.card("diversify").title.setChecked(False)
    dock.explorer.close()
    session()
    assert opened(open_dock(viewer)) == set()


def test_an_export_begins_with_the_layout_and_format_of_the_last(
    session, viewer, open_dock, make_image, tmp_path
):
    viewer.add_image(make_image(), name="cells")
    dock = open_dock(viewer)
    dock.wait()
    dock.explorer.windows.open_export()
    dialog = dock.explorer.windows.export
    assert (dialog.layout_.currentData(), dialog.format.currentData()) == ("plain", "ome-zarr")
    dialog.format.setCurrentIndex(dialog.format.findData("ome-tiff"))
    dialog.folder.setText(str(tmp_path / "out"))
    dialog.sampling.samples.setValue(1)
    dialog.start()
    dock.wait(lambda: not dialog.running)
    dock.explorer.close()
    session()
    again = open_dock(viewer)
    again.explorer.windows.open_export()
    dialog = again.explorer.windows.export
    assert (dialog.layout_.currentData(), dialog.format.currentData()) == ("plain", "ome-tiff")


@pytest.mark.parametrize("broken", ["nonsense", "contrast, nonsense", ""])
def test_settings_that_somebody_typed_wrong_open_what_can_be_opened(
    session, viewer, open_dock, broken
):
    get_plugin_settings("napari-diversify").dock.open_sections = broken
    get_plugin_settings("napari-diversify").export.layout = "nonsense"
    dock = open_dock(viewer)
    assert opened(dock) == {"contrast"} & set(broken.split(","))
    dock.explorer.windows.open_export()
    assert dock.explorer.windows.export.layout_.currentData() == "plain"


def test_without_plugin_settings_the_dock_opens_as_always(viewer, open_dock):
    """As in napari before 0.9, or where the plugin is not installed as one."""
    dock = open_dock(viewer)
    assert opened(dock) == {"diversify"}
    dock.explorer.close()


def test_a_session_knows_nothing_of_parameters(session, tuned, viewer, open_dock, make_image):
    """They are kept in recipes: a new session begins with what the docs say."""
    tuned.explorer.close()
    session()
    other = ViewerModel()
    other.add_image(make_image(), name="cells")
    dock = open_dock(other)
    dock.wait()
    assert dock.explorer.card("diversify").value().w_v == 2.0
    assert dock.explorer.value().seed == 0
