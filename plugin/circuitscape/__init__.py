"""Circuitscape's projects: an `.ini` and the files that it names, run by the engine, written as Circuitscape writes.

`Options` is the `.ini`, `read_project` makes a task of it and of its files, `ResultFolder` writes what comes back;
`pairs_of` reads its files of pairs.
"""

from .options import Options
from .pairs import Pairs, pairs_of
from .project import Project, read_project
from .results import ResultFolder

__all__ = ["Options", "Pairs", "Project", "ResultFolder", "pairs_of", "read_project"]
