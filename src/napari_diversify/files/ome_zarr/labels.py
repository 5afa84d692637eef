"""Label images inside an OME-Zarr image, whether or not their folder lists them."""

from __future__ import annotations

from pathlib import Path

from ..entry import Entry
from .nodes import Node, folders_in, inside, node_at


def label_folders(image: Path) -> list[Path]:
    """Folders of the label images inside an image: those that are listed, then others there.

    Raises
    ------
    ValueError
        If the list is damaged, or leads out of the image.
    """
    folder = image / "labels"
    group = node_at(folder)
    if group is None or group.is_array:
        return []
    names = group.ome.get("labels")
    listed = [inside(folder, name) for name in names] if isinstance(names, list) else []
    present = [inner for inner in folders_in(folder) if inner not in listed]
    return listed + [inner for inner in present if _is_image(node_at(inner))]


def labels_of(image: Path) -> list[Entry]:
    """The label images inside an image, set aside; none if their list is damaged."""
    try:
        folders = label_folders(image)
    except ValueError:  # the image can be used without them
        return []
    return [
        Entry(
            where,
            title=where.relative_to(image / "labels").as_posix(),
            aside="it is a label image inside of another image",
        )
        for where in folders
    ]


def _is_image(node: Node | None) -> bool:
    return node is not None and not node.is_array and bool(node.ome.get("multiscales"))
