"""Sources and sinks of a flow."""

from __future__ import annotations

from qgis.core import (
    QgsProcessingFeedback,
    QgsProcessingParameterBand,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterRasterLayer,
)

from ...i18n import tr
from ...runner import Result, Task
from ..base import FLOWS, EngineAlgorithm
from ..formatting import format_number
from ..help import Help
from ..outputs import NumberOutput, RasterOutput, common_outputs, range_outputs
from ..parameter_types import boolean, choice, only_with, with_help
from ..parameter_values import ParameterValues
from ..parameters import graph, landscape, raster_destination
from ..results import with_unit
from ..styles import source_style
from .flow_inputs import SINGLE, FlowInputs

#: Conditions on the two ways to give a flow.
VOLTAGE, COMPONENTS = {"KIND": ("potential",)}, {"KIND": ("components",)}


class FlowDivergence(EngineAlgorithm):
    """Net outflow of every cell of a flow: its sources and sinks."""

    identifier = "flowdivergence"
    title = tr("Sources and sinks of a flow")
    search_words = "divergence, convergence, source, sink, conservation, net flux, voltage, vector field, Kirchhoff"
    toolbox_group = FLOWS
    summary = tr("Where a flow begins and ends: what leaves each cell minus what enters it.")
    help = Help(
        description=tr(
            "Computes for every cell how much more leaves it than enters it: the divergence of a flow. The flow is "
            "either the current that a voltage drives through a landscape, or a field with an eastward and a "
            "northward component, such as wind, water or the mean movement of animals. What leaves a cell enters its "
            "neighbour, so that nothing is lost or gained between cells."
        ),
        when_to_use=tr(
            "Use it to see where a flow comes from and where it goes, and to check a result: a current map without "
            "sources and sinks where none were declared is conserved. The voltage can be that of “Current flow from "
            "sources to grounds”, with the same landscape and the same advanced parameters, or that of a pair of "
            "“Current flow”. Where movement concentrates on its way is another question: see the current map itself."
        ),
        outputs=tr(
            "A raster of the net source of each cell: positive (red) where flow begins, negative (blue) where it ends, "
            "0 (white) where it only passes. For a voltage the values are in ampere, the current injected into a cell "
            "or withdrawn from it; for a field they are in its unit times map units. Numbers in files are rounded, "
            "often to seven digits, and differences between neighbours amplify this: the log says which values are "
            "larger than rounding can explain, and how many cells are not; their values stay in the map. Cells of "
            "short-circuit regions show the current that enters and leaves each of them. “Circuitscape project” "
            "and Circuitscape take cells as squares with sides of 1: currents of their voltages are divided by the "
            "real cell size."
        ),
        references=(
            "Doyle, P. G. & Snell, J. L. (1984). Random walks and electric networks. Mathematical Association of "
            "America.",
            "LeVeque, R. J. (2002). Finite volume methods for hyperbolic problems. Cambridge University Press.",
        ),
        caption=tr(
            "The sample: animals leave habitat (red) and stay elsewhere, most of them close to it (blue); from a "
            "voltage map of “Current flow from sources to grounds”."
        ),
    )
    number_outputs = (
        *common_outputs(),
        NumberOutput("sources", tr("Sum of the sources"), unit=lambda inputs: _total_unit(inputs)),
        NumberOutput("sinks", tr("Sum of the sinks (negative)"), unit=lambda inputs: _total_unit(inputs)),
        NumberOutput(
            "boundary_flow",
            tr("Net flow out through the border and into nodata"),
            unit=lambda inputs: _total_unit(inputs),
        ),
        NumberOutput(
            "conservation_error",
            tr("Conservation error: sum of the map minus the flow out through the border, relative to the total flow"),
        ),
        NumberOutput("source_cells", tr("Sources larger than rounding can explain")),
        NumberOutput("sink_cells", tr("Sinks larger than rounding can explain")),
        NumberOutput("exceeding_sources", tr("Sum of these sources"), unit=lambda inputs: _total_unit(inputs)),
        NumberOutput("exceeding_sinks", tr("Sum of these sinks"), unit=lambda inputs: _total_unit(inputs)),
        NumberOutput("rounding_cells", tr("Cells whose value may be rounding only")),
        *range_outputs(tr("net source"), lambda inputs: _unit(inputs)),
    )
    values_class = FlowInputs

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            choice(
                "KIND",
                tr("The flow is given by"),
                {
                    "potential": tr("A voltage on a landscape"),
                    "components": tr("Eastward and northward components"),
                },
                tr(
                    "Voltage: the current between two neighbouring cells is their difference in voltage times the "
                    "conductance between them. Components: the flow through the side between two cells is the mean of "
                    "their components across it, times its length."
                ),
            ),
            *_raster(
                "POTENTIAL",
                tr("Voltage"),
                tr("Band of the voltage"),
                tr(
                    "A raster of voltages, on the grid of the landscape. Cells without data are not part of the flow. "
                    "A constant that is added to all voltages makes no difference."
                ),
                VOLTAGE,
            ),
            *landscape(**VOLTAGE),
            *_raster(
                "EAST",
                tr("Eastward component"),
                tr("Band of the eastward component"),
                tr(
                    "A raster of the flow towards the east, negative towards the west: what crosses one map unit of a "
                    "line that runs north, for example individuals per metre and year."
                ),
                COMPONENTS,
            ),
            *_raster(
                "NORTH",
                tr("Northward component"),
                tr("Band of the northward component"),
                tr(
                    "A raster of the flow towards the north, that is up in the map, negative towards the south, in the "
                    "same unit and on the same grid. Cells without one of the components are not part of the flow."
                ),
                COMPONENTS,
            ),
            only_with(
                choice(
                    "BOUNDARY",
                    tr("Border of the field"),
                    {"open": tr("Open: the flow continues"), "closed": tr("Closed: nothing crosses it")},
                    tr(
                        "What crosses the border of the raster, and the sides of nodata cells. Open: the component "
                        "of the cell itself, as if the field went on outside. Closed: nothing, so that what flows from "
                        "the border begins there and what flows towards it ends there."
                    ),
                ),
                **COMPONENTS,
            ),
            boolean(
                "PER_AREA",
                tr("Per unit of area"),
                tr(
                    "Off: the total of each cell. On: divided by the area of a cell, the divergence of vector "
                    "calculus, which does not depend on the cell size where a field is smooth."
                ),
            ),
            *(only_with(each, **VOLTAGE) for each in graph(symmetric=True)),
            raster_destination(tr("Sources and sinks"), tr("What leaves each cell minus what enters it.")),
        ]

    def validate(self, provided: set[str], choices: dict[str, str]) -> str:
        if choices["KIND"] == "components":
            missing = {"EAST": tr("eastward"), "NORTH": tr("northward")}
            names = [name for key, name in missing.items() if key not in provided]
            if names:
                text = tr("A field has two components: choose a raster of the {component} component as well.")
                both = tr("No components: choose a raster of the eastward and one of the northward component.")
                return both if len(names) == 2 else text.format(component=names[0])
            return ""
        if "POTENTIAL" not in provided:
            return tr("No voltage: choose a raster of voltages, or a flow given by its components.")
        if "INPUT" not in provided:
            return tr("No landscape: the current of a voltage depends on the landscape. Choose its raster.")
        if "VALUES" not in provided:
            return tr("Choose whether the values of the landscape are permeability or resistance.")
        return ""

    def task(self, inputs: FlowInputs) -> Task:
        return inputs.flow_task(boundary=inputs.choice("BOUNDARY"), per_area=inputs.flag("PER_AREA"))

    def raster_outputs(self, inputs: FlowInputs, result: Result) -> list[RasterOutput]:
        divergence, unit = result.outputs["divergence"], _unit(inputs)
        height, width = inputs.grid.pixel_size
        rounding = result.metrics["largest_rounding"] / (height * width if inputs.flag("PER_AREA") else 1.0)
        title = tr("Sources and sinks per area") if inputs.flag("PER_AREA") else ""
        names = (with_unit(tr("net source"), tr("ampere") if unit == "A" else unit),)
        return [RasterOutput("OUTPUT", divergence, source_style(divergence, unit, rounding), "float32", names, title)]

    def input_summary(self, inputs: FlowInputs, result: Result) -> list[str]:
        if inputs.has_landscape:
            return super().input_summary(inputs, result)
        text = tr("Components '{east}' and '{north}': {grid}.")
        cells = tr("{cells:# cell has|# cells have} both components.")
        names = {"east": inputs.band("EAST").name, "north": inputs.band("NORTH").name}
        return [text.format(grid=inputs.grid, **names), cells.format(cells=result.metrics["active_cells"])]

    def warn_about_result(self, inputs: FlowInputs, result: Result, feedback: QgsProcessingFeedback) -> None:
        feedback.pushInfo(_rounding_text(inputs, result))

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = {key: format_number(result.metrics[key]) for key in ("sources", "sinks", "boundary_flow")}
        text = tr(
            "Sum of the sources {sources}, of the sinks {sinks}; {boundary_flow} flow out through the border. "
            "Conservation error: {error:.1e} of the total flow."
        )
        feedback.pushInfo(text.format(error=result.metrics["conservation_error"], **numbers))


def _raster(
    name: str, label: str, band_label: str, text: str, conditions: dict[str, tuple[str, ...]]
) -> list[QgsProcessingParameterDefinition]:
    """Return a raster that is needed under some conditions, and its band."""
    band = QgsProcessingParameterBand(f"{name}_BAND", band_label, 1, name, optional=True)
    return [
        only_with(with_help(QgsProcessingParameterRasterLayer(name, label, optional=True), text), **conditions),
        only_with(with_help(band, tr("The band of this raster; the first one if nothing is chosen.")), **conditions),
    ]


def _rounding_text(inputs: FlowInputs, result: Result) -> str:
    """Return how much of the map is larger than rounding can explain."""
    numbers = result.metrics
    # Passable cells without a voltage are not part of the flow.
    cells = sum(numbers[key] for key in ("source_cells", "sink_cells", "rounding_cells"))
    share = numbers["rounding_cells"] / cells
    stored = {0.0: tr("whole numbers"), SINGLE: tr("single precision, about 7 digits")}
    return tr(
        "{source_cells:# source|# sources} (in all {sources}) and {sink_cells:# sink|# sinks} (in all {sinks}) are "
        "larger than rounding can explain, with input in {precision}. The other {rounding_cells:# value|# values} "
        "({share:.1%}) may be nothing but rounding, which is at most {largest} in a cell; they stay in the map."
    ).format(
        sources=format_number(numbers["exceeding_sources"]),
        sinks=format_number(numbers["exceeding_sinks"]),
        precision=stored.get(inputs.input_roundoff, tr("double precision, about 16 digits")),
        share=share,
        largest=format_number(float(f"{numbers['largest_rounding']:.2g}")),
        **{key: numbers[key] for key in ("source_cells", "sink_cells", "rounding_cells")},
    )


def _total_unit(inputs: ParameterValues) -> str:
    """Return the unit of the net source of a cell; that of a field is not known."""
    return "A" if inputs.has_landscape else ""


def _unit(inputs: ParameterValues) -> str:
    """Return the unit of the map."""
    if not inputs.has_landscape or not inputs.flag("PER_AREA"):
        return _total_unit(inputs)
    return tr("A per square {unit}").format(unit=inputs.grid.unit)
