"""The Export dialog writes what is on the screen, says what it will do, and loses nothing."""

import hashlib
import shlex

import numpy as np
import pytest
import tifffile
from napari.layers._source import layer_source
from qtpy.QtWidgets import QApplication, QWidget
from typer.testing import CliRunner

from napari_diversify import Recipe
from napari_diversify.batch import Job, as_command, as_python
from napari_diversify.cli import main as cli
from napari_diversify.files import header_of, open_image, write_tiff
from napari_diversify.recipe import Diversify, LowPass, Sampling
from napari_diversify.widgets.export import dialog as export_module
from napari_diversify.widgets.export.source import source_of


@pytest.fixture
def volume(make_image):
    return make_image((6, 40, 48))


@pytest.fixture
def labels(volume):
    return (volume > np.median(volume)).astype(np.uint16)


@pytest.fixture
def file(tmp_path, volume):
    path = tmp_path / "cells.tif"
    tifffile.imwrite(path, volume, photometric="minisblack")
    return path


@pytest.fixture
def dialog(viewer, open_dock, volume, labels, tmp_path):
    """The dialog on an image in memory, with its labels."""
    viewer.add_image(volume, name="my cells", scale=(1, 0.5, 0.5), units=("micrometer",) * 3)
    viewer.add_labels(labels, name="truth", scale=(1, 0.5, 0.5))
    viewer.layers.selection.active = viewer.layers["my cells"]
    return opened(viewer, open_dock, tmp_path / "out")


def open_file(viewer, path, kind="image"):
    """A layer as napari makes it of a file."""
    with layer_source(path=str(path)):
        add = viewer.add_image if kind == "image" else viewer.add_labels
        return add(tifffile.imread(path), name=path.stem)


def opened(viewer, open_dock, folder):
    dock = open_dock(viewer)
    dock.wait()
    dock.explorer.windows.open_export()
    dialog = dock.explorer.windows.export
    dialog.dock = dock
    dialog.folder.setText(str(folder))
    dialog.sampling.samples.setValue(2)
    return dialog


def choose(combo, data):
    combo.setCurrentIndex(combo.findData(data))


def test_choosing_does_not_change_how_long_the_dialog_waits_for_more(dialog):
    """A combo box tells its index, which a timer would take for its interval."""
    before = dialog._settled.interval()
    for box in (dialog.labels, dialog.format, dialog.existing):
        for index in (-1, box.count() - 1):
            box.setCurrentIndex(index)
    assert dialog._settled.interval() == before


def finish(dialog):
    dialog.dock.wait(lambda: not dialog.running)
    return dialog.status.message.text()


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_first_sample_is_what_the_screen_shows(dialog, tmp_path, volume, same_bits):
    dialog.start()
    assert finish(dialog) == "2 samples made."
    with open_image(tmp_path / "out" / "my_cells_0000.ome.zarr") as image:
        same_bits(np.asarray(image.data), np.asarray(dialog.dock.layer.data))
        assert image.header.spacing == (1, 0.5, 0.5)
    with open_image(tmp_path / "out" / "my_cells_0001.ome.zarr") as image:
        expected = dialog.dock.explorer.value().apply(volume, (1, 0.5, 0.5), sample=1)
        same_bits(np.asarray(image.data), expected)


def test_a_chain_is_exported_as_it_is_shown(dialog, tmp_path, same_bits):
    explorer = dialog.dock.explorer
    explorer.card("lowpass").live.setChecked(True)
    dialog.dock.wait(lambda: explorer.view("lowpass").live.layer is not None)
    dialog.dock.wait(lambda: not any(task.running for task in explorer._tasks()))
    explorer.windows.open_export()
    assert [dialog.sampling.what.itemText(i) for i in range(dialog.sampling.what.count())] == [
        "diversify",
        "diversify › lowpass",
    ]
    dialog.sampling.what.setCurrentIndex(1)
    dialog.start()
    finish(dialog)
    with open_image(tmp_path / "out" / "my_cells_0000.ome.zarr") as image:
        shown = explorer.view("lowpass").live.layer.data
        same_bits(np.asarray(image.data), np.asarray(shown))
        assert Recipe(**image.header.provenance["recipe"]).steps[-1] == LowPass()


def test_labels_go_along_unchanged(dialog, tmp_path, labels):
    dialog.labels.setCurrentText("truth")
    choose(dialog.layout_, "stardist")
    dialog.start()
    finish(dialog)
    for n in range(2):
        mask = tifffile.imread(tmp_path / "out" / "masks" / f"my_cells_{n:04d}.tif")
        np.testing.assert_array_equal(mask, labels)
        assert mask.dtype == labels.dtype


def test_the_copied_command_makes_the_same_files(
    viewer, open_dock, file, labels, tmp_path, monkeypatch
):
    masks = tmp_path / "truth.tif"
    tifffile.imwrite(masks, labels, photometric="minisblack")
    open_file(viewer, file)
    open_file(viewer, masks, "labels")
    viewer.layers.selection.active = viewer.layers["cells"]
    dialog = opened(viewer, open_dock, tmp_path / "out")
    dialog.labels.setCurrentText("truth")
    choose(dialog.layout_, "stardist")
    dialog.sampling.ranges.rows["diversify.w_v"][0].setChecked(True)
    dialog.copy_command.click()
    assert dialog.status.message.text() == "Copied as command."
    words = shlex.split(QApplication.clipboard().text())
    dialog.start()
    assert finish(dialog).startswith("2 samples made.")
    made = tree(tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "by hand")
    result = CliRunner().invoke(cli.main, words[1:])
    assert result.exit_code == 0, result.output
    assert tree(tmp_path / "out") == made
    assert len(made) == 2 * 3 + 1  # image, mask and record of each, and the manifest


def test_the_copied_python_makes_the_same_files(viewer, open_dock, file, tmp_path):
    open_file(viewer, file)
    dialog = opened(viewer, open_dock, tmp_path / "out")
    dialog.psnr.setText("20, 15")
    choose(dialog.layout_, "careamics")
    dialog.copy_python.click()
    program = QApplication.clipboard().text()
    dialog.start()
    assert finish(dialog).startswith("4 samples made.")
    made = tree(tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "by hand")
    exec(compile(program, "copied", "exec"), {"__name__": "__main__"})
    assert tree(tmp_path / "out") == made


def test_an_image_in_memory_has_no_command_and_the_dialog_says_why(dialog):
    dialog.copy_command.click()
    assert "not in a file" in dialog.status.message.text()
    with pytest.raises(ValueError, match="not in a file"):
        as_python(dialog.job())


def test_a_layer_painted_over_is_no_longer_its_file(viewer, file):
    layer = open_file(viewer, file)
    assert source_of(layer).path == file
    layer.data = layer.data.copy()
    layer.data[0, 3, 4] += 1
    assert source_of(layer).path is None
    sampling = Sampling(recipe=Recipe(steps=(Diversify(),)))
    job = Job((source_of(layer),), sampling, file.parent / "out")
    with pytest.raises(ValueError, match="not in a file"):
        as_command(job)


def test_a_layer_with_another_voxel_size_is_not_its_file(viewer, file):
    layer = open_file(viewer, file)
    layer.scale, layer.units = (2, 1, 1), ("micrometer",) * 3
    assert source_of(layer).path is None
    assert source_of(layer).header.spacing == (2, 1, 1)


def test_the_voxel_size_that_a_reader_dropped_is_taken_from_the_file(viewer, volume, tmp_path):
    header = header_of(volume.shape, volume.dtype, scale=(2, 0.5, 0.5), units=("micrometer",) * 3)
    path = tmp_path / "sized.ome.tif"
    write_tiff(path, header, iter(volume))
    layer = open_file(viewer, path)
    assert source_of(layer, in_lengths=False).header.spacing == (2, 0.5, 0.5)
    assert source_of(layer, in_lengths=True).header.spacing is None  # as it is shown


def test_it_says_how_many_and_how_much_before_it_starts(dialog, volume):
    dialog.labels.setCurrentText("truth")
    dialog.sampling.samples.setValue(5)
    bytes_ = 5 * 2 * volume.nbytes
    dialog.dock.wait(lambda: dialog.note.text().startswith("5 samples"))
    assert f"{bytes_ / 1e3:.1f} kB" in dialog.note.text()


def test_what_is_there_already_is_left_alone_unless_told_otherwise(dialog, tmp_path):
    dialog.start()
    finish(dialog)
    before = tree(tmp_path / "out")
    dialog.start()
    assert "exist in" in finish(dialog)
    choose(dialog.existing, "resume")
    dialog.sampling.samples.setValue(3)
    dialog.start()
    assert finish(dialog) == "1 samples made. 2 were there already."
    now = tree(tmp_path / "out")
    assert all(now[name] == value for name, value in before.items() if name != "manifest.csv")
    choose(dialog.existing, "overwrite")
    dialog.start()
    assert finish(dialog) == "3 samples made."
    assert tree(tmp_path / "out") == now


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda d: d.folder.setText(""), "Choose a folder"),
        (lambda d: d.psnr.setText("20, loud"), "numbers separated by commas"),
        (lambda d: d.dock.explorer.card("diversify").live.setChecked(False), "no step is live"),
    ],
)
def test_what_is_missing_is_said(dialog, spoil, said):
    spoil(dialog)
    dialog.start()
    assert said in dialog.status.message.text()
    assert not dialog.running


def test_a_sample_that_fails_is_told_with_its_reason(dialog, viewer, labels):
    viewer.layers["truth"].data = labels[:-1]
    dialog.labels.setCurrentText("truth")
    dialog.start()
    said = finish(dialog)
    assert said.startswith("0 samples made.")
    assert "the labels have the shape (5, 40, 48)" in said


def test_cancelled_half_way_only_whole_samples_are_there(dialog, tmp_path):
    dialog.sampling.samples.setValue(200)
    dialog.start()
    dialog.dock.wait(lambda: any((tmp_path / "out").glob("*.ome.zarr")))
    dialog.status.cancel.click()
    assert "Finished samples stay" in dialog.status.message.text()
    dialog.dock.wait(lambda: (tmp_path / "out" / "manifest.csv").exists())
    lines = (tmp_path / "out" / "manifest.csv").read_text().splitlines()[1:]
    assert 1 <= len(lines) < 200
    there = {path.name for path in (tmp_path / "out").iterdir()}
    assert there == {line.split(",")[0] for line in lines} | {"manifest.csv", ".diversify"}


def test_closing_the_dialog_stops_the_export(dialog, tmp_path):
    dialog.sampling.samples.setValue(200)
    dialog.start()
    dialog.dock.wait(lambda: any((tmp_path / "out").glob("*.ome.zarr")))
    dialog.close()
    assert not dialog.running


def test_every_control_says_what_it_is_for(dialog):
    named = [
        *(
            dialog.sampling.what,
            dialog.sampling.samples,
            dialog.sampling.strategy,
            dialog.psnr,
            dialog.labels,
        ),
        *(dialog.layout_, dialog.format, dialog.folder, dialog.choose, dialog.existing),
        *(dialog.copy_python, dialog.copy_command, dialog.open_folder, dialog.export),
        *(dialog.report, dialog.real, dialog.choose_real, dialog.only_kept),
        *(widget for row in dialog.sampling.ranges.rows.values() for widget in row),
    ]
    assert all(isinstance(widget, QWidget) and len(widget.toolTip()) > 15 for widget in named)


def test_layouts_offer_only_what_they_take(dialog):
    choose(dialog.layout_, "careamics")
    assert not dialog.labels.isEnabled()
    assert dialog.format.currentData() == "tiff"
    choose(dialog.layout_, "plain")
    assert dialog.labels.isEnabled()
    assert [dialog.format.itemData(i) for i in range(dialog.format.count())] == [
        "ome-zarr",
        "ome-tiff",
    ]


# ---- the report ----


def asked_to_open(monkeypatch):
    opened = []
    monkeypatch.setattr(
        "napari_diversify.widgets.export.dialog.QDesktopServices.openUrl",
        lambda url: opened.append(url.toLocalFile()),
    )
    return opened


def test_replacing_samples_of_another_layout_says_what_went(dialog, tmp_path):
    choose(dialog.layout_, "stardist")
    dialog.start()
    finish(dialog)
    before = {name for name in tree(tmp_path / "out") if name.endswith(".tif")}
    choose(dialog.layout_, "plain")
    choose(dialog.existing, "overwrite")
    dialog.start()
    assert f"2 samples made. {len(before)} older files" in finish(dialog)
    assert not before & set(tree(tmp_path / "out"))


def test_the_report_is_written_and_shown_and_no_older_one_is_replaced(
    dialog, tmp_path, monkeypatch
):
    opened = asked_to_open(monkeypatch)
    dialog.start()
    finish(dialog)
    for name in ("report.html", "report-2.html"):
        dialog.report.click()
        assert finish(dialog) == f"The report is in {tmp_path / 'out' / name}."
        assert opened[-1] == str(tmp_path / "out" / name)
    first, second = ((tmp_path / "out" / n).read_bytes() for n in ("report.html", "report-2.html"))
    assert first == second
    assert b"my_cells_0000" in first


def test_the_report_compares_with_a_folder_of_real_images(dialog, tmp_path, volume, monkeypatch):
    asked_to_open(monkeypatch)
    (tmp_path / "real").mkdir()
    for n in range(2):
        tifffile.imwrite(tmp_path / "real" / f"{n}.tif", volume // (n + 1))
    dialog.start()
    finish(dialog)
    dialog.real.setText(str(tmp_path / "real"))
    dialog.report.click()
    finish(dialog)
    assert "Beside real images" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda d, folder: d.folder.setText(""), "Choose the folder"),
        (lambda d, folder: None, "manifest"),
        (lambda d, folder: d.folder.setText(str(folder / "nowhere")), "nowhere"),
    ],
)
def test_a_folder_without_a_training_set_is_said(dialog, tmp_path, spoil, said):
    (tmp_path / "out").mkdir()
    spoil(dialog, tmp_path)
    dialog.report.click()
    assert said in finish(dialog)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_cancelled_report_leaves_nothing(dialog, tmp_path, gate, monkeypatch):
    opened = asked_to_open(monkeypatch)
    dialog.start()
    finish(dialog)
    guarded = gate.guard(export_module.reporting)
    monkeypatch.setattr(export_module, "reporting", guarded)
    gate.close()
    dialog.report.click()
    assert not dialog.report.isEnabled()
    dialog.status.cancel.click()
    gate.open()
    dialog.dock.wait(lambda: not dialog.running)
    assert dialog.status.message.text() == "Cancelled. No report was written."
    assert dialog.report.isEnabled()
    assert opened == []
    assert not list((tmp_path / "out").glob("*report*"))


def test_a_long_message_crushes_no_row(dialog, qtbot):
    def heights():
        return [box.height() for row in dialog.sampling.ranges.rows.values() for box in row]

    qtbot.waitUntil(lambda: min(heights()) > 0)
    before = heights()
    for text in ("A long message. " * 20, "A longer one. " * 60):
        dialog.status.say(text)
        qtbot.waitUntil(
            lambda: dialog.height() >= dialog.layout().totalHeightForWidth(dialog.width())
        )
        assert heights() == before
