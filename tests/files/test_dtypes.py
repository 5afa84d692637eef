"""What a format cannot hold is refused before any work; what it can, comes back."""

import numpy as np
import pytest

from napari_diversify import LazyVolume, Recipe
from napari_diversify.core.blocks import region_shape
from napari_diversify.files import (
    FORMATS,
    check_dtype,
    create,
    finish,
    header_of,
    open_image,
    slabs,
    write_slab,
)
from napari_diversify.files.dtypes import smallest_integer
from napari_diversify.recipe import Diversify

ALL = [f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)]
ALL += ["float16", "float32", "float64"]


@pytest.mark.parametrize("dtype", ALL)
@pytest.mark.parametrize("file_format", FORMATS)
def test_a_dtype_is_refused_exactly_where_it_cannot_be_written(dtype, file_format, tmp_path):
    image = np.arange(600).reshape(3, 10, 20).astype(dtype)
    header = header_of(image.shape, image.dtype)
    path = tmp_path / f"a{FORMATS[file_format].ending}"

    def write():
        FORMATS[file_format].codec.write(path, header, image)

    if dtype not in FORMATS[file_format].dtypes:
        for refused in (write, lambda: check_dtype(header.dtype, file_format)):
            with pytest.raises(TypeError, match=f"cannot hold {dtype} .*or write OME-Zarr"):
                refused()
        return
    check_dtype(header.dtype, file_format)
    write()
    with open_image(path) as there:
        assert there.header.dtype == dtype
        np.testing.assert_array_equal(np.asarray(there.data), image)


def test_every_format_says_what_it_holds():
    assert set(FORMATS["ome-zarr"].dtypes) == set(ALL)
    assert {d for fmt in FORMATS.values() for d in fmt.dtypes} <= set(ALL)


@pytest.mark.parametrize("size", [(3, 40, 50), (2, 600, 700)])
def test_a_recipe_on_float16_is_written_as_float16_slab_by_slab(size, tmp_path):
    image = (50 + 20 * np.random.default_rng(0).normal(size=size)).astype(np.float16)
    recipe = Recipe(steps=(Diversify(w_v=0.5),), seed=1)
    volume = LazyVolume(image, recipe)
    expected = recipe.apply(image)
    assert expected.dtype == np.float16
    assert np.isfinite(expected).all()
    path = tmp_path / "a.ome.zarr"
    create(path, header_of(image.shape, image.dtype), window=volume.intensity_range)
    for region in slabs(path):
        block = volume.read(region)
        assert block.shape == region_shape(region)
        write_slab(path, region, block)
    finish(path)
    with open_image(path) as there:
        assert there.header.dtype == np.float16
        np.testing.assert_array_equal(np.asarray(there.data), expected)
        assert all(np.isfinite(np.asarray(level[...])).all() for level in there.levels)


@pytest.mark.parametrize(
    ("low", "high", "file_format", "expected"),
    [
        (0, 255, "tiff", "uint8"),
        (0, 256, "tiff", "uint16"),
        (-1, 5, "tiff", "int8"),
        (-129, 5, "tiff", "int16"),
        (0, 2**32, "tiff", None),
        (0, 2**32, "ome-zarr", "uint64"),
        (-1, 2**31, "ome-zarr", "int64"),
        (-1, 2**63, "ome-zarr", None),
    ],
)
def test_the_smallest_integer_holds_both_ends(low, high, file_format, expected):
    dtype = smallest_integer(low, high, FORMATS[file_format].dtypes)
    assert (None if dtype is None else dtype.name) == expected
