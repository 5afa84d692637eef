"""What version 0.1.0 has made is made again bit for bit; its recipes keep meaning what they did."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_diversify import Recipe
from napari_diversify.batch import replay
from napari_diversify.batch.script import compact
from napari_diversify.core.blocks import exhaust
from napari_diversify.recipe import Diversify, LowPass, Sampling
from napari_diversify.recipe.recipe import migrated

OLD = Path(__file__).parents[1] / "data" / "v0.1.0"
FILES = sorted((OLD / "train").glob("*.tif"))
HAND = {"schema_version": 1, "seed": 3, "steps": [{"kind": "diversify", "w_v": 0.5}]}


def provenance(name):
    record = OLD / "train" / ".diversify" / f"{name}.json"
    return json.loads(record.read_text())["provenance"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_of_0_1_0_is_made_again_bit_for_bit(path):
    result = exhaust(replay(path))
    assert (result.different, result.largest) == (0, 0)
    assert result.voxels > 100


def test_there_are_files_of_wide_integers_and_of_floats_among_them():
    kinds = {str(tifffile.imread(path).dtype) for path in FILES}
    assert {"uint16", "uint32", "float32"} <= kinds


def test_a_contrast_step_of_0_1_0_is_made_again_within_a_grey_level():
    result = exhaust(replay(OLD / "deeper" / "a_0000.ome.tif"))
    assert result.largest <= 1


@pytest.mark.parametrize("name", ["deep", "real"])
def test_the_recipe_file_of_0_1_0_gives_what_it_gave(name):
    image = np.load(OLD / "raw" / f"{name}.npy")
    there = tifffile.imread(OLD / "train" / f"{name}_0000.ome.tif")
    recipe = Recipe.load(OLD / "recipe.json")
    assert recipe.precision == "float32"
    np.testing.assert_array_equal(recipe.apply(image), there)
    if name == "deep":  # the way of today is another one
        assert (recipe.replace(precision="exact").apply(image) != there).any()


# ---- every way that a recipe comes in ----


def test_values_that_0_1_0_wrote_mean_its_way_and_those_of_a_hand_todays():
    old = provenance("deep_0000")["recipe"]
    assert "precision" not in old
    assert Recipe(**old).precision == "float32"
    assert Recipe.from_json(json.dumps(old)).precision == "float32"
    assert Recipe.model_validate(old).precision == "float32"
    assert Recipe(**HAND).precision == "exact"
    assert Recipe.from_json(json.dumps(HAND)).precision == "exact"
    assert Recipe().precision == "exact"


def test_a_sampling_that_0_1_0_wrote_means_its_way():
    old = provenance("deep_0000")["recipe"]
    values = {"recipe": old, "samples": 3, "ranges": {"w_v": {"low": 0.0, "high": 2.0}}}
    for sampling in (Sampling(**values), Sampling.model_validate_json(json.dumps(values))):
        assert sampling.recipe.precision == "float32"
        assert sampling.recipe_of(2).precision == "float32"
        assert sampling.keyed("a").recipe.precision == "float32"


@pytest.mark.parametrize("precision", ["exact", "float32"])
def test_the_way_outlives_files_changes_and_command_lines(precision, tmp_path):
    recipe = Recipe(steps=(Diversify(), LowPass()), seed=7, precision=precision)
    assert json.loads(recipe.to_json())["precision"] == precision
    assert recipe.model_dump(mode="json")["precision"] == precision
    recipe.save(tmp_path / "recipe.json")
    for again in (
        Recipe.load(tmp_path / "recipe.json"),
        Recipe.from_json(compact(recipe)),
        Recipe(**recipe.model_dump(mode="json")),
        recipe.replace(seed=8).replace(seed=7),
        Sampling(recipe=recipe).recipe_of(0),
        Recipe.from_json(Recipe.from_json(recipe.to_json()).to_json()),
    ):
        assert again == recipe


def test_what_is_asked_for_in_a_record_of_0_1_0_is_what_would_be_asked_for_today():
    record = json.loads((OLD / "train" / ".diversify" / "deep_0000.json").read_text())
    asked = record["request"]["recipe"]
    assert migrated(asked) == Recipe.load(OLD / "recipe.json").model_dump(mode="json")
    assert "precision" not in asked  # the record itself stays as it is


def test_another_precision_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="precision must be 'exact' or 'float32'; got 'double'"):
        Recipe(precision="double")
