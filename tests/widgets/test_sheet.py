"""The sheet of samples: lazy, marked by key, and the kept ones are what is exported."""

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_diversify.files import open_image
from napari_diversify.recipe import LazySamples, Sampling
from napari_diversify.recipe.lazy.source import original
from napari_diversify.widgets.live.ours import role_of


@pytest.fixture
def drawn(viewer, open_dock, make_image):
    """A dock with a sheet of 20 samples of a small volume."""
    viewer.add_image(make_image(), name="cells", scale=(2, 0.5, 0.5), units="um")
    return draw(viewer, open_dock)


def draw(viewer, open_dock, n=20):
    dock = open_dock(viewer)
    dock.wait()
    dock.explorer.windows.open_samples()
    dock.window = dock.explorer.windows.samples
    dock.window.sampling.samples.setValue(n)
    for name in ("w_i", "w_v"):
        dock.window.sampling.ranges.rows[f"diversify.{name}"][0].setChecked(True)
    dock.window.draw.click()
    dock.samples = dock.explorer.samples
    dock.sheet = dock.samples.live.layer
    return dock


def overlay(viewer):
    text = viewer.canvas.overlays.text
    return text.text if text.visible else ""


def test_the_sheet_lies_where_the_image_lies(viewer, drawn):
    source, sheet = viewer.layers["cells"], drawn.sheet
    source.translate = (1, 2, 3)
    assert isinstance(sheet.data.array, LazySamples)
    assert sheet.data.shape == (20, *source.data.shape)
    assert sheet.axis_labels == ("sample", *source.axis_labels)
    np.testing.assert_allclose(
        sheet.data_to_world([3, 1, 2, 4])[1:], source.data_to_world([1, 2, 4])
    )
    assert [str(u) for u in sheet.units[1:]] == [str(u) for u in source.units]
    assert viewer.layers.selection.active == source


def test_what_is_shown_is_the_sample_that_the_caption_tells(viewer, drawn, same_bits):
    sampling = drawn.samples.sampling
    for number in (0, 7, 19):
        drawn.samples.go_to(number)
        assert drawn.samples.current() == number
        values = sampling.drawn(number)
        assert overlay(viewer).startswith(f"sample {number}  ·  w_i {values['diversify.w_i']:.3g}")
        recipe = sampling.recipe_of(number)
        z = viewer.dims.current_step[1]
        expected = recipe.apply(viewer.layers["cells"].data, (2, 0.5, 0.5))[z]
        drawn.wait(lambda: not drawn.samples.live.running)
        same_bits(np.asarray(drawn.sheet._slice.image.raw), expected)


def test_a_sheet_of_100_samples_of_a_big_plane_computes_only_what_is_in_view(
    viewer, open_dock, handed
):
    viewer.add_image(np.random.default_rng(0).random((2048, 2048), np.float32), name="plane")
    dock = draw(viewer, open_dock, 100)
    dock.samples.go_to(99)
    dock.wait(lambda: not dock.samples.live.running)
    shown = [v.shape for a, v, _ in handed.calls if isinstance(a, LazySamples)]
    assert set(shown) == {(1, 2048, 2048)}
    assert handed.computed_on_gui_thread(more_than=0) == []


def test_keys_mark_and_go_on_and_marks_survive_scrolling(viewer, drawn):
    def press(key):
        viewer.keymap[next(k for k in viewer.keymap if str(k) == key)](viewer)

    for key in "RKRRK":
        press(key)
    assert drawn.samples.current() == 5
    drawn.samples.go_to(19)
    viewer.dims.set_current_step(1, 0)
    drawn.samples.go_to(2)
    assert "REJECTED" in overlay(viewer)
    kept = tuple(n for n in range(20) if n not in (0, 2, 3))
    assert drawn.samples.kept() == kept
    assert drawn.window.count.text() == "17 of 20 kept"
    assert drawn.sheet.metadata["napari-diversify"]["rejected"] == [0, 2, 3]
    drawn.samples.go_to(19)
    press("R")  # the last: nowhere to go on to
    assert drawn.samples.current() == 19


def test_a_box_in_the_list_keeps_and_rejects(drawn):
    from qtpy.QtCore import Qt

    lines = drawn.window.list.model()
    assert lines.rowCount() == 20
    box = Qt.ItemDataRole.CheckStateRole
    assert lines.setData(lines.index(4), Qt.CheckState.Unchecked.value, box)
    assert not drawn.samples.is_kept(4)
    assert lines.data(lines.index(4), box) == Qt.CheckState.Unchecked
    assert lines.setData(lines.index(4), Qt.CheckState.Checked.value, box)
    assert drawn.samples.is_kept(4)
    drawn.samples.set_kept(4, False)
    drawn.window.keep_all.click()
    assert len(drawn.samples.kept()) == 20


def test_exactly_the_kept_samples_are_exported(viewer, drawn, tmp_path, same_bits):
    for number in range(20):
        drawn.samples.set_kept(number, number % 5 in (0, 2, 4))
    drawn.window.export.click()
    dialog = drawn.explorer.windows.export
    assert dialog.only_kept.isChecked()
    assert dialog.only_kept.text() == "only the 12 kept of the 20 samples on the sheet"
    assert not dialog.sampling.isEnabled()
    dialog.folder.setText(str(tmp_path / "out"))
    drawn.slide(w_v=7.0)  # the sheet does not follow the sliders, and neither does its export
    dialog.start()
    drawn.wait(lambda: not dialog.running)
    assert dialog.status.message.text() == "12 samples made."
    written = sorted(p.name for p in (tmp_path / "out").glob("*.ome.zarr"))
    assert written == [f"cells_{n:04d}.ome.zarr" for n in drawn.samples.kept()]
    for n in drawn.samples.kept():
        with open_image(tmp_path / "out" / f"cells_{n:04d}.ome.zarr") as image:
            same_bits(np.asarray(image.data), drawn.sheet.data[n])


def test_the_kept_belong_to_their_image(viewer, drawn, make_image):
    other = viewer.add_image(make_image(seed=1), name="other")
    drawn.wait_for_source(other)
    drawn.explorer.windows.open_export()
    dialog = drawn.explorer.windows.export
    assert not dialog.only_kept.isVisible()
    viewer.layers.selection.active = viewer.layers["cells"]
    drawn.wait_for_source(viewer.layers["cells"])
    drawn.explorer.windows.open_export()
    assert dialog.only_kept.isVisible()


def test_nothing_kept_is_said(drawn, tmp_path):
    for number in range(20):
        drawn.samples.set_kept(number, False)
    drawn.window.export.click()
    dialog = drawn.explorer.windows.export
    dialog.folder.setText(str(tmp_path / "out"))
    dialog.start()
    assert "no sample is chosen" in dialog.status.message.text().lower()
    assert not (tmp_path / "out").exists()


def test_the_canvas_text_and_the_keys_are_given_back(viewer, drawn):
    drawn.sheet.visible = False
    assert overlay(viewer) == ""
    assert not any(str(k) in "KR" for k in viewer.keymap)
    drawn.sheet.visible = True
    assert overlay(viewer).startswith("sample 0")
    viewer.layers.remove(drawn.sheet)
    assert overlay(viewer) == ""
    assert drawn.samples.sampling is None
    assert drawn.window.count.text().startswith("Draw a sheet")
    assert not drawn.window.keep.isEnabled()


def test_text_and_keys_of_the_users_own_come_back(open_dock, make_image):
    viewer = ViewerModel()
    viewer.add_image(make_image(), name="cells")
    viewer.canvas.overlays.text.text = "mine"
    viewer.canvas.overlays.text.visible = True
    pressed = []
    viewer.bind_key("K", lambda v: pressed.append("K"))
    dock = draw(viewer, open_dock)
    assert overlay(viewer).startswith("sample 0")
    viewer.layers.remove(dock.sheet)
    assert overlay(viewer) == "mine"
    viewer.keymap[next(k for k in viewer.keymap if str(k) == "K")](viewer)
    assert pressed == ["K"]


def test_another_draw_of_the_same_keeps_the_marks_and_of_others_does_not(drawn):
    drawn.samples.reject()
    drawn.window.draw.click()
    assert drawn.samples.kept() == tuple(range(1, 20))
    drawn.window.sampling.samples.setValue(8)
    drawn.window.draw.click()
    assert drawn.samples.kept() == tuple(range(8))
    assert drawn.samples.live.layer == drawn.sheet
    assert drawn.sheet.data.shape[0] == 8


@pytest.mark.parametrize("how", ["same dock", "new dock"])
def test_a_dock_opened_again_goes_on_with_the_sheet(viewer, drawn, open_dock, how):
    drawn.samples.set_kept(3, False)
    drawn.explorer.hide()
    assert overlay(viewer) == ""
    if how == "same dock":
        drawn.explorer.show()
        explorer = drawn.explorer
    else:
        explorer = open_dock(viewer).explorer
    assert explorer.samples.kept() == tuple(n for n in range(20) if n != 3)
    assert explorer.samples.live.layer == drawn.sheet
    explorer.samples.go_to(3)
    assert "REJECTED" in overlay(viewer)


def test_noise_alone_is_said(viewer, open_dock, make_image):
    viewer.add_image(make_image(), name="cells")
    dock = open_dock(viewer)
    dock.wait()
    dock.explorer.windows.open_samples()
    window = dock.explorer.windows.samples
    window.draw.click()
    assert "noise alone" in window.status.message.text()
    window.sampling.ranges.rows["diversify.w_v"][0].setChecked(True)
    window.draw.click()
    assert window.status.message.text() == ""


def test_no_image_is_said(viewer, open_dock):
    dock = open_dock(viewer)
    dock.explorer.windows.open_samples()
    dock.explorer.windows.samples.draw.click()
    assert "no image" in dock.explorer.windows.samples.status.message.text().lower()


def test_one_sample_and_10000(viewer, open_dock, make_image):
    viewer.add_image(make_image(), name="cells")
    dock = draw(viewer, open_dock, 1)
    assert dock.samples.kept() == (0,)
    dock.window.sampling.samples.setValue(10_000)
    dock.window.draw.click()
    assert dock.sheet.data.shape[0] == 10_000
    dock.samples.go_to(9_999)
    assert dock.samples.caption(9_999) in dock.window.list.model().data(
        dock.window.list.currentIndex()
    )


def test_the_sampling_survives_its_metadata(drawn):
    entry = drawn.sheet.metadata["napari-diversify"]
    assert Sampling(**entry["sampling"]) == drawn.samples.sampling


def test_an_image_moved_takes_its_sheet_along(viewer, drawn):
    viewer.layers["cells"].translate = (5, 6, 7)
    np.testing.assert_allclose(drawn.sheet.translate, (0, 5, 6, 7))


def test_a_sheet_in_3d_is_computed_in_a_thread(viewer, drawn, handed):
    viewer.dims.ndisplay = 3
    drawn.wait(lambda: drawn.sheet.visible and not drawn.samples.live.running)
    assert handed.computed_on_gui_thread(more_than=1 << 22) == []
    assert drawn.samples.current() == 0


# ---- what once went wrong ----


def exported(drawn, folder):
    drawn.explorer.windows.open_export()
    dialog = drawn.explorer.windows.export
    dialog.only_kept.setChecked(True)
    dialog.folder.setText(str(folder))
    dialog.start()
    drawn.wait(lambda: not dialog.running)
    return [open_image(path) for path in sorted(folder.glob("*.ome.zarr"))]


def assert_shown_is_written(drawn, folder, same_bits):
    for number in range(3, 20):
        drawn.samples.set_kept(number, False)
    files = exported(drawn, folder)
    assert len(files) == 3
    for number, image in enumerate(files):
        with image as opened:
            same_bits(np.asarray(opened.data), np.asarray(drawn.sheet.data[number]))


@pytest.mark.parametrize("shape", [(6, 24, 32), (4, 20, 28)])
def test_a_replaced_array_is_what_the_sheet_shows_and_the_export_writes(
    viewer, drawn, make_image, tmp_path, same_bits, shape
):
    source = viewer.layers["cells"]
    source.data = make_image(shape, seed=9)
    drawn.wait()
    assert original(drawn.sheet.data.array.source) is source.data
    assert_shown_is_written(drawn, tmp_path / "out", same_bits)


def test_a_new_scale_is_that_of_layers_sheet_and_export(
    viewer, open_dock, make_image, tmp_path, same_bits
):
    source = viewer.add_image(make_image(), name="cells", scale=(2, 0.5, 0.5), units="um")
    dock = open_dock(viewer)
    dock.wait()
    dock.explorer.card("contrast").live.setChecked(True)
    dock.explorer.card("diversify").live.setChecked(False)
    dock.wait(lambda: dock.layer_of("contrast") is not None)
    dock.explorer.windows.open_samples()
    dock.explorer.windows.samples.draw.click()
    dock.samples, dock.sheet = dock.explorer.samples, dock.explorer.samples.live.layer
    source.scale = (1, 0.1, 0.1)
    live = dock.layer_of("contrast")
    expected = dock.explorer.value().apply(source.data, (1, 0.1, 0.1))
    dock.wait(lambda: np.array_equal(np.asarray(live.data), expected))
    same_bits(np.asarray(dock.sheet.data[0]), expected)
    assert_shown_is_written(dock, tmp_path / "out", same_bits)


def test_another_image_of_the_name_does_not_get_the_sheet(viewer, drawn, make_image):
    drawn.samples.set_kept(1, False)
    drawn.explorer.hide()
    cells = viewer.layers["cells"]
    cells.name = "old"
    viewer.add_image(make_image(seed=5), name="cells")
    drawn.explorer.show()
    assert drawn.samples.source == cells
    assert original(drawn.sheet.data.array.source) is cells.data
    assert drawn.samples.kept() == (0, *range(2, 20))


def test_a_sheet_deleted_while_the_dock_was_away_is_forgotten(viewer, drawn):
    drawn.explorer.hide()
    viewer.layers.remove(drawn.sheet)
    drawn.explorer.show()
    assert drawn.samples.sampling is None
    drawn.explorer.windows.open_export()
    assert not drawn.explorer.windows.export.only_kept.isVisible()


def test_text_written_over_ours_is_the_users(viewer, drawn):
    viewer.canvas.overlays.text.text = "mine"
    drawn.samples.go_to(4)
    assert overlay(viewer) == "mine"
    drawn.sheet.visible = False
    assert overlay(viewer) == "mine"


def test_text_hidden_by_the_user_stays_hidden(viewer, drawn):
    viewer.canvas.overlays.text.visible = False
    drawn.samples.go_to(4)
    assert overlay(viewer) == ""


def test_marking_draws_nothing_anew(drawn, handed):
    handed.calls.clear()
    drawn.samples.set_kept(0, False)
    assert handed.calls == []


def test_before_the_image_is_measured_nothing_is_drawn(
    viewer, open_dock, make_image, gate, monkeypatch
):
    from napari_diversify.widgets.diversify import measurement

    viewer.add_image(make_image(), name="cells")
    gate.close()
    monkeypatch.setattr(measurement, "measure", gate.guard(measurement.measure))
    dock = open_dock(viewer)
    dock.explorer.windows.open_samples()
    window = dock.explorer.windows.samples
    window.draw.click()
    assert "still being measured" in window.status.message.text()
    assert dock.explorer.samples.live.layer is None
    gate.open()
    dock.wait()
    window.draw.click()
    assert dock.explorer.samples.live.layer is not None


def test_a_view_that_does_not_fit_into_the_memory_is_refused(
    viewer, open_dock, make_image, monkeypatch
):
    viewer.add_image(make_image((40, 40)), name="plane")
    dock = draw(viewer, open_dock, 2000)
    free = type("free", (), {"available": 1_000_000})
    monkeypatch.setattr("napari_diversify.widgets.live.layers.psutil.virtual_memory", lambda: free)
    monkeypatch.setattr("napari_diversify.widgets.live.live_layer.AT_ONCE", 1 << 12)
    viewer.dims.ndisplay = 3
    dock.wait(lambda: "memory" in dock.window.status.message.text())
    viewer.dims.ndisplay = 2
    assert dock.sheet.visible


def test_a_locked_sheet_is_left_to_the_user(viewer, drawn):
    drawn.sheet.locked = True
    drawn.samples.close()
    assert drawn.sheet in viewer.layers
    assert role_of(drawn.sheet) is None
    assert drawn.samples.sampling is None
