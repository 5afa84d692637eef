import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_diversify.files import Arranged, Header, header_of


def test_spacing_is_in_micrometres_whatever_the_unit():
    spelled = [
        ("nm", 1e-3),
        ("µm", 1),  # micro sign
        ("μm", 1),  # Greek mu
        ("um", 1),
        ("micron", 1),
        ("Microns", 1),
        ("mm", 1e3),
        ("cm", 1e4),
        ("m", 1e6),
        ("inch", 25400),
        ("Å", 1e-4),
        ("angstrom", 1e-4),
    ]
    for unit, worth in spelled:
        header = Header((4, 5), "uint8", "yx", (2, 3), (unit, "micrometer"))
        assert header.spacing == pytest.approx((2 * worth, 3)), unit


def test_a_size_without_a_unit_of_length_is_no_spacing():
    assert Header((4, 5, 6), "uint8", "zyx", (2, 1, 1), (None, "um", "um")).spacing is None
    # a time series of planes has a spacing of two axes, and the unit of time does not matter
    assert Header((4, 5, 6), "uint8", "tyx", (2, 1, 1), (None, "um", "um")).spacing == (1, 1)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"axes": "xyz"}, "in this order"),
        ({"axes": "zzyx", "shape": (1, 1, 2, 2)}, "in this order"),
        ({"axes": "yx"}, "one entry per axis"),
        ({"shape": (0, 4, 4)}, "empty"),
        ({"scale": (1, 0, 1)}, "above 0"),
        ({"scale": (1, float("nan"), 1)}, "above 0"),
        ({"units": ("second", None, None)}, "unit of length"),
        ({"units": ("pixel", None, None)}, "unit of length"),
        ({"channels": ("a", "b")}, "2 channel names"),
    ],
)
def test_parts_that_do_not_fit_are_refused_in_a_sentence(fields, said):
    with pytest.raises(ValueError, match=said):
        Header(**{"shape": (2, 4, 4), "dtype": "uint8", "axes": "zyx", **fields})


@pytest.mark.parametrize("dtype", ["bool", "complex64", "longdouble", "U3", "datetime64[s]"])
def test_dtypes_that_are_no_grey_levels_are_refused(dtype):
    with pytest.raises(TypeError, match="integers or floating-point"):
        header_of((4, 4), dtype)


def test_a_big_endian_dtype_becomes_native():
    assert header_of((4, 4), ">u2").dtype.isnative


def test_given_axes_win_over_the_guess():
    assert [header_of((2,) * n, "uint8").axes for n in (2, 3, 4, 5)] == [
        "yx",
        "zyx",
        "czyx",
        "tczyx",
    ]
    assert header_of((2, 2, 2), "uint8", "cyx").spatial_ndim == 2
    for ndim in (1, 6):
        with pytest.raises(ValueError, match="2 to 5 axes"):
            header_of((2,) * ndim, "uint8")


def test_names_stay_on_one_line():
    header = Header((2, 2), "uint8", "yx", channels=("a\nb",), name=" x\0\ty \ud800")
    assert header.name == "x  y"
    assert header.channels == ("a b",)


# ---- the same array with its axes in another order ----


@st.composite
def orders(draw):
    axes = draw(st.permutations("tczyx"))[: draw(st.integers(2, 5))]
    shape = tuple(draw(st.integers(1, 4)) for _ in axes)
    kept = [a for a, n in zip(axes, shape, strict=True) if n > 1 or draw(st.booleans())]
    new = [a for a in "tczyx" if a not in axes and draw(st.booleans())]
    wanted = "".join(draw(st.permutations(kept + new)))
    keys = [
        draw(
            st.integers(-size, size - 1)
            | st.slices(size)
            | st.just(slice(None))
            | st.just(slice(None, None, -1))
        )
        for size in (dict(zip(axes, shape, strict=True)).get(a, 1) for a in wanted)
    ]
    return "".join(axes), shape, wanted, tuple(keys)


@given(orders())
def test_any_index_of_an_arranged_array_is_that_of_the_transposed_one(case):
    axes, shape, wanted, key = case
    array = np.arange(np.prod(shape), dtype=">u2").reshape(shape)
    expected = array
    order = [axes.index(a) for a in wanted if a in axes]
    expected = expected.transpose(order + [i for i in range(len(axes)) if i not in order])
    sizes = dict(zip(axes, shape, strict=True))
    expected = expected.reshape([sizes.get(a, 1) for a in wanted])
    view = Arranged(array, axes, wanted)
    assert view.shape == expected.shape
    assert view.dtype.isnative
    np.testing.assert_array_equal(view[key], expected[key], strict=False)
    assert view[key].shape == expected[key].shape
    assert view[key].dtype == np.uint16


def test_an_axis_that_is_longer_than_1_cannot_be_left_out():
    with pytest.raises(ValueError, match="cannot be left out"):
        Arranged(np.zeros((2, 3, 4)), "zyx", "yx")


def test_an_arranged_array_reads_only_what_is_asked_for():
    class Counted:
        shape, dtype, read = (100, 8, 8), np.dtype("uint8"), 0

        def __getitem__(self, key):
            out = np.zeros(self.shape, self.dtype)[key]
            self.read += out.size
            return out

    counted = Counted()
    assert Arranged(counted, "zyx", "zyx")[-3, ::-1].shape == (8, 8)
    assert counted.read == 64
