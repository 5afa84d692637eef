"""Running a segmenter on samples: labels of each, or a sentence on why there are none."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import files
from ..sentences import on_one_line, reason, shortened
from .children import ChildError, borrowed, end_all, may_be_stopped
from .segmenters import AnySegmenter, Command, Labels, LoG, Otsu, Spacing, checked


def segmented(
    segmenter: AnySegmenter, samples: Iterable[npt.NDArray[Any]], spacing: Spacing
) -> Iterator[Labels | str]:
    """The labels of samples, one after the other; of one that failed, why.

    Parameters
    ----------
    segmenter : Segmenter
    samples : iterable of array
        Planes or volumes; taken from it one by one.
    spacing : tuple of float or None
        Micrometres along their axes.
    """
    if isinstance(segmenter, Command):
        yield from _by_program(segmenter, samples, spacing)
        return
    for sample in samples:
        try:
            if isinstance(segmenter, Otsu | LoG):
                labels = segmenter.segment(sample, spacing)
            else:
                with borrowed(segmenter) as child:
                    labels = child.segment(sample, spacing)
            yield checked(labels, sample.shape)
        except ChildError as error:
            yield str(error)
        except Exception as error:  # noqa: BLE001  whatever it is, the other samples go on
            yield reason(error)


def _by_program(
    segmenter: Command, samples: Iterable[npt.NDArray[Any]], spacing: Spacing
) -> Iterator[Labels | str]:
    with TemporaryDirectory(prefix="diversify-") as folder:
        images, labels = Path(folder) / "in", Path(folder) / "out"
        images.mkdir()
        labels.mkdir()
        shapes = []
        for n, sample in enumerate(samples):
            _write(images / f"sample_{n:04d}.tif", sample, spacing)
            shapes.append(sample.shape)
        failed = _called(segmenter, images, labels, len(shapes))
        for n, shape in enumerate(shapes):
            path = labels / f"sample_{n:04d}.tif"
            try:
                if not path.exists():
                    raise FileNotFoundError(failed or f"it wrote no file {path.name} to {{out}}")
                with files.open_image(path) as image:
                    found = np.asarray(image.data[...])
                yield checked(
                    found.reshape(shape) if found.size == np.prod(shape) else found, shape
                )
            except Exception as error:  # noqa: BLE001
                yield reason(error)


def _write(path: Path, sample: npt.NDArray[Any], spacing: Spacing) -> None:
    axes = "zyx"[-sample.ndim :]
    known = {} if spacing is None else {"scale": spacing, "units": ("micrometer",) * sample.ndim}
    header = files.header_of(shape=sample.shape, dtype=sample.dtype, axes=axes, **known)
    files.FORMATS["ome-tiff"].codec.write(path, header, sample)


def _called(segmenter: Command, images: Path, labels: Path, n: int) -> str:
    """Run the program; why it failed, or ""."""
    words = shlex.split(segmenter.line, posix=os.name != "nt")
    line = [w.replace("{in}", str(images)).replace("{out}", str(labels)) for w in words]
    limit = segmenter.time_limit * n
    try:
        process = subprocess.Popen(
            line,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        return f"it cannot be started: {reason(error)}"
    may_be_stopped(process)
    try:
        _, said = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        return f"it took longer than {limit:g} s"
    finally:
        end_all(process)
    lines = [text for text in said.decode(errors="replace").splitlines() if text.strip()]
    last = f": {shortened(on_one_line(lines[-1]), 300)}" if lines else ""
    return f"it ended with status {process.returncode}{last}" if process.returncode else ""
