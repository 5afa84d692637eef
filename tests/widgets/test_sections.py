"""Three steps in the dock: each live by itself, or chained."""

import json

import numpy as np
import pytest
from superqt import QDoubleSlider

from napari_diversify.core import Tissue, degrade_contrast, lowpass
from napari_diversify.recipe import DegradeContrast, Diversify, LowPass, Recipe
from napari_diversify.widgets.live import live_layer as preview

KINDS = ["contrast", "diversify", "lowpass"]


@pytest.fixture
def image(viewer):
    return viewer.layers["cells"].data


def shown(dock, kind):
    return dock.layer_of(kind)


def switch_on(dock, *names):
    for name in names:
        dock.switch(name).setChecked(True)
    settle(dock)


def settle(dock):
    dock.settle()


def recipe_of(layer):
    return Recipe.from_json(json.dumps(layer.metadata["napari-diversify"]["recipe"]))


def assert_exact(layer, image, same_bits, spacing=None):
    entry = layer.metadata["napari-diversify"]
    expected = recipe_of(layer).apply(image, spacing, entry["sample"])
    same_bits(np.asarray(layer.data), expected)


@pytest.mark.parametrize("kind", ["contrast", "lowpass"])
def test_a_step_switched_on_shows_a_layer_of_its_own(live, image, kind, same_bits):
    live.switch("diversify").setChecked(False)
    switch_on(live, kind)
    layer = shown(live, kind)
    assert [step.kind for step in recipe_of(layer).steps] == [kind]
    assert_exact(layer, image, same_bits)
    assert (np.asarray(layer.data) != image).any()


def test_unchained_steps_all_read_the_image(live, image, same_bits):
    live.unchain()
    switch_on(live, *KINDS)
    for kind in KINDS:
        assert [step.kind for step in recipe_of(shown(live, kind)).steps] == [kind]
        assert_exact(shown(live, kind), image, same_bits)


def test_chained_steps_read_the_one_before(live, image, same_bits):
    switch_on(live, *KINDS)
    settle(live)
    for n, kind in enumerate(KINDS, 1):
        assert [step.kind for step in recipe_of(shown(live, kind)).steps] == KINDS[:n]
        assert_exact(shown(live, kind), image, same_bits)


def test_a_step_that_is_off_is_left_out_of_the_chain(live, image, same_bits):
    switch_on(live, *KINDS)
    live.explorer.card("diversify").live.setChecked(False)
    settle(live)
    layer = shown(live, "lowpass")
    assert [step.kind for step in recipe_of(layer).steps] == ["contrast", "lowpass"]
    assert_exact(layer, image, same_bits)


def test_the_order_of_the_chain_can_be_chosen(live, image, same_bits):
    switch_on(live, *KINDS)
    order = ("lowpass", "diversify", "contrast")
    live.put_in_order(*order)
    settle(live)
    assert [step.kind for step in live.explorer.value().steps] == list(order)
    layer = shown(live, "contrast")
    assert [step.kind for step in recipe_of(layer).steps] == list(order)
    assert_exact(layer, image, same_bits)


def test_a_slider_of_the_first_step_reaches_the_last_of_the_chain(live, image, same_bits):
    switch_on(live, *KINDS)
    settle(live)
    before = np.asarray(shown(live, "lowpass").data)
    control = live.explorer.card("contrast").panel.form.controls["extra_depth"]
    control.setValue(80.0)
    control.valueChanged.emit(80.0)
    settle(live)
    assert recipe_of(shown(live, "lowpass")).steps[0].extra_depth == 80
    assert (np.asarray(shown(live, "lowpass").data) != before).any()
    assert_exact(shown(live, "lowpass"), image, same_bits)


def test_every_parameter_of_every_step_has_a_control(live):
    for section, model in [
        (live.explorer.card("contrast"), DegradeContrast),
        (live.explorer.card("diversify"), Diversify),
        (live.explorer.card("lowpass"), LowPass),
    ]:
        fields = set(model.model_fields) - {"kind"}
        assert set(section.panel.form.controls) == fields


def test_what_the_low_pass_removes_is_the_image_minus_its_result(live, image):
    live.switch("diversify").setChecked(False)
    live.explorer.card("diversify").title.click()
    switch_on(live, "removed")
    recipe = live.explorer.value()
    unit = (image - recipe.intensity_range[0]) / np.float32(np.ptp(recipe.intensity_range))
    removed = (unit - lowpass(unit, 0.5)) * np.float32(np.ptp(recipe.intensity_range))
    got = np.asarray(shown(live, "removed").data)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, removed, atol=1e-4 * np.ptp(image))


def test_in_a_chain_the_panel_says_that_psnr_is_that_of_the_image_itself(live):
    note = live.explorer.card("diversify").panel.note
    live.unchain()
    switch_on(live, "contrast", "diversify")
    assert not note.text()
    live.explorer.card("diversify").reads_image.setChecked(False)
    settle(live)
    assert "not at the end of the chain" in note.text()
    live.explorer.card("diversify").reads_image.setChecked(True)
    settle(live)
    assert not note.text()


def test_a_whole_volume_is_low_passed_in_the_background_and_then_follows_at_once(
    live, image, same_bits, monkeypatch
):
    monkeypatch.setattr(preview, "AT_ONCE", image[0].size)  # a plane and no more
    live.unchain()
    switch_on(live, "lowpass")
    panel = live.explorer.card("lowpass").panel
    panel.setValue(LowPass(cutoff=0.4, volume=True))
    panel.valueChanged.emit(panel.value())
    settle(live)
    layer = shown(live, "lowpass")
    expected = lowpass(image, 0.4, axes=(-3, -2, -1))
    same_bits(
        np.asarray(layer.data), Recipe(steps=(LowPass(cutoff=0.4, volume=True),)).apply(image)
    )
    assert np.abs(np.asarray(layer.data, np.float64) - expected).max() <= 1
    assert layer.data.array.work(3) == image[0].size
    assert panel.note.text() == "0.40 Nyquist = 0.2 cycles/voxel"


def test_a_recipe_of_three_steps_is_loaded_as_a_chain(live, image, tmp_path, same_bits):
    recipe = Recipe(
        steps=(LowPass(cutoff=0.4, taper=0.2), DegradeContrast(extra_depth=10), Diversify(w_v=3)),
        seed=9,
        sample=2,
        intensity_range=(0, 50_000),
        spatial_ndim=3,
    )
    recipe.save(tmp_path / "chain.json")
    live.explorer.load(tmp_path / "chain.json")
    settle(live)
    assert live.explorer.value() == recipe
    layer = shown(live, "diversify")
    same_bits(np.asarray(layer.data), recipe.apply(image))


def test_without_units_lengths_count_in_voxels_and_the_panel_says_so(live, image):
    switch_on(live, "contrast")
    assert "voxels" in live.explorer.card("contrast").panel.note.text()
    assert "cycles/voxel" in live.explorer.card("lowpass").panel.note.text()


def test_lengths_are_micrometres_where_the_image_has_units(viewer, open_dock, make_image):
    image = make_image()
    viewer.add_image(image, name="cells", scale=(2000, 500, 500), units=("nanometer",) * 3)
    dock = open_dock(viewer)
    dock.wait()
    switch_on(dock, "contrast")
    layer = shown(dock, "contrast")
    step, (low, high) = recipe_of(layer).steps[0], recipe_of(layer).intensity_range
    expected = degrade_contrast(
        (image - low) / np.float32(high - low),
        spacing=(2.0, 0.5, 0.5),
        extra_depth=step.extra_depth,
        tissue=Tissue(),
        seed=0,
    )
    np.testing.assert_allclose(
        np.asarray(layer.data), np.clip(expected * (high - low) + low, 0, 65535), atol=1
    )
    assert dock.explorer.card("contrast").panel.note.text() == ""
    assert "cycles/µm" in dock.explorer.card("lowpass").panel.note.text()


def test_calibrate_refuses_a_stack_without_decay_in_a_sentence(live):
    live.explorer.card("contrast").panel.calibrate.click()
    panel = live.explorer.card("contrast").panel
    live.wait(lambda: "Not calibrated" in panel.note.text())
    assert "contrast" in panel.note.text()


def test_calibrate_sets_the_scattering_length_of_a_stack_with_decay(viewer, open_dock):
    rng = np.random.default_rng(0)
    texture = lowpass(rng.random((40, 64, 64)), 0.2) * 10_000
    tissue = Tissue(scattering_length=20, blur=0, halo=5)
    deep = degrade_contrast(
        texture, spacing=(1, 0.5, 0.5), extra_depth=0, growing=True, tissue=tissue, noise=False
    )
    viewer.add_image(deep, scale=(1, 0.5, 0.5), units=("micrometer",) * 3)
    dock = open_dock(viewer)
    dock.wait()
    panel = dock.explorer.card("contrast").panel
    dock.explorer.cards.added.emit("restore")
    panel.calibrate.click()
    dock.wait(lambda: "set to" in panel.note.text())
    assert panel.value().scattering_length == pytest.approx(20, rel=0.1)
    restore = dock.explorer.card("restore").panel
    assert restore.value().scattering_length == panel.value().scattering_length
    assert not restore.note.text()


def test_only_the_parameters_of_the_chosen_method_can_be_moved(live, image, same_bits):
    live.explorer.cards.added.emit("restore")
    form = live.explorer.card("restore").panel.form

    def movable():
        return [name for name in ("strength", "iterations") if form.controls[name].isEnabled()]

    assert movable() == ["strength"]
    form.controls["method"].valueChanged.emit("richardson-lucy")
    assert movable() == ["iterations"]
    settle(live)
    said = []
    live.explorer.card("restore").panel.valueChanged.connect(said.append)
    slider = form.controls["iterations"].findChild(QDoubleSlider)
    for at in (3.2, 3.4, 4.9):  # a slider of whole numbers
        slider.setValue(at)
    assert [step.iterations for step in said] == [3, 5]
    settle(live)
    layer = shown(live, "restore")
    assert recipe_of(layer).steps[-1] == said[-1]
    assert_exact(layer, image, same_bits)


def test_growing_with_depth_on_a_2d_image_is_answered_and_the_layer_stays(
    viewer, open_dock, make_image, same_bits
):
    image = make_image((40, 48))
    viewer.add_image(image, name="cells")
    dock = open_dock(viewer)
    dock.wait()
    switch_on(dock, "contrast")
    layer = shown(dock, "contrast")
    before = np.asarray(layer.data)
    box = dock.explorer.card("contrast").panel.form.controls["growing"]
    box.setValue(True)
    box.valueChanged.emit(True)
    dock.wait(lambda: "grow with depth" in dock.message or "grows with depth" in dock.message)
    same_bits(np.asarray(layer.data), before)
    box.setValue(False)
    box.valueChanged.emit(False)
    settle(dock)
    assert_exact(layer, image, same_bits)


def test_a_cut_across_the_planes_is_exact(live, viewer, image, handed, same_bits):
    switch_on(live, *KINDS)
    viewer.dims.order = (1, 0, 2)
    settle(live)
    y = viewer.dims.current_step[1]
    expected = recipe_of(shown(live, "lowpass")).apply(image)[:, y]
    same_bits(shown(live, "lowpass").data[:, y], expected)
