"""Zarr folders as other programs write them: by zarr and json alone, nothing of ours."""

import itertools
import json

import numpy as np
import zarr

SIZES = {"t": 2, "c": 3, "z": 4, "y": 5, "x": 6}
TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
SPELLED = {
    "t": ["t", "T", "time", "Time", "frame", "timepoint"],
    "c": ["c", "C", "ch", "channel", "Channels"],
    "z": ["z", "Z"],
    "y": ["y", "Y"],
    "x": ["x", "X"],
}

#: How a file says what its axes are.
STYLES = ["0.3", "0.4", "0.5", "dimension_names", "xarray v2", "xarray v3", "axes"]
IN_FORMAT_3 = ["0.5", "dimension_names", "xarray v3", "axes"]


def numbers(axes, sizes=SIZES, dtype="uint16"):
    """An array of which every voxel differs, and none is 0."""
    shape = [sizes[a] for a in axes]
    return (np.arange(np.prod(shape)) + 1).reshape(shape).astype(dtype)


def in_our_order(array, axes):
    """What must be read of it."""
    return array.transpose([axes.index(a) for a in "tczyx" if a in axes])


def write_array(path, array, *, version=3, separator=None, shards=False, chunks=None, **more):
    """One array of Zarr format 2 or 3, in chunks of 2 to 4 voxels along each axis."""
    chunks = chunks or tuple(max(1, min(4, -(-n // 2))) for n in array.shape)
    if separator is not None:
        kind = "v2" if version == 2 else "default"
        more["chunk_key_encoding"] = {"name": kind, "separator": separator}
    if shards:
        more["shards"] = tuple(2 * n for n in chunks)
    stored = zarr.create_array(
        str(path),
        shape=array.shape,
        dtype=array.dtype,
        chunks=chunks,
        zarr_format=version,
        **more,
    )
    stored[...] = array
    return stored


def ome_axes(axes, style="0.4", units=None):
    if style in ("0.1", "0.2"):
        return None
    if style == "0.3":
        return list(axes)
    return [
        {"name": a, "type": TYPES[a], **({"unit": units[a]} if units and units.get(a) else {})}
        for a in axes
    ]


def scale(values):
    return {"type": "scale", "scale": list(values)}


def translation(values):
    return {"type": "translation", "translation": list(values)}


def multiscales(axes, style="0.4", transformations=((),), paths=("0",), units=None, **more):
    """One entry of the list ``multiscales``."""
    entry = {
        "version": style,
        "datasets": [
            {"path": p, "coordinateTransformations": list(t)}
            for p, t in zip(paths, itertools.cycle(transformations), strict=False)
        ],
        **more,
    }
    listed = axes if isinstance(axes, list) else ome_axes(axes, style, units)
    if listed is not None:
        entry["axes"] = listed
    if style == "0.5":
        del entry["version"]
    return entry


def write_group(path, attributes, version=2):
    """A group, with its attributes as they are."""
    path.mkdir(parents=True, exist_ok=True)
    if version == 3:
        document = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
        (path / "zarr.json").write_text(json.dumps(document))
    else:
        (path / ".zgroup").write_text('{"zarr_format": 2}')
        (path / ".zattrs").write_text(json.dumps(attributes))


def write_image(path, array, axes, style="0.4", *, levels=1, ome=None, **more):
    """An OME-Zarr image of version 0.1 to 0.5; coarse levels are every second voxel of y and x."""
    version = 3 if style == "0.5" else 2
    entry = more.pop("entry", None) or multiscales(
        axes, style, paths=[str(n) for n in range(levels)], **more.pop("metadata", {})
    )
    attributes = {"multiscales": [entry], **(ome or {})}
    if style == "0.5":
        attributes = {"ome": {"version": "0.5", **attributes}}
    write_group(path, attributes, version)
    for n in range(levels):
        step = tuple(slice(None, None, 2**n if a in "yx" else 1) for a in axes)
        write_array(path / str(n), array[step], version=version, **more)
    return path


def write_styled(path, array, axes, style, names=None, **more):
    """An array whose file names its axes in one of the STYLES; ``axes`` are letters."""
    names = list(names or axes)
    if style in ("0.3", "0.4", "0.5"):
        listed = [
            name if style == "0.3" else {"name": name, "type": TYPES[a]}
            for name, a in zip(names, axes, strict=True)
        ]
        return write_image(path, array, axes, style, entry=multiscales(listed, style), **more)
    if style == "dimension_names":
        return write_array(path, array, dimension_names=names, **more)
    attributes = {"_ARRAY_DIMENSIONS" if style.startswith("xarray") else "axes": names}
    version = 2 if style == "xarray v2" else 3
    return write_array(path, array, version=version, attributes=attributes, **more)


def edit(file, change):
    """Let a function change what a JSON file holds."""
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))
