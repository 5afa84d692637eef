"""What others have written stays; what cannot be written is said before the work begins."""

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from batch_jobs import RECIPE, done, job_of, made, noise, table, tree, write_source
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from napari_diversify import files
from napari_diversify.batch import Job, Source, preview
from napari_diversify.batch.record import ours
from napari_diversify.cli import main as cli
from napari_diversify.recipe import Sampling

AGAIN = [{}, {"resume": True}, {"overwrite": True}]


def refused(job, said, error=OSError, **options):
    """Assert that a job is refused, by a dry run too, and that nothing has changed."""
    before = tree(job.output.parent)
    for action in (done, preview):
        with pytest.raises(error, match=said):
            action(job, **options)
    assert tree(job.output.parent) == before


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


# ---- JSON of nnU-Net ----


@pytest.mark.parametrize("options", AGAIN, ids=str)
@pytest.mark.parametrize(
    "content",
    [
        {"name": "mine", "labels": {"background": 0, "cell": 1}},
        {"channel_names": {"0": "CT"}, "labels": {"background": 0}, "numTraining": 1},
        [1],
        "no JSON",
    ],
    ids=str,
)
def test_a_data_set_of_somebody_else_is_not_replaced(source, tmp_path, content, options):
    output = tmp_path / "train"
    other = write_source(tmp_path / "raw" / "other.tif", noise((3, 20, 24)))
    made(job_of(other, output))  # so that the folder is ours, but for this
    put(output / "dataset.json", content)
    refused(job_of(source, output, layout="nnunet"), r"dataset\.json is not as a batch", **options)


@pytest.mark.parametrize("options", AGAIN, ids=str)
@pytest.mark.parametrize("folder", ["imagesTr", "labelsTr"])
@pytest.mark.parametrize("name", ["nuclei_0001", "nuclei_0000_t3", "nuclei_0000_t03_z1"])
def test_a_voxel_size_of_somebody_else_is_not_replaced(source, tmp_path, folder, name, options):
    output = tmp_path / "train"
    theirs = put(output / folder / f"{name}.json", {"spacing": [1, 2, 3]})
    job = job_of(source, output, layout="nnunet", samples=2)
    refused(job, rf"{name}\.json is not as a batch wrote it", **options)
    theirs.rename(theirs.with_name("another_0000.json"))
    put(output / folder / "nuclei.json", {"spacing": [1, 2, 3]})
    made(job, **options)
    assert json.loads((output / folder / "nuclei.json").read_text()) == {"spacing": [1, 2, 3]}
    assert (output / folder / "another_0000.json").exists()


@pytest.mark.parametrize("options", AGAIN[1:], ids=str)
@pytest.mark.parametrize(
    ("path", "edit"),
    [
        ("dataset.json", lambda told: told.update(channel_names={"0": "CT"})),
        ("dataset.json", lambda told: told.update(licence="mine")),
        ("dataset.json", lambda told: told["labels"].update(border=3)),
        ("imagesTr/nuclei_0000.json", lambda told: told.update(spacing=[1], note="measured")),
        ("labelsTr/nuclei_0001.json", lambda told: told.clear()),
    ],
)
def test_what_somebody_has_edited_is_not_replaced(source, tmp_path, path, edit, options):
    output = tmp_path / "train"
    made(job_of(source, output, layout="nnunet", samples=2))
    told = json.loads((output / path).read_text())
    edit(told)
    put(output / path, told)
    more = job_of(source, output, layout="nnunet", samples=3)
    refused(more, f"{Path(path).name} is not as a batch wrote it", **options)


def test_what_a_batch_has_written_is_replaced(source, tmp_path):
    """Another voxel size, more images, killed before its tables: all of that is ours."""
    output = tmp_path / "train"
    made(job_of(source, output, layout="nnunet", samples=2))
    first = tree(output)
    sized = write_source(
        source, noise((6, 40, 48)), scale=(3.0, 0.5, 0.5), units=("micrometer",) * 3
    )
    more = job_of(sized, output, layout="nnunet", samples=3)
    made(more, overwrite=True)
    last = tree(output)
    for name in ("dataset.json", "manifest.csv", "imagesTr/nuclei_0000.json"):
        (output / name).write_bytes(first[name])
    (output / "labelsTr" / "nuclei_0001.json").unlink()
    made(more, resume=True)
    assert tree(output) == last
    assert json.loads(last["imagesTr/nuclei_0000.json"]) == {"spacing": [3.0, 0.5, 0.5]}


def test_channels_of_the_first_image_may_change(tmp_path):
    """The names of the channels are those of the first image, whichever that is."""
    for name, channels in (("b", ("nuclei",)), ("a", ("membranes",))):
        image = noise((1, 3, 20, 24))
        path = write_source(tmp_path / f"{name}.tif", image, "czyx", channels=channels)
        made(job_of(path, tmp_path / "train", layout="nnunet"))
    told = json.loads((tmp_path / "train" / "dataset.json").read_text())
    assert told["channel_names"] == {"0": "membranes"}


# ---- the table ----


@pytest.mark.parametrize("options", AGAIN[1:], ids=str)
@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("\n", ",split\n", 1),
        lambda text: text.replace(",", ";"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace("psnr", "PSNR"),
        lambda text: "my own table",
        lambda text: "",
    ],
)
def test_a_table_that_somebody_has_edited_is_not_replaced(source, tmp_path, edit, options):
    output = tmp_path / "train"
    made(job_of(source, output, samples=2))
    text = (output / "manifest.csv").read_text()
    (output / "manifest.csv").write_text(edit(text), encoding="utf-8")
    refused(job_of(source, output, samples=3), "manifest.csv has been changed", **options)
    (output / "manifest.csv").rename(output / "mine.csv")
    made(job_of(source, output, samples=3), **options)
    assert len(table(output)) == 3


def test_a_table_in_a_folder_without_records_is_not_replaced(source, tmp_path):
    output = tmp_path / "train"
    put(output / "manifest.csv", "file,labels")
    (output / ".diversify").mkdir()
    refused(job_of(source, output), "holds a manifest.csv that no batch has written", resume=True)


# ---- images that are read ----


@pytest.mark.parametrize(
    ("layout", "name"),
    [
        ("cellpose", "a_0000.tif"),
        ("cellpose", "a_0000_t1.tif"),
        ("cellpose", "a_0001_z02_masks.tif"),
        ("stardist", "images/a_0001_t0.tif"),
        ("nnunet", "imagesTr/a_0000_t0_0001.tif"),
        ("plain", "a_0001.ome.zarr"),
        ("plain", "a_0001.ome.zarr/labels/nuclei"),
        ("csbdeep", "GT/a_0000.tif"),
    ],
)
def test_an_image_that_is_read_is_never_replaced(tmp_path, layout, name):
    output = tmp_path / "train"
    array = noise((2, 20, 24))
    first = write_source(tmp_path / "raw" / "a.tif", array)
    second = output / name
    second.parent.mkdir(parents=True, exist_ok=True)
    if second.suffix == ".tif":
        write_source(second, array)
    else:
        files.create(second, files.header_of(array.shape, array.dtype))
        files.write_all(second, array, {})
    links = tmp_path / "linked"
    links.symlink_to(output)
    sources = (Source("a", path=first), Source("b", path=second))
    for where in (output, links, tmp_path / "raw" / ".." / "train"):
        job = Job(sources, Sampling(recipe=RECIPE, samples=2), where, layout)
        refused(job, "is an image that is read", ValueError, overwrite=True)


def test_an_image_that_a_link_leads_to_is_never_replaced(tmp_path):
    output = tmp_path / "train"
    real = write_source(output / "a_0000.ome.tif", noise((2, 20, 24)))
    link = tmp_path / "raw" / "a.ome.tif"
    link.parent.mkdir()
    link.symlink_to(real)
    job = job_of(link, output, file_format="ome-tiff")
    refused(job, "is an image that is read", ValueError, overwrite=True)


def test_nothing_is_written_into_an_image_that_is_read(tmp_path):
    array = noise((2, 20, 24))
    path = tmp_path / "raw" / "a.ome.zarr"
    files.create(path, files.header_of(array.shape, array.dtype))
    files.write_all(path, array, {})
    for output in (path, path / "train", path / "deep" / "er"):
        before = tree(tmp_path)
        with pytest.raises(ValueError, match="is an image that is read, or lies in one"):
            done(job_of(path, output))
        assert tree(tmp_path) == before


@given(
    name=st.text("ab_t0123.", min_size=1, max_size=12),
    layout=st.sampled_from(["plain", "cellpose", "nnunet", "csbdeep"]),
    axes=st.sampled_from(["yx", "zyx", "tyx", "tczyx"]),
    n=st.integers(1, 12),
)
def test_the_name_of_a_sample_is_found_in_all_of_its_files(name, layout, axes, n):
    from napari_diversify.batch.make import targets_of
    from napari_diversify.batch.parts import unit_of

    sizes = dict(zip("tczyx", (3, 2, 2, 4, 5), strict=True))
    header = files.header_of([sizes[a] for a in axes], "uint8", axes)
    try:
        source = Source(name, array=np.zeros(header.shape, "uint8"), header=header)
        job = Job((source,), Sampling(recipe=RECIPE, samples=n), Path("train"), layout)
    except ValueError:
        return
    for unit in job.units():
        for target in targets_of(job, unit, header):
            way = target.relative_to("train").as_posix()
            found = files.names_of(job.how, way, job.format.ending)
            assert unit.name in {unit_of(part) for part in found}


# ---- samples are not taken for images ----


def test_a_folder_knows_what_a_batch_has_made_in_it(source, labels, tmp_path):
    folder = tmp_path / "raw"
    before = set(folder.iterdir())
    assert ours(folder) == set()
    made(job_of(source, folder, labels=labels, samples=2))
    made(job_of(source, folder / "out.zarr"))
    put(folder / "notes.txt", "mine")
    links = tmp_path / "link"
    links.symlink_to(folder)
    for where in (folder, links, str(folder)):
        found = ours(where)
        assert found == {
            *(folder / f"nuclei_000{n}{end}.ome.zarr" for n in range(2) for end in ("", "_labels")),
            folder / "out.zarr",
        }
        assert not found & before


# ---- folders that cannot be written to ----


def in_the_way(folder):
    return put(folder / "train", "a file") / "deeper"


def itself(folder):
    return put(folder / "train", "a file")


def inside(folder):
    return put(folder / "train" / "images", "a file").parent


def records(folder):
    return put(folder / "train" / ".diversify", "a file").parent


def gone(folder):
    (folder / "train").symlink_to(folder / "no such drive")
    return folder / "train" / "set"


@pytest.mark.parametrize("spoil", [in_the_way, itself, inside, records, gone])
@pytest.mark.parametrize("options", AGAIN, ids=str)
def test_what_is_in_the_way_of_a_folder_is_said_once_and_at_once(source, tmp_path, spoil, options):
    output = spoil(tmp_path)
    job = job_of(source, output, samples=3, layout="stardist")
    before = {p: p.is_file() and p.read_bytes() for p in tmp_path.rglob("*")}
    for action in (done, preview):
        with pytest.raises(
            OSError, match=r"cannot be written: .*(is a file, not a folder|leads to)"
        ):
            action(job, **options)
    assert {p: p.is_file() and p.read_bytes() for p in tmp_path.rglob("*")} == before


def test_a_folder_without_permission_is_said(source, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    refused(job_of(source, tmp_path / "train"), "you may not write there. Choose another folder")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "your quota"),
        (errno.EROFS, "this disk is read-only"),
        (errno.EIO, "its drive does not respond"),
    ],
)
def test_a_disk_that_takes_nothing_is_said_before_the_work_begins(
    source, tmp_path, monkeypatch, number, said
):
    real = Path.open

    def full(path, mode="r", *arguments, **keywords):
        if set(mode) & set("wx"):
            raise OSError(number, os.strerror(number), str(path))
        return real(path, mode, *arguments, **keywords)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OSError, match=f"train cannot be written: {said}"):
        done(job_of(source, tmp_path / "train", samples=3))
    assert not (tmp_path / "train").exists()


def test_a_command_that_cannot_write_ends_with_one_sentence(source, tmp_path):
    RECIPE.save(tmp_path / "recipe.json")
    put(tmp_path / "file", "in the way")
    words = ["apply", tmp_path / "recipe.json", source, "-o", tmp_path / "file" / "train", "-n", 9]
    for more in ([], ["--dry-run"], ["--resume", "--json"], ["--workers", 2]):
        result = CliRunner().invoke(cli.main, [str(word) for word in words + more])
        assert result.exit_code == 1
        assert result.stdout == ""
        assert result.stderr.count("\n") == 1
        assert "file is a file, not a folder. Choose another folder." in result.stderr


def test_what_is_finished_can_be_resumed_on_a_disk_that_takes_nothing(
    source, tmp_path, monkeypatch
):
    output = tmp_path / "train"
    made(job_of(source, output, samples=2))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert len(made(job_of(source, output, samples=2), resume=True).kept) == 2
    with pytest.raises(OSError, match="you may not write there"):
        done(job_of(source, output, samples=3), resume=True)


def test_a_moved_training_set_is_resumed(source, tmp_path):
    made(job_of(source, tmp_path / "train", samples=2))
    shutil.move(tmp_path / "train", tmp_path / "moved")
    assert len(made(job_of(source, tmp_path / "moved", samples=2), resume=True).kept) == 2
