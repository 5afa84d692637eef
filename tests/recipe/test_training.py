"""Recipes and samplings in a training loop: fresh, repeatable, safe in workers."""

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from napari_diversify import Recipe
from napari_diversify.recipe import Diversify, LowPass, Sampling

RECIPE = Recipe(steps=(Diversify(w_v=2.0),), seed=3, intensity_range=(0.0, 1.0))
SAMPLING = Sampling(recipe=RECIPE, ranges={"w_v": (0, 8), "w_i": (0.2, 1.8)})
PATCH = np.random.default_rng(0).random((24, 32), dtype=np.float32)


@pytest.mark.parametrize("augment", [RECIPE, SAMPLING])
def test_an_index_always_gives_the_same_sample(augment):
    first = augment(PATCH, index=5)
    assert first.tobytes() == augment(PATCH, index=5).tobytes()
    assert first.tobytes() == pickle.loads(pickle.dumps(augment))(PATCH, index=5).tobytes()
    assert (first.shape, first.dtype) == (PATCH.shape, PATCH.dtype)


@pytest.mark.parametrize("augment", [RECIPE, SAMPLING])
def test_every_index_gives_noise_of_its_own(augment):
    residuals = [augment(PATCH, index=i) - PATCH for i in range(4)]
    for i, one in enumerate(residuals):
        for other in residuals[i + 1 :]:
            assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.2


def test_the_sample_of_an_index_is_that_of_a_batch():
    assert RECIPE(PATCH, index=4).tobytes() == RECIPE.apply(PATCH, sample=4).tobytes()
    recipe = SAMPLING.replace(samples=9).recipe_of(4)
    assert SAMPLING(PATCH, index=4).tobytes() == recipe.apply(PATCH).tobytes()
    assert recipe.steps[0].w_v != RECIPE.steps[0].w_v


def test_without_an_index_each_call_is_another_sample():
    seen = {RECIPE(PATCH).tobytes() for _ in range(6)}
    assert len(seen) == 6


def test_a_mask_comes_back_as_it_is():
    mask = np.arange(PATCH.size).reshape(PATCH.shape)
    noisy, same = SAMPLING(PATCH, mask, index=1)
    assert same is mask
    assert noisy.tobytes() == SAMPLING(PATCH, index=1).tobytes()


def test_channels_first_are_independent_images_of_two_axes():
    recipe = RECIPE.replace(spatial_ndim=2)
    channels = np.stack([PATCH, PATCH])
    out = recipe(channels, index=0)
    alone = recipe.apply(channels)
    assert out.tobytes() == alone.tobytes()
    assert (out[0] != out[1]).any()


def _draw(augment):
    return augment(PATCH).tobytes()


def test_workers_do_not_repeat_each_other():
    context = get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        drawn = list(pool.map(_draw, [SAMPLING] * 6))
    assert len(set(drawn)) == 6


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"strategy": "grid"}, "'grid'"),
        ({"strategy": "structured"}, "'structured'"),
        ({"ranges": {}, "psnr": (20.0,)}, "target PSNRs"),
    ],
)
def test_sets_of_samples_are_not_made_one_at_a_time(wrong, said):
    with pytest.raises(ValueError, match=said):
        SAMPLING.replace(**wrong)(PATCH)


def test_no_parameter_is_left_behind_by_the_largest_index():
    sampling = Sampling(recipe=Recipe(steps=(LowPass(),)), ranges={"cutoff": (0.2, 0.9)})
    out = sampling(PATCH, index=2**32 - 1)
    assert np.isfinite(out).all()


@pytest.mark.parametrize("index", [-1, 2**32, 1.5, "3"])
def test_an_index_must_be_a_number_of_a_sample(index):
    with pytest.raises(ValueError, match="index must be a whole number"):
        RECIPE(PATCH, index=index)


def test_a_recipe_in_words_says_that_it_is_one():
    assert str(RECIPE).startswith("Recipe(")
