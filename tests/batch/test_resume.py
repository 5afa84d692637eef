"""What is finished stays, what is not ours is left alone, what has changed is told."""

import gc
import json
import os
import shutil
import sys
import weakref

import numpy as np
import pytest
from batch_jobs import (
    RECIPE,
    assert_same_bits,
    done,
    job_of,
    made,
    noise,
    provenance,
    stamps,
    table,
    temporary,
    tree,
    voxels,
    write_source,
)

from napari_diversify.batch import Job, Source
from napari_diversify.files import header_of
from napari_diversify.recipe import Sampling

KINDS = [{}, {"file_format": "ome-tiff"}, {"layout": "cellpose"}, {"layout": "nnunet"}]
TABLES = ("manifest.csv", "dataset.json")


@pytest.mark.parametrize("kind", KINDS)
def test_resuming_writes_no_finished_file_again(source, labels, tmp_path, kind):
    job = job_of(source, tmp_path / "train", labels=labels, samples=3, **kind)
    made(job)
    before, content = stamps(tmp_path / "train"), tree(tmp_path / "train")
    report = made(job, resume=True)
    assert (report.made, len(report.kept)) == ((), 3)
    after = stamps(tmp_path / "train")
    written = {name for name in before if before[name] != after[name]}
    tables = {name for name in before if name in TABLES or b"spacing" in content[name][:20]}
    assert written <= tables
    assert tree(tmp_path / "train") == content


def test_more_samples_are_added_to_those_there_are(source, tmp_path):
    for n in (2, 5):
        settings = {"samples": n, "ranges": {"w_v": (0, 8)}}
        report = made(job_of(source, tmp_path / "train", **settings), resume=True)
    assert (len(report.kept), len(report.made)) == (2, 3)
    made(job_of(source, tmp_path / "whole", **settings))
    assert tree(tmp_path / "train") == tree(tmp_path / "whole")


@pytest.mark.parametrize("lost", ["image", "labels"])
def test_a_sample_that_lost_a_file_is_made_again(source, labels, tmp_path, lost):
    job = job_of(source, tmp_path / "train", labels=labels, samples=3, layout="stardist")
    made(job)
    content = tree(tmp_path / "train")
    folder = {"image": "images", "labels": "masks"}[lost]
    (tmp_path / "train" / folder / "nuclei_0001.tif").unlink()
    report = made(job, resume=True)
    assert (report.made, report.kept) == (("nuclei_0001",), ("nuclei_0000", "nuclei_0002"))
    assert tree(tmp_path / "train") == content


def test_a_file_that_is_not_ours_is_never_overwritten(source, labels, tmp_path):
    output = tmp_path / "train"
    theirs = output / "masks" / "nuclei_0001.tif"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("drawn by hand, for weeks")
    job = job_of(source, output, labels=labels, samples=3, layout="stardist")
    for resume in (False, True):
        report = done(job, resume=resume)
        assert [name for name, _ in report.failed] == ["nuclei_0001"]
        assert "exists and is left as it is" in report.failed[0][1]
        assert theirs.read_text() == "drawn by hand, for weeks"
        assert not (output / "images" / "nuclei_0001.tif").exists()
        assert temporary(output) == []
        if not resume:
            assert len(report.made) == 2
            assert not (output / ".diversify" / "nuclei_0001.json").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_word_nothing_that_exists_is_touched(source, tmp_path, kind):
    job = job_of(source, tmp_path / "train", samples=2, **kind)
    made(job)
    before = stamps(tmp_path / "train")
    more = job_of(source, tmp_path / "train", samples=4, recipe=RECIPE.replace(seed=4), **kind)
    with pytest.raises(FileExistsError, match=r"^2 of 4 samples exist in .*Resume to keep them"):
        done(more)
    assert stamps(tmp_path / "train") == before


def test_an_image_without_a_record_stands_in_the_way_before_anything_is_made(source, tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "nuclei_0001.ome.zarr").mkdir()
    with pytest.raises(FileExistsError, match=r"the first is nuclei_0001\.ome\.zarr"):
        done(job_of(source, tmp_path / "train", samples=3))
    assert [p.name for p in (tmp_path / "train").iterdir()] == ["nuclei_0001.ome.zarr"]


@pytest.mark.parametrize("kind", KINDS)
def test_overwriting_makes_all_of_it_new(source, tmp_path, kind):
    made(job_of(source, tmp_path / "train", samples=2, **kind))
    other = {"samples": 2, "recipe": RECIPE.replace(seed=4), **kind}
    report = made(job_of(source, tmp_path / "train", **other), overwrite=True)
    assert (len(report.made), report.kept) == (2, ())
    made(job_of(source, tmp_path / "whole", **other))
    assert tree(tmp_path / "train") == tree(tmp_path / "whole")


@pytest.mark.parametrize(
    "change",
    [
        {"recipe": RECIPE.replace(seed=4)},
        {"ranges": {"w_v": (0, 8)}},
        {"psnr": (20,)},
        {"chunk": 16},
        {"file_format": "ome-tiff"},
        {"axes": "tyx"},
        {"recipe": RECIPE.replace(spatial_ndim=2)},
    ],
    ids=str,
)
def test_what_was_made_with_other_settings_is_kept_and_told(source, tmp_path, change):
    made(job_of(source, tmp_path / "train"))
    before = stamps(tmp_path / "train")
    report = done(job_of(source, tmp_path / "train", **change), resume=True)
    assert (report.made, report.kept) == ((), ())
    assert "with other settings, and is left as it is" in report.failed[0][1]
    assert stamps(tmp_path / "train") == before


def test_an_image_of_the_same_name_from_another_folder_is_not_taken_for_finished(tmp_path):
    for n in range(2):
        write_source(tmp_path / f"day{n}" / "a.tif", noise((3, 20, 24), seed=n))
    made(job_of(tmp_path / "day0" / "a.tif", tmp_path / "train"))
    report = done(job_of(tmp_path / "day1" / "a.tif", tmp_path / "train"), resume=True)
    assert report.kept == ()
    assert len(report.failed) == 1


def test_labels_that_came_later_are_asked_for(source, labels, tmp_path):
    made(job_of(source, tmp_path / "train"))
    report = done(job_of(source, tmp_path / "train", labels=labels), resume=True)
    assert report.kept == ()
    assert "with other settings" in report.failed[0][1]


def test_resume_and_overwrite_at_once_are_refused(source, tmp_path):
    with pytest.raises(ValueError, match="choose one"):
        done(job_of(source, tmp_path / "train"), resume=True, overwrite=True)


def test_a_record_is_not_believed_before_its_files_are_there(source, tmp_path, monkeypatch):
    """Killed after the record and before the files got their names, amid overwriting."""
    output, other = tmp_path / "train", RECIPE.replace(seed=4)
    made(job_of(source, output, file_format="ome-tiff"))
    making = sys.modules["napari_diversify.batch.make"]
    real = making.write_record

    def killed(*arguments):
        real(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(making, "write_record", killed)
    job = job_of(source, output, file_format="ome-tiff", recipe=other)
    assert done(job, overwrite=True).failed
    monkeypatch.undo()
    done(job, resume=True)
    assert provenance(output / "nuclei_0000.ome.tif")["recipe"]["seed"] == int(
        table(output)[0]["seed"]
    )
    wanted = other.apply(noise((6, 40, 48)), spacing=(2.0, 0.5, 0.5))
    assert_same_bits(voxels(output / "nuclei_0000.ome.tif"), wanted)


def test_what_is_left_of_a_replaced_folder_goes_with_the_next_run(source, tmp_path):
    """Killed after the new folder got its name and before the old one was removed."""
    job = job_of(source, tmp_path / "train")
    made(job)
    image = tmp_path / "train" / "nuclei_0000.ome.zarr"
    shutil.copytree(image, image.with_name(f".{image.name}.old"))
    made(job, resume=True)
    assert temporary(tmp_path / "train") == []


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "3", "{}", '{"request": {}}', "\xff\xfe"])
def test_a_damaged_record_is_answered(source, tmp_path, text):
    job = job_of(source, tmp_path / "train", samples=2)
    made(job)
    before = tree(tmp_path / "train" / "nuclei_0000.ome.zarr")
    record = tmp_path / "train" / ".diversify" / "nuclei_0000.json"
    record.write_text(text, encoding="latin-1")
    report = done(job, resume=True)
    assert report.kept == ("nuclei_0001",)
    assert [name for name, _ in report.failed] == ["nuclei_0000"]
    assert tree(tmp_path / "train" / "nuclei_0000.ome.zarr") == before


def test_overwriting_never_replaces_an_image_that_is_read(tmp_path):
    folder = tmp_path / "both"
    write_source(folder / "a.tif", noise((20, 24)), "yx")
    write_source(folder / "a_0000.tif", noise((20, 24), seed=1), "yx")
    before = tree(folder)
    try:
        done(job_of(folder, folder, layout="cellpose"), overwrite=True)
    except (OSError, ValueError) as error:
        assert "a_0000" in str(error)  # noqa: PT017
    after = tree(folder)
    assert {name: after[name] for name in before} == before


def test_a_table_that_is_not_ours_is_left_alone(source, tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "manifest.csv").write_text("my own table")
    try:
        done(job_of(source, tmp_path / "train"))
    except OSError as error:
        assert "manifest.csv" in str(error)  # noqa: PT017
    assert (tmp_path / "train" / "manifest.csv").read_text() == "my own table"


def test_a_second_job_adds_its_lines_to_the_table(source, tmp_path):
    write_source(tmp_path / "raw" / "other.tif", noise((4, 20, 24)))
    for layout in ("plain", "nnunet"):
        output = tmp_path / layout
        made(job_of(source, output, samples=2, layout=layout))
        made(job_of(tmp_path / "raw" / "other.tif", output, layout=layout))
        assert sorted({(line["source"], line["sample"]) for line in table(output)}) == [
            ("nuclei", "0"), ("nuclei", "1"), ("other", "0"),
        ]  # fmt: skip
    told = json.loads((tmp_path / "nnunet" / "dataset.json").read_text())
    assert told["numTraining"] == 3


def test_an_array_that_was_edited_in_place_is_measured_anew(tmp_path):
    image = noise((4, 20, 24))
    source = Source("a", array=image, header=header_of(image.shape, image.dtype))
    for n in range(2):
        made(Job((source,), Sampling(recipe=RECIPE, psnr=(15,)), tmp_path / str(n)))
        path = tmp_path / str(n) / "a_0000.ome.zarr"
        assert provenance(path)["recipe"]["intensity_range"] == [image.min(), image.max()]
        image //= 4


def test_an_image_in_memory_is_not_kept_after_its_batch(tmp_path):
    class Watched(np.ndarray):
        pass

    image = noise((4, 20, 24)).view(Watched)
    source = Source("a", array=image, header=header_of(image.shape, image.dtype))
    made(Job((source,), Sampling(recipe=RECIPE), tmp_path / "train"))
    alive = weakref.ref(image)
    del image, source
    gc.collect()
    assert alive() is None


def test_a_changed_file_is_measured_anew(source, tmp_path):
    made(job_of(source, tmp_path / "a"))
    write_source(source, noise((6, 40, 48)) // 4)
    os.utime(source, ns=(1, 1))
    made(job_of(source, tmp_path / "b"))
    told = provenance(tmp_path / "b" / "nuclei_0000.ome.zarr")["recipe"]["intensity_range"]
    assert told == [0, 65535 // 4]
