"""Error messages for the user: the reason for a failure, without the notes that libraries add for programmers.

An error inside compiled code is wrapped: XLA prints the traceback of the callback that raised it, and Equinox and JAX
add advice for programmers. The reason is the innermost error.
"""

import linecache
import re
import traceback
from enum import StrEnum
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..parallel import available_memory
from ..storage import format_bytes


class FailureKind(StrEnum):
    """Kinds of `error` messages."""

    INPUT = "input"
    MEMORY = "memory"
    #: The engine's message gives the reason; its log would add nothing.
    UNSOLVED = "unsolved"
    #: The disk, a package that is not installed, or a cluster; the text is complete.
    ENVIRONMENT = "environment"
    #: An error that should not be possible; the text is for engineers.
    INTERNAL = "internal"


class Failure(NamedTuple):
    """The reason why a job failed.

    Attributes
    ----------
    kind, text
        As in an `error` message.
    """

    kind: FailureKind
    text: str


#: Message in place of those of LAPACK and SuperLU.
SINGULAR = (
    "a linear system is singular to working precision: the values of the raster, or of the network, span too many "
    "orders of magnitude"
)

#: Texts by which allocators and XLA report a lack of memory.
_OUT_OF_MEMORY = re.compile(r"RESOURCE_EXHAUSTED|Out of memory|MemoryError|bad_alloc|Unable to allocate")

#: Texts by which NumPy and XLA report the size that they could not allocate.
_ALLOCATION = re.compile(r"Unable to allocate ([0-9.]+) (bytes|[KMGTPE]iB)|allocat(?:e|ing) ([0-9]+) bytes")
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")

#: Errors that the engine raises on purpose when a computation has no solution, by the names of their classes.
_UNSOLVED = {
    "SolveError",
    "SingularMatrixError",
    "_EquinoxRuntimeError",
    "EquinoxRuntimeError",
    "EquinoxTracetimeError",
}

#: The last line of a traceback: the class of the error, perhaps with its module, and its text.
_ERROR_LINE = re.compile(r"^\s*(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*(?:Error|Exception|Warning))(?::\s*(.*))?$")

#: The line of a traceback that names a file.
_FRAME = re.compile(r'^\s*File "(.+)", line (\d+)')

_PACKAGE = Path(__file__).parents[1]

#: Beginning of the horizontal rules around the notes of JAX and Equinox.
_RULE = "-" * 20
#: Lines of the notes that JAX and Equinox add to an error for programmers.
_NOTES = re.compile(
    r"An error occurred during the runtime of your JAX program|For simplicity, JAX has removed its internal frames"
    r"|JAX_TRACEBACK_FILTERING|EQX_ON_ERROR|equinox\.filter_jit|The stack trace below excludes JAX-internal frames"
    r"|The preceding is the original exception that occurred|Above is the stack outside of JIT"
)


def describe_failure(error: BaseException) -> Failure:
    """Return the kind of a failure and the reason for it, worded for the user.

    Examples
    --------
    >>> describe_failure(ValueError("theta must be positive"))
    Failure(kind=<FailureKind.INPUT: 'input'>, text='theta must be positive')
    """
    if isinstance(error, MemoryError):
        text = f"too little memory: {error}" if _is_deliberate(error) else _out_of_memory(str(error))
        return Failure(FailureKind.MEMORY, text)
    if isinstance(error, np.linalg.LinAlgError):
        return Failure(FailureKind.UNSOLVED, SINGULAR)
    if isinstance(error, ValueError):
        kind = FailureKind.INPUT if _is_deliberate(error, if_unknown=True) else FailureKind.INTERNAL
        return Failure(kind, without_notes(str(error)))
    if isinstance(error, OSError) and (text := _environment_text(error)):
        return Failure(FailureKind.ENVIRONMENT, text)
    name, text = _innermost(error)
    if name == "LinAlgError" or "Factor is exactly singular" in text:
        return Failure(FailureKind.UNSOLVED, SINGULAR)
    if _OUT_OF_MEMORY.search(str(error)):
        return Failure(FailureKind.MEMORY, _out_of_memory(str(error)))
    if name == "ValueError":
        return Failure(FailureKind.INPUT if _is_raised_in_text(str(error)) else FailureKind.INTERNAL, text)
    if name in _UNSOLVED:
        return Failure(FailureKind.UNSOLVED, text or name)
    if isinstance(error, (RuntimeError, ImportError)) and _is_deliberate(error):
        return Failure(FailureKind.ENVIRONMENT, str(error))
    return Failure(FailureKind.INTERNAL, text or name)


def traceback_text(error: BaseException) -> str:
    """Return the traceback of an error for the log, without the notes of libraries."""
    return without_notes("".join(traceback.format_exception(error)))


def without_notes(text: str) -> str:
    r"""Remove the notes of JAX and Equinox about tracebacks, and the rules around them.

    Examples
    --------
    >>> without_notes("singular\n\n--------------------\nPlease wrap your program with `equinox.filter_jit`.\n")
    'singular'
    """
    lines = [line for line in text.splitlines() if not _NOTES.search(line) and not line.strip().startswith(_RULE)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _innermost(error: BaseException) -> tuple[str, str]:
    """Return class and text of the error that was raised first: the last one that a traceback in the text shows."""
    lines = without_notes(str(error)).splitlines()
    matches = [(number, match) for number, line in enumerate(lines) if (match := _ERROR_LINE.match(line))]
    if not matches:
        return type(error).__name__, next((line.strip() for line in reversed(lines) if line.strip()), "")
    number, match = matches[-1]
    # A text of several lines ends at an empty line, or where XLA lists the callers.
    following = list(takewhile(lambda line: line.strip() not in ("", "At:"), lines[number + 1 :]))
    return match[1], "\n".join([match[2] or "", *following]).strip()


def _is_deliberate(error: BaseException, *, if_unknown: bool = False) -> bool:
    """Return whether the engine itself raised an error, and not a library: its text is then meant for the user."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return if_unknown
    # Without sources, as for an error from a worker of a cluster, the line is empty.
    return _PACKAGE.name in Path(frames[-1].filename).parts and (frames[-1].line or "raise").startswith("raise")


def _is_raised_in_text(text: str) -> bool:
    """Return the same for the last error in the text of a traceback without lines of code; True if there is none."""
    frames = [match for line in text.splitlines() if (match := _FRAME.match(line))]
    if not frames:
        return True
    file, number = frames[-1].groups()
    line = linecache.getline(file, int(number)).strip()
    return _PACKAGE.name in Path(file).parts and (line or "raise").startswith("raise")


def _environment_text(error: OSError) -> str:
    """Return what is wrong with the disk or the cluster; empty if it is not known."""
    if isinstance(error, (ConnectionError, TimeoutError)) or type(error).__module__.startswith("distributed"):
        return "The connection to the cluster was lost. Check that its scheduler can be reached, and run it again."
    # NumPy reports a short write without an error number.
    reason = error.strerror or ("the disk is full" if "requested and" in str(error) else "")
    if reason and _is_deliberate(error):
        return reason
    if isinstance(error, FileNotFoundError):
        return f"A file of the run is missing: {error.filename}. Was it deleted during the run?"
    file = f" ({error.filename})" if error.filename else ""
    return f"The result could not be written: {reason}{file}. Is the disk full, or is there a quota?" if reason else ""


def _out_of_memory(cause: str) -> str:
    size = ""
    if match := _ALLOCATION.search(cause):
        nbytes = float(match[3]) if match[3] else float(match[1]) * 1024 ** _UNITS.index(match[2])
        size = f": {format_bytes(nbytes)} more were needed"
    return f"the memory ran out{size}; {format_bytes(available_memory())} are free"
