"""The distance that a job asks for."""

from ..distances import AbstractDistance, EuclideanDistance, LCPDistance, ResistanceDistance, RSPDistance
from ..distances.rsp import MEASURES
from .landscape import COSTS, choice, positive
from .registry import Job


def asked_distance(job: Job, kind: str) -> AbstractDistance:
    """Return a distance with the parameters of a job.

    Parameters
    ----------
    job
        With `theta`, `cost` and, if another than the expected cost is wanted, `measure` for randomized paths.
    kind
        "leastcost", "resistance", "rsp" or "euclidean", chosen by the task from those that it knows.
    """
    if kind == "rsp":
        return asked_randomized(job)
    return {"leastcost": LCPDistance, "resistance": ResistanceDistance, "euclidean": EuclideanDistance}[kind]()


def asked_randomized(job: Job) -> RSPDistance:
    """Return randomized shortest paths with the θ, the cost and, if there is one, the measure of a job."""
    measure = choice(job, "measure", MEASURES) if "measure" in job.parameters else "expected_cost"
    return RSPDistance(positive(job, "theta"), COSTS[choice(job, "cost", tuple(COSTS))], measure)
