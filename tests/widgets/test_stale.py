"""Nothing shown outlives what it was true of: docks, layers, numbers, sentences, windows."""

import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from superqt import QDoubleSlider

from napari_diversify.core import PsnrModel
from napari_diversify.recipe import Diversify
from napari_diversify.widgets.diversify import measurement
from napari_diversify.widgets.diversify import readout as readout_module
from napari_diversify.widgets.diversify.diversify_panel import DiversifyPanel
from napari_diversify.widgets.diversify.panel import ImageFacts
from napari_diversify.widgets.export import dialog as export
from napari_diversify.widgets.synthetic.dock import SyntheticDock


def settle(dock):
    dock.settle()


def pyramid(image):
    return [image, image[..., ::2, ::2]]


# ---- two docks on one viewer ----


def test_the_second_dock_says_where_the_first_is_at_work(live, viewer, open_dock):
    live.explorer.setWindowTitle("the first")
    second = open_dock(viewer)
    assert "at work" in second.message
    assert "the first" in second.message
    assert not second.explorer.cards.isEnabled()
    assert second.explorer.status.isEnabled()
    second.slide(w_v=7.0)
    settle(live)
    live.slide(w_v=3.0)
    live.wait()
    assert live.entry["recipe"]["steps"][0]["w_v"] == 3.0
    live.assert_exact(viewer.layers["cells"].data)


@pytest.mark.parametrize("how", ["hide", "close"])
def test_the_second_dock_takes_over_settings_and_layers(live, viewer, open_dock, how):
    second = open_dock(viewer)
    live.slide(w_v=4.0)
    live.wait()
    layer = live.layer
    getattr(live.explorer, how)()
    second.wait()
    assert second.explorer.cards.isEnabled()
    assert second.layer is layer
    assert second.explorer.card("diversify").value().w_v == 4.0
    assert "at work" not in second.message
    second.slide(w_v=6.0)
    second.wait()
    second.assert_exact(viewer.layers["cells"].data)


def test_docks_take_turns_and_metadata_are_always_true(live, viewer, open_dock):
    cells = viewer.layers["cells"].data
    second = open_dock(viewer)
    docks = [live, second]
    for turn, w_v in enumerate((3.0, 5.0, 2.5, 7.5, 1.5)):
        other, dock = docks[turn % 2 - 1], docks[turn % 2]
        other.explorer.hide()
        dock.explorer.show()
        dock.wait()
        dock.slide(w_v=w_v)
        dock.wait()
        dock.assert_exact(cells)
        other.explorer.show()
        assert "at work" in other.message
        assert sum(la.name == "cells (diversified)" for la in viewer.layers) == 1


def test_a_dock_that_waits_and_is_closed_leaves_the_first_alone(live, viewer, open_dock):
    second = open_dock(viewer)
    second.explorer.close()
    live.slide(w_v=3.0)
    live.wait()
    live.assert_exact(viewer.layers["cells"].data)


def test_docks_of_two_viewers_have_nothing_to_do_with_each_other(live, open_dock, make_image):
    other = ViewerModel()
    other.add_image(make_image(seed=2), name="others")
    dock = open_dock(other)
    dock.wait()
    assert dock.entry["source"] == "others"


def test_two_synthetic_docks_take_turns_too(viewer, qtbot):
    first, second = SyntheticDock(viewer), SyntheticDock(viewer)
    for dock in (first, second):
        qtbot.addWidget(dock)
    first.show()
    second.show()
    assert "at work" in second.status.message.text()
    qtbot.waitUntil(lambda: first.preview.in_step, timeout=20_000)
    first.close()
    qtbot.waitUntil(lambda: second.preview.in_step, timeout=20_000)
    assert [la.name for la in viewer.layers] == ["synthetic", "synthetic labels"]


# ---- another image ----


REFUSED = {
    "RGB": lambda make: (np.zeros((24, 32, 3), "uint8"), {"rgb": True}),
    "constant": lambda make: (np.full((6, 24, 32), 7, "uint8"), {}),
    "NaN": lambda make: (np.full((6, 24, 32), np.nan, "float32"), {"contrast_limits": (0, 1)}),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_no_layer_of_the_image_before_is_shown_while_the_chosen_one_is_refused(
    live, viewer, make_image, kind
):
    layer, readout = live.layer, live.explorer.readout
    data, keywords = REFUSED[kind](make_image)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # napari's, of contrast limits
        odd = viewer.add_image(data, name="odd", **keywords)
    settle(live)
    assert not layer.visible
    assert (readout.plane.text(), readout.volume.text()) == ("", "")
    live.explorer.compare.side_by_side.click()
    assert "nothing to compare" in live.message
    assert not live.explorer.card("contrast").panel.calibrate.isEnabled() or kind != "RGB"
    viewer.layers.remove(odd)
    live.wait_for_source(viewer.layers["cells"])
    assert live.layer is layer
    assert layer.visible  # by itself


def test_a_step_that_refuses_the_chosen_image_shows_nothing_of_the_one_before(
    live, viewer, make_image
):
    live.explorer.card("lowpass").panel.form.controls["volume"].setChecked(True)
    live.explorer.card("lowpass").live.setChecked(True)
    settle(live)
    low = live.layer_of("lowpass")
    assert low.visible
    viewer.add_image(pyramid(make_image((6, 64, 80), seed=3)), name="pyramid", multiscale=True)
    settle(live)
    assert "pyramid" in live.message
    assert not low.visible
    live.explorer.compare.side_by_side.click()
    visible = {la.name for la in viewer.layers if la.visible}
    assert visible == {"pyramid", "pyramid (diversified)"}
    live.explorer.compare.side_by_side.click()
    live.explorer.card("lowpass").panel.form.controls["volume"].setChecked(False)
    live.wait(lambda: live.layer_of("lowpass").visible)
    assert live.layer_of("lowpass").name == "pyramid (low-passed)"


def test_while_another_image_is_measured_nothing_is_compared_with_it(
    live, viewer, make_image, gate, monkeypatch
):
    readout = live.explorer.readout
    live.wait(lambda: "PSNR" in readout.plane.text())
    monkeypatch.setattr(measurement, "measure", gate.guard(measurement.measure))
    gate.close()
    viewer.add_image(make_image(seed=5), name="next")
    live.explorer.compare.blink.click()
    assert "nothing to compare" in live.message
    assert not live.explorer.compare.blink.isChecked()
    live.slide(w_v=3.0)
    assert "PSNR" not in readout.plane.text()
    gate.open()
    live.wait_for_source(viewer.layers["next"])
    live.wait(lambda: "PSNR" in readout.plane.text())


def test_calibrate_never_measures_the_image_before(live, viewer, make_image):
    panel = live.explorer.card("contrast").panel
    assert panel.calibrate.isEnabled()
    viewer.add_image(np.zeros((24, 32, 3), "uint8"), rgb=True)
    assert not panel.calibrate.isEnabled()


# ---- refusals that are over ----


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0], ids=["NaN", "inf", "constant"])
def test_a_refusal_goes_away_when_the_image_is_mended_in_place(
    viewer, open_dock, make_image, value
):
    good = make_image(dtype="float32")
    data = np.full_like(good, value) if value == 0 else good.copy()
    data[0, 0, 0] = value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        source = viewer.add_image(data, name="odd", contrast_limits=(0, 1))
    dock = open_dock(viewer)
    dock.wait_measured()
    assert "“odd”: " in dock.message
    data[...] = good
    source.refresh()
    dock.wait()
    assert dock.message == "Showing “odd” in full resolution."
    dock.assert_exact(good)


def test_a_constant_image_is_shown_once_a_range_is_typed_as_the_sentence_advises(viewer, open_dock):
    viewer.add_image(np.full((6, 24, 32), 7, np.uint16), name="blank")
    dock = open_dock(viewer)
    dock.wait_measured()
    assert "give an intensity range" in dock.message
    panel = dock.explorer.source_panel
    panel.low.setValue(2)
    panel.high.setValue(100)
    dock.wait()
    assert dock.message == "Showing “blank” in full resolution."
    dock.assert_exact(viewer.layers["blank"].data)


def test_an_emptied_viewer_is_not_followed_by_silence(live, viewer, make_image):
    viewer.layers.clear()
    assert live.message.startswith("Open an image")
    viewer.add_image(make_image(seed=8), name="next")
    live.wait()
    assert live.message == "Showing “next” in full resolution."
    live.explorer.card("diversify").live.setChecked(False)
    viewer.layers.clear()
    viewer.add_image(make_image(seed=9), name="third")
    settle(live)
    assert "Nothing is live" in live.message
    assert "“third”" in live.message


# ---- windows ----


@pytest.fixture
def exporting(live, tmp_path, gate, monkeypatch):
    """An export that is under way, held back by a gate."""
    monkeypatch.setattr(export, "run", gate.guard(export.run))
    live.explorer.windows.open_export()
    dialog = live.explorer.windows.export
    dialog.folder.setText(str(tmp_path / "out"))
    gate.close()
    dialog.start()
    return dialog


def test_escape_does_not_hide_an_export_that_goes_on(exporting, live, gate):
    QTest.keyClick(exporting, Qt.Key.Key_Escape)
    assert exporting.isVisible()
    assert exporting.running
    assert "Cancel" in exporting.status.message.text()
    gate.open()
    live.wait(lambda: not exporting.running)
    QTest.keyClick(exporting, Qt.Key.Key_Escape)
    assert not exporting.isVisible()


def test_closing_the_window_of_an_export_stops_it(exporting):
    exporting.close()
    assert not exporting.running


def test_tiles_of_explore_go_with_the_image(live, viewer):
    live.explorer.windows.open_explore()
    window = live.explorer.windows.explore
    live.wait(lambda: len(window.values) == len(window.tiles) > 0)
    image = viewer.layers["cells"]
    viewer.layers.remove(image)
    assert all(tile.icon().isNull() for tile in window.tiles.values())
    assert "no noise" in window.note.text()
    viewer.layers.append(image)
    live.wait(lambda: all(not tile.icon().isNull() for tile in window.tiles.values()))


@pytest.mark.parametrize("w_v", [0.0, 2.0])
@pytest.mark.parametrize("kind", ["cells", "blank"])
def test_plots_warn_of_nothing(viewer, open_dock, make_image, w_v, kind):
    """At w_v 0 the PSNR is infinite; of a blank image neither contrast nor noise is known."""
    image = make_image() if kind == "cells" else np.full((6, 24, 32), 7, "uint16")
    viewer.add_image(image)
    dock = open_dock(viewer)
    dock.explorer.source_panel.low.setValue(2)
    dock.explorer.source_panel.high.setValue(100)
    dock.wait()
    dock.explorer.windows.open_plots()
    plots = dock.explorer.windows.plots
    plots._follower._later.setInterval(10)
    for weight in (1.0, w_v):
        dock.slide(w_v=weight)
        dock.wait()
        dock.wait(lambda: plots.in_step and not plots.running)
    for plot in plots.plots.values():
        for item in plot.plot.getPlotItem().listDataItems():
            for axis in (0, 1):  # what a repaint asks for
                item.dataBounds(axis)
            item.scatter.boundingRect()
            item.curve.boundingRect()


# ---- the slider of the PSNR ----


@given(
    values=st.lists(st.floats(-0.5, 1.5), min_size=1, max_size=4),
    sigma=st.sampled_from((0.0, 1e-6, 1e-3, 0.05, 0.3)),
    w_i=st.floats(0, 2),
    shares=st.lists(st.floats(0, 1), min_size=1, max_size=4),
)
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_psnr_slider_is_never_an_error(qtbot, values, sigma, w_i, shares):
    image = np.resize(np.array(values, "float32"), (8, 9))
    model = PsnrModel.from_volume(image, np.full(image.shape, sigma, "float32"))
    panel = DiversifyPanel(Diversify(w_i=round(w_i, 2), w_v=1.0))
    qtbot.addWidget(panel)
    psnr = {panel.value().windows: model}
    panel.setFacts(ImageFacts(None, None, 2, None, psnr, "", alone=True))
    assert panel.psnr.isEnabled() or panel.note.text()
    slider = panel.psnr.findChild(QDoubleSlider)
    for share in shares:
        slider.setValue(slider.minimum() + share * (slider.maximum() - slider.minimum()))
        step = panel.value()
        assert 0 <= step.w_v <= 50
    # and right after another w_i, before its range is known
    panel.form.controls["w_i"].findChild(QDoubleSlider).setValue(1.0)
    slider.setValue(slider.minimum())


def test_where_no_noise_changes_anything_the_slider_says_so(live):
    live.slide(w_i=1.6)
    for box in live.axis_boxes("window"):
        box.setValue(1)
    live.wait()
    live.wait(lambda: not live.control("psnr").isEnabled())
    panel = live.explorer.card("diversify").panel
    assert "σ is 0 everywhere" in panel.note.text()
    live.slide(w_v=4.0)
    live.wait()
    assert "σ is 0 everywhere" in panel.note.text()  # and goes on saying so
    for box in live.axis_boxes("window"):
        box.setValue(5)
    live.wait(lambda: live.control("psnr").isEnabled())
    assert "σ is 0" not in panel.note.text()


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(readout_module, "_PLANE_MS", 10)
    monkeypatch.setattr(readout_module, "_VOLUME_MS", 10**6)
