"""What the model of tissue takes away its inverse gives back, as far as the noise allows."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import fft
from scipy.ndimage import gaussian_filter

from napari_diversify.core import Tissue, degrade_contrast, restore_contrast, si_psnr
from napari_diversify.synthetic.nuclei import SyntheticNuclei

SPACING = (0.2, 0.2, 0.2)
DEPTH = 60.0
TISSUE = Tissue(scattering_length=60, blur=0.5, halo=0.1)
#: Detector noise beyond that of the specimen, as a share of the range of intensities.
NOISE = {"low": 0.0, "middle": 0.02, "high": 0.06}


@pytest.fixture(scope="module")
def clean():
    """Two planes of nuclei, in single precision."""
    nuclei = SyntheticNuclei(density=6, diameter=7).specimen((8, 256, 256), SPACING)
    return np.asarray(nuclei.image[3:5], np.float32)


@pytest.fixture(scope="module")
def deep(clean):
    """The same as deeper tissue and a detector show them, by level of noise."""
    seen = degrade_contrast(clean, spacing=SPACING, extra_depth=DEPTH, tissue=TISSUE)
    noise = np.ptp(seen) * np.random.default_rng(1).standard_normal(seen.shape)
    return {name: (seen + share * noise).astype(np.float32) for name, share in NOISE.items()}


def restored(image, depth=DEPTH, tissue=TISSUE, **options):
    spacing = SPACING[-image.ndim :]
    return restore_contrast(image, spacing=spacing, depth=depth, tissue=tissue, **options)


def gain_of(shape, depth=DEPTH, tissue=TISSUE, size=SPACING[-1]):
    """What a plane's coefficients are multiplied with in deeper tissue, spelt out in float64."""
    w, (blur, halo) = tissue.ballistic(depth), tissue.widths(depth)
    y, x = np.meshgrid(*(np.arange(n) / (2 * n * size) for n in shape), indexing="ij")
    squares = 2 * np.pi**2 * (y**2 + x**2)
    return w * np.exp(-squares * blur**2) + (1 - w) * np.exp(-squares * halo**2)


# ---- on a phantom whose truth is known ----


@pytest.mark.parametrize(("noise", "gain"), [("low", 8), ("middle", 6), ("high", 6)])
def test_what_tissue_took_comes_back(clean, deep, noise, gain):
    assert si_psnr(clean, restored(deep[noise])) >= si_psnr(clean, deep[noise]) + gain


@pytest.mark.parametrize("factor", [0.5, 2])
@pytest.mark.parametrize("what", ["depth", "scattering_length", "blur", "halo"])
def test_a_parameter_off_by_a_factor_of_2_still_helps(clean, deep, what, factor):
    depth, tissue = DEPTH, TISSUE
    if what == "depth":
        depth *= factor
    else:
        tissue = replace(TISSUE, **{what: factor * getattr(TISSUE, what)})
    for image in deep.values():
        assert si_psnr(clean, restored(image, depth, tissue)) >= si_psnr(clean, image) + 2


@pytest.mark.parametrize("noise", NOISE)
def test_the_strength_that_the_noise_allows_is_found_without_a_slider(clean, deep, noise):
    gain = gain_of(clean.shape[1:])
    spectra = fft.dctn(deep[noise].astype(np.float64), axes=(1, 2), norm="ortho")
    by_hand = [
        si_psnr(clean, fft.idctn(spectra * gain / (gain**2 + c), axes=(1, 2), norm="ortho"))
        for c in 10.0 ** np.arange(-3, -0.9, 0.25)
    ]
    assert by_hand[0] < max(by_hand) > by_hand[-1]
    assert si_psnr(clean, restored(deep[noise])) >= max(by_hand) - 0.5


def test_richardson_lucy_gives_back_more_with_each_iteration_until_noise_takes_over(clean, deep):
    low = [si_psnr(clean, restored(deep["low"], method="richardson-lucy", iterations=n))
           for n in (0, 5, 20)]  # fmt: skip
    assert low[0] == pytest.approx(si_psnr(clean, deep["low"]), abs=0.01)
    assert low[1] > low[0] + 3
    assert low[2] > low[1] + 3
    high = [si_psnr(clean, restored(deep["high"], method="richardson-lucy", iterations=n))
            for n in (20, 100)]  # fmt: skip
    assert high[1] < high[0]


# ---- never worse than before ----


@st.composite
def scenes(draw):
    """A plane of shapes some voxels wide, between 0.1 and 0.9."""
    ny, nx = draw(st.tuples(st.integers(48, 96), st.integers(48, 96)))
    y, x = np.mgrid[:ny, :nx]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(["steps", "blobs", "ramp", "stripes"]))
    if kind == "steps":
        plane = (x > nx * rng.uniform(0.2, 0.8)) + 0.5 * (y > ny * rng.uniform(0.2, 0.8))
    elif kind == "blobs":
        plane = gaussian_filter((rng.random((ny, nx)) > 0.98).astype(float), rng.uniform(1, 5))
    elif kind == "ramp":
        plane = x / nx + 0.3 * y / ny
    else:
        plane = (x // rng.integers(4, 12)) % 2
    return 0.1 + 0.8 * (plane - plane.min()) / np.ptp(plane)


tissues = st.builds(
    Tissue,
    scattering_length=st.floats(20, 200),
    blur=st.floats(0, 2),
    halo=st.floats(0, 0.3),
    pedestal=st.sampled_from([0.0, 0.2]),
    absorption=st.sampled_from([0.0, 5.0]),
    offset=st.sampled_from([0.0, 0.05]),
)


@settings(deadline=None, max_examples=80)
@given(
    clean=scenes(),
    tissue=tissues,
    paths=st.floats(0.1, 1.5),
    size=st.floats(0.2, 1),
    noise=st.sampled_from([0.003, 0.02, 0.1, 0.3]),
)
def test_a_plane_is_never_further_from_the_truth_than_it_was(clean, tissue, paths, size, noise):
    options = {"spacing": (size, size), "tissue": tissue}
    depth = paths * tissue.scattering_length
    seen = degrade_contrast(clean, extra_depth=depth, noise=False, **options)
    seen += noise * np.random.default_rng(0).standard_normal(seen.shape)
    before = si_psnr(clean, seen)
    if before < 35:  # else there is nothing to give back
        assert si_psnr(clean, restore_contrast(seen, depth=depth, **options)) >= before - 0.5


def test_tissue_that_blurs_nothing_is_nothing_to_undo():
    image = np.random.default_rng(0).poisson(3, (70, 80)).astype(np.float32)
    for scattering_length in (30, 50, 70, 90):
        clear = Tissue(scattering_length=scattering_length, blur=0, halo=0)
        np.testing.assert_allclose(restored(image, tissue=clear), image, atol=1e-3)


@settings(deadline=None, max_examples=40)
@given(
    shape=st.tuples(st.integers(1, 80), st.integers(1, 80)),
    level=st.sampled_from([0.01, 1.0, 300.0]),
    seed=st.integers(0, 2**32 - 1),
    tissue=tissues.map(lambda tissue: replace(tissue, pedestal=0.0, absorption=0.0)),
)
def test_noise_alone_is_not_made_stronger_and_an_even_plane_stays_even(shape, level, seed, tissue):
    even = np.full(shape, 5 * level, np.float32)
    noise = level * np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    options = {"depth": tissue.scattering_length, "tissue": tissue}
    np.testing.assert_allclose(restore_contrast(even, **options), even, rtol=1e-5)
    after = restore_contrast(even + noise, **options)
    assert np.isfinite(after).all()
    assert after.mean() == pytest.approx((even + noise).mean(), rel=1e-4)
    if min(shape) >= 16:
        assert after.std() <= noise.std() * 1.01


@pytest.mark.parametrize("method", ["wiener", "richardson-lucy"])
def test_restoration_begins_without_a_jump(deep, method):
    """The first micrometre does not take noise away, or a stack would begin with a seam."""
    image = deep["high"]
    changes = [np.abs(restored(image, d, method=method) - image).mean() for d in (0, 0.01, 1)]
    assert changes[0] == 0
    assert changes[1] < 0.01 * image.std() < changes[2]


# ---- what the parameters mean ----


def test_more_strength_gives_back_more_and_more_noise(clean, deep):
    contrasts = [restored(deep["high"], strength=s).std() for s in (0.1, 1, 10)]
    assert contrasts == sorted(contrasts)
    assert contrasts[0] > deep["high"].std()


def test_light_and_background_come_back_too(clean):
    tissue = replace(TISSUE, absorption=8.0, pedestal=0.3, offset=100.0)
    seen = degrade_contrast(clean, spacing=SPACING, extra_depth=DEPTH, tissue=tissue, noise=False)
    assert seen.mean() < 0.8 * clean.mean()
    for method in ("wiener", "richardson-lucy"):
        after = restored(seen, tissue=tissue, method=method)
        assert after.mean() == pytest.approx(clean.mean(), rel=0.01)
    slope = np.polyfit(clean.ravel(), restored(seen, tissue=tissue).ravel(), 1)[0]
    assert slope == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("method", ["wiener", "richardson-lucy"])
def test_each_plane_is_restored_from_its_own_depth(clean, method):
    stack = np.concatenate([clean, clean[:1]])[:, :40, :50]
    options = {"growing": True, "surface": 1, "method": method}
    after = restore_contrast(stack, spacing=(30, 0.2, 0.2), depth=0, tissue=TISSUE, **options)
    for z, depth in enumerate((0, 0, 30)):
        alone = restored(stack[z], depth, method=method)
        np.testing.assert_array_equal(after[z], alone)
    np.testing.assert_array_equal(after[0], stack[0])
    assert after[2].std() > stack[2].std()


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1),
    iterations=st.integers(0, 60),
    offset=st.sampled_from([-0.2, 0.0, 0.3]),
    tissue=tissues,
)
def test_richardson_lucy_never_goes_below_no_light(seed, iterations, offset, tissue):
    image = np.random.default_rng(seed).normal(0.1, 1, (17, 23)).astype(np.float32)
    after = restore_contrast(
        image,
        depth=50,
        tissue=replace(tissue, offset=offset),
        method="richardson-lucy",
        iterations=iterations,
    )
    assert np.isfinite(after).all()
    assert after.min() >= np.float32(offset) - 1e-6


def test_richardson_lucy_is_that_of_its_equation(clean):
    plane = clean[0, :60, :70].astype(np.float64)
    gain, light = gain_of(plane.shape), plane

    def seen(image):
        return fft.idctn(fft.dctn(image, norm="ortho") * gain, norm="ortho")

    for _ in range(5):
        light = light * seen(plane / seen(light))
    after = restored(plane, method="richardson-lucy", iterations=5)
    np.testing.assert_allclose(after, light, atol=1e-4 * np.ptp(light))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"depth": -1}, "depth must be 0 or more; got -1"),
        ({"depth": float("nan")}, "depth must be 0 or more; got nan"),
        ({"method": "blind"}, "method must be one of wiener, richardson-lucy; got 'blind'"),
        ({"strength": 0}, "strength must be greater than 0; got 0"),
        ({"iterations": -1}, "iterations must be a whole number, 0 or more; got -1"),
        ({"iterations": 1.5}, "iterations must be a whole number, 0 or more; got 1.5"),
        ({"spacing": (1, 0)}, "spacing must be 2 positive numbers"),
        ({"growing": True}, "a 2D image has no depth to grow with"),
    ],
)
def test_what_makes_no_sense_is_answered_with_a_sentence(options, said):
    with pytest.raises(ValueError) as error:
        restore_contrast(np.eye(8), **{"depth": 10, **options})
    assert said in str(error.value)
