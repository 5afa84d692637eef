"""One recipe, many samples, to disk: whole files only, resumable, by any number of workers."""

from .engine import engine
from .job import Job, Source, Unit, size_of, sources_of
from .replay import Replay, replay
from .run import Report, run

__all__ = [
    "Job",
    "Replay",
    "Report",
    "Source",
    "Unit",
    "engine",
    "replay",
    "run",
    "size_of",
    "sources_of",
]
