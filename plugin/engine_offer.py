"""Algorithms that are opened without an engine: QGIS shows a window that can install one, if it has windows."""

from __future__ import annotations

from collections.abc import Callable

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QThread

from .engine_environment import engine_python
from .engine_errors import EngineNotFound

_offer: Callable[[bool], None] | None = None


def set_engine_offer(offer: Callable[[bool], None] | None) -> None:
    """Set how to offer the user an engine; None where there are no windows, as in `qgis_process`.

    Parameters
    ----------
    offer
        Opens a window and returns when it is closed; receives whether a run goes on once an engine is installed.
    """
    global _offer
    _offer = offer


def can_offer_engine() -> bool:
    """Return whether a window can be opened now: not in a thread of a task."""
    application = QgsApplication.instance()
    return _offer is not None and application is not None and QThread.currentThread() == application.thread()


def offer_missing_engine(*, for_run: bool = False) -> bool:
    """Offer the user an engine if there is none, or one that does not exist any more, and a window can be opened.

    Parameters
    ----------
    for_run
        Whether a run goes on once an engine is installed.

    Returns
    -------
    bool
        Whether there is an engine now.
    """
    if _has_engine():
        return True
    if can_offer_engine():
        _offer(for_run)
    return _has_engine()


def _has_engine() -> bool:
    try:
        engine_python()
    except EngineNotFound:
        return False
    return True
