"""A sheet shows what a batch would write: any part of it is that part of the sample's recipe."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import basic_indices

from napari_diversify import Recipe
from napari_diversify.recipe import (
    DegradeContrast,
    Diversify,
    LazySamples,
    LazyVolume,
    LowPass,
    Sampling,
)
from napari_diversify.recipe.lazy.compared import LazyDifference, LazySplit

SHAPE = (3, 9, 11)
IMAGE = np.random.default_rng(0).integers(0, 4000, SHAPE).astype(np.uint16)
STEPS = {
    "noise": (Diversify(),),
    "chain": (DegradeContrast(), Diversify(w_v=1.5), LowPass(cutoff=0.6)),
    "volume": (LowPass(volume=True), Diversify()),
}


def sampling_of(steps="noise", n=4, **more):
    recipe = Recipe(steps=STEPS[steps], seed=3, intensity_range=(0, 4000))
    return Sampling(recipe=recipe, samples=n, ranges={"w_v": (0, 8), "w_i": (0.2, 1.8)}, **more)


@pytest.mark.parametrize("steps", STEPS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_part_of_a_sheet_is_that_part_of_the_samples(steps, data):
    sampling = sampling_of(steps)
    key = data.draw(basic_indices((4, *SHAPE), max_dims=4, allow_newaxis=False))
    whole = np.stack([sampling.recipe_of(n).apply(IMAGE) for n in range(4)])
    got = LazySamples(IMAGE, sampling)[key]
    assert got.dtype == IMAGE.dtype
    np.testing.assert_array_equal(got, whole[key], strict=True)


def test_a_plane_of_one_of_10000_samples_reads_a_plane_and_its_neighbours():
    class Counted:
        shape, dtype, ndim, size = (64, 32, 32), np.dtype("uint16"), 3, 64 * 32 * 32
        planes = 0

        def __getitem__(self, key):
            values = np.zeros(self.shape, self.dtype)[key]
            Counted.planes += values.size // (32 * 32)
            return values

    samples = LazySamples(Counted(), sampling_of(n=10_000))
    assert samples.shape == (10_000, 64, 32, 32)
    samples[7_777, 30]
    assert 0 < Counted.planes <= 5 + 1


def test_big_views_are_told_and_held():
    samples = LazySamples(IMAGE, sampling_of("volume"))
    assert samples.work(np.s_[0, 0]) < samples.work(np.s_[:2, 0])
    assert not samples.prepared(np.s_[1])
    for _ in samples.prefetch(np.s_[1:2]):
        pass
    assert samples.prepared(np.s_[1])
    assert samples.holds(np.s_[1:2, 2])
    assert not samples.holds(np.s_[2:3, 2])
    np.testing.assert_array_equal(samples[1], samples.volume(1)[:])


def test_an_edited_source_is_shown_by_all_samples():
    image = IMAGE.copy()
    samples = LazySamples(image, sampling_of())
    before = samples[2].copy()
    other = copy.copy(samples)
    image[:] = image[:, ::-1]
    samples.source_edited()
    expected = sampling_of().recipe_of(2).apply(image)
    assert not np.array_equal(before, expected)
    np.testing.assert_array_equal(samples[2], expected)
    np.testing.assert_array_equal(other[2], expected)


def test_without_a_range_all_samples_share_that_of_the_image():
    sampling = Sampling(recipe=Recipe(steps=(Diversify(),)), samples=3)
    samples = LazySamples(IMAGE, sampling)
    for n in range(3):
        np.testing.assert_array_equal(samples[n], sampling.recipe_of(n).apply(IMAGE))


def test_target_psnrs_are_refused():
    sampling = Sampling(recipe=Recipe(steps=(Diversify(),)), psnr=(20,))
    with pytest.raises(ValueError, match="target PSNRs cannot be shown"):
        LazySamples(IMAGE, sampling)


# ---- the source beside the result ----


@pytest.mark.parametrize("steps", STEPS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_split_is_the_source_then_the_result(steps, data):
    recipe = sampling_of(steps).recipe
    axis = data.draw(st.integers(-3, -1))
    at = data.draw(st.integers(-2, SHAPE[axis] + 2))
    key = data.draw(basic_indices(SHAPE, allow_newaxis=False))
    expected = np.moveaxis(recipe.apply(IMAGE), axis, 0).copy()
    expected[: max(at, 0)] = np.moveaxis(IMAGE, axis, 0)[: max(at, 0)]
    split = LazySplit(IMAGE, recipe)
    split.divider = (axis, at)
    np.testing.assert_array_equal(split[key], np.moveaxis(expected, 0, axis)[key], strict=True)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "float32"])
def test_a_difference_is_the_result_minus_the_source(dtype):
    image = (IMAGE // 32).astype(dtype)
    recipe = Recipe(steps=(Diversify(w_i=0.7),), seed=1)
    expected = recipe.apply(image).astype(np.float64) - image
    got = LazyDifference(image, recipe)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got[1:, ::2], expected[1:, ::2].astype(np.float32))


def test_another_divider_is_another_state_so_that_nothing_held_is_shown():
    split = LazySplit(IMAGE, sampling_of().recipe)
    for _ in split.prefetch(np.s_[:]):
        pass
    assert split.holds(np.s_[0])
    split.divider = (-1, 2)
    assert not split.holds(np.s_[0])
    assert isinstance(split, LazyVolume)
