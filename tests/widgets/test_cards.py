"""The chain in the dock is a list of cards: any recipe, any order, two of a kind."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QComboBox,
    QPushButton,
    QToolButton,
    QWidget,
)
from superqt import QDoubleSlider

from napari_diversify.core import hidden_signal
from napari_diversify.model import Model
from napari_diversify.recipe import DegradeContrast, Diversify, LowPass, Recipe, Restore
from napari_diversify.recipe.steps.registry import kinds
from napari_diversify.widgets.diversify.resolve import resolve
from napari_diversify.widgets.diversify.state import Card, Key, State

STEPS = st.one_of(
    st.builds(Diversify, w_i=st.floats(0, 2), w_v=st.floats(0, 8)),
    st.builds(LowPass, cutoff=st.floats(0.05, 1.4), taper=st.floats(0, 1)),
    st.builds(DegradeContrast, extra_depth=st.floats(0, 100), noise=st.booleans()),
    st.builds(Restore, depth=st.floats(0, 100), strength=st.floats(0.1, 10)),
)
#: A parameter of each kind, and another value for it.
EDITS = {
    "diversify": ("w_v", 3.25),
    "lowpass": ("cutoff", 0.33),
    "contrast": ("extra_depth", 12.5),
    "restore": ("depth", 12.5),
}


def at_rest(dock):
    explorer = dock.explorer
    wanted = resolve(explorer.state(), explorer.session.image.facts())
    views = {key: explorer.session.views.get(key) for key in wanted}
    return (
        not dock.measuring
        and not explorer.session._throttle._timer.isActive()
        and not any(task.running for task in explorer._tasks())
        and all(view is not None and view.live.layer is not None for view in views.values())
        and all(view.follows(wanted[key].recipe) for key, view in views.items())
    )


def rest(dock):
    dock.wait(lambda: at_rest(dock))


def layer_of(dock, key, name=""):
    return dock.explorer.view(key.kind, name, key.number).live.layer


def assert_shown(dock, image):
    """Every live card has its layer, exact, and above those of the cards before it."""
    explorer = dock.explorer
    layers = explorer._viewer.layers
    at = -1
    for key in explorer.state().live():
        layer = layer_of(dock, key)
        entry = layer.metadata["napari-diversify"]
        recipe = Recipe.from_json(json.dumps(entry["recipe"]))
        assert recipe.steps == tuple(card.step for card in explorer.state().chain(key))
        np.testing.assert_array_equal(np.asarray(layer.data), recipe.apply(image))
        assert layers.index(layer) > at
        at = layers.index(layer)


@given(
    steps=st.lists(STEPS, max_size=8).map(tuple),
    seed=st.integers(0, 2**40),
    edited=st.integers(0, 7),
)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_recipe_is_loaded_shown_edited_and_saved(live, viewer, tmp_path, steps, seed, edited):
    image, explorer = viewer.layers["cells"].data, live.explorer
    recipe = Recipe(steps=steps, seed=seed, intensity_range=(0, 60_000), spatial_ndim=3)
    recipe.save(tmp_path / "recipe.json", overwrite=True)
    explorer.load(tmp_path / "recipe.json")
    assert "loaded" in live.message
    assert explorer.value() == recipe
    rest(live)
    assert_shown(live, image)
    if steps:
        n = edited % len(steps)
        name, value = EDITS[steps[n].kind]
        key = explorer.state().live()[n]
        explorer.cards.widgets[key].panel.form.controls[name].valueChanged.emit(value)
        recipe = recipe.with_step(n, steps[n].replace(**{name: value}))
        assert explorer.value() == recipe
        rest(live)
        assert_shown(live, image)
    explorer.save(tmp_path / "saved.json")
    assert Recipe.load(tmp_path / "saved.json") == recipe


def test_a_layer_hidden_since_another_recipe_comes_back_where_its_card_is(live, viewer, tmp_path):
    for kinds_of_steps in (
        [Diversify, DegradeContrast, LowPass, Restore],
        [DegradeContrast, Restore, DegradeContrast, Restore],  # the others stay, hidden
        [DegradeContrast, DegradeContrast, DegradeContrast, LowPass, Diversify],
    ):
        steps = tuple(kind() for kind in kinds_of_steps)
        recipe = Recipe(steps=steps, intensity_range=(0, 60_000), spatial_ndim=3)
        recipe.save(tmp_path / "recipe.json", overwrite=True)
        live.explorer.load(tmp_path / "recipe.json")
        rest(live)
        assert_shown(live, viewer.layers["cells"].data)


def test_a_step_is_added_from_the_menu_where_it_usually_stands(live, viewer):
    explorer = live.explorer
    explorer.cards._fill_menu()
    texts = [action.text() for action in explorer.cards.menu.actions()]
    assert texts == [step.title for step in kinds().values()]
    assert {"Contrast (deep tissue)", "Diversify", "Denoise (learned)"} <= set(texts)
    assert all(action.toolTip() for action in explorer.cards.menu.actions())
    explorer.cards.menu.actions()[1].trigger()
    rest(live)
    assert [card.title for card in explorer.state().cards] == [
        *("Contrast (deep tissue)", "Diversify", "Diversify 2", "Low-pass (DCT)")
    ]
    assert viewer.layers[-1].name == "cells (diversified 2)"
    assert len(explorer.value().steps) == 2
    assert_shown(live, viewer.layers["cells"].data)


def test_a_card_that_is_removed_takes_its_layers_along(live, viewer):
    live.switch("sigma").setChecked(True)
    rest(live)
    assert len(viewer.layers) == 3
    live.explorer.card("diversify")._remove()
    rest(live)
    assert [layer.name for layer in viewer.layers] == ["cells"]
    assert Key("diversify") not in live.explorer.cards.widgets
    live.explorer.cards.added.emit("diversify")
    rest(live)
    assert viewer.layers[-1].name == "cells (diversified)"


def test_a_locked_layer_of_a_removed_card_is_left_to_the_user(live, viewer):
    layer = live.layer
    layer.locked = True
    live.explorer.card("diversify")._remove()
    rest(live)
    assert layer in viewer.layers


def test_two_steps_of_a_kind_have_noise_and_parameters_of_their_own(live, viewer):
    explorer = live.explorer
    explorer.cards.added.emit("diversify")
    rest(live)
    second = explorer.card("diversify", 2)
    second.reads_image.setChecked(True)
    second.panel.form.controls["w_v"].findChild(QDoubleSlider).setValue(0.5)
    rest(live)
    first, other = layer_of(live, Key("diversify")), layer_of(live, Key("diversify", 2))
    assert first.metadata["napari-diversify"]["recipe"]["steps"][0]["w_v"] == 2.0
    assert other.metadata["napari-diversify"]["recipe"]["steps"][0]["w_v"] == 0.5
    second.reads_image.setChecked(False)
    rest(live)
    assert_shown(live, viewer.layers["cells"].data)


def test_psnr_is_that_of_the_windows_of_each_card(live):
    explorer = live.explorer
    explorer.cards.added.emit("diversify")
    rest(live)
    second = explorer.card("diversify", 2).panel
    second.form.controls["window"].valueChanged.emit((3, 3, 3))
    rest(live)
    live.wait(second.psnr.isEnabled)
    live.wait(lambda: second._psnr_model is not live.explorer.card("diversify").panel._psnr_model)
    assert explorer.card("diversify").panel.psnr.isEnabled()


def test_cards_move_by_keyboard_and_by_hand(live, viewer):
    explorer = live.explorer
    live.switch("lowpass").setChecked(True)
    rest(live)
    card = explorer.card("lowpass")
    QTest.keyClick(card.title, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    rest(live)
    assert [c.step.kind for c in explorer.state().cards] == ["contrast", "lowpass", "diversify"]
    assert [s.kind for s in explorer.value().steps] == ["lowpass", "diversify"]
    assert_shown(live, viewer.layers["cells"].data)
    explorer.resize(400, 1200)
    below = explorer.card("diversify")
    middle = below.mapToGlobal(QPoint(5, below.height() - 2))
    card.grip.dragged.emit(middle)
    rest(live)
    assert [c.step.kind for c in explorer.state().cards] == ["contrast", "diversify", "lowpass"]
    assert list(explorer.cards.widgets) == [c.key for c in explorer.state().cards]
    assert_shown(live, viewer.layers["cells"].data)
    card.title.setFocus()
    QTest.keyClick(card.title, Qt.Key.Key_Delete)
    assert Key("lowpass") not in explorer.cards.widgets


def test_every_control_can_be_reached_by_the_keyboard(live):
    for card in live.explorer.cards.widgets.values():
        card.title.setChecked(True)
    kinds = (QPushButton, QCheckBox, QComboBox, QAbstractSpinBox, QToolButton, QDoubleSlider)
    controls = [c for kind in kinds for c in live.explorer.findChildren(kind)]
    assert len(controls) > 40
    for control in controls:
        inside = [control, *control.findChildren(QWidget)]
        assert any(w.focusPolicy() & Qt.FocusPolicy.TabFocus for w in inside), control


def test_a_recipe_keeps_one_card_of_the_kinds_that_it_does_not_have(live):
    explorer = live.explorer
    explorer.card("contrast").panel.form.controls["extra_depth"].valueChanged.emit(77.0)
    explorer.setValue(Recipe(steps=(LowPass(), LowPass(cutoff=0.2))))
    kinds = [(card.step.kind, card.live) for card in explorer.state().cards]
    assert kinds == [
        *(("contrast", False), ("diversify", False), ("lowpass", True), ("lowpass", True))
    ]
    assert explorer.card("contrast").value().extra_depth == 77.0


def test_no_widget_keeps_a_setting_of_its_own(live):
    """What widgets hold is what they show of the state: nothing has drifted apart."""
    explorer = live.explorer
    explorer.cards.added.emit("lowpass")
    explorer.card("contrast").live.setChecked(True)
    rest(live)
    state = explorer.state()
    known = [state, state.setup, *state.cards, *(card.step for card in state.cards)]
    shown = explorer.session.setup()
    for widget in [explorer, *explorer.findChildren(QWidget)]:
        for name, value in vars(widget).items():
            if isinstance(value, Recipe):
                assert value == shown, f"{type(widget).__name__}.{name}"
            elif isinstance(value, Model | State | Card):
                assert value in known, f"{type(widget).__name__}.{name}"


def test_a_dock_shows_all_that_is_set_and_nothing_else(live, open_dock, viewer):
    """A state put into another dock gives the same controls: it is all there is."""
    explorer = live.explorer
    explorer.cards.added.emit("diversify")
    explorer.card("diversify", 2).panel.form.controls["w_i"].findChild(QDoubleSlider).setValue(0.4)
    explorer.source_panel.seed.setValue(99)
    live.switch("lowpass").setChecked(True)
    rest(live)
    before = controls_of(explorer)
    explorer.close()
    again = open_dock(viewer)
    rest(again)
    assert again.explorer.state() == explorer.state()
    now = controls_of(again.explorer)
    for key in before[0]:
        assert now[0][key] == before[0][key]
    assert now == before


def controls_of(explorer):
    cards = {}
    for key, card in explorer.cards.widgets.items():
        form = {name: control.value() for name, control in card.panel.form.controls.items()}
        boxes = card.live.isChecked(), card.reads_image.isChecked(), card.title.isChecked()
        cards[key] = form, boxes, card.title.text()
    panel = explorer.source_panel
    return cards, panel.seed.value(), panel.sample.value(), panel.low.value(), panel.high.value()


def test_a_slider_event_does_not_set_the_rest_of_the_dock_anew(live, monkeypatch):
    rest(live)
    touched = []
    for card in live.explorer.cards.widgets.values():
        original = card.panel.setValue
        monkeypatch.setattr(card.panel, "setValue", lambda s, f=original: touched.append(s) or f(s))
    panel = live.explorer.source_panel
    original = panel._show_range
    monkeypatch.setattr(panel, "_show_range", lambda *ends: touched.append(ends) or original(*ends))
    live.slide(w_v=4.5)
    rest(live)
    assert touched == []
    panel.low.setValue(5)
    rest(live)
    assert touched  # it is what would be seen


def test_what_is_refused_is_taken_back_in_the_head_of_the_dock(live):
    panel = live.explorer.source_panel
    before = panel.low.value()
    panel.low.setValue(1e9)
    assert "low < high" in live.message
    assert panel.low.value() == before


# ---- what the low-pass hides ----


def test_the_hidden_signal_of_every_plane_is_that_of_the_library(live, viewer):
    live.switch("diversify").setChecked(False)
    live.switch("hidden").setChecked(True)
    rest(live)
    layer, image = live.layer_of("hidden"), viewer.layers["cells"].data
    low, high = live.explorer.session.setup().intensity_range
    unit = ((image - low) / np.float32(high - low)).astype("float32")
    expected = np.stack([hidden_signal(plane, 0.5).equalised for plane in unit])
    np.testing.assert_allclose(np.asarray(layer.data), expected, atol=2e-2)
    assert layer.name == "cells (hidden signal)"
    cut = np.asarray(layer.data)[2:4, 5:9, 3]
    np.testing.assert_array_equal(np.asarray(layer.data[2:4, 5:9, 3]), cut)


def test_the_low_pass_card_says_how_much_energy_it_removes(live, viewer):
    live.switch("diversify").setChecked(False)
    live.explorer.card("lowpass").title.setChecked(True)
    live.switch("lowpass").setChecked(True)
    rest(live)
    energy = live.explorer.card("lowpass").panel.energy
    live.wait(lambda: "of the energy" in energy.text())
    image = viewer.layers["cells"].data[viewer.dims.current_step[0]]
    share = hidden_signal(image.astype("float32"), 0.5).energy_share
    assert float(energy.text().split()[1]) == pytest.approx(100 * share, abs=0.05)
    viewer.dims.set_current_step(0, 0)
    live.wait(lambda: not energy.text())  # it was that of another plane
    live.wait(lambda: "of the energy" in energy.text())
    live.switch("lowpass").setChecked(False)
    live.wait(lambda: not energy.text())


def test_samples_of_two_steps_of_a_kind_vary_each_by_its_number(live):
    live.explorer.cards.added.emit("diversify")
    rest(live)
    live.explorer.windows.open_samples()
    ranges = live.explorer.windows.samples.sampling.ranges
    assert list(ranges.rows) == ["0.w_i", "0.w_v", "1.w_i", "1.w_v"]
    ranges.rows["1.w_v"][0].setChecked(True)
    sampling = live.explorer.windows.samples.sampling.value(live.explorer.session.recipes())
    assert 0 <= sampling.drawn(0)["1.w_v"] <= 8
    assert sampling.recipe.steps == live.explorer.value().steps


def test_without_a_live_card_no_number_is_left_and_the_dock_says_so(live):
    lines = live.explorer.readout
    live.wait(lambda: "PSNR" in lines.plane.text())
    live.explorer.card("diversify")._remove()
    assert (lines.plane.text(), lines.volume.text()) == ("", "")
    assert "Nothing is live" in live.message
    live.switch("lowpass").setChecked(True)
    rest(live)
    assert "Showing" in live.message


def test_the_energy_is_told_when_the_card_is_opened_later(live):
    live.switch("lowpass").setChecked(True)
    rest(live)
    panel = live.explorer.card("lowpass").panel
    assert not panel.energy.text()
    live.explorer.card("lowpass").title.setChecked(True)
    live.wait(lambda: "of the energy" in panel.energy.text())


def test_the_wheel_scrolls_the_cards_and_changes_nothing(live, monkeypatch):
    live.explorer.card("lowpass").title.setChecked(True)
    before = live.explorer.state()
    for card in live.explorer.cards.widgets.values():
        for kind in (QDoubleSlider, QAbstractSpinBox, QComboBox):
            for control in card.panel.findChildren(kind):
                turn_wheel(control)
    assert live.explorer.state() == before
    slider = live.slider("w_v")
    monkeypatch.setattr(slider, "hasFocus", lambda: True)  # whether there is a window manager
    turn_wheel(slider)
    assert live.explorer.state() != before


def turn_wheel(control):
    middle = QPointF(control.rect().center())
    event = QWheelEvent(
        middle,
        QPointF(control.mapToGlobal(middle.toPoint())),
        QPoint(0, 0),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(control, event)


def test_the_tab_key_follows_the_cards(live):
    explorer = live.explorer
    live.put_in_order("lowpass", "diversify", "contrast")
    for card in explorer.cards.widgets.values():
        card.title.setChecked(True)
    stops = [stop for card in explorer.cards.widgets.values() for stop in card.stops()]
    assert len(stops) > 30
    for before, after in zip(stops, stops[1:], strict=False):
        following = before.nextInFocusChain()
        while following is not after and not following.focusPolicy() & Qt.FocusPolicy.TabFocus:
            following = following.nextInFocusChain()
        assert following is after


def test_parameters_of_volumes_are_greyed_for_planes_unless_they_have_to_be_set_back(
    viewer, open_dock, make_image
):
    viewer.add_image(make_image((24, 32)), name="plane")
    dock = open_dock(viewer)
    dock.wait()
    contrast = dock.explorer.card("contrast").panel.form.controls
    volume = dock.explorer.card("lowpass").panel.form.controls["volume"]
    assert not contrast["growing"].isEnabled()
    assert contrast["blur"].isEnabled()
    assert not volume.isEnabled()
    viewer.add_image(make_image(), name="stack")
    dock.settle()
    assert contrast["growing"].isEnabled()
    volume.setChecked(True)
    viewer.layers.selection.active = viewer.layers["plane"]
    dock.settle()
    assert volume.isEnabled()  # the plane cannot be shown with it
