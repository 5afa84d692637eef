"""A training as a folder: what is to be trained on what, and how it is watched and steered.

The folder is the model's own. While it is trained, and afterwards, ``training/`` holds

    job.json           what is trained on what: :class:`Job`
    status.json        what the process says of itself: :class:`Status`
    alive              locked while a process trains
    wish               a word to that process: run, pause, stop or cancel
    state.safetensors  weights, moments of Adam and the step, every few seconds
    progress.jsonl     a line every few steps: :class:`.Progress`
    preview.npz        a held-out patch: input, prediction, target
    log.txt            what libraries say
    data/              copies of images that are in no file

and ``card.json`` and ``weights.safetensors`` appear when training has ended or was stopped
early: that makes a model of it. The process is a child of whoever starts it, goes on when that
one has ended, and is found again by its folder.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from ... import files
from ...core.blocks import exhaust
from ...files.safe import remove, replace_text
from ...model import Model
from ...small_files import read_small
from .alive import is_alive
from .plan import Job, Source, place
from .progress import Progress

__all__ = [
    "Job",
    "Progress",
    "Source",
    "Status",
    "cancel",
    "check_free",
    "discard",
    "go_on",
    "pairs",
    "patiently",
    "pause",
    "place",
    "prepare",
    "preview",
    "progress",
    "say",
    "start",
    "status",
    "stop",
    "trainings",
    "wish",
    "wished",
]

Wish: TypeAlias = Literal["run", "pause", "stop", "cancel"]
State: TypeAlias = Literal["waiting", "running", "paused", "interrupted", "done", "failed"]

_STARTING = 60.0  # seconds that a process may take to begin


class Status(Model):
    """What is known of a training.

    Attributes
    ----------
    state : {"waiting", "running", "paused", "interrupted", "done", "failed"}
        Waiting: not begun. Interrupted: its process is gone; it can go on.
    step, steps : int
    message : str
        What to tell the user: why it failed, for example.
    pid : int or None
        Number of its process.
    """

    state: State
    step: int = 0
    steps: int = 0
    message: str = ""
    pid: int | None = None


# ---- before ----


def prepare(
    folder: str | os.PathLike[str], job: Job, copies: Mapping[str, Any] | None = None
) -> None:
    """Make the folder of a training.

    Parameters
    ----------
    folder : path-like
        Where the model will be; nothing may be there yet but an empty folder.
    job : Job
    copies : mapping from str to array, optional
        Images that are in no file, by the path that the job has for them ("data/0.npy"). Lazy
        arrays are written plane by plane.

    Raises
    ------
    OSError
        If something is there, or nothing can be written; the message says what to do.
    """
    exhaust(preparing(folder, job, copies))


def preparing(
    folder: str | os.PathLike[str], job: Job, copies: Mapping[str, Any] | None = None
) -> Generator[tuple[int, int], None, None]:
    """As :func:`prepare`, plane by plane: yields (planes copied, planes).

    Closed before its end, it leaves nothing behind.
    """
    check_free(folder)
    files.make_folder(place(folder))
    arrays = {place(folder) / path: array for path, array in (copies or {}).items()}
    planes = sum(math.prod(array.shape[:-2]) for array in arrays.values())
    done = 0
    try:
        for path, array in arrays.items():
            with files.saying(folder):
                copy = _copied(path, array)
            for lead in np.ndindex(copy.shape[:-2]):
                yield done, planes
                copy[lead] = np.asarray(array[lead])
                done += 1
            copy.flush()
    except BaseException:
        discard(folder)
        raise
    with files.saying(folder):
        replace_text(place(folder) / "status.json", Status(state="waiting").to_ascii())
        replace_text(place(folder) / "job.json", job.to_ascii(indent=1) + "\n")


def check_free(folder: str | os.PathLike[str]) -> None:
    """Raise a FileExistsError with a sentence unless a model may be made there."""
    where = Path(folder)
    if (where / "card.json").exists():
        raise FileExistsError(f"{where} is a model already; choose another name")
    if (place(where) / "job.json").exists():
        raise FileExistsError(
            f"{where} holds a training that has not ended: let it go on (--resume), or choose "
            "another name"
        )
    # a training folder without a job is what a process left that was killed while it made it
    if where.is_dir() and any(inside != place(where) for inside in where.iterdir()):
        raise FileExistsError(
            f"{where} is a folder with other things in it and is left as it is; choose another name"
        )
    if where.exists() and not where.is_dir():
        raise FileExistsError(f"{where} is a file; a model is a folder. Choose another name")


def _copied(path: Path, array: Any) -> np.memmap[Any, Any]:
    """The empty file of a copy, as an array."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return np.lib.format.open_memmap(path, "w+", np.dtype(array.dtype), tuple(array.shape))


def pairs(
    job: Job, n: int, folder: str | os.PathLike[str] | None = None
) -> list[tuple[npt.NDArray[np.float32], ...]]:
    """The first patches that a training would see, as (input, target) in grey levels.

    To denoise there is no target: beside each patch stands the patch, blurred, with new noise
    as the photon-transfer law of the image has it. To dress there are no pairs: a synthetic mask,
    its picture by our own renderer and a real patch, from -1 to 1. Of shapes: mask, picture if
    there are images, and the object from the side. ``folder`` is where copies are, if any.
    """
    from .pairs import examples

    return examples(job, n, Path() if folder is None else place(folder))


# ---- steering ----


def start(folder: str | os.PathLike[str]) -> int:
    """Begin or go on with a training in a process of its own; return the number of that process.

    The process gives way to others, and goes on when this one ends. One that trains already is
    only told to go on.

    Raises
    ------
    OSError, ValueError
        If there is no training, or it has ended.
    """
    Job.load(folder)  # it is one
    now = status(folder)
    if now.state == "done":
        raise ValueError(f"{folder} has been trained; to train longer, begin another training")
    begun = now.state == "waiting" and (place(folder) / "log.txt").exists()
    if begun or now.state in ("running", "paused"):  # a second process would only fail
        wish(folder, "run")
        return now.pid or 0
    wish(folder, "run")
    _say(folder, Status(state="waiting", step=now.step, steps=now.steps))
    own: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        own = {
            "creationflags": subprocess.DETACHED_PROCESS
            | subprocess.CREATE_NEW_PROCESS_GROUP
            | subprocess.BELOW_NORMAL_PRIORITY_CLASS
        }
    with open(place(folder) / "log.txt", "ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", __package__, str(Path(folder).resolve())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=os.environ | {"OMP_WAIT_POLICY": "passive"},
            **own,
        )
    # somebody has to wait for a child, or it stays in the list of processes when it has ended
    threading.Thread(target=child.wait, name="waits for a training", daemon=True).start()
    return child.pid


def pause(folder: str | os.PathLike[str]) -> None:
    """Have a training keep its state and wait."""
    wish(folder, "pause")


def go_on(folder: str | os.PathLike[str]) -> None:
    """Have a training go on that is paused, was interrupted or has failed."""
    start(folder)


def stop(folder: str | os.PathLike[str]) -> None:
    """Have a training end early, and keep the model as it is."""
    if not is_alive(place(folder) / "alive"):
        start(folder)
    wish(folder, "stop")


def cancel(folder: str | os.PathLike[str]) -> None:
    """Have a training end without a model; what was made for it is removed."""
    wish(folder, "cancel")
    if not is_alive(place(folder) / "alive"):
        discard(folder)


def discard(folder: str | os.PathLike[str]) -> None:
    """Remove a training, and the folder if nothing else is in it; a model in it stays."""
    remove(place(folder))
    with suppress(OSError):
        Path(folder).rmdir()


def wish(folder: str | os.PathLike[str], word: Wish) -> None:
    """Tell the process of a training what to do.

    Raises
    ------
    FileNotFoundError
        If there is no training.
    """
    if not (place(folder) / "job.json").is_file():
        raise FileNotFoundError(f"{folder} holds no training")
    patiently(lambda: replace_text(place(folder) / "wish", word))


def wished(folder: str | os.PathLike[str]) -> Wish:
    """What the process of a training is to do."""
    with suppress(OSError):
        text = read_small(place(folder) / "wish").decode()
        if text in ("pause", "stop", "cancel"):
            return text  # type: ignore[return-value]
    return "run"


# ---- watching ----


def status(folder: str | os.PathLike[str]) -> Status:
    """How a training is doing.

    Raises
    ------
    OSError, ValueError
        If there is none.
    """
    where = place(folder) / "status.json"
    working = is_alive(place(folder) / "alive")
    try:
        said = Status(**json.loads(read_small(where)))
        since = time.time() - where.stat().st_mtime
    except FileNotFoundError:
        raise FileNotFoundError(f"{folder} holds no training") from None
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{where} is not the status of a training: {error}") from None
    begun = (place(folder) / "log.txt").exists()
    if working or said.state in ("done", "failed"):
        return said
    if said.state == "waiting" and (not begun or since < _STARTING):
        return said
    words = _last_words(folder).rstrip(".")
    ended = f"Its process has ended ({words})." if words else "Its process has ended."
    message = said.message if said.state == "interrupted" else ended
    return Status(state="interrupted", step=said.step, steps=said.steps, message=message)


def say(folder: str | os.PathLike[str], state: State, progress: Progress | None = None,
        message: str = "") -> None:  # fmt: skip
    """What the process of a training says of itself."""
    step, steps = (0, 0) if progress is None else (progress.step, progress.steps)
    _say(folder, Status(state=state, step=step, steps=steps, message=message, pid=os.getpid()))


def _say(folder: str | os.PathLike[str], status: Status) -> None:
    patiently(lambda: replace_text(place(folder) / "status.json", status.to_ascii()))


def patiently(write: Callable[[], object]) -> None:
    """Replace a file that another process may be reading, which Windows then refuses."""
    for _ in range(50 if os.name == "nt" else 0):
        try:
            write()
            return
        except PermissionError:
            time.sleep(0.02)
    write()


def _last_words(folder: str | os.PathLike[str]) -> str:
    """The last line of the log: why a process ended that could not say so itself."""
    with suppress(OSError), open(place(folder) / "log.txt", "rb") as log:
        log.seek(max(0, log.seek(0, os.SEEK_END) - 2000))
        lines = log.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")
    return ""


def progress(folder: str | os.PathLike[str], since: int = 0) -> list[Progress]:
    """All reports of a training after a step, in their order."""
    reports: list[Progress] = []
    with suppress(OSError), open(place(folder) / "progress.jsonl", encoding="utf-8") as lines:
        for line in lines:
            with suppress(ValueError, TypeError, RecursionError):  # half a line is being written
                report = Progress(**json.loads(line))
                while reports and reports[-1].step >= report.step:
                    reports.pop()  # that step was taken again
                reports.append(report)
    return [report for report in reports if report.step > since]


def preview(folder: str | os.PathLike[str]) -> dict[str, npt.NDArray[np.float32]] | None:
    """The held-out patch that a training shows, as it sees it now; None before the first time.

    ``input``, ``prediction`` and, to restore, ``target``, each (Y, X) in grey levels.
    """
    try:
        with np.load(place(folder) / "preview.npz", allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, EOFError):
        return None


def trainings(parent: str | os.PathLike[str]) -> list[Path]:
    """Folders in a folder that hold a training, whether it works or has ended."""
    found: Iterable[Path] = sorted(Path(parent).iterdir()) if Path(parent).is_dir() else ()
    return [folder for folder in found if (place(folder) / "job.json").is_file()]
