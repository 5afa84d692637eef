"""Provenance: read whatever version wrote it, written as it has always been."""

import json
from pathlib import Path

import numpy as np
import pytest

from napari_diversify import Recipe
from napari_diversify.files import open_image
from napari_diversify.recipe import Diversify, Sampling
from napari_diversify.recipe.provenance import (
    KEY,
    BatchProvenance,
    Provenance,
    SourceImage,
    WrittenRecipe,
    for_file,
    for_layer,
    of_voxels,
)
from napari_diversify.synthetic.plan import Plan

OLD = Path(__file__).parent.parent / "data" / "v0.1.0"
RECIPE = Recipe(steps=(Diversify(w_v=2.0),), seed=7, sample=3, intensity_range=(0, 9))


@pytest.mark.parametrize("path", sorted(OLD.glob("*/*.ome.tif")), ids=lambda path: path.stem)
def test_files_of_version_0_1_0_are_read(path):
    with open_image(path) as image:
        entry = image.header.provenance
    made = BatchProvenance.read(entry)
    assert made.version == "0.1.0"
    assert made.recipe.recipe().precision == "float32"  # what 0.1.0 meant and did not write
    assert not made.knows_spacing
    assert made.entry() == entry  # nothing is added to it, nothing lost


def test_a_file_tells_all_of_its_making():
    made = BatchProvenance(
        program="napari-diversify",
        version="1",
        recipe=WrittenRecipe.of(RECIPE),
        drawn={"diversify.w_v": 2.0},
        target_psnr=None,
        source=SourceImage(name="a", path="../a.tif", axes=None),
        spacing=None,
    )
    entry = made.part((("t", 2),)).entry()
    assert list(entry) == [
        *("program", "version", "recipe", "drawn", "target_psnr", "source", "spacing", "at")
    ]
    assert entry["source"] == {"name": "a", "path": "../a.tif", "axes": None}
    assert entry["at"] == [["t", 2]]
    again = BatchProvenance.read(json.loads(json.dumps(entry)))
    assert again.recipe.recipe() == RECIPE
    assert again.at == (("t", 2),)
    assert again.knows_spacing


def test_layers_tell_what_they_show():
    made = Provenance.read(Provenance.of_recipe(RECIPE, 5).entry())
    assert list(made.entry()) == ["recipe", "sample", "version"]
    assert made.recipe.recipe() == RECIPE
    assert made.number == 5
    assert list(Provenance.of_local_std((5, 5), (1, 1), None).entry()) == [
        *("window", "stride", "spatial_ndim", "version")
    ]
    specimen = Provenance.read(Provenance.of_specimen(Plan().record()).entry())
    assert Plan.from_record(specimen.specimen) == Plan()
    sheet = Provenance.read(Provenance.of_sheet(Sampling(recipe=RECIPE), {4, 2}).entry())
    assert Sampling(**sheet.sampling) == Sampling(recipe=RECIPE)
    assert sheet.rejected == (2, 4)


def test_the_number_of_a_recipe_counts_where_no_other_is_told():
    entry = Provenance.of_recipe(RECIPE, 5).entry()
    del entry["sample"]
    assert Provenance.read(entry).number == 3
    assert Provenance().number is None


def test_a_step_that_this_version_does_not_know_is_named():
    entry = {"recipe": {"seed": 1, "sample": 0, "steps": [{"kind": "of-tomorrow", "x": 1}]}}
    made = Provenance.read({**entry, "from the future": 1})
    assert made.recipe.kinds == ("of-tomorrow",)
    with pytest.raises(ValueError, match="schema_version"):
        made.recipe.recipe()


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ([], "must be a JSON object; got"),
        ({"recipe": 5}, "recipe must be an object; got 5"),
        ({"recipe": {"steps": 5}}, "no list of steps"),
        ({"recipe": {"steps": [], "seed": "x", "sample": 0}}, "no whole number as its seed"),
        ({"at": [["t", "x"]]}, "at.0.1 must be a whole number"),
        ({"source": {"name": 4}}, "name must be text; got 4"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(entry, sentence):
    with pytest.raises(ValueError, match=sentence):
        Provenance.read(entry)


@pytest.mark.parametrize("spacing", [[0.0, 1.0], ["x"], [-1], 3, [float("nan")]])
def test_a_voxel_size_that_none_can_have_is_refused(spacing):
    entry = {"recipe": WrittenRecipe.of(RECIPE).root, "source": {"name": "a"}}
    assert BatchProvenance.read(entry).spacing is None
    with pytest.raises(ValueError, match="spacing"):
        BatchProvenance.read({**entry, "spacing": spacing})


def test_only_the_voxels_it_is_true_of_are_written_with_it():
    image = np.zeros((3, 4), np.uint8)
    entry = {**Provenance.of_recipe(RECIPE, 1).entry(), **of_voxels(image), "waits": True}
    assert for_file({KEY: entry}, image) == Provenance.of_recipe(RECIPE, 1).entry()
    assert for_file({KEY: entry}, image[0:1]) is None
    assert for_file({KEY: entry}, image.astype(float)) is None
    assert for_file({}, image) is None


def test_a_channel_of_a_file_says_which_it_is():
    entry = Provenance.of_recipe(RECIPE, 1).entry()
    assert for_layer({**entry, "at": [["t", 4]]}, channel=1)["at"] == [["t", 4], ["c", 1]]
    assert "at" not in for_layer(entry)
