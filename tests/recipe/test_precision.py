"""Grey levels that single precision cannot hold come back; with no change, every bit does."""

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_diversify import LazyVolume, Recipe
from napari_diversify.recipe import DegradeContrast, Diversify, LazyRemoved, LowPass
from napari_diversify.recipe.lazy.compared import LazyDifference, LazySplit
from napari_diversify.recipe.lazy.intensity import holds_all

INTEGERS = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8")
FLOATS = ("f2", "f4", "f8")
NEUTRAL = Diversify(w_i=1, w_v=0)
#: Steps that change nothing, whatever the image.
IDLE = (
    LowPass(cutoff=2),
    LowPass(cutoff=2, shape="triangular", taper=0.0),
    LowPass(cutoff=2, volume=True),
    DegradeContrast(extra_depth=0),
)


@st.composite
def images(draw, dtypes=(*INTEGERS, *FLOATS)):
    """Small, of any dtype and byte order; values near each other, at the ends, or anywhere."""
    shape = draw(st.sampled_from([(9, 11), (3, 6, 7), (2, 2, 5, 6)]))
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = int(np.prod(shape))
    if dtype.kind == "f":
        size = float(np.finfo(dtype).max) ** draw(st.sampled_from([0.0, 0.1, 0.4]))
        offset = draw(st.sampled_from([0.0, 1.0, -100.0, 500.0]))
        values = (size * (offset + rng.normal(size=n))).astype(dtype)
    else:
        limits = np.iinfo(dtype)
        spread = draw(st.sampled_from([100, 2**20, 2**40, 2**64]))
        low = draw(st.integers(limits.min, limits.max - 1))
        high = min(limits.max, low + spread)
        values = rng.integers(low, high, n, dtype, endpoint=True)
        values[:2] = low, high  # no image is constant
    return values.reshape(shape).astype(dtype.newbyteorder(draw(st.sampled_from("<>"))))


@st.composite
def ranges_around(draw, image):
    """None for the image's own, or a range that it lies within, closely or far."""
    low, high = float(image.min()), float(image.max())
    low, high = np.nextafter(low, -np.inf), np.nextafter(high, np.inf)
    more = draw(st.sampled_from([None, 0.0, 0.3, 1e6, 1e12]))
    return None if more is None else (low - more * (high - low), high + more * (high - low))


def ndims(image):
    return st.sampled_from([2, 3] if image.ndim > 2 else [2])


def fitting(steps, ndim):
    return [s for s in steps if ndim == 3 or not getattr(s, "volume", False)]


def assert_same(got, expected):
    assert (got.dtype, got.shape) == (expected.dtype.newbyteorder("="), expected.shape)
    np.testing.assert_array_equal(got, expected)


quick = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(st.data())
def test_a_recipe_that_does_nothing_gives_every_image_back(data):
    image = data.draw(images())
    ndim = data.draw(ndims(image))
    steps = data.draw(st.lists(st.sampled_from(fitting((NEUTRAL, *IDLE), ndim)), max_size=3))
    bounds = data.draw(ranges_around(image))
    recipe = Recipe(steps=steps, intensity_range=bounds, spatial_ndim=ndim)
    assert_same(recipe.apply(image), image)
    volume = LazyVolume(image, recipe)
    for z in range(len(image)):
        assert_same(volume[z], image[z])


@quick
@given(st.data())
def test_steps_that_clip_nothing_give_values_beyond_the_range_back_too(data):
    image = data.draw(images())
    ndim = data.draw(ndims(image))
    steps = data.draw(st.lists(st.sampled_from(fitting(IDLE, ndim)), max_size=2))
    middle, reach = float(np.median(image)), 0.1 * float(np.ptp(image.astype(float)))
    bounds = (middle - reach / 2, max(middle + reach, np.nextafter(middle, np.inf)))
    recipe = Recipe(steps=steps, intensity_range=bounds, spatial_ndim=ndim)
    assert_same(recipe.apply(image), image)


@quick
@given(st.data())
def test_any_part_of_any_dtype_equals_the_same_part_of_the_whole(data):
    image = data.draw(images(dtypes=("u4", "i4", "u8", "i8", *FLOATS)))
    ndim = data.draw(ndims(image))
    steps = [Diversify(w_i=0.7, window=3), Diversify(w_v=0.2), *IDLE]
    steps += [LowPass(cutoff=0.6), DegradeContrast(extra_depth=20, context=1)]
    chain = data.draw(st.lists(st.sampled_from(fitting(steps, ndim)), min_size=1, max_size=3))
    bounds = data.draw(ranges_around(image))
    recipe = Recipe(steps=chain, intensity_range=bounds, spatial_ndim=ndim, seed=5)
    expected = recipe.apply(image)
    volume = LazyVolume(image, recipe)
    for axis in range(image.ndim):
        key = (*[slice(None)] * axis, data.draw(st.integers(0, image.shape[axis] - 1)))
        assert_same(volume[key], expected[key])
    part = tuple(slice(n // 3, None, -1 if n % 2 else 2) for n in image.shape)
    assert_same(volume[part], expected[part])


@quick
@given(st.data())
def test_the_digits_given_back_are_those_that_were_lost_and_no_more(data):
    image = data.draw(images(dtypes=("u4", "i4", "f4")))
    chain = data.draw(
        st.lists(st.sampled_from([Diversify(w_v=0.5), LowPass(cutoff=0.7)]), min_size=1, max_size=2)
    )
    recipe = Recipe(steps=chain, seed=2, spatial_ndim=2)
    exact = recipe.apply(image).astype(float)
    single = recipe.replace(precision="float32").apply(image).astype(float)
    low, high = float(image.min()), float(image.max())
    furthest = np.abs([exact - low, single - low]).max() + (high - low) + max(abs(low), abs(high))
    assert np.abs(exact - single).max() <= furthest * 2.0**-21 + (image.dtype.kind != "f")


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2"])
@pytest.mark.parametrize(
    "step", [Diversify(w_i=0.8), LowPass(cutoff=0.5), LowPass(cutoff=2), DegradeContrast()]
)
def test_precision_makes_no_difference_to_integers_of_8_and_16_bits(dtype, step, make_image):
    recipe = Recipe(steps=(step, Diversify(w_v=0.3)), seed=1)
    single = recipe.replace(precision="float32")
    assert_same(recipe.apply(make_image(dtype=dtype)), single.apply(make_image(dtype=dtype)))


@pytest.mark.parametrize("dtype", ["u4", "i8", "f4", "f8"])
def test_what_diversification_clips_lies_exactly_at_the_ends_and_nothing_beyond(dtype):
    rng = np.random.default_rng(3)
    image = (1e9 + 1e8 * rng.random((40, 50))).astype(dtype)
    low, high = 1_020_304_064.0, 1_070_809_088.0  # which float32 holds
    recipe = Recipe(steps=(Diversify(w_v=4),), intensity_range=(low, high))
    result = recipe.apply(image)
    assert (result.min(), result.max()) == (low, high)
    assert (result == low).mean() > 0.1
    assert (result == high).mean() > 0.1


def test_small_structure_on_a_large_offset_is_kept_to_the_last_digit():
    image = 1e9 + np.random.default_rng(0).random((30, 40))
    image.flat[0] = 0  # which stretches the range a billionfold
    flat = Recipe(steps=(Diversify(w_v=0), LowPass(cutoff=2)))
    assert_same(flat.apply(image), image)
    shared = Recipe(steps=(Diversify(w_v=1, window=3),), seed=1).apply(image)[10:, 10:]
    there = image[10:, 10:]
    assert np.corrcoef(shared.ravel() - 1e9, there.ravel() - 1e9)[0, 1] > 0.999


@pytest.mark.parametrize("dtype", ["u8", "i8"])
@pytest.mark.parametrize("w_i", [0.0, 0.5, 2.0, 4.0])
def test_integers_of_64_bits_saturate_and_never_wrap(dtype, w_i):
    limits = np.iinfo(dtype)
    ends = np.array([limits.min, limits.max], dtype)
    image = np.concatenate([ends, np.linspace(limits.min / 2, limits.max / 2, 98).astype(dtype)])
    image = image.reshape(10, 10)
    result = Recipe(steps=(Diversify(w_i=w_i, w_v=0),)).apply(image)
    u = (image.astype(float) - float(limits.min)) / (float(limits.max) - float(limits.min))
    expected = limits.min + np.clip(w_i * u, 0, 1) * (float(limits.max) - float(limits.min))
    assert np.abs(result.astype(float) - expected).max() <= 2.0**64 * 2.0**-22
    bright = Recipe(steps=(Diversify(w_i=4, w_v=0),), intensity_range=(-1e25, 1e25)).apply(image)
    assert (bright == limits.max).all()


@pytest.mark.parametrize(
    ("dtype", "low", "high", "held"),
    [
        ("u1", 0, 255, True),
        ("u2", -65535, 131072, True),
        ("i2", -32768.0, 32767.0, True),
        ("u2", 0, 1e6, False),
        ("u2", 5, 5 + 1e-9, False),
        ("u4", 0, 100, False),
        ("f2", 0, 1, False),
    ],
)
def test_only_short_integers_in_a_range_near_theirs_need_nothing_back(dtype, low, high, held):
    assert holds_all(np.dtype(dtype), low, high) == held


def test_64_bit_integers_that_are_one_float_are_no_constant_image():
    image = (2**62 + np.arange(20, dtype=np.int64)).reshape(4, 5)
    assert_same(Recipe(steps=(NEUTRAL,)).apply(image), image)
    assert np.abs(Recipe(steps=(Diversify(),)).apply(image) - image).max() < 2**20


# ---- what it costs ----


class Counted:
    """An array that counts the voxels that are read of it."""

    def __init__(self, array):
        self.array, self.read = array, 0
        self.shape, self.dtype = array.shape, array.dtype

    def __getitem__(self, key):
        block = self.array[key]
        self.read += block.size
        return block


@pytest.mark.parametrize("dtype", ["u2", "f4", "u4"])
def test_a_slider_event_reads_nothing_of_the_source_again(dtype):
    source = Counted((1000 * np.random.default_rng(0).random((6, 20, 30))).astype(dtype))
    recipe = Recipe(steps=(Diversify(),), intensity_range=(0, 1000))
    lazy = LazyVolume(source, recipe)
    lazy[3]
    first = source.read
    assert first == 5 * 20 * 30  # the plane and its context, once
    for w_v in (0.5, 2.0):
        lazy.recipe = recipe.replace(steps=(Diversify(w_v=w_v),))
        lazy[3]
    assert source.read == first


@pytest.mark.parametrize("steps", [(Diversify(),), (Diversify(), Diversify(window=3))])
def test_an_export_reads_its_source_no_more_often_than_it_did(steps):
    image = np.random.default_rng(0).random((6, 20, 30))
    recipe = Recipe(steps=steps, intensity_range=(0, 1))
    read = []
    for precision in ("exact", "float32"):
        source = Counted(image)
        recipe.replace(precision=precision).apply(source)
        read.append(source.read)
    assert read[0] == read[1]


# ---- everything that shows a recipe ----


def test_views_beside_the_source_show_no_change_where_there_is_none():
    image = np.random.default_rng(0).integers(0, 2**63, (4, 9, 10), np.int64)
    idle = Recipe(steps=(NEUTRAL, LowPass(cutoff=2)))
    assert not np.asarray(LazyDifference(image, idle)).any()
    assert not np.asarray(LazyRemoved(image, idle)).any()
    assert_same(np.asarray(LazySplit(image, idle)), image)


def test_one_cache_serves_both_precisions_without_mixing_them():
    image = np.random.default_rng(0).random((4, 20, 22))
    exact = Recipe(steps=(LowPass(cutoff=2), Diversify(w_v=0.4)), seed=3)
    single = exact.replace(precision="float32")
    lazy = LazyVolume(image, exact)
    for recipe in (exact, single, exact, single):
        lazy.recipe = recipe
        for z in (1, 2):
            assert_same(lazy[z], recipe.apply(image)[z])


def test_lazy_sources_in_either_byte_order_give_the_same():
    image = np.random.default_rng(0).integers(0, 2**32, (3, 20, 22), np.uint32)
    recipe = Recipe(steps=(Diversify(w_v=0.4),), seed=3)
    expected = recipe.apply(image)
    stored = zarr.create_array(
        zarr.storage.MemoryStore(), data=image.astype(">u4"), chunks=(1, 7, 9)
    )
    for source in (image.astype(">u4"), stored, np.asfortranarray(image)):
        assert_same(recipe.apply(source), expected)
