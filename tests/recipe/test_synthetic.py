"""Synthetic specimens as data: JSON, lazy arrays, sentences for what cannot be."""

import copy
import functools
import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_diversify.core.blocks import exhaust
from napari_diversify.core.specimens import fitting
from napari_diversify.core.specimens.microscope import Microscope
from napari_diversify.core.specimens.morphometry import measure
from napari_diversify.core.specimens.population import Population
from napari_diversify.model import bounds_of, extra_of
from napari_diversify.synthetic import membranes, nuclei
from napari_diversify.synthetic import specimen as module
from napari_diversify.synthetic.membranes import SyntheticMembranes
from napari_diversify.synthetic.nuclei import SyntheticNuclei
from napari_diversify.synthetic.registry import KINDS

MODELS = list(KINDS.values())
FIELDS = {2: ((40, 50), (0.4, 0.4)), 3: ((14, 40, 50), (0.6, 0.4, 0.4))}


@pytest.fixture(scope="module")
def specimens():
    """A specimen of each model in 2D and 3D, with all its voxels."""
    made = {}
    for model in MODELS:
        for ndim, field in FIELDS.items():
            specimen = model(diameter=5.0, seed=3).specimen(*field)
            made[model, ndim] = specimen, np.asarray(specimen.image), np.asarray(specimen.labels)
    return made


# ---- models ----


@pytest.mark.parametrize("model", MODELS)
def test_every_parameter_says_what_it_is(model):
    for name, field in model.model_fields.items():
        if name == "kind":
            continue
        assert field.title, name
        assert len(field.description) > 15, name
        if field.annotation is float:
            low, high = bounds_of(field)
            assert np.isfinite([low, high]).all(), name
            slider = extra_of(field).get("slider", [low, high])
            assert low <= slider[0] < slider[1] <= high, name
            assert slider[0] <= field.default <= slider[1], name


def test_defaults_are_those_of_the_core():
    assert SyntheticNuclei().population() == Population()
    assert SyntheticNuclei()._microscope() == SyntheticMembranes()._microscope() == Microscope()


def test_the_objects_come_before_the_microscope():
    for model in MODELS:
        names = list(model.model_fields)
        assert names[:2] == ["kind", "diameter"]
        assert names.index("texture") < names.index("grain") < names.index("seed")


@pytest.mark.parametrize("model", MODELS)
def test_json_gives_the_same_model_and_the_same_bits(model):
    first = model(diameter=4.5, texture=0.1, seed=9)
    again = model.model_validate_json(first.model_dump_json())
    assert again == first
    assert json.loads(first.model_dump_json())["kind"] == first.kind
    one, two = (m.specimen((30, 30), (0.4, 0.4)) for m in (first, again))
    np.testing.assert_array_equal(one.image[...], two.image[...])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"diameter": 0}, "diameter must be greater than 0"),
        ({"axis_ratio": 0.5}, "axis_ratio must be 1.0 or more"),
        ({"overlap": 1.0}, "overlap must be at most 0.9"),
        ({"density": float("nan")}, "density must be a finite number"),
        ({"seed": -1}, "seed must be 0 or more"),
        ({"kind": "membranes"}, "kind must be 'nuclei'"),
        ({"size": 3}, "SyntheticNuclei has no parameter 'size'; it has kind, diameter"),
    ],
)
def test_bad_values_are_refused_with_a_sentence(values, said):
    with pytest.raises(ValueError, match=said):
        SyntheticNuclei(**values)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("shape", "spacing", "said"),
    [
        ((30, 30), (0.4, -0.4), "spacing must be 2 positive sizes"),
        ((30, 30), (0.4,) * 3, "spacing must be 2 positive sizes"),
        ((30,), (0.4,), "shape must be two or three"),
        ((30, 0), (0.4, 0.4), "shape must be two or three"),
    ],
)
def test_a_specimen_needs_a_shape_and_a_spacing(model, shape, spacing, said):
    with pytest.raises(ValueError, match=said):
        model().specimen(shape, spacing)


@pytest.mark.parametrize("model", MODELS)
def test_the_seed_decides_the_specimen(model):
    first, again, other = (model(seed=s).specimen(*FIELDS[3]) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.image[...], again.image[...])
    np.testing.assert_array_equal(first.labels[...], again.labels[...])
    assert (first.image[...] != other.image[...]).mean() > 0.5


def test_a_crowd_without_room_is_told():
    note = SyntheticNuclei(density=50).specimen((16, 40, 40), (0.5, 0.4, 0.4)).note
    assert "no room for all nuclei" in note
    assert "instead of 50" in note
    assert SyntheticNuclei().specimen((16, 40, 40), (0.5, 0.4, 0.4)).note == ""


def test_too_many_cells_are_refused():
    with pytest.raises(ValueError, match="can be drawn"):
        SyntheticMembranes(diameter=0.5).specimen((1000, 1000, 1000), (1, 1, 1))


# ---- lazy arrays ----


@st.composite
def basic_index(draw, shape):
    parts = []
    for n in shape[: draw(st.integers(0, len(shape)))]:
        parts.append(draw(st.one_of(st.integers(-n, n - 1), st.slices(n))))
    if draw(st.booleans()):
        parts.append(Ellipsis)
    return tuple(parts)


@given(st.sampled_from(MODELS), st.sampled_from([2, 3]), st.data())
@settings(max_examples=80, deadline=None)
def test_every_index_gives_what_numpy_gives(specimens, model, ndim, data):
    specimen, image, labels = specimens[model, ndim]
    key = data.draw(basic_index(image.shape))
    for lazy, array in ((specimen.image, image), (specimen.labels, labels)):
        found, expected = lazy[key], np.asarray(array[key])
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected, strict=True)


@pytest.mark.parametrize("model", MODELS)
def test_lazy_arrays_have_what_napari_asks_for(specimens, model):
    specimen, image, labels = specimens[model, 3]
    for lazy, array in ((specimen.image, image), (specimen.labels, labels)):
        assert (lazy.shape, lazy.dtype, lazy.ndim, lazy.size, lazy.nbytes, len(lazy)) == (
            (array.shape, array.dtype, array.ndim, array.size, array.nbytes, len(array))
        )
        for other in (copy.deepcopy(lazy), copy.copy(lazy)):
            assert other is not lazy
            assert other._compute == lazy._compute
        assert np.asarray(lazy, dtype="float32").dtype == np.float32
        with pytest.raises(ValueError, match="without a copy"):
            np.array(lazy, copy=False)
        with pytest.raises(IndexError, match="out of bounds"):
            lazy[len(array)]
    assert specimen.image.dtype == np.uint16
    assert specimen.spacing == FIELDS[3][1]


def test_planes_and_rows_are_computed_in_pieces_that_fit_the_memory(monkeypatch):
    whole = SyntheticNuclei(density=3).specimen((9, 150, 40), (0.5, 0.4, 0.4)).image
    expected = whole[...]
    pieces = []

    def compute(region):
        pieces.append(tuple(len(r) for r in region))
        return whole._compute(region)

    for slab, piece in ((150 * 40 * 2, (2, 150, 40)), (70 * 40, (1, 70, 40))):
        monkeypatch.setattr(module, "_SLAB", slab)
        pieces.clear()
        found = module.SpecimenArray(compute, whole.shape, whole.dtype)[...]
        np.testing.assert_array_equal(found, expected)
        assert pieces[0] == piece
    pieces.clear()
    np.testing.assert_array_equal(
        module.SpecimenArray(compute, whole.shape, whole.dtype)[::4, ::-3], expected[::4, ::-3]
    )
    assert {p[0] for p in pieces} == {1}


@pytest.mark.parametrize("model", MODELS)
def test_a_plane_of_a_huge_volume_costs_a_plane(model):
    # 80 GB of voxels; what is drawn as a whole are the objects
    many = model(diameter=40.0, **({"density": 0.01} if model is SyntheticNuclei else {}))

    def looked(depth):
        specimen = many.specimen((depth, 2000, 2000), (0.1, 0.2, 0.2))
        specimen.image[0, :2, :2]  # compiled
        start = time.perf_counter()
        assert specimen.image[depth // 2, ::4, 600:1100].shape == (500, 500)
        assert specimen.labels[depth // 2, :500, :500].shape == (500, 500)
        return time.perf_counter() - start

    thin, huge = min(looked(100), looked(100)), looked(10_000)
    assert huge < 10 * thin  # of a hundred times the voxels


# ---- like labels of the user's ----


def test_nuclei_like_labels_have_their_parameters():
    shape, spacing = (60, 120, 120), (0.5, 0.4, 0.4)
    asked = SyntheticNuclei(diameter=6.0, axis_ratio=1.7, density=0.8, signal=2000, offset=300)
    specimen = asked.specimen(shape, spacing)
    found = SyntheticNuclei.like(np.asarray(specimen.labels), spacing, np.asarray(specimen.image))
    assert found.diameter == pytest.approx(6.0, rel=0.05)
    assert found.axis_ratio == pytest.approx(1.7, rel=0.05)
    assert found.density == pytest.approx(0.8, rel=0.12)
    assert found.signal == pytest.approx(2000, rel=0.1)
    assert found.offset == pytest.approx(345, abs=30)
    assert 0.05 < found.texture < 0.3
    assert SyntheticNuclei.like(np.asarray(specimen.labels), spacing).signal == asked.signal + 1000


@pytest.mark.parametrize("apart", [True, False])
def test_membranes_like_labels_have_their_size(apart):
    spacing = (0.4, 0.4)
    specimen = SyntheticMembranes(diameter=6.0, apart=apart).specimen((250, 250), spacing)
    found = SyntheticMembranes.like(np.asarray(specimen.labels), spacing)
    assert found.diameter == pytest.approx(6.0, rel=0.06)
    assert found.apart is apart


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("labels", "image", "error", "said"),
    [
        (np.zeros((8, 8), int), None, ValueError, "no label in the array"),
        (np.eye(8), None, TypeError, "whole numbers"),
        (np.eye(8, dtype=int), np.ones((4, 4)), ValueError, "the same shape"),
    ],
)
def test_labels_that_cannot_be_used_are_refused(model, labels, image, error, said):
    with pytest.raises(error, match=said):
        model.like(labels, (0.5, 0.5), image)


@pytest.mark.parametrize(
    ("shape", "spacing"), [((256, 256), (0.2, 0.2)), ((24, 96, 96), (0.5, 0.4, 0.4))]
)
def test_the_number_of_cells_is_about_that_of_the_labels(shape, spacing):
    specimen = SyntheticMembranes(diameter=8.0).specimen(shape, spacing)
    labels = np.unique(np.asarray(specimen.labels)).size
    assert 1 <= specimen.objects <= labels  # some of them reach in from around the field
    assert specimen.objects > labels / 4


@pytest.mark.parametrize("model", MODELS)
def test_labels_are_measured_once_and_the_image_no_more_often(model, monkeypatch):
    shape, spacing = (8, 48, 48), (0.5, 0.3, 0.3)
    specimen = model(diameter=4, seed=2).specimen(shape, spacing)
    labels, image = np.asarray(specimen.labels), np.asarray(specimen.image)
    calls = []
    for name in ("measure", "measure_image"):
        for room in (fitting, nuclei, membranes):
            real = getattr(room, name, None)
            if real is not None:
                counted = functools.partial(_counted, real, calls, name, labels)
                monkeypatch.setattr(room, name, counted)
    matched = exhaust(model.matching(labels, spacing, image))
    assert calls.count("measure") == 1
    assert calls.count("measure_image") <= 1  # and once more of a first try
    assert matched.labels == measure(labels, spacing)
    assert matched.model == model.like(labels, spacing, image)


def _counted(real, calls, name, labels, given, *more):
    if given is labels:
        calls.append(name)
    return real(given, *more)
