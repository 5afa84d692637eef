"""Reading OME-TIFF, ImageJ TIFF and plain TIFF."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import tifffile

from ..arranged import Arranged
from ..described import described
from ..entry import Entry
from ..header import AXES, Header
from .content import Content, TiffImage
from .imagej import imagej_content
from .library import Refused, sentences, shape_of
from .notes import photometric_notes
from .ome import images_of_ome
from .ome_files import description
from .ome_tree import is_ome_xml
from .pages import CUT_OFF, Page, pages_in
from .plain import images_of_pages
from .series import Voxels, check_readable
from .vendor import images_of_library, is_of_library


def images_in_tiff(path: Path) -> list[Entry]:
    """The images of a TIFF file, in the order in which they are numbered.

    Where its description or its pages cannot be read there is one entry: opening it says why.
    """
    with ExitStack() as stack:
        tif = _opened(path, stack)
        try:
            with sentences():
                images = _images(path, tif, pages_in(tif.filehandle))
        except ValueError:
            return [Entry(path)]
    return [Entry(path, n, i.title, i.aside, home=i.home) for n, i in enumerate(images)]


def read_tiff(
    path: Path, name: str, axes: str | None, series: int | None
) -> tuple[Header, list[Arranged], ExitStack]:
    """The header, the levels (finest first) and the open files, which the caller closes."""
    with ExitStack() as stack:
        tif = _opened(path, stack)
        with sentences():
            content = _content(path, tif, axes, series)
            for other in content.others:
                stack.callback(other.close)
            letters, guessed = _letters(content, axes)
            levels, odd = _levels(content)
        header, arranged = described(
            levels,
            letters,
            content.scale,
            content.units,
            content.channels,
            content.name or name,
            content.provenance,
            content.keep if axes is None else axes,
        )
        origin = tuple(content.origin.get(axis, 0.0) for axis in header.axes)
        notes = (*content.notes, *guessed, *odd, *_size_notes(header))
        header = replace(header, origin=origin, notes=tuple(dict.fromkeys(notes)))
        return header, arranged, stack.pop_all()


def _opened(path: Path, stack: ExitStack) -> tifffile.TiffFile:
    with sentences("this is not a TIFF, or it is damaged"):
        return stack.enter_context(tifffile.TiffFile(path))


def _content(path: Path, tif: tifffile.TiffFile, axes: str | None, series: int | None) -> Content:
    """The image that was asked for; with ``axes``, if need be, without its description."""
    pages = pages_in(tif.filehandle)
    try:
        return _chosen(_images(path, tif, pages), series)
    except Refused as error:
        if axes is None:
            raise
        try:
            content = _chosen(images_of_pages(tif, pages), series)
            _given(axes, content.letters, _shape(content))
        except Refused:
            raise error from None
    note = (
        "the description of its planes was not used, only what axes= (--axes) says: the size of a "
        "voxel is unknown"
    )
    return replace(content, notes=(note, *content.notes))


def _images(path: Path, tif: tifffile.TiffFile, pages: Sequence[Page]) -> list[TiffImage]:
    """All images of a file, according to whatever describes them."""
    first = tif.pages.first
    text = description(tif)
    if pages[0].described and not text and 270 not in first.tags:
        raise Refused(CUT_OFF)  # tifffile ignores tags that lie beyond the end of the file
    if is_ome_xml(text):
        return images_of_ome(path, tif, text, pages)
    if first.imagej_description:
        return [TiffImage(partial(imagej_content, tif, first.imagej_description, pages))]
    if is_of_library(tif):
        return images_of_library(tif)
    images = images_of_pages(tif, pages)
    if path.name.lower().endswith((".ome.tif", ".ome.tiff")):
        note = "its name is that of an OME-TIFF, but it holds no OME-XML"
        images = [replace(i, open=partial(_with_note, i.open, note)) for i in images]
    return images


def _with_note(open_: Callable[[], Content], note: str) -> Content:
    content = open_()
    return replace(content, notes=(note, *content.notes))


def _chosen(images: Sequence[TiffImage], series: int | None) -> Content:
    """The image with this number, or the first that is not set aside."""
    if series is not None:
        if not 0 <= series < len(images):
            raise Refused(f"it has no series {series}; its {len(images)} series count from 0")
        return images[series].open()
    number = next((n for n, image in enumerate(images) if not image.aside), 0)
    content = images[number].open()
    if len(images) == 1:
        return content
    note = f"this is image {number} of the {len(images)} images in the file, counted from 0"
    aside = [f"image {n} is set aside: {i.aside}" for n, i in enumerate(images) if i.aside]
    if len(aside) < len(images) - 1:
        note += "; series= (--series) chooses another"
    return replace(content, notes=("; ".join([note, *aside[:3]]), *content.notes))


def _letters(content: Content, axes: str | None) -> tuple[str, list[str]]:
    """A letter per axis, and what had to be guessed."""
    if axes is None:
        return _guessed(content.letters, _shape(content))
    return _given(axes, content.letters, _shape(content)), []


def _levels(content: Content) -> tuple[list[Voxels], list[str]]:
    """The voxels of each level that can be read, and what is odd about them."""
    notes = photometric_notes(content.levels[0].keyframe)
    levels: list[Voxels] = []
    for series in content.levels:
        try:
            notes += check_readable(series)
        except Refused as error:
            if not levels:
                raise
            size = f"{series.keyframe.imagewidth} x {series.keyframe.imagelength}"
            notes.append(f"its smaller copy of {size} was left out ({error})")
        else:
            levels.append(Voxels(series, signed=content.signed))
    return levels, notes


def _shape(content: Content) -> tuple[int, ...]:
    return shape_of(content.levels[0])


def _guessed(letters: str, shape: tuple[int, ...]) -> tuple[str, list[str]]:
    """Letters of ours, and a sentence if one had to be guessed.

    One axis without a meaning (Q, I) is taken to be z, or t if there is a z.
    """
    if "s" in letters and shape[letters.index("s")] > 1:
        raise Refused(
            f"this is a colour image, or another with {shape[letters.index('s')]} samples per "
            "pixel (RGB). Split it into channels, and save those; or say with axes= (--axes) what "
            f"the samples are, e.g. axes='{_example(letters, shape)}'"
        )
    notes = []
    unknown = [i for i, a in enumerate(letters) if a in "qi" and shape[i] > 1]
    if len(unknown) == 1:
        free = [a for a in "zt" if a not in letters or shape[letters.index(a)] == 1]
        if free:
            letters = letters.replace(free[0], "?")
            letters = letters[: unknown[0]] + free[0] + letters[unknown[0] + 1 :]
            notes.append(
                f"the file does not say what its {shape[unknown[0]]} planes are: they were taken "
                f"to be {free[0]}. If they are not, say so with axes= (--axes)"
            )
    is_clear = all(a in AXES or n == 1 for a, n in zip(letters, shape, strict=True))
    return "".join(a if a in AXES else "?" for a in letters) if is_clear else letters, notes


def _example(letters: str, shape: tuple[int, ...]) -> str:
    """Axes that a user may give: samples as channels, and what is unknown as z."""
    long = (a for a, n in zip(letters, shape, strict=True) if n > 1 or a in "yx")
    return "".join({"s": "c", "i": "z", "q": "z"}.get(a, a) for a in long)


def _given(axes: str, letters: str, shape: tuple[int, ...]) -> str:
    """The axes that the caller names: all of the file's, or those longer than 1."""
    if len(axes) == len(shape):
        return axes
    long = [i for i, n in enumerate(shape) if n > 1 or letters[i] in "yx"]
    if len(axes) != len(long):
        raise Refused(
            f"axes={axes!r} names {len(axes)} axes, but the image has {len(long)}: its shape is "
            f"{tuple(shape[i] for i in long)}"
        )
    out = ["?"] * len(shape)
    for i, axis in zip(long, axes, strict=True):
        out[i] = axis
    return "".join(out)


def _size_notes(header: Header) -> list[str]:
    """A sentence if the size of a voxel is known along some axes only."""
    spatial = header.axes[-header.spatial_ndim :]
    known = [axis for axis in spatial if header.unit_of(axis)]
    if not known or len(known) == len(spatial):
        return []
    unknown = [axis for axis in spatial if axis not in known]
    return [
        f"the size of a voxel is known along {' and '.join(known)}, but not along "
        f"{' and '.join(unknown)}"
    ]
