"""A new file format is one entry: batches, labels and reports take it from there."""

import gc
from dataclasses import replace

import numpy as np
import pytest
from batch_jobs import job_of, made, table, tree, write_source

from napari_diversify.files import FORMATS, LAYOUTS
from napari_diversify.files.formats import Format
from napari_diversify.report import write_report


@pytest.fixture
def npy(monkeypatch):
    """The format, known to the program and taken by the plain layout."""
    fmt = Format("npy", "NumPy", (".npy",), ("uint8", "uint16"), "npy_format")
    (formats,), (layouts,) = gc.get_referents(FORMATS), gc.get_referents(LAYOUTS)
    plain = LAYOUTS["plain"]
    monkeypatch.setitem(formats, "npy", fmt)
    monkeypatch.setitem(layouts, "plain", replace(plain, formats=(*plain.formats, "npy")))
    return fmt


@pytest.mark.usefixtures("npy")
def test_a_batch_is_written_in_it_with_labels_table_and_report(tmp_path):
    image = np.random.default_rng(0).poisson(90, (6, 24, 28)).astype("uint16")
    source = write_source(tmp_path / "a.ome.tif", image)
    labels = write_source(tmp_path / "a_labels.ome.tif", (image > 95).astype("uint8"))
    for name in ("npy", "ome-tiff"):
        made(job_of(source, tmp_path / name, labels=labels, samples=2, file_format=name))
    ours, theirs = (tmp_path / name for name in ("npy", "ome-tiff"))
    assert sorted(p.name for p in ours.glob("*.npy")) == [
        *("a_0000.npy", "a_0000_labels.npy", "a_0001.npy", "a_0001_labels.npy")
    ]
    for row, other in zip(table(ours), table(theirs), strict=True):
        assert row["file"].endswith(".npy")
        assert row["psnr"] == other["psnr"]
        assert row["labels"] == row["file"].replace(".npy", "_labels.npy")
        np.testing.assert_array_equal(np.load(ours / row["labels"]), (image > 95).astype("uint8"))
    before = tree(ours)
    made(job_of(source, ours, labels=labels, samples=2, file_format="npy"), resume=True)
    assert tree(ours) == before
    assert write_report(ours).exists()


@pytest.mark.usefixtures("npy")
def test_what_it_does_not_hold_and_take_is_refused(tmp_path):
    source = write_source(tmp_path / "a.tif", np.ones((4, 24, 28), "float32"))
    with pytest.raises(ValueError, match="chunks and shards are for ome-zarr files only"):
        job_of(source, tmp_path / "out", file_format="npy", chunk=4)
    with pytest.raises(ValueError, match="takes tiff; got 'npy'"):
        job_of(source, tmp_path / "out", file_format="npy", layout="stardist")
