"""Files that exist under their name only when they are complete."""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from .listing import Listing

_OF_ZARR = ("zarr.json", ".zgroup", ".zarray", ".zattrs")  # one of them is in every Zarr
#: Such a name has a file that is being written, and one that is about to be replaced.
_TEMPORARY = re.compile(
    r"\.(?P<name>.+?)(?:\.(?P<run>[0-9a-f]{12}))?\.(?P<kind>partial|old)", re.DOTALL
)
_LONGEST = 200  # with endings and a temporary name, file systems take 255 bytes
_DEVICES = {"con", "prn", "aux", "nul"} | {f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10)}

_WHAT_TO_DO = {
    errno.ENOSPC: "the disk is full. Free some space, or choose another folder",
    errno.EDQUOT: "your quota on this disk is used up. Free some space, or choose another folder",
    errno.EROFS: "this disk is read-only. Choose another folder",
    errno.EACCES: "you may not write there. Choose another folder, or ask for permission",
    errno.EPERM: "you may not write there. Choose another folder, or ask for permission",
    errno.ENAMETOOLONG: "the name is too long. Choose a shorter one",
}
_AWAY = "its drive does not respond. Is it connected?"
_OF_A_FOLDER = _WHAT_TO_DO | {
    errno.EEXIST: "something else of this name is in the way. Choose another folder",
    errno.ENOTDIR: "a file is in the way. Choose another folder",
    errno.ENOENT: "there is no such drive or folder. Is it connected?",
    **dict.fromkeys((errno.EIO, errno.ENXIO, errno.ENODEV, errno.ESTALE), _AWAY),
    **dict.fromkeys((errno.ETIMEDOUT, errno.EHOSTDOWN, errno.ENOTCONN), _AWAY),
}


@contextmanager
def writing(
    path: str | os.PathLike[str], overwrite: bool = False, run: str = "", *, folders: bool = True
) -> Iterator[Path]:
    """Yield a temporary name, and give what was written there its final name at the end.

    The temporary name, ``.{name}.partial`` in the same folder, is always the same, so
    that the remains of a killed run are replaced. If the block raises, they are removed
    and what was there before stays. This holds for files and folders alike; missing
    parent folders are made.

    Parameters
    ----------
    path : path-like
        The final name.
    overwrite : bool, optional
        Whether something of this name may be replaced, once the new one is complete.
    run : str, optional
        Hexadecimal digits that become part of the temporary name: processes that may write
        the same file at the same time do not get into each other's way.
    folders : bool, optional
        Whether missing parent folders are made; if not, they are an error.

    Yields
    ------
    Path
        The temporary name, under which nothing exists.

    Raises
    ------
    FileExistsError
        If something of this name exists and ``overwrite`` is not set; or if it is a
        folder that is not a Zarr image: those are never replaced.
    OSError
        If the folder cannot be written to; the message says what to do.
    """
    target = Path(path)
    partial = target.with_name(
        f".{target.name}.{run}.partial" if run else f".{target.name}.partial"
    )
    old = target.with_name(f".{target.name}.old")
    with _explained(target):
        if folders:
            target.parent.mkdir(parents=True, exist_ok=True)
        elif not target.parent.is_dir():
            raise FileNotFoundError(
                f"{target} cannot be written: there is no folder {target.parent}. Make it first, "
                "or choose another one"
            )
        if _exists(old):  # killed between the two renames below
            remove(old) if _exists(target) else os.rename(old, target)
    if not overwrite:
        check_free(target)
    _check_replaceable(target)
    with _explained(target):
        remove(partial)
        try:
            yield partial
            if not partial.is_dir():
                _check_no_folder(target)
                os.replace(partial, target)
                return
            if _exists(target):
                os.rename(target, old)
            os.rename(partial, target)
            remove(old)
        except BaseException:
            remove(partial)
            raise


def _check_replaceable(target: Path) -> None:
    """Raise if a folder of this name is not an image that was written as a folder."""
    ours = any((target / name).exists() for name in _OF_ZARR)
    if target.is_dir() and not ours and any(target.iterdir()):
        _check_no_folder(target)


def _check_no_folder(target: Path) -> None:
    if target.is_dir():
        raise FileExistsError(
            f"{target} is a folder and is left as it is, with all that is in it; choose another "
            "name"
        )


def check_free(path: str | os.PathLike[str]) -> None:
    """Raise a readable error if something of this name exists."""
    if _exists(Path(path)):
        raise FileExistsError(
            f"{path} exists and is left as it is; choose another name, or overwrite it"
        )


class Leftover(NamedTuple):
    """The remains of a killed run beside a file: where, of which file, and of which run."""

    path: Path
    name: str
    run: str


def leftovers(folder: str | os.PathLike[str], listing: Listing) -> list[Leftover]:
    """Everything in a folder with a temporary name, whether it is being written or not.

    Of replaced files, ``.{name}.old``, only those that have a successor.
    """
    remains = []
    for name in sorted(listing.names(folder)):
        match = _TEMPORARY.fullmatch(name)
        if match is not None and (
            match["kind"] == "partial" or match["name"] in listing.names(folder)
        ):
            remains.append(Leftover(Path(folder, name), match["name"], match["run"] or ""))
    return remains


def check_folder(path: str | os.PathLike[str]) -> None:
    """Raise a readable error if a folder cannot be written to or made, as far as looking can tell.

    Raises
    ------
    OSError
        Saying what is in the way, and what to do.
    """
    with _explained(Path(path), _OF_A_FOLDER):
        for folder in (Path(path), *Path(path).absolute().parents):
            try:
                mode = folder.stat().st_mode  # only once: another run may make it meanwhile
            except (FileNotFoundError, NotADirectoryError):
                mode = None
            if mode is not None and stat.S_ISDIR(mode):
                if not os.access(folder, os.W_OK | os.X_OK):
                    raise PermissionError(errno.EACCES, "no permission")
                return
            if mode is None and folder.is_symlink():
                raise FileNotFoundError(
                    f"{path} cannot be written: {folder} leads to {os.readlink(folder)}, which is "
                    "not there. Is its drive connected?"
                )
            if mode is not None:
                raise NotADirectoryError(
                    f"{path} cannot be written: {folder} is a file, not a folder. Choose another "
                    "folder"
                )
        raise FileNotFoundError(errno.ENOENT, "no drive")


def make_folder(path: str | os.PathLike[str]) -> list[Path]:
    """Make a folder with its parents; return those that were not there, outermost first.

    Raises
    ------
    OSError
        As :func:`check_folder`.
    """
    check_folder(path)
    folders = [Path(path), *Path(path).parents]
    missing = [folder for folder in reversed(folders) if not folder.is_dir()]
    with saying(path):
        Path(path).mkdir(parents=True, exist_ok=True)
    return missing


@contextmanager
def saying(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Turn the system's errors about a folder that cannot be written to into sentences."""
    with _explained(Path(folder), _OF_A_FOLDER):
        yield


def replace_text(
    path: str | os.PathLike[str], text: str, run: str = "", date: int | None = None
) -> bool:
    """Write a text file unless it holds this text already; return whether it was written.

    ``run`` as in :func:`writing`; ``date`` is given to it, in ns, instead of now.
    """
    content = text.encode()
    target = Path(path)
    if holds(target, content):
        return False
    with writing(target, overwrite=True, run=run) as partial:
        partial.write_bytes(content)
        if date is not None:
            os.utime(partial, ns=(date, date))
    return True


def holds(path: Path, content: bytes) -> bool:
    """Whether a file is there and has this content."""
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def remove(path: Path) -> None:
    """Remove a file, or a folder with everything in it, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def free_name(path: str | os.PathLike[str]) -> Path:
    """``path`` if nothing is there, else the next free one of this name, numbered from 2."""
    target, n = Path(path), 1
    while _exists(target):
        n += 1
        target = Path(path).with_stem(f"{Path(path).stem}-{n}")
    return target


def check_name(name: str) -> str:
    """Return a name if it can be part of a file name on any system; otherwise raise.

    Raises
    ------
    ValueError
        If the name is empty, too long, hidden, reserved, or leads elsewhere.

    Examples
    --------
    >>> check_name("nuclei 3, day 2")
    'nuclei 3, day 2'
    """
    if not name or name != name.strip() or name.startswith(".") or name.endswith("."):
        reason = "it must neither be empty nor begin or end with a space or a dot"
    elif any(c in '/\\:*?"<>|' or not c.isprintable() for c in name):
        reason = 'it must not contain any of / \\ : * ? " < > | or control characters'
    elif name.split(".")[0].strip().lower() in _DEVICES:
        reason = "Windows reserves it for a device"
    elif len(name.encode()) > _LONGEST:
        reason = f"it is longer than {_LONGEST} bytes"
    else:
        return name
    raise ValueError(f"{name!r} cannot be a file name: {reason}. Choose another name")


@contextmanager
def _explained(target: Path, what_to_do: Mapping[int, str] = _WHAT_TO_DO) -> Iterator[None]:
    """Turn the system's errors about a full or protected disk into sentences."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.errno not in what_to_do:
            raise
        explanation = type(error)(f"{target} cannot be written: {what_to_do[error.errno]}")
        explanation.errno = error.errno
        raise explanation from error


def _exists(path: Path) -> bool:
    return path.is_symlink() or path.exists()
