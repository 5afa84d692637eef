"""Which segmenters are tried: a list to which others can be added."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QFrame, QLabel, QLineEdit, QMenu, QVBoxLayout, QWidget

from ...robustness.segmenters import (
    AnySegmenter,
    Cellpose,
    Command,
    Function,
    LoG,
    Otsu,
    StarDist,
)
from ..qt.forms import ModelForm
from ..qt.parts import button, row, tip

_TITLES: dict[type[Any], str] = {
    Otsu: "Otsu and watershed",
    LoG: "LoG and watershed",
    Function: "Python function",
    Command: "Program",
    StarDist: "StarDist",
    Cellpose: "Cellpose",
}
#: Packages that the user may have.
_NEEDS = {StarDist: "stardist", Cellpose: "cellpose"}
#: What is typed of those that are known by a text: the field, an example, what it means.
_TYPED: dict[type[Any], tuple[str, str, str]] = {
    Function: (
        "target",
        "package.module:function or file.py:function",
        "A function (image, spacing) that returns labels: 0 for background, another whole number "
        "for each object. It gets the sample with its dtype and grey levels, and the voxel size in "
        "µm or None. It runs in a process of its own, with your rights.",
    ),
    Command: (
        "line",
        "python segment.py {in} {out}",
        "A program that reads TIFF images from the folder {in} and writes labels of the same names "
        "into the folder {out}.",
    ),
    StarDist: ("model", "2D_versatile_fluo", "Name of a pretrained model of StarDist."),
    Cellpose: ("model", "nuclei", "Name of a pretrained model of Cellpose."),
}


def offered() -> list[type[Any]]:
    """Kinds of segmenters that can be used here."""
    return [k for k in _TITLES if k not in _NEEDS or find_spec(_NEEDS[k]) is not None]


class SegmenterList(QWidget):
    """Segmenters one below the other, each with its parameters."""

    # Otsu and watershed  [Remove]
    #   smoothing [---o---] ...
    # [Add segmenter]
    refused = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[_Row] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self.add_button = button(
            "Add segmenter",
            "Try another one on the same samples: see which fails first, and where they cross.",
        )
        menu = QMenu(self)
        for kind in offered():
            action = menu.addAction(_TITLES[kind])
            action.triggered.connect(_adding(self, kind))
        self.add_button.setMenu(menu)
        self._column.addWidget(self.add_button)
        self.add(Otsu)

    def value(self) -> tuple[AnySegmenter, ...]:
        """The segmenters.

        Raises
        ------
        ValueError
            If one is not complete; the message says what is missing.
        """
        if not self.rows:
            raise ValueError("add a segmenter that is to be tried")
        return tuple(one.value() for one in self.rows)

    def add(self, kind: type[Any], text: str = "") -> None:
        """Add a segmenter of a kind; ``text`` is what is typed of it."""
        line = _Row(kind, text)
        line.remove.clicked.connect(lambda: self.remove(line))
        if line.form is not None:
            line.form.refused.connect(self.refused)
        self.rows.append(line)
        self._column.insertWidget(len(self.rows) - 1, line)

    def remove(self, line: _Row) -> None:
        """Take a segmenter away."""
        self.rows.remove(line)
        self._column.removeWidget(line)
        line.hide()
        line.deleteLater()


def _adding(of: SegmenterList, kind: type[Any]) -> Callable[[], None]:
    return lambda: of.add(kind)


class _Row(QFrame):
    """One segmenter."""

    def __init__(self, kind: type[Any], text: str) -> None:
        super().__init__()
        self._kind = kind
        self.form: ModelForm | None = None
        self.text: QLineEdit | None = None
        self.remove = button("Remove", "Do not try this segmenter.")
        title = QLabel(f"<b>{_TITLES[kind]}</b>")
        title.setToolTip(tip(_TITLES[kind], str(kind.__doc__)))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 6)
        column.setSpacing(2)
        head = row(title, self.remove)
        head.layout().setStretch(0, 1)
        column.addWidget(head)
        if kind not in _TYPED:
            self.form = ModelForm(kind())
            column.addWidget(self.form)
            return
        _, example, meaning = _TYPED[kind]
        self.text = QLineEdit(text)
        self.text.setPlaceholderText(example)
        self.text.setToolTip(tip(_TITLES[kind], meaning))
        if kind is Function:
            browse = button("Choose…", "Choose a Python file; its function is named after a colon.")
            browse.clicked.connect(self._choose)
            column.addWidget(row(self.text, browse))
        else:
            column.addWidget(self.text)

    def value(self) -> AnySegmenter:
        """The segmenter."""
        if self.form is not None:
            one: AnySegmenter = self.form.value()  # type: ignore[assignment]
            return one
        assert self.text is not None
        field, example, _ = _TYPED[self._kind]
        text = self.text.text().strip()
        if not text and self._kind in (Function, Command):
            what = _TITLES[self._kind]
            raise ValueError(f"say which {what[0].lower()}{what[1:]} is to be tried: {example}")
        made: AnySegmenter = self._kind(**({field: text} if text else {}))
        return made

    def _choose(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Choose a Python file", "", "Python (*.py)")
        if path and self.text is not None:
            self.text.setText(f"{path}:{first_function(Path(path))}")


def first_function(path: Path) -> str:
    """The first function in a Python file that has no underscore before it; nothing is run."""
    import ast

    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return ""
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    return next((name for name in names if not name.startswith("_")), "")
