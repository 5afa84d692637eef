"""A job in words: as a command line, and as Python that does the same."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import files
from ..recipe import Recipe, Sampling
from .inputs import Reading
from .job import Job

_HIGHEST = 10_000_000  # samples that a sampling can have


def compact(recipe: Recipe) -> str:
    """The recipe as JSON on one line, without values that are the defaults.

    Examples
    --------
    >>> from napari_diversify import Recipe
    >>> from napari_diversify.recipe import Diversify
    >>> compact(Recipe(steps=(Diversify(w_v=2.0),), seed=42))
    '{"schema_version": 1, "seed": 42, "steps": [{"kind": "diversify", "w_v": 2.0}]}'
    """
    values = recipe.model_dump(mode="json", exclude_defaults=True, exclude={"steps"})
    steps = [
        {"kind": step.kind, **step.model_dump(mode="json", exclude_defaults=True)}
        for step in recipe.steps
    ]
    return json.dumps({"schema_version": recipe.VERSION, **values, "steps": steps})


def as_command(job: Job) -> str:
    """The command that makes the same files.

    Raises
    ------
    ValueError
        If an image or its labels are not in a file.
    """
    words = ["napari-diversify", "apply", compact(_sampling(job).recipe), *image_words(job)]
    words += ["--output", str(job.output)]
    s = _sampling(job)
    if s.samples != 1:
        words += ["--samples", str(s.samples)]
    if s.ranges:
        words += ["--strategy", s.strategy]
    for name, r in s.ranges.items():
        count = "" if r.count is None else f":{r.count}"
        words += ["--range", f"{name}={r.low!r}:{r.high!r}{count}"]
    if s.psnr:
        words += ["--psnr", ",".join(repr(level) for level in s.psnr)]
    if job.only is not None:
        words += ["--only", written(job.only)]
    words += ["--same-noise"] if _same_noise(job) else []
    words += ["--layout", job.layout, "--format", job.format.name]
    for option in ("chunk", "shard"):
        if getattr(job, option) is not None:
            words += [f"--{option}", str(getattr(job, option))]
    return shlex.join(words)


def image_words(job: Job) -> list[str]:
    """The images of a job, their labels and how all are read, as words of a command.

    Raises
    ------
    ValueError
        If an image or its labels are not in a file.
    """
    words, how = [str(path) for path in _paths(job)], _reading(job)
    for path in _label_paths(job):
        words += ["--labels", str(path)]
    words += ["--no-labels"] if not _finds_labels(job) else []
    words += ["--axes", how.axes] if how.axes is not None else []
    words += ["--series", written(how.series)] if how.series is not None else []
    sizes = [f"{axis}={size!r}" for axis, size in (how.voxel_size or {}).items()]
    for text in (*([",".join(sizes)] if sizes else []), *(["voxels"] if how.in_voxels else [])):
        words += ["--voxel-size", text]
    return words


def as_python(job: Job) -> str:
    """A program that makes the same files.

    Raises
    ------
    ValueError
        If an image or its labels are not in a file.
    """
    s = _sampling(job)
    options: dict[str, Any] = {"samples": s.samples}
    if s.ranges:
        options["strategy"] = s.strategy
        options["ranges"] = {
            name: (r.low, r.high) if r.count is None else (r.low, r.high, r.count)
            for name, r in s.ranges.items()
        }
    if s.psnr:
        options["psnr"] = s.psnr
    told = "".join(f", {name}={value!r}" for name, value in options.items())
    labels, how = [str(path) for path in _label_paths(job)], _reading(job)
    reading = {name: value for name, value in vars(how).items() if value not in (None, False)}
    reading |= {} if _finds_labels(job) else {"find_labels": False}
    reading |= {"same_noise": True} if _same_noise(job) else {}
    read_as = "".join(f", {name}={value!r}" for name, value in reading.items())
    more = "".join(
        f", {name}={getattr(job, name)!r}"
        for name in ("chunk", "shard", "only")
        if getattr(job, name) is not None
    )
    return f"""from pathlib import Path

from napari_diversify import Recipe
from napari_diversify.batch import Job, export, sources_of
from napari_diversify.recipe import Sampling

recipe = Recipe.from_json({compact(s.recipe)!r})
sampling = Sampling(recipe=recipe{told})
sources = sources_of({[str(path) for path in _paths(job)]!r}, labels={labels!r}{read_as})
job = Job(sources, sampling, Path({str(job.output)!r}), {job.layout!r}, {job.format.name!r}{more})

if __name__ == "__main__":
    print(export(job))
"""


def written(numbers: Sequence[int]) -> str:
    """Ascending numbers in short; :func:`numbers_in` reads them.

    Examples
    --------
    >>> written((0, 1, 2, 5, 7, 8))
    '0-2,5,7-8'
    """
    runs: list[list[int]] = []
    for n in numbers:
        if runs and n == runs[-1][-1] + 1:
            runs[-1][1:] = [n]
        else:
            runs.append([n])
    return ",".join("-".join(map(str, run)) for run in runs)


def numbers_in(text: str) -> tuple[int, ...]:
    """Numbers and runs of them with commas between, ascending.

    Raises
    ------
    ValueError
        If the text is not such a list.

    Examples
    --------
    >>> numbers_in("7-8, 0-2,5")
    (0, 1, 2, 5, 7, 8)
    """
    found: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip())
        low, high = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not low <= high < _HIGHEST:
            raise ValueError(
                f"samples are numbers and runs of them, counted from 0, e.g. 0-2,5; got {text!r}"
            )
        found |= set(range(low, high + 1))
    return tuple(sorted(found))


def _reading(job: Job) -> Reading:
    """How all images are read; there is no command for images that are read in different ways."""
    ways = [
        Reading(s.axes, None if s.series is None else (s.series,), s.voxel_size, s.in_voxels)
        for s in job.sources
    ]
    if any(way != ways[0] for way in ways):
        raise ValueError("the images are read in different ways, which one command cannot express")
    return ways[0]


def _finds_labels(job: Job) -> bool:
    """Whether looking for labels finds those of the job, or there are none to be found."""
    bare = [s for s in job.sources if s.labels is None]
    return not any(s.path is not None and files.labels_in(s.path) for s in bare)


def _sampling(job: Job) -> Sampling:
    """What is drawn; an image named by itself has no noise but that of the recipe."""
    return job.sampling_of(job.sources[0]) if len(job.sources) == 1 else job.sampling


def _same_noise(job: Job) -> bool:
    return len(job.sources) > 1 and all(source.key is None for source in job.sources)


def _paths(job: Job) -> list[Path]:
    paths = [source.path for source in job.sources]
    if None in paths:
        raise ValueError(
            "the image is not in a file, so no other program can find it: save it first"
        )
    return [path for path in paths if path is not None]


def _label_paths(job: Job) -> list[Path]:
    labels = [source.labels for source in job.sources if source.labels is not None]
    if any(of.path is None for of in labels):
        raise ValueError(
            "the labels are not in a file, so no other program can find them: save them first"
        )
    return [of.path for of in labels if of.path is not None]
