"""What the Export dialog says of what will be made, and of what was."""

from __future__ import annotations

from ...batch import Job, Report

_NAMED = 3  # samples that failed
_NOTES = 2


def planned(job: Job, size: int) -> str:
    """What a job will make, of ``size`` bytes in all."""
    return f"{len(job)} samples, {_bytes(size)} on disk before compression. {job.how.description}"


def finished(report: Report) -> str:
    """What a run has made."""
    kept = f" {len(report.kept)} were there already." if report.kept else ""
    gone = f" {len(report.removed)} older files of them were removed." if report.removed else ""
    failed = "".join(f" {name} failed: {why}." for name, why in report.failed[:_NAMED])
    others = len(report.failed) - _NAMED
    more = f" {others} more failed." if others > 0 else ""
    notes = "".join(f" Note: {note}." for note in report.notes[:_NOTES])
    return f"{len(report.made)} samples made.{kept}{gone}{failed}{more}{notes}"


def _bytes(n: int) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if n >= size:
            return f"{n / size:.1f} {unit}"
    return f"{n / 1e3:.1f} kB"
