"""Task about barriers: agreement with the library, and refusals."""

import numpy as np
import pytest
from reference_restoration import grid_of, walled
from worker_process import DONE, REFUSED, run_job

from permea.engine import LCPDistance, ResistanceDistance
from permea.engine.graph.focal_nodes import FocalNodes
from permea.engine.restoration import (
    LeastCostRestoration,
    PointResistanceRestoration,
    RegionResistanceRestoration,
    barrier_map,
    disc_restoration,
)

LANDSCAPE = walled()
IDS = np.array([1, 1, 2, 3])
CELLS = np.array([[0, 0], [0, 1], [6, 0], [0, 7]])
POINTS = {"focal_ids": IDS[1:], "focal_cells": CELLS[1:]}
REGIONS = {"focal_ids": IDS, "focal_cells": CELLS}


def run(folder, parameters, focal):
    valid = np.ones(LANDSCAPE.shape, bool)
    valid[0, 4] = False
    parameters = {"theta": 0.1, "cost": "inverse", "pixel_size": [2.0, 3.0], **parameters}
    return valid, run_job(folder, "flow.barriers", parameters, landscape=LANDSCAPE, valid=valid, **focal)


@pytest.mark.costly_variants
@pytest.mark.parametrize("focal", [POINTS, REGIONS], ids=["points", "regions"])
@pytest.mark.parametrize(("distance", "radius"), [("leastcost", None), ("leastcost", 4.0), ("resistance", None)])
def test_restoration_gain_matches_library(tmp_path, distance, radius, focal):
    requested = {"distance": distance, "restored_permeability": 2.0, "restored_radius": radius}
    valid, ended = run(tmp_path, requested, focal)
    assert ended.status == DONE, ended.log
    grid = grid_of(LANDSCAPE)
    nodes = FocalNodes.from_cells(focal["focal_ids"], *focal["focal_cells"].T, grid.shape)
    if distance == "resistance":
        kind, measure = (
            (RegionResistanceRestoration if focal is REGIONS else PointResistanceRestoration),
            ResistanceDistance(),
        )
        expected = kind(grid, nodes).evaluate(2.0, valid)
    else:
        costs, measure = LeastCostRestoration(grid, nodes), LCPDistance()
        expected = disc_restoration(costs, radius, 2.0, valid) if radius else costs.evaluate(2.0, valid)
    np.testing.assert_allclose(ended.output("restored_gain"), expected.gain, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(ended.output("gain"), barrier_map(grid, nodes, measure).gain, rtol=1e-8, atol=1e-10)
    finite = expected.gain[np.isfinite(expected.gain)]
    assert ended.metrics["largest_restored_gain"] == pytest.approx(finite.max())
    assert ended.metrics["newly_connecting_cells"] == (expected.n_newly_connected > 0).sum() > 0


@pytest.mark.parametrize(
    ("distance", "radius", "words"),
    [
        ("rsp", None, "the gain of restoring a cell is not known for the distance rsp; it is for least cost and"),
        ("resistance", 3.0, "the gain of restoring a disc is not known for the distance resistance; it is for least"),
    ],
)
def test_unknown_restoration_gain_is_refused(tmp_path, distance, radius, words):
    requested = {"distance": distance, "restored_permeability": 2.0, "restored_radius": radius}
    _, ended = run(tmp_path, requested, POINTS)
    assert ended.status == REFUSED and words in ended.error["text"]
