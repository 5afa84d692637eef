"""What was computed for a place and will be asked for again: bounded in bytes, thread-safe."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any


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
        self._sources: dict[int, tuple[Any, object]] = {}
        self._claimed: set[Hashable] = set()

    def identity(self, source: Any, before: object = None) -> object:
        """What keys of values of this source begin with; the same for all who ask.

        ``before`` is an identity that has become invalid, as the source was
        changed in place: the first who says so gets a new one and empties the
        cache, the others who do get that.
        """
        with self._lock:
            known = self._sources.get(id(source))
            if known is None or known[0] is not source or known[1] is before:
                if known is not None and known[1] is before:
                    self._values.clear()
                    self._bytes = 0
                    self._giant = None
                known = self._sources[id(source)] = (source, object())
            return known[1]

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
            return self._values.get(key)

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
        value = compute()
        size = _bytes(value)
        if size <= self.budget // 2:
            with self._lock:
                if key not in self._values:
                    self._values[key] = value
                    self._bytes += size
                while self._bytes > self.budget:
                    self._bytes -= _bytes(self._values.popitem(last=False)[1])
        return value

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._sources.clear()
            self._values.clear()
            self._giant = None
            self._bytes = 0


def _bytes(value: Any) -> int:
    arrays = value if isinstance(value, tuple) else (value,)
    # a view keeps the whole array alive that it looks into
    return sum((a if getattr(a, "base", None) is None else a.base).nbytes for a in arrays)
