"""Which images a Zarr folder holds: several of one group, series, plates, groups of images.

Only JSON files are read, and few of them: this is asked of each of thousands of inputs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from .entry import Entry
from .header import AXES
from .multiscales import dataset_paths, entries
from .zarr_axes import named_axes
from .zarr_nodes import Node, folders_in, inside, node_at

#: How deep images are looked for below a group that says nothing of them.
_DEEPEST = 4

#: Names of arrays that are levels of a pyramid more likely than images by themselves.
_LEVEL = re.compile(r"(s|scale|level|res|r)?[_-]?\d+", re.IGNORECASE)
_NUMBERS = re.compile(r"u?int\d+|float\d+|[<>|=][iuf]\d")
_OF_LABELS = {
    "label",
    "labels",
    "mask",
    "masks",
    "seg",
    "segmentation",
    "annotation",
    "annotations",
}

#: What scanners of slides call the pictures that they add to an image.
_ADDED = {"thumbnail", "macro", "macro image", "label image", "overview", "preview"}


@dataclass(frozen=True)
class Found:
    """An image: what is told of it, and what it is read from.

    Parameters
    ----------
    entry : Entry
        As :func:`.images_in` lists it.
    node : Node or None
        The array, or the group that lists the image; None if it is not there.
    index : int
        Which of the images of the group.
    """

    entry: Entry
    node: Node | None
    index: int = 0


def found_in(path: Path, *, labels: bool = True) -> list[Found]:
    """The images of a Zarr folder in the order in which they are numbered, label images last.

    Parameters
    ----------
    path : Path
        The folder.
    labels : bool, optional
        Whether the label images inside images are listed too.

    Raises
    ------
    ValueError
        If there is none; the sentence says what is there.
    """
    node = node_at(path)
    found = _of_node(path, node, 0)
    if not found:
        raise ValueError(_why_none(path, node))
    if labels:
        images = [f for f in found if f.node is not None and not f.node.is_array]
        folders = dict.fromkeys(f.node.path for f in images if f.node is not None)
        found += [Found(entry, None) for folder in folders for entry in _labels_of(folder)]
    return found


def label_folders(path: Path) -> list[Path]:
    """Folders of the label images inside an OME-Zarr image: those listed, then others there."""
    folder = path / "labels"
    group = node_at(folder)
    if group is None or group.is_array:
        return []
    names = group.ome.get("labels")
    listed = [inside(folder, name) for name in names] if isinstance(names, list) else []
    there = [inner for inner in folders_in(folder) if inner not in listed]
    return listed + [inner for inner in there if _is_image(node_at(inner))]


def _labels_of(folder: Path) -> Iterator[Entry]:
    try:
        folders = label_folders(folder)
    except ValueError:  # the image can be used without
        return
    for where in folders:
        name = where.relative_to(folder / "labels").as_posix()
        yield Entry(where, 0, name, "it is a label image inside of another image")


def _is_image(node: Node | None) -> bool:
    return node is not None and not node.is_array and bool(node.ome.get("multiscales"))


def _of_node(path: Path, node: Node | None, depth: int) -> list[Found]:
    """The images of a folder, by what it says of itself."""
    if node is not None and node.is_array:
        return [Found(Entry(path), node)]
    ome: dict[str, Any] = {} if node is None else node.ome
    if node is not None and "multiscales" in ome:
        return _of_multiscales(node)
    if node is not None and isinstance(ome.get("plate"), dict):
        return _of_plate(node)
    if node is not None and isinstance(ome.get("well"), dict):
        return _of_well(node, node.path.name, {})
    if node is not None and "bioformats2raw.layout" in ome:
        return _of_series(node)
    return _of_group(path, node, depth)


# ---- one group ----


def _of_multiscales(node: Node) -> list[Found]:
    found, seen = [], set()
    images = entries(node)
    is_labels = "image-label" in node.ome
    for index, image in enumerate(images):
        name = image.get("name")
        title = name if isinstance(name, str) and name.strip("/ ") else ""
        aside = "it is a label image" if is_labels else ""
        if len(images) > 1:
            finest = repr(sorted(map(str, dataset_paths(image))))
            aside = aside or (
                "it shows the voxels of another image again" if finest in seen else ""
            )
            seen.add(finest)
        found.append(Found(Entry(node.path, index, title, aside), node, index))
    return found


def _of_group(path: Path, node: Node | None, depth: int) -> list[Found]:
    """Images in the folders of a group without OME metadata, or its arrays, if they are images."""
    arrays: list[Node] = []
    found: list[Found] = []
    for folder in folders_in(path):
        try:
            inner = node_at(folder)
        except ValueError as error:
            found.append(Found(Entry(folder, 0, folder.name, str(error)), None))
            continue
        if inner is not None and inner.is_array:
            arrays.append(inner)
        elif depth < _DEEPEST:
            found += _of_node(folder, inner, depth + 1)
    if depth or node is None or "encoding-type" in node.attributes:  # a table of AnnData
        return found
    images = [array for array in arrays if _is_plain_image(array)]
    if found:
        aside = "it is an array without OME metadata beside images that have them"
        return found + [Found(Entry(a.path, 0, a.path.name, aside), a) for a in images]
    if len(images) > 1 and not all(_names_itself(array) for array in images):
        return []
    name = path.name if len(images) == 1 else ""
    return [
        Found(Entry(a.path, 0, a.path.name, _why_aside(a.path.name), name=name), a) for a in images
    ]


def _is_plain_image(array: Node) -> bool:
    voxels = str(array.document.get("data_type", array.document.get("dtype")))
    return 2 <= len(array.shape) <= len(AXES) and _NUMBERS.fullmatch(voxels) is not None


def _names_itself(array: Node) -> bool:
    """Whether it says what its axes are, and is no level of a pyramid by its name."""
    try:
        return named_axes(array) is not None and _LEVEL.fullmatch(array.path.name) is None
    except ValueError:
        return False


def _why_aside(name: str) -> str:
    words = set(re.split(r"[\W_]+", name.lower()))
    return "its name is that of labels" if words & _OF_LABELS else ""


# ---- several groups ----


def _of_series(node: Node) -> list[Found]:
    """The series that bioformats2raw made of one file."""
    try:
        listed = None if (ome := node_at(node.path / "OME")) is None else ome.ome.get("series")
    except ValueError:
        listed = None
    if isinstance(listed, list) and listed:
        folders = [inside(node.path, name) for name in listed]
    else:
        folders = [f for f in folders_in(node.path) if f.name.isdecimal()]
    titles = _titles(node.path / "OME" / "METADATA.ome.xml") if len(folders) > 1 else []
    found: list[Found] = []
    for i, folder in enumerate(folders):
        title = titles[i] if len(titles) == len(folders) else ""
        found += _of_listed(folder, title, "series")
    images = [f for f in found if not f.entry.aside]
    if len(images) == 1:  # named for the file that it was
        lone = images[0]
        named = replace(lone, entry=replace(lone.entry, name=node.path.name))
        found = [named if f is lone else f for f in found]
    return found


def _titles(xml: Path) -> list[str]:
    """Names of the images in OME-XML, nothing if it cannot be read."""
    try:
        root = ElementTree.parse(xml).getroot()
        return [e.get("Name") or "" for e in root if e.tag.rsplit("}", 1)[-1] == "Image"]
    except (OSError, ElementTree.ParseError, ValueError):
        return []


def _of_plate(node: Node) -> list[Found]:
    plate = node.ome["plate"]
    wells, acquisitions = plate.get("wells"), plate.get("acquisitions")
    names = {
        a["id"]: str(a.get("name") or f"acquisition {a['id']}")
        for a in (acquisitions if isinstance(acquisitions, list) else [])
        if isinstance(a, dict) and isinstance(a.get("id"), int)
    }
    found: list[Found] = []
    for way in (
        [w.get("path") for w in wells if isinstance(w, dict)] if isinstance(wells, list) else []
    ):
        folder = inside(node.path, way)
        title = folder.relative_to(node.path).as_posix()
        well = None
        with suppress(ValueError):
            well = node_at(folder)
        if well is None or not isinstance(well.ome.get("well"), dict):
            found.append(
                Found(
                    Entry(folder, 0, title, "the plate lists this well, which is not there"), None
                )
            )
        else:
            found += _of_well(well, title, names if len(names) > 1 else {})
    return found


def _of_well(well: Node, title: str, acquisitions: dict[int, str]) -> list[Found]:
    fields = well.ome["well"].get("images")
    found: list[Found] = []
    for field in fields if isinstance(fields, list) else []:
        if isinstance(field, dict):
            folder = inside(well.path, field.get("path"))
            of = acquisitions.get(field.get("acquisition", -1))
            called = f"{title}/{folder.relative_to(well.path).as_posix()}"
            found += _of_listed(folder, called + (f" ({of})" if of else ""), "field")
    return found


def _of_listed(folder: Path, title: str, kind: str) -> list[Found]:
    """The images of a group that metadata list; one that is set aside if it is not there."""
    try:
        found = _of_node(folder, node_at(folder), 1)
    except ValueError:  # said when it is opened
        return [Found(Entry(folder, 0, title), None)]
    if not found:
        return [Found(Entry(folder, 0, title, f"this {kind} is listed, but it is not there"), None)]
    return [
        replace(
            f,
            entry=replace(
                f.entry,
                title=title or f.entry.title,
                aside=f.entry.aside
                or ("it is no image by its name" if title.strip().lower() in _ADDED else ""),
            ),
        )
        for f in found
    ]


def _why_none(path: Path, node: Node | None) -> str:
    """What a folder is that holds no image, and what to give instead."""
    if node is None:
        return (
            "this folder is no Zarr array or group that can be read. Give the folder that ends "
            "with .zarr, or one that contains images"
        )
    if "plate" in node.ome or "well" in node.ome:
        return (
            "this is a plate or a well that lists no image; give one of its images, e.g. .../A/1/0"
        )
    if isinstance(node.ome.get("labels"), list):
        return (
            f"these are several label images; give one of {', '.join(map(str, node.ome['labels']))}"
        )
    arrays = [f.relative_to(path).as_posix() for f in _arrays_below(path, 0)]
    return (
        "this Zarr group has no OME metadata; give one of the arrays in it "
        f"({', '.join(arrays[:20]) or 'none'})"
    )


def _arrays_below(path: Path, depth: int) -> Iterator[Path]:
    for folder in folders_in(path):
        with suppress(ValueError):
            node = node_at(folder)
            if node is not None and node.is_array:
                yield folder
            elif depth < _DEEPEST:
                yield from _arrays_below(folder, depth + 1)
