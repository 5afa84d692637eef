"""Out of what lies in a folder come the images, each with its labels, and what was decided."""

import numpy as np
import pytest
from batch_jobs import RECIPE, done, job_of, made, noise, objects, tree, voxels, write_source
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_diversify import Recipe, files
from napari_diversify.batch import Job, Reading, as_command, as_python, look_at, sources_of
from napari_diversify.recipe import Diversify, Sampling

SHAPE = (3, 20, 24)


def image(path, seed=0, **fields):
    return write_source(path, noise(SHAPE, seed=seed), **fields)


def mask(path, seed=0):
    return write_source(path, objects(SHAPE, seed=seed))


def pairs(inputs):
    return {s.path.name: None if s.labels is None else s.labels.path.name for s in inputs.sources}


def test_masks_beside_images_are_their_labels(tmp_path):
    image(tmp_path / "a.tif")
    mask(tmp_path / "a_masks.tif")
    image(tmp_path / "b.tif")
    mask(tmp_path / "b_cp_masks.tif")
    looked = look_at([tmp_path])
    assert pairs(looked) == {"a.tif": "a_masks.tif", "b.tif": "b_cp_masks.tif"}
    assert looked.notes == ("labels: a with a_masks.tif and 1 more pairs",)


def test_a_list_of_files_is_told_apart_as_a_folder_is(tmp_path):
    everything = [image(tmp_path / "a.tif"), mask(tmp_path / "a_masks.tif")]
    assert pairs(look_at(everything)) == {"a.tif": "a_masks.tif"}


def test_what_this_program_made_itself_is_paired(tmp_path):
    source = image(tmp_path / "raw" / "cells.tif")
    made(job_of(source, tmp_path / "set", labels=mask(tmp_path / "cells_seg.tif"), samples=2))
    assert pairs(look_at([tmp_path / "set"])) == {
        "cells_0000.ome.zarr": "cells_0000_labels.ome.zarr",
        "cells_0001.ome.zarr": "cells_0001_labels.ome.zarr",
    }


def test_two_label_files_of_one_image_are_refused(tmp_path):
    image(tmp_path / "a.tif")
    mask(tmp_path / "a_masks.tif")
    mask(tmp_path / "a_labels.tif")
    with pytest.raises(ValueError, match=r"a\.tif has several label images.*a_labels.*a_masks"):
        look_at([tmp_path])
    with pytest.raises(ValueError, match=r"a\.tif has several label files by their names"):
        look_at([tmp_path], [tmp_path])
    assert pairs(look_at([tmp_path], [tmp_path / "a_masks.tif"])) == {"a.tif": "a_masks.tif"}


def test_an_image_is_never_its_own_label(tmp_path):
    image(tmp_path / "a.tif")
    with pytest.raises(ValueError, match="holds no labels, only the images themselves"):
        look_at([tmp_path], [tmp_path])
    mask(tmp_path / "a_masks.tif")
    assert pairs(look_at([tmp_path], [tmp_path])) == {"a.tif": "a_masks.tif"}


def test_labels_of_no_image_are_left_out_and_told(tmp_path):
    image(tmp_path / "a.tif")
    mask(tmp_path / "gone_masks.tif")
    looked = look_at([tmp_path])
    assert pairs(looked) == {"a.tif": None}
    assert any("gone_masks.tif left out" in note for note in looked.notes)


def test_a_folder_of_nothing_but_labels_is_refused(tmp_path):
    mask(tmp_path / "a_masks.tif")
    mask(tmp_path / "b_masks.tif")
    with pytest.raises(ValueError, match="there is no image among these 2 files, only labels"):
        look_at([tmp_path])


def test_files_that_are_named_are_images_whatever_they_are_called(tmp_path):
    named = [image(tmp_path / f"seg_{n}.tif", seed=n) for n in range(3)]
    assert list(pairs(look_at(named))) == ["seg_0.tif", "seg_1.tif", "seg_2.tif"]
    looked = look_at([named[0]])
    assert list(pairs(looked)) == ["seg_0.tif"]
    assert any("called like labels, but taken as an image" in note for note in looked.notes)


def test_an_image_that_has_labels_is_one_whatever_it_is_called(tmp_path):
    image(tmp_path / "seg_0.tif")
    mask(tmp_path / "seg_0_masks.tif")
    assert pairs(look_at([tmp_path])) == {"seg_0.tif": "seg_0_masks.tif"}


def test_no_labels_takes_none(tmp_path):
    image(tmp_path / "a.tif")
    mask(tmp_path / "a_masks.tif")
    looked = look_at([tmp_path], find_labels=False)
    assert pairs(looked) == {"a.tif": None}
    assert looked.notes == ("a_masks.tif left out as labels",)


def test_labels_in_another_order_than_the_images_are_paired_by_name(tmp_path):
    images = [image(tmp_path / f"{n}.tif", seed=k) for k, n in enumerate("ab")]
    labels = [mask(tmp_path / "m" / f"{n}_mask.tif") for n in "ba"]
    assert pairs(look_at(images, labels)) == {"a.tif": "a_mask.tif", "b.tif": "b_mask.tif"}


def test_labels_of_other_names_are_paired_in_the_given_order_and_it_is_told(tmp_path):
    images = [image(tmp_path / f"{n}.tif", seed=k) for k, n in enumerate("ab")]
    labels = [mask(tmp_path / "m" / f"{n}.tif") for n in ("second", "first")]
    looked = look_at(images, labels)
    assert pairs(looked) == {"a.tif": "second.tif", "b.tif": "first.tif"}
    assert any("in the given order" in note for note in looked.notes)
    with pytest.raises(ValueError, match=r"no label file is called like b\.tif"):
        look_at(images, [mask(tmp_path / "m" / "a.tif"), labels[0]])


def test_what_is_no_image_is_told_by_its_kind(tmp_path):
    image(tmp_path / "a.tif")
    for name in ("preview.jpg", "notes.txt", "run.log", "b.log", "a_seg.npy", ".hidden.tif"):
        (tmp_path / name).write_bytes(b"x")
    looked = look_at([tmp_path])
    assert list(pairs(looked)) == ["a.tif"]
    (note,) = looked.notes
    assert note.startswith("5 other files in ")
    assert note.endswith("not read: 1 .jpg, 2 .log, 1 .txt, 1 _seg.npy")


def test_a_folder_of_folders_says_which_there_are(tmp_path):
    image(tmp_path / "images" / "a.tif")
    (tmp_path / "masks").mkdir()
    with pytest.raises(ValueError, match="holds the folders images, masks: name one of them"):
        look_at([tmp_path])


def test_a_broken_file_does_not_stop_the_others(tmp_path):
    image(tmp_path / "raw" / "a.tif")
    (tmp_path / "raw" / "b.tif").write_bytes(b"II*\0junk")
    report = done(job_of(tmp_path / "raw", tmp_path / "train"))
    assert report.made == ("a_0000",)
    ((name, why),) = report.failed
    assert name == "b_0000"
    assert "b.tif" in why


# ---- noise of its own ----


PLAIN = Recipe(steps=(Diversify(),), seed=3)
DRAWN = Sampling(recipe=PLAIN, samples=2, ranges={"w_v": (0.2, 0.6)})


@pytest.fixture
def batch(tmp_path):
    """Three images of one kind, and what is made of some of them."""
    clean = {n: noise((64, 80), seed=k) for k, n in enumerate(("a", "b", "c"))}
    for name, array in clean.items():
        write_source(tmp_path / "all" / f"{name}.tif", array)

    def make(*names, output, **options):
        inputs = [tmp_path / "all" / f"{name}.tif" for name in names] or [tmp_path / "all"]
        job = Job(sources_of(inputs, **options), DRAWN, tmp_path / output, "stardist")
        assert done(job).failed == ()
        return {p.name: p.read_bytes() for p in (tmp_path / output / "images").iterdir()}

    return make


def test_no_two_images_of_a_batch_share_noise(batch, tmp_path):
    batch(output="set")
    arrays = {
        n: voxels(tmp_path / "set" / "images" / f"{n}_0000.tif").astype(float)
        - voxels(tmp_path / "all" / f"{n}.tif").astype(float)
        for n in "abc"
    }
    for one, other in (("a", "b"), ("a", "c"), ("b", "c")):
        x, y = arrays[one].ravel(), arrays[other].ravel()
        r = float(np.corrcoef(x, y)[0, 1])
        assert abs(r) < 4 / np.sqrt(x.size)  # four standard errors of chance


def test_values_are_drawn_for_each_image(tmp_path):
    names = [f"image {n}" for n in range(200)]
    sampling = Sampling(recipe=RECIPE, ranges={"w_v": (0, 8)})
    drawn = [sampling.keyed(name).drawn(0)["diversify.w_v"] for name in names]
    assert len(set(drawn)) == 200
    assert np.ptp(drawn) > 7
    counts = np.histogram(drawn, 4, (0, 8))[0]
    assert counts.min() > 25  # 50 each if they are even


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=20), st.text(max_size=20), st.integers(0, 2**53 - 1))
def test_a_name_decides_the_noise_and_nothing_else_does(one, other, seed):
    from unicodedata import normalize

    sampling = Sampling(recipe=RECIPE.replace(seed=seed))
    assert sampling.keyed(one) == sampling.keyed(one)
    same = normalize("NFC", one) == normalize("NFC", other)
    assert (sampling.keyed(one) == sampling.keyed(other)) == same


def test_files_around_an_image_and_their_order_change_nothing(batch):
    everything = batch(output="1")
    without = batch("c", "a", output="2")
    assert without == {n: everything[n] for n in everything if n[0] in "ac"}


def test_a_folder_of_one_image_is_keyed_like_one_of_many(batch, tmp_path):
    everything = batch(output="1")
    (tmp_path / "all" / "b.tif").unlink()
    (tmp_path / "all" / "c.tif").unlink()
    assert batch(output="2") == {n: everything[n] for n in everything if n[0] == "a"}


def test_an_image_named_by_itself_has_the_noise_of_the_recipe(batch, tmp_path):
    batch("a", output="1")
    clean = voxels(tmp_path / "all" / "a.tif")
    for number in range(2):
        shown = DRAWN.recipe_of(number).apply(clean)
        assert (voxels(tmp_path / "1" / "images" / f"a_{number:04d}.tif") == shown).all()


def test_a_job_that_takes_one_image_of_a_set_can_give_it_the_noise_of_the_set(batch):
    everything = batch(output="1")
    assert batch("b", output="2", own_noise=True) == {
        n: everything[n] for n in everything if n[0] == "b"
    }
    with pytest.raises(ValueError, match="either the same for all images or each one's own"):
        batch("b", output="3", own_noise=True, same_noise=True)


def test_the_same_noise_for_all_is_an_option(batch, tmp_path):
    batch(output="set", same_noise=True)
    for name in "abc":
        clean = voxels(tmp_path / "all" / f"{name}.tif")
        shown = DRAWN.recipe_of(1).apply(clean)
        assert (voxels(tmp_path / "set" / "images" / f"{name}_0001.tif") == shown).all()


def test_a_name_in_either_form_of_its_letters_is_one_name():
    sampling = Sampling(recipe=RECIPE)
    assert sampling.keyed("Z\u00e4hler") == sampling.keyed("Za\u0308hler")


# ---- the same again as a command ----


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"axes": "tyx"},
        {"voxel_size": {"z": 2.0, "y": 0.5, "x": 0.25}},
        {"in_voxels": True},
        {"find_labels": False},
    ],
    ids=["plain", "axes", "voxel size", "voxels", "no labels"],
)
@pytest.mark.parametrize("several", [False, True], ids=["one", "several"])
def test_the_command_and_the_python_of_a_job_make_the_same(tmp_path, options, several, monkeypatch):
    import shlex

    from typer.testing import CliRunner

    from napari_diversify.cli.main import main

    inputs = [tmp_path / f"{n}.npy" for n in ("a", "b")[: 1 + several]]
    for k, path in enumerate(inputs):
        np.save(path, noise(SHAPE, seed=k))
    job = Job(sources_of(inputs, **options), Sampling(recipe=RECIPE), tmp_path / "job")
    assert done(job).failed == ()
    there = tree(tmp_path / "job")
    for how in ("command", "python"):
        (tmp_path / "job").rename(tmp_path / f"before {how}")
        if how == "command":
            result = CliRunner().invoke(main, shlex.split(as_command(job))[1:])
            assert result.exit_code == 0, result.output
        else:
            exec(compile(as_python(job), "copied", "exec"), {"__name__": "__main__"})
        assert tree(tmp_path / "job") == there


def test_images_that_are_read_in_different_ways_have_no_command(tmp_path):
    np.save(tmp_path / "a.npy", noise(SHAPE))
    np.save(tmp_path / "b.npy", noise(SHAPE))
    mixed = (
        *sources_of([tmp_path / "a.npy"], axes="tyx"),
        *sources_of([tmp_path / "b.npy"], axes="zyx"),
    )
    with pytest.raises(ValueError, match="read in different ways"):
        as_command(Job(mixed, Sampling(recipe=RECIPE), tmp_path / "train"))


# ---- images inside a file ----


def test_labels_of_an_ome_zarr_lie_inside_it(tmp_path):
    where = tmp_path / "raw" / "cells.ome.zarr"
    header = files.header_of(SHAPE, "uint16")
    files.create(where, header)
    files.write_all(where, noise(SHAPE), None)
    inside = files.create_labels(where, "nuclei", files.header_of(SHAPE, "uint32"))
    files.write_all(inside, objects(SHAPE).astype("uint32"), None)
    assert pairs(look_at([where])) == {"cells.ome.zarr": "nuclei"}
    assert pairs(look_at([tmp_path / "raw"])) == {"cells.ome.zarr": "nuclei"}
    assert pairs(look_at([where], [inside])) == {"cells.ome.zarr": "nuclei"}
    assert pairs(look_at([where], ["nuclei"])) == {"cells.ome.zarr": "nuclei"}
    assert pairs(look_at([where], find_labels=False)) == {"cells.ome.zarr": None}
    made(job_of(where, tmp_path / "train"))
    assert (voxels(tmp_path / "train" / "cells_0000_labels.ome.zarr") == objects(SHAPE)).all()
    second = files.create_labels(where, "cells", files.header_of(SHAPE, "uint32"))
    files.write_all(second, objects(SHAPE).astype("uint32"), None)
    with pytest.raises(ValueError, match="has several label images"):
        look_at([where])
    assert pairs(look_at([where], ["cells"])) == {"cells.ome.zarr": "cells"}


def test_an_image_that_is_not_there_is_told(tmp_path):
    np.save(tmp_path / "a.npy", noise(SHAPE))
    with pytest.raises(ValueError, match=r"a\.npy has no image 3; its 1 images count from 0"):
        look_at([tmp_path / "a.npy"], reading=Reading(series=(3,)))
