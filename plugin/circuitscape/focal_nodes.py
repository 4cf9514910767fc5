"""Focal nodes of a project: where they are, which take part, and how much each injects."""

from __future__ import annotations

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ..i18n import tr
from ..layers import RasterGrid
from .ini import IniOptions
from .input_files import cells_at, is_raster, numbers_of, raster_of, whole
from .pairs import Pairs, pairs_of


def focal_of(options: IniOptions, grid: RasterGrid, feedback: QgsProcessingFeedback) -> tuple[np.ndarray, np.ndarray]:
    """Return ids and cells of the focal nodes, a row for each cell.

    Raises
    ------
    QgsProcessingException
        Fewer than two, ids that are no whole numbers, or places outside the habitat; or the file cannot be read.
    """
    path = options.file("point_file")
    if is_raster(path):
        raster = raster_of(path, feedback, grid)
        values = whole(raster.values, raster.valid, raster.name)
        cells = np.argwhere(values > 0)
        ids = values[tuple(cells.T)]
    else:
        table = numbers_of(path, 3)
        table = table[table[:, 0] > 0]
        ids, cells = whole(table[:, 0], np.ones(len(table), bool), path.name), cells_at(table[:, 1:], grid, path.name)
    require_two_nodes(ids, path.name)
    return ids, cells.astype(np.int64)


def selected(
    options: IniOptions, ids: np.ndarray, cells: np.ndarray, feedback: QgsProcessingFeedback
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Return ids and cells of the focal nodes that take part, and the pairs that do not, as an input for the engine.

    Raises
    ------
    QgsProcessingException
        No pair is left; or the file of pairs makes no sense.
    """
    if not options.flag("use_included_pairs"):
        return ids, cells, {}
    path = options.file("included_pairs_file")
    pairs: Pairs = pairs_of(path)
    # Between one and all others, Circuitscape takes none that the file does not mention, be it to exclude them.
    if pairs.include or options.word("scenario") != "pairwise":
        taken = np.isin(ids, sorted(pairs.mentioned))
        found, count = np.unique(ids[taken]).size, np.unique(ids).size
        if found < 2:
            raise QgsProcessingException(
                tr(
                    "'{name}' mentions {found} of the {count:,} focal nodes, and current flows between two or more."
                ).format(name=path.name, found=found, count=count)
            )
        if not pairs.include and found < count:
            feedback.pushWarning(
                tr(
                    "{count:,} focal nodes that '{name}' does not mention take no part: one-to-all and all-to-one mode "
                    "of Circuitscape leave them out, whether pairs are included or excluded."
                ).format(name=path.name, count=count - found)
            )
        ids, cells = ids[taken], cells[taken]
    known = np.unique(ids).tolist()
    excluded = [
        (one, other)
        for place, one in enumerate(known)
        for other in known[place + 1 :]
        if ((one, other) in pairs.listed) != pairs.include
    ]
    if len(excluded) == len(known) * (len(known) - 1) // 2:
        raise QgsProcessingException(
            tr("'{name}' leaves no pair of the {count:,} focal nodes that take part.").format(
                name=path.name, count=len(known)
            )
        )
    return ids, cells, {"excluded": np.array(excluded, np.int64).reshape(-1, 2)} if excluded else {}


def warn_off_habitat(
    ids: np.ndarray, cells: np.ndarray, reachable: np.ndarray, name: str, feedback: QgsProcessingFeedback
) -> None:
    """Tell of focal nodes that are not on the habitat.

    Parameters
    ----------
    ids, cells
        Of the focal nodes, a row for each cell.
    reachable
        Cells that are part of the circuit, bool (rows, columns).
    name
        Of the file, for messages.
    feedback
        Hears of them.

    Raises
    ------
    QgsProcessingException
        None is.
    """
    lost = sorted(set(ids.tolist()) - set(ids[reachable[tuple(cells.T)]].tolist()))
    if not lost:
        return
    count = np.unique(ids).size
    if len(lost) == count:
        raise QgsProcessingException(
            tr("'{name}': all {count:,} focal nodes lie where the habitat has no cell that can be crossed.").format(
                name=name, count=count
            )
        )
    feedback.pushWarning(
        tr(
            "'{name}': {lost:,} of {count:,} focal nodes lie where the habitat has no cell that can be crossed, and "
            "are connected with nothing: {ids}."
        ).format(name=name, lost=len(lost), count=count, ids=", ".join(map(str, lost[:9])) + ", …" * (len(lost) > 9))
    )


def strengths_of(options: IniOptions, ids: np.ndarray, feedback: QgsProcessingFeedback) -> np.ndarray:
    """Return a row (id, ampere) for every focal node with a strength of its own.

    Raises
    ------
    QgsProcessingException
        The file cannot be read, or an id is no whole number.
    """
    path = options.file("variable_source_file")
    table = numbers_of(path, 2)
    listed = whole(table[:, 0], np.ones(len(table), bool), path.name)
    unknown = np.setdiff1d(listed, ids)
    if unknown.size:
        feedback.pushWarning(
            tr(
                "'{name}' has strengths for {count:,} ids that are of no focal node that takes part, the first is {id}."
            ).format(name=path.name, count=unknown.size, id=unknown[0])
        )
    # The first of several strengths of one focal node counts.
    table = table[np.sort(np.unique(listed, return_index=True)[1])]
    return table[np.isin(table[:, 0], ids)]


def fully_excluded(ids: np.ndarray, excluded: dict[str, np.ndarray]) -> frozenset[int]:
    """Return the ids of which every pair is excluded."""
    pairs = excluded.get("excluded", np.empty((0, 2), np.int64))
    others, counts = np.unique(pairs, return_counts=True)
    return frozenset(others[counts == len(ids) - 1].tolist())


def require_two_nodes(ids: np.ndarray, name: str) -> None:
    """Raise if there are not two focal nodes in a file of a name.

    Raises
    ------
    QgsProcessingException
        Says how many there are.
    """
    found = np.unique(ids).size
    if found < 2:
        raise QgsProcessingException(
            tr("'{name}' gives {found}, and current flows between two or more.").format(
                name=name, found=tr("one focal node") if found else tr("no focal node")
            )
        )
