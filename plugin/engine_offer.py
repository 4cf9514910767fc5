"""Algorithms that are opened without an engine: QGIS shows a window that can install one, if it has windows."""

from __future__ import annotations

from collections.abc import Callable

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QThread

from .engine_environment import engine_python
from .engine_errors import EngineNotFound

_offer: Callable[[], None] | None = None


def set_engine_offer(offer: Callable[[], None] | None) -> None:
    """Set how to offer the user an engine; None where there are no windows, as in `qgis_process`.

    Parameters
    ----------
    offer
        Opens a window and returns when it is closed.
    """
    global _offer
    _offer = offer


def can_offer_engine() -> bool:
    """Return whether a window can be opened now: not in a thread of a task."""
    application = QgsApplication.instance()
    return _offer is not None and application is not None and QThread.currentThread() == application.thread()


def offer_missing_engine() -> None:
    """Offer the user an engine if there is none, or one that does not exist any more, and a window can be opened."""
    try:
        engine_python()
    except EngineNotFound:
        if can_offer_engine():
            _offer()
