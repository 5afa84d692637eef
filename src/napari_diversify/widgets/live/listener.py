"""What whoever drives a live layer is told of its feed."""

from __future__ import annotations

from typing import Any, Protocol


class Listener(Protocol):
    """Who is told what becomes of a feed, in the thread of the window."""

    def on_changed(self, tag: Any) -> None:
        """Other arrays are shown from now on: those that were given with this tag."""

    def on_ready(self) -> None:
        """All that was asked for is at hand."""

    def on_left_out(self) -> None:
        """The canvas has asked for a volume that is not at hand, and was given nothing."""

    def on_progressed(self, done: int, pieces: int) -> None:
        """What takes long is so far."""

    def on_failed(self, error: Exception) -> None:
        """What was asked for could not be computed."""
