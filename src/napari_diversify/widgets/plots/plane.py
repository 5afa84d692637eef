"""The numbers of the plane in view, read once for all plots of it."""

from __future__ import annotations

from ...analysis.plane import OfPlane, of_plane
from ..qt.driver import Work
from .facts import View
from .numbers import Numbers
from .plot import Plot


class _PlaneNumbers(Numbers[View, OfPlane]):
    """Histogram and power spectrum of source and result, as far as their plots are seen."""

    def compute(self, fact: View, wanted: frozenset[str], before: OfPlane | None) -> Work:
        """Compute them; the source is read again only if it is another plane."""
        histogram, spectrum = "histogram" in wanted, "spectrum" in wanted
        return of_plane(fact.array, fact.index, histogram, spectrum, before)


class PlanePlot(Plot):
    """A plot of the plane in view."""

    numbers = _PlaneNumbers(View)

    def untrue(self, of: View, now: View) -> tuple[str, ...]:
        """Keep the source in full while the plane is the same."""
        same = of.same_source(now) and of.index == now.index
        return ("result",) if same else ("source", "result")

    @staticmethod
    def what(numbers: OfPlane, of: View) -> str:
        """The name of the plane."""
        return of.name if numbers.plane.whole_view else f"{of.name}, plane in the middle"
