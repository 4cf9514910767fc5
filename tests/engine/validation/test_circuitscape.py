"""Pairwise resistances equal Circuitscape's verification cases, read as Circuitscape reads them.

The engine has no short-circuit regions. But the resistances between the cells of all regions determine the network
between them (everything else eliminated), and merging nodes of that small network is a matter of adding conductances.
"""

import configparser
import itertools

import numpy as np
import pytest
import reference_dense
import skimage.io
from permea.engine import GridGraph, ResistanceDistance

CASES = ["1", "2", "3"]


class Case:
    """One verification case: what its .ini and rasters say, and the resistances that Circuitscape found."""

    def __init__(self, folder, name):
        self.folder = folder / "circuitscape"
        self.options = configparser.ConfigParser()
        self.options.read(self.folder / f"input/raster/pairwise/{name}/sgVerify{name}.ini")
        habitat = self.raster("habitat_file")
        inside = habitat > 0
        if self.flag("habitat_map_is_resistances"):
            habitat = np.where(inside, 1 / np.where(inside, habitat, 1.0), 0.0)
        self.permeability = np.where(inside, habitat, 0.0)
        self.neighbors = "rook" if self.flag("connect_four_neighbors_only") else "queen"
        self.edge_rule = "resistance" if self.flag("connect_using_avg_resistances") else "mean"
        self.points = self.raster("point_file")
        self.regions = self.raster("polygon_file") if self.flag("use_polygons") else np.zeros(habitat.shape)
        stored = np.loadtxt(self.folder / f"output_verify/sgVerify{name}_resistances.out")
        self.ids, self.expected = stored[0, 1:].astype(int), np.where(stored[1:, 1:] == -1, np.inf, stored[1:, 1:])

    def option(self, name):
        return next(section[name] for section in self.options.values() if name in section)

    def flag(self, name):
        return self.option(name) == "True"

    def raster(self, name):
        path = self.folder / self.option(name)
        if path.suffix == ".tif":
            return np.maximum(skimage.io.imread(path), 0)
        lines = path.read_text().splitlines()
        return np.maximum([[float(word) for word in line.split()] for line in lines[6:] if line.strip()], 0)


@pytest.fixture(scope="module", params=CASES, ids=lambda name: f"sgVerify{name}")
def case(request, reference_data):
    return Case(reference_data, request.param)


def network_of(resistances):
    """Return the Laplacian of the network that has these resistances between its nodes, component by component."""
    laplacian = np.zeros(resistances.shape)
    together = np.isfinite(resistances)
    for nodes in {tuple(np.flatnonzero(row)) for row in together}:
        centred = np.eye(len(nodes)) - 1 / len(nodes)
        part = np.ix_(nodes, nodes)
        laplacian[part] = np.linalg.pinv(-centred @ resistances[part] @ centred / 2, rcond=1e-9, hermitian=True)
    return laplacian


def merged(groups, count):
    """Number the nodes so that those of one group, directly or through others, have the same number."""
    number = np.arange(count)
    for _, group in itertools.product(range(len(groups)), groups):
        number[np.isin(number, number[group])] = number[group].min()
    return np.unique(number, return_inverse=True)[1]


def resistance_between(laplacian, groups, one, other):
    node = merged([*groups, one, other], len(laplacian))
    if node[one[0]] == node[other[0]]:
        return 0.0
    membership = np.eye(node.max() + 1)[node]
    conductance = -membership.T @ laplacian @ membership
    np.fill_diagonal(conductance, 0)
    return reference_dense.effective_resistances(conductance)[node[one[0]], node[other[0]]]


def test_resistances_between_focal_nodes_are_those_of_circuitscape(case):
    taking_part = (case.permeability > 0) & ((case.points > 0) | (case.regions > 0))
    grid = GridGraph(case.permeability, neighbors=case.neighbors, edge_rule=case.edge_rule)
    nodes = grid.coord_to_active_vertex_index(*np.nonzero(taking_part))
    laplacian = network_of(np.asarray(ResistanceDistance()(grid, nodes=nodes)))
    point, region = case.points[taking_part], case.regions[taking_part]
    regions = [np.flatnonzero(region == number) for number in np.unique(region[region > 0])]
    found = np.full(case.expected.shape, np.inf)
    for i, j in np.ndindex(found.shape):
        one, other = (np.flatnonzero(point == case.ids[n]) for n in (i, j))
        if i == j:
            found[i, j] = 0
        elif one.size and other.size:
            found[i, j] = resistance_between(laplacian, regions, one, other)
    np.testing.assert_allclose(found, case.expected, rtol=1e-8, atol=1e-9)  # stored with ten digits
