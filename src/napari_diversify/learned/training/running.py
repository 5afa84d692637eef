"""The process of a training: computes, says how far it is, and does what it is told.

It may be killed at any moment: what it needs to go on lies in the folder of the training, each
file complete. Importing this loads PyTorch.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...files import remove, writing
from ...interrupt import undisturbed
from ...sentences import sentence
from ..folder import save
from . import job as jobs
from .alive import alive
from .cards import card_values
from .figures import measured
from .images import opened
from .loop import Loop, read_state, write_state
from .plan import Job
from .progress import Progress
from .setting_up import SetUp, ShapesSetUp
from .setting_up import ready as readied
from .shape_figures import shapes_measured

_KEEP = 10.0  # seconds after which the state is written again
_SHOW = 2.0  # seconds after which the preview is
_REPORTS = 400  # lines of progress, about
_LOOK = 0.25  # seconds after which a wish is looked for again
_NOT_NEEDED = ("data", "state.safetensors")  # once there is a model


def train(
    folder: str | os.PathLike[str],
    tell: Callable[[Progress], None] = lambda progress: None,
) -> jobs.Status:
    """Train in this process what is to be trained in a folder, or go on with it.

    Raises
    ------
    OSError, ValueError, ImportError
        If the training cannot begin or go on; its status says the same.
    KeyboardInterrupt
        If the user has stopped it; its state is kept.
    """
    job = Job.load(folder)
    with alive(jobs.place(folder) / "alive"):
        run = _Run(Path(folder), job, tell)
        try:
            run.whole()
        except KeyboardInterrupt:
            with undisturbed():
                run.keep()
                run.say("interrupted", "It was stopped, and can go on.")
            raise
        except BaseException as error:
            error = _understood(error)
            with suppress(OSError):  # the disk that is full, say
                run.say("failed", sentence(error))
            raise error
    if run.cancelled:
        jobs.discard(folder)
        return jobs.Status(state="interrupted", message="The training was cancelled.")
    return jobs.status(folder)


class _Run:
    def __init__(self, folder: Path, job: Job, tell: Callable[[Progress], None]) -> None:
        self.folder, self.job, self.tell = folder, job, tell
        self.place = jobs.place(folder)
        self.cancelled = False
        self.last: Progress | None = None
        self.loop: Loop | None = None
        self._looked = self._kept = self._shown = time.monotonic()

    def whole(self) -> None:
        """From the images to the model."""
        self.say("running", "Reading the images …")
        torch.set_num_threads(self.job.settings.threads)
        with readied(self.job, self.place) as ready:
            state = read_state(self.place / "state.safetensors")
            loop = self.loop = Loop(ready.task, self.job.settings, self.job.seed, state)
            self.last = Progress(
                step=loop.step, steps=self.job.settings.steps, losses={}, seconds=loop.seconds
            )
            self.say("running")
            self.show(ready)
            if self._steps(ready, loop):
                self._finish(ready, loop)

    def _steps(self, ready: SetUp | ShapesSetUp, loop: Loop) -> bool:
        """Take all steps; whether a model is wanted of them."""
        every = max(1, self.job.settings.steps // _REPORTS)
        sums: dict[str, float] = {}
        taken = 0
        while loop.step < loop.settings.steps:
            with undisturbed():  # half a step would be no state to go on from
                now = self.last = loop.take()
            taken += 1
            for name, value in now.losses.items():
                sums[name] = sums.get(name, 0.0) + value
            if now.step % every == 0 or now.step == now.steps:
                self.report(now.replace(losses={k: v / taken for k, v in sums.items()}))
                sums, taken = {}, 0
            if time.monotonic() - self._shown > _SHOW:
                self.show(ready)
            if time.monotonic() - self._kept > _KEEP:
                self.keep()
            if time.monotonic() - self._looked > _LOOK:
                wish = self._wish()
                if wish != "run":
                    return wish == "stop"
        return True

    def _wish(self) -> str:
        """What is wished now; waits while that is to pause."""
        self._looked = time.monotonic()
        wish = jobs.wished(self.folder)
        if wish == "pause":
            self.keep()
            self.say("paused")
            while (wish := jobs.wished(self.folder)) == "pause":
                time.sleep(_LOOK)
            self.say("running")
        self.cancelled = wish == "cancel"
        return wish

    def _finish(self, ready: SetUp | ShapesSetUp, loop: Loop) -> None:
        self.keep()
        self.show(ready)
        self.say("running", "Measuring how well the model does …")
        net = loop.trained()
        found: dict[str, Any] = {}
        if isinstance(ready, ShapesSetUp):
            found = shapes_measured(ready.task, net)
        else:
            with opened(self.job.clean, self.place) as clean:
                found["figures"], found["remarks"] = measured(ready, net, clean)
        if jobs.wished(self.folder) == "cancel":
            self.cancelled = True
            return
        save(self.folder, net, **card_values(ready, loop), **found)
        self.say("done", "" if loop.step == self.job.settings.steps else "It was stopped early.")
        for name in _NOT_NEEDED:
            remove(self.place / name)

    # ---- what others see ----

    def say(self, state: jobs.State, message: str = "") -> None:
        """Write the status."""
        jobs.say(self.folder, state, self.last, message)

    def report(self, now: Progress) -> None:
        """Write a line of progress, and the step into the status."""
        with open(self.place / "progress.jsonl", "a", encoding="utf-8") as lines:
            lines.write(now.to_ascii() + "\n")
        self.say("running")
        self.tell(now)

    def show(self, ready: SetUp | ShapesSetUp) -> None:
        """Write the preview."""
        assert self.loop is not None
        arrays = ready.task.preview(self.loop.trained())
        content = io.BytesIO()
        np.savez(content, **arrays)  # type: ignore[arg-type]

        def write() -> None:
            with writing(self.place / "preview.npz", overwrite=True) as partial:
                partial.write_bytes(content.getvalue())

        jobs.patiently(write)
        self._shown = time.monotonic()

    def keep(self) -> None:
        """Write the state."""
        if self.loop is not None:
            write_state(self.place / "state.safetensors", self.loop.state())
            self._kept = time.monotonic()


def _understood(error: BaseException) -> BaseException:
    """An error that says what the user should know, where PyTorch's own does not."""
    text = str(error)
    if isinstance(error, RuntimeError) and ("out of memory" in text or "alloc" in text):
        return MemoryError(
            "there is not enough memory for this training. A smaller batch, patch or width takes "
            "less"
        )
    return error
