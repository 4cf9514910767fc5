"""Distances against NetworkX and SciPy on random landscapes with holes, for all edge rules and neighbourhoods."""

import equinox as eqx
import networkx as nx
import numpy as np
import pytest
import reference_dense

from permea.engine import GridGraph, LCPDistance, ResistanceDistance, RSPDistance

THETA = 0.4
RULES = {
    "mean": "mean",
    "resistance": "resistance",
    "target": "target",
    "geometric mean": lambda source, target: (source * target) ** 0.5,
    "uphill is harder": lambda source, target: source**2 / (source + target),
}

both_neighbourhoods = pytest.mark.parametrize("neighbors", ["rook", "queen"])


def landscape(seed):
    """Return a landscape with a barrier in every fourth cell and an isolated corner."""
    generator = np.random.default_rng(seed)
    permeability = generator.lognormal(size=(5, 6)) * (generator.random((5, 6)) > 0.25)
    permeability[:2, :2] = [[0.5, 0], [0, 0]]
    return permeability


def distances(distance, permeability, **options):
    active = permeability > 0

    @eqx.filter_jit
    def all_pairs(permeability):
        return distance(GridGraph(permeability, active, int(active.sum()), **options))

    return np.asarray(all_pairs(permeability))


def digraph(conductance):
    graph = nx.from_numpy_array(conductance, create_using=nx.DiGraph)
    for _, _, edge in graph.edges(data=True):
        edge["cost"] = 1 / edge["weight"]
    return graph


def by_networkx(measured, size):
    matrix = np.full((size, size), np.inf)
    for source, reached in measured:
        matrix[source, list(reached)] = list(reached.values())
    return matrix


@both_neighbourhoods
@pytest.mark.parametrize("rule", RULES)
def test_least_costs_equal_networkx(rule, neighbors):
    permeability = landscape(1)
    conductance = reference_dense.conductances(permeability, neighbors, RULES[rule])
    searched = nx.all_pairs_dijkstra_path_length(digraph(conductance), weight="cost")
    result = distances(LCPDistance(), permeability, neighbors=neighbors, edge_rule=RULES[rule])
    np.testing.assert_allclose(result, by_networkx(searched, len(conductance)), rtol=1e-12)


def resistances_by_networkx(conductance):
    graph = nx.from_numpy_array(conductance)
    components = [graph.subgraph(component) for component in nx.connected_components(graph)]
    measured = [nx.resistance_distance(part, weight="weight", invert_weight=False) for part in components]
    return by_networkx([row for part in measured for row in part.items()], len(conductance))


@both_neighbourhoods
@pytest.mark.parametrize("rule", ["mean", "resistance"])
def test_resistances_equal_networkx(rule, neighbors):
    permeability = landscape(2)
    conductance = reference_dense.conductances(permeability, neighbors, rule)
    result = distances(ResistanceDistance(), permeability, neighbors=neighbors, edge_rule=rule)
    np.testing.assert_allclose(result, resistances_by_networkx(conductance), rtol=1e-10, atol=1e-12)


@pytest.mark.costly
def test_resistances_with_function_rule_equal_networkx():
    permeability = landscape(2)
    conductance = reference_dense.conductances(permeability, edge_rule=RULES["geometric mean"])
    result = ResistanceDistance()(GridGraph(permeability, edge_rule=RULES["geometric mean"]))
    np.testing.assert_allclose(result, resistances_by_networkx(conductance), rtol=1e-10, atol=1e-12)


def test_resistance_with_function_rule_compiles():
    distances(ResistanceDistance(), np.ones((5, 6)), edge_rule=RULES["geometric mean"])


@pytest.mark.costly
@pytest.mark.parametrize(
    ("rule", "neighbors"), [("resistance", "rook"), ("target", "queen"), ("uphill is harder", "queen")]
)
def test_rsp_equals_dense_inverse(rule, neighbors):
    permeability = landscape(3)
    conductance = reference_dense.conductances(permeability, neighbors, RULES[rule])
    expected = reference_dense.rsp_distances(conductance, THETA)
    result = distances(RSPDistance(THETA), permeability, neighbors=neighbors, edge_rule=RULES[rule])
    np.testing.assert_allclose(result, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.costly
def test_rsp_at_small_theta_equals_hitting_cost():
    conductance = reference_dense.conductances(landscape(3))
    expected = reference_dense.by_component(reference_dense.hitting_costs, conductance)
    # The difference is proportional to θ.
    np.testing.assert_allclose(distances(RSPDistance(1e-7), landscape(3)), expected, rtol=1e-4)


@pytest.mark.costly_variants
@both_neighbourhoods
@pytest.mark.parametrize("rule", RULES)
def test_adjacency_matrix_holds_conductances(rule, neighbors):
    permeability = landscape(5)
    grid = eqx.filter_jit(GridGraph)(
        permeability, permeability > 0, int((permeability > 0).sum()), neighbors, RULES[rule], (3.0, 2.0)
    )
    expected = reference_dense.conductances(permeability, neighbors, RULES[rule], (3.0, 2.0))
    np.testing.assert_allclose(grid.get_adjacency_matrix().todense(), expected, rtol=1e-14)
