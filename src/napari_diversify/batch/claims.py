"""Runs in the same folder: never on the same samples, but on others side by side.

A run claims its samples in a file of its own, ``.diversify/runs.partial/ID.json``, which says
whose it is, and of which images it makes which samples. To look at the claims of others and to
add one, or to write the tables of all samples, takes a lock that one run at a time has.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from .. import files
from ..interrupt import undisturbed
from .job import Job
from .locks import BEAT, SILENCE, Lock, Sign, Watch, locked, look_anew, read, unlink
from .owners import myself
from .record import FOLDER

_RUNS, _GUARD = "runs.partial", "guard.json"  # the folder is gone when no run is at work

#: When records last came or went in a folder, and whether runs were at work there.
Traces: TypeAlias = tuple[int | None, bool]


@dataclass(frozen=True)
class Claim:
    """The claim of a run on the samples that it makes.

    Attributes
    ----------
    lock : Lock
        The claim itself.
    others : frozenset of str
        Ids of the runs that were at work in the folder on other samples.
    others_came : bool
        Whether other runs were there since the traces that were given.
    """

    lock: Lock
    others: frozenset[str]
    others_came: bool

    def check(self) -> None:
        """Raise if others have assumed that this run is gone, and may make its samples."""
        if self.lock.lost:
            raise TimeoutError(
                "the claim of this run on its samples was removed, perhaps because it gave no sign "
                f"of life for {SILENCE / 60:.0f} minutes, so others may make them by now. Finished "
                "samples stay: resume"
            )


def traces(output: Path) -> Traces:
    """Traces that other runs would change, to see later whether there were any."""
    try:
        return (output / FOLDER).stat().st_mtime_ns, (output / FOLDER / _RUNS).exists()
    except OSError:
        return None, False


@contextmanager
def claimed(job: Job, before: Traces) -> Iterator[Claim]:
    """Claim the samples of a job for this run alone, for the length of a block.

    Parameters
    ----------
    job : Job
        Its folder is made, and removed again if it is empty at the end.
    before : tuple
        :func:`traces` from before one looked at what is in the folder.

    Raises
    ------
    OSError
        If another run makes some of the samples, with its owner and what to do. If the folder
        cannot be written to.
    """
    now = traces(job.output)
    made = files.make_folder(job.output)
    runs = job.output / FOLDER / _RUNS
    lock = None
    try:
        with guarded(job.output):
            me, mine = myself(), _content(job)
            look_anew(runs, f"{me.id}.now")
            others = _others(runs)
            for sign in others.values():
                _check_apart(mine, sign, job.output)
            with files.saying(job.output), undisturbed():
                lock = Lock.create(runs / f"{me.id}.json", me, **mine)
        assert lock is not None  # nobody else has this id
        yield Claim(lock, frozenset(others), now != before or now[1])
    finally:
        with undisturbed():
            if lock is not None:
                lock.release()
            for folder in (runs, runs.parent, *reversed(made)):
                with suppress(OSError):  # it holds something, or others have removed it
                    folder.rmdir()


@contextmanager
def guarded(output: Path) -> Iterator[tuple[Lock, int]]:
    """A block for one run at a time, and when it began, in ns by the clock of the disk.

    All records that other runs had written by then are visible in it.
    """
    with ExitStack() as stack:
        with files.saying(output):
            lock = stack.enter_context(locked(output / FOLDER / _RUNS / _GUARD))
            began = look_anew(output / FOLDER, f".now.{lock.id}.partial")
        yield lock, began


def remove_folders(output: Path, claim: Claim, removed: Iterable[str]) -> None:
    """Remove the folders of removed files, if they are empty and no other run is at work."""
    folders = {folder for path in removed for folder in list(Path(path).parents)[:-1]}
    if not folders:
        return
    with guarded(output):
        if set(_claims(output / FOLDER / _RUNS)) == {claim.lock.path}:
            for folder in sorted(folders, reverse=True):
                with suppress(OSError):  # it holds something else
                    (output / folder).rmdir()


def check_claims(job: Job) -> None:
    """Raise what :func:`claimed` would raise because of other runs, without writing anything."""
    for path in _claims(job.output / FOLDER / _RUNS):
        sign = read(path)
        if sign is None or sign.owner is None:
            continue
        recent = abs(time.time_ns() - sign.touched) < SILENCE * 1e9
        if sign.owner.is_alive if sign.owner.is_here else recent:
            _check_apart(_content(job), sign, job.output)


def _claims(runs: Path) -> list[Path]:
    return sorted(path for path in runs.glob("*.json") if path.name != _GUARD)


def _others(runs: Path) -> dict[str, Sign]:
    """The claims of runs at work, by their ids; those of runs that are gone are removed."""
    watch = Watch()
    for path in runs.glob("*.now"):
        unlink(path)
    while True:
        alive, unsure = {}, False
        for path in (*_claims(runs), *runs.glob("*.end")):
            sign = read(path)
            gone = None if sign is None else watch.is_gone(path, sign, at_once=True)
            if sign is None:
                continue
            if gone:
                unlink(path)
            elif gone is None:
                unsure = True
            elif path.suffix == ".json":
                alive[path.stem] = sign
        if not unsure:
            return alive
        time.sleep(BEAT / 5)


def _content(job: Job) -> dict[str, Any]:
    """The samples of a job in a claim: names of images, first and last number of each range."""
    first, runs = job.sampling.recipe.sample, list[list[int]]()
    for n in job.numbers:
        if runs and first + n == runs[-1][1] + 1:
            runs[-1][1] += 1
        else:
            runs.append([first + n, first + n])
    return {"images": [files.fold(source.name) for source in job.sources], "samples": runs}


def _check_apart(mine: dict[str, Any], sign: Sign, output: Path) -> None:
    """Raise if a claim has a sample that another one has."""
    theirs = sign.more
    both = sorted(set(mine["images"]) & set(theirs.get("images", ())))
    if not both or not _meet(mine["samples"], theirs.get("samples", ())):
        return
    many = f" and {len(both) - 1} more images" if len(both) > 1 else ""
    seconds = max(0, time.time_ns() - sign.touched) / 1e9
    wait = "Wait until it is done, stop it, or choose another folder"
    if sign.owner is not None and not sign.owner.is_here:
        wait += f". If that machine is off, this ends in {SILENCE / 60:.0f} minutes"
    raise BlockingIOError(
        f"another run makes samples of {both[0]}{many} in {output}: {sign.owner}, last sign of "
        f"life {seconds:.0f} seconds ago. {wait}"
    )


def _meet(a: Sequence[Sequence[int]], b: Sequence[Sequence[int]]) -> bool:
    """Whether ascending runs of numbers have one in common."""
    i = j = 0
    while i < len(a) and j < len(b):
        if a[i][0] <= b[j][1] and b[j][0] <= a[i][1]:
            return True
        if a[i][1] < b[j][1]:
            i += 1
        else:
            j += 1
    return False
