"""What cannot be done is said in a sentence; what can be done meanwhile is done."""

import re

import numpy as np
import pytest
from batch_jobs import (
    RECIPE,
    done,
    job_of,
    made,
    noise,
    objects,
    table,
    temporary,
    tree,
    write_source,
)

from napari_diversify import Recipe
from napari_diversify.batch import Job, Source, engine, size_of, sources_of
from napari_diversify.files import header_of
from napari_diversify.recipe import DegradeContrast, Diversify, LowPass, Sampling

SHAPE = (6, 40, 48)


def is_sentence(text):
    return bool(re.search(r"\w+ \w+ \w+", text)) and "Traceback" not in text and "0x" not in text


# ---- labels ----


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (objects((5, 40, 48)), r"have the shape \(5, 40, 48\).*needs labels of \(6, 40, 48\)"),
        (objects((40, 48)), "needs labels of"),
        (objects(SHAPE).astype("float32"), "labels must have an integer dtype; these are float32"),
    ],
    ids=["shape", "axes", "float"],
)
@pytest.mark.parametrize("layout", ["plain", "stardist", "nnunet", "cellpose"])
def test_labels_that_do_not_fit_are_told(source, tmp_path, layout, labels, said):
    np.save(tmp_path / "labels.npy", labels)
    job = job_of(source, tmp_path / "train", labels=tmp_path / "labels.npy", layout=layout)
    report = done(job)
    assert report.made == ()
    assert re.search(said, report.failed[0][1])
    assert tree(tmp_path / "train") in ({}, {".": None})


def test_as_many_labels_as_images_are_asked_for(source, labels, tmp_path):
    write_source(tmp_path / "raw" / "b.tif", noise((4, 20, 24)))
    inputs = [source, tmp_path / "raw" / "b.tif"]
    with pytest.raises(ValueError, match="there are 2 images but 1 label files"):
        sources_of(inputs, [labels])
    with pytest.raises(FileNotFoundError, match=r"nothing\.tif: there is no such file"):
        sources_of(inputs, [labels, tmp_path / "nothing.tif"])
    (tmp_path / "masks").mkdir()
    with pytest.raises(ValueError, match="no image in this folder"):
        sources_of(inputs, [tmp_path / "masks"])
    write_source(tmp_path / "masks" / "nuclei_masks.tif", objects(SHAPE))
    with pytest.raises(ValueError, match=r"holds no labels for b\.tif: none is called b or"):
        sources_of(inputs, [tmp_path / "masks"])
    (only,) = sources_of([source], [tmp_path / "masks"])
    assert only.labels.path.name == "nuclei_masks.tif"


@pytest.mark.parametrize("layout", ["careamics", "csbdeep"])
def test_pairs_take_no_labels(source, labels, tmp_path, layout):
    with pytest.raises(ValueError, match="takes pairs of images, not labels"):
        job_of(source, tmp_path / "train", labels=labels, layout=layout)


# ---- images ----


def truncated(path):
    write_source(path, noise(SHAPE))
    path.write_bytes(path.read_bytes()[:-2000])


def garbage(path):
    path.write_bytes(b"these are not the voxels you are looking for")


def constant(path):
    write_source(path, np.full(SHAPE, 7, "uint16"))


def not_finite(path):
    image = noise(SHAPE, "float32")
    image[1, 2, 3] = np.nan
    write_source(path, image)


def short_numpy(path):
    np.save(path.with_suffix(".npy"), noise(SHAPE))
    path.with_suffix(".npy").write_bytes(path.with_suffix(".npy").read_bytes()[:500])


BAD = [truncated, garbage, constant, not_finite, short_numpy]


@pytest.mark.parametrize("spoil", BAD, ids=lambda f: f.__name__)
@pytest.mark.parametrize("workers", ["1 thread", "3 processes"])
def test_one_bad_image_does_not_stop_the_others(tmp_path, executor_of, spoil, workers):
    folder = tmp_path / "raw"
    for n, name in enumerate("ac"):
        write_source(folder / f"{name}.tif", noise((3, 20, 24), seed=n))
    spoil(folder / "b.tif")
    job = job_of(folder, tmp_path / "train", samples=2)
    report = done(job, executor=executor_of(workers))
    assert report.made == ("a_0000", "a_0001", "c_0000", "c_0001")
    assert [name for name, _ in report.failed] == ["b_0000", "b_0001"]
    assert all(is_sentence(why) for _, why in report.failed)
    assert [line["source"] for line in table(tmp_path / "train")] == ["a", "a", "c", "c"]
    assert temporary(tmp_path / "train") == []


def test_a_mended_image_is_made_by_resuming(tmp_path):
    write_source(tmp_path / "raw" / "a.tif", noise((3, 20, 24)))
    garbage(tmp_path / "raw" / "b.tif")
    assert len(done(job_of(tmp_path / "raw", tmp_path / "train")).failed) == 1
    write_source(tmp_path / "raw" / "b.tif", noise((3, 20, 24), seed=1))
    report = made(job_of(tmp_path / "raw", tmp_path / "train"), resume=True)
    assert (report.made, report.kept) == (("b_0000",), ("a_0000",))


def test_an_image_that_vanishes_is_told(source, tmp_path):
    job = job_of(source, tmp_path / "train")
    source.unlink()
    assert "there is no such file" in done(job).failed[0][1]
    with pytest.raises(FileNotFoundError, match=r"nuclei\.tif"):
        size_of(job)


def test_folders_without_images_and_missing_files_are_told(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"empty: no image in this folder \(\.ome\.zarr"):
        job_of(tmp_path / "empty", tmp_path / "train")
    with pytest.raises(FileNotFoundError, match=r"nothing\.tif: there is no such file"):
        job_of(tmp_path / "nothing.tif", tmp_path / "train")
    with pytest.raises(ValueError, match="there is no image to make samples of"):
        job_of([], tmp_path / "train")


@pytest.mark.parametrize(
    ("axes", "said"),
    [("zyxq", "axes"), ("zy", "axes"), ("yx", "axes"), ("zzyx", "axes"), ("zya", "axes")],
)
def test_axes_that_cannot_be_are_told(tmp_path, axes, said):
    np.save(tmp_path / "a.npy", noise((3, 20, 24)))
    report = done(job_of(tmp_path / "a.npy", tmp_path / "train", axes=axes))
    assert said in report.failed[0][1]
    assert is_sentence(report.failed[0][1])


def test_a_recipe_for_volumes_is_not_run_on_planes(tmp_path):
    np.save(tmp_path / "a.npy", noise((3, 20, 24)))
    recipe = RECIPE.replace(spatial_ndim=3)
    report = done(job_of(tmp_path / "a.npy", tmp_path / "train", axes="tyx", recipe=recipe))
    assert re.search("takes volumes.*axes of the image are 'tyx'", report.failed[0][1])


def test_a_step_that_does_not_fit_is_told_and_a_missing_voxel_size_is_none_of_them(tmp_path):
    np.save(tmp_path / "a.npy", noise((3, 20, 24)))
    deep = Recipe(steps=(DegradeContrast(surface=9, growing=True),))
    report = done(job_of(tmp_path / "a.npy", tmp_path / "train", recipe=deep))
    assert "surface must be a plane of the image, 0 to 2; got 9" in report.failed[0][1]
    plain = Recipe(steps=(DegradeContrast(), LowPass()))
    made(job_of(tmp_path / "a.npy", tmp_path / "voxels", recipe=plain))


def test_what_a_format_cannot_hold_is_told(tmp_path):
    np.save(tmp_path / "a.npy", noise((3, 20, 24)).astype("uint64"))
    report = done(job_of(tmp_path / "a.npy", tmp_path / "train", layout="stardist"))
    assert "TIFF cannot hold uint64" in report.failed[0][1]
    made(job_of(tmp_path / "a.npy", tmp_path / "zarr"))


# ---- names ----


@pytest.mark.parametrize("name", ["../a", "a/b", "..", "", " a", "CON", "a:b", "x" * 201])
def test_names_that_lead_elsewhere_are_refused(tmp_path, name):
    image = noise((20, 24))
    source = Source(name, array=image, header=header_of(image.shape, image.dtype))
    with pytest.raises(ValueError, match="cannot be a file name"):
        Job((source,), Sampling(recipe=RECIPE), tmp_path / "train")
    assert not (tmp_path / "train").exists()


def test_two_images_of_one_name_are_refused(tmp_path):
    paths = [
        write_source(tmp_path / "day1" / "a.tif", noise((3, 20, 24))),
        write_source(tmp_path / "day2" / "A.tif", noise((3, 20, 24))),
    ]
    with pytest.raises(ValueError, match="two images would be called 'a' and 'A'"):
        job_of(paths, tmp_path / "train")


def test_names_that_a_tool_takes_for_labels_are_refused(tmp_path):
    for layout, name in (("cellpose", "a_masks"), ("plain", "a_labels")):
        path = write_source(tmp_path / f"{name}.tif", noise((3, 20, 24)))
        with pytest.raises(ValueError, match="means a file of another kind"):
            job_of(path, tmp_path / "train", layout=layout)


# ---- jobs ----


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"layout": "imaginary"}, "layout must be one of plain, stardist"),
        ({"layout": "stardist", "file_format": "ome-zarr"}, "takes tiff; got 'ome-zarr'"),
        ({"file_format": "png"}, "takes ome-zarr or ome-tiff; got 'png'"),
        ({"file_format": "ome-tiff", "chunk": 32}, "for ome-zarr files only"),
        ({"chunk": 0}, "1 voxel or more; got 0"),
        ({"shard": -1}, "1 voxel or more; got -1"),
    ],
)
def test_jobs_that_cannot_be_are_refused(source, tmp_path, settings, said):
    with pytest.raises(ValueError, match=said):
        job_of(source, tmp_path / "train", **settings)


def test_shards_that_do_not_hold_whole_chunks_are_told(source, tmp_path):
    report = done(job_of(source, tmp_path / "train", chunk=16, shard=40))
    assert "shards must be multiples of the chunks" in report.failed[0][1]
    assert tree(tmp_path / "train") == {}


def test_a_source_is_a_file_or_an_array_with_its_header():
    for fields in ({}, {"array": np.zeros((3, 3))}):
        with pytest.raises(ValueError, match=r"a source is .*file"):
            Source("a", **fields)


def test_the_size_is_told_before_anything_is_written(source, labels, tmp_path):
    voxels = np.prod(SHAPE)
    for layout, each in (("plain", 4), ("stardist", 4)):
        job = job_of(source, tmp_path / "t", labels=labels, samples=3, layout=layout)
        assert size_of(job) == 3 * each * voxels
    assert size_of(job_of(source, tmp_path / "t", samples=3, layout="careamics")) == 3 * 4 * voxels
    assert size_of(job_of(source, tmp_path / "t", samples=2, psnr=(20, 15))) == 4 * 2 * voxels


# ---- workers ----


def enter(**settings):
    with engine(**settings):
        pytest.fail("there is no such engine")


def test_workers_and_a_scheduler_at_once_are_refused():
    with pytest.raises(ValueError, match="either a number of workers or the address"):
        enter(workers=2, scheduler="tcp://127.0.0.1:8786")
    for n in (0, -3):
        with pytest.raises(ValueError, match="workers must be 1"):
            enter(workers=n)


def test_a_scheduler_that_does_not_answer_is_told(monkeypatch):
    import distributed

    def impatient(*args, **keywords):
        return real(*args, **{**keywords, "timeout": "0.2s"})

    real = distributed.Client
    monkeypatch.setattr(distributed, "Client", impatient)
    for address in ("tcp://127.0.0.1:1", "nonsense://here"):
        with pytest.raises(OSError, match=f"no dask scheduler answers at {address}.*Is it running"):
            enter(scheduler=address)


def test_a_missing_library_is_told_with_what_to_install(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match="pip install distributed"):
        enter(scheduler="tcp://127.0.0.1:8786")


def test_a_recipe_with_nothing_to_do_is_refused(source, tmp_path):
    with pytest.raises(ValueError, match="the recipe has no steps"):
        job_of(source, tmp_path / "train", recipe=Recipe())
    assert Diversify()
