"""What others write we read, and what we write others read: voxels, axes, sizes, position."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import yaozarrs.v05 as ngff
import zarr
from file_strategies import headers, voxels
from hypothesis import given, settings
from hypothesis import strategies as st
from yaozarrs import open_group, validate_zarr_store
from yaozarrs.write.v05 import write_bioformats2raw, write_image, write_plate
from zarr.codecs import BytesCodec, TransposeCodec
from zarr_writers import TYPES, multiscales, scale, translation, write_group

from napari_diversify.files import (
    create,
    create_labels,
    images_in,
    labels_in,
    missing_chunks,
    open_image,
    write_all,
)

ORIGINS = st.just(0.0) | st.floats(-1e6, 1e6, allow_subnormal=False)


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Fresh paths, as many as a property test asks for."""
    folder, numbers = tmp_path_factory.mktemp("places"), itertools.count()
    return lambda: folder / f"{next(numbers)}.ome.zarr"


@st.composite
def placed_headers(draw, **limits):
    """Headers with an origin too."""
    header = draw(headers(**limits))
    return replace(header, origin=tuple(draw(ORIGINS) for _ in header.axes))


def read_by_zarr_alone(path):
    """Voxels, letters, scale and translation of level 0, by zarr and json."""
    (entry,) = json.loads((path / "zarr.json").read_text())["attributes"]["ome"]["multiscales"]
    dataset = entry["datasets"][0]
    steps = {step["type"]: step[step["type"]] for step in dataset["coordinateTransformations"]}
    array = zarr.open_array(str(path / dataset["path"]), mode="r")
    letters = "".join(axis["name"] for axis in entry["axes"])
    return array[...], letters, steps["scale"], steps.get("translation", [0.0] * len(letters))


@settings(deadline=None, max_examples=25)
@given(header=placed_headers(), labels=st.booleans())
def test_what_we_write_others_read_and_we_read_again(places, header, labels):
    path, array = places(), voxels(header)
    create(path, header)
    write_all(path, array, None)
    if labels and header.dtype.kind in "iu":
        path = create_labels(path, "nuclei", header)
        write_all(path, array, None)
        assert labels_in(path.parents[1]) == [path]
        validate_zarr_store(str(path.parents[1]))
    validate_zarr_store(str(path))
    data, letters, sizes, origin = read_by_zarr_alone(path)
    np.testing.assert_array_equal(data, array)
    assert (letters, tuple(sizes), tuple(origin)) == (header.axes, header.scale, header.origin)
    entry = open_group(str(path)).ome_metadata().multiscales[0]
    assert [axis.unit for axis in entry.axes] == list(header.units)
    with open_image(path) as image:
        for field in ("shape", "dtype", "axes", "scale", "units", "origin", "name", "notes"):
            expected = () if field == "notes" else getattr(header, field)
            assert getattr(image.header, field) == expected, field
        np.testing.assert_array_equal(image.data[...], array)


@settings(deadline=None, max_examples=25)
@given(header=placed_headers(largest=20), chunk=st.integers(1, 8), times=st.integers(0, 2))
def test_images_of_yaozarrs_are_read(places, header, chunk, times):
    path, array = places(), voxels(header)
    kinds = {"t": ngff.TimeAxis, "c": ngff.ChannelAxis}
    model = ngff.Image(
        multiscales=[
            ngff.Multiscale(
                name=header.name,
                axes=[
                    kinds.get(a, ngff.SpaceAxis)(name=a, unit=u)
                    for a, u in zip(header.axes, header.units, strict=True)
                ],
                datasets=[
                    ngff.Dataset(
                        path="finest",
                        coordinateTransformations=[
                            ngff.ScaleTransformation(scale=list(header.scale)),
                            ngff.TranslationTransformation(translation=list(header.origin)),
                        ],
                    )
                ],
            )
        ]
    )
    chunks = tuple(min(chunk, n) for n in header.shape)
    shards = tuple(c * times for c in chunks) if times else None
    write_image(path, model, array, chunks=chunks, shards=shards, writer="zarr")
    with open_image(path) as image:
        for field in ("shape", "dtype", "axes", "scale", "units", "origin", "name"):
            assert getattr(image.header, field) == getattr(header, field), field
        np.testing.assert_array_equal(image.data[...], array)


@settings(deadline=None, max_examples=25)
@given(
    header=placed_headers(largest=12),
    order=st.randoms(use_true_random=False),
    version=st.sampled_from([2, 3]),
    separator=st.sampled_from("./"),
    big_endian=st.booleans(),
    fortran=st.booleans(),
)
def test_images_of_zarr_alone_are_read_in_any_order_of_axes(
    places, header, order, version, separator, big_endian, fortran
):
    path, array = places(), voxels(header)
    letters = list(header.axes)
    order.shuffle(letters)
    stored = array.transpose([header.axes.index(a) for a in letters])
    listed = [
        {"name": a, "type": TYPES[a]}
        | ({} if header.unit_of(a) is None else {"unit": header.unit_of(a)})
        for a in letters
    ]
    at = dict(zip(header.axes, header.origin, strict=True))
    steps = [scale(map(header.scale_of, letters)), translation([at[a] for a in letters])]
    style = "0.4" if version == 2 else "0.5"
    entry = multiscales(listed, style, [steps], ["0"], name=header.name)
    attributes = {"multiscales": [entry]}
    if version == 3:
        attributes = {"ome": {"version": style, **attributes}}
    write_group(path, attributes, version)
    dtype = stored.dtype
    if version == 2:
        dtype = dtype.newbyteorder(">" if big_endian else "<")
        more = {"order": "F" if fortran else "C"}
    else:
        more = {"serializer": BytesCodec(endian="big" if big_endian else "little")}
        if fortran:
            more["filters"] = TransposeCodec(order=range(stored.ndim)[::-1])
    target = zarr.create_array(
        str(path / "0"),
        shape=stored.shape,
        dtype=dtype,
        chunks=[max(1, n // 2) for n in stored.shape],
        zarr_format=version,
        chunk_key_encoding={"name": "v2" if version == 2 else "default", "separator": separator},
        **more,
    )
    target[...] = stored
    with open_image(path) as image:
        for field in ("shape", "dtype", "axes", "scale", "units", "origin", "name"):
            assert getattr(image.header, field) == getattr(header, field), field
        assert image.header.notes == ()
        np.testing.assert_array_equal(image.data[...], array)


def model(name):
    return ngff.Image(
        multiscales=[
            ngff.Multiscale(
                name=name,
                axes=[ngff.SpaceAxis(name="y"), ngff.SpaceAxis(name="x")],
                datasets=[
                    ngff.Dataset(
                        path="0",
                        coordinateTransformations=[ngff.ScaleTransformation(scale=[1, 1])],
                    )
                ],
            )
        ]
    )


def test_plates_and_series_of_yaozarrs_are_read(tmp_path):
    plate = ngff.Plate(
        plate=ngff.PlateDef(
            columns=[ngff.Column(name="1"), ngff.Column(name="2")],
            rows=[ngff.Row(name="A"), ngff.Row(name="B")],
            wells=[
                ngff.PlateWell(path="A/1", rowIndex=0, columnIndex=0),
                ngff.PlateWell(path="B/2", rowIndex=1, columnIndex=1),
            ],
        )
    )
    fields = {
        (row, column, field): (model(f"{row}{column}"), np.full((3, 4), n + 1, "uint8"))
        for n, (row, column, field) in enumerate(
            [("A", "1", "0"), ("A", "1", "1"), ("B", "2", "0")]
        )
    }
    write_plate(tmp_path / "plate.zarr", fields, plate=plate, writer="zarr")
    series = {str(n): (model(str(n)), np.full((3, 4), n + 1, "uint8")) for n in range(3)}
    write_bioformats2raw(tmp_path / "slide.zarr", series, writer="zarr")
    for path, names in [
        (tmp_path / "plate.zarr", ["plate_A_1_0", "plate_A_1_1", "plate_B_2_0"]),
        (tmp_path / "slide.zarr", ["slide_0", "slide_1", "slide_2"]),
    ]:
        entries = images_in(path)
        assert [(entry.name, entry.aside) for entry in entries] == [(name, "") for name in names]
        for n, entry in enumerate(entries):
            assert missing_chunks(entry.path, entry.series) == (0, 1)
            with open_image(entry.path, series=entry.series) as image:
                assert (image.data[...] == n + 1).all()
