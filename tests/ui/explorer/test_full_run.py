"""*Run at full resolution* opens an algorithm with parameters that it accepts."""

import numpy as np
import pytest
from explorer_window import centre
from qgis.core import QgsApplication, QgsProcessingContext, QgsProject

from permea.plugin.layers import ReducedLandscape
from permea.ui.explorer.exploration import Settings
from permea.ui.explorer.full_run import full_run

SETTINGS = Settings(1, "permeability", "queen", "mean")
PLACE, ORIGIN = (centre(10, 10).x(), centre(10, 10).y()), (centre(3, 3).x(), centre(3, 3).y())


@pytest.fixture(scope="module")
def provider(qgis_app, qgis_processing):
    from permea.ui.plugin import PermeaPlugin

    plugin = PermeaPlugin(None)
    plugin.initProcessing()
    yield plugin.provider
    plugin.unload()


@pytest.mark.parametrize("distance", ["leastcost", "resistance", "rsp"])
@pytest.mark.parametrize("quantity", ["distance", "flow", "sensitivity", "elasticity"])
def test_the_algorithm_accepts_the_parameters(provider, layer, distance, quantity):
    QgsProject.instance().addMapLayer(layer)
    run = full_run(layer, SETTINGS, distance, quantity, 0.01, PLACE, [ORIGIN])
    algorithm = QgsApplication.processingRegistry().createAlgorithmById(run.algorithm)
    assert set(run.parameters) <= {definition.name() for definition in algorithm.parameterDefinitions()}
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    destinations = {d.name(): "TEMPORARY_OUTPUT" for d in algorithm.destinationParameterDefinitions()}
    accepted, message = algorithm.checkParameterValues({**destinations, **run.parameters}, context)
    assert accepted, message
    QgsProject.instance().clear()


def test_all_cells_are_represented_by_cells_spread_evenly():
    valid = np.ones((30, 40), bool)
    valid[:, :10] = False
    landscape = ReducedLandscape(np.ones((30, 40)), valid, None, 1)
    cells = landscape.spread_cells(50)
    assert 30 <= len(cells) <= 80
    assert valid[tuple(cells.T)].all()
    one = np.zeros((3, 3), bool)
    one[0, 2] = True
    assert ReducedLandscape(np.ones((3, 3)), one, None, 1).spread_cells(50).tolist() == [[0, 2]]
