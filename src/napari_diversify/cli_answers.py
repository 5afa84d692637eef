"""How commands end other than well: with a sentence and an exit status."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

_EXPECTED = (OSError, ValueError, TypeError, ImportError, MemoryError)


def sentence(error: BaseException) -> str:
    """What an error says, as a sentence."""
    return f"{str(error).rstrip('.') or type(error).__name__}."


def fail(message: str) -> NoReturn:
    """Say why it could not be begun, and end with exit status 1."""
    typer.echo(message, err=True)
    raise typer.Exit(1)


def stop(said: str) -> NoReturn:
    """Say what Ctrl+C has left, and end as a program does that was stopped."""
    typer.echo(said, err=True)
    raise typer.Exit(130) from None


@contextmanager
def answered() -> Iterator[None]:
    """Turn what goes wrong inside into a sentence and exit status 1."""
    try:
        yield
    except _EXPECTED as error:
        fail(sentence(error))
