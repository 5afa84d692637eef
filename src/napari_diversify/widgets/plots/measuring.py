"""Numbers for plots, computed in a thread: the newest there are, and what they are of."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from qtpy.QtCore import QObject, Signal

from ..qt.background import Background
from .facts import Fact
from .numbers import Numbers


@dataclass(frozen=True, eq=False)
class Measured:
    """Numbers, or a sentence that says why there are none, and the fact they are of."""

    of: Fact
    numbers: Any


class Measuring(QObject):
    """Computes one kind of numbers, for all plots that draw them.

    Parameters
    ----------
    numbers : Numbers
    facts : mapping
        What is known now, by its class.
    parent : QObject
    """

    done = Signal(object)  # this object: there are new numbers
    progressed = Signal(int, int)  # pieces done, pieces

    def __init__(
        self, numbers: Numbers[Any, Any], facts: Mapping[type[Fact], Fact], parent: QObject
    ) -> None:
        super().__init__(parent)
        self.numbers = numbers
        self.measured: Measured | None = None
        self._facts = facts
        self._background = Background(self)
        self._background.finished.connect(self._on_finished)
        self._background.progressed.connect(self.progressed)

    @property
    def fact(self) -> Fact | None:
        """The fact as it is now."""
        return self._facts.get(self.numbers.fact)

    @property
    def true(self) -> bool:
        """Whether the numbers are those of the fact as it is now."""
        fact, measured = self.fact, self.measured
        return fact is not None and measured is not None and self.numbers.hold(measured.of, fact)

    @property
    def running(self) -> bool:
        """Whether they are being computed."""
        return self._background.running

    def start(self, wanted: frozenset[str]) -> None:
        """Compute them for the plots of these names."""
        if self.fact is None:
            return
        before = self.measured.numbers if self.measured is not None else None
        if isinstance(before, str):
            before = None
        self._background.start(partial(_measure, self.numbers, self.fact, wanted, before))

    def cancel(self) -> None:
        """Stop computing; the numbers there are stay."""
        self._background.cancel()

    def forget(self) -> None:
        """Have no numbers, and compute none."""
        self.cancel()
        self.measured = None

    def _on_finished(self, measured: Measured) -> None:
        self.measured = measured
        self.done.emit(self)


def _measure(
    numbers: Numbers[Any, Any], fact: Fact, wanted: frozenset[str], before: Any
) -> Generator[tuple[int, int], None, Measured]:
    try:
        result = yield from numbers.compute(fact, wanted, before)
    except Exception as error:  # noqa: BLE001  whatever it is, the user is told
        result = f"This cannot be plotted: {error}."
    return Measured(fact, result)
