"""JSON files that training tools want beside the images; those of other programs stay."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from ..small_files import read_small
from .layouts import Item, Layout
from .listing import Listing
from .safe import holds, replace_text


def write_extras(
    layout: Layout, root: str | os.PathLike[str], items: Sequence[Item], run: str = ""
) -> list[Path]:
    """Write what a layout wants beside the images, for all of them at once.

    Existing files are replaced unless they are right already. The same items give the same
    bytes. ``run`` keeps writers apart, as in :func:`.writing`.

    Returns
    -------
    list of Path
        The files that are there now; none for most layouts.
    """
    texts = _texts(layout, root, items)
    for path, text in texts.items():
        replace_text(path, text, run)
    return list(texts)


def has_extras(layout: Layout, root: str | os.PathLike[str], items: Sequence[Item]) -> bool:
    """Whether everything is there that :func:`write_extras` would write."""
    return all(holds(p, text.encode()) for p, text in _texts(layout, root, items).items())


def check_extras(
    layout: Layout,
    root: str | os.PathLike[str],
    items: Mapping[str, Item],
    is_wanted: Callable[[str], bool],
    listing: Listing,
) -> None:
    """Raise a readable error if :func:`write_extras` would replace what somebody else has written.

    Parameters
    ----------
    layout, root
        What is to be written, and where.
    items : mapping from str to Item
        The existing images of this layout, by name: we wrote their extras.
    is_wanted : callable
        Whether an image of this name may be made.
    listing : Listing
        Of the folder.

    Raises
    ------
    FileExistsError
        Naming the file and what to do.
    """
    for relative, name in _existing(layout, root, listing):
        if name is not None and name not in items and not is_wanted(name):
            continue
        if name is not None:
            own = [items[name]] if name in items else []
        else:
            own = list(items.values())
        if not _is_ours(layout, relative, Path(root, relative), own):
            raise FileExistsError(
                f"{Path(root, relative)} is not as a batch wrote it, and would be replaced. Move "
                "it elsewhere, or choose another folder"
            )


def _texts(layout: Layout, root: str | os.PathLike[str], items: Sequence[Item]) -> dict[Path, str]:
    values = {} if layout.extras is None else layout.extras(items)
    return {
        Path(root, relative): json.dumps(value, indent=2, sort_keys=True) + "\n"
        for relative, value in values.items()
    }


def _existing(
    layout: Layout, root: str | os.PathLike[str], listing: Listing
) -> Iterator[tuple[str, str | None]]:
    """Existing extras: path, and the name of the image; None for extras of all images."""
    if layout.extras is None:
        return
    for relative in layout.extras(()):
        if listing.exists(Path(root, relative)):
            yield relative, None
    for pattern in layout.beside:
        folder, file = os.path.split(pattern)
        before, after = file.split("{name}")
        for name in sorted(listing.names(Path(root, folder))):
            if name.startswith(before) and name.endswith(after) and not name.startswith("."):
                stem = name[len(before) : len(name) - len(after)]
                yield pattern.format(name=stem), stem


def _is_ours(layout: Layout, relative: str, path: Path, items: Sequence[Item]) -> bool:
    """Whether a file holds what we write for one of the images, apart from what varies."""
    assert layout.extras is not None
    try:
        content = json.loads(read_small(path))
    except (OSError, ValueError, RecursionError):
        return False
    of_none: list[Sequence[Item]] = [()]
    for group in [[item] for item in items] or of_none:
        ours = layout.extras(group).get(relative)
        if (
            isinstance(content, dict)
            and ours is not None
            and content.keys() == ours.keys()
            and all(content[key] == ours[key] for key in ours if key not in layout.varying)
        ):
            return True
    return False
