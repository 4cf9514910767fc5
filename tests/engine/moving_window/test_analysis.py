"""Windowed connectivity and its gradient equal a window-by-window computation with textbook formulas.

Quality and permeability are different rasters everywhere, so that an exchange of the two cannot pass unnoticed.
"""

import functools

import jax.numpy as jnp
import numpy as np
import pytest
import reference_dense

from permea.engine import (
    EuclideanDistance,
    GridGraph,
    LCPDistance,
    QualityWeightedConnectivity,
    ResistanceDistance,
    RSPDistance,
)
from permea.engine.connectivity import sensitivity
from permea.engine.connectivity.dispersal_kernel import ExponentialKernel
from permea.engine.graph import gallery
from permea.engine.moving_window.analysis import ConnectivityAnalysis, SensitivityAnalysis

THETA, ALPHA = 0.3, 1.7
DISTANCES = {
    "least cost": LCPDistance(),
    "resistance": ResistanceDistance(),
    "randomized": RSPDistance(THETA),
    "straight": EuclideanDistance(),
}
each_distance_with_kernels = pytest.mark.parametrize("name", ["least cost", "resistance"])


def landscape(shape=(7, 9)):
    """Permeability with a barrier cell, a wall, a second component beyond the wall, and an isolated cell."""
    permeability = np.random.default_rng(61).lognormal(size=shape)
    permeability[:, 5] = 0
    permeability[1, 1] = permeability[4, 3] = 0
    permeability[-2:, -2] = permeability[-2, -1] = 0
    return permeability


def habitat(shape=(7, 9)):
    rng = np.random.default_rng(62)
    return np.where(rng.random(shape) < 0.3, 0, rng.uniform(0.2, 3, shape))


def analysis(kind, name="least cost", **changed):
    parameters = {
        "quality": habitat(),
        "permeability": landscape(),
        "distance": DISTANCES[name],
        "proximity": ExponentialKernel(ALPHA),
        "dependency_range": 3,
        "coarsening": 0.8,
        "batch": 4,
    }
    return kind(**(parameters | changed))


def source_rule(source, target):
    """Edge rule of the reversed graph of "target"."""
    return source


_cached_distances = {}


def dense_distances(name, permeability, source, **graph):
    """Distances from one cell to every cell of a raster (randomized paths: from every cell to it), dense; cached."""
    key = (name, permeability.shape, permeability.tobytes(), tuple(source), tuple(sorted(graph.items())))
    if key not in _cached_distances:
        _cached_distances[key] = _dense_distances(name, permeability, source, **graph)
    return _cached_distances[key]


def _dense_distances(name, permeability, source, **graph):
    cells = np.argwhere(permeability > 0)
    vertex = int(np.flatnonzero((cells == source).all(1))[0])
    if name == "straight":
        distances = np.hypot(*(cells - np.array(source)).T)
    else:
        all_pairs = reference_dense.distances(name, reference_dense.conductances(permeability, **graph), THETA)
        distances = all_pairs[:, vertex] if name == "randomized" else all_pairs[vertex]
    raster = np.full(permeability.shape, np.inf)
    raster[permeability > 0] = distances
    return raster


def dense_connectivity(name, permeability, quality, dependency_range=3, block=3, within=True, **graph):
    """Σ_B Q_B Σ_j exp(−d_cj / α) q_j, with windows clipped to the raster."""
    total = 0.0
    quality = np.where(permeability > 0, quality, 0)
    for top in range(0, quality.shape[0], block):
        for left in range(0, quality.shape[1], block):
            slices = np.s_[top : top + block, left : left + block]
            centre = np.array([top, left]) + (block - 1) // 2
            active = np.argwhere(permeability[slices] > 0) + (top, left)
            if not len(active) or not quality[slices].any():
                continue
            source = active[((active - centre) ** 2).sum(1).argmin()]
            low, high = np.maximum(centre - dependency_range, 0), centre + dependency_range + 1
            window = np.s_[low[0] : high[0], low[1] : high[1]]
            distances = dense_distances(name, permeability[window], source - low, **graph)
            accessible = np.exp(-distances / ALPHA) * quality[window]
            if not within:
                accessible[top - low[0] : top - low[0] + block, left - low[1] : left - low[1] + block] = 0
            total += quality[slices].sum() * accessible.sum()
    return total


def assert_equals_finite_differences(gradient, function, values, active):
    """Compare a gradient in the active cells with central differences of a function."""
    reference_dense.assert_is_gradient(gradient[active], reference_dense.gradient(function, values)[active])


@pytest.mark.costly_variants
@pytest.mark.parametrize(
    ("name", "within"),
    [
        *((name, True) for name in DISTANCES),
        ("least cost", False),
        ("resistance", False),
        # Compiled for seconds once more; the rule does not depend on the distance.
        pytest.param("randomized", False, marks=pytest.mark.long),
        ("straight", False),
    ],
)
def test_connectivity_is_the_sum_over_blocks(name, within):
    result = analysis(ConnectivityAnalysis, name, within_blocks=within).run()
    expected = dense_connectivity(name, landscape(), habitat(), within=within)
    assert result.connectivity == pytest.approx(expected, rel=1e-10)
    assert np.nansum(result.raster) == pytest.approx(result.connectivity, rel=1e-12)
    np.testing.assert_array_equal(np.isnan(result.raster), landscape() == 0)


@each_distance_with_kernels
@pytest.mark.parametrize(
    ("shape", "dependency_range", "coarsening", "batch"),
    [((8, 10), 2, 0, 9), ((5, 11), 4, 1, 2), ((9, 7), 3, 0.5, 100), ((6, 6), 12, 0.3, 3), ((1, 12), 2, 0, 5)],
)
def test_connectivity_for_many_shapes(name, shape, dependency_range, coarsening, batch):
    rng = np.random.default_rng(63)
    permeability, quality = rng.lognormal(size=shape), rng.uniform(0, 3, shape)
    permeability[rng.random(shape) < 0.2] = 0
    rules = {"dependency_range": dependency_range, "coarsening": coarsening, "batch": batch}
    windowed = analysis(ConnectivityAnalysis, name, permeability=permeability, quality=quality, **rules)
    block = windowed.windows.core[0]
    # No wider than necessary to contain the whole raster.
    widest = tuple(block + 2 * min(dependency_range - block // 2, length - 1) for length in shape)
    assert windowed.windows.window_shape == widest and block % 2
    expected = dense_connectivity(name, permeability, quality, dependency_range, block)
    assert windowed.run().connectivity == pytest.approx(expected, rel=1e-10)


@pytest.mark.costly_variants
@each_distance_with_kernels
@pytest.mark.parametrize("wrt", ["permeability", "resistance", "quality"])
def test_gradient_equals_finite_differences(name, wrt):
    active = landscape() > 0
    values, function = {
        "permeability": (landscape(), lambda p: dense_connectivity(name, p, habitat())),
        "resistance": (
            1 / np.where(active, landscape(), -1),
            lambda r: dense_connectivity(name, np.maximum(1 / r, 0), habitat()),
        ),
        "quality": (habitat(), lambda q: dense_connectivity(name, landscape(), q)),
    }[wrt]
    run = functools.partial(analysis(SensitivityAnalysis, name).run, wrt)
    gradient, elasticity = run().raster, run(elasticity=True).raster
    compared = (values > 0) & active
    assert_equals_finite_differences(gradient, function, values, compared)
    np.testing.assert_allclose(elasticity[compared], (gradient * values)[compared], rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(np.isnan(gradient), ~active)


@pytest.mark.long
def test_rsp_gradient_equals_finite_differences():
    gradient = analysis(SensitivityAnalysis, "randomized").run().raster
    assert_equals_finite_differences(
        gradient, lambda p: dense_connectivity("randomized", p, habitat()), landscape(), landscape() > 0
    )


def test_derivative_by_quality_of_an_empty_block():
    """Habitat added to a block without any has a positive derivative."""
    quality = habitat()
    quality[:3, :3] = 0
    perturbed = quality.copy()
    perturbed[0, 2] = 1e-6
    connectivity = functools.partial(dense_connectivity, "least cost", landscape())
    derivative = analysis(SensitivityAnalysis, quality=quality).run("quality").raster[0, 2]
    assert derivative == pytest.approx((connectivity(perturbed) - connectivity(quality)) / 1e-6, rel=1e-4)
    assert derivative > 0


@pytest.mark.costly_variants
@each_distance_with_kernels
def test_gradient_includes_both_effects_of_quality(name):
    """Where permeability is a function of quality, the derivative by quality is total, that by permeability partial."""

    def permeability_of(quality):
        return jnp.exp(-quality) + 0.2

    quality = np.where(habitat() > 0, habitat(), 0.7)
    by_function = analysis(SensitivityAnalysis, name, quality=quality, permeability=permeability_of)
    by_raster = analysis(SensitivityAnalysis, name, quality=quality, permeability=np.exp(-quality) + 0.2)
    assert_equals_finite_differences(
        by_function.run("quality").raster,
        lambda q: dense_connectivity(name, np.exp(-q) + 0.2, q),
        quality,
        np.ones(quality.shape, bool),
    )
    partial = [windowed.run("permeability").raster for windowed in (by_function, by_raster)]
    np.testing.assert_allclose(*partial, rtol=1e-10, atol=1e-14)


@pytest.mark.costly_variants
@pytest.mark.parametrize(
    ("name", "wrt"),
    [
        *(
            (name, wrt)
            for name in DISTANCES
            if name != "randomized"
            for wrt in ("permeability", "resistance", "quality")
        ),
        # Compiled for longer than all the others together.
        pytest.param("randomized", "permeability", marks=pytest.mark.long),
    ],
)
def test_windows_of_the_whole_raster_give_its_sensitivity(name, wrt):
    whole = sensitivity(
        QualityWeightedConnectivity(DISTANCES[name], ALPHA),
        GridGraph(landscape()),
        quality=habitat(),
        wrt=wrt,
    )
    result = analysis(SensitivityAnalysis, name, dependency_range=9, coarsening=0, batch=20).run(wrt)
    assert result.connectivity == pytest.approx(whole.connectivity, rel=1e-8)
    np.testing.assert_allclose(result.raster, whole.raster, rtol=1e-8, atol=1e-8 * np.nanmax(abs(whole.raster)))


def test_error_decreases_with_the_range():
    permeability = np.random.default_rng(64).uniform(0.3, 1, (24, 24))
    quality = gallery.lognormal(24, 24, correlation_length=2.0)
    rasters = {"permeability": permeability, "quality": quality}
    run = functools.partial(analysis, SensitivityAnalysis, coarsening=0, batch=64, **rasters)
    whole = run(dependency_range=24).run().raster
    errors = [abs(run(dependency_range=cells).run().raster - whole).max() for cells in (2, 4, 8, 16)]
    assert all(later < 0.5 * earlier for earlier, later in zip(errors, errors[1:], strict=False))
    assert errors[-1] < 1e-3 * abs(whole).max()


@pytest.mark.parametrize("rule", ["target", "resistance"])
def test_movement_towards_blocks_uses_reversed_edges(rule):
    graph = {"edge_rule": rule, "neighbors": "rook", "pixel_size": (1.0, 2.0)}
    towards = analysis(ConnectivityAnalysis, from_blocks=False, **graph).run().connectivity
    reversed_graph = graph | ({"edge_rule": source_rule} if rule == "target" else {})
    expected = dense_connectivity("least cost", landscape(), habitat(), **reversed_graph)
    assert towards == pytest.approx(expected, rel=1e-10)
    away = analysis(ConnectivityAnalysis, **graph).run().connectivity
    assert (away == pytest.approx(expected, rel=1e-9)) == (rule == "resistance")


@pytest.mark.parametrize("from_blocks", [True, False])
def test_gradient_on_directed_graphs(from_blocks):
    gradient = analysis(SensitivityAnalysis, from_blocks=from_blocks, edge_rule="target").run().raster
    rule = "target" if from_blocks else source_rule
    assert_equals_finite_differences(
        gradient,
        lambda p: dense_connectivity("least cost", p, habitat(), edge_rule=rule),
        landscape(),
        landscape() > 0,
    )


def test_ties_of_shortest_paths_as_in_the_whole_landscape():
    uniform = {"permeability": np.ones((6, 7)), "dependency_range": 7, "coarsening": 0}
    gradient = analysis(SensitivityAnalysis, quality=habitat((6, 7)), **uniform).run().raster
    whole = sensitivity(
        QualityWeightedConnectivity(LCPDistance(), ALPHA), GridGraph(np.ones((6, 7))), quality=habitat((6, 7))
    )
    np.testing.assert_allclose(gradient, whole.raster, rtol=1e-10)


@pytest.mark.long
def test_sweeping_equals_dijkstra():
    sweeping = analysis(SensitivityAnalysis, distance=LCPDistance(method="sweeps")).run()
    dijkstra = analysis(SensitivityAnalysis).run()
    np.testing.assert_allclose(sweeping.raster, dijkstra.raster, rtol=1e-10, atol=1e-13)


def test_exchanged_rasters_give_another_gradient():
    quality = np.where(landscape() > 0, habitat() + 0.1, 0)
    gradient = analysis(SensitivityAnalysis, quality=quality).run().raster
    exchanged = analysis(SensitivityAnalysis, quality=landscape(), permeability=quality).run().raster
    assert np.nanmax(abs(gradient - exchanged)) > 0.1 * np.nanmax(abs(gradient))


def test_padding_with_barriers_changes_nothing():
    margin = [(4, 5), (7, 6)]
    padded = {"quality": np.pad(habitat(), margin, constant_values=9), "permeability": np.pad(landscape(), margin)}
    bare = analysis(SensitivityAnalysis, coarsening=0).run()
    surrounded = analysis(SensitivityAnalysis, coarsening=0, **padded).run()
    assert surrounded.connectivity == pytest.approx(bare.connectivity, rel=1e-12)
    interior = surrounded.raster[4:-5, 7:-6]
    np.testing.assert_allclose(interior, bare.raster, rtol=1e-10, atol=1e-13)
    assert np.isnan(surrounded.raster).sum() == np.isnan(bare.raster).sum() + surrounded.raster.size - interior.size


def test_windows_without_habitat_are_skipped():
    quality, permeability = np.zeros((20, 20)), np.ones((20, 20))
    quality[4, 4] = quality[4, 6] = 1
    permeability[:, 15:] = np.nan
    result = analysis(SensitivityAnalysis, quality=quality, permeability=permeability, coarsening=0).run()
    assert (result.windows, result.skipped) == (2, 398)
    assert result.connectivity == pytest.approx(2 + 2 * np.exp(-2 / ALPHA))
    assert np.isnan(result.raster[:, 15:]).all() and (result.raster[10:, :15] == 0).all()


@pytest.mark.parametrize("kind", [ConnectivityAnalysis, SensitivityAnalysis])
def test_landscape_of_nodata_has_no_connectivity(kind):
    result = analysis(kind, permeability=np.full((7, 9), np.nan)).run()
    assert (result.connectivity, result.windows) == (0.0, 0) and np.isnan(result.raster).all()


def test_single_cell_reaches_itself():
    single = {"quality": np.array([[3.0]]), "permeability": np.array([[0.5]])}
    result = analysis(SensitivityAnalysis, **single).run("quality")
    assert (result.connectivity, result.raster.tolist()) == (9.0, [[6.0]])


@pytest.mark.parametrize("name", [name for name in DISTANCES if name != "straight"])
def test_wall_of_one_cell_is_not_crossed(name):
    wall = {"quality": np.array([[1.0, 5.0, 2.0]]), "permeability": np.array([[1.0, 0.0, 1.0]])}
    assert analysis(ConnectivityAnalysis, name, **wall, coarsening=0).run().connectivity == 5.0


@pytest.mark.costly_variants
@each_distance_with_kernels
def test_float32_rasters_are_computed_in_float64(name):
    rasters = {"quality": habitat((41, 41)), "permeability": landscape((41, 41))}
    float32 = {key: raster.astype(np.float32) for key, raster in rasters.items()}
    float64 = {key: raster.astype(float) for key, raster in float32.items()}
    whole = {"dependency_range": 20, "coarsening": 1}
    results = [analysis(SensitivityAnalysis, name, **kind, **whole).run() for kind in (float32, float64)]
    np.testing.assert_array_equal(results[0].raster, results[1].raster)


@pytest.mark.parametrize("name", ["least cost", "straight"])
def test_batches_are_compiled_once(name, compiled_functions):
    """Equal functions that are defined anew for every run do not compile again."""

    def run(seed):
        rng = np.random.default_rng(seed)
        rasters = {"quality": rng.random((30, 31)), "permeability": rng.lognormal(size=(30, 31))}
        analysis(SensitivityAnalysis, name, **rasters, proximity=lambda d: jnp.exp(-d / 5.0)).run()

    run(0)
    compiled_functions.clear()
    for seed in (1, 2):
        run(seed)
    assert not compiled_functions


def test_new_alpha_compiles_nothing(compiled_functions):
    analysis(SensitivityAnalysis, proximity=ExponentialKernel(1.0)).run()
    compiled_functions.clear()
    analysis(SensitivityAnalysis, proximity=ExponentialKernel(2.0)).run()
    assert not compiled_functions
