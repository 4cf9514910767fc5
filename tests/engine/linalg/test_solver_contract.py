"""The contract of linear solvers: statistics and failures are results, and distances and circuits take any solver."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.sparse.linalg import splu

from permea.engine import FocalNodes, GridGraph, LCPDistance, ResistanceDistance, RSPDistance
from permea.engine.circuits import AllToOne, GridCircuit, NetworkCircuit, OneToAll, Pairwise, advanced, current_map
from permea.engine.linalg import (
    FallbackSolver,
    Multigrid,
    NestedDissection,
    NonsymmetricMultigrid,
    SolveStats,
    SolveStatus,
    StencilMatrix,
    record_stats,
    solve,
    with_state,
)
from permea.engine.linalg.solver_stats import record_attempts
from permea.engine.paths import distance_matrix

SHAPE = (12, 15)
CHAIN = StencilMatrix(jnp.array([[2.0, 2.0]]), jnp.zeros((4, 1, 2)).at[2, 0, 0].set(-1).at[1, 0, 1].set(-1))
SINGULAR = StencilMatrix(jnp.array([[1.0, 1.0]]), CHAIN.edges)
NONSYMMETRIC = StencilMatrix(jnp.array([[2.0, 2.0]]), CHAIN.edges.at[1, 0, 1].set(-0.5))
B = jnp.array([[[3.0, 0.0]], [[0.0, 1.0]]])

each_solver = pytest.mark.parametrize(
    "solver",
    [
        Multigrid(backend="cpu"),
        Multigrid(backend="xla"),
        NestedDissection(backend="cpu"),
        NestedDissection(backend="xla"),
        NonsymmetricMultigrid(),
        FallbackSolver(Multigrid(backend="cpu"), NestedDissection(backend="cpu")),
        FallbackSolver(Multigrid(backend="xla"), NestedDissection(backend="xla")),
    ],
    ids=lambda solver: f"{type(solver).__name__} {solver.backend}",
)


def grid():
    return GridGraph(np.random.default_rng(70).lognormal(size=SHAPE))


def focal_nodes():
    raster = np.zeros(SHAPE, int)
    raster[1, 1], raster[10, 3], raster[5:7, 12] = 1, 2, 3
    return FocalNodes.from_raster(raster)


@pytest.mark.costly_variants
@each_solver
def test_solution_has_statistics_of_each_right_hand_side(solver):
    laplacian = grid().laplacian()
    operator = StencilMatrix(laplacian.center + 0.1, laplacian.edges)
    b = jnp.asarray(np.random.default_rng(71).standard_normal((2, *SHAPE)))
    solution = solver.compute(solver.init(operator), b)
    np.testing.assert_allclose(operator.apply(solution.value), b, rtol=0, atol=1e-6)
    assert bool(solution.succeeded)
    assert tuple(stats.solver for stats in solution.stats) == solver.names
    assert all(stats.iterations.shape == stats.residuals.shape == (2,) for stats in solution.stats)
    assert float(jnp.max(solution.stats[0].residuals)) <= 1e-8


@pytest.mark.costly_variants
@each_solver
def test_arrays_are_solved_as_in_jax(solver):
    arrays = np.asarray(NONSYMMETRIC.center), np.asarray(NONSYMMETRIC.edges), np.asarray(B)
    for transpose in (False, True):
        solution = solver.solve_arrays(*arrays, transpose=transpose)
        expected = solver.compute(solver.init(NONSYMMETRIC), B, transpose=transpose)
        assert bool(solution.succeeded) == bool(expected.succeeded) == (solver.symmetric is not True)
        if solution.succeeded:
            np.testing.assert_allclose(solution.value, expected.value, rtol=1e-12)


@pytest.mark.costly_variants
@pytest.mark.parametrize("backend", ["cpu", "xla"])
@pytest.mark.parametrize(
    ("solver", "operator", "status", "message"),
    [
        (Multigrid, NONSYMMETRIC, SolveStatus.NOT_SYMMETRIC, "multigrid solves symmetric systems only"),
        (NestedDissection, SINGULAR, SolveStatus.SINGULAR, "the linear system of 2 cells is singular"),
    ],
)
def test_failure_is_a_status_and_solve_raises(solver, operator, status, message, backend):
    solver = solver(backend=backend)
    solution = solver.compute(solver.init(operator), B)
    assert not solution.succeeded
    assert int(solution.stats[0].status) == status
    with pytest.raises(RuntimeError, match=message):
        solve(solver, operator, B)
    with pytest.raises(RuntimeError, match=message):
        jax.block_until_ready(jax.jit(lambda b: solve(solver, operator, b))(B))


@pytest.mark.parametrize("backend", ["cpu", "xla"])
@pytest.mark.parametrize("compile_function", [lambda f: f, jax.jit, eqx.filter_jit], ids=["eager", "jit", "filter_jit"])
@pytest.mark.parametrize("quantity", ["solution", "sum", "gradient"])
def test_failed_solve_never_returns_a_value(compile_function, quantity, backend):
    solver, b = (
        Multigrid(iterations=1, backend=backend),
        jnp.asarray(np.random.default_rng(72).standard_normal((1, *SHAPE))),
    )
    laplacian = grid().laplacian()

    def solution(scale):
        return solve(solver, StencilMatrix(scale * laplacian.center + 1e-9, scale * laplacian.edges), b, symmetric=True)

    def total(scale):
        return jnp.sum(solution(scale))

    function = {"solution": solution, "sum": total, "gradient": jax.grad(total)}[quantity]
    with pytest.raises(RuntimeError, match="multigrid did not converge"):
        jax.block_until_ready(compile_function(function)(1.0))


def test_solver_without_transpose_has_no_derivative():
    class WithoutTranspose(NestedDissection):
        differentiable = False

    solver = WithoutTranspose(backend="cpu")
    solve_chain = with_state(solver, CHAIN, solver.init(CHAIN))
    np.testing.assert_allclose(CHAIN.apply(solve_chain(B)), B, atol=1e-14)
    with pytest.raises(ValueError, match="do not support JVP"):
        jax.grad(lambda b: solve_chain(b).sum())(B)


@pytest.mark.costly
@pytest.mark.parametrize(
    "solver", [Multigrid(tolerance=1e-11), NestedDissection(symmetric=True)], ids=["multigrid", "ND"]
)
def test_every_circuit_mode_uses_its_solver(solver):
    injected, grounds = np.zeros((2, *SHAPE))
    injected[2, 2], grounds[9, 9] = 1.0, 0.5

    def results(solver):
        circuit, focal = GridCircuit(grid(), solver=solver), focal_nodes()
        balanced = injected - np.roll(injected, 5)
        return (
            Pairwise(circuit, focal).resistances().matrix,
            Pairwise(circuit, focal).cumulative().total,
            OneToAll(circuit, focal).resistances(),
            AllToOne(circuit, focal).cumulative().total,
            advanced(circuit, injected, grounds).potentials,
            current_map(grid(), balanced, solver=solver),
        )

    with record_stats() as records:
        by_solver = results(solver)
    assert {record.solver for record in records} == set(solver.names)
    for result, expected in zip(by_solver, results(None), strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-7)


@pytest.mark.costly
def test_distance_matrix_uses_the_solver_of_the_distance():
    with record_stats() as records:
        distance_matrix(grid(), [0, 40, 120], ResistanceDistance(Multigrid()))
    assert {record.solver for record in records} == {"multigrid"}


def test_network_circuit_uses_its_factorization():
    sizes = []

    def factorize(matrix):
        sizes.append(matrix.shape)
        return splu(matrix)

    ends, conductances = np.array([[0, 1], [1, 2]]), np.array([1.0, 0.5])
    focal = FocalNodes(np.array([1, 2]), (np.array([0]), np.array([2])))
    resistances = Pairwise(NetworkCircuit(*ends.T, conductances, solver=factorize), focal).resistances()
    assert resistances.matrix[0, 1] == pytest.approx(3.0)
    assert sizes


@pytest.mark.parametrize(
    "make",
    [
        lambda: ResistanceDistance("multigrid"),
        lambda: ResistanceDistance(solver=Multigrid),
        lambda: RSPDistance(0.1, solver=3),
        lambda: RSPDistance(0.1, solver=Multigrid()),
        lambda: LCPDistance(solver=Multigrid()),
        lambda: GridCircuit(grid(), solver="multigrid"),
        lambda: NetworkCircuit(np.array([0]), np.array([1]), np.array([1.0]), solver="multigrid"),
        lambda: FallbackSolver(Multigrid(), None),
        lambda: Multigrid(on_host=True),
    ],
)
def test_wrong_solver_is_a_type_error(make):
    with pytest.raises(TypeError):
        make()


def test_least_cost_solver_is_chosen_by_name():
    assert LCPDistance(method="sweeps") == LCPDistance(solver="sweeps")
    with pytest.raises(ValueError, match="solver must be one of"):
        LCPDistance(solver="multigrid")
    np.testing.assert_allclose(
        *(LCPDistance(solver=name)(grid(), [0, 9]) for name in ("dijkstra", "sweeps")), rtol=1e-12
    )


def test_least_cost_solver_has_one_name():
    with pytest.raises(TypeError, match="either solver or method"):
        LCPDistance(solver="dijkstra", method="sweeps")


def test_record_has_the_largest_residual_that_was_computed():
    stats = SolveStats("Jacobi", np.array([5, 9]), np.array([np.nan, 1e-3]), np.array(int(SolveStatus.NOT_CONVERGED)))
    with record_stats() as records:
        record_attempts((stats,))
    assert [(record.iterations, record.residual) for record in records] == [(9, 1e-3)]
