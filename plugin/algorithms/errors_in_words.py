"""One guard for everything that QGIS calls: an error reaches the user as a message, never as a traceback."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import TypeVar

from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ..detailed_exception import internal_error, log_details
from ..runner import out_of_memory

T = TypeVar("T")


def errors_in_words(action: Callable[[], T], feedback: QgsProcessingFeedback) -> T:
    """Call a function and return its result; whatever it raises becomes an error with a message for the user.

    Parameters
    ----------
    action
        The function.
    feedback
        Receives what an engineer needs to find the cause.

    Raises
    ------
    QgsProcessingException
        Of exactly this class, because QGIS shows Python's traceback for a subclass.
    """
    try:
        return action()
    except QgsProcessingException as failure:
        message, details = str(failure), getattr(failure, "details", ())
    except MemoryError as failure:
        explained = out_of_memory(failure)
        message, details = str(explained), explained.details
    except Exception:
        message, details = internal_error(), traceback.format_exc().splitlines()
    log_details(details, feedback)
    # Raised outside the handler: QGIS keeps the exception alive, and with it every raster in its chained context.
    raise QgsProcessingException(message)


def checked_in_words(check: Callable[[], tuple[bool, str]]) -> tuple[bool, str]:
    """Call a check of parameters; whatever it raises becomes its message, with the details in QGIS's log of messages.

    Parameters
    ----------
    check
        Returns whether the parameters are accepted, and else why not.
    """
    try:
        return errors_in_words(check, QgsProcessingFeedback())
    except QgsProcessingException as error:
        return False, str(error)
