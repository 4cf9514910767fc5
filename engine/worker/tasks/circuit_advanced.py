"""Current from any sources to any grounds of a landscape."""

from ...linalg import record_stats, select_solver
from ..advanced_runs import advanced_metrics, solve_advanced
from ..circuit_inputs import estimate_circuit, read_circuit
from ..job_checkpoint import open_checkpoint
from ..metrics import landscape_metrics, solver_metrics
from ..task import Job, ResourceEstimate, Task, TaskResult


class CircuitAdvancedTask(Task):
    """Potentials and currents between sources and grounds on a landscape."""

    name = "circuit.advanced"

    def estimate(self, job: Job) -> ResourceEstimate:
        """One solve."""
        return estimate_circuit(job, 1)

    def run(self, job: Job) -> TaskResult:
        """Solve one linear system for all sources and grounds."""
        open_checkpoint(job, self.name)
        job.report.progress(1, "The landscape as a circuit")
        circuit = read_circuit(job)
        job.report.detail(select_solver(circuit.shape, 1, symmetric=True).reason)
        job.report.progress(5, "Potentials")
        with record_stats() as stats:
            result = solve_advanced(job, circuit)
        metrics = landscape_metrics(circuit.grid) | solver_metrics(stats) | advanced_metrics(result)
        return TaskResult({"potentials": result.potentials, "currents": result.currents}, metrics)
