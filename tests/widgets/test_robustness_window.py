"""The Robustness window: dots that can be made again, and the same study as the command's."""

import shlex
import threading

import numpy as np
import pytest
import tifffile
from napari.layers._source import layer_source
from qtpy.QtWidgets import QApplication
from typer.testing import CliRunner

from napari_diversify.batch import Job, export
from napari_diversify.cli import main as cli
from napari_diversify.files import open_image
from napari_diversify.recipe import Sampling
from napari_diversify.recipe.provenance import KEY
from napari_diversify.robustness.looking import FATES
from napari_diversify.robustness.segmenters import Function, LoG, Otsu
from napari_diversify.widgets.export.source import source_of


@pytest.fixture
def cells():
    """Bright squares of several sizes on an uneven ground, and their labels."""
    labels = np.zeros((40, 72), "uint16")
    for k in range(15):
        y, x = 13 * (k // 6) + 2, 12 * (k % 6) + 2
        labels[y : y + 5 + k % 4, x : x + 5 + k % 4] = 10 + 3 * k
    ground = 100 + np.add.outer(7 * np.arange(40), 11 * np.arange(72)) % 23
    return (ground + 900 * (labels > 0)).astype("uint16"), labels


@pytest.fixture
def opened(viewer, open_dock, cells, tmp_path):
    """The window on an image and its labels, both from files."""
    for array, name, add in zip(
        cells, ("cells", "truth"), (viewer.add_image, viewer.add_labels), strict=True
    ):
        path = tmp_path / f"{name}.tif"
        tifffile.imwrite(path, array, photometric="minisblack")
        with layer_source(path=str(path)):
            add(tifffile.imread(path), name=name)
    viewer.layers.selection.active = viewer.layers["cells"]
    dock = open_dock(viewer)
    dock.wait()
    dock.explorer.windows.open_robustness()
    window = dock.explorer.windows.robustness
    window.dock = dock
    window.setup.psnr.setText("25; 15; 8")
    window.setup.draws.setValue(2)
    return window


def finish(window):
    window.dock.wait(lambda: not window.work.busy)
    return window.status.message.text()


def click(window, curve, level, draw):
    """Click a dot; its row."""
    dot = (curve, level, draw)
    (spot,) = (
        s
        for s in window.plot.dots.points()
        if (s.data().dot.curve, s.data().dot.level, s.data().dot.draw) == dot
    )
    window.plot.dots.sigClicked.emit(window.plot.dots, [spot], None)
    finish(window)
    return spot.data()


def test_what_is_clicked_is_what_is_exported_and_made_again(
    opened, viewer, cells, tmp_path, same_bits
):
    image, labels = cells
    opened.setup.segmenters.rows[0].form.controls["separation"].valueChanged.emit(2)
    opened.setup.filtered.setChecked(True)
    opened.start()
    assert finish(opened) == "14 scores."  # with and without the low-pass: 1 + 3 x 2
    assert len(opened.plot.dots.points()) == 14
    row = click(opened, 0, 3, 1)
    (sample,) = (layer for layer in viewer.layers if layer.name == "cells (8 dB, draw 2)")
    replayed = row.made_by.apply(image, sample=row.sample)
    same_bits(sample.data, replayed)
    assert viewer.layers.selection.active is viewer.layers["cells"]
    # the dock took the weight and the sample number: its live layer is the same sample
    assert opened.dock.explorer.value().steps[0].w_v == row.weight
    opened.dock.wait()
    same_bits(np.asarray(opened.dock.layer.data), replayed)
    # so does the training set that is exported with them
    recipe = row.made_by.replace(sample=row.sample)
    source = source_of(viewer.layers["cells"])
    export(Job((source,), Sampling(recipe=recipe), tmp_path / "set"))
    (path,) = (tmp_path / "set").glob("cells*.ome.zarr")
    with open_image(path) as written:
        same_bits(np.asarray(written.data), replayed)
    assert sample.metadata[KEY]["recipe"]["sample"] == row.sample
    # its errors, each with a colour of its own that can be switched off
    errors = viewer.layers["cells (errors)"]
    right = {n for n, iou in zip(np.unique(labels)[1:], row.ious, strict=True) if iou >= 0.5}
    assert 0 < len(right) < 15
    for number in np.unique(labels)[1:]:
        assert (errors.data[labels == number] == FATES["right"]).all() == (number in right)
    assert errors.colormap.map(FATES["missed"])[-1] == 1
    opened.errors.boxes["missed"].setChecked(False)
    assert errors.colormap.map(FATES["missed"])[-1] == 0
    # the same layers for the next dot; a curve behind the low-pass shows what that leaves
    before = len(viewer.layers)
    row = click(opened, 1, 2, 0)
    assert len(viewer.layers) == before
    same_bits(sample.data, row.made_by.apply(image, sample=row.sample))
    assert len(opened.dock.explorer.value().steps) == 1
    # objects in the order in which they are lost
    opened.show_fragile()
    lost = viewer.layers["cells (lost at, otsu:separation=2)"]
    assert set(np.unique(lost.data[labels == 0])) == {0}
    assert [line.order[0] for line in opened.findings.objects.lines] == sorted(
        int(lost.data[labels == line.order[1]][0]) - 2 for line in opened.findings.objects.lines
    )


@pytest.mark.parametrize("axis", ["", "diversify.w_v"])
def test_the_copied_command_gives_the_same_study(opened, tmp_path, monkeypatch, axis):
    opened.setup.segmenters.add(LoG)
    opened.setup.axis.setCurrentIndex(opened.setup.axis.findData(axis))
    opened.setup.count.setValue(3)
    opened.start()
    finish(opened)
    opened.export_to(tmp_path / "window")
    assert "robustness.html" in finish(opened)
    opened.command.click()
    words = shlex.split(QApplication.clipboard().text())
    assert words[:2] == ["napari-diversify", "robustness"]
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli.main, words[1:])
    assert done.exit_code == 0, done.output
    for name in ("scores.csv", "curves.csv", "objects.csv", "curves.svg", "study.json"):
        of_command = (tmp_path / "cells-robustness" / name).read_bytes()
        assert (tmp_path / "window" / name).read_bytes() == of_command, name
    # a folder that holds a study is not overwritten
    opened.export_to(tmp_path / "window")
    assert "holds a study already" in finish(opened)


def test_a_study_can_be_stopped_and_resumed_and_never_holds_up_the_window(opened, monkeypatch):
    gate, asked, segment = threading.Event(), [], Otsu.segment

    def slow(self, image, spacing):
        asked.append(threading.get_ident())
        assert gate.wait(60)
        return segment(self, image, spacing)

    monkeypatch.setattr(Otsu, "segment", slow)
    opened.start()
    opened.dock.wait(lambda: bool(asked))  # events run while the segmenter stands still
    assert threading.get_ident() not in asked
    assert not opened.run.isEnabled()
    opened.status.cancel.click()
    assert opened.resume.isEnabled()
    assert "Stopped with 0 scores" in opened.status.message.text()
    opened.resume.click()
    gate.set()
    opened.dock.wait(lambda: len(opened.job.rows) >= 2)
    opened.stop()
    finish(opened)
    there = tuple(opened.job.rows)
    assert 2 <= len(there) <= 7
    opened.go_on()
    finish(opened)
    rows = opened.job.rows
    assert tuple(rows[: len(there)]) == there  # not made again
    assert len({row.dot for row in rows}) == len(rows) == 7
    assert len(opened.plot.dots.points()) == 7
    # another score needs no other samples
    made = len(asked)
    opened.setup.score.setCurrentIndex(opened.setup.score.findData("recall"))
    finish(opened)
    assert opened.work.concluded.result.score == "recall"
    assert opened.plot.place_of(rows[0])[1] == rows[0].scores["recall"]
    assert len(asked) == made


def test_segmenters_that_fail_and_images_without_labels_are_told(opened, tmp_path, viewer):
    opened.setup.segmenters.remove(opened.setup.segmenters.rows[0])
    opened.start()
    assert opened.status.message.text() == "Add a segmenter that is to be tried."
    opened.setup.segmenters.add(Function)
    opened.start()
    assert opened.status.message.text().startswith("Say which python function")
    mine = tmp_path / "mine.py"
    mine.write_text("def segment(image, spacing):\n    return image / 2\n")
    opened.setup.segmenters.rows[0].text.setText(f"{mine}:segmant")
    opened.start()
    assert "has no function segmant" in finish(opened)
    opened.setup.segmenters.rows[0].text.setText(f"{mine}:segment")
    opened.setup.psnr.setText("25; 8")
    opened.setup.draws.setValue(1)
    opened.start()
    assert "3 segmentations failed and count as 0" in finish(opened)
    assert "labels are whole numbers" in opened.findings.scores.lines[0].cells[-1]
    click(opened, 0, 1, 0)
    assert not [layer for layer in viewer.layers if "errors" in layer.name]
    # nor is there anything to agree with, without labels
    opened.setup.labels.setCurrentIndex(0)
    opened.start()
    assert "3 segmentations failed and count as 0" in finish(opened)
    # the function is what is in the file now
    mine.write_text("def segment(image, spacing):\n    return (image > 500).astype(int)\n")
    opened.start()
    assert finish(opened) == "3 scores."
    assert opened.work.concluded.result.against_itself
    assert "no error was measured" in opened.findings.sentences.toPlainText()
    assert "only where there are labels" in opened.findings.objects_note.text()
    click(opened, 0, 0, 0)  # the image as it is: the dock keeps its weight
    assert opened.dock.explorer.sample() == 0
