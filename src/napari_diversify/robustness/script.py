"""A study in words: as the command line that runs it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from ..batch.job import Job
from ..batch.script import compact, image_words
from ..batch.source import Source
from ..recipe import Sampling
from .segmenters import Command, LoG, Otsu
from .study import Study, evenly


def as_command(study: Study, sources: Sequence[Source], output: Path) -> str:
    """The command that runs a study of images that are in files.

    Raises
    ------
    ValueError
        If an image or its labels are not in a file, or the command cannot say it.
    """
    job = Job(tuple(sources), Sampling(recipe=study.recipe), output)
    words = ["napari-diversify", "robustness", compact(study.recipe), *image_words(job)]
    for one in study.segmenters:
        words += ["--command", one.line] if isinstance(one, Command) else ["--segmenter", one.name]
    limits = {s.time_limit for s in study.segmenters if not isinstance(s, Otsu | LoG)}
    if len(limits) > 1:
        raise ValueError("segmenters with time limits of their own cannot be put in one command")
    if limits - {Command.model_fields["time_limit"].default}:
        words += ["--time-limit", repr(limits.pop())]
    if study.psnr:
        words += ["--psnr", ",".join(repr(level) for level in study.psnr)]
    else:
        first, last, count = study.values[0], study.values[-1], len(study.values)
        if evenly(first, last, count) != study.values:
            raise ValueError("levels of a parameter that are not evenly spaced cannot be given")
        words += ["--vary", f"{study.parameter}={first!r}:{last!r}:{count}"]
    words += ["--draws", str(study.draws), "--score", study.score]
    if study.prefilter is not None:
        words += ["--prefilter", repr(study.prefilter)]
    return shlex.join([*words, "--output", str(output)])
