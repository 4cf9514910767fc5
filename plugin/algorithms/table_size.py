"""Long tables: rejected before the run if their rows do not fit in memory; the time to write them is estimated."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputLayerDefinition,
)

from ..byte_sizes import format_bytes
from ..i18n import tr
from ..runner import SECONDS_WITHOUT_ESTIMATE, format_duration, free_memory

# A feature of a memory layer with five attributes, as measured.
BYTES_PER_ROW = 700

# Seconds to make, write and read back a row with five attributes, as measured with a GeoPackage.
SECONDS_PER_ROW = 1.5e-5


def check_rows(
    algorithm: QgsProcessingAlgorithm,
    parameters: dict[str, Any],
    output: str,
    rows: int,
    feedback: QgsProcessingFeedback,
) -> None:
    """Reject a table that does not fit, as `require_rows_fit` does, and log how long writing a long one takes.

    Parameters
    ----------
    algorithm, parameters, output, rows
        As for `require_rows_fit`.
    feedback
        Receives the estimate.
    """
    require_rows_fit(algorithm, parameters, output, rows)
    seconds = rows * SECONDS_PER_ROW
    if parameters.get(output) in (None, "") or seconds < SECONDS_WITHOUT_ESTIMATE:
        return
    feedback.pushInfo(
        tr("{output} has {rows:# row|# rows}: writing them takes about {duration}, after the computation.").format(
            output=algorithm.parameterDefinition(output).description(), rows=rows, duration=format_duration(seconds)
        )
    )


def require_rows_fit(algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], output: str, rows: int) -> None:
    """Raise an error if a table is to be a temporary layer that the free memory cannot hold.

    Parameters
    ----------
    algorithm, parameters
        The algorithm, and its parameters as passed by Processing.
    output
        Name of the table's output parameter.
    rows
        Number of rows.

    Raises
    ------
    QgsProcessingException
        Says how many rows there are, and what to choose instead.
    """
    value = parameters.get(output)
    if isinstance(value, QgsProcessingOutputLayerDefinition):
        value = value.sink.staticValue()
    in_memory = value == QgsProcessing.TEMPORARY_OUTPUT or str(value).startswith("memory:")
    free = free_memory()
    if not in_memory or free is None or rows * BYTES_PER_ROW <= free:
        return
    definition = algorithm.parameterDefinition(output)
    raise QgsProcessingException(
        tr(
            "{output} has {rows:# row|# rows}, one for each pair, which take about {needed} as a temporary layer; "
            "{free} of memory are free. Write it to a file (.gpkg or .csv), or use fewer focal nodes."
        ).format(
            output=definition.description(),
            rows=rows,
            needed=format_bytes(rows * BYTES_PER_ROW),
            free=format_bytes(free),
        )
    )
