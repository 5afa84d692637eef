"""Time alternatives in turn, A B C A B C ..., and print them side by side with their ratios."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

Clock = Callable[[], float]


def seconds(function: Callable[[], object], clock: Clock = time.perf_counter) -> float:
    """Duration of one call."""
    start = clock()
    function()
    return clock() - start


def in_turn(
    functions: Mapping[str, Callable[[], object]],
    rounds: int = 7,
    clock: Clock = time.perf_counter,
) -> dict[str, float]:
    """Median duration of each function, called in turn after one warm-up each.

    ``clock``: ``time.thread_time`` counts what keeps this thread busy, and not what it waits for.
    """
    for function in functions.values():
        function()
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            times[name].append(seconds(function, clock))
    return {name: sorted(t)[len(t) // 2] for name, t in times.items()}


def report(title: str, rows: Mapping[str, tuple[float, str]], ours: str) -> None:
    """Print one line per alternative: value, unit, and how many times ours it takes."""
    print(f"\n{title}")
    for name, (value, unit) in rows.items():
        ratio = value / rows[ours][0]
        print(f"  {name:<54}{value:>12.3f} {unit:<9} {ratio:>10.2f} x ours")


def goal(what: str, reached: float, wanted: float, *, at_most: bool = False) -> bool:
    """Print whether a goal is met; the factor is a ratio of two times from this run."""
    met = reached <= wanted if at_most else reached >= wanted
    bound = "at most" if at_most else "at least"
    word = "met" if met else "MISSED"
    print(f"  goal {what}: {reached:,.2f} ({bound} {wanted:,.2f}) {word}")
    return met
