"""A coarse preview shows about what the sharp view shows, at any resolution, painted or not."""

import numpy as np
import pytest

from permea.engine.exploration import ExplorationSession, Request, picture_of
from permea.engine.exploration.landscape import coarsened

TARGET = (150, 160)
#: By which a preview may differ, relative to the view at full resolution.
ERROR = 0.15


@pytest.fixture(scope="module")
def session():
    rows, columns = np.mgrid[0:301, 0:290]
    permeability = np.exp(np.sin(rows / 23) + np.cos(columns / 31))
    return ExplorationSession(permeability, np.ones(permeability.shape, bool), pixel_size=(30.0, 30.0))


@pytest.mark.costly_variants
@pytest.mark.parametrize("distance", ["leastcost", "resistance"])
@pytest.mark.parametrize("quantity", ["distance", "flow", "sensitivity"])
def test_a_preview_resembles_the_sharp_view(session, distance, quantity):
    request = Request(TARGET, distance, quantity)
    preview, sharp = session.view(request, preview=True), session.view(request)
    assert (preview.factor, sharp.factor) == (2, 1)
    expected = coarsened(sharp.values, 2)
    assert preview.mean == pytest.approx(sharp.mean, rel=ERROR)
    # Least-cost paths are lines one cell wide at any resolution: there only their sums can be compared.
    if distance == "leastcost" and quantity != "distance":
        cells = 4 if quantity == "sensitivity" else 2
        assert np.nansum(preview.values) * cells == pytest.approx(np.nansum(sharp.values), rel=ERROR)
    else:
        typical = np.abs(expected).mean()
        assert np.median(np.abs(preview.values - expected)) < ERROR * typical


def test_a_preview_follows_the_brush(session):
    request = Request(TARGET, "leastcost")
    before = session.view(request, preview=True).mean
    session.paint_line((100.0, 0.0), (100.0, 289.0), 6.0, 0.0)
    blocked = session.view(request, preview=True)
    assert blocked.unreached > 5_000
    session.undo()
    assert session.view(request, preview=True).mean == before


def test_coarse_cells_hold_the_mean_of_their_cells():
    values = np.arange(15.0).reshape(3, 5)
    assert coarsened(values, 2).tolist() == [[3.0, 5.0, 6.5], [10.5, 12.5, 14.0]]


def test_a_picture_marks_cells_without_a_value():
    values = np.array([[np.nan, 0.0, 5.0, 10.0]])
    assert picture_of(values, "distance").pixels[0, :2].tolist() == [0, 1]
    assert picture_of(values, "flow").pixels[0, 0] == 0
    assert picture_of(np.full((2, 2), np.nan), "sensitivity").pixels.tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("quantity", ["distance", "flow", "sensitivity", "elasticity"])
@pytest.mark.parametrize("values", [np.zeros((3, 3)), np.full((3, 3), np.nan), np.ones((1, 1))])
def test_any_map_has_a_picture(quantity, values):
    picture = picture_of(values, quantity)
    assert picture.low < picture.high
    assert ((picture.pixels == 0) == np.isnan(values)).all()


def test_zero_is_in_the_middle_of_a_change():
    picture = picture_of(np.array([[-2.0, 0.0, 1.0]]), "distance", change=True)
    assert (picture.low, picture.pixels[0, 1]) == (-picture.high, 128)


def test_the_scale_of_a_large_map_takes_all_columns_into_account():
    # A seventh of the values is sampled, and 1001 is divisible by seven.
    values = np.zeros((1001, 1001))
    values[:, 3::7] = 10.0
    assert picture_of(values, "distance").high == 10.0


@pytest.mark.parametrize("quantity", ["flow", "sensitivity"])
def test_the_scale_of_a_large_map_is_that_of_a_short_path(quantity):
    values = np.zeros((1000, 1000))
    values[1, 1:4] = 1e-3
    assert picture_of(values, quantity).high == pytest.approx(1e-3)


def test_an_unknown_quantity_has_no_picture():
    with pytest.raises(ValueError, match="one of distance, flow, sensitivity, elasticity, not 'currents'"):
        picture_of(np.ones((2, 2)), "currents")
