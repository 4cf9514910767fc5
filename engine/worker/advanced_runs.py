"""Advanced mode for the tasks about circuits: current from any sources to any grounds."""

from typing import Any

import numpy as np

from ..circuits import AdvancedResult, Circuit, advanced, diagnose_map
from ..counts import count_of
from .inputs import choice_parameter, require_input
from .resumable_runs import warn_if_not_conserved
from .task import Job

#: Policies where a source meets a ground, in Circuitscape's words.
POLICIES = ("keepall", "rmvsrc", "rmvgnd", "rmvall")


def solve_advanced(job: Job, circuit: Circuit) -> AdvancedResult:
    """Return potentials and currents between the sources and grounds of a job.

    Parameters
    ----------
    job
        With the inputs ``sources`` in ampere and ``grounds`` in siemens.
    circuit
        The landscape, or the network, of the job.

    Raises
    ------
    ValueError
        An input is missing; see also `advanced`.
    """
    result = advanced(
        circuit,
        require_input(job, "sources"),
        require_input(job, "grounds"),
        policy=choice_parameter(job, "policy", POLICIES),
        unit_currents=bool(job.parameters.get("unit_currents")),
        direct_grounds=bool(job.parameters.get("direct_grounds")),
        as_circuitscape=bool(job.parameters.get("as_circuitscape")),
    )
    warn_if_not_conserved(job, result.residual)
    if result.unsolved:
        job.report.warning(
            f"{count_of(result.unsolved, 'node is', 'nodes are')} connected with a source but with no ground: no "
            "current can flow there"
        )
    return result


def advanced_metrics(result: AdvancedResult) -> dict[str, Any]:
    """Return the number of cells without flow, the residual, and the ranges of currents and potentials."""
    diagnostics = diagnose_map(result.potentials, result.currents, result.residual)
    return {
        "cells_without_flow": diagnostics.without_result,
        "kcl_residual": diagnostics.residual,
        "maximum_current": float(np.nanmax(result.currents, initial=0.0)),
        "maximum_potential": float(np.nanmax(result.potentials, initial=0.0)),
        "minimum_potential": float(np.nanmin(result.potentials, initial=0.0)),
    }
