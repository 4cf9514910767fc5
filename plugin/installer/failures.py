"""Failures of an installation: the cause, which is the last line of a log, and what the user can do."""

from __future__ import annotations

import errno
import re
from collections.abc import Sequence

from ..detailed_exception import DetailedException
from ..i18n import tr
from ..system_errors import system_reason

# Lines in which uv gives an error and, below it, its causes.
CAUSE = re.compile(r"(?:error|cause|caused by):\s*(?P<text>\S.*)", re.IGNORECASE)

# Numbers of the operating system's errors.
DISK_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
NO_PERMISSION = {errno.EACCES, errno.EPERM, errno.EROFS}


class InstallationFailed(DetailedException):
    """The engine was not installed; the message gives the cause and what to do."""


def _disk_full_advice() -> str:
    return tr("The disk is full. Free some space and install again; what is downloaded is kept.")


def _permission_advice() -> str:
    return tr(
        "This folder cannot be written to. Check its permissions, or start QGIS with a profile in another folder."
    )


def _known_causes() -> tuple[tuple[str, str], ...]:
    """Return patterns of causes, and the advice for each."""
    return (
        (
            r"no space left|os error 28|os error 112|disk full|quota",
            _disk_full_advice(),
        ),
        (
            r"read-only file system|permission denied|not permitted|access is denied|os error (?:13|30|5)\b",
            _permission_advice(),
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
            r"proxy|\b407\b",
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
    causes = [match for match in map(CAUSE.match, stripped) if match]
    filled = [line for line in stripped if line]
    return causes[-1]["text"] if causes else (filled[-1] if filled else "")


def disk_failure(step: str, error: OSError) -> InstallationFailed:
    """Return the error of a step that failed on a file or folder.

    The operating system may give its reason in the user's language; the advice follows from the number of the error.

    Parameters
    ----------
    step
        What failed, as the beginning of a sentence.
    error
        The error of the operating system.
    """
    known = ""
    if error.errno in DISK_FULL:
        known = _disk_full_advice()
    elif error.errno in NO_PERMISSION:
        known = _permission_advice()
    return InstallationFailed(f"{step}: {system_reason(error)}. {known}".strip())


def failure(step: str, lines: Sequence[str], *, reason: str = "") -> InstallationFailed:
    """Return the error of a step that failed.

    Parameters
    ----------
    step
        What failed, as the beginning of a sentence: "The packages could not be installed".
    lines
        Log of the program that ran.
    reason
        The cause, where it is not in the log.
    """
    cause = reason or cause_of(lines) or tr("no reason was given")
    known = advice(" ".join([cause, *lines[-20:]]) if not reason else reason)
    text = f"{step}: {cause.rstrip('.')}. {known}".strip()
    return InstallationFailed(text, lines)
