"""Numbers belong to the plane on display: our slicing is napari's, wherever a layer lies."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.components import ViewerModel
from napari.layers import Image

from napari_diversify.widgets.live.layers import (
    displayed_index,
    spacing_in_micrometres,
    voxel_sizes_of,
    why_not_shown,
)
from napari_diversify.widgets.live.slicing import (
    data_to_world,
    slicing_of,
    step_on_canvas,
    voxel_at,
)

pytestmark = pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")

LENGTHS = ("nanometer", "micrometer", "millimeter")
SIDES = (7, 6, 5, 9, 8)


def numbered(shape):
    """An image in which each voxel holds its own number."""
    return np.arange(np.prod(shape), dtype="float64").reshape(shape)


# ---- layers in any place ----

sizes = st.floats(0.1, 10).map(lambda x: round(x, 3))
signed = st.tuples(sizes, st.sampled_from((1, -1, 1))).map(lambda pair: pair[0] * pair[1])
offsets = st.floats(-20, 20).map(lambda x: round(x, 1))
small = st.floats(-0.8, 0.8).map(lambda x: round(x, 2))


@st.composite
def rotations(draw, ndim):
    """A rotation in a plane of two axes; right angles, as of stacks cut from the side, too."""
    angle = np.deg2rad(draw(st.sampled_from((0, 90, 180, 270)) | st.integers(-180, 180)))
    first, second = draw(st.permutations(range(ndim)))[:2]
    matrix = np.eye(ndim)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second], matrix[second, first] = -np.sin(angle), np.sin(angle)
    return matrix


@st.composite
def affines(draw, ndim):
    matrix = np.eye(ndim + 1)
    for axis in range(ndim):
        matrix[axis, axis] = draw(signed)
        matrix[axis, -1] = draw(offsets)
    if draw(st.booleans()):
        matrix[0, ndim - 1] = draw(small)
    return matrix


@st.composite
def places(draw, ndim):
    """Everything that says where a layer lies, some of it left out."""
    place = {}
    if draw(st.booleans()):
        place["scale"] = [draw(signed) for _ in range(ndim)]
    if draw(st.booleans()):
        place["translate"] = [draw(offsets) for _ in range(ndim)]
    if draw(st.booleans()):
        place["rotate"] = draw(rotations(ndim))
    if draw(st.booleans()):
        place["shear"] = [draw(small) for _ in range(ndim * (ndim - 1) // 2)]
    if draw(st.booleans()):
        place["affine"] = draw(affines(ndim))
    return place


@st.composite
def scenes(draw):
    ndim = draw(st.integers(2, 5))
    place = draw(places(ndim))
    kinds = draw(st.sampled_from(("pixel", "length", "mixed")))
    if kinds == "length":
        place["units"] = tuple(draw(st.sampled_from(LENGTHS)) for _ in range(ndim))
    elif kinds == "mixed":
        lead = ("second",) * (ndim - 2)
        place["units"] = (*lead, *(draw(st.sampled_from(LENGTHS)) for _ in "yx"))
    beside = draw(st.sampled_from((None, "same units", "nanometer", "more axes", "fewer axes")))
    return {
        "ndim": ndim,
        "place": place,
        "beside": beside,
        "override": draw(st.sampled_from((None, None, *LENGTHS))),
        "order": draw(st.randoms(use_true_random=False)),
        "ndisplay": draw(st.sampled_from((2, 2, 2, 3))),
        "shares": [draw(st.floats(0, 1)) for _ in range(6)],
        "between": draw(st.booleans()),
        "levels": draw(st.booleans()),
    }


def built(scene):
    """A viewer with the scene's layer, moved to its point; and the layer."""
    ndim, place = scene["ndim"], scene["place"]
    shape = SIDES[-ndim:]
    viewer = ViewerModel()
    data = numbered(shape)
    layer = viewer.add_image(data, **place)
    units = place.get("units", ("pixel",) * ndim)
    if scene["beside"] == "same units":
        viewer.add_image(np.zeros(shape), units=units, scale=(3,) * ndim)
    elif scene["beside"] == "nanometer":
        others = ["nanometer" if unit in LENGTHS else unit for unit in units]
        viewer.add_image(np.zeros(shape), units=others, scale=(700,) * ndim)
    elif scene["beside"] == "more axes":
        viewer.add_image(np.zeros((3, *shape)), units=("pixel", *units))
    elif scene["beside"] == "fewer axes" and ndim > 2:
        viewer.add_image(np.zeros(shape[1:]), units=units[1:])
    if scene["override"] and viewer.layers.units is not None:
        wanted = [scene["override"] if str(u) in LENGTHS else str(u) for u in viewer.layers.units]
        viewer.layers.units = wanted
    order = list(range(viewer.dims.ndim))
    scene["order"].shuffle(order)
    viewer.dims.order = tuple(order)
    viewer.dims.ndisplay = scene["ndisplay"]
    shares = scene["shares"][-viewer.dims.ndim :]
    ranges = zip(viewer.dims.range, shares, strict=True)
    point = [low + share * (high - low) for (low, high, _), share in ranges]
    if scene["between"]:  # half-way between two voxels, where rounding decides
        voxel = [min(int(s * n), n - 2) + 0.5 for s, n in zip(shares[-ndim:], shape, strict=True)]
        own = data_to_world(layer)(voxel) * factors(layer, viewer)
        point[-ndim:] = own
    viewer.dims.point = tuple(point)
    layer.refresh()  # napari does not draw anew by itself when units are overridden
    return viewer, layer, data


def factors(layer, viewer):
    world = viewer.dims.units
    if world is None:
        return np.ones(layer.ndim)
    pairs = zip(layer.units, world[-layer.ndim :], strict=True)
    return np.array([float((1 * own).to(of).magnitude) for own, of in pairs])


def shown_by_napari(layer):
    """The values that napari has cut out of a layer; None if nothing."""
    return None if layer._slice.empty else np.asarray(layer._slice.image.raw)


def as_napari_turns(values, cut):
    """What an index gives, without the axes that were cut, in the order of the canvas."""
    flat = values.squeeze(tuple(a for a in range(values.ndim) if a not in cut.displayed))
    return flat.transpose(np.argsort(np.argsort(cut.displayed)))


@given(scenes())
@settings(max_examples=150, deadline=None)
def test_the_index_is_that_of_the_plane_on_display(scene):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # napari's, of slices that are not orthogonal
        viewer, layer, data = built(scene)
        shown = shown_by_napari(layer)
    nothing = why_not_shown(layer, viewer)
    assert bool(nothing) == (shown is None)
    if shown is not None:
        cut = slicing_of(layer, viewer.dims)
        values = data[displayed_index(layer, viewer, data.shape)]
        np.testing.assert_array_equal(as_napari_turns(values, cut), shown)


@given(scenes())
@settings(max_examples=50, deadline=None)
def test_nothing_is_computed_differently_from_napari(scene):
    """To the last bit: else a point between two planes may be rounded to the other."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        viewer, layer, _ = built(scene)
        point = np.array(layer._data_slice.point)
    np.testing.assert_array_equal(slicing_of(layer, viewer.dims).point, point)


@pytest.mark.parametrize("ndisplay", [2, 3])
@pytest.mark.parametrize("level", [0, 1, 2])
def test_each_level_of_a_pyramid_is_cut_where_napari_cuts_it(level, ndisplay):
    shapes = [(13, 64, 66), (7, 32, 33), (3, 16, 17)]
    levels = [numbered(shape) for shape in shapes]
    viewer = ViewerModel()
    layer = viewer.add_image(levels, multiscale=True, scale=(2, -1, 1), translate=(3, 0, 0))
    layer.locked_data_level = level
    viewer.dims.ndisplay = ndisplay
    for z in np.linspace(*viewer.dims.range[0][:2], 29):
        viewer.dims.set_point(0, z)
        layer.refresh()
        index = displayed_index(layer, viewer, shapes[level])
        expected = levels[level][index]
        shown = np.asarray(layer._slice.image.raw)
        assert np.isin(shown, expected).all(), "of another plane"


def test_a_thick_slice_that_napari_averages_has_no_numbers():
    viewer = ViewerModel()
    layer = viewer.add_image(numbered((7, 8, 9)), projection_mode="mean")
    assert why_not_shown(layer, viewer) == ""
    viewer.dims.thickness = (4, 0, 0)
    assert "several planes" in why_not_shown(layer, viewer)
    layer.projection_mode = "none"
    assert why_not_shown(layer, viewer) == ""


# ---- where a voxel is drawn ----


@given(scenes())
@settings(max_examples=50, deadline=None)
def test_a_position_on_the_canvas_is_taken_to_the_voxel_drawn_there(scene):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        viewer, layer, data = built({**scene, "ndisplay": 2})
    cut = slicing_of(layer, viewer.dims)
    shown = list(cut.displayed)
    voxel = np.array([0.3 * n for n in data.shape])[shown]
    # napari draws a slice by the part of the transform that is in the plane of the canvas
    drawn = data_to_world(layer).set_slice(shown)(voxel) * factors(layer, viewer)[shown]
    position = np.array(viewer.dims.point)
    position[np.array(shown) + viewer.dims.ndim - layer.ndim] = drawn
    if abs(np.linalg.det(data_to_world(layer).set_slice(shown).linear_matrix)) > 1e-3:
        found = voxel_at(layer, viewer.dims, position)
        np.testing.assert_allclose(found[shown], voxel, rtol=1e-6, atol=1e-6)


def test_the_step_on_the_canvas_is_positive_and_in_the_units_of_the_viewer():
    viewer = ViewerModel()
    layer = viewer.add_image(numbered((7, 8, 9)), scale=(1, 2, -3), units=("micrometer",) * 3)
    assert step_on_canvas(layer, viewer.dims, 2) == pytest.approx(3)
    viewer.layers.units = ("nanometer",) * 3
    assert step_on_canvas(layer, viewer.dims, 2) == pytest.approx(3000)
    layer.affine = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
    assert step_on_canvas(layer, viewer.dims, 1) == pytest.approx(2000)


# ---- the size of a voxel ----


@pytest.mark.parametrize(
    ("place", "sizes"),
    [
        ({"scale": (2, 0.5, 0.25)}, (2, 0.5, 0.25)),
        ({"scale": (2, 0.5, -0.25)}, (2, 0.5, 0.25)),
        ({"affine": np.diag([2, 0.5, 0.25, 1])}, (2, 0.5, 0.25)),
        ({"scale": (2, 1, 1), "affine": np.diag([1, 0.5, 0.25, 1])}, (2, 0.5, 0.25)),
        ({"scale": (2, 0.5, 0.25), "rotate": (30, 0, 0)}, (2, 0.5, 0.25)),
        ({"scale": (2, 0.5, 0.25), "shear": (0, 3, 0)}, (2, 0.5, np.hypot(0.25, 0.75))),
        ({"scale": (2, 500, 250), "units": ("um", "nm", "nm")}, (2, 0.5, 0.25)),
        ({"scale": (2, 0.5, 0.25), "units": ("pixel", "um", "um")}, None),
        ({"scale": (2, 0.5, 0.25), "units": ("second", "um", "um")}, None),
    ],
)  # fmt: skip
def test_lengths_use_the_voxel_size_that_napari_shows(place, sizes):
    layer = Image(numbered((7, 8, 9)), **{"units": ("micrometer",) * 3, **place})
    found = spacing_in_micrometres(layer, 3)
    assert found == (None if sizes is None else pytest.approx(sizes, rel=1e-12))


def test_the_voxel_size_is_that_of_a_step_on_the_screen():
    rng = np.random.default_rng(0)
    for _ in range(20):
        matrix = np.eye(4)
        matrix[:3, :3] = rng.normal(size=(3, 3))
        layer = Image(
            numbered((7, 8, 9)), scale=rng.uniform(0.1, 4, 3), shear=rng.normal(size=3),
            affine=matrix, units=("micrometer",) * 3,
        )  # fmt: skip
        at = np.eye(3)
        steps = [
            np.subtract(layer.data_to_world(one), layer.data_to_world(np.zeros(3))) for one in at
        ]
        np.testing.assert_allclose(voxel_sizes_of(layer), np.linalg.norm(steps, axis=1))


def test_a_voxel_size_in_the_affine_is_that_of_scale_to_the_last_bit():
    scaled = Image(numbered((7, 8, 9)), scale=(2.3, 0.1, 0.7), units=("micrometer",) * 3)
    placed = Image(
        numbered((7, 8, 9)), affine=np.diag([2.3, 0.1, 0.7, 1]), units=("micrometer",) * 3
    )
    assert spacing_in_micrometres(scaled, 3) == spacing_in_micrometres(placed, 3) == (2.3, 0.1, 0.7)
