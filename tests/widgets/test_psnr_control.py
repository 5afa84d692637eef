"""PSNR is a second handle on w_v: each moves the other, within what can be reached."""

import math

import numpy as np
import pytest
from qtpy.QtWidgets import QAbstractSpinBox, QDoubleSpinBox
from superqt import QDoubleSlider

from napari_diversify.core import PsnrModel, psnr
from napari_diversify.recipe import Diversify, Recipe
from napari_diversify.widgets.diversify.diversify_panel import DiversifyPanel
from napari_diversify.widgets.diversify.panel import ImageFacts

CAP = 60.0


@pytest.fixture
def model():
    rng = np.random.default_rng(1)
    return PsnrModel.from_volume(rng.random((20, 20)), 0.02 + 0.1 * rng.random((20, 20)))


@pytest.fixture
def panel(qtbot, model):
    panel = DiversifyPanel(Diversify(w_i=1.0, w_v=2.0))
    qtbot.addWidget(panel)
    panel.setFacts(facts(panel, model))
    return panel


def facts(panel, model=None, note="", spatial_ndim=3):
    psnr = {} if model is None else {panel.value().windows: model}
    return ImageFacts(None, None, spatial_ndim, None, psnr, note, alone=True)


def slider(control):
    return control.findChild(QDoubleSlider)


def box(control):
    return control.findChild(QDoubleSpinBox)


def expected(panel, model):
    return model.expected(panel.value().w_i, panel.value().w_v)


def wait_for_range(panel, model, qtbot):
    high = model.reachable(panel.value().w_i)[1]

    def shown():
        return box(panel.psnr).maximum() == pytest.approx(min(high, CAP), abs=0.01)

    qtbot.waitUntil(shown)


def test_psnr_cannot_be_moved_before_it_is_measured(qtbot, model):
    panel = DiversifyPanel(Diversify())
    qtbot.addWidget(panel)
    assert not panel.psnr.isEnabled()
    panel.setFacts(facts(panel, model))
    assert panel.psnr.isEnabled()
    panel.setFacts(facts(panel))
    assert not panel.psnr.isEnabled()


def test_the_range_of_psnr_is_what_can_be_reached_from_the_start(panel, model):
    low = model.reachable(1.0)[0]
    assert box(panel.psnr).minimum() == pytest.approx(low, abs=0.02)
    assert slider(panel.psnr).minimum() == pytest.approx(low, abs=0.02)
    assert slider(panel.psnr).maximum() == CAP


def test_the_psnr_shown_is_the_expected_one(panel, model):
    assert panel.psnr.value() == pytest.approx(expected(panel, model), abs=0.005)


@pytest.mark.parametrize("move", ["slide", "type"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_setting_psnr_sets_the_w_v_that_meets_it(panel, model, move, share):
    low = model.reachable(1.0)[0]
    target = math.ceil(100 * (low + share * (CAP - low))) / 100
    (slider if move == "slide" else box)(panel.psnr).setValue(target)
    assert expected(panel, model) == pytest.approx(target, abs=1e-4)
    assert panel.psnr.value() == pytest.approx(target, abs=0.005)


def test_setting_psnr_leaves_everything_but_w_v_alone(panel, model):
    panel.setValue(Diversify(w_i=0.876543, w_v=2.0, window=(3, 5, 7), stride=(1, 2, 3)))
    assert not panel.psnr.isEnabled()  # not measured in these windows
    panel.setFacts(facts(panel, model))
    before = panel.value()
    box(panel.psnr).setValue(15.0)
    assert panel.value().w_v != before.w_v
    assert panel.value().replace(w_v=before.w_v) == before


def test_setting_psnr_moves_the_slider_of_w_v(panel):
    box(panel.psnr).setValue(15.0)
    w_v = panel.value().w_v
    assert slider(panel.form.controls["w_v"]).value() == pytest.approx(w_v, abs=0.005)


def test_setting_psnr_announces_the_step_once(panel):
    said = []
    panel.valueChanged.connect(said.append)
    box(panel.psnr).setValue(15.0)
    assert said == [panel.value()]


@pytest.mark.parametrize(("name", "value"), [("w_v", 5.0), ("w_v", 0.3), ("w_i", 0.5)])
def test_moving_a_weight_moves_psnr(panel, model, name, value):
    before = panel.psnr.value()
    slider(panel.form.controls[name]).setValue(value)
    assert panel.psnr.value() != before
    assert panel.psnr.value() == pytest.approx(expected(panel, model), abs=0.005)


@pytest.mark.parametrize("w_i", [0.3, 1.7])
def test_the_range_of_psnr_is_what_can_be_reached(panel, model, qtbot, w_i):
    slider(panel.form.controls["w_i"]).setValue(w_i)
    wait_for_range(panel, model, qtbot)
    low, high = model.reachable(w_i)
    assert box(panel.psnr).minimum() == pytest.approx(low, abs=0.02)
    assert slider(panel.psnr).minimum() == pytest.approx(low, abs=0.02)
    assert slider(panel.psnr).maximum() == pytest.approx(min(high, CAP), abs=0.02)


def test_a_psnr_out_of_reach_is_replaced_by_the_nearest_within(panel, model, qtbot):
    slider(panel.form.controls["w_i"]).setValue(0.5)
    wait_for_range(panel, model, qtbot)
    box(panel.psnr).setValue(59.0)
    high = model.reachable(0.5)[1]
    assert expected(panel, model) == pytest.approx(high, abs=1e-3)
    assert panel.psnr.value() == pytest.approx(high, abs=0.01)


def test_without_noise_psnr_stands_at_its_cap(panel):
    slider(panel.form.controls["w_v"]).setValue(0.0)
    assert panel.psnr.value() == CAP


def test_psnr_moved_to_its_cap_takes_all_noise_away(panel):
    box(panel.psnr).setValue(CAP)
    assert panel.value().w_v == 0.0


def test_moving_psnr_back_and_forth_comes_back_to_the_same_w_v(panel):
    box(panel.psnr).setValue(20.0)
    w_v = panel.value().w_v
    box(panel.psnr).setValue(12.0)
    box(panel.psnr).setValue(20.0)
    assert panel.value().w_v == w_v


def test_z_is_grey_where_planes_are_filtered_by_themselves(panel):
    def z_enabled():
        return [
            panel.form.controls[name].findChildren(QAbstractSpinBox)[0].isEnabled()
            for name in ("window", "stride")
        ]

    panel.setFacts(facts(panel, spatial_ndim=2))
    assert z_enabled() == [False, False]
    panel.setFacts(facts(panel, spatial_ndim=3))
    assert z_enabled() == [True, True]


def test_what_psnr_was_measured_on_is_said_below_it(panel, model):
    panel.setFacts(facts(panel, model, "Range and PSNR measured on 5 of 100 planes."))
    assert panel.note.text() == "Range and PSNR measured on 5 of 100 planes."
    assert not panel.note.isHidden()
    panel.setFacts(facts(panel, model))
    assert panel.note.isHidden()


# ---- in the dock ----


def test_psnr_in_the_dock_waits_for_the_image_to_be_measured(viewer, open_dock, make_image):
    viewer.add_image(make_image())
    dock = open_dock(viewer, show=False)
    assert not dock.control("psnr").isEnabled()
    dock.explorer.show()
    dock.wait()
    assert dock.control("psnr").isEnabled()


@pytest.mark.parametrize("target", [8.0, 20.0])
def test_the_live_layer_has_the_psnr_that_was_asked_for(viewer, open_dock, make_image, target):
    image = make_image((8, 64, 64))
    viewer.add_image(image)
    dock = open_dock(viewer)
    dock.wait()
    dock.box("psnr").setValue(target)
    dock.wait()
    low, high = dock.explorer.value().intensity_range
    measured = psnr(image, np.asarray(dock.layer.data), data_range=high - low)
    assert measured == pytest.approx(target, abs=0.1)


def test_psnr_follows_the_window_in_which_sigma_is_measured(viewer, open_dock, make_image):
    image = make_image((8, 64, 64))
    viewer.add_image(image)
    dock = open_dock(viewer)
    dock.wait()
    before = dock.control("psnr").value()
    for box_ in dock.axis_boxes("window"):
        box_.setValue(9)
    dock.wait()
    low, high = dock.explorer.value().intensity_range
    measured = psnr(image, np.asarray(dock.layer.data), data_range=high - low)
    assert abs(before - measured) > 0.3
    assert dock.control("psnr").value() == pytest.approx(measured, abs=0.1)


def test_an_image_outside_the_range_has_no_psnr_to_choose_and_says_why(viewer, open_dock):
    rng = np.random.default_rng(0)
    viewer.add_image(rng.random((6, 24, 32)).astype("float32"), name="cells")
    dock = open_dock(viewer)
    dock.wait()
    dock.explorer.setValue(Recipe(steps=(Diversify(),), intensity_range=(106, 2980)))
    dock.wait()
    panel = dock.explorer.card("diversify").panel
    assert not panel.psnr.isEnabled()
    assert "outside the intensity range" in panel.note.text()
    dock.explorer.source_panel.auto.click()
    dock.wait()
    dock.wait(panel.psnr.isEnabled)
