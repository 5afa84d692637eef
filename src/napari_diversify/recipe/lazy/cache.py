"""A cache of values that will be needed again: bounded in bytes, thread-safe."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any


class NotCached(Exception):
    """A value is not in the cache and would have to be computed."""


class Cache:
    """Recently used values, up to ``budget`` bytes together, and one value bigger than that.

    Values are arrays or tuples of arrays that must not be changed after they have been put
    in or taken out. Two threads that miss the same key at once both compute it: they get
    equal values, and no thread waits for another.
    """

    def __init__(self, budget: int = 256 << 20) -> None:
        self.budget = budget
        self._values: OrderedDict[Hashable, Any] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()
        self._giant: tuple[Hashable, Any] | None = None
        self._claimed: set[Hashable] = set()
        self._dropped: deque[object] = deque()
        self._ahead: Ahead | None = None

    @property
    def ahead(self) -> Ahead:
        """A cache for values computed ahead of need: they drive out none of the values here."""
        with self._lock:
            if self._ahead is None:
                self._ahead = Ahead(self)
            return self._ahead

    def claim(self, key: Hashable) -> bool:
        """Whether the caller is the first to compute this value; it must :meth:`release` it."""
        with self._lock:
            first = key not in self._claimed
            self._claimed.add(key)
            return first

    def release(self, key: Hashable) -> None:
        """Tell other threads that the value has been computed, or will not be."""
        with self._lock:
            self._claimed.discard(key)

    def find(self, key: Hashable) -> Any:
        """The value kept for ``key``, or None."""
        with self._lock:
            if self._giant is not None and self._giant[0] == key:
                return self._giant[1]
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
            ahead = self._ahead
        return None if ahead is None else ahead.find_own(key)

    def keep(self, key: Hashable, value: Any) -> None:
        """Keep a value even if it is bigger than the budget, in place of the last such one."""
        with self._lock:
            if _bytes(value) > self.budget // 2:
                self._giant = (key, value)
                return
        self.get(key, lambda: value)

    def get(self, key: Hashable, compute: Callable[[], Any]) -> Any:
        """The value kept for ``key``; otherwise ``compute()``, which is kept if it fits."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
            ahead = self._ahead
        value = None if ahead is None else ahead.find_own(key)
        if value is None:
            value = compute()
        size = _bytes(value)
        if size <= self.budget // 2:
            with self._lock:
                self._forget_dropped()
                if key not in self._values:
                    self._values[key] = value
                    self._bytes += size
                while self._bytes > self.budget:
                    self._bytes -= _bytes(self._values.popitem(last=False)[1])
        return value

    def drop(self, first: object) -> None:
        """Forget all values whose key is a tuple that begins with this object."""
        self._dropped.append(first)
        # the garbage collector may call this in a thread that holds the lock already
        if self._lock.acquire(blocking=False):
            try:
                self._forget_dropped()
            finally:
                self._lock.release()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()
            self._giant = None
            self._bytes = 0
            ahead = self._ahead
        if ahead is not None:
            ahead.clear()

    def _forget_dropped(self) -> None:
        while self._dropped:
            first = self._dropped.popleft()
            for key in [k for k in self._values if isinstance(k, tuple) and k[0] is first]:
                self._bytes -= _bytes(self._values.pop(key))


class Ahead(Cache):
    """A cache of the same size beside another one, which it consults first."""

    def __init__(self, main: Cache) -> None:
        super().__init__(main.budget)
        self._main = main

    def find(self, key: Hashable) -> Any:
        """The value kept for ``key`` in either, or None."""
        return self._main.find(key)

    def find_own(self, key: Hashable) -> Any:
        """The value kept for ``key`` in this one, or None."""
        return super().find(key)

    def keep(self, key: Hashable, value: Any) -> None:
        """Keep a value that is slow to compute in the main cache, where everyone looks for it."""
        self._main.keep(key, value)

    def get(self, key: Hashable, compute: Callable[[], Any]) -> Any:
        """The value kept for ``key`` in either; otherwise ``compute()``, which is kept here."""
        value = self._main.find(key)
        return value if value is not None else super().get(key, compute)


class CachedOnly:
    """A cache that never computes: it raises at once if a value is missing."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def find(self, key: Hashable) -> Any:
        """The value kept for ``key``, or None."""
        return self._cache.find(key)

    def get(self, key: Hashable, compute: Callable[[], Any]) -> Any:
        """The value kept for ``key``.

        Raises
        ------
        NotCached
            If there is none.
        """
        value = self._cache.find(key)
        if value is None:
            raise NotCached
        return value


def _bytes(value: Any) -> int:
    arrays = value if isinstance(value, tuple) else (value,)
    # a view keeps all of its base array in memory
    return sum((a if getattr(a, "base", None) is None else a.base).nbytes for a in arrays)
