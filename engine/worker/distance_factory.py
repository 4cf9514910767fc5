"""The distance that a job asks for."""

from ..distances import AbstractDistance, EuclideanDistance, LCPDistance, ResistanceDistance, RSPDistance
from ..distances.rsp import MEASURES
from .inputs import COST_FUNCTIONS, choice_parameter, positive_parameter
from .task import Job


def make_distance(job: Job, kind: str) -> AbstractDistance:
    """Return a distance with the parameters of a job.

    Parameters
    ----------
    job
        With `theta`, `cost` and, if another than the expected cost is wanted, `measure` for randomized paths.
    kind
        "leastcost", "resistance", "rsp" or "euclidean", chosen by the task from those that it knows.
    """
    if kind == "rsp":
        return make_rsp_distance(job)
    return {"leastcost": LCPDistance, "resistance": ResistanceDistance, "euclidean": EuclideanDistance}[kind]()


def make_rsp_distance(job: Job) -> RSPDistance:
    """Return randomized shortest paths with the θ, the cost and, if there is one, the measure of a job."""
    measure = choice_parameter(job, "measure", MEASURES) if "measure" in job.parameters else "expected_cost"
    return RSPDistance(
        positive_parameter(job, "theta"), COST_FUNCTIONS[choice_parameter(job, "cost", tuple(COST_FUNCTIONS))], measure
    )
