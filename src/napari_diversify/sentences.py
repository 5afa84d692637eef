"""What an error says, as a sentence: for the commands, the dock, reports and tables alike.

Errors of the kinds in ``EXPECTED`` say their own sentence: most are raised by us, the others
by the system or by a library that refuses a file. Any other kind is a mistake of ours or of a
library, and its message means little by itself: the sentence says so, and names the kind.
"""

from __future__ import annotations

import os
import re

#: Kinds of errors whose message is for the user.
EXPECTED = (OSError, ValueError, TypeError, ImportError, MemoryError)

_ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")  # colours of a terminal
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def reason(error: BaseException) -> str:
    """What went wrong, without a final full stop.

    Examples
    --------
    >>> reason(ValueError("w_v must be 0 or more; got -1."))
    'w_v must be 0 or more; got -1'
    >>> reason(IsADirectoryError(21, "Is a directory", "recipe.json"))
    'recipe.json: Is a directory'
    >>> reason(KeyError("steps"))
    "something went wrong that this program did not expect: 'steps' (KeyError)"
    """
    while isinstance(error, BaseExceptionGroup):  # one of many is enough to say
        error = error.exceptions[0]
    text = shortened(on_one_line(_words(error)).strip().rstrip("."))
    if is_expected(error) and text:
        return text
    kind = type(error).__name__
    said = f"{text} ({kind})" if text else kind
    return f"something went wrong that this program did not expect: {said}"


def sentence(error: BaseException) -> str:
    """What went wrong, as a sentence with its stop.

    Examples
    --------
    >>> sentence(ValueError("w_v must be 0 or more; got -1"))
    'w_v must be 0 or more; got -1.'
    >>> sentence(OSError("its drive does not answer. Is it connected?"))
    'its drive does not answer. Is it connected?'
    """
    text = reason(error)
    return text if text.endswith(("?", "!", "…")) else f"{text}."


def is_expected(error: BaseException) -> bool:
    """Whether an error says what the user should know."""
    return isinstance(error, EXPECTED) and bool(_words(error))


def on_one_line(text: str) -> str:
    r"""A text without line breaks, control characters and colours.

    Examples
    --------
    >>> on_one_line("two\nlines")
    'two lines'
    """
    return _CONTROL.sub(" ", _ESCAPE.sub("", text))


def shortened(text: str, most: int = 1000) -> str:
    """A text that somebody can read to its end: of a longer one the middle is left out.

    Examples
    --------
    >>> len(shortened("long " * 1000))
    1000
    """
    return text if len(text) <= most else f"{text[: most - 203]} … {text[-200:]}"


def _words(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        said = str(error.strerror)
        if error.filename is None:
            return said
        return f"{os.fsdecode(error.filename)}: {said}"
    if isinstance(error, UnicodeError):
        return f"the text is not valid: {error}"
    if isinstance(error, MemoryError):
        return str(error) or "there is not enough memory"
    return str(error)
