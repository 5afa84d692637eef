"""What you see is what you export, whoever writes it, in whatever pieces."""

import sys

import numpy as np
import pytest
import zarr
from batch_jobs import (
    CHAIN,
    RECIPE,
    assert_same_bits,
    job_of,
    made,
    noise,
    objects,
    table,
    tree,
    voxels,
    write_source,
)

from napari_diversify import LazyVolume, Recipe
from napari_diversify.batch import engine, run
from napari_diversify.recipe import DegradeContrast, Diversify, LowPass

SPACING = (2.0, 0.5, 0.5)
DEEP, THIN = (59, 20, 61), (3, 40, 52)  # in no direction a multiple of a chunk
ZARR = {
    "chunks of 32": {"chunk": 32},
    "chunks of 57": {"chunk": 57},
    "chunks of 128": {"chunk": 128},
    "shards": {"chunk": 16, "shard": 48},
}
TIFF = {
    "ome-tiff": {"file_format": "ome-tiff"},
    "stardist": {"layout": "stardist"},
    "cellpose": {"layout": "cellpose"},
    "nnunet": {"layout": "nnunet"},
    "careamics": {"layout": "careamics"},
    "csbdeep": {"layout": "csbdeep"},
}
KINDS = ZARR | TIFF


def shape_of(kind):
    return DEEP if kind in ZARR else THIN


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """Volumes on disk, one of them deep enough to be cut, and their labels."""
    folder = tmp_path_factory.mktemp("raw")
    fields = {"scale": SPACING, "units": ("micrometer",) * 3}
    for name, shape in (("deep", DEEP), ("thin", THIN)):
        write_source(folder / f"{name}.tif", noise(shape), **fields)
        write_source(folder / f"{name}_labels.tif", objects(shape), **fields)
    return folder


@pytest.fixture(scope="module")
def job(raw):
    """A job of two samples, as one kind of output."""

    def of(kind, output):
        settings = {"samples": 2, "ranges": {"w_v": (0.5, 3)}, **KINDS[kind]}
        name = "deep" if kind in ZARR else "thin"
        with_labels = kind not in ("careamics", "csbdeep")
        return job_of(
            raw / f"{name}.tif",
            output,
            labels=raw / f"{name}_labels.tif" if with_labels else (),
            recipe=CHAIN,
            **settings,
        )

    return of


@pytest.fixture(scope="module")
def reference(job, tmp_path_factory):
    """The files of a kind, made by the threads that are used by default."""
    known = {}

    def of(kind):
        if kind not in known:
            # all outputs lie equally deep: the way to their source is written in them
            output = tmp_path_factory.mktemp("reference") / "train"
            made(job(kind, output))
            known[kind] = output
        return known[kind]

    return of


def big_from(monkeypatch, n):
    """From so many bytes on, all workers share one image."""
    # as an attribute of the package, `run` is the function
    monkeypatch.setattr(sys.modules["napari_diversify.batch.running"], "_BIG", n)


def screen(job, kind, number):
    """What the widget would show of a sample, computed with nothing but the recipe."""
    recipe = job.sampling.recipe_of(number)
    return recipe.apply(noise(shape_of(kind)), spacing=SPACING, sample=number)


def stacked(output, lines, role, shape):
    """All files of one sample in a row: some layouts keep a file per plane."""
    planes = [voxels(output / line[role]).reshape(-1, *shape[1:]) for line in lines]
    return np.concatenate(planes)


# ---- every voxel ----


@pytest.mark.parametrize("kind", KINDS)
def test_every_voxel_on_disk_is_the_voxel_on_the_screen(kind, job, reference):
    output, shape = reference(kind), shape_of(kind)
    task = job(kind, output)
    for number in range(2):
        lines = [line for line in table(output) if int(line["sample"]) == number]
        written = stacked(output, lines, "file", shape)
        assert_same_bits(written, screen(task, kind, number))
        shown = LazyVolume(noise(shape), task.sampling.recipe_of(number), SPACING)
        assert_same_bits(written[2], shown[2])
        assert_same_bits(written[:, 15], shown[:, 15])


@pytest.mark.parametrize("kind", KINDS)
def test_labels_and_clean_images_come_out_as_they_went_in(kind, reference):
    output, shape = reference(kind), shape_of(kind)
    for number in range(2):
        lines = [line for line in table(output) if int(line["sample"]) == number]
        if kind in ("careamics", "csbdeep"):
            assert all(line["labels"] == "" for line in lines)
            assert_same_bits(stacked(output, lines, "clean", shape), noise(shape))
            continue
        assert all(line["clean"] == "" for line in lines)
        labels = stacked(output, lines, "labels", shape)
        if kind == "nnunet":
            np.testing.assert_array_equal(labels > 0, objects(shape) > 0)
        else:
            assert_same_bits(labels, objects(shape))


def test_an_ome_zarr_read_by_zarr_alone_holds_the_same_voxels(job, reference):
    for kind in ("chunks of 57", "shards"):
        output = reference(kind)
        array = zarr.open_array(str(output / "deep_0001.ome.zarr" / "0"), mode="r")
        assert_same_bits(array[...], screen(job(kind, output), kind, 1))
        wanted = KINDS[kind]
        assert array.chunks == tuple(min(wanted["chunk"], n) for n in DEEP)
        if "shard" in wanted:
            assert array.shards == (48, 32, 48)  # y ends before


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "float32"])
@pytest.mark.parametrize("axes", ["yx", "tyx", "czyx", "tczyx"])
def test_images_of_all_axes_and_dtypes_are_what_they_look_like(tmp_path, dtype, axes):
    sizes = {"t": 2, "c": 3, "z": 4, "y": 20, "x": 24}
    image = noise(tuple(sizes[a] for a in axes), dtype)
    path = tmp_path / "a.npy"
    np.save(path, image)
    for file_format in ("ome-zarr", "ome-tiff"):
        output = tmp_path / file_format
        made(job_of(path, output, axes=axes, samples=2, file_format=file_format))
        recipe = RECIPE.replace(spatial_ndim=3 if "z" in axes else 2)
        for line in table(output):
            wanted = recipe.apply(image, sample=int(line["sample"]))
            assert_same_bits(voxels(output / line["file"]), wanted)


def test_samples_of_one_image_differ_from_each_other_and_from_it(reference):
    output = reference("ome-tiff")
    found = [voxels(output / line["file"]) for line in table(output)]
    assert np.mean(found[0] == found[1]) < 0.2
    assert np.mean(found[0] == noise(THIN)) < 0.2


# ---- every byte ----


WORK = [(kind, False, who) for kind in KINDS for who in ("1 thread", "4 threads", "3 processes")]
WORK += [(kind, True, who) for kind in (*ZARR, "nnunet") for who in ("4 threads", "3 processes")]


@pytest.mark.parametrize(("kind", "shared", "workers"), WORK)
def test_who_does_the_work_does_not_change_a_byte(
    kind, shared, workers, job, reference, executor_of, tmp_path, monkeypatch
):
    if shared:  # all workers on one image, instead of one on each
        big_from(monkeypatch, 0)
    made(job(kind, tmp_path / "train"), executor=executor_of(workers))
    assert tree(tmp_path / "train") == tree(reference(kind))


@pytest.mark.parametrize("shared", [False, True], ids=["sample each", "one image"])
@pytest.mark.parametrize("kind", ["chunks of 32", "shards", "nnunet"])
def test_a_dask_cluster_does_not_change_a_byte(
    kind, shared, job, reference, cluster, tmp_path, monkeypatch
):
    if shared:
        big_from(monkeypatch, 0)
    with engine(scheduler=cluster) as executor:
        made(job(kind, tmp_path / "train"), executor=executor)
    assert tree(tmp_path / "train") == tree(reference(kind))


def test_one_worker_process_does_not_change_a_byte(job, reference, tmp_path):
    with engine(1) as executor:
        made(job("shards", tmp_path / "train"), executor=executor)
    assert tree(tmp_path / "train") == tree(reference("shards"))


def test_a_chain_that_needs_the_whole_volume_does_not_depend_on_who_works(
    raw, processes, tmp_path, monkeypatch
):
    recipe = Recipe(
        steps=(LowPass(volume=True, cutoff=0.4), Diversify(), DegradeContrast(growing=True)), seed=8
    )
    outputs = [tmp_path / name / "train" for name in ("threads", "processes")]
    settings = {"recipe": recipe, "chunk": 32}
    made(job_of(raw / "deep.tif", outputs[0], **settings))
    big_from(monkeypatch, 0)
    made(job_of(raw / "deep.tif", outputs[1], **settings), executor=processes)
    assert tree(outputs[0]) == tree(outputs[1])
    whole = recipe.apply(noise(DEEP), spacing=SPACING)
    assert_same_bits(voxels(outputs[1] / "deep_0000.ome.zarr"), whole)


def test_chunks_and_formats_do_not_change_a_number(reference):
    for kinds in (ZARR, [kind for kind in TIFF if kind != "cellpose"]):
        numbers = []
        for kind in kinds:
            lines = table(reference(kind))
            paths = ("file", "labels", "clean")
            numbers.append([{k: line[k] for k in line if k not in paths} for line in lines])
        assert all(other == numbers[0] for other in numbers)


def test_progress_only_rises_and_ends_at_its_total(job, tmp_path, monkeypatch):
    for n, size in enumerate((1 << 40, 0)):
        big_from(monkeypatch, size)
        told = list(run(job("chunks of 32", tmp_path / str(n))))
        assert told[0][0] == 0
        assert told[-1][0] == told[-1][1]
        assert all(a[0] <= b[0] <= b[1] == a[1] for a, b in zip(told, told[1:], strict=False))
        assert len({done for done, _ in told}) > 2
