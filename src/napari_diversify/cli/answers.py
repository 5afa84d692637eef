"""How commands fail: with a sentence and an exit status, never with a traceback.

Whatever a command raises reaches :func:`answered`, which surrounds all commands. ``--debug``
shows where an error came from.
"""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import typer

from .. import sentences
from ..sentences import is_expected, on_one_line, shortened

#: Shows tracebacks and messages of libraries; may stand anywhere in a command.
DEBUG = "--debug"
#: Exit status if nobody reads the output any more: that of programs ended by a broken pipe.
_UNREAD = 128 + 13
#: How typer words its refusals.
_PYDANTIC = re.compile(r"Input should be (.*?)(, unable to parse .*)?$")


@dataclass(frozen=True)
class _Line:
    """A command line: whether it asks for tracebacks, and what the user has named in it."""

    debug: bool = False
    names: frozenset[str] = frozenset()


_NO_LINE = _Line()
_LINE: ContextVar[_Line] = ContextVar("_LINE", default=_NO_LINE)


def sentence(error: BaseException) -> str:
    """What an error says, as a sentence; for an unexpected one, also what to do."""
    text = sentences.sentence(error)
    if is_expected(error):
        return text
    return f"{text} Run the command again with {DEBUG} to see where, and please report it."


def fail(message: str) -> NoReturn:
    """Say why the command could not start, and end with exit status 1."""
    say(message)
    raise typer.Exit(1)


def stop(message: str) -> NoReturn:
    """Say what remains after Ctrl+C, and end with the exit status of an interrupted program."""
    say(message)
    raise typer.Exit(130) from None


def say(message: str) -> None:
    """Write a sentence to standard error, with a capital letter unless a name begins it."""
    text = shortened(on_one_line(message).strip(), 2000)
    word = text.partition(" ")[0].rstrip(",:")
    if word.isascii() and word.isalpha() and word.islower() and word not in _LINE.get().names:
        text = text[0].upper() + text[1:]
    with suppress(OSError):  # nobody reads it
        typer.echo(text, err=True)


def show(error: BaseException) -> None:
    """Show where an error came from, with ``--debug``."""
    if _LINE.get().debug:
        with suppress(OSError):
            traceback.print_exception(error)


@contextmanager
def answered() -> Iterator[None]:
    """Turn whatever goes wrong inside into a sentence and an exit status."""
    try:
        yield
    except KeyboardInterrupt:
        stop("Stopped.")
    except BaseException as error:
        if isinstance(error, SystemExit | GeneratorExit | typer.Exit) or is_of_usage(error):
            raise
        lost = isinstance(error, OSError) and _is_of_output(error)
        if lost:
            _write_no_more()
        if lost and isinstance(error, BrokenPipeError):
            raise typer.Exit(_UNREAD) from None
        show(error)
        fail(f"The output cannot be written: {sentence(error)}" if lost else sentence(error))


def is_of_usage(error: BaseException) -> bool:
    """Whether the command line itself was wrong."""
    return hasattr(error, "format_message")  # typer has brought its parser along since 0.27


def usage(error: Any) -> str:
    """Say what is wrong with a command line."""
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return "No command is given; these are all."
    text = _PYDANTIC.sub(r"it must be \1", on_one_line(error.format_message())).rstrip(". ")
    if error.ctx is None:
        return f"{text}."
    return (
        f"{text}. {on_one_line(error.ctx.get_usage())}; {error.ctx.command_path} --help says more."
    )


@contextmanager
def line(words: Sequence[str]) -> Iterator[None]:
    """A context in which errors are answered for a command line of these words."""
    names = frozenset(part for word in words for part in (word, *Path(word).parts))
    token = _LINE.set(_Line(wants_debug(words), names))
    try:
        yield
    finally:
        _LINE.reset(token)


def wants_debug(words: Sequence[str]) -> bool:
    """Whether a command line asks for tracebacks."""
    return DEBUG in _options(words)


def without_debug(words: Sequence[str]) -> list[str]:
    """A command line as the commands expect it."""
    options = _options(words)
    return [word for word in options if word != DEBUG] + list(words[len(options) :])


def _options(words: Sequence[str]) -> list[str]:
    """The words before a "--"; all words after it are names of files."""
    words = list(words)
    return words[: words.index("--")] if "--" in words else words


def _is_of_output(error: OSError) -> bool:
    """Whether our own output could not be written, judged by where the error was raised."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return frames[-1].f_globals["__name__"].partition(".")[0] in ("typer", "click", "rich")


def _write_no_more() -> None:
    """Discard the rest of the output: Python would try again at its end, and complain."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
