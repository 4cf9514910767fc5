"""Failures of an installation: the last line of their cause, and what the user can do."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..detailed_exception import DetailedException
from ..i18n import tr

# Lines in which uv gives an error and, below it, its causes.
CAUSE = re.compile(r"(?:error|cause|caused by):\s*(?P<text>\S.*)", re.IGNORECASE)


class InstallationFailed(DetailedException):
    """The engine was not installed; the message gives the cause and what to do."""


def _known_causes() -> tuple[tuple[str, str], ...]:
    """Return patterns of causes, and the advice for each."""
    return (
        (
            r"no space left|os error 28|os error 112|disk full|quota",
            tr("The disk is full. Free some space and install again; what is downloaded is kept."),
        ),
        (
            r"read-only file system|permission denied|not permitted|access is denied|os error (?:13|30|5)\b",
            tr("This folder cannot be written to. Check its permissions, or start QGIS with a profile that can be."),
        ),
        (
            r"certificate|unknownissuer|tls|ssl",
            tr(
                "The connection is not trusted. Where a proxy inspects connections, import its certificate in QGIS: "
                "Settings ▸ Options ▸ Authentication ▸ Manage Certificates ▸ Authorities."
            ),
        ),
        (
            r"hash mismatch|hashes? (?:do|does) not match|checksum",
            tr(
                "A downloaded file is not the one that was locked. It is discarded. Install again; if this persists, a "
                "proxy or the package index alters files: ask its administrator."
            ),
        ),
        (
            r"proxy|407",
            tr("The proxy refuses the connection. Check Settings ▸ Options ▸ Network in QGIS."),
        ),
        (
            r"timed? ?out|timeout",
            tr("The connection is too slow. Install again: what is downloaded is kept."),
        ),
        (
            r"dns|resolve|lookup|unreachable|connection refused|connect error|could not connect|host .*not found"
            r"|offline|network|connection (?:closed|reset)|failed to fetch",
            tr(
                "There is no connection to the package index. Check the network and, in QGIS, Settings ▸ Options ▸ "
                "Network; or install from a folder of downloaded packages (see the user guide)."
            ),
        ),
        (
            r"no interpreter found|inspect python interpreter|does not satisfy|python version|requires-python"
            r"|no download found",
            tr("Install Python 3.11 or newer, or choose “Use an existing Python…”."),
        ),
        (
            r"no wheels? with a matching|no matching distribution"
            r"|not found in the (?:package registry|provided package)|no solution found|unsatisfiable",
            tr(
                "A package has no version for this computer, or the folder of downloaded packages lacks it. Choose "
                "“Use an existing Python…” for an environment of your own."
            ),
        ),
    )


def advice(cause: str) -> str:
    """Return what to do about a cause; empty if it is not known."""
    lowered = cause.lower()
    return next((text for pattern, text in _known_causes() if re.search(pattern, lowered)), "")


def cause_of(lines: Sequence[str]) -> str:
    """Return the last line of the cause in the log of a program.

    Examples
    --------
    >>> cause_of(["error: Failed to fetch: https://x", "  cause: client error (Connect)", "  cause: dns error"])
    'dns error'
    """
    stripped = [line.strip(" │╰─▶├×") for line in lines]
    found = [match for match in map(CAUSE.match, stripped) if match]
    filled = [line for line in stripped if line]
    return found[-1]["text"] if found else (filled[-1] if filled else "")


def failure(step: str, lines: Sequence[str], *, reason: str = "") -> InstallationFailed:
    """Return the error of a step that failed.

    Parameters
    ----------
    step
        What failed, as the beginning of a sentence: "Python packages could not be installed".
    lines
        Log of the program that ran.
    reason
        The cause, where it is not in the log.
    """
    cause = reason or cause_of(lines) or tr("no reason was given")
    known = advice(" ".join([cause, *lines[-20:]]) if not reason else reason)
    text = f"{step}: {cause.rstrip('.')}. {known}".strip()
    return InstallationFailed(text, lines)
