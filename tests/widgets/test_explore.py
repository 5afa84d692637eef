"""The sheet of weights: each tile is what its weights would show, and a click takes them."""

import numpy as np
import pytest

from napari_diversify.recipe import Diversify
from napari_diversify.widgets.diversify.weight_tiles import SIDE, weights_around


@pytest.fixture
def window(viewer, live):
    live.explorer.windows.open_explore()
    window = live.explorer.windows.explore
    settled(live, window)
    return window


def settled(live, window):
    live.wait(lambda: not window.running and not window._soon.isActive())


@pytest.mark.parametrize("w_i", [0.0, 0.3, 1.0, 4.0])
@pytest.mark.parametrize("w_v", [0.0, 0.05, 2.0, 32.0])
def test_weights_around_a_point_are_accepted_and_hold_it(w_i, w_v):
    rows, columns = weights_around(Diversify(w_i=w_i, w_v=w_v))
    assert w_i in rows
    assert w_v in columns
    for values in (rows, columns):
        assert 2 <= len(values) <= 6
        assert values == sorted(set(values))
    for row in rows:
        for column in columns:
            Diversify(w_i=row, w_v=column)


def test_every_tile_is_what_its_weights_would_show(viewer, live, window):
    assert len(window.values) == 25
    z = viewer.dims.current_step[0]
    recipe, source = live.explorer.value(), viewer.layers["cells"].data
    for (w_i, w_v), values in window.values.items():
        step = recipe.steps[0].replace(w_i=w_i, w_v=w_v)
        expected = recipe.replace(steps=(step,)).apply(source)[z]
        np.testing.assert_array_equal(values, expected)
        assert not window.tiles[w_i, w_v].icon().isNull()


def test_the_current_point_is_framed_and_a_click_takes_another(viewer, live, window):
    assert [w for w, tile in window.tiles.items() if tile.isChecked()] == [(1.0, 2.0)]
    window.tiles[0.75, 4.0].click()
    live.wait()
    assert live.explorer.card("diversify").value().w_i == 0.75
    assert live.explorer.card("diversify").value().w_v == 4.0
    z = viewer.dims.current_step[0]
    expected = live.explorer.value().apply(viewer.layers["cells"].data)[z]
    np.testing.assert_array_equal(live.layer.data[z], expected)
    settled(live, window)
    assert [w for w, tile in window.tiles.items() if tile.isChecked()] == [(0.75, 4.0)]


def test_tiles_follow_the_plane_and_the_sliders(viewer, live, window):
    before = window.values[1.0, 2.0].copy()
    viewer.dims.set_current_step(0, 5)
    settled(live, window)
    live.wait(lambda: not np.array_equal(window.values.get((1.0, 2.0), before), before))
    live.slide(w_v=3.0)
    live.wait(lambda: (1.0, 3.0) in window.values)


def test_a_hidden_window_computes_nothing(viewer, live, window):
    window.close()
    window.values.clear()
    live.slide(w_v=3.0)
    viewer.dims.set_current_step(0, 1)
    settled(live, window)
    assert window.values == {}
    live.explorer.windows.open_explore()
    live.wait(lambda: (1.0, 3.0) in window.values)


def test_a_big_plane_has_tiles_of_its_middle_in_full_resolution(viewer, open_dock, make_image):
    viewer.add_image(make_image((700, 600)), name="plane")
    viewer.scene.camera.center = (0, 350, 200)
    dock = open_dock(viewer)
    dock.wait()
    dock.explorer.windows.open_explore()
    window = dock.explorer.windows.explore
    dock.wait(lambda: len(window.values) == 25)
    shown = np.asarray(dock.layer.data)
    half = SIDE // 2
    expected = shown[350 - half : 350 + half, 200 - half : 200 + half]
    np.testing.assert_array_equal(window.values[1.0, 2.0], expected)


def test_in_3d_and_without_a_noisy_step_it_says_why(viewer, live, window):
    viewer.dims.ndisplay = 3
    live.wait(lambda: "2D" in window.note.text())
    viewer.dims.ndisplay = 2
    live.explorer.cards.removed.emit(live.explorer.card("diversify").key)
    live.wait(lambda: "no noise to explore" in window.note.text())


def test_the_noise_is_explored_whatever_else_is_live(viewer, live, window):
    live.switch("lowpass").setChecked(True)
    live.switch("diversify").setChecked(False)
    settled(live, window)
    z = viewer.dims.current_step[0]
    made = live.explorer.value().replace(steps=(live.explorer.card("diversify").value(),))
    expected = made.apply(viewer.layers["cells"].data)[z]
    live.wait(lambda: np.array_equal(window.values.get((1.0, 2.0)), expected))


def test_a_chain_is_explored_as_a_chain(viewer, live, window):
    live.explorer.card("lowpass").live.setChecked(True)
    live.wait(lambda: live.layer_of("lowpass") is not None)
    settled(live, window)
    shown = live.layer_of("lowpass")
    z = viewer.dims.current_step[0]
    live.wait(lambda: np.array_equal(window.values.get((1.0, 2.0)), shown.data[z]))


def test_a_late_tile_of_another_plane_is_not_shown(viewer, live, window, monkeypatch):
    import threading

    from napari_diversify.widgets.diversify import weight_tiles as explore

    go, asked, tile = threading.Event(), threading.Event(), explore._tile

    def slow(*arguments):
        if not asked.is_set():
            asked.set()
            go.wait(10)
        return tile(*arguments)

    monkeypatch.setattr(explore, "_tile", slow)
    viewer.dims.set_current_step(0, 0)
    live.wait(asked.is_set)  # a tile of plane 0 is under way
    viewer.dims.set_current_step(0, 5)
    live.wait(lambda: not window._soon.isActive())
    go.set()
    settled(live, window)
    live.wait(lambda: len(window.values) == 25)
    recipe, source = live.explorer.value(), viewer.layers["cells"].data
    for (w_i, w_v), values in window.values.items():
        step = recipe.steps[0].replace(w_i=w_i, w_v=w_v)
        np.testing.assert_array_equal(values, recipe.replace(steps=(step,)).apply(source)[5])


def test_a_view_one_voxel_high_has_tiles(viewer, open_dock, make_image):
    viewer.add_image(make_image((1, 40, 50)), name="sheet")
    dock = open_dock(viewer)
    dock.wait()
    viewer.dims.order = (1, 0, 2)
    dock.explorer.windows.open_explore()
    window = dock.explorer.windows.explore
    dock.wait(lambda: len(window.values) == 25)
    assert {values.shape for values in window.values.values()} == {(1, 50)}
