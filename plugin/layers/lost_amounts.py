"""Source strengths and grounds in cells without a node of the circuit, for the log."""

from __future__ import annotations

from qgis.core import QgsProcessingFeedback

from ..i18n import tr
from ..npy_file import CELLS_PER_BLOCK, row_blocks
from .computed_raster import RasterRows
from .validation import CellCounter, format_cells


def warn_about_sources(
    strengths: RasterRows,
    reachable: RasterRows,
    name: str,
    feedback: QgsProcessingFeedback,
    *,
    cells_per_block: int = CELLS_PER_BLOCK,
) -> None:
    """Warn about source strengths in cells without a node, whose current is lost, if there are any.

    Parameters
    ----------
    strengths
        Source strength of each cell, 0 without a source, float64 (rows, columns), in memory or on disk.
    reachable
        Cells with a node of the circuit, bool (rows, columns).
    name
        Name of the raster or file.
    feedback
        Receives the warning.
    cells_per_block
        The most cells read at a time, of at least one row.
    """
    counter, current, total = CellCounter(), 0.0, 0.0
    for rows in row_blocks(strengths.shape, cells_per_block):
        block = strengths[rows]
        lost = (block != 0) & ~reachable[rows]
        counter.add(lost, rows.start)
        current, total = current + float(block[lost].sum()), total + float(block.sum())
    if counter.count:
        text = tr(
            "'{layer}': sources in {cells} lie on nodata or barriers of the landscape and inject no current, the first "
            "at row {row}, column {column}: {lost:.6g} of {total:.6g} A are lost."
        )
        feedback.pushWarning(
            text.format(
                layer=name,
                cells=format_cells(counter.count),
                row=counter.row,
                column=counter.column,
                lost=current,
                total=total,
            )
        )


def warn_about_grounds(
    is_ground: RasterRows,
    reachable: RasterRows,
    name: str,
    feedback: QgsProcessingFeedback,
    *,
    cells_per_block: int = CELLS_PER_BLOCK,
) -> None:
    """Warn about grounds in cells without a node, if there are any.

    Parameters
    ----------
    is_ground, reachable
        Cells with a ground, and cells with a node of the circuit, bool (rows, columns), in memory or on disk.
    name
        Name of the raster or file.
    feedback
        Receives the warning.
    cells_per_block
        The most cells read at a time, of at least one row.
    """
    counter = CellCounter()
    for rows in row_blocks(is_ground.shape, cells_per_block):
        counter.add(is_ground[rows] & ~reachable[rows], rows.start)
    if counter.count:
        text = tr(
            "'{layer}': grounds in {cells} lie on nodata or barriers of the landscape and have no effect, the first at "
            "row {row}, column {column}."
        )
        feedback.pushWarning(
            text.format(layer=name, cells=format_cells(counter.count), row=counter.row, column=counter.column)
        )
