"""Invalid landscapes, parameters and outputs of windowed analyses raise before anything is computed."""

import numpy as np
import pytest

from permea.engine import LCPDistance, ResistanceDistance
from permea.engine.connectivity.dispersal_kernel import ExponentialKernel
from permea.engine.moving_window.analysis import ConnectivityAnalysis, SensitivityAnalysis
from permea.engine.storage.npy_raster import NpyRaster


def landscape(shape=(7, 9)):
    """Permeability with a wall and twelve inactive cells in all."""
    permeability = np.random.default_rng(61).lognormal(size=shape)
    permeability[:, 5] = 0
    permeability[1, 1] = permeability[4, 3] = 0
    permeability[-2:, -2] = permeability[-2, -1] = 0
    return permeability


def habitat(shape=(7, 9)):
    return np.random.default_rng(62).uniform(0.2, 3, shape)


def analysis(kind, distance=None, **changed):
    inputs = {"quality": habitat(), "permeability": landscape(), "dependency_range": 3, "coarsening": 0.8, "batch": 4}
    return kind(distance=distance or LCPDistance(), proximity=ExponentialKernel(1.7), **(inputs | changed))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"permeability": -landscape()}, "permeability is negative in 51 cells, the first at row 0, column 0"),
        ({"permeability": np.full((7, 9), np.inf)}, "permeability is infinite in 63 cells"),
        ({"quality": np.full((7, 9), np.nan)}, "quality is negative, missing or infinite in 51 cells"),
        ({"quality": -habitat()}, "quality is negative, missing or infinite"),
    ],
)
def test_invalid_rasters_raise_with_the_first_cell(changed, message):
    with pytest.raises(ValueError, match=message):
        analysis(SensitivityAnalysis, **changed).run()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"permeability": np.ones((9, 7))}, r"quality has \(7, 9\) cells, permeability \(9, 7\)"),
        ({"dependency_range": -1}, "dependency_range must be a number of cells"),
        ({"coarsening": 1.5}, "coarsening must be between 0 and 1"),
        ({"quality": np.zeros(3)}, r"quality must be a raster \(rows, columns\)"),
    ],
)
def test_invalid_parameters_raise(changed, message):
    with pytest.raises(ValueError, match=message):
        analysis(SensitivityAnalysis, **changed)


def test_unknown_variable_raises():
    with pytest.raises(ValueError, match="wrt must be one of permeability, resistance, quality, not 'cost'"):
        analysis(SensitivityAnalysis).run("cost")


def test_resistance_on_directed_graphs_raises():
    with pytest.raises(ValueError, match="effective resistance needs an undirected graph"):
        analysis(ConnectivityAnalysis, ResistanceDistance(), edge_rule="target").run()


def test_invalid_outputs_raise(tmp_path):
    inputs = {"quality": habitat(), "permeability": landscape()}
    with pytest.raises(ValueError, match="output must hold floating-point numbers"):
        analysis(SensitivityAnalysis, **inputs).run(output=np.zeros(inputs["quality"].shape, int))
    with pytest.raises(ValueError, match="output is one of the inputs"):
        analysis(SensitivityAnalysis, **inputs).run(output=inputs["quality"])
    np.save(tmp_path / "quality.npy", inputs["quality"])
    file = NpyRaster(tmp_path / "quality.npy")
    with pytest.raises(ValueError, match="output is one of the inputs"):
        analysis(SensitivityAnalysis, **{**inputs, "quality": file}).run(output=NpyRaster(file.path))
    np.testing.assert_array_equal(file[:, :], inputs["quality"])
