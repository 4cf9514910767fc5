"""The distances that the toolbox offers, read from the engine's registry file without importing the engine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from .i18n import tr

REGISTRY = Path(__file__).resolve().parents[1] / "engine" / "distances" / "registry.json"


@dataclass(frozen=True)
class DistanceInfo:
    """A distance as the toolbox presents it; the engine's `DistanceEntry` explains the attributes."""

    name: str
    label: str
    description: str
    unit: str
    parameters: tuple[str, ...]
    symmetric: str
    directed_graphs: bool
    differentiable: bool
    monotone: bool
    regions: bool
    restoration: tuple[str, ...]
    tasks: tuple[str, ...]

    def is_symmetric(self, edge_rule: str) -> bool:
        """Whether distances are the same in both directions on the graph that an edge rule makes."""
        return self.symmetric == "always" or (self.symmetric == "on undirected graphs" and edge_rule != "target")


def distance_info(name: str) -> DistanceInfo:
    """Return the distance of a name."""
    return _distances()[name]


def distance_names(task: str, *, first: str = "") -> list[str]:
    """Return the names of the distances that a task of the engine accepts, in the registry's order.

    Parameters
    ----------
    task
        The engine's name of the task.
    first
        The name to put first, which makes it the default of a choice.
    """
    names = [name for name, info in _distances().items() if task in info.tasks]
    return sorted(names, key=lambda name: name != first)


def distances_having(task: str, having: str = "") -> tuple[str, ...]:
    """Return the names of the distances that a task accepts; see `distance_labels`."""
    names = [(name, distance_info(name)) for name in distance_names(task)]
    return tuple(name for name, info in names if not having or having in info.restoration + info.parameters)


def distance_labels(task: str, *, having: str = "") -> str:
    """Return the labels of the distances that a task accepts, as part of a sentence.

    Parameters
    ----------
    task
        The engine's name of the task.
    having
        Only distances with this kind of restoration, or with this parameter.
    """
    labels = [tr(distance_info(name).label) for name in distances_having(task, having)]
    if len(labels) < 2:
        return "".join(labels)
    return tr("{first} and {last}").format(first=", ".join(labels[:-1]), last=labels[-1])


def distance_help(task: str, *, between_nodes: bool = False, first: str = "") -> str:
    """Return a sentence that explains the distances a task accepts.

    Parameters
    ----------
    task
        The engine's name of the task.
    between_nodes
        Whether focal nodes may be regions, so that distances between points only are marked.
    first
        As in `distance_names`.
    """
    parts = []
    for name in distance_names(task, first=first):
        info = distance_info(name)
        part = f"{tr(info.label)} ({tr(info.description)}"
        parts.append(part + (", " + tr("between points only") if between_nodes and not info.regions else "") + ")")
    return tr("The distance: {list}.").format(list="; ".join(parts))


@lru_cache(maxsize=1)
def _distances() -> dict[str, DistanceInfo]:
    entries = json.loads(REGISTRY.read_text(encoding="utf-8"))["distances"]
    names = DistanceInfo.__dataclass_fields__
    values = [{key: entry[key] for key in names} for entry in entries]
    tuples = [{key: tuple(v) if isinstance(v, list) else v for key, v in value.items()} for value in values]
    return {value["name"]: DistanceInfo(**value) for value in tuples}
