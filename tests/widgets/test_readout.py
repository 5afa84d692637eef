"""The numbers under the sliders are the core's, of what is shown, and never of anything else."""

import csv
import re

import numpy as np
import pytest

from napari_diversify.core import PairSums, ssim
from napari_diversify.files import open_image
from napari_diversify.widgets.diversify import readout as readout_module


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(readout_module, "_VOLUME_MS", 50)
    monkeypatch.setattr(readout_module, "_PLANE_MS", 10)


def numbers(text):
    return [float(n) for n in re.findall(r"-?\d+\.\d+", text)]


def expected(dock, source, index):
    array = dock.layer.data.array
    low, high = array.intensity_range
    clean, result = source[index], np.asarray(array[index])
    sums = PairSums(low, high)
    sums.add(clean, result)
    similar = [ssim(clean, result, high - low)] if clean.ndim == 2 else []
    contrasts = [sums.reference.rms_contrast(low), sums.image.rms_contrast(low)]
    return [sums.psnr(high - low), *similar, *contrasts, 100 * sums.clipped_fraction]


def rounded(values):
    return pytest.approx(values, abs=0.051)


def settled(dock):
    lines = dock.explorer.readout
    dock.wait(lambda: "PSNR" in lines.plane.text() and "PSNR" in lines.volume.text())
    return lines


def test_both_lines_are_the_numbers_of_the_core(live, viewer):
    source = viewer.layers["cells"].data
    lines = settled(live)
    z = viewer.dims.current_step[0]
    assert numbers(lines.plane.text()) == rounded(expected(live, source, z))
    assert numbers(lines.volume.text()) == rounded(expected(live, source, ...))
    assert lines._name.text().endswith(f" {z}")


def test_a_slider_clears_both_lines_at_once_and_they_come_back_true(live, viewer):
    lines = settled(live)
    before = lines.plane.text(), lines.volume.text()
    live.slide(w_v=5.0)
    live.wait()
    live.wait(lambda: (lines.plane.text(), lines.volume.text()) != before)
    settled(live)
    source = viewer.layers["cells"].data
    z = viewer.dims.current_step[0]
    assert numbers(lines.plane.text()) == rounded(expected(live, source, z))
    assert numbers(lines.volume.text()) == rounded(expected(live, source, ...))


def test_another_plane_has_its_own_line_and_the_volume_keeps_its(live, viewer):
    lines = settled(live)
    volume = lines.volume.text()
    viewer.dims.set_current_step(0, 1)
    live.wait(lambda: lines._name.text().endswith(" 1"))
    assert lines.volume.text() == volume
    settled(live)
    assert numbers(lines.plane.text()) == rounded(expected(live, viewer.layers["cells"].data, 1))


def test_a_big_volume_is_measured_only_when_asked(live, viewer, monkeypatch):
    monkeypatch.setattr(readout_module, "_AUTOMATIC", 10)
    live.slide(w_v=4.0)
    live.wait()
    lines = live.explorer.readout
    live.wait(lambda: "PSNR" in lines.plane.text() and lines.volume.text() == "")
    assert lines.measure.isVisibleTo(lines)
    lines.measure.click()
    live.wait(lambda: "PSNR" in lines.volume.text())
    assert numbers(lines.volume.text()) == rounded(expected(live, viewer.layers["cells"].data, ...))


def test_a_big_volume_after_a_small_one_is_not_measured_in_its_stead(live, viewer, monkeypatch):
    lines = live.explorer.readout
    lines._later.setInterval(400)
    live.slide(w_v=3.0)
    live.wait(lines._later.isActive)  # for the small one
    monkeypatch.setattr(readout_module, "_AUTOMATIC", 10)
    live.slide(w_v=4.0)
    live.wait(lambda: not lines._later.isActive())
    live.wait(lambda: "PSNR" in lines.plane.text())
    assert lines.volume.text() == ""
    assert lines.measure.isVisibleTo(lines)


def test_with_nothing_live_there_are_no_numbers(live):
    lines = settled(live)
    live.explorer.card("diversify").live.setChecked(False)
    assert (lines.plane.text(), lines.volume.text()) == ("", "")
    assert not lines.running


def test_after_an_edit_the_numbers_are_those_of_the_new_image(live, viewer):
    lines = settled(live)
    source = viewer.layers["cells"].data
    z = viewer.dims.current_step[0]
    before = lines.plane.text()
    source[z] = source[z][::-1] // 2
    viewer.layers["cells"].refresh()
    live.wait()
    live.wait(lambda: lines.plane.text() not in (before, "…"))
    settled(live)
    assert numbers(lines.plane.text()) == rounded(expected(live, source, z))


def test_the_volumes_numbers_are_those_of_the_written_file(live, viewer, tmp_path):
    source = viewer.layers["cells"].data
    lines = settled(live)
    live.explorer.windows.open_export()
    dialog = live.explorer.windows.export
    dialog.folder.setText(str(tmp_path / "out"))
    dialog.sampling.samples.setValue(1)
    dialog.start()
    live.wait(lambda: not dialog.running)
    with open_image(tmp_path / "out" / "cells_0000.ome.zarr") as image:
        written = np.asarray(image.data)
    low, high = live.layer.data.array.intensity_range
    sums = PairSums(low, high)
    sums.add(source, written)
    contrasts = [sums.reference.rms_contrast(low), sums.image.rms_contrast(low)]
    found = [sums.psnr(high - low), *contrasts, 100 * sums.clipped_fraction]
    assert numbers(lines.volume.text()) == rounded(found)
    with (tmp_path / "out" / "manifest.csv").open() as table:
        (row,) = csv.DictReader(table)
    assert float(row["psnr"]) == pytest.approx(found[0], rel=1e-5)
    assert float(row["clipped"]) == pytest.approx(found[-1] / 100, abs=1e-6)
