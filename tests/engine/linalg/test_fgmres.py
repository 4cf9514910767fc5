"""Flexible GMRES on systems without a solution: a failure is a status, not an exception."""

import jax.numpy as jnp
import numpy as np
import pytest

from permea.engine.linalg import NonsymmetricMultigrid, SolveStatus, StencilMatrix, require_solved

PAIR = jnp.zeros((4, 1, 2)).at[2, 0, 0].set(-1).at[1, 0, 1].set(-1)
CELL = jnp.zeros((4, 1, 3)).at[2, 0, :2].set(-1).at[1, 0, 1:].set(-1)


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("size", [1.0, 1e-300, 1e300])
@pytest.mark.parametrize(
    "singular",
    [
        StencilMatrix(jnp.ones((1, 2)), PAIR),
        StencilMatrix(jnp.array([[1.0, 2.0, 1.0]]), CELL),
        StencilMatrix(jnp.array([[1.0, 1.0, 0.0]]), CELL.at[:, 0, 2].set(0).at[2, 0, 1].set(0)),
    ],
    ids=["two cells", "three cells", "a row of zeros"],
)
def test_singular_system_is_a_status(singular, size, transpose):
    b = jnp.ones((1, *singular.shape)) * size
    solution = NonsymmetricMultigrid().compute(NonsymmetricMultigrid().init(singular), b, transpose=transpose)
    assert not solution.succeeded
    assert int(solution.stats[0].status) == SolveStatus.NOT_CONVERGED
    with pytest.raises(RuntimeError, match="singular to working precision|could not be solved accurately"):
        require_solved(solution)


def test_right_hand_side_of_zeros_is_solved():
    system = StencilMatrix(jnp.array([[2.0, 2.0]]), PAIR)
    solution = NonsymmetricMultigrid().compute(NonsymmetricMultigrid().init(system), jnp.zeros((1, 1, 2)))
    assert solution.succeeded
    np.testing.assert_array_equal(solution.value, 0.0)


@pytest.mark.parametrize("shape", [(4, 6), (6, 4)])
def test_hierarchy_of_another_shape_is_not_reused(shape):
    """One entry towards the north has the same position in the arrays of both rasters."""
    for rows, columns in (shape, shape[::-1]):
        edges = jnp.zeros((8, rows * columns)).at[1, 13].set(-1).reshape(8, rows, columns)
        solver, system = NonsymmetricMultigrid(), StencilMatrix(jnp.ones((rows, columns)), edges)
        solution = solver.compute(solver.init(system), jnp.ones((1, rows, columns)))
        assert int(solution.stats[0].status) == SolveStatus.SUCCESS
        np.testing.assert_allclose(solution.value.ravel()[13], 2.0)
