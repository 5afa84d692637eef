"""The window Robustness, what is behind a dot, and fragile objects."""

from __future__ import annotations

from typing import Any

from picture_tools import IMAGES, grab, layer_of, settle, wait_until

# isort: split
import napari
import numpy as np

from napari_diversify.recipe import SyntheticNuclei
from napari_diversify.robustness.segmenters import LoG

LONG_S = 600  # a study


def robustness() -> None:
    """Two segmenters on synthetic nuclei, which change places; light and dark."""
    viewer = napari.Viewer()
    viewer.window.resize(1280, 760)
    specimen = SyntheticNuclei(seed=4).specimen((24, 128, 128), (1, 0.3, 0.3))
    place = {
        "scale": specimen.spacing,
        "units": ("micrometer",) * 3,
        "axis_labels": ("z", "y", "x"),
    }
    image = viewer.add_image(np.asarray(specimen.image[...]), name="nuclei", **place)
    image.reset_contrast_limits()
    labels = np.asarray(specimen.labels[...])
    viewer.add_labels(labels, name="nuclei labels", visible=False, **place)
    viewer.layers.selection.active = image
    _, dock = viewer.window.add_plugin_dock_widget("napari-diversify", "Diversify")
    wait_until(lambda: layer_of(dock, "diversify") is not None)
    dock.windows.open_robustness()
    window = dock.windows.robustness
    window.setup.segmenters.add(LoG)
    window.start()
    wait_until(lambda: not window.work.busy, LONG_S)
    print(window.status.message.text())
    row = next(r for r in window.job.rows if (r.dot.curve, r.dot.level, r.dot.draw) == (0, 4, 0))
    window.look_behind(row)
    wait_until(lambda: not window.work.busy)
    viewer.fit_to_view()
    grab(window, "robustness-window.png")
    picture(viewer, "robustness-behind.png")
    window.findings.setCurrentIndex(2)
    window.show_fragile()
    viewer.theme = "light"
    grab(window, "robustness-window-light.png")
    viewer.theme = "dark"
    picture(viewer, "robustness-fragile.png")
    window.close()
    viewer.close()


def picture(viewer: Any, name: str) -> None:
    settle()
    viewer.window.screenshot(str(IMAGES / name), canvas_only=False, flash=False)
    print(f"wrote {IMAGES / name}")


if __name__ == "__main__":
    robustness()
