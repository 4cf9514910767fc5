"""Currents obey Kirchhoff, whichever way they are found."""

import jax.numpy as jnp
import numpy as np
import pytest
import reference_dense
from permea.engine import GridGraph
from permea.engine.circuits import advanced
from permea.engine.circuits.grid_circuit import GridCircuit
from permea.engine.circuits.network_circuit import NetworkCircuit
from permea.engine.circuits.one_to_all import AllToOne, OneToAll
from permea.engine.circuits.pairwise import Pairwise
from permea.engine.circuits.sorting_network import batcher_network
from permea.engine.circuits.validation import diagnose_map
from permea.engine.distances.resistance import grounded_laplacian
from permea.engine.graph import gallery
from permea.engine.graph.components import connected_components
from permea.engine.graph.focal_nodes import FocalNodes
from permea.engine.linalg.base import require_solved, unit_vectors
from permea.engine.linalg.nested_dissection import NestedDissection
from permea.engine.linalg.nested_dissection.cpu.inverse_block import inverse_submatrix
from permea.engine.linalg.solver_stats import record_stats


def rough(rows=11, columns=9, seed=1):
    """A landscape with holes, in one component but for single cells."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random((rows, columns)) < 0.12, 0.0, np.exp(rng.normal(size=(rows, columns))))


def region(shape, *cells):
    return np.array([row * shape[1] + column for row, column in cells])


def block(shape, top, left, height, width):
    return region(shape, *[(r, c) for r in range(top, top + height) for c in range(left, left + width)])


def dense_circuit(permeability, groups, neighbors="queen", edge_rule="resistance"):
    """Conductances between nodes when each group of cells is one, and the node of every active cell."""
    conductance = reference_dense.conductances(permeability, neighbors, edge_rule)
    cells = np.flatnonzero(np.ravel(permeability) > 0)
    number = np.arange(len(cells))
    for _ in groups:
        for group in groups:
            mine = np.isin(cells, group)
            mine = np.isin(number, number[mine])
            number[mine] = number[mine].min(initial=len(cells))
    node = np.unique(number, return_inverse=True)[1]
    membership = np.eye(node.max() + 1)[node]
    merged = membership.T @ conductance @ membership
    np.fill_diagonal(merged, 0.0)
    node_of = dict(zip(cells.tolist(), node.tolist(), strict=True))
    for group in groups:
        # A group claims its cells that are not active.
        mine = [node_of[cell] for cell in group.tolist() if cell in node_of]
        node_of |= {cell: mine[0] for cell in group.tolist() if mine}
    return merged, node_of


def dense_resistance(permeability, groups, one, other):
    conductance, node = dense_circuit(permeability, [*groups, one, other])
    ends = [next(node[cell] for cell in cells if cell in node) for cells in (one, other)]
    return reference_dense.effective_resistances(conductance)[ends[0], ends[1]]


@pytest.fixture(scope="module")
def landscape():
    return rough()


@pytest.fixture(scope="module")
def regions(landscape):
    shape = landscape.shape
    return [
        block(shape, 0, 0, 3, 3),
        block(shape, 7, 5, 3, 3),
        region(shape, (0, 8), (10, 0)),
        block(shape, 4, 4, 1, 1),
        block(shape, 3, 3, 2, 1),
    ]


def focal_of(regions):
    return FocalNodes(np.arange(1, len(regions) + 1), tuple(regions))


def circuit_of(landscape, short_circuits=(), **options):
    return GridCircuit(GridGraph(landscape, **{"edge_rule": "resistance"} | options), short_circuits)


@pytest.mark.parametrize("polygons", [[], [(1, 5, 2, 4)], [(1, 5, 2, 4), (6, 0, 2, 6), (8, 2, 3, 2)]])
def test_pairs_of_regions_are_those_of_a_circuit_in_which_they_are_nodes(landscape, regions, polygons):
    shorts = [block(landscape.shape, *polygon) for polygon in polygons]
    found = Pairwise(circuit_of(landscape, shorts), focal_of(regions)).resistances()
    for one, other, value in found.three_columns():
        expected = dense_resistance(landscape, shorts, regions[int(one) - 1], regions[int(other) - 1])
        assert value == pytest.approx(expected, rel=1e-9)


def test_maps_of_pairs_of_regions_do_not_depend_on_how_they_are_found(landscape, regions):
    shorts = [block(landscape.shape, 1, 5, 2, 4)]
    together = list(Pairwise(circuit_of(landscape, shorts), focal_of(regions)).maps())
    apart = list(Pairwise(circuit_of(landscape, shorts), focal_of(regions), max_boundary_cells=0).maps())
    assert len(together) == len(apart) == 10
    for one, other in zip(together, apart, strict=True):
        assert (one.first, one.second) == (other.first, other.second)
        assert one.residual < 1e-10
        assert other.residual < 1e-10
        assert one.resistance == pytest.approx(other.resistance, rel=1e-9)
        np.testing.assert_allclose(one.potentials, other.potentials, atol=1e-9 * one.resistance)
        np.testing.assert_allclose(one.currents, other.currents, atol=1e-9)


def test_a_region_that_lies_on_nodata_conducts_there_as_the_mean_says():
    landscape = np.array([[1.0, 2.0, 0.0, 3.0, 1.0], [1.0, 0.0, 0.0, 0.0, 2.0]])
    shape = landscape.shape
    focal = focal_of([region(shape, (0, 1), (0, 2), (1, 1)), region(shape, (1, 4))])
    pair = next(Pairwise(circuit_of(landscape, edge_rule="mean", neighbors="rook"), focal).maps())
    # Through the claimed cell (0, 2), half as good as its neighbour, to (0, 3) – (0, 4) – (1, 4).
    assert pair.resistance == pytest.approx(1 / 1.5 + 1 / 2.0 + 1 / 1.5)
    assert pair.currents[0, 2] == pair.currents[1, 1] == pytest.approx(1.0)


def test_a_region_joins_the_components_that_it_touches():
    landscape = np.array([[1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0]])
    shape = landscape.shape
    focal = focal_of([region(shape, (0, 0), (0, 4)), region(shape, (0, 1), (0, 3), (0, 6))])
    pair = next(Pairwise(circuit_of(landscape), focal).maps())
    assert pair.resistance == pytest.approx(0.5)
    np.testing.assert_allclose(pair.potentials, [[0, 0.5, np.nan, 0.5, 0, np.nan, 0.5]], atol=1e-12)
    np.testing.assert_allclose(pair.currents, [[1, 1, np.nan, 1, 1, np.nan, 1]], atol=1e-12)


def test_points_take_one_solve_fewer_than_they_are(landscape):
    focal = focal_of([region(landscape.shape, cell) for cell in ((0, 0), (4, 4), (9, 7), (2, 8), (10, 2), (5, 1))])
    with record_stats() as entries:
        Pairwise(circuit_of(landscape), focal).resistances()
    assert sum(entry.right_hand_sides for entry in entries) == 5


def test_the_cumulative_current_is_the_sum_over_pairs(landscape):
    shorts = [block(landscape.shape, 1, 5, 2, 4)]
    cells = [(0, 0), (4, 4), (9, 7), (2, 8), (10, 2), (5, 1)]
    focal = focal_of([region(landscape.shape, cell) for cell in cells])
    pairs = [(1, 2), (1, 5), (2, 3), (4, 6), (3, 4)]
    pairwise = Pairwise(circuit_of(landscape, shorts), focal, pairs)
    maps = list(pairwise.maps())
    assert [(pair.first, pair.second) for pair in maps] == sorted(pairs)
    for zero in (False, True):
        found = pairwise.cumulative(zero_focal_currents=zero)
        stack = np.stack([pair.currents for pair in maps])
        if zero:
            node = pairwise.circuit.node_of.reshape(landscape.shape)
            for number, pair in enumerate(maps):
                ends = [node[cells[end - 1]] for end in (pair.first, pair.second)]
                stack[number][np.isin(node, ends)] = 0.0
        np.testing.assert_allclose(found.total, stack.sum(0), atol=1e-9)
        np.testing.assert_allclose(found.largest, stack.max(0), atol=1e-9)
        assert found.runs == 5
        assert found.residual < 1e-10


@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize("neighbors", ["rook", "queen"])
@pytest.mark.parametrize("count", [3, 4, 9, 20])
def test_the_sum_over_all_pairs_does_not_depend_on_whether_the_largest_is_wanted(count, neighbors, zero):
    rng = np.random.default_rng(count)
    landscape = rng.lognormal(size=(21, 34))
    landscape[:, 20] = landscape[rng.random(landscape.shape) < 0.1] = 0
    circuit = GridCircuit(GridGraph(landscape, neighbors=neighbors), [block(landscape.shape, 1, 5, 2, 4)])
    places = rng.choice(np.flatnonzero(landscape), count, replace=False)
    # Two in the short-circuit region are one node; the last one is where another is already.
    places[1] = np.ravel_multi_index((2, 6), landscape.shape)
    focal = focal_of([*places[:, None], places[:1]])
    pairwise = Pairwise(circuit, focal)
    both, alone = (
        pairwise.cumulative(zero_focal_currents=zero),
        pairwise.cumulative(zero_focal_currents=zero, largest=False),
    )
    maps = np.stack([pairwise.currents_for_sum(pair, zero) for pair in pairwise.maps()])
    np.testing.assert_allclose(alone.total, maps.sum(0), atol=1e-9)
    np.testing.assert_allclose(both.total, maps.sum(0), atol=1e-9)
    assert alone.largest is None
    assert alone.runs == both.runs > 0 and alone.residual == pytest.approx(both.residual, abs=1e-13)


@pytest.mark.parametrize("count", range(33))
def test_exchanges_sort(count):
    numbers = np.random.default_rng(count).integers(0, 9, (50, count))
    expected = np.sort(numbers, axis=1)
    for low, high in batcher_network(count).T:
        swap = numbers[:, low] > numbers[:, high]
        numbers[swap, low], numbers[swap, high] = numbers[swap, high], numbers[swap, low]
    np.testing.assert_array_equal(numbers, expected)


def test_one_to_all_and_all_to_one_are_advanced_runs(landscape, regions):
    shorts = [block(landscape.shape, 1, 5, 2, 4)]
    circuit, focal, strengths = circuit_of(landscape, shorts), focal_of(regions[:4]), {1: 2.0, 3: 0.5}
    merged = circuit.with_short_circuits([cells for cells in regions[:4] if len(cells) > 1])
    single = [cells[np.argmax(np.ravel(landscape)[cells] > 0)] for cells in regions[:4]]
    for kind in (OneToAll, AllToOne):
        for number, run in enumerate(kind(circuit, focal, strengths=strengths).maps()):
            one, others = np.zeros((2, landscape.size))
            for place, cell in enumerate(single):
                (one if place == number else others)[cell] = strengths.get(place + 1, 1.0)
            fed, earthed = (one, others) if kind is OneToAll else (others, one)
            ground = np.where(earthed > 0, np.inf, 0.0).reshape(landscape.shape)
            flow = advanced(merged, fed.reshape(landscape.shape), ground)
            np.testing.assert_allclose(run.potentials, flow.potentials, atol=1e-9)
            np.testing.assert_allclose(run.currents, flow.currents, atol=1e-9)
            expected = flow.potentials.ravel()[single[number]] / strengths.get(number + 1, 1.0)
            assert run.resistance == pytest.approx(expected if kind is OneToAll else 0.0)


@pytest.mark.parametrize("kind", [OneToAll, AllToOne])
def test_an_excluded_focal_region_is_ordinary_cells(landscape, regions, kind):
    circuit = circuit_of(landscape)
    with_it = list(kind(circuit, focal_of(regions[:4]), excluded=[(1, 2)]).maps())
    without = list(kind(circuit, FocalNodes(np.array([1, 3, 4]), (regions[0], *regions[2:4]))).maps())
    np.testing.assert_allclose(with_it[0].currents, without[0].currents, atol=1e-12)


def test_advanced_solves_the_dense_system(landscape):
    shape, shorts = landscape.shape, [block(landscape.shape, 1, 5, 2, 4), block(landscape.shape, 6, 0, 2, 6)]
    sources, grounds = np.zeros(shape), np.zeros(shape)
    sources[0, 0], sources[9, 7], sources[1, 6] = 1.0, -0.3, 2.0
    grounds[6, 1], grounds[10, 8], grounds[0, 8] = 0.7, 3.0, np.inf
    flow = advanced(circuit_of(landscape, shorts), sources, grounds)
    conductance, node = dense_circuit(landscape, shorts)
    fed, ground = np.zeros((2, len(conductance)))
    for cell, number in node.items():
        fed[number] += sources.ravel()[cell]
        ground[number] += grounds.ravel()[cell]
    reached = np.isfinite(reference_dense.effective_resistances(conductance)[node[0]])
    free = np.flatnonzero(reached & np.isfinite(ground))
    system = np.diag(conductance.sum(1)) - conductance
    potentials = np.zeros(len(conductance))
    potentials[free] = np.linalg.solve(
        (system + np.diag(np.where(np.isinf(ground), 0, ground)))[np.ix_(free, free)], fed[free]
    )
    for cell, number in node.items():
        if reached[number]:
            assert flow.potentials.ravel()[cell] == pytest.approx(potentials[number], abs=1e-10)
    assert flow.residual < 1e-10
    check = diagnose_map(flow.potentials, flow.currents, flow.residual)
    assert check.cells == (landscape > 0).sum() + (landscape.ravel()[np.concatenate(shorts)] == 0).sum()


@pytest.mark.parametrize(
    ("policy", "current_in_the_middle"), [("keepall", 1.0), ("rmvgnd", 1.0), ("rmvsrc", 0.5), ("rmvall", 0.5)]
)
def test_a_conflict_is_settled_as_asked(policy, current_in_the_middle):
    circuit = circuit_of(np.ones((1, 3)))
    # A source on a direct ground at one end, a source of 0.5 A in the middle, a direct ground at the other end.
    flow = advanced(circuit, np.array([[0.5, 0.5, 0]]), np.array([[np.inf, 0, np.inf]]), policy=policy)
    through = {"keepall": 1.0, "rmvgnd": 1.0, "rmvsrc": 0.25, "rmvall": 0.5}[policy]
    assert flow.currents[0, 2] == pytest.approx(through)
    assert flow.currents[0, 1] >= current_in_the_middle - 1e-12


def test_a_network_and_a_raster_that_are_the_same_give_the_same(landscape):
    conductance = reference_dense.conductances(landscape, "queen", "resistance")
    first, second = np.nonzero(np.triu(conductance))
    network = NetworkCircuit(first, second, conductance[first, second], len(conductance))
    grid = circuit_of(landscape)
    vertices = [0, 17, 40, 71]
    cells = np.flatnonzero(landscape.ravel() > 0)[vertices]
    as_network = Pairwise(network, focal_of([np.array([vertex]) for vertex in vertices]))
    as_grid = Pairwise(grid, focal_of([np.array([cell]) for cell in cells]))
    np.testing.assert_allclose(as_network.resistances().matrix, as_grid.resistances().matrix, rtol=1e-9)
    total = as_grid.cumulative().total
    np.testing.assert_allclose(as_network.cumulative().total, total[landscape > 0], atol=1e-9)


def test_a_network_whose_nodes_are_merged_is_a_smaller_one():
    line = NetworkCircuit(np.array([0, 1, 2]), np.array([1, 2, 3]), np.ones(3))
    pair = next(Pairwise(line, focal_of([np.array([0, 2]), np.array([3])])).maps())
    assert pair.resistance == pytest.approx(1.0)
    np.testing.assert_allclose(pair.potentials, [0, 0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(pair.currents, [1, 0, 1, 1], atol=1e-12)


@pytest.mark.parametrize("shape", [(7, 9), (40, 33), (150, 140)])
def test_entries_of_the_inverse_between_cells_are_those_of_whole_solves(shape):
    grid = GridGraph(gallery.lognormal(*shape, correlation_length=1.0))
    system = grounded_laplacian(grid, connected_components(grid))
    cells = np.random.default_rng(0).choice(shape[0] * shape[1], 30, replace=False)
    units = unit_vectors(jnp.asarray(cells), shape)
    solver = NestedDissection(symmetric=True)
    columns = require_solved(solver.compute(solver.init(system), units)).reshape(30, -1)
    np.testing.assert_allclose(inverse_submatrix(system, cells), columns[:, cells], rtol=1e-11)


def test_what_is_asked_for_must_exist(landscape, regions):
    circuit = circuit_of(landscape)
    with pytest.raises(ValueError, match="there is 1"):
        Pairwise(circuit, focal_of(regions[:1]))
    with pytest.raises(ValueError, match="2 ids of pairs are not those of focal nodes, the first is 8"):
        Pairwise(circuit, focal_of(regions), [(1, 8), (9, 2)])
    with pytest.raises(ValueError, match="1 ids are given more than once, the first is 4"):
        FocalNodes(np.array([4, 4]), (np.array([0]), np.array([1])))
    with pytest.raises(ValueError, match=r"1 of 2 focal cells lie outside .* row 11, column 0"):
        FocalNodes.from_cells([1, 2], [0, 11], [0, 0], landscape.shape)
    hole = np.flatnonzero(landscape.ravel() == 0)[:2]
    with pytest.raises(ValueError, match="none of 2 focal nodes"):
        Pairwise(circuit, focal_of([hole[:1], hole[1:]]))
    nothing = np.zeros(landscape.shape)
    source = nothing.copy()
    source[0, 0] = 1.0
    with pytest.raises(ValueError, match="no ground in the landscape"):
        advanced(circuit, source, nothing)
    with pytest.raises(ValueError, match="no source in the landscape"):
        advanced(circuit, nothing, source)
    with pytest.raises(ValueError, match=r"grounds .* in 1 cells, the first at \(0, 0\)"):
        advanced(circuit, source, -source)
    with pytest.raises(ValueError, match="undirected"):
        GridCircuit(GridGraph(landscape, edge_rule="target"))
    apart = circuit_of(np.array([[1.0, 0.0, 1.0]]))
    with pytest.raises(ValueError, match="no source is connected with a ground"):
        advanced(apart, np.array([[1.0, 0, 0]]), np.array([[0, 0, 1.0]]))
