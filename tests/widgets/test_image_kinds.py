"""Every kind of image that napari opens is diversified exactly, and read no more than needed."""

import dask.array as da
import numpy as np
import pytest
import zarr

from napari_diversify import Recipe
from napari_diversify.recipe import Diversify
from napari_diversify.recipe.lazy import source as source_module


def start_recipe(image, spatial_ndim):
    return Recipe(
        steps=(Diversify(w_v=2.0),),
        intensity_range=(float(image.min()), float(image.max())),
        spatial_ndim=spatial_ndim,
    )


def opened(viewer, open_dock, data, **keywords):
    viewer.add_image(data, name="cells", **keywords)
    dock = open_dock(viewer)
    dock.wait()
    return dock


# ---- what the voxels are ----


@pytest.mark.parametrize(
    "dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8", ">u2", ">f4"]
)
@pytest.mark.parametrize("shape", [(24, 32), (5, 24, 32)], ids=["2D", "3D"])
def test_any_real_dtype_is_kept_and_exact(viewer, open_dock, make_image, same_bits, dtype, shape):
    image = make_image(shape, dtype)
    dock = opened(viewer, open_dock, image, contrast_limits=(0, 1000))
    expected = start_recipe(image, len(shape)).apply(image)
    assert dock.layer.dtype == image.dtype.newbyteorder("=")
    same_bits(np.asarray(dock.layer.data), expected)


def test_a_view_with_strides_of_its_own_is_exact(viewer, open_dock, make_image, same_bits):
    image = make_image((32, 6, 24)).transpose(1, 2, 0)[:, ::-1]
    dock = opened(viewer, open_dock, image)
    same_bits(np.asarray(dock.layer.data), start_recipe(image, 3).apply(image))


# ---- where the voxels are ----


def in_dask(image):
    return da.from_array(image, chunks=((3, 2, 1), (11, 13), (32,)))


def in_zarr(image):
    array = zarr.create_array(store={}, shape=image.shape, chunks=(2, 7, 9), dtype=image.dtype)
    array[:] = image
    return array


def in_memmap(image, tmp_path):
    array = np.memmap(tmp_path / "image", image.dtype, "w+", shape=image.shape)
    array[:] = image
    return array


@pytest.mark.parametrize("kind", ["dask", "zarr", "memmap"])
def test_where_an_image_is_kept_makes_no_difference(
    viewer, open_dock, make_image, same_bits, tmp_path, kind
):
    image = make_image()
    data = {"dask": in_dask, "zarr": in_zarr, "memmap": lambda i: in_memmap(i, tmp_path)}[kind](
        image
    )
    dock = opened(viewer, open_dock, data)
    dock.slide(w_v=4.0)
    dock.wait()
    expected = start_recipe(image, 3).replace(steps=(Diversify(w_v=4.0),)).apply(image)
    same_bits(np.asarray(dock.layer.data), expected)
    same_bits(np.asarray(dock.layer.data[3]), expected[3])


def test_a_lazy_image_is_never_loaded_as_a_whole_to_show_a_plane(
    viewer, open_dock, make_image, monkeypatch
):
    image = make_image((60, 24, 32))
    source = viewer.add_image(da.from_array(image, chunks=(3, 24, 32)), name="cells")
    dock = open_dock(viewer)
    dock.wait()
    dock.explorer.readout.cancel()
    source.visible = False  # napari's own reads do not count
    computed, original = [], da.Array.__array__

    def counted(array, *args, **keywords):
        computed.append(array.shape)
        return original(array, *args, **keywords)

    monkeypatch.setattr(da.Array, "__array__", counted)
    for kept in source_module._CHUNKS:
        kept.clear()  # of what was read to measure it
    viewer.dims.set_current_step(0, 4)
    dock.wait()
    # a window of five reaches into one more chunk, or two
    assert 3 <= max(depth for depth, *_ in computed) <= 9
    dock.wait()


# ---- what the axes are ----


def test_a_series_of_volumes_is_diversified_volume_by_volume(
    viewer, open_dock, make_image, same_bits
):
    image = make_image((3, 4, 20, 24))
    dock = opened(viewer, open_dock, image, axis_labels=("t", "z", "y", "x"))
    assert dock.explorer.value().spatial_ndim == 3
    same_bits(np.asarray(dock.layer.data), start_recipe(image, 3).apply(image))
    viewer.dims.set_current_step(0, 2)
    same_bits(np.asarray(dock.layer.data[2, 1]), start_recipe(image, 3).apply(image)[2, 1])


@pytest.mark.parametrize(
    "keywords",
    [
        {"axis_labels": ("t", "y", "x")},
        {"axis_labels": ("Time", "y", "x")},
        {"axis_labels": ("channel", "y", "x")},
        {"units": ("second", "micrometer", "micrometer")},
    ],
    ids=["t", "Time", "channel", "seconds"],
)
def test_planes_along_time_or_channel_are_diversified_by_themselves(
    viewer, open_dock, make_image, same_bits, keywords
):
    image = make_image()
    dock = opened(viewer, open_dock, image, **keywords)
    assert dock.explorer.value().spatial_ndim == 2
    assert dock.explorer.source_panel.axes.currentData() == 2
    same_bits(np.asarray(dock.layer.data), start_recipe(image, 2).apply(image))


def test_three_axes_without_names_are_a_volume(viewer, open_dock, make_image):
    dock = opened(viewer, open_dock, make_image())
    assert dock.explorer.value().spatial_ndim == 3
    assert dock.explorer.source_panel.axes.currentData() == 3


def test_a_single_plane_offers_no_choice_of_axes(viewer, open_dock, make_image, same_bits):
    image = make_image((24, 32))
    dock = opened(viewer, open_dock, image)
    assert not dock.explorer.source_panel.axes.isEnabled()
    same_bits(np.asarray(dock.layer.data), start_recipe(image, 2).apply(image))


def test_z_is_grey_for_planes_and_back_for_volumes(viewer, open_dock, make_image):
    dock = opened(viewer, open_dock, make_image())
    z = dock.axis_boxes("window")[0]
    assert z.isEnabled()
    dock.explorer.source_panel.axes.setCurrentIndex(1)
    dock.wait()
    assert not z.isEnabled()


def test_an_image_with_uneven_voxels_keeps_its_scale_and_units(viewer, open_dock, make_image):
    dock = opened(viewer, open_dock, make_image(), scale=(2.0, 0.3, 0.3), units=("micrometer",) * 3)
    assert dock.layer.scale.tolist() == [2.0, 0.3, 0.3]
    assert [str(u) for u in dock.layer.units] == ["micrometer"] * 3


# ---- pyramids ----


def pyramid(image):
    planes = image if image.ndim == 2 else image[:]
    return [planes[..., ::n, ::n] for n in (1, 2, 4)]


def visible(layer, point):
    """(level, value) that is on the screen at a point of the finest level."""
    return layer.get_value(point, world=True)


@pytest.mark.parametrize("shape", [(64, 80), (4, 64, 80)], ids=["2D", "3D"])
def test_each_level_of_a_pyramid_is_diversified_exactly(
    viewer, open_dock, make_image, same_bits, shape
):
    levels = pyramid(make_image(shape))
    dock = opened(viewer, open_dock, levels, multiscale=True)
    dock.slide(w_v=3.0)
    dock.wait()
    recipe = start_recipe(levels[0], len(shape)).replace(steps=(Diversify(w_v=3.0),))
    assert dock.layer.multiscale
    for shown, level in zip(dock.layer.data, levels, strict=True):
        same_bits(np.asarray(shown), recipe.apply(level))


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("shape", [(64, 80), (4, 64, 80)], ids=["2D", "3D"])
def test_a_slider_changes_what_is_on_the_screen_at_every_level_of_a_pyramid(
    viewer, open_dock, make_image, shape, level
):
    levels = pyramid(make_image(shape))
    dock = opened(viewer, open_dock, levels, multiscale=True)
    dock.layer.locked_data_level = level
    for w_v in (0.0, 6.0):
        dock.slide(w_v=w_v)
        dock.wait()
        shown = dock.layer.data_level
        expected = start_recipe(levels[0], len(shape)).replace(steps=(Diversify(w_v=w_v),))
        plane = expected.apply(levels[shown])[(viewer.dims.current_step[0],) * (len(shape) - 2)]
        for y, x in np.ndindex(4, 5):  # spread over the plane, on voxels of every level
            point = (*viewer.dims.point[:-2], 16 * y, 16 * x)
            on_level = (16 * y // 2**shown, 16 * x // 2**shown)
            assert visible(dock.layer, point) == (shown, plane[on_level])


def test_a_level_locked_by_the_user_stays_locked_while_sliders_move(viewer, open_dock, make_image):
    dock = opened(viewer, open_dock, pyramid(make_image((64, 80))), multiscale=True)
    dock.layer.locked_data_level = 1
    dock.slide(w_v=6.0)
    dock.wait()
    assert dock.layer.locked_data_level == 1


@pytest.mark.parametrize("shape", [(64, 80), (4, 64, 80)], ids=["2D", "3D"])
def test_a_coarse_level_is_announced_as_a_preview(viewer, open_dock, make_image, shape):
    dock = opened(viewer, open_dock, pyramid(make_image(shape)), multiscale=True)
    for level, words in ((2, "Preview of “cells” at 1/4"), (1, "at 1/2"), (0, "full resolution")):
        dock.layer.locked_data_level = level
        assert words in dock.message


def test_range_and_psnr_of_a_small_pyramid_are_those_of_its_finest_level(
    viewer, open_dock, make_image
):
    image = make_image((64, 80))
    image[1, 1] = 65_535  # seen by no coarser level
    dock = opened(viewer, open_dock, pyramid(image), multiscale=True)
    assert dock.explorer.value().intensity_range == (image.min(), 65_535)
    assert dock.explorer.card("diversify").panel.note.text() == ""


def test_a_pyramid_too_big_to_measure_quickly_is_measured_coarsely_and_says_so(
    viewer, open_dock, make_image, monkeypatch
):
    monkeypatch.setattr("napari_diversify.widgets.diversify.measurement.BUDGET", 40 * 32)
    levels = pyramid(make_image((64, 80)))
    dock = opened(viewer, open_dock, levels, multiscale=True)
    assert dock.explorer.value().intensity_range == (levels[1].min(), levels[1].max())
    assert "the image at 1/2" in dock.explorer.card("diversify").panel.note.text()


def test_in_3d_a_pyramid_shows_its_coarsest_level_and_says_so(
    viewer, open_dock, make_image, handed, same_bits
):
    levels = pyramid(make_image((4, 64, 80)))
    dock = opened(viewer, open_dock, levels, multiscale=True)
    viewer.dims.ndisplay = 3
    dock.slide(w_v=5.0)
    dock.wait()
    recipe = start_recipe(levels[0], 3).replace(steps=(Diversify(w_v=5.0),))
    same_bits(handed.last(), recipe.apply(levels[2]))
    assert "at 1/4" in dock.message


def test_going_from_a_pyramid_to_a_plain_image_and_back_leaves_one_live_layer(
    viewer, open_dock, make_image
):
    levels = pyramid(make_image((4, 64, 80)))
    dock = opened(viewer, open_dock, levels, multiscale=True)
    plain = make_image((4, 64, 80), seed=1)
    flat = viewer.add_image(plain, name="flat")
    dock.wait_for_source(flat)
    dock.assert_exact(plain)
    viewer.layers.selection.active = viewer.layers["cells"]
    dock.wait_for_source(viewer.layers["cells"])
    assert dock.layer.multiscale
    assert sorted(layer.name for layer in viewer.layers) == ["cells", "cells (diversified)", "flat"]
