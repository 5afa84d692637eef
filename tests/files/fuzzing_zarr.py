"""Zarr folders with a few random faults, and what the reader makes of them.

By hand, in processes of their own so that the end of one is seen::

    python tests/files/fuzzing_zarr.py 10000

prints the seeds that were answered with anything but voxels or a sentence.
"""

import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import numcodecs
import numpy as np
import zarr
from zarr_writers import (
    multiscales,
    numbers,
    scale,
    translation,
    write_array,
    write_group,
    write_image,
)

from napari_diversify.files import images_in, labels_in, missing_chunks, open_image

METADATA = ("zarr.json", ".zarray", ".zattrs", ".zgroup")
PER_PROCESS = 250

#: What may stand where something else stood.
ODD = [
    None,
    True,
    0,
    -1,
    1,
    7,
    10**18,
    10**400,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "0",
    "1",
    "zyx",
    "../../x",
    "/",
    "\0",
    "é" * 300,
    [],
    {},
    [[]],
    [None],
    [1, 2, 3],
    [0, 0, 0],
    [10**12, 10**12, 10**12],
    ["z", "y", "x"],
    {"name": "z"},
    {"type": "scale", "scale": [1, 1, 1]},
    "time",
    "blosc",
    "<f8",
    "uint64",
    "0.6",
    ".",
]


def stores():
    """Sound folders of many kinds: a name, and the files in each."""
    folder = Path(tempfile.mkdtemp())
    sizes = {"t": 2, "c": 2, "z": 2, "y": 6, "x": 8}
    metadata = {
        "transformations": [
            [scale([2, 1, 1]), translation([3, 4, 5])],
            [scale([2, 2, 2]), translation([3, 4.5, 5.5])],
        ],
        "units": dict.fromkeys("zyx", "micrometer"),
        "name": "sound",
    }
    image = numbers("zyx", sizes)
    omero = {"channels": [{"label": "DAPI", "window": {"start": 0}}]}
    blosc = {"compressors": zarr.codecs.BloscCodec()}
    for style in ("0.3", "0.4", "0.5"):
        write_image(
            folder / style,
            image,
            "zyx",
            style,
            levels=2,
            metadata=dict(metadata),
            ome={"omero": omero},
            compressors=zarr.codecs.BloscCodec() if style == "0.5" else numcodecs.Blosc(),
        )
        labels = folder / style / "labels"
        names = {"labels": ["nuclei"]}
        write_group(labels, {"ome": names} if style == "0.5" else names, 3 if style == "0.5" else 2)
        write_image(labels / "nuclei", image, "zyx", style, ome={"image-label": {"version": "0.4"}})
    write_image(folder / "sharded", image, "zyx", "0.5", shards=True, chunks=(1, 3, 4), **blosc)
    plain = {"compressors": None, "chunks": (1, 6, 8)}
    write_image(folder / "uncompressed", image, "zyx", "0.4", separator=".", **plain)
    write_image(
        folder / "gzip", image, "zyx", "0.5", compressors=zarr.codecs.GzipCodec(), chunks=(2, 3, 8)
    )
    write_array(folder / "named", numbers("ctyx", sizes), dimension_names=["ch", "time", "y", "x"])
    xarray = {"_ARRAY_DIMENSIONS": ["x", "y", "z"]}
    write_array(folder / "xarray", image, version=2, attributes=xarray)
    write_group(folder / "several", {"multiscales": [multiscales("zyx", paths=[p]) for p in "ab"]})
    for name in "ab":
        write_array(folder / "several" / name, image, version=2)
    write_group(folder / "series", {"bioformats2raw.layout": 3})
    write_group(folder / "series" / "OME", {"series": ["0", "1"]})
    wells = [{"path": "A/1", "rowIndex": 0, "columnIndex": 0}]
    write_group(folder / "plate", {"plate": {"wells": wells, "acquisitions": [{"id": 0}]}})
    write_group(folder / "plate/A/1", {"well": {"images": [{"path": "0", "acquisition": 0}]}})
    for where in ("series/0", "series/1", "plate/A/1/0"):
        write_image(folder / where, image, "zyx")
    sound = {
        store.name: {
            f.relative_to(store).as_posix(): f.read_bytes()
            for f in sorted(store.rglob("*"))
            if f.is_file()
        }
        for store in sorted(folder.iterdir())
    }
    shutil.rmtree(folder)
    return sound


# ---- faults ----


def spoiled(files, draw):
    """Some of these files with one to three faults, and whether only attributes were touched."""
    files = dict(files)
    of_groups = True
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        if not files:
            break
        metadata = [name for name in files if name.rsplit("/", 1)[-1] in METADATA]
        chunks = [name for name in files if name not in metadata]
        if chunks and (not metadata or draw.random() < 0.25):
            of_groups = False
            name = draw.choice(chunks)
            _spoil_chunk(files, name, draw)
        else:
            name = draw.choice(metadata)
            of_groups = of_groups and b"shape" not in files[name]
            _spoil_metadata(files, name, draw)
    return files, of_groups


def _spoil_chunk(files, name, draw):
    data = files[name]
    fault = draw.randrange(6)
    if fault == 0:
        del files[name]
    elif fault == 1:
        files[name + draw.choice(["x", ".0", "/0"])] = files.pop(name)
    elif fault == 2:
        files[name] = data[: draw.randrange(len(data) + 1)]
    elif fault == 3:
        files[name] = data + bytes(draw.randrange(1, 40))
    else:
        spoilt = bytearray(data)
        for _ in range(draw.randint(1, 4)):
            if spoilt:
                at = draw.randrange(min(len(spoilt), draw.choice([8, 20, 10**6])))
                spoilt[at] = draw.choice([0, 1, 127, 255, draw.randrange(256)])
        files[name] = bytes(spoilt)


def _spoil_metadata(files, name, draw):
    fault = draw.randrange(12)
    if fault == 0:
        del files[name]
        return
    if fault == 1:
        files[name] = files[name][: draw.randrange(len(files[name]) + 1)]
        return
    if fault == 2:
        files[name] = draw.choice(
            [b"", b"null", b"[]", b"3", b"\xff\xfe", b"[" * 100000, b'{"a":' * 5000, b"{}"]
        )
        return
    try:
        document = json.loads(files[name])
    except (ValueError, RecursionError):
        return
    parents = [parent for parent in _containers(document) if parent]
    if not parents:
        return
    _spoil(draw.choice(parents), draw, document)
    files[name] = json.dumps(document).encode()


def _containers(document):
    if isinstance(document, (dict, list)):
        yield document
        for value in document.values() if isinstance(document, dict) else document:
            yield from _containers(value)


def _spoil(parent, draw, document):
    keys = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
    key = draw.choice(keys)
    fault = draw.randrange(7)
    if fault == 0:
        del parent[key]
    elif fault == 1 and isinstance(parent, dict):
        parent[draw.choice([key + "s", key.upper(), "", "ome", "axes", "path"])] = parent.pop(key)
    elif fault == 2:
        other = draw.choice(keys)
        parent[key], parent[other] = parent[other], parent[key]
    elif fault == 3 and isinstance(parent, list):
        parent.insert(draw.randrange(len(parent) + 1), parent[key])
    elif fault == 4:
        parent[key] = json.loads(json.dumps(draw.choice(list(_containers(document)))))
    elif fault == 5 and isinstance(parent[key], (int, float)):
        parent[key] = draw.choice(
            [parent[key] * 2, -parent[key], str(parent[key]), parent[key] + 0.5]
        )
    else:
        parent[key] = draw.choice(ODD)


# ---- what comes of them ----


def outcome(folder, sound=None):
    """ "read" or a sentence for each image; AssertionError if it is neither.

    ``sound``: the values of all arrays, if what was read must be one of these.
    """
    results = []
    try:
        entries = images_in(folder)
        results.append(f"{len(entries)} images")
        labels_in(folder)
    except (ValueError, OSError) as error:
        entries = []
        results.append(_sentence(error))
    asked = [(e.path, e.series) for e in entries[:8]] + [(folder, None), (folder, 1)]
    for path, series in asked:
        for axes in (None, "zyx"):
            try:
                missing, n = missing_chunks(path, series)
                assert 0 <= missing <= n
                with open_image(path, series=series, axes=axes) as image:
                    header = image.header
                    assert header.shape == image.data.shape
                    assert header.dtype == image.data.dtype
                    assert all(map(str.strip, header.notes))
                    small = header.nbytes < 1 << 20
                    data = image.data[...] if small else image.data[(0,) * header.ndim]
                    assert data.shape == (header.shape if small else ())
                    if sound is not None:
                        values = np.sort(data, axis=None)
                        assert any(np.array_equal(values, s) for s in sound), "other voxels"
                results.append("read")
            except (ValueError, OSError) as error:
                results.append(_sentence(error))
    return results


def _sentence(error):
    text = str(error)
    assert text, "an error without a sentence"
    assert "\n" not in text, text
    assert len(text) < 1500, text
    assert not text.endswith("."), text
    return text


def check(seed, sound, folder):
    """Write a folder of this seed with faults, and read it."""
    draw = random.Random(seed)
    name = draw.choice(sorted(sound))
    files, of_groups = spoiled(sound[name], draw)
    root = folder / f"{name}.zarr"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    for file, data in files.items():
        where = root / file
        if not where.exists():
            try:
                where.parent.mkdir(parents=True, exist_ok=True)
                where.write_bytes(data)
            except OSError:  # a file and a folder of one name
                continue
    start = time.perf_counter()
    results = outcome(root, _values(sound[name]) if of_groups else None)
    seconds = time.perf_counter() - start
    assert seconds < 20, f"{seconds:.0f} s"
    return results


_CACHE = {}


def _values(files):
    """The values of all arrays of a sound folder, each sorted."""
    if id(files) not in _CACHE:
        with tempfile.TemporaryDirectory() as folder:
            for name, data in files.items():
                (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                (Path(folder) / name).write_bytes(data)
            arrays = {
                n.rsplit("/", 1)[0] if "/" in n else "" for n in files if b"shape" in files[n]
            }
            _CACHE[id(files)] = [
                np.sort(zarr.open_array(str(Path(folder) / a), mode="r")[...], axis=None)
                for a in arrays
            ]
    return _CACHE[id(files)]


def run(first, count):
    """Seeds in this process: how often which answer came; failures are printed."""
    warnings.simplefilter("error")
    sound, answers, failures = stores(), Counter(), 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + count):
            print(f"seed {seed}", flush=True)
            try:
                results = check(seed, sound, Path(folder))
            except Exception as error:  # noqa: BLE001
                failures += 1
                print(f"FAILED {seed}: {type(error).__name__}: {str(error)[:600]}", flush=True)
                continue
            answers["read"] += results.count("read")
            answers["told"] += sum(t != "read" and not t.endswith("images") for t in results)
    print(f"{count - failures} of {count} right; images {dict(answers)}", flush=True)
    return failures


def main(total):
    """All seeds in processes of a few hundred each."""
    failed = 0
    for first in range(0, total, PER_PROCESS):
        command = [sys.executable, __file__, str(first), str(min(PER_PROCESS, total - first))]
        done = subprocess.run(command, capture_output=True, text=True)
        lines = done.stdout.splitlines()
        bad = [line for line in lines if line.startswith("FAILED")]
        if done.returncode not in (0, 1):
            bad.append(f"FAILED: the process ended with {done.returncode} after {lines[-1:]}")
        if done.stderr.strip():
            bad.append(f"FAILED: on stderr: {done.stderr.strip()[-800:]}")
        failed += len(bad)
        print("\n".join([*bad, f"{first}: {lines[-1] if lines else ''}"]), flush=True)
    return failed


if __name__ == "__main__":
    if len(sys.argv) == 2:
        sys.exit(bool(main(int(sys.argv[1]))))
    sys.exit(bool(run(int(sys.argv[1]), int(sys.argv[2]))))
