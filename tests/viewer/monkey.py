"""A monkey at the real window: random events, and after each fifty a look whether all is right.

    xvfb-run -a python tests/viewer/monkey.py --events 10000 --seed 1

prints the longest block of the window per kind of event. A run that fails prints its
seed and the events that led to it, in as short a list as it finds in ``--shrink``
seconds, and leaves them in a file that ``--replay`` plays again.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

EVERY = 50

# what napari says of its own accord, and of what the user does to it
_OF_NAPARI = (
    "Inconsistent units across layers",
    "projection mode",
    "Projection warning",
    "Conversion from CIE-LAB",
    "Non-orthogonal slicing is being requested",
    "are locked and cannot be deleted",
    "is an RGB image",  # and ours, on what a command cannot do
    "cannot be used",
)


class Fault(AssertionError):
    """What went wrong, and after how many events."""

    def __init__(self, n, problem):
        super().__init__(f"after {n} events: {problem}")
        self.n, self.problem = n, problem

    @property
    def signature(self):
        """What kind of fault it is: the last line, without names and numbers."""
        return re.sub(r"“.*?”|[\d.]+|'.*?'", "", self.problem.strip().splitlines()[-1])[:60]


class Heard:
    """Whatever complains while it is listened to: exceptions, warnings, Qt, napari."""

    def __init__(self):
        self.complaints = []

    def add(self, text):
        if not any(known in text for known in _OF_NAPARI):
            self.complaints.append(text)

    @contextmanager
    def listening(self):
        """Hear everything."""
        from napari.utils.notifications import notification_manager
        from qtpy.QtCore import qInstallMessageHandler

        hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
        sys.excepthook = lambda *e: self.add("".join(traceback.format_exception(*e)))
        threading.excepthook = lambda a: self.add(
            "".join(traceback.format_exception(a.exc_type, a.exc_value, a.exc_traceback))
        )
        sys.unraisablehook = lambda a: self.add(
            "".join(traceback.format_exception(a.exc_type, a.exc_value, a.exc_traceback))
        )
        before = qInstallMessageHandler(lambda kind, context, text: self.add(f"Qt: {text}"))
        notification_manager.notification_ready.connect(self._on_notification)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always")
                warnings.filterwarnings("ignore", module="npe2|pydantic")
                warnings.showwarning = self._on_warning
                yield
        finally:
            notification_manager.notification_ready.disconnect(self._on_notification)
            qInstallMessageHandler(before)
            sys.excepthook, threading.excepthook, sys.unraisablehook = hooks

    def _on_warning(self, message, category, filename, lineno, file=None, line=None):
        self.add(f"{category.__name__}: {message} ({filename}:{lineno})")

    def _on_notification(self, notification):
        if str(notification.severity) not in ("info", "none"):
            self.add(f"napari: {notification.message}")


class Monkey:
    """Plays events in a world, and looks at it now and then.

    Parameters
    ----------
    world : World
    """

    def __init__(self, world):
        from monkey_checks import Ledger, Pictures

        self.world = world
        self.longest = defaultdict(float)  # seconds, by kind of event
        self._heard = Heard()
        self._ledger, self._pictures = Ledger(world), Pictures(world)

    def play(self, events, *, every=EVERY, tell=None):
        """Play (kind, seed) after (kind, seed).

        Raises
        ------
        Fault
            At the first thing that is not as it must be.
        """
        with self._heard.listening():
            for n, (kind, seed) in enumerate(events, 1):
                try:
                    self._do(kind, seed)
                    self._ledger.note(kind)
                    self._look(f"{kind}")
                    if n % every == 0 or n == len(events):
                        self._check()
                except Exception as error:
                    raise Fault(n, f"{kind}: {_words(error)}") from error
                if tell is not None:
                    tell(n)

    def _do(self, kind, seed):
        from monkey_events import EVENTS
        from qtpy.QtWidgets import QApplication

        rng = random.Random(seed)
        self.world.compared = self.world.comparing
        start = time.perf_counter()
        EVENTS[kind][1](self.world, rng)
        longest = time.perf_counter() - start
        for _ in range(rng.choice((0, 1, 1, 3, 8))):
            start = time.perf_counter()
            QApplication.processEvents()
            longest = max(longest, time.perf_counter() - start)
        self.longest[kind] = max(self.longest[kind], longest)

    def _look(self, when):
        if self._heard.complaints:
            raise AssertionError(f"{when}: " + "\n".join(self._heard.complaints))

    def _check(self):
        from monkey_checks import check_leaks

        self.world.settle()
        self._look("at rest")
        self._pictures.check()
        self._ledger.check()
        check_leaks(self.world)
        self._look("at rest")


def _words(error):
    return "".join(traceback.format_exception(error))


def drawn(seed, n):
    """A list of n events."""
    from monkey_events import EVENTS

    rng = random.Random(seed)
    kinds, often = list(EVENTS), [often for often, _ in EVENTS.values()]
    return [(kind, rng.randrange(2**31)) for kind in rng.choices(kinds, often, k=n)]


def world_of(viewer):
    """A window with an image and a dock in it."""
    from monkey_events import _image
    from monkey_world import World

    world = World(viewer)
    viewer.add_image(_image(random.Random(0), (6, 40, 48)), name="cells")
    world.open_dock()
    world.settle()
    return world


# ---- by hand ----


def main():
    """Play as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--asynchronous", action="store_true", help="begin with async slicing")
    parser.add_argument("--replay", type=Path, help="play the events in this file instead")
    parser.add_argument("--trace", action="store_true", help="print each event, and the layers")
    parser.add_argument("--every", type=int, default=EVERY, help="look after so many events")
    parser.add_argument("--shrink", type=float, default=0, help="seconds to look for fewer events")
    options = parser.parse_args()
    if options.replay:
        events = [tuple(one) for one in json.loads(options.replay.read_text())]
    else:
        sys.path.insert(0, str(Path(__file__).parent))
        _prepare()
        events = drawn(options.seed, options.events)
    sys.exit(_run(events, options))


def _prepare():
    """Settings of its own, before napari reads any."""
    if "NAPARI_CONFIG" not in os.environ:
        os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp()) / "settings.yaml")


def _run(events, options):
    _prepare()
    import napari
    from napari.settings import get_settings

    from napari_diversify.widgets.qt import preferences

    preferences._settings = lambda: None
    get_settings().experimental.async_ = options.asynchronous
    get_settings().application.save_window_geometry = False
    viewer = napari.Viewer()
    viewer.window.resize(1000, 600)
    monkey = Monkey(world_of(viewer))
    start, fault = time.perf_counter(), None

    def tell(n):
        if options.trace:
            layers = ", ".join(
                f"{la.name}{'' if la.visible else ' (shut)'}" for la in viewer.layers
            )
            print(f"{n}: {events[n - 1][0]}: {layers}", flush=True)
        if n % 500 == 0:
            print(f"{n} events, {time.perf_counter() - start:.0f} s", flush=True)

    try:
        monkey.play(events, every=options.every, tell=tell)
    except Fault as error:
        fault = error
    print("longest block of the window, ms, by kind of event:")
    for kind, seconds in sorted(monkey.longest.items(), key=lambda pair: -pair[1]):
        print(f"{1000 * seconds:8.0f}  {kind}")
    if fault is None:
        print(f"{len(events)} events, no fault", flush=True)
        os._exit(0)
    print(f"seed {options.seed}: {fault}\nkind of fault: {fault.signature}", flush=True)
    if options.shrink:
        events = _shrunk(events[: fault.n], fault.signature, options)
        print(f"{len(events)} events do: {events}", flush=True)
    path = Path(tempfile.gettempdir()) / f"monkey-{options.seed}.json"
    path.write_text(json.dumps(events[: fault.n]))
    print(f"--replay {path}", flush=True)
    os._exit(1)


def _shrunk(events, signature, options):
    """Fewer events that fail too: chunks are left out while that is so and there is time."""
    until, size = time.monotonic() + options.shrink, max(1, len(events) // 2)
    while size and time.monotonic() < until:
        at = 0
        while at < len(events) and time.monotonic() < until:
            fewer = events[:at] + events[at + size :]
            if fewer and _fails(fewer, signature, options):
                events = fewer
            else:
                at += size
        size //= 2
    return events


def _fails(events, signature, options):
    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
        json.dump(events, file)
    command = [sys.executable, __file__, "--replay", file.name, "--every", str(options.every)]
    command += ["--seed", f"1000{options.seed}"]
    if options.asynchronous:
        command.append("--asynchronous")
    out = subprocess.run(command, capture_output=True, check=False, text=True).stdout
    os.unlink(file.name)
    return f"kind of fault: {signature}\n" in out


if __name__ == "__main__":
    main()
