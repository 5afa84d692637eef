"""Cards, images and steps that come and go at a bad moment, or are bad themselves."""

import json
from typing import ClassVar, Literal

import numpy as np
import pytest
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractSpinBox

from napari_diversify.recipe import Diversify, LowPass, Recipe
from napari_diversify.recipe.lazy.compared import LazyDifference
from napari_diversify.recipe.steps import registry
from napari_diversify.recipe.steps.step import Step
from napari_diversify.widgets.diversify.dock import Explorer


@pytest.fixture
def known_steps(monkeypatch):
    """Steps that a test registers are unknown to the others."""
    registry.kinds()
    monkeypatch.setattr(registry, "_LOADED", dict(registry._LOADED))


class Odd(Step):
    """Does nothing, but may be odd."""

    title: ClassVar[str] = "Odd"
    layer: ClassVar[str] = "odd"
    stream: ClassVar[int] = 90
    kind: Literal["odd"] = "odd"

    def draws_noise(self, shape=None):
        return False

    def source_region(self, region, shape):
        return region

    def compute(self, place):
        return place.source(place.region)


def test_a_range_that_is_not_known_yet_stays_automatic(viewer, open_dock, make_image):
    viewer.add_image(make_image(), name="cells")
    dock = open_dock(viewer)
    dock.explorer.source_panel.auto.click()
    assert dock.explorer.source_panel.auto.isChecked()
    dock.settle()
    dock.assert_exact(viewer.layers["cells"].data)


@pytest.mark.parametrize("how", ["the same dock", "a new dock"])
def test_a_layer_set_aside_comes_back_with_its_image_whoever_drives_it(
    live, viewer, open_dock, qtbot, how
):
    viewer.add_image(np.zeros((24, 32, 3), "uint8"), rgb=True, name="rgb")
    live.settle()
    assert not live.layer.visible
    live.explorer.close()
    if how == "the same dock":
        live.explorer.show()
        dock = live
    else:
        dock = open_dock(viewer)
    dock.settle()
    viewer.layers.selection.active = viewer.layers["cells"]
    dock.settle()
    dock.wait(lambda: dock.layer is not None and dock.layer.visible)


@pytest.mark.parametrize("shape", [(6, 24, 32), (2, 6, 24, 32)])
def test_an_array_with_more_axes_ends_the_split(viewer, open_dock, make_image, shape):
    viewer.add_image(make_image((24, 32)), name="cells")
    dock = open_dock(viewer)
    dock.wait()
    dock.explorer.compare.split.click()
    dock.settle()
    image = make_image(shape)
    viewer.layers["cells"].data = image
    dock.settle()
    dock.wait()
    dock.assert_exact(image)
    assert not dock.explorer.compare.split.isChecked()


def test_explore_says_nothing_of_a_chain_that_refuses_the_image(viewer, open_dock, make_image):
    viewer.add_image(make_image((24, 32)), name="cells")
    dock = open_dock(viewer)
    dock.wait()
    dock.explorer.windows.open_explore()
    dock.switch("lowpass").setChecked(True)
    form = dock.explorer.card("lowpass").panel.form
    form.controls["volume"].valueChanged.emit(True)
    dock.wait(lambda: "needs volumes" in dock.message)
    dock.wait(lambda: "no noise" in dock.explorer.windows.explore.note.text())


def test_a_recipe_loaded_while_split_ends_the_split(live, viewer):
    live.explorer.compare.split.click()
    live.settle()
    live.explorer.setValue(Recipe(steps=(LowPass(), Diversify())))
    live.settle()
    assert not live.explorer.compare.split.isChecked()
    assert not live.explorer.state().compared
    assert not [layer for layer in viewer.layers if "split" in layer.name]


@pytest.mark.parametrize("name", ["difference", "removed", "hidden"])
def test_what_is_not_the_result_says_what_it_is(live, viewer, name):
    live.switch("lowpass").setChecked(True)
    live.switch(name).setChecked(True)
    live.settle()
    entry = live.layer_of(name).metadata["napari-diversify"]
    assert entry["shows"].startswith(name)
    if name == "difference":
        recipe = Recipe.from_json(json.dumps(entry["recipe"]))
        expected = LazyDifference(viewer.layers["cells"].data, recipe)
        np.testing.assert_array_equal(np.asarray(live.layer_of(name).data), np.asarray(expected))


def test_a_number_typed_in_a_card_that_goes_is_of_no_matter(live):
    live.explorer.cards.added.emit("diversify")
    live.settle()
    card = live.explorer.card("diversify", 2)
    box = card.panel.form.controls["w_v"].findChild(QAbstractSpinBox)
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, "0.37")
    card._remove()
    live.settle()
    assert len(live.explorer.value().steps) == 1


def test_a_name_that_the_user_has_given_stays_when_the_dock_is_hidden(live, viewer, make_image):
    live.layer.name = "mine"
    live.explorer.hide()
    live.explorer.show()
    live.settle()
    assert live.layer.name == "mine"
    viewer.add_image(make_image(seed=2), name="next")
    live.settle()
    assert live.layer.name == "next (diversified)"  # of another image it would be false


@pytest.mark.parametrize("kind", [["diversify"], {"a": 1}, None, 3])
def test_a_kind_that_is_no_word_is_answered(live, tmp_path, kind):
    recipe = {"schema_version": 1, "steps": [{"kind": kind}]}
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    live.explorer.load(tmp_path / "recipe.json")
    assert "kind must be one of" in live.message


def test_a_range_as_wide_as_there_are_numbers_is_shown(live):
    live.explorer.setValue(
        Recipe(steps=(Diversify(),), intensity_range=(-1.7e308, 1.7e308), spatial_ndim=3)
    )
    assert live.explorer.value().steps == (Diversify(),)
    assert len(live.explorer.cards.widgets) == 3


# ---- steps of other packages ----


@pytest.mark.parametrize("panel", ["nosuch.module:Panel", "json:nosuch", "no colon", "json:loads"])
def test_a_step_whose_form_cannot_be_made_has_a_card_that_can_be_removed(
    live, viewer, known_steps, panel
):
    class Bad(Odd):
        pass

    Bad.panel = panel
    registry.register(Bad)
    live.explorer.cards.added.emit("odd")
    live.settle()
    assert "cannot be shown" in live.explorer.card("odd").panel.note.text()
    live.explorer.card("odd")._remove()
    live.settle()
    assert [layer.name for layer in viewer.layers] == ["cells", "cells (diversified)"]


def test_a_step_that_fails_says_so_and_the_others_work_on(live, known_steps):
    class Bad(Odd):
        def check(self, shape, spacing):
            raise RuntimeError("out of luck")

    registry.register(Bad)
    live.explorer.cards.added.emit("odd")
    live.wait(lambda: "out of luck" in live.message)
    live.explorer.card("odd")._remove()
    live.slide(w_v=4.0)
    live.wait()


@pytest.mark.parametrize(
    ("wrong", "answer"),
    [
        ({"rank": None}, "rank of Bad must be int"),
        ({"title": 5}, "title of Bad must be str"),
        ({"stream": 1.5}, "stream of Bad must be int"),
        ({"views": ("sigma",)}, "must be a tuple of ExtraView"),
        ({"begins_with": {"nosuch": 1}}, "no parameter 'nosuch'"),
        ({"layer": "diversified"}, "would both call a layer 'diversified'"),
        ({"signal_weight": "nosuch"}, "names 'nosuch' in its weights"),
        ({"falling": frozenset({"nosuch"})}, "names 'nosuch' in falling"),
        ({"of_volumes": frozenset({"nosuch"})}, "names 'nosuch' in of_volumes"),
    ],
)
def test_class_data_that_no_dock_could_show_are_refused(known_steps, wrong, answer):
    class Bad(Odd):
        pass

    for name, value in wrong.items():
        setattr(Bad, name, value)
    with pytest.raises(ValueError, match=answer):
        registry.register(Bad)
    assert "odd" not in registry.kinds()


def test_every_dock_opens_after_a_refusal(qtbot, viewer, known_steps):
    class Bad(Odd):
        at_first = "live"
        begins_with: ClassVar = {"nosuch": 1}

    with pytest.raises(ValueError, match="nosuch"):
        registry.register(Bad)
    dock = Explorer(viewer)
    qtbot.addWidget(dock)
    assert len(dock.cards.widgets) == 3
