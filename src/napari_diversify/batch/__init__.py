"""One recipe, many samples, to disk: whole files only, resumable, by any number of workers."""

from .dry_run import preview
from .engines import engine
from .inputs import Inputs, Reading, look_at, sources_of
from .job import Job, Unit, size_of
from .replaying import Replay, replay
from .running import Report, export, run
from .script import as_command, as_python
from .source import Source

__all__ = [
    "Inputs",
    "Job",
    "Reading",
    "Replay",
    "Report",
    "Source",
    "Unit",
    "as_command",
    "as_python",
    "engine",
    "export",
    "look_at",
    "preview",
    "replay",
    "run",
    "size_of",
    "sources_of",
]
