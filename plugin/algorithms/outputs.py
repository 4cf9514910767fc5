"""Raster and number outputs of an algorithm, and the numbers that several algorithms share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qgis.core import QgsProcessingOutputDefinition, QgsProcessingOutputNumber, QgsProcessingOutputString

from ..i18n import tr
from ..layers import RasterRows
from .renderers import Style


@dataclass(frozen=True)
class RasterOutput:
    """A raster to write.

    Parameters
    ----------
    output
        Name of the destination parameter.
    values
        (rows, columns), in memory, on disk or computed, or (bands, rows, columns); NaN for nodata, infinite for
        unreachable cells, which are written as nodata unless the user wants them as infinity.
    style
        Layer style in QGIS.
    dtype
        Data type of the file: ``"float32"``, ``"float64"`` or ``"int32"``.
    band_names
        One name for each band, or none.
    title
        What it shows, for the name of its layer; by default the label of the output.
    lists_largest
        Whether the cells with the largest values are of interest in the report.
    """

    output: str
    values: RasterRows
    style: Style
    dtype: str = "float32"
    band_names: tuple[str, ...] = ()
    title: str = ""
    lists_largest: bool = True


@dataclass(frozen=True)
class NumberOutput:
    """A number (or text) that a run returns for models and scripts.

    Parameters
    ----------
    key
        Name of the metric in the engine's result.
    description
        What the user reads.
    is_text
        Whether it is text rather than a number.
    output
        Name of the output in QGIS; by default the key in capitals.
    """

    key: str
    description: str
    is_text: bool = False
    output: str = ""

    @property
    def name(self) -> str:
        """Name of the output in QGIS."""
        return self.output or self.key.upper()

    def definition(self) -> QgsProcessingOutputDefinition:
        """Return the output definition for QGIS."""
        output_class = QgsProcessingOutputString if self.is_text else QgsProcessingOutputNumber
        return output_class(self.name, self.description)


def solver_details(numbers: Mapping[str, Any]) -> list[str]:
    """Return the lines for engineers about how a run was computed.

    Parameters
    ----------
    numbers
        Metrics of the engine's result.
    """
    kirchhoff = tr("Largest violation of Kirchhoff's current law: {:.1e} of the largest current")
    details = [
        (tr("Solver: {}"), numbers.get("solver")),
        (tr("Iterations: {}"), numbers.get("iterations")),  # empty or 0 for a direct solver
        (tr("Relative residual: {:.1e}"), numbers.get("residual")),
        (kirchhoff, numbers.get("kcl_residual")),
        (tr("Largest flow balance error of a cell: {:.1e}"), numbers.get("flow_balance_error")),
        (tr("Peak memory of the engine: {:,} bytes"), numbers.get("peak_memory_bytes")),
    ]
    return [text.format(value) for text, value in details if value]


def common_outputs() -> tuple[NumberOutput, ...]:
    """Return the numbers that every run of the engine reports."""
    return (
        NumberOutput("active_cells", tr("Passable cells")),
        NumberOutput("components", tr("Connected components of the landscape")),
        NumberOutput("solver", tr("Solver used"), is_text=True),
        NumberOutput("iterations", tr("Iterations of the solver (empty for a direct solver)")),
        NumberOutput("residual", tr("Relative residual of the solver (empty if no system was solved)")),
        NumberOutput("seconds", tr("Computing time in seconds, without the start of the engine")),
        NumberOutput("peak_memory_bytes", tr("Peak memory of the engine, in bytes")),
    )


def common_window_outputs() -> tuple[NumberOutput, ...]:
    """Return the common numbers without the connected components, which are not computed for windowed rasters."""
    return tuple(output for output in common_outputs() if output.key != "components")


def window_outputs(quantity: str) -> tuple[NumberOutput, ...]:
    """Return the numbers of a windowed connectivity run.

    Parameters
    ----------
    quantity
        Name of the mapped quantity.
    """
    return (
        *common_window_outputs(),
        NumberOutput("connectivity", tr("Connectivity of the present landscape")),
        NumberOutput("windows", tr("Windows computed")),
        NumberOutput("skipped_windows", tr("Windows skipped because they hold no habitat")),
        *range_outputs(quantity),
    )


def range_outputs(quantity: str) -> tuple[NumberOutput, ...]:
    """Return the smallest and the largest value of a mapped quantity."""
    return (
        NumberOutput("minimum", tr("Smallest {quantity}").format(quantity=quantity)),
        NumberOutput("maximum", tr("Largest {quantity}").format(quantity=quantity)),
    )


def distance_outputs() -> tuple[NumberOutput, ...]:
    """Return the additional numbers of a distance map."""
    return (
        NumberOutput("minimum", tr("Smallest finite distance")),
        NumberOutput("maximum", tr("Largest finite distance")),
        NumberOutput("mean", tr("Mean of the finite distances")),
        NumberOutput("unreachable_cells", tr("Cells that cannot reach any source")),
    )


def sensitivity_outputs() -> tuple[NumberOutput, ...]:
    """Return the additional numbers of a sensitivity map."""
    return (
        NumberOutput("connectivity", tr("Connectivity of the present landscape")),
        NumberOutput("pairs", tr("Pairs of cells included")),
        NumberOutput("unreachable_pairs", tr("Pairs excluded because no path connects them")),
        NumberOutput("minimum", tr("Smallest sensitivity")),
        NumberOutput("maximum", tr("Largest sensitivity")),
    )


def component_outputs() -> tuple[NumberOutput, ...]:
    """Return the additional numbers of a map of connected components."""
    return (NumberOutput("largest_component_cells", tr("Cells of the largest connected component")),)


def flow_outputs() -> tuple[NumberOutput, ...]:
    """Return the additional numbers of a current map."""
    return (
        NumberOutput("maximum_current", tr("Largest current through a cell, in ampere")),
        NumberOutput("cells_without_flow", tr("Cells in components of the landscape without any current")),
        conservation_output(),
    )


def conservation_output(note: str = "") -> NumberOutput:
    """Return the residual of Kirchhoff's current law, with a note on when it is empty."""
    text = tr("Largest violation of current conservation (Kirchhoff), relative to the largest current")
    return NumberOutput("kcl_residual", f"{text} {note}".rstrip(), output="UNCONSERVED")


def resistance_outputs() -> tuple[NumberOutput, ...]:
    """Return the additional numbers of resistances between focal nodes."""
    return (
        NumberOutput("focal_nodes", tr("Focal nodes")),
        NumberOutput("runs", tr("Pairs, or focal nodes, whose currents were summed")),
        NumberOutput("unconnected", tr("Pairs, or focal nodes, that are not connected")),
        NumberOutput("minimum", tr("Smallest resistance (empty for all to one)")),
        NumberOutput("maximum", tr("Largest finite resistance (empty for all to one)")),
        NumberOutput("mean", tr("Mean of the finite resistances (empty for all to one)")),
    )
