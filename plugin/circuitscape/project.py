"""A Circuitscape project as a task for the engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ..i18n import tr
from ..layers import RasterGrid
from ..runner import Task
from .focal_nodes import focal_of, fully_excluded, require_two_nodes, selected, strengths_of, warn_off_habitat
from .ini import IniOptions
from .input_files import cells_at, first_of, is_raster, numbers_of, raster_of, whole

MODES = {"pairwise": "pairwise", "one-to-all": "one_to_all", "all-to-one": "all_to_one"}

# In Circuitscape a step to a neighbour is one cell long, whatever the size of the cells.
CELL = [1.0, 1.0]


@dataclass(frozen=True, eq=False)
class Project:
    """What a project asks for, its files read.

    Parameters
    ----------
    options
        The `.ini`.
    task
        For the engine.
    grid
        The grid of the habitat; None for a network.
    there
        Where the habitat is, bool (rows, columns); None for a network.
    ids
        Ids of the focal nodes; empty in advanced mode.
    alone
        Those of one-to-all and all-to-one mode that have nothing to do with any other: they have no maps.
    """

    options: IniOptions
    task: Task
    grid: RasterGrid | None = None
    there: np.ndarray | None = None
    ids: tuple[int, ...] = ()
    alone: frozenset[int] = frozenset()

    @property
    def runs(self) -> list[str]:
        """Names of all runs: one for each pair, or for each focal node; none in advanced mode."""
        if self.options.word("scenario") != "pairwise":
            return [str(identity) for identity in self.ids]
        return [f"{one}_{other}" for place, one in enumerate(self.ids) for other in self.ids[place + 1 :]]


def read_project(options: IniOptions, feedback: QgsProcessingFeedback) -> Project:
    """Read the files that a project names.

    Parameters
    ----------
    options
        The `.ini`.
    feedback
        Hears what was done to bring files onto the habitat.

    Raises
    ------
    QgsProcessingException
        A file is missing, cannot be read, or holds what makes no sense.
    """
    if options.word("data_type") == "network":
        return _network(options, feedback)
    grid, conductance = _habitat(options, feedback)
    there = conductance > 0
    arrays: dict[str, np.ndarray] = {"landscape": conductance, "valid": there}
    if options.flag("use_polygons"):
        polygons = raster_of(options.file("polygon_file"), feedback, grid)
        arrays["short_circuits"] = whole(polygons.values, polygons.valid, polygons.name)
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
        holds = ~np.isnan(grounds) & (resistances | (grounds != 0))
        for given, name in ((np.nan_to_num(sources) != 0, "source_file"), (holds, "ground_file")):
            _require_value_within(given, _reachable(arrays), options.file(name).name)
        arrays["sources"] = np.nan_to_num(sources)
        task = _advanced(options, "circuit.advanced", parameters, arrays, grounds)
        return Project(options, task, grid, there)
    ids, cells = focal_of(options, grid, feedback)
    ids, cells, excluded = selected(options, ids, cells, feedback)
    warn_off_habitat(ids, cells, _reachable(arrays), options.file("point_file").name, feedback)
    arrays |= {"focal_ids": ids, "focal_cells": cells} | excluded
    if options.flag("use_variable_source_strengths") and scenario != "pairwise":
        arrays["strengths"] = strengths_of(options, ids, feedback)
    parameters |= {
        "mode": MODES[scenario],
        "zero_all_maps": options.flag("set_focal_node_currents_to_zero"),
        "cumulative": _wants_sums(options),
        "maximum": options.flag("write_max_cur_maps"),
        "per_run_outputs": each_of(options),
    }
    rasters = ("cumulative", "maximum") if parameters["maximum"] else ("cumulative",)
    task = Task("circuit.current", parameters, arrays, rasters if _wants_sums(options) else ())
    known = np.unique(ids)
    alone = fully_excluded(known, excluded) if scenario != "pairwise" else frozenset()
    return Project(options, task, grid, there, tuple(known.tolist()), alone)


def _wants_sums(options: IniOptions) -> bool:
    return any(options.flag(f"write_{what}") for what in ("cur_maps", "cum_cur_map_only", "max_cur_maps"))


def each_of(options: IniOptions) -> str:
    """Return which maps of each run a project wants: none, currents, potentials or both."""
    currents = options.flag("write_cur_maps") and not options.flag("write_cum_cur_map_only")
    if options.flag("write_volt_maps"):
        return "both" if currents else "potentials"
    return "currents" if currents else "none"


def _habitat(options: IniOptions, feedback: QgsProcessingFeedback) -> tuple[RasterGrid, np.ndarray]:
    """The grid of the habitat, and the conductance of its cells, 0 where there is none."""
    habitat = raster_of(options.file("habitat_file"), feedback)
    values = habitat.values
    if options.flag("use_reclass_table"):
        values = _reclassified(values, numbers_of(options.file("reclass_file"), 2))
    resistances = options.flag("habitat_map_is_resistances")
    if resistances and (values == 0).any():
        row, column = np.argwhere(values == 0)[0] + 1
        raise QgsProcessingException(
            tr(
                "'{name}': resistance is zero in {count:,} cells, the first at row {row}, column {column}. Movement "
                "would be free there: use short-circuit regions for such cells, or say that the values are "
                "conductances (habitat_map_is_resistances = False)."
            ).format(name=habitat.name, count=int((values == 0).sum()), row=row, column=column)
        )
    there = np.nan_to_num(values) > 0
    if not there.any():
        raise QgsProcessingException(tr("'{name}' has no cell that can be crossed.").format(name=habitat.name))
    if (values < 0).any():
        feedback.pushWarning(
            tr("'{name}': {count:,} values are negative, the first is {value:g} ({place}): they are barriers.").format(
                name=habitat.name, **first_of(values < 0, values)
            )
        )
    conductance = np.zeros(values.shape)
    conductance[there] = 1 / values[there] if resistances else values[there]
    if options.flag("use_mask"):
        mask = raster_of(options.file("mask_file"), feedback, habitat.grid)
        conductance[~(np.nan_to_num(mask.values) > 0)] = 0.0
        if not conductance.any():
            raise QgsProcessingException(
                tr("The mask '{mask}' leaves no cell of '{name}'.").format(mask=mask.name, name=habitat.name)
            )
    return habitat.grid, conductance


def _reclassified(values: np.ndarray, table: np.ndarray) -> np.ndarray:
    """The new value of every class; what the table does not list stays as it is."""
    order = np.argsort(table[:, 0], kind="stable")
    old, new = table[order].T
    place = np.clip(np.searchsorted(old, values), 0, len(old) - 1)
    return np.where(old[place] == values, new[place], values)


def _reachable(arrays: dict[str, np.ndarray]) -> np.ndarray:
    """Cells that are part of the circuit: those of the habitat, and those of short-circuit regions that touch it."""
    there = arrays["valid"]
    if "short_circuits" not in arrays:
        return there
    regions = arrays["short_circuits"]
    return there | ((regions > 0) & np.isin(regions, regions[there]))


def _require_value_within(given: np.ndarray, reachable: np.ndarray, name: str) -> None:
    if not (given & reachable).any():
        raise QgsProcessingException(
            tr(
                "'{name}' gives nothing where the habitat has a cell that can be crossed ({count:,} lie elsewhere)."
            ).format(name=name, count=int(given.sum()))
        )


def _amounts(
    options: IniOptions, name: str, grid: RasterGrid, feedback: QgsProcessingFeedback, *, add: bool
) -> np.ndarray:
    """Strengths or grounds of all cells, NaN where there are none: a raster, or a list of value, x and y."""
    path = options.file(name)
    if is_raster(path):
        return raster_of(path, feedback, grid, exact=True).values
    table = numbers_of(path, 3)
    rows, columns = cells_at(table[:, 1:], grid, path.name).T
    amounts = np.full((grid.rows, grid.columns), np.nan)
    amounts[rows, columns] = 0.0
    if not add:
        amounts[rows, columns] = table[:, 0]
    else:
        np.add.at(amounts, (rows, columns), table[:, 0])
    return amounts


def _advanced(
    options: IniOptions, task: str, parameters: dict[str, Any], arrays: dict[str, np.ndarray], grounds: np.ndarray
) -> Task:
    given = ~np.isnan(grounds)
    if (grounds[given] < 0).any():
        raise QgsProcessingException(
            tr(
                "'{name}': {count:,} grounds are negative, the first is {value:g} ({place}); they must be 0 or more."
            ).format(name=options.file("ground_file").name, **first_of(given & (grounds < 0), grounds))
        )
    with np.errstate(divide="ignore"):
        conductance = 1 / grounds if options.flag("ground_file_is_resistances") else grounds
    arrays["grounds"] = np.where(given, conductance, 0.0)
    parameters |= {
        "policy": options.word("remove_src_or_gnd"),
        "unit_currents": options.flag("use_unit_currents"),
        "direct_grounds": options.flag("use_direct_grounds"),
        "as_circuitscape": True,
    }
    return Task(task, parameters, arrays, ("currents", "potentials") if task == "circuit.advanced" else ())


def _network(options: IniOptions, feedback: QgsProcessingFeedback) -> Project:
    path = options.file("habitat_file")
    table = numbers_of(path, 3)
    edges = whole(table[:, :2], np.ones((len(table), 2), bool), path.name)
    values = table[:, 2]
    if (edges < 0).any():
        raise QgsProcessingException(
            tr("'{name}': nodes have numbers from 0 on, but one is {number}.").format(
                name=path.name, number=edges.min()
            )
        )
    wrong = values < 0 if not options.flag("habitat_map_is_resistances") else values <= 0
    wrong |= np.isinf(values)
    if wrong.any():
        raise QgsProcessingException(
            tr("'{name}': {count:,} edges have no positive value, the first is {one} – {other} ({value:g}).").format(
                name=path.name,
                count=int(wrong.sum()),
                one=edges[wrong][0, 0],
                other=edges[wrong][0, 1],
                value=values[wrong][0],
            )
        )
    arrays = {"edges": edges, "conductances": 1 / values if options.flag("habitat_map_is_resistances") else values}
    nodes = int(edges.max()) + 1
    if options.word("scenario") == "advanced":
        sources, grounds = (_at_nodes(options, name, nodes) for name in ("source_file", "ground_file"))
        arrays["sources"] = np.nan_to_num(sources)
        parameters: dict[str, Any] = {"mode": "advanced"}
        return Project(options, _advanced(options, "circuit.network", parameters, arrays, grounds))
    focal = options.file("point_file")
    ids = whole(numbers_of(focal, 1)[:, 0], np.ones(1, bool), focal.name)
    _require_known_nodes(ids, nodes, focal.name)
    require_two_nodes(ids, focal.name)
    ids, cells, excluded = selected(options, ids, ids[:, None], feedback)
    # Which nodes are connected with the pair stands in the potentials.
    parameters = {"mode": "pairwise", "per_run_outputs": "none" if each_of(options) == "none" else "both"}
    arrays |= {"focal_ids": ids, "focal_cells": cells} | excluded
    return Project(options, Task("circuit.network", parameters, arrays, ()), ids=tuple(np.unique(ids).tolist()))


def _at_nodes(options: IniOptions, name: str, nodes: int) -> np.ndarray:
    path = options.file(name)
    table = numbers_of(path, 2)
    places = whole(table[:, 0], np.ones(len(table), bool), path.name)
    _require_known_nodes(places, nodes, path.name)
    amounts = np.full(nodes, np.nan)
    amounts[places] = table[:, 1]
    return amounts


def _require_known_nodes(nodes: np.ndarray, count: int, name: str) -> None:
    wrong = nodes[(nodes < 0) | (nodes >= count)]
    if wrong.size:
        raise QgsProcessingException(
            tr("'{name}' names {wrong:,} nodes that the network does not have, the first is {first}.").format(
                name=name, wrong=wrong.size, first=wrong[0]
            )
        )
