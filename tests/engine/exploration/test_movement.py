"""A view shows what the engine's own functions compute, on landscapes with barriers and cells without data."""

import numpy as np
import pytest

from permea.engine import GridGraph, LCPDistance, MeanPathLength, ResistanceDistance, RSPDistance, sensitivity
from permea.engine.exploration import ExplorationSession, Request

THETA, TARGET, ORIGIN, PIXEL_SIZE = 0.3, (10, 9), (1, 1), (2.0, 3.0)
each_graph = pytest.mark.parametrize(("neighbors", "edge_rule"), [("queen", "mean"), ("rook", "resistance")])
each_distance = pytest.mark.parametrize(
    "distance", ["leastcost", "resistance", pytest.param("rsp", marks=pytest.mark.long)]
)


def landscape_with_a_wall():
    permeability = np.random.default_rng(0).lognormal(size=(12, 11))
    permeability[3:7, 5] = 0
    valid = np.ones(permeability.shape, bool)
    valid[0, 8:] = False
    return permeability, valid


def explored(values="permeability", neighbors="queen", edge_rule="mean"):
    permeability, valid = landscape_with_a_wall()
    passable = valid & (permeability > 0)
    raster = permeability if values == "permeability" else 1 / np.where(passable, permeability, 1.0)
    options = {"neighbors": neighbors, "edge_rule": edge_rule, "pixel_size": PIXEL_SIZE}
    grid = GridGraph(np.where(passable, permeability, 0.0), **options)
    known = valid if values == "permeability" else passable
    return ExplorationSession(raster, known, values=values, **options), grid


def largest_error(values, reference):
    known = np.isfinite(reference)
    assert (np.isfinite(values) == known).all()
    return np.abs(values[known] - reference[known]).max() / np.abs(reference[known]).max()


@pytest.mark.costly_variants
@each_graph
def test_least_costs_and_their_sensitivity(neighbors, edge_rule):
    session, grid = explored(neighbors=neighbors, edge_rule=edge_rule)
    to_place = np.asarray(grid.node_values_to_array(LCPDistance()(grid, None, [TARGET])[:, 0]))
    assert largest_error(session.view(Request(TARGET)).values, to_place) < 1e-14
    exact = sensitivity(MeanPathLength(LCPDistance()), grid, None, [TARGET])
    shown = session.view(Request(TARGET, quantity="sensitivity"))
    assert shown.mean == pytest.approx(exact.connectivity, rel=1e-13)
    assert largest_error(shown.values, exact.raster) < 1e-13


@pytest.mark.costly_variants
@each_graph
def test_with_one_origin_the_voltage_is_the_effective_resistance(neighbors, edge_rule):
    session, grid = explored(neighbors=neighbors, edge_rule=edge_rule)
    exact = sensitivity(MeanPathLength(ResistanceDistance()), grid, [ORIGIN], [TARGET])
    shown = session.view(Request(TARGET, "resistance", "sensitivity", (ORIGIN,)))
    assert shown.mean == pytest.approx(exact.connectivity, rel=1e-9)
    assert largest_error(shown.values, exact.raster) < 1e-4
    assert session.view(Request(TARGET, "resistance", origins=(ORIGIN,))).values[TARGET] == 0


@pytest.mark.long
def test_randomized_shortest_paths():
    session, grid = explored()
    distance = RSPDistance(THETA)
    request = Request(TARGET, "rsp", theta=THETA)
    to_place = np.asarray(grid.node_values_to_array(distance(grid, None, [TARGET])[:, 0]))
    assert largest_error(session.view(request).values, to_place) < 1e-12
    exact = sensitivity(MeanPathLength(distance), grid, None, [TARGET])
    shown = session.view(request._replace(quantity="sensitivity"))
    assert shown.mean == pytest.approx(exact.connectivity, rel=1e-12)
    assert largest_error(shown.values, exact.raster) < 1e-12


@pytest.mark.parametrize("edge_rule", ["mean", "resistance"])
@pytest.mark.parametrize("values", ["permeability", "resistance"])
@pytest.mark.parametrize("distance", ["leastcost", "resistance"])
def test_sensitivity_is_the_effect_of_a_small_change(distance, values, edge_rule):
    session, _ = explored(values, edge_rule=edge_rule)
    cell, step = (6, 6), 1e-4
    value = 1 / session.permeability[cell] if values == "resistance" else session.permeability[cell]
    effect = session.view(Request(TARGET, distance, "sensitivity")).values[cell]
    relative = session.view(Request(TARGET, distance, "elasticity")).values[cell]
    session.paint([cell], value * (1 + step))
    higher = session.view(Request(TARGET, distance)).mean
    session.paint([cell], value * (1 - step))
    lower = session.view(Request(TARGET, distance)).mean
    assert effect == pytest.approx((higher - lower) / (2 * step * value), rel=2e-3)
    assert relative == pytest.approx(effect * value, rel=1e-12)


@each_distance
def test_all_movement_passes_the_target(distance):
    session, _ = explored()
    flow = session.view(Request(TARGET, distance, "flow", theta=THETA)).values
    assert flow[TARGET] == pytest.approx(1, abs=1e-4)
    assert np.nanmax(flow) <= 1 + 1e-4
    assert np.nanmin(flow) >= 0


@each_distance
def test_cells_beyond_a_barrier_do_not_count(distance):
    permeability = np.ones((4, 7))
    permeability[:, 3] = 0
    session = ExplorationSession(permeability, np.ones((4, 7), bool))
    view = session.view(Request((0, 0), distance, theta=THETA))
    assert (view.origins, view.unreached) == (11, 12)
    assert np.isnan(view.values[:, 3:]).all()
    alone = ExplorationSession(permeability[:, :3], np.ones((4, 3), bool))
    assert view.mean == pytest.approx(alone.view(Request((0, 0), distance, theta=THETA)).mean, rel=1e-6)


@each_distance
@pytest.mark.parametrize("quantity", ["distance", "flow", "sensitivity", "elasticity"])
def test_an_isolated_target_has_no_mean_and_nothing_raises(distance, quantity):
    permeability = np.ones((3, 5))
    permeability[:, 1] = 0
    permeability[1:, 0] = 0
    session = ExplorationSession(permeability, np.ones((3, 5), bool))
    view = session.view(Request((0, 0), distance, quantity, theta=THETA))
    assert np.isnan(view.mean)
    assert (view.origins, view.unreached) == (0, 9)


def test_origins_that_are_barriers_are_left_out():
    session, _ = explored()
    both = session.view(Request(TARGET, origins=(ORIGIN, (4, 5))))
    assert both.mean == session.view(Request(TARGET, origins=(ORIGIN,))).mean
