"""Circuitscape projects: the `.ini` file, its input files and its result files.

`IniOptions` parses the `.ini`, `read_project` reads the files it names and makes a task for the engine, and
`ResultWriter` writes the results in Circuitscape's formats. `read_pairs` reads a file of included or excluded pairs.
"""

from .ini import IniOptions
from .pairs import Pairs, read_pairs
from .project import Project, read_project
from .result_files import ResultWriter

__all__ = [
    "IniOptions",
    "Pairs",
    "Project",
    "ResultWriter",
    "read_pairs",
    "read_project",
]
