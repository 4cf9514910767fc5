"""Tables in memory: refused before the run if their rows cannot fit."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingOutputLayerDefinition,
)

from ..i18n import tr
from ..runner import format_bytes, free_memory

# A feature of a memory layer with five attributes, as measured.
BYTES_PER_ROW = 700


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
            "{output} has {rows:,} rows, one for each pair, which take about {needed} as a temporary layer; {free} of "
            "memory are free. Write it to a file (.gpkg or .csv), or use fewer focal nodes."
        ).format(
            output=definition.description(),
            rows=rows,
            needed=format_bytes(rows * BYTES_PER_ROW),
            free=format_bytes(free),
        )
    )
