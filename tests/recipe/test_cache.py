"""The cache: bounded in bytes, forgets what was used longest ago, shared by threads."""

import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from napari_diversify.recipe.lazy.cache import Cache


class Kitchen:
    """Makes values of 1000 bytes, counts the calls, and watches what is still alive."""

    def __init__(self, cache, size=1000):
        self.cache, self.size = cache, size
        self.made, self._alive, self._lock = [], [], threading.Lock()

    def get(self, key):
        def compute():
            value = np.full(self.size, key, np.uint8)
            with self._lock:
                self.made.append(key)
                self._alive.append(weakref.ref(value))
            return value

        return self.cache.get(key, compute)

    def bytes_kept(self):
        return sum(ref().nbytes for ref in self._alive if ref() is not None)


def test_a_value_is_computed_once():
    kitchen = Kitchen(Cache(10_000))
    first = kitchen.get(1)
    assert kitchen.get(1) is first
    assert kitchen.made == [1]


def test_keys_are_compared_by_value_and_may_hold_ranges():
    cache = Cache(10_000)
    first = cache.get(("sigma", (range(4),)), lambda: np.zeros(3))
    again = cache.get(("sigma", (range(4),)), lambda: pytest.fail("computed twice"))
    assert again is first


@pytest.mark.parametrize("budget", [0, 1999, 2000, 5500, 100_000])
def test_no_more_bytes_are_kept_than_the_budget(budget):
    kitchen = Kitchen(Cache(budget))
    for key in range(60):
        kitchen.get(key)
        assert kitchen.bytes_kept() <= budget


def test_the_budget_is_made_use_of():
    kitchen = Kitchen(Cache(5000))
    for key in (1, 2, 3, 4, 5, 1, 2, 3, 4, 5):
        kitchen.get(key)
    assert kitchen.made == [1, 2, 3, 4, 5]


def test_what_was_used_longest_ago_goes_first():
    kitchen = Kitchen(Cache(3000))
    for key in (1, 2, 3, 1, 4):  # 2 has to go for 4
        kitchen.get(key)
    for key in (1, 3, 4):
        kitchen.get(key)
    assert kitchen.made == [1, 2, 3, 4]
    kitchen.get(2)
    assert kitchen.made == [1, 2, 3, 4, 2]


def test_a_value_beyond_the_budget_is_handed_out_but_not_kept():
    kitchen = Kitchen(Cache(500))
    assert kitchen.get(7).tolist() == [7] * 1000
    kitchen.get(7)
    assert kitchen.made == [7, 7]


def test_one_large_value_does_not_drive_out_all_others():
    cache = Cache(10_000)
    kitchen = Kitchen(cache)
    kitchen.get(1)
    cache.get("large", lambda: np.zeros(9_900, np.uint8))
    kitchen.get(1)
    assert kitchen.made == [1]


def test_every_array_of_a_tuple_counts():
    cache, alive = Cache(10_000), []

    def pair():
        values = np.zeros(1000, np.uint8), np.zeros(2000, np.uint8)
        alive.extend(weakref.ref(v) for v in values)
        return values

    for key in range(20):
        cache.get(key, pair)
    assert sum(ref().nbytes for ref in alive if ref() is not None) <= 10_000


def test_a_view_counts_with_the_memory_that_it_holds():
    cache, alive = Cache(10_000), []

    def view():
        whole = np.zeros(4000, np.uint8)
        alive.append(weakref.ref(whole))
        return whole[:10]

    for key in range(100):
        cache.get(key, view)
    assert sum(4000 for ref in alive if ref() is not None) <= 10_000


def test_after_clear_everything_is_computed_anew():
    kitchen = Kitchen(Cache(3000))
    for key in (1, 2, 3):
        kitchen.get(key)
    kitchen.cache.clear()
    assert kitchen.bytes_kept() == 0
    for key in (1, 2, 3, 1, 2, 3):
        kitchen.get(key)
    assert kitchen.made == [1, 2, 3] * 2


def test_an_error_is_not_kept():
    cache = Cache(1000)
    with pytest.raises(RuntimeError, match="no power"):
        cache.get(1, lambda: (_ for _ in ()).throw(RuntimeError("no power")))
    assert cache.get(1, lambda: np.ones(1)).tolist() == [1.0]


def test_many_threads_find_the_right_values_within_the_budget():
    kitchen = Kitchen(Cache(20_000))
    start = threading.Barrier(8)

    def look(seed):
        start.wait()
        for key in np.random.default_rng(seed).integers(0, 60, 2000).tolist():
            value = kitchen.get(key)
            assert value[0] == value[-1] == key
            if key == 59 and seed == 0:
                kitchen.cache.clear()

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(look, seed) for seed in range(8)]:
            done.result()
    assert kitchen.bytes_kept() <= 20_000
    # the books are still straight: the budget is neither lost nor overrun
    for key in range(200, 220):
        kitchen.get(key)
    before = len(kitchen.made)
    for key in range(200, 220):
        kitchen.get(key)
    assert len(kitchen.made) == before


def test_threads_do_not_wait_for_each_other():
    cache, inside = Cache(1000), threading.Barrier(2)

    def slow():
        inside.wait(30)  # both must be computing at once to get past this
        return np.zeros(1)

    with ThreadPoolExecutor(2) as pool:
        first, second = (pool.submit(cache.get, key, slow) for key in (1, 2))
        assert first.result().tolist() == second.result().tolist() == [0.0]
