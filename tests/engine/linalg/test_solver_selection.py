"""The choice of a solver: by cells, right-hand sides, symmetry and memory, with its reason."""

import jax.numpy as jnp
import numpy as np
import pytest
from permea.engine import GridGraph, ResistanceDistance
from permea.engine.graph import gallery
from permea.engine.linalg import auto
from permea.engine.linalg.auto import require_memory, select_solver
from permea.engine.linalg.base import require_solved
from permea.engine.linalg.fallback import FallbackSolver
from permea.engine.linalg.multigrid import Multigrid
from permea.engine.linalg.nested_dissection import NestedDissection, predicted_factor_bytes
from permea.engine.linalg.nonsymmetric_multigrid import NonsymmetricMultigrid
from permea.engine.linalg.solver_stats import record_stats

MUCH = 1 << 40
LARGE = (2000, 2000)


def test_a_small_landscape_is_factored():
    choice = select_solver((60, 60), 1, symmetric=True, free_bytes=MUCH)
    assert choice.direct
    assert choice.reason == "3,600 cells, 1 right-hand side: nested dissection, exact, and as soon done"


def test_few_right_hand_sides_of_a_large_landscape_are_iterated_with_a_direct_solver_in_reserve():
    choice = select_solver(LARGE, 2, symmetric=True, free_bytes=MUCH)
    assert isinstance(choice.solver, FallbackSolver)
    assert choice.reason.endswith("2 right-hand sides: multigrid conjugate gradients, as a factor would take more time")


def test_many_right_hand_sides_of_a_large_landscape_share_a_factor():
    choice = select_solver(LARGE, 1000, symmetric=True, free_bytes=MUCH)
    assert choice.direct
    assert choice.reason == "4,000,000 cells, 1,000 right-hand sides: nested dissection, a factor serves them all"


def test_the_more_right_hand_sides_the_sooner_a_landscape_is_factored():
    direct = [select_solver((1000, 1000), k, symmetric=True, free_bytes=MUCH).direct for k in (1, 10, 100, 1000)]
    assert direct == sorted(direct)
    assert direct[-1]


@pytest.mark.parametrize("right_hand_sides", [1, 1000])
def test_a_directed_landscape_of_moderate_size_is_factored_without_assuming_symmetry(right_hand_sides):
    choice = select_solver((60, 60), right_hand_sides, symmetric=False, free_bytes=MUCH)
    assert choice.solver == NestedDissection(symmetric=False)
    assert choice.reason.endswith("not symmetric: nested dissection")


def test_a_large_directed_landscape_is_walked_through():
    choice = select_solver(LARGE, 1, symmetric=False, free_bytes=MUCH)
    assert choice.solver == NonsymmetricMultigrid()
    assert not choice.direct
    assert choice.reason.endswith("not symmetric: nonsymmetric multigrid, as a factor would take more time")


def test_a_directed_landscape_needs_more_memory_than_an_undirected_one():
    directed, undirected = (select_solver((60, 60), 1, symmetric=way, free_bytes=MUCH) for way in (False, True))
    assert directed.bytes > undirected.bytes


def test_where_a_factor_does_not_fit_a_landscape_is_iterated_without_reserve():
    factor = predicted_factor_bytes(LARGE, symmetric=True)
    choice = select_solver(LARGE, 1, symmetric=True, free_bytes=factor - 1)
    assert choice.solver == Multigrid()
    assert f"a factor would not fit into memory ({factor / 2**30:.1f} of" in choice.reason


def test_a_choice_says_how_much_memory_it_needs_and_never_more_than_there_is():
    enough = select_solver(LARGE, 1, symmetric=True, free_bytes=MUCH).bytes
    assert select_solver(LARGE, 1, symmetric=True, free_bytes=enough).bytes == enough
    with pytest.raises(MemoryError):
        select_solver(LARGE, 1, symmetric=True, free_bytes=enough - 1)


@pytest.mark.parametrize("symmetric", [True, False])
def test_a_landscape_beyond_memory_is_refused_with_what_it_needs_and_what_is_free(symmetric):
    with pytest.raises(MemoryError, match=r"4,000,000 cells.* needs about \d+\.\d GB of memory, and 0\.5 GB are free"):
        select_solver(LARGE, 1, symmetric=symmetric, free_bytes=1 << 29)


@pytest.fixture
def little_memory(monkeypatch):
    """A computer on which half a gigabyte is free."""
    monkeypatch.setattr(auto, "free_memory", lambda: 1 << 29)


def test_a_map_beyond_memory_is_refused_by_name(little_memory):
    with pytest.raises(MemoryError, match=r"^The map needs about \d+\.\d GB of memory, and 0\.5 GB are free"):
        require_memory(LARGE, "The map", symmetric=True)


def test_the_memory_of_this_computer_is_asked_for_if_none_is_given(little_memory):
    with pytest.raises(MemoryError, match=r"0\.5 GB are free"):
        select_solver(LARGE, 1, symmetric=True)


def solved_with_precaution(iterations):
    """The resistance along a corridor of 300 cells, and what the journal says about it."""
    solver = FallbackSolver(Multigrid(cycle="float32", iterations=iterations), NestedDissection())
    with record_stats() as entries:
        found = ResistanceDistance(solver).pairs(GridGraph(gallery.uniform(1, 300)), [0], [299])
    return float(found[0]), [entry.solver for entry in entries]


def test_with_precaution_what_converges_is_not_solved_twice():
    assert solved_with_precaution(iterations=300) == (pytest.approx(299, rel=1e-8), ["multigrid"])


def test_with_precaution_what_does_not_converge_is_solved_directly_and_the_journal_shows_both():
    found, solvers = solved_with_precaution(iterations=0)
    assert found == pytest.approx(299, rel=1e-10)
    assert solvers == ["multigrid", "nested dissection"]


def test_with_precaution_a_directed_landscape_is_solved_directly_both_ways():
    laplacian = GridGraph(np.random.default_rng(41).lognormal(size=(1, 300)), edge_rule="target").laplacian()
    system = type(laplacian)(laplacian.center + 0.1, laplacian.edges)
    solver, b = FallbackSolver(Multigrid(cycle="float32"), NestedDissection()), jnp.ones((1, 1, 300))
    for transposed, matrix in ((False, system), (True, system.transpose())):
        found = require_solved(solver.compute(solver.init(system), b, transpose=transposed))
        np.testing.assert_allclose(matrix.apply(found), b, rtol=1e-9)


def test_what_takes_more_iterations_than_it_is_worth_is_given_up_early_and_leaves_no_residual():
    grid, one, other = GridGraph(gallery.fractal(120, 120, seed=2)), [0, 5, 9], [4000, 7000, 9000]
    right = ResistanceDistance(NestedDissection(symmetric=True)).pairs(grid, one, other)
    for worth, solvers in ((1.0, ["multigrid, given up", "nested dissection"]), (1e3, ["multigrid"])):
        solver = FallbackSolver(Multigrid(iteration_budget=worth), NestedDissection(symmetric=True))
        with record_stats() as entries:
            found = ResistanceDistance(solver).pairs(grid, one, other)
        assert list(dict.fromkeys(entry.solver for entry in entries)) == solvers
        assert all(entry.residual is None or entry.residual <= 1e-8 for entry in entries)
        np.testing.assert_allclose(found, right, rtol=1e-7)
