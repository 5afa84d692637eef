"""Typed numbers are read the same everywhere: 1.5 and 1,5 are one and a half, or refused.

Qt takes the mark that is not the decimal one of the user's locale for a mark
of thousands, and drops it: where commas are usual, 1.5 becomes 15. In boxes
of ours both are decimal marks and there are no marks of thousands; shown is
the usual one.
"""

from __future__ import annotations

import math
import re
from typing import Any

from qtpy.QtCore import QEvent, QLocale, QObject, QRegularExpression
from qtpy.QtGui import QKeyEvent, QRegularExpressionValidator, QValidator
from qtpy.QtWidgets import QDoubleSpinBox

_MARKS = (".", ",")
_TYPED = 6  # decimals at most that somebody types
_BEGUN = re.compile(r"[-+]?[.,]?")  # of a number
_NUMBER = re.compile(r"[-+]?\d*[.,]?\d*")


class DecimalBox(QDoubleSpinBox):
    """A box for a number with decimals, in any locale; more decimals than it takes are refused."""

    _shown: int | None = None

    def setShownDecimals(self, shown: int | None) -> None:
        """Show fewer decimals than can be typed; the value keeps all of them. None: all."""
        if shown != self._shown:
            self._shown = shown
            self.setDecimals(self.decimals())  # has it write its text anew

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        """Whether a text is a number, may become one, or neither."""
        return self._state(text.strip()), text, position

    def fixup(self, text: str) -> str:
        """Leave a text as it is: Qt would drop marks."""
        return text

    def valueFromText(self, text: str) -> float:
        """The number that was typed; that of before, if its text stands as it was."""
        if text.strip() == self.textFromValue(self.value()):
            return float(self.value())
        return float(text.strip().replace(",", "."))

    def textFromValue(self, value: float) -> str:
        """A number with the decimal mark of the user's locale."""
        decimals = self.decimals() if self._shown is None else min(self._shown, self.decimals())
        return f"{value:.{decimals}f}".replace(".", _mark(self.locale()))

    def _state(self, text: str) -> QValidator.State:
        if not _NUMBER.fullmatch(text):
            return QValidator.State.Invalid
        if _BEGUN.fullmatch(text):
            return QValidator.State.Intermediate
        decimals = len(re.split("[.,]", text + ".")[1])
        if decimals > self.decimals():
            # of whole numbers it stays in the box, and is not taken: 1.5 must not become 15
            return QValidator.State.Invalid if self.decimals() else QValidator.State.Intermediate
        if not self.decimals() and text[-1] in _MARKS:
            return QValidator.State.Intermediate
        value = self.valueFromText(text)
        if self.minimum() <= value <= self.maximum():
            return QValidator.State.Acceptable
        # too small a number may grow with the next digit
        beyond = value > max(self.maximum(), 0) or value < min(self.minimum(), 0)
        return QValidator.State.Invalid if beyond else QValidator.State.Intermediate


class _WholeOnly(QObject):
    """Refuses a decimal mark, and the digits after it, in a box for whole numbers."""

    def __init__(self, box: Any) -> None:
        super().__init__(box)
        self._box = box
        self._refusing = False
        box.installEventFilter(self)

    def eventFilter(self, box: QObject, event: QEvent) -> bool:
        """Take back what was typed before a decimal mark, and let nothing follow it."""
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.MouseButtonPress):
            self._refusing = False
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return False
        text = event.text()
        if text in _MARKS:
            self._refusing = True
            self._box.lineEdit().setText(str(self._box.value()))
            self._box.selectAll()
            return True
        if not text.isdigit():
            self._refusing = False
            return False
        return self._refusing


def whole_numbers_only(box: Any) -> Any:
    """Let a spin box take digits only, so that nothing else is misread; returns the box."""
    box.lineEdit().setValidator(QRegularExpressionValidator(QRegularExpression("[0-9]*"), box))
    _WholeOnly(box)
    return box


def numbers_in(text: str, locale: QLocale) -> tuple[float, ...]:
    """The numbers of a list that the user has typed.

    Between them stand semicolons, spaces, or commas. A comma inside of one is
    its decimal mark where there are semicolons.

    Raises
    ------
    ValueError
        If it is no such list, or one that can be read in two ways; the message
        says how to write it.
    """
    parts = text.split(";") if ";" in text else re.split(r",\s+|\s+", text.strip(" ,\t"))
    if ";" not in text:
        doubtful = next((part for part in parts if "," in part), None)
        if doubtful is not None and _mark(locale) == ",":
            raise ValueError(
                f"“{doubtful}” can be read in two ways: put semicolons between numbers, as in "
                "30; 20,5; 12"
            )
        parts = [number for part in parts for number in part.split(",")]
    numbers = [part.strip() for part in parts if part.strip()]
    if not all(_NUMBER.fullmatch(number) and re.search(r"\d", number) for number in numbers):
        raise ValueError(
            f"these are not numbers separated by commas or semicolons, as in 30; 20.5; 12: {text!r}"
        )
    return tuple(float(number.replace(",", ".")) for number in numbers)


def _mark(locale: QLocale) -> str:
    """The decimal mark of a locale, if it is one of ours."""
    mark = str(locale.decimalPoint())
    return mark if mark in _MARKS else "."


def decimals_that_matter(value: float, width: float) -> int:
    """Decimals to show of one end of a range of a width: as typed where short, else to 0.01 %.

    Examples
    --------
    >>> decimals_that_matter(0.125, 1.0), decimals_that_matter(1 / 3, 1.0)
    (3, 4)
    >>> decimals_that_matter(4321.0, 5000.0), decimals_that_matter(1e-7 / 3, 1e-7)
    (0, 9)
    """
    text = repr(float(value))
    typed = 9 if "e" in text else len(text.partition(".")[2].rstrip("0"))
    if typed <= _TYPED:
        return typed
    if not 0 < width < math.inf:
        return 0 if width > 0 else 9
    return min(max(math.ceil(4 - math.log10(width)), 0), 9)
