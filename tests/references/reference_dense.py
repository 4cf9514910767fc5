"""Independent reference: textbook formulas on small dense matrices, without stencils, JAX or code of the engine."""

import itertools

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra

STEPS = {
    "rook": [(-1, 0), (1, 0), (0, -1), (0, 1)],
    "queen": [(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if r or c],
}

RULES = {
    "mean": lambda source, target: (source + target) / 2,
    "resistance": lambda source, target: 1 / ((1 / source + 1 / target) / 2),
    "target": lambda source, target: target,
}


def conductances(permeability, neighbors="queen", edge_rule="mean", pixel_size=(1.0, 1.0)):
    """Return the dense matrix of conductances over the cells above zero, numbered row by row."""
    permeability = np.asarray(permeability, float)
    rule = RULES.get(edge_rule, edge_rule)
    cells = [tuple(cell) for cell in np.argwhere(permeability > 0)]
    number = {cell: n for n, cell in enumerate(cells)}
    matrix = np.zeros((len(cells),) * 2)
    for row, column in cells:
        for down, right in STEPS[neighbors]:
            neighbour = (row + down, column + right)
            if neighbour in number:
                length = np.sqrt((down * pixel_size[0]) ** 2 + (right * pixel_size[1]) ** 2)
                weight = rule(permeability[row, column], permeability[neighbour]) / length
                matrix[number[row, column], number[neighbour]] = weight
    return matrix


def least_costs(conductance, cost=lambda w: 1 / w):
    """Return the cost of the cheapest path from every vertex (row) to every other (column), by SciPy's Dijkstra."""
    rows, columns = np.nonzero(conductance)
    costs = cost(conductance[rows, columns])
    return dijkstra(csr_matrix((costs, (rows, columns)), shape=conductance.shape))


def effective_resistances(conductance):
    """Return R = (e_s − e_t)ᵀ L⁺ (e_s − e_t) by the pseudo-inverse; infinite between components."""
    result = np.full(conductance.shape, np.inf)
    labels = connected_components(csr_matrix(conductance))[1]
    for label in np.unique(labels):
        inside = np.flatnonzero(labels == label)
        part = conductance[np.ix_(inside, inside)]
        pseudo = np.linalg.pinv(np.diag(part.sum(1)) - part, hermitian=True)
        diagonal = np.diag(pseudo)
        result[np.ix_(inside, inside)] = diagonal[:, None] + diagonal[None] - 2 * pseudo
    return result


def randomized_paths(conductance, theta, cost=lambda w: 1 / w):
    """Return ConScape's Z, expected cost, free energy and survival of a connected graph, all pairs, dense."""
    exists = conductance > 0
    costs = np.where(exists, cost(np.where(exists, conductance, 1.0)), 0.0)
    steps = conductance / conductance.sum(1, keepdims=True)
    walk = steps * np.exp(-theta * costs)
    z = np.linalg.inv(np.eye(len(walk)) - walk)
    mean = (z @ (costs * walk) @ z) / z
    survival = z / np.diag(z)[None]
    return {
        "z": z,
        "expected_cost": mean - np.diag(mean)[None],
        "free_energy": -np.log(survival) / theta,
        "survival": survival,
    }


def rsp_distances(conductance, theta, measure="expected_cost", cost=lambda w: 1 / w):
    """Return a quantity of `randomized_paths` between all pairs, computed within each connected component."""
    between = 0.0 if measure == "survival" else np.inf
    return by_component(lambda part: randomized_paths(part, theta, cost)[measure], conductance, between)


def distances(name, conductance, theta):
    """Return the distances between all pairs: "least cost", "resistance", "randomized" or a measure of `theta`."""
    if name == "least cost":
        return least_costs(conductance)
    if name == "resistance":
        return effective_resistances(conductance)
    return rsp_distances(conductance, theta, "expected_cost" if name == "randomized" else name)


def merge_vertices(conductance, groups):
    """Merge each group of vertices, and groups that overlap, into one node without resistance inside.

    Return the conductances between the nodes, and the node of every vertex.
    """
    number = np.arange(len(conductance))
    for _, group in itertools.product(range(len(groups)), groups):
        number[np.isin(number, number[group])] = number[group].min(initial=len(number))
    node = np.unique(number, return_inverse=True)[1]
    membership = np.eye(node.max() + 1)[node]
    merged = membership.T @ conductance @ membership
    np.fill_diagonal(merged, 0.0)
    return merged, node


def hitting_costs(conductance, cost=lambda w: 1 / w, targets=None):
    """Return the expected cost of a random walk until it first hits each vertex (column), or some of them."""
    targets = range(len(conductance)) if targets is None else targets
    exists = conductance > 0
    costs = np.where(exists, cost(np.where(exists, conductance, 1.0)), 0.0)
    steps = conductance / conductance.sum(1, keepdims=True)
    step_cost = (steps * costs).sum(1)
    result = np.zeros((len(steps), len(targets)))
    for column, target in enumerate(targets):
        others = np.delete(np.arange(len(steps)), target)
        system = np.eye(len(others)) - steps[np.ix_(others, others)]
        result[others, column] = np.linalg.solve(system, step_cost[others])
    return result


def by_component(quantity, conductance, between=np.inf):
    """Return a quantity of all pairs, computed within each connected component; `between` in different components."""
    result = np.full(conductance.shape, float(between))
    labels = connected_components(csr_matrix(conductance))[1]
    for label in np.unique(labels):
        inside = np.flatnonzero(labels == label)
        part = conductance[np.ix_(inside, inside)]
        result[np.ix_(inside, inside)] = quantity(part) if inside.size > 1 else _of_single_vertex(between)
    return result


def _of_single_vertex(between):
    """The distance from a vertex to itself is 0, the survival probability 1."""
    return 0.0 if between else 1.0


def gradient(function, values, step=1e-5):
    """Return the derivative of a function of a raster in every cell above zero, by central differences; 0 elsewhere."""
    result = np.zeros(values.shape)
    for cell in zip(*np.nonzero(values > 0), strict=True):
        change = np.zeros(values.shape)
        change[cell] = step * values[cell]
        result[cell] = (function(values + change) - function(values - change)) / (2 * change[cell])
    return result


def assert_is_gradient(result, expected):
    """Compare with finite differences: to 1e-5, and where these are 0, to their rounding errors."""
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-8 * np.nanmax(abs(expected)))
