"""When plots are computed and drawn.

Numbers are computed in threads. The GUI thread only draws them, one plot at a time,
and a plot that nobody sees is neither computed nor drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qtpy.QtCore import QObject, QTimer

from ..qt.driver import driver
from .facts import Fact
from .measuring import Measured, Measuring
from .numbers import Numbers
from .plot import Plot

_FOLLOW_MS, _REST_MS, _DRAW_MS = 120, 1500, 10
_WAITING = "Measuring…"


class Follower(QObject):
    """Has plots show the facts as they are, as far as they are seen.

    Parameters
    ----------
    plots : sequence of Plot
    seen : callable
        ``seen()`` gives those that somebody can see.
    parent : QObject

    Attributes
    ----------
    facts : dict
        What is known now, by its class.
    """

    def __init__(
        self, plots: Sequence[Plot], seen: Callable[[], list[Plot]], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._seen = seen
        self.facts: dict[type[Fact], Fact] = {}
        shared: dict[Numbers[Any, Any], list[Plot]] = {}
        for plot in plots:
            shared.setdefault(plot.numbers, []).append(plot)
        self._plots_of = {
            Measuring(numbers, self.facts, self): sharing for numbers, sharing in shared.items()
        }
        self._work_of = {plot: work for work, some in self._plots_of.items() for plot in some}
        self._drawn: dict[Plot, tuple[Measured, object]] = {}  # and the place
        self._due: dict[Plot, None] = {}  # to be drawn, in this order
        self._soon = self._timer(_FOLLOW_MS, self._measure_soon)
        self._later = self._timer(_REST_MS, self._measure_later)
        self._drawing = self._timer(_DRAW_MS, self._draw_one)
        for plot, work in self._work_of.items():
            work.progressed.connect(plot.tell_progress)
        for work in self._plots_of:
            work.done.connect(self._on_done)

    def _timer(self, wait: int, then: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(wait)
        timer.timeout.connect(then)
        return timer

    # ---- what it is told ----

    def tell(self, fact: Fact) -> None:
        """Have the plots show this fact, instead of the one of its class there was."""
        before = self.facts.get(type(fact))
        self.facts[type(fact)] = fact
        if before is not None and before.same(fact):
            return
        for work in self._plots_of:
            if work.numbers.patient and work.numbers.fact is type(fact) and work.running:
                work.cancel()  # so that the others need not wait for its thread
        self.follow()

    def forget(self, kind: type[Fact]) -> None:
        """Have the plots that depend on facts of this class say that there is none."""
        self.facts.pop(kind, None)
        for work, plots in self._plots_of.items():
            if work.numbers.fact is not kind:
                continue
            work.forget()
            for plot in plots:
                self._due.pop(plot, None)
                self._drawn.pop(plot, None)
                plot.setFaint()
                plot.say(kind.missing)

    def clear(self) -> None:
        """Forget all facts."""
        self.cancel()
        for kind in {work.numbers.fact for work in self._plots_of} | {*self.facts}:
            self.forget(kind)

    @property
    def running(self) -> bool:
        """Whether something is being measured."""
        return any(work.running for work in self._plots_of)

    @property
    def in_step(self) -> bool:
        """Whether every plot that is seen shows the facts as they are."""
        return not self._due and not any(self._behind(plot) for plot in self._seen())

    def cancel(self) -> None:
        """Stop measuring and drawing; what is shown stays, faintly where it is not true."""
        for timer in (self._soon, self._later, self._drawing):
            timer.stop()
        for work in self._plots_of:
            work.cancel()
        self._due.clear()

    # ---- following ----

    def _lacks_numbers(self, plot: Plot) -> bool:
        """Whether there are no numbers of the fact for a plot."""
        work = self._work_of[plot]
        if work.fact is None:
            return False
        return work.measured is None or not (work.true and _has_part(plot, work.measured))

    def _behind(self, plot: Plot) -> bool:
        """Whether a plot shows something else than it should."""
        work = self._work_of[plot]
        if work.fact is None:
            return False
        if plot.faint or self._lacks_numbers(plot):
            return True
        return self._drawn.get(plot) != (work.measured, plot.place(work.fact))

    def follow(self) -> None:
        """Bring the plots that are seen up to date, soon."""
        seen = self._seen()
        lacking = [plot for plot in seen if self._lacks_numbers(plot)]
        self._put(*(plot for plot in lacking if not plot.faint))  # they are not true any more
        if any(self._behind(plot) for plot in seen) and not self._soon.isActive():
            self._soon.start()
        if any(plot.numbers.patient for plot in lacking):
            self._later.start()  # after a rest, which begins anew

    def _measure_soon(self) -> None:
        """Start what is behind, unless it is at work: then it comes back here when it is done."""
        if driver().busy:  # the picture comes first, and leaves what the plots need
            self._soon.start()
            return
        self._measure(patient=False)
        behind = [plot for plot in self._seen() if self._behind(plot)]
        self._put(*(plot for plot in behind if not self._lacks_numbers(plot)))

    def _measure_later(self) -> None:
        if driver().busy:
            self._later.start()
        else:
            self._measure(patient=True)

    def _measure(self, *, patient: bool) -> None:
        seen = self._seen()
        for work, plots in self._plots_of.items():
            if work.numbers.patient != patient or work.running:
                continue
            wanted = [plot for plot in plots if plot in seen]
            if any(self._lacks_numbers(plot) for plot in wanted):
                work.start(frozenset(plot.name for plot in wanted))

    def _on_done(self, work: Measuring) -> None:
        self._put(*self._plots_of[work])
        self.follow()

    # ---- drawing ----

    def _put(self, *plots: Plot) -> None:
        """Have plots drawn, one at a time: other events come in between."""
        self._due.update(dict.fromkeys(plots))
        if self._due and not self._drawing.isActive():
            self._drawing.start()

    def _draw_one(self) -> None:
        plot = next(iter(self._due), None)
        if plot is None:
            return
        del self._due[plot]
        if plot in self._seen():
            self._draw(plot)
        if self._due:
            self._drawing.start()

    def _draw(self, plot: Plot) -> None:
        """Draw what was measured, if it is new, and faintly what is not true."""
        work = self._work_of[plot]
        fact, measured = work.fact, work.measured
        if fact is None or measured is None:
            plot.say(_WAITING)
            return
        of, drawn = (fact if work.true else measured.of), self._drawn.get(plot)
        # true again after all: the note may tell of numbers that were given up
        new = drawn is None or drawn[0] is not measured or (work.true and plot.faint)
        if _has_part(plot, measured) and (new or work.true):
            self._drawn[plot] = measured, plot.place(of)
            if isinstance(measured.numbers, str):
                plot.say(measured.numbers)
            else:
                if new:
                    plot.draw(measured.numbers, of)
                plot.mark(of)
        plot.setFaint(*(plot.untrue(measured.of, fact) if self._lacks_numbers(plot) else ()))


def _has_part(plot: Plot, measured: Measured) -> bool:
    """Whether there is something new for a plot to show, be it a sentence."""
    return isinstance(measured.numbers, str) or plot.has(measured.numbers)
