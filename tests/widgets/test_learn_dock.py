"""The dock "Learn": from layers to a model at work, without a moment's wait of the window."""

import json
import threading

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_diversify import Recipe
from napari_diversify.core import hidden_signal, synthetic_nuclei
from napari_diversify.core.measures.hidden import probe_hidden
from napari_diversify.learned import Denoise, RestoreLearned, folder, read_card
from napari_diversify.learned.consensus import consensus
from napari_diversify.learned.shapes import prediction
from napari_diversify.learned.training import job
from napari_diversify.learned.training.settings import (
    DenoiseTraining,
    DressTraining,
    RestoreTraining,
    ShapesTraining,
)
from napari_diversify.recipe import DegradeContrast, SyntheticNuclei
from napari_diversify.widgets.learned import consensus as consensus_row
from napari_diversify.widgets.learned import jobs, model_panel, probe, watch
from napari_diversify.widgets.learned import shapes as shapes_row
from napari_diversify.widgets.learned.card_page import limits, page
from napari_diversify.widgets.learned.dock import LearnDock
from napari_diversify.widgets.models import chooser
from napari_diversify.widgets.synthetic.dock import SyntheticDock
from tiny_models import model, write

TINY = {"width": 4, "patch": 32, "batch": 2}
PLACE = {"scale": (1, 0.5, 0.5), "units": ("micrometer",) * 3, "axis_labels": ("z", "y", "x")}
#: Whatever reads images or starts something, by the module that calls it.
_BIG = {
    jobs: ("source_of", "pairs", "preparing", "start", "load", "reference", "remove", "discard"),
    watch: ("trainings", "status", "progress", "preview", "models_in"),
    consensus_row: ("reference", "consensus_of"),
    chooser: ("models_in", "reference"),
    model_panel: ("retention_in_view",),
    shapes_row: ("Prediction", "reference"),
    prediction: ("draw",),
    probe: ("DressingModel", "probe_hidden", "hidden_signal", "noise_law"),
}


@pytest.fixture(autouse=True)
def models(monkeypatch, tmp_path):
    """A folder of models of the test's own."""
    where = tmp_path / "models"
    where.mkdir()
    monkeypatch.setenv(folder.FOLDER_OF_MODELS, str(where))
    return where


@pytest.fixture(autouse=True)
def called(monkeypatch):
    """What was called that reads or writes much; nothing of it in the thread of the window."""
    calls, window = [], threading.get_ident()

    def spied(name, function):
        def call(*arguments, **keywords):
            calls.append((name, threading.get_ident() == window))
            return function(*arguments, **keywords)

        return call

    for module, names in _BIG.items():
        for name in names:
            monkeypatch.setattr(module, name, spied(name, getattr(module, name)))
    monkeypatch.setattr(watch, "LOOK_MS", 50)
    yield calls
    assert [name for name, in_window in calls if in_window] == []


@pytest.fixture
def learn(viewer, qtbot, models):
    """Open the dock; trainings that a test leaves are ended."""
    opened = []

    def open_():
        dock = LearnDock(viewer)
        qtbot.addWidget(dock)
        dock._watch._timer.setInterval(50)
        dock.show()
        opened.append(dock)
        return dock

    yield open_
    unfinished = [t for t in job.trainings(models) if job.status(t).state != "done"]
    for training in unfinished:
        job.cancel(training)
    qtbot.waitUntil(lambda: not any(job.place(training).exists() for training in unfinished))


def cells(make_image, shape=(4, 96, 96)):
    return make_image(shape)


def state_of(dock):
    status = dock.trainings.states.get(dock.trainings.training)
    return None if status is None else status.state


def begin(dock, qtbot, settings):
    dock.setValue(settings)
    dock.new.train_button.click()
    qtbot.waitUntil(lambda: dock.tabs.currentIndex() == 1)


def test_a_layer_is_trained_on_judged_and_used_while_the_window_goes_on(
    learn, viewer, make_image, open_dock, qtbot, models, called
):
    image = cells(make_image)
    viewer.add_image(image, name="cells", **PLACE)
    dock, diversify = learn(), open_dock(viewer)
    assert [layer.name for layer in dock.new.layers.chosen()] == ["cells"]
    dock.setValue(RestoreTraining(steps=20, **TINY))
    assert dock.new.name.text() == "cells restored"

    dock.new.pairs_button.click()
    qtbot.waitUntil(lambda: dock.new.pictures.rows == jobs.PAIRS)
    begin(dock, qtbot, RestoreTraining(steps=20, **TINY))
    trained = models / "cells restored"
    assert dock.trainings.training == trained
    np.testing.assert_array_equal(np.load(job.place(trained) / "data" / "0.npy"), image)
    qtbot.waitUntil(lambda: bool(dock.models.models))
    qtbot.waitUntil(lambda: "has been trained" in dock.status.message.text())
    curve = dock.trainings.plot.curves["result"].getData()[0]
    assert curve[-1] == 20
    assert dock.trainings.pictures.rows == 1
    assert dock.new.name.text() == "cells restored 2"

    text = dock.models.card.toPlainText()
    assert "Wiener" in text
    assert "more than once" in text
    dock.models.use_button.click()
    qtbot.waitUntil(lambda: "is at work" in dock.status.message.text())
    step = diversify.explorer.card("restore_learned").value()
    assert step.model == folder.reference(trained)
    diversify.settle()
    recipe = diversify.explorer.value()
    assert recipe.steps[-1] == step
    shown = diversify.layer_of("restore_learned")
    np.testing.assert_array_equal(np.asarray(shown.data), recipe.apply(image, (1, 0.5, 0.5)))
    wanted = {"source_of", "pairs", "preparing", "start", "progress", "preview", "load"}
    assert wanted <= {name for name, _ in called}


def test_a_training_outlives_the_dock_is_found_paused_resumed_and_stopped_early(
    learn, viewer, make_image, qtbot, models
):
    viewer.add_image(cells(make_image), name="cells")
    dock = learn()
    begin(dock, qtbot, DenoiseTraining(steps=100_000, latents=4, **TINY))
    qtbot.waitUntil(lambda: state_of(dock) == "running" and dock.trainings.plot.has_curves)
    assert "left" in dock.trainings.words.text()
    dock.trainings.pause_button.click()
    qtbot.waitUntil(lambda: state_of(dock) == "paused")
    dock.close()
    assert not dock._watch._timer.isActive()
    assert not dock._watch._background.running

    dock = learn()
    qtbot.waitUntil(lambda: state_of(dock) == "paused")
    assert dock.trainings.training == models / "cells denoised"
    assert not dock.trainings.pause_button.isEnabled()
    dock.trainings.resume_button.click()
    qtbot.waitUntil(lambda: state_of(dock) == "running")
    dock.trainings.stop_button.click()
    qtbot.waitUntil(lambda: bool(dock.models.models))
    card = dock.models.model.card
    assert card.task == "denoise"
    assert 0 < card.trained.steps < 100_000
    assert dock.consensus.isVisibleTo(dock.models.parentWidget())


def test_a_cancelled_training_leaves_nothing(learn, viewer, make_image, qtbot, models):
    viewer.add_image(cells(make_image), name="cells", **PLACE)
    dock = learn()
    begin(dock, qtbot, RestoreTraining(steps=100_000, **TINY))
    qtbot.waitUntil(lambda: state_of(dock) == "running")
    dock.trainings.cancel()
    qtbot.waitUntil(lambda: len(dock.trainings) == 0)
    assert list(models.iterdir()) == []
    assert "begin one under Train" in dock.trainings.words.text()


def test_a_layer_of_a_file_is_trained_on_from_its_file(
    viewer, tmp_path, make_image, monkeypatch, npe2pm, models
):
    from napari_diversify.core.blocks import exhaust
    from napari_diversify.files import Header, planes_of, write_tiff

    header = Header((4, 96, 96), "uint16", "zyx", (1, 0.5, 0.5), PLACE["units"], name="cells")
    path = tmp_path / "cells.ome.tif"
    write_tiff(path, header, planes_of(cells(make_image), header))
    with npe2pm.tmp_plugin(package="napari-diversify"):
        (layer,) = viewer.open(str(path), plugin="napari-diversify")
    monkeypatch.setattr(jobs, "start", lambda folder: 0)
    wanted = jobs.Wanted((layer,), RestoreTraining(**TINY), seed=3)
    began = []
    thread = threading.Thread(
        target=lambda: began.append(exhaust(jobs.begun(wanted, models / "a")))
    )
    thread.start()
    thread.join()
    (source,) = job.Job.load(began[0]).images
    assert source.path == str(path.resolve())
    assert not (job.place(models / "a") / "data").exists()


def test_what_cannot_be_trained_is_said_in_a_sentence(learn, viewer, qtbot, tmp_path, models):
    viewer.add_image(np.zeros((20, 20, 3), np.uint8), name="colours", rgb=True)
    dock = learn()
    assert dock.new.layers.item(0).flags() == Qt.ItemFlag.NoItemFlags
    dock.new.train_button.click()
    assert dock.status.message.text().startswith("Tick an image to train on")
    viewer.add_image(np.zeros((20, 20)), name="grey")
    dock.new.layers.item(0).setCheckState(Qt.CheckState.Checked)
    dock.new.pairs_button.click()
    qtbot.waitUntil(lambda: "“grey” has no unit of length" in dock.status.message.text())
    dock.new.name.setText("a/b")
    dock.new.train_button.click()
    assert "must not contain any of" in dock.status.message.text()
    dock.setValue(DenoiseTraining(noise="mixture"))
    dock.new.train_button.click()
    assert "“mixture” is fitted to calibration frames" in dock.status.message.text()
    dock.new.inputs.frames.setCurrentText("grey")
    assert dock.new.wanted().frames == viewer.layers["grey"]
    write(models / "taken", "unet")
    dock.new.name.setText("taken")
    dock.new.train_button.click()
    qtbot.waitUntil(lambda: "is a model already" in dock.status.message.text())
    (tmp_path / "settings.json").write_text(json.dumps({"kind": "dance"}))
    dock.load(tmp_path / "settings.json")
    assert (
        "kind must be one of restore, denoise, dress, shapes; got 'dance'"
        in dock.status.message.text()
    )
    dock.save(tmp_path / "settings.json")
    dock.load(tmp_path / "settings.json")
    assert "Settings loaded" in dock.status.message.text()


def test_the_tissue_is_taken_from_the_dock_diversify(learn, viewer, open_dock):
    dock = learn()
    dock.new.tissue_button.click()
    assert "add Contrast (deep tissue)" in dock.status.message.text()
    diversify = open_dock(viewer)
    diversify.explorer.setValue(Recipe(steps=(DegradeContrast(scattering_length=33, halo=0.2),)))
    dock.new.tissue_button.click()
    assert (dock.value().scattering_length, dock.value().halo) == (33, 0.2)


def test_a_model_is_removed_and_what_else_is_in_its_folder_stays(learn, viewer, qtbot, models):
    write(models / "old", "unet")
    (models / "old" / "notes.txt").write_text("mine")
    dock = learn()
    qtbot.waitUntil(lambda: len(dock.models.models) == 1)
    dock.remove(dock.models.model)
    qtbot.waitUntil(lambda: not dock.models.models)
    assert [path.name for path in (models / "old").iterdir()] == ["notes.txt"]
    assert "No model has been trained" in dock.models.card.toPlainText()


def test_a_card_says_where_the_model_is_not_to_be_believed():
    card = read_card(model("unet"))
    said = " ".join(limits(card))
    assert "0 to 60,000" in said
    assert "k > 1" in said
    assert "No held-out figures" in page(model("unet"), card)
    assert "k > 1" not in " ".join(limits(read_card(model("vae"))))


def test_the_form_of_a_step_lists_models_of_its_task_and_doubts_the_result(
    viewer, open_dock, qtbot, models
):
    for name in ("unet", "vae"):
        write(models / name, name)
    image = np.random.default_rng(0).integers(0, 60_000, (2, 40, 48)).astype(np.uint16)
    viewer.add_image(image.astype(np.float32) * 9, name="cells")  # beyond what was trained on
    dock = open_dock(viewer)
    step = RestoreLearned(model=models / "unet", iterations=2)
    dock.explorer.setValue(Recipe(steps=(step,)))
    panel = dock.explorer.card("restore_learned").panel
    qtbot.waitUntil(lambda: "trained on grey levels" in panel.note.text())
    assert "applied 2 times" in panel.note.text()
    assert panel.kept.text() == ""  # nobody can see it
    dock.explorer.card("restore_learned").title.setChecked(True)
    qtbot.waitUntil(lambda: "Detail kept" in panel.kept.text())
    assert "below 0.9" in panel.kept.text()  # untrained, it makes something else of it
    texts = [panel.chooser.itemText(n) for n in range(panel.chooser.count())]
    assert texts == ["unet", "another folder…"]
    write(models / "newer", "deep")
    panel.chooser.look()
    qtbot.waitUntil(lambda: panel.chooser.count() == 3)
    panel.chooser.activated.emit(0)
    assert dock.explorer.value().steps[0].model == folder.reference(models / "newer")
    dock.settle()


def test_samples_vote_and_the_dock_diversify_does_not_turn_to_their_layers(
    learn, viewer, open_dock, qtbot, models
):
    write(models / "vae", "vae")
    image = np.random.default_rng(0).integers(0, 60_000, (2, 3, 40, 48)).astype(np.uint16)
    labels = ("t", "z", "y", "x")
    layer = viewer.add_image(image, name="cells", scale=(5, 1, 1, 1), axis_labels=labels)
    viewer.dims.set_current_step(0, 1)
    diversify, dock = open_dock(viewer), learn()
    diversify.wait()
    qtbot.waitUntil(lambda: dock.models.model is not None)
    dock.consensus.samples.setValue(3)
    dock.consensus.button.click()
    qtbot.waitUntil(lambda: "3 samples" in dock.status.message.text())
    votes, found = viewer.layers["cells votes"], viewer.layers["cells consensus"]
    step = Denoise(model=models / "vae", show="sample")
    recipe = Recipe(steps=(step,), spatial_ndim=3)
    expected = consensus(recipe.apply(image[1], sample=n) for n in range(3))
    np.testing.assert_array_equal(votes.data[0], expected.votes)
    np.testing.assert_array_equal(found.data[0], expected.labels)
    assert votes.translate[0] == 5
    assert votes.metadata["napari-diversify"]["recipe"] == json.loads(recipe.to_json())
    assert viewer.layers.selection.active == layer
    assert diversify.explorer.session.image.source() == layer
    diversify.settle()


def test_masks_are_dressed_from_images_and_labels_and_used_in_synthetic_nuclei(
    learn, viewer, qtbot, models
):
    nuclei = synthetic_nuclei((24, 96, 96), count=20, spacing=(1, 0.5, 0.5))
    viewer.add_image(nuclei.image, name="cells", **PLACE)
    viewer.add_labels(nuclei.labels, name="masks", **PLACE)
    dock = learn()
    settings = DressTraining(steps=3, warm_start=2, blocks=1, **TINY)
    dock.setValue(settings)
    assert dock.new.inputs.like.currentText() == "masks"
    dock.new.pairs_button.click()
    qtbot.waitUntil(lambda: dock.new.pictures.rows == jobs.PAIRS)
    begin(dock, qtbot, settings)
    trained = models / "cells dressed"
    specimen = job.Job.load(trained).specimen
    assert specimen["parameters"]["diameter"] != SyntheticNuclei().diameter  # fitted
    qtbot.waitUntil(lambda: bool(dock.models.models))
    assert "unseen, yet found" in dock.models.card.toPlainText()
    assert dock.models.use_button.text() == "Use in Synthetic nuclei"
    dock.models.use_button.click()
    qtbot.waitUntil(lambda: "Open the dock Synthetic nuclei" in dock.status.message.text())
    synthetic = SyntheticDock(viewer)
    qtbot.addWidget(synthetic)
    dock.models.use_button.click()
    qtbot.waitUntil(lambda: "is at work" in dock.status.message.text())
    plan = synthetic.value()
    assert plan.renderer.model == folder.reference(trained)
    assert plan.spacing == (1, 0.5, 0.5)
    assert plan.model.diameter == specimen["parameters"]["diameter"]


def test_shapes_are_learned_from_labels_with_an_image_or_from_cells(learn, viewer, qtbot, models):
    nuclei = synthetic_nuclei((32, 128, 128), count=40, spacing=(1, 0.5, 0.5))
    dock = learn()
    settings = ShapesTraining(steps=2, width=8, patch=16, batch=2)
    dock.setValue(settings)
    dock.new.train_button.click()
    assert "Shapes are learned from 3D labels" in dock.status.message.text()
    viewer.add_image(nuclei.image, name="cells", **PLACE)
    viewer.add_labels(nuclei.labels, name="masks", **PLACE)
    wanted = dock.new.wanted()
    assert (wanted.labels, wanted.layers) == (viewer.layers["masks"], (viewer.layers["cells"],))
    dock.new.pairs_button.click()
    qtbot.waitUntil(lambda: dock.new.pictures.rows == jobs.PAIRS)
    begin(dock, qtbot, settings)
    assert {s.path for s in job.Job.load(models / "masks shapes").labels} == {"data/1.npy"}
    qtbot.waitUntil(lambda: bool(dock.models.models))
    text = dock.models.card.toPlainText()
    assert "ellipsoid" in text
    assert "one of many possibilities" in text


def test_shapes_are_drawn_for_a_plane_and_lie_around_it(learn, viewer, qtbot, models, called):
    write(models / "cells", "diffusion")
    labels = np.zeros((3, 40, 40), np.uint8)
    labels[1, 5:15, 5:15], labels[1, 20:32, 18:30], labels[1, 30:40, 0:9] = 1, 2, 7
    image = viewer.add_image(100 * labels, name="cells", **PLACE)
    viewer.add_labels(labels, name="masks", **PLACE)
    viewer.dims.set_point(0, 1)
    dock = learn()
    qtbot.waitUntil(lambda: dock.models.model is not None)
    row = dock.shapes
    assert not dock.models.use_button.isVisibleTo(dock.models)
    assert row.image.currentText() == "cells"
    row.samples.setValue(3)
    row.seed.setValue(4)
    row.button.click()
    qtbot.waitUntil(lambda: "3 shapes of 2 objects" in dock.status.message.text())
    assert "border of the image cuts them" in dock.status.message.text()
    assert viewer.layers.selection.active.name == "masks"
    samples, frequency = viewer.layers["masks samples"], viewer.layers["masks frequency"]
    expected = prediction.Prediction(
        models / "cells", labels[1], image.data[1], spacing=(0.5, 0.5), samples=3, seed=4
    )
    called.clear()  # that was in this thread
    qtbot.waitUntil(lambda: samples.data.feed.shown is not None)
    np.testing.assert_array_equal(samples.data.feed.shown[0, 0], expected.samples[0, 8])
    np.testing.assert_array_equal(frequency.data, expected.frequency[...])
    assert frequency.scale.tolist() == [0.5, 0.5, 0.5]
    assert frequency.translate[0] + 8 * 0.5 == 1  # the middle is the plane that was given
    viewer.dims.set_current_step(0, 2)
    qtbot.waitUntil(lambda: samples.data.feed.shown is not None)
    np.testing.assert_array_equal(samples.data.feed.shown[0, 0], expected.samples[2, 8])
    called.clear()
    table = samples.features
    assert table["label"].tolist() == [1, 2]
    np.testing.assert_array_equal(
        table["sd of volume (µm³)"], expected.features()["sd of volume (µm³)"]
    )


def test_the_probe_colours_objects_that_the_image_does_not_show(learn, viewer, qtbot, models):
    write(models / "dressing", "dressing")
    rng = np.random.default_rng(0)
    labels = np.zeros((2, 3, 40, 64), np.uint8)
    labels[1, 1, 10:20, 10:20], labels[1, 1, 10:20, 40:50] = 1, 2
    image = (1000 + 2000 * (labels == 1) + rng.normal(0, 50, labels.shape)).astype(np.uint16)
    axes = ("t", "z", "y", "x")
    viewer.add_image(image, name="cells", axis_labels=axes)
    viewer.add_labels(labels, name="masks", axis_labels=axes)
    viewer.dims.set_current_step(0, 1)
    dock = learn()
    view = dock.probe
    dock.tabs.setCurrentIndex(3)
    qtbot.waitUntil(lambda: view.model.findText("dressing") > 0)
    view.button.click()
    qtbot.waitUntil(lambda: "1 of 2 objects" in view.words.text())
    shown = viewer.layers["masks contrast"]
    expected = probe_hidden(image[1], labels[1])
    np.testing.assert_array_equal(shown.features["contrast"], expected.contrast)
    assert shown.features["unseen"].tolist() == [False, True]
    assert shown.colormap.map(2).tolist() == pytest.approx(probe._UNSEEN)
    assert shown.colormap.map(1).tolist() != pytest.approx(probe._UNSEEN)
    assert shown.translate[0] == 1
    residual = viewer.layers["masks residual"].data[0, 1]
    np.testing.assert_array_equal(residual, hidden_signal(image[1, 1], 0.5).equalised)
    view._go_to(view.table.topLevelItem(0))
    assert view.table.topLevelItem(0).text(0) == "2"  # the one that is seen worst
    assert shown.selected_label == 2
    assert viewer.dims.current_step[1] == 1
    view.model.activated.emit(view.model.findText("dressing"))
    view.button.click()
    qtbot.waitUntil(lambda: "The model finds" in view.words.text())
