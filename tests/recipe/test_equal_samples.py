"""Samples that come out equal are found, and those that differ are not taken for equal."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_diversify import Recipe
from napari_diversify.learned import Denoise
from napari_diversify.recipe import DegradeContrast, Diversify, LowPass, Restore, Sampling
from napari_diversify.recipe.equal_samples import equal_samples, equality_note
from tiny_models import model

STEPS = (
    Diversify(window=3),
    Diversify(w_i=0.5, w_v=0),
    Diversify(window=1),
    Diversify(window=(5, 1, 1)),
    Diversify(window=(1, 1, 3), stride=(1, 1, 16)),
    DegradeContrast(extra_depth=10),
    DegradeContrast(extra_depth=10, noise=False),
    DegradeContrast(extra_depth=0),
    DegradeContrast(extra_depth=0, growing=True),
    DegradeContrast(extra_depth=0, growing=True, surface=3),
    DegradeContrast(extra_depth=0, growing=True, upwards=True),
    LowPass(cutoff=0.5),
    LowPass(cutoff=0.5, volume=True),
    Restore(depth=10),
    Restore(depth=10, method="richardson-lucy", iterations=2),
    Denoise(model=model("vae"), draws=2),
    Denoise(model=model("vae"), show="sample"),
)
IMAGES = {
    (4, 14, 15): np.random.default_rng(0).integers(0, 60_000, (4, 14, 15), np.uint16),
    (14, 15): np.random.default_rng(1).integers(0, 60_000, (14, 15), np.uint16),
    (1, 14, 15): np.random.default_rng(2).integers(0, 60_000, (1, 14, 15), np.uint16),
}


def fits(step, shape):
    try:
        step.check(shape, None)
    except ValueError:
        return False
    return True


def made(sampling, image, number):
    recipe = sampling.recipe_of(number)
    return recipe.apply(image).tobytes()


@pytest.mark.parametrize("shape", IMAGES)
@pytest.mark.parametrize("n", [1, 2])
def test_a_step_draws_noise_exactly_where_another_sample_is_another_image(shape, n):
    image = IMAGES[shape]
    steps = [s for s in STEPS if fits(s, shape)]
    for chain in itertools.combinations(steps, n):
        recipe = Recipe(steps=chain)
        differ = recipe.apply(image, sample=0).tobytes() != recipe.apply(image, sample=1).tobytes()
        assert any(s.draws_noise(shape) for s in chain) == differ, chain


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_samples_are_listed_together_exactly_where_they_are_equal(data):
    shape = data.draw(st.sampled_from(sorted(IMAGES)))
    image = IMAGES[shape]
    steps = st.sampled_from([s for s in STEPS if fits(s, shape)])
    chain = data.draw(st.lists(steps, min_size=1, max_size=2))
    choices = {
        "diversify": {"w_v": (0.0, 3.0), "w_i": (0.5, 0.5)},
        "contrast": {"extra_depth": (0.0, 20.0), "context": (0, 1)},
        "lowpass": {"cutoff": (0.2, 0.6)},
        "restore": {"iterations": (0, 9), "strength": (0.5, 2.0)},
        "denoise": {"draws": (2, 3)},
    }
    names = [f"{i}.{f}" for i, s in enumerate(chain) for f in choices[s.kind]]
    strategy = data.draw(st.sampled_from(["random", "structured", "grid"]))
    ranges = {
        name: choices[chain[int(name[0])].kind][name[2:]]
        for name in data.draw(st.lists(st.sampled_from(names), max_size=2, unique=True))
    }
    sampling = Sampling(
        recipe=Recipe(steps=chain, seed=data.draw(st.integers(0, 99))),
        samples=data.draw(st.integers(1, 4)),
        strategy=strategy,
        ranges=ranges,
    )
    every = list(range(len(sampling)))
    numbers = data.draw(st.sampled_from([every, every[:1], every[::2], every[1:4], every[-2:]]))
    listed = equal_samples(sampling, numbers, shape)
    results = {n: made(sampling, image, n) for n in numbers}
    for group in listed:
        assert len(group) > 1
        assert len({results[n] for n in group}) == 1
    together = {n: k for k, group in enumerate(listed) for n in group}
    recipes = {n: [s.of_what_counts() for s in sampling.recipe_of(n).steps] for n in numbers}
    for a, b in itertools.combinations(numbers, 2):
        if results[a] == results[b] and recipes[a] == recipes[b]:
            assert a in together
            assert together[a] == together.get(b)
        elif results[a] != results[b]:
            assert a not in together or together[a] != together.get(b)


def test_the_image_decides_where_windows_of_one_plane_have_no_noise():
    step = Diversify(window=(5, 1, 1))
    sampling = Sampling(recipe=Recipe(steps=(step,)), samples=3)
    assert equal_samples(sampling, range(3)) == ()
    assert equal_samples(sampling, range(3), (8, 20, 20)) == ()
    assert equal_samples(sampling, range(3), (1, 20, 20)) == ((0, 1, 2),)
    assert equal_samples(sampling, range(3), (20, 20)) == ((0, 1, 2),)


def test_samples_of_target_psnrs_always_differ():
    sampling = Sampling(
        recipe=Recipe(steps=(Diversify(w_v=0), LowPass())), samples=2, psnr=(20, 10)
    )
    assert equality_note(sampling, range(4)) is None


def test_a_million_samples_that_differ_are_not_drawn_to_see_it():
    for recipe, ranges in (
        (Recipe(steps=(Diversify(), LowPass())), {"cutoff": (0.2, 0.6)}),
        (Recipe(steps=(LowPass(),)), {"cutoff": (0.2, 0.6)}),
    ):
        sampling = Sampling(recipe=recipe, samples=1_000_000, ranges=ranges)
        assert sampling.sure_to_differ()
        assert equality_note(sampling, range(1_000_000)) is None


def test_the_sentence_says_which_and_what_to_do():
    low = Sampling(recipe=Recipe(steps=(LowPass(),)), samples=3)
    said = equality_note(low, range(3))
    assert said.startswith("all 3 samples of an image come out equal: no step draws noise")
    assert said.endswith("or make fewer samples")
    assert equality_note(low, [0, 2]).startswith("all 2 samples")
    assert equality_note(low, [2]) is None
    grid = low.replace(strategy="grid", ranges={"cutoff": (0.2, 0.6, 5)}, samples=9)
    assert "equal ({0, 1, 2, 3 and 5 more}, {9, 10, 11, 12" in equality_note(grid, range(45))
    assert "and 2 more groups" in equality_note(grid, range(45))
    assert equality_note(grid, [0, 9, 18]) is None
    assert equality_note(grid, [0, 9, 10]).startswith("some samples of an image come out equal")


@pytest.mark.parametrize("strategy", ["random", "grid"])
@pytest.mark.parametrize(
    ("method", "name", "ends", "counts"),
    [
        ("wiener", "iterations", (1, 50), False),
        ("richardson-lucy", "strength", (0.5, 2), False),
        ("richardson-lucy", "iterations", (1, 9), True),
        ("wiener", "strength", (0.5, 2), True),
    ],
)
def test_values_of_a_parameter_that_does_not_count_make_equal_samples(
    strategy, method, name, ends, counts
):
    grid = strategy == "grid"
    sampling = Sampling(
        recipe=Recipe(steps=(Restore(depth=10, method=method),)),
        ranges={name: (*ends, 3) if grid else ends},
        strategy=strategy,
        samples=1 if grid else 3,
    )
    files = [made(sampling, IMAGES[14, 15], n) for n in range(3)]
    assert (len(set(files)) > 1) == counts
    assert (equality_note(sampling, range(3)) is None) == counts
