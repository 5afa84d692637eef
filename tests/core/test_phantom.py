"""Synthetic nuclei: seeded, labelled, apart from each other, and bright."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_diversify.core import synthetic_nuclei
from napari_diversify.core.blocks import slices, whole
from napari_diversify.core.specimens.microscope import Microscope, Texture
from napari_diversify.core.specimens.nuclei import Nuclei
from napari_diversify.core.specimens.population import Population

SMALL = {"shape": (24, 96, 96), "count": 12}


@pytest.fixture(scope="module")
def phantom():
    return synthetic_nuclei((40, 160, 160), count=20, seed=3)


@pytest.fixture(scope="module")
def crowd():
    return synthetic_nuclei(
        (60, 120, 120), spacing=(0.2, 0.2, 0.2), radius=(1.2, 2.8), count=200, seed=5
    )


def test_the_default_volume_has_its_documented_size():
    phantom = synthetic_nuclei()
    assert phantom.image.shape == phantom.labels.shape == (64, 256, 256)
    assert phantom.spacing == (0.5, 0.2, 0.2)
    assert 1 <= phantom.labels.max() <= 80


def test_image_and_labels_are_uint16(phantom):
    assert phantom.image.dtype == phantom.labels.dtype == np.uint16


def test_the_seed_decides_the_volume():
    first, again, other = (synthetic_nuclei(**SMALL, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.labels, again.labels)
    assert (first.image != other.image).mean() > 0.5
    assert (first.labels != other.labels).any()


@pytest.mark.parametrize("name", ["phantom", "crowd"])
def test_labels_are_numbered_without_gaps(name, request):
    labels = request.getfixturevalue(name).labels
    numbers = np.unique(labels)
    assert numbers.tolist() == list(range(labels.max() + 1))
    assert labels.max() > 1


def test_nuclei_without_room_are_left_out(crowd):
    assert 1 < crowd.labels.max() < 300


@pytest.mark.parametrize("name", ["phantom", "crowd"])
def test_every_nucleus_is_one_piece(name, request):
    labels = request.getfixturevalue(name).labels
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        assert ndimage.label(labels[box] == number, np.ones((3, 3, 3)))[1] == 1


def test_nuclei_are_whole_ellipsoids_that_do_not_overlap(crowd):
    whole = 0
    for number, box in enumerate(ndimage.find_objects(crowd.labels), start=1):
        if any(s.start == 0 or s.stop == n for s, n in zip(box, crowd.labels.shape, strict=True)):
            continue  # cut by the border of the volume
        here = crowd.labels[box]
        places = np.argwhere(here == number) * crowd.spacing
        # centre, axes and volume of a solid ellipsoid follow from its moments
        shape = 5 * np.cov(places.T, bias=True)
        volume = len(places) * np.prod(crowd.spacing)
        assert volume == pytest.approx(4 / 3 * np.pi * np.sqrt(np.linalg.det(shape)), rel=0.02)
        foreign = np.argwhere((here != number) & (here > 0)) * crowd.spacing - places.mean(axis=0)
        radius = np.sqrt(np.einsum("ij,jk,ik->i", foreign, np.linalg.inv(shape), foreign))
        assert (radius > 1).all()
        whole += 1
    assert whole > 20


def test_every_nucleus_is_brighter_than_the_background(phantom):
    numbers = range(1, int(phantom.labels.max()) + 1)
    nuclei = ndimage.median(phantom.image, phantom.labels, numbers)
    background = np.percentile(phantom.image[phantom.labels == 0], 95)
    assert (np.asarray(nuclei) > background).all()


def test_semi_axes_are_given_in_micrometres():
    phantom = synthetic_nuclei((60, 100, 100), radius=(3, 3), count=1, spacing=(0.3, 0.2, 0.2))
    rough = synthetic_nuclei((30, 50, 50), radius=(3, 3), count=1, spacing=(0.6, 0.4, 0.4))
    volumes = [np.count_nonzero(p.labels) * np.prod(p.spacing) for p in (phantom, rough)]
    assert volumes[0] == pytest.approx(volumes[1], rel=0.05)


def test_the_count_is_reached_where_there_is_room():
    for seed in range(3):
        assert synthetic_nuclei((40, 160, 160), count=25, seed=seed).labels.max() == 25


def test_the_default_nuclei_fill_about_a_seventh_of_the_volume():
    share = np.mean([(synthetic_nuclei(seed=s).labels > 0).mean() for s in range(3)])
    assert 0.13 < share < 0.17


@pytest.mark.parametrize("name", ["phantom", "crowd"])
def test_no_nucleus_touches_another(name, request):
    labels = request.getfixturevalue(name).labels
    high = ndimage.maximum_filter(labels, 3, mode="nearest")
    low = ndimage.minimum_filter(np.where(labels == 0, 2**15, labels), 3, mode="nearest")
    assert not ((labels > 0) & ((high > labels) | (low < labels))).any()


# ---- regions ----

SIZES = {2: ((50, 70), (0.3, 0.3)), 3: ((18, 50, 60), (0.6, 0.3, 0.3))}


@pytest.fixture(scope="module")
def fields():
    """Crowded, overlapping nuclei in 2D and 3D, and all their voxels."""
    made = {}
    for ndim, (shape, spacing) in SIZES.items():
        many = Population(diameter=4.0, density={2: 30.0, 3: 4.0}[ndim], overlap=0.3)
        nuclei = Nuclei(many.draw(shape, spacing, 3), shape, spacing, 3)
        made[ndim] = nuclei, nuclei.labels(whole(shape)), nuclei.image(whole(shape))
    return made


@given(st.sampled_from([2, 3]), st.data())
@settings(max_examples=60, deadline=None)
def test_a_region_is_the_same_part_of_the_whole(fields, ndim, data):
    nuclei, labels, image = fields[ndim]
    region = []
    for n in nuclei.shape:
        start = data.draw(st.integers(0, n - 1))
        region.append(range(start, data.draw(st.integers(start + 1, n))))
    there = slices(tuple(region))
    assert nuclei.labels(tuple(region)).tobytes() == labels[there].tobytes()
    assert nuclei.image(tuple(region)).tobytes() == image[there].tobytes()


@pytest.mark.parametrize("ndim", [2, 3])
def test_every_object_has_its_label_and_every_label_its_object(fields, ndim):
    nuclei, labels, _ = fields[ndim]
    assert np.unique(labels).tolist() == list(range(len(nuclei.objects) + 1))


def test_more_than_65535_objects_take_wider_labels():
    shape, spacing = (1300, 1300), (0.5, 0.5)
    many = Population(diameter=1.2, diameter_variation=0, axis_ratio=1, density=200, overlap=0.3)
    objects = many.draw(shape, spacing, 0)
    assert len(objects) > 65535
    assert Nuclei(objects, shape, spacing).labels((range(9), range(9))).dtype == np.uint32


# ---- the image ----


def plain(nuclei, **changes):
    """The same nuclei, seen without blur, shading, background and (nearly) noise."""
    clear = Microscope(blur=0, axial_blur=0, shading=0, background=0, read_noise=0, gain=1e4)
    return replace(nuclei, **({"microscope": clear} | changes))


@pytest.fixture(scope="module")
def calm():
    shape, spacing = (40, 120, 120), (0.5, 0.3, 0.3)
    population = Population(diameter=7.0, density=1.0, brightness_variation=0.0)
    return Nuclei(population.draw(shape, spacing, 1), shape, spacing, 1)


@pytest.mark.parametrize("strength", [0.0, 0.1, 0.25])
def test_texture_is_as_strong_as_asked(calm, strength):
    nuclei = plain(calm, texture=Texture(strength, 1.0))
    image = nuclei.image(whole(calm.shape)) - 100.0
    smooth = plain(calm, texture=Texture(0.0, 1.0)).image(whole(calm.shape)) - 100.0
    inside = ndimage.binary_erosion(calm.labels(whole(calm.shape)) > 0, iterations=2)
    found = (image[inside] / smooth[inside]).std()
    assert found == pytest.approx(strength, abs=0.01 + 0.08 * strength)


@pytest.mark.parametrize("axes", [2, 3])
def test_texture_is_as_coarse_as_its_grain(axes):
    shape, spacing = ((300, 300), (0.2, 0.2)) if axes == 2 else ((80, 80, 80), (0.2,) * 3)
    lengths = []
    for grain in (0.6, 2.4):
        one = Population(diameter=400, density=0).draw(shape, spacing, 0)
        big = replace(
            one,
            centres=np.zeros((1, 3)),
            semi_axes=np.full((1, 3), 500.0),
            directions=np.eye(3)[None],
            brightness=np.ones(1),
        )
        nuclei = plain(Nuclei(big, shape, spacing), texture=Texture(0.2, grain))
        image = nuclei.image(whole(shape)).astype(float)
        image -= image.mean()
        lengths.append(np.mean(image[..., 3:] * image[..., :-3]) / image.var())
    assert lengths[0] < 0.5 < 0.8 < lengths[1]  # correlation at 0.6 micrometres


def test_the_rim_is_a_little_brighter_than_the_middle(calm):
    image = plain(calm, texture=Texture(0.0, 1.0)).image(whole(calm.shape)) - 100.0
    depth = ndimage.distance_transform_edt(calm.labels(whole(calm.shape)), sampling=calm.spacing)
    # a voxel inside the surface, where the light does not fade yet
    rim, middle = image[(depth > 0.5) & (depth < 0.9)], image[depth > 2.5]
    assert 1.05 < rim.mean() / middle.mean() < 1.35


def test_blur_spreads_light_without_losing_it(calm):
    sharp = plain(calm).image(whole(calm.shape)) - 100.0
    microscope = replace(plain(calm).microscope, blur=0.6, axial_blur=1.0)
    blurred = plain(calm, microscope=microscope).image(whole(calm.shape)) - 100.0
    inner = (slice(6, -6), slice(8, -8), slice(8, -8))
    assert blurred[inner].sum() == pytest.approx(sharp[inner].sum(), rel=0.03)
    expected = ndimage.gaussian_filter(sharp, (2.0, 2.0, 2.0), truncate=3)[inner]
    np.testing.assert_allclose(blurred[inner], expected, atol=25)


def test_noise_is_that_of_the_camera():
    shape, spacing = (30, 60, 60), (0.5, 0.3, 0.3)
    nothing = Population(density=0).draw(shape, spacing, 0)
    microscope = Microscope(shading=0, background=400, offset=50, read_noise=6, gain=0.5)
    image = Nuclei(nothing, shape, spacing, 0, microscope=microscope).image(whole(shape))
    assert image.mean() == pytest.approx(450, rel=0.01)
    assert image.std() == pytest.approx(np.sqrt(400 / 0.5 + 6**2), rel=0.02)


def test_shading_darkens_the_corners():
    shape, spacing = (2, 200, 200), (0.5, 0.3, 0.3)
    nothing = Population(density=0).draw(shape, spacing, 0)
    microscope = Microscope(shading=0.4, background=4000, offset=0, read_noise=0, gain=100)
    image = Nuclei(nothing, shape, spacing, 0, microscope=microscope).image(whole(shape))[0]
    corners = [float(image[y, x]) for y in (0, -1) for x in (0, -1)]
    assert min(corners) == pytest.approx(0.6 * 4000, rel=0.02)
    assert float(image.max()) == pytest.approx(4000, rel=0.02)


def test_no_nuclei_may_be_asked_for():
    assert not synthetic_nuclei((8, 20, 20), count=0).labels.any()


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 40, 40), (3, 5, 200)])
def test_any_positive_shape_can_be_made(shape):
    phantom = synthetic_nuclei(shape, count=3)
    assert phantom.image.shape == phantom.labels.shape == shape


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("shape", (64, 64), "three positive numbers"),
        ("shape", (4, 8, 8, 8), "three positive numbers"),
        ("shape", (0, 8, 8), "three positive numbers"),
        ("shape", (-4, 8, 8), "three positive numbers"),
        ("spacing", (0.5, 0.2), "three positive sizes"),
        ("spacing", (0.5, 0.0, 0.2), "three positive sizes"),
        ("spacing", (0.5, -0.2, 0.2), "three positive sizes"),
        ("spacing", (0.5, np.nan, 0.2), "three positive sizes"),
        ("spacing", (0.5, np.inf, 0.2), "three positive sizes"),
        ("radius", (0.0, 1.0), "0 < low <= high"),
        ("radius", (3.0, 2.0), "0 < low <= high"),
        ("radius", (np.nan, 2.0), "0 < low <= high"),
        ("count", -1, "from 0 to 65535"),
        ("count", 65536, "from 0 to 65535"),
    ],
)
def test_parameters_out_of_range_are_refused(name, value, accepted):
    with pytest.raises(ValueError, match=f"{name} must be.*{accepted}") as error:
        synthetic_nuclei(**({"shape": (8, 20, 20)} | {name: value}))
    assert repr(value) in str(error.value)
