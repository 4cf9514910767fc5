"""Circuitscape's projects: an `.ini` and the files that it names, run by the engine, written as Circuitscape writes.

`IniOptions` is the `.ini`, `read_project` makes a task of it and of its files, `ResultWriter` writes what comes back;
`pairs_of` reads its files of pairs.
"""

from .ini import IniOptions
from .pairs import Pairs, pairs_of
from .project import Project, read_project
from .result_files import ResultWriter

__all__ = [
    "IniOptions",
    "Pairs",
    "Project",
    "ResultWriter",
    "pairs_of",
    "read_project",
]
