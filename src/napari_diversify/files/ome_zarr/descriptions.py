"""Which image of a Zarr folder is meant, and how the folder describes it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..header import printable
from .images import ZarrImage, zarr_images
from .multiscales import (
    Level,
    Multiscale,
    Place,
    dataset_paths,
    entries,
    multiscale,
    unknown_version,
)
from .nodes import Node, inside, node_at

#: How far above an array a group may list it as a level of its image.
_LEVELS_ABOVE = 3


@dataclass(frozen=True)
class Description:
    """An image as its folder describes it.

    Parameters
    ----------
    image : Multiscale
        Its levels; one for an array without OME metadata.
    group : Node
        Whose attributes describe it: a group, or that array.
    entry : mapping
        What the OME metadata say about it; nothing for that array.
    """

    image: Multiscale
    group: Node
    entry: Mapping[str, Any]

    @property
    def version(self) -> str | None:
        """The version of its OME metadata, if it is not understood."""
        return unknown_version(self.group, self.entry)


def chosen_image(path: Path, series: int | None) -> tuple[ZarrImage, tuple[str, ...]]:
    """The image that was asked for, and a note if there are several and none was named."""
    images = zarr_images(path, labels=series is not None)
    if series is not None:
        if not 0 <= series < len(images):
            numbers = ", ".join(map(str, range(min(len(images), 20))))
            raise ValueError(f"it has no series {series}; it has {numbers}")
        return images[series], ()
    takable = [image for image in images if not image.entry.aside]
    if not takable and images[0].entry.path != path:
        reasons = ", ".join(
            f"{image.entry.path.relative_to(path)} ({image.entry.aside})" for image in images[:20]
        )
        raise ValueError(f"it holds no image that is clearly the one meant: {reasons}")
    notes = []
    if len(takable) > 1:
        title = f" ({printable(takable[0].entry.title)})" if takable[0].entry.title else ""
        notes.append(
            f"it holds {len(takable)} images; this is the first{title}. Choose with --series"
        )
    gaps = sum(image.node is None for image in images)
    if gaps:
        notes.append(f"{gaps} of the images that it lists are not there, or damaged")
    return (takable or images)[0], tuple(notes)


def description_of(image: ZarrImage) -> Description:
    """How the folder of an image describes it."""
    where = image.entry.path
    node = image.node or node_at(where)
    if node is None:
        raise ValueError(f"{where} is not there")
    index, only = image.index, None
    if node.is_array:
        owner = _owner(node)
        if owner is None:
            unknown = (math.nan,) * len(node.shape)
            level = Level(node, Place(unknown, unknown))
            return Description(Multiscale((level,)), node, {})
        (node, index), only = owner, where
    listed = entries(node)
    if index >= len(listed):
        raise ValueError(f"{where} holds no image")
    return Description(multiscale(node, listed[index], only), node, listed[index])


def _owner(array: Node) -> tuple[Node, int] | None:
    """The group that lists an array as a level of an image, and the number of the image."""
    for folder in list(array.path.parents)[:_LEVELS_ABOVE]:
        with suppress(ValueError, OSError):
            if (group := node_at(folder)) is None:
                continue
            for index, entry in enumerate(entries(group)):
                paths = [inside(folder, path) for path in dataset_paths(entry)]
                if array.path in paths and unknown_version(group, entry) is None:
                    return group, index
    return None
