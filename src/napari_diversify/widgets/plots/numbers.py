"""The numbers that plots draw: of which fact they are, and how they are computed."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Generic, TypeVar

from ..qt.driver import Work
from .facts import Fact

F = TypeVar("F", bound=Fact)
N = TypeVar("N")


class Numbers(Generic[F, N]):
    """Numbers of a fact; plots that name the same object share them.

    As it stands it is for a fact that brings its numbers along, such as a curve that
    somebody else has computed.

    Parameters
    ----------
    fact : type
        The class of fact that they depend on.
    patient : bool
        Whether they take long, and so are computed only after a rest.
    """

    def __init__(self, fact: type[F], *, patient: bool = False) -> None:
        self.fact, self.patient = fact, patient

    def hold(self, of: F, now: F) -> bool:
        """Whether numbers of one fact are also those of another."""
        return of.same(now)

    def compute(self, fact: F, wanted: frozenset[str], before: N | None) -> Work:
        """Compute them in a thread, yielding (pieces done, pieces).

        Parameters
        ----------
        fact : Fact
        wanted : frozenset of str
            Names of the plots that are seen.
        before
            The numbers there were so far, or None.

        Returns
        -------
        numbers : object
            For :meth:`.Plot.draw`; or a sentence that says why there are none.
        """
        return _brought_along(fact)


def _brought_along(fact: Any) -> Generator[tuple[int, int], None, Any]:
    yield 0, 1
    return fact
