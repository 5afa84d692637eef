"""One recipe, many samples, to disk: whole files only, resumable, by any number of workers."""

from .engine import engine
from .inputs import Inputs, Reading, look_at, sources_of
from .job import Job, Unit, size_of
from .preview import preview
from .replay import Replay, replay
from .run import Report, export, run
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
