"""Translation of a Circuitscape project into a task of the engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ..i18n import tr
from ..layers import RasterGrid, circuit_cells, write_rows
from ..npy_file import NpyFile
from ..runner import Task
from .amounts import ground_conductances, read_sources_and_grounds
from .focal_nodes import (
    fully_excluded,
    read_focal_cells,
    read_strengths,
    require_two_nodes,
    select_focal_nodes,
    warn_off_habitat,
)
from .habitat import read_habitat
from .ini import IniOptions
from .input_files import input_blocks
from .number_tables import read_number_table
from .whole_numbers import WholeNumberValidator, as_integers

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
        Passable cells of the habitat, bool (rows, columns), in the job folder; None for a network.
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
    mask: NpyFile | None = None
    nodes: np.ndarray | None = None
    ids: tuple[int, ...] = ()
    excluded_nodes: frozenset[int] = frozenset()

    @property
    def runs(self) -> list[str]:
        """Names of the runs: one for each pair or for each focal node; none in advanced mode."""
        if self.options.word("scenario") != "pairwise":
            return [str(identity) for identity in self.ids]
        return [f"{first}_{second}" for index, first in enumerate(self.ids) for second in self.ids[index + 1 :]]


def read_project(options: IniOptions, folder: Path, feedback: QgsProcessingFeedback) -> Project:
    """Read the input files of a project.

    Parameters
    ----------
    options
        Options of the `.ini` file.
    folder
        Job folder, to which the rasters are copied.
    feedback
        Receives warnings, such as of resampled rasters.

    Raises
    ------
    QgsProcessingException
        If a file is missing, cannot be read or is invalid.
    """
    if options.word("data_type") == "network":
        return _network(options, feedback)
    grid, conductance, mask = read_habitat(options, folder, feedback)
    arrays: dict[str, np.ndarray | NpyFile] = {"landscape": conductance, "valid": mask}
    if options.flag("use_polygons"):
        arrays["short_circuits"] = _read_regions(options.file("polygon_file"), grid, folder, feedback)
    reachable = circuit_cells(mask, arrays.get("short_circuits"))
    parameters: dict[str, Any] = {
        "values": "permeability",
        "neighbors": "rook" if options.flag("connect_four_neighbors_only") else "queen",
        "edge_rule": "resistance" if options.flag("connect_using_avg_resistances") else "mean",
        "pixel_size": CELL,
    }
    scenario = options.word("scenario")
    if scenario == "advanced":
        arrays |= read_sources_and_grounds(options, grid, reachable, folder, feedback)
        return Project(options, _advanced_task(options, "circuit.advanced", parameters, arrays), grid, mask)
    ids, cells = read_focal_cells(options, grid, folder, feedback)
    ids, cells, excluded = select_focal_nodes(options, ids, cells, feedback)
    warn_off_habitat(ids, cells, reachable, options.file("point_file").name, feedback)
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


def _read_regions(path: Path, grid: RasterGrid, folder: Path, feedback: QgsProcessingFeedback) -> NpyFile:
    """Copy the numbers of short-circuit regions, and warn about negative ones and about a raster without any."""
    negative, is_any = 0, False
    with input_blocks(path, folder, feedback, grid) as (name, _, blocks):
        validator = WholeNumberValidator(name)

        def numbers() -> Iterator[np.ndarray]:
            nonlocal negative, is_any
            for first, values, valid in blocks:
                block = validator.add(values, valid, first)
                negative, is_any = negative + int(np.count_nonzero(block < 0)), is_any or bool((block > 0).any())
                yield block

        regions = write_rows(numbers(), folder / "short_circuits.npy", (grid.rows, grid.columns), np.int64)
    validator.require_valid()
    if negative:
        text = tr(
            "'{name}': {count:# cell has a negative number and belongs|# cells have negative numbers and belong} to no "
            "short-circuit region."
        )
        feedback.pushWarning(text.format(name=name, count=negative))
    if not is_any:
        text = tr("'{name}' has no short-circuit region: none of its numbers is above 0.")
        feedback.pushWarning(text.format(name=name))
    return regions


def _advanced_task(
    options: IniOptions, task: str, parameters: dict[str, Any], arrays: dict[str, np.ndarray | NpyFile]
) -> Task:
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
        ((values <= 0) & ~is_zero, tr("{count:# edge has|# edges have} no positive value")),
        (
            ~is_zero & ~((values >= 1 / LARGEST_VALUE) & (values <= LARGEST_VALUE)),
            tr("{count:# edge is|# edges are} beyond 1e±100"),
        ),
    ):
        if invalid.any():
            raise QgsProcessingException(
                tr("'{name}': {problem}; the first is {first} – {second} ({value:g}).").format(
                    name=path.name,
                    problem=problem.format(count=int(invalid.sum())),
                    first=edges[invalid][0, 0],
                    second=edges[invalid][0, 1],
                    value=values[invalid][0],
                )
            )
    loops = edges[edges[:, 0] == edges[:, 1], 0]
    if loops.size:
        text = tr(
            "'{name}': {count:# edge joins|# edges join} a node to itself and {count:carries|carry} no current; the "
            "first is at node {node}."
        )
        feedback.pushWarning(text.format(name=path.name, count=loops.size, node=loops[0]))
    conductances = 1 / values if options.flag("habitat_map_is_resistances") else values
    if options.word("scenario") == "advanced":
        tables = [_amounts_of_nodes(options, name, edges, feedback) for name in ("source_file", "ground_file")]
        nodes, arrays = _numbered(edges, conductances, *(ids for ids, _ in tables))
        sources, grounds = (np.full(len(nodes), np.nan) for _ in tables)
        for by_node, (ids, amounts) in zip((sources, grounds), tables):
            by_node[np.searchsorted(nodes, ids)] = amounts
        arrays |= {"sources": np.nan_to_num(sources), "grounds": ground_conductances(options, grounds)}
        parameters: dict[str, Any] = {"mode": "advanced", "nodes": len(nodes)}
        task = replace(_advanced_task(options, "circuit.network", parameters, arrays), node_ids=nodes)
        return Project(options, task, nodes=nodes)
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
    task = Task("circuit.network", parameters, arrays, (), path.name, nodes)
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
            tr("'{name}' names {count:# node|# nodes} that no edge joins to any other; the first is {first}.").format(
                name=name, count=isolated.size, first=isolated[0]
            )
        )
    if invalid.size:
        raise QgsProcessingException(
            tr(
                "'{name}' names {count:# node that is|# nodes that are} not in the network; the first is {first}."
            ).format(name=name, count=invalid.size, first=invalid[0])
        )
