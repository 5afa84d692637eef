"""Which voxels of a layer napari shows, and where on the canvas: its own slicing, repeated.

napari takes the viewer's point into the layer: through units, affine, rotation,
shear, scale and translation, but without the part of a rotation or shear that
leads out of the slice. That is repeated here operation by operation with the
public transforms of napari, so that even a point half-way between two planes
is rounded to the same one. (napari 0.9: ``layers/base/base.py::_slice_indices``,
``layers/utils/_slice_input.py``, ``layers/_scalar_field/_slice.py``.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pint
from napari.utils.transforms import Affine, CompositeAffine

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Slicing:
    """How a viewer cuts a layer.

    Attributes
    ----------
    displayed : tuple of int
        Axes of the layer in view, in the order of the canvas; the last runs across.
    point, before, after : numpy.ndarray of float64, one number per axis
        Where the layer is cut, and how thick the slice is on both sides, in
        voxels of the finest level. NaN along the axes in view.
    """

    displayed: tuple[int, ...]
    point: Floats
    before: Floats
    after: Floats

    def index(self, shape: Sequence[int], finest: Sequence[int]) -> tuple[slice, ...]:
        """The index into an array of ``shape``, one of the levels; the nearest one if outside."""
        out = []
        for axis, (at, n, full) in enumerate(zip(self.point, shape, finest, strict=True)):
            if axis in self.displayed:
                out.append(slice(None))
                continue
            # clipped before it is rounded, as napari does at each level
            plane = int(np.round(np.clip(at / (full / n), 0, n - 1)))
            out.append(slice(plane, plane + 1))
        return tuple(out)

    def is_empty(self, finest: Sequence[int]) -> bool:
        """Whether the layer lies beside the point, so that nothing of it is shown."""
        return any(
            not 0 <= np.round(at) <= n - 1
            for axis, (at, n) in enumerate(zip(self.point, finest, strict=True))
            if axis not in self.displayed
        )

    def is_thick(self) -> bool:
        """Whether the slice has room for more than one plane."""
        return bool(np.nansum(np.abs(self.before)) + np.nansum(np.abs(self.after)) > 0)


def slicing_of(layer: Any, dims: Any) -> Slicing:
    """How the viewer cuts a layer now."""
    order = _order(dims, layer.ndim)
    displayed, cut = order[-dims.ndisplay :], order[: -dims.ndisplay]
    lines = np.full((3, layer.ndim), np.nan)
    if cut:
        sliced = _sliced(_Place.of(layer), _world_units(layer, dims), cut)
        world = [_last(v, layer.ndim) for v in (dims.point, dims.margin_left, dims.margin_right)]
        found = sliced(np.array(world)[:, list(cut)])
        found[1:] -= sliced.translate
        lines[:, list(cut)] = np.nan_to_num(found, nan=0)
    return Slicing(displayed, *lines)


def data_to_world(layer: Any) -> Affine:
    """From voxels to where they lie, in the units of the layer."""
    return _data_to_world(_Place.of(layer))


def voxel_at(layer: Any, dims: Any, position: Sequence[float]) -> Floats:
    """The voxel, between voxels too, that is drawn at a position in the viewer's world.

    Parameters
    ----------
    position
        One number per axis of the viewer, such as the mouse has; those along
        axes that are not in view do not count.

    Returns
    -------
    numpy.ndarray of float64
        One number per axis of the layer; along axes not in view the point of the slice.
    """
    cut = slicing_of(layer, dims)
    shown = list(cut.displayed)
    world = np.array(_last(position, layer.ndim))[shown] / _factors(layer, dims)[shown]
    out = cut.point.copy()
    out[shown] = data_to_world(layer).set_slice(shown).inverse(world)
    return out


def step_on_canvas(layer: Any, dims: Any, axis: int) -> float:
    """Length of a voxel along an axis in view as it is drawn, in units of the viewer's world."""
    shown = list(slicing_of(layer, dims).displayed)
    matrix = data_to_world(layer).linear_matrix[shown, axis]
    return float(np.linalg.norm(matrix * _factors(layer, dims)[shown]))


# ---- the transforms, which are made once for each place ----


class _Place(NamedTuple):
    """All that says where a layer lies, as something that can be looked up."""

    scale: tuple[float, ...]
    translate: tuple[float, ...]
    rotate: tuple[tuple[float, ...], ...]
    shear: tuple[Any, ...]
    affine: tuple[tuple[float, ...], ...]
    units: tuple[Any, ...]

    @classmethod
    def of(cls, layer: Any) -> _Place:
        return cls(
            _tuples(layer.scale),
            _tuples(layer.translate),
            _tuples(layer.rotate),
            _tuples(layer.shear),
            _tuples(layer.affine.affine_matrix),
            tuple(layer.units),
        )


def _tuples(values: Any) -> Any:
    values = np.asarray(values)
    return tuple(map(tuple, values.tolist())) if values.ndim == 2 else tuple(values.tolist())


@lru_cache(maxsize=64)
def _data_to_world(place: _Place) -> Affine:
    own = CompositeAffine(
        place.scale,
        place.translate,
        rotate=np.array(place.rotate),
        shear=np.array(place.shear),
        ndim=len(place.scale),
    )
    return Affine(affine_matrix=np.array(place.affine)).compose(own)


@lru_cache(maxsize=64)
def _sliced(place: _Place, world: tuple[Any, ...] | None, cut: tuple[int, ...]) -> Affine:
    """From the world to voxels, along the axes that are cut only."""
    to_data = _data_to_world(place).inverse
    if world is not None:
        # of a world unit in units of the layer, divided as napari divides them
        scale = [_worth(of) / _worth(own) for of, own in zip(world, place.units, strict=True)]
        to_data = Affine(
            ndim=to_data.ndim,
            linear_matrix=to_data.linear_matrix @ np.diag(scale),
            translate=to_data.translate,
        )
    return to_data.set_slice(list(cut))


def _order(dims: Any, ndim: int) -> tuple[int, ...]:
    """The axes of a layer in the order in which the viewer has them; it may have more of them."""
    more = dims.ndim - ndim
    order = [axis - more for axis in dims.order if axis >= more]
    return (*range(max(0, -more)), *order)


def _last(values: Sequence[float], n: int) -> list[float]:
    """The last numbers of several, with zeros before them if there are fewer."""
    return [0.0] * (n - len(values)) + [float(v) for v in values][-n:]


def _world_units(layer: Any, dims: Any) -> tuple[Any, ...] | None:
    """Units of the viewer's world per axis; None where napari takes numbers as they are."""
    world = getattr(dims, "units", None)
    return None if world is None or len(world) < layer.ndim else tuple(world[-layer.ndim :])


def _factors(layer: Any, dims: Any) -> Floats:
    """How many units of the viewer's world a unit of the layer is, per axis."""
    world = _world_units(layer, dims)
    pairs = zip(layer.units, world or layer.units, strict=True)
    return np.array([_worth(own) / _worth(of) for own, of in pairs])


@lru_cache(maxsize=256)
def _worth(unit: Any) -> float:
    return float(pint.get_application_registry().get_base_units(unit)[0])
