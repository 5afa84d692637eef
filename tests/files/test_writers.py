import numpy as np
import pytest
import yaozarrs
from file_strategies import bytes_of, voxels
from napari.layers import Image, Labels

from napari_diversify import LazyVolume, Recipe
from napari_diversify.files import Header, open_image
from napari_diversify.recipe import Diversify
from napari_diversify.writers import described, write_ome_tiff, write_ome_zarr

WRITERS = [(write_ome_zarr, "a.ome.zarr"), (write_ome_tiff, "a.ome.tif")]


@pytest.fixture(params=WRITERS, ids=["zarr", "tiff"])
def save(request, tmp_path):
    """Save a layer as napari does, and read the file."""
    writer, name = request.param

    def write(layer, data=None, **state):
        held, meta, _ = layer.as_layer_data_tuple()
        path = str(tmp_path / name)
        assert writer(path, held if data is None else data, {**meta, **state}) == [path]
        with open_image(path) as image:
            return image.header, image.data[...]

    write.path = tmp_path / name
    return write


def test_a_layer_keeps_voxels_dtype_scale_units_axes_and_name(save):
    for dtype in ("uint8", "uint16", "int16", "float32"):
        array = voxels(Header((5, 20, 30), dtype, "zyx"))
        layer = Image(
            array,
            name="my nuclei",
            scale=(2, 0.5, 0.25),
            units=("um", "um", "nm"),
            axis_labels=("z", "y", "x"),
        )
        header, data = save(layer)
        assert (header.axes, header.name) == ("zyx", "my nuclei")
        assert header.scale == (2, 0.5, 0.25)
        assert header.units == ("micrometer", "micrometer", "nanometer")
        assert data.dtype == dtype
        np.testing.assert_array_equal(data, array)


@pytest.mark.parametrize(
    ("labels", "units", "axes"),
    [
        (None, None, "czyx"),
        (None, ("s", "um", "um", "um"), "tzyx"),
        (("t", "c", "y", "x"), None, "tcyx"),
        (("Time", "Z", "Y", "X"), None, "tzyx"),
    ],
)
def test_axes_come_from_labels_then_units_then_their_number(save, labels, units, axes):
    layer = Image(np.zeros((2, 3, 4, 5), "uint8"), axis_labels=labels, units=units)
    assert save(layer)[0].axes == axes


def test_axes_in_another_order_are_put_into_ours(save):
    array = voxels(Header((3, 2, 4, 5), "uint8", "czyx"))
    layer = Image(array, axis_labels=("z", "c", "y", "x"), scale=(9, 1, 3, 2))
    header, data = save(layer)
    assert (header.axes, header.shape, header.scale) == ("czyx", (2, 3, 4, 5), (1, 9, 3, 2))
    np.testing.assert_array_equal(data, array.swapaxes(0, 1))


def test_pixels_are_no_unit(save):
    assert save(Image(np.zeros((4, 5), "uint8"), scale=(2, 2)))[0].spacing is None


def test_labels_stay_labels(save):
    ids = voxels(Header((4, 300, 30), "uint32", "zyx"))
    header, data = save(Labels(ids, scale=(1, 1, 1)))
    assert header.dtype == np.uint32
    np.testing.assert_array_equal(data, ids)
    if save.path.suffix == ".zarr":
        yaozarrs.validate_zarr_store(str(save.path))
        with open_image(save.path) as image:
            np.testing.assert_array_equal(image.levels[1][...], ids[::2, ::2, ::2])


def test_contrast_limits_reach_ome_zarr(tmp_path):
    data, meta, _ = Image(
        np.zeros((4, 5), "uint16"), contrast_limits=(7, 900)
    ).as_layer_data_tuple()
    write_ome_zarr(str(tmp_path / "a.zarr"), data, meta)
    group = yaozarrs.validate_zarr_store(str(tmp_path / "a.zarr"))
    window = group.ome_metadata().omero.channels[0].window
    assert (window.start, window.end) == (7, 900)


def test_a_generated_layer_is_rebuilt_from_the_recipe_in_its_file(save, make_image, same_bits):
    image = make_image((6, 24, 32))
    recipe = Recipe(steps=(Diversify(w_i=0.7, w_v=1.5),), seed=5, intensity_range=(0, 60000))
    entry = {"recipe": recipe.model_dump(mode="json"), "sample": 3, "live": "diversify"}
    layer = Image(
        LazyVolume(image, recipe, sample=3),
        metadata={"napari-diversify": entry},
        contrast_limits=(0, 1),
    )
    header, data = save(layer)
    assert set(header.provenance) == {"recipe", "sample"}
    again = Recipe(**header.provenance["recipe"])
    same_bits(again.apply(image, sample=header.provenance["sample"]), data)


def test_a_recipe_in_plain_metadata_is_kept_and_other_metadata_is_not(save):
    plain = np.zeros((4, 5), "uint8")
    assert save(Image(plain, metadata={"recipe": {"a": 1}}))[0].provenance == {"recipe": {"a": 1}}
    assert not save(Image(plain, metadata={"path": object()}))[0].provenance


def test_of_a_pyramid_the_finest_level_is_written(save):
    array = voxels(Header((64, 80), "uint8", "yx"))
    layer = Image([array, array[::2, ::2]], multiscale=True)
    np.testing.assert_array_equal(save(layer)[1], array)


def test_lazy_data_is_never_asked_for_whole(save):
    class Lazy:
        shape, dtype, ndim, most = (600, 256, 512), np.dtype("uint16"), 3, 0

        def __getitem__(self, key):
            z = np.arange(self.shape[0], dtype=self.dtype)[key[0]]
            out = np.broadcast_to(z[..., None, None], z.shape + self.shape[1:])
            self.most = max(self.most, out.size)
            return out

        def __array__(self, *_, **__):
            raise AssertionError("the whole array was asked for")

    lazy = Lazy()
    data = save(Image(np.zeros((2, 2, 2), "uint16")), data=lazy)[1]
    assert (data == np.arange(600)[:, None, None]).all()
    assert lazy.most <= 600 * 256 * 512 / 4


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"rotate": 30}, "rotate"),
        ({"shear": [0.5]}, "shear"),
        ({"affine": np.array([[1, 0.5, 0], [0, 1, 0], [0, 0, 1]])}, "affine"),
        ({"scale": (-1, 2)}, "the sign of scale"),
        ({"axis_labels": ("foo", "x")}, r"the axis labels foo, x \(now y, x\)"),
        ({"axis_labels": ("y", "Y")}, r"the axis labels y, Y \(now y, x\)"),
        ({"units": ("s", "um")}, "the units second"),
        ({"units": ("lightyear", "degree")}, "the units degree, light_year"),
    ],
)
def test_what_a_file_cannot_hold_is_told(save, state, said):
    layer = Image(np.ones((4, 5), "uint8"), **state)
    with pytest.warns(UserWarning, match=f"{said} cannot be kept"):
        header, data = save(layer)
    assert header.scale == tuple(abs(s) for s in state.get("scale", (1, 1)))
    assert (data == 1).all()


def test_features_of_labels_are_told_to_be_lost(save):
    layer = Labels(np.ones((4, 5), "uint8"), features={"area": [0, 20]})
    with pytest.warns(UserWarning, match="the features of labels cannot be kept"):
        save(layer)


def test_an_axis_without_a_label_of_ours_is_told(save):
    layer = Image(np.zeros((2, 3, 4, 5), "uint8"), axis_labels=("foo", "z", "y", "x"))
    with pytest.warns(UserWarning, match="foo, z, y, x"):
        assert save(layer)[0].axes == "czyx"


@pytest.mark.parametrize("labels", [("z", "c", "y", "x"), None])
def test_a_position_is_described_along_the_axes_as_they_are_written(labels):
    layer = Image(
        np.zeros((2, 3, 4, 5), "uint8"), axis_labels=labels, translate=(7, 0, -2.5, 1e3), rotate=0
    )
    header = described(*layer.as_layer_data_tuple()[:2])[1]
    assert header.origin == ((0, 7, -2.5, 1e3) if labels else (7, 0, -2.5, 1e3))


def test_what_cannot_be_written_leaves_what_was_there(save):
    save(Image(np.ones((4, 5), "uint8")))
    before = bytes_of(save.path.parent)
    with pytest.raises(ValueError, match="RGB"):
        save(Image(np.zeros((4, 5, 3), "uint8"), rgb=True))
    with pytest.raises(ValueError, match="2 to 5 dimensions"):
        save(Image(np.zeros((1,) * 6, "uint8")))
    with pytest.raises(TypeError, match="integers or floating"):
        save(Image(np.zeros((4, 5), bool)))
    assert bytes_of(save.path.parent) == before
    save(Image(np.zeros((6, 7), "uint8")))
    assert bytes_of(save.path.parent) != before
