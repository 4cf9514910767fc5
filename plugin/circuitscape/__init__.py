"""Circuitscape projects: the `.ini` file, its input files and its result files.

`IniOptions` parses the `.ini`, `read_project` reads the files it names and makes a task for the engine, and
`ResultWriter` writes the results in Circuitscape's formats. `log_ignored` reports options without an effect.
`read_pairs` reads a file of included or excluded pairs. `omniscape_parameters` reads an `.ini` file of Omniscape.
"""

from .ignored_options import log_ignored
from .ini import IniOptions
from .omniscape import is_omniscape, omniscape_outputs, omniscape_parameters
from .pair_selection import excluded_pairs
from .pairs import Pairs, read_pairs, warn_about_unknown_ids
from .project import Project, read_project
from .result_files import ResultWriter

__all__ = [
    "IniOptions",
    "Pairs",
    "Project",
    "ResultWriter",
    "excluded_pairs",
    "is_omniscape",
    "log_ignored",
    "omniscape_outputs",
    "omniscape_parameters",
    "read_pairs",
    "read_project",
    "warn_about_unknown_ids",
]
