"""Any chain of steps shows, part by part, what it makes of the whole; and one step what it says."""

from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import basic_indices

from napari_diversify import LazyVolume, Recipe
from napari_diversify.core import Tissue, degrade_contrast, lowpass, restore_contrast
from napari_diversify.core.blocks import exhaust
from napari_diversify.core.spectral.dct import forward
from napari_diversify.core.spectral.low_frequencies import low_frequencies
from napari_diversify.learned import Denoise, RestoreLearned
from napari_diversify.recipe import DegradeContrast, Diversify, LazyRemoved, LowPass, Restore
from napari_diversify.recipe.lazy import array as lazy_array
from napari_diversify.recipe.lazy.cache import Cache
from tiny_models import model


def assert_same(got, expected):
    """Equal to the last bit, in shape and in dtype."""
    expected = np.asarray(expected)
    assert isinstance(got, np.ndarray)
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
    assert got.tobytes() == expected.tobytes()


# ---- chains, images and parts of them ----

odd = st.sampled_from([1, 3, 5])
diversify_steps = st.builds(
    Diversify,
    w_i=st.floats(0.2, 1.8),
    w_v=st.floats(0, 8),
    window=st.tuples(odd, odd, odd),
    stride=st.sampled_from([1, 2, (1, 2, 3)]),
)


def lowpass_steps(planes):
    return st.builds(
        LowPass,
        cutoff=st.floats(0.05, 2),
        shape=st.sampled_from(["radial", "square", "triangular"]),
        taper=st.sampled_from([0.0, 0.3, 1.0]),
        volume=st.booleans() if planes else st.just(False),
    )


depths = st.sampled_from([0.0, 3.0, 40.0, 200.0])


def tissue_of(planes):
    """Parameters of tissue for volumes of so many planes, or, for 0, for images."""
    depth = {
        "growing": st.booleans(),
        "surface": st.integers(0, planes - 1),
        "upwards": st.booleans(),
    }
    return {
        "scattering_length": st.floats(20, 300),
        "blur": st.one_of(st.just(0.0), st.floats(0.01, 3)),
        "halo": st.one_of(st.just(0.0), st.floats(0.001, 0.5)),
        "collected": st.floats(0, 1),
        "absorption": st.floats(0, 5),
        "pedestal": st.sampled_from([0.0, 0.2]),
        "offset": st.sampled_from([0.0, 0.1]),
        **(depth if planes else {}),
    }


def contrast_steps(planes):
    return st.builds(
        DegradeContrast,
        extra_depth=depths,
        context=st.sampled_from([0, 1, 2, 5]),
        noise=st.booleans(),
        **tissue_of(planes),
    )


def restore_steps(planes):
    return st.builds(
        Restore,
        depth=depths,
        method=st.sampled_from(["wiener", "richardson-lucy"]),
        strength=st.sampled_from([0.01, 1.0, 100.0]),
        iterations=st.integers(0, 5),
        **tissue_of(planes),
    )


def learned_steps(planes):
    """Steps with models; what looks at neighbouring planes only where there are planes."""
    nets = st.sampled_from(["unet", "planes"] if planes else ["unet"]).map(model)
    return st.one_of(
        st.builds(RestoreLearned, model=nets, iterations=st.integers(0, 3)),
        st.builds(
            Denoise,
            model=st.just(model("vae")),
            show=st.sampled_from(["mean", "sample", "spread", "mode"]),
            draws=st.integers(2, 3),
        ),
    )


def chains(planes, most=3):
    others = (contrast_steps, restore_steps, lowpass_steps, learned_steps)
    kinds = st.one_of(diversify_steps, *(steps(planes) for steps in others))
    return st.lists(kinds, min_size=1, max_size=most)


@st.composite
def cases(draw):
    """A small image, a recipe for it and a spacing."""
    shape = draw(
        st.one_of(
            st.tuples(*[st.integers(1, 20)] * 2),
            st.tuples(st.integers(1, 6), *[st.integers(1, 13)] * 2),
            st.tuples(st.integers(1, 2), st.integers(1, 4), *[st.integers(1, 9)] * 2),
        ).filter(lambda s: s[-1] > 1)
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    unit = rng.random(shape)
    unit.flat[0], unit.flat[-1] = 0, 1
    if draw(st.booleans()):
        image = (unit * 60_000).astype(np.uint16)
    else:
        image = (unit * 50 - 7).astype(np.float32)
    d = draw(st.sampled_from([2, 3] if image.ndim > 2 else [2]))
    recipe = Recipe(
        steps=draw(chains(shape[-3] if d == 3 else 0)),
        seed=draw(st.integers(0, 2**32 - 1)),
        spatial_ndim=d,
    )
    spacing = draw(st.one_of(st.none(), st.tuples(*[st.floats(0.1, 5)] * d)))
    return image, recipe, spacing


@st.composite
def parts(draw, shape):
    """An index that mixes numbers, whole axes and slices with steps of either sign."""
    key = []
    for n in shape:
        start = draw(st.integers(0, n - 1))
        several = slice(start, None, draw(st.sampled_from([1, 2, -1, -3])))
        key.append(draw(st.sampled_from([start, slice(None), several])))
    return tuple(key)


def cuts(shape):
    """One XY, XZ and YZ cut, or what there is of them."""
    for axis in range(max(0, len(shape) - 3), len(shape)):
        yield tuple(n // 2 if a == axis else slice(None) for a, n in enumerate(shape))


@settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.data())
def test_any_part_of_any_chain_equals_the_same_part_of_the_whole(data):
    image, recipe, spacing = data.draw(cases())
    sample = data.draw(st.sampled_from([0, 7]))
    expected = recipe.apply(image, spacing, sample)
    assert np.isfinite(expected).all()
    assert (expected.shape, expected.dtype) == (image.shape, image.dtype)
    indices = st.one_of(parts(image.shape), basic_indices(image.shape, allow_ellipsis=True))
    budget = data.draw(st.sampled_from([0, 4000, 256 << 20]))
    # however little is computed or kept at once
    with patch.object(lazy_array, "_SLAB", data.draw(st.sampled_from([1, 100, 1 << 23]))):
        lazy = LazyVolume(image, recipe, spacing, sample, cache=Cache(budget))
        for key in [data.draw(indices), data.draw(indices), *cuts(image.shape)]:
            assert_same(lazy[key], expected[key])
        assert_same(np.asarray(lazy), expected)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_after_any_change_of_a_chain_the_view_is_that_of_a_new_volume(data):
    image = np.random.default_rng(1).integers(0, 2**16, (4, 9, 10)).astype(np.uint16)
    # few values to choose from, so that what was kept is asked for again
    step = st.sampled_from(
        [
            Diversify(window=3),
            Diversify(w_v=2.0, window=3),
            DegradeContrast(extra_depth=10, context=1),
            DegradeContrast(extra_depth=60, growing=True),
            DegradeContrast(extra_depth=60, growing=True, noise=False),
            Restore(),
            Restore(strength=3, scattering_length=50, growing=True),
            Restore(method="richardson-lucy", iterations=2),
            LowPass(cutoff=0.4),
            LowPass(cutoff=0.4, shape="square"),
            LowPass(cutoff=0.3, volume=True),
            LowPass(cutoff=0.9, volume=True),
            RestoreLearned(model=model("unet")),
            RestoreLearned(model=model("unet"), iterations=2),
            Denoise(model=model("vae"), draws=2),
            Denoise(model=model("vae"), draws=3),
            Denoise(model=model("vae"), draws=3, show="spread"),
            Denoise(model=model("vae"), show="sample"),
        ]
    )
    steps, seeds = st.lists(step, max_size=3), st.integers(0, 1)
    lazy = LazyVolume(image, Recipe(steps=data.draw(steps)), (2.0, 0.5, 0.5))
    for _ in range(6):
        if data.draw(st.booleans()):
            lazy.recipe = Recipe(steps=data.draw(steps), seed=data.draw(seeds))
        else:
            lazy.sample = data.draw(seeds)
        z, y = data.draw(st.integers(0, 3)), data.draw(st.integers(0, 8))
        expected = lazy.recipe.apply(image, lazy.spacing, lazy.sample)
        assert_same(lazy[z], expected[z])
        assert_same(lazy[:, y], expected[:, y])


@settings(deadline=None, max_examples=80)
@given(cases())
def test_a_chain_survives_its_file(case):
    image, recipe, spacing = case
    again = Recipe.from_json(recipe.to_json())
    assert again == recipe
    assert [type(s) for s in again.steps] == [type(s) for s in recipe.steps]
    assert_same(again.apply(image, spacing), recipe.apply(image, spacing))


IMAGE = np.random.default_rng(2).integers(50, 5000, (6, 60, 71)).astype(np.uint16)
SPACING = (2.0, 0.4, 0.5)
CONTRAST = DegradeContrast(extra_depth=30, context=1, growing=True, surface=1)
LONG = Recipe(steps=(CONTRAST, Diversify(w_v=0.5, window=3), LowPass(cutoff=0.6, taper=0.2)))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_threads_see_the_same_whatever_they_ask_for_at_once(order):
    recipe = LONG.replace(steps=tuple(LONG.steps[i] for i in order))
    expected = recipe.apply(IMAGE, SPACING)
    lazy = LazyVolume(IMAGE, recipe, SPACING)
    keys = [(z,) for z in range(6)] + [(slice(None), y) for y in (0, 30, 59)] + [(..., 3), (...,)]
    with ThreadPoolExecutor(5) as pool:
        for key, got in zip(keys * 3, pool.map(lazy.__getitem__, keys * 3), strict=True):
            assert_same(got, expected[key])


def test_the_order_of_steps_counts():
    results = [LONG.replace(steps=steps).apply(IMAGE) for steps in (LONG.steps, LONG.steps[::-1])]
    assert (results[0] != results[1]).mean() > 0.5


# ---- one spectral step is what the core makes of the image ----


def in_grey_levels(unit, image):
    """Mapped back from [0, 1], neither rounded nor clipped."""
    low, high = float(image.min()), float(image.max())
    return low + unit.astype(np.float64) * (high - low)


def unit_of(image):
    low, high = float(image.min()), float(image.max())
    return ((image.astype(np.float64) - low) / (high - low)).astype(np.float32)


def assert_close(got, expected):
    if got.dtype.kind in "iu":
        limits = np.iinfo(got.dtype)
        assert np.abs(np.clip(expected, limits.min, limits.max) - got).max() <= 1
    else:
        np.testing.assert_allclose(got, expected, atol=1e-5 * np.ptp(expected))


@pytest.mark.parametrize("dtype", ["u2", "f4"])
@pytest.mark.parametrize("shape", [(40, 51), (5, 30, 41)])
@pytest.mark.parametrize("spacing", [None, (3.0, 0.4, 0.6)])
@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize(
    "how", [{}, {"growing": True, "surface": 1}, {"growing": True, "surface": 3, "upwards": True}]
)
def test_degrade_contrast_is_that_of_the_core(dtype, shape, spacing, noise, how):
    if how and len(shape) == 2:
        how = {}
    spacing = spacing and spacing[-len(shape) :]
    image = (9000 * np.random.default_rng(3).random(shape) + 300).astype(dtype)
    values = {
        "scattering_length": 70.0,
        "blur": 1.2,
        "halo": 0.2,
        "collected": 0.7,
        "absorption": 3.0,
        "pedestal": 0.1,
        "offset": 0.05,
        "axial_ratio": 1.5,
        "context": 2,
    }
    step = DegradeContrast(extra_depth=25, noise=noise, **values, **how)
    got = Recipe(steps=(step,), seed=9).apply(image, spacing, sample=4)
    expected = degrade_contrast(
        unit_of(image),
        spacing=spacing,
        extra_depth=25,
        tissue=Tissue(**values),
        noise=noise,
        seed=9,
        sample=4,
        **how,
    )
    assert_close(got, in_grey_levels(expected, image))


@pytest.mark.parametrize("dtype", ["u2", "f4"])
@pytest.mark.parametrize("spacing", [None, (3.0, 0.4, 0.6)])
@pytest.mark.parametrize("method", [{"strength": 2}, {"method": "richardson-lucy"}])
@pytest.mark.parametrize("how", [{}, {"growing": True, "surface": 3, "upwards": True}])
def test_restore_is_that_of_the_core(dtype, spacing, method, how):
    image = (9000 * np.random.default_rng(3).random((5, 30, 41)) + 300).astype(dtype)
    tissue = {"scattering_length": 70.0, "blur": 1.2, "pedestal": 0.1, "offset": 0.05}
    got = Recipe(steps=(Restore(depth=25, **tissue, **method, **how),)).apply(image, spacing)
    expected = restore_contrast(
        unit_of(image), spacing=spacing, depth=25, tissue=Tissue(**tissue), **method, **how
    )
    assert np.abs(expected - unit_of(image)).max() > 0.1
    assert_close(got, in_grey_levels(expected, image))


def test_restore_gives_back_what_degrade_contrast_took():
    saw = np.tile(np.arange(71.0) % 12, (6, 60, 1)).astype(np.float32)
    tissue = {"scattering_length": 30, "growing": True, "surface": 1}
    steps = DegradeContrast(extra_depth=10, noise=False, **tissue), Restore(depth=10, **tissue)
    took, left = (np.abs(Recipe(steps=steps[:n]).apply(saw, SPACING) - saw).mean() for n in (1, 2))
    assert left < 0.3 * took


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize("shape", [(40, 51), (3, 30, 41), (2, 3, 20, 21)])
@pytest.mark.parametrize("form", ["radial", "square", "triangular"])
@pytest.mark.parametrize("taper", [0.0, 0.5])
def test_low_pass_is_that_of_the_core(dtype, shape, form, taper):
    image = (200 * np.random.default_rng(4).random(shape) + 30).astype(dtype)
    got = Recipe(steps=(LowPass(cutoff=0.4, shape=form, taper=taper),)).apply(image)
    expected = lowpass(unit_of(image), 0.4, shape=form, taper=taper)
    assert_close(got, in_grey_levels(expected, image))


@pytest.mark.parametrize("form", ["radial", "square", "triangular"])
@pytest.mark.parametrize("taper", [0.0, 0.4])
def test_low_pass_of_a_whole_volume_is_that_of_the_core(form, taper):
    image = np.random.default_rng(3).random((7, 30, 131), dtype=np.float32)
    image.flat[0], image.flat[1] = 0, 1
    recipe = Recipe(steps=(LowPass(cutoff=0.6, shape=form, taper=taper, volume=True),))
    expected = lowpass(image, 0.6, shape=form, taper=taper, axes=(-3, -2, -1))
    assert_same(recipe.apply(image), expected)
    lazy = LazyVolume(image, recipe)
    for cutoff in (0.6, 0.9, 0.3, 0.6):  # what is kept for one serves the others
        lazy.recipe = Recipe(steps=(LowPass(cutoff=cutoff, shape=form, taper=taper, volume=True),))
        whole = lowpass(image, cutoff, shape=form, taper=taper, axes=(-3, -2, -1))
        for key in cuts(image.shape):
            assert_same(lazy[key], whole[key])


class Counted(np.ndarray):
    """An array that counts what is read of it."""

    read = 0

    def __getitem__(self, key):
        part = np.asarray(self)[key]
        Counted.read += part.size
        return part


@pytest.mark.parametrize("dtype", ["u2", "f8"])
def test_a_whole_volume_is_read_once_and_then_every_cutoff_below_is_a_plane_of_work(dtype):
    values = 200 * np.random.default_rng(4).random((8, 40, 130))
    image = values.astype(dtype).view(Counted)
    plane = 40 * 130
    # the digits that single precision cannot hold stand in the planes in view themselves
    again = 0 if dtype == "u2" else plane
    low = LowPass(cutoff=0.5, volume=True)
    recipe = Recipe(steps=(low,), intensity_range=(0, 200))
    lazy = LazyVolume(image, recipe, cache=Cache(3 * image[0].nbytes))
    Counted.read = 0
    assert lazy.work(3) == image.size
    list(lazy.prefetch(3))
    assert Counted.read <= image.size + again
    Counted.read = 0
    for cutoff in (0.5, 0.45, 0.4):
        lazy.recipe = recipe.replace(steps=(low.replace(cutoff=cutoff),))
        assert lazy.work(3) == plane
        lazy[3], lazy[3]
    assert Counted.read == 0
    lazy[5]
    assert Counted.read == again
    lazy.recipe = recipe.replace(steps=(low.replace(cutoff=0.7),))
    assert lazy.work(3) == image.size
    lazy.source_edited()
    lazy.recipe = recipe
    assert lazy.work(3) == image.size


def test_only_frequencies_below_the_cutoff_are_kept():
    image = np.random.default_rng(5).random((16, 128, 256)).astype(np.float32)
    low = exhaust(low_frequencies(image.shape, lambda z: forward(image[z]), 0.25))
    assert low.nbytes == image.nbytes / 4**3
    expected = lowpass(image, 0.2, axes=(-3, -2, -1))
    assert_same(low.plane(9, 0.2), expected[9])


def test_preparing_a_whole_volume_tells_its_progress_and_can_be_stopped():
    image = np.random.default_rng(6).random((9, 20, 21))
    lazy = LazyVolume(image, Recipe(steps=(LowPass(volume=True),)))
    pieces = lazy.prefetch(2)
    assert [next(pieces) for _ in range(5)] == [(z, 9) for z in range(5)]
    pieces.close()
    assert lazy.work(2) == image.size
    assert not lazy.holds(2)


@pytest.mark.parametrize("step", [DegradeContrast(), LowPass(), LowPass(volume=True)])
def test_a_cut_across_planes_once_computed_gives_all_others_for_nothing(step):
    image = np.random.default_rng(7).random((6, 20, 21)).view(Counted)
    lazy = LazyVolume(image, Recipe(steps=(step,), intensity_range=(0, 1)), cache=Cache(0))
    expected = np.asarray(lazy)
    list(lazy.prefetch((slice(None), 4)))
    Counted.read = 0
    for key in (*cuts(image.shape), ..., (slice(None, None, -2), 3)):
        assert lazy.holds(key)
        assert_same(lazy[key], expected[key])
    assert Counted.read == 0


def test_a_volume_too_big_for_the_memory_is_refused_in_a_sentence():
    class Huge:
        shape, dtype = (50_000, 4096, 4096), np.dtype("uint8")

    recipe = Recipe(steps=(LowPass(cutoff=0.9, volume=True),), intensity_range=(0, 255))
    with pytest.raises(ValueError, match=r"takes .* GB of memory.*lower cutoff"):
        LazyVolume(Huge(), recipe)
    with pytest.raises(ValueError, match="needs volumes"):
        LazyVolume(np.zeros((5, 6)), recipe)


@pytest.mark.parametrize("step", [CONTRAST, Restore(growing=True), LowPass(cutoff=0.3)])
def test_a_spectral_step_shows_the_same_bits_from_every_side(step):
    lazy = LazyVolume(IMAGE.astype(np.float32), Recipe(steps=(step,)), SPACING)
    whole = np.asarray(lazy)
    assert_same(np.stack([lazy[z] for z in range(6)]), whole)
    assert_same(np.stack([lazy[:, y] for y in range(60)], axis=1), whole)
    assert_same(np.stack([lazy[..., x] for x in range(71)], axis=2), whole)
    assert_same(lazy[4:1:-2, 10:20, 60:3:-7], whole[4:1:-2, 10:20, 60:3:-7])


def test_leading_axes_are_independent_images_apart_from_their_noise():
    image = np.stack([IMAGE, IMAGE[::-1], IMAGE // 2])
    step = CONTRAST.replace(noise=False)
    recipe = Recipe(steps=(step, LowPass()), intensity_range=(0, 6000), spatial_ndim=3)
    expected = np.stack([recipe.apply(volume, SPACING) for volume in image])
    assert_same(recipe.apply(image, SPACING), expected)


def test_each_time_point_has_noise_of_its_own():
    image = np.stack([IMAGE, IMAGE])
    recipe = Recipe(steps=(CONTRAST,))
    first, second = recipe.apply(image, SPACING).astype(float)
    clean = Recipe(steps=(CONTRAST.replace(noise=False),)).apply(IMAGE, SPACING)
    added = [(r - clean)[2:].ravel() for r in (first, second)]
    assert added[0].std() > 100
    assert abs(np.corrcoef(*added)[0, 1]) < 0.05


def test_extra_depth_is_in_the_unit_of_the_spacing():
    step = DegradeContrast(extra_depth=30, context=1, growing=True, noise=False)
    recipe = Recipe(steps=(step,))
    assert_same(recipe.apply(IMAGE), recipe.apply(IMAGE, (1, 1, 1)))
    assert (recipe.apply(IMAGE) != recipe.apply(IMAGE, SPACING)).mean() > 0.5


# ---- noise of several steps ----


def test_two_steps_of_a_kind_draw_different_noise():
    """What the second adds is neither what the first added, nor that of another kind of step."""
    noisy = DegradeContrast(extra_depth=100, halo=0, blur=20, scattering_length=1e4)
    image = np.random.default_rng(5).normal(0.5, 0.05, (3, 100, 110)).astype(np.float32)

    def result(*steps):
        return Recipe(steps=steps, intensity_range=(0, 1), seed=6).apply(image)

    # blur leaves nothing fine: what is fine after a step is what the step added
    first = result(noisy)
    second = result(noisy, noisy) - result(noisy, noisy.replace(noise=False))
    diversified = result(Diversify()) - image
    assert second.std() > 0.03
    for other in (first - first.mean(), diversified):
        assert abs(np.corrcoef(second.ravel(), other.ravel())[0, 1]) < 0.05
    assert abs(np.corrcoef(first.ravel(), diversified.ravel())[0, 1]) < 0.05
    assert np.corrcoef(first.ravel(), (result(noisy) - 0.5).ravel())[0, 1] > 0.999


# ---- what a step takes away ----


@pytest.mark.parametrize("dtype", ["u2", "f4"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_what_is_removed_is_what_goes_into_the_last_step_less_what_comes_out(dtype, number):
    image = IMAGE.astype(dtype)
    recipe = LONG.replace(steps=LONG.steps[-number:])
    removed = LazyRemoved(image, recipe, SPACING, 3)
    assert removed.dtype == np.float32
    exact = image.astype(np.float32)  # results of a float image are not rounded
    before = recipe.replace(steps=recipe.steps[:-1]).apply(exact, SPACING, 3)
    after = recipe.apply(exact, SPACING, 3)
    whole = np.asarray(removed)
    np.testing.assert_allclose(whole, before - after, atol=2e-6 * np.ptp(exact))
    assert np.abs(whole).max() > 10
    for key in ((2,), (slice(None), 7), (..., 3), (slice(4, 1, -1), slice(3, 9), 5)):
        assert_same(removed[key], whole[key])


def test_what_a_harmless_step_removes_is_nothing():
    removed = LazyRemoved(IMAGE, Recipe(steps=(LowPass(cutoff=2),)))
    assert np.abs(np.asarray(removed)).max() < 2e-6 * np.ptp(IMAGE)


# ---- what cannot be done ----


@pytest.mark.parametrize("image", [IMAGE[0], IMAGE])
def test_images_have_no_depth_to_grow_with(image):
    grows = Recipe(steps=(LowPass(), DegradeContrast(growing=True)), spatial_ndim=2)
    with pytest.raises(ValueError, match=r"needs volumes \(z, y, x\); these are 2D images.*off"):
        LazyVolume(image, grows)
    with pytest.raises(ValueError, match="these are 2D images"):
        grows.apply(image)
    harmless = Recipe(steps=(LowPass(),), spatial_ndim=2)
    lazy = LazyVolume(image, harmless)
    before = lazy[0]
    with pytest.raises(ValueError, match="these are 2D images"):
        lazy.recipe = grows
    assert lazy.recipe == harmless
    assert_same(lazy[0], before)


@pytest.mark.parametrize("volume", [LazyVolume, LazyRemoved])
@pytest.mark.parametrize("surface", [6, 7, 1000])
def test_a_surface_outside_the_stack_is_refused_and_the_recipe_stays(volume, surface):
    outside = LONG.replace(steps=(Diversify(), CONTRAST.replace(surface=surface)))
    said = f"surface must be a plane of the image, 0 to 5; got {surface}"
    with pytest.raises(ValueError, match=said):
        volume(IMAGE, outside)
    lazy = volume(IMAGE, LONG, SPACING)
    before = lazy[2]
    with pytest.raises(ValueError, match=said):
        lazy.recipe = outside
    assert lazy.recipe == LONG
    assert_same(lazy[2], before)
    assert_same(lazy[4], np.asarray(volume(IMAGE, LONG, SPACING))[4])


def test_a_surface_counts_only_where_contrast_grows():
    still, outside = (DegradeContrast(surface=s) for s in (0, 1000))
    assert_same(Recipe(steps=(outside,)).apply(IMAGE), Recipe(steps=(still,)).apply(IMAGE))


def test_steps_of_an_unknown_kind_are_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"steps\.0\.kind must be one of .*got 'sharpen'") as error:
        Recipe.from_json('{"schema_version": 1, "steps": [{"kind": "sharpen"}]}')
    for known in ("diversify", "contrast", "lowpass"):
        assert repr(known) in str(error.value)


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        (DegradeContrast, {"extra_depth": -1}, "extra_depth must be 0.0 or more; got -1"),
        (DegradeContrast, {"extra_depth": float("nan")}, "extra_depth must be a finite number"),
        (DegradeContrast, {"scattering_length": 0}, "scattering_length must be greater than 0"),
        (DegradeContrast, {"collected": 1.5}, "collected must be at most 1"),
        (DegradeContrast, {"context": 1.5}, "context must be a whole number"),
        (DegradeContrast, {"surface": -1}, "surface must be 0 or more"),
        (DegradeContrast, {"depth": 3}, "DegradeContrast has no parameter 'depth'"),
        (Restore, {"depth": -1}, "depth must be 0.0 or more; got -1"),
        (Restore, {"strength": 0}, "strength must be 0.01 or more; got 0"),
        (Restore, {"iterations": 2.5}, "iterations must be a whole number; got 2.5"),
        (Restore, {"method": "blind"}, "method must be 'wiener' or 'richardson-lucy'"),
        (Restore, {"context": 1}, "Restore has no parameter 'context'"),
        (LowPass, {"cutoff": 0}, "cutoff must be greater than 0.0; got 0"),
        (LowPass, {"cutoff": float("inf")}, "cutoff must be a finite number"),
        (LowPass, {"taper": 1.1}, "taper must be at most 1"),
        (LowPass, {"shape": "round"}, "shape must be 'radial', 'square' or 'triangular'"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_answered_with_a_sentence(kind, values, said):
    with pytest.raises(ValueError) as error:
        kind(**values)
    assert said in str(error.value)
