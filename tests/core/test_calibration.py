"""The scattering length is found in a stack that shows its decay, and refused in any other."""

from functools import cache

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_diversify.core import Tissue, degrade_contrast, fit_contrast_decay

PLANES = 14


@cache
def texture(seed=1, planes=PLANES, side=256):
    """Fine random texture of mean 1 and deviation 0.2, another one in each plane."""
    rng = np.random.default_rng(seed)
    field = np.stack(
        [gaussian_filter(rng.standard_normal((side, side)), 1, mode="wrap") for _ in range(planes)]
    )
    return 1 + 0.2 * (field - field.mean()) / field.std()


def tissue_block(depths, length):
    """Texture whose contrast is 0.2 exp(-depth / length), on 0.8 of the side of a dark field."""
    stack = texture()
    stack = 1 + (stack - 1) * np.exp(-np.asarray(depths) / length)[:, None, None]
    inside = np.zeros(stack.shape[1:])
    inside[26:-26, 26:-26] = 1
    return stack * gaussian_filter(inside, 2)


def degraded(length, spacing_z, upwards=False, collected=1.0, **more):
    """The texture as the forward model shows it ever deeper, with nothing but haze."""
    return degrade_contrast(
        texture(),
        spacing=(spacing_z, 0.5, 0.5),
        extra_depth=0,
        tissue=Tissue(scattering_length=length, blur=0, halo=1000, collected=collected, **more),
        growing=True,
        surface=PLANES - 1 if upwards else 0,
        upwards=upwards,
        noise=False,
    )


@pytest.mark.parametrize("upwards", [False, True])
@pytest.mark.parametrize(("length", "spacing_z"), [(20, 2.0), (60, 5.0), (120, 8.0), (60, 1.5)])
def test_the_scattering_length_of_the_forward_model_is_found(length, spacing_z, upwards):
    decay = fit_contrast_decay(degraded(length, spacing_z, upwards), spacing_z, upwards=upwards)
    assert decay.scattering_length == pytest.approx(length, rel=0.1)
    # all scattered light is collected: contrast falls as the unscattered share does
    assert decay.length == pytest.approx(decay.scattering_length, rel=1e-6)


@pytest.mark.parametrize("collected", [0.3, 0.6])
@pytest.mark.parametrize(("length", "spacing_z"), [(20, 2.0), (60, 8.0)])
def test_lost_light_is_reckoned_with(length, spacing_z, collected):
    stack = degraded(length, spacing_z, collected=collected)
    decay = fit_contrast_decay(stack, spacing_z, collected=collected)
    assert decay.scattering_length == pytest.approx(length, rel=0.1)
    assert decay.length > 1.1 * decay.scattering_length
    # taken for a microscope that collects all light, the same stack seems clearer
    assert fit_contrast_decay(stack, spacing_z).scattering_length > 1.1 * length


def test_absorption_does_not_count():
    plain, dim = (
        fit_contrast_decay(degraded(60, 5.0, absorption=a), 5.0, offset=0) for a in (0, 0.5)
    )
    assert dim.scattering_length == pytest.approx(plain.scattering_length, rel=0.1)


@pytest.mark.parametrize("length", [30, 100])
@pytest.mark.parametrize("spacing_z", [1.0, 4.0])
@pytest.mark.parametrize(("gain", "pedestal"), [(1, 0), (400, 100)])
def test_tissue_on_a_dark_field_is_measured_by_itself(length, spacing_z, gain, pedestal):
    depths = np.arange(PLANES) * spacing_z
    stack = pedestal + gain * tissue_block(depths, length)
    decay = fit_contrast_decay(stack, spacing_z)
    assert decay.scattering_length == pytest.approx(length, rel=0.02)
    assert decay.c0 == pytest.approx(0.2, rel=0.02)
    np.testing.assert_allclose(decay.depth, depths)
    np.testing.assert_allclose(decay.contrast, 0.2 * np.exp(-depths / length), rtol=0.05)


def test_upwards_depth_counts_from_the_last_plane():
    stack = tissue_block(np.arange(PLANES) * 3.0, 30)
    down = fit_contrast_decay(stack, 3.0)
    up = fit_contrast_decay(stack[::-1], 3.0, upwards=True)
    np.testing.assert_array_equal(up.depth, down.depth[::-1])
    np.testing.assert_allclose(up.contrast, down.contrast[::-1], rtol=1e-5)
    assert up.scattering_length == pytest.approx(down.scattering_length, rel=1e-5)


def test_a_stack_of_integers_is_measured_as_well():
    stack = tissue_block(np.arange(PLANES) * 4.0, 50)
    decay = fit_contrast_decay((1000 * stack).astype(np.uint16), 4.0)
    assert decay.scattering_length == pytest.approx(50, rel=0.02)


def test_the_offset_is_no_light():
    stack = tissue_block(np.arange(PLANES) * 4.0, 50)
    with_offset = fit_contrast_decay(stack + 1, 4.0, offset=1)
    assert with_offset.c0 == pytest.approx(0.2, rel=0.02)
    without = fit_contrast_decay(stack + 1, 4.0, offset=0)
    assert without.c0 == pytest.approx(0.1, rel=0.02)


def test_planes_without_tissue_do_not_count():
    stack = degraded(50, 5.0)
    stack[[0, 4, 13]] = 0
    decay = fit_contrast_decay(stack, 5.0)
    assert np.flatnonzero(np.isnan(decay.contrast)).tolist() == [0, 4, 13]
    assert decay.scattering_length == pytest.approx(50, rel=0.05)


# ---- no basis ----

NO_FALL = "contrast does not fall with depth.*by hand, or choose the other z direction"


@pytest.mark.parametrize("length", [np.inf, -100])
def test_a_stack_without_decay_is_refused(length):
    stack = tissue_block(np.arange(PLANES) * 5.0, length)
    with pytest.raises(ValueError, match=NO_FALL):
        fit_contrast_decay(stack, 5.0)


@pytest.mark.parametrize("upwards", [False, True])
def test_the_other_direction_is_refused(upwards):
    stack = tissue_block(np.arange(PLANES) * 5.0, 50)
    stack = stack if upwards else stack[::-1]
    with pytest.raises(ValueError, match=NO_FALL):
        fit_contrast_decay(stack, 5.0, upwards=upwards)


def test_contrast_that_only_jumps_about_is_refused():
    jumps = np.where(np.arange(PLANES) % 2, 30.0, 0.0)
    with pytest.raises(ValueError, match=NO_FALL):
        fit_contrast_decay(tissue_block(jumps, 30), 5.0)


@pytest.mark.parametrize("value", [0, 7.5])
def test_a_constant_stack_is_refused(value):
    with pytest.raises(ValueError, match="constant: it has no contrast"):
        fit_contrast_decay(np.full((8, 30, 31), value))


@pytest.mark.parametrize("shape", [(4, 30, 31), (1, 30, 31), (30, 31), (2, 8, 30, 31)])
def test_what_is_no_stack_of_five_planes_is_refused(shape):
    with pytest.raises(ValueError, match=r"stack .* of 5 planes or more") as error:
        fit_contrast_decay(np.random.default_rng(2).random(shape))
    assert str(shape) in str(error.value)


@pytest.mark.parametrize("full", [1, 4])
def test_too_few_planes_with_tissue_are_refused(full):
    stack = tissue_block(np.arange(PLANES) * 5.0, 50)
    stack[full:] = 0
    with pytest.raises(ValueError, match=f"only {full} planes hold enough tissue.*5 are needed"):
        fit_contrast_decay(stack, 5.0)


@pytest.mark.parametrize("spacing_z", [0, -1, np.nan, np.inf])
def test_the_distance_of_planes_must_be_positive(spacing_z):
    with pytest.raises(ValueError, match="spacing_z must be a positive number") as error:
        fit_contrast_decay(texture()[:, :20, :20], spacing_z)
    assert repr(spacing_z) in str(error.value)


def test_stacks_that_are_not_finite_numbers_are_refused():
    stack = texture()[:, :20, :20].copy()
    with pytest.raises(TypeError, match="bool"):
        fit_contrast_decay(stack > 1)
    stack[3, 4, 5] = np.nan
    with pytest.raises(ValueError, match="NaN or infinite"):
        fit_contrast_decay(stack)


def islands(border, empty=()):
    """Texture that decays over 60, with so many dark voxels around it."""
    rng, stack = np.random.default_rng(1), np.zeros((14, 256, 256))
    inside = slice(border, 256 - border)
    for z in range(14):
        texture = gaussian_filter(rng.standard_normal((256, 256)), 1.5)
        plane = 1 + 0.2 * texture / texture.std() * np.exp(-z * 5.0 / 60)
        stack[z, inside, inside] = plane[inside, inside]
    stack[list(empty)] = 0
    return stack


@pytest.mark.parametrize("border", [0, 26, 51, 77])
@pytest.mark.parametrize("empty", [(), (4,), (0, 4, 13)])
def test_dark_surroundings_and_empty_planes_do_not_count(border, empty):
    decay = fit_contrast_decay(islands(border, empty), 5.0)
    assert decay.scattering_length == pytest.approx(60, rel=0.1)
    assert set(np.flatnonzero(np.isnan(decay.contrast))) == set(empty)


@pytest.mark.parametrize(
    "keywords", [{"collected": 0}, {"collected": -1}, {"collected": 2}, {"offset": np.nan}]
)
def test_parameters_out_of_range_are_answered(keywords):
    with pytest.raises(ValueError, match=next(iter(keywords))):
        fit_contrast_decay(islands(0), 5.0, **keywords)
