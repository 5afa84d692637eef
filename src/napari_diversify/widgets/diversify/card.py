"""A step of the chain in the dock: its head with a switch and a menu, and its form below."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QPoint, QPointF, Qt, Signal
from qtpy.QtGui import QKeyEvent, QMouseEvent
from qtpy.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from ...recipe.steps.registry import AnyStep
from ..qt.parts import flow, tip
from ..qt.switch import switch
from .panel import panel_of
from .state import Card, Key

_GRIP = "⠿"
#: napari's theme does not show which button has the focus, and keys act on it.
_FOCUS = "QToolButton:focus { border: 1px solid palette(text); border-radius: 2px; }"


class CardWidget(QFrame):
    """Shows a :class:`Card`, and wishes for changes of it; what it shows is set from outside."""

    # ⠿ v Diversify            [x] live  [⋯]
    #   [ ] on the image itself  [ ] show σ map
    #   (the panel of the step)
    edited = Signal(object, object)  # the key; {attribute of the card: value}
    moved = Signal(object, int)  # the key; so many places down
    removed = Signal(object)  # the key
    dragged = Signal(object, QPoint)  # the key; where on the screen
    refused = Signal(str)

    def __init__(self, card: Card) -> None:
        super().__init__()
        self.card = card
        step, title = card.step, card.title
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.title = _Title()
        self.title.setText(title)
        self.title.setCheckable(True)
        self.title.setAutoRaise(True)
        self.title.setStyleSheet(_FOCUS)
        self.title.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.title.setToolTip(
            tip(
                title,
                "Show or hide the parameters. Alt+Up and Alt+Down move the step; Delete removes "
                "it.",
            )
        )
        self.live = switch(
            "live",
            f"Show the {step.layer} image in a layer of its own that follows the sliders; live "
            "steps below work on it. Off hides the layer and computes nothing.",
        )
        self.reads_image = switch(
            "on the image itself",
            "Work on the image, and not on the result of the live step above.",
        )
        self.views: dict[str, QCheckBox] = {
            view.name: switch(view.label, view.description) for view in step.views
        }
        self.menu = QToolButton()
        self.menu.setText("⋯")
        self.menu.setAutoRaise(True)
        self.menu.setStyleSheet("QToolButton::menu-indicator { image: none; }" + _FOCUS)
        self.menu.setToolTip(tip("more", "Move or remove this step."))
        self.menu.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu.setMenu(self._make_menu())
        self.grip = _Grip()
        self.grip.setToolTip(tip("drag", "Drag the step to another place in the chain."))
        self.panel = panel_of(step)
        self._lay_out()
        self._wire()
        self.setCard(card)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(2)
        head.addWidget(self.grip)
        head.addWidget(self.title, stretch=1)
        head.addWidget(self.live)
        head.addWidget(self.menu)
        self.content = QWidget()
        switches = flow(spacing=10)
        for box in (self.reads_image, *self.views.values()):
            switches.addWidget(box)
        inner = QVBoxLayout(self.content)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addLayout(switches)
        inner.addWidget(self.panel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.setSpacing(2)
        layout.addLayout(head)
        layout.addWidget(self.content)

    def _make_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        for text, what, meaning in (
            ("Move up", self._move_up, "Have it work before the step above."),
            ("Move down", self._move_down, "Have it work after the step below."),
            ("Remove", self._remove, "Take the step out of the chain, and its layers away."),
        ):
            action = menu.addAction(text)
            assert action is not None
            action.setToolTip(meaning)
            action.triggered.connect(what)
        return menu

    def _wire(self) -> None:
        self.title.toggled.connect(self._on_opened)
        self.title.upPressed.connect(self._move_up)
        self.title.downPressed.connect(self._move_down)
        self.title.deletePressed.connect(self._remove)
        self.live.toggled.connect(self._on_live)
        self.reads_image.toggled.connect(self._on_reads_image)
        for box in self.views.values():
            box.toggled.connect(self._on_views)
        self.panel.valueChanged.connect(self._on_step)
        self.panel.refused.connect(self.refused)
        self.grip.dragged.connect(self._on_dragged)

    def stops(self) -> list[QWidget]:
        """What the Tab key comes to, top to bottom."""
        stops: list[QWidget] = [self.title, self.live, self.menu, self.reads_image]
        return [*stops, *self.views.values(), *self.panel.stops()]

    # ---- what it shows ----

    @property
    def key(self) -> Key:
        """Of the card that it shows."""
        return self.card.key

    def value(self) -> AnyStep:
        """The step shown."""
        return self.card.step

    def setValue(self, step: AnyStep) -> None:
        """Show a step."""
        self.panel.setValue(step)

    def setCard(self, card: Card) -> None:
        """Show a card of the same key."""
        self.card = card
        if self.panel.value() != card.step:
            self.panel.setValue(card.step)
        shown = {self.live: card.live, self.reads_image: card.reads_image, self.title: card.open}
        shown |= {box: name in card.views for name, box in self.views.items()}
        for box, on in shown.items():
            with signals_blocked(box):
                box.setChecked(on)
        arrow = Qt.ArrowType.DownArrow if card.open else Qt.ArrowType.RightArrow
        self.title.setArrowType(arrow)
        self.content.setVisible(card.open)

    # ---- what the user does ----

    def _edit(self, **changes: Any) -> None:
        self.edited.emit(self.key, changes)

    def _on_opened(self, on: bool) -> None:
        self._edit(open=on)

    def _on_live(self, on: bool) -> None:
        self._edit(live=on)

    def _on_reads_image(self, on: bool) -> None:
        self._edit(reads_image=on)

    def _on_views(self) -> None:
        self._edit(views=frozenset(name for name, box in self.views.items() if box.isChecked()))

    def _on_step(self, step: AnyStep) -> None:
        self._edit(step=step)

    def _on_dragged(self, where: QPoint) -> None:
        self.dragged.emit(self.key, where)

    def _move_up(self) -> None:
        self.moved.emit(self.key, -1)

    def _move_down(self) -> None:
        self.moved.emit(self.key, 1)

    def _remove(self) -> None:
        self.removed.emit(self.key)


class _Title(QToolButton):
    """Opens and closes a card; keys move and remove it."""

    upPressed = Signal()
    downPressed = Signal()
    deletePressed = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move by Alt with an arrow, remove by Delete."""
        alt = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        if alt and event.key() == Qt.Key.Key_Up:
            self.upPressed.emit()
        elif alt and event.key() == Qt.Key.Key_Down:
            self.downPressed.emit()
        elif event.key() == Qt.Key.Key_Delete:
            self.deletePressed.emit()
        else:
            super().keyPressEvent(event)


class _Grip(QLabel):
    """What a card is dragged by."""

    dragged = Signal(QPoint)  # where on the screen

    def __init__(self) -> None:
        super().__init__(_GRIP)
        self.setCursor(Qt.CursorShape.OpenHandCursor)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of it: the moves to come are ours."""
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Say where it is dragged to."""
        position: QPointF = event.globalPosition()
        self.dragged.emit(position.toPoint())
