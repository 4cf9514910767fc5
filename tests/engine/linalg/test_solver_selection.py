"""The choice of a solver by cells, right-hand sides, symmetry and memory, and the fallback from one to another."""

import jax.numpy as jnp
import numpy as np
import pytest

from permea.engine import GridGraph, ResistanceDistance
from permea.engine.graph import gallery
from permea.engine.linalg.auto import require_memory, select_solver
from permea.engine.linalg.base import require_solved
from permea.engine.linalg.fallback import FallbackSolver
from permea.engine.linalg.multigrid import Multigrid
from permea.engine.linalg.nested_dissection import NestedDissection, predicted_factor_bytes
from permea.engine.linalg.nonsymmetric_multigrid import NonsymmetricMultigrid
from permea.engine.linalg.solver_stats import record_stats

TERABYTE = 1 << 40
HALF_GIGABYTE = 1 << 29
LARGE = (2000, 2000)


def test_small_landscape_is_factored():
    choice = select_solver((60, 60), 1, symmetric=True, free_bytes=TERABYTE)
    assert choice.direct
    assert choice.reason == "3,600 cells, 1 right-hand side: nested dissection, exact and as fast"


def test_few_right_hand_sides_use_multigrid_with_fallback():
    choice = select_solver(LARGE, 2, symmetric=True, free_bytes=TERABYTE)
    assert isinstance(choice.solver, FallbackSolver)
    assert choice.reason.endswith("2 right-hand sides: multigrid conjugate gradients, faster than a factorization")


def test_many_right_hand_sides_of_large_landscape_share_a_factorization():
    choice = select_solver(LARGE, 1000, symmetric=True, free_bytes=TERABYTE)
    assert choice.direct
    assert choice.reason == "4,000,000 cells, 1,000 right-hand sides: nested dissection, one factorization for all"


def test_factorization_is_chosen_from_some_number_of_right_hand_sides_on():
    direct = [select_solver((1000, 1000), k, symmetric=True, free_bytes=TERABYTE).direct for k in (1, 10, 100, 1000)]
    assert direct == sorted(direct)
    assert direct[-1]


@pytest.mark.parametrize("right_hand_sides", [1, 1000])
def test_directed_landscape_of_moderate_size_is_factored_as_nonsymmetric(right_hand_sides):
    choice = select_solver((60, 60), right_hand_sides, symmetric=False, free_bytes=TERABYTE)
    assert choice.solver == NestedDissection(symmetric=False)
    assert choice.reason.endswith("not symmetric: nested dissection")


def test_large_directed_landscape_uses_nonsymmetric_multigrid():
    choice = select_solver(LARGE, 1, symmetric=False, free_bytes=TERABYTE)
    assert choice.solver == NonsymmetricMultigrid()
    assert not choice.direct
    assert choice.reason.endswith("not symmetric: nonsymmetric multigrid, faster than a factorization")


def test_directed_landscape_needs_more_memory_than_undirected_one():
    directed, undirected = (
        select_solver((60, 60), 1, symmetric=symmetric, free_bytes=TERABYTE) for symmetric in (False, True)
    )
    assert directed.bytes > undirected.bytes


def test_multigrid_has_no_fallback_where_a_factor_does_not_fit():
    factor = predicted_factor_bytes(LARGE, symmetric=True)
    choice = select_solver(LARGE, 1, symmetric=True, free_bytes=factor - 1)
    assert choice.solver == Multigrid()
    assert f"a factor would not fit into memory ({factor / 2**30:.1f} of" in choice.reason


def test_choice_never_needs_more_memory_than_is_free():
    enough = select_solver(LARGE, 1, symmetric=True, free_bytes=TERABYTE).bytes
    assert select_solver(LARGE, 1, symmetric=True, free_bytes=enough).bytes == enough
    with pytest.raises(MemoryError):
        select_solver(LARGE, 1, symmetric=True, free_bytes=enough - 1)


@pytest.mark.parametrize("symmetric", [True, False])
def test_too_large_landscape_raises_with_needed_and_free_memory(symmetric):
    with pytest.raises(MemoryError, match=r"4,000,000 cells.* needs about \d+\.\d GB of memory, and 0\.5 GB are free"):
        select_solver(LARGE, 1, symmetric=symmetric, free_bytes=HALF_GIGABYTE)


def test_too_large_map_raises_with_its_name():
    with pytest.raises(MemoryError, match=r"^The map needs about \d+\.\d GB of memory, and 0\.5 GB are free"):
        require_memory(LARGE, "The map", symmetric=True, free_bytes=HALF_GIGABYTE)


@pytest.mark.parametrize(
    "request_memory",
    [
        lambda shape: select_solver(shape, 1, symmetric=True),
        lambda shape: require_memory(shape, "The map", symmetric=True),
    ],
    ids=["solver", "map"],
)
def test_free_memory_is_that_of_the_machine_by_default(request_memory):
    """No machine has the 500 TB that a raster of 10¹² cells needs."""
    with pytest.raises(MemoryError, match=r"\d+\.\d GB are free"):
        request_memory((10**6, 10**6))


def solve_corridor(iterations):
    """Return the resistance along a corridor of 300 cells, and the names of the solvers that ran."""
    solver = FallbackSolver(Multigrid(cycle="float32", iterations=iterations), NestedDissection())
    with record_stats() as records:
        resistance = ResistanceDistance(solver).pairs(GridGraph(gallery.uniform(1, 300)), [0], [299])
    return float(resistance[0]), [record.solver for record in records]


def test_fallback_is_not_used_after_convergence():
    assert solve_corridor(iterations=300) == (pytest.approx(299, rel=1e-8), ["multigrid"])


def test_fallback_solves_what_does_not_converge_and_both_are_recorded():
    resistance, solvers = solve_corridor(iterations=0)
    assert resistance == pytest.approx(299, rel=1e-10)
    assert solvers == ["multigrid", "nested dissection"]


def test_fallback_solves_directed_landscape_and_its_transpose():
    laplacian = GridGraph(np.random.default_rng(41).lognormal(size=(1, 300)), edge_rule="target").laplacian()
    operator = type(laplacian)(laplacian.center + 0.1, laplacian.edges)
    solver, b = FallbackSolver(Multigrid(cycle="float32"), NestedDissection()), jnp.ones((1, 1, 300))
    for transpose, matrix in ((False, operator), (True, operator.transpose())):
        x = require_solved(solver.compute(solver.init(operator), b, transpose=transpose))
        np.testing.assert_allclose(matrix.apply(x), b, rtol=1e-9)


def test_multigrid_stops_early_beyond_its_iteration_budget():
    grid, sources, targets = GridGraph(gallery.fractal(120, 120, seed=2)), [0, 5, 9], [4000, 7000, 9000]
    expected = ResistanceDistance(NestedDissection(symmetric=True)).pairs(grid, sources, targets)
    for budget, solvers in ((1.0, {"multigrid": False, "nested dissection": True}), (1e3, {"multigrid": True})):
        solver = FallbackSolver(Multigrid(iteration_budget=budget), NestedDissection(symmetric=True))
        with record_stats() as records:
            resistance = ResistanceDistance(solver).pairs(grid, sources, targets)
        assert {record.solver: record.succeeded for record in records} == solvers
        assert all(record.residual is None or record.residual <= 1e-8 for record in records)
        np.testing.assert_allclose(resistance, expected, rtol=1e-7)
