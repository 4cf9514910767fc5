"""The documented adapter for lineax agrees with nested dissection, its gradient and its failures included."""

import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from permea.engine import FocalNodes, GridGraph, ResistanceDistance
from permea.engine.circuits import GridCircuit, Pairwise
from permea.engine.linalg import FallbackSolver, NestedDissection, record_stats

lineax = pytest.importorskip("lineax")

PAGE = Path(__file__).resolve().parents[3] / "docs" / "solvers.md"
NODES = np.array([0, 17, 41])


@pytest.fixture(scope="module")
def adapter():
    """The class in the documentation."""
    (program,) = re.findall(r"```python\n(import jax\n.*?)\n\n\nby_lineax", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names = {}
    exec(compile(program, str(PAGE), "exec"), names)
    return names["Lineax"]


@pytest.fixture(scope="module")
def permeability():
    return jnp.asarray(np.random.default_rng(60).lognormal(size=(6, 7)))


@pytest.mark.long
def test_resistance_and_gradient_agree_with_nested_dissection(adapter, permeability):
    def total(permeability, solver):
        return ResistanceDistance(solver)(GridGraph(permeability), nodes=NODES).sum()

    value, gradient = jax.value_and_grad(total)(permeability, adapter())
    expected, expected_gradient = jax.value_and_grad(total)(permeability, NestedDissection(symmetric=True))
    np.testing.assert_allclose(value, expected, rtol=1e-9)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-8)


def test_circuit_takes_the_adapter(adapter, permeability):
    focal = FocalNodes.from_raster(np.diag([1, 2, 3, 0, 0, 0]) @ np.eye(6, 7, dtype=int))
    grid = GridGraph(permeability)
    with record_stats() as records:
        resistances = Pairwise(GridCircuit(grid, solver=adapter()), focal).resistances().matrix
    assert {record.solver for record in records} == {"lineax"}
    np.testing.assert_allclose(resistances, Pairwise(GridCircuit(grid), focal).resistances().matrix, rtol=1e-9)


def test_failure_raises_or_reaches_the_fallback(adapter, permeability):
    failing = adapter(lineax.CG(rtol=1e-12, atol=1e-12, max_steps=2))
    grid = GridGraph(permeability)
    with pytest.raises(RuntimeError, match="lineax did not converge"):
        ResistanceDistance(failing)(grid, nodes=NODES)
    solver = FallbackSolver(failing, NestedDissection(symmetric=True))
    expected = ResistanceDistance(NestedDissection(symmetric=True))(grid, nodes=NODES)
    np.testing.assert_allclose(ResistanceDistance(solver)(grid, nodes=NODES), expected, rtol=1e-12)
