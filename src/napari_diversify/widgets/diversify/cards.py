"""The chain in the dock: a card per step, in a column that scrolls, and a menu that adds one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from qtpy.QtCore import QPoint, Signal
from qtpy.QtWidgets import QMenu, QSizePolicy, QVBoxLayout, QWidget

from ...recipe.steps.registry import faults, kinds
from ..qt.column import Column
from ..qt.parts import button, soon
from .card import CardWidget
from .state import Card, Key


class CardList(QWidget):
    """Shows the cards of a state, and passes on what the user wishes of them."""

    # (a card per step)
    # [Add step]
    edited = Signal(object, object)  # key of a card; {attribute: value}
    moved = Signal(object, int)  # key; place from the top
    removed = Signal(object)  # key
    added = Signal(str)  # a kind of step
    refused = Signal(str)
    made = Signal(object)  # a new CardWidget

    def __init__(self) -> None:
        super().__init__()
        self.widgets: dict[Key, CardWidget] = {}
        self._to_show: Key | None = None
        self._scrolling = soon(self, self._scroll)
        column = QWidget()
        self._stack = QVBoxLayout(column)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self._stack.setSpacing(3)
        self._stack.addStretch()
        self._column = Column(column)
        self.add_button = button("Add step", "Add a step to the chain, live.")
        self.menu = QMenu(self.add_button)
        self.menu.setToolTipsVisible(True)
        self.menu.aboutToShow.connect(self._fill_menu)
        self.add_button.setMenu(self.menu)
        self.first_stop: QWidget = self.add_button
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._column, stretch=1)
        layout.addWidget(self.add_button)
        # else napari adds an empty stretch of its own below everything
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    def setCards(self, cards: Sequence[Card]) -> None:
        """Show these cards, top to bottom."""
        wanted = {card.key: card for card in cards}
        for key in [key for key in self.widgets if key not in wanted]:
            widget = self.widgets.pop(key)
            widget.blockSignals(True)  # what is typed and not entered would come for a card no more
            widget.panel.cancel()
            self._stack.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        same = list(self.widgets) == list(wanted)
        for n, card in enumerate(cards):
            widget = self.widgets.get(card.key) or self._make(card)
            if self._stack.indexOf(widget) != n:
                self._stack.insertWidget(n, widget)
            if widget.card is not card:
                widget.setCard(card)
        if not same:
            self.widgets = {key: self.widgets[key] for key in wanted}
            self._order_stops()

    def _order_stops(self) -> None:
        """Have the Tab key follow the cards."""
        order = [stop for widget in self.widgets.values() for stop in widget.stops()]
        for before, after in pairwise([*order, self.add_button]):
            QWidget.setTabOrder(before, after)
        self.first_stop = order[0] if order else self.add_button

    def showCard(self, key: Key) -> None:
        """Scroll to a card, as soon as it has its place."""
        self._to_show = key
        self._scrolling.start()

    def _scroll(self) -> None:
        if self._to_show in self.widgets:
            self._column.ensureWidgetVisible(self.widgets[self._to_show].title)

    def _make(self, card: Card) -> CardWidget:
        widget = self.widgets[card.key] = CardWidget(card)
        widget.edited.connect(self.edited)
        widget.moved.connect(self._on_moved)
        widget.dragged.connect(self._on_dragged)
        widget.removed.connect(self.removed)
        widget.refused.connect(self.refused)
        self.made.emit(widget)
        return widget

    def _fill_menu(self) -> None:
        self.menu.clear()
        for kind, step in kinds().items():
            action = self.menu.addAction(step.title)
            assert action is not None
            action.setData(kind)
            action.setToolTip((step.__doc__ or "").partition("\n")[0])
            action.triggered.connect(self._on_chosen)
        for fault in faults().values():
            action = self.menu.addAction(fault)
            assert action is not None
            action.setEnabled(False)

    def _on_chosen(self) -> None:
        self.added.emit(self.sender().data())

    def _on_moved(self, key: Key, places: int) -> None:
        self.moved.emit(key, list(self.widgets).index(key) + places)

    def _on_dragged(self, key: Key, where: QPoint) -> None:
        """Move a card as soon as the hand is beyond the middle of a neighbour."""
        keys = list(self.widgets)
        at, y = keys.index(key), self._column.widget().mapFromGlobal(where).y()
        if at and y < self._middle(keys[at - 1]):
            self.moved.emit(key, at - 1)
        elif at + 1 < len(keys) and y > self._middle(keys[at + 1]):
            self.moved.emit(key, at + 1)

    def _middle(self, key: Key) -> int:
        return int(self.widgets[key].geometry().center().y())
