"""Invalid cells of a raster: where the first one is, how many there are, and what to do about them."""

from __future__ import annotations

import numpy as np
from qgis.core import QgsProcessingException

from ...i18n import tr

# Powers and products of values in this range, of their reciprocals and of lengths are numbers in double precision.
SMALLEST, LARGEST = 1e-50, 1e50


class CellCounter:
    """Count, and position of the first, of some cells of a raster that is read in blocks.

    Attributes
    ----------
    count
        Number of cells counted until now.
    row, column
        Position of the first one, counted from 1; 0 while there is none.
    """

    def __init__(self) -> None:
        self.count = self.row = self.column = 0

    def add(self, cells: np.ndarray, first_row: int = 0) -> None:
        """Count the cells, bool (rows, columns), of a block of rows that begins at row `first_row` of the raster."""
        count = int(np.count_nonzero(cells))
        if count and not self.count:
            row, column = np.unravel_index(int(np.argmax(cells)), cells.shape)
            self.row, self.column = first_row + int(row) + 1, int(column) + 1
        self.count += count


class InvalidCells:
    """Count and first position of the invalid cells of a raster.

    Parameters
    ----------
    what
        What is wrong with the cells.
    advice
        What the user can do about it.
    show_value
        Whether the message shows the value of the first invalid cell.
    """

    def __init__(self, what: str, advice: str, show_value: bool = True) -> None:
        self._what, self._advice, self._show_value = what, advice, show_value
        self._cells, self._value = CellCounter(), 0.0

    @property
    def count(self) -> int:
        """Number of invalid cells counted until now."""
        return self._cells.count

    def add(self, invalid: np.ndarray, values: np.ndarray, first_row: int = 0) -> None:
        """Count the invalid cells of a block of rows.

        Parameters
        ----------
        invalid
            bool (rows, columns): which cells are invalid.
        values
            Values of all cells of the block.
        first_row
            Row of the raster at which the block begins.
        """
        was_valid = not self.count
        self._cells.add(invalid, first_row)
        if was_valid and self.count:
            self._value = float(values[self._cells.row - first_row - 1, self._cells.column - 1])

    def raise_if_any(self, name: str) -> None:
        """Raise an error if any invalid cell was counted.

        Parameters
        ----------
        name
            Name of the layer.

        Raises
        ------
        QgsProcessingException
            Says how many cells are invalid, where the first one is, and what to do.
        """
        if not self.count:
            return
        position = (
            tr("the first at row {row}, column {column}") if self.count > 1 else tr("at row {row}, column {column}")
        )
        where = position.format(row=self._cells.row, column=self._cells.column)
        if self._show_value:
            where += f" ({exact(self._value)})"
        raise QgsProcessingException(
            tr("'{layer}': {what} in {cells}, {where}. {advice}").format(
                layer=name, what=self._what, cells=format_cells(self.count), where=where, advice=self._advice
            )
        )


class FiniteValidator:
    """Checks, block by block, that the valid cells of a raster are finite.

    Parameters
    ----------
    name
        Name of the layer.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._nan = InvalidCells(
            tr("the value is NaN (not a number) but not marked as nodata"),
            tr("Run Translate (convert format) with the additional parameter '-a_nodata nan' and use the result."),
            show_value=False,
        )
        self._infinite = InvalidCells(
            tr("the value is infinite"),
            tr("Use nodata for barriers. If the raster calculator made this raster, look for a division by zero."),
        )

    def add(self, values: np.ndarray, valid: np.ndarray, first_row: int = 0) -> None:
        """Check a block of rows that begins at row `first_row` of the raster."""
        self._nan.add(np.isnan(values) & valid, values, first_row)
        self._infinite.add(np.isinf(values) & valid, values, first_row)

    def require_no_nan(self) -> None:
        """Raise an error if a valid cell is NaN, which should have been declared as nodata."""
        self._nan.raise_if_any(self._name)

    def require_valid(self) -> None:
        """Raise an error if a valid cell is NaN or infinite."""
        self._nan.raise_if_any(self._name)
        self._infinite.raise_if_any(self._name)


class ComputableValidator:
    """Checks, block by block, that the valid cells of a raster are numbers that sums and products can be computed with.

    Parameters
    ----------
    name
        Name of the layer.
    what
        What the raster holds.
    smallest
        Smallest positive value; 0 for no limit.
    """

    def __init__(self, name: str, what: str, smallest: float = 0.0) -> None:
        self._name, self._smallest = name, smallest
        limits = (
            tr("{what} is not between {smallest:g} and {largest:g}") if smallest else tr("{what} is above {largest:g}")
        )
        self._extreme = InvalidCells(
            limits.format(what=what, smallest=smallest, largest=LARGEST),
            tr("Such numbers leave the range of the computation.")
            + " "
            + declare_nodata_advice()
            + " "
            + tr("Otherwise use another unit: multiply the raster by a constant."),
        )

    def add(self, values: np.ndarray, valid: np.ndarray, first_row: int = 0) -> None:
        """Check a block of rows that begins at row `first_row` of the raster."""
        magnitudes = np.abs(values)
        extreme = (magnitudes > LARGEST) & np.isfinite(values)
        if self._smallest:
            extreme |= (magnitudes > 0) & (magnitudes < self._smallest)
        self._extreme.add(extreme & valid, values, first_row)

    def require_valid(self) -> None:
        """Raise an error if a valid cell is too large, or too small."""
        self._extreme.raise_if_any(self._name)


def declare_nodata_advice() -> str:
    """Return what to do with values that mark missing data without being declared as nodata."""
    return tr(
        "If this value marks missing data, declare it as nodata (Layer properties ▸ Transparency ▸ Additional no data "
        "value)."
    )


def exact(value: float) -> str:
    """Format a number with all digits that are needed to type it back.

    Examples
    --------
    >>> exact(-9999.0), exact(0.1), exact(float(np.finfo(np.float32).min))
    ('-9999', '0.1', '-3.4028234663852886e+38')
    """
    value = float(value)
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def format_cells(count: int) -> str:
    """Format a number of cells: "1 cell", "12 cells"."""
    return tr("{count:# cell|# cells}").format(count=count)
