"""Random landscapes with all features of Circuitscape, against an independent dense solution."""

import numpy as np
import pytest
import reference_dense_circuit

from permea.engine import GridGraph
from permea.engine.circuits import advanced
from permea.engine.circuits.grid_circuit import GridCircuit
from permea.engine.circuits.network_circuit import NetworkCircuit
from permea.engine.circuits.one_to_all import AllToOne, OneToAll
from permea.engine.circuits.pairwise import Pairwise
from permea.engine.graph.focal_nodes import FocalNodes, region_cells

#: Relative to the largest value.
RTOL = 1e-9

SEEDS = range(12)


class Landscape:
    """Holes, sometimes a wall, short-circuit regions that may cover holes, focal nodes of one or several cells."""

    def __init__(self, seed):
        self.random = random = np.random.default_rng(seed)
        self.shape = shape = (int(random.integers(1, 6)), int(random.integers(3, 7)))
        self.conductance = random.lognormal(size=shape) * (random.random(shape) > random.choice([0, 0.2, 0.4]))
        if random.random() < 0.2:
            self.conductance[:, shape[1] // 2] = 0.0
        self.conductance[0, 0] = 1.0
        self.rules = {"rook": bool(random.random() < 0.5), "mean_of_resistances": bool(random.random() < 0.5)}
        self.regions = np.zeros(shape, int)
        for _ in range(random.integers(0, 5)):
            row, column = (random.integers(size) for size in shape)
            self.regions[row : row + 2, column : column + random.integers(1, 3)] = random.choice([1, 2, 9])
        order = random.permutation(self.conductance.size)
        several = random.random() < 0.4
        cells = [tuple(int(index) for index in np.unravel_index(cell, shape)) for cell in order]
        self.focal = {}
        for remaining, identity in enumerate(random.choice([1, 4, 5, 17], 3, replace=False).tolist()[::-1]):
            count = min(int(random.integers(1, 4)) if several else 1, len(cells) - 2 + remaining)
            self.focal[identity] = [cells.pop() for _ in range(count)]
        self.focal = dict(sorted(self.focal.items()))
        if not any(self.conductance[cell] > 0 for cells in self.focal.values() for cell in cells):
            self.conductance[next(iter(self.focal.values()))[0]] = 1.0

    @property
    def circuit(self):
        grid = GridGraph(
            self.conductance,
            neighbors="rook" if self.rules["rook"] else "queen",
            edge_rule="resistance" if self.rules["mean_of_resistances"] else "mean",
        )
        return GridCircuit(grid, region_cells(self.regions))

    @property
    def focal_nodes(self):
        ids, cells = zip(*((identity, cell) for identity, cells in self.focal.items() for cell in cells), strict=True)
        return FocalNodes.from_cells(np.array(ids), *np.transpose(cells), self.shape)


@pytest.fixture(params=SEEDS)
def landscape(request):
    return Landscape(request.param)


def agrees(result, expected):
    result, expected = (np.nan_to_num(np.asarray(values, float)) for values in (result, expected))
    return np.abs(result - expected).max(initial=0.0) <= RTOL * max(np.abs(expected).max(initial=0.0), 1.0)


def finite(resistance):
    return np.where(np.isfinite(resistance), resistance, -1.0)


@pytest.mark.costly_variants
def test_pairwise_equals_dense(landscape):
    assert_pairwise_agrees(landscape)


def assert_pairwise_agrees(landscape):
    expected = reference_dense_circuit.pairwise(
        landscape.conductance, landscape.regions, landscape.focal, **landscape.rules
    )
    pairwise = Pairwise(landscape.circuit, landscape.focal_nodes)
    result = {(int(one), int(other)): value for one, other, value in pairwise.resistances().three_columns()}
    assert result.keys() == expected.keys()
    assert agrees([finite(result[pair]) for pair in expected], [resistance for resistance, *_ in expected.values()])
    maps = {(run.first, run.second): run for run in pairwise.maps()}
    assert maps.keys() == {pair for pair, (resistance, *_) in expected.items() if resistance >= 0}
    for pair, run in maps.items():
        assert agrees(run.potentials, expected[pair][1]) and agrees(run.currents, expected[pair][2]), pair
    total = sum((currents for *_, currents in expected.values() if currents is not None), np.zeros(landscape.shape))
    assert agrees(pairwise.cumulative().total, total)


#: Conductances, short-circuit regions and the focal regions 1 and 2, along a line.
LINES = {
    "an island connected by a focal region": ([1, 1, 0, 1], [0, 0, 0, 0], [1, 2, 2, 0]),
    "a focal region that touches a short-circuit region of holes": ([1, 1, 0, 0, 1], [0, 0, 3, 3, 0], [1, 2, 2, 0, 0]),
    "two that touch the same region of holes": ([1, 0, 0, 1], [0, 3, 3, 0], [1, 1, 2, 2]),
    "a focal region of holes that touches the same region of holes": ([1, 0, 0, 0], [0, 3, 3, 0], [1, 1, 2, 2]),
    "two that cover all cells between them": ([1, 0, 0, 0, 1], [0, 3, 3, 3, 0], [1, 1, 0, 2, 2]),
}


@pytest.mark.costly_variants
@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("mean_of_resistances", [False, True])
def test_focal_regions_on_holes_equal_dense(line, mean_of_resistances):
    landscape = Landscape(0)
    conductance, landscape.regions, focal = (np.array([values]) for values in LINES[line])
    landscape.conductance, landscape.shape = conductance.astype(float), conductance.shape
    landscape.rules = {"rook": True, "mean_of_resistances": mean_of_resistances}
    landscape.focal = {identity: list(map(tuple, np.argwhere(focal == identity).tolist())) for identity in (1, 2)}
    assert_pairwise_agrees(landscape)
    for kind in (OneToAll, AllToOne):
        assert_focal_modes_agree(landscape, kind, {}, set())


@pytest.mark.costly_variants
@pytest.mark.parametrize("kind", [OneToAll, AllToOne])
def test_one_to_all_and_all_to_one_equal_dense(landscape, kind):
    ids = list(landscape.focal)
    strengths = {ids[0]: 2.5, ids[-1]: float(landscape.random.choice([0.0, -1.0, 0.5]))}
    excluded = {frozenset(ids[:2])} if landscape.random.random() < 0.4 else set()
    assert_focal_modes_agree(landscape, kind, strengths, excluded)


def assert_focal_modes_agree(landscape, kind, strengths, excluded):
    options = {"one_to_all": kind is OneToAll, **landscape.rules}
    arguments = landscape.conductance, landscape.regions, landscape.focal, strengths, excluded
    expected = reference_dense_circuit.one_against_all(*arguments, **options)
    runs = kind(
        landscape.circuit, landscape.focal_nodes, strengths=strengths, excluded=[tuple(pair) for pair in excluded]
    ).maps()
    for run in runs:
        resistance, potentials, currents = expected.pop(run.id)
        assert agrees(finite(run.resistance), resistance), run.id
        assert agrees(run.potentials, potentials) and agrees(run.currents, currents), run.id
    assert not expected


@pytest.mark.parametrize("policy", ["keepall", "rmvsrc", "rmvgnd", "rmvall"])
def test_advanced_equals_dense(landscape, policy):
    random, shape = landscape.random, landscape.shape
    sources = np.where(random.random(shape) < 0.4, random.choice([1.0, 0.5, -1.5], shape), 0.0)
    grounds = np.where(random.random(shape) < 0.4, random.choice([np.inf, 0.3, 2.0], shape), 0.0)
    dense = reference_dense_circuit.DenseCircuit(landscape.conductance, landscape.regions, **landscape.rules)
    injected, conductance = np.zeros((2, len(dense.matrix)))
    for cell in np.argwhere(dense.node_of >= 0):
        injected[dense.node_of[tuple(cell)]] += sources[tuple(cell)]
        conductance[dense.node_of[tuple(cell)]] += grounds[tuple(cell)]
    potentials, currents, solved = dense.advanced(injected, conductance, policy)
    rules = {"policy": policy, "as_circuitscape": True}
    if not solved:
        with pytest.raises(ValueError, match="no (source|ground)"):
            advanced(landscape.circuit, sources, grounds, **rules)
        return
    flow = advanced(landscape.circuit, sources, grounds, **rules)
    assert agrees(flow.potentials, dense.to_map(potentials)) and agrees(flow.currents, dense.to_map(currents))


@pytest.mark.parametrize("seed", SEEDS)
def test_network_advanced_equals_dense(seed):
    random = np.random.default_rng(seed)
    count = int(random.integers(3, 9))
    edges = random.integers(0, count, (int(random.integers(2, 2 * count)), 2))
    conductances = random.lognormal(size=len(edges))
    dense = reference_dense_circuit.DenseCircuit.of_edges(edges, conductances, count)
    injected, grounds = np.zeros((2, count))
    injected[random.integers(count)], grounds[random.integers(count, size=2)] = 1.0, [np.inf, 0.5]
    potentials, currents, solved = dense.advanced(injected, grounds, "rmvgnd")
    network = NetworkCircuit(edges[:, 0], edges[:, 1], conductances, count)
    if not solved:
        with pytest.raises(ValueError, match="no source is connected"):
            advanced(network, injected, grounds, policy="rmvgnd", as_circuitscape=True)
        return
    flow = advanced(network, injected, grounds, policy="rmvgnd", as_circuitscape=True)
    assert agrees(flow.potentials, potentials) and agrees(flow.currents, currents)


def test_zero_focal_currents_zeroes_focal_nodes(landscape):
    plain, without = (
        {run.id: run for run in OneToAll(landscape.circuit, landscape.focal_nodes, zero_focal_currents=zero).maps()}
        for zero in (False, True)
    )
    circuit, focal = landscape.circuit, landscape.focal_nodes
    if any(len(cells) > 1 for cells in focal.cells):
        circuit = circuit.with_short_circuits(focal.cells)
    ends = np.isin(circuit.node_of, np.concatenate(focal.nodes(circuit))).reshape(landscape.shape)
    for identity, run in plain.items():
        assert agrees(without[identity].currents, np.where(ends, 0.0, run.currents))
