"""Focal nodes of a Circuitscape project: their cells, the pairs to solve and their source strengths."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ..i18n import tr
from ..layers import CellMask, RasterGrid, RasterRows
from .ini import IniOptions
from .input_files import cells_at, input_blocks, is_raster
from .number_tables import read_number_table
from .pair_selection import excluded_pairs
from .pairs import Pairs, read_pairs, warn_about_unknown_ids
from .whole_numbers import WholeNumberValidator, as_integers


def read_focal_cells(
    options: IniOptions, grid: RasterGrid, folder: Path, feedback: QgsProcessingFeedback
) -> tuple[np.ndarray, np.ndarray]:
    """Read the ids and cells of the focal nodes, one row for each cell.

    Parameters
    ----------
    options
        Options of the `.ini` file.
    grid
        Grid of the habitat.
    folder
        Folder for temporary files.
    feedback
        Receives progress and warnings.

    Raises
    ------
    QgsProcessingException
        If there are fewer than two focal nodes, an id is not a whole number, a point lies outside the habitat, or the
        file cannot be read.
    """
    path = options.file("point_file")
    if is_raster(path):
        ids, cells, others = _ids_of_raster(path, grid, folder, feedback)
        _warn_about_other_ids(others, path.name, feedback)
    else:
        table = read_number_table(path, 3)
        _warn_about_other_ids(table[table[:, 0] <= 0, 0], path.name, feedback)
        table = table[table[:, 0] > 0]
        ids, cells = (
            as_integers(table[:, 0], np.ones(len(table), bool), path.name),
            cells_at(table[:, 1:], grid, path.name),
        )
    require_two_nodes(ids, path.name)
    return ids, cells.astype(np.int64)


def _ids_of_raster(
    path: Path, grid: RasterGrid, folder: Path, feedback: QgsProcessingFeedback
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the ids above 0 of a raster with their cells, and the ids below 0."""
    ids, cells, others = [np.empty(0, np.int64)], [np.empty((0, 2), np.int64)], [np.empty(0, np.int64)]
    with input_blocks(path, folder, feedback, grid) as (name, _, blocks):
        validator = WholeNumberValidator(name)
        for first, values, valid in blocks:
            numbers = validator.add(values, valid, first)
            where = np.argwhere(numbers > 0)
            ids.append(numbers[tuple(where.T)])
            cells.append(where + (first, 0))
            others.append(numbers[numbers < 0])
    validator.require_valid()
    return np.concatenate(ids), np.concatenate(cells), np.concatenate(others)


def _warn_about_other_ids(ids: np.ndarray, name: str, feedback: QgsProcessingFeedback) -> None:
    if ids.size:
        text = tr("'{name}': {count:# id is|# ids are} not above 0 and {count:is|are} left out; the first is {id:g}.")
        feedback.pushWarning(text.format(name=name, count=ids.size, id=ids[0]))


def select_focal_nodes(
    options: IniOptions, ids: np.ndarray, cells: np.ndarray, feedback: QgsProcessingFeedback
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Return ids and cells of the included focal nodes, and the excluded pairs as an input array of the engine.

    Raises
    ------
    QgsProcessingException
        If no pair remains, or the file of pairs is invalid.
    """
    if not options.flag("use_included_pairs"):
        return ids, cells, {}
    path = options.file("included_pairs_file")
    pairs: Pairs = read_pairs(path)
    warn_about_unknown_ids(pairs, np.unique(ids).tolist(), path.name, feedback)
    # In one-to-all and all-to-one mode, Circuitscape drops focal nodes that the file does not mention, even if the file
    # lists excluded pairs.
    if pairs.include or options.word("scenario") != "pairwise":
        included = np.isin(ids, sorted(pairs.mentioned))
        count_included, count = np.unique(ids[included]).size, np.unique(ids).size
        if count_included < 2:
            raise QgsProcessingException(
                tr(
                    "'{name}' lists {count_included} of the {count:# focal node|# focal nodes}; at least two are "
                    "needed."
                ).format(name=path.name, count_included=count_included, count=count)
            )
        if not pairs.include and count_included < count:
            feedback.pushWarning(
                tr(
                    "{count:# focal node|# focal nodes} that '{name}' does not list {count:is|are} left out: "
                    "Circuitscape does so in one-to-all and all-to-one mode, whether the file includes or excludes "
                    "pairs."
                ).format(name=path.name, count=count - count_included)
            )
        ids, cells = ids[included], cells[included]
    known = np.unique(ids)
    excluded = excluded_pairs(pairs, known)
    if len(excluded) == len(known) * (len(known) - 1) // 2:
        raise QgsProcessingException(
            tr("'{name}' leaves no pair of the {count:# focal node|# focal nodes}.").format(
                name=path.name, count=len(known)
            )
        )
    return ids, cells, {"excluded": excluded} if len(excluded) else {}


def warn_off_habitat(
    ids: np.ndarray, cells: np.ndarray, reachable: RasterRows, name: str, feedback: QgsProcessingFeedback
) -> None:
    """Warn about focal nodes outside the habitat.

    Parameters
    ----------
    ids, cells
        Ids and cells of the focal nodes, one row for each cell.
    reachable
        Cells of the circuit, bool (rows, columns).
    name
        Name of the file, for messages.
    feedback
        Receives the warning.

    Raises
    ------
    QgsProcessingException
        If every focal node lies outside the habitat.
    """
    lost = sorted(set(ids.tolist()) - set(ids[CellMask(reachable).at(cells)].tolist()))
    if not lost:
        return
    count = np.unique(ids).size
    if len(lost) == count:
        raise QgsProcessingException(
            tr("'{name}': none of the {count:# focal node|# focal nodes} lies on a passable habitat cell.").format(
                name=name, count=count
            )
        )
    feedback.pushWarning(
        tr(
            "'{name}': {outside:,} of {count:# focal node|# focal nodes} {outside:does|do} not lie on a passable "
            "habitat cell and are not connected to any other: {ids}."
        ).format(name=name, outside=len(lost), count=count, ids=_shortened(lost))
    )


def read_strengths(options: IniOptions, ids: np.ndarray, feedback: QgsProcessingFeedback) -> np.ndarray:
    """Read the variable source strengths, one row (id, amperes) for each focal node in the file.

    Raises
    ------
    QgsProcessingException
        If the file cannot be read, or an id is not a whole number.
    """
    path = options.file("variable_source_file")
    table = read_number_table(path, 2)
    listed = as_integers(table[:, 0], np.ones(len(table), bool), path.name)
    unknown = np.setdiff1d(listed, ids)
    if unknown.size:
        feedback.pushWarning(
            tr(
                "'{name}' has strengths for {count:# id|# ids} that {count:is|are} not among the focal nodes; the "
                "first is {id}."
            ).format(name=path.name, count=unknown.size, id=unknown[0])
        )
    strengths: dict[int, float] = {}
    repeated, nodes = set(), set(ids.tolist())
    for identity, strength in zip(listed.tolist(), table[:, 1].tolist()):
        if strengths.setdefault(identity, strength) != strength:
            repeated.add(identity)
    for text, several in (
        (
            tr(
                "'{name}' gives {count:# focal node|# focal nodes} several strengths, of which the first counts: {ids}."
            ),
            sorted(repeated & nodes),
        ),
        (
            tr("'{name}' has no strength for {count:# focal node|# focal nodes}, which {count:has|have} 1 A: {ids}."),
            np.setdiff1d(ids, listed).tolist(),
        ),
        (
            tr(
                "'{name}' gives {count:# focal node|# focal nodes} the strength 0: {ids}. No current is injected there."
            ),
            sorted(identity for identity, strength in strengths.items() if strength == 0 and identity in nodes),
        ),
    ):
        if several:
            feedback.pushWarning(text.format(name=path.name, count=len(several), ids=_shortened(several)))
    known = {identity: strength for identity, strength in strengths.items() if identity in nodes}
    return np.array(list(known.items()), float).reshape(-1, 2)


def _shortened(ids: list[int]) -> str:
    return ", ".join(map(str, ids[:9])) + ", …" * (len(ids) > 9)


def fully_excluded(ids: np.ndarray, excluded: dict[str, np.ndarray]) -> frozenset[int]:
    """Return the ids of focal nodes all of whose pairs are excluded."""
    pairs = excluded.get("excluded", np.empty((0, 2), np.int64))
    nodes, counts = np.unique(pairs, return_counts=True)
    return frozenset(nodes[counts == len(ids) - 1].tolist())


def require_two_nodes(ids: np.ndarray, name: str) -> None:
    """Raise an error if the file `name` holds fewer than two focal nodes."""
    count = np.unique(ids).size
    if count < 2:
        raise QgsProcessingException(
            tr("'{name}' has {nodes}; at least two are needed.").format(
                name=name, nodes=tr("only one focal node") if count else tr("no focal node")
            )
        )
