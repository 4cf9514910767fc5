"""Distances, links and allocation of patches against NetworkX, scikit-image, gdistance and GRASS."""

from itertools import combinations

import networkx as nx
import numpy as np
import pytest
from skimage.graph import MCP_Geometric

from permea.engine import EuclideanDistance, GridGraph, LCPDistance, ResistanceDistance, RSPDistance
from permea.engine.distances.registry import entry_of
from permea.engine.graph.focal_nodes import FocalNodes
from permea.engine.paths import corridors
from permea.engine.paths.allocation import allocate
from permea.engine.paths.pairwise_distances import connected, distance_matrix
from permea.engine.paths.path_search import least_cost_paths

SIZE = (24, 31)
PIXEL = (2.0, 3.0)
CENTRES = [(3, 3), (4, 25), (12, 14), (20, 5), (19, 26)]


def squares(centres):
    """Patches of 3 × 3 cells, numbered from 1."""
    ids = np.zeros(SIZE, int)
    for number, (row, column) in enumerate(centres, 1):
        ids[row - 1 : row + 2, column - 1 : column + 2] = number
    return FocalNodes.from_raster(ids)


PATCHES = squares(CENTRES)


@pytest.fixture(scope="module")
def resistance():
    values = np.random.default_rng(11).lognormal(size=SIZE)
    values[8:20, 20] = np.inf  # a wall
    return values


@pytest.fixture(scope="module")
def grid(resistance):
    return GridGraph(1 / resistance, edge_rule="resistance", pixel_size=PIXEL)


@pytest.fixture(scope="module")
def graph(resistance):
    """The same landscape as a NetworkX graph."""
    graph = nx.Graph()
    for (row, column), value in np.ndenumerate(resistance):
        for down, right in [(0, 1), (1, 0), (1, 1), (1, -1)]:
            neighbour = (row + down, column + right)
            inside = 0 <= neighbour[0] < SIZE[0] and 0 <= neighbour[1] < SIZE[1]
            if inside and np.isfinite(value + resistance[neighbour]):
                length = np.hypot(down * PIXEL[0], right * PIXEL[1])
                graph.add_edge((row, column), neighbour, weight=length * (value + resistance[neighbour]) / 2)
    return graph


def cells_of(number):
    return [divmod(int(cell), SIZE[1]) for cell in PATCHES.cells[number]]


def costs_from(resistance, number):
    costs = np.where(np.isfinite(resistance), resistance, -1)
    return MCP_Geometric(costs, sampling=PIXEL).find_costs(cells_of(number))[0]


def planar_links(graph):
    """Return the links of the minimum planar graph by definition, over all edges between two zones."""
    costs = [nx.multi_source_dijkstra_path_length(graph, cells_of(number)) for number in range(len(PATCHES))]
    cost = {cell: min(each[cell] for each in costs) for cell in graph}
    owner = {cell: int(np.argmin([each[cell] for each in costs])) for cell in graph}
    links = {}
    for one, other, edge in graph.edges(data="weight"):
        pair = tuple(sorted((owner[one], owner[other])))
        if pair[0] != pair[1]:
            links[pair] = min(links.get(pair, np.inf), cost[one] + edge + cost[other])
    return links


def by_pair(paths):
    return {(path.source, path.target): path.cost for path in paths}


def test_minimum_planar_graph_by_definition(grid, graph):
    result = by_pair(least_cost_paths(grid, PATCHES, which="minimum_planar_graph"))
    assert result == pytest.approx(planar_links(graph), rel=1e-12)
    assert 4 <= len(result) < 10


def test_minimum_planar_graph_contains_spanning_tree(grid):
    def weight(links):
        graph = nx.Graph()
        graph.add_weighted_edges_from((*pair, cost) for pair, cost in links.items())
        return nx.minimum_spanning_tree(graph).size(weight="weight")

    all_nodes, planar = (least_cost_paths(grid, PATCHES, which=which) for which in ("all", "minimum_planar_graph"))
    assert weight(by_pair(planar)) == pytest.approx(weight(by_pair(all_nodes)))


@pytest.mark.parametrize("which", ["all", "nearest", "minimum_planar_graph"])
def test_patch_path_joins_boundaries_at_cost_of_steps(grid, graph, which):
    for path in least_cost_paths(grid, PATCHES, which=which):
        cells = list(zip(path.rows.tolist(), path.columns.tolist(), strict=True))
        assert cells[0] in cells_of(path.source) and cells[-1] in cells_of(path.target)
        assert nx.path_weight(graph, cells, "weight") == pytest.approx(path.cost, rel=1e-12)
        assert path.length == pytest.approx(
            np.hypot(PIXEL[0] * np.diff(path.rows), PIXEL[1] * np.diff(path.columns)).sum()
        )


def test_path_costs_equal_scikit_image(grid, resistance):
    expected = {
        (one, other): min(costs_from(resistance, one)[cell] for cell in cells_of(other))
        for one, other in combinations(range(len(PATCHES)), 2)
    }
    assert by_pair(least_cost_paths(grid, PATCHES)) == pytest.approx(expected, rel=1e-12)


def test_point_path_equals_scikit_image(grid, resistance):
    search = MCP_Geometric(np.where(np.isfinite(resistance), resistance, -1), sampling=PIXEL)
    search.find_costs([(0, 0)])
    path = least_cost_paths(grid, grid.coord_to_active_vertex_index([0], [0]), [grid.n_vertices - 1])[0]
    assert list(zip(path.rows, path.columns, strict=True)) == search.traceback((SIZE[0] - 1, SIZE[1] - 1))


@pytest.mark.parametrize("edge_rule", ["resistance", "target"])
def test_nearest_patch_has_least_cost(resistance, edge_rule):
    grid = GridGraph(1 / resistance, edge_rule=edge_rule, pixel_size=PIXEL)
    cost = distance_matrix(grid, PATCHES, LCPDistance())
    np.fill_diagonal(cost, np.inf)
    result = by_pair(least_cost_paths(grid, PATCHES, which="nearest"))
    assert result == pytest.approx({(one, int(row.argmin())): row.min() for one, row in enumerate(cost)}, rel=1e-12)


def test_directed_graph_has_paths_in_both_directions(resistance):
    grid = GridGraph(1 / resistance, edge_rule="target", pixel_size=PIXEL)
    cost = distance_matrix(grid, PATCHES, LCPDistance())
    result = by_pair(least_cost_paths(grid, PATCHES))
    assert len(result) == 20
    assert all(result[pair] == pytest.approx(cost[pair], rel=1e-12) for pair in result)
    assert np.abs(cost - cost.T).max() > 0.1


def test_allocation_is_argmin_of_costs(grid, resistance):
    costs = np.array([costs_from(resistance, number) for number in range(len(PATCHES))])
    result = allocate(grid, PATCHES)
    reached = np.isfinite(costs.min(0))
    np.testing.assert_array_equal(result.nearest[reached], costs.argmin(0)[reached])
    np.testing.assert_allclose(result.cost[reached], costs.min(0)[reached], rtol=1e-12, atol=1e-12)
    assert (result.nearest[~reached] == -1).all() and (result.direction[~reached] == -1).all()


def test_directions_lead_to_patch_at_cell_cost(grid, graph):
    result = allocate(grid, PATCHES)
    compass = {1: (0, 1), 2: (1, 1), 3: (1, 0), 4: (1, -1), 5: (0, -1), 6: (-1, -1), 7: (-1, 0), 8: (-1, 1)}
    cell, path = (23, 30), [(23, 30)]
    while result.direction[cell]:
        down, right = compass[int(result.direction[cell])]
        cell = (cell[0] + down, cell[1] + right)
        path.append(cell)
    assert cell in cells_of(int(result.nearest[23, 30]))
    assert nx.path_weight(graph, path, "weight") == pytest.approx(result.cost[23, 30])


@pytest.mark.parametrize("width", [1, 2])
def test_direction_in_narrow_valley(width):
    assert allocate(GridGraph(np.ones((4, width))), [0]).direction[3, 0] == 7


@pytest.mark.parametrize("which", ["all", "minimum_planar_graph"])
@pytest.mark.parametrize("relative", [False, True])
def test_corridors_are_least_excess_of_pairs(grid, resistance, which, relative):
    costs = [costs_from(resistance, number) for number in range(len(PATCHES))]
    result = corridors(grid, PATCHES, which=which, relative=relative)
    expected = []
    for one, other in result.pairs:
        through = costs[one] + costs[other]
        expected.append((through - through.min()) / (through.min() if relative else 1))
    expected = np.min(expected, 0)
    np.testing.assert_allclose(result.excess, np.where(np.isfinite(expected), expected, np.nan), atol=1e-10)
    assert len(result.pairs) == (10 if which == "all" else len(least_cost_paths(grid, PATCHES, which=which)))


def test_truncated_corridor_keeps_small_excess(grid):
    whole = corridors(grid, PATCHES).excess
    cut = corridors(grid, PATCHES, truncate_at=5.0).excess
    np.testing.assert_array_equal(cut, np.where(whole <= 5.0, whole, np.nan))
    assert 0 < np.isfinite(cut).sum() < np.isfinite(whole).sum()


def test_euclidean_distance_between_nearest_cells(grid):
    result = distance_matrix(grid, PATCHES, EuclideanDistance())
    assert result[0, 1] == pytest.approx(20 * PIXEL[1])
    assert result[0, 3] == pytest.approx(15 * PIXEL[0])
    assert result[2, 3] == pytest.approx(np.hypot(6 * PIXEL[0], 7 * PIXEL[1]))


def test_patch_resistance_merges_cells(grid, graph):
    """NetworkX merges the cells of two patches and solves for the resistance between them."""
    merged = nx.MultiGraph()
    name = {cell: f"patch {number}" for number in (0, 4) for cell in cells_of(number)}
    for one, other, weight in graph.edges(data="weight"):
        ends = name.get(one, one), name.get(other, other)
        if ends[0] != ends[1]:
            merged.add_edge(*ends, weight=weight)
    two = FocalNodes(np.array([1, 2]), (PATCHES.cells[0], PATCHES.cells[4]))
    result = distance_matrix(grid, two, ResistanceDistance())[0, 1]
    assert result == pytest.approx(nx.resistance_distance(merged, "patch 0", "patch 4", weight="weight"), rel=1e-8)


@pytest.mark.costly
@pytest.mark.parametrize("measure", ["expected_cost", "free_energy", "survival"])
def test_rsp_matrix_equals_distance(grid, measure):
    distance = RSPDistance(0.05, measure=measure)
    points = np.array([0, 100, 700])
    np.testing.assert_allclose(
        distance_matrix(grid, points, distance), np.asarray(distance(grid, nodes=points)), rtol=1e-10
    )


def test_rsp_between_patches_raises(grid):
    with pytest.raises(ValueError, match="5 of 5 nodes have more than one cell"):
        distance_matrix(grid, PATCHES, RSPDistance(0.1))


@pytest.mark.costly_variants
@pytest.mark.parametrize("distance", [LCPDistance(), ResistanceDistance(), RSPDistance(0.05), EuclideanDistance()])
@pytest.mark.parametrize(("sources", "targets"), [([0, 100, 400], [700, 100]), ([5], [0, 300, 5, 9])])
def test_source_target_matrix_is_submatrix(resistance, distance, sources, targets):
    """Targets may be among the sources, and fewer or more than these; the graph may be directed."""
    rule = "target" if entry_of(distance).directed_graphs else "resistance"
    grid = GridGraph(1 / resistance, edge_rule=rule, pixel_size=PIXEL)
    all_nodes = np.union1d(sources, targets)
    whole = distance_matrix(grid, all_nodes, distance)
    expected = whole[np.ix_(np.searchsorted(all_nodes, sources), np.searchsorted(all_nodes, targets))]
    np.testing.assert_allclose(distance_matrix(grid, sources, distance, targets), expected, rtol=1e-9, atol=1e-12)


def test_target_inside_patch_has_distance_zero(grid):
    inside = FocalNodes(np.array([9, 7]), (PATCHES.cells[2][4:5], PATCHES.cells[3]))
    for distance in (LCPDistance(), ResistanceDistance(), EuclideanDistance()):
        result = distance_matrix(grid, PATCHES, distance, inside)
        assert np.argwhere(result == 0).tolist() == [[2, 0], [3, 1]]
        square = distance_matrix(grid, PATCHES, distance)
        np.testing.assert_allclose(result[:, 1], square[:, 3], rtol=1e-9)


@pytest.fixture(scope="module")
def islands():
    return GridGraph(np.array([[1.0, 1.0, 0.0, 1.0, 1.0]]))


@pytest.mark.parametrize("distance", [LCPDistance(), ResistanceDistance(), RSPDistance(0.1)])
def test_distance_between_islands_is_infinite(islands, distance):
    result = distance_matrix(islands, [0, 1, 2], distance)
    assert np.isfinite(result).tolist() == [[True, True, False], [True, True, False], [False, False, True]]
    assert (np.isfinite(result) == connected(islands, [0, 1, 2])).all()


def test_links_and_corridors_stay_on_islands(islands):
    assert by_pair(least_cost_paths(islands, [0, 1, 2, 3], which="minimum_planar_graph")) == {(0, 1): 1, (2, 3): 1}
    assert corridors(islands, [0, 1, 2, 3]).pairs.tolist() == [[0, 1], [2, 3]]
    assert np.isnan(corridors(islands, [0, 1, 2]).excess[0]).tolist() == [False, False, True, True, True]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda grid: corridors(grid, [0, 2]), "no path joins any two of the 2 nodes"),
        (lambda grid: corridors(grid, [0]), "there is 1"),
        (lambda grid: corridors(grid, [0, 0], relative=True), "their least cost is 0"),
        (lambda grid: corridors(grid, [0, 1], truncate_at=-1.0), "must be 0 or more, not -1"),
        (lambda grid: least_cost_paths(grid, [0], [1], which="minimum_planar_graph"), "leave the targets out"),
        (lambda grid: allocate(grid, FocalNodes(np.array([7]), (np.array([2]),))), "the first has the id 7"),
    ],
)
def test_invalid_path_inputs_raise(islands, call, message):
    with pytest.raises(ValueError, match=message):
        call(islands)


@pytest.mark.parametrize("call", [corridors, lambda *nodes: least_cost_paths(*nodes, which="minimum_planar_graph")])
def test_links_of_directed_graph_raise(call):
    with pytest.raises(ValueError, match="undirected graph"):
        call(GridGraph(np.ones((2, 2)), edge_rule="target"), [0, 3])


@pytest.mark.costly_variants
@pytest.mark.parametrize(
    ("name", "directions", "neighbors"), [("toy9x8", "dir4", "rook"), ("rand30x40", "dir8", "queen")]
)
def test_path_costs_equal_gdistance(name, directions, neighbors, table):
    grid = GridGraph(1 / table(f"gdistance/{name}_resistance.csv"), neighbors=neighbors, edge_rule="resistance")
    x, y = table(f"gdistance/{name}_points_xy.csv").T
    points = grid.coord_to_active_vertex_index((grid.height - y).astype(int), x.astype(int))
    expected = table(f"gdistance/{name}_{directions}_costDistance_geoC.csv")
    result = by_pair(least_cost_paths(grid, points))
    assert result == pytest.approx({pair: expected[pair] for pair in result}, rel=1e-12)
    assert len(result) == len(points) * (len(points) - 1) // 2


@pytest.mark.parametrize(("neighbors", "stored"), [("rook", "4n"), ("queen", "8n")])
def test_path_equals_stored_scikit_image_route(neighbors, stored, table):
    cost = table("skimage/cost.csv")
    permeability = np.where(cost > 0, 1 / cost, 0.0)
    grid = GridGraph(permeability, neighbors=neighbors, edge_rule="resistance")
    path = least_cost_paths(grid, [0], grid.coord_to_active_vertex_index([24], [32]))[0]
    route = table(f"skimage/mcp_geometric_{stored}_path_to_24_32.csv")
    np.testing.assert_array_equal(np.stack([path.rows, path.columns], 1), route)


def test_allocation_cost_equals_grass(table, esri_grid):
    grid = GridGraph(1 / table("gdistance/rand30x40_resistance.csv"), edge_rule="resistance")
    result = allocate(grid, [0])
    cost = np.where(result.nearest < 0, np.nan, result.cost)
    np.testing.assert_allclose(cost, esri_grid("grass/rand30x40_rcost.asc"), rtol=1e-5)  # r.cost rounds its input
