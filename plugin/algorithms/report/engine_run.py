"""The report of a run of the engine on a raster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from qgis.core import QgsProcessingAlgorithm, QgsProcessingContext

from ...layers import StagedFiles
from ...runner import Result
from ..outputs import RasterOutput
from ..parameter_values import ParameterValues
from ..run_log import RunLog
from ..tables import Table
from .contents import Contents, MapFile
from .page import write_report


def write_run_report(
    algorithm: QgsProcessingAlgorithm,
    inputs: ParameterValues,
    result: Result,
    rasters: Sequence[RasterOutput],
    tables: Sequence[Table],
    paths: Mapping[str, str],
    staged: StagedFiles,
    context: QgsProcessingContext,
    log: RunLog,
) -> dict[str, str]:
    """Write the report of a run of the engine, if it is requested, and return the output by name.

    Parameters
    ----------
    algorithm
        The algorithm.
    inputs, result
        Inputs and result of the engine's task.
    rasters, tables
        Rasters and tables of the run, written or not.
    paths
        File of each raster that was written.
    staged
        Files of the run, with which the report appears.
    context, log
        Context of the run, and its messages.
    """
    maps = [
        MapFile(
            algorithm.presenter.name(raster.output, raster.title),
            staged.file_of(Path(paths[raster.output])),
            raster.style,
            raster.lists_largest,
        )
        for raster in rasters
        if raster.output in paths
    ]
    landscape = inputs.landscape if inputs.has_landscape else None
    numbers = {output.of_run(inputs): result.metrics[output.key] for output in algorithm.number_outputs}
    contents = Contents(
        algorithm,
        inputs.parameters,
        context,
        inputs.grid,
        maps,
        log,
        tables,
        numbers,
        landscape,
        inputs.choice("VALUES") if inputs.has_landscape else "",
    )
    return write_report(contents, staged)
