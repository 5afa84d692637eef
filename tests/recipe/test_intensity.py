"""Grey levels to the unit interval and back: no value is lost, none wraps."""

from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from napari_diversify.recipe import Diversify, LazyVolume, Recipe
from napari_diversify.recipe.lazy.intensity import exact_range, from_unit, iter_blocks, to_unit

NEUTRAL = Recipe(steps=(Diversify(w_i=1, w_v=0),))
INTEGERS = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8")


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", ">u2"])
def test_without_noise_every_grey_level_comes_back(dtype):
    limits = np.iinfo(dtype)
    image = np.arange(limits.min, limits.max + 1).astype(dtype).reshape(16, -1)
    np.testing.assert_array_equal(NEUTRAL.apply(image), image)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(["u1", "i2", "u2"]), st.data())
def test_grey_levels_come_back_from_any_range_around_them(dtype, data):
    limits = np.iinfo(dtype)
    low = data.draw(st.integers(limits.min, limits.max - 1))
    high = data.draw(st.integers(low + 1, limits.max))
    wider = data.draw(st.floats(0, 1000)), data.draw(st.floats(0, 1000))
    image = np.arange(low, high + 1).astype(dtype)[None]
    np.testing.assert_array_equal(NEUTRAL.apply(image), image)
    recipe = NEUTRAL.replace(intensity_range=(low - wider[0], high + wider[1]))
    np.testing.assert_array_equal(recipe.apply(image), image)


@pytest.mark.parametrize("dtype", ["i4", "u4"])
def test_wide_integers_come_back_within_the_step_of_single_precision(dtype):
    limits = np.iinfo(dtype)
    image = np.linspace(limits.min, limits.max, 10_000).astype(dtype).reshape(100, 100)
    change = np.abs(NEUTRAL.apply(image).astype(np.float64) - image)
    assert change.max() <= (float(limits.max) - limits.min) * 2.0**-24


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("reach", [1.0, 1.5, 1e6])
def test_results_saturate_and_never_wrap(dtype, reach):
    limits = np.iinfo(dtype)
    low, high = limits.min * reach - (reach > 1), limits.max * reach
    values = np.concatenate([[-1e20, -5, -0.1], np.linspace(0, 1, 101), [1.1, 2, 100, 1e20]])
    grey = from_unit(values.astype(np.float32), low, high, np.dtype(dtype))
    assert grey.dtype == np.dtype(dtype)
    assert (grey[1:] >= grey[:-1]).all()
    assert grey[0] == limits.min
    assert int(grey[-1]) == limits.max or (
        # the last float64 below 2**63 or 2**64
        dtype in ("u8", "i8") and int(grey[-1]) == int(np.nextafter(float(limits.max), 0))
    )


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_floating_point_results_are_neither_rounded_nor_clipped(dtype):
    grey = from_unit(np.float32([-0.5, 0.25, 1.5]), 10.0, 20.0, np.dtype(dtype))
    assert grey.dtype == np.dtype(dtype)
    assert grey.tolist() == [5.0, 12.5, 25.0]


def test_results_are_rounded_to_the_nearest_grey_level():
    grey = from_unit(np.float32([0.26, 0.24, 0.99, 0.74]), 0, 2, np.dtype("u1"))
    assert grey.tolist() == [1, 0, 2, 1]


def test_values_outside_the_range_are_kept_on_the_way_in():
    unit = to_unit(np.array([0, 10, 15, 20, 40], np.uint8), 10, 20)
    assert unit.dtype == np.float32
    assert unit.tolist() == [-1.0, 0.0, 0.5, 1.0, 3.0]


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4", "i4", "f8"])
@pytest.mark.parametrize("bounds", [(1e9, 1e9 + 1), (0.1, 0.1 + 1e-12), (0, 1e300)])
def test_a_range_beyond_the_precision_of_the_image_gives_finite_values_or_a_sentence(dtype, bounds):
    image = np.arange(60).astype(dtype).reshape(3, 4, 5)
    recipe = Recipe(steps=(Diversify(),), intensity_range=bounds)
    try:
        volume = LazyVolume(image, recipe)
    except ValueError as error:
        volume, said = None, str(error)
    if volume is None:
        assert "range" in said
    else:
        assert np.isfinite(volume[1]).all()


# --- the exact range, streamed ---------------------------------------------


class Spy:
    """A virtual array that remembers the sizes of the blocks that were read."""

    def __init__(self, shape, function):
        self.shape, self.dtype, self.function = shape, np.dtype("u2"), function
        self.sizes = []

    def __getitem__(self, key):
        key = (*key, *[slice(None)] * (len(self.shape) - len(key)))
        ranges = [
            range(*k.indices(n)) if isinstance(k, slice) else range(k, k + 1)
            for k, n in zip(key, self.shape, strict=True)
        ]
        dropped = tuple(i for i, k in enumerate(key) if not isinstance(k, slice))
        self.sizes.append(int(np.prod([len(r) for r in ranges])))
        places = np.meshgrid(*(np.asarray(r) for r in ranges), indexing="ij", sparse=True)
        block = np.broadcast_to(self.function(*places), [len(r) for r in ranges])
        return block.astype(self.dtype).squeeze(dropped)


@pytest.mark.parametrize("shape", [(40, 512, 512), (3, 2048, 2048), (2, 2, 3, 1024, 1024)])
def test_the_exact_range_is_found_in_blocks_of_bounded_size(shape):
    last = tuple(n - 1 for n in shape)

    def values(*places):
        at_end = reduce(np.logical_and, [p == n for p, n in zip(places, last, strict=True)])
        at_start = reduce(np.logical_and, [p == 0 for p in places])
        return 500 + 9000 * at_end - 400 * at_start

    spy = Spy(shape, values)
    assert exact_range(spy) == (100.0, 9500.0)
    assert sum(spy.sizes) == np.prod(shape)
    assert max(spy.sizes) <= 2**22


@settings(deadline=None, max_examples=150)
@given(
    shape=array_shapes(min_dims=2, max_dims=5, min_side=1, max_side=6),
    voxels=st.integers(1, 400),
)
def test_blocks_cover_every_voxel_once_and_are_no_larger_than_asked_for(shape, voxels):
    array = np.arange(np.prod(shape)).reshape(shape)
    blocks = list(iter_blocks(array, voxels))
    assert np.concatenate([b.ravel() for b in blocks]).tolist() == array.ravel().tolist()
    assert max(b.size for b in blocks) <= voxels
