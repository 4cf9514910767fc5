"""The runs of a circuit job, pair by pair or focal node by focal node: written, accumulated, resumed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from ..counts import count_of
from .accumulator_checkpoint import AccumulatorCheckpoint
from .inputs import choice_parameter
from .partial_results import PartialResultWriter
from .task import Job

#: Choices of the maps of each run that are written as partial results.
PER_RUN_OUTPUTS = ("none", "currents", "potentials", "both")

#: Largest violation of Kirchhoff's current law without a warning, relative to the largest current.
CONSERVATION_TOL = 1e-6


@dataclass(frozen=True)
class Run:
    """The result of one run.

    Attributes
    ----------
    name
        ``1_2`` for a pair, ``1`` for a focal node.
    outputs
        The arrays that are written as a partial result.
    currents
        The currents that are added to the cumulative map.
    resistance
        Effective resistance in ohm.
    residual
        Largest violation of Kirchhoff's current law, relative to the largest current.
    """

    name: str
    outputs: dict[str, np.ndarray]
    currents: np.ndarray
    resistance: float
    residual: float


def per_run_parameter(job: Job) -> str:
    """Return which maps of each run are written, one of `PER_RUN_OUTPUTS`."""
    return choice_parameter(job, "per_run_outputs", PER_RUN_OUTPUTS, "none")


def select_outputs(job: Job, **arrays: np.ndarray) -> dict[str, np.ndarray]:
    """Return the maps of a run that the job wants written, of ``currents`` and ``potentials``."""
    per_run = per_run_parameter(job)
    return {name: array for name, array in arrays.items() if per_run in (name, "both")}


class PairNames(Sequence):
    """Names of the runs of pairs of ids, such as ``1_2``, made on access, because there may be millions.

    Examples
    --------
    >>> PairNames(np.array([[1, 2], [1, 5]]))[1]
    '1_5'
    """

    def __init__(self, pairs: Int[np.ndarray, "pairs 2"]):
        self._pairs = pairs

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> str:
        first, second = self._pairs[index].tolist()
        return f"{first}_{second}"


def run_resumable(
    job: Job,
    names: Sequence[str],
    solve: Callable[[Int[np.ndarray, " runs"]], Iterable[Run]],
    cumulative: AccumulatorCheckpoint,
    writer: PartialResultWriter,
) -> Iterator[Run]:
    """Compute the runs that have not been written or not been accumulated, and yield each that is accumulated.

    Parameters
    ----------
    job
        Its parameter `completed_runs` names the runs whose maps the caller already has.
    names
        All runs in their order.
    solve
        Function that computes the runs at some positions of `names`, in that order. Runs between focal nodes that are
        not connected are left out.
    cumulative
        Accumulates the currents of all runs.
    writer
        Writes the maps of each run.
    """
    if cumulative.completed:
        job.report.message(f"{cumulative.completed:,} of {count_of(len(names), 'run')} were summed earlier")
    writes_maps = per_run_parameter(job) != "none"
    written = set(job.parameters.get("completed_runs") or ()) if writes_maps else set()
    earlier = range(cumulative.completed) if writes_maps else range(0)
    missing = [index for index in earlier if names[index] not in written]
    missing = np.concatenate([np.array(missing, np.int64), np.arange(cumulative.completed, len(names))])
    positions = iter(missing.tolist())
    for run in solve(missing):
        index = next(position for position in positions if names[position] == run.name)
        job.report.progress(10 + 88 * index / len(names), f"Run {index + 1:,} of {len(names):,}: {run.name}")
        if writes_maps and run.name not in written:
            writer.write(run.name, run.outputs, resistance=run.resistance, kcl_residual=run.residual)
        if index >= cumulative.completed:
            cumulative.add_run(index, run.name, run.currents, run.resistance, run.residual)
            yield run
    cumulative.finish(len(names))


def warn_if_not_conserved(job: Job, residual: float) -> None:
    """Warn if a current map violates Kirchhoff's current law."""
    if residual > CONSERVATION_TOL:
        job.report.warning(
            f"current is not conserved everywhere: the currents into and out of a cell differ by up to {residual:.1e} "
            "of the largest current; the values of the raster may span too many orders of magnitude"
        )
