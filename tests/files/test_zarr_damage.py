"""Metadata of Zarr folders that are damaged, or meant to harm, end in a sentence."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from zarr_writers import edit, numbers, write_array, write_group, write_image

from napari_diversify.files import images_in, missing_chunks, open_image

ASKED = [images_in, open_image, missing_chunks]


def refused(path, match=None, asked=ASKED):
    for ask in asked:
        with pytest.raises((ValueError, OSError), match=match) as caught:
            ask(path)
        text = str(caught.value)
        assert "\n" not in text
        assert not text.endswith(".")
        assert len(text) < 1000


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"\xff\xfe\x00", b"[" * 200_000, b'{"a":' * 200_000, b"nul", b"{'a': 1}"],
    ids=["empty", "cut off", "bytes", "deep list", "deep object", "a word", "quotes"],
)
@pytest.mark.parametrize("name", ["zarr.json", ".zattrs", "0/.zarray"])
def test_json_that_is_damaged_is_told_with_its_file(tmp_path, text, name):
    path = write_image(tmp_path / "a.zarr", numbers("zyx"), "zyx")
    (path / name).write_bytes(text)
    asked = ASKED[1:] if name == "0/.zarray" else ASKED  # a list needs no array
    refused(path, name.rsplit("/")[-1] + " is not valid JSON", asked)


@pytest.mark.parametrize("text", ["[]", "3", "{}", '{"node_type": "text"}'])
def test_json_that_is_no_node_is_told(tmp_path, text):
    path = tmp_path / "a.zarr"
    path.mkdir()
    (path / "zarr.json").write_text(text)
    refused(path, "neither that this is an array nor that it is a group")


@pytest.mark.parametrize("style", ["0.4", "0.5"])
@pytest.mark.parametrize("way", ["../../x", "/etc", "..", "", ".", None, "0/../../b.zarr/0", "\0"])
def test_levels_outside_of_the_folder_are_refused(tmp_path, style, way):
    write_image(tmp_path / "b.zarr", numbers("zyx"), "zyx", style)
    path = write_image(tmp_path / "a.zarr", numbers("zyx"), "zyx", style)

    def change(document):
        ome = document["attributes"]["ome"] if style == "0.5" else document
        ome["multiscales"][0]["datasets"][0]["path"] = way

    edit(path / ("zarr.json" if style == "0.5" else ".zattrs"), change)
    refused(path, "not inside this folder", ASKED[1:])


@pytest.mark.parametrize(
    ("shape", "chunks"),
    [
        ([10**18, 5, 6], [4, 5, 6]),
        ([10**9, 10**9, 10**9], [1, 1, 1]),
        ([4, 5, 6], [10**12, 5, 6]),
        ([4, 5, 6], [10**5, 10**5, 10**5]),
        ([4, 5, 6], [0, 5, 6]),
        ([4, 5, 6], [-4, 5, 6]),
        ([4, 5, 6], [4, 5]),
        ([4, 5, 6], "auto"),
        ([4, 5, -6], [4, 5, 6]),
        ([4, 5, 10**40], [4, 5, 6]),
        ([4, 5, 6.5], [4, 5, 6]),
        ([4, 5, True], [4, 5, 6]),
        ([], []),
        ([6], [6]),
        ([1] * 40, [1] * 40),
        ([0, 5, 6], [1, 5, 6]),
        ("large", [4, 5, 6]),
    ],
    ids=str,
)
@pytest.mark.parametrize("version", [2, 3])
def test_shapes_and_chunks_that_cannot_be_are_refused(tmp_path, version, shape, chunks):
    path = tmp_path / "a.zarr"
    write_array(path, numbers("zyx"), version=version, chunks=(4, 5, 6))

    def change(document):
        document["shape"] = shape
        if version == 2:
            document["chunks"] = chunks
        else:
            document["chunk_grid"]["configuration"]["chunk_shape"] = chunks

    edit(path / (".zarray" if version == 2 else "zarr.json"), change)
    refused(path, asked=[open_image])


@pytest.mark.parametrize(
    "dtype", ["|b1", "<c8", "|S4", "|O", "<M8[s]", "V3", [["a", "<u2"]], None, 7, "uint17", "<u3"]
)
@pytest.mark.parametrize("version", [2, 3])
def test_voxels_that_are_no_numbers_are_refused(tmp_path, version, dtype):
    path = tmp_path / "a.zarr"
    write_array(path, numbers("zyx"), version=version)
    key = "dtype" if version == 2 else "data_type"
    edit(path / (".zarray" if version == 2 else "zarr.json"), lambda d: d.update({key: dtype}))
    refused(path, asked=[open_image])


@pytest.mark.parametrize(
    "change",
    [
        {"codecs": [{"name": "jpeg_of_tomorrow", "configuration": {}}]},
        {"codecs": []},
        {"codecs": "bytes"},
        {"codecs": [3]},
        {"chunk_grid": {"name": "rectangular"}},
        {"chunk_key_encoding": {"name": "fanout"}},
        {"storage_transformers": [{"name": "encrypted"}]},
        {"fill_value": "black"},
        {"must": {"must_understand": True}},
    ],
    ids=str,
)
def test_what_zarr_cannot_read_is_told_by_name(tmp_path, change):
    path = tmp_path / "a.zarr"
    write_array(path, numbers("zyx"))
    edit(path / "zarr.json", lambda document: document.update(change))
    refused(path, r"a\.zarr", [open_image])


@pytest.mark.parametrize("name", ["a.zarr", "a.ome.zarr", "a.zarr.zip", "a.ozx"])
def test_a_packed_zarr_is_to_be_unpacked(tmp_path, name):
    folder = write_image(tmp_path / "image.zarr", numbers("zyx"), "zyx")
    shutil.make_archive(str(tmp_path / "packed"), "zip", folder)
    (tmp_path / "packed.zip").rename(tmp_path / name)
    refused(tmp_path / name, "folder.*unpack it", [open_image])


def test_a_folder_that_is_no_zarr_is_told(tmp_path):
    (tmp_path / "a.zarr" / "deep" / "er").mkdir(parents=True)
    refused(tmp_path / "a.zarr", "not a Zarr array or group")
    (tmp_path / "a.zarr" / "file").write_text("text")
    refused(tmp_path / "a.zarr" / "file", "must be one of", [open_image])


def test_links_that_lead_in_a_circle_are_not_followed_for_ever(tmp_path):
    write_group(tmp_path / "a.zarr", {})
    os.symlink(tmp_path / "a.zarr", tmp_path / "a.zarr" / "again")
    refused(tmp_path / "a.zarr", "no OME metadata")


def test_nothing_of_zarr_reaches_the_terminal(tmp_path):
    program = (
        "import sys\nfrom napari_diversify.files import images_in, open_image\n"
        "for path in sys.argv[1:]:\n"
        "    for ask in (images_in, open_image, lambda p: open_image(p).data[...]):\n"
        "        try:\n            ask(path)\n"
        "        except (ValueError, OSError) as error:\n            print(error)\n"
    )
    sound = write_image(tmp_path / "sound.zarr", numbers("zyx"), "zyx", "0.5")
    both = write_image(tmp_path / "both.zarr", numbers("zyx"), "zyx", "0.5")
    write_group(both, {})  # metadata of both formats
    filters = write_image(tmp_path / "filters.zarr", numbers("zyx"), "zyx")
    edit(filters / "0" / ".zarray", lambda document: document.update(filters=[]))
    cut = write_image(tmp_path / "cut.zarr", numbers("zyx"), "zyx", "0.5")
    for file in (cut / "0" / "c").rglob("*"):
        if file.is_file():
            file.write_bytes(file.read_bytes()[:-3])
    (cut / "notes.txt").write_text("what lies beside is no matter")
    run = subprocess.run(
        [sys.executable, "-c", program, sound, both, filters, cut], capture_output=True, text=True
    )
    assert (run.returncode, run.stderr) == (0, "")
    (line,) = run.stdout.splitlines()
    assert "cannot be decoded" in line or "is cut off" in line


def test_metadata_of_both_formats_are_those_of_format_3(tmp_path):
    path = tmp_path / "a.zarr"
    write_array(path, numbers("zyx"))
    (path / ".zarray").write_text(json.dumps({"shape": [1]}))
    with open_image(path) as image:
        np.testing.assert_array_equal(image.data[...], numbers("zyx"))
