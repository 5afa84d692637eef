"""Deeper in tissue an image loses contrast by one known filter, and never its detector noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import fft, ndimage
from scipy.ndimage import gaussian_filter

from napari_diversify.core import Tissue, blocks, degrade_contrast, normal_field, synthetic_nuclei
from napari_diversify.core.contrast.contrast import (
    filtered_plane,
    halo_of,
    plane_filter,
)
from napari_diversify.core.contrast.depth import depth_of_planes
from napari_diversify.core.contrast.detector_noise import (
    noise_curve,
    noise_spectrum,
    photon_transfer,
)
from napari_diversify.core.spectral.dct import forward, inverse

HAZY = Tissue(scattering_length=80, blur=1.5, halo=0.2, collected=0.6)


def scene(shape=(48, 61), seed=0, grain=1.5):
    """Smooth random texture from 0 to 1, all voxels different."""
    field = gaussian_filter(np.random.default_rng(seed).standard_normal(shape), grain)
    return (field - field.min()) / np.ptp(field)


def deep(image, depth, **options):
    """Degraded by the linear part alone."""
    return degrade_contrast(image, extra_depth=depth, noise=False, **options)


def rms_contrast(image, offset=0.0):
    return float(image.std() / (image.mean() - offset))


def in_plane_gain(shape, spacing, tissue, depth):
    """What the model multiplies the coefficients of a plane with, spelt out in float64."""
    w = tissue.ballistic(depth)
    sharp, wide = tissue.widths(depth)
    y, x = np.meshgrid(
        *(np.arange(n) / (2 * n * s) for n, s in zip(shape, spacing, strict=True)), indexing="ij"
    )
    squares = y**2 + x**2  # cycles per micrometre
    gain = w * np.exp(-2 * np.pi**2 * sharp**2 * squares)
    gain += (1 - w) * np.exp(-2 * np.pi**2 * wide**2 * squares)
    gain[1:] *= 1 - tissue.pedestal
    gain[0, 1:] *= 1 - tissue.pedestal
    return gain * np.exp(-depth * tissue.absorption / 1000)


def filtered(image, gain):
    return fft.idctn(fft.dctn(image.astype(np.float64), norm="ortho") * gain, norm="ortho")


tissues = st.builds(
    Tissue,
    scattering_length=st.floats(5, 500),
    blur=st.floats(0, 5),
    halo=st.floats(0, 1),
    collected=st.floats(0, 1),
    absorption=st.floats(0, 20),
    pedestal=st.floats(0, 1),
    axial_ratio=st.floats(0, 5),
)


# ---- arithmetic, to the last bit ----


@settings(deadline=None, max_examples=60)
@given(
    tissues,
    st.floats(0.01, 500),
    st.tuples(st.integers(1, 150), st.integers(1, 150)),
    st.booleans(),
    st.integers(0, 2),
)
def test_a_plane_is_the_inverse_transform_of_its_sums_bit_for_bit(
    tissue, depth, shape, noise, context
):
    """However they are computed, piece by piece or at once."""
    tissue = Tissue(**{**vars(tissue), "context": context})
    rng = np.random.default_rng(18)
    *stack, here, wide = rng.standard_normal((2 * context + 3, *shape)).astype(np.float32)
    with np.errstate(over="ignore"):  # hypothesis likes the narrowest blur there is
        f = plane_filter(shape, (2.0, 0.3, 0.4), tissue, depth)
    blur, halo = f.by[:, None] * f.bx, f.hy[:, None] * f.hx
    total = np.zeros(shape, np.float32)
    for c, b, h in zip(stack, f.blur, f.halo, strict=True):
        if b != 0 or h != 0:
            total += c * ((b * f.by)[:, None] * f.bx + (h * f.hy)[:, None] * f.hx)
    bb, bh, hh = (
        np.float32(x @ y) for x, y in ((f.blur, f.blur), (f.blur, f.halo), (f.halo, f.halo))
    )
    lost = np.float32(1) - (bb * blur * blur + np.float32(2) * bh * blur * halo + hh * halo * halo)
    amounts = [(0.6, here), (0.8, wide)] if noise else []
    for amount, spectrum in amounts:
        total += np.float32(amount) * spectrum * np.sqrt(np.maximum(lost, np.float32(0)))
    total[0, 0] = sum(float(share) * float(c[0, 0]) for c, share in zip(stack, f.mean, strict=True))
    out = filtered_plane(stack, f, 0.0, amounts)
    assert out.tobytes() == inverse(total).tobytes()


@settings(deadline=None, max_examples=40)
@given(
    st.tuples(st.integers(1, 200), st.integers(1, 200)),
    st.integers(-2, 8),
    st.sampled_from([(0.0, 0.0), (0.0, 0.01), (0.001, 0.0), (0.02, 0.3), (0.02, -0.3)]),
)
def test_the_noise_of_a_halo_is_that_of_the_blurred_plane_bit_for_bit(shape, octave, law):
    """Rows of which a wide halo leaves nothing are skipped: at most signs of zeros show it."""
    rng = np.random.default_rng(19)
    plane, noise = rng.standard_normal((2, *shape)).astype(np.float32)
    plane[: shape[0] // 3] = 0
    coefficients = forward(plane)
    along_y, along_x = (
        np.exp(-2 * np.pi**2 * (2.0**octave * np.arange(n) / n / 2) ** 2).astype(np.float32)
        for n in shape
    )
    expected = inverse(coefficients * np.outer(along_y, along_x))
    light = halo_of(coefficients, octave, (1.0, 1.0))
    np.testing.assert_array_equal(light, expected)
    a, b = law
    sigma = np.sqrt(np.maximum(a + b * expected.astype(np.float64), 0))
    spectrum = forward((sigma * noise).astype(np.float32))
    assert noise_spectrum(light, noise, law).tobytes() == spectrum.tobytes()


# ---- the linear part ----


@settings(deadline=None, max_examples=60)
@given(
    tissues,
    st.floats(0.01, 500),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.floats(0.1, 3), st.floats(0.1, 3)),
)
def test_a_plane_is_multiplied_with_the_stated_transfer_function(tissue, depth, shape, spacing):
    image = np.random.default_rng(1).random(shape)
    expected = filtered(image, in_plane_gain(shape, spacing, tissue, depth))
    out = deep(image, depth, spacing=spacing, tissue=tissue)
    assert (out.dtype, out.shape) == (np.float32, shape)
    np.testing.assert_allclose(out, expected, atol=5e-6)


@settings(deadline=None, max_examples=30)
@given(tissues, st.booleans(), st.sampled_from([(20, 31), (4, 20, 31)]), st.integers(0, 3))
def test_no_extra_depth_changes_nothing(tissue, noise, shape, context):
    image = 1000 * np.random.default_rng(2).random(shape)
    tissue = Tissue(**{**vars(tissue), "offset": 30.0, "context": context})
    out = degrade_contrast(image, extra_depth=0, tissue=tissue, noise=noise)
    np.testing.assert_allclose(out, image, atol=2e-6 * 1000)


@pytest.mark.parametrize("depth", [1, 40, 300, 1e5])
@pytest.mark.parametrize("pedestal", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("offset", [0.0, 0.2])
def test_without_absorption_the_mean_intensity_is_kept(depth, pedestal, offset):
    image = scene()
    tissue = Tissue(pedestal=pedestal, offset=offset)
    assert deep(image, depth, tissue=tissue).mean() == pytest.approx(image.mean(), rel=1e-5)


@pytest.mark.parametrize("depth", [10, 100])
@pytest.mark.parametrize("offset", [0.0, 0.1, -0.5])
@pytest.mark.parametrize("shape", [(48, 61), (5, 30, 31)])
def test_absorption_dims_what_lies_above_the_offset(depth, offset, shape):
    image = scene(shape) + 0.2
    for absorption in (1.0, 5.0, 20.0):
        tissue = Tissue(absorption=absorption, offset=offset, context=2)
        out = deep(image, depth, tissue=tissue)
        expected = (image.mean() - offset) * np.exp(-depth * absorption / 1000) + offset
        assert out.mean() == pytest.approx(expected, rel=1e-4)


def test_an_image_of_the_dark_offset_stays_as_it_is():
    dark = np.full((20, 30), 0.3)
    tissue = Tissue(absorption=20, pedestal=0.4, offset=0.3)
    np.testing.assert_allclose(deep(dark, 200, tissue=tissue), dark, rtol=1e-5)


@pytest.mark.parametrize(("first", "second"), [(10, 40), (80, 20), (1, 300)])
def test_one_depth_after_another_is_the_product_of_both_filters(first, second):
    image, spacing = scene(), (0.4, 0.7)
    tissue = Tissue(scattering_length=80, blur=1.5, halo=0.2, absorption=2)
    out = deep(
        deep(image, first, spacing=spacing, tissue=tissue), second, spacing=spacing, tissue=tissue
    )
    gain = np.ones(image.shape)
    for depth in (first, second):
        f = plane_filter(image.shape, spacing, tissue, depth)
        own = f.blur[0] * np.outer(f.by, f.bx) + f.halo[0] * np.outer(f.hy, f.hx)
        own[0, 0] = f.mean[0]
        gain *= own
    np.testing.assert_allclose(out, filtered(image, gain), atol=5e-6)


@settings(deadline=None, max_examples=30)
@given(tissues, st.floats(0.5, 1), st.sampled_from([(40, 33), (5, 20, 21)]))
def test_contrast_never_rises_with_depth_where_the_halo_is_wider_than_the_blur(tissue, halo, shape):
    tissue = Tissue(**{**vars(tissue), "halo": halo})
    image = scene(shape) + 0.1
    found = [rms_contrast(deep(image, d, tissue=tissue)) for d in (0, 1, 5, 20, 60, 150, 400)]
    assert all(b <= a + 2e-6 for a, b in zip(found[:-1], found[1:], strict=True))


def test_contrast_falls_with_each_micrometre():
    found = [rms_contrast(deep(scene(), d)) for d in range(0, 100, 5)]
    assert all(b < 0.99 * a for a, b in zip(found[:-1], found[1:], strict=True))


def test_scattered_light_that_is_lost_leaves_more_contrast():
    found = [rms_contrast(deep(scene(), 80, tissue=Tissue(collected=c))) for c in (0, 0.5, 1)]
    assert found[0] > found[1] > found[2]


def test_lengths_are_micrometres_whatever_the_pixels():
    """The same specimen on pixels twice as wide is blurred by half as many of them."""
    y, x = np.indices((120, 160)) + 0.5
    spot = np.exp(-0.5 * (((y - 60) * 0.25) ** 2 + ((x - 80) * 0.5) ** 2) / 2.0**2)  # 2 um wide
    tissue = Tissue(scattering_length=1e9, blur=3.0)
    out = deep(spot, 100, spacing=(0.25, 0.5), tissue=tissue)
    for axis, size in ((0, 0.25), (1, 0.5)):
        profile = out.sum(axis=1 - axis)
        at = (np.arange(profile.size) + 0.5) * size
        middle = (profile @ at) / profile.sum()
        width = np.sqrt(profile @ (at - middle) ** 2 / profile.sum())
        assert width == pytest.approx(np.hypot(2.0, 3.0), rel=0.01)


def test_the_unit_of_the_image_does_not_matter():
    image = scene()
    options = {"extra_depth": 60, "seed": 4}
    once = degrade_contrast(image, tissue=Tissue(offset=0.1), **options)
    grey = degrade_contrast(1000 * image, tissue=Tissue(offset=100), **options)
    np.testing.assert_allclose(grey, 1000 * once, atol=0.01)


@pytest.mark.parametrize("tissue", [Tissue(halo=1), Tissue(scattering_length=60, blur=2, halo=3)])
def test_a_plane_degraded_further_has_the_contrast_of_the_plane_that_lies_deeper(tissue):
    """The same specimen in every plane; scattered light spreads wider than a nucleus."""
    clean = ndimage.gaussian_filter(synthetic_nuclei((16, 128, 128), seed=2).image[8], 1.0)
    specimen = np.repeat(clean[None].astype(np.float64) + 500, 12, axis=0)
    options = {"spacing": (5.0, 0.3, 0.3), "tissue": tissue}
    stack = deep(specimen, 0, growing=True, **options)
    for z, below in ((1, 3), (2, 6), (4, 7)):
        further = deep(stack[z], 5.0 * below, spacing=(0.3, 0.3), tissue=tissue)
        found, wanted = rms_contrast(further), rms_contrast(stack[z + below])
        assert wanted < 0.92 * rms_contrast(stack[z])
        assert found == pytest.approx(wanted, rel=0.05)


# ---- planes of a stack ----


@pytest.mark.parametrize("upwards", [False, True])
@pytest.mark.parametrize("surface", [0, 2, 5])
@pytest.mark.parametrize("extra", [0.0, 30.0])
def test_growing_each_plane_is_degraded_by_its_own_depth(upwards, surface, extra):
    image, spacing = scene((6, 25, 30)), (4.0, 0.5, 0.7)
    growing = {"growing": True, "surface": surface, "upwards": upwards}
    out = deep(image, extra, spacing=spacing, tissue=HAZY, **growing)
    for z in range(6):
        below = surface - z if upwards else z - surface
        depth = extra + 4.0 * max(below, 0)
        expected = deep(image, depth, spacing=spacing, tissue=HAZY)[z]
        np.testing.assert_array_equal(out[z], expected)
    depths = depth_of_planes(6, 4.0, extra, **growing)
    assert depths[surface] == extra
    assert (np.diff(depths[::-1] if upwards else depths) >= 0).all()


def test_without_growing_the_surface_does_not_count():
    image = scene((4, 20, 21))
    np.testing.assert_array_equal(deep(image, 30, surface=99, upwards=True), deep(image, 30))


def test_planes_stay_by_themselves_without_context():
    image = scene((4, 20, 21))
    out = deep(image, 50)
    for z in range(4):
        np.testing.assert_array_equal(out[z], deep(image[z], 50))


@pytest.mark.parametrize("context", [1, 3, 7])
@pytest.mark.parametrize("planes", [1, 2, 5])
def test_context_mixes_neighbouring_planes_and_reflects_at_the_ends(context, planes):
    image, spacing, depth = scene((planes, 20, 23), grain=1), (1.5, 0.5, 0.7), 60
    tissue = Tissue(scattering_length=80, blur=2, halo=0.05, axial_ratio=1.5, context=context)
    w, widths = tissue.ballistic(depth), tissue.widths(depth)
    padded = np.pad(image, [(context, context), (0, 0), (0, 0)], mode="symmetric")
    expected = np.zeros(image.shape)
    for share, sigma in zip((w, 1 - w), widths, strict=True):
        weights = np.exp(
            -0.5 * (np.arange(-context, context + 1) * 1.5 / (1.5 * sigma)) ** 2
        )  # steps of 1.5 um, and the axial ratio
        for z in range(planes):
            mixed = np.tensordot(weights / weights.sum(), padded[z : z + 2 * context + 1], axes=1)
            frequencies = [
                np.arange(n) / (2 * n * s)
                for n, s in zip(image.shape[1:], spacing[1:], strict=True)
            ]
            gains = [np.exp(-2 * np.pi**2 * (sigma * f) ** 2) for f in frequencies]
            expected[z] += share * filtered(mixed, np.outer(*gains))
    out = deep(image, depth, spacing=spacing, tissue=tissue)
    np.testing.assert_allclose(out, expected, atol=5e-6)


def test_a_single_bright_plane_shines_into_as_many_neighbours_as_context_says():
    image = np.zeros((9, 12, 12))
    image[4] = scene((12, 12))
    for context in (0, 1, 3):
        out = deep(image, 50, tissue=Tissue(context=context, halo=0.2))
        lit = [z for z in range(9) if out[z].max() > 0]
        assert lit == list(range(4 - context, 5 + context))


def test_context_counts_for_volumes_only():
    image = scene()
    alone = deep(image, 50)
    np.testing.assert_array_equal(deep(image, 50, tissue=Tissue(context=4)), alone)


# ---- noise put back ----


def high(image):
    """Energy of the DCT coefficients in the corner of highest frequencies."""
    f = [np.arange(n) / n for n in image.shape]
    coefficients = fft.dctn(image.astype(np.float64), norm="ortho")
    return float(np.square(coefficients[np.ix_(f[0] > 0.8, f[1] > 0.8)]).sum())


def jitter(image):
    """Noise power that second differences along x show."""
    return float(np.square(np.diff(image.astype(np.float64), 2, axis=1)).mean())


def noisy(kind, shape=(640, 640)):
    rng = np.random.default_rng(5)
    smooth = scene(shape, grain=20)
    if kind == "white":
        return 0.5 + 0.02 * rng.standard_normal(shape)
    if kind == "white on a scene":
        return 0.2 + 0.6 * smooth + 0.02 * rng.standard_normal(shape)
    return rng.poisson(30 + 400 * smooth) / 500


KINDS = ("white", "white on a scene", "shot")


@pytest.mark.parametrize("kind", KINDS)
def test_noise_is_as_strong_as_in_the_image_at_any_depth(kind):
    image = noisy(kind)
    for depth in (0.5, 2, 8, 30, 100, 400):
        out = degrade_contrast(image, extra_depth=depth, seed=6)
        assert jitter(out) == pytest.approx(jitter(image), rel=0.05)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("depth", "pixel"), [(100, 1.0), (400, 1.0), (20, 0.2), (150, 0.2)])
def test_noise_reaches_the_highest_frequencies_once_blur_has_emptied_them(kind, depth, pixel):
    image = noisy(kind)
    options = {"extra_depth": depth, "spacing": (pixel, pixel)}
    assert high(degrade_contrast(image, noise=False, **options)) < 0.02 * high(image)
    assert high(degrade_contrast(image, **options)) == pytest.approx(high(image), rel=0.05)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("depth", "pixel"), [(5, 1.0), (20, 1.0), (1, 0.2)])
def test_no_frequency_lacks_noise_while_the_blur_is_still_slight(kind, depth, pixel):
    image = noisy(kind)
    out = degrade_contrast(image, extra_depth=depth, spacing=(pixel, pixel))
    assert high(out) == pytest.approx(high(image), rel=0.05)


def test_deep_down_noise_does_not_tell_where_the_image_was_bright():
    """Else a network could read the specimen off the noise."""
    image = np.random.default_rng(7).poisson(np.where(np.indices((400, 400))[1] < 200, 20, 400))
    tissue = Tissue(halo=2.0)
    for depth, ratio in ((0.5, 20), (1000, 1)):
        out = degrade_contrast(image, extra_depth=depth, tissue=tissue)
        assert jitter(out[:, 210:390]) / jitter(out[:, 10:190]) == pytest.approx(ratio, rel=0.1)


def test_shot_noise_stays_stronger_where_the_image_is_brighter():
    image = np.random.default_rng(7).poisson(np.linspace(20, 400, 400) * np.ones((300, 1))) / 500
    out = degrade_contrast(image, extra_depth=150, tissue=Tissue(halo=0.02), seed=8)
    left, right = (jitter(part) / jitter(whole) for part, whole in (
        (out[:, 10:110], image[:, 10:110]), (out[:, 290:390], image[:, 290:390])
    ))  # fmt: skip
    assert jitter(out[:, 290:390]) > 3 * jitter(out[:, 10:110])
    assert left == pytest.approx(1, rel=0.2)
    assert right == pytest.approx(1, rel=0.2)


def test_the_measured_curve_is_the_noise_of_each_intensity():
    rng = np.random.default_rng(9)
    image = rng.poisson(np.linspace(20, 800, 500) * np.ones((400, 1))) / 500
    intensity, sigma = noise_curve(image)
    assert len(intensity) == len(sigma) == 16
    assert (np.diff(intensity) > 0).all()
    np.testing.assert_allclose(sigma[1:-1], np.sqrt(intensity[1:-1] / 500), rtol=0.1)


def test_structure_is_not_taken_for_noise():
    smooth = scene((200, 220), grain=12)
    _, sigma = noise_curve(smooth)
    assert sigma.max() < 0.003
    out = degrade_contrast(smooth, extra_depth=60)
    assert np.abs(out - deep(smooth, 60)).max() < 0.01


@pytest.mark.parametrize("shape", [(1, 3), (5, 9), (60, 61), (700, 300)])
@pytest.mark.parametrize("levels", [0, 1, 3, 200, 65000])
def test_the_noise_of_an_intensity_is_the_median_of_its_pixels(shape, levels):
    """Classes and medians spelt out; bit for bit, as recipes are replayed with them."""
    image = np.rint(np.random.default_rng(17).gamma(1.0, levels / 9, shape)).astype(np.float32)
    rows = image[:: max(1, image.size >> 16)] if image.size > 1 << 16 else image
    left, middle, right = rows[:, :-2], rows[:, 1:-1], rows[:, 2:]
    difference = np.abs(left - 2 * middle + right).ravel() / np.sqrt(np.float32(6))
    level = ((left + middle + right) / np.float32(3)).ravel()
    least = max(1, min(64, level.size // 16))
    low, high = (float(np.sort(level)[k]) for k in (least - 1, level.size - least))
    share = (level.astype(np.float64) - low) / (high - low) if high > low else np.zeros(level.size)
    of = np.clip(share * 16, 0, 15).astype(int)
    classes = []
    for k in range(16):
        members = np.flatnonzero(of == k)
        if classes and (classes[-1].size < least or 0 < members.size < least):
            classes[-1] = np.concatenate([classes[-1], members])
        elif members.size:
            classes.append(members)
    intensity, sigma = noise_curve(image)
    assert intensity.tolist() == [level[c].mean(dtype=np.float64) for c in classes]
    assert sigma.tolist() == [1.4826 * float(np.median(difference[c])) for c in classes]


@pytest.mark.parametrize("radius", [24, 50, 120, 200])
def test_a_few_bright_spots_get_the_noise_of_their_own_brightness(radius):
    y, x = np.mgrid[:512, :512] - 256
    disk = y**2 + x**2 < radius**2
    image = np.random.default_rng(13).poisson(np.where(disk, 420, 20))
    a, b = photon_transfer(image)
    assert np.sqrt(a + b * 420) == pytest.approx(np.sqrt(420), rel=0.15)
    assert np.sqrt(a + b * 20) == pytest.approx(np.sqrt(20), rel=0.15)


def test_a_black_surrounding_does_not_change_the_noise_from_plane_to_plane():
    z, y, x = np.mgrid[:17, :200, :200]
    inside = ((z - 8) * 12) ** 2 + (y - 100) ** 2 + (x - 100) ** 2 < 95**2
    image = np.where(inside, np.random.default_rng(14).normal(100, 5, z.shape), 0)
    added = degrade_contrast(image, extra_depth=40) - deep(image, 40)
    found = [added[k][inside[k]].std() for k in range(1, 16)]
    assert max(found) < 1.3 * min(found)
    assert np.mean(found) == pytest.approx(5, rel=0.2)


def test_planes_mirrored_at_the_ends_of_a_stack_do_not_count_as_independent():
    image = np.random.default_rng(15).standard_normal((6, 200, 200)) + 50
    tissue = Tissue(context=2, axial_ratio=10, blur=0.25, halo=0, scattering_length=1e9)
    out = degrade_contrast(image, extra_depth=100, tissue=tissue)
    np.testing.assert_allclose(out.std(axis=(1, 2)), 1, rtol=0.03)


@pytest.mark.parametrize("unit", [1e-42, 1e-38, 1e-20, 1e20])
def test_no_unit_of_the_image_makes_noise_infinite(unit):
    image = (np.random.default_rng(16).random((64, 64)) * unit).astype(np.float32)
    assert np.isfinite(degrade_contrast(image, extra_depth=40)).all()


def test_noise_adds_nothing_on_average():
    image = noisy("shot", (300, 310))
    out = degrade_contrast(image, extra_depth=80)
    assert out.mean() == pytest.approx(image.mean(), rel=0.002)


@pytest.mark.parametrize("shape", [(60, 70), (3, 60, 70)])
def test_noise_depends_on_seed_sample_and_position_alone(shape):
    image = noisy("white", shape)
    options = {"extra_depth": 60.0}
    clean = degrade_contrast(image, noise=False, **options)
    added = {
        key: degrade_contrast(image, seed=key[0], sample=key[1], **options) - clean
        for key in ((1, 0), (2, 0), (1, 1))
    }
    again = degrade_contrast(image, seed=1, **options) - clean
    np.testing.assert_array_equal(added[1, 0], again)
    planes = [plane for field in added.values() for plane in field.reshape(-1, 60, 70)]
    for i, one in enumerate(planes):
        for other in planes[i + 1 :]:
            assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.06
    # two fields, of the light from its place and of its halo, share the work
    fields = [normal_field(shape, 1, stream=stream) for stream in (1, 129)]
    w = Tissue().ballistic(60)
    expected = np.sqrt(w) * fields[0] + np.sqrt(1 - w) * fields[1]
    assert np.corrcoef(added[1, 0].ravel(), expected.ravel())[0, 1] > 0.98


def test_a_constant_image_gets_no_noise():
    flat = np.full((20, 21), 0.4)
    out = degrade_contrast(flat, extra_depth=80)
    np.testing.assert_allclose(out, flat, rtol=1e-6)


@pytest.mark.parametrize("shape", [(1, 2), (1, 5), (7, 2), (2, 1, 2)])
def test_the_smallest_images_are_degraded_too(shape):
    image = np.random.default_rng(10).random(shape)
    out = degrade_contrast(image, extra_depth=50, tissue=Tissue(context=1))
    assert (out.shape, out.dtype) == (shape, np.float32)
    assert np.isfinite(out).all()


@pytest.mark.parametrize("shape", [(300, 217), (4, 190, 230)])
def test_the_result_does_not_depend_on_the_number_of_threads(shape, monkeypatch):
    image = np.random.default_rng(11).random(shape)
    found = []
    for n in (1, 2, 5):
        monkeypatch.setattr(blocks, "workers", lambda n=n: n)
        tissue = Tissue(context=1, absorption=1, offset=0.1)
        found.append(degrade_contrast(image, extra_depth=30, tissue=tissue).tobytes())
    assert found[0] == found[1] == found[2]


# ---- what cannot be done ----

GOOD = np.random.default_rng(12).random((3, 8, 9))


@pytest.mark.parametrize("depth", [-1, np.nan, np.inf])
def test_extra_depth_must_be_a_length(depth):
    with pytest.raises(ValueError, match="extra_depth must be 0 or more") as error:
        degrade_contrast(GOOD, extra_depth=depth)
    assert repr(depth) in str(error.value)


@pytest.mark.parametrize(
    "spacing", [(1, 1), (1, 1, 1, 1), (), (1, 0, 1), (1, 1, np.nan), (-1,) * 3]
)
def test_spacing_must_be_a_positive_number_per_axis(spacing):
    with pytest.raises(ValueError, match="spacing must be 3 positive numbers") as error:
        degrade_contrast(GOOD, extra_depth=1, spacing=spacing)
    assert repr(spacing) in str(error.value)


@pytest.mark.parametrize("surface", [-1, 3, 100])
def test_the_surface_must_be_a_plane_of_the_stack(surface):
    with pytest.raises(ValueError, match=f"surface must be a plane.*0 to 2; got {surface}"):
        degrade_contrast(GOOD, extra_depth=1, growing=True, surface=surface)


def test_one_plane_has_no_depth_to_grow_with():
    with pytest.raises(ValueError, match=r"2D image has no depth.*growing=False"):
        degrade_contrast(GOOD[0], extra_depth=1, growing=True)


@pytest.mark.parametrize("image", [GOOD[0, 0], np.stack([GOOD, GOOD])])
def test_an_image_must_have_two_or_three_axes(image):
    with pytest.raises(ValueError, match=r"two (or three )?axes"):
        degrade_contrast(image, extra_depth=1)


def test_images_that_are_not_finite_numbers_are_refused():
    with pytest.raises(TypeError, match="bool"):
        degrade_contrast(GOOD > 0.5, extra_depth=1)
    with pytest.raises(ValueError, match="NaN or infinite"):
        degrade_contrast(np.where(GOOD > 0.9, np.inf, GOOD), extra_depth=1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"scattering_length": 0},
        {"scattering_length": -5},
        {"blur": np.nan},
        {"blur": -1},
        {"collected": 2},
        {"context": -1},
        {"context": 1.5},
        {"pedestal": np.inf},
    ],
)
def test_tissue_out_of_range_is_answered(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Tissue(**wrong)


@pytest.mark.parametrize("shape", [(1, 1), (5, 1), (1, 5)])
def test_images_of_a_single_column_stay_finite(shape):
    image = np.random.default_rng(10).random(shape)
    assert np.isfinite(degrade_contrast(image, extra_depth=50, tissue=Tissue(context=1))).all()


def test_without_a_halo_scattered_light_is_no_sharper_than_the_rest():
    image = np.random.default_rng(0).random((64, 64))
    tissue = Tissue(scattering_length=5, blur=1, halo=0)
    spread = [
        degrade_contrast(image, extra_depth=d, tissue=tissue, noise=False).std()
        for d in (0, 5, 20, 80)
    ]
    assert spread == sorted(spread, reverse=True)
