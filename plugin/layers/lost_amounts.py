"""Source strengths and grounds in cells without a node of the circuit, for the log."""

from __future__ import annotations

import numpy as np
from qgis.core import QgsProcessingFeedback

from ..i18n import tr
from .validation import format_cells


def warn_about_sources(
    strengths: np.ndarray, reachable: np.ndarray, name: str, feedback: QgsProcessingFeedback
) -> None:
    """Warn about source strengths in cells without a node, whose current is lost, if there are any.

    Parameters
    ----------
    strengths
        Source strength of each cell, 0 without a source, float64 (rows, columns).
    reachable
        Cells with a node of the circuit, bool (rows, columns).
    name
        Name of the raster or file.
    feedback
        Receives the warning.
    """
    lost = (strengths != 0) & ~reachable
    if lost.any():
        row, column = np.argwhere(lost)[0] + 1
        text = tr(
            "'{layer}': sources in {cells} lie on nodata or barriers of the landscape and inject no current, the first "
            "at row {row}, column {column}: {lost:.6g} of {total:.6g} A are lost."
        )
        feedback.pushWarning(
            text.format(
                layer=name,
                cells=format_cells(int(lost.sum())),
                row=row,
                column=column,
                lost=float(strengths[lost].sum()),
                total=float(strengths.sum()),
            )
        )


def warn_about_grounds(
    is_ground: np.ndarray, reachable: np.ndarray, name: str, feedback: QgsProcessingFeedback
) -> None:
    """Warn about grounds in cells without a node, if there are any.

    Parameters
    ----------
    is_ground, reachable
        Cells with a ground, and cells with a node of the circuit, bool (rows, columns).
    name
        Name of the raster or file.
    feedback
        Receives the warning.
    """
    lost = is_ground & ~reachable
    if lost.any():
        row, column = np.argwhere(lost)[0] + 1
        text = tr(
            "'{layer}': grounds in {cells} lie on nodata or barriers of the landscape and have no effect, the first at "
            "row {row}, column {column}."
        )
        feedback.pushWarning(text.format(layer=name, cells=format_cells(int(lost.sum())), row=row, column=column))
