"""Raster and number outputs of an algorithm, and the numbers that several algorithms share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Union

from qgis.core import QgsProcessingOutputDefinition, QgsProcessingOutputNumber, QgsProcessingOutputString

from ..i18n import tr
from ..layers import RasterRows
from .parameter_values import ParameterValues
from .renderers import Style

#: Unit of a number in a report, or the function that returns it for the values of the parameters.
Unit = Union[str, Callable[[ParameterValues], str]]


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
    remark
        When it is empty, in brackets after the description. A report does not list empty numbers.
    unit
        Its unit, for the report.
    caption
        Function that returns what a report calls the number, if that depends on the values of the parameters.
    """

    key: str
    description: str
    is_text: bool = False
    output: str = ""
    remark: str = ""
    unit: Unit = ""
    caption: Callable[[ParameterValues], str] | None = None

    @property
    def name(self) -> str:
        """Name of the output in QGIS."""
        return self.output or self.key.upper()

    def definition(self) -> QgsProcessingOutputDefinition:
        """Return the output definition for QGIS."""
        output_class = QgsProcessingOutputString if self.is_text else QgsProcessingOutputNumber
        return output_class(self.name, f"{self.description} {self.remark}".rstrip())

    def of_run(self, inputs: ParameterValues) -> NumberOutput:
        """Return the number with the unit and the caption that it has in a run."""
        unit = self.unit(inputs) if callable(self.unit) else self.unit
        return replace(self, description=self.caption(inputs) if self.caption else self.description, unit=unit)


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
        NumberOutput("iterations", tr("Iterations of the solver"), remark=tr("(empty for a direct solver)")),
        NumberOutput("residual", tr("Relative residual of the solver"), remark=tr("(empty if no system was solved)")),
        NumberOutput("seconds", tr("Computing time in seconds, without the start of the engine")),
        NumberOutput("peak_memory_bytes", tr("Peak memory of the engine, in bytes")),
    )


def common_window_outputs() -> tuple[NumberOutput, ...]:
    """Return the common numbers without the connected components, which are not computed for windowed rasters."""
    return tuple(output for output in common_outputs() if output.key != "components")


def window_outputs(quantity: str, unit: Unit = "") -> tuple[NumberOutput, ...]:
    """Return the numbers of a windowed connectivity run.

    Parameters
    ----------
    quantity, unit
        Name and unit of the mapped quantity.
    """
    return (
        *common_window_outputs(),
        NumberOutput("connectivity", tr("Connectivity of the present landscape")),
        NumberOutput("windows", tr("Windows computed")),
        NumberOutput("skipped_windows", tr("Windows skipped because they hold no habitat")),
        *range_outputs(quantity, unit),
    )


def range_outputs(quantity: str, unit: Unit = "") -> tuple[NumberOutput, ...]:
    """Return the smallest and the largest value of a mapped quantity."""
    return (
        NumberOutput("minimum", tr("Smallest {quantity}").format(quantity=quantity), unit=unit),
        NumberOutput("maximum", tr("Largest {quantity}").format(quantity=quantity), unit=unit),
    )


def distance_outputs(unit: Unit) -> tuple[NumberOutput, ...]:
    """Return the additional numbers of a distance map, whose values have a unit."""
    return (
        NumberOutput("minimum", tr("Smallest finite distance"), unit=unit),
        NumberOutput("maximum", tr("Largest finite distance"), unit=unit),
        NumberOutput("mean", tr("Mean of the finite distances"), unit=unit),
        NumberOutput("unreachable_cells", tr("Cells that cannot reach any source")),
    )


def sensitivity_outputs(
    caption: Callable[[ParameterValues], str],
    unit: Unit,
    sensitivity_unit: Unit,
) -> tuple[NumberOutput, ...]:
    """Return the additional numbers of a sensitivity map.

    Parameters
    ----------
    caption, unit
        What a report calls the quantity that is differentiated, and its unit.
    sensitivity_unit
        Unit of the sensitivity.
    """
    return (
        NumberOutput("connectivity", tr("Connectivity of the present landscape"), unit=unit, caption=caption),
        NumberOutput("pairs", tr("Pairs of cells included")),
        NumberOutput("unreachable_pairs", tr("Pairs excluded because no path connects them")),
        *range_outputs(tr("sensitivity"), sensitivity_unit),
    )


def with_captions(
    outputs: Sequence[NumberOutput], captions: Mapping[str, str], applies: Callable[[ParameterValues], bool]
) -> tuple[NumberOutput, ...]:
    """Return numbers with other captions in the reports of some runs.

    Parameters
    ----------
    outputs
        The numbers.
    captions
        Captions by key.
    applies
        Whether a run with some values of the parameters has these captions.
    """

    def caption(output: NumberOutput) -> Callable[[ParameterValues], str]:
        return lambda inputs: captions[output.key] if applies(inputs) else output.description

    return tuple(replace(each, caption=caption(each)) if each.key in captions else each for each in outputs)


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
    return NumberOutput("kcl_residual", text, output="UNCONSERVED", remark=note)


def resistance_outputs() -> tuple[NumberOutput, ...]:
    """Return the additional numbers of resistances between focal nodes."""
    empty = tr("(empty for all to one)")
    return (
        NumberOutput("focal_nodes", tr("Focal nodes")),
        NumberOutput("runs", tr("Pairs, or focal nodes, whose currents were summed")),
        NumberOutput("unconnected", tr("Pairs, or focal nodes, that are not connected")),
        NumberOutput("minimum", tr("Smallest resistance"), remark=empty, unit="Ω"),
        NumberOutput("maximum", tr("Largest finite resistance"), remark=empty, unit="Ω"),
        NumberOutput("mean", tr("Mean of the finite resistances"), remark=empty, unit="Ω"),
    )
