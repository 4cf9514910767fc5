"""The runs of a job about focal nodes: handed over as they come, summed, and gone on with after an end."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..circuits.accumulator import CumulativeCurrent, CurrentAccumulator
from ..circuits.one_to_all import FocalNodeResult
from ..circuits.pairwise import PairResult
from ..storage.array_store import ArrayStore
from ..storage.checkpoint import CheckpointFolder
from ..storage.fingerprint import hash_raster, to_manifest
from .accumulator_checkpoint import AccumulatorCheckpoint
from .partial_results import PartialResultWriter
from .task import Job

#: What is handed over of each run.
PER_RUN_OUTPUTS = ("none", "currents", "potentials", "both")

#: Parameters that do not change what is computed, only what is handed over and where from it goes on.
NON_RESULT_PARAMETERS = ("per_run_outputs", "maximum", "completed_runs", "checkpoint", "max_pending")

#: A current this much beside the largest that enters a node and does not leave it is worth a warning.
CONSERVATION_TOL = 1e-6


@dataclass(frozen=True)
class RunSet:
    """What a job is made of.

    Parameters
    ----------
    names
        Of all runs, in their order.
    maps
        Gives the maps of some of them by name: the name, the maps, and the currents as they count in the sum. Runs
        between what is not connected have none.
    """

    names: list[str]
    maps: Callable[[Iterable[str]], Iterator[tuple[str, PairResult | FocalNodeResult, np.ndarray]]]


def run_resumable(
    job: Job,
    task: str,
    nothing: np.ndarray,
    runs: RunSet,
    each: str,
    pieces: PartialResultWriter,
    more: Callable[[PairResult | FocalNodeResult], dict[str, np.ndarray]] = lambda run: {},
    so_far: Callable[[dict[str, float]], None] = lambda values: None,
) -> tuple[CumulativeCurrent, dict[str, float]]:
    """Go through the runs that are not both summed and handed over.

    Parameters
    ----------
    job
        With the parameter `checkpoint`, a folder, sums are kept there; `completed_runs` names the runs that
        whoever started the job has already.
    task
        Its name.
    nothing
        A map of zeros, NaN where there is no node.
    runs
        All of them.
    each
        One of `PER_RUN_OUTPUTS`.
    pieces
        Where they are handed over.
    more
        Further arrays of a run that are handed over with it.
    so_far
        Told the resistances by name after each run.

    Returns
    -------
    sums, resistances
        Sums over all runs, and the resistance of each, by name, in ohm.
    """
    folder = _checkpoint(job)
    kept = AccumulatorCheckpoint(folder, _content(job, task), nothing) if folder else None
    if kept is not None and kept.done:
        job.report.message(f"{kept.done:,} of {len(runs.names):,} runs were summed earlier")
    sums, done, values = (
        (kept.sums, kept.done, kept.values) if kept is not None else (CurrentAccumulator(nothing), 0, {})
    )
    have = set(runs.names if each == "none" else job.parameters.get("completed_runs") or ())
    place = {name: number for number, name in enumerate(runs.names)}
    left = [name for name in runs.names if place[name] >= done or name not in have]
    for name, run, counted in runs.maps(left):
        number = place[name]
        job.report.progress(10 + 88 * number / len(runs.names), f"Run {number + 1:,} of {len(runs.names):,}: {name}")
        if name not in have:
            arrays = {"currents": run.currents, "potentials": run.potentials}
            wanted = {what: array for what, array in arrays.items() if each in (what, "both")} | more(run)
            pieces.give(name, wanted, resistance=run.resistance, kcl_residual=run.residual)
        if number >= done:
            sums.add(counted, run.residual)
            values[name] = run.resistance
            done = number + 1
            if kept is not None:
                kept.done = done
                kept.keep()
            so_far(values)
    if kept is not None:
        kept.done = len(runs.names)
        kept.keep(now=True)
    return sums.result, values


def accumulate_resumable(
    job: Job,
    task: str,
    nothing: np.ndarray,
    pairs: int,
    sums_from: Callable[[int, Callable[[float], None]], Iterable[tuple[int, CumulativeCurrent]]],
) -> CumulativeCurrent:
    """Add up the currents of pairs whose maps nobody wants.

    Parameters
    ----------
    job, task, nothing
        As in `run_resumable`; with a checkpoint, the sums so far are kept there.
    pairs
        How many there are.
    sums_from
        Gives the sums of some pairs at a time, from a number of pairs on; tells how many are done before it does.
    """
    folder = _checkpoint(job)
    kept = AccumulatorCheckpoint(folder, _content(job, task), nothing) if folder else None
    sums, done = (kept.sums, kept.done) if kept is not None else (CurrentAccumulator(nothing), 0)
    if done:
        job.report.message(f"{done:,} of {pairs:,} pairs were summed earlier")

    def so_far(done: float) -> None:
        job.report.progress(10 + 88 * done / pairs, f"{int(done):,} of {pairs:,} pairs")

    for some, currents in sums_from(done, so_far):
        sums.add_sum(currents)
        done += some
        so_far(done)
        if kept is not None:
            kept.done = done
            kept.keep(now=done == pairs)
    return sums.result


class OutputFolderLock(CheckpointFolder):
    """A folder that belongs to the results of one job, which has nothing to go on with from there."""

    pattern = "claim"


def lock_output_folder(job: Job, task: str) -> None:
    """Refuse the folder of a job's results if they were computed from something else.

    Parameters
    ----------
    job
        With the parameter `checkpoint`, the folder.
    task
        Its name.

    Raises
    ------
    ValueError
        Says what has changed.
    """
    folder = _checkpoint(job)
    if folder:
        OutputFolderLock(folder, _content(job, task))


def open_array_store(job: Job, task: str, room: int = 0) -> ArrayStore | None:
    """Return what an earlier run of a job worked out, None where nothing is to be kept.

    Parameters
    ----------
    job
        With the parameter `checkpoint`, the folder. Where its disk has too little room nothing is kept, with a warning:
        a run that may not be continued is better than none.
    task
        Its name.
    room
        Bytes that keeping everything takes, at most.

    Raises
    ------
    ValueError
        The folder belongs to something else; says what has changed.
    """
    folder = _checkpoint(job)
    if not folder:
        return None
    kept = ArrayStore(folder, _content(job, task))
    free = shutil.disk_usage(folder).free + kept.size
    if room > free:
        job.report.warning(
            f"what is solved for is not kept, so that the run begins anew if it is ended early: that would take "
            f"{room / 1e9:.1f} GB, and the disk with {folder} has {free / 1e9:.1f} GB left"
        )
        return None
    return kept


def warn_if_not_conserved(job: Job, unconserved: float) -> None:
    """Warn where a current map does not conserve current."""
    if unconserved > CONSERVATION_TOL:
        job.report.warning(
            f"current is not conserved everywhere: up to {unconserved:.1e} of the largest current enters a cell and "
            "does not leave it; the values of the raster may span too many orders of magnitude"
        )


def _checkpoint(job: Job) -> str | None:
    folder = job.parameters.get("checkpoint")
    if folder is not None and not isinstance(folder, str):
        raise ValueError(f'parameter "checkpoint" must be a folder, not {folder!r}')
    return folder or None


def _content(job: Job, task: str) -> dict[str, Any]:
    """Return what the sums depend on."""
    parameters = {name: value for name, value in job.parameters.items() if name not in NON_RESULT_PARAMETERS}
    hashes = {name: hash_raster(np.atleast_2d(array)) for name, array in sorted(job.inputs.items())}
    return to_manifest({"task": task, **parameters, **hashes})
