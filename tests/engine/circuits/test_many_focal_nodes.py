"""Many focal nodes: the sum over all pairs takes no step for each pair and node, and reports its progress."""

import time

import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import solve

from permea.engine.circuits.grid_circuit import GridCircuit
from permea.engine.circuits.network_circuit import NetworkCircuit
from permea.engine.circuits.one_to_all import _ReducedNetwork
from permea.engine.circuits.pairwise import Pairwise
from permea.engine.graph.focal_nodes import FocalNodes, each_pair, pair_indices, region_cells
from permea.engine.graph.grid_graph import GridGraph
from permea.engine.parallel import parallel_starmap

#: A river without a ford separates two components.
LANDSCAPE = np.random.default_rng(5).lognormal(size=(9, 11))
LANDSCAPE[:, 6] = 0.0
SHORT_CIRCUITS = np.zeros(LANDSCAPE.shape, int)
SHORT_CIRCUITS[2, 1:4], SHORT_CIRCUITS[7, 8:10], SHORT_CIRCUITS[8, 0] = 1, 2, 3
#: Points on both banks, two in one short-circuit region, one on the river.
CELLS = np.array([(0, 0), (2, 1), (2, 3), (8, 5), (4, 4), (0, 10), (7, 8), (5, 7), (3, 6)])


@pytest.fixture(params=[False, True], ids=["plain", "short circuits"])
def pairwise(request):
    regions = region_cells(SHORT_CIRCUITS) if request.param else []
    circuit = GridCircuit(GridGraph(jnp.array(LANDSCAPE)), regions)
    return Pairwise(circuit, FocalNodes.from_cells(3 * np.arange(9) + 2, *CELLS.T, LANDSCAPE.shape))


@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize("largest", [False, True])
def test_sum_over_pairs_is_sum_of_maps(pairwise, zero, largest):
    total, maximum = np.zeros((2, *LANDSCAPE.shape))
    for pair in pairwise.maps():
        currents = np.nan_to_num(pairwise.currents_for_sum(pair, zero))
        total, maximum = total + currents, np.maximum(maximum, currents)
    result = pairwise.cumulative(zero_focal_currents=zero, with_maximum=largest)
    assert_allclose(np.nan_to_num(result.total), total, atol=1e-9)
    assert result.residual < 1e-9
    if largest:
        assert_allclose(np.nan_to_num(result.maximum), maximum, atol=1e-9)


def test_sum_counts_pairs_between_different_nodes_of_a_component(pairwise):
    apart = [pair for pair in pairwise.maps() if pair.resistance > 0]
    assert pairwise.cumulative(with_maximum=False).runs == pairwise.cumulative().runs == len(apart)
    assert pairwise.n_pairs == len(pairwise.pairs) == 36


def test_sum_reports_progress(pairwise):
    for largest in (False, True):
        fractions = []
        pairwise.cumulative(with_maximum=largest, zero_focal_currents=True, on_progress=fractions.append)
        assert fractions == sorted(fractions) and fractions[-1] == 1.0


def test_waiting_for_kernels_is_reported():
    reports = []

    def slow(number):
        time.sleep(0.6)
        return number

    assert parallel_starmap(slow, [(0,), (1,)], while_waiting=lambda: reports.append(1)) == [0, 1]
    assert reports


def test_cells_of_ids_are_grouped_like_regions_of_a_raster():
    ids = np.random.default_rng(0).integers(0, 40, (30, 30))
    rows, columns = np.nonzero(ids)
    order = np.random.default_rng(1).permutation(np.repeat(np.arange(rows.size), 2))
    points = FocalNodes.from_cells(ids[rows, columns][order], rows[order], columns[order], ids.shape)
    regions = FocalNodes.from_raster(ids)
    assert points.ids.tolist() == regions.ids.tolist()
    for cells, expected in zip(points.cells, regions.cells, strict=True):
        assert cells.tolist() == expected.tolist()


def test_pairs_are_tuples_of_integers():
    pairs = pair_indices(np.ones((400, 400), bool))
    tuples = list(each_pair(pairs))
    assert len(pairs) == len(tuples) == 80_200 and tuples[-2:] == [(398, 399), (399, 399)]
    assert {type(index) for pair in tuples[-2:] for index in pair} == {int}


def test_network_with_a_million_isolated_nodes_is_solved():
    # Each is a component of its own: with a step over all nodes for each of them, this takes hours.
    count = 1_000_000
    network = NetworkCircuit(np.array([0, 5, 7]), np.array([5, 7, count - 1]), np.array([1.0, 0.5, 1.0]))
    pairwise = Pairwise(network, FocalNodes(np.array([1, 2]), (np.array([0]), np.array([count - 1]))))
    assert pairwise.resistances().matrix[0, 1] == pytest.approx(4.0)


def test_shared_inverse_gives_potentials_of_each_ground():
    rng = np.random.default_rng(4)
    conductances = rng.lognormal(sigma=3, size=(260, 260)) * (rng.random((260, 260)) < 0.3)
    conductances = np.triu(conductances, 1) + np.triu(conductances, 1).T
    conductances[:, 250:] = conductances[250:] = 0.0
    conductances[range(250, 259), range(251, 260)] = conductances[range(251, 260), range(250, 259)] = 1.0
    laplacian = np.diag(conductances.sum(1)) - conductances
    network = _ReducedNetwork(laplacian, np.repeat([0, 1], [250, 10]))
    for ground in (3, 117, 255):
        sources = np.setdiff1d(np.arange(250) if ground < 250 else np.arange(250, 260), ground)
        injected = rng.random(len(sources))
        expected = np.zeros(260)
        expected[sources] = solve(laplacian[np.ix_(sources, sources)], injected)
        assert_allclose(network.potentials(sources, injected), expected, rtol=1e-7, atol=1e-12)


def test_sum_over_pairs_of_network_is_sum_of_branch_currents():
    rng = np.random.default_rng(8)
    first, second = rng.integers(0, 40, (2, 90))
    # Two separate networks, and a node without edges.
    edges = np.concatenate([np.stack([first, second]), np.stack([first, second])[:, :40] + 40], axis=1)
    network = NetworkCircuit(*edges, rng.lognormal(size=edges.shape[1]), 90)
    nodes = np.array([0, 3, 11, 25, 39, 41, 60, 77, 85])
    pairwise = Pairwise(network, FocalNodes(nodes + 1000, tuple(nodes[:, None])))
    expected, runs = np.zeros(90 + len(network.branches[0])), 0
    for pair in pairwise.maps():
        runs += 1
        branch_currents = network.branch_currents(np.nan_to_num(pair.potentials))[2]
        expected += np.concatenate([np.nan_to_num(pair.currents), np.abs(branch_currents)])
    fractions = []
    result = pairwise.cumulative_of_network(fractions.append)
    assert pairwise.sums_network and result.runs == runs and result.residual < 1e-9
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    assert_allclose(result.total, expected, atol=1e-8)
