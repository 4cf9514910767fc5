"""Current flow from sources to grounds: Circuitscape's advanced mode."""

from __future__ import annotations

import numpy as np
from qgis.core import (
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterRasterLayer,
)

from ...i18n import tr
from ...layers import (
    CellCounter,
    ComputedRaster,
    StreamedRaster,
    circuit_cells,
    warn_about_grounds,
    warn_about_sources,
)
from ...npy_file import CELLS_PER_BLOCK, NpyFile, row_blocks
from ...runner import Result, Task
from ..base import FLOWS, EngineAlgorithm
from ..feature_kinds import ANY_FEATURES, cells_of_features
from ..help import Help
from ..outputs import NumberOutput, RasterOutput, common_outputs, flow_outputs
from ..parameter_types import boolean, choice, either, only_with_any, optional_raster_destination, with_help
from ..parameter_values import ParameterValues
from ..parameters import circuit_options, graph, landscape, raster_destination
from ..styles import current_style, distance_style


class CurrentFlowAdvanced(EngineAlgorithm):
    """Current from sources of given strength to grounds of given conductance."""

    identifier = "currentflowadvanced"
    title = tr("Current flow from sources to grounds")
    search_words = "conductance, circuit theory, Circuitscape"
    toolbox_group = FLOWS
    summary = tr("Current from sources of any strength to grounds of any conductance (Circuitscape's advanced mode).")
    help = Help(
        description=tr(
            "Models the landscape as a network of resistors, injects currents of given strengths into cells, and lets "
            "them leave through grounds of given conductance: the advanced mode of Circuitscape. One linear system is "
            "solved, however many sources and grounds there are."
        ),
        when_to_use=tr(
            "Use it if you know where movement starts and where it ends: animals in proportion to population size, "
            "movement from a coast to a ridge, from present to future habitat, or mortality (grounds everywhere). For "
            "all connections among a set of places use “Current flow”."
        ),
        outputs=tr(
            "A map of the current through every cell, in ampere, and one of the voltages, in volt: the higher the "
            "voltage, the harder it is to reach a ground from there. A cell with a source shows all the current "
            "injected there. Parts of the landscape without a source or without a ground have neither current nor "
            "voltage."
        ),
        references=(
            "McRae, B. H., Dickson, B. G., Keitt, T. H. & Shah, V. B. (2008). Using circuit theory to model "
            "connectivity in ecology, evolution, and conservation. Ecology 89, 2712–2724.",
        ),
        caption=tr(
            "The sample: current from three sources in the north to three grounds in the south (rings); bright for "
            "high current."
        ),
    )
    number_outputs = (
        *common_outputs(),
        *flow_outputs(),
        NumberOutput("minimum_potential", tr("Lowest voltage"), unit="V"),
        NumberOutput("maximum_potential", tr("Highest voltage"), unit="V"),
    )

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            *landscape(),
            *_points_or_raster(
                (
                    "SOURCES",
                    tr("Sources: points, lines or polygons"),
                    tr("Where current enters; features in the same cell add up."),
                ),
                (
                    "STRENGTH_FIELD",
                    tr("Source strength field"),
                    tr(
                        "Current injected by each feature, in ampere, negative to withdraw it; 1 if nothing is chosen. "
                        "The passable cells of a line or polygon share it equally."
                    ),
                ),
                (
                    "SOURCE_RASTER",
                    tr("Sources: raster"),
                    tr("A raster of the current injected into each cell, in ampere; 0 or nodata for none."),
                ),
            ),
            *_points_or_raster(
                (
                    "GROUNDS",
                    tr("Grounds: points, lines or polygons"),
                    tr("Where current leaves; features in the same cell add up."),
                ),
                (
                    "GROUND_FIELD",
                    tr("Ground value field"),
                    tr(
                        "Conductance or resistance to ground of each point, and of every cell of a line or polygon; no "
                        "resistance if nothing is chosen."
                    ),
                ),
                (
                    "GROUND_RASTER",
                    tr("Grounds: raster"),
                    tr("A raster of the conductance or resistance to ground of each cell; nodata for no ground."),
                ),
            ),
            only_with_any(
                choice(
                    "GROUND_VALUES",
                    tr("Ground values"),
                    {"conductance": tr("Conductance"), "resistance": tr("Resistance")},
                    tr(
                        "Conductance: in siemens, 0 for no ground. Resistance: in ohm, 0 for a direct ground, which "
                        "absorbs all current that reaches it."
                    ),
                ),
                "GROUND_FIELD",
                "GROUND_RASTER",
            ),
            choice(
                "POLICY",
                tr("Cells with a source and a ground"),
                {
                    "keepall": tr("Keep both (keepall)"),
                    "rmvsrc": tr("Remove the source (rmvsrc)"),
                    "rmvgnd": tr("Remove the ground (rmvgnd)"),
                    "rmvall": tr("Remove both (rmvall)"),
                },
                tr(
                    "How to resolve the conflict, with Circuitscape's options. A direct ground would absorb its own "
                    "source, so keepall removes the source there."
                ),
                advanced=True,
            ),
            boolean(
                "UNIT_CURRENTS",
                tr("Use unit currents for all current sources"),
                tr("Set the strength of every source to 1 ampere."),
                advanced=True,
            ),
            boolean(
                "DIRECT_GROUNDS",
                tr("Use direct connections to ground"),
                tr("Connect every ground without resistance, whatever its value."),
                advanced=True,
            ),
            *circuit_options(),
            *graph(symmetric=True),
            raster_destination(tr("Current"), tr("The current through every cell, in ampere.")),
            optional_raster_destination(
                "VOLTAGE",
                tr("Voltage"),
                tr("The voltage of every cell that is connected with a source and a ground, in volt."),
            ),
        ]

    def validate(self, provided: set[str], choices: dict[str, str]) -> str:
        for points, raster, what in (
            ("SOURCES", "SOURCE_RASTER", tr("sources")),
            ("GROUNDS", "GROUND_RASTER", tr("grounds")),
        ):
            chosen = provided & {points, raster}
            if not chosen:
                return tr("No {what}: choose either a layer of points, lines or polygons, or a raster.").format(
                    what=what
                )
            if len(chosen) == 2:
                return tr("Two sets of {what}: choose either a layer or a raster, not both.").format(what=what)
        return ""

    def task(self, inputs: ParameterValues) -> Task:
        reciprocal = inputs.choice("GROUND_VALUES") == "resistance"
        sources = inputs.amounts("SOURCES", "STRENGTH_FIELD", "SOURCE_RASTER", "sources.npy", default=1.0, shared=True)
        grounds = inputs.amounts(
            "GROUNDS", "GROUND_FIELD", "GROUND_RASTER", "grounds.npy", default=np.inf, reciprocal=reciprocal
        )
        require_sources_and_grounds(sources, grounds, inputs.landscape)
        reachable = circuit_cells(inputs.passable, inputs.short_circuits)
        if inputs.is_provided("SOURCE_RASTER"):
            warn_about_sources(sources, reachable, inputs.layer("SOURCE_RASTER").name(), inputs.feedback)
        if inputs.is_provided("GROUND_RASTER"):
            is_ground = ComputedRaster(lambda values: values != 0, grounds, dtype=bool)
            warn_about_grounds(is_ground, reachable, inputs.layer("GROUND_RASTER").name(), inputs.feedback)
        arrays = {"sources": sources, "grounds": grounds}
        if inputs.short_circuits is not None:
            arrays["short_circuits"] = inputs.short_circuits
        return inputs.task(
            "circuit.advanced",
            arrays,
            rasters=("currents", "potentials"),
            policy=inputs.choice("POLICY"),
            unit_currents=inputs.flag("UNIT_CURRENTS"),
            direct_grounds=inputs.flag("DIRECT_GROUNDS"),
        )

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        currents, voltages = result.outputs["currents"], result.outputs["potentials"]
        return [
            RasterOutput("OUTPUT", currents, current_style(currents, "A"), band_names=(tr("current, ampere"),)),
            RasterOutput("VOLTAGE", voltages, distance_style(voltages, "V"), band_names=(tr("voltage, volt"),)),
        ]

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = result.metrics
        if numbers["cells_without_flow"]:
            text = tr(
                "No current flows in "
                "{cells_without_flow:# cell: it lies in a component|# cells: they lie in components} of the landscape "
                "without a source or without a ground."
            )
            feedback.pushWarning(text.format(**numbers))


def require_sources_and_grounds(
    sources: NpyFile, grounds: NpyFile, landscape: StreamedRaster, *, cells_per_block: int = CELLS_PER_BLOCK
) -> None:
    """Raise an error if sources or grounds cannot be computed with, or none of them lies on a passable cell.

    Parameters
    ----------
    sources, grounds
        Current of each source and conductance of each ground, float64 (rows, columns); 0 elsewhere.
    landscape
        Landscape, already streamed.
    cells_per_block
        The most cells read at a time, of at least one row.

    Raises
    ------
    QgsProcessingException
        Says how many cells are concerned, and where the first one is.
    """
    infinite, negative = CellCounter(), CellCounter()
    counts = np.zeros((2, 2), np.int64)  # of sources and of grounds: anywhere, and on passable cells
    for rows in row_blocks(sources.shape, cells_per_block):
        amounts, passable = (sources[rows], grounds[rows]), landscape.passable[rows]
        infinite.add(~np.isfinite(amounts[0]), rows.start)
        negative.add(amounts[1] < 0, rows.start)
        counts += [[np.count_nonzero(each), np.count_nonzero(each[passable])] for each in amounts]
    if infinite.count:
        text = tr("Source strengths are infinite in {count:# cell|# cells}, the first at row {row}, column {column}.")
        raise QgsProcessingException(text.format(count=infinite.count, row=infinite.row, column=infinite.column))
    if negative.count:
        text = tr("Grounds are negative in {count:# cell|# cells}, the first at row {row}, column {column}.")
        raise QgsProcessingException(text.format(count=negative.count, row=negative.row, column=negative.column))
    for what, (anywhere, on_passable) in zip((tr("source"), tr("ground")), counts.tolist()):
        if not on_passable:
            text = tr("No {what} lies on a passable cell of '{layer}' ({count:# lies|# lie} elsewhere).")
            raise QgsProcessingException(text.format(what=what, layer=landscape.name, count=anywhere))


def _points_or_raster(
    points: tuple[str, str, str], field: tuple[str, str, str], raster: tuple[str, str, str]
) -> list[QgsProcessingParameterDefinition]:
    """Return a layer of features with a field of values, or a raster; name, label and help of each."""
    advice = tr("Choose either a layer or a raster.")
    points_name, points_label, points_help = points
    field_name, field_label, field_help = field
    raster_name, raster_label, raster_help = raster
    numeric = QgsProcessingParameterField.DataType.Numeric
    layer, grid = either(
        with_help(
            QgsProcessingParameterFeatureSource(points_name, points_label, ANY_FEATURES, optional=True),
            f"{points_help} {cells_of_features()} {tr('Any coordinate system.')} {advice}",
        ),
        with_help(
            QgsProcessingParameterRasterLayer(raster_name, raster_label, optional=True),
            f"{raster_help} {tr('Its first band is used.')} {advice}",
        ),
    )
    values = QgsProcessingParameterField(field_name, field_label, None, points_name, numeric, optional=True)
    return [layer, with_help(values, field_help), grid]
