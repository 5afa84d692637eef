"""The images of an OME-TIFF, or of the set of files to which it belongs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import tifffile

from ..asides import Candidate, asides
from ..measures import number
from .content import Content, TiffImage, levels_of
from .library import Refused, axes_of
from .ome_files import OmeFiles, ome_files, opened
from .ome_planes import ASK, Block, block_of, claimed_twice
from .ome_xml import FileName, OmeImage, Run
from .pages import Page

Opened = Mapping[FileName | None, tuple[tifffile.TiffFile, Sequence[Page]]]


def images_of_ome(
    path: Path, tif: tifffile.TiffFile, text: str, pages: Sequence[Page]
) -> list[TiffImage]:
    """The images with at least one plane in a file, in the order of its OME-XML.

    An image that is spread over several files is listed by each of them, and set aside in all
    but the first.

    Raises
    ------
    Refused
        If there is none, or the OME-XML cannot be read.
    """
    files = ome_files(path, text)
    images = [image for image in files.images if image.runs]
    mine = [image for image in images if None in image.files]
    if len(files.images) == 1 and files.images[0].silent:
        mine = [_on_all_pages(files.images[0])]
    if not mine and not files.missing(files.others):
        # a file with the OME-XML of the others, but none of their planes
        mine = [image for image in images if len(pages) < _n_planes(image)]
    if not mine:
        raise Refused(_why_none(files))
    reasons = asides([_candidate(image, pages) for image in mine])
    return [
        _listed(files, image, why, partial(_content, files, image, tif, pages))
        for image, why in zip(mine, reasons, strict=True)
    ]


def _on_all_pages(image: OmeImage) -> OmeImage:
    """An image without any word on where its planes are: they must be all pages."""
    run = Run(dict.fromkeys("tcz", 0), 0, None, None)
    note = "its OME-XML does not say where its planes are: they are its pages, in their order"
    return replace(image, runs=(run,), notes=(*image.notes, note))


def _why_none(files: OmeFiles) -> str:
    names = sorted(file.name or file.uuid for file in files.others)
    if not names:
        return f"its OME-XML describes no image with planes in this file. {ASK}"
    shown = _few(names)
    return (
        f"its OME-XML names {shown}; this file is none of them, neither by name nor by UUID. "
        f"Give it the name that it had. Or: {ASK}"
    )


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} others" if len(names) > 3 else "")


def _candidate(image: OmeImage, pages: Sequence[Page]) -> Candidate:
    """What the OME-XML and the first page say about an image."""
    sizes = image.sizes or dict.fromkeys("tczyx", 1)
    first = next((run.page for run in image.runs if run.file is None), len(pages))
    reduced = first < len(pages) and pages[first].reduced
    return Candidate(image.name, _n_planes(image), sizes["y"], sizes["x"], image.colour, reduced)


def _n_planes(image: OmeImage) -> int:
    n = math.prod(image.sizes.get(axis, 1) for axis in "tcz")
    return max(n // 3, 1) if image.colour else n


def _listed(
    files: OmeFiles, image: OmeImage, why: str, content: Callable[[], Content]
) -> TiffImage:
    spread = image.files
    home = None if files.missing(spread) else files.path_of(spread[0])
    if home == files.path:
        home = None
    if home is not None and not why:
        lies = f"is spread over {len(spread)} files" if len(spread) > 1 else "is in another file"
        why = f"it {lies}, and is opened with {home.name}"
    return TiffImage(content, image.name, why, home)


def _content(
    files: OmeFiles, image: OmeImage, tif: tifffile.TiffFile, pages: Sequence[Page]
) -> Content:
    if image.problem:
        raise Refused(f"{image.problem}. {ASK}")
    spread = image.files
    missing = _few([file.name or file.uuid for file in files.missing(spread)])
    pages_by_file: dict[FileName | None, tuple[tifffile.TiffFile, Sequence[Page]]] = {
        None: (tif, pages)
    }
    if not missing:
        pages_by_file |= {file: opened(files, file) for file in spread if file is not None}
    samples = _samples(image, pages_by_file)
    channels = max(image.sizes["c"] // samples, 1)
    n_pages = {file: len(its_pages) for file, (_, its_pages) in pages_by_file.items()}
    block = block_of(image, channels, n_pages, missing)
    _check_rivals(files, image, block)
    stack = [(pages_by_file[file][0], pages_by_file[file][1][page]) for file, page in block.places]
    _check_pages(image, [page for _, page in stack])
    outer, lengths = _outer(image, channels, block)
    levels = levels_of(stack, outer, lengths)
    letters = axes_of(levels[0])
    if samples > 1 and channels == 1 and not stack[0][1].is_colour:  # the samples are channels
        letters = letters.replace("c", "?").replace("s", "c")
    note = files.note
    origin = {**image.origin, **_numbers(note.get("origin"))}
    if block.indices["z"][0] and image.units["z"] is not None:
        origin["z"] = origin.get("z", 0.0) + block.indices["z"][0] * image.scale["z"]
    provenance = note.get("provenance")
    return Content(
        levels,
        letters,
        {**image.scale, **_numbers(note.get("scale"))},
        image.units,
        origin,
        _names(image, channels, block),
        image.name,
        provenance if isinstance(provenance, dict) else None,
        keep=str(note.get("axes", "")),
        notes=(*image.notes, *_notes(files, image, block, missing, pages, levels[0])),
        others=tuple(other for file, (other, _) in pages_by_file.items() if file is not None),
    )


def _samples(image: OmeImage, pages_by_file: Opened) -> int:
    """Values per pixel of the first page that exists."""
    for run in image.runs:
        pages = pages_by_file[run.file][1] if run.file in pages_by_file else ()
        if run.page < len(pages):
            return max(pages[run.page].samples, 1)
    return 1


def _check_rivals(files: OmeFiles, image: OmeImage, block: Block) -> None:
    others = (other for other in files.images if not other.problem)
    rival = claimed_twice(image, others, block.places)
    if rival is not None:
        raise Refused(
            f"the elements Image {image.number} and {rival.number} of its OME-XML claim the same "
            f"pages. {ASK}"
        )


def _check_pages(image: OmeImage, pages: Sequence[Page]) -> None:
    first = pages[0]
    if any(page.fits != first.fits for page in pages):
        raise Refused(f"the pages that its OME-XML puts together are not alike. {ASK}")
    if (first.height, first.width) != (image.sizes["y"], image.sizes["x"]):
        raise Refused(
            f"its OME-XML describes planes of {image.sizes['x']} x {image.sizes['y']} voxels, but "
            f"its pages have {first.width} x {first.height}: it may be that of another image. {ASK}"
        )
    if image.sizes["c"] % max(first.samples, 1):
        raise Refused(
            f"its OME-XML describes {image.sizes['c']} channels, but each of its pages holds "
            f"{first.samples}. {ASK}"
        )


def _outer(image: OmeImage, channels: int, block: Block) -> tuple[str, list[int]]:
    """Axes of the planes and their lengths; one that combines two is split into both."""
    letters = ""
    lengths: list[int] = []
    for axis in image.order:
        length = len(block.indices[axis])
        other, steps = image.modulo.get(axis, ("", 1))
        if steps == length > 1:
            letters, lengths = letters + other, [*lengths, length]
        elif steps > 1 and length % steps == 0:
            letters, lengths = letters + axis + other, [*lengths, length // steps, steps]
        else:
            letters, lengths = letters + axis, [*lengths, length]
    return letters, lengths


def _numbers(noted: object) -> dict[str, float]:
    """Numbers by axis, from our own note."""
    if not isinstance(noted, dict):
        return {}
    values = {str(axis): number(str(value)) for axis, value in noted.items()}
    return {axis: value for axis, value in values.items() if value is not None}


def _names(image: OmeImage, channels: int, block: Block) -> tuple[str, ...]:
    if len(image.channels) != channels:
        return image.channels
    return tuple(image.channels[n] for n in block.indices["c"]) if image.channels else ()


def _notes(
    files: OmeFiles,
    image: OmeImage,
    block: Block,
    missing: str,
    pages: Sequence[Page],
    series: tifffile.TiffPageSeries,
) -> list[str]:
    notes = []
    spread = [files.path_of(file).name for file in image.files if not missing]
    absent = sorted(file.name or file.uuid for file in files.missing(files.others))
    if files.renamed:
        notes.append(f"its OME-XML calls this file {files.renamed}")
    elif absent:
        n_files = len(files.others) + 1
        note = f"this is 1 of {n_files} files of a set, and {_few(absent)} are not beside it"
        if missing:
            shown = ", ".join(
                f"{axis}={_few([str(n) for n in block.indices[axis]])}"
                for axis in image.order
                if len(block.indices[axis]) < (image.sizes[axis])
            )
            note += f": of the image only {shown} is there (counted from 0)"
        notes.append(note)
    elif len(spread) > 1:
        notes.append(f"it consists of {len(spread)} files: {_few(spread)}")
    listed = _n_listed(files, len(pages))
    if 0 < listed < (n_pages := sum(not (page.reduced or page.mask) for page in pages)):
        notes.append(f"its OME-XML does not list {n_pages - listed} of its {n_pages} pages")
    if image.dtype and image.dtype != series.dtype.name:
        notes.append(
            f"its OME-XML announces {image.dtype} values, but its pages hold {series.dtype}"
        )
    return notes


def _n_listed(files: OmeFiles, n_pages: int) -> int:
    """The number of pages of this file that its OME-XML lists."""
    listed = np.zeros(n_pages, bool)
    for image in files.images:
        for run in image.runs:
            if run.file is None:
                listed[run.page : None if run.count is None else run.page + run.count] = True
    return int(listed.sum())
