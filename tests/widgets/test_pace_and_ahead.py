"""What is done at once, and what is done ahead of the user."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_diversify.widgets.live.ahead import next_ones, travel
from napari_diversify.widgets.live.pace import Paces

# ---- pace ----


def test_what_was_never_done_takes_for_ever():
    assert Paces().seconds("new", 1, again=False) == float("inf")


def test_it_takes_as_long_as_the_slowest_of_the_last_times():
    paces = Paces()
    for seconds in (9.0, 1.0, 2.0, 1.0):  # the first compiled something
        paces.note("kind", 100, seconds, again=False)
    assert paces.seconds("kind", 50, again=False) == pytest.approx(1.0)
    assert paces.seconds("kind", 50, again=True) == float("inf")
    assert paces.seconds("other", 50, again=False) == float("inf")


def test_kinds_not_met_for_long_are_forgotten():
    paces = Paces()
    for kind in range(1000):
        paces.note(kind, 1, 1.0, again=True)
        paces.note("always", 1, 1.0, again=True)
    assert paces.seconds("always", 1, again=True) == 1.0
    assert sum(paces.seconds(kind, 1, again=True) < 2 for kind in range(1000)) < 100


# ---- ahead ----

PLANE = (range(5, 6), range(20), range(30))
SHAPE = (12, 20, 30)


def at(z):
    return (range(z, z + 1), range(20), range(30))


def planes(*arguments):
    return [region[0].start for region in next_ones(*arguments)]


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (at(4), at(5), (0, 1)),
        (at(9), at(5), (0, -1)),
        (at(5), at(5), None),
        (at(5), (range(12), range(3, 4), range(30)), None),  # another way of cutting
        (at(5), (range(5, 6), range(5, 20), range(30)), None),  # panned
        ((range(1), *at(5)), (range(1, 2), *at(6)), None),  # both at once
    ],
)
def test_which_way_the_user_goes(before, now, expected):
    assert travel(before, now) == expected


def test_the_planes_ahead_come_first_and_the_one_behind_is_there_to_go_back():
    assert planes(at(5), SHAPE, (0, 1), 4) == [6, 4, 7, 8]
    assert planes(at(5), SHAPE, (0, -1), 4) == [4, 6, 3, 2]
    assert planes(at(5), SHAPE, None, 3) == [6, 4, 7]


@given(
    z=st.integers(0, 11),
    way=st.sampled_from([None, (0, 1), (0, -1), (1, 1), (2, -1)]),
    n=st.integers(0, 20),
)
def test_there_are_no_planes_beyond_the_ends_and_never_too_many(z, way, n):
    found = planes(at(z), SHAPE, way, n)
    assert len(found) <= n
    assert len(set(found)) == len(found)
    assert all(0 <= plane < 12 and plane != z for plane in found)


def test_of_a_flat_image_there_is_nothing_ahead():
    assert list(next_ones((range(1), range(20)), (1, 20), None, 5)) == []


def test_who_has_come_to_the_end_can_only_turn_back():
    assert planes(at(11), SHAPE, (0, 1), 4) == [10, 9, 8]
    assert planes(at(0), SHAPE, (0, -1), 4) == [1, 2, 3]
