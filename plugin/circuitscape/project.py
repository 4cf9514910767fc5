"""Translation of a Circuitscape project into a task of the engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ..i18n import tr
from ..layers import RasterGrid, circuit_cells, warn_about_grounds, warn_about_sources
from ..runner import Task
from .focal_nodes import (
    fully_excluded,
    read_focal_cells,
    read_strengths,
    require_two_nodes,
    select_focal_nodes,
    warn_off_habitat,
)
from .ini import IniOptions, alternatives
from .input_files import as_integers, cells_at, describe_first, is_raster, read_input_raster
from .number_tables import read_number_table

MODES = {"pairwise": "pairwise", "one-to-all": "one_to_all", "all-to-one": "all_to_one"}

# The engine computes with conductances up to this number, and down to its inverse.
LARGEST_VALUE = 1e100

# Circuitscape measures distances in cells, whatever the cell size.
CELL = [1.0, 1.0]


@dataclass(frozen=True, eq=False)
class Project:
    """A project whose input files have been read.

    Parameters
    ----------
    options
        Options of the `.ini` file.
    task
        Task for the engine.
    grid
        Grid of the habitat; None for a network.
    mask
        Passable cells of the habitat, bool (rows, columns); None for a network.
    nodes
        Ids of the nodes of a network, ascending; the task and its results number them from 0. None for a raster.
    ids
        Ids of the focal nodes; empty in advanced mode.
    excluded_nodes
        Focal nodes all of whose pairs are excluded in one-to-all and all-to-one mode; they have no maps.
    """

    options: IniOptions
    task: Task
    grid: RasterGrid | None = None
    mask: np.ndarray | None = None
    nodes: np.ndarray | None = None
    ids: tuple[int, ...] = ()
    excluded_nodes: frozenset[int] = frozenset()

    @property
    def runs(self) -> list[str]:
        """Names of the runs: one for each pair or for each focal node; none in advanced mode."""
        if self.options.word("scenario") != "pairwise":
            return [str(identity) for identity in self.ids]
        return [f"{first}_{second}" for index, first in enumerate(self.ids) for second in self.ids[index + 1 :]]


def read_project(options: IniOptions, feedback: QgsProcessingFeedback) -> Project:
    """Read the input files of a project.

    Parameters
    ----------
    options
        Options of the `.ini` file.
    feedback
        Receives warnings, such as of resampled rasters.

    Raises
    ------
    QgsProcessingException
        If a file is missing, cannot be read or is invalid.
    """
    if options.word("data_type") == "network":
        return _network(options, feedback)
    grid, conductance = _habitat(options, feedback)
    mask = conductance > 0
    arrays: dict[str, np.ndarray] = {"landscape": conductance, "valid": mask}
    if options.flag("use_polygons"):
        polygons = read_input_raster(options.file("polygon_file"), feedback, grid)
        arrays["short_circuits"] = as_integers(polygons.values, polygons.valid, polygons.name)
        _warn_about_regions(arrays["short_circuits"], polygons.name, feedback)
    parameters: dict[str, Any] = {
        "values": "permeability",
        "neighbors": "rook" if options.flag("connect_four_neighbors_only") else "queen",
        "edge_rule": "resistance" if options.flag("connect_using_avg_resistances") else "mean",
        "pixel_size": CELL,
    }
    scenario = options.word("scenario")
    if scenario == "advanced":
        sources = _amounts(options, "source_file", grid, feedback, add=True)
        grounds = _amounts(options, "ground_file", grid, feedback, add=False)
        resistances = options.flag("ground_file_is_resistances")
        is_ground = ~np.isnan(grounds) & (resistances | (grounds != 0))
        reachable = _reachable(arrays)
        _require_reachable(np.nan_to_num(sources) != 0, reachable, options.file("source_file").name)
        _require_reachable(is_ground, reachable, options.file("ground_file").name)
        warn_about_sources(np.nan_to_num(sources), reachable, options.file("source_file").name, feedback)
        warn_about_grounds(is_ground, reachable, options.file("ground_file").name, feedback)
        arrays["sources"] = np.nan_to_num(sources)
        task = _advanced(options, "circuit.advanced", parameters, arrays, grounds)
        return Project(options, task, grid, mask)
    ids, cells = read_focal_cells(options, grid, feedback)
    ids, cells, excluded = select_focal_nodes(options, ids, cells, feedback)
    warn_off_habitat(ids, cells, _reachable(arrays), options.file("point_file").name, feedback)
    arrays |= {"focal_ids": ids, "focal_cells": cells} | excluded
    if options.flag("use_variable_source_strengths") and scenario != "pairwise":
        arrays["strengths"] = read_strengths(options, ids, feedback)
    parameters |= {
        "mode": MODES[scenario],
        "zero_all_maps": options.flag("set_focal_node_currents_to_zero"),
        "cumulative": _needs_cumulative(options),
        "maximum": options.flag("write_max_cur_maps"),
        "per_run_outputs": per_run_maps(options),
    }
    rasters = ("cumulative", "maximum") if parameters["maximum"] else ("cumulative",)
    rasters = rasters if _needs_cumulative(options) else ()
    task = Task("circuit.current", parameters, arrays, rasters, options.file("habitat_file").name)
    known = np.unique(ids)
    excluded_nodes = fully_excluded(known, excluded) if scenario != "pairwise" else frozenset()
    return Project(options, task, grid, mask, ids=tuple(known.tolist()), excluded_nodes=excluded_nodes)


def _needs_cumulative(options: IniOptions) -> bool:
    return any(options.flag(f"write_{what}") for what in ("cur_maps", "cum_cur_map_only", "max_cur_maps"))


def writes_maps(options: IniOptions) -> bool:
    """Return whether a project writes any map."""
    return options.word("scenario") == "advanced" or _needs_cumulative(options) or per_run_maps(options) != "none"


def per_run_maps(options: IniOptions) -> str:
    """Return which maps of each run a project writes: none, currents, potentials or both."""
    currents = options.flag("write_cur_maps") and not options.flag("write_cum_cur_map_only")
    if options.flag("write_volt_maps"):
        return "both" if currents else "potentials"
    return "currents" if currents else "none"


def _habitat(options: IniOptions, feedback: QgsProcessingFeedback) -> tuple[RasterGrid, np.ndarray]:
    """Return the grid of the habitat and the conductance of its cells, 0 for barriers and nodata."""
    habitat = read_input_raster(options.file("habitat_file"), feedback)
    values = habitat.values
    if options.flag("use_reclass_table"):
        path = options.file("reclass_file")
        values = _reclassified(values, read_number_table(path, 2), path.name, feedback)
    resistances = options.flag("habitat_map_is_resistances")
    if resistances and (values == 0).any():
        row, column = np.argwhere(values == 0)[0] + 1
        raise QgsProcessingException(
            tr(
                "'{name}': resistance is zero in {count:,} cells, the first at row {row}, column {column}. Movement "
                "would be free there: use short-circuit regions for such cells or, if the values are conductances, set "
                "habitat_map_is_resistances = False."
            ).format(name=habitat.name, count=int((values == 0).sum()), row=row, column=column)
        )
    passable = np.nan_to_num(values) > 0
    if not passable.any():
        raise QgsProcessingException(tr("'{name}' has no passable cell.").format(name=habitat.name))
    if (values < 0).any():
        feedback.pushWarning(
            tr(
                "'{name}': {count:,} values are negative and become barriers; the first is {value:g} ({position})."
            ).format(name=habitat.name, **describe_first(values < 0, values))
        )
    conductance = np.zeros(values.shape)
    conductance[passable] = 1 / values[passable] if resistances else values[passable]
    if options.flag("use_mask"):
        mask = read_input_raster(options.file("mask_file"), feedback, habitat.grid)
        conductance[~(np.nan_to_num(mask.values) > 0)] = 0.0
        if not conductance.any():
            raise QgsProcessingException(
                tr("The mask '{mask}' leaves no cell of '{name}'.").format(mask=mask.name, name=habitat.name)
            )
    return habitat.grid, conductance


def _warn_about_regions(regions: np.ndarray, name: str, feedback: QgsProcessingFeedback) -> None:
    """Warn about negative numbers of short-circuit regions, or a raster without any region."""
    if (regions < 0).any():
        text = tr("'{name}': {count:,} cells have negative numbers and belong to no short-circuit region.")
        feedback.pushWarning(text.format(name=name, count=int((regions < 0).sum())))
    if not (regions > 0).any():
        text = tr("'{name}' has no short-circuit region: none of its numbers is above 0.")
        feedback.pushWarning(text.format(name=name))


def _reclassified(values: np.ndarray, table: np.ndarray, name: str, feedback: QgsProcessingFeedback) -> np.ndarray:
    """Reclassify values by a table of old and new values; values not in the table are unchanged."""
    old, new = np.unique(table, axis=0).T
    twice = np.flatnonzero(old[1:] == old[:-1])
    if twice.size:
        text = tr("'{name}' gives {count:,} values several new ones; the first is {old:g}, which becomes {new}.")
        first = alternatives(tuple(f"{value:g}" for value in new[old == old[twice[0]]]))
        raise QgsProcessingException(text.format(name=name, count=twice.size, old=old[twice[0]], new=first))
    index = np.clip(np.searchsorted(old, values), 0, len(old) - 1)
    absent = np.setdiff1d(old, values)
    if absent.size:
        text = tr("'{name}' reclassifies {count:,} of {all:,} values that do not occur; the first is {first:g}.")
        log = feedback.pushWarning if absent.size == old.size else feedback.pushInfo
        log(text.format(name=name, count=absent.size, all=old.size, first=absent[0]))
    return np.where(old[index] == values, new[index], values)


def _reachable(arrays: dict[str, np.ndarray]) -> np.ndarray:
    return circuit_cells(arrays["valid"], arrays.get("short_circuits"))[:]


def _require_reachable(cells: np.ndarray, reachable: np.ndarray, name: str) -> None:
    if not (cells & reachable).any():
        raise QgsProcessingException(
            tr("'{name}' has no value on a passable habitat cell ({count:,} lie elsewhere).").format(
                name=name, count=int(cells.sum())
            )
        )


def _amounts(
    options: IniOptions, name: str, grid: RasterGrid, feedback: QgsProcessingFeedback, *, add: bool
) -> np.ndarray:
    """Read the source strengths or grounds of all cells from a raster or a table (value, x, y); NaN without one."""
    path = options.file(name)
    if is_raster(path):
        return read_input_raster(path, feedback, grid, exact=True).values
    table = read_number_table(path, 3)
    rows, columns = cells_at(table[:, 1:], grid, path.name).T
    amounts = np.full((grid.rows, grid.columns), np.nan)
    amounts[rows, columns] = 0.0
    if not add and np.unique(rows * grid.columns + columns).size < len(rows):
        text = tr("'{name}' lists several grounds in the same cell; the last one counts, as in Circuitscape.")
        feedback.pushWarning(text.format(name=path.name))
    if not add:
        amounts[rows, columns] = table[:, 0]
    else:
        np.add.at(amounts, (rows, columns), table[:, 0])
    return amounts


def _advanced(
    options: IniOptions, task: str, parameters: dict[str, Any], arrays: dict[str, np.ndarray], grounds: np.ndarray
) -> Task:
    is_ground = ~np.isnan(grounds)
    if (grounds[is_ground] < 0).any():
        raise QgsProcessingException(
            tr(
                "'{name}': {count:,} grounds are negative; the first is {value:g} ({position}). They must be 0 or more."
            ).format(name=options.file("ground_file").name, **describe_first(is_ground & (grounds < 0), grounds))
        )
    with np.errstate(divide="ignore"):
        conductance = 1 / grounds if options.flag("ground_file_is_resistances") else grounds
    arrays["grounds"] = np.where(is_ground, conductance, 0.0)
    parameters |= {
        "policy": options.word("remove_src_or_gnd"),
        "unit_currents": options.flag("use_unit_currents"),
        "direct_grounds": options.flag("use_direct_grounds"),
        "as_circuitscape": True,
    }
    rasters = ("currents", "potentials") if task == "circuit.advanced" else ()
    return Task(task, parameters, arrays, rasters, options.file("habitat_file").name)


def _network(options: IniOptions, feedback: QgsProcessingFeedback) -> Project:
    path = options.file("habitat_file")
    table = read_number_table(path, 3)
    edges = as_integers(table[:, :2], np.ones((len(table), 2), bool), path.name)
    values = table[:, 2]
    if (edges < 0).any():
        raise QgsProcessingException(
            tr("'{name}': node numbers start at 0, but one is {number}.").format(name=path.name, number=edges.min())
        )
    is_zero = (values == 0) & (not options.flag("habitat_map_is_resistances"))
    for invalid, problem in (
        ((values <= 0) & ~is_zero, tr("have no positive value")),
        (~is_zero & ~((values >= 1 / LARGEST_VALUE) & (values <= LARGEST_VALUE)), tr("are beyond 1e±100")),
    ):
        if invalid.any():
            raise QgsProcessingException(
                tr("'{name}': {count:,} edges {problem}; the first is {first} – {second} ({value:g}).").format(
                    name=path.name,
                    count=int(invalid.sum()),
                    problem=problem,
                    first=edges[invalid][0, 0],
                    second=edges[invalid][0, 1],
                    value=values[invalid][0],
                )
            )
    loops = edges[edges[:, 0] == edges[:, 1], 0]
    if loops.size:
        text = tr("'{name}': {count:,} edges join a node to itself and carry no current; the first is at node {node}.")
        feedback.pushWarning(text.format(name=path.name, count=loops.size, node=loops[0]))
    conductances = 1 / values if options.flag("habitat_map_is_resistances") else values
    if options.word("scenario") == "advanced":
        tables = [_amounts_of_nodes(options, name, edges, feedback) for name in ("source_file", "ground_file")]
        nodes, arrays = _numbered(edges, conductances, *(ids for ids, _ in tables))
        sources, grounds = (np.full(len(nodes), np.nan) for _ in tables)
        for by_node, (ids, amounts) in zip((sources, grounds), tables):
            by_node[np.searchsorted(nodes, ids)] = amounts
        arrays["sources"] = np.nan_to_num(sources)
        parameters: dict[str, Any] = {"mode": "advanced", "nodes": len(nodes)}
        return Project(options, _advanced(options, "circuit.network", parameters, arrays, grounds), nodes=nodes)
    focal = options.file("point_file")
    ids = as_integers(read_number_table(focal, 1)[:, 0], np.ones(1, bool), focal.name)
    _require_known_nodes(ids, edges, focal.name, feedback)
    require_two_nodes(ids, focal.name)
    nodes, arrays = _numbered(edges, conductances, ids)
    ids, cells, excluded = select_focal_nodes(options, ids, np.searchsorted(nodes, ids)[:, None], feedback)
    # The potentials tell which nodes are connected to the pair.
    per_run_outputs = "none" if per_run_maps(options) == "none" else "both"
    parameters = {"mode": "pairwise", "per_run_outputs": per_run_outputs, "nodes": len(nodes)}
    arrays |= {"focal_ids": ids, "focal_cells": cells} | excluded
    task = Task("circuit.network", parameters, arrays, ())
    return Project(options, task, nodes=nodes, ids=tuple(np.unique(ids).tolist()))


def _numbered(
    edges: np.ndarray, conductances: np.ndarray, *further: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the ids of all nodes, which may be any numbers, and the edges between nodes numbered from 0."""
    nodes = np.unique(np.concatenate([edges.ravel(), *further]))
    return nodes, {"edges": np.searchsorted(nodes, edges), "conductances": conductances}


def _amounts_of_nodes(
    options: IniOptions, name: str, edges: np.ndarray, feedback: QgsProcessingFeedback
) -> tuple[np.ndarray, np.ndarray]:
    """Read ids of nodes with their source strengths or grounds."""
    path = options.file(name)
    table = read_number_table(path, 2)
    ids = as_integers(table[:, 0], np.ones(len(table), bool), path.name)
    _require_known_nodes(ids, edges, path.name, feedback)
    if np.unique(ids).size < len(ids):
        text = tr("'{name}' lists nodes several times; the last value of each counts, as in Circuitscape.")
        feedback.pushWarning(text.format(name=path.name))
    return ids, table[:, 1]


def _require_known_nodes(nodes: np.ndarray, edges: np.ndarray, name: str, feedback: QgsProcessingFeedback) -> None:
    """Raise an error for ids above those of the network; below, nodes without edges are allowed, as in Circuitscape."""
    isolated = np.setdiff1d(nodes, edges)
    invalid = isolated[(isolated < 0) | (isolated > edges.max())]
    if isolated.size and not invalid.size:
        feedback.pushWarning(
            tr("'{name}' names {count:,} nodes that no edge joins to any other; the first is {first}.").format(
                name=name, count=isolated.size, first=isolated[0]
            )
        )
    if invalid.size:
        raise QgsProcessingException(
            tr("'{name}' names {count:,} nodes that are not in the network; the first is {first}.").format(
                name=name, count=invalid.size, first=invalid[0]
            )
        )
