"""The files of a batch: what in folders may be an image, and what is called like labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from .. import files
from ..files.label_names import LabelNames, is_label_name


def is_folder(path: Path) -> bool:
    """Whether a path is a folder of files, not an image in the form of a folder."""
    return path.is_dir() and not files.is_image(path) and not files.is_zarr(path)


def listed_in(given: Sequence[Path], output: Path | None) -> tuple[list[Path], list[str]]:
    """All files that may be images, also inside folders; and what was skipped in these."""
    listed: list[Path] = []
    notes: list[str] = []
    written = None if output is None else output.resolve()
    for path in given:
        if not is_folder(path):
            if not path.exists():
                raise FileNotFoundError(f"{path}: there is no such file or folder")
            listed.append(path)
            continue
        inside = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
        kept = [p for p in inside if files.is_image(p) and not _is_pickle(p)]
        if written is not None:
            kept = [p for p in kept if p.resolve() != written]
        taken = set(kept)
        if not kept:
            endings = ", ".join(files.ENDINGS)
            raise ValueError(f"{path}: no image in this folder ({endings}){_folders_in(inside)}")
        others = Counter(
            "_seg.npy" if _is_pickle(p) else p.suffix.lower() or "no ending"
            for p in inside
            if p not in taken and p.is_file()
        )
        if others:
            kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(others.items()))
            notes.append(f"{sum(others.values())} other files in {path} are not read: {kinds}")
        listed += kept
    return listed, notes


def _is_pickle(path: Path) -> bool:
    """Whether a file is Cellpose's own kind, a pickle, which could run any program."""
    return path.name.lower().endswith("_seg.npy")


def _folders_in(inside: Iterable[Path]) -> str:
    names = [p.name for p in inside if p.is_dir()]
    return f". It holds the folders {', '.join(names[:5])}: name one of them" if names else ""


def told_apart(listed: Sequence[Path], given: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Images, and files beside them that are labels by their names.

    A file that is called like labels and belongs to no other one is an image only if it was
    named itself.
    """
    called = [path for path in listed if is_label_name(files.stem(path))]
    if not called:
        return list(listed), []
    names = LabelNames(called)
    own = {path: set(names.of(files.stem(path))) - {path} for path in listed}
    belong = set().union(*own.values())
    named = set(given)
    # a file that has labels is an image, whatever it is called
    labels = [p for p in called if not own[p] and (p in belong or p not in named)]
    apart = set(labels)
    return [path for path in listed if path not in apart], labels


def first_of(names: Sequence[str]) -> str:
    """Names in short.

    Examples
    --------
    >>> first_of(["a", "b"]), first_of(list("abcdef"))
    ('a, b', 'a, b, c and 3 more')
    """
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
