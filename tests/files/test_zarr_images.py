"""Every image of a Zarr folder is listed, and each can be opened as it is listed."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from zarr_writers import multiscales, numbers, write_array, write_group, write_image

from napari_diversify.files import images_in, labels_in, open_image


def names_and_asides(path):
    """Names of the images that are listed, and what is set aside; all that are there open."""
    entries = images_in(path)
    for number, entry in enumerate(entries):
        if "not there" in entry.aside or "damaged" in entry.aside:
            continue
        with (
            open_image(entry.path, series=entry.series) as image,
            open_image(path, series=number) as by_number,
        ):
            np.testing.assert_array_equal(image.data[...], by_number.data[...])
            assert replace(image.header, name="") == replace(by_number.header, name="")
    assert len({entry.name for entry in entries}) == len(entries)
    return [e.name for e in entries if not e.aside], [e for e in entries if e.aside]


def image(path, value=1, axes="zyx", style="0.4", **more):
    return write_image(path, numbers(axes) * 0 + value, axes, style, **more)


def value_of(path, **options):
    with open_image(path, **options) as opened:
        (value,) = np.unique(opened.data[...])
        return value, opened.header


@pytest.mark.parametrize("style", ["0.1", "0.2", "0.3", "0.4", "0.5"])
def test_a_lone_image_is_the_file(tmp_path, style):
    axes = "tczyx" if style in ("0.1", "0.2") else "zyx"
    path = image(tmp_path / "embryo.ome.zarr", axes=axes, style=style)
    assert names_and_asides(path) == (["embryo"], [])
    assert value_of(path)[1].notes == ()


# ---- several images of one group ----


def two_images(path, style, **second):
    version = 3 if style == "0.5" else 2
    entries = [
        multiscales("zyx", style, paths=["raw"], name="raw"),
        multiscales("zyx", style, **{"paths": ["cleared"], "name": "cleared", **second}),
    ]
    attributes = {"multiscales": entries}
    if style == "0.5":
        attributes = {"ome": {"version": "0.5", **attributes}}
    write_group(path, attributes, version)
    for n, name in enumerate(["raw", "cleared"]):
        write_array(path / name, numbers("zyx") * 0 + n + 1, version=version)


@pytest.mark.parametrize("style", ["0.4", "0.5"])
def test_several_multiscales_are_several_images(tmp_path, style):
    two_images(tmp_path / "a.ome.zarr", style)
    assert names_and_asides(tmp_path / "a.ome.zarr") == (["a_s0", "a_s1"], [])
    assert [e.title for e in images_in(tmp_path / "a.ome.zarr")] == ["raw", "cleared"]
    value, header = value_of(tmp_path / "a.ome.zarr")
    assert (value, header.name) == (1, "raw")
    assert "2 images" in header.notes[0]
    assert "--series" in header.notes[0]
    for series in (0, 1):
        value, header = value_of(tmp_path / "a.ome.zarr", series=series)
        assert (value, header.notes) == (series + 1, ())
    with pytest.raises(ValueError, match="no series 2; it has 0, 1"):
        open_image(tmp_path / "a.ome.zarr", series=2)
    with pytest.raises(ValueError, match="no series -1"):
        open_image(tmp_path / "a.ome.zarr", series=-1)


def test_two_views_of_the_same_voxels_are_one_image(tmp_path):
    two_images(tmp_path / "a.ome.zarr", "0.4", paths=["raw"], name="raw, other scales")
    names, aside = names_and_asides(tmp_path / "a.ome.zarr")
    assert names == ["a"]
    assert "again" in aside[0].aside


# ---- bioformats2raw ----


def series(path, folders, *, version=2, listing=None, titles=None):
    write_group(path, {"bioformats2raw.layout": 3}, version)
    if version == 3:
        write_group(path, {"ome": {"version": "0.5", "bioformats2raw.layout": 3}}, 3)
    if listing is not None:
        attributes = {"series": listing}
        write_group(path / "OME", {"ome": attributes} if version == 3 else attributes, version)
    if titles is not None:
        (path / "OME").mkdir(exist_ok=True)
        images = "".join(f'<Image ID="Image:{i}" Name="{t}"/>' for i, t in enumerate(titles))
        xml = f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">{images}</OME>'
        (path / "OME" / "METADATA.ome.xml").write_text(xml)
    for n, folder in enumerate(folders):
        image(path / folder, n + 1, style="0.5" if version == 3 else "0.4")
    return path


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("folders", [["0", "1"], ["0", "1", "2", "10"], ["0/0", "1/0"]])
@pytest.mark.parametrize("with_list", [True, False])
def test_series_of_bioformats2raw_are_images(tmp_path, version, folders, with_list):
    path = series(
        tmp_path / "slide.zarr", folders, version=version, listing=folders if with_list else None
    )
    names = [f"slide_{folder.replace('/', '_')}" for folder in folders]
    assert names_and_asides(path) == (names, [])
    assert [value_of(path, series=n)[0] for n in range(len(folders))] == list(
        range(1, len(folders) + 1)
    )
    assert f"{len(folders)} images" in value_of(path)[1].notes[0]


def test_a_lone_series_is_named_for_its_file(tmp_path):
    path = series(tmp_path / "slide.ome.zarr", ["0"])
    assert names_and_asides(path) == (["slide"], [])
    assert images_in(path)[0].path == path / "0"  # where its labels are found
    assert value_of(path)[1].notes == ()


def test_series_that_are_listed_and_not_there_are_told(tmp_path):
    path = series(tmp_path / "slide.zarr", ["0", "1", "2"], listing=["0", "1", "2"])
    shutil.rmtree(path / "0")
    names, aside = names_and_asides(path)
    assert names == ["slide_1", "slide_2"]
    assert "not there" in aside[0].aside
    value, header = value_of(path)
    assert value == 2
    assert any("not there" in note for note in header.notes)
    with pytest.raises(ValueError, match="not there"):
        open_image(path, series=0)


def test_thumbnails_are_set_aside(tmp_path):
    path = series(
        tmp_path / "slide.zarr", ["0", "1", "2"], titles=["macro", "slide 1", "label image"]
    )
    names, aside = names_and_asides(path)
    assert names == ["slide"]
    assert [entry.title for entry in aside] == ["macro", "label image"]
    assert value_of(path)[0] == 2
    (path / "OME" / "METADATA.ome.xml").write_text("<OME><Image")  # then nothing is said of them
    assert len(names_and_asides(path)[0]) == 3


# ---- plates ----


def plate(path, fields=2, *, version=2, wells=("A/1", "B/12"), there=None, acquisitions=()):
    def attributes(of):
        return {"ome": {"version": "0.5", **of}} if version == 3 else of

    named = [{"path": well, "rowIndex": 0, "columnIndex": 0} for well in wells]
    of_plate = {"wells": named, "rows": [], "columns": [], "name": "plate"}
    if acquisitions:
        of_plate["acquisitions"] = [{"id": n, "name": a} for n, a in enumerate(acquisitions)]
    write_group(path, attributes({"plate": of_plate, "bioformats2raw.layout": 3}), version)
    value = 0
    for well in wells if there is None else there:
        images = [
            {"path": str(f), **({"acquisition": f % len(acquisitions)} if acquisitions else {})}
            for f in range(fields)
        ]
        write_group(path / well, attributes({"well": {"images": images}}), version)
        for field in range(fields):
            value += 1
            image(path / well / str(field), value, style="0.5" if version == 3 else "0.4")
    return path


@pytest.mark.parametrize("version", [2, 3])
def test_each_field_of_a_plate_is_an_image_with_a_name_of_its_own(tmp_path, version):
    path = plate(tmp_path / "plate.ome.zarr", version=version)
    names = ["plate_A_1_0", "plate_A_1_1", "plate_B_12_0", "plate_B_12_1"]
    assert names_and_asides(path) == (names, [])
    assert images_in(path)[2].path == path / "B" / "12" / "0"
    value, header = value_of(path)
    assert value == 1
    assert "4 images" in header.notes[0]
    assert "A/1/0" in header.notes[0]
    assert [value_of(path, series=n)[0] for n in range(4)] == [1, 2, 3, 4]
    # a well and a field by themselves, with the same names
    assert names_and_asides(path / "B" / "12") == (names[2:], [])
    assert names_and_asides(path / "B" / "12" / "1") == (names[3:], [])


def test_acquisitions_of_a_plate_are_told_apart(tmp_path):
    path = plate(tmp_path / "plate.zarr", wells=["A/1"], acquisitions=["before", "after"])
    assert [e.title for e in images_in(path)] == ["A/1/0 (before)", "A/1/1 (after)"]


def test_a_plate_of_which_wells_are_not_there_has_the_others(tmp_path):
    path = plate(tmp_path / "plate.zarr", wells=["A/1", "A/2", "C/3"], there=["A/2"])
    shutil.rmtree(path / "A" / "2" / "0")
    names, aside = names_and_asides(path)
    assert names == ["plate_A_2_1"]
    assert [entry.title for entry in aside] == ["A/1", "A/2/0", "C/3"]
    assert all("not there" in entry.aside for entry in aside)
    assert any("3 of the images" in note for note in value_of(path)[1].notes)


def test_plates_that_say_nothing_usable_are_refused_in_a_sentence(tmp_path):
    for n, of_plate in enumerate([{}, {"wells": None}, {"wells": [3]}, {"wells": {"path": "A"}}]):
        write_group(tmp_path / f"{n}.zarr", {"plate": of_plate})
        for asked in (images_in, open_image):
            with pytest.raises(ValueError, match=r"plate or a well.*A/1/0"):
                asked(tmp_path / f"{n}.zarr")
    for n, way in enumerate(["../../x", "/A/1", "", None, "A/../../1", "C:\\x", "A\\..\\..\\1"]):
        write_group(tmp_path / f"out{n}.zarr", {"plate": {"wells": [{"path": way}]}})
        with pytest.raises(ValueError, match="not inside this folder"):
            images_in(tmp_path / f"out{n}.zarr")


def test_a_field_that_is_damaged_fails_by_itself(tmp_path):
    path = plate(tmp_path / "plate.zarr", wells=["A/1"])
    (path / "A" / "1" / "0" / ".zattrs").write_text("{")
    first, second = images_in(path)
    assert not first.aside
    with pytest.raises(ValueError, match="not valid JSON"):
        open_image(first.path)
    assert value_of(second.path)[0] == 2


# ---- groups of images ----


@pytest.mark.parametrize("named", [True, False])
def test_images_in_the_folders_of_a_group_are_listed(tmp_path, named):
    path = tmp_path / "project.zarr"
    if named:
        write_group(path, {"note": "whatever"})
    for n, name in enumerate(["images/b10", "images/b9", "a"]):
        image(path / name, n + 1)
        if named:
            write_group(path / "images", {})
    assert names_and_asides(path) == (["project_a", "project_images_b9", "project_images_b10"], [])
    assert value_of(path)[0] == 3


def test_labels_of_a_project_are_set_aside(tmp_path):
    path = tmp_path / "spatial.zarr"
    write_group(path, {"spatialdata_attrs": {"version": "0.1"}})
    image(path / "images" / "blobs")
    image(path / "labels" / "blobs", ome={"image-label": {}})
    write_array(path / "tables" / "table" / "X", numbers("yx"))
    names, aside = names_and_asides(path)
    assert names == ["spatial_images_blobs"]
    assert [entry.path for entry in aside] == [path / "labels" / "blobs"]


def test_the_only_array_of_a_group_is_its_image(tmp_path):
    write_group(tmp_path / "a.zarr", {})
    write_array(tmp_path / "a.zarr" / "raw", numbers("zyx"))
    write_array(tmp_path / "a.zarr" / "z", numbers("z"))  # a coordinate, as xarray has them
    assert names_and_asides(tmp_path / "a.zarr") == (["a"], [])


def test_arrays_that_name_their_axes_are_images(tmp_path):
    path = tmp_path / "a.zarr"
    write_group(path, {}, 3)
    for name in ("dapi", "gfp", "nuclei_mask"):
        write_array(path / name, numbers("zyx"), dimension_names=["z", "y", "x"])
    names, aside = names_and_asides(path)
    assert names == ["a_dapi", "a_gfp"]
    assert "labels" in aside[0].aside


@pytest.mark.parametrize("names", [["0", "1"], ["s0", "s1"], ["scale0", "scale1"]])
def test_arrays_that_may_be_levels_are_no_images_of_their_own(tmp_path, names):
    write_group(tmp_path / "a.zarr", {}, 3)
    for name in names:
        write_array(tmp_path / "a.zarr" / name, numbers("zyx"), dimension_names=["z", "y", "x"])
    with pytest.raises(ValueError, match=f"no OME metadata.*{names[0]}, {names[1]}"):
        images_in(tmp_path / "a.zarr")


def test_arrays_without_names_and_tables_are_refused(tmp_path):
    for name, attributes in [("two.zarr", {}), ("table.zarr", {"encoding-type": "anndata"})]:
        write_group(tmp_path / name, attributes)
        write_array(tmp_path / name / "volumes" / "raw", numbers("zyx"))
        write_array(tmp_path / name / "volumes" / "gt", numbers("zyx"))
        with pytest.raises(ValueError, match=r"no OME metadata.*volumes/gt, volumes/raw"):
            open_image(tmp_path / name)


# ---- labels ----


@pytest.mark.parametrize("style", ["0.4", "0.5"])
def test_labels_inside_an_image_are_listed_aside_and_open(tmp_path, style):
    version = 3 if style == "0.5" else 2
    path = image(tmp_path / "a.ome.zarr", style=style)
    names = {"labels": ["nuclei", "sub/cells"]}
    write_group(path / "labels", {"ome": names} if version == 3 else names, version)
    for n, name in enumerate(["nuclei", "sub/cells", "unlisted"]):
        image(path / "labels" / name, 7 + n, style=style, ome={"image-label": {}})
    (path / "labels" / "notes").mkdir()
    where = [path / "labels" / name for name in ("nuclei", "sub/cells", "unlisted")]
    assert labels_in(path) == where
    assert names_and_asides(path)[0] == ["a"]
    assert [entry.path for entry in images_in(path)[1:]] == where
    assert all("label image" in entry.aside for entry in images_in(path)[1:])
    value, header = value_of(path)
    assert (value, header.notes) == (1, ())
    assert [value_of(p)[0] for p in where] == [7, 8, 9]
    assert value_of(path, series=2)[0] == 8
    with pytest.raises(ValueError, match="nuclei"):
        open_image(path / "labels")


def test_a_label_image_that_stands_alone_opens_and_is_set_aside(tmp_path):
    path = image(tmp_path / "a.zarr", 3, ome={"image-label": {}})
    assert "label image" in images_in(path)[0].aside
    assert value_of(path)[0] == 3


def test_labels_of_an_image_that_lost_its_metadata_are_not_the_image(tmp_path):
    path = image(tmp_path / "a.zarr")
    write_group(path / "labels", {"labels": ["nuclei"]})
    image(path / "labels" / "nuclei", ome={"image-label": {}})
    for name in (".zattrs", ".zgroup"):
        (path / name).unlink()
    with pytest.raises(ValueError, match="no image that is clearly the one meant"):
        open_image(path)


@pytest.mark.parametrize("names", [None, 3, {"a": 1}, "nuclei", [], [None], ["../.."], [""]])
def test_odd_lists_of_labels_do_not_hide_the_image(tmp_path, names):
    path = image(tmp_path / "a.zarr")
    write_group(path / "labels", {"labels": names})
    assert names_and_asides(path) == (["a"], [])
    assert value_of(path)[0] == 1
    (path / "labels" / ".zattrs").write_text("[")
    assert names_and_asides(path) == (["a"], [])


def test_labels_that_lie_outside_are_refused(tmp_path):
    path = image(tmp_path / "a.zarr")
    image(tmp_path / "b.zarr")
    write_group(path / "labels", {"labels": ["../../b.zarr"]})
    with pytest.raises(ValueError, match="not inside this folder"):
        labels_in(path)
