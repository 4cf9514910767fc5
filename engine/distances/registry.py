"""The registry of distances: everything that differs by distance and is data, in one entry each.

The data stand in `registry.json`, next to this module, because the plugin reads the same file: its toolbox offers the
distances in this order, under these labels, and it cannot import the engine. Behaviour that differs by distance is a
method or an attribute of the class, or an implementation that a later package registers for the class with
`functools.singledispatch`.
"""

import json
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from .base import AbstractDistance

_DATA = Path(__file__).with_suffix(".json")


@dataclass(frozen=True)
class DistanceEntry:
    """Description of a distance for jobs, the toolbox, tables and tests.

    Attributes
    ----------
    name
        Name by which jobs and Processing parameters choose it.
    distance_class
        The class, a subclass of `AbstractDistance`.
    label, description
        Name within a sentence, and a noun phrase that explains it.
    parameters
        The job parameters that the class is made from (see `worker.distance_factory`).
    symmetric
        "always", "never", or "on undirected graphs".
    directed_graphs
        Whether it is defined on directed graphs (`edge_rule="target"`).
    depends_on_landscape
        Whether the permeability and the components of the landscape matter.
    differentiable
        Whether it has a useful derivative with respect to permeability.
    monotone
        Whether more permeability never makes it larger.
    regions
        Whether it is defined between focal nodes of several cells.
    restoration
        Objects whose restoration has an exact gain: "cell", "disc".
    estimate
        Name of the estimate of memory and time (see `worker.distance_estimates`).
    tasks
        Names of the tasks that accept it.
    unit
        Its unit: "cost" (length × resistance), "ohm" or "length".
    """

    name: str
    distance_class: type[AbstractDistance]
    label: str
    description: str
    parameters: tuple[str, ...] = ()
    symmetric: str = "never"
    directed_graphs: bool = True
    depends_on_landscape: bool = True
    differentiable: bool = True
    monotone: bool = False
    regions: bool = False
    restoration: tuple[str, ...] = ()
    estimate: str = "shortest_paths"
    tasks: tuple[str, ...] = ()
    unit: str = "cost"


def distance_entry(name: str) -> DistanceEntry:
    """Return the entry of a distance by its name.

    Raises
    ------
    ValueError
        No distance has that name.

    Examples
    --------
    >>> distance_entry("resistance").symmetric
    'always'
    """
    if name not in _ENTRIES:
        raise ValueError(f"a distance must be one of {', '.join(_ENTRIES)}, not {name!r}")
    return _ENTRIES[name]


def distance_names(task: str | None = None) -> tuple[str, ...]:
    """Return the names of all distances, or of those that a task accepts, in the order of the registry.

    Examples
    --------
    >>> distance_names("habitat.connected")[:3]
    ('leastcost', 'resistance', 'rsp')
    """
    return tuple(name for name, entry in _ENTRIES.items() if task is None or task in entry.tasks)


def entry_of(distance: AbstractDistance) -> DistanceEntry | None:
    """Return the entry of a distance's class or of its nearest registered base class; None if there is none.

    Examples
    --------
    >>> from permea.engine import RSPDistance
    >>> entry_of(RSPDistance(theta=1.0)).label
    'randomized shortest paths'
    """
    by_class = {entry.distance_class: entry for entry in _ENTRIES.values()}
    return next((by_class[base] for base in type(distance).__mro__ if base in by_class), None)


def register(entry: DistanceEntry) -> None:
    """Add a distance at the end of the registry, or replace the one of its name.

    Examples
    --------
    >>> from dataclasses import replace
    >>> register(replace(distance_entry("euclidean"), label="straight line"))
    >>> distance_entry("euclidean").label
    'straight line'
    >>> register(replace(distance_entry("euclidean"), label="Euclidean"))
    """
    _ENTRIES[entry.name] = entry


def unregister(name: str) -> None:
    """Remove a distance that was added with `register`."""
    del _ENTRIES[name]


def _read_entry(data: dict[str, Any]) -> DistanceEntry:
    module, class_name = data.pop("class").rsplit(".", 1)
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}
    return DistanceEntry(distance_class=getattr(import_module(f".{module}", __package__), class_name), **values)


_ENTRIES = {entry.name: entry for entry in map(_read_entry, json.loads(_DATA.read_text(encoding="utf-8"))["distances"])}
