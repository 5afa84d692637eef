"""How training tools want their images and labels named, as data.

A layout is a set of patterns: adding one means adding an entry to
:data:`LAYOUTS`. What a tool wants beside the images is written by
:func:`.extras.write_extras`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from .formats import FORMATS
from .header import Header
from .safe import check_name


@dataclass(frozen=True)
class Item:
    """One image of a training set: its name without ending, and its header."""

    name: str
    header: Header


@dataclass(frozen=True)
class Layout:
    """Where the files of a training set lie.

    Parameters
    ----------
    name, title, description : str
        Its key, its title on screen, and a sentence about it.
    image, labels, source : str
        Patterns of paths, with {name}, {channel} (a number) and {ending}: for
        generated images, for their labels, and for the clean images that they were
        made from. None where the tool wants none.
    formats : tuple of str
        Keys of :data:`.formats.FORMATS`; the first is the default.
    axes : str
        Axes that one file may have; images with others are written in parts.
    semantic : bool
        Whether labels are classes instead of numbered objects; see :func:`semantic_planes`.
    negative_labels : bool
        Whether labels below 0 may be written, as no tool will take them for objects.
    reserved : tuple of str
        Endings of names that would mean something else to the tool.
    extras : callable, optional
        (items) -> {path: JSON value}: what else is written.
    beside : tuple of str
        Patterns, with {name}, of the extras that each image has; all images share the others.
    varying : tuple of str
        Keys of the extras whose values differ from image to image or from run to run.
    """

    name: str
    title: str
    description: str
    image: str
    labels: str | None = None
    source: str | None = None
    formats: tuple[str, ...] = ("tiff",)
    axes: str = "zyx"
    semantic: bool = False
    negative_labels: bool = False
    reserved: tuple[str, ...] = ()
    extras: Callable[[Sequence[Item]], dict[str, Any]] | None = None
    beside: tuple[str, ...] = ()
    varying: tuple[str, ...] = ()


def paths(
    layout: Layout,
    root: str | os.PathLike[str],
    name: str,
    *,
    file_format: str | None = None,
    channel: int = 0,
) -> dict[str, Path]:
    """Where the files of one image go: a path for each role, "image", "labels", "source".

    Parameters
    ----------
    layout : Layout
        One of :data:`LAYOUTS`.
    root : path-like
        Folder of the training set.
    name : str
        Of the image, without ending.
    file_format : str, optional
        One of ``layout.formats``.
    channel : int, optional
        For layouts with one file per channel; without effect for others.

    Raises
    ------
    ValueError
        If the name or the format does not fit the layout.

    Examples
    --------
    >>> files = paths(LAYOUTS["cellpose"], "train", "nuclei_7")
    >>> [path.as_posix() for path in files.values()]
    ['train/nuclei_7.tif', 'train/nuclei_7_masks.tif']
    """
    check_name(name)
    # file systems that ignore case would mix these names up as well
    wrong = next((end for end in layout.reserved if name.lower().endswith(end)), None)
    if wrong is not None:
        raise ValueError(
            f"{name!r} ends with {wrong!r}, which means a file of another kind to "
            f"{layout.title}. Choose another name"
        )
    file_format = layout.formats[0] if file_format is None else file_format
    if file_format not in layout.formats:
        raise ValueError(
            f"{layout.title} needs {' or '.join(layout.formats)} files; got {file_format!r}"
        )
    parts = {"name": name, "channel": channel, "ending": FORMATS[file_format].ending}
    patterns = {"image": layout.image, "labels": layout.labels, "source": layout.source}
    return {
        role: Path(root, pattern.format(**parts))
        for role, pattern in patterns.items()
        if pattern is not None
    }


def check_names(names: Iterable[str]) -> None:
    """Raise a readable error if two images would get the same files, also where case is ignored."""
    by_lower_case: dict[str, str] = {}
    for name in names:
        if name.lower() in by_lower_case:
            raise ValueError(
                f"two images would be called {by_lower_case[name.lower()]!r} and {name!r}, which "
                "are the same file where case is ignored. Rename one of them"
            )
        by_lower_case[name.lower()] = name


def names_of(layout: Layout, path: str, ending: str) -> set[str]:
    """Names of images that a file with this path in the training set may belong to.

    Examples
    --------
    >>> sorted(names_of(LAYOUTS["cellpose"], "nuclei_7_masks.tif", ".tif"))
    ['nuclei_7', 'nuclei_7_masks']
    """
    patterns = [p for p in (layout.image, layout.labels, layout.source) if p is not None]
    matches = (re.fullmatch(_expression(p, ending), path) for p in (*patterns, *layout.beside))
    return {match["name"] for match in matches if match is not None}


@cache
def _expression(pattern: str, ending: str) -> str:
    """A regular expression for the paths of a pattern."""
    text = re.escape(pattern).replace(r"\{name\}", "(?P<name>[^/]+)")
    text = text.replace(r"\{channel:04d\}", r"\d{4,}").replace(r"\{ending\}", re.escape(ending))
    return f"(?s:{text})"


def semantic_planes(labels: Any, spatial_ndim: int) -> Iterator[npt.NDArray[np.uint8]]:
    """Turn numbered objects into classes: 0 background, 1 interior, 2 border.

    A voxel of an object is border if a voxel that shares a face with it belongs
    to something else; the border of the image does not count. To tell touching
    objects apart again, remove the border and number what is left.

    Parameters
    ----------
    labels : array-like of int, shape (..., [z,] y, x)
        Read plane by plane, each once.
    spatial_ndim : 2 or 3
        Whether planes above and below count as neighbours.

    Yields
    ------
    ndarray of uint8, shape (y, x)
        In C order over the other axes.
    """
    lead = labels.shape[:-spatial_ndim]
    depth = labels.shape[-3] if spatial_ndim == 3 else 1
    for index in np.ndindex(*lead):
        keys = [(*index, z) if spatial_ndim == 3 else index for z in range(depth)]
        below, here = None, np.asarray(labels[keys[0]])
        for z in range(depth):
            above = np.asarray(labels[keys[z + 1]]) if z + 1 < depth else None
            yield _classes(here, [plane for plane in (below, above) if plane is not None])
            if above is not None:
                below, here = here, above


def _classes(
    here: npt.NDArray[Any], neighbours: Sequence[npt.NDArray[Any]]
) -> npt.NDArray[np.uint8]:
    border = np.zeros(here.shape, bool)
    for plane in neighbours:
        border |= here != plane
    for a, b in (((slice(1, None),), (slice(-1),)), ((..., slice(1, None)), (..., slice(-1)))):
        differs = here[a] != here[b]
        border[a] |= differs
        border[b] |= differs
    return np.where(here == 0, 0, np.where(border, 2, 1)).astype(np.uint8)


def _nnunet_extras(items: Sequence[Item]) -> dict[str, Any]:
    """dataset.json, and the voxel size of each image and of its labels."""
    out: dict[str, Any] = {}
    for item in items:
        n = item.header.spatial_ndim
        spacing = {"spacing": list(item.header.spacing or item.header.scale[-n:])}
        out[f"imagesTr/{item.name}.json"] = spacing
        out[f"labelsTr/{item.name}.json"] = spacing
    n_channels = {item.header.size_of("c") for item in items}
    if len(n_channels) > 1:
        raise ValueError(
            "all images of an nnU-Net data set must have the same number of channels; "
            f"got {n_channels}"
        )
    names = items[0].header.channels if items else ()
    names = names or tuple(f"channel {i}" for i in range(max(n_channels, default=1)))
    out["dataset.json"] = {
        "channel_names": {str(i): name for i, name in enumerate(names)},
        "labels": {"background": 0, "interior": 1, "border": 2},
        "numTraining": len(items),
        "file_ending": FORMATS["tiff"].ending,
    }
    return out


#: All layouts by their key.
LAYOUTS = MappingProxyType(
    {
        layout.name: layout
        for layout in (
            Layout(
                "plain",
                "Plain folder",
                "Images and labels side by side, with all axes.",
                image="{name}{ending}",
                labels="{name}_labels{ending}",
                formats=("ome-zarr", "ome-tiff"),
                axes="tczyx",
                negative_labels=True,
                reserved=("_labels",),
            ),
            Layout(
                "stardist",
                "StarDist",
                "images/ and masks/ with the same names; masks hold one number per nucleus.",
                image="images/{name}{ending}",
                labels="masks/{name}{ending}",
            ),
            Layout(
                "cellpose",
                "Cellpose",
                "Image and _masks side by side. Cellpose trains on 2D images: "
                "choose planes of a volume, not the volume.",
                image="{name}{ending}",
                labels="{name}_masks{ending}",
                axes="yx",
                reserved=("_masks",),
            ),
            Layout(
                "nnunet",
                "nnU-Net",
                "imagesTr/ and labelsTr/ with dataset.json and the voxel size of each image. "
                "nnU-Net knows classes only: nuclei become interior and border.",
                image="imagesTr/{name}_{channel:04d}{ending}",
                labels="labelsTr/{name}{ending}",
                semantic=True,
                extras=_nnunet_extras,
                beside=("imagesTr/{name}.json", "labelsTr/{name}.json"),
                varying=("spacing", "numTraining"),
            ),
            Layout(
                "careamics",
                "CAREamics",
                "Pairs for restoration with the same names: generated in low/, clean in GT/.",
                image="low/{name}{ending}",
                source="GT/{name}{ending}",
            ),
            Layout(
                "csbdeep",
                "CSBDeep",
                "Pairs for restoration (CARE): source_dirs=['low'], target_dir='GT'.",
                image="low/{name}{ending}",
                source="GT/{name}{ending}",
            ),
        )
    }
)
