"""What is the user's stays the user's: no copy of a live layer is taken for it, or changed."""

import warnings
from contextlib import contextmanager

import numpy as np
import pytest
from napari._app_model.actions._layerlist_context_actions import LAYERLIST_CONTEXT_ACTIONS
from napari._app_model.context import get_context
from napari.layers import Image, Labels
from superqt import QDoubleSlider

from napari_diversify.recipe import LazyVolume, Recipe
from napari_diversify.synthetic.nuclei import SyntheticNuclei
from napari_diversify.synthetic.plan import Plan
from napari_diversify.widgets.live import ours
from napari_diversify.widgets.live.layers import levels_of
from napari_diversify.widgets.live.live_array import LiveArray
from napari_diversify.widgets.synthetic.dock import SyntheticDock
from napari_diversify.writers import described

ACTIONS = {action.id.removeprefix("napari.layer."): action for action in LAYERLIST_CONTEXT_ACTIONS}

#: Images of every kind that napari makes other layers of in its own way.
KINDS = {
    "uint16": {"shape": (6, 24, 32)},
    "float32": {"shape": (6, 24, 32), "dtype": "float32"},
    "2D": {"shape": (24, 32)},
    "time series": {"shape": (2, 6, 24, 32)},
    "pyramid": {"shape": (6, 64, 80), "levels": 2},
}


@contextmanager
def as_napari_does():
    """Convert to Labels and projections warn of what they lose, which is theirs to say."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="projection mode")
        warnings.filterwarnings("ignore", message=r"(?s).*Projection warning")
        yield


def opened(viewer, open_dock, make_image, kind):
    add_cells(viewer, make_image, kind)
    dock = open_dock(viewer)
    dock.wait()
    return dock


def add_cells(viewer, make_image, kind):
    options = dict(KINDS[kind])
    array = make_image(options["shape"], options.get("dtype", "uint16"))
    levels = [array[..., ::n, ::n] for n in (1, 2)] if "levels" in options else array
    viewer.add_image(levels, name="cells", multiscale="levels" in options)


def select(viewer, live, which):
    """Select layers as a user does."""
    chosen = {"live": live, "image": viewer.layers["cells"]}
    if "copy" in which:
        viewer.layers.selection = {live}
        ACTIONS["duplicate"].callback(viewer.layers)
        chosen["copy"] = next(la for la in viewer.layers if la.name == f"{live.name} copy")
    viewer.layers.selection = {chosen[name] for name in which}


def can_be_chosen(viewer, action):
    """Whether napari offers a command now."""
    context = get_context(viewer.layers)
    conditions = [action.enablement, *(rule.when for rule in action.menus or ())]
    return all(condition is None or condition.eval(context) for condition in conditions)


def voxels(layer):
    return [np.array(level) for level in levels_of(layer)]


def of_the_user(viewer):
    """Voxels of every image and labels layer that is not ours."""
    kinds = (Image, Labels)
    layers = [la for la in viewer.layers if isinstance(la, kinds) and ours.role_of(la) is None]
    return {layer: voxels(layer) for layer in layers}


def assert_untouched(before, viewer):
    for layer, levels in before.items():
        assert layer in viewer.layers, f"{layer} was removed"
        assert ours.role_of(layer) is None
        for was, now in zip(levels, voxels(layer), strict=True):
            assert (was.shape, was.dtype) == (now.shape, now.dtype)
            assert was.tobytes() == now.tobytes(), f"voxels of {layer} were changed"


def assert_dock_is_exact(dock, viewer):
    """The dock drives an image of its own, which is what its metadata say."""
    live = dock.layer
    if live is None:
        return
    assert isinstance(live, Image)
    assert live in viewer.layers
    assert all(isinstance(level, LiveArray) for level in levels_of(live))
    assert ours.role_of(live) == "diversified"
    source = dock.explorer.source_panel.picker.source()
    assert dock.entry["source"] == source.name
    made = dock.rebuilt(np.asarray(levels_of(source)[0]))
    assert np.asarray(levels_of(live)[0]).tobytes() == made.tobytes()


def live_on(dock):
    """What a user does next: sliders, the dock closed and opened, live off and on."""
    dock.slide(w_v=6.0)
    dock.explorer.hide()
    dock.explorer.show()
    dock.slide(w_v=1.0)
    dock.explorer.card("diversify").live.setChecked(False)
    dock.explorer.card("diversify").live.setChecked(True)
    settle(dock)


def settle(dock):
    dock.settle()


def run_every_command(viewer, dock, make_image, kind, which):
    """Run all of napari's layer menu on what is selected; the names of what it offered."""
    tried = []
    for name, action in ACTIONS.items():
        if not any(la.name == "cells" and isinstance(la, Image) for la in viewer.layers):
            viewer.layers.clear()  # it was converted or merged away
            add_cells(viewer, make_image, kind)
        viewer.layers.selection.active = viewer.layers["cells"]
        dock.explorer.card("diversify").live.setChecked(True)  # it may have been converted away
        settle(dock)
        if kind == "pyramid":
            dock.layer.locked_data_level = 1  # only then a level can be made a layer
        select(viewer, dock.layer, which)
        if not (can_be_chosen(viewer, action) or name == "link_selected_layers"):
            continue  # we have linked contrast limits, for which napari offers to unlink only
        tried.append(name)
        with as_napari_does():
            action.callback(viewer.layers)
        before = of_the_user(viewer)
        settle(dock)
        with as_napari_does():
            live_on(dock)
        assert_untouched(before, viewer)
        assert_dock_is_exact(dock, viewer)
        picker = dock.explorer.source_panel.picker
        offered = [picker.itemText(n) for n in range(1, picker.count())]
        assert offered == [la.name for la in viewer.layers if ours.can_be_source(la)]
        for layer in before:
            if layer.name != "cells":
                viewer.layers.remove(layer)
    return tried


@pytest.mark.parametrize("kind", KINDS)
def test_what_napari_makes_of_a_live_layer_is_the_users(kind, viewer, open_dock, make_image):
    dock = opened(viewer, open_dock, make_image, kind)
    tried = run_every_command(viewer, dock, make_image, kind, ("live",))
    wanted = {"duplicate", "toggle_lock", "hide_selected"}
    if kind != "pyramid":  # of which napari makes no labels
        wanted |= {"convert_to_labels"}
    else:
        wanted |= {"extract_multiscale_level"}
    if kind != "2D":
        wanted |= {"project_max", "project_median", "split_stack"}
    assert wanted <= set(tried)


@pytest.mark.parametrize("which", [("image", "live"), ("live", "copy")], ids="+".join)
def test_what_napari_makes_of_a_live_layer_and_another_is_the_users(
    which, viewer, open_dock, make_image
):
    dock = opened(viewer, open_dock, make_image, "uint16")
    tried = run_every_command(viewer, dock, make_image, "uint16", which)
    assert {"duplicate", "merge_stack", "link_selected_layers"} <= set(tried)


# ---- siblings that no menu has ----


def test_voxels_that_the_user_puts_into_a_live_layer_are_the_users(live, viewer, make_image):
    layer, mine = live.layer, make_image(seed=9)
    layer.data = mine
    assert live.explorer.card("diversify").live.isChecked() is False
    assert "napari-diversify" not in layer.metadata  # it would not be true any more
    live.explorer.card("diversify").live.setChecked(True)
    settle(live)
    live.explorer.hide()
    live.explorer.show()
    settle(live)
    assert layer.data is mine
    assert layer in viewer.layers
    assert live.layer is not layer
    assert_dock_is_exact(live, viewer)


@pytest.mark.parametrize("when", ["shown", "hidden"])
def test_voxels_put_into_a_live_layer_while_the_dock_is_away_stay(live, viewer, make_image, when):
    layer, mine = live.layer, make_image(seed=9)
    live.explorer.hide()
    layer.data = mine
    if when == "hidden":
        layer.visible = False
    live.explorer.show()
    live.explorer.card("diversify").live.setChecked(True)
    settle(live)
    assert layer.data is mine
    assert live.layer is not layer


def test_another_lazy_array_put_into_a_live_layer_stays(live, make_image):
    layer = live.layer
    mine = LazyVolume(make_image(seed=3), live.explorer.value())
    live.explorer.hide()
    layer.data = mine
    live.explorer.show()
    live.explorer.card("diversify").live.setChecked(True)
    settle(live)
    assert layer.data is mine


def test_a_layer_that_shares_the_live_array_keeps_its_voxels(live, viewer):
    layer = viewer.add_image(live.layer.data, name="mine")
    before = np.asarray(layer.data)
    viewer.layers.selection.active = viewer.layers["cells"]
    live.wait_for_source(viewer.layers["cells"])
    live.slide(w_v=7.0)
    live.wait()
    assert np.asarray(layer.data).tobytes() == before.tobytes()
    assert (np.asarray(live.layer.data) != before).any()


def test_a_live_layer_whose_metadata_was_emptied_is_still_ours(live, viewer):
    layer = live.layer
    layer.metadata = {}
    live.explorer.hide()
    live.explorer.show()
    live.wait()
    assert live.layer is layer
    assert ours.can_be_source(layer) is False
    assert live.entry["source"] == "cells"


def test_metadata_alone_make_no_layer_ours(live, viewer, open_dock):
    kept = viewer.add_image(np.asarray(live.layer.data), metadata=dict(live.layer.metadata))
    before = kept.data.copy()
    live.explorer.close()
    viewer.layers.remove(live.layer) if live.layer in viewer.layers else None
    dock = open_dock(viewer)
    dock.wait()
    dock.slide(w_v=7.0)
    dock.wait()
    assert kept.data.tobytes() == before.tobytes()
    assert dock.layer is not kept


@pytest.mark.parametrize("view", ["difference", "split"])
def test_a_locked_layer_of_ours_is_left_to_the_user_not_removed(live, viewer, view):
    """napari locks layers against being deleted; ours that come and go obey."""
    live.switch(view).setChecked(True)
    layer = live.layer_of(view)
    layer.locked = True
    live.switch(view).setChecked(False)
    settle(live)
    assert layer in viewer.layers
    assert ours.can_be_source(layer)
    live.switch(view).setChecked(True)
    settle(live)
    assert live.layer_of(view) is not layer


def test_a_locked_live_layer_stays_when_an_image_of_other_dimensions_comes(
    live, viewer, make_image
):
    layer = live.layer
    before = np.asarray(layer.data)
    layer.locked = True
    flat = viewer.add_image(make_image((24, 32)), name="flat")
    live.wait_for_source(flat)
    assert layer in viewer.layers
    assert live.layer is not layer
    live.slide(w_v=7.0)
    live.wait()
    assert np.asarray(layer.data).tobytes() == before.tobytes()


def test_a_removed_live_layer_that_is_put_back_is_the_users(live, viewer):
    layer = live.layer
    before = np.asarray(layer.data)
    viewer.layers.remove(layer)
    viewer.layers.append(layer)
    live.explorer.card("diversify").live.setChecked(True)
    settle(live)
    live.slide(w_v=7.0)
    settle(live)
    assert layer is not live.layer
    assert np.asarray(layer.data).tobytes() == before.tobytes()


def test_a_layer_of_ours_is_known_behind_the_proxy_that_plugins_get(live):
    from napari.utils._proxies import PublicOnlyProxy

    proxy = PublicOnlyProxy(live.layer)
    assert ours.role_of(proxy) == "diversified"
    ours.disown(proxy)
    assert ours.role_of(live.layer) is None
    ours.claim(proxy, "diversified", levels_of(live.layer))
    assert ours.role_of(live.layer) == "diversified"


def test_layers_that_are_gone_are_forgotten(viewer, live):
    import gc

    before = len(ours._CLAIMS)
    for _ in range(3):
        live.switch("difference").setChecked(True)
        settle(live)
        live.switch("difference").setChecked(False)
        settle(live)
    gc.collect()
    assert len(ours._CLAIMS) <= before


# ---- what copied metadata say ----


def assert_recipe_true(layer, image):
    """What a saved file would say of its voxels is true, or it says nothing."""
    _, header = described(layer.data, layer.as_layer_data_tuple()[1])
    if header.provenance is not None:
        recipe = Recipe(**header.provenance["recipe"])
        made = recipe.apply(image, sample=header.provenance["sample"])
        assert np.array_equal(np.asarray(layer.data), made), f"{layer} says what is not true"


@pytest.mark.parametrize("kind", ["uint16", "float32", "time series"])
def test_no_layer_made_of_a_live_layer_carries_a_recipe_of_other_voxels(
    kind, viewer, open_dock, make_image
):
    dock = opened(viewer, open_dock, make_image, kind)
    image = viewer.layers["cells"].data
    told = 0
    for name in ("duplicate", "project_max", "project_mean", "convert_to_labels", "split_stack"):
        viewer.layers.selection.active = viewer.layers["cells"]
        dock.explorer.card("diversify").live.setChecked(True)
        settle(dock)
        select(viewer, dock.layer, ("live",))
        before = set(viewer.layers)
        with as_napari_does():
            ACTIONS[name].callback(viewer.layers)
        dock.slide(w_v=dock.control("w_v").value() + 1)
        settle(dock)
        for layer in (la for la in set(viewer.layers) - before if ours.role_of(la) is None):
            told += "napari-diversify" in layer.metadata
            assert_recipe_true(layer, image)
    assert told > 3  # napari did copy it


# ---- the layers of the other dock ----


@pytest.mark.parametrize("name", ["synthetic", "synthetic labels"])
def test_what_napari_makes_of_a_synthetic_layer_is_the_users(name, viewer, qtbot):
    dock = SyntheticDock(viewer)
    qtbot.addWidget(dock)
    dock.panel.setValue(Plan(SyntheticNuclei(density=6, seed=4), (8, 40, 50), (0.5, 0.4, 0.3)))
    dock.show()

    def settle():
        qtbot.waitUntil(lambda: dock.preview.in_step, timeout=20_000)

    settle()
    for action in ACTIONS.values():
        dock.live.setChecked(True)
        settle()
        own = next(la for la in viewer.layers if ours.role_of(la) == name)
        viewer.layers.selection = {own}
        if not can_be_chosen(viewer, action):
            continue
        with as_napari_does():
            action.callback(viewer.layers)
        before = of_the_user(viewer)
        dock.live.setChecked(True)
        for density in (3.0, 9.0):
            dock.panel.form.controls["density"].findChild(QDoubleSlider).setValue(density)
            settle()
            dock.hide()
            dock.show()
            settle()
        assert_untouched(before, viewer)
        for layer in before:
            viewer.layers.remove(layer)


def test_labels_that_the_user_paints_in_place_of_synthetic_ones_stay(viewer, qtbot):
    dock = SyntheticDock(viewer)
    qtbot.addWidget(dock)
    dock.panel.setValue(Plan(SyntheticNuclei(density=6, seed=4), (8, 40, 50), (0.5, 0.4, 0.3)))
    dock.show()
    qtbot.waitUntil(lambda: dock.preview.in_step, timeout=20_000)
    labels = viewer.layers["synthetic labels"]
    labels.data = mine = np.ones((8, 40, 50), "uint16")
    assert not dock.live.isChecked()
    dock.live.setChecked(True)
    qtbot.waitUntil(lambda: dock.preview.in_step, timeout=20_000)
    assert labels.data is mine
    assert "napari-diversify" not in labels.metadata


@pytest.mark.parametrize("command", ["duplicate", "project_max"])
def test_a_copy_of_a_live_layer_is_kept_and_followed_only_when_it_is_chosen(live, viewer, command):
    """It is active at once, as napari has it; the dock goes on with the image it works on."""
    cells, picker = viewer.layers["cells"], live.explorer.source_panel.picker
    select(viewer, live.layer, ("live",))
    ACTIONS[command].callback(viewer.layers)
    copy = viewer.layers.selection.active
    assert copy not in (live.layer, cells)
    live.explorer.hide()
    live.explorer.show()
    settle(live)
    assert picker.source() is cells
    viewer.layers.selection.active = cells
    viewer.layers.selection.active = copy
    live.wait_for_source(copy)
    viewer.layers.selection.active = cells
    live.pin(copy)
    live.wait_for_source(copy)
