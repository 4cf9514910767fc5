"""Randomized shortest paths from wandering to the cheapest way, against elimination in fifty decimal digits."""

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


def to_target(conductance, theta, target):
    """Return expected cost and free energy of reaching one target from everywhere, in decimal arithmetic."""
    n = len(conductance)
    with localcontext() as context:
        context.prec = DIGITS
        context.Emax, context.Emin = 10**12, -(10**12)
        exact = [[Decimal(float(w)) for w in row] for row in conductance]
        factor = Decimal(theta)
        system = np.full((n, n), Decimal(0), dtype=object)
        spent = np.full((n, n), Decimal(0), dtype=object)
        for i in range(n):
            system[i, i] = Decimal(1)
            if i == target:
                continue
            out = sum(exact[i])
            for j in np.flatnonzero(conductance[i]):
                cost = 1 / exact[i][j]
                weight = exact[i][j] / out * (-factor * cost).exp()
                system[i, j] -= weight
                spent[i, j] = weight * cost
        eliminated = _eliminate(system)
        arrived = np.full(n, Decimal(0), dtype=object)
        arrived[target] = Decimal(1)
        weight = _solve(eliminated, arrived)
        right = np.array([sum(spent[i, j] * weight[j] for j in np.flatnonzero(conductance[i])) for i in range(n)])
        cost = _solve(eliminated, right)
        expected = [float(c / z) for c, z in zip(cost, weight, strict=True)]
        free_energy = [float(-z.ln() / factor) for z in weight]
    return np.array(expected), np.array(free_energy)


def _eliminate(matrix):
    """Factor in place without exchanging rows; a raster numbered row by row keeps everything near the diagonal."""
    n, band = len(matrix), SIDE + 2
    for k in range(n):
        last = min(n, k + band)
        for i in range(k + 1, last):
            if matrix[i, k]:
                matrix[i, k] /= matrix[k, k]
                matrix[i, k + 1 : last] -= matrix[i, k] * matrix[k, k + 1 : last]
    return matrix


def _solve(factored, right):
    x, n, band = right.copy(), len(right), SIDE + 2
    for i in range(n):
        start = max(0, i - band)
        x[i] -= (factored[i, start:i] * x[start:i]).sum() if i else Decimal(0)
    for i in reversed(range(n)):
        end = min(n, i + band)
        x[i] = (x[i] - sum(factored[i, i + 1 : end] * x[i + 1 : end], Decimal(0))) / factored[i, i]
    return x


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("theta", THETAS)
def test_nine_digits_are_right_in_both_directions_at_any_theta(case, theta):
    grid, conductance = case
    exact = {target: to_target(conductance, theta, target) for target in TARGETS}
    for position, measure in enumerate(("expected_cost", "free_energy")):
        distance = RSPDistance(theta, measure=measure)
        found = np.asarray(distance(grid, targets=list(TARGETS)))
        expected = np.stack([exact[target][position] for target in TARGETS], 1)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-300)
        from_source = np.asarray(distance(grid, [SOURCE]))[0, list(TARGETS)]
        np.testing.assert_allclose(from_source, expected[SOURCE], rtol=1e-9)


def test_the_extremes_are_the_least_cost_and_the_random_walk_and_nothing_between_leaves_their_order(case):
    grid, conductance = case
    least = np.asarray(LCPDistance()(grid, targets=[411]))[:, 0]
    wandering = reference_dense.hitting_costs(conductance, targets=[411])[:, 0]
    others = np.arange(len(least)) != 411
    costs = [np.asarray(RSPDistance(theta)(grid, targets=[411]))[:, 0] for theta in (1e-12, *THETAS, 1e7)]
    assert np.isfinite(costs).all()
    np.testing.assert_allclose(costs[0][others], wandering[others], rtol=1e-6)
    np.testing.assert_allclose(costs[-1][others], least[others], rtol=1e-6)
    for more_random, more_certain in pairwise(costs):
        assert (more_random >= more_certain * (1 - 1e-12)).all()
