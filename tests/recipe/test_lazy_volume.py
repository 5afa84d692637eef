"""What you see is what you export: a part of a LazyVolume is that part of the whole, always."""

import copy
import sys
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

import dask.array as da
import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import basic_indices

from napari_diversify import LazyVolume, Recipe
from napari_diversify.core import diversify, local_std, normal_field
from napari_diversify.recipe import Diversify
from napari_diversify.recipe.lazy import array as lazy_array
from napari_diversify.recipe.lazy.cache import Cache

# --- the oracle: whole arrays, one step after another ----------------------


def oracle(array, recipe, sample=0):
    """The result of a recipe, from whole arrays and the functions of the core alone."""
    array = np.asarray(array)
    dtype = array.dtype.newbyteorder("=")
    real = np.float32 if np.can_cast(dtype, np.float32) else np.float64
    ends = recipe.intensity_range or (float(array.min()), float(array.max()))
    low, high = real(ends[0]), real(ends[1])
    unit = before = ((array.astype(real) - low) / (high - low)).astype(np.float32)
    axes = recipe.spatial_ndim or min(array.ndim, 3)
    for number, step in enumerate(recipe.steps):
        sigma = np.empty(array.shape, np.float32)
        for lead in np.ndindex(array.shape[:-axes]):
            sigma[lead] = local_std(unit[lead], step.window[-axes:], stride=step.stride[-axes:])
        noise = normal_field(array.shape, recipe.seed, sample=sample, stream=256 * number)
        unit = diversify(unit, sigma, noise, step.w_i, step.w_v)
    if recipe.precision == "exact" and not (dtype.kind in "iu" and dtype.itemsize <= 2):
        return given_back(unit, before, array, *ends)
    grey = unit.astype(real) * (high - low) + low
    if dtype.kind == "f":
        return grey.astype(dtype)
    limits = np.iinfo(dtype)
    top = real(limits.max)
    top = top if int(top) <= limits.max else np.nextafter(top, real(0))
    return np.clip(np.rint(grey), real(limits.min), top).astype(dtype)


def given_back(unit, before, array, low, high):
    """Grey levels changed as much as their unit values, voxel by voxel, integers as integers."""
    dtype = array.dtype.newbyteorder("=")
    out = np.empty(array.shape, dtype)
    for i in np.ndindex(array.shape):
        change = (high - low) * (float(unit[i]) - float(before[i]))
        grey = array[i].item()
        if dtype.kind in "iu" and dtype.itemsize == 8:
            grey += round(change)
        else:
            grey += change
        if unit[i] != before[i]:
            grey = max(grey, low) if unit[i] >= 0 else grey
            grey = min(grey, high) if unit[i] <= 1 else grey
            grey = {0.0: low, 1.0: high}.get(float(unit[i]), grey)
        if dtype.kind in "iu":
            limits = np.iinfo(dtype)
            grey = min(max(round(grey), limits.min), limits.max)
        out[i] = grey
    return out


def assert_same(got, expected):
    """Equal to the last bit, in shape and in dtype."""
    expected = np.asarray(expected)
    assert isinstance(got, np.ndarray)
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    assert got.tobytes() == expected.tobytes()


# --- any source, any recipe, any part --------------------------------------


def as_dask(array, rng):
    """In chunks of uneven sizes."""
    chunks = []
    for n in array.shape:
        cuts = np.unique(rng.integers(0, n + 1, rng.integers(0, 3)))
        chunks.append(tuple(int(c) for c in np.diff([0, *cuts[(cuts > 0) & (cuts < n)], n])))
    return da.from_array(array, chunks=tuple(chunks))


def as_zarr(array, rng):
    return zarr.create_array(
        zarr.storage.MemoryStore(),
        data=np.ascontiguousarray(array),
        chunks=tuple(int(rng.integers(1, n + 1)) for n in array.shape),
        compressors=None,
    )


KINDS = {"numpy": lambda array, rng: array, "dask": as_dask, "zarr": as_zarr}
DTYPES = ("u1", "u2", "f4", "i2", "i4", "u4", "i8", "f8", "f2", ">u2")

odd = st.sampled_from([1, 3, 5, 7])
steps = st.builds(
    Diversify,
    w_i=st.floats(0, 4),
    w_v=st.floats(0, 8),
    window=st.tuples(odd, odd, odd),
    stride=st.one_of(st.just(1), st.tuples(*[st.integers(1, 4)] * 3)),
)


@st.composite
def images(draw):
    """2D to 5D, any order of axes in memory, not constant."""
    ndim = draw(st.integers(2, 5))
    longest = {2: 20, 3: 11, 4: 6, 5: 5}[ndim]
    shape = draw(st.lists(st.sampled_from(range(1, longest)), min_size=ndim, max_size=ndim))
    shape[draw(st.integers(0, ndim - 1))] = longest
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    unit = np.where(rng.random(shape) < 0.5, rng.random(shape), 0.25)
    if dtype.kind == "f":
        low, high = draw(st.sampled_from([(0.0, 1.0), (-3.5, 1000.0), (2000.0, 2100.0)]))
    else:
        limits = np.iinfo(dtype)
        low, high = draw(st.sampled_from([(limits.min, limits.max), (10, 100)]))
        low, high = low / 2, high / 2  # so that no rounding leaves the dtype
    image = (low + unit * (high - low)).astype(dtype)
    image.flat[0], image.flat[-1] = dtype.type(low), dtype.type(high)
    return np.transpose(image, draw(st.permutations(range(ndim))))


@st.composite
def recipes(draw, image, spatial_ndim):
    bounds = None
    if draw(st.booleans()):
        low, high = float(image.min()), float(image.max())
        bounds = (
            low + 0.1 * (high - low),
            high - draw(st.sampled_from([-0.5, 0.3])) * (high - low),
        )
    return Recipe(
        steps=draw(st.lists(steps, min_size=1, max_size=2)),
        seed=draw(st.integers(0, 2**32 - 1)),
        intensity_range=bounds,
        spatial_ndim=spatial_ndim,
        precision=draw(st.sampled_from(["exact", "float32"])),
    )


@st.composite
def parts(draw, shape):
    """An index that mixes numbers, whole axes and slices from anywhere to anywhere."""
    key = []
    for n in shape:
        start, stop = draw(st.integers(0, n - 1)), draw(st.integers(0, n))
        step = draw(st.sampled_from([1, 1, 2, -1, -3]))
        key.append(draw(st.sampled_from([start, slice(None), slice(start, stop, step)])))
        if isinstance(key[-1], slice) and key[-1] != slice(None) and (stop < start) != (step < 0):
            key[-1] = slice(start, None, step)
    return tuple(key)


def numpy_integers(key):
    """The same index, with NumPy integers."""
    parts = key if isinstance(key, tuple) else (key,)
    return tuple(np.int64(p) if type(p) is int else p for p in parts)


@settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.data())
def test_any_part_equals_the_same_part_of_the_whole(data):
    image = data.draw(images())
    spatial_ndim = data.draw(st.sampled_from([None, 2, 3] if image.ndim > 2 else [None, 2]))
    recipe = data.draw(recipes(image, spatial_ndim))
    sample = data.draw(st.sampled_from([0, 1, 2**32 - 1]))
    kind = data.draw(st.sampled_from(sorted(KINDS)))
    source = KINDS[kind](image, np.random.default_rng(0))
    expected = oracle(image, recipe, sample)
    # however little is computed at once
    with patch.object(lazy_array, "_SLAB", data.draw(st.sampled_from([1, 20, 100, 1 << 23]))):
        lazy = LazyVolume(source, recipe, sample=sample)
        assert (lazy.shape, lazy.dtype) == (expected.shape, expected.dtype)
        for _ in range(4):
            key = data.draw(
                st.one_of(parts(image.shape), basic_indices(image.shape, allow_ellipsis=True))
            )
            assert_same(lazy[key], expected[key])
            assert_same(lazy[numpy_integers(key)], expected[key])
        assert_same(np.asarray(lazy), expected)
        assert_same(recipe.apply(source, sample=sample), expected)


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_images_bigger_than_the_tiles_that_are_worked_on_are_no_exception(data):
    planes = data.draw(st.one_of(st.none(), st.integers(1, 20)))
    plane = data.draw(st.integers(1, 300)), data.draw(st.integers(1, 600))
    shape = plane if planes is None else (planes, *plane)
    dtype = np.dtype(data.draw(st.sampled_from(["u1", "u2", "i2", "f4"])))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    image = rng.integers(0, 100, shape).astype(dtype)
    image[..., : shape[-1] // 2] = 70  # cancellation spoils the first σ of flat background
    recipe = Recipe(steps=(data.draw(steps),), seed=3, intensity_range=(-3.0, 90.0))
    lazy = LazyVolume(image, recipe)
    expected = oracle(image, recipe)
    assert_same(np.asarray(lazy), expected)
    region = []
    for n in shape:
        start = data.draw(st.integers(0, n - 1))
        region.append(range(start, data.draw(st.integers(start + 1, n))))
    part = tuple(slice(r.start, r.stop) for r in region)
    assert_same(lazy.read(tuple(region)), expected[part])
    assert_same(lazy[part], expected[part])


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_after_any_change_of_parameters_the_view_is_that_of_a_new_volume(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    image = rng.integers(0, 2**16, (4, 6, 7)).astype(np.uint16)
    # few values to choose from, so that what was kept is asked for again
    few_steps = st.builds(
        Diversify,
        w_i=st.sampled_from([0.5, 1.0]),
        w_v=st.sampled_from([0.5, 2.0]),
        window=st.sampled_from([3, 5]),
        stride=st.sampled_from([1, 2]),
    )
    few_recipes = st.builds(
        Recipe,
        steps=st.lists(few_steps, max_size=2),
        seed=st.integers(0, 1),
        intensity_range=st.sampled_from([None, (0.0, 40_000.0)]),
    )
    lazy = LazyVolume(image, data.draw(few_recipes))
    for _ in range(6):
        if data.draw(st.booleans()):
            lazy.recipe = data.draw(few_recipes)
        else:
            lazy.sample = data.draw(st.integers(0, 1))
        z = data.draw(st.integers(0, 3))
        assert_same(lazy[z], oracle(image, lazy.recipe, lazy.sample)[z])


IMAGE = np.random.default_rng(1).integers(50, 5000, (6, 30, 31)).astype(np.uint16)
ONE = Recipe(steps=(Diversify(w_i=0.8, w_v=2.0),), seed=1)
TWO = Recipe(steps=(Diversify(w_v=0.5), Diversify(w_i=0.8, w_v=2.0, window=3)), seed=1)


@pytest.mark.parametrize("change", ["seed", "sample"])
def test_a_second_step_sees_the_new_noise_of_the_first(change):
    lazy = LazyVolume(IMAGE, TWO)
    before = lazy[2]
    if change == "seed":
        lazy.recipe = TWO.replace(seed=2)
    else:
        lazy.sample = 5
    assert_same(lazy[2], oracle(IMAGE, lazy.recipe, lazy.sample)[2])
    assert (lazy[2] != before).mean() > 0.5


def test_two_steps_never_share_their_noise():
    flat = np.full((200, 200), 0.5, np.float32)
    flat[::2, ::2] = 0.51  # a σ map that is the same everywhere
    step = Diversify(w_i=1, w_v=1, window=3)
    once = Recipe(steps=(step,), intensity_range=(0, 1))
    twice = Recipe(steps=(step, step.replace(w_v=1e-3)), intensity_range=(0, 1))
    first = (once.apply(flat) - flat)[1:-1, 1:-1].ravel()
    second = (twice.apply(flat) - once.apply(flat))[1:-1, 1:-1].ravel()
    assert abs(np.corrcoef(first, second)[0, 1]) < 5 / np.sqrt(first.size)


def test_samples_have_noise_of_their_own():
    images = [ONE.apply(IMAGE, sample=n) for n in (0, 1, 2**32 - 1)]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert (images[a] != images[b]).mean() > 0.5


def test_images_along_a_leading_axis_have_noise_of_their_own():
    stack = np.stack([IMAGE, IMAGE])
    result = ONE.apply(stack)
    assert (result[0] != result[1]).mean() > 0.5


def test_a_view_is_the_callers_own_and_may_be_written_to():
    for recipe in (ONE, TWO, Recipe()):
        lazy = LazyVolume(IMAGE.astype(np.float32), recipe)
        expected = oracle(IMAGE.astype(np.float32), recipe)
        for key in (1, slice(None), (slice(None), 3)):
            view = lazy[key]
            view[...] = -1
            assert_same(lazy[key], expected[key])


# --- threads ---------------------------------------------------------------


@pytest.mark.parametrize("recipe", [ONE, TWO], ids=["one step", "two steps"])
@pytest.mark.parametrize("change", ["seed", "weights", "windows", "everything"])
def test_every_look_from_many_threads_is_wholly_of_one_recipe(recipe, change):
    other = {
        "seed": recipe.replace(seed=9),
        "weights": recipe.replace(steps=tuple(s.replace(w_i=1.2, w_v=1.0) for s in recipe.steps)),
        "windows": recipe.replace(steps=tuple(s.replace(window=7) for s in recipe.steps)),
        "everything": Recipe(
            steps=tuple(s.replace(w_i=1.2, w_v=1.0, window=7) for s in recipe.steps),
            seed=9,
            intensity_range=(0, 9000),
        ),
    }[change]
    results = [oracle(IMAGE, r) for r in (recipe, other)]
    lazy = LazyVolume(IMAGE, recipe)
    stop, seen = threading.Event(), [0, 0]

    def swap():
        while not stop.is_set():
            for r in (other, recipe):
                lazy.recipe = r
                stop.wait(1e-4)

    def look(seed):
        rng = np.random.default_rng(seed)
        for _ in range(60):
            key = [slice(None)] * 3
            axis = int(rng.integers(0, 3))
            key[axis] = int(rng.integers(0, IMAGE.shape[axis]))
            got = lazy[tuple(key)].tobytes()
            matches = [got == whole[tuple(key)].tobytes() for whole in results]
            assert any(matches), f"a mixture of two recipes at {key}"
            seen[matches.index(True)] += 1

    swapper = threading.Thread(target=swap)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads take turns wherever they can
    swapper.start()
    try:
        with ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(look, seed) for seed in range(8)]:
                done.result()
    finally:
        stop.set()
        swapper.join()
        sys.setswitchinterval(interval)
    assert min(seen) > 0, "the recipes were never swapped while looking"


class Meddling:
    """A source that calls a function in the midst of every read."""

    def __init__(self, array, meddle):
        self.array, self.meddle = array, meddle
        self.shape, self.dtype = array.shape, array.dtype

    def __getitem__(self, key):
        self.meddle()
        return self.array[key]


@pytest.mark.parametrize("recipe", [ONE, TWO], ids=["one step", "two steps"])
@pytest.mark.parametrize("look", ["view", "whole", "slabs", "prefetch"])
def test_a_look_that_has_begun_is_finished_with_the_parameters_it_began_with(recipe, look):
    stack = np.stack([IMAGE, IMAGE[::-1]])
    other = recipe.replace(
        seed=9,
        intensity_range=(0, 9000),
        steps=(Diversify(w_v=3.0, window=7), Diversify(w_i=0.5)),
    )

    def meddle():
        lazy.recipe, lazy.sample = other, 5

    source = Meddling(stack, lambda: None)
    lazy = LazyVolume(source, recipe)
    source.meddle = meddle
    with patch.object(lazy_array, "_SLAB", 2000):
        if look == "view":
            result = lazy[:, 1:5]
        elif look == "whole":
            result = np.asarray(lazy)[:, 1:5]
        elif look == "slabs":
            result = np.empty_like(stack)
            for where, values in lazy.slabs():
                result[where] = values
            result = result[:, 1:5]
        else:
            list(lazy.prefetch((slice(None), slice(1, 5))))
            assert not lazy.holds((slice(None), slice(1, 5)))
            result = oracle(stack, recipe)[:, 1:5]
    assert_same(np.ascontiguousarray(result), oracle(stack, recipe)[:, 1:5])
    assert_same(lazy[:, 1:5], oracle(stack, other, 5)[:, 1:5])


def test_volumes_that_share_a_cache_do_not_share_their_values():
    cache = Cache()
    images = [IMAGE, IMAGE[::-1].copy(), IMAGE[:, ::-1].copy()]
    volumes = [LazyVolume(image, ONE, cache=cache) for image in images]
    for image, lazy in zip(images, volumes, strict=True):
        assert_same(lazy[1], oracle(image, ONE)[1])


# --- what a look costs -----------------------------------------------------


class Spy:
    """A virtual source that counts the voxels read from it and the largest read."""

    def __init__(self, shape, dtype="u2"):
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)
        self.read, self.largest = 0, 0

    def __getitem__(self, key):
        key = (*key, *[slice(None)] * (len(self.shape) - len(key)))
        ranges = [range(*k.indices(n)) for k, n in zip(key, self.shape, strict=True)]
        size = int(np.prod([len(r) for r in ranges]))
        self.read += size
        self.largest = max(self.largest, size)
        places = np.meshgrid(*(np.asarray(r, np.int64) for r in ranges), indexing="ij", sparse=True)
        total = sum(p * f for p, f in zip(places, (7919, 31, 17, 13, 11), strict=False))
        return (total % 1009).astype(self.dtype)

    def voxels_read_by(self, look):
        before = self.read
        look()
        return self.read - before


FIXED = ONE.replace(intensity_range=(0, 1008))
FIXED_TWO = TWO.replace(intensity_range=(0, 1008))


@pytest.mark.parametrize("recipe", [FIXED, FIXED_TWO], ids=["one step", "two steps"])
@pytest.mark.parametrize("key", [4, (4, slice(10, 20), 7), (slice(4, 6), 3)], ids=str)
def test_a_plane_costs_the_same_in_ten_planes_and_in_a_hundred_thousand(recipe, key):
    costs = []
    for planes in (10, 100_000):
        spy = Spy((planes, 48, 40))
        lazy = LazyVolume(spy, recipe)
        assert spy.read == 0
        costs.append(spy.voxels_read_by(lambda lazy=lazy: lazy[key]))
    assert costs[0] == costs[1]
    assert 0 < costs[0] <= 10 * 48 * 40


def test_a_plane_reads_no_more_than_its_window_reaches():
    spy = Spy((1000, 48, 40))
    lazy = LazyVolume(spy, FIXED)
    assert spy.voxels_read_by(lambda: lazy[500]) == 5 * 48 * 40
    assert spy.voxels_read_by(lambda: lazy[0]) == 3 * 48 * 40
    assert spy.voxels_read_by(lambda: lazy[700, 20:22, 10]) == 5 * 6 * 5


def test_planes_picked_with_gaps_do_not_cost_the_planes_between_them():
    spy = Spy((1000, 48, 40))
    lazy = LazyVolume(spy, FIXED)
    assert spy.voxels_read_by(lambda: lazy[100:900:200]) == 4 * 5 * 48 * 40


def test_separate_planes_read_no_neighbours():
    spy = Spy((1000, 48, 40))
    lazy = LazyVolume(spy, FIXED.replace(spatial_ndim=2))
    assert spy.voxels_read_by(lambda: lazy[500]) == 48 * 40


@pytest.mark.parametrize("recipe", [FIXED, FIXED_TWO], ids=["one step", "two steps"])
def test_a_second_look_with_other_weights_reads_nothing(recipe):
    spy = Spy((100, 48, 40))
    lazy = LazyVolume(spy, recipe)
    lazy[50]
    changed = recipe.replace(steps=(*recipe.steps[:-1], recipe.steps[-1].replace(w_i=0.3, w_v=5)))

    def look_again():
        lazy.recipe = changed
        lazy[50]

    assert spy.voxels_read_by(look_again) == 0
    assert_same(lazy[50], oracle(spy[:100,], changed)[50])


def test_the_range_is_not_read_again_for_another_recipe_without_one():
    spy = Spy((20, 48, 40))
    lazy = LazyVolume(spy, ONE)

    def swap():
        lazy.recipe = TWO

    assert spy.voxels_read_by(swap) == 0


def test_without_a_range_the_exact_one_is_read_once_in_bounded_blocks():
    spy = Spy((40, 512, 512))
    lazy = LazyVolume(spy, ONE)
    assert lazy.intensity_range == (0.0, 1008.0)
    assert spy.read == lazy.size
    assert spy.largest <= lazy.size / 2


def test_the_whole_is_computed_in_blocks_of_bounded_size():
    spy = Spy((200, 64, 64))
    with patch.object(lazy_array, "_SLAB", 20 * 64 * 64):
        result = FIXED.apply(spy)
    assert spy.largest <= (20 + 4) * 64 * 64
    assert_same(result, oracle(spy[:200,], FIXED))


def test_no_more_memory_is_kept_than_the_cache_may_hold():
    budget = 2 << 20
    recipe = FIXED.replace(steps=(Diversify(window=(15, 3, 3)),))
    lazy = LazyVolume(Spy((300, 100, 100)), recipe, cache=Cache(budget))
    lazy[0]
    tracemalloc.start()
    try:
        for z in range(1, 120):
            lazy[z]
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept <= 1.25 * budget


# --- ahead of a look -------------------------------------------------------


def test_a_prefetched_view_is_the_view_and_costs_nothing_again():
    spy = Spy((30, 20, 21))
    lazy = LazyVolume(spy, FIXED)
    expected = oracle(spy[:30,], FIXED)
    key = (slice(None, None, -2), 7)
    with patch.object(lazy_array, "_SLAB", 100):
        done = list(lazy.prefetch(key))
    assert done[-1][0] == done[-1][1] == len(done) - 1
    assert lazy.holds(key)
    assert spy.voxels_read_by(lambda: lazy[key]) == 0
    assert_same(lazy[key], expected[key])
    lazy[key][...] = 0
    assert_same(lazy[key], expected[key])
    assert_same(lazy[:, 8], expected[:, 8])


def test_a_prefetch_that_is_stopped_holds_nothing():
    lazy = LazyVolume(IMAGE, ONE)
    with patch.object(lazy_array, "_SLAB", 100):
        pieces = lazy.prefetch((slice(None), 7))
        next(pieces)
        next(pieces)
        pieces.close()
    assert not lazy.holds((slice(None), 7))
    assert_same(lazy[:, 7], oracle(IMAGE, ONE)[:, 7])


@pytest.mark.parametrize("when", ["during", "after"])
def test_a_prefetch_with_other_parameters_is_never_shown(when):
    lazy = LazyVolume(IMAGE, ONE)
    pieces = lazy.prefetch((slice(None), 7))
    if when == "during":
        next(pieces)
        lazy.recipe = TWO
        list(pieces)
    else:
        list(pieces)
        assert lazy.holds((slice(None), 7))
        lazy.recipe = TWO
    assert not lazy.holds((slice(None), 7))
    assert_same(lazy[:, 7], oracle(IMAGE, TWO)[:, 7])


# --- an array like any other -----------------------------------------------


def test_it_looks_like_an_array():
    lazy = LazyVolume(np.zeros((3, 4, 5, 6), ">u2"), Recipe(intensity_range=(0, 1)))
    assert (lazy.shape, lazy.ndim, lazy.size, len(lazy)) == ((3, 4, 5, 6), 4, 360, 3)
    assert lazy.dtype == np.uint16
    assert lazy.dtype.isnative
    assert lazy.nbytes == 720
    assert repr(lazy) == "<LazyVolume (3, 4, 5, 6) uint16>"


def test_numpy_can_make_an_array_of_it():
    lazy = LazyVolume(IMAGE, ONE)
    expected = oracle(IMAGE, ONE)
    assert_same(np.asarray(lazy), expected)
    assert_same(np.array(lazy, dtype=np.float64), expected.astype(np.float64))
    assert_same(np.array(lazy, copy=True), expected)
    assert_same(np.stack(list(lazy)), expected)
    assert int(np.max(lazy)) == expected.max()


def test_it_cannot_be_had_without_a_copy():
    with pytest.raises(ValueError, match="without a copy"):
        np.array(LazyVolume(IMAGE, ONE), copy=False)


def test_slabs_cover_the_whole_in_as_many_pieces_as_were_announced():
    lazy = LazyVolume(np.stack([IMAGE, IMAGE]), ONE)
    covered = np.zeros(lazy.shape, int)
    with patch.object(lazy_array, "_SLAB", 2000):
        pieces = list(lazy.slabs())
        assert len(pieces) == lazy.slab_count() > 2
    expected = oracle(np.stack([IMAGE, IMAGE]), ONE)
    for where, values in pieces:
        covered[where] += 1
        assert_same(values, np.ascontiguousarray(expected[where]))
    assert (covered == 1).all()


@pytest.mark.parametrize("key", [None, True, 1.0, [0, 1], np.zeros(IMAGE.shape, bool), "z"])
def test_only_basic_indices_are_accepted(key):
    with pytest.raises(IndexError, match="only integers, slices"):
        LazyVolume(IMAGE, ONE)[key]


@pytest.mark.parametrize("key", [6, -7, (0, 30), (0, 0, 0, 0)])
def test_an_index_out_of_bounds_is_an_index_error(key):
    with pytest.raises(IndexError, match=r"out of bounds|too many"):
        LazyVolume(IMAGE, ONE)[key]


@pytest.mark.parametrize("copying", [copy.copy, copy.deepcopy])
def test_a_copy_shares_the_source_but_not_the_recipe(copying):
    spy = Spy((10, 20, 21))
    lazy = LazyVolume(spy, FIXED)
    other = copying(lazy)
    assert other.source is spy
    other.recipe = FIXED_TWO
    other.sample = 3
    assert (lazy.recipe, lazy.sample) == (FIXED, 0)
    assert_same(lazy[3], oracle(spy[:10,], FIXED)[3])
    assert_same(other[3], oracle(spy[:10,], FIXED_TWO, 3)[3])


def test_a_list_of_lists_is_an_image():
    assert_same(ONE.apply([[1, 5, 2], [8, 1, 9]]), oracle([[1, 5, 2], [8, 1, 9]], ONE))


def test_a_recipe_without_steps_changes_nothing():
    assert_same(Recipe().apply(IMAGE), IMAGE)


# --- the source changes ----------------------------------------------------


def test_an_edit_in_place_is_seen_once_it_is_announced():
    image = IMAGE.copy()
    lazy = LazyVolume(image, ONE)
    lazy[2]
    image[1:4, 10:20, 10:20] = 2500  # keeps the minimum and the maximum
    assert (image.min(), image.max()) == (IMAGE.min(), IMAGE.max())
    lazy.source_edited()
    assert_same(lazy[2], oracle(image, ONE)[2])
    assert_same(np.asarray(lazy), oracle(image, ONE))


def test_an_edit_that_widens_the_range_is_shown_as_it_would_be_exported():
    image = IMAGE.copy()
    lazy = LazyVolume(image, ONE)
    image[0, 0, 0] = 60_000
    lazy.source_edited()
    assert_same(lazy[2], ONE.apply(image)[2])


def test_an_edit_ends_what_was_prefetched():
    image = IMAGE.copy()
    lazy = LazyVolume(image, FIXED)
    list(lazy.prefetch((slice(None), 7)))
    image[:, 5:9] = 77
    lazy.source_edited()
    assert not lazy.holds((slice(None), 7))
    assert_same(lazy[:, 7], oracle(image, FIXED)[:, 7])


# --- what is refused -------------------------------------------------------


@pytest.mark.parametrize("make", [LazyVolume, lambda image, recipe: recipe.apply(image)])
@pytest.mark.parametrize(
    ("image", "error", "said"),
    [
        (IMAGE > 99, TypeError, "integers or floating-point.*bool"),
        (IMAGE + 1j, TypeError, "integers or floating-point.*complex128"),
        (IMAGE.astype(object), TypeError, "integers or floating-point.*object"),
        (np.array([["a", "b"]]), TypeError, "integers or floating-point.*<U1"),
        (np.zeros((0, 4, 5)), ValueError, r"empty.*\(0, 4, 5\)"),
        (np.arange(5.0), ValueError, r"two axes or more.*\(5,\)"),
        (np.float64(5.0), ValueError, r"two axes or more.*\(\)"),
        (np.full((3, 4, 5), 7, np.uint8), ValueError, "every voxel is 7,.*give an intensity range"),
        (np.full((3, 4, 5), 0.5), ValueError, "every voxel is 0.5,.*an intensity range"),
        (np.where(IMAGE < 60, np.nan, IMAGE), ValueError, "NaN or infinite.*finite"),
        (np.where(IMAGE < 60, np.inf, IMAGE), ValueError, "NaN or infinite.*finite"),
    ],
    ids=["bool", "complex", "object", "text", "empty", "1D", "0D", "7", "0.5", "NaN", "inf"],
)  # fmt: skip
def test_an_image_that_cannot_be_used_is_answered_with_the_reason(make, image, error, said):
    with pytest.raises(error, match=said):
        make(image, ONE)


def test_a_constant_image_can_be_used_with_a_range_of_its_own():
    image = np.full((3, 4, 5), 7, np.uint8)
    assert_same(ONE.replace(intensity_range=(0, 255)).apply(image), np.full_like(image, 6))


@pytest.mark.parametrize(
    "spacing", [(0.2, 0.2), (1, 1, 1, 1), (0.5, 0.0, 0.2), (0.5, -1, 0.2), (0.5, np.nan, 0.2), ()]
)
def test_spacing_must_be_a_positive_number_per_spatial_axis(spacing):
    with pytest.raises(ValueError, match=r"spacing must be 3 positive numbers.*got"):
        LazyVolume(IMAGE, ONE, spacing)


@pytest.mark.parametrize("sample", [-1, 2**32, 0.5, "1", True])
def test_a_sample_must_be_a_whole_number(sample):
    with pytest.raises(ValueError, match="sample must be a whole number") as error:
        LazyVolume(IMAGE, ONE, sample=sample)
    assert repr(sample) in str(error.value)
    lazy = LazyVolume(IMAGE, ONE)
    with pytest.raises(ValueError, match="sample must be a whole number"):
        lazy.sample = sample
    assert lazy.sample == 0


def test_space_cannot_have_more_axes_than_the_image():
    with pytest.raises(ValueError, match="2 axes, but the recipe takes the last 3"):
        LazyVolume(IMAGE[0], ONE.replace(spatial_ndim=3))


def test_a_recipe_with_another_space_needs_a_volume_of_its_own():
    lazy = LazyVolume(IMAGE, ONE)
    with pytest.raises(ValueError, match="needs a LazyVolume of its own"):
        lazy.recipe = ONE.replace(spatial_ndim=2)
    assert lazy.recipe == ONE


def test_the_sample_of_the_recipe_is_shown_unless_another_is_asked_for():
    third = ONE.replace(sample=3)
    assert_same(LazyVolume(IMAGE, third)[:], ONE.apply(IMAGE, sample=3))
    assert_same(third.apply(IMAGE), ONE.apply(IMAGE, sample=3))
    assert_same(third.apply(IMAGE, sample=1), ONE.apply(IMAGE, sample=1))
