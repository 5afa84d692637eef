"""Work that nobody should wait for gives way, and so do the threads that it is spread over."""

import sys
import threading

import numpy as np
import pytest

from napari_diversify.core.blocks import in_slabs, workers
from napari_diversify.core.priority import LOW, give_way, niceness

GIVES_WAY = LOW if sys.platform == "linux" else 0


def seen_by(thread_gives_way):
    """The priorities of all threads that take part in work that a thread has spread."""
    seen = set()

    def spread():
        if thread_gives_way:
            give_way()
        everybody = threading.Barrier(min(workers(), 8))

        def note(_):
            everybody.wait(30)
            seen.add(niceness())

        in_slabs(note, everybody.parties, 1 << 30)

    thread = threading.Thread(target=spread)
    thread.start()
    thread.join()
    return seen


@pytest.fixture(autouse=True)
def _eight_at_most(monkeypatch):
    monkeypatch.setattr("napari_diversify.core.blocks.workers", lambda: min(workers(), 8))


def test_work_is_spread_over_threads_of_the_priority_of_who_asks():
    usual = niceness()
    for _ in range(2):
        assert seen_by(True) == {max(usual, GIVES_WAY)}
        assert seen_by(False) == {usual}
    assert niceness() == usual


def test_who_gives_way_does_not_take_it_back():
    levels = []

    def give_way_twice():
        for by in (5, 3):
            give_way(by)
            levels.append(niceness())

    thread = threading.Thread(target=give_way_twice)
    thread.start()
    thread.join()
    assert levels == [max(niceness(), min(5, GIVES_WAY))] * 2


def test_results_are_the_same():
    out = np.zeros((2, 64))

    def fill(row):
        def write(rows):
            out[row, rows] = np.arange(64)[rows]

        in_slabs(write, 64, 1 << 30)

    fill(0)
    thread = threading.Thread(target=lambda: (give_way(), fill(1)))
    thread.start()
    thread.join()
    assert np.array_equal(out[0], out[1])
