"""Randomized shortest paths from random walk to least-cost path, compared with elimination in 50 decimal digits."""

from decimal import Decimal, localcontext
from itertools import pairwise

import numpy as np
import pytest
import reference_dense

from permea.engine import GridGraph, LCPDistance, RSPDistance, largest_component

DIGITS = 50
SIDE = 30
THETAS = [1e-6, 1e-3, 1.0, 1e2, 1e4]
SOURCE, TARGETS = 17, (0, 411, 700)


@pytest.fixture(scope="module")
def permeability():
    generator = np.random.default_rng(7)
    landscape = np.exp(1.5 * generator.standard_normal((SIDE, SIDE)))
    landscape[generator.random((SIDE, SIDE)) < 0.1] = 0.0
    return np.where(np.asarray(largest_component(GridGraph(landscape))), landscape, 0.0)


@pytest.fixture(scope="module", params=["mean", "target"])
def case(request, permeability):
    conductance = reference_dense.conductances(permeability, edge_rule=request.param)
    return GridGraph(permeability, edge_rule=request.param), conductance


def exact_to_target(conductance, theta, target):
    """Return expected cost and free energy from every vertex to one target, in decimal arithmetic."""
    n = len(conductance)
    with localcontext() as context:
        context.prec = DIGITS
        context.Emax, context.Emin = 10**12, -(10**12)
        exact = [[Decimal(float(w)) for w in row] for row in conductance]
        decimal_theta = Decimal(theta)
        system = np.full((n, n), Decimal(0), dtype=object)
        weighted_cost = np.full((n, n), Decimal(0), dtype=object)
        for i in range(n):
            system[i, i] = Decimal(1)
            if i == target:
                continue
            degree = sum(exact[i])
            for j in np.flatnonzero(conductance[i]):
                cost = 1 / exact[i][j]
                weight = exact[i][j] / degree * (-decimal_theta * cost).exp()
                system[i, j] -= weight
                weighted_cost[i, j] = weight * cost
        factor = _lu_in_place(system)
        unit_vector = np.full(n, Decimal(0), dtype=object)
        unit_vector[target] = Decimal(1)
        z = _lu_solve(factor, unit_vector)
        right_hand_side = [sum(weighted_cost[i, j] * z[j] for j in np.flatnonzero(conductance[i])) for i in range(n)]
        accumulated_cost = _lu_solve(factor, np.array(right_hand_side))
        expected_cost = [float(cost / weight) for cost, weight in zip(accumulated_cost, z, strict=True)]
        free_energy = [float(-weight.ln() / decimal_theta) for weight in z]
    return np.array(expected_cost), np.array(free_energy)


def _lu_in_place(matrix):
    """Factor without pivoting; with cells numbered row by row the matrix is banded."""
    n, band = len(matrix), SIDE + 2
    for k in range(n):
        last = min(n, k + band)
        for i in range(k + 1, last):
            if matrix[i, k]:
                matrix[i, k] /= matrix[k, k]
                matrix[i, k + 1 : last] -= matrix[i, k] * matrix[k, k + 1 : last]
    return matrix


def _lu_solve(factor, b):
    x, n, band = b.copy(), len(b), SIDE + 2
    for i in range(n):
        start = max(0, i - band)
        x[i] -= (factor[i, start:i] * x[start:i]).sum() if i else Decimal(0)
    for i in reversed(range(n)):
        end = min(n, i + band)
        x[i] = (x[i] - sum(factor[i, i + 1 : end] * x[i + 1 : end], Decimal(0))) / factor[i, i]
    return x


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("theta", THETAS)
def test_nine_digits_at_any_theta(case, theta):
    """Both from every vertex to a target and from a source to every vertex."""
    grid, conductance = case
    exact = {target: exact_to_target(conductance, theta, target) for target in TARGETS}
    for position, measure in enumerate(("expected_cost", "free_energy")):
        distance = RSPDistance(theta, measure=measure)
        result = np.asarray(distance(grid, targets=list(TARGETS)))
        expected = np.stack([exact[target][position] for target in TARGETS], 1)
        np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-300)
        from_source = np.asarray(distance(grid, [SOURCE]))[0, list(TARGETS)]
        np.testing.assert_allclose(from_source, expected[SOURCE], rtol=1e-9)


@pytest.mark.long
def test_limits_and_monotonicity_in_theta(case):
    """Expected cost falls from the hitting cost of the random walk (θ → 0) to the least cost (θ → ∞)."""
    grid, conductance = case
    least_cost = np.asarray(LCPDistance()(grid, targets=[411]))[:, 0]
    random_walk = reference_dense.hitting_costs(conductance, targets=[411])[:, 0]
    others = np.arange(len(least_cost)) != 411
    costs = [np.asarray(RSPDistance(theta)(grid, targets=[411]))[:, 0] for theta in (1e-12, *THETAS, 1e7)]
    assert np.isfinite(costs).all()
    np.testing.assert_allclose(costs[0][others], random_walk[others], rtol=1e-6)
    np.testing.assert_allclose(costs[-1][others], least_cost[others], rtol=1e-6)
    for smaller_theta, larger_theta in pairwise(costs):
        assert (smaller_theta >= larger_theta * (1 - 1e-12)).all()
