"""Every file can be made again from what it carries."""

import os
import shutil

import numpy as np
import pytest
import tifffile
import zarr
from batch_jobs import (
    CHAIN,
    RECIPE,
    job_of,
    made,
    noise,
    objects,
    provenance,
    replayed,
    table,
    write_source,
)

from napari_diversify.batch import Job, Source
from napari_diversify.files import header_of
from napari_diversify.recipe import Sampling

SIZES = {"t": 2, "c": 2, "z": 3, "y": 20, "x": 24}
LAYOUTS = ["plain", "stardist", "cellpose", "nnunet", "careamics", "csbdeep"]


def image_of(axes, dtype="uint16"):
    return noise(tuple(SIZES[a] for a in axes), dtype)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("axes", ["yx", "tyx", "zyx", "czyx", "tczyx"])
def test_every_file_is_made_again_bit_for_bit(tmp_path, axes, layout):
    source = write_source(tmp_path / "raw" / "a.tif", image_of(axes), axes)
    output = tmp_path / "train"
    made(job_of(source, output, layout=layout, samples=2, ranges={"w_v": (1, 4)}))
    lines = table(output)
    assert len(lines) == 2 * (1 if layout == "plain" else len(lines) // 2)
    voxels = 0
    for line in lines:
        result = replayed(output / line["file"])
        assert result.different == 0
        assert result.largest == 0
        assert result.source == source.resolve()
        voxels += result.voxels
    assert voxels == 2 * image_of(axes).size


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_a_chain_is_made_again_in_both_formats(tmp_path, dtype):
    np.save(tmp_path / "a.npy", image_of("zyx", dtype))
    for file_format in ("ome-zarr", "ome-tiff"):
        output = tmp_path / file_format
        made(job_of(tmp_path / "a.npy", output, recipe=CHAIN, file_format=file_format))
        assert replayed(output / table(output)[0]["file"]).different == 0


def test_axes_that_were_told_by_hand_are_remembered(tmp_path):
    np.save(tmp_path / "a.npy", image_of("zyx"))
    made(job_of(tmp_path / "a.npy", tmp_path / "train", axes="tyx", layout="cellpose"))
    for line in table(tmp_path / "train"):
        assert replayed(tmp_path / "train" / line["file"]).different == 0


def test_changed_voxels_are_counted_and_measured(source, tmp_path):
    made(job_of(source, tmp_path / "train", samples=2, file_format="ome-tiff"))
    made(job_of(source, tmp_path / "zarr"))
    array = zarr.open_array(str(tmp_path / "zarr" / "nuclei_0000.ome.zarr" / "0"), mode="r+")
    values = array[...]
    values[2, 3:5, 7] ^= 64
    values[5, 39, 47] ^= 256
    array[...] = values
    result = replayed(tmp_path / "zarr" / "nuclei_0000.ome.zarr")
    assert (result.voxels, result.different, result.largest) == (values.size, 3, 256)


def test_a_file_made_from_other_voxels_is_told(source, tmp_path):
    made(job_of(source, tmp_path / "train"))
    write_source(source, noise((6, 40, 48), seed=1))
    result = replayed(tmp_path / "train" / "nuclei_0000.ome.zarr")
    assert result.different > result.voxels / 2


@pytest.mark.parametrize("layout", ["plain", "stardist"])
def test_image_and_training_set_may_move_together(tmp_path, layout):
    source = write_source(tmp_path / "here" / "raw" / "a.tif", image_of("zyx"))
    made(job_of(source, tmp_path / "here" / "sets" / "train", layout=layout))
    shutil.move(tmp_path / "here", tmp_path / "there")
    output = tmp_path / "there" / "sets" / "train"
    result = replayed(output / table(output)[0]["file"])
    assert result.different == 0
    assert result.source == (tmp_path / "there" / "raw" / "a.tif").resolve()


def test_what_is_written_does_not_tell_where_the_user_keeps_things(source, tmp_path, monkeypatch):
    made(job_of(source, tmp_path / "train"))
    told = provenance(tmp_path / "train" / "nuclei_0000.ome.zarr")["source"]["path"]
    assert told == "../raw/nuclei.tif"
    monkeypatch.chdir(tmp_path)
    made(job_of(source.relative_to(tmp_path), "again"))
    assert provenance(tmp_path / "again" / "nuclei_0000.ome.zarr")["source"]["path"] == told


def test_a_source_that_was_moved_alone_is_asked_for(source, tmp_path):
    made(job_of(source, tmp_path / "train"))
    moved = source.rename(tmp_path / "elsewhere.tif")
    path = tmp_path / "train" / "nuclei_0000.ome.zarr"
    with pytest.raises(FileNotFoundError, match=r"\.\./raw/nuclei\.tif, which does not exist"):
        replayed(path)
    assert replayed(path, moved).different == 0
    assert replayed(path, os.fspath(moved)).source == moved


def test_an_image_in_memory_is_asked_for(tmp_path):
    image = image_of("zyx")
    told = Source("a", array=image, header=header_of(image.shape, image.dtype))
    made(Job((told,), Sampling(recipe=RECIPE), tmp_path / "train"))
    path = tmp_path / "train" / "a_0000.ome.zarr"
    with pytest.raises(ValueError, match="made from an image in memory: say where it is"):
        replayed(path)
    np.save(tmp_path / "a.npy", image)
    assert replayed(path, tmp_path / "a.npy").different == 0


def test_a_source_that_does_not_fit_is_told(source, tmp_path):
    made(job_of(source, tmp_path / "train"))
    path = tmp_path / "train" / "nuclei_0000.ome.zarr"
    np.save(tmp_path / "b.npy", noise((5, 40, 48)))
    np.save(tmp_path / "c.npy", noise((6, 40, 48), "uint8"))
    for other in ("b.npy", "c.npy"):
        with pytest.raises(ValueError, match=r"uint16, \(6, 40, 48\)\) was not made from .*npy"):
            replayed(path, tmp_path / other)


def test_what_carries_no_recipe_is_told(source, labels, tmp_path):
    made(job_of(source, tmp_path / "train", labels=labels))
    for path in (source, tmp_path / "train" / "nuclei_0000_labels.ome.zarr"):
        with pytest.raises(ValueError, match="carries no recipe: it was not written by a batch"):
            replayed(path)
    with pytest.raises(FileNotFoundError, match="no such file"):
        replayed(tmp_path / "nothing.ome.zarr")


def test_a_file_of_a_newer_program_is_not_guessed_at(source, tmp_path):
    made(job_of(source, tmp_path / "train"))
    group = tmp_path / "train" / "nuclei_0000.ome.zarr" / "zarr.json"
    group.write_text(group.read_text().replace('"schema_version": 1', '"schema_version": 2'))
    with pytest.raises(ValueError, match="version"):
        replayed(group.parent)


def test_a_sample_of_a_sample_is_made_again(source, tmp_path):
    made(job_of(source, tmp_path / "first", layout="stardist"))
    made(job_of(tmp_path / "first" / "images", tmp_path / "second", layout="stardist"))
    path = tmp_path / "second" / "images" / "nuclei_0000_0000.tif"
    result = replayed(path)
    assert result.different == 0
    assert result.source == tmp_path / "first" / "images" / "nuclei_0000.tif"
    assert tifffile.imread(path).tobytes() != tifffile.imread(result.source).tobytes()


def test_pairs_of_labels_do_not_disturb_a_replay(source, labels, tmp_path):
    for layout in ("nnunet", "cellpose"):
        made(job_of(source, tmp_path / layout, labels=labels, layout=layout))
        lines = table(tmp_path / layout)
        assert all(replayed(tmp_path / layout / line["file"]).different == 0 for line in lines)
    assert objects((6, 40, 48)).max() == 1000
