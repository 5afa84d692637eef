"""Making samples again leaves nothing of the older ones, and nothing else is removed."""

import json
import sys

import pytest
from batch_jobs import RECIPE, done, job_of, made, noise, table, tree, write_source

OTHER = RECIPE.replace(seed=4)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ({}, {"layout": "stardist"}),
        ({}, {"file_format": "ome-tiff"}),
        ({"layout": "stardist"}, {}),
        ({"layout": "cellpose"}, {"layout": "csbdeep"}),
        ({"layout": "careamics"}, {"layout": "cellpose"}),
    ],
    ids=str,
)
@pytest.mark.parametrize("workers", ["4 threads", "3 processes"])
def test_another_layout_leaves_nothing_of_the_one_before(
    source, tmp_path, before, now, workers, executor_of
):
    output, executor = tmp_path / "train", executor_of(workers)
    made(job_of(source, output, samples=2, **before))
    old = {line[k] for line in table(output) for k in ("file", "clean") if line[k]}
    report = made(job_of(source, output, samples=2, **now), overwrite=True, executor=executor)
    assert set(report.removed) == old
    assert len(report.removed) == len(old)
    made(job_of(source, tmp_path / "whole", samples=2, **now))
    assert tree(output) == tree(tmp_path / "whole")


def test_labels_that_are_left_out_go(source, labels, tmp_path):
    output = tmp_path / "train"
    made(job_of(source, output, labels=labels, layout="stardist"))
    report = made(job_of(source, output, layout="stardist"), overwrite=True)
    assert report.removed == ("masks/nuclei_0000.tif",)
    made(job_of(source, tmp_path / "whole", layout="stardist"))
    assert tree(output) == tree(tmp_path / "whole")


def test_what_no_record_tells_of_stays(source, tmp_path):
    output = tmp_path / "train"
    made(job_of(source, output, layout="stardist"))
    mine = [output / "images" / "nuclei_0000_mine.tif", output / "nuclei_0000.txt"]
    for path in mine:
        path.write_text("written by hand")
    report = made(job_of(source, output), overwrite=True)
    assert report.removed == ("images/nuclei_0000.tif",)
    assert [path.read_text() for path in mine] == ["written by hand"] * 2


@pytest.mark.parametrize(
    "path", ["../raw/nuclei.tif", "../nuclei_0000.tif", "images", "", "{root}/nuclei_0000.tif"]
)
def test_a_record_that_was_edited_leads_to_no_other_files(source, tmp_path, path):
    output = tmp_path / "train"
    made(job_of(source, output, layout="stardist"))
    theirs = tmp_path / "nuclei_0000.tif"
    theirs.write_text("somebody else's")
    place = output / ".diversify" / "nuclei_0000.json"
    record = json.loads(place.read_text())
    record["parts"][0]["files"]["labels"] = path.format(root=tmp_path)
    place.write_text(json.dumps(record))
    try:
        report = made(job_of(source, output), overwrite=True)
        assert report.removed == ("images/nuclei_0000.tif",)
    except ValueError as error:
        assert "is an image that is read" in str(error)  # noqa: PT017
    assert theirs.read_text() == "somebody else's"
    assert source.exists()


def test_an_edited_record_never_leads_to_what_is_not_ours(source, tmp_path):
    output = tmp_path / "train"
    made(job_of(source, output, samples=1))
    folders = [output / f"nuclei_0000{end}" for end in ("-notes", ".ome", ".zarr")]
    mine = [*(folder / "a.txt" for folder in folders), tmp_path / "outside" / "nuclei_0000.tif"]
    for path in mine:
        path.parent.mkdir()
        path.write_text("mine")
    (output / "link").symlink_to(tmp_path / "outside")
    place = output / ".diversify" / "nuclei_0000.json"
    record = json.loads(place.read_text())
    others = ["link/nuclei_0000.tif", "../outside/nuclei_0000.tif"]
    record["superseded"] = [folder.name for folder in folders] + others
    place.write_text(json.dumps(record))
    report = made(job_of(source, output, samples=1), overwrite=True)
    assert report.removed == ()
    assert [path.read_text() for path in mine] == ["mine"] * 4


@pytest.mark.parametrize(
    "edit",
    [
        lambda record: record.update(provenance={}),
        lambda record: record.update(provenance=[]),
        lambda record: record.update(request={}),
        lambda record: record["provenance"].pop("source"),
        lambda record: record["provenance"]["recipe"].update(steps=5),
        lambda record: record["parts"][0].pop("header"),
        lambda record: record["parts"][0].update(files={}),
        lambda record: record["parts"][0].update(files={"image": 5}),
        lambda record: record["parts"][0].update(metrics={"foo": 1}),
    ],
)
def test_a_damaged_record_counts_as_none(source, tmp_path, edit):
    output = tmp_path / "train"
    made(job_of(source, output, samples=3))
    place = output / ".diversify" / "nuclei_0001.json"
    record = json.loads(place.read_text())
    edit(record)
    place.write_text(json.dumps(record))
    made(job_of(source, output, samples=3, only=(0,)), overwrite=True)
    assert [row["sample"] for row in table(output)] == ["0", "2"]
    report = done(job_of(source, output, samples=3), resume=True)
    assert [name for name, _ in report.failed] == ["nuclei_0001"]  # its file may be anybody's
    made(job_of(source, output, samples=3), overwrite=True)
    assert [row["sample"] for row in table(output)] == ["0", "1", "2"]


def test_files_that_are_read_are_not_removed(source, labels, tmp_path):
    output = tmp_path / "train"
    made(job_of(source, output, labels=labels, layout="stardist"))
    masks = output / "masks" / "nuclei_0000.tif"
    before = tree(output)
    with pytest.raises(ValueError, match=r"masks.nuclei_0000\.tif is an image that is read"):
        done(job_of(source, output, labels=masks), overwrite=True)
    assert tree(output) == before


def test_what_a_killed_run_did_not_get_to_remove_goes_with_the_next(source, tmp_path, monkeypatch):
    output = tmp_path / "train"
    made(job_of(source, output, layout="stardist"))
    making = sys.modules["napari_diversify.batch.make"]

    def killed(path):
        raise KeyboardInterrupt

    monkeypatch.setattr(making.files, "remove", killed)
    assert done(job_of(source, output), overwrite=True).failed
    monkeypatch.undo()
    assert (output / "images" / "nuclei_0000.tif").exists()
    report = made(job_of(source, output), resume=True)
    assert report.removed == ("images/nuclei_0000.tif",)
    made(job_of(source, tmp_path / "whole"))
    assert tree(output) == tree(tmp_path / "whole")


# ---- samples that would not be made again ----


def test_older_samples_are_not_left_among_new_ones(source, labels, tmp_path):
    output = tmp_path / "train"
    made(job_of(source, output, labels=labels, samples=4, layout="stardist"))
    before = tree(output)
    fewer = job_of(source, output, samples=2, layout="stardist", recipe=OTHER)
    said = r"^4 older files of 2 samples .* would stay .* the first is nuclei_0002\.tif\. Remove"
    with pytest.raises(FileExistsError, match=said):
        done(fewer, overwrite=True)
    assert tree(output) == before
    for folder in ("images", "masks"):
        for n in (2, 3):
            (output / folder / f"nuclei_000{n}.tif").unlink()
    assert len(made(fewer, overwrite=True).made) == 2
    assert {line["seed"] for line in table(output)} == {"4"}


def test_a_choice_of_the_samples_leaves_the_others(source, tmp_path):
    output = tmp_path / "train"
    made(job_of(source, output, samples=4))
    others = {k: v for k, v in tree(output).items() if "_0001" not in k}
    report = made(job_of(source, output, samples=4, only=(1,)), overwrite=True)
    assert report.made == ("nuclei_0001",)
    assert {k: tree(output)[k] for k in others} == others


def test_samples_of_other_images_stay(source, tmp_path):
    output = tmp_path / "train"
    other = write_source(tmp_path / "raw" / "other.tif", noise((4, 20, 24)))
    made(job_of(other, output, samples=3))
    before = tree(output)
    del before["manifest.csv"]
    made(job_of(source, output, samples=2), overwrite=True)
    made(job_of(source, output, samples=2), overwrite=True)
    assert {k: tree(output)[k] for k in before} == before
    assert len(table(output)) == 5
