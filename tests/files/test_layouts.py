import json

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from skimage.segmentation import find_boundaries

from napari_diversify.files import (
    LAYOUTS,
    Header,
    Item,
    check_names,
    paths,
    semantic_planes,
    write_extras,
)

NAMES = st.text("aAbB_01.", min_size=1, max_size=10) | st.sampled_from(
    ["a", "a_masks", "a_labels", "a_0000", "a_0001", "a.json", "a_masks_masks", "dataset"]
)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@given(first=NAMES, second=NAMES, channels=st.tuples(*[st.integers(0, 2)] * 2))
def test_no_two_roles_names_or_channels_share_a_file(layout, first, second, channels):
    try:
        check_names([first, second])
        found = [
            paths(layout, "root", name, file_format=form, channel=channel)
            for name, channel in zip((first, second), channels, strict=True)
            for form in layout.formats[:1]
        ]
    except ValueError:
        assume(False)
    files = [str(path).lower() for roles in found for path in roles.values()]
    extras = layout.extras([Item(n, HEADER) for n in (first, second)]) if layout.extras else {}
    files += [f"root/{path}".lower() for path in extras]
    assert len(set(files)) == len(files)


HEADER = Header((3, 4, 5), "uint16", "zyx", (2, 0.5, 0.5), ("um",) * 3)


def test_each_layout_puts_files_where_its_tool_looks():
    found = {
        name: {role: p.as_posix() for role, p in paths(layout, "r", "n").items()}
        for name, layout in LAYOUTS.items()
    }
    assert found == {
        "plain": {"image": "r/n.ome.zarr", "labels": "r/n_labels.ome.zarr"},
        "stardist": {"image": "r/images/n.tif", "labels": "r/masks/n.tif"},
        "cellpose": {"image": "r/n.tif", "labels": "r/n_masks.tif"},
        "nnunet": {"image": "r/imagesTr/n_0000.tif", "labels": "r/labelsTr/n.tif"},
        "careamics": {"image": "r/low/n.tif", "source": "r/GT/n.tif"},
        "csbdeep": {"image": "r/low/n.tif", "source": "r/GT/n.tif"},
    }
    assert paths(LAYOUTS["plain"], "r", "n", file_format="ome-tiff")["image"].name == "n.ome.tif"
    assert paths(LAYOUTS["nnunet"], "r", "n", channel=2)["image"].name == "n_0002.tif"


def test_names_that_a_layout_would_mix_up_are_refused():
    with pytest.raises(ValueError, match="'_masks'"):
        paths(LAYOUTS["cellpose"], "r", "a_MASKS")
    with pytest.raises(ValueError, match="file name"):
        paths(LAYOUTS["plain"], "r", "../a")
    with pytest.raises(ValueError, match="needs tiff"):
        paths(LAYOUTS["stardist"], "r", "a", file_format="ome-zarr")
    for names in (["a", "A"], ["a", "b", "a"]):
        with pytest.raises(ValueError, match="two images"):
            check_names(names)
    check_names(["a", "b", "ab"])


def test_nnunet_gets_its_data_set_and_the_spacing_beside_images_and_labels(tmp_path):
    items = [Item("a", HEADER), Item("b", Header((3, 4, 5), "uint16", "zyx"))]
    written = write_extras(LAYOUTS["nnunet"], tmp_path, items)
    first = {p: p.read_bytes() for p in written}
    assert {p.relative_to(tmp_path).as_posix() for p in written} == {
        "dataset.json",
        "imagesTr/a.json",
        "imagesTr/b.json",
        "labelsTr/a.json",
        "labelsTr/b.json",
    }
    assert json.loads((tmp_path / "labelsTr/a.json").read_text()) == {"spacing": [2, 0.5, 0.5]}
    assert json.loads((tmp_path / "dataset.json").read_text()) == {
        "channel_names": {"0": "channel 0"},
        "labels": {"background": 0, "interior": 1, "border": 2},
        "numTraining": 2,
        "file_ending": ".tif",
    }
    write_extras(LAYOUTS["nnunet"], tmp_path, items)
    assert {p: p.read_bytes() for p in written} == first
    assert write_extras(LAYOUTS["stardist"], tmp_path, items) == []
    mixed = [Item("a", HEADER), Item("b", Header((2, 3, 4, 5), "uint16", "czyx"))]
    with pytest.raises(ValueError, match="the same number of channels"):
        write_extras(LAYOUTS["nnunet"], tmp_path, mixed)


@pytest.mark.parametrize(
    ("shape", "spatial_ndim"),
    [((1, 1), 2), ((6, 7), 2), ((5, 6, 7), 2), ((1, 5, 6), 3), ((5, 6, 7), 3), ((2, 3, 4, 5), 3)],
)
def test_border_is_what_touches_something_else(shape, spatial_ndim):
    rng = np.random.default_rng(0)
    coarse = rng.choice([0, 0, 5, 9], [-(-n // 3) for n in shape]).astype("uint32")
    labels = coarse
    for axis, n in enumerate(shape):
        labels = np.repeat(labels, 3, axis).take(range(n), axis)
    got = np.stack(list(semantic_planes(labels, spatial_ndim))).reshape(shape)
    for volume, classes in zip(
        labels.reshape(-1, *shape[-spatial_ndim:]),
        got.reshape(-1, *shape[-spatial_ndim:]),
        strict=True,
    ):
        border = find_boundaries(volume, connectivity=1, mode="inner")
        np.testing.assert_array_equal(classes, np.where(volume == 0, 0, np.where(border, 2, 1)))
    assert got.dtype == np.uint8


def test_classes_read_each_plane_once():
    class Counted:
        shape, read = (9, 4, 4), 0

        def __getitem__(self, key):
            self.read += 1
            return np.ones((4, 4), int)

    counted = Counted()
    assert all((plane == 1).all() for plane in semantic_planes(counted, 3))
    assert counted.read == 9
