"""What must be true after whatever the monkey has done."""

import copy
import gc
import json
import threading
import zlib
from collections import Counter

import napari.layers
import numpy as np
from monkey_world import is_live_copy, linked_with

from napari_diversify.recipe import LazyLocalStd, LazyRemoved, Recipe, Sampling
from napari_diversify.recipe.lazy.compared import LazyHidden
from napari_diversify.recipe.lazy.source import original
from napari_diversify.synthetic.plan import Plan
from napari_diversify.widgets.diversify.dock import Explorer
from napari_diversify.widgets.diversify.resolve import resolve
from napari_diversify.widgets.live import ours
from napari_diversify.widgets.live.feed import Feed
from napari_diversify.widgets.live.layers import (
    METADATA_KEY,
    SPATIAL,
    entry_of,
    level_spacings,
    levels_of,
    spatial_state,
)
from napari_diversify.widgets.live.live_layer import LiveLayer
from napari_diversify.widgets.live.source_watch import SourceWatch
from napari_diversify.widgets.qt.proxy import behind
from napari_diversify.widgets.synthetic.dock import SyntheticDock

_LOOKS = ("visible", "opacity", "blending", "gamma", "contrast_limits", "projection_mode")
_COMPARED = ("visible", "opacity", "blending")
_STATE = (*SPATIAL, *_LOOKS, "name", "metadata", "locked")


class Wrong(AssertionError):
    """Something is not as it must be."""


# ---- the user's layers ----


class Ledger:
    """The user's layers as the user left them."""

    def __init__(self, world):
        self._world = world
        self._known = {}  # by layer: its state
        self._unsure = []  # what was changed while compared layers were hidden or blinking

    def note(self, event):
        """Take in what the user has done himself, after each event."""
        world = self._world
        here = set(world.users())
        for layer in [la for la in self._known if la not in here]:
            if layer not in world.allowed:
                raise Wrong(f"“{layer.name}” of the user's is gone after {event}")
            del self._known[layer]
        for layer in here:
            if layer not in self._known:
                self._known[layer] = _state_of(layer)
        for layer, names in world.touched:
            if layer not in self._known:
                continue
            if (world.compared or world.comparing) and set(names) & set(_COMPARED):
                self._unsure.append((layer, names))
            else:
                self._known[layer].update(_state_of(layer, names))
        world.touched.clear()
        world.allowed.clear()

    def check(self):
        """Compare the user's layers with what they were."""
        if not self._world.comparing:
            for layer, names in self._unsure:
                if layer in self._known:
                    self._known[layer].update(_state_of(layer, names))
            self._unsure.clear()
        for layer, before in self._known.items():
            now = _state_of(layer)
            for name, value in before.items():
                if self._world.comparing and name in _COMPARED:
                    continue  # put back when it ends
                if name == "visible" and linked_with(layer):
                    before[name] = now[name]  # it follows those that the user has linked it with
                    continue
                if name == "contrast_limits" and _same(value, (0, 1)):
                    before[name] = now[name]  # napari measures what is no array once it is seen
                    continue
                if not _same(value, now[name]):
                    raise Wrong(f"{name} of “{layer.name}” was {value!r}, is {now[name]!r}")


def _state_of(layer, names=None):
    names = (*_STATE, "voxels") if names is None else names
    state = {}
    for name in names:
        if name == "voxels":
            state[name] = None if is_live_copy(layer) else _sum_of(layer)
        elif hasattr(layer, name):
            value = getattr(layer, name)
            state[name] = value.affine_matrix if name == "affine" else copy.deepcopy(value)
    return state


def _sum_of(layer):
    levels = levels_of(layer) if isinstance(layer, napari.layers.Image) else [layer.data]
    if not all(hasattr(level, "dtype") for level in levels):
        return None  # shapes
    return [(zlib.crc32(np.asarray(v).tobytes()), str(v.dtype), tuple(v.shape)) for v in levels]


def _same(a, b):
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.array_equal(a, b)
    return bool(a == b) or str(a) == str(b)


# ---- the pictures ----


class Pictures:
    """What layers of ours show, against what the core makes of the image."""

    def __init__(self, world):
        self._world = world
        self._made = {}

    def check(self):
        """Compare all that is visible with what the core makes of the present voxels."""
        world, dock = self._world, self._world.dock
        views = () if dock is None else dock.session.views.views.values()
        driven = {view.live.layer: view for view in views if view.live.layer is not None}
        for layer in world.ours():
            if not layer.visible:
                continue
            if ours.role_of(layer) in ("synthetic", "synthetic labels"):
                self._compare(layer, self._specimen(layer))
            elif layer in driven:
                self._check_view(driven[layer], layer)
            elif dock is not None and layer == dock.samples.live.layer:
                self._check_sheet(dock.samples, layer)
        if dock is not None:
            self._check_switches(dock)
        for layer in world.users():
            if layer.visible and is_live_copy(layer):
                self._check_copy(layer)

    def _check_view(self, view, layer):
        world = self._world
        image, voxels = view._made_of
        if image is None or image not in world.layers:
            return  # left with its last picture: nothing is said of it any more
        if voxels is not behind(levels_of(image)[0]):
            if id(behind(layer)) not in world.eyes and layer.visible:
                raise Wrong(f"“{layer.name}” shows voxels that “{image.name}” has no more")
            return
        entry = entry_of(layer)
        if entry["source"] != image.name:
            raise Wrong(f"“{layer.name}” says it is of “{entry['source']}”, not “{image.name}”")
        for name in SPATIAL:
            theirs, mine = getattr(image, name), getattr(layer, name)
            if not _same(_plain(theirs), _plain(mine)):
                raise Wrong(f"{name} of “{layer.name}” is {mine!r}, of its image {theirs!r}")
        self._compare(layer, self._expected(view, layer, image))

    def _check_switches(self, dock):
        """What is switched on is of the chosen image, with the settings that are shown."""
        source = dock.session.image.source()
        if dock.source_panel.picker.source() is None:
            return  # what was made of the last image stays
        wanted_views = resolve(dock.state(), dock.session.image.facts())
        for name, view in dock.session.views.views.items():
            layer = view.live.layer
            if layer is None or layer not in self._world.layers:
                continue
            if name not in wanted_views:
                if layer.visible and id(behind(layer)) not in self._world.eyes:
                    raise Wrong(f"“{layer.name}” is visible, and switched off")
                continue
            if source is None or not view.shows(source):
                if layer.visible and id(behind(layer)) not in self._world.eyes:
                    raise Wrong(f"“{layer.name}” is visible, but not of the chosen image")
                continue
            if dock.session.image.facts().known and "recipe" in entry_of(layer):
                recipe = wanted_views[name].recipe
                wanted = json.loads(recipe.to_json())
                if entry_of(layer)["recipe"] != wanted and not _refused(view, source, recipe):
                    raise Wrong(f"{name} is not in step: {entry_of(layer)['recipe']} != {wanted}")

    def _check_sheet(self, samples, layer):
        if samples.source is None or samples.source not in self._world.layers:
            return
        if samples.shows(samples.source):
            entry = entry_of(layer)
            sampling = Sampling(**entry["sampling"])
            levels = []
            spacings = level_spacings(samples.source, samples.live.arrays[0].spatial_ndim)
            for level, spacing in zip(levels_of(samples.source), spacings, strict=True):
                array = np.array(level)
                made = [sampling.recipe_of(n).apply(array, spacing) for n in range(len(sampling))]
                levels.append(np.stack(made))
            self._compare(layer, levels)

    def _check_copy(self, layer):
        """A copy of a live layer follows the voxels of its image, with the settings it had."""
        arrays = [behind(level).array for level in levels_of(layer)]
        sources = [original(array.source) for array in arrays if hasattr(array, "source")]
        others = [other for other in self._world.layers if other is not layer]
        images = [la for la in others if isinstance(la, napari.layers.Image)]
        there = [original(level) for image in images for level in levels_of(image)]
        if not all(any(source is other for other in there) for source in sources):
            return  # its image is gone, and nobody says when its voxels are edited
        made = []
        for array in arrays:
            fresh = copy.copy(array)
            fresh._cache = fresh._held = None
            fresh.source = np.array(original(array.source))
            made.append(fresh.read(tuple(range(n) for n in fresh.shape)))
        self._compare(layer, made)

    def _expected(self, view, layer, image):
        """Every level of a layer, computed from scratch."""
        entry = entry_of(layer)
        shows, levels = entry.get("shows", ""), [np.array(level) for level in levels_of(image)]
        if "window" in entry:
            window, stride, ndim = entry["window"], entry["stride"], entry["spatial_ndim"]
            return [np.asarray(LazyLocalStd(level, window, stride, ndim)) for level in levels]
        recipe = Recipe.from_json(json.dumps(entry["recipe"]))
        spacings = level_spacings(image, recipe.spatial_ndim or min(image.ndim, 3))
        if shows in ("removed", "hidden signal"):
            kind = LazyRemoved if shows == "removed" else LazyHidden
            return [
                np.asarray(kind(level, recipe, spacing, entry["sample"]))
                for level, spacing in zip(levels, spacings, strict=True)
            ]
        results = [
            recipe.apply(level, spacing, entry["sample"])
            for level, spacing in zip(levels, spacings, strict=True)
        ]
        if shows == "difference":
            pairs = zip(results, levels, strict=True)
            return [np.subtract(a, b, dtype=np.float64).astype(np.float32) for a, b in pairs]
        if shows == "split":
            axis, share = view.divider
            for result, level in zip(results, levels, strict=True):
                upto = (..., slice(round(share * level.shape[axis])), *[slice(None)] * (-1 - axis))
                result[upto] = level[upto]
        return results

    def _specimen(self, layer):
        plan = Plan.from_record(entry_of(layer)["specimen"])
        specimen = plan.specimen()
        role = ours.role_of(layer)
        return [(specimen.image if role == "synthetic" else specimen.labels)[...]]

    def _compare(self, layer, levels):
        """What napari shows of a layer is what it would show of plain arrays in its place."""
        if layer._slicing_state._units != self._world.viewer.dims.units:
            return  # napari has not drawn it in the new units yet
        raw, wanted = layer._slice.image.raw, self._sliced(layer, levels)
        if raw.shape != wanted.shape or raw.dtype != wanted.dtype:
            raise Wrong(
                f"the picture of “{layer.name}” is {raw.dtype} {raw.shape}, "
                f"not {wanted.dtype} {wanted.shape}"
            )
        if raw.tobytes() != wanted.tobytes():
            share = np.mean(raw != wanted)
            raise Wrong(f"{share:.1%} of the picture of “{layer.name}” are not what they must be")
        for level, values in zip(levels_of(layer), levels, strict=True):
            if np.asarray(level).tobytes() != values.tobytes():
                raise Wrong(f"the data of “{layer.name}” are not what its recipe makes")

    def _sliced(self, layer, levels):
        kind = napari.layers.Labels if layer._type_string == "labels" else napari.layers.Image
        like = {} if kind is napari.layers.Labels else {"contrast_limits": (0, 1)}
        plain = kind(
            levels if layer.multiscale else levels[0],
            multiscale=layer.multiscale,
            projection_mode="none",
            **spatial_state(layer),
            **like,
        )
        if layer.multiscale:
            self._take_tile(plain, layer)
        plain._slicing_state.set_slice_input_from_dims(self._world.viewer.dims, force=True)
        plain.set_view_slice()
        return np.asarray(plain._slice.image.raw)

    def _take_tile(self, plain, layer):
        """Show the tile that was drawn last: napari moves the corners some time before it draws."""
        tile, factors = layer._slice.tile_to_data, np.asarray(layer.downsample_factors)
        displayed = list(layer._slice_input.displayed)
        apart = np.abs(factors[:, displayed] - np.asarray(tile.scale)[displayed]).sum(axis=1)
        plain._data_level = level = int(apart.argmin())
        plain.locked_data_level = level
        corners = np.zeros((2, layer.ndim), int)
        first = np.round(np.asarray(tile.translate) / factors[level]).astype(int)
        corners[0, displayed] = first[displayed]
        corners[1, displayed] = first[displayed] + np.array(layer._slice.image.raw.shape) - 1
        plain.corner_pixels = corners


def _plain(value):
    return value.affine_matrix if hasattr(value, "affine_matrix") else value


def _refused(view, source, recipe):
    """Whether the settings cannot be shown of this image."""
    try:
        view._arrays(source, recipe)
    except ValueError:
        return True
    return False


# ---- leaks ----

_COUNTED = (Explorer, SyntheticDock, LiveLayer, Feed, SourceWatch)


def counted():
    """How many objects of ours there are, by kind."""
    return Counter(type(o).__name__ for o in gc.get_objects() if type(o) in _COUNTED)


def check_leaks(world):
    """Compare the objects of ours with what is open."""
    world.tidy()
    here, docks = counted(), len(world.docks) + 2  # napari keeps wrappers of closed ones a while
    live = 8 * docks
    shown = [la for la in world.layers if ours.role_of(la) is not None or is_live_copy(la)]
    most = {
        "Explorer": docks,
        "SyntheticDock": int(world.synthetic is not None) + 2,
        "LiveLayer": live,
        # one per level of each layer that copies share, and one that a view keeps of a layer gone
        "Feed": sum(len(levels_of(la)) if hasattr(la, "multiscale") else 1 for la in shown) + live,
        # of images, of those that are gone though layers made of them are not, of one left last
        "SourceWatch": len(world.images()) + 2 * len(shown) + docks + 1,
    }
    for name, n in here.items():
        if n > most[name]:
            raise Wrong(f"{n} objects {name} where {most[name]} are at work")
    roles = Counter(ours.role_of(layer) for layer in world.ours())
    if several := [role for role, n in roles.items() if n > 1]:
        raise Wrong(f"several layers each of {several}")
    threads = [t for t in threading.enumerate() if t.name == "diversify"]
    if len(threads) > 6:
        raise Wrong(f"{len(threads)} threads")


def metadata_of(layer):
    """Without what we write of ours."""
    return {k: v for k, v in layer.metadata.items() if k != METADATA_KEY}
