"""What a run would do, as far as is known without making or writing anything."""

from __future__ import annotations

import itertools
from contextlib import ExitStack

from .. import files
from ..sentences import reason
from .claims import check_claims
from .job import Job
from .labels import labels_of
from .looking import Plan
from .make import notes_on, targets_of
from .notes import Noted
from .running import Report, is_done, plan_of, report_of
from .settle import check_recipe, space_of


def preview(job: Job, *, resume: bool = False, overwrite: bool = False) -> Report:
    """What :func:`run` would do with a job, as far as is known without making anything.

    Returns
    -------
    Report
        ``made`` are the samples that would be made.

    Raises
    ------
    FileExistsError
        As :func:`run` would.
    """
    plan = plan_of(job, resume, overwrite)
    if not is_done(job, plan):
        check_claims(job)
    return _expected(job, plan)


def _expected(job: Job, plan: Plan) -> Report:
    """The result of the job if everything that can be opened can also be made."""
    made: list[str] = []
    failed: dict[str, str] = {}
    noted: list[Noted] = []
    recipe = job.sampling.recipe
    for source, items in itertools.groupby(plan.todo, lambda item: item[0].source):
        todo = list(items)
        try:
            with ExitStack() as stack:
                header, _ = stack.enter_context(source.open())
                files.check_dtype(header.dtype, job.format.name)
                check_recipe(header, recipe, in_voxels=source.in_voxels)
                labels = labels_of(job, source, header, stack)
                _, spacing = space_of(header, recipe, in_voxels=source.in_voxels)
                notes = tuple(notes_on(source, header, labels))
                noted.append(Noted(source.name, notes, spacing))
        except (OSError, ValueError, TypeError) as error:
            failed |= {unit.name: reason(error) for unit, _ in todo}
            continue
        for unit, replace in todo:
            try:
                for path in () if replace else targets_of(job, unit, header):
                    if plan.listing.exists(path):
                        files.check_free(path)
                made.append(unit.name)
            except FileExistsError as error:
                failed[unit.name] = reason(error)
    return report_of(job, plan, made, failed, noted=noted)
