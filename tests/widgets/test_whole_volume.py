"""Low-pass of a whole volume: prepared once, in a thread, and never in the way."""

import json
import threading
import time

import numpy as np
import pytest

from napari_diversify.recipe import DegradeContrast, LowPass, Recipe
from napari_diversify.recipe.steps import lowpass as steps
from napari_diversify.widgets.live import live_layer as preview
from napari_diversify.widgets.live import warming

SHAPE = (12, 64, 64)


@pytest.fixture(autouse=True)
def _every_view_is_big(monkeypatch):
    monkeypatch.setattr(preview, "AT_ONCE", 1000)


@pytest.fixture
def transforms(monkeypatch):
    return Transforms(monkeypatch)


class Transforms:
    """Watches the transforms of whole volumes, and slows them down if asked to."""

    def __init__(self, monkeypatch):
        self.on_gui_thread, self.finished, self.pause = [], 0, 0.0
        original = steps.low_frequencies

        def watched(*arguments):
            self.on_gui_thread.append(threading.current_thread() is threading.main_thread())
            pieces = original(*arguments)
            while True:
                try:
                    piece = next(pieces)
                except StopIteration as end:
                    self.finished += 1
                    return end.value
                time.sleep(self.pause)
                yield piece

        monkeypatch.setattr(steps, "low_frequencies", watched)
        # warming up transforms a volume too, unless a test before has done so in this process
        every_dtype = {np.dtype(code).name for code in np.typecodes["AllInteger"] + "efd"}
        monkeypatch.setattr(warming, "_BEGUN", every_dtype)


def set_step(dock, step):
    section = dock.explorer.card(step.kind)
    section.setValue(step)
    section.panel.valueChanged.emit(step)


def idle(dock):
    explorer = dock.explorer
    dock.wait(
        lambda: (
            not any(task.running for task in explorer._tasks())
            and not explorer.session._throttle._timer.isActive()
            and not explorer.session.image._settled.isActive()
        )
    )


def low_passed(dock):
    return dock.layer_of("lowpass")


def assert_shows(dock, image, step, same_bits):
    layer = low_passed(dock)
    recipe = Recipe.from_json(json.dumps(layer.metadata["napari-diversify"]["recipe"]))
    assert recipe.steps == (step,)
    same_bits(np.asarray(layer.data), recipe.apply(image))


@pytest.fixture
def open_on(viewer, open_dock, make_image):
    def open_on(shape=SHAPE, **keywords):
        image = make_image(shape)
        viewer.add_image(image, name="cells", **keywords)
        dock = open_dock(viewer)
        dock.wait()
        dock.explorer.card("diversify").live.setChecked(False)
        return dock, image

    return open_on


def test_all_views_of_an_image_share_one_transform(open_on, transforms, same_bits):
    dock, image = open_on()
    step = LowPass(cutoff=0.4, volume=True)
    set_step(dock, step)
    dock.explorer.card("lowpass").live.setChecked(True)
    idle(dock)
    dock.explorer.card("lowpass").views["removed"].setChecked(True)
    idle(dock)
    dock.explorer.take_snapshot()
    idle(dock)
    assert transforms.on_gui_thread == [False]
    assert_shows(dock, image, step, same_bits)


def test_what_it_removes_is_prepared_in_a_thread_too(open_on, transforms):
    dock, _ = open_on()
    set_step(dock, LowPass(cutoff=0.4, volume=True))
    dock.explorer.card("lowpass").views["removed"].setChecked(True)
    idle(dock)
    assert transforms.on_gui_thread == [False]


def test_scrolling_does_not_begin_anew_what_serves_every_plane(
    open_on, viewer, transforms, same_bits
):
    dock, image = open_on()
    transforms.pause = 0.02
    step = LowPass(cutoff=0.4, volume=True)
    set_step(dock, step)
    dock.explorer.card("lowpass").live.setChecked(True)
    dock.wait(lambda: len(transforms.on_gui_thread) == 1)
    for z in range(6):
        viewer.dims.set_current_step(0, z)
        dock.wait(lambda: True)
        time.sleep(0.02)
    idle(dock)
    assert (len(transforms.on_gui_thread), transforms.finished) == (1, 1)
    assert_shows(dock, image, step, same_bits)
    assert low_passed(dock).visible


def test_after_an_edit_the_volume_is_prepared_anew_once(open_on, viewer, transforms, same_bits):
    dock, image = open_on()
    step = LowPass(cutoff=0.4, volume=True)
    set_step(dock, step)
    dock.explorer.card("lowpass").live.setChecked(True)
    dock.explorer.card("lowpass").views["removed"].setChecked(True)
    idle(dock)
    image[3] = image[5]
    viewer.layers["cells"].refresh()
    idle(dock)
    assert transforms.finished == 2  # one that is overtaken begins, too
    assert not any(transforms.on_gui_thread)
    assert_shows(dock, image, step, same_bits)


def test_pyramids_are_refused_in_a_sentence(viewer, open_dock, make_image, transforms):
    image = make_image(SHAPE)
    viewer.add_image([image, image[:, ::2, ::2]], name="cells", multiscale=True)
    dock = open_dock(viewer)
    dock.wait()
    set_step(dock, LowPass(cutoff=0.4, volume=True))
    dock.explorer.card("lowpass").live.setChecked(True)
    dock.wait(lambda: "pyramid" in dock.message)
    assert transforms.on_gui_thread == []
    set_step(dock, LowPass(cutoff=0.4))
    idle(dock)
    assert low_passed(dock) is not None


def test_switching_it_off_after_a_refusal_shows_the_image(open_on, same_bits):
    dock, image = open_on()
    set_step(dock, LowPass(cutoff=0.4, volume=True))
    dock.explorer.card("lowpass").live.setChecked(True)
    idle(dock)
    dock.explorer.source_panel.edited.emit({"spatial_ndim": 2})
    dock.wait(lambda: "needs volumes" in dock.message)
    step = LowPass(cutoff=0.6)
    set_step(dock, step)
    idle(dock)
    dock.wait(lambda: "full resolution" in dock.message)
    assert_shows(dock, image, step, same_bits)


def test_a_snapshot_of_what_cannot_be_is_answered(open_on):
    dock, _ = open_on((40, 50))
    dock.explorer.card("lowpass").live.setChecked(True)
    idle(dock)
    set_step(dock, LowPass(cutoff=0.4, volume=True))
    idle(dock)
    dock.explorer.take_snapshot()
    assert "needs volumes" in dock.message


def test_an_image_refused_at_first_is_shown_when_the_step_fits_it(
    open_on, viewer, make_image, same_bits
):
    dock, _ = open_on()
    set_step(dock, DegradeContrast(growing=True, surface=10))
    dock.explorer.card("contrast").live.setChecked(True)
    idle(dock)
    thin = make_image((6, 40, 50))
    viewer.layers.selection.active = viewer.add_image(thin, name="thin")
    dock.wait(lambda: "surface must be a plane" in dock.message)
    set_step(dock, DegradeContrast(growing=True, surface=3))
    idle(dock)
    layer = dock.layer_of("contrast")
    assert layer.metadata["napari-diversify"]["source"] == "thin"
    recipe = Recipe.from_json(json.dumps(layer.metadata["napari-diversify"]["recipe"]))
    same_bits(np.asarray(layer.data), recipe.apply(thin))
