"""Resistances across mazes, high contrasts and weak walls: accurate, or an error that says why they are not known."""

import re

import numpy as np
import pytest
import reference_resistance
from reference_laplacian import independent_matrix
from scipy.sparse.linalg import splu

from permea.engine import GridGraph, ResistanceDistance
from permea.engine.graph import gallery
from permea.engine.linalg import FallbackSolver, Multigrid, NestedDissection

SIDE = 64


def lognormal(shape, seed):
    return np.random.default_rng(seed).lognormal(size=shape)


def resistance(permeability, solver, first, second, neighbors="queen"):
    """Resistance between two cells."""
    grid = GridGraph(permeability, neighbors=neighbors)
    ends = grid.coord_to_active_vertex_index(*zip(first, second, strict=True))
    return float(ResistanceDistance(solver).pairs(grid, ends[:1], ends[1:])[0])


def assert_right_or_raises(expected, rtol, *arguments):
    """Accept the expected resistance or an error that says why it is not known, and no other number."""
    try:
        result = resistance(*arguments)
    except RuntimeError as error:
        assert re.search("did not converge|singular|could not be solved accurately", str(error))
    else:
        assert result == pytest.approx(expected, rel=rtol)


def independent_resistance(permeability, first, second, neighbors="queen"):
    """Resistance by SuperLU: the potential of one cell for one ampere when the other is grounded."""
    free = np.flatnonzero(permeability.ravel() > 0)
    ground = np.ravel_multi_index(second, permeability.shape)
    free = free[free != ground]
    current = (free == np.ravel_multi_index(first, permeability.shape)).astype(float)
    return splu(independent_matrix(permeability, neighbors).tocsr()[free][:, free].tocsc()).solve(current) @ current


CORNERS = ((0, 0), (SIDE - 2, 0))
by_default = pytest.mark.parametrize(
    "solver", [None, FallbackSolver(Multigrid(cycle="float32"), NestedDissection())], ids=["automatic", "fallback"]
)


def test_maze_is_solved_or_raises():
    maze = gallery.serpentine(SIDE - 1, SIDE)
    assert_right_or_raises(independent_resistance(maze, *CORNERS), 1e-8, maze, Multigrid(), *CORNERS)


def test_resistance_of_maze_is_that_of_its_only_path():
    # With four neighbours: 32 corridors of 64 cells, and 31 cells that join them, one ohm from each to the next.
    maze = gallery.serpentine(SIDE - 1, SIDE)
    assert resistance(maze, None, *CORNERS, neighbors="rook") == pytest.approx(32 * 64 + 31 - 1, rel=1e-8)


@by_default
def test_resistance_of_maze_with_shortcuts_agrees_with_superlu(solver):
    maze = gallery.serpentine(SIDE - 1, SIDE)
    result = resistance(maze, solver, *CORNERS)
    assert result == pytest.approx(independent_resistance(maze, *CORNERS), rel=1e-8)


@pytest.mark.parametrize("seed", range(3))
def test_contrast_of_eight_orders_is_solved_or_raises(seed):
    wild = 10 ** np.random.default_rng(seed).uniform(-4, 4, (SIDE - 1, SIDE))
    assert_right_or_raises(independent_resistance(wild, *CORNERS), 1e-8, wild, Multigrid(), *CORNERS)


WALL = 1e-12
WEST, GATE, EAST = (3, 5), (30, 32), (50, 60)
WEST_END = (GATE[0], GATE[1] - 1)
EAST_END = (GATE[0], GATE[1] + 1)
fails_with_nested_dissection = pytest.mark.xfail(
    strict=True, reason="to nested dissection a matrix with a wall of 1e-12 is singular"
)
each_solver = pytest.mark.parametrize(
    "solver",
    [
        pytest.param(None, id="automatic"),
        pytest.param(Multigrid(), id="multigrid"),
        pytest.param(NestedDissection(), id="nested dissection", marks=fails_with_nested_dissection),
    ],
)


def halves_with_weak_gate():
    """Two halves separated by nodata; with four neighbours, only three cells of permeability 1e-12 connect them."""
    permeability = lognormal((SIDE - 1, SIDE), seed=34)
    permeability[:, GATE[1]] = 0
    permeability[GATE[0], GATE[1] - 1 : GATE[1] + 2] = WALL
    return permeability


def in_eastern_half(cell):
    """The cell in the raster of the eastern half."""
    return cell[0], cell[1] - GATE[1] - 1


@pytest.mark.long
@pytest.mark.parametrize("solver", [None, Multigrid(), NestedDissection()], ids=["automatic", "multigrid", "direct"])
def test_resistance_across_weak_gate_is_right_or_an_error(solver):
    """Across a gate of 1e-12 the solvers may fail; they may not return a wrong number or NaN."""
    both = halves_with_weak_gate()
    west = independent_resistance(both[:, : GATE[1]], WEST, WEST_END, "rook")
    east = independent_resistance(both[:, GATE[1] + 1 :], in_eastern_half(EAST), in_eastern_half(EAST_END), "rook")
    assert_right_or_raises(west + 2 / WALL + east, 1e-9, both, solver, WEST, EAST, "rook")


@pytest.mark.long
@each_solver
def test_weak_gate_leaves_resistances_on_one_side_unchanged(solver):
    both = halves_with_weak_gate()
    west = independent_resistance(both[:, : GATE[1]], WEST, (40, 20), "rook")
    assert resistance(both, solver, WEST, (40, 20), "rook") == pytest.approx(west, rel=1e-8)


def thin_wall():
    """Three columns of permeability 1e-12, two rows of them nodata, between two regions."""
    permeability = lognormal((6, 9), seed=35)
    permeability[:, 3:6] = WALL
    permeability[2:4, 3:6] = 0
    return permeability


@pytest.mark.costly
@each_solver
@pytest.mark.parametrize(
    ("first", "second"),
    [((0, 0), (5, 8)), ((0, 2), (4, 1)), ((1, 4), (3, 8))],
    ids=["across", "one side", "from within"],
)
def test_resistance_of_weak_wall_agrees_with_forty_digits(solver, first, second):
    wall = thin_wall()
    expected = reference_resistance.resistance(wall, first, second)
    assert resistance(wall, solver, first, second, "rook") == pytest.approx(expected, rel=1e-8)


@pytest.mark.costly
@pytest.mark.parametrize("solver", [None, Multigrid()], ids=["automatic", "multigrid"])
def test_weak_wall_leaves_resistances_within_halves_unchanged(solver):
    assert_resistances_within_halves_are_exact(thin_wall(), solver)


@pytest.mark.parametrize("solver", [None, Multigrid()], ids=["automatic", "multigrid"])
def test_wall_of_a_millionth_leaves_resistances_within_halves_unchanged(solver):
    assert_resistances_within_halves_are_exact(np.where(thin_wall() == WALL, 1e-6, thin_wall()), solver)


def assert_resistances_within_halves_are_exact(wall, solver):
    """Compare the resistance of one pair of cells on each side of a wall with forty digits."""
    cells = [(0, 0), (4, 1), (1, 7), (5, 8)]
    grid = GridGraph(wall, neighbors="rook")
    result = ResistanceDistance(solver)(grid, nodes=grid.coord_to_active_vertex_index(*zip(*cells, strict=True)))
    expected = [reference_resistance.resistance(wall, *pair) for pair in (cells[:2], cells[2:])]
    assert [float(result[0, 1]), float(result[2, 3])] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("wall", [1e-10, 1e-17])
def test_all_pairs_across_weak_wall_are_right_or_an_error(wall):
    """Behind the wall potentials are so high that their differences may be lost: no wrong number, and no NaN."""
    permeability = np.where(thin_wall() == WALL, wall, thin_wall())
    expected = reference_resistance.resistance(permeability, (0, 0), (4, 1))
    grid = GridGraph(permeability, neighbors="rook")
    ends = grid.coord_to_active_vertex_index([0, 4], [0, 1])
    try:
        result = float(ResistanceDistance()(grid)[ends[0], ends[1]])
    except RuntimeError as error:
        assert "could not be computed accurately" in str(error)
    else:
        assert result == pytest.approx(expected, rel=1e-3)


def test_resistances_behind_a_wall_are_never_zero():
    """Two cells behind a wall of 1e-17, with all other nodes on its far side: no digit of the difference is left."""
    permeability, cells = np.where(thin_wall() == WALL, 1e-17, thin_wall()), [(1, 7), (0, 0), (4, 1)]
    grid = GridGraph(permeability, neighbors="rook")
    nodes = grid.coord_to_active_vertex_index(*zip(*cells, strict=True))
    expected = [reference_resistance.resistance(permeability, *cells[1:])]
    try:
        result = ResistanceDistance(Multigrid())(grid, nodes=nodes)
    except RuntimeError as error:
        assert re.search("did not converge|singular|could not be solved accurately", str(error))
    else:
        assert [float(result[1, 2])] == pytest.approx(expected, rel=1e-8)
