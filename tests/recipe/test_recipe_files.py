"""A recipe survives its file; a file that is no recipe is answered with a sentence."""

import json
import os
import stat

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_diversify.core.diversification.psnr_model import W_V_MAX
from napari_diversify.recipe import Diversify, LowPass, Recipe

odd = st.integers(0, 49).map(lambda k: 2 * k + 1)
numbers = st.floats(allow_nan=False, allow_infinity=False)
steps = st.builds(
    Diversify,
    w_i=st.floats(0, 4),
    w_v=st.floats(0, W_V_MAX),
    window=st.tuples(odd, odd, odd),
    stride=st.tuples(*[st.integers(1, 16)] * 3),
)
recipes = st.builds(
    Recipe,
    seed=st.integers(0, 2**32 - 1),
    intensity_range=st.one_of(
        st.none(), st.tuples(numbers, numbers).map(sorted).filter(lambda r: r[0] < r[1])
    ),
    spatial_ndim=st.sampled_from([None, 2, 3]),
    steps=st.lists(steps, max_size=3),
)

RECIPE = Recipe(steps=(Diversify(w_i=0.8, w_v=2.5),), seed=42)


@settings(deadline=None)
@given(recipes)
def test_a_recipe_is_the_same_after_json(recipe):
    again = Recipe.from_json(recipe.to_json())
    assert again == recipe
    assert hash(again) == hash(recipe)
    assert again.to_json() == recipe.to_json()


def test_a_recipe_names_its_format_and_generator():
    values = json.loads(Recipe().to_json())
    assert values["schema_version"] == 1
    assert values["generator"] == "philox4x32-10/1"


def test_a_recipe_is_the_same_after_its_file(tmp_path):
    RECIPE.save(tmp_path / "recipe.json")
    assert Recipe.load(tmp_path / "recipe.json") == RECIPE
    assert Recipe.load(str(tmp_path / "recipe.json")) == RECIPE


def test_saving_leaves_nothing_but_the_file(tmp_path):
    RECIPE.save(tmp_path / "recipe.json")
    assert os.listdir(tmp_path) == ["recipe.json"]


def test_a_file_that_exists_is_not_overwritten(tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text("precious")
    with pytest.raises(FileExistsError, match=r"recipe\.json exists.*overwrite=True"):
        RECIPE.save(path)
    assert path.read_text() == "precious"
    assert os.listdir(tmp_path) == ["recipe.json"]


def test_a_file_is_overwritten_where_that_is_asked_for(tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text("not precious")
    RECIPE.save(path, overwrite=True)
    assert Recipe.load(path) == RECIPE


def test_a_missing_folder_is_not_made(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*missing\. Make it first"):
        RECIPE.save(tmp_path / "missing" / "recipe.json")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("when", ["write", "replace"])
def test_a_save_that_fails_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, when):
    path = tmp_path / "recipe.json"
    RECIPE.save(path)

    def full(*_):
        raise OSError("no space left on device")

    if when == "write":
        monkeypatch.setattr(Recipe, "to_json", full)
    else:
        monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        RECIPE.replace(seed=7).save(path, overwrite=True)
    monkeypatch.undo()
    assert Recipe.load(path) == RECIPE
    assert os.listdir(tmp_path) == ["recipe.json"]


@pytest.mark.skipif(os.name != "posix", reason="permissions of this kind are POSIX")
def test_a_file_has_the_permissions_that_any_new_file_gets(tmp_path):
    (tmp_path / "other").touch()
    RECIPE.save(tmp_path / "recipe.json")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert len(modes) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b'{"schema_version": 1, "steps": [', "not JSON"),
        (b"\xff\xfe\x00\x01\x80", "not JSON"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not JSON"),
        (b"[" * 100_000, "not JSON|nested"),
        (b"[1, 2, 3]", "not a recipe.*list"),
        (b"null", "not a recipe.*NoneType"),
        (b'"recipe"', "not a recipe.*str"),
        (b'{"name": "napari", "version": 1}', "not a recipe.*schema_version"),
        (b'{"schema_version": 2, "steps": []}', "version 2.*up to 1.*Update"),
        (b'{"schema_version": 99, "news": 1}', "version 99.*up to 1.*Update"),
        (b'{"schema_version": 0}', "schema_version must be 1; got 0"),
        (b'{"schema_version": "one"}', "schema_version must be 1; got 'one'"),
        (b'{"schema_version": 1, "generator": "pcg64/1"}', "pcg64/1.*philox4x32-10/1"),
        (b'{"schema_version": 1, "generator": null}', "None.*philox4x32-10/1"),
        (
            b'{"schema_version": 1, "steps": [{"kind": "diversify", "w_x": 3}]}',
            "no parameter 'w_x'; it has .*w_i",
        ),
        (b'{"schema_version": 1, "steps": [{"kind": "sharpen"}]}', "diversify.*got 'sharpen'"),
        (
            b'{"schema_version": 1, "steps": [{"kind": "diversify", "w_v": 1e6}]}',
            "w_v must be at most",
        ),
        (b'{"schema_version": 1, "steps": [{"w_v": 1}]}', "steps.0 needs a 'kind'"),
        (
            b'{"schema_version": 1, "steps": [{"kind": "diversify", "w_v": NaN}]}',
            "w_v must be a finite number",
        ),
        (b'{"schema_version": 1, "author": "me"}', "no parameter 'author'; it has .*seed"),
        (b'{"schema_version": 1, "seed": -1}', "seed must be 0 or more; got -1"),
        (b'{"schema_version": 1, "intensity_range": [9, 1]}', "low < high"),
    ],
    ids=lambda value: repr(value[:45]) if isinstance(value, bytes) else "",
)
def test_a_file_that_is_no_recipe_is_named_in_a_sentence(tmp_path, content, said):
    path = tmp_path / "mine.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=said) as error:
        Recipe.load(path)
    assert str(error.value).startswith(str(path))
    assert "validation error" not in str(error.value)


def test_a_missing_file_stays_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.json"):
        Recipe.load(tmp_path / "none.json")


def test_a_recipe_as_long_as_they_may_be_is_computed_and_a_longer_one_is_refused():
    image = np.arange(60, dtype="float32").reshape(3, 4, 5)
    steps = (LowPass(cutoff=1.5),) * 64
    assert Recipe(steps=steps).apply(image).shape == image.shape
    with pytest.raises(ValueError, match="at most 64 steps; this one has 65"):
        Recipe(steps=(*steps, LowPass()))
