"""Layers that no dock drives, or not any more: they are finished, and stay true to their image."""

import gc
import json

import napari
import numpy as np
import pytest
from napari._app_model.actions._layerlist_context_actions import LAYERLIST_CONTEXT_ACTIONS
from napari.layers import Layer

from napari_diversify import Recipe
from napari_diversify.core import local_std
from napari_diversify.widgets import commands
from napari_diversify.widgets.live import feed, ours, pace
from napari_diversify.widgets.live.source_watch import SourceWatch
from napari_diversify.widgets.qt.driver import driver

ACTIONS = {action.id.removeprefix("napari.layer."): action for action in LAYERLIST_CONTEXT_ACTIONS}


@pytest.fixture
def slow(gate, monkeypatch):
    """Nothing is computed at once or ahead, and threads can be held back."""
    monkeypatch.setattr(pace, "AT_ONCE_S", -1.0)
    monkeypatch.setattr(feed, "wish_ahead", lambda *_: None)
    monkeypatch.setattr(feed, "granting", gate.guard(feed.granting))
    return gate


def picture(layer):
    return np.squeeze(np.asarray(layer._slice.image.raw))


def made_of(layer, image):
    entry = layer.metadata["napari-diversify"]
    recipe = Recipe.from_json(json.dumps(entry["recipe"]))
    return recipe.apply(image, sample=entry["sample"])


def shows(layer, image, viewer):
    """Whether the picture of a layer is what its recipe makes of the plane in view."""
    z = viewer.dims.current_step[0]
    return np.array_equal(picture(layer), made_of(layer, image)[z])


def scroll_to(viewer, z):
    viewer.dims.set_current_step(0, z)


def idle():
    return driver().idle


def copy_of(viewer, layer):
    viewer.layers.selection = {layer}
    ACTIONS["duplicate"].callback(viewer.layers)
    return viewer.layers[f"{layer.name} copy"]


def edited(layer, value=60_000):
    layer.data[:, 4:12] = value
    layer.refresh()
    return layer.data


def test_a_layer_removed_while_it_is_computed_and_put_back_shows_what_it_should(slow, live, viewer):
    image, layer = viewer.layers["cells"].data, live.layer
    slow.close()
    scroll_to(viewer, 0)
    assert not shows(layer, image, viewer)
    viewer.layers.remove(layer)
    slow.open()
    live.wait(idle)
    viewer.layers.append(layer)
    assert ours.role_of(layer) is None
    live.wait(lambda: shows(layer, image, viewer))


def test_a_layer_left_while_it_is_computed_is_finished(slow, live, viewer):
    image, layer = viewer.layers["cells"].data, live.layer
    slow.close()
    scroll_to(viewer, 0)
    live.explorer.hide()
    assert not shows(layer, image, viewer)
    slow.open()
    live.wait(lambda: shows(layer, image, viewer))


def test_what_is_wanted_when_the_dock_is_closed_is_not_shown_under_other_metadata(
    slow, live, viewer
):
    image, layer = viewer.layers["cells"].data, live.layer
    slow.close()
    live.slide(w_v=6.0)
    live.wait(lambda: live.explorer.view("diversify").live.running)
    live.explorer.hide()
    slow.open()
    live.wait(idle)
    assert shows(layer, image, viewer)


def test_what_is_cancelled_stays_so_until_something_changes(slow, live, viewer):
    slow.close()
    scroll_to(viewer, 0)
    live.explorer.status.cancelled.emit()
    slow.open()
    live.wait(idle)
    live.layer.refresh()
    live.wait(idle)
    assert not shows(live.layer, viewer.layers["cells"].data, viewer)
    scroll_to(viewer, 1)
    live.wait(lambda: shows(live.layer, viewer.layers["cells"].data, viewer))


def test_a_layer_left_behind_follows_edits_of_its_image(live, viewer):
    source, layer = viewer.layers["cells"], live.layer
    for z in (0, 1, 2):
        scroll_to(viewer, z)
        live.wait()
    live.explorer.hide()
    image = edited(source)
    for z in (2, 1, 0):
        scroll_to(viewer, z)
        live.wait(lambda: shows(layer, image, viewer))


@pytest.mark.parametrize("opened_again", [False, True])
def test_a_copy_of_a_live_layer_follows_edits_of_its_image(live, viewer, opened_again):
    if opened_again:
        live.explorer.hide()
        live.explorer.show()
        live.wait()
    source = viewer.layers["cells"]
    copy = copy_of(viewer, live.layer)
    viewer.layers.selection.active = source
    live.wait(lambda: shows(copy, source.data, viewer))
    live.slide(w_v=6.0)
    live.wait()
    image = edited(source)
    live.wait(lambda: shows(copy, image, viewer))
    live.explorer.hide()
    image = edited(source, 3)
    live.wait(lambda: shows(copy, image, viewer))


def test_a_dock_that_works_on_a_copy_follows_edits_of_the_image_behind_it(live, viewer):
    source = viewer.layers["cells"]
    copy = copy_of(viewer, live.layer)
    live.pin(copy)
    live.wait_for_source(copy)
    edited(source)
    live.wait(lambda: live.calm() and shows(live.layer, np.asarray(copy.data), viewer))


def test_what_the_menu_makes_of_a_live_layer_follows_its_settings(live, viewer, monkeypatch):
    monkeypatch.setattr(napari, "current_viewer", lambda: viewer)
    ((data, keywords, kind),) = commands.local_std_map(live.layer)
    sigma = viewer.add_layer(Layer.create(data, keywords, kind))
    viewer.layers.selection.active = viewer.layers["cells"]

    def is_true():
        z = viewer.dims.current_step[0]
        return np.array_equal(picture(sigma), local_std(np.asarray(live.layer.data), 5)[z])

    live.wait(lambda: live.calm() and is_true())
    for w_v in (6.0, 1.0):
        live.slide(w_v=w_v)
        live.wait(lambda: live.calm() and is_true())


def test_nobody_watches_an_image_of_which_nothing_is_left(
    live, viewer, monkeypatch, destroy_closed
):
    monkeypatch.setattr(napari, "current_viewer", lambda: viewer)
    source = viewer.layers["cells"]
    viewer.layers.remove(copy_of(viewer, live.layer))
    viewer.layers.selection = {source}  # napari keeps what was selected last
    live.explorer.hide()
    viewer.layers.remove("cells (diversified)")
    live.wait(idle)

    def is_forgotten():
        gc.collect()
        destroy_closed()
        return source.unique_id not in SourceWatch._known

    live.wait(is_forgotten)
