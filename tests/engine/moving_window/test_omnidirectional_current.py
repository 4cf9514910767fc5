"""Currents in moving windows: equal to Omniscape's outputs, to a window solved densely, and with an exact gradient."""

import gc
import weakref

import numpy as np
import pytest
from permea.engine.moving_window import window_circuit as solving
from permea.engine.moving_window.dispatch.base import SerialExecutor
from permea.engine.moving_window.dispatch.dask import DaskExecutor
from permea.engine.moving_window.dispatch.devices import MultiDeviceExecutor
from permea.engine.moving_window.omnidirectional_current import MovingWindowCurrent
from permea.engine.moving_window.source_strengths import Condition
from permea.engine.storage.npy_raster import NpyRaster
from reference_windows import map_by_hand

# Omniscape solves iteratively, to about as many digits.
DIGITS_OF_OMNISCAPE = 5e-5


@pytest.fixture
def omniscape(reference_data):
    """Read a raster of Omniscape's tests, NaN where it has no data."""

    def read(name):
        path = reference_data / "omniscape" / f"{name}.asc"
        nodata = float(path.read_text().splitlines()[5].split()[1])
        values = np.loadtxt(path, skiprows=6)
        return np.where(values == nodata, np.nan, values)

    return read


def test_a_raster_of_sources_gives_the_map_of_omniscape(omniscape):
    found = MovingWindowCurrent(
        permeability=1 / omniscape("input/resistance"),
        sources=omniscape("input/source"),
        radius=5,
        buffer=2,
        block=3,
        source_threshold=0.2,
    ).run()
    expected = omniscape("output_verify/test2/cum_currmap")
    np.testing.assert_allclose(found.maps["current"], expected, rtol=DIGITS_OF_OMNISCAPE)


def test_sources_from_resistance_give_the_maps_of_omniscape(omniscape):
    landscape = 1 / omniscape("input/resistance1")
    found = MovingWindowCurrent(permeability=landscape, radius=5, block=3, resistance_cutoff=0.25).run(
        flow_potential=True, normalized=True
    )
    current, potential = (omniscape(f"output_verify/test3/{name}") for name in ("cum_currmap", "flow_potential"))
    np.testing.assert_allclose(found.maps["current"], current, rtol=DIGITS_OF_OMNISCAPE)
    np.testing.assert_allclose(found.maps["flow_potential"], potential, rtol=DIGITS_OF_OMNISCAPE)
    np.testing.assert_allclose(found.maps["normalized_current"], current / potential, rtol=2 * DIGITS_OF_OMNISCAPE)


def rough(shape=(11, 13), seed=5):
    """Permeability with barriers, and sources in two thirds of the cells."""
    chance = np.random.default_rng(seed)
    permeability = np.exp(chance.normal(size=shape))
    permeability[chance.uniform(size=shape) < 0.15] = np.nan
    permeability[4:6, 3:9] = 0.0
    sources = np.where(chance.uniform(size=shape) < 0.66, chance.uniform(0.5, 2.0, shape), 0.0)
    return permeability, sources


@pytest.mark.parametrize(
    "choices",
    [
        {"radius": 3.0},
        {"radius": 3.0, "block": 3, "buffer": 1.0, "neighbors": "rook"},
        {"radius": 4.2, "block": 3, "edge_rule": "resistance"},
        {"radius": 100.0, "block": 1, "pixel_size": (20.0, 35.0)},
        {"radius": 30.0, "block": 5},
    ],
)
def test_a_map_is_the_sum_of_windows_solved_densely(choices):
    permeability, sources = rough()
    landscape = MovingWindowCurrent(
        permeability=permeability, sources=sources, as_omniscape=False, correct_artifacts=False, **choices
    )
    maps = landscape.run(flow_potential=True, normalized=True).maps
    current, potential = map_by_hand(permeability, sources, **choices)
    np.testing.assert_allclose(maps["current"], current, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(maps["flow_potential"], potential, rtol=1e-6, atol=1e-9)
    known = potential > 0
    np.testing.assert_allclose(maps["normalized_current"][known], (current / potential)[known], rtol=1e-5, atol=1e-8)


def test_away_from_the_edge_omniscape_and_we_agree():
    permeability, sources = np.exp(np.random.default_rng(2).normal(size=(27, 27))), np.zeros((27, 27))
    sources[9:18, 9:18] = 1.0
    choices = {"permeability": permeability, "sources": sources, "radius": 5, "block": 3, "buffer": 2}
    ours, omniscapes = (MovingWindowCurrent(as_omniscape=same, **choices).run() for same in (False, True))
    np.testing.assert_allclose(ours.maps["current"], omniscapes.maps["current"], rtol=1e-12)


def test_where_nothing_resists_blocks_do_not_show():
    flat = {"permeability": np.ones((45, 45)), "radius": 7, "buffer": 0}
    fine = MovingWindowCurrent(**flat).run().maps["current"]
    corrected, raw = (
        MovingWindowCurrent(block=5, correct_artifacts=yes, **flat).run().maps["current"] for yes in (True, False)
    )
    middle = (slice(15, 30), slice(15, 30))
    roughness = [np.ptp(found[middle]) / found[middle].mean() for found in (fine, corrected, raw)]
    # What the windows of a block's outer cells hold beyond that of its centre cannot be made up for.
    assert roughness[0] < 1e-9 and roughness[1] < 0.1 < 0.4 < roughness[2], roughness
    np.testing.assert_allclose(corrected[middle], fine[middle], rtol=0.1)


def test_all_current_arrives_where_all_sources_are_joined():
    sources = np.random.default_rng(4).uniform(size=(12, 9))
    open_land = MovingWindowCurrent(
        permeability=np.ones((12, 9)), sources=sources, radius=3, block=3, as_omniscape=False
    )
    assert open_land.run().total == pytest.approx(sources.sum(), rel=1e-9)


def test_no_current_crosses_a_wall_and_its_cells_have_none():
    land, sources = np.ones((9, 11)), np.ones((9, 11))
    land[:, 5] = 0.0
    sources[:, 6:] = 0.0
    current = MovingWindowCurrent(permeability=land, sources=sources, radius=8).run().maps["current"]
    assert np.isnan(current[:, 5]).all() and (current[:, 6:] == 0).all() and (current[:, :5] > 0).all()


def suitable(condition):
    """Return which sources suit the target of a block, for `map_by_hand`, by the textbook."""
    future = condition.present if condition.future is None else condition.future

    def suits(own):
        block = future[own][~np.isnan(future[own])]
        if not block.size:
            return np.ones(future.shape, bool)
        if condition.comparison == "within":
            away = condition.present - np.median(block)
            return np.isnan(away) | ((away >= condition.lower) & (away <= condition.upper))
        values, counts = np.unique(block, return_counts=True)
        return np.isnan(condition.present) | (condition.present == values[counts.argmax()])

    return suits


def weather(shape, seed):
    """A property with four values, unknown in a few cells, and in a whole block."""
    chance = np.random.default_rng(seed)
    climate = chance.integers(0, 4, shape).astype(float)
    climate[chance.uniform(size=shape) < 0.1] = np.nan
    climate[3:6, 6:9] = np.nan
    return climate


@pytest.mark.parametrize(
    "kinds",
    [
        [{"comparison": "within", "lower": -1.0, "upper": 0.0}],
        [{"comparison": "within", "upper": -1.0, "lower": -np.inf, "future": 1.0}],
        [{"comparison": "equal"}],
        [{"comparison": "equal", "future": 1.0}, {"comparison": "within", "lower": -2.0, "upper": 0.0}],
    ],
)
def test_only_sources_that_meet_all_conditions_send_current(kinds):
    permeability, sources = rough()
    conditions = []
    for seed, kind in enumerate(kinds, start=8):
        climate, warmer = weather(permeability.shape, seed), kind.get("future")
        rest = {name: value for name, value in kind.items() if name != "future"}
        conditions.append(Condition(climate, None if warmer is None else climate + warmer, **rest))
    land = {"permeability": permeability, "sources": sources, "radius": 4.0, "block": 3}
    found = MovingWindowCurrent(conditions=conditions, as_omniscape=False, correct_artifacts=False, **land).run()
    expected = map_by_hand(conditions=[suitable(each) for each in conditions], **land)[0]
    np.testing.assert_allclose(found.maps["current"], expected, rtol=1e-6, atol=1e-9)
    assert 0 < np.nansum(expected) < 0.9 * np.nansum(map_by_hand(**land)[0])


def test_conditions_that_no_source_meets_are_refused_instead_of_a_map_of_zeros():
    height = np.arange(36.0).reshape(6, 6)
    land = MovingWindowCurrent(permeability=np.ones((6, 6)), radius=2.0, conditions=[Condition(height, height + 100)])
    with pytest.raises(ValueError, match="no current arrives at any target: .* suits"):
        land.run()


def nudged(raster, cell, step):
    changed = raster.copy()
    changed[cell] += step
    return changed


@pytest.mark.parametrize("widest", [solving.MAX_FACTORED_WIDTH, 2])
@pytest.mark.parametrize(
    ("respect_to", "given", "choices"),
    [
        ("permeability", True, {}),
        ("permeability", False, {"resistance_cutoff": 1.0, "edge_rule": "resistance"}),
        ("resistance", True, {"as_omniscape": False, "neighbors": "rook"}),
        ("sources", True, {"block": 3, "source_threshold": 0.6, "buffer": 1.0}),
        ("permeability", False, {"conditions": True}),
        ("sources", True, {"conditions": True}),
    ],
)
def test_the_gradient_is_that_of_finite_differences(widest, respect_to, given, choices):
    permeability, sources = rough((8, 9))
    weights = np.random.default_rng(6).uniform(size=permeability.shape)
    rules = {"radius": 3.0, "max_factored_width": widest, **choices}
    if "conditions" in choices:
        rules["conditions"] = [Condition(weather(permeability.shape, 9), comparison="equal")]

    def total(permeability, sources):
        land = MovingWindowCurrent(permeability=permeability, sources=sources if given else None, **rules)
        return np.nansum(weights * land.run().maps["current"])

    land = MovingWindowCurrent(permeability=permeability, sources=sources if given else None, **rules)
    found = land.gradient(weights, respect_to)
    assert found.total == pytest.approx(total(permeability, sources), rel=1e-9)
    assert (np.isnan(found.raster) == ~(permeability > 0)).all()
    cells = [tuple(cell) for cell in np.argwhere((permeability > 0) & (sources > 0.7))[::7]]
    step = 1e-6
    for cell in cells:
        if respect_to == "sources":
            ends = [total(permeability, nudged(sources, cell, way * step)) for way in (1, -1)]
        elif respect_to == "permeability":
            ends = [total(nudged(permeability, cell, way * step), sources) for way in (1, -1)]
        else:
            resistance = 1 / np.where(permeability > 0, permeability, np.nan)
            ends = [total(1 / nudged(resistance, cell, way * step), sources) for way in (1, -1)]
        assert found.raster[cell] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=2e-5, abs=2e-6)
    own = {
        "permeability": permeability,
        "resistance": 1 / np.where(permeability > 0, permeability, 1.0),
        "sources": sources,
    }[respect_to]
    there = permeability > 0
    relative = land.gradient(weights, respect_to, elasticity=True).raster
    np.testing.assert_allclose(relative[there], (found.raster * own)[there], rtol=1e-12, atol=1e-12)


def test_windows_too_wide_for_a_factor_give_the_same_map():
    permeability, sources = rough((20, 20))
    rules = {"permeability": permeability, "sources": sources, "radius": 6, "block": 3}
    factored = MovingWindowCurrent(**rules).run(flow_potential=True).maps
    solved = MovingWindowCurrent(max_factored_width=2, **rules).run(flow_potential=True).maps
    for name, raster in factored.items():
        np.testing.assert_allclose(solved[name], raster, rtol=1e-7, atol=1e-9)


def test_a_window_is_freed_with_its_factor_as_soon_as_it_is_let_go():
    gc.disable()
    try:
        window = solving.WindowCircuit(np.ones((1, 3), bool), np.array([(-1, 0), (0, -1), (0, 1), (1, 0)]))
        window.set_window(np.ones((1, 3, 4)), np.array([0, 0]), np.array([0, 0]))
        window.currents(np.array([[0.0, 0.0, 2.0]]))
        watched = weakref.ref(window)
        del window
        assert watched() is None
    finally:
        gc.enable()


def test_the_number_of_threads_does_not_matter_to_the_last_bit():
    permeability, sources = rough((30, 30))
    land = MovingWindowCurrent(permeability=permeability, sources=sources, radius=4, batch=200)
    alone, together = (
        land.run(flow_potential=True, normalized=True, executor=SerialExecutor(threads)).maps for threads in (1, 3)
    )
    for name, raster in alone.items():
        np.testing.assert_array_equal(together[name], raster)


def test_a_cluster_gives_the_same_to_the_last_bit():
    distributed = pytest.importorskip("distributed")
    permeability, sources = rough((23, 31))
    land = MovingWindowCurrent(permeability=permeability, sources=sources, radius=4, block=3, batch=6)
    # Workers compile as this process does, and do not check annotations.
    how = {"dashboard_address": None, "silence_logs": 50, "env": {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}}
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, **how) as cluster:
        together = land.run(normalized=True, executor=DaskExecutor(cluster.scheduler_address))
    alone = land.run(normalized=True)
    assert together.total == alone.total
    for name, raster in alone.maps.items():
        np.testing.assert_array_equal(together.maps[name], raster)


def test_a_run_that_was_ended_goes_on_where_it_was_and_gives_the_same(tmp_path):
    permeability, sources = rough((20, 20))
    land = MovingWindowCurrent(permeability=permeability, sources=sources, radius=4, batch=20)
    at_once = land.run(flow_potential=True)

    def stop(done, of, left):
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        land.run(flow_potential=True, checkpoint=tmp_path, progress=stop)
    heard = []
    again = land.run(flow_potential=True, checkpoint=tmp_path, progress=lambda done, *_: heard.append(done))
    assert heard[0] == 6
    for name, raster in at_once.maps.items():
        np.testing.assert_array_equal(again.maps[name], raster)
    assert again.total == at_once.total
    with pytest.raises(ValueError, match="cannot be continued, because something has changed: potential"):
        land.run(checkpoint=tmp_path)


def test_rasters_on_disk_are_never_held_and_give_the_same(tmp_path):
    permeability, sources = rough((20, 20))
    rules = {"radius": 4, "block": 3, "batch": 9}
    files = {}
    for name, raster in (("permeability", permeability), ("sources", sources)):
        files[name] = NpyRaster.create(tmp_path / f"{name}.npy", raster.shape)
        files[name][:, :] = raster
    outputs = {name: NpyRaster.create(tmp_path / f"{name}.npy", (20, 20)) for name in ("current", "normalized_current")}
    MovingWindowCurrent(**files, **rules).run(normalized=True, outputs=outputs)
    held = MovingWindowCurrent(permeability=permeability, sources=sources, **rules).run(normalized=True).maps
    for name, file in outputs.items():
        np.testing.assert_array_equal(np.asarray(file), held[name])
    with pytest.raises(ValueError, match="output is one of the inputs"):
        MovingWindowCurrent(**files, **rules).run(outputs={"current": files["sources"]})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"block": 4}, "block must be an odd number of cells, so that it has a centre, not 4: 3 or 5 would do"),
        ({"radius": 0.5}, "radius .0.5. must reach beyond its cell: at least 1"),
        ({"radius": 2.0, "block": 5}, "must reach beyond a block of 5 × 5 cells: at least 3"),
        ({"radius": -1.0}, "radius must be positive"),
        ({"sources": np.zeros((6, 6))}, "no cell is a source: every source strength in the landscape is 0"),
        ({"sources": np.full((6, 6), 0.5), "source_threshold": 0.7}, "below the threshold of 0.7"),
        ({"sources": None, "resistance_cutoff": 0.5}, "every resistance is above the cutoff of 0.5"),
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
def test_what_is_no_landscape_is_refused(wrong, message):
    given = {"permeability": np.ones((6, 6)), "sources": np.ones((6, 6)), "radius": 3.0, **wrong}
    with pytest.raises(ValueError, match=message):
        MovingWindowCurrent(**given).run()


def test_other_devices_are_refused():
    with pytest.raises(ValueError, match="computed by kernels for the CPU"):
        MovingWindowCurrent(permeability=np.ones((6, 6)), radius=2).run(executor=MultiDeviceExecutor())


def test_a_raster_without_a_whole_block_is_refused_instead_of_a_map_of_zeros():
    narrow = {"permeability": np.ones((1, 25)), "radius": 5, "block": 3}
    with pytest.raises(ValueError, match="no window has current: .* take smaller blocks"):
        MovingWindowCurrent(**narrow).run()
    assert MovingWindowCurrent(**narrow, as_omniscape=False).run().total > 0
