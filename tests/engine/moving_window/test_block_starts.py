"""Paths from every cell of a block: no pattern of blocks, close to windows around every cell, exact gradient."""

import jax.numpy as jnp
import numpy as np
import pytest

from permea.engine import LCPDistance, ResistanceDistance
from permea.engine.connectivity.dispersal_kernel import ExponentialKernel
from permea.engine.moving_window import BlockGeometry, block_starts
from permea.engine.moving_window.analysis import ConnectivityAnalysis, SensitivityAnalysis

ALPHA = 3.0
WHOLE = 40


def divided_landscape():
    """Permeability with a wall that has one gap, and an isolated cell; quality with empty cells."""
    rng = np.random.default_rng(61)
    permeability = rng.lognormal(size=(15, 17))
    permeability[:, 9] = 0
    permeability[3, 9] = 1
    permeability[:2, :2] = [[1, 0], [0, 0]]
    return permeability, np.where(rng.random((15, 17)) < 0.3, 0, rng.uniform(0.2, 2, (15, 17)))


def analysis(kind, permeability, quality, dependency_range, coarsening, starts="cells", **changed):
    parameters = {"distance": LCPDistance(), "proximity": ExponentialKernel(ALPHA)} | changed
    return kind(
        permeability=permeability,
        quality=quality,
        dependency_range=dependency_range,
        coarsening=coarsening,
        starts=starts,
        **parameters,
    )


def sensitivity(*arguments, wrt="permeability", **changed):
    return analysis(SensitivityAnalysis, *arguments, **changed).run(wrt)


def periodic_part(raster, width):
    """Standard deviation of the means by position in a block, relative to the mean of the raster."""
    rows, columns = np.indices(raster.shape)
    position = (rows % width * width + columns % width).ravel()
    means = np.bincount(position, raster.ravel()) / np.bincount(position)
    return means.std() / raster.mean()


each_variable = pytest.mark.parametrize("wrt", ["permeability", "resistance", "quality"])


@each_variable
def test_blocks_with_searches_of_whole_landscape_equal_single_cells(wrt):
    """Blocks of 9 cells search 27 cells around their centre: from every cell, all of this landscape."""
    landscape = divided_landscape()
    blocks = sensitivity(*landscape, WHOLE, 0.2, wrt=wrt)
    cells = sensitivity(*landscape, WHOLE, 0, "centre", wrt=wrt)
    assert blocks.connectivity == pytest.approx(cells.connectivity, rel=1e-12)
    np.testing.assert_allclose(blocks.raster, cells.raster, rtol=1e-10, atol=1e-10)
    centres = sensitivity(*landscape, WHOLE, 0.2, "centre", wrt=wrt)
    assert np.nanmax(abs(centres.raster - cells.raster)) > 0.2 * np.nanmax(cells.raster)


@each_variable
def test_blocks_of_one_cell_have_one_start(wrt):
    landscape = divided_landscape()
    starts, centres = (sensitivity(*landscape, 6, 0, each, wrt=wrt) for each in ("cells", "centre"))
    np.testing.assert_allclose(starts.raster, centres.raster, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("wrt", ["permeability", "quality"])
def test_gradient_equals_finite_differences(wrt):
    """Blocks of 3 cells, so that most paths follow those of the centre, and some cells have windows of their own."""
    permeability, quality = divided_landscape()
    quality = np.where(permeability > 0, quality + 0.1, 0)
    gradient = sensitivity(permeability, quality, 12, 0.2, wrt=wrt)
    for cell in [(5, 5), (3, 9), (7, 12), (8, 3), (0, 0), (3, 8)]:
        totals = []
        for change in (1e-6, -1e-6):
            changed = (permeability if wrt == "permeability" else quality).copy()
            changed[cell] += change
            landscape = (changed, quality) if wrt == "permeability" else (permeability, changed)
            totals.append(analysis(ConnectivityAnalysis, *landscape, 12, 0.2).run().connectivity)
        assert gradient.raster[cell] == pytest.approx((totals[0] - totals[1]) / 2e-6, rel=1e-5), cell


def test_quality_that_sets_permeability_has_both_effects():
    quality = divided_landscape()[1] + 0.1

    def permeability(values):
        return 0.2 + values**2

    gradient = sensitivity(permeability, quality, 12, 0.2, wrt="quality")
    totals = []
    for change in (1e-6, -1e-6):
        changed = quality.copy()
        changed[7, 7] += change
        totals.append(analysis(ConnectivityAnalysis, permeability, changed, 12, 0.2).run().connectivity)
    assert gradient.raster[7, 7] == pytest.approx((totals[0] - totals[1]) / 2e-6, rel=1e-5)


def test_error_is_a_small_part_of_that_of_centres():
    """Blocks of 5 cells in lognormal permeability; windows around every cell are the reference."""
    rng = np.random.default_rng(3)
    landscape = np.exp(rng.normal(0, 0.5, (35, 35))), rng.uniform(0, 1, (35, 35))
    exact = sensitivity(*landscape, WHOLE, 0, "centre")

    def error(starts):
        result = sensitivity(*landscape, WHOLE, 0.1, starts)
        assert result.windows == 49
        return np.linalg.norm(result.raster - exact.raster) / np.linalg.norm(exact.raster)

    assert error("centre") > 0.3
    assert error("cells") < 0.04


def test_uniform_landscape_has_constant_sensitivity_in_the_interior():
    """By translation, p ∂C/∂p = Σ_j (d_0j / α) exp(−d_0j / α) in every cell, with octile distances d_0j."""
    extent, alpha, ones = 30, 10.0, np.ones((105, 105))
    down, across = np.abs(np.indices((2 * extent + 1,) * 2) - extent)
    distances = np.maximum(down, across) + (np.sqrt(2) - 1) * np.minimum(down, across)
    expected = (distances / alpha * np.exp(-distances / alpha)).sum()

    def interior(starts):
        result = sensitivity(ones, ones, extent, 0.15, starts, proximity=ExponentialKernel(alpha))
        assert result.windows == 21**2
        return result.raster[45:60, 45:60]

    np.testing.assert_allclose(interior("cells"), expected, rtol=0.05)
    assert periodic_part(interior("cells"), 5) < 0.015
    assert periodic_part(interior("centre"), 5) > 0.5


def test_sensitivity_to_quality_shows_no_blocks_on_a_uniform_landscape():
    ones = np.ones((81, 81))
    starts, centres = (
        sensitivity(ones, ones, 20, 0.2, each, wrt="quality").raster[30:50, 30:50] for each in ("cells", "centre")
    )
    assert periodic_part(starts, 5) < 0.004 < 0.03 < periodic_part(centres, 5)


def test_wide_block_is_searched_in_parts():
    """One block of 35 × 35 cells: the searches from all its cells exceed what is cached, and are repeated."""
    geometry = BlockGeometry((35, 35), (18, 18))
    assert geometry.core[0] ** 2 * np.prod(geometry.local_shape) > block_starts.LOCAL_CELLS
    rng = np.random.default_rng(4)
    landscape = rng.lognormal(size=(35, 35)), rng.uniform(0, 1, (35, 35))
    block, cells = sensitivity(*landscape, 35, 1), sensitivity(*landscape, 35, 0, "centre")
    assert block.windows == 1
    np.testing.assert_allclose(block.raster, cells.raster, rtol=1e-9)


def test_result_does_not_depend_on_threads():
    job = analysis(SensitivityAnalysis, *divided_landscape(), 12, 0.2).batch_job("permeability")
    one, two = (job.compute(0, threads).raster for threads in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_derivatives_stay_finite_where_proximity_underflows():
    permeability, quality = divided_landscape()
    result = sensitivity(permeability * 1e-6, quality, 12, 0.2)
    assert np.isfinite(result.raster[permeability > 0]).all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"starts": "edges"}, "starts must be"),
        ({"distance": ResistanceDistance()}, "not ResistanceDistance and ExponentialKernel"),
        ({"proximity": lambda distance: 1 / (1 + jnp.square(distance))}, "LCPDistance and ExponentialKernel"),
        ({"within_blocks": False}, "within_blocks=False"),
        ({"from_blocks": False}, "from_blocks=False"),
    ],
)
def test_starts_that_are_not_possible_are_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        analysis(SensitivityAnalysis, *divided_landscape(), 6, 0.5, **changed)


def test_checkpoints_from_centres_are_those_without_the_choice():
    """The manifest names the starts only where they are not the centres."""
    of = {starts: analysis(SensitivityAnalysis, *divided_landscape(), 6, 0.5, starts) for starts in ("centre", "cells")}
    manifests = {starts: each._manifest(each.batch_job("permeability")) for starts, each in of.items()}
    assert set(manifests["cells"]) - set(manifests["centre"]) == {"starts"}
