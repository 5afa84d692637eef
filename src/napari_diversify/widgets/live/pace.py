"""How long computing took last time: what decides whether a window may do it at once."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass, field

#: Seconds that computing a view may take on the thread of the window: a fraction of a frame.
AT_ONCE_S = 0.004
#: The same where the last picture of the view stays until then: about what asking a thread takes.
MEANWHILE_S = 0.0005
_KINDS = 64
_LAST = 3


def _few() -> deque[float]:
    return deque(maxlen=_LAST)


@dataclass(frozen=True)
class Pace:
    """Seconds per voxel of work, the last few times: of something new, and of a look again.

    Again means that what takes long (σ, noise, coefficients) was kept from before.
    """

    new: deque[float] = field(default_factory=_few)
    again: deque[float] = field(default_factory=_few)


class Paces:
    """What is known of the kinds of work there are; unknown work takes for ever.

    The slowest of the last few times counts: a window that waits is worse than a thread
    that need not have been asked, and what compiling took is forgotten soon enough.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, Pace] = OrderedDict()

    def note(self, kind: Hashable, voxels: int, seconds: float, *, again: bool) -> None:
        """Remember how long work of a kind took."""
        pace = self._known.setdefault(kind, Pace())
        self._known.move_to_end(kind)
        (pace.again if again else pace.new).append(seconds / max(1, voxels))
        while len(self._known) > _KINDS:
            self._known.popitem(last=False)

    def seconds(self, kind: Hashable, voxels: int, *, again: bool) -> float:
        """How long so much work is going to take."""
        pace = self._known.get(kind)
        times = () if pace is None else pace.again if again else pace.new
        return max(times, default=float("inf")) * voxels

    def clear(self) -> None:
        """Know nothing."""
        self._known.clear()


#: Shared by all live layers: the machine is the same.
PACES = Paces()
