"""The dock "Synthetic nuclei": what it shows is the specimen, and it never computes in vain."""

import errno
import gc
import json
import shlex
import threading
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication, QLabel, QWidget
from superqt import QDoubleSlider
from typer.testing import CliRunner

from napari_diversify.cli import main as cli
from napari_diversify.core.specimens import kernels as specimen_kernels
from napari_diversify.learned import folder as models
from napari_diversify.learned.card import Trained
from napari_diversify.learned.dressing.model import DressingModel
from napari_diversify.learned.dressing.renderer import as_grey
from napari_diversify.synthetic.membranes import SyntheticMembranes
from napari_diversify.synthetic.nuclei import SyntheticNuclei
from napari_diversify.synthetic.plan import USUAL, Plan
from napari_diversify.synthetic.registry import KINDS
from napari_diversify.synthetic.specimen import SpecimenArray
from napari_diversify.widgets.live import ahead, layers
from napari_diversify.widgets.live.ours import can_be_source
from napari_diversify.widgets.qt.driver import driver
from napari_diversify.widgets.synthetic import computed
from napari_diversify.widgets.synthetic import fit as synthetic_fit
from napari_diversify.widgets.synthetic import preview as synthetic_live
from napari_diversify.widgets.synthetic.dock import SyntheticDock
from tiny_models import write

KEY = "napari-diversify"
SMALL = Plan(SyntheticNuclei(density=6, seed=4), (8, 40, 50), (0.5, 0.4, 0.3))


class Driven:
    """A dock with the words that tests need."""

    def __init__(self, dock, qtbot):
        self.dock, self._qtbot = dock, qtbot
        self.viewer = dock._viewer

    @property
    def image(self):
        return self.viewer.layers["synthetic"]

    @property
    def labels(self):
        return self.viewer.layers["synthetic labels"]

    @property
    def message(self):
        return self.dock.status.message.text()

    @property
    def controls(self):
        return self.dock.panel.form.controls

    def slide(self, **values):
        for name, value in values.items():
            self.controls[name].findChild(QDoubleSlider).setValue(value)

    def in_step(self):
        preview = self.dock.preview
        return preview.in_step and preview._shown == self.dock.value()

    def wait(self, condition=None):
        self._qtbot.waitUntil(condition or self.in_step)

    def kept(self):
        """Press Keep as layers, and wait for both."""
        before = list(self.viewer.layers)
        self.dock.keep_button.click()
        self.wait(lambda: len(self.viewer.layers) == len(before) + 2)
        labels, image = sorted(
            (la for la in self.viewer.layers if la not in before), key=lambda la: -len(la.name)
        )
        return image, labels

    def fit(self):
        self.dock.status.say("")
        self.dock.fit.button.click()
        self.wait(lambda: self.message != "" and not self.dock.fit.running)

    def assert_shows(self, plan):
        specimen = plan.specimen()
        index = self.viewer.dims.current_step[0] if plan.ndim == 3 else slice(None)
        for layer, array in ((self.image, specimen.image), (self.labels, specimen.labels)):
            shown = np.asarray(layer._slice.image.raw)
            assert shown.dtype == array.dtype
            np.testing.assert_array_equal(shown, array[index])
            np.testing.assert_array_equal(np.asarray(layer.data), array[...])


@pytest.fixture
def open_synthetic(qtbot):
    def open_(viewer, plan=SMALL):
        dock = SyntheticDock(viewer)
        qtbot.addWidget(dock)
        if plan is not None:
            dock.panel.setValue(plan)
        dock.show()
        return Driven(dock, qtbot)

    return open_


@pytest.fixture
def live(viewer, open_synthetic):
    driven = open_synthetic(viewer)
    driven.wait()
    return driven


@pytest.fixture
def nothing_ahead(monkeypatch):
    monkeypatch.setattr(ahead, "_AHEAD", 0)


@pytest.fixture
def asked(monkeypatch):
    """(shape, whether on the GUI thread) of all voxels of specimens that were computed."""
    calls, original, gui = [], SpecimenArray.__getitem__, threading.get_ident()

    def spied(array, key):
        values = original(array, key)
        calls.append((values.shape, threading.get_ident() == gui))
        return values

    monkeypatch.setattr(SpecimenArray, "__getitem__", spied)
    return calls


@pytest.fixture
def drawn(monkeypatch):
    """Diameters of the nuclei that were drawn, and the thread."""
    calls, original = [], SyntheticNuclei.drawing

    def spied(model, shape, spacing):
        calls.append((model.diameter, threading.get_ident()))
        return original(model, shape, spacing)

    monkeypatch.setattr(SyntheticNuclei, "drawing", spied)
    return calls


# ---- the preview ----


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("ndim", [2, 3])
def test_the_preview_is_the_specimen_bit_for_bit(viewer, open_synthetic, kind, ndim):
    plan = Plan(KINDS[kind](seed=3), SMALL.shape[-ndim:], SMALL.spacing[-ndim:])
    driven = open_synthetic(viewer, plan)
    driven.wait()
    driven.assert_shows(plan)
    assert len(np.unique(np.asarray(driven.labels.data))) > 1
    for layer in (driven.image, driven.labels):
        assert tuple(layer.scale) == plan.spacing
        assert layer.axis_labels == tuple("zyx"[-ndim:])
        assert [str(unit) for unit in layer.units] == ["micrometer"] * ndim
    if ndim == 3:
        viewer.dims.set_current_step(0, 1)
        driven.wait()
        driven.assert_shows(plan)
        viewer.dims.order = (1, 0, 2)
        driven.wait()
        at = viewer.dims.current_step[1]
        np.testing.assert_array_equal(
            np.asarray(driven.image._slice.image.raw), plan.specimen().image[:, at]
        )


def test_sliders_change_the_layers_in_place(live, viewer):
    before = list(viewer.layers), [layer.data for layer in viewer.layers]
    live.slide(diameter=4.0, density=3.0, signal=900.0)
    live.wait()
    assert (list(viewer.layers), [layer.data for layer in viewer.layers]) == before
    assert live.dock.value().model == SMALL.model.replace(diameter=4.0, density=3.0, signal=900.0)
    live.assert_shows(live.dock.value())


@pytest.mark.usefixtures("nothing_ahead")
def test_a_slider_computes_the_visible_plane_once_and_in_a_thread(live, asked, drawn):
    live.dock.preview._own.idle.stop()
    live.slide(diameter=4.5)
    live.wait()
    assert asked == [((1, 40, 50), False)] * 2
    assert [at for at, _ in drawn] == [4.5]
    assert drawn[0][1] != threading.get_ident()


def test_of_many_values_the_last_is_shown_and_most_are_skipped(live, drawn):
    for diameter in np.linspace(3.0, 9.0, 100):
        live.slide(diameter=diameter)
    live.wait()
    assert drawn[-1][0] == 9.0
    assert len(drawn) < 10
    live.assert_shows(SMALL.with_(diameter=9.0))


@pytest.mark.parametrize("density", [SMALL.model.density, 60.0])  # few, and pieces of many
def test_a_drag_that_goes_on_and_on_shows_something_meanwhile(live, density):
    live.slide(density=density)
    live.wait()
    shown, busy = [], []
    live.dock.preview.progressed.connect(lambda *_: busy.append(True))
    live.dock.preview.drawn.connect(lambda _: shown.append(live.dock.preview._shown.model.diameter))
    end = 3.0

    def moved():
        nonlocal end
        end += 0.01
        live.slide(diameter=end)
        return len(shown) >= 3

    live.wait(moved)
    live.wait()
    assert shown == sorted(shown)
    assert shown[-1] == live.dock.value().model.diameter
    assert len(busy) < len(shown)  # no bar that flashes at every value


@pytest.fixture
def nothing_at_once(monkeypatch):
    monkeypatch.setattr(synthetic_live, "AT_ONCE", 0)


@pytest.mark.usefixtures("nothing_at_once", "nothing_ahead")
def test_a_plane_that_takes_long_leaves_the_canvas_free_until_a_thread_has_it(live, viewer, asked):
    viewer.dims.set_current_step(0, 6)
    assert live.image.visible
    assert live.labels.visible
    assert live.image._slice.image.raw.shape == (1, 1)  # nothing of another plane
    live.wait()
    assert not any(on_gui for _, on_gui in asked)
    live.assert_shows(SMALL)


@pytest.mark.usefixtures("nothing_at_once")
def test_a_layer_whose_eye_is_shut_stays_hidden(live, viewer):
    live.labels.visible = False
    viewer.dims.set_current_step(0, 6)
    live.wait()
    assert live.image.visible
    assert not live.labels.visible


@pytest.mark.usefixtures("nothing_at_once")
def test_a_volume_in_3d_is_computed_in_a_thread(live, viewer, asked):
    viewer.dims.ndisplay = 3
    live.wait()
    assert not any(on_gui for _, on_gui in asked)
    np.testing.assert_array_equal(live.image._slice.image.raw, SMALL.specimen().image[...])


def test_cancel_leaves_what_is_shown_and_the_next_change_goes_on(live, viewer, gate, monkeypatch):
    monkeypatch.setattr(synthetic_live, "computing", gate.guard(synthetic_live.computing))
    gate.close()
    live.slide(diameter=5.0)
    live.wait(lambda: live.dock.preview.running)
    live.dock.status.cancel.click()
    gate.open()
    live.wait(lambda: not live.dock.preview.running)
    assert live.dock.preview._shown == SMALL
    live.slide(diameter=6.0)
    live.wait()
    live.assert_shows(SMALL.with_(diameter=6.0))


def test_drawing_that_takes_long_shows_that_it_is_at_work(live, gate, monkeypatch):
    monkeypatch.setattr(synthetic_live, "computing", gate.guard(synthetic_live.computing))
    gate.close()
    live.slide(diameter=5.0)
    live.wait(lambda: live.dock.status.cancel.isVisible())
    gate.open()
    live.wait()
    live.wait(lambda: not live.dock.status.cancel.isVisible())


@pytest.fixture
def placing(monkeypatch):
    """Calls that place objects; from the second on they wait for ``placing.go``."""
    original = specimen_kernels.place

    def spied(*arguments):
        spied.calls += 1
        if spied.calls > 1:
            spied.go.wait(20)
        return original(*arguments)

    spied.calls, spied.go = 0, threading.Event()
    monkeypatch.setattr(specimen_kernels, "place", spied)
    yield spied
    spied.go.set()


@pytest.mark.parametrize("kind", KINDS)
def test_placing_many_objects_tells_how_far_it_is_and_can_be_cancelled(live, placing, kind):
    model = {
        "nuclei": SMALL.model.replace(density=400),
        "membranes": SyntheticMembranes(diameter=1),
    }
    live.dock.setValue(replace(SMALL, model=model[kind]))
    live.wait(lambda: placing.calls == 2 and live.dock.status.progress.value() == 64)
    assert live.dock.status.progress.maximum() > 64
    assert live.dock.status.cancel.isVisible()
    live.dock.status.cancel.click()
    placing.go.set()
    assert driver().wait(60)
    QApplication.processEvents()
    assert placing.calls == 2
    assert live.dock.preview._shown == SMALL


def test_back_at_what_is_shown_nothing_is_under_way(live, placing):
    live.slide(density=400.0)
    live.wait(lambda: placing.calls == 2 and live.dock.status.cancel.isVisible())
    live.slide(density=SMALL.model.density)
    live.wait()
    live.wait(lambda: not live.dock.status.cancel.isVisible())
    placing.go.set()
    assert driver().wait(60)
    live.assert_shows(SMALL)


def test_what_was_wrong_is_forgotten_with_the_next_change(live):
    live.dock.setValue(replace(SMALL.with_(density=10_000), shape=(8, 40, 90_000)))
    live.wait(lambda: "objects would lie" in live.message)
    live.dock.setValue(SMALL.with_(seed=8))
    live.wait()
    assert live.message == ""


def test_an_image_made_anew_does_not_cover_the_labels(live, viewer):
    viewer.layers.remove(live.image)
    assert "was deleted" in live.message
    live.dock.live.click()
    live.wait()
    assert [layer.name for layer in viewer.layers] == ["synthetic", "synthetic labels"]
    assert live.message == ""


def test_what_could_not_be_placed_is_said(live):
    live.slide(density=5.0, diameter=15.0)
    live.wait()
    assert "no room" in live.dock.note.text()
    assert live.dock.note.isVisible()
    live.slide(density=1.0, diameter=4.0)
    live.wait()
    assert not live.dock.note.isVisible()
    assert live.dock.count.text() == f"{live.dock.preview.specimen.objects} nuclei"


def test_millions_of_objects_are_refused_with_a_sentence(live):
    live.dock.panel.setValue(replace(SMALL, shape=(5000, 50000, 50000)))
    live.dock._apply()
    live.wait(lambda: live.message != "")
    assert "objects would lie in this field" in live.message
    assert live.dock.preview._shown == SMALL
    live.dock.setValue(SMALL.with_(diameter=5.0))
    live.wait()
    live.assert_shows(SMALL.with_(diameter=5.0))


def test_a_volume_beyond_the_memory_is_refused_with_a_sentence(live, viewer, monkeypatch):
    class Full:
        available = 1000

    monkeypatch.setattr(layers.psutil, "virtual_memory", lambda: Full)
    live.dock.keep_button.click()
    live.wait(lambda: live.message != "")
    assert "of memory are free" in live.message
    assert "Copy as command" in live.message
    assert len(viewer.layers) == 2


# ---- shape, kind, dimensions ----


def test_shape_and_voxel_size_reach_the_layers(live, viewer):
    live.dock.panel.shape._boxes[1].native.setValue(30)
    live.dock.panel.spacing._boxes[2].setValue(0.45)
    live.wait()
    plan = replace(SMALL, shape=(8, 30, 50), spacing=(0.5, 0.4, 0.45))
    assert live.dock.value() == plan
    live.assert_shows(plan)
    assert tuple(live.labels.scale) == plan.spacing
    assert live.image.visible
    assert live.labels.visible


def test_there_and_back_between_kinds_and_dimensions_changes_nothing(live, viewer):
    panel = live.dock.panel
    panel.dimensions.setCurrentIndex(1)
    live.wait()
    # 1000 µm² of a plane meet what lies in 1000 µm³ times the mean diameter
    section = SMALL.with_(density=SMALL.model.density * SMALL.model.diameter)
    live.assert_shows(replace(section, shape=USUAL[2][0], spacing=USUAL[2][1]))
    assert live.controls["density"].value() == section.model.density
    assert not live.controls["flatness"].isEnabled()
    panel.kind.setCurrentText("membranes")
    live.wait()
    assert live.dock.value().model == SyntheticMembranes(seed=4)
    panel.dimensions.setCurrentIndex(0)
    panel.kind.setCurrentText("nuclei")
    live.wait()
    assert live.dock.value() == SMALL
    assert live.controls["flatness"].isEnabled()
    live.assert_shows(SMALL)
    assert [layer.name for layer in viewer.layers] == ["synthetic", "synthetic labels"]


def test_a_density_follows_into_a_section_that_is_loaded_for_another_kind(live):
    panel, density = live.dock.panel, SMALL.model.density
    live.dock.setValue(replace(SMALL, model=SyntheticMembranes()))
    live.dock.setValue(Plan(SyntheticMembranes(), *USUAL[2]))
    panel.kind.setCurrentText("nuclei")
    assert live.dock.value().model.density == density * SMALL.model.diameter
    panel.dimensions.setCurrentIndex(0)
    assert live.dock.value().model.density == density


def test_more_than_65535_labels_can_be_shown(live):
    """Their dtype changes, which napari takes from new data only."""
    few_neighbours = {"thickness": 0.1, "blur": 0, "regularity": 0}
    many = Plan(SyntheticMembranes(diameter=1.0, **few_neighbours), (250, 250), (1.0, 1.0))
    live.dock.setValue(many.with_(diameter=3.0))
    live.wait()
    assert live.labels.dtype == np.uint16
    live.dock.setValue(many)
    live.wait()
    live.wait(lambda: live.labels.visible)
    assert live.labels.dtype == np.uint32
    live.assert_shows(many)


def test_a_new_seed_draws_another_specimen_of_the_same_kind(live):
    live.dock.panel.seed.setValue(9)
    live.wait()
    assert live.dock.value() == SMALL.with_(seed=9)
    live.slide(diameter=5.0)
    assert live.dock.value() == SMALL.with_(seed=9, diameter=5.0)
    live.dock.panel.new_seed.click()
    assert live.dock.value().model.seed != 9


def test_digits_that_no_box_shows_are_kept(live):
    spacing = (0.28947231, 0.26, 1 / 3)
    live.dock.setValue(replace(SMALL, spacing=spacing))
    live.dock.panel.shape._boxes[0].native.setValue(7)
    assert live.dock.value().spacing == spacing


def test_both_forms_of_a_kind_change_one_model(live):
    live.slide(diameter=5.0, blur=0.5)
    live.slide(axis_ratio=2.0)
    assert live.dock.value().model == SMALL.model.replace(diameter=5.0, blur=0.5, axis_ratio=2.0)


# ---- layers of the user ----


@pytest.mark.parametrize("name", ["synthetic", "synthetic labels"])
def test_deleting_a_layer_switches_the_preview_off_and_ticking_makes_it_anew(live, viewer, name):
    viewer.layers.remove(viewer.layers[name])
    assert not live.dock.live.isChecked()
    assert "deleted" in live.message
    live.slide(diameter=5.0)
    QApplication.processEvents()
    assert len(viewer.layers) == 1
    live.dock.live.click()
    live.wait()
    assert sorted(layer.name for layer in viewer.layers) == ["synthetic", "synthetic labels"]
    live.assert_shows(SMALL.with_(diameter=5.0))


@pytest.mark.usefixtures("nothing_ahead")
def test_unticked_the_layers_are_hidden_and_nothing_is_computed(live, viewer, asked):
    live.dock.live.click()
    assert not any(layer.visible for layer in viewer.layers)
    live.slide(diameter=5.0)
    viewer.dims.set_current_step(0, 2)
    QApplication.processEvents()
    assert driver().wait(60)
    assert asked == []
    live.dock.live.click()
    live.wait()
    assert all(layer.visible for layer in viewer.layers)
    live.assert_shows(SMALL.with_(diameter=5.0))


def test_the_active_layer_stays_active(viewer, open_synthetic, make_image):
    mine = viewer.add_image(make_image(), name="mine")
    driven = open_synthetic(viewer)
    driven.wait()
    assert viewer.layers.selection.active == mine
    driven.slide(diameter=5.0)
    driven.wait()
    assert viewer.layers.selection.active == mine


# ---- keep ----


def test_kept_layers_are_the_whole_specimen(live, viewer):
    image, labels = live.kept()
    specimen = SMALL.specimen()
    for layer, array in ((image, specimen.image), (labels, specimen.labels)):
        assert type(layer.data) is np.ndarray
        assert layer.data.dtype == array.dtype
        np.testing.assert_array_equal(layer.data, array[...])
        assert tuple(layer.scale) == SMALL.spacing
        record = json.loads(json.dumps(layer.metadata[KEY]["specimen"]))
        assert Plan.from_record(record) == SMALL
    assert f"{specimen.objects} objects" in live.message
    assert viewer.layers.selection.active == image
    assert viewer.layers.index(image) < viewer.layers.index(live.image)  # which stays in view


def test_kept_images_can_be_diversified_and_the_preview_cannot(live, viewer, open_dock, same_bits):
    image, _ = live.kept()
    assert [layer for layer in viewer.layers if can_be_source(layer)] == [image]
    live.dock.hide()
    dock = open_dock(viewer)
    dock.wait()
    assert dock.entry["source"] == image.name
    dock.assert_exact(image.data)


def test_keeping_can_be_cancelled(live, viewer, gate, monkeypatch):
    monkeypatch.setattr(computed, "values_of", gate.guard(computed.values_of))
    gate.close()
    live.dock.keep_button.click()
    live.wait(lambda: live.dock.status.cancel.isVisible())
    live.dock.status.cancel.click()
    gate.open()
    assert driver().wait(60)
    QApplication.processEvents()
    assert len(viewer.layers) == 2
    assert not live.dock._keeping.running


# ---- fit ----


@pytest.fixture
def users(viewer):
    """Labels and image like those of a user: larger and longer nuclei than the usual."""
    plan = Plan(
        SyntheticNuclei(diameter=9, axis_ratio=2, density=1.2, signal=1500, seed=7),
        (24, 96, 110),
        (0.8, 0.5, 0.5),
    )
    specimen = plan.specimen()
    place = {"scale": plan.spacing, "units": ("micrometer",) * 3}
    viewer.add_image(specimen.image[...], name="cells", **place)
    viewer.add_image(np.zeros((3, 4)), name="other")
    return viewer.add_labels(specimen.labels[...], name="truth", **place)


def test_a_fit_sets_parameters_shape_and_voxel_size(users, viewer, open_synthetic):
    driven = open_synthetic(viewer)
    driven.wait()
    driven.fit()
    found = driven.dock.value()
    expected = SyntheticNuclei.like(users.data, (0.8, 0.5, 0.5))
    assert (found.shape, found.spacing) == ((24, 96, 110), (0.8, 0.5, 0.5))
    assert found.model == expected.replace(seed=4)
    assert 7.5 < found.model.diameter < 10.5
    assert found.model.axis_ratio > 1.6
    objects = len(np.unique(users.data)) - 1
    assert f"{objects} objects" in driven.message
    assert f"{found.model.diameter:.3g} µm" in driven.message
    assert f"{found.model.axis_ratio:.2f}" in driven.message
    driven.wait()
    driven.assert_shows(found)


def test_a_fit_with_the_image_sets_brightness_too(users, viewer, open_synthetic):
    driven = open_synthetic(viewer)
    fit = driven.dock.fit
    names = [fit.image.itemText(n) for n in range(fit.image.count())]
    assert names == ["no image", "cells"]
    fit.image.setCurrentText("cells")
    driven.slide(shading=0.55)
    driven.fit()
    found = driven.dock.value().model
    expected = SyntheticNuclei.like(users.data, (0.8, 0.5, 0.5), viewer.layers["cells"].data)
    assert found == expected.replace(seed=4, shading=0.55)
    assert found.signal < 2000


def test_what_is_set_while_a_fit_runs_is_kept(users, viewer, open_synthetic, gate, monkeypatch):
    live = open_synthetic(viewer)
    monkeypatch.setattr(synthetic_fit, "_fitted", gate.guard(synthetic_fit._fitted))
    gate.close()
    live.dock.fit.button.click()
    live.slide(signal=900.0)
    live.dock.panel.seed.setValue(99)
    gate.open()
    live.wait(lambda: "objects" in live.message and not live.dock.fit.running)
    model = live.dock.value().model
    assert (model.signal, model.seed) == (900.0, 99)
    assert model.diameter == SyntheticNuclei.like(users.data, (0.8, 0.5, 0.5)).diameter


@pytest.mark.parametrize("how", ["kind", "load"])
def test_a_fit_for_what_is_not_shown_any_more_changes_nothing(
    users, viewer, open_synthetic, gate, monkeypatch, tmp_path, how
):
    live = open_synthetic(viewer)
    live.wait()
    SMALL.with_(diameter=4.5).save(tmp_path / "a.json")
    monkeypatch.setattr(synthetic_fit, "_fitted", gate.guard(synthetic_fit._fitted))
    gate.close()
    live.dock.fit.button.click()
    if how == "kind":
        live.dock.panel.kind.setCurrentText("membranes")
    else:
        live.dock.load(tmp_path / "a.json")
    plan = live.dock.value()
    gate.open()
    assert driver().wait(60)
    live.wait()
    assert live.dock.value() == plan


def test_membranes_can_be_fitted(users, viewer, open_synthetic):
    driven = open_synthetic(viewer, replace(SMALL, model=SyntheticMembranes()))
    driven.fit()
    found = driven.dock.value().model
    assert found.kind == "membranes"
    assert found.diameter == SyntheticMembranes.like(users.data, (0.8, 0.5, 0.5)).diameter


def test_without_labels_it_is_said_what_to_do(live):
    live.fit()
    assert "no labels layer" in live.message
    assert "Convert to Labels" in live.message
    assert live.dock.value() == SMALL


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (np.zeros((6, 20, 20), int), "there is no label"),
        (np.ones((6, 20, 20), int), "fills the whole array"),
        (np.full((6, 20, 20), -1), "must be 0 (background) or more"),
    ],
)
def test_labels_that_cannot_be_fitted_are_named_with_the_reason(live, viewer, labels, said):
    viewer.add_labels(labels, name="truth", units=("micrometer",) * 3)
    live.fit()
    assert live.message.startswith("“truth” cannot be fitted")
    assert said in live.message
    assert live.dock.value() == SMALL
    panel = live.dock.panel
    assert panel.shape.value() == SMALL.shape
    assert panel.dimensions.currentData() == 3
    live.slide(signal=900.0)
    assert live.dock.value() == SMALL.with_(signal=900.0)


def test_one_label_is_fitted_and_its_limits_said(live, viewer):
    labels = np.zeros((12, 40, 40), int)
    labels[3:8, 10:20, 12:30] = 5
    viewer.add_labels(labels, name="truth", units=("micrometer",) * 3)
    live.fit()
    assert "one object" in live.message
    assert "cannot be told" in live.message
    assert live.dock.value().model.diameter_variation == 0


def test_labels_without_units_are_fitted_as_micrometres_and_that_is_said(live, viewer):
    labels = np.zeros((12, 40, 40), int)
    labels[3:8, 10:20, 12:30], labels[3:8, 25:35, 12:30] = 5, 6
    viewer.add_labels(labels, name="truth", scale=(2, 0.5, 0.5))
    live.fit()
    assert "no unit of length" in live.message
    assert "2 × 0.5 × 0.5 µm" in live.message
    assert live.dock.value().spacing == (2, 0.5, 0.5)


def test_of_a_time_series_the_time_in_view_is_fitted(live, viewer):
    labels = np.zeros((4, 40, 50), int)
    labels[2, 5:15, 5:15] = 1
    layer = viewer.add_labels(labels, name="truth", axis_labels=("t", "y", "x"))
    viewer.dims.set_point(viewer.dims.ndim - 3, layer.data_to_world((2, 0, 0))[0])
    live.fit()
    assert "t is 2" in live.message
    assert live.dock.value().shape == (40, 50)


def test_the_list_of_labels_follows_the_viewer_and_leaves_ours_out(live, viewer):
    box = live.dock.fit.labels

    def names():
        return [box.itemText(n) for n in range(box.count())]

    assert names() == ["no labels layer"]
    layer = viewer.add_labels(np.ones((4, 5), int), name="a")
    viewer.add_labels(np.ones((4, 5), int), name="b")
    assert names() == ["a", "b"]
    layer.name = "c"
    assert names() == ["c", "b"]
    viewer.layers.remove(layer)
    assert names() == ["b"]


# ---- files and commands ----


@pytest.mark.parametrize("kind", list(KINDS))
def test_saved_parameters_are_read_back(live, tmp_path, kind):
    plan = replace(SMALL, model=KINDS[kind](diameter=4.25, seed=2**31, texture=0.125))
    live.dock.setValue(plan)
    live.dock.save(tmp_path / "a.json")
    live.dock.setValue(SMALL)
    live.dock.load(tmp_path / "a.json")
    assert live.dock.value() == plan
    assert "loaded" in live.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no", "not valid JSON"),
        ("[1, 2]", "holds no parameters"),
        ('{"parameters": {"kind": "worms"}}', "kind must be one of nuclei, membranes"),
        ('{"parameters": {"kind": [1]}}', "kind must be one of nuclei, membranes"),
        ('{"parameters": {"diameter": -3}}', "diameter must be"),
        ("[" * 100_000, "nested too deeply"),
        (
            '{"parameters": {"density": 7}, "shape": [4, 400000], "spacing": [1, 1]}',
            "up to 100,000 voxels",
        ),
        ('{"parameters": {}, "spacing": [1, 1, 20000]}', "0.0001 to 10,000 µm"),
        ('{"parameters": {}, "shape": [true, true]}', "positive whole numbers"),
        ('{"parameters": {}, "shape": [4, 0, 9]}', "positive whole numbers"),
        ('{"parameters": {}, "shape": 4}', "must be lists"),
        ('{"parameters": {}, "spacing": [1, 2]}', "one per axis"),
    ],
)
def test_a_file_that_cannot_be_read_is_answered_and_changes_nothing(live, tmp_path, text, said):
    path = tmp_path / "a.json"
    path.write_text(text)
    live.dock.load(path)
    assert "not loaded" in live.message
    assert said in live.message
    assert live.dock.value() == SMALL


def test_a_file_that_is_not_there_and_a_folder_that_is_none(live, tmp_path):
    live.dock.load(tmp_path / "none.json")
    assert "not loaded" in live.message
    (tmp_path / "file").write_text("mine")
    live.dock.save(tmp_path / "file" / "a.json")
    assert "not saved" in live.message
    assert (tmp_path / "file").read_text() == "mine"


def test_a_disk_that_fills_up_leaves_the_parameters_that_were_saved_before(
    live, tmp_path, monkeypatch
):
    path = tmp_path / "a.json"
    live.dock.save(path)
    before = path.read_text()

    def half(self, text, **_):
        with open(self, "w") as file:
            file.write(text[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", half)
    live.dock.setValue(SMALL.with_(seed=5))
    live.dock.save(path)
    assert "not saved" in live.message
    assert "disk is full" in live.message
    monkeypatch.undo()
    assert path.read_text() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize(
    "plan",
    [
        replace(
            SMALL, model=SyntheticNuclei(diameter=1 / 0.3, axis_ratio_spread=0.3, blur=0.0, seed=77)
        ),
        Plan(SyntheticMembranes(apart=True, inside=0.2), (60, 70), (0.3, 0.25)),
    ],
)
def test_the_copied_command_makes_the_same_voxels(live, tmp_path, monkeypatch, plan):
    live.dock.setValue(plan)
    live.dock.copy_button.click()
    words = shlex.split(QApplication.clipboard().text())
    assert words[:2] == ["napari-diversify", "phantom"]
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli.main, words[1:])
    assert result.exit_code == 0, result.output
    specimen = plan.specimen()
    written = tifffile.imread(tmp_path / "synthetic.ome.tif")
    np.testing.assert_array_equal(written, specimen.image[...])
    masks = tifffile.imread(tmp_path / "synthetic_labels.ome.tif")
    np.testing.assert_array_equal(masks, specimen.labels[...])
    live.dock.setValue(SMALL)
    live.dock.load(tmp_path / "synthetic.json")  # what the command writes can be loaded
    assert live.dock.value() == plan


# ---- shown, hidden, closed ----


@pytest.mark.usefixtures("nothing_ahead")
def test_hidden_the_dock_computes_nothing_and_shown_again_it_goes_on(live, viewer, asked):
    live.dock.hide()
    layers = list(viewer.layers)
    live.slide(diameter=5.0)
    QApplication.processEvents()
    assert asked == []
    assert list(viewer.layers) == layers
    live.dock.show()
    live.wait()
    assert list(viewer.layers) == layers
    live.assert_shows(SMALL.with_(diameter=5.0))


def test_another_dock_goes_on_with_what_was_left(live, viewer, open_synthetic):
    live.slide(diameter=5.0)
    live.wait()
    layers = list(viewer.layers)
    live.dock.close()
    other = open_synthetic(viewer, None)
    other.wait()
    assert other.dock.value() == SMALL.with_(diameter=5.0)
    assert list(viewer.layers) == layers
    other.slide(density=2.0)
    other.wait()
    other.assert_shows(SMALL.with_(diameter=5.0, density=2.0))


def test_a_dock_destroyed_while_it_computes_is_told_nothing(viewer, gate, monkeypatch, qtbot):
    monkeypatch.setattr(synthetic_live, "computing", gate.guard(synthetic_live.computing))
    gate.close()
    docks = [SyntheticDock(viewer)]
    docks[0].panel.setValue(SMALL)
    docks[0].show()
    qtbot.waitUntil(lambda: docks[0].preview.running)
    docks.clear()  # nobody else holds it
    gc.collect()
    gate.open()
    qtbot.waitUntil(lambda: driver().idle)
    QApplication.processEvents()


def test_a_dock_closed_while_it_computes_leaves_nothing_running(
    viewer, open_synthetic, gate, monkeypatch
):
    monkeypatch.setattr(synthetic_live, "computing", gate.guard(synthetic_live.computing))
    gate.close()
    driven = open_synthetic(viewer)
    driven.wait(lambda: driven.dock.preview.running)
    driven.dock.close()
    gate.open()
    assert driver().wait(60)
    QApplication.processEvents()
    assert len(viewer.layers) == 0


def callbacks(*owners):
    return sum(len(e.callbacks) for owner in owners for e in owner.events.emitters.values())


@pytest.mark.parametrize("way", ["hide", "close"])
def test_a_closed_dock_leaves_no_callback_behind(viewer, open_synthetic, users, way):
    def count():
        return callbacks(viewer, viewer.layers, viewer.dims, viewer.layers.selection, users)

    before = count()
    driven = open_synthetic(viewer)
    driven.wait()
    assert count() > before
    left = [driven.image, driven.labels]
    getattr(driven.dock, way)()
    for layer in left:
        viewer.layers.remove(layer)
    assert count() == before


def test_ten_docks_opened_and_closed_leave_no_qt_object(viewer, open_synthetic, destroy_closed):
    def open_and_close():
        driven = open_synthetic(viewer)
        driven.wait()
        driven.slide(diameter=5.0)
        driven.wait()
        driven.dock.close()
        driven.dock.deleteLater()
        return weakref.ref(driven.dock)

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
    assert len(viewer.layers) == 2


def test_a_viewer_is_not_kept_alive_by_a_closed_dock(open_synthetic, qtbot):
    viewer = ViewerModel()
    driven = open_synthetic(viewer)
    driven.wait()
    driven.dock.close()
    driven.dock.deleteLater()
    gone = weakref.ref(viewer)
    del driven, viewer

    def collected():
        gc.collect()
        return gone() is None

    qtbot.waitUntil(collected)


def test_a_dock_that_was_never_shown_touches_nothing(viewer, qtbot):
    before = callbacks(viewer, viewer.layers, viewer.dims)
    qtbot.addWidget(SyntheticDock(viewer))
    assert callbacks(viewer, viewer.layers, viewer.dims) == before
    assert len(viewer.layers) == 0


# ---- words ----


def test_all_that_can_be_used_has_a_tooltip(live):
    dock = live.dock
    assert isinstance(dock, QWidget)
    used = [dock.live, dock.keep_button, dock.copy_button, dock.save_button, dock.load_button]
    used += [dock.fit.labels, dock.fit.image, dock.fit.button, dock.panel.kind]
    used += [dock.panel.dimensions, dock.panel.shape, dock.panel.spacing, dock.panel.seed]
    used += [dock.panel.new_seed, *dock.panel.form.controls.values()]
    assert all(widget.toolTip() for widget in used)


def test_density_is_told_per_volume_or_per_area(live):
    def texts():
        return [label.text() for label in live.dock.panel.form.findChildren(QLabel)]

    assert "density (per 1000 µm³)" in texts()
    live.dock.panel.dimensions.setCurrentIndex(1)
    assert "density (per 1000 µm²)" in texts()


def test_a_dressing_makes_image_and_labels_and_the_window_computes_nothing(
    viewer, qtbot, monkeypatch, tmp_path
):
    monkeypatch.setenv(models.FOLDER_OF_MODELS, str(tmp_path))
    write(tmp_path / "mine", "dressing", trained=Trained(
        images=("a",), levels=(0, 60_000), settings={}, steps=1, seed=0, versions={},
        spacing=(0.4, 0.3),
    ))  # fmt: skip
    window, threads = threading.get_ident(), []
    tiled = DressingModel._tiled

    def spied(self, *arguments):
        threads.append(threading.get_ident())
        return tiled(self, *arguments)

    monkeypatch.setattr(DressingModel, "_tiled", spied)
    dock = SyntheticDock(viewer)
    qtbot.addWidget(dock)
    dock.setValue(replace(SMALL, shape=(3, 72, 80)))
    dock.show()
    qtbot.waitUntil(lambda: dock.preview.in_step and dock.panel.renderer.count() == 3)
    plain = dock.preview.specimen
    dock.panel.renderer.activated.emit(1)
    qtbot.waitUntil(lambda: dock.preview.in_step)
    plan = dock.value()
    assert plan.renderer.model == models.reference(tmp_path / "mine")
    assert "--renderer" in dock.value().command()
    for z in range(3):
        viewer.dims.set_current_step(0, z)
        qtbot.waitUntil(lambda: dock.preview.in_step)
    dock.keep()
    qtbot.waitUntil(lambda: "Kept as layers" in dock.status.message.text())
    assert threads
    assert window not in threads
    image, found, source = (
        viewer.layers[f"synthetic nuclei 4{what}"] for what in ("", " labels", " source labels")
    )
    monkeypatch.undo()
    model = DressingModel(plan.renderer.model)
    np.testing.assert_array_equal(source.data, np.asarray(plain.labels))
    for z in range(3):
        np.testing.assert_array_equal(image.data[z], as_grey(model.picture(source.data[z], 4, z)))
        seen = model.mask(image.data[z]) > 0
        np.testing.assert_array_equal(found.data[z], np.where(seen, source.data[z], 0))
    assert KEY not in found.metadata
    dock.panel.renderer.activated.emit(0)
    qtbot.waitUntil(lambda: dock.preview.in_step)
    assert dock.value().renderer is None
    dock.panel.dimensions.setCurrentIndex(1)
    flat = replace(dock.value(), renderer=plan.renderer, shape=(64, 64)).specimen()
    np.testing.assert_array_equal(flat.found[:], model.masks(np.asarray(flat.image)))
