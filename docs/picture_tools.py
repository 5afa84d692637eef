"""What all pictures of the documentation are made with."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# the pictures should not depend on anybody's settings
os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp()) / "settings.yaml")

import napari
from qtpy.QtWidgets import QApplication, QWidget

IMAGES = Path(__file__).with_name("images")
TIMEOUT_S = 60


def wait_until(condition: Callable[[], bool], seconds: float = TIMEOUT_S) -> None:
    """Let the event loop run until something is the case."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the widget did not get there")
        QApplication.processEvents()
        time.sleep(0.01)


def settle(seconds: float = 0.6) -> None:
    """Let drawing, thumbnails and timers come to rest."""
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > end)


def layer_of(widget: Any, *view: str) -> Any:
    """The layer of the result of a card, or of an extra view of it; None if there is none yet."""
    shown = widget.view(*view)
    return None if shown is None else shown.live.layer


def save(viewer: napari.Viewer, widget: Any, name: str) -> None:
    settle()
    wait_until(lambda: "…" not in widget.readout.plane.text() + widget.readout.volume.text())
    settle()
    viewer.window.screenshot(str(IMAGES / name), canvas_only=False, flash=False)
    print(f"wrote {IMAGES / name}")


def grab(window: QWidget, name: str) -> None:
    settle()
    window.grab().save(str(IMAGES / name))
    print(f"wrote {IMAGES / name}")
