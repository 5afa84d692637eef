"""A study in a folder: every row is kept as it comes, and a stopped one goes on from there.

``study.json`` says what is run on what; ``.rows`` holds a file for each row; ``scores.csv`` and
``curves.csv`` are written from them at the end, or when it is stopped. No time and no order of
arrival is in them: a study that was killed and resumed has the same bytes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any
from uuid import uuid4

from .. import __version__, files
from ..batch.source import Source
from ..small_files import read_small
from .children import ChildError, borrowed
from .following import Outcome, Progress, follow
from .rows import Row
from .segmenters import AnySegmenter, Command, LoG, Otsu
from .study import Study
from .tables import write_objects, write_tables

STUDY = "study.json"
_ROWS = ".rows"


def run(
    study: Study,
    sources: Sequence[Source],
    folder: str | os.PathLike[str],
    *,
    executor: Executor | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Generator[Progress, None, Outcome]:
    """:func:`.follow` a study, and keep it in a folder.

    Parameters
    ----------
    study, sources, executor
        See :func:`.follow`.
    folder : path-like
        Made if it is missing.
    resume : bool, optional
        Keep the rows of an earlier run of the same study.
    overwrite : bool, optional
        Forget them.

    Raises
    ------
    FileExistsError
        If the folder holds a study, and neither is asked for; or another one, to resume.
    OSError, ValueError
        If the folder cannot be written to, or a segmenter cannot be loaded.
    """
    root = Path(folder)
    _begin(study, sources, root, resume, overwrite)
    known = rows_in(root)
    work = follow(study, sources, executor=executor, known=known)
    run_id, rows = uuid4().hex[:12], list(known)
    try:
        while True:
            progress = next(work)
            _write(root, progress.rows, run_id)
            rows += progress.rows
            yield progress
    except StopIteration as end:
        outcome: Outcome = end.value
        write_objects(study, sources, outcome.rows, root)
        return outcome
    finally:
        work.close()
        write_tables(study, rows_in(root), root)


def keep(
    study: Study,
    sources: Sequence[Source],
    rows: Sequence[Row],
    folder: str | os.PathLike[str],
) -> None:
    """Write rows that :func:`.follow` has given into a folder, as :func:`run` would have.

    Raises
    ------
    FileExistsError
        If the folder holds a study.
    OSError, ValueError
        If it cannot be written to, or a segmenter cannot be loaded.
    """
    root = Path(folder)
    _begin(study, sources, root, False, False)
    _write(root, rows, uuid4().hex[:12])
    write_objects(study, sources, rows, root)
    write_tables(study, rows_in(root), root)


def _begin(
    study: Study, sources: Sequence[Source], root: Path, resume: bool, overwrite: bool
) -> None:
    """Write what is run on what, if nothing else is there."""
    files.check_names(source.name for source in sources)
    mark = {
        "program": __version__,
        "study": json.loads(study.to_json()),
        "images": [_image(source, root) for source in sources],
        "segmenters": [identity(segmenter) for segmenter in study.segmenters],
    }
    before = _before(root)
    if before is not None and not (resume or overwrite):
        raise FileExistsError(
            f"{root} holds a study already. Go on with it (resume), replace it (overwrite), or "
            "choose another folder"
        )
    if before is not None and resume and not overwrite:
        _check_same(root, before, mark)
    if before is not None and overwrite:
        files.remove(root / _ROWS)
    with files.writing(root / STUDY, overwrite=True) as partial:
        partial.write_text(json.dumps(mark, indent=2) + "\n", encoding="utf-8")


def _write(root: Path, rows: Sequence[Row], run_id: str) -> None:
    for row in rows:
        with files.writing(_place(root, row), overwrite=True, run=run_id) as partial:
            partial.write_text(row.to_json(), encoding="utf-8")


def load(folder: str | os.PathLike[str]) -> tuple[Study, list[Row]]:
    """A study in a folder and its rows so far. No code that it names is run.

    Raises
    ------
    OSError, ValueError
        If there is none.
    """
    root = Path(folder)
    before = _before(root)
    if before is None:
        raise FileNotFoundError(f"{root} holds no study: there is no {STUDY} in it")
    return Study.from_json(json.dumps(before["study"])), rows_in(root)


def rows_in(folder: Path) -> list[Row]:
    """All rows in a folder that are whole."""
    rows = []
    for path in sorted((folder / _ROWS).glob("*.json")):
        if path.name.startswith("."):
            continue
        try:
            rows.append(Row.from_json(read_small(path, 1 << 30)))
        except (OSError, ValueError, LookupError, TypeError):
            continue  # it is scored again
    return rows


def identity(segmenter: AnySegmenter) -> dict[str, Any]:
    """What tells whether a segmenter is the same as another time.

    Raises
    ------
    ValueError
        If it is a function that cannot be loaded.
    """
    if isinstance(segmenter, Otsu | LoG):
        return {"name": segmenter.name}
    if isinstance(segmenter, Command):
        return {"name": segmenter.name, "sha256": _scripts(segmenter)}
    try:
        with borrowed(segmenter) as child:
            return {"name": segmenter.name, **child.identity}
    except ChildError as error:
        raise ValueError(str(error)) from None


def _scripts(command: Command) -> dict[str, str]:
    """Files that a command names, by what is in them."""
    from hashlib import sha256

    named = [Path(word) for word in command.line.split() if Path(word).is_file()]
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in named}


def _place(root: Path, row: Row) -> Path:
    dot = row.dot
    return root / _ROWS / f"{row.image}_{dot.curve}_{dot.level:03d}_{dot.draw:04d}.json"


def _image(source: Source, root: Path) -> dict[str, Any]:
    told: dict[str, Any] = {"name": source.name, "key": source.key}
    for role, one in (("path", source), ("labels", source.labels)):
        if one is not None and one.path is not None:
            told[role] = str(one.path.resolve())
    return told


def _before(root: Path) -> dict[str, Any] | None:
    try:
        before = json.loads(read_small(root / STUDY))
    except (OSError, ValueError):
        return None
    return before if isinstance(before, dict) and "study" in before else None


def _check_same(root: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    names = {
        "program": "the version of this program",
        "images": "the images",
        "segmenters": "the code of the segmenters",
    }
    other = [words for key, words in names.items() if before.get(key) != now[key]]
    old, new = before["study"], now["study"]
    other += [key for key in new if old.get(key) != new[key]]
    if other:
        raise FileExistsError(
            f"{root} holds another study: {', '.join(other)} differ. Choose another folder, or "
            "replace it (overwrite)"
        )
