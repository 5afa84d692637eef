"""Which images a Zarr folder holds: several of one group, series, plates, groups of images.

Only JSON files are read, and few of them: this is asked of each of thousands of inputs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from ..entry import Entry
from ..header import AXES
from ..label_names import is_label_name
from .axes import named_axes
from .labels import labels_of
from .multiscales import dataset_paths, entries
from .nodes import Node, folders_in, inside, node_at

#: How deep images are looked for below a group that does not list them.
_DEEPEST = 4

#: Names of arrays that are levels of a pyramid more likely than images by themselves.
_LEVEL = re.compile(r"(s|scale|level|res|r)?[_-]?\d+", re.IGNORECASE)
_NUMBERS = re.compile(r"u?int\d+|float\d+|[<>|=][iuf]\d")

#: How slide scanners name the pictures that they add to an image.
_ADDED = {"thumbnail", "macro", "macro image", "label image", "overview", "preview"}


@dataclass(frozen=True)
class ZarrImage:
    """An image: how it is listed, and what it is read from.

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


def zarr_images(path: Path, *, labels: bool = True) -> list[ZarrImage]:
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
        If there is none; the message says what is there.
    """
    node = node_at(path)
    unique = {(image.entry.path, image.index): image for image in _of_node(path, node, 0)}
    if not unique:
        raise ValueError(_why_none(path, node))
    images = list(unique.values())
    if labels:
        groups = [
            image.node.path
            for image in images
            if image.node is not None and not image.node.is_array
        ]
        images += [
            ZarrImage(entry, None) for group in dict.fromkeys(groups) for entry in labels_of(group)
        ]
    return images


def _of_node(path: Path, node: Node | None, depth: int) -> list[ZarrImage]:
    """The images of a folder, according to its own metadata."""
    if node is not None and node.is_array:
        return [ZarrImage(Entry(path), node)]
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


def _of_multiscales(node: Node) -> list[ZarrImage]:
    images: list[ZarrImage] = []
    pyramids: set[str] = set()
    listed = entries(node)
    is_labels = "image-label" in node.ome
    for index, image in enumerate(listed):
        name = image.get("name")
        title = name if isinstance(name, str) and name.strip("/ ") else ""
        aside = "it is a label image" if is_labels else ""
        if len(listed) > 1:
            pyramid = repr(sorted(map(str, dataset_paths(image))))
            aside = aside or (
                "it shows the voxels of another image again" if pyramid in pyramids else ""
            )
            pyramids.add(pyramid)
        images.append(ZarrImage(Entry(node.path, index, title, aside), node, index))
    return images


def _of_group(path: Path, node: Node | None, depth: int) -> list[ZarrImage]:
    """Images in the folders of a group without OME metadata, or its arrays, if they are images."""
    arrays: list[Node] = []
    images: list[ZarrImage] = []
    for folder in folders_in(path):
        try:
            inner = node_at(folder)
        except ValueError as error:
            images.append(ZarrImage(Entry(folder, 0, folder.name, str(error)), None))
            continue
        if inner is not None and inner.is_array:
            arrays.append(inner)
        elif depth < _DEEPEST:
            images += _of_node(folder, inner, depth + 1)
    if depth or node is None or "encoding-type" in node.attributes:  # a table of AnnData
        return images
    plain = [array for array in arrays if _is_plain_image(array)]
    if any(not image.entry.aside for image in images):
        aside = "it is an array without OME metadata beside images that have them"
        return images + [ZarrImage(Entry(a.path, 0, a.path.name, aside), a) for a in plain]
    if len(plain) > 1 and not all(_names_itself(array) for array in plain):
        return images
    name = path.name if len(plain) == 1 else ""
    return images + [
        ZarrImage(
            Entry(
                array.path,
                title=array.path.name,
                aside="its name is that of labels" if is_label_name(array.path.name) else "",
                name=name,
            ),
            array,
        )
        for array in plain
    ]


def _is_plain_image(array: Node) -> bool:
    voxels = str(array.document.get("data_type", array.document.get("dtype")))
    return 2 <= len(array.shape) <= len(AXES) and _NUMBERS.fullmatch(voxels) is not None


def _names_itself(array: Node) -> bool:
    """Whether it says what its axes are, and its name is not that of a level of a pyramid."""
    try:
        return named_axes(array) is not None and _LEVEL.fullmatch(array.path.name) is None
    except ValueError:
        return False


# ---- several groups ----


def _of_series(node: Node) -> list[ZarrImage]:
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
    images: list[ZarrImage] = []
    for i, folder in enumerate(folders):
        title = titles[i] if len(titles) == len(folders) else ""
        images += _of_listed(folder, title, "series")
    takable = [image for image in images if not image.entry.aside]
    if len(takable) == 1:  # named for the file that it was
        (lone,) = takable
        named = replace(lone, entry=replace(lone.entry, name=node.path.name))
        images[images.index(lone)] = named
    return images


def _titles(xml: Path) -> list[str]:
    """Names of the images in OME-XML, nothing if it cannot be read."""
    try:
        root = ElementTree.parse(xml).getroot()
        return [e.get("Name") or "" for e in root if e.tag.rsplit("}", 1)[-1] == "Image"]
    except (OSError, ElementTree.ParseError, ValueError, LookupError):
        return []


def _of_plate(node: Node) -> list[ZarrImage]:
    plate = node.ome["plate"]
    acquisitions = {
        a["id"]: str(a.get("name") or f"acquisition {a['id']}")
        for a in _objects(plate.get("acquisitions"))
        if isinstance(a.get("id"), int)
    }
    images: list[ZarrImage] = []
    for listed in _objects(plate.get("wells")):
        folder = inside(node.path, listed.get("path"))
        title = folder.relative_to(node.path).as_posix()
        well = None
        with suppress(ValueError):
            well = node_at(folder)
        if well is None or not isinstance(well.ome.get("well"), dict):
            aside = "the plate lists this well, which is not there"
            images.append(ZarrImage(Entry(folder, title=title, aside=aside), None))
        else:
            images += _of_well(well, title, acquisitions if len(acquisitions) > 1 else {})
    return images


def _of_well(well: Node, title: str, acquisitions: Mapping[int, str]) -> list[ZarrImage]:
    images: list[ZarrImage] = []
    for field in _objects(well.ome["well"].get("images")):
        folder = inside(well.path, field.get("path"))
        number = field.get("acquisition")
        of = acquisitions.get(number) if isinstance(number, int) else None
        called = f"{title}/{folder.relative_to(well.path).as_posix()}"
        images += _of_listed(folder, f"{called} ({of})" if of else called, "field")
    return images


def _objects(listed: object) -> list[dict[str, Any]]:
    """The JSON objects of what should be a list of them."""
    return [o for o in listed if isinstance(o, dict)] if isinstance(listed, list) else []


def _of_listed(folder: Path, title: str, kind: str) -> list[ZarrImage]:
    """The images of a folder that metadata list; if it is not there, one that is set aside."""
    try:
        images = _of_node(folder, node_at(folder), 1)
    except ValueError:  # opening it says why
        return [ZarrImage(Entry(folder, title=title), None)]
    if not images:
        aside = f"this {kind} is listed, but it is not there"
        return [ZarrImage(Entry(folder, title=title, aside=aside), None)]
    added = "its name is that of a thumbnail or the like" if title.strip().lower() in _ADDED else ""
    titled = [replace(image.entry, title=title or image.entry.title) for image in images]
    return [
        replace(image, entry=replace(entry, aside=entry.aside or added))
        for image, entry in zip(images, titled, strict=True)
    ]


def _why_none(path: Path, node: Node | None) -> str:
    """What a folder without an image is, and what to give instead."""
    if node is None:
        return (
            "this folder is not a Zarr array or group that can be read. Give the folder that ends "
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
