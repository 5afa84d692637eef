"""Synthetic nuclei: seeded, labelled, apart from each other, and bright."""

import numpy as np
import pytest
from scipy import ndimage

from napari_diversify.core import synthetic_nuclei

SMALL = {"shape": (24, 96, 96), "count": 12}


@pytest.fixture(scope="module")
def phantom():
    return synthetic_nuclei((40, 160, 160), count=20, seed=3)


@pytest.fixture(scope="module")
def crowd():
    return synthetic_nuclei(
        (50, 110, 110), spacing=(0.2, 0.2, 0.2), radius=(1.2, 2.8), count=200, seed=5
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
