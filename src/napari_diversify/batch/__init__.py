"""One recipe, many samples, to disk: whole files only, resumable, by any number of workers."""

from .engine import engine
from .job import Job, Source, Unit, size_of, sources_of
from .preview import preview
from .replay import Replay, replay
from .run import Report, export, run
from .script import as_command, as_python

__all__ = [
    "Job",
    "Replay",
    "Report",
    "Source",
    "Unit",
    "as_command",
    "as_python",
    "engine",
    "export",
    "preview",
    "replay",
    "run",
    "size_of",
    "sources_of",
]
