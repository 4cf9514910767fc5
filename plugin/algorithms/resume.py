"""Checkpoint folders, from which a cancelled or failed run is resumed."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFile,
)

from ..i18n import tr
from ..layers import created_folder, holds_results
from ..runner import InvalidInput
from .parameter_types import with_help
from .parameter_values import ParameterValues
from .row_progress import with_progress
from .row_sequences import computed_rows
from .tables import Table, write_table

# The engine pauses when this many partial results have not been written yet.
MAX_PENDING_RESULTS = 4

# Arrays cached by the engine: large, and useless once the results are written.
CACHED_ARRAYS = "cached-*.npy"

# Fraction of the computing time that may be spent on writing partial tables.
MAX_OVERHEAD_FRACTION = 0.1


def checkpoint_parameter(text: str) -> QgsProcessingParameterDefinition:
    """Return the checkpoint folder; advanced.

    Parameters
    ----------
    text
        Help about what is saved there.
    """
    folder = QgsProcessingParameterFile(
        "CHECKPOINT", tr("Checkpoint folder"), QgsProcessingParameterFile.Behavior.Folder, optional=True
    )
    note = tr(
        "If the run is cancelled or the computer fails, run it again with the same folder to resume it. A run with "
        "different rasters or parameters is rejected. Nothing is saved if no folder is chosen."
    )
    return with_help(folder, f"{text} {note}", advanced=True)


def checkpoint_folder(inputs: ParameterValues) -> str:
    """Return the checkpoint folder as an absolute path, because the engine's working directory differs from QGIS's.

    Returns
    -------
    str
        Empty if no folder is chosen.

    Raises
    ------
    QgsProcessingException
        The path is a file.
    """
    path = inputs.text("CHECKPOINT")
    if not path:
        return ""
    folder = os.path.abspath(os.path.expanduser(path))
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise QgsProcessingException(tr("'{folder}' is a file: choose a checkpoint folder.").format(folder=folder))
    return folder


@contextmanager
def resumable(folder: str | Path, feedback: QgsProcessingFeedback) -> Iterator[None]:
    """Create the folder with the partial results of a run, and log how to resume one that ends early.

    A run that ends before there are partial results leaves no folder behind.

    Parameters
    ----------
    folder
        Folder for the partial results; empty if there is none.
    feedback
        Receives the message, unless the input was rejected.

    Raises
    ------
    QgsProcessingException
        The folder cannot be created.
    """
    if not folder:
        yield
        return
    try:
        with created_folder(Path(folder)):
            yield
    except QgsProcessingException as error:
        if not isinstance(error, InvalidInput) and Path(folder).is_dir() and holds_results(Path(folder)):
            text = tr("Partial results are saved in '{folder}': run again with that folder to resume.")
            feedback.pushInfo(text.format(folder=folder))
        raise


def log_checkpoint_done(folder: str, feedback: QgsProcessingFeedback) -> None:
    """Log that the checkpoint folder, if there is one, may be deleted."""
    if folder:
        feedback.pushInfo(tr("The checkpoint folder '{folder}' is no longer needed.").format(folder=folder))


def delete_cached_arrays(folder: Path) -> None:
    """Delete the arrays that the engine has cached in a folder, and leave all other files."""
    for path in folder.glob(CACHED_ARRAYS):
        path.unlink(missing_ok=True)


class PartialTable:
    """A table of the results so far, rewritten as results arrive.

    Parameters
    ----------
    path
        A CSV file.
    make_table
        Makes the table from arrays of the engine; a row whose last cell is NaN is not computed yet, or excluded.
    crs, context
        CRS of the landscape, and context of the run.
    feedback
        Receives the progress of writing the final table, and can cancel it.
    """

    def __init__(
        self,
        path: Path,
        make_table: Callable[[dict[str, np.ndarray]], Table],
        crs: QgsCoordinateReferenceSystem,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> None:
        self._path, self._make_table, self._crs, self._context = path, make_table, crs, context
        self._feedback = feedback
        self._last_write, self._write_seconds = -math.inf, 0.0

    def update(self, arrays: dict[str, np.ndarray], *, final: bool = False) -> None:
        """Write the table, unless the last write was so recent that writing would slow down the run.

        Parameters
        ----------
        arrays
            Arrays of the engine.
        final
            Whether these are the final results, which are always written.

        Raises
        ------
        QgsProcessingException
            The file cannot be written.
        """
        now = time.monotonic()
        if not final and now - self._last_write < self._write_seconds / MAX_OVERHEAD_FRACTION:
            return
        table, feedback = self._make_table(arrays), self._feedback if final else QgsProcessingFeedback(False)
        step = tr("Counting the rows of '{name}'").format(name=self._path.name)
        rows = computed_rows(table.rows, lambda rows: with_progress(rows, len(rows), step, feedback, 0, 0))
        write_table(replace(table, rows=rows, lines=None), self._path, self._crs, self._context, feedback)
        self._last_write = time.monotonic()
        self._write_seconds = self._last_write - now
