"""A folder in which a run keeps what is finished, so that another run goes on where it ended."""

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
from ..runner import InvalidInput
from .parameter_values import ParameterValues
from .parameters import with_help
from .tables import Table, write_table

#: Files of what the engine has worked out; large, and of no use once the results are there.
WORKED_OUT = "cached-*.npy"

#: Of the time of a run, the part that may be spent on tables of what is known so far.
SHARE = 0.1


def checkpoint_parameter(title: str, text: str) -> QgsProcessingParameterDefinition:
    """Return where an earlier run can be continued from; advanced.

    Parameters
    ----------
    title
        What the user reads.
    text
        What is kept there.
    """
    folder = QgsProcessingParameterFile("CHECKPOINT", title, QgsProcessingParameterFile.Behavior.Folder, optional=True)
    return with_help(
        folder,
        text
        + " "
        + tr(
            "If the run is cancelled or the computer fails, run it again with the same folder: it goes on where it "
            "was. It refuses if the rasters or the choices have changed. Nothing is kept if no folder is chosen."
        ),
        advanced=True,
    )


def checkpoint_folder(inputs: ParameterValues) -> str:
    """Return the folder of an unfinished run, empty for none; the engine works in another folder than QGIS.

    Raises
    ------
    QgsProcessingException
        It is a file.
    """
    given = inputs.text("CHECKPOINT")
    if not given:
        return ""
    folder = os.path.abspath(os.path.expanduser(given))
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise QgsProcessingException(
            tr("'{folder}' is a file: choose a folder for what is finished.").format(folder=folder)
        )
    return folder


@contextmanager
def resume_hint(folder: str | Path, feedback: QgsProcessingFeedback) -> Iterator[None]:
    """Say how to go on if the run ends early, unless it was refused.

    Parameters
    ----------
    folder
        Where its finished parts are; empty for none.
    feedback
        Hears it.
    """
    try:
        yield
    except QgsProcessingException as error:
        if folder and not isinstance(error, InvalidInput):
            text = tr("What is finished is kept in '{folder}': run it again with that folder to go on there.")
            feedback.pushInfo(text.format(folder=folder))
        raise


def log_checkpoint_done(folder: str, feedback: QgsProcessingFeedback) -> None:
    """Say that a folder has served, if there was one."""
    if folder:
        feedback.pushInfo(tr("What was kept in '{folder}' is no longer needed.").format(folder=folder))


def delete_cached_arrays(folder: Path) -> None:
    """Delete what the engine has worked out, which takes room, and leave all else."""
    for path in folder.glob(WORKED_OUT):
        path.unlink(missing_ok=True)


class PartialTable:
    """A table in a folder that holds what is known so far, written anew as more is known.

    Parameters
    ----------
    path
        Of a CSV file.
    table_of
        Makes the table of arrays; a row whose last cell is NaN is not known yet, or not asked for.
    crs, context
        Of the run.
    """

    def __init__(
        self,
        path: Path,
        table_of: Callable[[dict[str, np.ndarray]], Table],
        crs: QgsCoordinateReferenceSystem,
        context: QgsProcessingContext,
    ) -> None:
        self._path, self._table_of, self._crs, self._context = path, table_of, crs, context
        self._wrote, self._cost = -math.inf, 0.0

    def take(self, arrays: dict[str, np.ndarray], *, whole: bool = False) -> None:
        """Write the table, unless that was just done and would take more time than the run itself.

        Parameters
        ----------
        arrays
            As the engine gives them.
        whole
            Whether this is all; then it is written in any case.

        Raises
        ------
        QgsProcessingException
            It cannot be written.
        """
        began = time.monotonic()
        if not whole and began - self._wrote < self._cost / SHARE:
            return
        table = self._table_of(arrays)
        known = [row for row in table.rows if not math.isnan(row[-1])]
        write_table(replace(table, rows=known, lines=None), self._path, self._crs, self._context)
        self._wrote = time.monotonic()
        self._cost = self._wrote - began
