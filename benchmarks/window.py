"""How long napari's window stands still with live layers, beside napari without them.

Run: ``xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/window.py``, on a real display
without ``xvfb-run``; ``--quick`` for a look at all parts in small, ``--parts`` for some of them,
``--pyramid FOLDER.zarr`` for one that :mod:`pyramid` has written before. Every time is taken in a
real viewer, with the clock of :mod:`heartbeat`: the longest pause between two beats of a timer in
the event loop, so what is drawn, computed, read or waited for on the GUI thread counts alike.

- *blocks*: a viewer with an image and three live layers, and another one with as many NumPy
  layers instead, are used in turn in the same way. What a slider does to live layers, writing
  the plane in view and ``refresh()`` does to the NumPy layers: their result has been computed
  before. Of each round the longest block counts, and of all rounds the median.
- *opening*: programs of their own, in turn: one opens the dock for the first time and switches
  all three steps on, the other adds three NumPy layers.
- *pyramid*: the same pyramid in two viewers, one with the dock, from file.
- *scrolling*: ten planes a second; what the canvas has drawn of each is compared with what the
  recipe makes of the image.
- *first*: a program of its own whose cache of machine code is empty.

Exit status 1 if a goal is missed. Times depend on what else the machine does: ratios are of one
run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# nothing that the user has set, and no window of theirs
os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp()) / "settings.yaml")

import napari
import numpy as np
import numpy.typing as npt
import psutil
import zarr
from heartbeat import Block, Heartbeat, run_for, run_until
from pyramid import LIMITS, Tissue, write
from timing import goal, report

PARTS = ("blocks", "opening", "pyramid", "scrolling", "first")
SIZE = (1500, 900)
STEPS = ("contrast", "diversify", "lowpass")
#: Which slider of each is dragged, from where to where.
SLIDERS = {
    "contrast": ("extra_depth", 20, 120),
    "diversify": ("w_v", 0.5, 8),
    "lowpass": ("cutoff", 0.2, 0.6),
}
FRAME = 1 / 60


def median(values: list[float]) -> float:
    return float(np.median(values))


def stack(planes: int, side: int) -> npt.NDArray[np.uint16]:
    return Tissue(planes, side)[:, :, :]


# ---- windows ----


class Window:
    """A viewer with an image."""

    def __init__(self, name: str, data: Any, **keywords: Any) -> None:
        self.name = name
        self.viewer = napari.Viewer(title=name)
        self.viewer.window.resize(*SIZE)
        run_for(0.5)
        self.source = self.viewer.add_image(data, name="image", contrast_limits=LIMITS, **keywords)
        self.drawn = Drawn(self.viewer)
        self.settle()

    @property
    def plane(self) -> int:
        return int(self.viewer.dims.current_step[0])

    def go_to(self, plane: int) -> None:
        self.viewer.dims.set_current_step(0, plane)

    def quiet(self) -> bool:
        """Whether nothing is going on any more."""
        return True

    def settle(self) -> None:
        run_for(0.1)
        run_until(self.quiet)
        run_for(0.5)  # thumbnails follow when the user rests
        run_until(self.quiet)

    def close(self) -> None:
        self.settle()
        self.viewer.close()


def same_canvas(windows: list[Window]) -> None:
    """Show the same of the image in all windows: docks take room, and with it drawing time."""
    for _ in range(3):  # layouts follow late
        widths = [window.viewer.canvas.size[1] for window in windows]
        for window, width in zip(windows, widths, strict=True):
            main = window.viewer.window._qt_window
            main.resize(main.width() - (width - min(widths)), main.height())
        run_for(0.3)
    sizes = [tuple(window.viewer.canvas.size) for window in windows]
    if len(set(sizes)) > 1:
        raise RuntimeError(f"the canvases differ: {sizes}")
    first, *others = (window.viewer.scene.camera for window in windows)
    for camera in others:
        camera.center, camera.zoom = first.center, first.zoom
    run_for(0.3)


class Drawn:
    """Called after each drawing of the canvas."""

    def __init__(self, viewer: Any) -> None:
        self.listener: Callable[[], None] | None = None
        # nothing public tells when the canvas has been drawn
        canvas = viewer.window._qt_viewer.canvas._scene_canvas
        canvas.events.draw.connect(self._on_draw, position="last")

    def _on_draw(self, _: Any) -> None:
        if self.listener is not None:
            self.listener()

    def wait(self, condition: Callable[[], bool]) -> float:
        """When the canvas was drawn first with something being so."""
        times: list[float] = []

        def note() -> None:
            if not times and condition():
                times.append(time.perf_counter())

        self.listener = note
        run_until(lambda: bool(times))
        self.listener = None
        return times[0]


class Plain(Window):
    """An image and as many NumPy layers as there are live ones in the other."""

    def add_layers(self) -> Iterator[None]:
        image = self.source.data
        self.layers = []
        for name in STEPS:
            self.layers.append(
                self.viewer.add_image(image.copy(), name=name, contrast_limits=LIMITS)
            )
            yield

    def slide(self, share: float) -> None:
        ready = self.source.data[int(share * (len(self.source.data) - 1))]
        for layer in self.layers:
            layer.data[self.plane] = ready
            layer.refresh()


class Live(Window):
    """An image and the dock."""

    dock: Any = None

    def open_dock(self) -> None:
        _, self.dock = self.viewer.window.add_plugin_dock_widget("napari-diversify", "Diversify")

    def switch_on(self, kind: str) -> None:
        card = self.dock.card(kind)
        card.reads_image.setChecked(True)  # as three layers that know nothing of each other
        card.live.setChecked(True)

    def add_layers(self) -> Iterator[None]:
        self.open_dock()
        yield
        for kind in STEPS:
            self.switch_on(kind)
            yield

    @property
    def live(self) -> list[Any]:
        return [self.dock.view(kind).live for kind in STEPS]

    def quiet(self) -> bool:
        from napari_diversify.widgets.qt.driver import driver

        if self.dock is None:
            return True
        dock = self.dock
        measuring = dock.session.image.measurement.running or dock.session.image._settled.isActive()
        running = any(view.live.running for view in dock.session.views.views.values())
        return not measuring and not running and driver().idle

    def slide(self, share: float) -> None:
        for kind, (name, low, high) in SLIDERS.items():
            control = self.dock.card(kind).panel.form.controls[name]
            control.setValue(low + share * (high - low))
            control.valueChanged.emit(control.value())

    def exact(self, live: Any) -> bool:
        """Whether what the canvas has of a live layer is the result, and not in its place."""
        return live.layer is not None and live.layer.visible and not live._feed._screen.behind


# ---- blocks ----


def dragging(window: Any, rounds: int) -> Iterator[float]:
    for share in np.linspace(0, 1, 40):
        window.slide(float(share))
        yield FRAME


def scrolling(window: Window, rounds: int) -> Iterator[float]:
    for plane in range(8 * rounds, 8 * rounds + 8):
        window.go_to(plane)
        yield 0.1


def zooming(window: Window, rounds: int) -> Iterator[float]:
    zoom = window.viewer.scene.camera.zoom
    for factor in np.concatenate([np.geomspace(1, 8, 15), np.geomspace(8, 1, 15)]):
        window.viewer.scene.camera.zoom = zoom * factor
        yield FRAME


def in_3d(window: Window, rounds: int) -> Iterator[float]:
    window.viewer.dims.ndisplay = 3
    yield 0.1


def back_in_2d(window: Window, rounds: int) -> Iterator[float]:
    window.viewer.dims.ndisplay = 2
    yield 0.1


DEEDS = {
    "dragging": dragging,
    "scrolling": scrolling,
    "zooming": zooming,
    "3D": in_3d,
    "back in 2D": back_in_2d,
}


def longest_block(window: Window, steps: Iterator[float]) -> Block:
    """Play something, and wait until all of it is shown."""
    window.settle()
    heart = Heartbeat()
    run_for(0.05)
    heart.listen()
    for seconds in steps:
        run_for(seconds)
    window.settle()
    return heart.stop()


def blocks(side: int, rounds: int) -> list[bool]:
    volume = stack(8 * (rounds + 1), side)
    windows = [Plain("plain", volume), Live("live", volume)]
    for window in windows:
        for _ in window.add_layers():
            window.settle()
    same_canvas(windows)
    times: dict[str, dict[str, list[Block]]] = {
        name: {window.name: [] for window in windows} for name in DEEDS
    }
    for n in range(rounds + 1):
        for name, deed in DEEDS.items():
            for window in windows if n % 2 else windows[::-1]:
                block = longest_block(window, deed(window, n))
                if n:  # after a warm-up
                    times[name][window.name].append(block)
    met = []
    for name, both in times.items():
        print(f"\n{name}, {len(volume)} x {side} x {side} uint16")
        met.append(compared(name, both["plain"], both["live"], "three live layers"))
    for window in windows:
        window.close()
    return met


def compared(name: str, plain: list[Block], live: list[Block], ours: str) -> bool:
    """Print the longest blocks, and what the GUI thread itself has done in one at most."""
    for what in ("longest", "worked"):
        before, after = (1e3 * median([getattr(h, what) for h in some]) for some in (plain, live))
        title = {"longest": "longest block", "worked": "most CPU time of the GUI thread in one"}
        report(title[what], {"three NumPy layers": (before, "ms"), ours: (after, "ms")}, ours)
    ratio = median([h.longest for h in live]) / median([h.longest for h in plain])
    return goal(f"{name}, against NumPy layers", ratio, 1.25, at_most=True)


# ---- opening ----


def opening(side: int, rounds: int) -> list[bool]:
    times: dict[str, list[Block]] = {"plain": [], "live": []}
    for n in range(rounds + 1):
        for kind, some in times.items():
            block = Block(**child("opening", kind, str(side)))
            if n:  # the first has compiled Python's bytecode
                some.append(block)
    print("\nopening, for the first time")
    return [compared("opening", times["plain"], times["live"], "dock, three steps on")]


def opening_child(kind: str, side: int) -> dict[str, float]:
    window = {"plain": Plain, "live": Live}[kind](kind, stack(8, side))

    def steps() -> Iterator[float]:
        for _ in window.add_layers():
            yield 0.1

    return longest_block(window, steps())._asdict()


# ---- the pyramid ----


def opened(path: Path) -> list[Any]:
    names = sorted((p for p in path.iterdir() if p.name.isdigit()), key=lambda p: int(p.name))
    return [zarr.open_array(str(name), mode="r") for name in names]


def pyramid_steps(window: Window) -> dict[str, Callable[[], None]]:
    camera, planes = window.viewer.scene.camera, window.source.data[0].shape[0]

    def zoom(factor: float) -> None:
        camera.zoom *= factor

    def pan() -> None:
        z, y, x = camera.center
        camera.center = (z, y + 300, x + 300)

    return {
        "next plane": lambda: window.go_to((window.plane + 1) % planes),
        "far plane": lambda: window.go_to((window.plane + 97) % planes),
        "zoom in": lambda: zoom(8),
        "next plane, from near by": lambda: window.go_to((window.plane + 1) % planes),
        "far plane, from near by": lambda: window.go_to((window.plane + 97) % planes),
        "pan": pan,
        "zoom out": lambda: zoom(1 / 8),
    }


class Step:
    """What a step in a pyramid took: the block, until the image is drawn, until the result is."""

    def __init__(self, window: Window, action: Callable[[], None]) -> None:
        run_until(window.quiet)
        heart = Heartbeat()
        run_for(0.05)
        heart.listen()
        start = time.perf_counter()
        action()
        self.image = window.drawn.wait(lambda: True) - start
        live = isinstance(window, Live) and window.dock is not None
        self.result = self.image
        if live:
            view = window.dock.view("diversify").live
            if not window.exact(view):
                self.result = window.drawn.wait(lambda: window.exact(view)) - start
        window.settle()
        self.block = heart.stop().longest


def pyramid(path: Path, rounds: int) -> list[bool]:
    for file in path.rglob("*"):  # into the memory of the disk: not who comes first pays for it
        if file.is_file():
            file.read_bytes()
    alone = Window("alone", opened(path), multiscale=True)
    docked = Live("docked", opened(path), multiscale=True)
    adding = Step(alone, lambda: alone.viewer.add_image(opened(path), contrast_limits=LIMITS))
    alone.viewer.layers.pop()
    dock = Step(docked, docked.open_dock)
    same_canvas([alone, docked])
    times: dict[str, dict[str, list[Step]]] = {}
    for n in range(rounds):
        windows = [alone, docked] if n % 2 else [docked, alone]
        both = [(window, pyramid_steps(window)) for window in windows]
        for name in both[0][1]:
            for window, steps in both:
                step = Step(window, steps[name])
                times.setdefault(name, {}).setdefault(window.name, []).append(step)
            if alone.source.data_level != docked.source.data_level:
                raise RuntimeError(f"{name}: the windows show different levels of the pyramid")
    print(f"\n{path.name}: medians of {rounds} rounds, in ms")
    print(f"  {'':<28}{'window blocked':>22}{'picture there':>28}")
    print(f"  {'':<28}{'napari':>11}{'dock':>11}{'napari':>14}{'result':>14}")
    rows = {"opening": ([adding], [dock])}
    rows |= {name: (both["alone"], both["docked"]) for name, both in times.items()}
    met = []
    for name, (napari_alone, with_dock) in rows.items():
        waits = [median([s.block for s in steps]) for steps in (napari_alone, with_dock)]
        image = median([s.image for s in napari_alone])
        result = median([s.result for s in with_dock])
        numbers = (1e3 * seconds for seconds in (*waits, image, result))
        print("  {:<28}{:>11.0f}{:>11.0f}{:>14.0f}{:>14.0f}".format(name, *numbers))
        more = 1e3 * (waits[1] - waits[0])
        met.append(goal(f"{name}: later than napari alone (ms)", more, 50, at_most=True))
        met.append(goal(f"{name}: result against image", result / image, 2, at_most=True))
    alone.close()
    docked.close()
    return met


# ---- scrolling ----


def scrolling_at_ten(side: int, planes: int) -> list[bool]:
    volume = stack(planes, side)
    window = Live("live", volume)
    for _ in window.add_layers():
        window.settle()
    window.go_to(0)
    window.settle()
    layers = [window.viewer.layers[live.layer.name] for live in window.live]
    pictures: list[tuple[int, list[npt.NDArray[Any]]]] = []
    window.drawn.listener = lambda: pictures.append(
        (window.plane, [layer._data_view for layer in layers])
    )
    start = time.perf_counter()
    for plane in range(planes):
        window.go_to(plane)
        run_for(max(0.0, start + 0.1 * (plane + 1) - time.perf_counter()))
    seconds = time.perf_counter() - start
    window.drawn.listener = None
    results = [live.arrays[0].recipe.apply(volume) for live in window.live]
    window.close()
    shown: set[int] = set()
    exact = standing_in = false = 0
    for plane, values in pictures:
        right = [np.array_equal(v, r[plane]) for v, r in zip(values, results, strict=True)]
        if all(right):
            shown.add(plane)
        for value, is_right in zip(values, right, strict=True):
            instead = value.size == 1 or np.array_equal(value, volume[plane])
            exact, standing_in = exact + is_right, standing_in + (instead and not is_right)
            false += not (is_right or instead)
    print(
        f"\nscrolling at {planes / seconds:.1f} planes/s through {planes} x {side} x {side}, three "
        f"live layers: {len(pictures)} drawings;\n  of their pictures {exact} exact, "
        f"{standing_in} the image itself or nothing, {false} false"
    )
    return [
        goal("share of planes shown live and exact", len(shown) / planes, 0.8),
        goal("false pictures", false, 0, at_most=True),
    ]


# ---- the first picture ----


def first(side: int, rounds: int) -> list[bool]:
    children = []
    child("first", str(side))  # compiles Python's bytecode
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as empty:
            both = [child("first", str(side), machine_code=empty) for _ in range(2)]
            children.append(both)
    rows = {
        f"machine code {which}": (median([both[n]["seconds"] for both in children]), "s")
        for n, which in enumerate(("not compiled", "compiled before"))
    }
    report("from the open dock to the first picture", rows, "machine code not compiled")
    compiled = sum(cold["on_gui_thread"] for cold, *_ in children)
    total = sum(cold["compiled"] for cold, *_ in children)
    print(f"  compiled before the first picture: {total / rounds:.0f} kernels")
    return [
        goal("first picture, cold (s)", rows["machine code not compiled"][0], 1.5, at_most=True),
        goal("kernels compiled on the GUI thread", compiled, 0, at_most=True),
        goal("kernels compiled at all", total, 1),
    ]


def first_child(side: int) -> dict[str, float]:
    from numba.core import event

    threads: list[int] = []

    class Compiling(event.Listener):
        def on_start(self, _: Any) -> None:
            threads.append(threading.get_ident())

        def on_end(self, _: Any) -> None:
            pass

    event.register("numba:compile", Compiling())
    window = Live("first", stack(8, side))
    threads.clear()
    window.open_dock()
    start = time.perf_counter()
    view = window.dock.view("diversify").live
    shown = window.drawn.wait(lambda: window.exact(view))
    before = len(threads)
    window.settle()
    return {
        "seconds": shown - start,
        "compiled": before,
        "on_gui_thread": threads.count(threading.get_ident()),
    }


# ---- programs of their own ----

CHILDREN: dict[str, Callable[..., dict[str, float]]] = {
    "opening": lambda kind, side: opening_child(kind, int(side)),
    "first": lambda side: first_child(int(side)),
}


_BYTECODE = tempfile.mkdtemp()


def child(*arguments: str, machine_code: str | None = None) -> dict[str, float]:
    """What another program has measured, whose bytecode is kept, as after an installation."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = _BYTECODE
    if machine_code is not None:
        environment["NUMBA_CACHE_DIR"] = machine_code
    run = subprocess.run(
        [sys.executable, __file__, "--child", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    answer: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return answer


def main(arguments: argparse.Namespace) -> bool:
    quick = arguments.quick
    rounds = 3 if quick else 5
    side = 1024 if quick else 2048
    load = psutil.getloadavg()[0]
    print(f"{os.cpu_count()} cores; load before the run: {load:.1f}")
    met = []
    if "blocks" in arguments.parts:
        met += blocks(side, rounds)
    if "opening" in arguments.parts:
        met += opening(side, rounds)
    if "pyramid" in arguments.parts:
        with tempfile.TemporaryDirectory() as folder:
            path = arguments.pyramid or Path(folder) / "pyramid.zarr"
            if not path.exists():
                write(path, *((64, 1024) if quick else (512, 2048)))
            met += pyramid(path, rounds)
    if "scrolling" in arguments.parts:
        met += scrolling_at_ten(1024, 20 if quick else 60)
    if "first" in arguments.parts:
        met += first(side, 1 if quick else 3)
    return all(met)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller images, fewer rounds")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--pyramid", type=Path, help="an OME-Zarr image to look at")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(CHILDREN[given.child[0]](*given.child[1:])))
        os._exit(0)
    sys.exit(0 if main(given) else 1)
