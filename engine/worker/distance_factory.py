"""Distances made from the parameters of a job."""

from collections.abc import Callable
from typing import Any

from ..distances import (
    COST_FUNCTIONS,
    MEASURES,
    AbstractDistance,
    DistanceEntry,
    RSPDistance,
    distance_entry,
    distance_names,
)
from ..linalg import SOLVERS_BY_NAME
from .inputs import choice_parameter
from .task import Job


def chosen_distance(job: Job, task: str) -> DistanceEntry:
    """Return the registry's entry of the distance that a job chooses, one of those that its task accepts.

    Raises
    ------
    ValueError
        The parameter `distance` is missing, or the task does not accept it.
    """
    return distance_entry(choice_parameter(job, "distance", distance_names(task)))


def make_distance(job: Job, entry: DistanceEntry) -> AbstractDistance:
    """Return a distance with the parameters of a job.

    Parameters
    ----------
    job
        A job with the parameters that the entry names; those that have a default may be missing.
    entry
        The distance, as the registry describes it.

    Raises
    ------
    ValueError
        A parameter is missing or not valid.
    """
    return entry.distance_class(**{name: PARAMETER_READERS[name](job) for name in entry.parameters})


def make_rsp_distance(job: Job) -> RSPDistance:
    """Return randomized shortest paths with the θ, the cost function and, if given, the measure of a job."""
    return make_distance(job, distance_entry("rsp"))


def _cost(job: Job) -> Callable:
    return COST_FUNCTIONS[choice_parameter(job, "cost", tuple(COST_FUNCTIONS))]


def _measure(job: Job) -> str:
    return choice_parameter(job, "measure", MEASURES) if "measure" in job.parameters else "expected_cost"


def _solver(job: Job) -> Any:
    if "solver" not in job.parameters:
        return None
    return SOLVERS_BY_NAME.get(choice_parameter(job, "solver", ("automatic", *SOLVERS_BY_NAME)))


#: How each parameter of a distance is read from a job. The distance itself checks θ.
PARAMETER_READERS: dict[str, Callable[[Job], Any]] = {
    "theta": lambda job: job.parameters.get("theta"),
    "cost": _cost,
    "measure": _measure,
    "solver": _solver,
}
