"""Sums over a pair are the same however the volume was cut, and true to the last digits."""

import pickle
from fractions import Fraction
from math import inf, log10, nan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_diversify.core.measures.pair_sums import PairSums
from napari_diversify.core.measures.psnr import psnr
from napari_diversify.core.measures.quality import clipped_fraction, si_psnr

seeds = st.integers(0, 2**32 - 1)


def pair_of(dtype, shape=(5, 6, 7), seed=0):
    """A noisy pair on a large offset: integers over all their range, floats like a camera's."""
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        clean = 6e4 + 50 * rng.random(shape)
        return clean.astype(dtype), (clean + rng.normal(0, 5, shape)).astype(dtype)
    ends = np.iinfo(dtype)
    native = np.dtype(dtype).newbyteorder("=")
    draws = (rng.integers(ends.min, ends.max, shape, native, endpoint=True) for _ in "xy")
    return tuple(draw.astype(dtype) for draw in draws)


def summed(*blocks, limits=()):
    sums = PairSums(*limits)
    for x, y in blocks:
        sums.add(x, y)
    return sums


def cut(data, length):
    """Random slices that cover ``range(length)``."""
    inner = data.draw(st.sets(st.integers(1, length - 1))) if length > 1 else set()
    edges = [0, *sorted(inner), length]
    return [slice(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]


def merged(data, pairs, limits):
    """Sums of some pairs in a random order, filled by several and merged."""
    parts = [PairSums(*limits) for _ in range(3)]
    for x, y in data.draw(st.permutations(pairs)):
        parts[data.draw(st.integers(0, 2))].add(x, y)
    return parts[2] + (parts[0] + parts[1])


def numbers(sums):
    return [
        *(getattr(s, name) for s in (sums.reference, sums.image) for name in ("mean", "std")),
        sums.psnr(100.0),
        sums.si_psnr(),
        sums.reference.rms_contrast(5.9e4),
    ]


def exact(x, y):
    """Mean and standard deviation of x, mean squared error and 1 - r^2, by fractions."""
    x, y = ([Fraction(v) for v in a.ravel().tolist()] for a in (x, y))
    n = len(x)
    mx, my = sum(x) / n, sum(y) / n
    vx, vy = (sum((v - m) ** 2 for v in a) / n for a, m in ((x, mx), (y, my)))
    cov = sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True)) / n
    error = sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) / n
    return float(mx), sqrt(vx), float(error), float(1 - cov**2 / (vx * vy))


INTEGERS = ["u1", "i1", "u2", "i2", ">u2", "u4", "i4"]
FLOATS = ["f4", "f8"]


# --- however it is cut -------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(st.data(), st.sampled_from(INTEGERS), seeds)
def test_integers_give_the_same_bits_in_any_blocks(data, dtype, seed):
    x, y = pair_of(dtype, seed=seed)
    limits = (20, 100.5)
    cuts = [cut(data, n) for n in x.shape]
    blocks = [(x[a, b, c], y[a, b, c]) for a in cuts[0] for b in cuts[1] for c in cuts[2]]
    assert merged(data, blocks, limits) == summed((x, y), limits=limits)


@settings(deadline=None, max_examples=60)
@given(st.data(), st.sampled_from([*FLOATS, "i8"]), seeds)
def test_floats_give_the_same_bits_in_any_blocks_of_whole_planes(data, dtype, seed):
    x, y = pair_of(dtype, seed=seed)
    blocks = [(x[a], y[a]) for a in cut(data, len(x))]
    assert merged(data, blocks, ()) == summed((x, y))


@settings(deadline=None, max_examples=60)
@given(st.data(), st.sampled_from(FLOATS), seeds)
def test_floats_agree_to_twelve_digits_in_any_blocks(data, dtype, seed):
    x, y = pair_of(dtype, seed=seed)
    cuts = [cut(data, n) for n in x.shape]
    blocks = [(x[a, b, c], y[a, b, c]) for a in cuts[0] for b in cuts[1] for c in cuts[2]]
    streamed, whole = merged(data, blocks, ()), summed((x, y))
    assert numbers(streamed) == pytest.approx(numbers(whole), rel=1e-12, abs=0)


def test_long_lines_are_worked_on_in_chunks_and_stay_exact():
    x, y = pair_of("u2", (3, 100, 1000))
    assert summed((x, y)) == summed(*zip(x, y, strict=True))
    x64, y64 = x.astype(np.int64), y.astype(np.int64)
    error = Fraction(int(((x64 - y64) ** 2).sum()), x.size)
    assert summed((x, y)).psnr(1) == pytest.approx(-10 * log10(error), rel=1e-15)
    f, g = x.astype("f8"), y.astype("f8")
    assert summed((f, g)).psnr(1) == pytest.approx(-10 * log10(error), rel=1e-13)


def test_sums_beyond_the_digits_of_a_float_stay_exact():
    x = np.full((1 << 22) + 1, 65535, np.uint16)
    y = x.copy()
    y[0] = 65534
    power = x.size * 65535**2
    assert power > 1 << 53  # and odd: no float64 is equal to it
    assert power % 2 == 1
    sums = summed((x, y))
    assert sums == summed(*zip(np.array_split(x, 9), np.array_split(y, 9), strict=True))
    assert sums.reference.std == 0.0
    assert sums.image.std == pytest.approx(x.size**-0.5, rel=1e-6)
    assert sums.psnr(1) == pytest.approx(10 * log10(x.size), rel=1e-15)


def test_blocks_need_not_be_contiguous():
    for dtype in ("u2", "f4"):
        x, y = pair_of(dtype)
        contiguous = [a[:, ::2, ::-1].copy() for a in (x, y)]
        assert summed((x[:, ::2, ::-1], y[:, ::2, ::-1])) == summed(contiguous)


@given(seeds)
def test_merging_is_associative_and_commutative(seed):
    a, b, c = (summed(pair_of("f8", seed=seed + i)) for i in range(3))
    assert (a + b) + c == a + (b + c) == c + a + b
    assert a + PairSums() == a != a + b
    assert a.voxels == 5 * 6 * 7


def test_sums_travel_between_processes():
    sums = summed(pair_of("f4"), limits=(0, 6e4))
    assert pickle.loads(pickle.dumps(sums)) == sums


# --- true --------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS, "i8"])
def test_statistics_are_those_of_exact_arithmetic(dtype):
    x, y = pair_of(dtype, seed=3)
    if dtype == "i8":  # whose last digits are lost beyond 2^53
        x, y = x >> 11, y >> 11
    sums = summed((x, y))
    mean, std, error, rest = exact(x, y)
    # of integers the one rounding is the last; in i1 the mean is far smaller than the std
    assert sums.reference.mean == pytest.approx(mean, rel=1e-15, abs=1e-15 * std)
    assert sums.reference.std == pytest.approx(std, rel=1e-13)
    assert sums.psnr(100) == pytest.approx(10 * log10(1e4 / error), rel=1e-13)
    peak = (float(x.max()) - float(x.min())) / std
    assert sums.si_psnr() == pytest.approx(10 * log10(peak**2 / rest), rel=1e-12)
    swapped = summed((y, x))
    assert swapped.image == sums.reference
    assert swapped.reference == sums.image
    assert (sums.image.minimum, sums.image.maximum) == (float(y.min()), float(y.max()))


def test_integers_at_the_ends_of_their_range_do_not_overflow():
    for dtype in INTEGERS:
        ends = np.iinfo(dtype)
        x, y = np.array([ends.min, ends.max], dtype), np.array([ends.max, ends.min], dtype)
        sums = summed((x, y))
        assert sums.psnr(ends.max - ends.min) == 0.0
        assert sums.reference.mean == (ends.min + ends.max) / 2
        assert sums.reference.std == (ends.max - ends.min) / 2


def test_tiny_floats_keep_their_digits():
    clean = np.linspace(1e-6, 2e-6, 40, dtype="f4")
    noisy = clean + np.float32(1e-8) * np.tile(np.array([1, -1], "f4"), 20)
    mean, std, error, _ = exact(clean, noisy)
    sums = summed((clean, noisy))
    assert sums.reference.std == pytest.approx(std, rel=1e-13)
    assert sums.psnr(1e-6) == pytest.approx(10 * log10(1e-12 / error), rel=1e-13)
    assert sums.reference.rms_contrast() == pytest.approx(std / mean, rel=1e-13)


def test_a_mixed_pair_is_compared_by_value():
    x, y = pair_of("u2")
    assert summed((x, y.astype("f8"))).psnr(1) == pytest.approx(summed((x, y)).psnr(1), rel=1e-13)


@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "f8"])
def test_psnr_is_that_of_the_function(dtype):
    x, y = pair_of(dtype)
    assert summed((x, y)).psnr(255) == pytest.approx(psnr(x, y, 255), rel=1e-12)
    assert summed((x, y)).si_psnr() == si_psnr(x, y)
    assert summed((x, x)).psnr(255) == summed((x, x)).si_psnr() == inf


def test_contrast_is_taken_above_the_offset():
    sums = summed(([101, 103], [3, 5]))
    assert sums.reference.rms_contrast(100) == 0.5
    assert sums.image.rms_contrast() == 0.25


# --- clipped -----------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["u1", "i2", "u4", "f4", "f8"])
def test_clipped_voxels_are_those_that_came_to_an_end_of_the_range(dtype):
    x = np.array([0, 1, 50, 99, 100, 100, 0, 0], dtype)
    y = np.array([0, 0, 50, 100, 99, 100, 100, 1], dtype)  # the 2nd, 4th and 7th
    sums = summed((x, y), limits=(0, 100))
    assert sums.clipped == 3
    assert sums.clipped_fraction == clipped_fraction(x, y, 0, 100) == 3 / 8


def test_ends_between_grey_levels_and_beyond_the_type_are_accepted():
    x, y = np.array([1, 2, 200], np.uint8), np.array([0, 1, 255], np.uint8)
    assert summed((x, y), limits=(0.5, 254.5)).clipped == 2
    assert summed((x, y), limits=(1.5, 254.5)).clipped == 2  # 1 was below the end before
    assert summed((x, y), limits=(-1e6, 1e6)).clipped == 0
    assert summed((x, y[::-1]), limits=(-1, 255.5)).clipped == 0
    assert summed((x, np.uint8([1, 2, 254])), limits=(0.5, 254.5)).clipped == 0


def test_voxels_beyond_an_end_count_as_at_it():
    assert clipped_fraction([0.5, 0.5, -1.0], [-0.2, 1.3, -2.0], 0, 1) == 2 / 3


# --- what the data do not define ---------------------------------------------


@pytest.mark.parametrize("value", [0.1, 7.0, -1e-6])
def test_a_constant_image_has_no_si_psnr_and_no_spread(value):
    flat, ramp = np.full((3, 5, 7), value), np.arange(105.0).reshape(3, 5, 7)
    assert np.isnan(summed((flat, ramp)).si_psnr())
    assert np.isnan(summed((ramp, flat)).si_psnr())
    assert summed((flat, ramp)).reference.std == 0.0


def test_the_contrast_of_no_light_is_nan():
    dark = summed(([0, 0], [-1, 0]))
    assert dark.reference.rms_contrast() == pytest.approx(nan, nan_ok=True)
    assert dark.image.rms_contrast() == pytest.approx(nan, nan_ok=True)
    assert dark.image.rms_contrast(-1) == 1.0


# --- wrong arguments ---------------------------------------------------------


def test_a_refused_block_leaves_the_sums_as_they_were():
    sums = summed(pair_of("f4"))
    before = pickle.loads(pickle.dumps(sums))
    for bad, match in [
        (([1.0], [1.0, 2.0]), "the same shape"),
        (([1.0], [np.nan]), "NaN or infinite"),
        (([], []), "empty"),
        (([1.0], [1e200]), "less than 1e\\+140"),
    ]:
        with pytest.raises(ValueError, match=match):
            sums.add(*bad)
    with pytest.raises(TypeError, match="integers or floating-point"):
        sums.add([True], [False])
    assert sums == before


def test_nothing_is_measured_before_a_block_was_added():
    for ask in (lambda s: s.psnr(1), lambda s: s.si_psnr(), lambda s: s.image):
        with pytest.raises(ValueError, match="no block has been added"):
            ask(PairSums())
    with pytest.raises(ValueError, match="no block has been added"):
        _ = PairSums(0, 1).clipped_fraction


@pytest.mark.parametrize("bad", [0, -1.0, nan, inf])
def test_the_data_range_must_be_a_positive_number(bad):
    with pytest.raises(ValueError, match="positive number") as error:
        summed(([1], [2])).psnr(bad)
    assert repr(bad) in str(error.value)


def test_limits_must_be_the_ends_of_a_range():
    with pytest.raises(ValueError, match="both ends"):
        PairSums(low=0)
    for low, high in [(1, 1), (2, 1), (nan, 1), (0, inf)]:
        with pytest.raises(ValueError, match="low < high"):
            PairSums(low, high)
        with pytest.raises(ValueError, match="low < high"):
            clipped_fraction([1], [1], low, high)
    with pytest.raises(ValueError, match="make PairSums with low and high"):
        _ = summed(([1], [2])).clipped_fraction
    with pytest.raises(ValueError, match="same low and high"):
        _ = PairSums(0, 1) + PairSums(0, 2)
