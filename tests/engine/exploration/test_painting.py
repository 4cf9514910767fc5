"""Painting changes the view as a landscape with these values would, and can be undone."""

import numpy as np
import pytest

from permea.engine.exploration import ExplorationSession, Request
from permea.engine.exploration.brush import cells_near

TARGET = (5, 5)
STROKES = {"block": 0.0, "restore": 30.0}


def rough(rows=40, columns=52):
    return np.random.default_rng(1).lognormal(sigma=1.5, size=(rows, columns))


def session_of(permeability, **options):
    return ExplorationSession(permeability, np.ones(permeability.shape, bool), **options)


@pytest.mark.parametrize("value", STROKES.values(), ids=STROKES)
@pytest.mark.parametrize("distance", ["leastcost", "resistance"])
@pytest.mark.parametrize("quantity", ["distance", "flow", "sensitivity"])
def test_a_painted_landscape_is_one_with_these_values(distance, quantity, value):
    permeability, request = rough(), Request(TARGET, distance, quantity)
    session = session_of(permeability)
    original = session.view(request)
    session.paint_line((10.0, 20.0), (25.0, 24.0), 3.0, value)
    painted = permeability.copy()
    painted[tuple(cells_near((10.0, 20.0), (25.0, 24.0), 3.0, permeability.shape).T)] = value
    expected, shown = session_of(painted).view(request), session.view(request)
    scale = np.nanmax(np.abs(expected.values))
    np.testing.assert_allclose(shown.values, expected.values, atol=2e-4 * scale)
    assert shown.mean == pytest.approx(expected.mean, rel=1e-8)
    assert shown.mean_before == original.mean
    change = session.view(request._replace(change=True)).values
    both = np.isfinite(original.values) & np.isfinite(expected.values)
    np.testing.assert_allclose(change[both], (expected.values - original.values)[both], atol=2e-4 * scale)


def test_many_strokes_one_after_the_other_stay_exact():
    rng, permeability = np.random.default_rng(2), rough()
    session = session_of(permeability)
    for number in range(12):
        spot = rng.uniform(8, 40, 2)
        start, end = tuple(spot.tolist()), tuple((spot + 4).tolist())
        session.paint_line(start, end, 2.5, (0.0, 8.0, 0.05)[number % 3])
        shown = session.view(Request(TARGET, "resistance"))
    fresh = session_of(session.permeability).view(Request(TARGET, "resistance"))
    assert shown.mean == pytest.approx(fresh.mean, rel=1e-8)
    np.testing.assert_allclose(shown.values, fresh.values, atol=1e-4 * np.nanmax(fresh.values))


def test_undo_and_redo():
    session = session_of(rough())
    states = [session.permeability.copy()]
    for value in (0.0, 5.0):
        session.paint_line((10.0, 10.0), (10.0, 20.0), 2.0, value)
        session.paint_line((10.0, 20.0), (12.0, 20.0), 2.0, value, extend=True)
        states.append(session.permeability.copy())
    assert (session.strokes, session.undone_strokes) == (2, 0)
    assert session.undo()
    assert (session.permeability == states[1]).all()
    assert session.undo()
    assert (session.permeability == states[0]).all()
    assert session.painted_cells == 0
    assert not session.undo()
    assert session.redo()
    assert session.redo()
    assert (session.permeability == states[2]).all()
    assert not session.redo()
    session.undo()
    session.paint([(0, 0)], 9.0)
    assert session.undone_strokes == 0


@pytest.mark.parametrize("distance", ["leastcost", "resistance"])
def test_undone_strokes_leave_no_trace_in_a_view(distance):
    session = session_of(rough())
    before = session.view(Request(TARGET, distance))
    session.paint_line((20.0, 3.0), (20.0, 40.0), 1.0, 0.0)
    session.view(Request(TARGET, distance))
    session.undo()
    after = session.view(Request(TARGET, distance))
    assert after.mean == pytest.approx(before.mean, rel=1e-8)
    assert after.mean_before == pytest.approx(before.mean, rel=1e-8)


def test_the_landscape_of_input_is_never_changed():
    permeability = rough()
    copy = permeability.copy()
    session = session_of(permeability)
    session.view(Request(TARGET))
    session.paint_line((10.0, 10.0), (10.0, 20.0), 4.0, 0.0)
    session.view(Request(TARGET))
    assert (permeability == copy).all()


def test_painted_values_are_in_the_quantity_of_the_raster():
    session = ExplorationSession(np.full((4, 4), 2.0), np.ones((4, 4), bool), values="resistance")
    session.paint([(1, 1)], 8.0)
    session.paint([(2, 2)], 0.0)
    painted = session.painted()
    assert (painted[1, 1], painted[2, 2]) == (8.0, 0.0)
    assert np.isnan(painted).sum() == 14
    assert session.permeability[1, 1] == 0.125


def test_a_cell_without_data_can_be_opened():
    valid = np.ones((3, 5), bool)
    valid[:, 2] = False
    session = ExplorationSession(np.ones((3, 5)), valid)
    assert session.view(Request((0, 0))).unreached == 6
    assert session.view(Request((0, 0), "resistance")).unreached == 6
    session.paint([(1, 2)], 1.0)
    assert session.view(Request((0, 0))).unreached == 0
    bridged = session.view(Request((0, 0), "resistance"))
    assert bridged.unreached == 0
    assert np.isfinite(bridged.values[:, 3:]).all()


def test_the_brush_paints_a_disc_along_a_line_and_the_cell_below_it():
    assert cells_near((2.5, 2.5), (2.5, 2.5), 1.0, (5, 5)).tolist() == [[1, 2], [2, 1], [2, 2], [2, 3], [3, 2]]
    assert cells_near((0.1, 0.1), (0.1, 0.1), 0.0, (5, 5)).tolist() == [[0, 0]]
    assert cells_near((-3.0, -3.0), (-3.0, -3.0), 1.0, (5, 5)).size == 0
    assert len(cells_near((0.5, 0.5), (9.5, 9.5), 0.8, (10, 10))) == 28


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_a_value_that_no_cell_can_have_is_refused(value):
    with pytest.raises(ValueError, match="0 or more"):
        session_of(np.ones((3, 3))).paint([(0, 0)], value)
