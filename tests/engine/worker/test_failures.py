"""Failures inside the engine: the user reads the reason, and no note for programmers."""

import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from permea.engine import GridGraph, RSPDistance
from permea.engine.linalg import Multigrid, NonsymmetricMultigrid, StencilMatrix, record_stats, solve
from permea.engine.moving_window.dispatch.dask import _import_distributed
from permea.engine.worker.failures import FailureKind, describe_failure, traceback_text
from permea.engine.worker.metrics import solver_metrics

NOTES = ("JAX", "equinox", "Equinox", "----", "filter_jit", "Traceback", "CpuCallback")
OPERATOR = GridGraph(np.random.default_rng(1).lognormal(size=(12, 15))).laplacian()
B = jnp.asarray(np.random.default_rng(72).standard_normal((1, 12, 15)))


def error_of(function):
    with pytest.raises(Exception) as error:  # noqa: PT011
        jax.block_until_ready(function())
    return error.value


def unsolved():
    operator = StencilMatrix(OPERATOR.center + 1e-9, OPERATOR.edges)
    return solve(Multigrid(iterations=1), operator, B, symmetric=True)


@pytest.mark.parametrize("compile_function", [lambda f: f, jax.jit, eqx.filter_jit], ids=["eager", "jit", "filter_jit"])
def test_message_of_a_failed_solve_is_the_reason(compile_function):
    error = error_of(compile_function(unsolved))
    kind, text = describe_failure(error)
    assert kind is FailureKind.UNSOLVED
    assert text.startswith("multigrid did not converge: the residual stays above the tolerance.")
    assert text.endswith("try a direct solver")
    assert not any(note in text for note in NOTES)


@pytest.mark.parametrize("compile_function", [lambda f: f, jax.jit, eqx.filter_jit], ids=["eager", "jit", "filter_jit"])
def test_invalid_input_in_a_callback_is_invalid_input(compile_function):
    distance = RSPDistance(0.01, cost=lambda w: 0.1 - w, solver=NonsymmetricMultigrid())
    grid = GridGraph(np.ones((4, 5)))
    kind, text = describe_failure(error_of(lambda: compile_function(lambda: distance(grid, targets=[5]))()))
    assert kind is FailureKind.INPUT
    assert text.startswith("the cost is negative or undefined on")
    assert not any(note in text for note in NOTES)


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (ValueError("theta must be positive"), FailureKind.INPUT, "theta must be positive"),
        (MemoryError(), FailureKind.MEMORY, "the memory ran out; "),
        (np.linalg.LinAlgError("Singular matrix"), FailureKind.UNSOLVED, "a linear system is singular"),
        (RuntimeError("Factor is exactly singular"), FailureKind.UNSOLVED, "a linear system is singular"),
        (
            RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 8000 bytes."),
            FailureKind.MEMORY,
            "the memory ran out: 8 kB more were needed; ",
        ),
        (
            OSError(28, "No space left on device", "a.npy"),
            FailureKind.ENVIRONMENT,
            "The result could not be written: No space left on device (a.npy). Is the disk full",
        ),
        (
            OSError("200 requested and 100 written"),
            FailureKind.ENVIRONMENT,
            "The result could not be written: the disk is",
        ),
        (
            FileNotFoundError(2, "No such file", "a.npy"),
            FailureKind.ENVIRONMENT,
            "A file of the run is missing: a.npy.",
        ),
        (
            ConnectionResetError(104, "reset by peer"),
            FailureKind.ENVIRONMENT,
            "The connection to the cluster was",
        ),
        (KeyError("theta"), FailureKind.INTERNAL, "'theta'"),
        (
            RuntimeError(
                "INTERNAL: CpuCallback error calling callback: Traceback (most recent call last):\n"
                '  File "a.py", line 1, in f\nequinox._errors._EquinoxRuntimeError: the system is singular\n\n\n'
                "--------------------\nAn error occurred during the runtime of your JAX program! Please wrap your "
                "program with `equinox.filter_jit`.\n--------------------\n\n\nAt:\n  a.py(3): raises\n"
            ),
            FailureKind.UNSOLVED,
            "the system is singular",
        ),
    ],
)
def test_kind_and_text(error, kind, text):
    failure = describe_failure(error)
    assert failure.kind is kind
    assert failure.text.startswith(text)
    assert not any(note in failure.text for note in NOTES)


@pytest.mark.parametrize(
    ("fail", "kind"),
    [
        (lambda: GridGraph(-np.ones((2, 3))), FailureKind.INPUT),
        (lambda: np.ones(3) + np.ones(4), FailureKind.INTERNAL),
        (lambda: np.reshape(np.ones(3), (2, 2)), FailureKind.INTERNAL),
        (lambda: FailureKind("no kind"), FailureKind.INTERNAL),
    ],
    ids=["engine", "operator", "library", "enumeration"],
)
def test_only_errors_that_the_engine_raises_are_for_the_user(fail, kind):
    assert describe_failure(error_of(fail)).kind is kind


def test_an_error_of_a_library_in_compiled_code_is_internal():
    text = f'Traceback (most recent call last):\n  File "{np.__file__}", line 1, in f\nValueError: bad shapes'
    assert describe_failure(RuntimeError(text)) == (FailureKind.INTERNAL, "bad shapes")


def test_missing_optional_package_is_explained(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    failure = describe_failure(error_of(_import_distributed))
    assert failure.kind is FailureKind.ENVIRONMENT
    assert failure.text.startswith("a cluster needs Dask, which is not installed here")


def test_log_has_the_traceback_without_notes():
    text = traceback_text(error_of(jax.jit(unsolved)))
    assert "Traceback" in text
    assert not any(note in text for note in ("your JAX program", "JAX has removed", "JAX_TRACEBACK", "filter_jit`"))


def test_metrics_are_those_of_the_solution_and_not_of_a_failed_attempt():
    grid = GridGraph(np.random.default_rng(3).lognormal(size=(40, 40)))
    with record_stats() as records:
        RSPDistance(0.01, solver=NonsymmetricMultigrid(iterations=2))(grid, targets=[700])
    assert max(record.residual for record in records) > 1e-6
    metrics = solver_metrics(records)
    assert metrics["solver"] == "nested dissection, after nonsymmetric multigrid was given up"
    assert metrics["iterations"] is None
    assert metrics["residual"] < 1e-12
