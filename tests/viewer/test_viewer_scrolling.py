"""Scrolling on and on: what is shown is true of its plane, and something of it is live."""

import json

import numpy as np
import pytest

from napari_diversify import Recipe
from napari_diversify.widgets.live.feed import Feed

pytestmark = pytest.mark.viewer

STEPS = ("contrast", "diversify", "lowpass")


@pytest.fixture
def image(make_image):
    return make_image((40, 96, 128))


@pytest.fixture
def live(viewer, image, dock_in):
    """A dock with three live layers, on the first plane."""
    viewer.add_image(image, name="cells")
    dock = dock_in()
    dock.wait()
    for name in STEPS:
        dock.switch(name).setChecked(True)
    viewer.dims.set_current_step(0, 0)
    dock.wait(lambda: all(at_rest(dock, name) for name in STEPS))
    return dock


def at_rest(dock, name):
    live = dock.explorer.view(name).live
    return live.layer is not None and not live.running and live.layer.loaded


def results(dock, image):
    """What the recipe of each live layer makes of the image, by the array that it shows."""
    layers = {name: dock.layer_of(name) for name in STEPS}
    made = {}
    for name, layer in layers.items():
        entry = layer.metadata["napari-diversify"]
        recipe = Recipe.from_json(json.dumps(entry["recipe"]))
        made[name] = recipe.apply(image, sample=entry["sample"])
    return made


def test_at_ten_planes_a_second_every_picture_is_true_of_its_plane(
    live, viewer, image, qtbot, monkeypatch
):
    pictures, original = [], Feed.picture
    step_of = {live.explorer.view(name).live._feed: name for name in STEPS}

    def spied(feed, place, *, tile):
        values = original(feed, place, tile=tile)
        known = feed._pictures.find(place, feed.arrays[place[0]].look)
        # that very picture, and not one that a thread has finished since
        exact = known is not None and np.may_share_memory(known, values)
        pictures.append((step_of[feed], place[1][0].start, values, exact))
        return values

    monkeypatch.setattr(Feed, "picture", spied)
    for z in range(len(image)):
        viewer.dims.set_current_step(0, z)
        qtbot.wait(100)
    live.wait(lambda: all(at_rest(live, name) for name in STEPS))
    made = results(live, image)
    shown = {name: set() for name in STEPS}
    for name, z, values, exact in pictures:
        if exact:
            shown[name].add(z)
            assert np.array_equal(values[0], made[name][z])
        else:  # meanwhile: the image itself
            assert np.array_equal(values[0], image[z])
    for name in STEPS:
        assert len(shown[name]) >= len(image) // 4  # a busy machine shows fewer than it could
