"""Omnidirectional current equals Omniscape's outputs and a dense solution of each window, and has an exact gradient."""

import gc
import weakref

import numpy as np
import pytest
from reference_windows import dense_current_maps

from permea.engine.moving_window.dispatch.base import SerialExecutor
from permea.engine.moving_window.dispatch.devices import MultiDeviceExecutor
from permea.engine.moving_window.omnidirectional_current import MovingWindowCurrent
from permea.engine.moving_window.source_strengths import Condition
from permea.engine.moving_window.window_circuit import WindowCircuit
from permea.engine.storage.npy_raster import NpyRaster

# Omniscape solves iteratively, to about this accuracy.
OMNISCAPE_RTOL = 5e-5


@pytest.fixture
def omniscape(esri_grid):
    """Read a raster of Omniscape's tests by its name, NaN where it has no data."""
    return lambda name: esri_grid(f"omniscape/{name}.asc")


def test_current_from_source_raster_equals_omniscape(omniscape):
    result = MovingWindowCurrent(
        permeability=1 / omniscape("input/resistance"),
        sources=omniscape("input/source"),
        radius=5,
        buffer=2,
        block=3,
        source_threshold=0.2,
        as_omniscape=True,
    ).run()
    expected = omniscape("output_verify/test2/cum_currmap")
    np.testing.assert_allclose(result.maps["current"], expected, rtol=OMNISCAPE_RTOL)


def test_maps_from_resistance_equal_omniscape(omniscape):
    permeability = 1 / omniscape("input/resistance1")
    windows = MovingWindowCurrent(
        permeability=permeability, radius=5, block=3, resistance_cutoff=0.25, as_omniscape=True
    )
    maps = windows.run(flow_potential=True, normalized=True).maps
    current, potential = (omniscape(f"output_verify/test3/{name}") for name in ("cum_currmap", "flow_potential"))
    np.testing.assert_allclose(maps["current"], current, rtol=OMNISCAPE_RTOL)
    np.testing.assert_allclose(maps["flow_potential"], potential, rtol=OMNISCAPE_RTOL)
    np.testing.assert_allclose(maps["normalized_current"], current / potential, rtol=2 * OMNISCAPE_RTOL)


def random_landscape(shape=(11, 13), seed=5):
    """Permeability with barriers, and sources in two thirds of the cells."""
    rng = np.random.default_rng(seed)
    permeability = np.exp(rng.normal(size=shape))
    permeability[rng.uniform(size=shape) < 0.15] = np.nan
    permeability[4:6, 3:9] = 0.0
    sources = np.where(rng.uniform(size=shape) < 0.66, rng.uniform(0.5, 2.0, shape), 0.0)
    return permeability, sources


@pytest.mark.parametrize(
    "rules",
    [
        {"radius": 3.0},
        {"radius": 3.0, "block": 3, "buffer": 1.0, "neighbors": "rook"},
        {"radius": 4.2, "block": 3, "edge_rule": "resistance"},
        {"radius": 100.0, "block": 1, "pixel_size": (20.0, 35.0)},
        {"radius": 30.0, "block": 5},
    ],
)
def test_maps_equal_dense_solutions(rules):
    permeability, sources = random_landscape()
    windows = MovingWindowCurrent(permeability=permeability, sources=sources, correct_artifacts=False, **rules)
    maps = windows.run(flow_potential=True, normalized=True).maps
    current, potential = dense_current_maps(permeability, sources, **rules)
    np.testing.assert_allclose(maps["current"], current, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(maps["flow_potential"], potential, rtol=1e-6, atol=1e-9)
    known = potential > 0
    np.testing.assert_allclose(maps["normalized_current"][known], (current / potential)[known], rtol=1e-5, atol=1e-8)


def test_edge_rules_agree_away_from_the_edge():
    """Omniscape's rules at the edge and the exact ones give the same map of sources in the interior."""
    permeability, sources = np.exp(np.random.default_rng(2).normal(size=(27, 27))), np.zeros((27, 27))
    sources[9:18, 9:18] = 1.0
    rules = {"permeability": permeability, "sources": sources, "radius": 5, "block": 3, "buffer": 2}
    exact, omniscape_rules = (MovingWindowCurrent(as_omniscape=value, **rules).run() for value in (False, True))
    np.testing.assert_allclose(exact.maps["current"], omniscape_rules.maps["current"], rtol=1e-12)


def test_correction_removes_block_artifacts():
    """In a uniform landscape the interior of the map is uniform; of blocks without correction it is not."""
    uniform = {"permeability": np.ones((45, 45)), "radius": 7, "buffer": 0}
    fine = MovingWindowCurrent(**uniform).run().maps["current"]
    corrected, uncorrected = (
        MovingWindowCurrent(block=5, correct_artifacts=value, **uniform).run().maps["current"]
        for value in (True, False)
    )
    interior = (slice(15, 30), slice(15, 30))
    relative_range = [np.ptp(raster[interior]) / raster[interior].mean() for raster in (fine, corrected, uncorrected)]
    # Cells that are in the windows of a block's outer cells but not of its centre remain uncorrected.
    assert relative_range[0] < 1e-9 and relative_range[1] < 0.1 < 0.4 < relative_range[2], relative_range
    np.testing.assert_allclose(corrected[interior], fine[interior], rtol=0.1)


def test_total_current_equals_total_strength_without_barriers():
    sources = np.random.default_rng(4).uniform(size=(12, 9))
    windows = MovingWindowCurrent(permeability=np.ones((12, 9)), sources=sources, radius=3, block=3)
    assert windows.run().total == pytest.approx(sources.sum(), rel=1e-9)


def test_no_current_crosses_a_wall():
    permeability, sources = np.ones((9, 11)), np.ones((9, 11))
    permeability[:, 5] = 0.0
    sources[:, 6:] = 0.0
    current = MovingWindowCurrent(permeability=permeability, sources=sources, radius=8).run().maps["current"]
    assert np.isnan(current[:, 5]).all() and (current[:, 6:] == 0).all() and (current[:, :5] > 0).all()


def matching_sources(condition):
    """Return a function from the slices of a block to the mask of the sources that match its target."""
    future = condition.present if condition.future is None else condition.future

    def matches(slices):
        known = future[slices][~np.isnan(future[slices])]
        if not known.size:
            return np.ones(future.shape, bool)
        if condition.comparison == "within":
            difference = condition.present - np.median(known)
            return np.isnan(difference) | ((difference >= condition.lower) & (difference <= condition.upper))
        values, counts = np.unique(known, return_counts=True)
        return np.isnan(condition.present) | (condition.present == values[counts.argmax()])

    return matches


def random_climate(shape, seed):
    """A property with four values, unknown in a few cells, and in a whole block."""
    rng = np.random.default_rng(seed)
    climate = rng.integers(0, 4, shape).astype(float)
    climate[rng.uniform(size=shape) < 0.1] = np.nan
    climate[3:6, 6:9] = np.nan
    return climate


@pytest.mark.parametrize(
    "rules",
    [
        [{"comparison": "within", "lower": -1.0, "upper": 0.0}],
        [{"comparison": "within", "upper": -1.0, "lower": -np.inf, "warming": 1.0}],
        [{"comparison": "equal"}],
        [{"comparison": "equal", "warming": 1.0}, {"comparison": "within", "lower": -2.0, "upper": 0.0}],
    ],
)
def test_conditions_select_sources(rules):
    permeability, sources = random_landscape()
    conditions = []
    for seed, rule in enumerate(rules, start=8):
        climate, warming = random_climate(permeability.shape, seed), rule.get("warming")
        rule = {name: value for name, value in rule.items() if name != "warming"}
        conditions.append(Condition(climate, None if warming is None else climate + warming, **rule))
    windows = {"permeability": permeability, "sources": sources, "radius": 4.0, "block": 3}
    result = MovingWindowCurrent(conditions=conditions, correct_artifacts=False, **windows).run()
    expected = dense_current_maps(conditions=[matching_sources(each) for each in conditions], **windows)[0]
    np.testing.assert_allclose(result.maps["current"], expected, rtol=1e-6, atol=1e-9)
    assert 0 < np.nansum(expected) < 0.9 * np.nansum(dense_current_maps(**windows)[0])


def test_conditions_without_any_match_raise():
    height = np.arange(36.0).reshape(6, 6)
    condition = Condition(height, height + 100)
    windows = MovingWindowCurrent(permeability=np.ones((6, 6)), radius=2.0, conditions=[condition])
    with pytest.raises(ValueError, match="no current reaches any target: .* suits"):
        windows.run()


def changed_in(raster, cell, step):
    changed = raster.copy()
    changed[cell] += step
    return changed


GRADIENT_CASES = pytest.mark.parametrize(
    ("wrt", "has_sources", "rules"),
    [
        ("permeability", True, {"as_omniscape": True}),
        ("permeability", False, {"resistance_cutoff": 1.0, "edge_rule": "resistance"}),
        ("resistance", True, {"neighbors": "rook"}),
        ("sources", True, {"block": 3, "source_threshold": 0.6, "buffer": 1.0}),
        ("permeability", False, {"conditions": True}),
        ("sources", True, {"conditions": True}),
    ],
)


def gradient_case(has_sources, rules):
    """Return permeability, sources and weights of a small landscape, and a function that makes its windows."""
    permeability, sources = random_landscape((8, 9))
    weights = np.random.default_rng(6).uniform(size=permeability.shape)
    rules = {"radius": 3.0, **rules}
    if "conditions" in rules:
        rules["conditions"] = [Condition(random_climate(permeability.shape, 9), comparison="equal")]

    def windows(permeability, sources, **more):
        return MovingWindowCurrent(permeability=permeability, sources=sources if has_sources else None, **rules, **more)

    return permeability, sources, weights, windows


@GRADIENT_CASES
def test_gradient_equals_finite_differences(wrt, has_sources, rules):
    permeability, sources, weights, windows = gradient_case(has_sources, rules)

    def total(permeability, sources):
        return np.nansum(weights * windows(permeability, sources).run().maps["current"])

    result = windows(permeability, sources).gradient(weights, wrt)
    assert result.total == pytest.approx(total(permeability, sources), rel=1e-9)
    assert (np.isnan(result.raster) == ~(permeability > 0)).all()
    step = 1e-6
    resistance = 1 / np.where(permeability > 0, permeability, np.nan)
    for cell in [tuple(cell) for cell in np.argwhere((permeability > 0) & (sources > 0.7))[::7]]:
        if wrt == "sources":
            high, low = (total(permeability, changed_in(sources, cell, h)) for h in (step, -step))
        elif wrt == "permeability":
            high, low = (total(changed_in(permeability, cell, h), sources) for h in (step, -step))
        else:
            high, low = (total(1 / changed_in(resistance, cell, h), sources) for h in (step, -step))
        assert result.raster[cell] == pytest.approx((high - low) / (2 * step), rel=2e-5, abs=2e-6)


@GRADIENT_CASES
def test_elasticity_is_gradient_times_value(wrt, has_sources, rules):
    permeability, sources, weights, windows = gradient_case(has_sources, rules)
    active = permeability > 0
    resistance = 1 / np.where(active, permeability, 1.0)
    values = {"permeability": permeability, "resistance": resistance, "sources": sources}[wrt]
    gradient = windows(permeability, sources).gradient(weights, wrt).raster
    elasticity = windows(permeability, sources).gradient(weights, wrt, elasticity=True).raster
    np.testing.assert_allclose(elasticity[active], (gradient * values)[active], rtol=1e-12, atol=1e-12)


@pytest.mark.costly
@GRADIENT_CASES
def test_gradient_does_not_depend_on_factorization(wrt, has_sources, rules):
    """Windows too wide to be factored, solved as whole rasters, give the gradient that finite differences confirm."""
    permeability, sources, weights, windows = gradient_case(has_sources, rules)
    factored = windows(permeability, sources).gradient(weights, wrt)
    solved = windows(permeability, sources, max_factored_width=2).gradient(weights, wrt)
    assert solved.total == pytest.approx(factored.total, rel=1e-9)
    np.testing.assert_allclose(solved.raster, factored.raster, rtol=2e-6, atol=2e-7)


def test_maps_do_not_depend_on_factorization():
    permeability, sources = random_landscape((20, 20))
    rules = {"permeability": permeability, "sources": sources, "radius": 6, "block": 3}
    factored = MovingWindowCurrent(**rules).run(flow_potential=True).maps
    solved = MovingWindowCurrent(max_factored_width=2, **rules).run(flow_potential=True).maps
    for name, raster in factored.items():
        np.testing.assert_allclose(solved[name], raster, rtol=1e-7, atol=1e-9)


def test_window_is_freed_with_its_factor():
    gc.disable()
    try:
        window = WindowCircuit(np.ones((1, 3), bool), np.array([(-1, 0), (0, -1), (0, 1), (1, 0)]))
        window.set_window(np.ones((1, 3, 4)), np.array([0, 0]), np.array([0, 0]))
        window.currents(np.array([[0.0, 0.0, 2.0]]))
        reference = weakref.ref(window)
        del window
        assert reference() is None
    finally:
        gc.enable()


def test_maps_do_not_depend_on_threads():
    permeability, sources = random_landscape((30, 30))
    windows = MovingWindowCurrent(permeability=permeability, sources=sources, radius=4, batch=200)
    one, three = (
        windows.run(flow_potential=True, normalized=True, executor=SerialExecutor(threads)).maps for threads in (1, 3)
    )
    for name, raster in one.items():
        np.testing.assert_array_equal(three[name], raster)


def test_resumed_run_gives_the_same_maps(tmp_path):
    permeability, sources = random_landscape((20, 20))
    windows = MovingWindowCurrent(permeability=permeability, sources=sources, radius=4, batch=20)
    uninterrupted = windows.run(flow_potential=True)

    def interrupt(done, of, left):
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        windows.run(flow_potential=True, checkpoint=tmp_path, progress=interrupt)
    reports = []
    resumed = windows.run(flow_potential=True, checkpoint=tmp_path, progress=lambda done, *_: reports.append(done))
    assert reports[0] == 6
    for name, raster in uninterrupted.maps.items():
        np.testing.assert_array_equal(resumed.maps[name], raster)
    assert resumed.total == uninterrupted.total
    with pytest.raises(ValueError, match="cannot be continued, because something has changed: potential"):
        windows.run(checkpoint=tmp_path)


def test_rasters_on_disk_give_the_same_maps(tmp_path):
    permeability, sources = random_landscape((20, 20))
    rules = {"radius": 4, "block": 3, "batch": 9}
    files = {}
    for name, raster in (("permeability", permeability), ("sources", sources)):
        files[name] = NpyRaster.create(tmp_path / f"{name}.npy", raster.shape)
        files[name][:, :] = raster
    outputs = {name: NpyRaster.create(tmp_path / f"{name}.npy", (20, 20)) for name in ("current", "normalized_current")}
    MovingWindowCurrent(**files, **rules).run(normalized=True, outputs=outputs)
    in_memory = MovingWindowCurrent(permeability=permeability, sources=sources, **rules).run(normalized=True).maps
    for name, file in outputs.items():
        np.testing.assert_array_equal(np.asarray(file), in_memory[name])
    with pytest.raises(ValueError, match="output is one of the inputs"):
        MovingWindowCurrent(**files, **rules).run(outputs={"current": files["sources"]})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"block": 4}, "block must be an odd number of cells, so that it has a centre, not 4: 3 or 5 would do"),
        ({"radius": 0.5}, "radius .0.5. must reach beyond its cell: at least 1"),
        ({"radius": 2.0, "block": 5}, "must reach beyond a block of 5 × 5 cells: at least 3"),
        ({"radius": -1.0}, "radius must be positive"),
        ({"sources": np.zeros((6, 6))}, "no cell is a source: every source strength in the landscape is 0"),
        ({"sources": np.full((6, 6), 0.5), "source_threshold": 0.7}, "below the threshold of 0.7"),
        ({"sources": None, "resistance_cutoff": 0.5}, "every resistance is above the cutoff of 0.5"),
        ({"sources": None, "permeability": np.zeros((6, 6))}, "the whole landscape is nodata or barriers"),
        ({"pixel_size": (0.0, 1.0)}, r"pixel_size must be two positive lengths .* not \(0.0, 1.0\)"),
        ({"sources": np.ones((5, 6))}, r"source strengths: \(5, 6\) cells, but the landscape has \(6, 6\)"),
        ({"sources": np.full((6, 6), -1.0)}, "source strength is negative or infinite in 36 cells, the first at row 0"),
        ({"permeability": np.full((6, 6), -1.0)}, "permeability is negative in 36 cells"),
        ({"edge_rule": "target"}, "undirected"),
        ({"conditions": [Condition(np.ones((6, 7)))]}, r"condition 1: \(6, 7\) cells"),
        ({"conditions": [Condition(np.diag([np.inf] * 6))]}, "condition 1 is infinite in 6 cells, the first at row 0"),
        (
            {"conditions": [Condition(np.ones((6, 6)), np.full((6, 6), np.nan))]},
            "condition 1 in the future is known in no cell",
        ),
    ],
)
def test_invalid_inputs_raise(changed, message):
    inputs = {"permeability": np.ones((6, 6)), "sources": np.ones((6, 6)), "radius": 3.0, **changed}
    with pytest.raises(ValueError, match=message):
        MovingWindowCurrent(**inputs).run()


@pytest.mark.parametrize("maps", [{"flow_potential": True}, {"normalized": True}])
def test_outputs_that_would_not_be_maps_raise(maps):
    windows, raster = MovingWindowCurrent(permeability=np.ones((6, 6)), radius=2.0), np.empty((6, 6))
    name = "normalized_current" if "normalized" in maps else "flow_potential"
    with pytest.raises(ValueError, match=f"outputs has a raster for '{name}'; the maps to compute are current"):
        windows.run(outputs={name: raster})
    with pytest.raises(ValueError, match="or of the other outputs"):
        windows.run(**maps, outputs={"current": raster, name: raster})


def test_multi_device_executor_raises():
    with pytest.raises(ValueError, match="computed by kernels for the CPU"):
        MovingWindowCurrent(permeability=np.ones((6, 6)), radius=2).run(executor=MultiDeviceExecutor())


def test_raster_without_a_whole_block_raises():
    narrow = {"permeability": np.ones((1, 25)), "radius": 5, "block": 3}
    with pytest.raises(ValueError, match="no window has current: .* use smaller blocks"):
        MovingWindowCurrent(**narrow, as_omniscape=True).run()
    assert MovingWindowCurrent(**narrow).run().total > 0


@pytest.mark.parametrize("corner", [(0, 0), (0, 11), (11, 0), (11, 11)])
def test_strong_source_in_a_corner_sends_all_of_its_current(corner):
    """Omniscape leaves the strong source out of windows near the upper and left edge; by default no current is lost."""
    sources = np.zeros((12, 12))
    sources[4:8, 4:8] = 100.0
    sources[corner] = 1000.0
    rules = {"permeability": np.ones((12, 12)), "sources": sources, "radius": 12, "block": 3}
    assert MovingWindowCurrent(**rules).run().total == pytest.approx(sources.sum(), rel=1e-9)
