"""What the monkey plays with: a real window, the docks in it, and the user's layers."""

import gc
import tempfile
import time
from pathlib import Path

import napari.layers
import numpy as np
from napari.utils._proxies import PublicOnlyProxy
from qtpy.compat import isalive
from qtpy.QtCore import QCoreApplication, QEvent, QThreadPool
from qtpy.QtWidgets import QApplication

from napari_diversify.synthetic.plan import Plan
from napari_diversify.widgets.diversify.dock import Explorer
from napari_diversify.widgets.live import ours
from napari_diversify.widgets.live.layers import levels_of
from napari_diversify.widgets.live.live_array import LiveArray
from napari_diversify.widgets.qt.driver import driver
from napari_diversify.widgets.qt.proxy import behind
from napari_diversify.widgets.synthetic.dock import SyntheticDock

#: As many layers of the user's at most: the window is drawn in software.
MOST_LAYERS = 7
#: Nothing the monkey does takes as long to come to rest.
PATIENCE_S = 120.0
_QUIET_S = 0.1


class World:
    """The window and all that is in it.

    Parameters
    ----------
    viewer : napari.Viewer
        Shown; behind the proxy that plugins get, or not.
    """

    def __init__(self, viewer):
        self.viewer = behind(viewer)
        self.proxy = PublicOnlyProxy(self.viewer)
        self.docks = []
        self.synthetic = None
        self.folder = Path(tempfile.mkdtemp(prefix="monkey-"))
        self.compared = False  # when this event began
        self.allowed = set()  # layers that may go away during this event
        self.touched = []  # (layer, names of what was changed) by this event
        self.eyes = set()  # ids of layers whose eye the monkey has moved
        self.exports = 0

    # ---- layers ----

    @property
    def layers(self):
        return self.viewer.layers

    def ours(self):
        """Layers that a dock drives, or has left behind."""
        return [layer for layer in self.layers if ours.role_of(layer) is not None]

    def users(self):
        """All other layers but the line of the divider."""
        lines = [dock.compare._divider._line for dock in self.docks]
        return [la for la in self.layers if ours.role_of(la) is None and la not in lines]

    def images(self):
        return [layer for layer in self.users() if isinstance(layer, napari.layers.Image)]

    def arrays(self):
        """Images of the user's that are NumPy arrays, and so can be edited."""
        return [
            layer
            for layer in self.images()
            if all(isinstance(level, np.ndarray) for level in levels_of(layer))
        ]

    def touch(self, layer, *names):
        """Note that the user changes these attributes of a layer."""
        self.touched.append((behind(layer), names))

    # ---- docks ----

    @property
    def dock(self):
        """The dock at work, or None."""
        return next((dock for dock in self.docks if dock._connected), None)

    def open_dock(self):
        dock = Explorer(self.proxy)
        self.docks.append(dock)
        self.viewer.window.add_dock_widget(dock, name=f"Diversify {len(self.docks)}", area="right")
        return dock

    def close_dock(self, dock):
        self.docks.remove(dock)
        self.viewer.window.remove_dock_widget(dock)
        dock.deleteLater()

    def open_synthetic(self):
        if self.synthetic is None:
            self.synthetic = SyntheticDock(self.proxy)
            self.synthetic.setValue(small(Plan()))
            self.viewer.window.add_dock_widget(self.synthetic, name="Synthetic", area="right")
        return self.synthetic

    def close_synthetic(self):
        dock, self.synthetic = self.synthetic, None
        self.viewer.window.remove_dock_widget(dock)
        dock.deleteLater()

    @property
    def comparing(self):
        return any(way.isChecked() for dock in self.docks for way in dock.compare._ways)

    # ---- coming to rest ----

    def busy(self):
        """What is still under way, in words; nothing if all is at rest."""
        what = {
            "driver": not driver().idle,
            "pool": QThreadPool.globalInstance().activeThreadCount(),
        }
        for n, dock in enumerate(self.docks):
            windows = dock.windows
            what |= {
                f"measurement {n}": dock.session.image.busy,
                f"snapshot {n}": dock._snapshot.running,
                **{
                    f"panel {key} {n}": card.panel.running
                    for key, card in dock.cards.widgets.items()
                },
                f"numbers {n}": dock.readout.running,
                **{
                    f"view {name} {n}": view.live.running
                    for name, view in dock.session.views.views.items()
                },
                f"samples {n}": dock.samples.live.running,
                f"export {n}": windows.export is not None and windows.export.running,
                f"explore {n}": windows.explore is not None and windows.explore.running,
                f"plots {n}": windows.plots is not None and windows.plots.running,
            }
        if self.synthetic is not None:
            dock = self.synthetic
            what |= {
                "specimen": dock.preview.running,
                "fit": dock.fit.running,
                "keeping": dock._keeping.running,
            }
        what |= {f"slices of {la.name}": la.visible and not la.loaded for la in self.layers}
        return [name for name, is_busy in what.items() if is_busy]

    def settle(self):
        """Let everything come to rest."""
        deadline, quiet_since = time.monotonic() + PATIENCE_S, None
        while quiet_since is None or time.monotonic() < quiet_since + _QUIET_S:
            QApplication.processEvents()
            if busy := self.busy():
                quiet_since = None
            elif quiet_since is None:
                quiet_since = time.monotonic()
            if time.monotonic() > deadline:
                raise AssertionError(f"it never comes to rest: {', '.join(busy)}")
            time.sleep(0.005)

    def tidy(self):
        """Let Qt and Python destroy what nobody holds."""
        QApplication.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        gc.collect()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def close(self):
        """Close all docks."""
        for dock in list(self.docks):
            if isalive(dock):
                self.close_dock(dock)
        if self.synthetic is not None:
            self.close_synthetic()


def small(plan):
    """A plan of few voxels."""
    shape = (8, 40, 48)[-plan.ndim :]
    return Plan(plan.model, shape, (0.8, 0.5, 0.5)[-plan.ndim :])


def is_live_copy(layer):
    """Whether a layer of the user's shows arrays of ours, which follow the image they are of."""
    kinds = (napari.layers.Image, napari.layers.Labels)  # napari converts one into the other
    return isinstance(layer, kinds) and any(
        isinstance(behind(level), LiveArray) for level in levels_of(layer)
    )


def linked_with(layer):
    """Layers that the user has linked with this one."""
    from napari.experimental import layers_linked  # noqa: F401  (there is no public question)
    from napari.layers.utils._link_layers import get_linked_layers

    return get_linked_layers(layer)
