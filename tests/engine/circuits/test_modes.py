"""Pairwise, one-to-all, all-to-one and advanced modes against dense circuits and against each other."""

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
from permea.engine.distances import grounded_laplacian
from permea.engine.graph import gallery
from permea.engine.graph.components import connected_components
from permea.engine.graph.focal_nodes import FocalNodes
from permea.engine.linalg.base import require_solved, unit_vectors
from permea.engine.linalg.nested_dissection import NestedDissection
from permea.engine.linalg.nested_dissection.cpu.inverse_block import inverse_submatrix
from permea.engine.linalg.solver_stats import record_stats


def rough(rows=11, columns=9, seed=1):
    """A landscape with holes, in one component except for single cells."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random((rows, columns)) < 0.12, 0.0, np.exp(rng.normal(size=(rows, columns))))


def region(shape, *cells):
    return np.array([row * shape[1] + column for row, column in cells])


def block(shape, top, left, height, width):
    return region(shape, *[(r, c) for r in range(top, top + height) for c in range(left, left + width)])


def dense_circuit(permeability, groups, neighbors="queen", edge_rule="resistance"):
    """Return the conductances between nodes with each group short-circuited, and the node of every active cell."""
    conductance = reference_dense.conductances(permeability, neighbors, edge_rule)
    cells = np.flatnonzero(np.ravel(permeability) > 0)
    vertices = [np.flatnonzero(np.isin(cells, group)) for group in groups]
    merged, node = reference_dense.merge_vertices(conductance, vertices)
    node_of = dict(zip(cells.tolist(), node.tolist(), strict=True))
    for group in groups:
        # A group includes its inactive cells.
        members = [node_of[cell] for cell in group.tolist() if cell in node_of]
        node_of |= {cell: members[0] for cell in group.tolist() if members}
    return merged, node_of


def dense_resistance(permeability, groups, i, j):
    conductance, node = dense_circuit(permeability, [*groups, i, j])
    ends = [next(node[cell] for cell in cells if cell in node) for cells in (i, j)]
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
def test_region_resistances_equal_dense_merged_circuit(landscape, regions, polygons):
    shorts = [block(landscape.shape, *polygon) for polygon in polygons]
    result = Pairwise(circuit_of(landscape, shorts), focal_of(regions)).resistances()
    for i, j, value in result.three_columns():
        expected = dense_resistance(landscape, shorts, regions[int(i) - 1], regions[int(j) - 1])
        assert value == pytest.approx(expected, rel=1e-9)


def test_region_maps_shared_and_separate_circuits_agree(landscape, regions):
    shorts = [block(landscape.shape, 1, 5, 2, 4)]
    shared = list(Pairwise(circuit_of(landscape, shorts), focal_of(regions)).maps())
    separate = list(Pairwise(circuit_of(landscape, shorts), focal_of(regions), max_boundary_cells=0).maps())
    assert len(shared) == len(separate) == 10
    for a, b in zip(shared, separate, strict=True):
        assert (a.first, a.second) == (b.first, b.second)
        assert a.residual < 1e-10
        assert b.residual < 1e-10
        assert a.resistance == pytest.approx(b.resistance, rel=1e-9)
        np.testing.assert_allclose(a.potentials, b.potentials, atol=1e-9 * a.resistance)
        np.testing.assert_allclose(a.currents, b.currents, atol=1e-9)


def test_inactive_region_cells_conduct_with_mean_rule():
    landscape = np.array([[1.0, 2.0, 0.0, 3.0, 1.0], [1.0, 0.0, 0.0, 0.0, 2.0]])
    shape = landscape.shape
    focal = focal_of([region(shape, (0, 1), (0, 2), (1, 1)), region(shape, (1, 4))])
    pair = next(Pairwise(circuit_of(landscape, edge_rule="mean", neighbors="rook"), focal).maps())
    # Through the inactive cell (0, 2), with half the permeability of its neighbour, to (0, 3) – (0, 4) – (1, 4).
    assert pair.resistance == pytest.approx(1 / 1.5 + 1 / 2.0 + 1 / 1.5)
    assert pair.currents[0, 2] == pair.currents[1, 1] == pytest.approx(1.0)


def test_region_joins_components():
    landscape = np.array([[1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0]])
    shape = landscape.shape
    focal = focal_of([region(shape, (0, 0), (0, 4)), region(shape, (0, 1), (0, 3), (0, 6))])
    pair = next(Pairwise(circuit_of(landscape), focal).maps())
    assert pair.resistance == pytest.approx(0.5)
    np.testing.assert_allclose(pair.potentials, [[0, 0.5, np.nan, 0.5, 0, np.nan, 0.5]], atol=1e-12)
    np.testing.assert_allclose(pair.currents, [[1, 1, np.nan, 1, 1, np.nan, 1]], atol=1e-12)


def test_n_points_take_n_minus_1_solves(landscape):
    focal = focal_of([region(landscape.shape, cell) for cell in ((0, 0), (4, 4), (9, 7), (2, 8), (10, 2), (5, 1))])
    with record_stats() as entries:
        Pairwise(circuit_of(landscape), focal).resistances()
    assert sum(entry.right_hand_sides for entry in entries) == 5


def test_cumulative_current_sums_pair_maps(landscape):
    shorts = [block(landscape.shape, 1, 5, 2, 4)]
    cells = [(0, 0), (4, 4), (9, 7), (2, 8), (10, 2), (5, 1)]
    focal = focal_of([region(landscape.shape, cell) for cell in cells])
    pairs = [(1, 2), (1, 5), (2, 3), (4, 6), (3, 4)]
    pairwise = Pairwise(circuit_of(landscape, shorts), focal, pairs)
    maps = list(pairwise.maps())
    assert [(pair.first, pair.second) for pair in maps] == sorted(pairs)
    for zero in (False, True):
        result = pairwise.cumulative(zero_focal_currents=zero)
        stack = np.stack([pair.currents for pair in maps])
        if zero:
            node = pairwise.circuit.node_of.reshape(landscape.shape)
            for number, pair in enumerate(maps):
                ends = [node[cells[end - 1]] for end in (pair.first, pair.second)]
                stack[number][np.isin(node, ends)] = 0.0
        np.testing.assert_allclose(result.total, stack.sum(0), atol=1e-9)
        np.testing.assert_allclose(result.maximum, stack.max(0), atol=1e-9)
        assert result.runs == 5
        assert result.residual < 1e-10


@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize("neighbors", ["rook", "queen"])
@pytest.mark.parametrize("count", [3, 4, 9, 20])
def test_sum_by_sorting_equals_sum_by_pairs(count, neighbors, zero):
    rng = np.random.default_rng(count)
    landscape = rng.lognormal(size=(21, 34))
    landscape[:, 20] = landscape[rng.random(landscape.shape) < 0.1] = 0
    circuit = GridCircuit(GridGraph(landscape, neighbors=neighbors), [block(landscape.shape, 1, 5, 2, 4)])
    cells = rng.choice(np.flatnonzero(landscape), count, replace=False)
    # Two points lie in the short-circuit region and are one node; the last shares a cell with the first.
    cells[1] = np.ravel_multi_index((2, 6), landscape.shape)
    focal = focal_of([*cells[:, None], cells[:1]])
    pairwise = Pairwise(circuit, focal)
    by_pairs, by_sorting = (
        pairwise.cumulative(zero_focal_currents=zero),
        pairwise.cumulative(zero_focal_currents=zero, with_maximum=False),
    )
    maps = np.stack([pairwise.currents_for_sum(pair, zero) for pair in pairwise.maps()])
    np.testing.assert_allclose(by_sorting.total, maps.sum(0), atol=1e-9)
    np.testing.assert_allclose(by_pairs.total, maps.sum(0), atol=1e-9)
    assert by_sorting.maximum is None
    assert by_sorting.runs == by_pairs.runs > 0 and by_sorting.residual == pytest.approx(by_pairs.residual, abs=1e-13)


@pytest.mark.parametrize("count", range(33))
def test_batcher_network_sorts(count):
    numbers = np.random.default_rng(count).integers(0, 9, (50, count))
    expected = np.sort(numbers, axis=1)
    for low, high in batcher_network(count).T:
        swap = numbers[:, low] > numbers[:, high]
        numbers[swap, low], numbers[swap, high] = numbers[swap, high], numbers[swap, low]
    np.testing.assert_array_equal(numbers, expected)


def test_one_to_all_and_all_to_one_equal_advanced(landscape, regions):
    shorts = [block(landscape.shape, 1, 5, 2, 4)]
    circuit, focal, strengths = circuit_of(landscape, shorts), focal_of(regions[:4]), {1: 2.0, 3: 0.5}
    merged = circuit.with_short_circuits([cells for cells in regions[:4] if len(cells) > 1])
    single = [cells[np.argmax(np.ravel(landscape)[cells] > 0)] for cells in regions[:4]]
    for kind in (OneToAll, AllToOne):
        for number, run in enumerate(kind(circuit, focal, strengths=strengths).maps()):
            focal_node, others = np.zeros((2, landscape.size))
            for node, cell in enumerate(single):
                (focal_node if node == number else others)[cell] = strengths.get(node + 1, 1.0)
            injected, grounded = (focal_node, others) if kind is OneToAll else (others, focal_node)
            ground = np.where(grounded > 0, np.inf, 0.0).reshape(landscape.shape)
            flow = advanced(merged, injected.reshape(landscape.shape), ground)
            np.testing.assert_allclose(run.potentials, flow.potentials, atol=1e-9)
            np.testing.assert_allclose(run.currents, flow.currents, atol=1e-9)
            expected = flow.potentials.ravel()[single[number]] / strengths.get(number + 1, 1.0)
            assert run.resistance == pytest.approx(expected if kind is OneToAll else 0.0)


@pytest.mark.parametrize("kind", [OneToAll, AllToOne])
def test_excluded_region_is_ordinary_cells(landscape, regions, kind):
    circuit = circuit_of(landscape)
    with_it = list(kind(circuit, focal_of(regions[:4]), excluded=[(1, 2)]).maps())
    without = list(kind(circuit, FocalNodes(np.array([1, 3, 4]), (regions[0], *regions[2:4]))).maps())
    np.testing.assert_allclose(with_it[0].currents, without[0].currents, atol=1e-12)


def test_advanced_equals_dense_solve(landscape):
    shape, shorts = landscape.shape, [block(landscape.shape, 1, 5, 2, 4), block(landscape.shape, 6, 0, 2, 6)]
    sources, grounds = np.zeros(shape), np.zeros(shape)
    sources[0, 0], sources[9, 7], sources[1, 6] = 1.0, -0.3, 2.0
    grounds[6, 1], grounds[10, 8], grounds[0, 8] = 0.7, 3.0, np.inf
    flow = advanced(circuit_of(landscape, shorts), sources, grounds)
    conductance, node = dense_circuit(landscape, shorts)
    injected, ground = np.zeros((2, len(conductance)))
    for cell, number in node.items():
        injected[number] += sources.ravel()[cell]
        ground[number] += grounds.ravel()[cell]
    reached = np.isfinite(reference_dense.effective_resistances(conductance)[node[0]])
    free = np.flatnonzero(reached & np.isfinite(ground))
    system = np.diag(conductance.sum(1)) - conductance
    potentials = np.zeros(len(conductance))
    potentials[free] = np.linalg.solve(
        (system + np.diag(np.where(np.isinf(ground), 0, ground)))[np.ix_(free, free)], injected[free]
    )
    for cell, number in node.items():
        if reached[number]:
            assert flow.potentials.ravel()[cell] == pytest.approx(potentials[number], abs=1e-10)
    assert flow.residual < 1e-10
    check = diagnose_map(flow.potentials, flow.currents, flow.residual)
    assert check.cells == (landscape > 0).sum() + (landscape.ravel()[np.concatenate(shorts)] == 0).sum()


@pytest.mark.parametrize(
    ("policy", "least_current"), [("keepall", 1.0), ("rmvgnd", 1.0), ("rmvsrc", 0.5), ("rmvall", 0.5)]
)
def test_conflict_policy(policy, least_current):
    circuit = circuit_of(np.ones((1, 3)))
    # A source on a direct ground at one end, a source of 0.5 A in the middle, a direct ground at the other end.
    flow = advanced(circuit, np.array([[0.5, 0.5, 0]]), np.array([[np.inf, 0, np.inf]]), policy=policy)
    through = {"keepall": 1.0, "rmvgnd": 1.0, "rmvsrc": 0.25, "rmvall": 0.5}[policy]
    assert flow.currents[0, 2] == pytest.approx(through)
    assert flow.currents[0, 1] >= least_current - 1e-12


def test_network_and_grid_circuits_agree(landscape):
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


def test_network_short_circuit_merges_nodes():
    line = NetworkCircuit(np.array([0, 1, 2]), np.array([1, 2, 3]), np.ones(3))
    pair = next(Pairwise(line, focal_of([np.array([0, 2]), np.array([3])])).maps())
    assert pair.resistance == pytest.approx(1.0)
    np.testing.assert_allclose(pair.potentials, [0, 0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(pair.currents, [1, 0, 1, 1], atol=1e-12)


@pytest.mark.costly_variants
@pytest.mark.parametrize("shape", [(7, 9), (40, 33), (150, 140)])
def test_inverse_submatrix_equals_solves(shape):
    grid = GridGraph(gallery.lognormal(*shape, correlation_length=1.0))
    system = grounded_laplacian(grid, connected_components(grid))
    cells = np.random.default_rng(0).choice(shape[0] * shape[1], 30, replace=False)
    units = unit_vectors(jnp.asarray(cells), shape)
    solver = NestedDissection(symmetric=True)
    columns = require_solved(solver.compute(solver.init(system), units)).reshape(30, -1)
    np.testing.assert_allclose(inverse_submatrix(system, cells), columns[:, cells], rtol=1e-11)


def test_invalid_circuit_inputs_raise(landscape, regions):
    circuit = circuit_of(landscape)
    with pytest.raises(ValueError, match="there is 1"):
        Pairwise(circuit, focal_of(regions[:1]))
    with pytest.raises(ValueError, match="2 ids of pairs are not among the focal nodes, the first is 8"):
        Pairwise(circuit, focal_of(regions), [(1, 8), (9, 2)])
    with pytest.raises(ValueError, match="1 id is given more than once, the first is 4"):
        FocalNodes(np.array([4, 4]), (np.array([0]), np.array([1])))
    with pytest.raises(ValueError, match=r"1 of 2 focal cells lies outside .* row 11, column 0"):
        FocalNodes.from_cells([1, 2], [0, 11], [0, 0], landscape.shape)
    hole = np.flatnonzero(landscape.ravel() == 0)[:2]
    with pytest.raises(ValueError, match="none of 2 focal nodes"):
        Pairwise(circuit, focal_of([hole[:1], hole[1:]]))
    none = np.zeros(landscape.shape)
    source = none.copy()
    source[0, 0] = 1.0
    with pytest.raises(ValueError, match="no ground in the landscape"):
        advanced(circuit, source, none)
    with pytest.raises(ValueError, match="no source in the landscape"):
        advanced(circuit, none, source)
    with pytest.raises(ValueError, match=r"grounds .* in 1 cell, the first at \(0, 0\)"):
        advanced(circuit, source, -source)
    with pytest.raises(ValueError, match="undirected"):
        GridCircuit(GridGraph(landscape, edge_rule="target"))
    islands = circuit_of(np.array([[1.0, 0.0, 1.0]]))
    with pytest.raises(ValueError, match="no source is connected with a ground"):
        advanced(islands, np.array([[1.0, 0, 0]]), np.array([[0, 0, 1.0]]))
