"""The actions of the tutorial, read from its text: what it says in bold is what a user reads in QGIS's window."""

import re
from dataclasses import dataclass
from pathlib import Path

# One pattern for each kind of line. Nothing else may stand in a list of the tutorial.
PATTERNS = {
    "choose": r"Choose \*\*(?P<target>[^*]+)\*\*\.",
    "open": r"Open \*\*(?P<target>[^*]+)\*\*\.",
    "press": r"Press \*\*(?P<target>[^*]+)\*\*\.",
    "wait": r"Wait until \*\*(?P<target>[^*]+)\*\* appears\.",
    "set": r"Set \*\*(?P<target>[^*]+)\*\* to (\*\*(?P<value>[^*]+)\*\*|`(?P<file>[^`]+)`)\.",
}


@dataclass(frozen=True)
class Action:
    """An action of the user.

    Parameters
    ----------
    step
        Number of the step, from 1.
    kind
        ``"choose"``, ``"open"``, ``"press"``, ``"wait"`` or ``"set"``.
    target
        The menu entry, button, text or parameter.
    value
        What to set, empty for the other kinds.
    """

    step: int
    kind: str
    target: str
    value: str = ""

    @property
    def path(self):
        """The parts of a menu entry or of an entry in the toolbox."""
        return self.target.split(" ▸ ")


def actions(text):
    """Return the actions of a tutorial.

    Raises
    ------
    ValueError
        If a line of a list is none of the known actions.
    """
    found, step = [], 0
    for line in text.splitlines():
        if heading := re.match(r"## (\d+)\. ", line):
            step = int(heading[1])
        elif line.startswith("- "):
            found.append(_action(step, line[2:].strip()))
    return found


def _action(step, line):
    for kind, pattern in PATTERNS.items():
        if match := re.fullmatch(pattern, line):
            groups = match.groupdict()
            return Action(step, kind, groups["target"], groups.get("value") or groups.get("file") or "")
    raise ValueError(f"step {step}: “{line}” is no action that a test can follow")


def read(path):
    """Return the actions of the tutorial in a file."""
    return actions(Path(path).read_text(encoding="utf-8"))
