"""Memory while a dock is used for long: slider events, and docks opened and closed.

Run: ``xvfb-run -a python benchmarks/memory.py`` (``--events 100000 --docks 1000``
takes a quarter of an hour; the defaults are a tenth of it). In a real viewer
the sliders of a live dock are moved, and then docks are added to the window
and closed. The resident memory of the process and the number of Python
objects after each tenth are printed. What is once loaded, compiled and cached
comes in the first half; the goals are about the second: what is added there is
compared with all that the program holds. Exit status 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable

import napari
import numpy as np
import psutil
from qtpy.QtCore import QCoreApplication, QEvent
from qtpy.QtWidgets import QApplication
from superqt import QDoubleSlider
from timing import goal

from napari_diversify.core import synthetic_nuclei
from napari_diversify.widgets.diversify.dock import Explorer
from napari_diversify.widgets.qt.driver import driver

TENTHS = 10


def settle() -> None:
    """Until all is computed, drawn and deleted."""
    while True:
        QApplication.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        if driver().idle:
            break
    QApplication.processEvents()


def growth(title: str, times: int, act: Callable[[int], None]) -> bool:
    """Do something many times and print what becomes of memory; whether it is flat."""
    print(f"\n{title}")
    process, megabytes, objects = psutil.Process(), [], []
    for tenth in range(TENTHS):
        for n in range(times // TENTHS):
            act(tenth * (times // TENTHS) + n)
        settle()
        gc.collect()
        megabytes.append(process.memory_info().rss / 2**20)
        objects.append(len(gc.get_objects()))
        done = (tenth + 1) * (times // TENTHS)
        print(f"  after {done:>7,}{megabytes[-1]:>12,.1f} MB{objects[-1]:>12,} objects", flush=True)
    half = TENTHS // 2 - 1
    return all(
        [
            goal(
                "memory added by the second half",
                megabytes[-1] / megabytes[half],
                1.02,
                at_most=True,
            ),
            goal(
                "objects added by the second half", objects[-1] / objects[half], 1.005, at_most=True
            ),
        ]
    )


def main(events: int, docks: int) -> bool:
    """Print both tables."""
    viewer = napari.Viewer()
    viewer.add_image(synthetic_nuclei().image, name="nuclei")

    dock = Explorer(viewer)
    viewer.window.add_dock_widget(dock, name="Diversify", area="right")
    settle()
    weight = dock.card("diversify").panel.form.controls["w_v"].findChild(QDoubleSlider)
    weights = np.linspace(0.5, 6, 997)

    def slide(n: int) -> None:
        weight.setValue(float(weights[n % len(weights)]))
        QApplication.processEvents()
        if n % 10 == 9:
            settle()

    flat = growth(f"{events:,} slider events", events, slide)
    viewer.window.remove_dock_widget(dock)
    settle()

    def open_and_close(n: int) -> None:
        another = Explorer(viewer)
        viewer.window.add_dock_widget(another, name="Diversify", area="right")
        settle()
        viewer.window.remove_dock_widget(another)
        another.close()
        another.deleteLater()
        settle()

    flat &= growth(f"{docks:,} docks opened and closed", docks, open_and_close)
    viewer.close()
    return flat


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--docks", type=int, default=100)
    arguments = parser.parse_args()
    sys.exit(not main(arguments.events, arguments.docks))
