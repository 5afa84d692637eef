"""The noise field: normal, without memory, and the same wherever and however it is computed."""

import importlib.util
from importlib.resources import files
from pathlib import Path

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, basic_indices
from scipy.special import ndtri
from scipy.stats import kstest, norm, poisson

from napari_diversify.core import blocks, kernels, normal_field

TOOL = Path(__file__).parents[2] / "tools" / "make_normal_table.py"


@pytest.fixture(scope="module")
def table():
    return np.load(files("napari_diversify") / "core" / "normal_table.npy", allow_pickle=False)


# --- random bits: Philox4x32-10 --------------------------------------------

# kat_vectors of Random123, as published: counter, key -> words
PUBLISHED = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000",
     "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff",
     "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0",
     "d16cfe09 94fdcceb 5001e420 24126ea1"),
]  # fmt: skip


def words_of(text):
    return tuple(int(word, 16) for word in text.split())


def philox(counter, key):
    """Philox4x32-10 in plain Python, written from its description (Salmon et al. 2011)."""
    (x0, x1, x2, x3), (k0, k1) = counter, key
    for _ in range(10):
        a, b = 0xD2511F53 * x0, 0xCD9E8D57 * x2
        x0, x1, x2, x3 = (b >> 32) ^ x1 ^ k0, b % 2**32, (a >> 32) ^ x3 ^ k1, a % 2**32
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return x0, x1, x2, x3


def compiled_words(counter, key, count=1):
    """Blocks ``counter``, ``counter + 1``, ... of the compiled kernel."""
    first_block = np.array(counter[0] | counter[1] << 32, np.uint64).view(np.int64)[()]
    words = np.zeros(4 * count, np.uint32)
    kernels.philox_words(first_block, count, *(np.uint32(w) for w in (*counter[2:], *key)), words)
    return words.reshape(count, 4).T


@pytest.mark.parametrize(("counter", "key", "words"), PUBLISHED)
def test_philox_gives_the_published_words(counter, key, words):
    got = compiled_words(words_of(counter), words_of(key))
    assert tuple(got[:, 0].tolist()) == words_of(words)
    assert philox(words_of(counter), words_of(key)) == words_of(words)


@settings(deadline=None, max_examples=100)
@given(
    block=st.one_of(st.integers(0, 2**62), st.integers(2**32 - 5, 2**32 + 5)),
    rest=st.tuples(*[st.integers(0, 2**32 - 1)] * 4),
)
def test_philox_counts_its_blocks_across_the_32_bit_border(block, rest):
    counter, key = (block % 2**32, block >> 32, *rest[:2]), rest[2:]
    words = compiled_words(counter, key, count=9)
    for b in range(9):
        here = ((block + b) % 2**32, (block + b) >> 32, *rest[:2])
        assert tuple(words[:, b].tolist()) == philox(here, key)


# --- from bits to normal values --------------------------------------------


def normal_of_word(word, table):
    """The table's cubic in single precision, without the bit tricks of the kernel."""
    m = 2 * (word % 2**31) + 1
    exponent = m.bit_length() - 1
    place = 16 * (m / 2**exponent - 1)  # exact: m has at most 32 bits
    segment = int(place)
    t = np.float32(place - segment)
    c0, c1, c2, c3 = table[16 * exponent + segment]
    z = ((c3 * t + c2) * t + c1) * t + c0
    return -z if word >> 31 else z


def normal_of_voxel(voxel, seed, sample, stream, table):
    """What the voxel of this linear index must be, by the definition of the generator."""
    block = voxel // 4
    counter = (block % 2**32, block >> 32, stream, sample)
    return normal_of_word(philox(counter, (seed % 2**32, seed >> 32))[voxel % 4], table)


# Our own published vectors of the generator philox4x32-10/1:
# seed, sample, stream, linear index of the first voxel, values. They never change.
VECTORS = [
    (0, 0, 0, 0, """0x1.05f4a0p-2 -0x1.3769e2p-2 -0x1.70b902p-1 -0x1.403c48p+0
        -0x1.1d3beep-4 0x1.69580ap-2 -0x1.ba1cdap-1 0x1.c91354p+0"""),
    (42, 0, 0, 0, """-0x1.35ffeep+0 0x1.42dc64p-4 0x1.73bf42p+0 0x1.a3f4a6p-2
        -0x1.f8751cp-6 0x1.caca1ep-2 -0x1.19971ap+1 0x1.d61414p-4"""),
    (42, 1, 0, 0, """0x1.2535d2p+0 -0x1.513a22p+0 0x1.c6a7dep-2 -0x1.22bc98p-1
        0x1.28d344p+0 0x1.800cb4p-2 0x1.0a86d4p+0 -0x1.72e780p+0"""),
    (42, 0, 1, 0, """0x1.297d9ap+1 0x1.24f0c6p+0 0x1.76d07cp-1 -0x1.9a076ep-1
        0x1.21b110p+0 -0x1.5da0f6p-6 0x1.4004f6p+0 0x1.819904p-1"""),
    (0x0123456789ABCDEF, 0xCAFEBABE, 0xDEADBEEF, 0, """-0x1.675b2ep-1 -0x1.454ec0p-1
        -0x1.7e49b0p-3 0x1.27386ap-4 -0x1.eda3b4p-7 -0x1.043bdep-2 -0x1.68fca6p-3
        0x1.31e0f6p-1"""),
    (2**64 - 1, 2**32 - 1, 2**32 - 1, 0, """0x1.6af430p-1 0x1.258834p-3 0x1.416f5cp-3
        0x1.95f3b6p-1 -0x1.706db2p+0 0x1.c8eb6ap-2 -0x1.d301a0p-2 -0x1.a3aec6p-1"""),
    (7, 0, 0, 2**40 - 5, """0x1.3f702ep-1 -0x1.71a6d6p+1 -0x1.9e252ep+0 -0x1.6d519ap+1
        -0x1.17efdap+0"""),
]  # fmt: skip


@pytest.mark.parametrize(("seed", "sample", "stream", "first", "values"), VECTORS)
def test_the_field_has_its_published_values(seed, sample, stream, first, values, table):
    expected = [float.fromhex(v) for v in values.split()]
    stop = first + len(expected)
    field = normal_field((stop,), seed, sample=sample, stream=stream, region=slice(first, None))
    assert field.tolist() == expected
    independent = [normal_of_voxel(v, seed, sample, stream, table) for v in range(first, stop)]
    assert [float(z) for z in independent] == expected


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**64 - 1),
    sample=st.integers(0, 2**32 - 1),
    stream=st.integers(0, 2**32 - 1),
    voxel=st.one_of(st.integers(0, 2**61), st.integers(2**34 - 9, 2**34 + 9)),
)
def test_every_voxel_follows_the_definition_of_the_generator(seed, sample, stream, voxel):
    table = np.load(files("napari_diversify") / "core" / "normal_table.npy", allow_pickle=False)
    names = {"sample": sample, "stream": stream}
    region = slice(voxel, voxel + 6)
    expected = [normal_of_voxel(v, seed, sample, stream, table) for v in range(voxel, voxel + 6)]
    field = normal_field((2**61 + 6,), seed, region=region, **names)
    assert field.tolist() == expected
    for step, chosen in ((2, expected[::2]), (-1, expected[::-1])):
        start = voxel + (5 if step < 0 else 0)
        stop = voxel - 1 if step < 0 else voxel + 6
        stop = None if stop < 0 else stop
        part = normal_field((2**61 + 6,), seed, region=slice(start, stop, step), **names)
        assert part.tolist() == chosen


@pytest.fixture(scope="module")
def words():
    """Random words, all near segment borders, and some of every segment, in both halves."""
    rng = np.random.default_rng(1)
    exponents, places = np.meshgrid(np.arange(1, 32), np.arange(16) / 16)
    corners = (2.0**exponents * (1 + places)).astype(np.int64).ravel()
    inside = (2.0 ** exponents[..., None] * (1 + places[..., None] + rng.random(300) / 16)).ravel()
    m = np.concatenate([[0, 1, 3, 2**32 - 1], *(corners + d for d in range(-3, 4)), inside])
    halves = np.clip(m, 0, 2**32 - 1).astype(np.uint64) // 2
    both = np.concatenate([halves, halves + 2**31, rng.integers(0, 2**32, 10**6)])
    return np.resize(both, -(-both.size // 4) * 4).astype(np.uint32)


@numba.njit
def look_up(words, table, out):
    for i in range(words.size):
        segment, t, sign = kernels._place_of(words[i])
        out[i] = kernels._cubic(table[segment], t) * sign


def normals_of(words, table):
    out = np.empty(words.size, np.float32)
    look_up(words, np.ascontiguousarray(table).view(np.complex128).ravel(), out)
    return out


def test_the_table_is_the_inverse_normal_distribution(words, table):
    tail = (2 * (words % 2**31).astype(np.float64) + 1) / 2**33
    exact = -ndtri(tail) * np.where(words >> 31, -1, 1)
    assert np.abs(normals_of(words, table) - exact).max() < 5e-7


def test_the_extreme_words_give_the_extreme_values(table):
    words = np.array([0, 2**31, 2**31 - 1, 2**32 - 1], np.uint32)
    values = normals_of(words, table)
    extreme, middle = -ndtri(1 / 2**33), -ndtri((2**32 - 1) / 2**33)
    np.testing.assert_allclose(values, [extreme, -extreme, middle, -middle], atol=5e-7, rtol=0)


def test_the_top_bit_is_nothing_but_the_sign(words, table):
    np.testing.assert_array_equal(normals_of(words ^ 2**31, table), -normals_of(words, table))


def test_the_tool_still_makes_the_shipped_table(table):
    spec = importlib.util.spec_from_file_location("make_normal_table", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert table.shape == (512, 4)
    assert table.dtype == np.dtype("<f4")
    np.testing.assert_allclose(module.make_table(), table, rtol=1e-4, atol=2e-7)


# --- the distribution ------------------------------------------------------


@pytest.mark.parametrize(("seed", "sample", "stream"), [(0, 0, 0), (1, 0, 0), (2**40 + 17, 3, 256)])
def test_values_are_normal_by_kolmogorov_and_smirnov(seed, sample, stream):
    field = normal_field((100, 120, 100), seed, sample=sample, stream=stream)
    assert kstest(field.ravel().astype(np.float64), norm.cdf).pvalue > 1e-3


def test_moments_are_those_of_the_normal_distribution():
    n = 20_000_000
    sums = np.zeros(5)
    for z in range(20):
        x = normal_field((20, 1000, 1000), 5, region=z).ravel().astype(np.float64)
        sums += [x.size, x.sum(), x @ x, (x * x) @ x, (x * x) @ (x * x)]
    assert sums[0] == n
    m1, m2, m3, m4 = sums[1:] / n
    variance = m2 - m1**2
    skew = (m3 - 3 * m1 * m2 + 2 * m1**3) / variance**1.5
    kurtosis = (m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4) / variance**2 - 3
    assert abs(m1) < 5 / np.sqrt(n)
    assert abs(variance - 1) < 5 * np.sqrt(2 / n)
    assert abs(skew) < 5 * np.sqrt(6 / n)
    assert abs(kurtosis) < 5 * np.sqrt(24 / n)


def test_tails_hold_as_many_values_as_the_normal_distribution():
    n = 100_000_000
    limits = np.array([3.0, 4.0, 5.0, 6.0])
    above, below = np.zeros(4, int), np.zeros(4, int)
    for part in range(50):
        x = normal_field((50, 2000, 1000), 6, region=part)
        far = x[np.abs(x) > 3]
        above += [np.count_nonzero(far > limit) for limit in limits]
        below += [np.count_nonzero(far < -limit) for limit in limits]
    expected = n * norm.sf(limits)
    for counts in (above, below):
        assert (counts >= poisson.ppf(1e-6, expected)).all()
        assert (counts <= poisson.ppf(1 - 1e-6, expected)).all()
    assert (above[:3] > 0).all()


# --- independence ----------------------------------------------------------


def correlation(a, b):
    a, b = a.ravel().astype(np.float64), b.ravel().astype(np.float64)
    return float(a @ b) / a.size  # of values with mean 0 and variance 1


@pytest.fixture(scope="module")
def volume():
    return normal_field((60, 200, 300), 8)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("lag", [1, 2, 3, 4, 8])
def test_neighbours_are_independent(volume, axis, lag):
    moved = np.moveaxis(volume, axis, 0)
    bound = 5 / np.sqrt(moved[lag:].size)
    assert abs(correlation(moved[lag:], moved[:-lag])) < bound
    # nor does the strength at one voxel tell of the strength at another
    strength = (np.square(moved, dtype=np.float64) - 1) / np.sqrt(2)
    assert abs(correlation(strength[lag:], strength[:-lag])) < bound


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 9},
        {"seed": 8 + 2**32},
        {"sample": 1},
        {"sample": 2**31},
        {"stream": 1},
        {"stream": 256},
        {"sample": 1, "stream": 1},
    ],
    ids=str,
)
def test_seeds_samples_and_streams_are_independent(volume, change):
    other = normal_field(volume.shape, **({"seed": 8} | change))
    assert abs(correlation(volume, other)) < 5 / np.sqrt(volume.size)
    assert np.count_nonzero(other == volume) < volume.size * 1e-5


def test_sample_and_stream_are_not_interchangeable():
    a, b = normal_field((10**6,), 8, sample=1), normal_field((10**6,), 8, stream=1)
    assert abs(correlation(a, b)) < 5 / np.sqrt(a.size)


# --- any part equals the same part of the whole ----------------------------


@settings(deadline=None, max_examples=250)
@given(st.data())
def test_any_region_equals_the_same_part_of_the_whole(data):
    shape = data.draw(array_shapes(min_dims=1, max_dims=5, min_side=1, max_side=9))
    key = data.draw(basic_indices(shape, allow_ellipsis=True))
    numbers = {
        "seed": data.draw(st.integers(0, 2**64 - 1)),
        "sample": data.draw(st.integers(0, 2**32 - 1)),
        "stream": data.draw(st.integers(0, 2**32 - 1)),
    }
    whole = normal_field(shape, **numbers)
    part = normal_field(shape, **numbers, region=key)
    assert part.dtype == whole.dtype == np.float32
    np.testing.assert_array_equal(part, whole[key])
    assert part.shape == whole[key].shape


LONG = normal_field((2, 3, 4099), 11)


@settings(deadline=None, max_examples=100)
@given(
    start=st.integers(0, 4098),
    length=st.integers(0, 4099),
    step=st.sampled_from([1, 1, 1, 2, 5, 1024, -1, -3]),
    row=st.integers(0, 2),
)
def test_noise_does_not_depend_on_chunking(start, length, step, row):
    stop = start + length if step > 0 else None
    key = (slice(None), row, slice(start, stop, step))
    np.testing.assert_array_equal(normal_field(LONG.shape, 11, region=key), LONG[key])


def test_noise_does_not_depend_on_the_number_of_threads(monkeypatch):
    fields = []
    for n in (1, 2, 7):
        monkeypatch.setattr(blocks, "workers", lambda n=n: n)
        fields.append(normal_field((30, 64, 65), 12).tobytes())
    assert fields[0] == fields[1] == fields[2]


def test_an_axis_without_voxels_has_no_noise():
    assert normal_field((3, 0, 4), 1).shape == (3, 0, 4)


def test_numpy_integers_are_taken_for_numbers():
    np.testing.assert_array_equal(
        normal_field(np.array([3, 4]), np.uint64(5), sample=np.int8(1), stream=np.uint32(2)),
        normal_field((3, 4), 5, sample=1, stream=2),
    )


# --- what is refused -------------------------------------------------------


@pytest.mark.parametrize(("name", "bits"), [("seed", 64), ("sample", 32), ("stream", 32)])
@pytest.mark.parametrize("bad", [-1, "past", 1.5, np.nan, np.inf, "1", None, True, np.True_, 1j])
def test_numbers_of_the_generator_must_be_whole_and_fit(name, bits, bad):
    bad = 2**bits if bad == "past" else bad
    with pytest.raises(
        ValueError, match=rf"{name} must be a whole number from 0 to 2\*\*{bits}"
    ) as e:
        normal_field((4, 5), **({"seed": 0} | {name: bad}))
    assert repr(bad) in str(e.value)


@pytest.mark.parametrize("shape", [(-1, 4), (2.5, 4), (True, 4), (None,), ("3",)])
def test_a_shape_must_consist_of_whole_numbers(shape):
    with pytest.raises(ValueError, match="shape must be a whole number"):
        normal_field(shape, 0)


def test_a_shape_needs_an_axis():
    with pytest.raises(ValueError, match="at least one axis"):
        normal_field((), 0)


def test_a_field_with_more_voxels_than_can_be_counted_is_refused():
    with pytest.raises(ValueError, match="shape"):
        normal_field((2**40, 2**40), 0, region=(2**30, slice(8)))


@pytest.mark.parametrize("region", [[0, 1], np.zeros((4, 5), bool), 1.0, None, True, (0, 0, 0), 4])
def test_a_region_must_be_a_basic_index_inside_the_shape(region):
    if region is None:
        region = (None, 0)
    with pytest.raises(IndexError):
        normal_field((4, 5), 0, region=region)
