"""A raster as a graph: vertices and cells convert both ways, and input that makes no landscape is refused in words."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from permea.engine import (
    EuclideanDistance,
    GridGraph,
    LCPDistance,
    MeanPathLength,
    ResistanceDistance,
    RSPDistance,
    connected_habitat,
    sensitivity,
)

HOLED = np.array([[1.0, 0.0, 2.0, 3.0], [4.0, 5.0, 0.0, 6.0], [0.0, 7.0, 8.0, 0.0]])


@pytest.fixture(scope="module")
def grid():
    return GridGraph(HOLED)


def test_vertices_are_numbered_row_by_row(grid):
    np.testing.assert_array_equal(grid.vertex_numbers, [[0, 8, 1, 2], [3, 4, 8, 5], [8, 6, 7, 8]])
    np.testing.assert_array_equal(grid.cells, np.flatnonzero(HOLED))
    assert (grid.n_vertices, grid.nv, grid.shape, grid.height, grid.width) == (8, 8, (3, 4), 3, 4)


def test_vertex_values_survive_a_round_trip(grid):
    values = np.arange(16.0).reshape(2, 8)
    np.testing.assert_array_equal(grid.array_to_node_values(grid.node_values_to_array(values)), values)


def test_rasters_survive_a_round_trip_except_inactive_cells(grid):
    rasters = np.stack([HOLED, HOLED + 10])
    result = grid.node_values_to_array(grid.array_to_node_values(rasters))
    np.testing.assert_array_equal(result, np.where(HOLED > 0, rasters, np.nan))


@pytest.mark.parametrize("fill", [-1, False, 0.5])
def test_inactive_cells_receive_the_fill_value(grid, fill):
    result = grid.node_values_to_array(jnp.ones(8, int), fill=fill)
    np.testing.assert_array_equal(result, np.where(HOLED > 0, 1, fill))


def test_coordinates_survive_a_round_trip(grid):
    rows, columns = np.nonzero(HOLED)
    np.testing.assert_array_equal(grid.coord_to_active_vertex_index(rows, columns), np.arange(8))
    np.testing.assert_array_equal(grid.active_vertex_index_to_coord(np.arange(8)), np.stack([rows, columns], -1))


@pytest.mark.parametrize("vertices", [[], np.zeros(0, int), np.zeros((0, 2), int)])
def test_no_vertices_are_refused(grid, vertices):
    with pytest.raises(ValueError, match="sources is empty: give at least one vertex"):
        grid.vertex_indices(vertices, "sources")
    assert grid.active_vertex_index_to_coord(np.zeros(0, int)).shape == (0, 2)


@pytest.mark.parametrize("number", [-1, 8])
def test_vertex_without_coordinates_raises(grid, number):
    with pytest.raises(ValueError, match=f"1 of 2 vertices is not a vertex of this landscape, the first is {number}"):
        grid.active_vertex_index_to_coord([0, number])


def test_inactive_coordinate_raises(grid):
    with pytest.raises(ValueError, match=r"2 of 3 coordinates are not active .* row 0, column 1"):
        grid.coord_to_active_vertex_index([0, 0, 2], [0, 1, 3])


@pytest.mark.parametrize(("row", "column"), [(3, 0), (0, 4), (-1, 0), (0, -1)])
def test_coordinate_outside_raster_raises(grid, row, column):
    with pytest.raises(ValueError, match=f"1 of 1 coordinates lies outside .*row {row}, column {column}"):
        grid.coord_to_active_vertex_index([row], [column])


def test_rows_and_columns_are_vertices(grid):
    rows_and_columns = np.argwhere(HOLED > 0)
    np.testing.assert_array_equal(grid.vertex_indices(rows_and_columns), np.arange(8))
    np.testing.assert_array_equal(grid.vertex_indices(rows_and_columns.tolist()), np.arange(8))
    np.testing.assert_array_equal(grid.vertex_indices(5), [5])


@pytest.mark.costly_variants
@pytest.mark.parametrize(
    "distance",
    [LCPDistance(), ResistanceDistance(), RSPDistance(theta=0.5), EuclideanDistance()],
    ids=lambda distance: type(distance).__name__,
)
def test_distances_accept_rows_and_columns(distance, grid):
    """Sources, targets and nodes given by row and column have the distances of their vertex numbers."""
    sources, targets = np.array([[0, 0], [1, 3]]), np.array([[2, 2], [1, 1], [0, 2]])
    np.testing.assert_array_equal(distance(grid, sources, targets), distance(grid, [0, 5], [7, 4, 1]))
    np.testing.assert_array_equal(distance(grid, nodes=targets), distance(grid, nodes=[7, 4, 1]))
    np.testing.assert_array_equal(distance(grid, sources), distance(grid, [0, 5]))
    np.testing.assert_array_equal(distance(grid, targets=targets), distance(grid, targets=[7, 4, 1]))
    np.testing.assert_array_equal(distance.nearest(grid, targets), distance.nearest(grid, [7, 4, 1]))


def test_measures_accept_rows_and_columns(grid):
    """Connectivity, sensitivity and connected habitat take rows and columns like vertex numbers."""
    sources, targets, measure = np.array([[0, 0], [1, 3]]), np.array([[2, 2], [1, 1]]), MeanPathLength(LCPDistance())
    assert measure(grid, sources, targets) == measure(grid, [0, 5], [7, 4])
    by_cell, by_number = sensitivity(measure, grid, sources, targets), sensitivity(measure, grid, [0, 5], [7, 4])
    np.testing.assert_array_equal(by_cell.raster, by_number.raster)
    by_cell, by_number = (
        connected_habitat(grid, LCPDistance(), lambda d: jnp.exp(-d), targets=vertices).raster
        for vertices in (targets, [7, 4])
    )
    np.testing.assert_array_equal(by_cell, by_number)


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ([[0, 0], [0, 1], [2, 3]], "2 of 3 sources are not active .* row 0, column 1"),
        ([[0, 0], [3, 2]], "1 of 2 sources lies outside the raster of 3 × 4 cells, the first at row 3, column 2"),
        ([0, 8], "1 of 2 sources is not a vertex of this landscape, the first is 8"),
        ([[0, 0, 0]], r"sources must be .* rows and columns of shape \(k, 2\), not shape \(1, 3\)"),
        ([[0.0, 0.0]], "sources must be .* not shape .* of float64"),
    ],
)
def test_invalid_sources_raise(sources, message, grid):
    with pytest.raises(ValueError, match=message):
        LCPDistance()(grid, sources)


def test_inactive_coordinate_is_unreachable_under_jit():
    @eqx.filter_jit
    def cost(grid, row, column):
        return LCPDistance()(grid, [0], grid.coord_to_active_vertex_index(row, column))

    assert np.isinf(cost(GridGraph(HOLED), jnp.array([0]), jnp.array([1]))).all()


@pytest.mark.parametrize(
    ("value", "what"), [(-0.4, "negative"), (np.inf, "infinite"), (np.nan, r"not a number \(NaN\)")]
)
def test_invalid_permeability_raises_with_position(value, what):
    wrong = HOLED.copy()
    wrong[1, 3] = wrong[2, 1] = value
    with pytest.raises(ValueError, match=f"permeability is {what} in 2 active cells, the first at row 1, column 3"):
        GridGraph(wrong, HOLED > 0)


@pytest.mark.parametrize("value", [-0.4, np.inf, np.nan])
def test_inactive_cells_accept_any_value(value):
    filled = np.where(HOLED > 0, HOLED, value)
    np.testing.assert_array_equal(GridGraph(filled, HOLED > 0).edges, GridGraph(HOLED).edges)


def test_nan_is_nodata_without_active_mask():
    assert GridGraph(np.where(HOLED > 0, HOLED, np.nan)).n_vertices == 8
    with pytest.raises(ValueError, match="negative"):
        GridGraph(np.where(HOLED > 0, HOLED, -9999))


@pytest.mark.parametrize("count", [7, 9])
def test_wrong_vertex_count_raises(count):
    with pytest.raises(ValueError, match=f"n_vertices is {count}, but 8 cells are active"):
        GridGraph(HOLED, HOLED > 0, count)


def test_vertex_count_may_be_a_numpy_integer():
    assert GridGraph(HOLED, HOLED > 0, (HOLED > 0).sum()).n_vertices == 8


@pytest.mark.parametrize("arguments", [(np.zeros((3, 4)),), (HOLED, np.zeros((3, 4), bool))])
def test_grid_without_active_cells_raises(arguments):
    with pytest.raises(ValueError, match="no cell is active: permeability is .* or `active` is False everywhere"):
        GridGraph(*arguments)


def test_single_active_cell_is_counted_in_the_singular():
    with pytest.raises(ValueError, match="n_vertices is 2, but 1 cell is active"):
        GridGraph(np.ones((1, 1)), np.ones((1, 1), bool), 2)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"permeability": np.ones(3)}, r"must be a raster .* not of shape \(3,\)"),
        ({"permeability": np.ones((0, 3))}, "must be a raster"),
        ({"permeability": np.ones((2, 2)), "active": np.ones((2, 3), bool)}, r"shape \(2, 3\).*\(2, 2\)"),
        ({"permeability": np.ones((2, 2)), "neighbors": "knight"}, '"queen" or "rook", not \'knight\''),
        ({"permeability": np.ones((2, 2)), "edge_rule": "median"}, "not 'median'"),
        ({"permeability": np.ones((2, 2)), "pixel_size": (1.0, 0.0)}, "two positive lengths"),
        ({"permeability": np.ones((2, 2)), "pixel_size": (1.0, np.nan)}, "two positive lengths"),
    ],
    ids=lambda value: None if isinstance(value, dict) else "",
)
def test_invalid_arguments_raise(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        GridGraph(**arguments)


def test_values_of_another_shape_raise(grid):
    with pytest.raises(ValueError, match="one value for each of 8 vertices"):
        grid.node_values_to_array(np.ones(9))
    with pytest.raises(ValueError, match="raster of 3 × 4 cells"):
        grid.array_to_node_values(np.ones((4, 3)))


def test_vertex_count_is_required_under_jit():
    with pytest.raises(ValueError, match="pass active and n_vertices"):
        jax.jit(lambda permeability: GridGraph(permeability).edges)(HOLED)


def test_grid_is_equal_under_jit(grid):
    compiled = eqx.filter_jit(GridGraph)(HOLED, HOLED > 0, 8)
    assert eqx.tree_equal(compiled, grid)


@eqx.filter_jit
def costs(permeability):
    return LCPDistance()(GridGraph(permeability, jnp.asarray(HOLED > 0), 8), [0, 5])


def test_vmap_gives_each_landscape_its_distances():
    landscapes = np.stack([HOLED, 2 * HOLED, HOLED**2])
    batched = jax.vmap(costs)(landscapes)
    np.testing.assert_allclose(batched, [costs(one) for one in landscapes], rtol=1e-14)


def test_vmap_of_gradient_gives_each_gradient():
    landscapes = np.stack([HOLED, HOLED**2])
    gradient = jax.grad(lambda permeability: costs(permeability).sum())
    np.testing.assert_allclose(
        jax.vmap(gradient)(landscapes), [gradient(jnp.asarray(one)) for one in landscapes], rtol=1e-14
    )


@pytest.mark.parametrize("number_type", [np.float32, np.int32, list])
def test_any_number_type_becomes_double_precision(number_type, grid):
    values_of_kind = HOLED.tolist() if number_type is list else HOLED.astype(number_type)
    converted = GridGraph(values_of_kind)
    assert converted.edges.dtype == np.float64
    assert eqx.tree_equal(converted, grid)


def test_symmetric_edge_rule_makes_undirected_graph():
    assert GridGraph(HOLED, edge_rule=jnp.minimum).is_undirected
    assert not GridGraph(HOLED, edge_rule=lambda source, target: source).is_undirected
    assert not GridGraph(HOLED, edge_rule="target").is_undirected


def test_laplacian_of_constant_potential_is_zero(grid):
    np.testing.assert_allclose(grid.laplacian().apply(jnp.ones((3, 4))), 0, atol=1e-14)
