import itertools
import json
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import yaozarrs
import zarr
from file_strategies import bytes_of, headers, voxels
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_diversify.core.blocks import slices
from napari_diversify.files import (
    Header,
    create,
    create_labels,
    finish,
    labels_in,
    open_image,
    reduced,
    slabs,
    write_all,
    write_reduced,
    write_slab,
)
from napari_diversify.files.ome_zarr.chunks import SLAB
from napari_diversify.files.ome_zarr.pyramid import reduced_block, steps_between

UM = ("um",) * 3


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Fresh paths, as many as a property test asks for."""
    folder, numbers = tmp_path_factory.mktemp("places"), itertools.count()
    return lambda: folder / f"{next(numbers)}.ome.zarr"


def levels_of(path):
    group = zarr.open_group(str(path), mode="r")
    datasets = group.attrs["ome"]["multiscales"][0]["datasets"]
    return [group[d["path"]] for d in datasets]


def expected_levels(array, path, labels=False):
    """Each level from the one before, whole."""
    out = [array]
    for level in levels_of(path)[1:]:
        steps = steps_between(out[-1].shape, level.shape)
        leading = out[-1].shape[:-3] if array.ndim > 3 else ()
        fine = out[-1].reshape(-1, *out[-1].shape[len(leading) :])
        coarse = [reduced_block(v, steps[len(leading) :], labels=labels) for v in fine]
        out.append(np.stack(coarse).reshape(level.shape))
    return out


@settings(deadline=None, max_examples=40)
@given(header=headers())
def test_what_is_written_is_read_back(places, header):
    path, array = places(), voxels(header)
    create(path, header)
    write_all(path, array, header.provenance)
    yaozarrs.validate_zarr_store(str(path))
    with open_image(path) as image:
        assert image.header == header if header.provenance else image.header.provenance == {}
        for field in ("shape", "dtype", "axes", "scale", "units", "channels", "name"):
            assert getattr(image.header, field) == getattr(header, field), field
        np.testing.assert_array_equal(image.data[...], array)
    stored = zarr.open_group(str(path), mode="r")["0"]
    np.testing.assert_array_equal(stored[...], array)
    assert stored.metadata.dimension_names == tuple(header.axes)


def test_the_metadata_is_that_of_the_specification(tmp_path):
    header = Header(
        (2, 3, 4, 300, 200),
        "uint16",
        "tczyx",
        (5, 1, 2, 0.5, 0.5),
        ("s", None, "um", "um", "um"),
        ("DAPI", "GFP", "RFP"),
        "embryo",
    )
    create(tmp_path / "a.zarr", header, window=(10, 2000))
    ome = json.loads((tmp_path / "a.zarr" / "zarr.json").read_text())["attributes"]["ome"]
    (image,) = ome["multiscales"]
    assert ome["version"] == "0.5"
    assert image["name"] == "embryo"
    assert image["axes"] == [
        {"name": "t", "type": "time", "unit": "second"},
        {"name": "c", "type": "channel"},
        {"name": "z", "type": "space", "unit": "micrometer"},
        {"name": "y", "type": "space", "unit": "micrometer"},
        {"name": "x", "type": "space", "unit": "micrometer"},
    ]
    assert [d["coordinateTransformations"] for d in image["datasets"]] == [
        [{"type": "scale", "scale": [5, 1, 2, 0.5, 0.5]}],
        [
            {"type": "scale", "scale": [5, 1, 2, 1, 1]},
            # the mean of two voxels lies between them: half a voxel of level 0 on
            {"type": "translation", "translation": [0, 0, 0, 0.25, 0.25]},
        ],
    ]
    assert [c["label"] for c in ome["omero"]["channels"]] == ["DAPI", "GFP", "RFP"]
    assert ome["omero"]["channels"][0]["window"] == {
        "start": 10,
        "min": 0,
        "end": 2000,
        "max": 65535,
    }


@pytest.mark.parametrize("ends", [(0, 0, 0), (1, 1, 1)])
def test_every_level_is_a_function_of_the_one_before(tmp_path, ends):
    shape = tuple(n + e for n, e in zip((70, 1030, 270), ends, strict=True))
    header = Header(shape, "uint16", "zyx", (2, 1, 1), UM)
    array = voxels(header)
    path = tmp_path / "a.zarr"
    create(path, header)
    write_all(path, array, None)
    found = levels_of(path)
    assert len(found) == 4
    assert found[3].shape[0] < found[1].shape[0] == shape[0]
    for stored, expected in zip(found, expected_levels(array, path), strict=True):
        np.testing.assert_array_equal(stored[...], expected)


# any depth of chunks: depth is what slabs are cut along; few of them, as each is a file
chunks = st.none() | st.tuples(st.integers(1, 40), st.just(9), st.sampled_from([300, 550, 2000]))


@settings(deadline=None, max_examples=40)
@given(
    z=st.integers(1, 75),
    depth=st.sampled_from([0.5, 1, 2]),
    chunk=chunks,
    times=st.none() | st.tuples(*[st.integers(1, 3)] * 3),
)
def test_slabs_cover_the_image_once_and_share_no_file(places, z, depth, chunk, times):
    header = Header((z, 9, 1100), "uint8", "zyx", (depth, 1, 1), UM)
    shard = None
    if times is not None and chunk is not None:
        shard = tuple(c * t for c, t in zip(chunk, times, strict=True))
    path = places()
    create(path, header, chunk=chunk, shard=shard)
    seen = np.zeros(header.shape, int)
    before = bytes_of(path)
    for region in slabs(path):
        seen[slices(region)] += 1
        write_slab(path, region, np.ones([len(r) for r in region], "uint8"))
        after = bytes_of(path)
        assert after == after | before  # no file that an earlier slab wrote was touched
        before = after
    assert (seen == 1).all()
    for level, region in reduced(path):
        write_reduced(path, level, region)
    for level in levels_of(path):
        assert (level[...] == 1).all()


@pytest.mark.parametrize("chunk", [None, (1, 5, 128, 128)])
@pytest.mark.parametrize("pool", ["shuffled", "threads", "processes"])
def test_any_order_and_any_workers_write_the_same_bytes(tmp_path, chunk, pool, processes):
    header = Header((2, 33, 270, 301), "uint16", "czyx", (1, 1, 1, 1), (None, *UM))
    array = voxels(header)
    one, other = tmp_path / "one", tmp_path / "other"
    create(one, header, chunk=chunk)
    write_all(one, array, {"seed": 1})
    create(other, header, chunk=chunk)
    tasks = slabs(other)
    random.Random(1).shuffle(tasks)
    work = [(other, region, array[slices(region)]) for region in tasks]
    later = [(other, *task) for task in reduced(other)]
    assert bool(later) == (chunk is not None)
    if pool == "shuffled":
        for task in work:
            write_slab(*task)
        for task in later:
            write_reduced(*task)
    else:
        with ThreadPoolExecutor(3) as threads:
            executor = threads if pool == "threads" else processes
            list(executor.map(write_slab, *zip(*work, strict=True)))
            if later:
                list(executor.map(write_reduced, *zip(*later, strict=True)))
    finish(other, {"seed": 1})
    assert bytes_of(one) == bytes_of(other)


def test_shards_hold_the_same_voxels_in_fewer_files(tmp_path):
    header = Header((40, 300, 290), "uint16", "zyx", (1, 1, 1), UM)
    array = voxels(header)
    for name, shard in (("plain", None), ("sharded", (16, 512, 512))):
        create(tmp_path / name, header, chunk=(4, 64, 64), shard=shard)
        write_all(tmp_path / name, array, None)
    for a, b in zip(levels_of(tmp_path / "plain"), levels_of(tmp_path / "sharded"), strict=True):
        np.testing.assert_array_equal(a[...], b[...])
    assert len(bytes_of(tmp_path / "sharded")) < len(bytes_of(tmp_path / "plain")) / 10


def test_a_slab_of_big_planes_stays_within_bounds(tmp_path):
    for shape in [(100, 2048, 2048), (100, 3000, 3000), (10, 64, 64), (3, 20000, 20000)]:
        path = tmp_path / str(shape[1])
        create(path, Header(shape, "uint16", "zyx"))
        thickest = max(len(region[0]) for region in slabs(path))
        assert thickest == 1 or thickest * shape[1] * shape[2] * 2 <= SLAB
        assert thickest == {2048: 2, 3000: 1, 64: 10, 20000: 1}[shape[1]]
        assert reduced(path) == [] or shape[1] >= 2048


# ---- labels ----


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "int32", "int64"])
def test_labels_inside_an_image_are_valid_and_keep_their_ids(tmp_path, dtype):
    header = Header((20, 300, 280), "uint16", "zyx", (1, 1, 1), UM)
    path = tmp_path / "a.ome.zarr"
    create(path, header)
    write_all(path, voxels(header), {"recipe": 1})
    ids = np.array([0, 3, 99, np.iinfo(dtype).max], dtype)
    labels = np.random.default_rng(0).choice(ids, header.shape)
    for name in ("nuclei", "cells"):
        where = create_labels(path, name, Header(header.shape, dtype, "zyx", (1, 1, 1), UM))
        write_all(where, labels, None)
    yaozarrs.validate_zarr_store(str(path))
    assert labels_in(path) == [path / "labels" / "nuclei", path / "labels" / "cells"]
    assert json.loads((path / "zarr.json").read_text())["attributes"]["diversify"] == {"recipe": 1}
    ome = json.loads((where / "zarr.json").read_text())["attributes"]["ome"]
    assert ome["image-label"]["source"] == {"image": "../../"}
    for transforms in ome["multiscales"][0]["datasets"]:
        assert [t["type"] for t in transforms["coordinateTransformations"]] == ["scale"]
    with open_image(where) as image:
        assert image.header.dtype == dtype
        np.testing.assert_array_equal(image.data[...], labels)
        np.testing.assert_array_equal(image.levels[1][...], labels[::2, ::2, ::2])


def test_labels_that_stand_alone_are_valid_too(tmp_path):
    header = Header((4, 300, 20), "uint32", "zyx")
    create(tmp_path / "a.zarr", header, labels=True)
    write_all(tmp_path / "a.zarr", voxels(header), None)
    yaozarrs.validate_zarr_store(str(tmp_path / "a.zarr"))
    found = set(np.unique(levels_of(tmp_path / "a.zarr")[1]))
    assert found <= set(np.unique(voxels(header)))


# ---- what is refused ----


def test_a_record_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.zarr"
    create(path, Header((4, 4), "uint8", "yx"))
    finish(path, {"seed": 3})
    with pytest.raises(ValueError, match="JSON"):
        finish(path, {"value": float("nan")})
    with open_image(path) as image:
        assert image.header.provenance == {"seed": 3}


def test_what_cannot_be_written_is_refused_in_a_sentence(tmp_path):
    header = Header((40, 30, 30), "float32", "zyx")
    path = tmp_path / "a.zarr"
    with pytest.raises(TypeError, match="labels must be integers"):
        create(path, header, labels=True)
    for wrong in ((1, 2), (0, 1, 1), 0):
        with pytest.raises(ValueError, match="chunk must be"):
            create(path, header, chunk=wrong)
    with pytest.raises(ValueError, match="multiples of the chunks"):
        create(path, header, chunk=8, shard=12)
    assert not path.exists()
    with pytest.raises(FileNotFoundError, match="no OME-Zarr"):
        create_labels(path, "nuclei", Header((2, 2), "uint8", "yx"))
    with pytest.raises(ValueError, match="not an OME-Zarr image"):
        slabs(path)
    create(path, header)
    with pytest.raises(FileExistsError, match="left as it is"):
        create(path, header)
    region = slabs(path)[0]
    with pytest.raises(ValueError, match="has shape"):
        write_slab(path, region, np.zeros((1, 1, 1), "float32"))
    with pytest.raises(ValueError, match="not a slab"):
        write_slab(path, (range(1, 3), *region[1:]), np.zeros((2, 30, 30), "float32"))
