"""Randomized shortest paths from random walk to least-cost path, compared with elimination in sixty decimal digits."""

from itertools import pairwise

import numpy as np
import pytest
import reference_dense
import reference_rsp

from permea.engine import GridGraph, LCPDistance, RSPDistance, largest_component

SIDE = 20
THETAS = [1e-6, 1e-3, 1.0, 1e2, 1e4]
SOURCE, TARGETS = 17, (0, 183, 300)


@pytest.fixture(scope="module")
def permeability():
    generator = np.random.default_rng(7)
    landscape = np.exp(1.5 * generator.standard_normal((SIDE, SIDE)))
    landscape[generator.random((SIDE, SIDE)) < 0.1] = 0.0
    return np.where(np.asarray(largest_component(GridGraph(landscape))), landscape, 0.0)


each_rule = pytest.mark.parametrize("edge_rule", ["mean", "target"])


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("theta", THETAS)
@each_rule
def test_nine_digits_at_any_theta(permeability, edge_rule, theta):
    """Both from every vertex to a target and from a source to every vertex."""
    grid = GridGraph(permeability, edge_rule=edge_rule)
    exact = [reference_rsp.to_target(permeability, theta, target, edge_rule=edge_rule) for target in TARGETS]
    for measure in ("expected_cost", "free_energy"):
        distance = RSPDistance(theta, measure=measure)
        result = np.asarray(distance(grid, targets=list(TARGETS)))
        expected = np.stack([to_target[measure] for to_target in exact], 1)
        np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-300)
        from_source = np.asarray(distance(grid, [SOURCE]))[0, list(TARGETS)]
        np.testing.assert_allclose(from_source, expected[SOURCE], rtol=1e-9)


@pytest.mark.long
@each_rule
def test_limits_and_monotonicity_in_theta(permeability, edge_rule):
    """Expected cost falls from the hitting cost of the random walk (θ → 0) to the least cost (θ → ∞)."""
    grid, target = GridGraph(permeability, edge_rule=edge_rule), TARGETS[1]
    conductance = reference_dense.conductances(permeability, edge_rule=edge_rule)
    least_cost = np.asarray(LCPDistance()(grid, targets=[target]))[:, 0]
    random_walk = reference_dense.hitting_costs(conductance, targets=[target])[:, 0]
    others = np.arange(len(least_cost)) != target
    costs = [np.asarray(RSPDistance(theta)(grid, targets=[target]))[:, 0] for theta in (1e-12, *THETAS, 1e7)]
    assert np.isfinite(costs).all()
    np.testing.assert_allclose(costs[0][others], random_walk[others], rtol=1e-6)
    np.testing.assert_allclose(costs[-1][others], least_cost[others], rtol=1e-6)
    for smaller_theta, larger_theta in pairwise(costs):
        assert (smaller_theta >= larger_theta * (1 - 1e-12)).all()
