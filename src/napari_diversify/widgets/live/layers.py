"""What we need to know of a napari layer, and what a generated one takes from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import napari.layers
import numpy as np
import numpy.typing as npt
import psutil

from ...files.units import ratio
from ...files.voxel_size import steps, voxel_sizes
from ...recipe.lazy.array import check_source
from ...recipe.provenance import KEY, Provenance, entry_in
from ...recipe.provenance import of_voxels as of_voxels
from .slicing import slicing_of

#: Key under which a generated layer carries its provenance in ``layer.metadata``.
METADATA_KEY = KEY

#: Where in space an image lies: copied to every generated layer, and kept in step.
SPATIAL = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
_LOOKS = ("colormap", "gamma", "blending", "interpolation2d", "interpolation3d", "rendering")

#: Share of the free memory that what is computed whole may take.
_SHARE = 0.7

_NOT_SPACE = {"t", "time", "frame", "frames", "c", "ch", "channel", "channels", "s", "sample"}


def entry_of(layer: Any) -> dict[str, Any]:
    """What a generated layer says of itself; empty where somebody has taken it away."""
    return entry_in(layer.metadata)


def waits(layer: Any) -> bool:
    """Whether a live layer was left hidden only because it was still being computed."""
    return bool(entry_of(layer).get("waits", False))


def write_entry(layer: Any, entry: dict[str, Any]) -> None:
    """Have a generated layer say this of itself."""
    layer.metadata = {**layer.metadata, METADATA_KEY: entry}


def why_unusable(layer: napari.layers.Image) -> str | None:
    """A sentence if this image cannot be diversified, or None."""
    if layer.rgb:
        return (
            f"“{layer.name}” is an RGB image; Diversify works on one channel. "
            "Right-click the layer and choose Split RGB, then select a channel."
        )
    try:
        check_source(levels_of(layer)[0])
    except (TypeError, ValueError) as error:
        return f"“{layer.name}” cannot be used: {error}."
    return None


def levels_of(layer: napari.layers.Image) -> list[Any]:
    """The arrays of a layer, finest first; one if it is no pyramid."""
    return list(layer.data) if layer.multiscale else [layer.data]


def guess_spatial_ndim(layer: napari.layers.Image) -> int:
    """3 for volumes, 2 where the third last axis is time or channel by its label or unit."""
    if layer.ndim < 3:
        return 2
    label = str(layer.axis_labels[-3]).lower()
    is_time = layer.units[-3].dimensionality == {"[time]": 1}
    return 2 if label in _NOT_SPACE or is_time else 3


def spacing_in_micrometres(
    layer: napari.layers.Image, spatial_ndim: int
) -> tuple[float, ...] | None:
    """Voxel size per spatial axis, or None if an axis has no unit of length.

    It is the size that napari shows, wherever a layer keeps it: in its scale,
    in its affine, or in both.
    """
    units = [str(unit) for unit in layer.units]
    sizes = []
    for size, unit in list(zip(voxel_sizes_of(layer), units, strict=True))[-spatial_ndim:]:
        worth = ratio(unit, "micrometer")
        if size is None or worth is None:
            return None
        sizes.append(size * worth)
    return tuple(sizes)


def voxel_sizes_of(layer: Any) -> tuple[float | None, ...]:
    """Length of the step that napari shows along each axis, in the unit of the axis."""
    state = {name: getattr(layer, name) for name in ("scale", "rotate", "shear", "affine")}
    return voxel_sizes(steps(state, layer.ndim), [str(unit) for unit in layer.units])


def level_spacings(layer: napari.layers.Image, spatial_ndim: int) -> list[tuple[float, ...] | None]:
    """Voxel size of each level of a layer, finest first; see :func:`spacing_in_micrometres`."""
    finest = spacing_in_micrometres(layer, spatial_ndim)
    shapes = [level.shape[-spatial_ndim:] for level in levels_of(layer)]
    if finest is None:
        return [None] * len(shapes)
    return [
        tuple(s * fine / coarse for s, fine, coarse in zip(finest, shapes[0], shape, strict=True))
        for shape in shapes
    ]


def spatial_state(layer: napari.layers.Image, first: str = "") -> dict[str, Any]:
    """Keywords that place a new layer like ``layer``; ``first`` names an extra leading axis."""
    values = layer.as_layer_data_tuple()[1]
    state = {name: values[name] for name in SPATIAL}
    return deeper(state, first, 1.0, "pixel") if first else state


def deeper(state: dict[str, Any], first: str, size: float, unit: Any) -> dict[str, Any]:
    """Keywords that place a layer with a leading axis more."""
    return {
        "scale": (size, *state["scale"]),
        "translate": (0.0, *state["translate"]),
        "rotate": _before(state["rotate"]),
        # the entries above the diagonal, row by row: the new row is the first
        "shear": np.concatenate([np.zeros(len(state["scale"])), _above_diagonal(state["shear"])]),
        "affine": _before(state["affine"]),
        "units": (unit, *state["units"]),
        "axis_labels": (first, *state["axis_labels"]),
    }


def _before(matrix: Any) -> npt.NDArray[np.float64]:
    """A transform that leaves a new first axis alone."""
    matrix = np.asarray(matrix, np.float64)
    out = np.eye(len(matrix) + 1)
    out[1:, 1:] = matrix
    return out


def _above_diagonal(shear: Any) -> npt.NDArray[np.float64]:
    values: npt.NDArray[np.float64] = np.asarray(shear, np.float64)
    return values if values.ndim == 1 else np.asarray(values[np.triu_indices(len(values), 1)])


def appearance(layer: napari.layers.Image) -> dict[str, Any]:
    """Keywords that make a new layer look like ``layer``."""
    values = layer.as_layer_data_tuple()[1]
    return {name: values[name] for name in (*_LOOKS, "contrast_limits")}


def copy_spatial_state(source: napari.layers.Image, target: napari.layers.Layer) -> None:
    """Put ``target`` where ``source`` is, touching only what differs."""
    first = target.axis_labels[0] if target.ndim > source.ndim else ""
    for name, value in spatial_state(source, first).items():
        if not np.array_equal(_comparable(value), _comparable(getattr(target, name))):
            setattr(target, name, value)


def _comparable(value: Any) -> Any:
    if hasattr(value, "affine_matrix"):
        return value.affine_matrix
    return [str(v) for v in value] if isinstance(value, tuple) else np.asarray(value)


def too_big(array: Any, index: tuple[Any, ...] | None = None) -> str:
    """A sentence if an array, or a part of it, does not fit into the free memory; else empty."""
    sides = [
        n if index is None or part == slice(None) else 1
        for n, part in zip(array.shape, index or array.shape, strict=True)
    ]
    size = math.prod(sides) * array.dtype.itemsize
    return no_room(size, "Crop the image first, or look at it in 2D")


def no_room(size: int, what_to_do: str) -> str:
    """A sentence if so many bytes do not fit into the free memory; else empty."""
    free = psutil.virtual_memory().available
    if size <= _SHARE * free:
        return ""
    return (
        f"it would take {size / 1e9:.1f} GB, but only {free / 1e9:.1f} GB of memory are free. "
        f"{what_to_do}"
    )


def displayed_index(
    layer: napari.layers.Image, viewer: Any, shape: Sequence[int]
) -> tuple[Any, ...]:
    """The index into an array of ``shape`` that the viewer shows of a layer now.

    ``shape`` is that of the level shown; the axes in view are taken whole. Of
    an axis more than the layer has, the first is taken. Where nothing is shown
    (:func:`why_not_shown`), it is the nearest plane.
    """
    if len(shape) > layer.ndim:
        return (slice(0, 1), *displayed_index(layer, viewer, shape[1:]))
    return slicing_of(layer, viewer.dims).index(shape, levels_of(layer)[0].shape)


def why_not_shown(layer: napari.layers.Image, viewer: Any) -> str:
    """A sentence where the viewer shows no single plane or volume of a layer; else empty."""
    cut = slicing_of(layer, viewer.dims)
    if cut.is_thick() and str(layer.projection_mode) != "none":
        return (
            "napari shows several planes as one here. For numbers set the layer’s projection "
            "mode to none, or the thickness of the slice to 0."
        )
    if cut.is_empty(levels_of(layer)[0].shape):
        return "Nothing of the image lies in the plane in view."
    return ""


def shown_level(layer: napari.layers.Image, viewer: Any) -> int:
    """Which level of a pyramid the viewer shows; 0 for any other image."""
    if not layer.multiscale:
        return 0
    if layer.locked_data_level is not None:
        return int(layer.locked_data_level)
    return len(layer.data) - 1 if viewer.dims.ndisplay == 3 else int(layer.data_level)


def name_of_view(
    labels: Sequence[str], index: tuple[slice, ...], shape: Sequence[int], spatial_ndim: int
) -> str:
    """What the part of an image in view is called: where it lies along the axes not shown.

    Axes that the image gives no label are called as steps call them: z, y, x.
    """
    letters = dict(zip(range(-spatial_ndim, 0), "zyx"[-spatial_ndim:], strict=True))
    fixed = []
    for axis, (label, part, n) in enumerate(zip(labels, index, shape, strict=True), -len(shape)):
        if part.start is not None and n > 1:
            unlabelled = label.startswith("-")
            name = letters.get(axis, f"axis {axis + len(shape)}") if unlabelled else label
            fixed.append(f"{name} {part.start}")
    return ", ".join(fixed) or "view"


def showing(source: napari.layers.Image, level: int) -> str:
    """A sentence on how finely an image is shown."""
    levels = levels_of(source)
    factor = round(levels[0].shape[-1] / levels[level].shape[-1])
    if factor == 1:
        return f"Showing “{source.name}” in full resolution."
    return (
        f"Preview of “{source.name}” at 1/{factor}: σ and noise are those of this level. "
        "Zoom in for full resolution."
    )


def how_made(source: napari.layers.Image) -> str:
    """A sentence on the recipe of an image that was generated itself; else empty."""
    try:
        made = Provenance.read(entry_in(source.metadata))
    except ValueError:
        return ""
    if made.recipe is None:
        return ""
    steps = " › ".join(made.recipe.kinds) or "no step"
    steps = f"{made.shows} of {steps}" if made.shows else steps
    return f"It is a generated image: {steps}, seed {made.recipe.seed}, sample {made.number}."
