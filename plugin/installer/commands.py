"""Commands that install the engine by hand, with the paths of this computer."""

from __future__ import annotations

import shlex
import sys

from ..i18n import tr
from .network import DEFAULT_INDEX
from .plan import Plan


def installation_commands(plan: Plan, system: str = sys.platform) -> str:
    """Return the commands for a terminal, and what to do afterwards.

    Parameters
    ----------
    plan
        What to install.
    system
        ``"linux"``, ``"darwin"`` or ``"win32"``.
    """
    windows = system == "win32"
    quote = _quote_for_powershell if windows else shlex.quote
    call = "& " if windows else ""
    environment = plan.folder / "venv"
    python = environment.joinpath("Scripts", "python.exe") if windows else environment.joinpath("bin", "python")
    source = f"--no-index --find-links {quote(plan.index)} " if plan.is_offline else ""
    if not plan.is_offline and plan.index != DEFAULT_INDEX:
        source = f"--index-url {quote(plan.index)} "
    install = f"-m pip install --require-hashes --only-binary :all: {source}-r {quote(str(plan.requirements))}"
    lines = [
        _COMMENTS.get(system, _COMMENTS["linux"])(),
        f"{'py -3' if windows else 'python3'} -m venv {quote(str(environment))}",
        f"{call}{quote(str(python))} {install}",
        "# " + tr("Then choose this Python in Plugins ▸ Permea ▸ Engine… ▸ Use an existing Python:"),
        f"# {python}",
    ]
    return "\n".join(lines) + "\n"


_COMMENTS = {
    "linux": lambda: "# " + tr("In a terminal; Debian and Ubuntu need the package python3-venv. Python 3.11 or newer."),
    "darwin": lambda: "# " + tr("In Terminal, with Python 3.11 or newer from python.org or Homebrew."),
    "win32": lambda: "# " + tr("In PowerShell, with Python 3.11 or newer from python.org."),
}


def _quote_for_powershell(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
