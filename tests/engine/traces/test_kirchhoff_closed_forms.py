"""The Kirchhoff index of graphs whose index is known in closed form, and its published values on grids."""

import numpy as np
import pytest

from permea.engine import GridGraph, kirchhoff_index
from permea.engine.graph.gallery import ring, uniform

#: Closed forms hold to this relative error.
EXACT = 1e-10


def grid_kirchhoff_index(rows, columns, permeability=1.0):
    """N Σ 1/λ over the eigenvalues (2 − 2cos(πi/rows)) + (2 − 2cos(πj/columns)) of the grid Laplacian."""
    down, across = (2 - 2 * np.cos(np.pi * np.arange(n) / n) for n in (rows, columns))
    eigenvalues = (down[:, None] + across).ravel()[1:]
    return rows * columns * (1 / eigenvalues).sum() / permeability


def indices(permeability, **options):
    return kirchhoff_index(GridGraph(permeability, neighbors="rook"), method="exact", **options)


@pytest.mark.parametrize("cells", [2, 1000])
def test_path(cells):
    """Kf of a path is (N³ − N) / 6; the mean resistance of a cell is its mean distance along the path."""
    result = indices(uniform(1, cells))
    assert float(result.value[0]) == pytest.approx((cells**3 - cells) / 6, rel=EXACT)
    position = np.arange(cells)
    distances = np.abs(position[:, None] - position).sum(1) / (cells - 1)
    np.testing.assert_allclose(result.cell_mean_resistance[0], distances, rtol=EXACT)


@pytest.mark.parametrize("length", [3, 60])
def test_cycle(length):
    """Kf of a cycle is (N³ − N) / 12; every cell has the mean resistance (N + 1) / 6, every edge the same share."""
    cells = 4 * (length - 1)
    result = indices(ring(length), sensitivity=True)
    assert float(result.value[0]) == pytest.approx((cells**3 - cells) / 12, rel=EXACT)
    on_ring = ring(length) > 0
    np.testing.assert_allclose(np.asarray(result.cell_mean_resistance)[on_ring], (cells + 1) / 6, rtol=EXACT)
    np.testing.assert_allclose(np.asarray(result.sensitivity)[on_ring], -(cells**2 - 1) / 12, rtol=EXACT)
    assert np.isnan(np.asarray(result.cell_mean_resistance)[~on_ring]).all()


@pytest.mark.parametrize(("rows", "columns"), [(2, 2), (31, 90), (255, 255)])
def test_complete_grid(rows, columns):
    result = indices(uniform(rows, columns))
    expected = grid_kirchhoff_index(rows, columns)
    assert float(result.value[0]) == pytest.approx(expected, rel=EXACT)
    pairs = rows * columns * (rows * columns - 1) / 2
    assert float(result.mean_resistance[0]) == pytest.approx(expected / pairs, rel=EXACT)


@pytest.mark.parametrize(
    ("side", "index", "mean"),
    [(20, 126934.415148, 1.59065683), (50, 5904845.470218, 1.89030667), (100, 105690365.921873, 2.11401872)],
)
def test_published_grids(side, index, mean):
    result = indices(uniform(side, side))
    assert float(result.value[0]) == pytest.approx(index, rel=1e-11)
    assert float(result.mean_resistance[0]) == pytest.approx(mean, rel=1e-8)


def test_resistance_scales_the_index():
    """Ten times the permeability is a tenth of the index; so are cells ten times as wide, in a strip."""
    assert float(indices(uniform(9, 12, 10.0)).value[0]) == pytest.approx(grid_kirchhoff_index(9, 12, 10.0), rel=EXACT)
    strip = kirchhoff_index(GridGraph(uniform(1, 30), neighbors="rook", pixel_size=(1.0, 10.0)))
    assert float(strip.value[0]) == pytest.approx(10 * (30**3 - 30) / 6, rel=EXACT)
