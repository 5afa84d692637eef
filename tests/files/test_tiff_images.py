"""Files of several images: each is listed, and thumbnails and smaller copies are not taken."""

import numpy as np
import pytest
import tifffile
from tiff_makers import image, ome, pattern, tiff_data

from napari_diversify.files import images_in, open_image

STACK = pattern((6, 64, 80))
GREY = {"photometric": "minisblack"}


def read(path, **options):
    with open_image(path, **options) as opened:
        return opened.header, opened.data[...]


def write_pages(path, *stacks, metadata=None, **options):
    """Stacks one after another, each with options of its own."""
    with tifffile.TiffWriter(path, **options) as tif:
        for voxels, more in stacks:
            if metadata is None:  # page by page
                for plane in (
                    voxels.reshape(-1, *voxels.shape[-2:]) if voxels.ndim > 2 else [voxels]
                ):
                    tif.write(plane, **GREY, metadata=None, **more)
            else:
                tif.write(voxels, **GREY, metadata=metadata, **more)
    return path


# ---- several images ----


@pytest.mark.parametrize("style", ["ome", "shaped", "plain"])
def test_every_image_is_listed_and_can_be_chosen(tmp_path, style):
    stacks = [pattern((4, 32, 40 + (8 * n if style == "plain" else 0)), seed=n) for n in range(3)]
    path = write_pages(
        tmp_path / "a.tif",
        *((stack, {}) for stack in stacks),
        metadata=None if style == "plain" else {"axes": "ZYX"},
        ome=style == "ome",
    )
    entries = images_in(path)
    assert [(e.series, e.aside, e.name) for e in entries] == [
        (0, "", "a_s0"), (1, "", "a_s1"), (2, "", "a_s2"),
    ]  # fmt: skip
    for entry, stack in zip(entries, stacks, strict=True):
        header, data = read(path, series=entry.series)
        np.testing.assert_array_equal(data, stack)
        assert not any("images" in note for note in header.notes)
    header, data = read(path)
    np.testing.assert_array_equal(data, stacks[0])
    assert "this is image 0 of the 3 images in the file" in header.notes[0]
    assert "--series" in header.notes[0]
    with pytest.raises(ValueError, match="no series 3; its 3 series count from 0"):
        open_image(path, series=3)
    with pytest.raises(ValueError, match="no series -1"):
        open_image(path, series=-1)


# ---- thumbnails and the like ----

ASIDE = {
    "thumbnail first": [(STACK[0, ::8, ::8], {}), (STACK, {})],
    "thumbnail last": [(STACK, {}), (STACK[0, ::8, ::8], {})],
    "of another shape": [(STACK[0, ::8, ::16], {}), (STACK, {})],
    "a quarter": [(STACK[0, ::4, ::4], {}), (STACK, {})],
    "of another type": [(STACK[0, ::8, ::8].astype("uint8"), {}), (STACK, {})],
    "said to be smaller": [(STACK[:1, :50, :60], {"subfiletype": 1}), (STACK, {})],
    "said to be smaller, last": [(STACK, {}), (STACK[:1, :50, :60], {"subfiletype": 1})],
    "beside one plane": [(STACK[0, ::8, ::8], {}), (STACK[0], {})],
}


@pytest.mark.parametrize("kind", ASIDE)
def test_a_thumbnail_is_not_taken_for_the_image(tmp_path, kind):
    path = write_pages(tmp_path / "a.tif", *ASIDE[kind])
    (wanted,) = [e for e in images_in(path) if not e.aside]
    sizes = [np.size(voxels) for voxels, _ in ASIDE[kind]]
    assert wanted.series == int(np.argmax(sizes))
    header, data = read(path)
    np.testing.assert_array_equal(data, ASIDE[kind][wanted.series][0])
    assert f"this is image {wanted.series} of the 2 images in the file" in header.notes[0]
    assert f"image {1 - wanted.series} is set aside: " in header.notes[0]
    other = read(path, series=1 - wanted.series)[1]
    np.testing.assert_array_equal(np.squeeze(other), np.squeeze(ASIDE[kind][1 - wanted.series][0]))


def test_a_mask_is_not_taken_for_the_image(tmp_path):
    path = write_pages(tmp_path / "a.tif", (STACK[0], {}), (STACK[0].astype("uint8"), {}))
    assert [bool(e.aside) for e in images_in(path)] == [False, False]
    path = write_pages(
        tmp_path / "b.tif", (STACK[0].astype("uint8"), {"subfiletype": 2}), (STACK[0], {})
    )
    with tifffile.TiffFile(path, mode="r+b") as tif:
        tif.pages[0].tags["NewSubfileType"].overwrite(4)
    assert [bool(e.aside) for e in images_in(path)] == [True, False]


def test_a_colour_picture_beside_grey_images_is_aside(tmp_path):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as tif:
        tif.write(np.zeros((60, 70, 3), "uint8"), photometric="rgb", metadata=None)
        for plane in STACK:
            tif.write(plane, **GREY, metadata=None)
    assert [bool(e.aside) for e in images_in(path)] == [True, False]
    np.testing.assert_array_equal(read(path)[1], STACK)


def test_images_of_like_size_are_all_images(tmp_path):
    path = write_pages(tmp_path / "a.tif", (STACK[0], {}), (STACK[:, :40, :40], {}))
    assert [e.aside for e in images_in(path)] == ["", ""]


@pytest.mark.parametrize(
    ("name", "is_aside"),
    [
        ("thumbnail", True), ("label image", True), ("Macro", True), ("slide 1 - macro", True),
        ("scan #2/overview", True), ("macrophages", False), ("label-free", False),
        ("labels", False), ("cell 1", False), ("", False),
    ],
)  # fmt: skip
def test_names_tell_side_pictures_of_a_slide(tmp_path, name, is_aside):
    a, b = pattern((2, 64, 80)), pattern((2, 60, 70), seed=1)
    text = ome(
        image(a.shape, tiff_data(0, 2), name=name), image(b.shape, tiff_data(2, 2), name="scan")
    )
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path) as tif:
        for n, plane in enumerate([*a, *b]):
            tif.write(plane, **GREY, metadata=None, description=None if n else text.encode())
    assert [bool(e.aside) for e in images_in(path)] == [is_aside, False]
    np.testing.assert_array_equal(read(path)[1], b if is_aside else a)


def test_a_file_always_has_an_image(tmp_path):
    path = write_pages(tmp_path / "a.tif", (STACK, {"subfiletype": 1}))
    assert [e.aside for e in images_in(path)] == [""]
    np.testing.assert_array_equal(read(path)[1], STACK)
    text = ome(image(STACK.shape, name="thumbnail")).encode()
    tifffile.imwrite(tmp_path / "b.ome.tif", STACK, **GREY, description=text, metadata=None)
    assert [e.aside for e in images_in(tmp_path / "b.ome.tif")] == [""]


# ---- smaller copies ----

LEVELS = [STACK, STACK[:, ::2, ::2], STACK[:, ::4, ::4]]


def levels_of(path):
    with open_image(path) as opened:
        return [level[...] for level in opened.levels], opened.header


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 2, 1)])
@pytest.mark.parametrize("flagged", [True, False])
@pytest.mark.parametrize("planes", [6, 1])
def test_copies_on_pages_of_their_own_are_levels_finest_first(tmp_path, order, flagged, planes):
    stacks = [(LEVELS[n][:planes], {"subfiletype": 1} if flagged and n else {}) for n in order]
    path = write_pages(tmp_path / "a.tif", *stacks)
    assert [e.aside for e in images_in(path)] == [""]
    levels, header = levels_of(path)
    assert len(levels) == 3
    for level, expected in zip(levels, LEVELS, strict=True):
        np.testing.assert_array_equal(level, np.squeeze(expected[:planes]))
    assert any("were taken to be copies" in note for note in header.notes) == (not flagged)


@pytest.mark.parametrize("style", ["ome", "shaped", "plain"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_copies_that_belong_to_a_page_are_levels(tmp_path, style, tile):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path, ome=style == "ome") as tif:
        if style == "plain":
            for n in range(6):
                for k, level in enumerate(LEVELS):
                    more = {"subfiletype": 1} if k else {"subifds": 2}
                    tif.write(level[n], **GREY, metadata=None, tile=tile, **more)
        else:
            tif.write(STACK, **GREY, metadata={"axes": "ZYX"}, subifds=2, tile=tile)
            for level in LEVELS[1:]:
                tif.write(level, **GREY, subfiletype=1, tile=tile)
    assert [e.aside for e in images_in(path)] == [""]
    levels, _ = levels_of(path)
    assert len(levels) == 3
    for level, expected in zip(levels, LEVELS, strict=True):
        np.testing.assert_array_equal(level, expected)


def test_a_page_that_is_the_smaller_copy_of_what_belongs_to_it_is_a_level(tmp_path):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as tif:  # as cameras write: a preview, and in it the image
        tif.write(STACK[0, ::4, ::4], **GREY, metadata=None, subifds=1, subfiletype=1)
        tif.write(STACK[0], **GREY, metadata=None)
    levels, _ = levels_of(path)
    for level, expected in zip(levels, (LEVELS[0][0], LEVELS[2][0]), strict=True):
        np.testing.assert_array_equal(level, expected)


def test_a_damaged_copy_is_left_out(tmp_path):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as tif:
        tif.write(STACK[0], **GREY, metadata=None, subifds=1)
        tif.write(STACK[0, ::2, ::2], **GREY, metadata=None, subfiletype=1)
    with tifffile.TiffFile(path, mode="r+b") as tif:
        tif.pages[0].pages[0].tags["StripOffsets"].overwrite(path.stat().st_size - 10)
    levels, header = levels_of(path)
    assert [level.shape for level in levels] == [(64, 80)]
    assert "its smaller copy of 40 x 32 was left out" in header.notes[0]


def test_planes_between_thumbnails_are_one_stack(tmp_path):
    stacks = [part for plane in STACK for part in ((plane, {}), (plane[::8, ::8], {}))]
    path = write_pages(tmp_path / "a.tif", *stacks)
    np.testing.assert_array_equal(read(path)[1], STACK)


def test_listing_many_files_reads_no_voxels_and_costs_little(tmp_path, monkeypatch):
    path = write_pages(tmp_path / "a.tif", (STACK, {}))
    monkeypatch.setattr(tifffile.TiffPage, "asarray", None)
    monkeypatch.setattr(tifffile.TiffPageSeries, "aszarr", None)
    assert len(images_in(path)) == 1
