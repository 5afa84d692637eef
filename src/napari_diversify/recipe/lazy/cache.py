"""What was computed for a place and will be asked for again: bounded in bytes, thread-safe."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any


class NotKept(Exception):
    """What was asked for would have to be computed."""


class Cache:
    """Least recently used values, up to ``budget`` bytes together, and one value bigger than that.

    Values are arrays or tuples of arrays and must not be changed by whoever
    gets them. Two threads that miss the same key at once both compute it;
    they find equal values, and no thread waits for another.
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
        """Where to keep what nobody has looked at yet: it drives out nothing that is kept here."""
        with self._lock:
            if self._ahead is None:
                self._ahead = Ahead(self)
            return self._ahead

    def claim(self, key: Hashable) -> bool:
        """Whether you are the first to compute a value that takes long; then :meth:`release` it."""
        with self._lock:
            first = key not in self._claimed
            self._claimed.add(key)
            return first

    def release(self, key: Hashable) -> None:
        """Tell the others that it has been computed, or will not be."""
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
        """The value kept for ``key``, or ``compute()``, kept from now on if it fits."""
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
        # perhaps called by the garbage collector, in a thread that is at work in here
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
    """A cache of its own size beside another one, which it looks into first."""

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
        """Keep a value that takes long in the main cache, where all look for it."""
        self._main.keep(key, value)

    def get(self, key: Hashable, compute: Callable[[], Any]) -> Any:
        """The value kept for ``key`` in either, or ``compute()``, kept here from now on."""
        value = self._main.find(key)
        return value if value is not None else super().get(key, compute)


class Kept:
    """What a cache holds, and nothing else: whoever needs more is told so at once."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def find(self, key: Hashable) -> Any:
        """The value kept for ``key``, or None."""
        return self._cache.find(key)

    def get(self, key: Hashable, compute: Callable[[], Any]) -> Any:
        """The value kept for ``key``.

        Raises
        ------
        NotKept
            If there is none.
        """
        value = self._cache.find(key)
        if value is None:
            raise NotKept
        return value


def _bytes(value: Any) -> int:
    arrays = value if isinstance(value, tuple) else (value,)
    # a view keeps the whole array alive that it looks into
    return sum((a if getattr(a, "base", None) is None else a.base).nbytes for a in arrays)
