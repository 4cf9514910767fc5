"""Connectivity and sensitivity over windows are what one finds window by window with textbook formulas.

Quality and permeability are two different rasters everywhere, so that they cannot be mistaken for each other.
"""

import functools

import jax.numpy as jnp
import numpy as np
import pytest
import reference_dense
from jax import monitoring
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
each_distance = pytest.mark.parametrize("name", DISTANCES)
quick_distances = pytest.mark.parametrize("name", ["least cost", "resistance"])


def landscape(shape=(7, 9)):
    """A hole, a wall, a second component beyond the wall, and a place cut off from all."""
    permeability = np.random.default_rng(61).lognormal(size=shape)
    permeability[:, 5] = 0
    permeability[1, 1] = permeability[4, 3] = 0
    permeability[-2:, -2] = permeability[-2, -1] = 0
    return permeability


def habitat(shape=(7, 9)):
    rng = np.random.default_rng(62)
    return np.where(rng.random(shape) < 0.3, 0, rng.uniform(0.2, 3, shape))


def analysis(kind, name="least cost", **changed):
    given = {
        "quality": habitat(),
        "permeability": landscape(),
        "distance": DISTANCES[name],
        "proximity": ExponentialKernel(ALPHA),
        "dependency_range": 3,
        "coarsening": 0.8,
        "batch": 4,
    }
    return kind(**(given | changed))


def distances(name, permeability, source, **graph):
    """Distances between one cell and every cell of a raster, a dense matrix at a time."""
    conductance = reference_dense.conductances(permeability, **graph)
    cells = np.argwhere(permeability > 0)
    number = int(np.flatnonzero((cells == source).all(1))[0])
    if name == "straight":
        found = np.hypot(*(cells - np.array(source)).T)
    elif name == "least cost":
        found = reference_dense.least_costs(conductance)[number]
    elif name == "resistance":
        found = reference_dense.effective_resistances(conductance)[number]
    else:
        both = reference_dense.by_component(
            lambda part: reference_dense.randomized_paths(part, THETA)["expected_cost"], conductance
        )
        found = both[:, number]
    raster = np.full(permeability.shape, np.inf)
    raster[permeability > 0] = found
    return raster


def block_by_block(name, permeability, quality, reach, side, within=True, **graph):
    """Σ_B Q_B Σ_j exp(−d_cj / α) q_j, with windows that end where the raster does."""
    total = 0.0
    quality = np.where(permeability > 0, quality, 0)
    for top in range(0, quality.shape[0], side):
        for left in range(0, quality.shape[1], side):
            block = quality[top : top + side, left : left + side]
            centre = np.array([top, left]) + (side - 1) // 2
            there = np.argwhere(permeability[top : top + side, left : left + side] > 0) + (top, left)
            if not len(there) or not block.any():
                continue
            source = there[((there - centre) ** 2).sum(1).argmin()]
            low, high = np.maximum(centre - reach, 0), centre + reach + 1
            window = np.s_[low[0] : high[0], low[1] : high[1]]
            around = np.exp(-distances(name, permeability[window], source - low, **graph) / ALPHA) * quality[window]
            if not within:
                around[top - low[0] : top - low[0] + side, left - low[1] : left - low[1] + side] = 0
            total += block.sum() * around.sum()
    return total


@each_distance
@pytest.mark.parametrize("within", [True, False], ids=["with itself", "without"])
def test_connectivity_is_the_sum_over_blocks(name, within):
    found = analysis(ConnectivityAnalysis, name, within_blocks=within).run()
    expected = block_by_block(name, landscape(), habitat(), 3, 3, within)
    assert found.connectivity == pytest.approx(expected, rel=1e-10)
    assert np.nansum(found.raster) == pytest.approx(found.connectivity, rel=1e-12)
    np.testing.assert_array_equal(np.isnan(found.raster), landscape() == 0)


@quick_distances
@pytest.mark.parametrize(
    ("shape", "reach", "coarsening", "batch"),
    [((8, 10), 2, 0, 9), ((5, 11), 4, 1, 2), ((9, 7), 3, 0.5, 100), ((6, 6), 12, 0.3, 3), ((1, 12), 2, 0, 5)],
)
def test_sizes_even_and_odd_small_and_large(name, shape, reach, coarsening, batch):
    rng = np.random.default_rng(63)
    permeability, quality = rng.lognormal(size=shape), rng.uniform(0, 3, shape)
    permeability[rng.random(shape) < 0.2] = 0
    found = analysis(
        ConnectivityAnalysis,
        name,
        permeability=permeability,
        quality=quality,
        dependency_range=reach,
        coarsening=coarsening,
        batch=batch,
    )
    side = found.windows.core[0]
    # No wider than it takes to hold the whole raster.
    widest = tuple(side + 2 * min(reach - side // 2, length - 1) for length in shape)
    assert found.windows.window_shape == widest and side % 2
    expected = block_by_block(name, permeability, quality, reach, side)
    assert found.run().connectivity == pytest.approx(expected, rel=1e-10)


@quick_distances
@pytest.mark.parametrize("respect_to", ["permeability", "resistance", "quality"])
def test_the_map_is_the_slope_of_the_whole_windowed_sum(name, respect_to):
    own, by = {
        "permeability": (landscape(), lambda p: block_by_block(name, p, habitat(), 3, 3)),
        "resistance": (
            1 / np.where(landscape() > 0, landscape(), -1),
            lambda r: block_by_block(name, np.maximum(1 / r, 0), habitat(), 3, 3),
        ),
        "quality": (habitat(), lambda q: block_by_block(name, landscape(), q, 3, 3)),
    }[respect_to]
    run = functools.partial(analysis(SensitivityAnalysis, name).run, respect_to)
    found = run().raster
    slopes = reference_dense.gradient(by, own)
    inside = (own > 0) & (landscape() > 0)
    np.testing.assert_allclose(found[inside], slopes[inside], rtol=1e-5, atol=1e-8 * abs(slopes).max())
    relative = run(elasticity=True).raster
    np.testing.assert_allclose(relative[inside], (found * own)[inside], rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(np.isnan(found), landscape() == 0)


def test_the_slope_of_randomized_paths_is_that_of_the_whole_windowed_sum():
    found = analysis(SensitivityAnalysis, "randomized").run()
    slopes = reference_dense.gradient(lambda p: block_by_block("randomized", p, habitat(), 3, 3), landscape())
    inside = landscape() > 0
    np.testing.assert_allclose(found.raster[inside], slopes[inside], rtol=1e-5, atol=1e-8 * abs(slopes).max())


def test_habitat_that_were_made_in_an_empty_block_would_count():
    quality = habitat()
    quality[:3, :3] = 0
    nudged = quality.copy()
    nudged[0, 2] = 1e-6
    run = functools.partial(block_by_block, "least cost", landscape(), reach=3, side=3)
    found = analysis(SensitivityAnalysis, quality=quality).run("quality").raster[0, 2]
    assert found == pytest.approx((run(nudged) - run(quality)) / 1e-6, rel=1e-4)
    assert found > 0


@quick_distances
def test_permeability_as_a_function_of_quality_is_differentiated_both_ways(name):
    def passing(quality):
        return jnp.exp(-quality) + 0.2

    quality = np.where(habitat() > 0, habitat(), 0.7)
    found = analysis(SensitivityAnalysis, name, quality=quality, permeability=passing).run("quality")
    slopes = reference_dense.gradient(lambda q: block_by_block(name, np.exp(-q) + 0.2, q, 3, 3), quality)
    np.testing.assert_allclose(found.raster, slopes, rtol=1e-5, atol=1e-8 * abs(slopes).max())
    as_raster = analysis(SensitivityAnalysis, name, quality=quality, permeability=np.exp(-quality) + 0.2)
    by_permeability = analysis(SensitivityAnalysis, name, quality=quality, permeability=passing).run("permeability")
    np.testing.assert_allclose(by_permeability.raster, as_raster.run("permeability").raster, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(
    ("name", "respect_to"),
    [
        (name, respect_to)
        for name in DISTANCES
        for respect_to in ("permeability", "resistance", "quality")
        # Compiled for longer than all the others together.
        if name != "randomized" or respect_to == "permeability"
    ],
)
def test_windows_as_large_as_the_raster_give_the_sensitivity_of_the_whole(name, respect_to):
    whole = sensitivity(
        QualityWeightedConnectivity(DISTANCES[name], ALPHA),
        GridGraph(landscape()),
        quality=habitat(),
        wrt=respect_to,
    )
    found = analysis(SensitivityAnalysis, name, dependency_range=9, coarsening=0, batch=20).run(respect_to)
    assert found.connectivity == pytest.approx(whole.connectivity, rel=1e-8)
    np.testing.assert_allclose(found.raster, whole.raster, rtol=1e-8, atol=1e-8 * np.nanmax(abs(whole.raster)))


def test_the_error_falls_with_the_buffer():
    permeability = np.random.default_rng(64).uniform(0.3, 1, (24, 24))
    quality = gallery.lognormal(24, 24, correlation_length=2.0)
    run = functools.partial(analysis, SensitivityAnalysis, permeability=permeability, quality=quality, coarsening=0)
    whole = run(dependency_range=24, batch=64).run().raster
    errors = [abs(run(dependency_range=reach, batch=64).run().raster - whole).max() for reach in (2, 4, 8, 16)]
    assert all(later < 0.5 * earlier for earlier, later in zip(errors, errors[1:], strict=False))
    assert errors[-1] < 1e-3 * abs(whole).max()


@pytest.mark.parametrize("rule", ["target", "resistance"])
def test_movement_towards_the_blocks_goes_the_other_way(rule):
    graph = {"edge_rule": rule, "neighbors": "rook", "pixel_size": (1.0, 2.0)}
    blocks = analysis(ConnectivityAnalysis, from_blocks=False, **graph).run().connectivity
    other_way = block_by_block_towards(graph)
    assert blocks == pytest.approx(other_way, rel=1e-10)
    away = analysis(ConnectivityAnalysis, **graph).run().connectivity
    assert (away == pytest.approx(other_way, rel=1e-9)) == (rule == "resistance")


def block_by_block_towards(graph):
    turned = graph | ({"edge_rule": lambda here, there: here} if graph["edge_rule"] == "target" else {})
    return block_by_block("least cost", landscape(), habitat(), 3, 3, **turned)


@pytest.mark.parametrize("from_blocks", [True, False])
def test_the_slope_is_right_both_ways_where_ways_differ(from_blocks):
    graph = {"edge_rule": "target"}
    found = analysis(SensitivityAnalysis, from_blocks=from_blocks, **graph).run().raster
    turned = graph if from_blocks else {"edge_rule": lambda here, there: here}
    slopes = reference_dense.gradient(lambda p: block_by_block("least cost", p, habitat(), 3, 3, **turned), landscape())
    np.testing.assert_allclose(
        found[landscape() > 0], slopes[landscape() > 0], rtol=1e-5, atol=1e-8 * abs(slopes).max()
    )


def test_equally_cheap_ways_share_as_in_the_whole_landscape():
    uniform = {"permeability": np.ones((6, 7)), "dependency_range": 7, "coarsening": 0}
    found = analysis(SensitivityAnalysis, quality=habitat((6, 7)), **uniform).run().raster
    whole = sensitivity(
        QualityWeightedConnectivity(LCPDistance(), ALPHA), GridGraph(np.ones((6, 7))), quality=habitat((6, 7))
    )
    np.testing.assert_allclose(found, whole.raster, rtol=1e-10)


def test_sweeps_give_what_dijkstra_gives():
    sweeps = analysis(SensitivityAnalysis, distance=LCPDistance(solver="sweeps")).run()
    dijkstra = analysis(SensitivityAnalysis).run()
    np.testing.assert_allclose(sweeps.raster, dijkstra.raster, rtol=1e-10, atol=1e-13)


def test_exchanging_quality_and_permeability_gives_another_map():
    quality = np.where(landscape() > 0, habitat() + 0.1, 0)
    found = analysis(SensitivityAnalysis, quality=quality).run().raster
    swapped = analysis(SensitivityAnalysis, quality=landscape(), permeability=quality).run().raster
    assert np.nanmax(abs(found - swapped)) > 0.1 * np.nanmax(abs(found))


def test_nothing_lies_beyond_the_raster():
    frame = [(4, 5), (7, 6)]
    padded = {"quality": np.pad(habitat(), frame, constant_values=9), "permeability": np.pad(landscape(), frame)}
    bare, framed = analysis(SensitivityAnalysis, coarsening=0), analysis(SensitivityAnalysis, coarsening=0, **padded)
    one, other = bare.run(), framed.run()
    assert other.connectivity == pytest.approx(one.connectivity, rel=1e-12)
    inner = other.raster[4:-5, 7:-6]
    np.testing.assert_allclose(inner, one.raster, rtol=1e-10, atol=1e-13)
    assert np.isnan(other.raster).sum() == np.isnan(one.raster).sum() + other.raster.size - inner.size


def test_windows_without_habitat_are_skipped():
    quality, permeability = np.zeros((20, 20)), np.ones((20, 20))
    quality[4, 4] = quality[4, 6] = 1
    permeability[:, 15:] = np.nan
    found = analysis(SensitivityAnalysis, quality=quality, permeability=permeability, coarsening=0).run()
    assert (found.windows, found.skipped) == (2, 398)
    assert found.connectivity == pytest.approx(2 + 2 * np.exp(-2 / ALPHA))
    assert np.isnan(found.raster[:, 15:]).all() and (found.raster[10:, :15] == 0).all()


@pytest.mark.parametrize("kind", [ConnectivityAnalysis, SensitivityAnalysis])
def test_a_landscape_of_nodata_alone_is_zero_and_nan(kind):
    found = analysis(kind, permeability=np.full((7, 9), np.nan)).run()
    assert (found.connectivity, found.windows) == (0.0, 0) and np.isnan(found.raster).all()


def test_a_single_cell_reaches_itself():
    one = {"quality": np.array([[3.0]]), "permeability": np.array([[0.5]])}
    found = analysis(SensitivityAnalysis, **one).run("quality")
    assert (found.connectivity, found.raster.tolist()) == (9.0, [[6.0]])


def test_a_wall_one_cell_wide_is_not_crossed():
    wall = {"quality": np.array([[1.0, 5.0, 2.0]]), "permeability": np.array([[1.0, 0.0, 1.0]])}
    for name in DISTANCES:
        if name != "straight":
            assert analysis(ConnectivityAnalysis, name, **wall, coarsening=0).run().connectivity == 5.0


@quick_distances
def test_single_precision_rasters_are_computed_in_double(name):
    rasters = {"quality": habitat((41, 41)), "permeability": landscape((41, 41))}
    single = {key: raster.astype(np.float32) for key, raster in rasters.items()}
    double = {key: raster.astype(float) for key, raster in single.items()}
    whole = {"dependency_range": 20, "coarsening": 1}
    one, other = (analysis(SensitivityAnalysis, name, **kind, **whole).run() for kind in (single, double))
    np.testing.assert_array_equal(one.raster, other.raster)


@pytest.fixture
def compilations():
    seen = []

    def listen(event, *_, **__):
        seen.append(event)

    monitoring.register_event_duration_secs_listener(listen)
    yield lambda: seen.count("/jax/core/compile/backend_compile_duration")
    monitoring.unregister_event_duration_listener(listen)


@pytest.mark.parametrize("name", ["least cost", "straight"])
def test_many_batches_are_compiled_once_whatever_fresh_functions_they_are_given(name, compilations):
    def run(seed):
        rng = np.random.default_rng(seed)
        raster = {"quality": rng.random((30, 31)), "permeability": rng.lognormal(size=(30, 31))}
        analysis(SensitivityAnalysis, name, **raster, proximity=lambda d: jnp.exp(-d / 5.0)).run()

    run(0)
    first = compilations()
    for seed in range(1, 5):
        run(seed)
    assert compilations() == first


def test_another_alpha_compiles_nothing(compilations):
    analysis(SensitivityAnalysis, proximity=ExponentialKernel(1.0)).run()
    first = compilations()
    analysis(SensitivityAnalysis, proximity=ExponentialKernel(2.0)).run()
    assert compilations() == first


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"permeability": -landscape()}, "permeability is negative in 51 cells, the first at row 0, column 0"),
        ({"permeability": np.full((7, 9), np.inf)}, "permeability is infinite in 63 cells"),
        ({"quality": np.full((7, 9), np.nan)}, "quality is negative, missing or infinite in 51 cells"),
        ({"quality": -habitat()}, "quality is negative, missing or infinite"),
    ],
)
def test_what_is_no_landscape_is_refused_with_its_place(changed, said):
    with pytest.raises(ValueError, match=said):
        analysis(SensitivityAnalysis, **changed).run()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"permeability": np.ones((9, 7))}, r"quality has \(7, 9\) cells, permeability \(9, 7\)"),
        ({"dependency_range": -1}, "dependency_range must be a number of cells"),
        ({"coarsening": 1.5}, "coarsening must be between 0 and 1"),
        ({"quality": np.zeros(3)}, r"quality must be a raster \(rows, columns\)"),
    ],
)
def test_an_analysis_that_is_none_is_refused(changed, said):
    with pytest.raises(ValueError, match=said):
        analysis(SensitivityAnalysis, **changed)


def test_an_unknown_respect_is_refused():
    with pytest.raises(ValueError, match="wrt must be one of permeability, resistance, quality, not 'cost'"):
        analysis(SensitivityAnalysis).run("cost")


def test_resistance_on_a_directed_graph_is_refused():
    with pytest.raises(ValueError, match="effective resistance needs an undirected graph"):
        analysis(ConnectivityAnalysis, "resistance", edge_rule="target").run()
