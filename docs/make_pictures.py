"""Drive the real widget and write the pictures that README shows.

Run it where a display is, or on a virtual one:
``xvfb-run -a -s "-screen 0 1600x1000x24" python docs/make_pictures.py``
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# the pictures shall not depend on anybody's settings
os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp()) / "settings.yaml")

import napari
from qtpy.QtWidgets import QApplication

IMAGES = Path(__file__).with_name("images")
TIMEOUT_S = 60


def wait_until(condition: Callable[[], bool]) -> None:
    """Let the event loop run until something is the case."""
    end = time.monotonic() + TIMEOUT_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the widget did not get there")
        QApplication.processEvents()
        time.sleep(0.01)


def settle(seconds: float = 0.6) -> None:
    """Let drawing, thumbnails and timers come to rest."""
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > end)


def save(viewer: napari.Viewer, widget: Any, name: str) -> None:
    settle()
    wait_until(lambda: "…" not in widget.readout.plane.text() + widget.readout.volume.text())
    settle()
    viewer.window.screenshot(str(IMAGES / name), canvas_only=False, flash=False)
    print(f"wrote {IMAGES / name}")


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    viewer = napari.Viewer()
    viewer.window.resize(1600, 720)
    viewer.open_sample("napari-diversify", "synthetic_nuclei")
    nuclei = viewer.layers["nuclei"]
    viewer.layers.selection.active = nuclei
    viewer.canvas.overlays.scale_bar.visible = True
    _, widget = viewer.window.add_plugin_dock_widget("napari-diversify", "Diversify")
    wait_until(lambda: widget.views["diversify"].live.layer is not None)
    viewer.fit_to_view()

    # raw, diversified and σ side by side
    widget.show_sigma.setChecked(True)
    wait_until(lambda: widget.views["sigma"].live.layer is not None)
    viewer.layers["nuclei labels"].visible = False
    viewer.canvas.grid.enabled = True
    viewer.canvas.grid.shape = (1, 3)
    viewer.canvas.grid.stride = -1
    for layer in viewer.layers:
        layer.name_overlay.visible = layer.visible
    viewer.fit_to_view()
    save(viewer, widget, "diversify.png")

    widget.diversify.panel.psnr.setValue(13.0)
    widget.diversify.panel.psnr.valueChanged.emit(13.0)
    save(viewer, widget, "diversify-13dB.png")

    viewer.theme = "light"
    save(viewer, widget, "diversify-light.png")
    viewer.theme = "dark"

    # deep tissue, low-pass and what it removes
    widget.show_sigma.setChecked(False)
    viewer.layers.remove("nuclei (σ map)")
    widget.diversify.live.setChecked(False)
    widget.contrast.expand(animate=False)
    for name in ("contrast", "lowpass", "removed"):
        widget.views[name].switch.setChecked(True)
    wait_until(lambda: widget.views["removed"].live.layer is not None)
    viewer.layers["nuclei (diversified)"].name_overlay.visible = False
    for layer in viewer.layers:
        layer.name_overlay.visible = layer.visible
    viewer.canvas.grid.shape = (2, 3)
    viewer.fit_to_view()
    save(viewer, widget, "diversify-steps.png")

    # all three chained, cut across the planes
    widget.views["removed"].switch.setChecked(False)
    viewer.layers.remove("nuclei (removed)")
    widget.diversify.live.setChecked(True)
    widget.diversify.panel.psnr.setValue(18.0)
    widget.diversify.panel.psnr.valueChanged.emit(18.0)
    widget.chain.setChecked(True)
    widget.diversify.collapse(animate=False)
    widget.lowpass.expand(animate=False)
    for layer in viewer.layers:
        layer.name_overlay.visible = layer.visible
    viewer.canvas.grid.shape = (2, 2)
    viewer.dims.order = (1, 0, 2)
    settle()
    wait_until(lambda: not any(task.running for task in widget._tasks))
    viewer.fit_to_view()
    save(viewer, widget, "diversify-chain.png")
    viewer.dims.order = (0, 1, 2)
    widget.chain.setChecked(False)
    widget.lowpass.collapse(animate=False)
    widget.diversify.expand(animate=False)
    for name in ("contrast", "lowpass"):
        widget.views[name].switch.setChecked(False)
    for name in ("deep tissue", "low-passed"):
        viewer.layers.remove(f"nuclei ({name})")
    widget.contrast.collapse(animate=False)
    viewer.canvas.grid.shape = (1, 2)
    viewer.dims.ndisplay = 3
    viewer.scene.camera.angles = (10, -25, 60)
    viewer.fit_to_view()
    save(viewer, widget, "diversify-3d.png")

    # the Export dialog
    widget.open_export()
    dialog = widget.export_dialog
    dialog.folder.setText("training set")
    dialog.labels.setCurrentIndex(dialog.labels.count() - 1)
    dialog.layout_.setCurrentIndex(dialog.layout_.findData("stardist"))
    dialog.sampling.ranges.rows["diversify.w_v"][0].setChecked(True)
    settle()
    dialog.grab().save(str(IMAGES / "export.png"))
    print(f"wrote {IMAGES / 'export.png'}")
    dialog.close()
    settle(2)
    viewer.close()


if __name__ == "__main__":
    main()
