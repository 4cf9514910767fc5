"""Independent reference: randomized shortest paths to one target in any number of decimal digits."""

import mpmath
import numpy as np
import reference_dense

DIGITS = 60


def to_target(permeability, theta, target, **options):
    """Return expected cost, free energy and survival from every cell above zero to one of them; cost = 1 / w."""
    with mpmath.workdps(DIGITS):
        return {
            name: np.array([float(x) for x in values])
            for name, values in _exact(permeability, theta, target, **options).items()
        }


def log_gradients(permeability, theta, source, target, **options):
    """Return the derivatives of expected cost and free energy from source to target by the log of every cell."""
    with mpmath.workdps(DIGITS):
        cells = [mpmath.mpf(float(value)) for value in np.ravel(permeability)]
        step = mpmath.mpf(10) ** -20
        result = {"expected_cost": [], "free_energy": []}
        for cell in range(len(cells)):
            ends = []
            for sign in (1, -1):
                moved = [value * mpmath.exp(sign * step) if n == cell else value for n, value in enumerate(cells)]
                raster = np.array(moved, object).reshape(np.shape(permeability))
                ends.append(_exact(raster, theta, target, **options))
            for name, derivatives in result.items():
                derivatives.append(float((ends[0][name][source] - ends[1][name][source]) / (2 * step)))
    return {name: np.reshape(values, np.shape(permeability)) for name, values in result.items()}


def _exact(permeability, theta, target, *, neighbors="queen", edge_rule="mean"):
    cells, edges = _edges(np.asarray(permeability, object), neighbors, edge_rule)
    theta = mpmath.mpf(float(theta))
    degree = [mpmath.fsum(row.values()) for row in edges]
    walk = [{j: w / degree[i] * mpmath.exp(-theta / w) for j, w in row.items()} for i, row in enumerate(edges)]
    system = [
        {i: mpmath.mpf(1)} | ({j: -w for j, w in row.items()} if i != target else {}) for i, row in enumerate(walk)
    ]
    factor = _eliminate(system)
    z = _substitute(factor, [mpmath.mpf(i == target) for i in range(len(cells))])
    costs = [
        mpmath.fsum(walk[i][j] / w * z[j] for j, w in row.items()) if i != target else mpmath.mpf(0)
        for i, row in enumerate(edges)
    ]
    accumulated = _substitute(factor, costs)
    return {
        "expected_cost": [cost / weight for cost, weight in zip(accumulated, z, strict=True)],
        "free_energy": [-mpmath.log(weight) / theta for weight in z],
        "survival": z,
    }


def _edges(permeability, neighbors, edge_rule):
    cells = [tuple(cell) for cell in np.argwhere(permeability > 0)]
    number = {cell: n for n, cell in enumerate(cells)}
    edges = []
    for row, column in cells:
        own = mpmath.mpf(permeability[row, column])
        steps = [
            (number.get((row + down, column + right)), down, right) for down, right in reference_dense.STEPS[neighbors]
        ]
        weights = {}
        for neighbour, down, right in steps:
            if neighbour is not None:
                other = mpmath.mpf(permeability[cells[neighbour]])
                # As the engine computes them, in double precision: diagonal steps are √2 longer.
                length = mpmath.mpf(float(np.hypot(down, right)))
                weights[neighbour] = (own + other) / 2 / length if edge_rule == "mean" else other / length
        edges.append(weights)
    return cells, edges


def _eliminate(system):
    """Factor a sparse matrix of rows without pivoting, in place."""
    n = len(system)
    below = [set() for _ in range(n)]
    for i, row in enumerate(system):
        for j in row:
            if j < i:
                below[j].add(i)
    for k in range(n):
        pivot = system[k]
        for i in sorted(below[k]):
            multiplier = system[i][k] / pivot[k]
            system[i][k] = multiplier
            for j, value in pivot.items():
                if j > k:
                    system[i][j] = system[i].get(j, 0) - multiplier * value
                    if j < i:
                        below[j].add(i)
    return system


def _substitute(factor, b):
    x = list(b)
    for i, row in enumerate(factor):
        x[i] -= mpmath.fsum(value * x[j] for j, value in row.items() if j < i)
    for i in reversed(range(len(factor))):
        row = factor[i]
        x[i] = (x[i] - mpmath.fsum(value * x[j] for j, value in row.items() if j > i)) / row[i]
    return x
