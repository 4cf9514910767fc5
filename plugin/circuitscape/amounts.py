"""Source strengths and grounds of a project in advanced mode."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ..i18n import tr
from ..layers import (
    ComputedRaster,
    RasterGrid,
    RasterRows,
    save_rows,
    sparse_blocks,
    warn_about_grounds,
    warn_about_sources,
    write_rows,
)
from ..npy_file import NpyFile, row_blocks
from .ini import IniOptions
from .input_files import cells_at, is_raster, read_input_raster
from .number_tables import read_number_table
from .whole_numbers import ValueCounter, describe_first


def read_sources_and_grounds(
    options: IniOptions, grid: RasterGrid, reachable: RasterRows, folder: Path, feedback: QgsProcessingFeedback
) -> dict[str, NpyFile]:
    """Write the current of each source to `sources.npy` and the conductance of each ground to `grounds.npy`.

    Parameters
    ----------
    options
        Options of the `.ini` file.
    grid
        Grid of the habitat.
    reachable
        Cells of the circuit, bool (rows, columns).
    folder
        Output folder.
    feedback
        Receives progress, and warnings about what lies outside the circuit.

    Raises
    ------
    QgsProcessingException
        If a file cannot be read, no source or no ground lies in the circuit, or a ground is negative.
    """
    sources = _read_amounts(options, "source_file", grid, folder, feedback, add=True)
    grounds = _read_amounts(options, "ground_file", grid, folder, feedback, add=False)
    names = options.file("source_file").name, options.file("ground_file").name
    resistances = options.flag("ground_file_is_resistances")
    strengths = ComputedRaster(np.nan_to_num, sources, dtype=np.float64)
    is_source = ComputedRaster(lambda values: np.nan_to_num(values) != 0, sources, dtype=bool)
    is_ground = ComputedRaster(lambda values: ~np.isnan(values) & (resistances | (values != 0)), grounds, dtype=bool)
    _require_reachable(is_source, reachable, names[0])
    _require_reachable(is_ground, reachable, names[1])
    warn_about_sources(strengths, reachable, names[0], feedback)
    warn_about_grounds(is_ground, reachable, names[1], feedback)
    negative = ValueCounter()
    for rows in row_blocks(grounds.shape):
        block = grounds[rows]
        negative.add_values(block < 0, block, rows.start)
    if negative.count:
        raise _negative_grounds(names[1], negative.described())
    conductances = ComputedRaster(lambda values: _conductances(values, resistances), grounds, dtype=np.float64)
    arrays = {
        "sources": save_rows(strengths, folder / "sources.npy"),
        "grounds": save_rows(conductances, folder / "grounds.npy"),
    }
    sources.path.unlink()
    grounds.path.unlink()
    return arrays


def ground_conductances(options: IniOptions, grounds: np.ndarray) -> np.ndarray:
    """Return the conductance of the ground of each node of a network, 0 without one.

    Parameters
    ----------
    options
        Options of the `.ini` file.
    grounds
        Resistance or conductance of each ground; NaN without one.

    Raises
    ------
    QgsProcessingException
        If a ground is negative.
    """
    if (grounds < 0).any():
        raise _negative_grounds(options.file("ground_file").name, describe_first(grounds < 0, grounds))
    return _conductances(grounds, options.flag("ground_file_is_resistances"))


def _conductances(grounds: np.ndarray, resistances: bool) -> np.ndarray:
    with np.errstate(divide="ignore"):
        conductances = 1 / grounds if resistances else grounds
    return np.where(np.isnan(grounds), 0.0, conductances)


def _negative_grounds(name: str, first: dict) -> QgsProcessingException:
    text = tr(
        "'{name}': {count:# ground is|# grounds are} negative; the first is {value:g} ({position}). They must be 0 or "
        "more."
    )
    return QgsProcessingException(text.format(name=name, **first))


def _require_reachable(cells: RasterRows, reachable: RasterRows, name: str) -> None:
    count = reached = 0
    for rows in row_blocks(cells.shape):
        block = cells[rows]
        count, reached = count + int(block.sum()), reached + int((block & reachable[rows]).sum())
    if not reached:
        raise QgsProcessingException(
            tr("'{name}' has no value on a passable habitat cell ({count:,} lie elsewhere).").format(
                name=name, count=count
            )
        )


def _read_amounts(
    options: IniOptions, name: str, grid: RasterGrid, folder: Path, feedback: QgsProcessingFeedback, *, add: bool
) -> NpyFile:
    """Copy the source strengths or grounds of all cells from a raster or a table (value, x, y); NaN without one."""
    path, target = options.file(name), folder / f"{name}.npy"
    if is_raster(path):
        return read_input_raster(path, target, feedback, grid, exact=True).values
    table = read_number_table(path, 3)
    amounts: dict[tuple[int, int], float] = {}
    for (row, column), value in zip(cells_at(table[:, 1:], grid, path.name).tolist(), table[:, 0].tolist()):
        amounts[row, column] = amounts.get((row, column), 0.0) + value if add else value
    if not add and len(amounts) < len(table):
        text = tr("'{name}' lists several grounds in the same cell; the last one counts, as in Circuitscape.")
        feedback.pushWarning(text.format(name=path.name))
    shape = (grid.rows, grid.columns)
    cells = np.array([row * grid.columns + column for row, column in amounts], np.int64)
    order, values = np.argsort(cells), np.array(list(amounts.values()), float)
    return write_rows(sparse_blocks(cells[order], values[order], shape, np.nan), target, shape, np.float64)
