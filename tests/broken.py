"""Files that are broken in every way that was thought of, made once for all tests."""

import json
import os
import socket
import struct
import sys
import zipfile

import numpy as np
import tifffile
import zarr

POSIX = sys.platform != "win32"
OME = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">{}</OME>'
)
PIXELS = (
    '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="{}" SizeX="{}" '
    'SizeY="12" SizeZ="4" SizeC="1" SizeT="1"><TiffData IFD="{}" PlaneCount="4"/></Pixels></Image>'
)


def image(shape=(4, 12, 14), dtype="uint16"):
    return np.random.default_rng(0).integers(100, 4000, shape).astype(dtype)


# ---- images that nobody can read ----


def tiff_with(description):
    def write(path):
        few = image() % 3  # they may be taken for labels, and fitted
        tifffile.imwrite(
            path, few, photometric="minisblack", description=description, metadata=None
        )

    return write


def directory(*tags, next_at=0):
    """A TIFF of one directory: (tag, type, count, value) each."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", next_at)


def huge_tiff(side):
    sizes = [(256, 4, 1, side), (257, 4, 1, side), (258, 3, 1, 16), (259, 3, 1, 1)]
    return directory(*sizes, (262, 3, 1, 1), (273, 4, 1, 8), (277, 3, 1, 1), (279, 4, 1, 100))


def cut(share):
    def write(path):
        tifffile.imwrite(path, image(), photometric="minisblack")
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])

    return write


def zarr_with(text, name="zarr.json"):
    def write(path):
        path.mkdir()
        (path / name).write_text(text)

    return write


def zarr_array(**changes):
    """An array of Zarr 3 with some of its metadata exchanged."""

    def write(path):
        zarr.create_array(path, shape=(4, 12, 14), chunks=(2, 12, 14), dtype="u2")[...] = image()
        meta = json.loads((path / "zarr.json").read_text())
        (path / "zarr.json").write_text(json.dumps(meta | changes))

    return write


def pipe_in(name):
    def write(path):
        path.mkdir()
        os.mkfifo(path / name)

    return write


def cut_chunks(path):
    zarr.create_array(path, shape=(4, 12, 14), chunks=(2, 12, 14), dtype="u2")[...] = image()
    for chunk in (path / "c").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(chunk.read_bytes()[:9])


def multiscales(value):
    group = {"zarr_format": 3, "node_type": "group"}
    return zarr_with(json.dumps({**group, "attributes": {"ome": {"version": "0.5", **value}}}))


def npz_of(**arrays):
    return lambda path: np.savez(path, **arrays)


def npy_head(text):
    head = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head


def archive_of(content):
    def write(path):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("arr_0.npy", content)

    return write


def a_socket(path):
    with socket.socket(socket.AF_UNIX) as one:
        here = os.getcwd()
        os.chdir(path.parent)  # names of sockets are short
        try:
            one.bind(path.name)
        finally:
            os.chdir(here)


DEEP = "[" * 100_000
_STACK = {"axes": [{"name": a, "type": "space"} for a in "zyx"], "datasets": [{"path": "0"}]}

#: Name of the file: its bytes, or a function that makes it.
IMAGES = {
    "empty.tif": b"",
    "empty.npy": b"",
    "text.tif": b"these are no voxels",
    "text.npy": b"these are no voxels",
    "text.npz": b"these are no voxels",
    "text.zarr": b"these are no voxels",
    "noise.tif": bytes(range(256)) * 40,
    "head.tif": b"II*\0",
    "far.tif": b"II*\0\xff\xff\xff\x7f",
    "nothing.tif": directory(),
    "again.tif": directory(next_at=8),
    "huge.tif": huge_tiff(2**31),
    "large.tif": huge_tiff(20_000),
    "flat.tif": huge_tiff(0),
    "picture.tif": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "cut.tif": cut(0.7),
    "cut_short.tif": cut(0.1),
    "no_pixels.ome.tif": tiff_with(OME.format('<Image ID="Image:0"/>').encode()),
    "no_image.ome.tif": tiff_with(OME.format("").encode()),
    "no_type.ome.tif": tiff_with(OME.format(PIXELS.format("quaternion", 14, 0)).encode()),
    "no_size.ome.tif": tiff_with(OME.format(PIXELS.format("uint16", "many", 0)).encode()),
    "below.ome.tif": tiff_with(OME.format(PIXELS.format("uint16", -14, 0)).encode()),
    "beyond.ome.tif": tiff_with(OME.format(PIXELS.format("uint16", 14, 10**30)).encode()),
    "open.ome.tif": tiff_with(b'<?xml version="1.0"?><OME><Image'),
    "imagej.tif": tiff_with(b"ImageJ=1.54\nimages=many\nslices=-3\nhyperstack=true\n"),
    "shaped.tif": tiff_with(b'{"shape": [-1, "x"]}'),
    "objects.npy": lambda path: np.save(path, np.array([{}, "x"], object), allow_pickle=True),
    "complex.npy": lambda path: np.save(path, np.zeros((4, 5), complex)),
    "words.npy": lambda path: np.save(path, np.array([["a", "b"]])),
    "records.npy": lambda path: np.save(path, np.zeros((4, 5), [("a", "u1"), ("b", "f4")])),
    "number.npy": lambda path: np.save(path, np.float32(1)),
    "line.npy": lambda path: np.save(path, np.zeros(9)),
    "six.npy": lambda path: np.save(path, np.zeros((2,) * 6)),
    "no_voxel.npy": lambda path: np.save(path, np.zeros((4, 0, 5))),
    "bytes_after.npy": npy_head("{'descr': '<u2', 'fortran_order': False, 'shape': (9, 9, 9)}"),
    "below.npy": npy_head("{'descr': '<u2', 'fortran_order': False, 'shape': (-9, 9)}"),
    "vast.npy": npy_head("{'descr': '<u2', 'fortran_order': False, 'shape': (9,) * 3}"),
    "exabyte.npy": npy_head(f"{{'descr': '<u2', 'fortran_order': False, 'shape': ({10**9},) }}"),
    "code.npy": npy_head("__import__('os').getpid()"),
    "two.npz": npz_of(a=image(), b=image()),
    "none.npz": npz_of(),
    "objects.npz": npz_of(a=np.array([{}], object)),
    "damaged.npz": archive_of(b"these are no voxels"),
    "not_json.zarr": zarr_with("{'a': 1}"),
    "null.zarr": zarr_with("null"),
    "list.zarr": zarr_with("[]"),
    "nothing.zarr": zarr_with("{}"),
    "deep.zarr": zarr_with(DEEP),
    "empty_json.zarr": zarr_with(""),
    "format_9.zarr": zarr_with('{"zarr_format": 9, "node_type": "array"}'),
    "group.zarr": zarr_with('{"zarr_format": 3, "node_type": "group", "attributes": {}}'),
    "no_array.ome.zarr": multiscales({"multiscales": [_STACK]}),
    "no_scales.ome.zarr": multiscales({"multiscales": []}),
    "odd_scales.ome.zarr": multiscales({"multiscales": [3]}),
    "odd_sets.ome.zarr": multiscales({"multiscales": [{**_STACK, "datasets": [None]}]}),
    "outside.ome.zarr": multiscales(
        {"multiscales": [{**_STACK, "datasets": [{"path": "../../.."}]}]}
    ),
    "odd_axes.ome.zarr": multiscales({"multiscales": [{**_STACK, "axes": [1, None, {}]}]}),
    "plate.ome.zarr": multiscales({"plate": {"wells": [{"path": 3}]}}),
    "zarr_2.zarr": zarr_with("not json", ".zarray"),
    "group_2.zarr": zarr_with('{"zarr_format": 2}', ".zgroup"),
    "attributes_2.zarr": zarr_with('{"multiscales": [{"datasets": [{"path": "x"}]}]}', ".zattrs"),
    "shape.zarr": zarr_array(shape=[-4, 12, 14]),
    "vast.zarr": zarr_array(shape=[2**40, 2**40, 2**40]),
    "no_shape.zarr": zarr_array(shape=None),
    "codec.zarr": zarr_array(codecs=[{"name": "secret"}]),
    "type.zarr": zarr_array(data_type="complex128"),
    "no_type.zarr": zarr_array(data_type={"name": 3}),
    "grid.zarr": zarr_array(chunk_grid={"name": "regular", "configuration": {"chunk_shape": [0]}}),
    "cut_chunks.zarr": cut_chunks,
    "folder.tif": lambda path: path.mkdir(),
    "folder.npy": lambda path: path.mkdir(),
    "folder": lambda path: path.mkdir(),
    "letter.txt": b"Dear reader",
    "no_ending": b"these are no voxels",
}
if POSIX:
    IMAGES |= {
        "pipe.tif": lambda path: os.mkfifo(path),
        "pipe.npy": lambda path: os.mkfifo(path),
        "pipe": lambda path: os.mkfifo(path),
        "pipe.zarr": pipe_in("zarr.json"),
        "pipe_2.zarr": pipe_in(".zattrs"),
        "socket.tif": a_socket,
        "zero.tif": lambda path: path.symlink_to("/dev/zero"),
        "random.npy": lambda path: path.symlink_to("/dev/urandom"),
        "null.npz": lambda path: path.symlink_to("/dev/null"),
        "dangling.tif": lambda path: path.symlink_to("gone.tif"),
        "loop.tif": lambda path: path.symlink_to("loop.tif"),
        "loop.zarr": lambda path: path.symlink_to("loop.zarr"),
        "two\nlines.tif": b"these are no voxels",
        "\x1b[31mred.tif": b"these are no voxels",
        "[red]markup[.tif": b"these are no voxels",
        "\udcffbyte.tif": b"these are no voxels",
        "-dash.tif": b"these are no voxels",
    }

#: Of these some commands make the right thing: there are voxels, or the header is whole.
IN_PART = {
    "no_pixels.ome.tif", "no_image.ome.tif", "no_type.ome.tif", "no_size.ome.tif", "below.ome.tif",
    "beyond.ome.tif", "open.ome.tif", "imagej.tif", "shaped.tif", "two.npz", "vast.zarr",
    "cut_chunks.zarr",
}  # fmt: skip

#: Names of which no file is there, or none that can be.
NAMES = {
    "missing": "missing.tif",
    "missing folder": "missing/cells.tif",
    "inside a file": "cells.tif/cells.tif",
    "nothing": "",
    "a space": " ",
    "a long name": "x" * 300 + ".tif",
    "a long path": ("x" * 200 + "/") * 30 + "x.tif",
    "an address": "https://example.org/cells.tif",
    "a home": "~nobody/cells.tif",
    "a pattern": "*.tif",
    "a letter": "µ\u2028σ\udcff.tif",
}

# ---- recipes ----

GOOD = '{"schema_version": 1, "seed": 7, "steps": [{"kind": "diversify", "w_v": 2.0}]}'
STEP = '{"schema_version": 1, "steps": [{"kind": "diversify", %s}]}'

#: Recipes that cannot be run.
RECIPES = {
    "empty": b"",
    "a space": b" ",
    "null": b"null",
    "a number": b"1",
    "a text": b'"recipe"',
    "a list": b"[]",
    "an empty object": b"{}",
    "no steps": b'{"schema_version": 1}',
    "cut": GOOD[:-9].encode(),
    "two of them": (GOOD + GOOD).encode(),
    "bytes": bytes(range(256)),
    "an image": b"II*\0\x08\0\0\0",
    "deep": DEEP.encode(),
    "deep objects": b'{"schema_version": 1, "steps": ' + b'[{"kind": ' * 20_000,
    "single quotes": GOOD.replace('"', "'").encode(),
    "a comment": GOOD.encode() + b" // so far",
    "a name twice": GOOD.replace('"seed": 7', '"seed": 7, "seed": 8').encode(),
    "a parameter twice": (STEP % '"w_v": 1, "w_v": 2').encode(),
    "NaN": (STEP % '"w_v": NaN').encode(),
    "infinity": (STEP % '"w_v": Infinity').encode(),
    "a huge number": (STEP % '"w_v": 1e999').encode(),
    "a huge integer": GOOD.replace("7", "9" * 5000).encode(),
    "a broken letter": GOOD.replace("diversify", "\ud83d").encode("utf-8", "surrogatepass"),
    "half a pair": GOOD.replace("diversify", "\\ud83d").encode(),
    "self": GOOD.replace("seed", "self").encode(),
    "an unknown name": GOOD.replace("seed", "sead").encode(),
    "an unknown step": GOOD.replace("diversify", "sharpen").encode(),
    "a step without kind": GOOD.replace("kind", "kinds").encode(),
    "a step that is a text": b'{"schema_version": 1, "steps": ["diversify"]}',
    "steps that are an object": b'{"schema_version": 1, "steps": {"kind": "diversify"}}',
    "version 0": GOOD.replace(": 1", ": 0").encode(),
    "version 99": GOOD.replace(": 1", ": 99").encode(),
    "version as text": GOOD.replace(": 1", ': "1"').encode(),
    "another generator": GOOD.replace('"seed"', '"generator": "dice", "seed"').encode(),
    "seed below 0": GOOD.replace("7", "-7").encode(),
    "seed as text": GOOD.replace("7", '"seven"').encode(),
    "range upside down": GOOD.replace('"seed"', '"intensity_range": [9, 1], "seed"').encode(),
    "an even window": (STEP % '"window": 4').encode(),
    "a window of two": (STEP % '"window": [3, 3]').encode(),
}

#: The same recipe in other clothes, which can be run.
DRESSED = {
    "a byte order mark": b"\xef\xbb\xbf" + GOOD.encode(),
    "UTF-16": GOOD.encode("utf-16"),
    "lines of Windows": GOOD.replace(", ", ",\r\n").encode(),
    "lines before and after": b"\n\n" + GOOD.encode() + b"\n\n",
}


def make(path, how):
    if callable(how):
        how(path)
    else:
        path.write_bytes(how)
