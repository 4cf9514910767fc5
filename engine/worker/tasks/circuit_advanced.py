"""Current from any sources to any grounds."""

from typing import Any

import numpy as np

from ...circuits import advanced
from ...circuits.advanced_mode import AdvancedResult
from ...circuits.base import Circuit
from ...circuits.validation import diagnose_map
from ...linalg.auto import select_solver
from ...linalg.solver_stats import record_stats
from .. import circuit_inputs
from ..inputs import choice_parameter
from ..resumable_runs import lock_output_folder, warn_if_not_conserved
from ..task import Job, ResourceEstimate, Task, TaskResult

POLICIES = ("keepall", "rmvsrc", "rmvgnd", "rmvall")


class CircuitAdvancedTask(Task):
    """Potentials and currents between sources and grounds on a landscape."""

    name = "circuit.advanced"

    def estimate(self, job: Job) -> ResourceEstimate:
        """One solve."""
        return circuit_inputs.estimate(job, 1, 1)

    def run(self, job: Job) -> TaskResult:
        """One system, whatever the number of sources and grounds."""
        lock_output_folder(job, self.name)
        job.report.progress(1, "The landscape as a circuit")
        circuit = circuit_inputs.read_circuit(job)
        job.report.message(select_solver(circuit.shape, 1, symmetric=True).reason)
        job.report.progress(5, "Potentials")
        with record_stats() as entries:
            flow = run_advanced(job, circuit)
        metrics = circuit_inputs.circuit_metrics(circuit, entries) | advanced_metrics(flow)
        return TaskResult({"potentials": flow.potentials, "currents": flow.currents}, metrics)


def run_advanced(job: Job, circuit: Circuit) -> AdvancedResult:
    """Return what flows from the sources to the grounds of a job, checked.

    Parameters
    ----------
    job
        With sources and grounds.
    circuit
        Its landscape, or its network.

    Raises
    ------
    ValueError
        An input is missing; as `advanced`.
    """
    for name in ("sources", "grounds"):
        if name not in job.inputs:
            raise ValueError(f'input "{name}" is missing')
    flow = advanced(
        circuit,
        job.inputs["sources"],
        job.inputs["grounds"],
        policy=choice_parameter(job, "policy", POLICIES),
        unit_currents=bool(job.parameters.get("unit_currents")),
        direct_grounds=bool(job.parameters.get("direct_grounds")),
        as_circuitscape=bool(job.parameters.get("as_circuitscape")),
    )
    warn_if_not_conserved(job, flow.residual)
    if flow.unsolved:
        job.report.warning(
            f"{flow.unsolved:,} nodes are connected with a source but with no ground: current could not leave, and "
            "nothing flows there"
        )
    return flow


def advanced_metrics(flow: AdvancedResult) -> dict[str, Any]:
    """Return what flows, in numbers."""
    check = diagnose_map(flow.potentials, flow.currents, flow.residual)
    return {
        "cells_without_flow": check.without_result,
        "kcl_residual": check.residual,
        "maximum_current": float(np.nanmax(flow.currents, initial=0.0)),
        "maximum_potential": float(np.nanmax(flow.potentials, initial=0.0)),
        "minimum_potential": float(np.nanmin(flow.potentials, initial=0.0)),
    }
