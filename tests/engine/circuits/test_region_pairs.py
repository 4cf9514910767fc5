"""Focal regions: sums of the currents of all pairs, and accuracy across walls of very low conductance."""

import numpy as np
import pytest

from permea.engine import GridGraph
from permea.engine.circuits.grid_circuit import GridCircuit
from permea.engine.circuits.low_rank_sum import sum_region_currents_low_rank
from permea.engine.circuits.pairwise import Pairwise
from permea.engine.circuits.region_pairs import RegionPairSolver
from permea.engine.graph.focal_nodes import FocalNodes, each_pair, pair_indices


def block(shape, top, left, height, width):
    return ((top + np.arange(height))[:, None] * shape[1] + left + np.arange(width)).ravel()


def focal_of(regions):
    return FocalNodes(np.arange(1, len(regions) + 1), tuple(regions))


@pytest.mark.parametrize("zero", [False, True])
def test_region_sum_equals_sum_of_maps(zero):
    landscape = np.random.default_rng(2).lognormal(size=(30, 34))
    landscape[:, 20] = landscape[12:15, 3:6] = 0
    shape = landscape.shape
    # One region lies on both sides of the wall, one partly on barriers, and two share a cell.
    focal = focal_of(
        [
            block(shape, 1, 1, 4, 4),
            np.concatenate([block(shape, 25, 5, 2, 3), block(shape, 3, 30, 2, 2)]),
            block(shape, 10, 2, 4, 5),
            block(shape, 20, 25, 3, 3),
            block(shape, 22, 27, 3, 3),
            block(shape, 28, 10, 1, 1),
        ]
    )
    pairwise = Pairwise(GridCircuit(GridGraph(landscape, edge_rule="resistance")), focal)
    assert pairwise.uses_shared_circuit
    result = pairwise.cumulative(zero_focal_currents=zero)
    maps = list(pairwise.maps())
    stack = np.stack([pairwise.currents_for_sum(pair, zero) for pair in maps])
    np.testing.assert_array_equal(np.isnan(result.total), np.isnan(stack).all(0))
    expected = np.nan_to_num(stack)
    np.testing.assert_allclose(np.nan_to_num(result.total), expected.sum(0), atol=1e-9)
    np.testing.assert_allclose(np.nan_to_num(result.maximum), expected.max(0), atol=1e-9)
    assert result.runs == len(maps) and result.residual < 1e-10


@pytest.mark.costly_variants
@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize(("neighbors", "columns"), [("rook", 34), ("queen", 34), ("queen", 150)])
def test_low_rank_sum_equals_sum_of_maps(neighbors, columns, zero):
    rng = np.random.default_rng(columns)
    landscape = rng.lognormal(size=(30, columns))
    landscape[:, 20] = landscape[rng.random(landscape.shape) < 0.05] = 0
    shape = landscape.shape
    corners = [(r, c) for r in (2, 10, 18, 26) for c in (1, 7, 13, 24, 29)]
    regions = [block(shape, row, column, 2, 2) for row, column in corners]
    # Two regions share a cell, one lies on both sides of the wall, one is a single cell.
    regions += [block(shape, 3, 2, 2, 3), np.concatenate([regions[7], regions[8]]), block(shape, 14, 5, 1, 1)]
    landscape.ravel()[np.concatenate(regions)] = 1.0
    focal = focal_of(regions)
    circuit = GridCircuit(GridGraph(landscape, neighbors=neighbors))
    pairwise = Pairwise(circuit, focal)
    sums, reported = pairwise.cumulative(zero_focal_currents=zero), []
    list(pairwise.partial_sums(on_progress=reported.append))
    solver = RegionPairSolver(circuit, focal, focal.nodes(circuit))
    every = list(each_pair(pair_indices(~np.eye(len(focal), dtype=bool))))
    by_basis = sum_region_currents_low_rank(solver, every, zero, lambda fraction: None)
    assert by_basis is not None, "the basis is not used"
    np.testing.assert_allclose(by_basis.total, sums.total, rtol=1e-12, atol=1e-12)
    assert reported == sorted(reported) and reported[-1] == pytest.approx(len(pairwise.pairs))
    maps = list(pairwise.maps())
    stack = np.stack([pairwise.currents_for_sum(pair, zero) for pair in maps])
    np.testing.assert_array_equal(np.isnan(sums.total), np.isnan(stack).all(0))
    expected = np.nan_to_num(stack)
    # Maps set the current along an edge to 0 if it is rounding relative to the largest of the pair.
    np.testing.assert_allclose(np.nan_to_num(sums.total), expected.sum(0), atol=1e-9 * len(maps))
    np.testing.assert_allclose(np.nan_to_num(sums.maximum), expected.max(0), atol=1e-9)
    assert sums.runs == len(maps) and sums.residual < 1e-11
    one_by_one = Pairwise(circuit, focal, min_low_rank_pairs=len(every) + 1).cumulative(zero_focal_currents=zero)
    np.testing.assert_allclose(sums.total, one_by_one.total, atol=1e-10)
    np.testing.assert_allclose(sums.maximum, one_by_one.maximum, atol=1e-11)


@pytest.mark.costly
@pytest.mark.parametrize("wall", [1e-4, 1e-6, 1e-9, 1e-12])
def test_region_results_across_near_insulating_wall(wall):
    shape = (9, 21)
    landscape = np.random.default_rng(0).lognormal(size=shape)
    landscape[:, :10] *= 50
    landscape[:, 10] = wall
    regions = [block(shape, *corner, 2, 2) for corner in ((2, 13), (5, 17), (3, 3), (6, 6))]
    # The leakage through the wall is of the order of its conductance.
    leak = 0.2 * wall + 1e-9

    def pairwise_of(landscape, regions):
        return Pairwise(GridCircuit(GridGraph(landscape, edge_rule="resistance")), focal_of(regions))

    whole = pairwise_of(landscape, regions)
    for removed, ids in ((slice(None, 11), (1, 2)), (slice(10, None), (3, 4))):
        cut = landscape.copy()
        cut[:, removed] = 0
        isolated = pairwise_of(cut, [regions[number - 1] for number in ids])
        result = whole.resistances().matrix[ids[0] - 1, ids[1] - 1]
        assert result == pytest.approx(isolated.resistances().matrix[0, 1], rel=leak)
        (pair,), (expected,) = whole.maps([ids]), isolated.maps()
        np.testing.assert_allclose(pair.currents, np.nan_to_num(expected.currents), atol=leak + 1e-8)
        assert pair.residual < 1e-7
    sums, maps = whole.cumulative(), list(whole.maps())
    np.testing.assert_allclose(sums.total, np.sum([pair.currents for pair in maps], 0), atol=1e-7)
    assert sums.residual == pytest.approx(max(pair.residual for pair in maps), abs=1e-7)
