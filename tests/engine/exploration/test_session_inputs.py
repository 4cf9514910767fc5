"""What a session refuses, and places and origins that are barriers before or after painting."""

import numpy as np
import pytest

from permea.engine.exploration import DISTANCES, ExplorationSession, Request


@pytest.mark.parametrize(
    ("values", "value", "message"),
    [
        ("permeability", -1.0, "permeability is not a number of 0 or more in 1 cell, the first at row 1, column 2"),
        ("permeability", np.nan, "permeability is not a number of 0 or more"),
        ("resistance", np.inf, "resistance is not a number above 0"),
        ("resistance", 0.0, "resistance is not a number above 0 in 1 cell"),
    ],
)
def test_invalid_values_are_refused(values, value, message):
    landscape, valid = np.ones((3, 4)), np.ones((3, 4), bool)
    landscape[1, 2] = value
    with pytest.raises(ValueError, match=message):
        ExplorationSession(landscape, valid, values=values)
    valid[1, 2] = False
    assert not ExplorationSession(landscape, valid, values=values).is_passable((1, 2))


@pytest.mark.costly
@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("change", [False, True])
def test_a_target_may_have_been_a_barrier_before_painting(distance, change):
    landscape = np.ones((6, 7))
    landscape[2, 3] = 0.0
    session = ExplorationSession(landscape, np.ones((6, 7), bool))
    session.paint([(2, 3)], 1.0)
    expected = ExplorationSession(np.ones((6, 7)), np.ones((6, 7), bool))
    for quantity in ("distance", "flow", "sensitivity"):
        request = Request((2, 3), distance, quantity, theta=0.5)
        view = session.view(request._replace(change=change))
        assert np.isnan(view.mean_before)
        assert view.mean == pytest.approx(expected.view(request).mean)
        if not change:
            np.testing.assert_allclose(view.values, expected.view(request).values, atol=1e-4)


@pytest.mark.parametrize("distance", DISTANCES)
def test_origins_that_are_barriers_reach_nothing(distance):
    landscape = np.ones((6, 7))
    landscape[4, 4] = 0.0
    session = ExplorationSession(landscape, np.ones((6, 7), bool))
    for quantity in ("distance", "flow", "sensitivity"):
        view = session.view(Request((0, 0), distance, quantity, origins=((4, 4),), theta=0.5))
        assert np.isnan(view.mean)
        assert view.origins == 0
        if quantity != "distance":
            assert np.nansum(np.abs(view.values)) == 0
