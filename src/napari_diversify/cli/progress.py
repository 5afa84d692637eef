"""A progress bar in the terminal, if somebody is looking."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TypeVar

from .answers import stop

T = TypeVar("T")


@contextmanager
def bar(what: str, total: int | None = None) -> Iterator[Callable[..., None]]:
    """Yield a function to call with ``completed`` and ``total`` pieces, or with ``advance``."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(escape(what), total=total)
        yield partial(progress.update, task)


def tracked(work: Generator[tuple[int, int], None, T], what: str, stopped: str) -> T:
    """Run work that yields (pieces done, pieces) to its end; ``stopped`` is shown after Ctrl+C."""
    with bar(what) as tell:
        try:
            while True:
                done, total = next(work)
                tell(completed=done, total=total)
        except StopIteration as end:
            result: T = end.value
            return result
        except KeyboardInterrupt:
            with suppress(KeyboardInterrupt):  # pressed again
                work.close()
            stop(stopped)
