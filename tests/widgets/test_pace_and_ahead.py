"""What is done at once, and what is done ahead of the user."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_diversify.widgets.ahead import Journey, in_time, lies_ahead, next_ones, travel
from napari_diversify.widgets.pace import Paces

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


# ---- on the way ----


def journey(*steps):
    """Of who was at these planes at these times."""
    out = Journey()
    for (a, _), (b, time) in zip(steps, steps[1:], strict=False):
        out.go(at(a), at(b), time)
    return out


def test_who_goes_on_is_somewhere_else_when_it_is_done():
    going = journey((3, 0.0), (4, 1.0), (5, 1.1))
    assert [going.distance(s, 1.15) for s in (0.05, 0.15, 0.35)] == [0, 1, 3]


@pytest.mark.parametrize(
    "resting",
    [
        journey((3, 0.0), (4, 1.0)),  # one step is no journey
        journey((3, 0.0), (4, 1.0), (3, 1.1)),  # turned round
        journey((3, 0.0), (9, 1.0), (9, 1.1)),
    ],
)
def test_who_rests_or_turns_is_going_to_be_here(resting):
    assert resting.distance(10.0, 1.15) == 0


def test_who_has_stopped_is_going_to_be_here():
    going = journey((3, 0.0), (4, 1.0), (5, 1.1))
    assert going.distance(10.0, 1.25) > 90
    assert going.distance(10.0, 1.35) == 0


def test_what_was_never_computed_tells_nothing_of_where_the_user_will_be():
    assert journey((3, 0.0), (4, 1.0), (5, 1.1)).distance(float("inf"), 1.15) == 0


def places(z, way, distance):
    return [region[0].start for region in in_time(at(z), SHAPE, (0, way), distance)]


def test_layers_that_take_different_times_are_computed_for_the_same_planes():
    assert places(3, 1, 1) == [4, 6, 8, 10]
    assert places(3, 1, 2) == [8]
    assert places(3, 1, 3) == [8]
    assert places(9, -1, 2) == [4, 0]
    assert places(9, 1, 3) == []


def test_what_lies_ahead_is_in_view_or_going_to_be():
    ahead = [z for z in range(12) if lies_ahead(at(z), at(5), (0, 1))]
    behind = [z for z in range(12) if lies_ahead(at(z), at(5), (0, -1))]
    assert (ahead, behind) == ([5, 6, 7, 8, 9, 10, 11], [0, 1, 2, 3, 4, 5])
    assert not lies_ahead((range(6, 7), range(5), range(30)), at(5), (0, 1))
