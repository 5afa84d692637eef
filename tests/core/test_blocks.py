"""Regions are what NumPy's basic indexing, padding and plain loops say they are."""

import multiprocessing
import threading
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, basic_indices

from napari_diversify.core import blocks, normal_field
from napari_diversify.core.blocks import (
    in_slabs,
    normalise_index,
    reflected,
    slices,
    span,
    with_context,
)

# --- an index becomes a region ---------------------------------------------


def as_numpy_integers(key):
    """The same index with NumPy integers in the place of Python's."""
    parts = key if isinstance(key, tuple) else (key,)
    parts = tuple(np.int64(p) if type(p) is int else p for p in parts)
    return parts if isinstance(key, tuple) else parts[0]


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_any_basic_index_selects_what_numpy_selects(data):
    shape = data.draw(array_shapes(min_dims=1, max_dims=5, min_side=1, max_side=7))
    key = data.draw(basic_indices(shape, allow_ellipsis=True))
    if data.draw(st.booleans()):
        key = as_numpy_integers(key)
    array = np.arange(np.prod(shape)).reshape(shape)
    region, dropped = normalise_index(key, shape)
    picked = array[np.ix_(*(np.array(r, dtype=np.intp) for r in region))].squeeze(dropped)
    np.testing.assert_array_equal(picked, array[key])
    assert picked.shape == array[key].shape


@pytest.mark.parametrize(
    "key",
    [
        np.zeros((4, 5), bool),
        np.array([0, 1]),
        [0, 1],
        (0, [1, 2]),
        1.0,
        np.float64(1),
        "1",
        None,
        (None, 0),
        True,
        np.True_,
        (0, False),
    ],
)
def test_indices_that_are_not_basic_are_refused(key):
    with pytest.raises(IndexError, match="only integers, slices and"):
        normalise_index(key, (4, 5))


@pytest.mark.parametrize("key", [4, -5, (0, 5), (0, -6), (..., 5), np.int64(4), 10**30])
def test_indices_out_of_bounds_are_refused(key):
    with pytest.raises(IndexError, match="out of bounds for axis"):
        normalise_index(key, (4, 5))


@pytest.mark.parametrize("key", [(0, 0, 0), (0, ..., 0, 0), (slice(None),) * 3])
def test_too_many_indices_are_refused(key):
    with pytest.raises(IndexError, match="too many indices"):
        normalise_index(key, (4, 5))


def test_two_ellipses_are_refused():
    with pytest.raises(IndexError, match="single ellipsis"):
        normalise_index((..., 0, ...), (4, 5, 6))


@settings(deadline=None, max_examples=100)
@given(n=st.integers(1, 30), key=st.slices(30))
def test_a_span_is_the_shortest_gapless_range_around_positions(n, key):
    positions = range(*key.indices(n))
    covered = span(positions)
    assert covered.step == 1
    assert list(covered) == (list(range(min(positions), max(positions) + 1)) if positions else [])


# --- borders are reflected -------------------------------------------------


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_places_in_a_block_and_around_it_are_those_of_the_padded_whole(data):
    shape = data.draw(array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=6))
    radii = data.draw(st.tuples(*[st.integers(0, 14)] * len(shape)))
    wanted, held = [], []
    for n, radius in zip(shape, radii, strict=True):
        start = data.draw(st.integers(0, n - 1))
        wanted.append(range(start, data.draw(st.integers(start + 1, n))))
        needed = with_context(wanted[-1], radius, n)
        held.append(
            range(data.draw(st.integers(0, needed.start)), data.draw(st.integers(needed.stop, n)))
        )
    wanted, held = tuple(wanted), tuple(held)
    array = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    padded = np.pad(array, [(r, r) for r in radii], mode="symmetric")
    expected = padded[
        tuple(slice(w.start, w.stop + 2 * r) for w, r in zip(wanted, radii, strict=True))
    ]
    places, inner = zip(
        *(
            reflected(w, r, n, h.start)
            for w, r, n, h in zip(wanted, radii, shape, held, strict=True)
        ),
        strict=True,
    )
    np.testing.assert_array_equal(array[slices(held)][np.ix_(*places)], expected)
    for at, (first, last), w, r, n in zip(places, inner, wanted, radii, shape, strict=True):
        inside = [k for k in range(len(at)) if 0 <= w.start - r + k < n]
        assert list(range(first, last)) == inside
        assert (np.diff(at[first:last]) == 1).all()


# --- work is spread in slabs -----------------------------------------------


@settings(deadline=None, max_examples=100)
@given(
    length=st.integers(0, 50),
    workers=st.integers(1, 9),
    voxels=st.sampled_from([0, 1000, 1 << 15, 1 << 24]),
)
def test_slabs_cover_each_row_exactly_once(length, workers, voxels):
    counts, lock = np.zeros(length, int), threading.Lock()

    def work(part):
        with lock:
            counts[part] += 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "workers", lambda: workers)
        in_slabs(work, length, voxels)
    assert (counts == 1).all()


def test_much_work_is_shared_by_all_workers(monkeypatch):
    monkeypatch.setattr(blocks, "workers", lambda: 4)
    parts, lock = [], threading.Lock()

    def work(part):
        with lock:
            parts.append(part)

    in_slabs(work, 1000, 1 << 24)
    assert len(parts) == 4
    assert {part.stop - part.start for part in parts} == {250}


@pytest.mark.parametrize("failing", [0, 999])
def test_an_error_in_any_slab_reaches_the_caller(monkeypatch, failing):
    monkeypatch.setattr(blocks, "workers", lambda: 4)

    def work(part):
        if failing in range(part.start, part.stop):
            raise RuntimeError("the slab failed")

    with pytest.raises(RuntimeError, match="the slab failed"):
        in_slabs(work, 1000, 1 << 24)


def _send_noise(connection):
    connection.send_bytes(normal_field((1100, 1000), 3).tobytes())
    connection.close()


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork"
)
def test_a_forked_process_has_threads_of_its_own():
    here = normal_field((1100, 1000), 3).tobytes()  # the parent's pool is running now
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_send_noise, args=(sender,))
    try:
        with warnings.catch_warnings():
            # Python 3.12 and later warn of any fork of a process with threads
            warnings.simplefilter("ignore", DeprecationWarning)
            child.start()
        sender.close()
        assert receiver.poll(60), "the forked process gave no answer"
        assert receiver.recv_bytes() == here
        child.join(60)
        assert child.exitcode == 0
    finally:
        if child.is_alive():
            child.kill()
            child.join()
        receiver.close()
