"""Multigrid against SuperLU, whose matrices are put together without a stencil: right for any landscape, or refused."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import reference_dense
from jax import monitoring
from permea.engine import GridGraph, ResistanceDistance
from permea.engine.graph import gallery
from permea.engine.linalg.base import require_solved
from permea.engine.linalg.fallback import FallbackSolver
from permea.engine.linalg.multigrid import Multigrid
from permea.engine.linalg.nested_dissection import NestedDissection
from permea.engine.linalg.solver_stats import record_stats
from permea.engine.linalg.stencil_matrix import StencilMatrix
from scipy.sparse import coo_array, diags_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

SIDE = 64
TOLERANCE = 1e-8
COMPILED = "/jax/core/compile/backend_compile_duration"


@pytest.fixture(scope="module", autouse=True)
def quick_compilation():
    """These landscapes spend their time in the compiler, too, unlike those of the direct solver."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


def several_components():
    """Four quarters between two walls, in one of them an island of a single cell."""
    permeability = np.random.default_rng(31).lognormal(size=(SIDE, SIDE))
    permeability[20], permeability[:, 37] = 0, 0
    permeability[3:6, 3:6] = 0
    permeability[4, 4] = 1
    return permeability


LANDSCAPES = {
    "smooth": lambda: gallery.lognormal(SIDE, SIDE),
    "categorical": lambda: gallery.categorical(SIDE, SIDE),
    "fractal with rivers": lambda: gallery.fractal(SIDE, SIDE),
    "several components": several_components,
}
every_landscape = pytest.mark.parametrize("name", LANDSCAPES)
#: Loops on the processor, in either precision, and the form for GPUs.
each_form = pytest.mark.parametrize(
    "form",
    [
        {"cycle": "float32", "backend": "cpu"},
        {"cycle": "float64", "backend": "cpu"},
        {"cycle": "float32", "backend": "xla"},
    ],
    ids=["single", "double", "for GPUs"],
)


def lognormal(shape, seed=32):
    return np.random.default_rng(seed).lognormal(size=shape)


def currents(shape, k=1, seed=33):
    return np.random.default_rng(seed).standard_normal((k, *shape))


def system(permeability, neighbors="queen", leak=0.0):
    """The Laplacian with a leak to the ground in every cell; barriers are identity rows."""
    grid = GridGraph(permeability, neighbors=neighbors)
    laplacian = grid.laplacian()
    return StencilMatrix(jnp.where(grid.active, laplacian.center + leak, 1.0), laplacian.edges)


def independent_matrix(permeability, neighbors="queen", leak=0.0):
    """The same matrix over all cells, row by row, from the definition of a conductance."""
    number = np.arange(permeability.size).reshape(permeability.shape)
    rows, columns = permeability.shape
    ends, weights = [], []
    for down, right in reference_dense.STEPS[neighbors]:
        here = (slice(max(0, -down), rows - max(0, down)), slice(max(0, -right), columns - max(0, right)))
        there = (slice(max(0, down), rows + min(0, down)), slice(max(0, right), columns + min(0, right)))
        both = (permeability[here] > 0) & (permeability[there] > 0)
        ends.append(np.stack([number[here][both], number[there][both]]))
        weights.append(((permeability[here] + permeability[there]) / 2 / np.hypot(down, right))[both])
    conductance = coo_array((np.concatenate(weights), np.concatenate(ends, axis=1)), shape=(number.size,) * 2).tocsr()
    return diags_array(conductance.sum(1) + np.where(permeability.ravel() > 0, leak, 1.0)) - conductance


def superlu(matrix, b):
    return splu(matrix.tocsc()).solve(b.reshape(len(b), -1).T).T.reshape(b.shape)


def multigrid(matrix, b, **options):
    solver = Multigrid(**options)
    return np.asarray(require_solved(solver.compute(solver.init(matrix), jnp.asarray(b))))


def largest_difference(one, other):
    return np.abs(one - other).max() / np.abs(other).max()


@each_form
@every_landscape
def test_potentials_of_a_leaking_landscape_are_those_of_the_direct_solver(name, form):
    permeability, b = LANDSCAPES[name](), currents((SIDE, SIDE), k=2)
    found = multigrid(system(permeability, leak=0.01), b, **form, tolerance=1e-12)
    assert largest_difference(found, superlu(independent_matrix(permeability, leak=0.01), b)) < 1e-9


@pytest.mark.long
@every_landscape
def test_potentials_with_four_neighbours_are_those_of_the_direct_solver(name):
    permeability, b = LANDSCAPES[name](), currents((SIDE, SIDE), k=2)
    found = multigrid(system(permeability, "rook", leak=0.01), b, cycle="float32", tolerance=1e-12)
    assert largest_difference(found, superlu(independent_matrix(permeability, "rook", leak=0.01), b)) < 1e-9


def within_components(rasters, labels):
    """Subtract from every component its mean: without a ground, potentials are known up to a constant in each."""
    flat = rasters.reshape(len(rasters), -1)
    means = np.stack([np.bincount(labels, row) for row in flat]) / np.bincount(labels)
    return (flat - means[:, labels]).reshape(rasters.shape)


@each_form
@every_landscape
def test_without_any_ground_balanced_currents_have_the_potentials_of_the_direct_solver(name, form):
    permeability = LANDSCAPES[name]()
    matrix = independent_matrix(permeability)
    labels = connected_components(matrix)[1]
    b = within_components(currents((SIDE, SIDE), k=2), labels)
    found = multigrid(system(permeability), b, **form, tolerance=1e-12)
    tie = np.zeros(labels.size)
    tie[np.unique(labels, return_index=True)[1]] = 1.0
    expected = within_components(superlu(matrix + diags_array(tie), b), labels)
    assert largest_difference(within_components(found, labels), expected) < 1e-9


@pytest.mark.parametrize("shape", [(1, 1), (1, 61), (61, 1), (3, 200), (37, 53)])
def test_a_landscape_of_any_shape_is_solved(shape):
    permeability, b = lognormal(shape), currents(shape)
    found = multigrid(system(permeability, leak=0.01), b, cycle="float32", tolerance=1e-12)
    assert largest_difference(found, superlu(independent_matrix(permeability, leak=0.01), b)) < 1e-9


def test_a_lone_cell_without_ground_has_its_current_as_its_potential():
    assert multigrid(system(np.ones((1, 1))), np.full((1, 1, 1), 3.0), cycle="float32") == 3


@pytest.mark.parametrize("size", [1.0, 1e6])
def test_right_hand_sides_solved_together_are_solved_as_if_alone(size):
    matrix, b = system(gallery.categorical(SIDE, SIDE), leak=0.01), currents((SIDE, SIDE), k=2)
    b[1] = 0
    b[1, 9, 11] = size
    together = multigrid(matrix, b, cycle="float32", tolerance=1e-12)
    alone = [multigrid(matrix, each[None], cycle="float32")[0] for each in b]
    assert max(map(largest_difference, together, alone)) < 1e-6


def relative_residual(matrix, x, b):
    rest = (b.ravel() - matrix @ x.ravel()) / np.sqrt(matrix.diagonal())
    return np.linalg.norm(rest) / np.linalg.norm(b.ravel() / np.sqrt(matrix.diagonal()))


@every_landscape
def test_the_residual_in_the_journal_is_the_true_one(name):
    permeability, b = LANDSCAPES[name](), currents((SIDE, SIDE))
    matrix = independent_matrix(permeability, leak=0.01)
    # Cells without neighbours need no iteration, and have no part in the residual.
    b.ravel()[np.diff(matrix.tocsr().indptr) == 1] = 0
    with record_stats() as entries:
        found = multigrid(system(permeability, leak=0.01), b, cycle="float32")
    true = relative_residual(matrix, found, b)
    assert entries[0].residual == pytest.approx(true, rel=1e-2)
    assert true <= TOLERANCE


def test_the_journal_tells_solver_right_hand_sides_and_iterations():
    with record_stats() as entries:
        b = currents((SIDE, SIDE), k=2)
        multigrid(system(lognormal((SIDE, SIDE)), leak=0.01), b, cycle="float32", tolerance=1e-12)
    assert [(entry.solver, entry.right_hand_sides) for entry in entries] == [("multigrid", 2)]
    assert 3 <= entries[0].iterations <= 30


def test_what_has_not_converged_is_refused():
    with pytest.raises(RuntimeError, match="did not converge"):
        multigrid(system(lognormal((SIDE, SIDE)), leak=0.01), currents((SIDE, SIDE)), cycle="float32", iterations=1)


def test_a_landscape_that_is_harder_to_leave_than_to_enter_is_refused():
    grid = GridGraph(lognormal((SIDE, SIDE)), edge_rule="target")
    laplacian = grid.laplacian()
    with pytest.raises(RuntimeError, match="symmetric"):
        multigrid(StencilMatrix(laplacian.center + 0.01, laplacian.edges), currents((SIDE, SIDE)), cycle="float32")


@pytest.mark.long
@pytest.mark.parametrize(
    ("landscape", "growth"), [(gallery.lognormal, 1.25), (gallery.categorical, 2.5)], ids=["smooth", "categorical"]
)
def test_sixteen_times_the_cells_need_hardly_more_iterations(landscape, growth):
    def iterations(side):
        with record_stats() as entries:
            multigrid(system(landscape(side, side), leak=1e-6), currents((side, side)), cycle="float32")
        return entries[0].iterations

    assert iterations(4 * SIDE) <= growth * iterations(SIDE)


@pytest.fixture
def compiled():
    """Collect the names of the functions that XLA compiles."""
    names = set()

    def listen(event, *_, fun_name="", **__):
        if event == COMPILED:
            names.add(fun_name)

    monitoring.register_event_duration_secs_listener(listen)
    yield names
    monitoring.unregister_event_duration_listener(listen)


def test_a_raster_of_about_the_same_size_compiles_neither_hierarchy_nor_iteration_anew(compiled):
    for rows, columns in [(SIDE, SIDE), (SIDE - 1, SIDE - 1)]:
        compiled.clear()
        multigrid(
            system(lognormal((rows, columns)), leak=0.01), currents((rows, columns)), cycle="float32", backend="xla"
        )
    assert "jit(_pad_to_size_class)" in compiled
    assert compiled.isdisjoint({"jit(_build_hierarchy)", "jit(_solve)"})


def resistance(permeability, solver, one, other, neighbors="queen"):
    """Between two cells, by the solver; NaN where it refuses."""
    grid = GridGraph(permeability, neighbors=neighbors)
    ends = grid.coord_to_active_vertex_index(*zip(one, other, strict=True))
    try:
        return float(ResistanceDistance(solver).pairs(grid, ends[:1], ends[1:])[0])
    except RuntimeError:
        return np.nan


def independent_resistance(permeability, one, other, neighbors="queen"):
    """The potential of one cell for one ampere when the other is the ground, by SuperLU."""
    keep = np.flatnonzero(permeability.ravel() > 0)
    ground = np.ravel_multi_index(other, permeability.shape)
    keep = keep[keep != ground]
    current = (keep == np.ravel_multi_index(one, permeability.shape)).astype(float)
    return splu(independent_matrix(permeability, neighbors).tocsr()[keep][:, keep].tocsc()).solve(current) @ current


CORNERS = ((0, 0), (SIDE - 2, 0))
by_default = pytest.mark.parametrize(
    "solver", [None, FallbackSolver(Multigrid(cycle="float32"), NestedDissection())], ids=["chosen", "with precaution"]
)


def test_in_a_maze_multigrid_is_right_or_refuses():
    maze = gallery.serpentine(SIDE - 1, SIDE)
    found = resistance(maze, Multigrid(), *CORNERS)
    assert np.isnan(found) or found == pytest.approx(independent_resistance(maze, *CORNERS), rel=1e-8)


def test_in_a_maze_the_resistance_is_that_of_its_only_path():
    # With four neighbours: 32 corridors of 64 cells, and 31 cells that join them, one ohm from each to the next.
    maze = gallery.serpentine(SIDE - 1, SIDE)
    assert resistance(maze, None, *CORNERS, neighbors="rook") == pytest.approx(32 * 64 + 31 - 1, rel=1e-8)


@by_default
def test_in_a_maze_with_short_cuts_the_resistance_is_that_of_the_direct_solver(solver):
    maze = gallery.serpentine(SIDE - 1, SIDE)
    found = resistance(maze, solver, *CORNERS)
    assert found == pytest.approx(independent_resistance(maze, *CORNERS), rel=1e-8)


@pytest.mark.parametrize("seed", range(3))
def test_contrasts_of_eight_orders_from_cell_to_cell_are_solved_or_refused(seed):
    wild = 10 ** np.random.default_rng(seed).uniform(-4, 4, (SIDE - 1, SIDE))
    found = resistance(wild, Multigrid(), *CORNERS)
    assert np.isnan(found) or found == pytest.approx(independent_resistance(wild, *CORNERS), rel=1e-8)


@pytest.mark.parametrize("seed", range(3))
def test_the_residual_holds_for_contrasts_of_eight_orders_from_cell_to_cell(seed):
    wild = 10 ** np.random.default_rng(seed).uniform(-4, 4, (SIDE, SIDE))
    b = currents((SIDE, SIDE))
    found = multigrid(system(wild, leak=1e-4), b, cycle="float32")
    assert relative_residual(independent_matrix(wild, leak=1e-4), found, b) <= TOLERANCE * (1 + 1e-6)


WALL = 1e-12
WEST, GATE, EAST = (3, 5), (30, 32), (50, 60)
WEST_END = (GATE[0], GATE[1] - 1)
EAST_END = (GATE[0], GATE[1] + 1)
refused_by_nested_dissection = pytest.mark.xfail(
    strict=True, reason="nested dissection takes a wall of 1e-12 for no connection, and refuses the system as singular"
)
each_solver = pytest.mark.parametrize(
    "solver",
    [
        pytest.param(None, id="chosen"),
        pytest.param(Multigrid(), id="multigrid"),
        pytest.param(NestedDissection(), id="nested dissection", marks=refused_by_nested_dissection),
    ],
)


def two_halves_joined_by_a_gate_that_hardly_conducts():
    """A wall without data; with four neighbours the only way across are three cells of permeability 1e-12."""
    permeability = lognormal((SIDE - 1, SIDE), seed=34)
    permeability[:, GATE[1]] = 0
    permeability[GATE[0], GATE[1] - 1 : GATE[1] + 2] = WALL
    return permeability


def from_east(cell):
    """The same cell, counted from the first column east of the wall."""
    return cell[0], cell[1] - GATE[1] - 1


@pytest.mark.long
@each_solver
def test_beyond_a_gate_that_hardly_conducts_resistances_add_up(solver):
    both = two_halves_joined_by_a_gate_that_hardly_conducts()
    west = independent_resistance(both[:, : GATE[1]], WEST, WEST_END, "rook")
    east = independent_resistance(both[:, GATE[1] + 1 :], from_east(EAST), from_east(EAST_END), "rook")
    found = resistance(both, solver, WEST, EAST, "rook")
    assert found == pytest.approx(west + 2 / WALL + east, rel=1e-9)


@pytest.mark.long
@each_solver
def test_a_gate_that_hardly_conducts_does_not_change_resistances_on_either_side(solver):
    both = two_halves_joined_by_a_gate_that_hardly_conducts()
    west = independent_resistance(both[:, : GATE[1]], WEST, (40, 20), "rook")
    assert resistance(both, solver, WEST, (40, 20), "rook") == pytest.approx(west, rel=1e-8)


def thin_wall():
    """Three columns of 1e-12 between two fields, two rows of them without data."""
    permeability = lognormal((6, 9), seed=35)
    permeability[:, 3:6] = WALL
    permeability[2:4, 3:6] = 0
    return permeability


def resistance_in_forty_digits(permeability, one, other):
    with mpmath.workdps(40):
        number = np.cumsum(permeability.ravel() > 0).reshape(permeability.shape) - 1
        values = [[mpmath.mpf(float(value)) for value in row] for row in permeability]
        laplacian = mpmath.zeros(number.max() + 1)
        for cell in np.argwhere(permeability > 0):
            for there in cell + reference_dense.STEPS["rook"]:
                if ((there >= 0) & (there < permeability.shape)).all() and permeability[tuple(there)] > 0:
                    weight = (values[cell[0]][cell[1]] + values[there[0]][there[1]]) / 2
                    i, j = int(number[tuple(cell)]), int(number[tuple(there)])
                    laplacian[i, j] -= weight
                    laplacian[i, i] += weight
        start, ground = int(number[one]), int(number[other])
        laplacian[ground, ground] += 1
        current = mpmath.zeros(laplacian.rows, 1)
        current[start], current[ground] = 1, -1
        potential = mpmath.lu_solve(laplacian, current)
        return float(potential[start] - potential[ground])


@each_solver
@pytest.mark.parametrize(
    ("one", "other"), [((0, 0), (5, 8)), ((0, 2), (4, 1)), ((1, 4), (3, 8))], ids=["across", "beside", "out of it"]
)
def test_walls_that_hardly_conduct_beside_walls_without_data_have_the_right_resistance(solver, one, other):
    wall = thin_wall()
    expected = resistance_in_forty_digits(wall, one, other)
    assert resistance(wall, solver, one, other, "rook") == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("solver", [None, Multigrid()], ids=["chosen", "multigrid"])
def test_places_on_both_sides_of_a_wall_that_hardly_conducts_keep_their_resistances_among_each_other(solver):
    wall, cells = thin_wall(), [(0, 0), (4, 1), (1, 7), (5, 8)]
    grid = GridGraph(wall, neighbors="rook")
    found = ResistanceDistance(solver)(grid, nodes=grid.coord_to_active_vertex_index(*zip(*cells, strict=True)))
    expected = [resistance_in_forty_digits(wall, *cells[:2]), resistance_in_forty_digits(wall, *cells[2:])]
    assert [float(found[0, 1]), float(found[2, 3])] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("solver", [None, Multigrid()], ids=["chosen", "multigrid"])
def test_places_beyond_a_wall_that_conducts_a_millionth_keep_their_resistances_among_each_other(solver):
    wall, cells = np.where(thin_wall() == WALL, 1e-6, thin_wall()), [(0, 0), (4, 1), (1, 7), (5, 8)]
    grid = GridGraph(wall, neighbors="rook")
    found = ResistanceDistance(solver)(grid, nodes=grid.coord_to_active_vertex_index(*zip(*cells, strict=True)))
    expected = [resistance_in_forty_digits(wall, *cells[:2]), resistance_in_forty_digits(wall, *cells[2:])]
    assert [float(found[0, 1]), float(found[2, 3])] == pytest.approx(expected, rel=1e-8)
