"""Sources and sinks of flows: closed forms, NumPy's and SciPy's operators, Kirchhoff's current law, conservation."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.sparse.csgraph import laplacian

from permea.engine.circuits import GridCircuit, advanced, current_map, potential_map
from permea.engine.distances import ResistanceDistance
from permea.engine.graph import GridGraph
from permea.engine.traces import conservation_residual, current_field, field_divergence, potential_divergence

SIZE = (2.0, 3.0)
ROWS, COLUMNS = 7, 9


def coordinates(rows=ROWS, columns=COLUMNS, size=SIZE):
    """Return x, to the east, and y, to the north, of every cell centre."""
    return np.meshgrid((np.arange(columns) + 0.5) * size[1], -(np.arange(rows) + 0.5) * size[0])


def random_landscape(seed=0, rows=12, columns=15, **options):
    rng = np.random.default_rng(seed)
    permeability = rng.lognormal(size=(rows, columns))
    permeability[4:9, 6] = 0
    permeability[0, :2] = np.nan
    return GridGraph(jnp.asarray(permeability), **options)


def injected_currents(grid):
    """Two sources of 1 and 0.5 A, and their sinks."""
    injected = np.zeros(grid.shape)
    injected[2, 2], injected[10, 3], injected[1, 13], injected[11, 14] = 1.0, 0.5, -0.7, -0.8
    return injected


def with_gap(field):
    field = np.array(field, float)
    field[3, 4] = field[3, 5] = np.nan
    return field


# -- Fields with two components


def test_divergence_of_a_linear_field_is_its_trace():
    x, y = coordinates()
    flow = field_divergence(2 * x - 5 * y, 4 * x + 3 * y, pixel_size=SIZE)
    np.testing.assert_allclose(flow.per_area[1:-1, 1:-1], 5.0, rtol=1e-12)
    np.testing.assert_allclose(flow.divergence[1:-1, 1:-1], 5.0 * SIZE[0] * SIZE[1], rtol=1e-12)


def test_north_is_up():
    """A field that points north and grows towards the north has sources; rows count downwards."""
    _, y = coordinates()
    assert (field_divergence(0 * y, y, pixel_size=SIZE).divergence[1:-1] > 0).all()


def test_rotation_has_no_divergence():
    x, y = coordinates()
    flow = field_divergence(-y, x, pixel_size=SIZE)
    assert float(jnp.abs(flow.divergence).max()) <= float(flow.rounding.max())
    assert not flow.beyond_rounding.any()


@pytest.mark.parametrize("boundary", ["open", "closed"])
def test_smooth_fields_agree_with_central_differences(boundary):
    x, y = coordinates(30, 40, (0.1, 0.07))
    east, north = np.sin(x) * np.cos(2 * y), np.exp(-x) * y**2
    flow = field_divergence(east, north, pixel_size=(0.1, 0.07), boundary=boundary)
    expected = np.gradient(east, 0.07, axis=1) - np.gradient(north, 0.1, axis=0)
    np.testing.assert_allclose(flow.per_area[1:-1, 1:-1], expected[1:-1, 1:-1], rtol=0, atol=1e-12)
    exact = np.cos(x) * np.cos(2 * y) + 2 * np.exp(-x) * y
    np.testing.assert_allclose(flow.per_area[1:-1, 1:-1], exact[1:-1, 1:-1], atol=5e-3)


def test_open_boundary_lets_a_uniform_field_through():
    ones = with_gap(np.ones((ROWS, COLUMNS)))
    flow = field_divergence(ones, -2 * ones, pixel_size=SIZE)
    assert float(jnp.nanmax(jnp.abs(flow.divergence))) < 1e-15
    assert float(flow.boundary_flow) == pytest.approx(0, abs=1e-13)
    np.testing.assert_allclose(flow.through[0, 0], SIZE[0] + 2 * SIZE[1])


def test_closed_boundary_is_a_source_and_a_sink_of_a_uniform_field():
    ones = with_gap(np.ones((ROWS, COLUMNS)))
    flow = field_divergence(ones, 0 * ones, pixel_size=SIZE, boundary="closed")
    expected = np.zeros((ROWS, COLUMNS))
    expected[:, 0], expected[:, -1] = SIZE[0], -SIZE[0]
    expected[3, 3:7] = [-SIZE[0], np.nan, np.nan, SIZE[0]]
    np.testing.assert_allclose(flow.divergence, expected, atol=1e-14)
    assert float(flow.sources) == pytest.approx((ROWS + 1) * SIZE[0])
    assert float(flow.sinks) == pytest.approx(-(ROWS + 1) * SIZE[0])
    assert float(flow.boundary_flow) == 0


@pytest.mark.parametrize("boundary", ["open", "closed"])
def test_divergence_of_any_field_sums_to_the_flow_through_the_boundary(boundary):
    rng = np.random.default_rng(1)
    east, north = with_gap(rng.normal(size=(ROWS, COLUMNS))), rng.normal(size=(ROWS, COLUMNS))
    north[6, 0] = np.nan
    flow = field_divergence(east, north, pixel_size=SIZE, boundary=boundary)
    assert float(flow.conservation_error) < 1e-15
    assert (np.isnan(flow.divergence) == (np.isnan(east) | np.isnan(north))).all()
    assert float(flow.sources + flow.sinks) == pytest.approx(float(flow.boundary_flow), abs=1e-12)
    # Over any set of cells, here the western half, only its boundary counts.
    closed = field_divergence(east, north, pixel_size=SIZE, boundary="closed")
    through_middle = SIZE[0] * np.nansum((east[:, 3] + east[:, 4]) / 2)
    assert float(jnp.nansum(closed.divergence[:, :4])) == pytest.approx(through_middle, rel=1e-12)


# -- Potentials on a landscape


@pytest.mark.parametrize("neighbors", ["rook", "queen"])
@pytest.mark.parametrize("edge_rule", ["mean", "resistance"])
def test_potential_divergence_is_the_laplacian_of_scipy(neighbors, edge_rule):
    grid = random_landscape(neighbors=neighbors, edge_rule=edge_rule, pixel_size=SIZE)
    potential = np.random.default_rng(2).normal(size=grid.shape)
    expected = laplacian(np.asarray(grid.get_adjacency_matrix().todense())) @ grid.array_to_node_values(potential)
    flow = potential_divergence(grid, potential)
    np.testing.assert_allclose(grid.array_to_node_values(flow.divergence), expected, atol=1e-12)
    assert np.isnan(flow.divergence[~grid.active]).all()
    assert float(flow.conservation_error) < 1e-15


def test_waves_between_closed_walls_are_eigenvectors():
    """Poisson's equation with closed walls: cosines, with eigenvalue (2 − 2 cos(πk/n)) / h for each axis."""
    rows, columns, (height, width), (k, m) = 8, 11, SIZE, (2, 3)
    wave = np.outer(
        np.cos(np.pi * k * (np.arange(rows) + 0.5) / rows), np.cos(np.pi * m * (np.arange(columns) + 0.5) / columns)
    )
    flow = potential_divergence(GridGraph(jnp.ones((rows, columns)), neighbors="rook", pixel_size=SIZE), wave)
    eigenvalue = (2 - 2 * np.cos(np.pi * k / rows)) / height + (2 - 2 * np.cos(np.pi * m / columns)) / width
    np.testing.assert_allclose(flow.divergence, eigenvalue * wave, atol=1e-13)


@pytest.mark.costly_variants
@pytest.mark.parametrize("neighbors", ["queen", "rook"])
def test_current_is_injected_at_the_sources_and_nowhere_else(neighbors):
    grid = random_landscape(neighbors=neighbors)
    injected = injected_currents(grid)
    flow = potential_divergence(grid, potential_map(grid, injected))
    np.testing.assert_allclose(jnp.nan_to_num(flow.divergence), injected, atol=1e-9)
    assert float(flow.sources) == pytest.approx(1.5, abs=1e-9)
    assert float(flow.sinks) == pytest.approx(-1.5, abs=1e-9)
    assert float(conservation_residual(flow, injected).largest) < 1e-9


def test_flow_through_a_cell_is_the_current_map():
    grid = random_landscape()
    injected = injected_currents(grid)
    flow = potential_divergence(grid, potential_map(grid, injected))
    np.testing.assert_allclose(jnp.nan_to_num(flow.through), current_map(grid, injected), atol=1e-9)


def test_voltages_to_grounds_of_advanced_mode():
    grid = random_landscape()
    sources, grounds = np.zeros(grid.shape), np.zeros(grid.shape)
    sources[2, 2], grounds[10, 12], grounds[1, 13] = 2.0, 0.3, np.inf
    potentials = advanced(GridCircuit(grid), sources, grounds).potentials
    flow = potential_divergence(grid, potentials)
    to_ground = 0.3 * potentials[10, 12]
    assert float(flow.divergence[2, 2]) == pytest.approx(2.0, abs=1e-9)
    assert float(flow.divergence[10, 12]) == pytest.approx(-to_ground, abs=1e-9)
    assert float(flow.divergence[1, 13]) == pytest.approx(to_ground - 2.0, abs=1e-9)


@pytest.mark.costly
def test_resistance_is_the_voltage_of_one_ampere():
    """v = (R_is − R_it) / 2 is the potential of 1 A from t to s, up to a constant."""
    grid = random_landscape()
    ends = grid.vertex_indices([[2, 2], [11, 14]])
    to_source, to_target = ResistanceDistance().to_targets(grid, ends).T
    flow = potential_divergence(grid, grid.node_values_to_array((to_target - to_source) / 2))
    expected = jnp.zeros(grid.shape).at[2, 2].set(1.0).at[11, 14].set(-1.0)
    np.testing.assert_allclose(jnp.nan_to_num(flow.divergence), expected, atol=1e-9)


def test_cells_without_a_potential_carry_no_current():
    grid = GridGraph(jnp.ones((1, 4)))
    flow = potential_divergence(grid, np.array([[3.0, 1.0, np.nan, 0.0]]))
    np.testing.assert_allclose(flow.divergence, [[2.0, -2.0, np.nan, 0.0]])


@pytest.mark.costly_variants
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_of_stored_potentials_stays_below_its_bound(dtype):
    grid = random_landscape(rows=40, columns=50)
    injected = np.zeros(grid.shape)
    injected[20, 30], injected[30, 10] = 1.0, -1.0
    stored = np.asarray(potential_map(grid, injected) + 7.0).astype(dtype)
    flow = potential_divergence(grid, stored, input_roundoff=float(np.finfo(dtype).eps) / 2)
    error = np.abs(flow.divergence - injected)[np.asarray(grid.active)]
    assert (error <= flow.rounding[grid.active] + 1e-9).all()
    if dtype == np.float32:
        # Nine in ten of the cells hold nothing but rounding, and the bound is not far above it.
        assert np.abs(flow.rounding[grid.active]).max() < 100 * error.max()
        np.testing.assert_array_equal(np.argwhere(flow.beyond_rounding), [[20, 30], [30, 10]])


def test_without_conservation_the_residual_names_cell_and_amount():
    grid = random_landscape()
    declared = injected_currents(grid)
    flow = potential_divergence(grid, potential_map(grid, declared))
    wrong = declared.copy()
    wrong[2, 2], wrong[5, 5] = 0.0, 0.25
    checked = conservation_residual(flow, wrong)
    assert checked.residual[2, 2] == pytest.approx(1.0, abs=1e-9)
    assert checked.residual[5, 5] == pytest.approx(-0.25, abs=1e-9)
    assert float(checked.largest) == pytest.approx(1.0 / float(jnp.nanmax(flow.through)), rel=1e-6)
    assert checked.violated[2, 2] and checked.violated[5, 5]


def test_sources_declared_outside_the_flow_are_violations():
    flow = potential_divergence(GridGraph(jnp.array([[1.0, 1.0, 0.0, 0.0]])), jnp.zeros((1, 4)))
    checked = conservation_residual(flow, np.array([[0.0, 0.0, 2.0, 0.0]]))
    np.testing.assert_array_equal(checked.residual, [[0.0, 0.0, -2.0, np.nan]])
    assert float(checked.largest) == 1.0 and np.argwhere(checked.violated).tolist() == [[0, 2]]


# -- The current as a field


def test_uniform_current_is_a_uniform_field():
    grid = GridGraph(3 * jnp.ones((5, 6)), neighbors="rook", pixel_size=SIZE)
    x, y = coordinates(5, 6)
    east, north = current_field(grid, -2 * x + 0.5 * y)
    # Ohm's law: 3 S/m for squares, times width over height for the edges of the graph.
    np.testing.assert_allclose(east[:, 1:-1], 3 * 2 / SIZE[0], rtol=1e-12)
    np.testing.assert_allclose(north[1:-1], -3 * 0.5 / SIZE[1], rtol=1e-12)


@pytest.mark.costly_variants
@pytest.mark.parametrize("neighbors", ["queen", "rook"])
def test_field_adds_up_to_the_dipole_of_the_sources(neighbors):
    """Σ J A = −Σ q r for sources q at r: summation by parts of a conserved current."""
    grid = random_landscape(neighbors=neighbors, pixel_size=SIZE)
    injected = injected_currents(grid)
    field = current_field(grid, potential_map(grid, injected))
    places = coordinates(*grid.shape)
    for component, place in zip(field, places, strict=True):
        total = float(jnp.nansum(component)) * SIZE[0] * SIZE[1]
        assert total == pytest.approx(-(injected * place).sum(), abs=1e-8)


def test_divergence_of_the_current_field_of_a_smooth_potential():
    rows, columns, size = 40, 50, (0.1, 0.1)
    x, y = coordinates(rows, columns, size)
    grid = GridGraph(jnp.ones((rows, columns)), neighbors="rook", pixel_size=size)
    # Edges conduct 1 / h each, so that the current density is −∇v / h.
    flow = field_divergence(*current_field(grid, np.sin(x) * np.cos(y)), pixel_size=size)
    expected = 2 * np.sin(x) * np.cos(y) / size[0]
    np.testing.assert_allclose(flow.per_area[2:-2, 2:-2], expected[2:-2, 2:-2], atol=0.02 / size[0])


# -- Transformations


def finite_difference(function, x, direction, step=1e-6):
    return (function(x + step * direction) - function(x - step * direction)) / (2 * step)


@pytest.mark.costly
def test_gradients_agree_with_differences():
    rng = np.random.default_rng(3)
    grid = random_landscape()
    potential, direction, weights = (jnp.asarray(rng.normal(size=grid.shape)) for _ in range(3))
    permeability = jnp.where(grid.active, grid.permeability, 1.0)

    def of_potential(potential):
        flow = potential_divergence(grid, potential)
        return jnp.nansum(weights * flow.divergence**2) + flow.sources + jnp.nansum(flow.through)

    def of_landscape(permeability):
        landscape = GridGraph(permeability, grid.active, grid.n_vertices)
        return jnp.nansum(weights * potential_divergence(landscape, potential).divergence ** 2)

    def of_field(east):
        flow = field_divergence(with_hole(east), 2 * east, pixel_size=SIZE)
        return jnp.nansum(weights * flow.divergence**2) + flow.boundary_flow + flow.total_flow

    def with_hole(east):
        return jnp.where(grid.active, east, jnp.nan)

    for function, x in ((of_potential, potential), (of_landscape, permeability), (of_field, potential)):
        gradient = jax.grad(function)(x)
        assert jnp.isfinite(gradient).all()
        expected = finite_difference(function, x, direction)
        assert float((gradient * direction).sum()) == pytest.approx(float(expected), rel=1e-6)


def test_compiled_and_vectorized_calls_agree():
    rng = np.random.default_rng(4)
    fields = jnp.asarray(rng.normal(size=(3, 2, ROWS, COLUMNS))).at[1, 0, 2, 2].set(jnp.nan)
    batch = jax.jit(jax.vmap(lambda field: field_divergence(field[0], field[1], pixel_size=SIZE)))(fields)
    for number, field in enumerate(fields):
        single = field_divergence(*field, pixel_size=SIZE)
        np.testing.assert_allclose(batch.divergence[number], single.divergence, rtol=1e-12)
        assert float(batch.boundary_flow[number]) == pytest.approx(float(single.boundary_flow), rel=1e-12)
    grid = random_landscape()
    potentials = jnp.asarray(rng.normal(size=(2, *grid.shape)))
    batch = eqx.filter_jit(jax.vmap(lambda potential: potential_divergence(grid, potential).divergence))(potentials)
    np.testing.assert_allclose(batch[1], potential_divergence(grid, potentials[1]).divergence, atol=1e-13)


def test_flow_without_movement_has_no_error():
    flow = field_divergence(jnp.zeros((2, 2)), jnp.zeros((2, 2)))
    assert float(flow.conservation_error) == 0 and not flow.beyond_rounding.any()
    assert float(conservation_residual(flow, jnp.zeros((2, 2))).largest) == 0


# -- Bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: field_divergence(np.ones((2, 3)), np.ones((3, 2))), "rasters of one size"),
        (lambda: field_divergence(np.ones(3), np.ones(3)), "rasters of one size"),
        (lambda: field_divergence(np.ones((0, 3)), np.ones((0, 3))), "with cells"),
        (
            lambda: field_divergence([[1.0, np.inf]], [[1.0, 1.0]]),
            "east is infinite in 1 cell, the first at row 0",
        ),
        (lambda: field_divergence([[1.0]], [[np.nan]]), "no cell of 1 has both components"),
        (lambda: field_divergence([[1.0]], [[1.0]], boundary="ajar"), '"open" or "closed"'),
        (lambda: field_divergence([[1.0]], [[1.0]], pixel_size=(1.0, 0.0)), "two positive lengths"),
        (lambda: potential_divergence(GridGraph(jnp.ones((1, 2))), np.ones((2, 1))), "raster of 1 × 2 cells"),
        (
            lambda: potential_divergence(GridGraph(jnp.ones((1, 2))), [[1.0, -np.inf]]),
            "potential is infinite",
        ),
        (lambda: potential_divergence(GridGraph(jnp.ones((1, 1))), [[np.nan]]), "no cell of 1 has a potential"),
        (lambda: potential_divergence(GridGraph(jnp.ones((1, 2)), edge_rule="target"), [[1.0, 1.0]]), "undirected"),
        (lambda: current_field(GridGraph(jnp.ones((1, 2)), edge_rule="target"), [[1.0, 1.0]]), "undirected"),
        (lambda: conservation_residual(still(), np.ones((2, 2))), r"raster of shape \(1, 2\)"),
        (lambda: conservation_residual(still(), [[0.0, np.nan]]), "not finite in 1 cell"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def still():
    return field_divergence(np.ones((1, 2)), np.ones((1, 2)))
