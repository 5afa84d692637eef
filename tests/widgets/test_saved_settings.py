"""Settings saved to a file bring the same picture back; a file that cannot is refused politely."""

import json

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QFileDialog

from napari_diversify import Recipe
from napari_diversify.recipe import Diversify


@pytest.fixture
def tuned(live):
    """A dock with every setting away from its default."""
    live.slide(w_i=0.8, w_v=3.3)
    live.box("psnr").setValue(14.0)
    live.axis_boxes("window")[2].setValue(9)
    live.axis_boxes("stride")[0].setValue(2)
    live.explorer.source_panel.seed.setValue(2**32 - 1)
    live.wait()
    return live


def settings_of(dock):
    return dock.explorer.value(), dock.explorer.sample(), dock.layer.metadata


def test_saved_settings_give_the_same_picture_in_a_new_viewer(
    tuned, open_dock, make_image, tmp_path, same_bits
):
    path = tmp_path / "recipe.json"
    tuned.explorer.save(path)
    assert str(path) in tuned.message
    new_viewer = ViewerModel()
    new_viewer.add_image(make_image(), name="cells")
    new = open_dock(new_viewer)
    new.wait()
    assert (np.asarray(new.layer.data) != np.asarray(tuned.layer.data)).any()
    new.explorer.load(path)
    new.wait()
    assert new.explorer.value() == tuned.explorer.value()
    same_bits(np.asarray(new.layer.data), np.asarray(tuned.layer.data))


def test_loaded_settings_are_shown_by_every_control(tuned, open_dock, make_image, tmp_path):
    path = tmp_path / "recipe.json"
    tuned.explorer.save(path)
    viewer = ViewerModel()
    viewer.add_image(make_image())
    new = open_dock(viewer)
    new.explorer.load(path)
    new.wait()
    assert new.control("w_i").value() == 0.8
    assert new.control("psnr").value() == tuned.control("psnr").value()
    assert new.control("window").value() == (5, 5, 9)
    assert new.control("stride").value() == (2, 1, 1)
    assert new.explorer.source_panel.seed.value() == 2**32 - 1


def test_settings_loaded_before_there_is_an_image_wait_for_it(
    tuned, open_dock, make_image, tmp_path, same_bits
):
    path = tmp_path / "recipe.json"
    tuned.explorer.save(path)
    viewer = ViewerModel()
    new = open_dock(viewer)
    new.explorer.load(path)
    viewer.add_image(make_image())
    new.wait()
    same_bits(np.asarray(new.layer.data), np.asarray(tuned.layer.data))


def test_a_saved_recipe_runs_without_napari(tuned, viewer, tmp_path, same_bits):
    path = tmp_path / "recipe.json"
    tuned.explorer.save(path)
    same_bits(Recipe.load(path).apply(viewer.layers["cells"].data), np.asarray(tuned.layer.data))


def test_planes_by_themselves_come_back_as_such(live, tmp_path):
    path = tmp_path / "recipe.json"
    live.explorer.source_panel.axes.setCurrentIndex(1)
    live.wait()
    live.explorer.save(path)
    live.explorer.source_panel.axes.setCurrentIndex(0)
    live.wait()
    live.explorer.load(path)
    live.wait()
    assert live.explorer.source_panel.axes.currentData() == 2
    assert live.entry["recipe"]["spatial_ndim"] == 2


def test_settings_of_a_volume_can_be_loaded_for_a_plane(tuned, open_dock, make_image, tmp_path):
    path = tmp_path / "recipe.json"
    tuned.explorer.save(path)
    viewer, plane = ViewerModel(), make_image((24, 32))
    viewer.add_image(plane)
    new = open_dock(viewer)
    new.wait()
    new.explorer.load(path)
    new.wait()
    assert new.entry["recipe"]["steps"] == tuned.entry["recipe"]["steps"]
    new.assert_exact(plane)


def test_settings_without_a_range_take_that_of_the_image(live, tmp_path):
    path = tmp_path / "recipe.json"
    Recipe(steps=(Diversify(w_v=1.5),), seed=3).save(path)
    before = live.explorer.value().intensity_range
    live.explorer.load(path)
    live.wait()
    assert live.explorer.source_panel.auto.isChecked()
    assert live.explorer.value().intensity_range == before
    assert live.entry["recipe"]["seed"] == 3


def test_loading_says_from_which_file(live, tmp_path):
    path = tmp_path / "recipe.json"
    live.explorer.value().save(path)
    live.explorer.load(path)
    assert str(path) in live.message
    live.wait()
    assert str(path) in live.message


def good(**changes):
    return {**json.loads(Recipe(steps=(Diversify(),)).to_json()), **changes}


BAD_FILES = {
    "empty": ("", "JSON"),
    "no JSON": ("seed: 1", "JSON"),
    "no text": (b"\xff\xfe\x00\x01", "JSON"),
    "a list": ("[1, 2]", "list"),
    "another program's": ('{"colour": "red"}', "schema_version"),
    "newer": (json.dumps(good(schema_version=2)), "Update napari-diversify"),
    "other noise": (json.dumps(good(generator="mersenne/1")), "mersenne/1"),
    "unknown parameter": (json.dumps(good(sharpness=1)), "sharpness"),
    "bad value": (json.dumps(good(seed=-1)), "seed"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_file_that_cannot_be_used_is_refused_and_nothing_changes(live, tmp_path, kind):
    content, reason = BAD_FILES[kind]
    path = tmp_path / "recipe.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = settings_of(live)
    live.explorer.load(path)
    assert live.message.startswith("Recipe not loaded: ")
    assert reason in live.message
    live.wait_measured()
    assert settings_of(live) == before


@pytest.mark.parametrize("name", ["missing.json", ".", "missing/recipe.json"])
def test_a_file_that_is_not_there_is_reported_by_name(live, tmp_path, name):
    before = settings_of(live)
    live.explorer.load(tmp_path / name)
    assert live.message.startswith("Recipe not loaded: ")
    assert str(tmp_path / name) in live.message
    assert settings_of(live) == before


def test_saving_into_a_folder_that_does_not_exist_is_reported(live, tmp_path):
    live.explorer.save(tmp_path / "missing" / "recipe.json")
    assert live.message.startswith("Recipe not saved: ")
    assert "missing" in live.message
    assert list(tmp_path.iterdir()) == []


def test_saving_where_writing_is_not_allowed_is_reported(live, tmp_path, monkeypatch):
    def refuse(*args, **keywords):
        raise PermissionError(13, "Permission denied", str(tmp_path))

    monkeypatch.setattr("pathlib.Path.write_text", refuse)
    live.explorer.save(tmp_path / "recipe.json")
    assert live.message.startswith("Recipe not saved: ")
    assert "you may not write there" in live.message


def test_saving_over_a_folder_is_reported_and_leaves_no_litter(live, tmp_path):
    (tmp_path / "recipe.json").mkdir()
    live.explorer.save(tmp_path / "recipe.json")
    assert live.message.startswith("Recipe not saved: ")
    assert [p.name for p in tmp_path.iterdir()] == ["recipe.json"]


def test_the_buttons_ask_for_a_file_and_cancelling_does_nothing(live, tmp_path, monkeypatch):
    path = tmp_path / "recipe.json"
    answers = iter([("", ""), (str(path), ""), ("", ""), (str(path), "")])
    for name in ("getSaveFileName", "getOpenFileName"):
        monkeypatch.setattr(QFileDialog, name, lambda *args, **keywords: next(answers))
    live.explorer.save_button.click()
    assert list(tmp_path.iterdir()) == []
    live.explorer.save_button.click()
    assert Recipe.load(path) == live.explorer.value()
    live.slide(w_v=7.0)
    live.explorer.load_button.click()
    assert live.explorer.value().steps[0].w_v == 7.0
    live.explorer.load_button.click()
    assert live.explorer.value().steps[0].w_v == 2.0
    live.wait()


@pytest.mark.parametrize("precision", ["exact", "float32"])
def test_the_precision_of_a_recipe_outlives_the_dock(live, tmp_path, precision):
    path = tmp_path / "recipe.json"
    recipe = Recipe(steps=(Diversify(w_v=2.5),), seed=5, precision=precision)
    recipe.save(path)
    live.explorer.load(path)
    live.wait()
    live.slide(w_v=3.5)
    live.explorer.source_panel.seed.setValue(6)
    live.wait()
    live.explorer.save(tmp_path / "again.json")
    assert Recipe.load(tmp_path / "again.json").precision == precision
    assert live.entry["recipe"]["precision"] == precision
    live.assert_exact(live.explorer.source_panel.picker.source().data)


def test_a_recipe_file_of_0_1_0_keeps_its_precision_in_the_dock(live, tmp_path):
    values = json.loads(Recipe(steps=(Diversify(),), precision="float32").to_json())
    del values["precision"]  # which 0.1.0 did not know
    (tmp_path / "recipe.json").write_text(json.dumps(values))
    live.explorer.load(tmp_path / "recipe.json")
    live.wait()
    assert live.explorer.value().precision == "float32"
