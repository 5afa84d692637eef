"""Saving one napari layer: what napari calls for *File > Save Selected Layers*.

Voxels, dtype, scale, position, units, axes, name and the recipe of a generated
layer are kept. The formats hold no rotation or shear: a layer that has one is
written along its own axes, with a warning; the size of its voxels is the length of
the step that napari shows. Of a pyramid level 0 is written. Lazy data is computed
and written piece by piece.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .files import FORMATS, Arranged, Header, writing
from .files.header import AXES
from .files.units import unit_name
from .files.voxel_size import steps, voxel_sizes
from .recipe.provenance import for_file

_OME_ZARR, _OME_TIFF = FORMATS["ome-zarr"], FORMATS["ome-tiff"]
#: How napari and pint name a length that has not been measured.
_NO_UNIT = {"None", "pixel", "dimensionless", ""}
_LETTERS = {
    **{axis: axis for axis in AXES},
    **dict.fromkeys(("time", "frame", "frames"), "t"),
    **dict.fromkeys(("ch", "channel", "channels"), "c"),
    "plane": "z",
    "depth": "z",
    "row": "y",
    "column": "x",
}


def write_ome_zarr(path: str, data: Any, meta: Mapping[str, Any]) -> list[str]:
    """Write an image or labels layer as OME-Zarr 0.5, replacing what is there.

    Parameters
    ----------
    path : str
        Folder to write.
    data : array-like, or a sequence of them (a pyramid)
        Of the layer.
    meta : mapping
        Its state as napari hands it to writers.

    Returns
    -------
    list of str
        The path.
    """
    array, header = described(data, meta)
    labels = _are_labels(header, meta)
    window = None if labels else meta.get("contrast_limits")
    with writing(path, overwrite=True) as partial:
        limits = None if window is None else tuple(window)
        _OME_ZARR.codec.write(partial, header, array, labels=labels, window=limits)
    return [path]


def write_ome_tiff(path: str, data: Any, meta: Mapping[str, Any]) -> list[str]:
    """Write an image or labels layer as OME-TIFF; see :func:`write_ome_zarr`."""
    array, header = described(data, meta)
    with writing(path, overwrite=True) as partial:
        _OME_TIFF.codec.write(partial, header, array, labels=_are_labels(header, meta))
    return [path]


def described(data: Any, meta: Mapping[str, Any]) -> tuple[Arranged, Header]:
    """The finest level with its axes in our order, and what the layer says about it."""
    if meta.get("rgb"):
        raise ValueError(
            "RGB images cannot be written. Right-click the layer, choose Split RGB, and save "
            "the channels"
        )
    pyramid = meta.get("multiscale", isinstance(data, (list, tuple)))
    array = data[0] if pyramid else data
    n = len(array.shape)
    units = _per_axis(meta.get("units"), n)
    axes = _named_axes(meta.get("axis_labels"), n) or _guessed_axes(units, n)
    shown = steps(meta, n)
    _warn_of_what_is_lost(meta, axes, shown, units)
    lengths = dict(zip(axes, voxel_sizes(shown, units), strict=True))
    sizes = {a: 1.0 if size is None else size for a, size in lengths.items()}
    named = {
        a: None if lengths[a] is None else unit_name(u, a) for a, u in zip(axes, units, strict=True)
    }
    places = dict(zip(axes, _numbers(meta.get("translate"), n, 0.0), strict=True))
    wanted = "".join(a for a in AXES if a in axes)
    arranged = Arranged(array, axes, wanted)
    name = str(meta.get("name") or "image")
    header = Header(
        arranged.shape,
        arranged.dtype,
        wanted,
        tuple(sizes[a] for a in wanted),
        tuple(named[a] for a in wanted),
        # an image of one channel carries its contrast limits under the name of the channel
        channels=(name,) if "contrast_limits" in meta and "c" not in wanted else (),
        name=name,
        origin=tuple(places[a] for a in wanted),
        provenance=for_file(meta.get("metadata") or {}, array),
    )
    return arranged, header


def _per_axis(units: Any, n: int) -> list[str | None]:
    """Units as text, one per axis; napari gives one for all, or one each (pint)."""
    if units is None or isinstance(units, str) or not isinstance(units, Sequence):
        units = [units] * n
    return [None if unit is None else str(unit) for unit in units]


def _numbers(values: Any, n: int, default: float) -> list[float]:
    """Numbers, one per axis."""
    return [default] * n if values is None else [float(value) for value in values]


def _named_axes(labels: Sequence[str] | None, n: int) -> str:
    """Axes by their labels; empty unless each of these names one of ours."""
    letters = "".join(_LETTERS.get(str(label).strip().lower(), "?") for label in labels or ())
    named = len(letters) == n == len({*letters} - {"?"}) and {*"yx"} <= {*letters}
    return letters if named else ""


def _guessed_axes(units: Sequence[str | None], n: int) -> str:
    """Time by its unit; the other axes are z, c, t, starting from the last."""
    if not 2 <= n <= len(AXES):
        raise ValueError(f"layers of 2 to {len(AXES)} dimensions can be written; this one has {n}")
    is_time = [unit_name(unit, "t") is not None for unit in units[:-2]]
    free = [a for a in "zct" if not (a == "t" and sum(is_time) == 1)]
    lead = ""
    for time in reversed(is_time):
        lead = ("t" if time and sum(is_time) == 1 else free.pop(0)) + lead
    return lead + "yx"


def _warn_of_what_is_lost(
    meta: Mapping[str, Any],
    axes: str,
    shown: npt.NDArray[np.float64],
    units: Sequence[str | None],
) -> None:
    lengths = np.linalg.norm(shown, axis=0)
    turned = shown / np.where(lengths > 0, lengths, 1.0)
    lost: list[str] = []
    if not np.allclose(np.abs(turned), np.eye(len(turned))):
        lost += [name for name in ("rotate", "shear", "affine") if _moves(meta.get(name))]
    elif _moves(_offset(meta.get("affine"))):
        lost.append("affine")
    if (np.diag(turned) < 0).any():
        lost.append("the sign of scale")
    so = "; the layer is written along its own axes" if lost else ""
    labels = meta.get("axis_labels")
    if not (_named_axes(labels, len(axes)) or all(map(_is_no_label, labels or ()))):
        lost.append(f"the axis labels {', '.join(map(str, labels or ()))} (now {', '.join(axes)})")
    strange = {
        str(unit)
        for axis, unit in zip(axes, units, strict=True)
        if axis != "c" and str(unit) not in _NO_UNIT and unit_name(unit, axis) is None
    }
    if strange:
        lost.append(f"the units {', '.join(sorted(strange))}")
    if len(getattr(meta.get("features"), "columns", ())):
        lost.append("the features of labels")
    if lost:
        warnings.warn(
            f"{meta.get('name', 'the layer')}: {', '.join(lost)} cannot be kept in this file{so}",
            stacklevel=4,
        )


def _is_no_label(label: str) -> bool:
    """Whether an axis label is only the number that napari gives to axes without one."""
    return str(label).lstrip("-").isdecimal()


def _offset(affine: Any) -> Any:
    """Where an affine transform puts the origin."""
    matrix = getattr(affine, "affine_matrix", affine)
    return None if matrix is None else np.asarray(matrix, dtype=float)[:-1, -1]


def _moves(transform: Any) -> bool:
    """Whether a vector or matrix of a layer's transform does anything."""
    if transform is None:
        return False
    values = np.asarray(getattr(transform, "affine_matrix", transform), dtype=float)
    still = np.eye(len(values)) if values.ndim == 2 else np.zeros(values.shape)
    return not np.allclose(values, still)


def _are_labels(header: Header, meta: Mapping[str, Any]) -> bool:
    """Whether the state is that of a labels layer, which napari does not tell its writers."""
    return header.dtype.kind in "iu" and "features" in meta and "contrast_limits" not in meta
