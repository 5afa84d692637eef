"""The live layer is what the recipe makes, bit for bit, and lies where the image lies."""

import json

import numpy as np
import pytest

from napari_diversify import LazyVolume, Recipe
from napari_diversify.core import local_std
from napari_diversify.recipe import Diversify

START = Diversify(w_v=2.0)

PLACE = {
    "scale": (2.0, 0.5, 0.25),
    "translate": (10.0, -3.0, 0.5),
    "rotate": 30.0,
    "shear": (0.1, 0.0, 0.2),
    "affine": np.array([[1, 0.1, 0, 5], [0, 1, 0, 0], [0, 0, 2, 1], [0, 0, 0, 1.0]]),
    "units": ("micrometer", "nanometer", "nanometer"),
    "axis_labels": ("depth", "row", "column"),
}


@pytest.fixture
def image(make_image):
    return make_image()


def recipe_for(image, **changes):
    """The recipe that the dock starts with, with changes of its own or of its step."""
    step = {k: changes.pop(k) for k in list(changes) if k in Diversify.model_fields}
    start = {
        "steps": (START.replace(**step),),
        "intensity_range": (float(image.min()), float(image.max())),
        "spatial_ndim": min(image.ndim, 3),
    }
    return Recipe(**{**start, **changes})


def place_of(layer):
    """Where a layer lies, as plain numbers and strings."""
    values = layer.as_layer_data_tuple()[1]
    affine = np.asarray(getattr(values["affine"], "affine_matrix", values["affine"]))
    return {
        **{name: np.asarray(values[name]).tolist() for name in ("scale", "translate", "rotate")},
        "shear": np.asarray(values["shear"]).tolist(),
        "affine": affine.tolist(),
        "units": [str(u) for u in values["units"]],
        "axis_labels": list(values["axis_labels"]),
    }


# ---- what it shows ----


def test_a_live_layer_appears_once_the_image_is_measured(live, image):
    assert live.layer.name == "cells (diversified)"
    assert live.layer.visible
    assert live.layer.data.shape == image.shape
    assert live.message == "Showing “cells” in full resolution."


def test_nothing_is_added_before_the_dock_is_shown(viewer, open_dock, image):
    viewer.add_image(image)
    dock = open_dock(viewer, show=False)
    assert len(viewer.layers) == 1
    dock.explorer.show()
    dock.wait()
    assert len(viewer.layers) == 2


def test_the_live_layer_equals_the_applied_recipe_bit_for_bit(live, image, same_bits):
    expected = recipe_for(image).apply(image)
    assert isinstance(live.layer.data.array, LazyVolume)
    same_bits(np.asarray(live.layer.data), expected)
    for z in range(len(image)):
        same_bits(np.asarray(live.layer.data[z]), expected[z])


def test_the_plane_handed_to_napari_is_a_plane_of_the_applied_recipe(
    live, image, viewer, handed, same_bits
):
    live.slide(w_v=4.0)
    live.wait()
    expected = recipe_for(image, w_v=4.0).apply(image)
    for axis, order in enumerate([(0, 1, 2), (1, 0, 2), (2, 0, 1)]):
        viewer.dims.order = order
        viewer.dims.set_current_step(axis, 3)
        live.wait()
        same_bits(np.squeeze(handed.last()), expected.take(3, axis))


@pytest.mark.parametrize(
    ("change", "recipe", "sample"),
    [
        (lambda d: d.slide(w_i=0.5), {"w_i": 0.5}, 0),
        (lambda d: d.slide(w_v=3.5), {"w_v": 3.5}, 0),
        (lambda d: d.axis_boxes("window")[0].setValue(1), {"window": (1, 5, 5)}, 0),
        (lambda d: d.axis_boxes("stride")[2].setValue(3), {"stride": (1, 1, 3)}, 0),
        (lambda d: d.explorer.source_panel.seed.setValue(7), {"seed": 7}, 0),
        (lambda d: d.explorer.source_panel.sample.setValue(2**32 - 1), {}, 2**32 - 1),
        (lambda d: d.explorer.source_panel.axes.setCurrentIndex(1), {"spatial_ndim": 2}, 0),
    ],
    ids=["w_i", "w_v", "window", "stride", "seed", "sample", "axes"],
)
def test_each_setting_reaches_the_live_layer(live, image, same_bits, change, recipe, sample):
    before = np.asarray(live.layer.data)
    change(live)
    live.wait()
    after = np.asarray(live.layer.data)
    assert (after != before).any()
    same_bits(after, recipe_for(image, **recipe).apply(image, sample=sample))


def test_the_intensity_range_reaches_the_live_layer(live, image, same_bits):
    live.explorer.source_panel.low.setValue(20_000)
    live.explorer.source_panel.high.setValue(40_000)
    live.wait()
    expected = recipe_for(image, intensity_range=(20_000, 40_000)).apply(image)
    same_bits(np.asarray(live.layer.data), expected)
    assert expected.min() == 20_000
    assert expected.max() == 40_000


def test_auto_brings_the_measured_range_back(live, image):
    panel = live.explorer.source_panel
    panel.low.setValue(20_000)
    live.wait()
    assert not panel.auto.isChecked()
    panel.auto.click()
    live.wait()
    assert live.explorer.value().intensity_range == (image.min(), image.max())
    assert (panel.low.value(), panel.high.value()) == (image.min(), image.max())


def test_typing_one_end_of_the_range_leaves_the_other_as_it_was(viewer, open_dock):
    ramp = np.linspace(0, 1 / 3, 400, dtype="float64").reshape(20, 20)
    viewer.add_image(ramp)
    dock = open_dock(viewer)
    dock.wait()
    dock.explorer.source_panel.low.setValue(0.125)
    dock.wait()
    assert dock.explorer.value().intensity_range == (0.125, 1 / 3)


def test_the_dice_takes_another_seed(live, monkeypatch):
    monkeypatch.setattr("secrets.randbelow", lambda n: 4321)
    live.explorer.source_panel.dice.click()
    live.wait()
    assert live.explorer.value().seed == 4321


def test_two_samples_have_noise_of_their_own_and_the_first_comes_back(live):
    first = np.asarray(live.layer.data)
    live.explorer.source_panel.sample.setValue(1)
    live.wait()
    assert (np.asarray(live.layer.data) != first).mean() > 0.5
    live.explorer.source_panel.sample.setValue(0)
    live.wait()
    assert (np.asarray(live.layer.data) == first).all()


# ---- what it carries ----


def test_the_recipe_in_the_metadata_rebuilds_the_layer_bit_for_bit(live, image, same_bits):
    live.slide(w_i=0.7, w_v=5.5)
    live.explorer.source_panel.sample.setValue(4)
    live.explorer.source_panel.seed.setValue(99)
    live.wait()
    recipe = Recipe.from_json(json.dumps(live.entry["recipe"]))
    same_bits(recipe.apply(image, sample=live.entry["sample"]), np.asarray(live.layer.data))


def test_the_metadata_says_of_which_image_the_layer_is_made_and_with_what(live):
    import napari_diversify

    assert live.entry["source"] == "cells"
    assert live.entry["version"] == napari_diversify.__version__


def test_metadata_and_data_agree_after_every_single_change(live, image):
    for w_v in (0.5, 3.0, 8.0):
        live.slide(w_v=w_v)  # whether or not it has reached the layer yet
        live.assert_exact(image)
    live.wait()
    live.assert_exact(image)


def test_metadata_of_others_on_the_live_layer_is_kept(live):
    live.layer.metadata = {**live.layer.metadata, "mine": "a note"}
    live.slide(w_v=5.0)
    live.wait()
    assert live.layer.metadata["mine"] == "a note"


def test_the_live_layer_keeps_the_dtype_of_the_image(live, image):
    assert live.layer.dtype == image.dtype
    assert np.asarray(live.layer.data).dtype == image.dtype


# ---- where it lies and how it looks ----


def test_the_live_layer_lies_where_the_image_lies(viewer, open_dock, image):
    source = viewer.add_image(image, **PLACE)
    dock = open_dock(viewer)
    dock.wait()
    assert place_of(dock.layer) == place_of(source)


@pytest.mark.parametrize("name", PLACE)
def test_the_live_layer_moves_with_the_image(live, viewer, name):
    source = viewer.layers["cells"]
    before = place_of(source)
    setattr(source, name, PLACE[name])
    assert place_of(source) != before
    assert place_of(live.layer) == place_of(source)


def test_the_live_layer_looks_like_the_image_at_first(viewer, open_dock, image):
    source = viewer.add_image(image, colormap="viridis", gamma=0.5, contrast_limits=(5, 50_000))
    dock = open_dock(viewer)
    dock.wait()
    assert dock.layer.colormap.name == "viridis"
    assert dock.layer.gamma == 0.5
    assert dock.layer.contrast_limits == source.contrast_limits == [5, 50_000]


def test_contrast_limits_are_shared_both_ways(live, viewer):
    source = viewer.layers["cells"]
    source.contrast_limits = (10, 1000)
    assert live.layer.contrast_limits == [10, 1000]
    live.layer.contrast_limits = (20, 2000)
    assert source.contrast_limits == [20, 2000]


def test_contrast_limits_stay_shared_when_the_image_is_measured_again(live, viewer):
    live.axis_boxes("window")[0].setValue(7)
    live.wait()
    viewer.layers["cells"].contrast_limits = (10, 1000)
    assert live.layer.contrast_limits == [10, 1000]


def test_thick_slices_do_not_average_the_noise_away(live, viewer, handed, same_bits):
    assert live.layer.projection_mode == "none"
    viewer.dims.margin_left = (2, 0, 0)
    viewer.dims.margin_right = (2, 0, 0)
    viewer.dims.set_current_step(0, 3)
    live.wait()
    same_bits(np.squeeze(handed.last()), np.asarray(live.layer.data[3]))


def test_looks_chosen_by_the_user_stay_while_sliders_move(live):
    live.layer.colormap = "magenta"
    live.layer.gamma = 0.7
    live.slide(w_v=6.0)
    live.axis_boxes("window")[0].setValue(9)
    live.wait()
    assert live.layer.colormap.name == "magenta"
    assert live.layer.gamma == 0.7


def test_the_active_layer_stays_active(live, viewer):
    assert viewer.layers.selection.active == viewer.layers["cells"]


def test_a_name_given_by_the_user_stays(live, viewer):
    live.layer.name = "my favourite"
    live.slide(w_v=6.0)
    live.axis_boxes("window")[0].setValue(9)
    live.wait()
    assert live.layer.name == "my favourite"


# ---- the σ map ----


def test_the_sigma_map_equals_local_std_bit_for_bit(live, image, same_bits):
    live.explorer.card("diversify").views["sigma"].setChecked(True)
    live.wait(lambda: live.sigma is not None)
    assert live.sigma.name == "cells (σ map)"
    same_bits(np.asarray(live.sigma.data), local_std(image, 5))


def test_the_sigma_map_follows_window_and_stride(live, image, same_bits):
    live.explorer.card("diversify").views["sigma"].setChecked(True)
    live.axis_boxes("window")[1].setValue(9)
    live.axis_boxes("stride")[2].setValue(2)
    live.wait()
    same_bits(np.asarray(live.sigma.data), local_std(image, (5, 9, 5), stride=(1, 1, 2)))


def test_the_sigma_map_lies_where_the_image_lies(viewer, open_dock, image):
    source = viewer.add_image(image, **PLACE)
    dock = open_dock(viewer)
    dock.wait()
    dock.explorer.card("diversify").views["sigma"].setChecked(True)
    assert place_of(dock.sigma) == place_of(source)
    source.scale = (3, 2, 1)
    assert place_of(dock.sigma) == place_of(source)


def test_the_sigma_map_has_contrast_limits_of_its_own(live, viewer):
    live.explorer.card("diversify").views["sigma"].setChecked(True)
    before = live.sigma.contrast_limits
    viewer.layers["cells"].contrast_limits = (10, 1000)
    assert live.sigma.contrast_limits == before


def test_planes_by_themselves_have_a_sigma_map_of_planes(live, image, same_bits):
    live.explorer.source_panel.axes.setCurrentIndex(1)
    live.explorer.card("diversify").views["sigma"].setChecked(True)
    live.wait()
    expected = np.stack([local_std(plane, 5) for plane in image])
    same_bits(np.asarray(live.sigma.data), expected)


# ---- on and off ----


def test_live_switched_off_hides_the_layer_and_computes_nothing(live, handed):
    live.explorer.card("diversify").live.setChecked(False)
    assert not live.layer.visible
    live.slide(w_v=6.0)
    live.axis_boxes("window")[0].setValue(9)
    live.wait_measured()
    assert not live.layer.visible
    assert handed.volumes() == []


def test_live_switched_on_again_shows_the_newest_settings(live, image):
    layer = live.layer
    live.explorer.card("diversify").live.setChecked(False)
    live.slide(w_v=6.0)
    live.explorer.card("diversify").live.setChecked(True)
    live.wait()
    assert live.layer is layer
    assert layer.visible
    assert live.entry["recipe"]["steps"][0]["w_v"] == 6.0
    live.assert_exact(image)


def test_a_live_layer_hidden_by_its_eye_costs_nothing_and_is_right_when_it_is_back(
    live, image, handed, same_bits
):
    live.layer.visible = False
    live.slide(w_v=6.0)
    live.wait()
    assert handed.volumes() == []
    live.layer.visible = True
    live.wait()
    same_bits(np.squeeze(handed.last()), recipe_for(image, w_v=6.0).apply(image)[2])
