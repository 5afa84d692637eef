"""The elements of an OME-XML text that are read here, as a tree.

The text comes from a file of unknown origin: entities are not accepted, and what is
not needed, such as the settings of the microscope and thousands of planes, is dropped
while it is read.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from .library import Refused

_MOST_ELEMENTS = 5_000_000
_TAGS = {
    "OME", "BinaryOnly", "Image", "Pixels", "Channel", "TiffData", "UUID", "Plane", "BinData",
    "MetadataOnly", "AnnotationRef", "StructuredAnnotations", "MapAnnotation", "XMLAnnotation",
    "Value", "M", "Modulo", "ModuloAlongZ", "ModuloAlongT", "ModuloAlongC", "Label",
}  # fmt: skip


def is_ome_xml(text: str) -> bool:
    """Whether a description is meant to be OME-XML, even if it is cut off.

    Examples
    --------
    >>> is_ome_xml('<?xml version="1.0"?><OME xmlns="..."><Image'), is_ome_xml("ImageJ=1.54f")
    (True, False)
    """
    return re.search(r"<(\w+:)?OME[\s>/]", text[:8192]) is not None or text.endswith("OME>")


def ome_tree(text: str) -> ElementTree.Element:
    """The element OME, without namespaces; of planes only the first.

    Raises
    ------
    Refused
        If the text is not well-formed, or not OME-XML.
    """
    parser = ElementTree.XMLParser(target=_TreeTarget())
    try:
        parser.feed(text.strip().lstrip("\ufeff"))
        root: ElementTree.Element | None = parser.close()
    except ElementTree.ParseError as error:
        raise Refused(
            f"its OME-XML is not well-formed ({error}): what its planes are is unknown. Repair it, "
            "or say with axes= (--axes) what the axes of its pages are, e.g. axes='zyx'"
        ) from error
    if root is None or root.tag != "OME":
        raise Refused("its OME-XML has no element OME: what its planes are is unknown")
    return root


class _TreeTarget:
    """Builds the tree while the text is read."""

    def __init__(self) -> None:
        self._tree = ElementTree.TreeBuilder()
        self._skipped = 0
        self._count = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rsplit("}", 1)[-1]
        if self._skipped or name not in _TAGS or (name == "Plane" and not _is_first(attributes)):
            self._skipped += 1
            return
        self._count += 1
        if self._count > _MOST_ELEMENTS:
            raise Refused(f"its OME-XML has more than {_MOST_ELEMENTS} elements")
        self._tree.start(name, attributes)

    def end(self, tag: str) -> None:
        if self._skipped:
            self._skipped -= 1
        else:
            self._tree.end(tag.rsplit("}", 1)[-1])

    def data(self, text: str) -> None:
        if not self._skipped:
            self._tree.data(text)

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        raise Refused("its OME-XML has a document type (DOCTYPE), which OME-XML never has")

    def close(self) -> ElementTree.Element | None:
        return self._tree.close() if self._count else None


def _is_first(plane: dict[str, str]) -> bool:
    return all(plane.get(axis, "0").strip() == "0" for axis in ("TheC", "TheZ", "TheT"))
