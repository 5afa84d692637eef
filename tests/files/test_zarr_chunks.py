"""Chunks that are not there are counted, and those that are cut off are told by name."""

import json
import subprocess
import sys
import threading
import warnings

import numcodecs
import numpy as np
import pytest
import zarr
from zarr.codecs import BloscCodec, BytesCodec, GzipCodec, ShardingCodec, ZstdCodec
from zarr_writers import numbers, write_array, write_group, write_image

from napari_diversify.files import create_labels, images_in, missing_chunks, open_image, write_all
from napari_diversify.files.header import Header
from napari_diversify.files.ome_zarr.writing import create

LAYOUTS = [(2, ".", False), (2, "/", False), (3, "/", False), (3, ".", False), (3, "/", True)]


def chunk_files(array):
    """The files of an array that are no metadata, in the order of their names."""
    files = sorted(p for p in array.rglob("*") if p.is_file())
    return [p for p in files if p.suffix != ".json" and not p.name.startswith(".z")]


# ---- chunks that are not there ----


@pytest.mark.parametrize(("version", "separator", "shards"), LAYOUTS)
def test_chunks_that_are_not_there_are_counted(tmp_path, version, separator, shards):
    path = tmp_path / "a.zarr"
    write_array(
        path,
        numbers("tzyx"),
        version=version,
        separator=separator,
        shards=shards,
        chunks=(1, 2, 2, 3),
    )
    files = chunk_files(path)
    n = 1 * 1 * 2 * 1 if shards else 2 * 2 * 3 * 2
    assert len(files) == n
    for lost in range(n + 1):
        assert missing_chunks(path) == (lost, n)
        if lost < n:
            files[lost].unlink()
    with open_image(path) as image:
        assert any(f"none of its {n} chunks" in note for note in image.header.notes)


@pytest.mark.parametrize("separator", [".", "/"])
def test_zarr_format_3_may_call_chunks_as_format_2_did(tmp_path, separator):
    write_array(
        tmp_path / "a.zarr",
        numbers("zyx"),
        chunk_key_encoding={"name": "v2", "separator": separator},
        chunks=(2, 5, 6),
    )
    assert missing_chunks(tmp_path / "a.zarr") == (0, 2)
    chunk_files(tmp_path / "a.zarr")[1].unlink()
    assert missing_chunks(tmp_path / "a.zarr") == (1, 2)


def test_only_files_of_chunks_are_counted(tmp_path):
    path = tmp_path / "a.zarr"
    write_array(path, numbers("yx"), version=2, separator=".", chunks=(5, 3))
    assert missing_chunks(path) == (0, 2)
    (path / "0.1").unlink()
    for name in ("0.2", "0.01", "0.1.partial", "00.1", "0", "1.1", "٠.1", "0.1.0", "c.0.1"):
        (path / name).touch()
    (path / "0.1").mkdir()
    assert missing_chunks(path) == (1, 2)


def test_chunks_of_the_finest_level_and_of_the_series_asked_for_are_counted(tmp_path):
    path = tmp_path / "plate.zarr"
    write_group(path, {"plate": {"wells": [{"path": "A/1"}]}})
    write_group(path / "A" / "1", {"well": {"images": [{"path": "0"}, {"path": "1"}]}})
    for field in "01":
        write_image(path / "A" / "1" / field, numbers("zyx"), "zyx", levels=2, chunks=(1, 3, 3))
    chunk_files(path / "A" / "1" / "1" / "0")[0].unlink()
    chunk_files(path / "A" / "1" / "0" / "1")[0].unlink()
    assert [missing_chunks(path, series=n) for n in range(2)] == [(0, 16), (1, 16)]
    assert [missing_chunks(entry.path) for entry in images_in(path)] == [(0, 16), (1, 16)]


def test_nothing_is_missing_of_other_files(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((2, 3)))
    assert missing_chunks(tmp_path / "a.npy") == (0, 0)


def test_a_shape_that_no_disk_can_hold_is_counted_without_trying(tmp_path):
    write_array(tmp_path / "a.zarr", numbers("yx"), chunks=(5, 6))
    file = tmp_path / "a.zarr" / "zarr.json"
    document = json.loads(file.read_text())
    document["shape"] = [10**8, 10**8]
    document["chunk_grid"]["configuration"]["chunk_shape"] = [1, 1]
    file.write_text(json.dumps(document))
    assert missing_chunks(tmp_path / "a.zarr") == (10**16 - 1, 10**16)


def test_a_coarse_level_without_chunks_is_left_out(tmp_path):
    path = write_image(tmp_path / "a.zarr", numbers("zyx"), "zyx", levels=2)
    for file in chunk_files(path / "1"):
        file.unlink()
    with open_image(path) as image:
        assert len(image.levels) == 1
        assert any("'1', is left out" in note for note in image.header.notes)
    assert missing_chunks(path)[0] == 0


@pytest.mark.parametrize("labels", [False, True])
def test_labels_without_a_label_have_no_chunk_and_no_note(tmp_path, labels):
    header = Header((4, 20, 20), "uint16", "zyx")
    path = tmp_path / "a.ome.zarr"
    create(path, header)
    if labels:
        write_all(path, np.ones(header.shape), None)
        path = create_labels(path, "nuclei", header)
        write_all(path, np.zeros(header.shape, "uint16"), None)
    with open_image(path) as image:
        assert not image.data[...].any()
        assert bool(image.header.notes) != labels


# ---- a wrong separator ----


@pytest.mark.parametrize(
    ("version", "written", "claimed"), [(2, "/", "."), (2, ".", "/"), (3, "/", "."), (3, ".", "/")]
)
@pytest.mark.parametrize("labels", [False, True])
def test_a_wrong_separator_is_refused(tmp_path, version, written, claimed, labels):
    path = tmp_path / "a.zarr"
    write_image(
        path,
        numbers("zyx"),
        "zyx",
        "0.4" if version == 2 else "0.5",
        separator=written,
        ome={"image-label": {}} if labels else {},
    )
    file = path / "0" / (".zarray" if version == 2 else "zarr.json")
    document = json.loads(file.read_text())
    if version == 2:
        document["dimension_separator"] = claimed
    else:
        document["chunk_key_encoding"]["configuration"]["separator"] = claimed
    file.write_text(json.dumps(document))
    first = {".": "0.0.0", "/": "0/0/0"}
    with pytest.raises(ValueError, match="separator") as caught:
        open_image(path)
    prefix = "" if version == 2 else "c"
    for separator in "./":
        name = first[separator] if version == 2 else prefix + separator + first[separator]
        assert name in str(caught.value)


def test_folders_without_a_file_are_no_chunks_of_another_name(tmp_path):
    write_array(tmp_path / "a.zarr", numbers("zyx"), version=2, separator=".")
    for file in chunk_files(tmp_path / "a.zarr"):
        file.unlink()
    (tmp_path / "a.zarr" / "0" / "0").mkdir(parents=True)
    with open_image(tmp_path / "a.zarr") as image:
        assert any("none of its" in note for note in image.header.notes)


# ---- chunks that are cut off ----

NOISE = np.random.default_rng(0).integers(0, 300, (4, 40, 40)).astype("uint16")


def encoded(path, kind, separator="/"):
    """An array in 4 chunks or shards, encoded in one of many ways."""
    chunks = (2, 40, 20)
    v2 = {
        "v2 blosc": numcodecs.Blosc(),
        "v2 blosc zstd": numcodecs.Blosc("zstd", shuffle=2),
        "v2 zlib": numcodecs.Zlib(),
        "v2 gzip": numcodecs.GZip(),
        "v2 lz4": numcodecs.LZ4(),
        "v2 zstd": numcodecs.Zstd(),
        "v2 bz2": numcodecs.BZ2(),
        "v2 plain": None,
    }
    v3 = {
        "blosc": [BloscCodec(cname="lz4")],
        "blosc zstd": [BloscCodec(cname="zstd", shuffle="bitshuffle")],
        "gzip": [GzipCodec()],
        "zstd": [ZstdCodec()],
        "checked": [BloscCodec(), zarr.codecs.Crc32cCodec()],
        "plain": [],
    }
    if kind in v2:
        array = zarr.create_array(
            str(path),
            shape=NOISE.shape,
            dtype="uint16",
            chunks=chunks,
            zarr_format=2,
            compressors=v2[kind],
            filters=None,
            chunk_key_encoding={"name": "v2", "separator": separator},
        )
    elif kind in v3:
        array = zarr.create_array(
            str(path), shape=NOISE.shape, dtype="uint16", chunks=chunks, compressors=v3[kind]
        )
    else:
        inner = (1, 20, 20)
        codecs = {
            "shards": [BytesCodec(), BloscCodec()],
            "shards plain": [BytesCodec()],
            "shards start": [BytesCodec(), BloscCodec()],
            "shards unchecked": [BytesCodec(), BloscCodec()],
            "shards nested": [
                ShardingCodec(chunk_shape=(1, 10, 10), codecs=[BytesCodec(), BloscCodec()])
            ],
        }[kind]
        more = {"index_codecs": [BytesCodec()]} if kind == "shards unchecked" else {}
        location = "start" if kind == "shards start" else "end"
        array = zarr.create_array(
            str(path),
            shape=NOISE.shape,
            dtype="uint16",
            chunks=chunks,
            compressors=None,
            serializer=ShardingCodec(
                chunk_shape=inner, codecs=codecs, index_location=location, **more
            ),
        )
    array[...] = NOISE
    return path


KINDS = [
    "v2 blosc",
    "v2 blosc zstd",
    "v2 zlib",
    "v2 gzip",
    "v2 lz4",
    "v2 zstd",
    "v2 bz2",
    "v2 plain",
    "blosc",
    "blosc zstd",
    "gzip",
    "zstd",
    "checked",
    "plain",
    "shards",
    "shards plain",
    "shards start",
    "shards unchecked",
    "shards nested",
]


@pytest.mark.parametrize("kind", KINDS)
def test_chunks_encoded_in_any_way_are_read(tmp_path, kind):
    with open_image(encoded(tmp_path / "a.zarr", kind)) as image:
        np.testing.assert_array_equal(image.data[...], NOISE)
        np.testing.assert_array_equal(image.data[1, 3:5, 19:22], NOISE[1, 3:5, 19:22])


# in a process of its own: what is tested would end it
CUT = """
import sys
from pathlib import Path
from napari_diversify.files import open_image
for line in sys.stdin:
    kind, array, file = line.rstrip().split("|")
    file = Path(file)
    whole, name = file.read_bytes(), file.relative_to(array).as_posix()
    for share in (0, 1, 4, 8, 15, 16, 17, 20, len(whole) // 2, len(whole) - 20, len(whole) - 1):
        file.write_bytes(whole[:share])
        with open_image(array) as image:
            for region in (..., (1,), (0, slice(3, 9), slice(20, 25)), (1, 39, 39)):
                try:
                    image.data[region]
                except (ValueError, OSError) as error:
                    text = str(error)
                    print(kind, text, sep="|", flush=True)
                    assert name in text and array in text and "Copy it again" in text, text
                else:
                    print(kind, "read", region, sep="|", flush=True)
"""


def test_a_chunk_that_is_cut_off_is_told_by_name_and_ends_nothing(tmp_path):
    paths = {kind: encoded(tmp_path / f"{kind}.zarr", kind) for kind in KINDS}
    lines = "".join(f"{kind}|{path}|{chunk_files(path)[1]}\n" for kind, path in paths.items())
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", CUT], input=lines, capture_output=True, text=True
    )
    assert (run.returncode, run.stderr) == (0, ""), run.stdout[-300:]
    messages = [line.split("|") for line in run.stdout.splitlines()]
    for kind in KINDS:
        assert sum(line[0] == kind for line in messages) == 11 * 4, kind
    # a shard whose index comes first is cut off at its end, and the chunks before it are whole
    read = [line for line in messages if line[1] == "read"]
    assert {line[0] for line in read} <= {"shards start"}
    assert not any("Ellipsis" in line[2] for line in read)


def test_voxels_beside_a_damaged_chunk_can_be_read(tmp_path):
    path = encoded(tmp_path / "a.zarr", "blosc")
    chunk_files(path)[1].write_bytes(b"")
    with open_image(path) as image:
        np.testing.assert_array_equal(image.data[:, :, :20], NOISE[:, :, :20])
        with pytest.raises(ValueError, match=r"a\.zarr: chunk c/0/0/1 is empty\. Copy it again"):
            image.data[0]


def test_threads_that_meet_damage_do_not_wait_for_each_other(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_diversify.files.ome_zarr.stored_array._PATIENCE", 3600)
    path = encoded(tmp_path / "a.zarr", "shards nested")
    chunk_files(path)[1].write_bytes(b"cut")
    messages = []

    def read(image):
        for _ in range(5):
            try:
                image.data[...]
            except ValueError as error:
                messages.append(str(error))

    with open_image(path) as image:
        threads = [threading.Thread(target=read, args=[image], daemon=True) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert len(messages) == 20


@pytest.mark.parametrize("kind", ["blosc", "v2 blosc", "plain", "shards", "shards unchecked"])
def test_a_chunk_of_another_array_is_damage(tmp_path, kind):
    path = encoded(tmp_path / "a.zarr", kind)
    file = json.loads((path / ("zarr.json" if kind[:2] != "v2" else ".zarray")).read_text())
    if kind[:2] == "v2":
        file["chunks"] = [2, 40, 30]
        (path / ".zarray").write_text(json.dumps(file))
    else:
        file["chunk_grid"]["configuration"]["chunk_shape"] = [2, 40, 40]
        (path / "zarr.json").write_text(json.dumps(file))
    with (
        open_image(path) as image,
        pytest.raises(ValueError, match=r"chunk .*0.* (damaged|cut off)"),
    ):
        image.data[...]


def test_errors_of_the_disk_stay_what_they_are(tmp_path):
    path = encoded(tmp_path / "a.zarr", "blosc")
    file = chunk_files(path)[1]
    file.unlink()
    file.symlink_to(file)  # a loop: an error of the system, for root too
    with open_image(path) as image, pytest.raises(OSError) as caught:
        image.data[...]
    assert caught.value.errno is not None


def test_a_pickled_chunk_is_never_opened(tmp_path):
    path = encoded(tmp_path / "a.zarr", "v2 plain")
    document = json.loads((path / ".zarray").read_text())
    document["filters"] = [{"id": "pickle", "protocol": 5}]
    (path / ".zarray").write_text(json.dumps(document))
    with pytest.raises(ValueError, match="pickled"):
        open_image(path)


def test_rare_ways_to_encode_bring_no_warning_of_zarr(tmp_path, recwarn):
    path = tmp_path / "a.zarr"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        array = zarr.create_array(
            str(path),
            shape=NOISE.shape,
            dtype="uint16",
            chunks=(2, 40, 20),
            serializer=ShardingCodec(chunk_shape=(1, 20, 20)),
            compressors=[GzipCodec()],
        )
        array[...] = NOISE
    with pytest.warns(UserWarning, match="partial reads"):
        zarr.open_array(str(path), mode="r")
    recwarn.clear()
    with open_image(path) as image:
        np.testing.assert_array_equal(image.data[...], NOISE)
    assert not list(recwarn)
