"""Current from any sources to any grounds."""

from typing import Any

import numpy as np

from ..flows import AdvancedFlow, advanced, check_map
from ..flows.interface import Circuit
from ..solvers.automatic import choose
from ..solvers.journal import journal
from . import circuits
from .circuit_runs import claim, warn_of_loss
from .landscape import choice
from .registry import Answer, Forecast, Job, Task

POLICIES = ("keepall", "rmvsrc", "rmvgnd", "rmvall")


class CircuitAdvancedTask(Task):
    """Potentials and currents between sources and grounds on a landscape."""

    name = "circuit.advanced"

    def forecast(self, job: Job) -> Forecast:
        """One solve."""
        return circuits.forecast(job, 1, 1)

    def run(self, job: Job) -> Answer:
        """One system, whatever the number of sources and grounds."""
        claim(job, self.name)
        job.report.progress(1, "The landscape as a circuit")
        circuit = circuits.read_circuit(job)
        job.report.message(choose(circuit.shape, 1, symmetric=True).reason)
        job.report.progress(5, "Potentials")
        with journal() as entries:
            flow = flow_of(job, circuit)
        numbers = circuits.circuit_numbers(circuit, entries) | numbers_of(flow)
        return Answer({"potentials": flow.potentials, "currents": flow.currents}, numbers)


def flow_of(job: Job, circuit: Circuit) -> AdvancedFlow:
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
        policy=choice(job, "policy", POLICIES),
        unit_currents=bool(job.parameters.get("unit_currents")),
        direct_grounds=bool(job.parameters.get("direct_grounds")),
        as_circuitscape=bool(job.parameters.get("as_circuitscape")),
    )
    warn_of_loss(job, flow.residual)
    if flow.unsolved:
        job.report.warning(
            f"{flow.unsolved:,} nodes are connected with a source but with no ground: current could not leave, and "
            "nothing flows there"
        )
    return flow


def numbers_of(flow: AdvancedFlow) -> dict[str, Any]:
    """Return what flows, in numbers."""
    check = check_map(flow.potentials, flow.currents, flow.residual)
    return {
        "cells_without_flow": check.without_result,
        "unconserved": check.residual,
        "maximum_current": float(np.nanmax(flow.currents, initial=0.0)),
        "maximum_potential": float(np.nanmax(flow.potentials, initial=0.0)),
        "minimum_potential": float(np.nanmin(flow.potentials, initial=0.0)),
    }
