"""Connected components: which cells can reach each other, and in which order they are numbered."""

import equinox as eqx
import numpy as np
import pytest
import scipy.ndimage as ndi

from permea.engine import GridGraph, connected_components, largest_component

ISLANDS = np.array([[1, 0, 1, 1], [1, 0, 0, 0], [0, 0, 1, 0], [1, 0, 0, 1]], float)


@pytest.mark.parametrize(
    ("neighbors", "expected"),
    [
        ("rook", [[1, 0, 2, 2], [1, 0, 0, 0], [0, 0, 3, 0], [4, 0, 0, 5]]),
        ("queen", [[1, 0, 2, 2], [1, 0, 0, 0], [0, 0, 3, 0], [4, 0, 0, 3]]),
    ],
)
def test_labels_follow_size_then_position(neighbors, expected):
    np.testing.assert_array_equal(connected_components(GridGraph(ISLANDS, neighbors=neighbors)), expected)


def test_largest_component_has_label_one():
    np.testing.assert_array_equal(largest_component(GridGraph(ISLANDS)), [[1, 0, 0, 0], [1, 0, 0, 0], [0] * 4, [0] * 4])


@pytest.mark.parametrize("neighbors", ["rook", "queen"])
def test_components_match_scipy_labels(neighbors):
    permeability = (np.random.default_rng(7).random((12, 15)) > 0.5).astype(float)
    structure = ndi.generate_binary_structure(2, 1 if neighbors == "rook" else 2)
    expected, count = ndi.label(permeability, structure)
    result = np.asarray(connected_components(GridGraph(permeability, neighbors=neighbors)))
    assert len({*zip(result.ravel(), expected.ravel(), strict=True)}) == result.max() + 1 == count + 1
    sizes = np.bincount(result.ravel())[1:]
    assert (np.diff(sizes) <= 0).all()


def test_sink_cell_is_its_own_component():
    one_way = GridGraph(
        np.array([[1.0, 2.0, 3.0]]), edge_rule=lambda source, target: np.where(source < 3, 1.0, 0.0) * target
    )
    np.testing.assert_array_equal(connected_components(one_way), [[1, 1, 2]])


def test_single_active_cell_is_a_component():
    np.testing.assert_array_equal(connected_components(GridGraph([[0.0, 0.0], [0.0, 5.0]])), [[0, 0], [0, 1]])


def test_components_are_equal_under_jit():
    grid = GridGraph(ISLANDS)
    np.testing.assert_array_equal(eqx.filter_jit(connected_components)(grid), connected_components(grid))
