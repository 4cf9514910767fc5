"""The habitat of a project: the conductance of its cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ..i18n import tr
from ..layers import CellCounter, ComputedRaster, RasterGrid, RasterRows, save_rows
from ..npy_file import NpyFile, row_blocks
from .ini import IniOptions, alternatives
from .input_files import InputRaster, read_input_raster
from .number_tables import read_number_table
from .whole_numbers import ValueCounter


def read_habitat(
    options: IniOptions, folder: Path, feedback: QgsProcessingFeedback
) -> tuple[RasterGrid, NpyFile, NpyFile]:
    """Write the conductance of the cells of the habitat to `landscape.npy`, and its passable cells to `valid.npy`.

    Parameters
    ----------
    options
        Options of the `.ini` file.
    folder
        Output folder.
    feedback
        Receives progress and warnings.

    Returns
    -------
    grid
        Grid of the habitat.
    conductance
        float64 (rows, columns); 0 for barriers and nodata.
    passable
        bool (rows, columns).

    Raises
    ------
    QgsProcessingException
        If a file cannot be read or is invalid, a resistance is zero, or no cell is passable.
    """
    habitat = read_input_raster(options.file("habitat_file"), folder / "habitat.npy", feedback)
    values: RasterRows = habitat.values
    if options.flag("use_reclass_table"):
        path = options.file("reclass_file")
        values = _reclassified(habitat, read_number_table(path, 2), path.name, feedback)
    resistances = options.flag("habitat_map_is_resistances")
    _require_habitat(values, habitat.name, resistances, feedback)
    rasters = [values]
    if options.flag("use_mask"):
        mask = read_input_raster(options.file("mask_file"), folder / "mask.npy", feedback, habitat.grid)
        rasters.append(mask.values)

    def conductances(values: np.ndarray, *masks: np.ndarray) -> np.ndarray:
        conductance, passable = np.zeros(values.shape), np.nan_to_num(values) > 0
        conductance[passable] = 1 / values[passable] if resistances else values[passable]
        for mask in masks:
            conductance[~(np.nan_to_num(mask) > 0)] = 0.0
        return conductance

    conductance = save_rows(ComputedRaster(conductances, *rasters, dtype=np.float64), folder / "landscape.npy")
    passable = save_rows(ComputedRaster(lambda each: each > 0, conductance, dtype=bool), folder / "valid.npy")
    if options.flag("use_mask"):
        if not any(conductance[rows].any() for rows in row_blocks(conductance.shape)):
            raise QgsProcessingException(
                tr("The mask '{mask}' leaves no cell of '{name}'.").format(mask=mask.name, name=habitat.name)
            )
        mask.values.path.unlink()
    habitat.values.path.unlink()
    return habitat.grid, conductance, passable


def _require_habitat(values: RasterRows, name: str, resistances: bool, feedback: QgsProcessingFeedback) -> None:
    """Raise an error if a resistance is zero or no cell is passable; warn about negative values."""
    zero, negative, is_passable = CellCounter(), ValueCounter(), False
    for rows in row_blocks(values.shape):
        block = values[rows]
        zero.add(block == 0, rows.start)
        negative.add_values(block < 0, block, rows.start)
        is_passable = is_passable or bool((np.nan_to_num(block) > 0).any())
    if resistances and zero.count:
        raise QgsProcessingException(
            tr(
                "'{name}': resistance is zero in {count:# cell|# cells}, the first at row {row}, column {column}. "
                "Movement would be free there: use short-circuit regions for such cells or, if the values are "
                "conductances, set habitat_map_is_resistances = False."
            ).format(name=name, count=zero.count, row=zero.row, column=zero.column)
        )
    if not is_passable:
        raise QgsProcessingException(tr("'{name}' has no passable cell.").format(name=name))
    if negative.count:
        feedback.pushWarning(
            tr(
                "'{name}': {count:# value is|# values are} negative and become barriers; the first is {value:g} "
                "({position})."
            ).format(name=name, **negative.described())
        )


def _reclassified(raster: InputRaster, table: np.ndarray, name: str, feedback: QgsProcessingFeedback) -> ComputedRaster:
    """Reclassify a raster by a table of old and new values; values not in the table are unchanged."""
    old, new = np.unique(table, axis=0).T
    twice = np.flatnonzero(old[1:] == old[:-1])
    if twice.size:
        text = tr(
            "'{name}' gives {count:# value|# values} several new ones; the first is {old:g}, which becomes {new}."
        )
        first = alternatives(tuple(f"{value:g}" for value in new[old == old[twice[0]]]))
        raise QgsProcessingException(text.format(name=name, count=twice.size, old=old[twice[0]], new=first))
    occurs = np.zeros(old.size, bool)
    for rows in row_blocks(raster.values.shape):
        occurs |= np.isin(old, raster.values[rows])
    absent = old[~occurs]
    if absent.size:
        text = tr(
            "'{name}' reclassifies {all:# value|# values}, of which {count:# does|# do} not occur; the first is "
            "{first:g}."
        )
        log = feedback.pushWarning if absent.size == old.size else feedback.pushInfo
        log(text.format(name=name, count=absent.size, all=old.size, first=absent[0]))

    def new_values(values: np.ndarray) -> np.ndarray:
        index = np.clip(np.searchsorted(old, values), 0, len(old) - 1)
        return np.where(old[index] == values, new[index], values)

    return ComputedRaster(new_values, raster.values, dtype=np.float64)
