"""What to tell the user when a job fails: the reason alone, without the notes that libraries add for programmers.

An error inside compiled code arrives wrapped: XLA prints the traceback of the callback that raised it, Equinox and JAX
add advice for programmers. The reason is the innermost error.
"""

import re
import traceback
from enum import StrEnum
from itertools import takewhile
from typing import NamedTuple

import numpy as np

from ..parallel import available_memory
from ..storage import format_bytes


class FailureKind(StrEnum):
    """Kinds of `error` messages."""

    INPUT = "input"
    MEMORY = "memory"
    #: The engine says why there is no solution; its log would add nothing.
    UNSOLVED = "unsolved"
    INTERNAL = "internal"


class Failure(NamedTuple):
    """Why a job failed.

    Attributes
    ----------
    kind, text
        As in an `error` message.
    """

    kind: FailureKind
    text: str


#: In place of what LAPACK and SuperLU say.
SINGULAR = (
    "a linear system is singular to working precision: the values of the raster, or of the network, span too many "
    "orders of magnitude"
)

#: What allocators and XLA call a lack of memory.
_OUT_OF_MEMORY = re.compile(r"RESOURCE_EXHAUSTED|Out of memory|MemoryError|bad_alloc|Unable to allocate")

#: Errors that the engine raises on purpose when a computation has no solution, under the names that they arrive with.
_UNSOLVED = {
    "SolveError",
    "SingularMatrixError",
    "_EquinoxRuntimeError",
    "EquinoxRuntimeError",
    "EquinoxTracetimeError",
}

#: The last line of a traceback: the class of the error, perhaps with its module, and its text.
_ERROR_LINE = re.compile(r"^\s*(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*(?:Error|Exception|Warning))(?::\s*(.*))?$")

#: What JAX and Equinox write around an error for programmers, from a line that begins one of their notes.
_RULE = "-" * 20
_NOTES = re.compile(
    r"An error occurred during the runtime of your JAX program|For simplicity, JAX has removed its internal frames"
    r"|JAX_TRACEBACK_FILTERING|EQX_ON_ERROR|equinox\.filter_jit|The stack trace below excludes JAX-internal frames"
    r"|The preceding is the original exception that occurred|Above is the stack outside of JIT"
)


def describe_failure(error: BaseException) -> Failure:
    """Return why a job failed, in words for the user.

    Examples
    --------
    >>> describe_failure(ValueError("theta must be positive"))
    Failure(kind=<FailureKind.INPUT: 'input'>, text='theta must be positive')
    """
    if isinstance(error, MemoryError):
        return _out_of_memory(str(error))
    if isinstance(error, np.linalg.LinAlgError):
        return Failure(FailureKind.UNSOLVED, SINGULAR)
    if isinstance(error, ValueError):
        return Failure(FailureKind.INPUT, without_notes(str(error)))
    if isinstance(error, OSError):
        text = f"The result could not be written: {error}. Is the disk full, or its use limited?"
        return Failure(FailureKind.INTERNAL, text)
    name, text = _innermost(error)
    if name == "LinAlgError" or "Factor is exactly singular" in text:
        return Failure(FailureKind.UNSOLVED, SINGULAR)
    if _OUT_OF_MEMORY.search(str(error)):
        return _out_of_memory(text)
    if name == "ValueError":
        return Failure(FailureKind.INPUT, text)
    return Failure(FailureKind.UNSOLVED if name in _UNSOLVED else FailureKind.INTERNAL, text or name)


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


def _out_of_memory(cause: str) -> Failure:
    last = next((line.strip() for line in reversed(cause.splitlines()) if line.strip()), "MemoryError")
    return Failure(FailureKind.MEMORY, f"the memory ran out ({last}); {format_bytes(available_memory())} are free")
