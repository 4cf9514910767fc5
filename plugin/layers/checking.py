"""Refuse, in plain language, a raster that would give a wrong map."""

from __future__ import annotations

import numpy as np
from qgis.core import QgsProcessingException

from ..translation import tr
from .frame import Raster

VALUES = ("permeability", "resistance")


def check_landscape(raster: Raster, values: str) -> None:
    """Refuse a raster that cannot be a landscape.

    Parameters
    ----------
    raster
        What `read_raster` returned.
    values
        ``"permeability"`` or ``"resistance"``: what the raster holds.

    Raises
    ------
    QgsProcessingException
        Negative, infinite or NaN values among the valid cells, zero resistance, or no valid cell at all; the message
        counts the cells and says where the first one is (row and column counted from 1). Zero permeability is
        fine: a barrier.
    """
    if values not in VALUES:
        raise QgsProcessingException(
            tr("The values of a landscape are 'permeability' or 'resistance', not '{given}'.").format(given=values)
        )
    quantity = tr("permeability") if values == "permeability" else tr("resistance")
    if not raster.valid.any():
        raise QgsProcessingException(
            tr("'{layer}' is empty: every cell is nodata. Check its nodata value and its extent.").format(
                layer=raster.name
            )
        )
    refuse_nan(raster)
    refuse_infinite(raster)
    _refuse_where(
        raster,
        raster.values < 0,
        tr("{quantity} is negative").format(quantity=quantity),
        tr(
            "If this value marks missing data, declare it as nodata (Layer properties ▸ Transparency ▸"
            " Additional no data value)."
        ),
    )
    if values == "resistance":
        _refuse_where(
            raster,
            raster.values == 0,
            tr("resistance is zero"),
            tr(
                "Movement would be free there, and distances meaningless. Use a small positive resistance,"
                " or nodata for a barrier."
            ),
        )
    elif not (raster.values[raster.valid] > 0).any():
        raise QgsProcessingException(
            tr(
                "'{layer}': permeability is zero in every cell, so nothing can move. Is it the right raster and band?"
            ).format(layer=raster.name)
        )


def refuse_nan(raster: Raster) -> None:
    """Raise where valid cells hold NaN: no number, and not declared as nodata either."""
    _refuse_where(
        raster,
        np.isnan(raster.values),
        tr("the value is NaN (not a number) but not marked as nodata"),
        tr("Run Translate (convert format) with the additional parameter '-a_nodata nan', and use the result."),
        show_value=False,
    )


def refuse_infinite(raster: Raster) -> None:
    """Raise where valid cells hold an infinite value."""
    _refuse_where(
        raster,
        np.isinf(raster.values),
        tr("the value is infinite"),
        tr("Use nodata for a barrier, and the raster calculator to find where a division by zero made it."),
    )


def cells_in_words(count: int) -> str:
    """The number of cells as text: "1 cell", "12 cells"."""
    return tr("1 cell") if count == 1 else tr("{count} cells").format(count=count)


def _refuse_where(raster: Raster, wrong: np.ndarray, what: str, advice: str, show_value: bool = True) -> None:
    wrong = wrong & raster.valid
    count = int(np.count_nonzero(wrong))
    if not count:
        return
    row, column = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    where = tr("{the} at row {row}, column {column}").format(
        the=tr("the first") if count > 1 else tr("the one"), row=row + 1, column=column + 1
    )
    if show_value:
        where += f" ({raster.values[row, column]:g})"
    raise QgsProcessingException(
        tr("'{layer}': {what} in {cells}, {where}. {advice}").format(
            layer=raster.name, what=what, cells=cells_in_words(count), where=where, advice=advice
        )
    )
