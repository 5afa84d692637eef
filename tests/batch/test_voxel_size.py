"""Lengths in micrometres need a voxel size: it is known, given, or done without on purpose."""

import itertools

import numpy as np
import pytest
from batch_jobs import done, noise, provenance, replayed, voxels, write_source

from napari_diversify import Recipe
from napari_diversify.batch import Job, look_at, preview, sources_of
from napari_diversify.recipe import DegradeContrast, Diversify, Sampling

SHAPE = (5, 24, 30)
CONTRAST = Recipe(steps=(DegradeContrast(extra_depth=20.0, noise=False),), seed=1)
NOISE = Recipe(steps=(Diversify(),), seed=1)
SIZE = {"z": 2.0, "y": 0.5, "x": 0.25}


def source(path, known="zyx", axes="zyx"):
    """An image that knows its voxel size along some axes."""
    return write_source(
        path,
        noise(SHAPE),
        axes,
        scale=tuple(SIZE.get(a, 1.0) if a in known else 1.0 for a in axes),
        units=tuple("micrometer" if a in known else None for a in axes),
    )


def made_of(path, output, recipe=CONTRAST, **options):
    job = Job(sources_of([path], **options), Sampling(recipe=recipe), output)
    return done(job), output / f"{path.stem}_0000.ome.zarr"


KNOWN = ["".join(c) for n in range(3) for c in itertools.combinations("zyx", n)]


@pytest.mark.parametrize("known", KNOWN, ids=[k or "nothing" for k in KNOWN])
def test_lengths_without_a_voxel_size_are_refused_and_the_way_out_is_named(tmp_path, known):
    path = source(tmp_path / "a.tif", known)
    unknown = [axis for axis in "zyx" if axis not in known]
    for report in (
        made_of(path, tmp_path / "train")[0],
        preview(Job(sources_of([path]), Sampling(recipe=CONTRAST), tmp_path / "train")),
    ):
        ((_, why),) = report.failed
        assert f"along {', '.join(unknown)} is not known" in why
        assert f"--voxel-size {','.join(f'{a}=0.5' for a in unknown)}" in why
        assert "--voxel-size voxels" in why


@pytest.mark.parametrize("known", KNOWN, ids=[k or "nothing" for k in KNOWN])
def test_a_given_size_counts_as_if_the_file_said_it(tmp_path, known):
    reference = made_of(source(tmp_path / "all" / "a.tif"), tmp_path / "1")[1]
    path = source(tmp_path / "some" / "a.tif", known)
    given = {axis: SIZE[axis] for axis in "zyx" if axis not in known}
    report, there = made_of(path, tmp_path / "2", voxel_size=given)
    assert report.failed == ()
    assert (voxels(there) == voxels(reference)).all()
    assert provenance(there)["spacing"] == [2.0, 0.5, 0.25]
    assert provenance(there)["source"]["voxel_size"] == given
    assert replayed(there).different == 0


def test_a_given_size_wins_over_that_of_the_file(tmp_path):
    path = source(tmp_path / "a.tif")
    report, there = made_of(path, tmp_path / "2", voxel_size={"z": 4.0})
    assert report.failed == ()
    assert provenance(there)["spacing"] == [4.0, 0.5, 0.25]
    assert replayed(there).different == 0


def test_lengths_count_in_voxels_only_if_told_so(tmp_path):
    path = source(tmp_path / "a.tif", "yx")
    report, there = made_of(path, tmp_path / "2", in_voxels=True)
    assert report.failed == ()
    assert provenance(there)["spacing"] is None
    assert (voxels(there) == CONTRAST.apply(noise(SHAPE))).all()
    assert replayed(there).different == 0
    known = source(tmp_path / "b.tif")
    report, there = made_of(known, tmp_path / "2", in_voxels=True)
    assert provenance(there)["spacing"] == [2.0, 0.5, 0.25]  # where it is known it counts


def test_planes_need_no_size_along_z(tmp_path):
    path = source(tmp_path / "a.tif", "yx")
    planes = CONTRAST.replace(spatial_ndim=2)
    report, there = made_of(path, tmp_path / "2", planes)
    assert report.failed == ()
    assert provenance(there)["spacing"] == [0.5, 0.25]
    assert replayed(there).different == 0


def test_a_recipe_without_lengths_asks_for_no_size(tmp_path):
    report, there = made_of(source(tmp_path / "a.tif", ""), tmp_path / "1", NOISE)
    assert report.failed == ()
    assert replayed(there).different == 0


def test_a_changed_size_does_not_change_what_is_replayed(tmp_path):
    path = source(tmp_path / "a.tif")
    _, there = made_of(path, tmp_path / "1")
    source(path, "yx")
    assert replayed(there).different == 0


def test_images_of_different_sizes_are_told(tmp_path):
    source(tmp_path / "raw" / "a.tif")
    source(tmp_path / "raw" / "b.tif", "yx")
    write_source(
        tmp_path / "raw" / "c.tif", noise(SHAPE), scale=(1, 1, 1), units=["micrometer"] * 3
    )
    job = Job(look_at([tmp_path / "raw"]).sources, Sampling(recipe=NOISE), tmp_path / "train")
    sentence = (
        "the images differ in voxel size: 2 x 0.5 x 0.25 µm (a), unknown (b), 1 x 1 x 1 µm (c)"
    )
    assert sentence in preview(job).notes
    assert sentence in done(job).notes


def test_a_size_along_an_axis_that_is_not_there_is_told(tmp_path):
    np.save(tmp_path / "plane.npy", noise((24, 30)))
    ((_, why),) = made_of(tmp_path / "plane.npy", tmp_path / "1", voxel_size={"z": 1.0})[0].failed
    assert "a voxel size is given for axis 'z', but the axes of the image are 'yx'" in why
