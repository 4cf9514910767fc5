"""Arguments of commands that a user copies into a terminal."""

from __future__ import annotations

import shlex
import sys

# Characters that separate arguments, or have a meaning of their own, in the command prompt of Windows.
WINDOWS_SPECIAL = " &|<>^()"


def quoted(argument: str, system: str = sys.platform) -> str:
    """Quote an argument for the shell of a system: `sh`, or the command prompt of Windows.

    Parameters
    ----------
    argument
        The argument.
    system
        As `sys.platform`.

    Examples
    --------
    >>> quoted("R&D", "win32"), quoted("R&D", "linux"), quoted("plain", "linux")
    ('"R&D"', "'R&D'", 'plain')
    """
    if system != "win32":
        return shlex.quote(argument)
    return f'"{argument}"' if not argument or any(letter in argument for letter in WINDOWS_SPECIAL) else argument
