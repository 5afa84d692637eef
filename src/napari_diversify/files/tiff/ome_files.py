"""Which files an OME-TIFF is made of, and which of their names means this file.

A set of files shares one OME-XML, which is in every file, in one of them, or in a
companion file beside them. It refers to files by UUID and by name: as files are renamed
and programs copy UUIDs, either can be wrong.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tifffile

from ...small_files import read_small
from .library import Refused
from .ome_tree import is_ome_xml
from .ome_xml import FileName, OmeImage, OmeXml, parsed
from .pages import Page, pages_in

_MANY = 32  # up to so many files are looked up one by one; for more, the folder is listed
_LONGEST = 1 << 28  # bytes of a companion file


@dataclass(frozen=True)
class OmeFiles:
    """A file and the set that it belongs to.

    Parameters
    ----------
    path : Path
        This file.
    images : tuple of OmeImage
        Of the set; None stands for this file, whatever its OME-XML calls it.
    note : mapping
        What :mod:`.tiff` wrote beside the metadata.
    uuid : str
        The UUID in the OME-XML of the set.
    paths : mapping from FileName to str
        Where the other files are, of those that exist.
    renamed : str
        The former name of this file, if it must have been renamed; else empty.
    """

    path: Path
    images: tuple[OmeImage, ...]
    note: Mapping[str, Any]
    uuid: str
    paths: Mapping[FileName, str]
    renamed: str = ""

    @property
    def others(self) -> list[FileName]:
        """All other files of the set."""
        files = dict.fromkeys(run.file for image in self.images for run in image.runs)
        return [file for file in files if file is not None]

    def missing(self, files: Iterable[FileName | None]) -> list[FileName]:
        """Those of the files that do not exist."""
        return [file for file in files if file is not None and file not in self.paths]

    def path_of(self, file: FileName | None) -> Path:
        """The path of one of the files that exist."""
        return self.path if file is None else Path(self.paths[file])


def ome_files(path: Path, text: str) -> OmeFiles:
    """The set to which a file belongs, according to its OME-XML.

    Raises
    ------
    Refused
        If the OME-XML cannot be read, or is in a companion file that is missing.
    """
    own = parsed(text)
    xml = own if own.companion is None else _companion(path, own.companion)
    names = dict.fromkeys(run.file for image in xml.images for run in image.runs)
    files = [name for name in names if name is not None]
    paths = _beside(path, files)
    mine = _mine(path, own.uuid, files, paths)
    renamed = ""
    if not mine and None not in names and len(files) == 1:
        other = paths.get(files[0])
        if other is None or _bare(root_uuid(Path(other))) != _bare(files[0].uuid):
            mine, renamed = files, files[0].name
    images = tuple(_with_own(image, set(mine)) for image in xml.images)
    return OmeFiles(path, images, xml.note, xml.uuid, paths, renamed)


def _with_own(image: OmeImage, mine: set[FileName]) -> OmeImage:
    """The image with None for this file."""
    if not any(run.file in mine for run in image.runs):
        return image
    runs = (replace(run, file=None) if run.file in mine else run for run in image.runs)
    return replace(image, runs=tuple(runs))


def _mine(
    path: Path, uuid: str, files: list[FileName], paths: dict[FileName, str]
) -> list[FileName]:
    """The entries of the OME-XML that mean this file."""
    name, uuid = path.name.lower(), _bare(uuid)
    by_name = [file for file in files if _base(file.name).lower() == name]
    by_uuid = [file for file in files if uuid and _bare(file.uuid) == uuid]
    if len({file.name for file in by_uuid}) > 1:  # one UUID for all files
        return [file for file in by_uuid if file in by_name]
    if not by_name or not by_uuid or set(by_name) == set(by_uuid):
        return by_uuid or by_name
    other = paths.get(by_uuid[0])
    copied = other is not None and _bare(root_uuid(Path(other))) == uuid
    return by_name if copied else by_uuid  # the UUID came with a copied text, or files were renamed


def _beside(path: Path, files: list[FileName]) -> dict[FileName, str]:
    """The files that exist in the folder of this file."""
    folder = str(path.parent)
    places = ((file, base) for file in files if (base := _base(file.name)))
    if len(files) <= _MANY:
        joined = ((file, os.path.join(folder, base)) for file, base in places)
        return {file: place for file, place in joined if os.path.isfile(place)}
    existing = set(os.listdir(folder))
    return {file: os.path.join(folder, base) for file, base in places if base in existing}


def _base(name: str) -> str:
    """The name of a file without its folders, for any operating system."""
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "" if base in (".", "..") else base


def _bare(uuid: str) -> str:
    return uuid.strip().lower().removeprefix("urn:uuid:")


def root_uuid(path: Path) -> str:
    """The UUID of a file in its own OME-XML; empty if there is none."""
    try:
        with tifffile.TiffFile(path) as tif:
            return _uuid_in(description(tif))
    except (ValueError, OSError, IndexError):
        return ""


def _uuid_in(text: str) -> str:
    try:
        return parsed(text).uuid if is_ome_xml(text) else ""
    except Refused:
        return ""


def description(tif: tifffile.TiffFile) -> str:
    """The description of the first page, whatever the type of its tag."""
    tag = tif.pages.first.tags.get(270)
    value = "" if tag is None else tag.value
    if isinstance(value, bytes):
        try:
            return value.rstrip(b"\0").decode()
        except UnicodeDecodeError:
            return value.rstrip(b"\0").decode("cp1252", "replace")
    return value if isinstance(value, str) else ""


def _companion(path: Path, companion: FileName) -> OmeXml:
    """The OME-XML in another file."""
    name = _base(companion.name)
    other = path.with_name(name) if name else path
    if not name or not other.is_file():
        other = _renamed_companion(path, companion)
    if other.suffix.lower() in (".tif", ".tiff"):
        with tifffile.TiffFile(other) as tif:
            text = description(tif)
    else:
        text = _text(other)
    xml = parsed(text)
    if companion.uuid and xml.uuid and _bare(companion.uuid) != _bare(xml.uuid):
        raise Refused(
            f"its OME-XML is in another file, and {other.name} is not that one: its UUID is "
            "another. Put the right one beside it, or say with axes= (--axes) what the axes of "
            "its pages are, e.g. axes='zyx'"
        )
    return xml


def _renamed_companion(path: Path, companion: FileName) -> Path:
    """The companion file with this UUID, which has another name now."""
    if companion.uuid:
        for other in sorted(path.parent.glob("*.companion.ome"))[:_MANY]:
            if _bare(parsed(_text(other)).uuid) == _bare(companion.uuid):
                return other
    raise Refused(
        f"its OME-XML is in another file, {companion.name or 'which it does not name'}, and that "
        "is not beside it: what its planes are is unknown. Put it there, or say with axes= "
        "(--axes) what the axes of its pages are, e.g. axes='zyx'"
    )


def _text(path: Path) -> str:
    if path.stat().st_size > _LONGEST:
        raise Refused(f"{path.name}, which should hold its OME-XML, is too large for that")
    data = read_small(path, _LONGEST)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        is_utf16 = data[:2] in (b"\xff\xfe", b"\xfe\xff")
        return data.decode("utf-16" if is_utf16 else "cp1252", "replace")


def opened(files: OmeFiles, file: FileName) -> tuple[tifffile.TiffFile, list[Page]]:
    """Another file of the set, closed for now, and its pages.

    Raises
    ------
    Refused
        If another file has its name.
    """
    path = files.path_of(file)
    try:
        with tifffile.TiffFile(path) as tif:
            pages = pages_in(tif.filehandle)
            uuid = _bare(_uuid_in(description(tif)))
    except (ValueError, IndexError) as error:
        raise Refused(f"{path.name}, which belongs to it: {error}") from error
    # in some sets all files have the same OME-XML, and so the UUID of one of them
    if file.uuid and uuid and uuid not in (_bare(file.uuid), _bare(files.uuid)):
        raise Refused(
            f"{path.name} is not the file that belongs to it: its UUID is another. Put the files "
            "of one set into a folder of their own"
        )
    return tif, pages
