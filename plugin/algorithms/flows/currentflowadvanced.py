"""Current from any sources to any grounds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from qgis.core import (
    QgsProcessing,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterRasterLayer,
)

from ...i18n import tr
from ...runner import Result, Task
from ..base import FLOWS, EngineAlgorithm
from ..help import Help
from ..outputs import NumberOutput, RasterOutput, common_outputs, flow_outputs
from ..parameter_values import ParameterValues
from ..parameters import choice, circuit, flag, graph, landscape, optional_map, output, with_help
from ..styles import current_style, distance_style

POINTS = [QgsProcessing.SourceType.TypeVectorPoint]


class CurrentFlowAdvanced(EngineAlgorithm):
    """Where current flows from given sources to given grounds."""

    identifier = "currentflowadvanced"
    title = tr("Current flow from sources to grounds")
    toolbox_group = FLOWS
    summary = tr("Where current flows from sources of any strength to grounds of any conductance.")
    help = Help(
        description=tr(
            "Takes the landscape for a network of resistors, feeds currents of given strengths into cells, and lets "
            "them leave through grounds of given conductance: the advanced mode of Circuitscape. One system is solved, "
            "whatever the number of sources and grounds."
        ),
        when_to_use=tr(
            "Use it where it is known who sets out and where they end: animals by the size of their populations, "
            "movement from a coast to a ridge, present habitat to future habitat, mortality (grounds everywhere). "
            "For all connections among a set of places use “Current flow”."
        ),
        outputs=tr(
            "A map of the current through every cell in ampere, and one of the voltages in volt: the higher the "
            "voltage, the harder it is to get from there to a ground. A cell with a source shows all that enters "
            "there. Where no source or no ground is connected nothing flows, and there is no voltage."
        ),
        references=(
            "McRae, B. H., Dickson, B. G., Keitt, T. H. & Shah, V. B. (2008). Using circuit theory to model "
            "connectivity in ecology, evolution, and conservation. Ecology 89, 2712–2724.",
        ),
        caption=tr(
            "The sample: current from three sources in the north to three grounds in the south (rings); bright "
            "where much flows."
        ),
    )
    number_outputs = (
        *common_outputs(),
        *flow_outputs(),
        NumberOutput("minimum_potential", tr("Lowest voltage")),
        NumberOutput("maximum_potential", tr("Highest voltage")),
    )

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            *landscape(),
            *_places(
                "SOURCES",
                "SOURCE_RASTER",
                "STRENGTH_FIELD",
                tr("Sources"),
                tr("Field with the strengths"),
                tr("Points where current enters; several in one cell add up."),
                tr("Ampere that enter at each point, below 0 where they are taken away; 1 if nothing is chosen."),
                tr("A raster of the ampere that enter at every cell; 0 or no data where none do."),
            ),
            *_places(
                "GROUNDS",
                "GROUND_RASTER",
                "GROUND_FIELD",
                tr("Grounds"),
                tr("Field with the values of grounds"),
                tr("Points where current leaves; several in one cell add up."),
                tr("How well current leaves at each point; without resistance if nothing is chosen."),
                tr("A raster of how well current leaves at every cell; no data where it does not."),
            ),
            choice(
                "GROUND_VALUES",
                tr("The values of grounds are"),
                ["conductance", "resistance"],
                tr(
                    "Conductance: siemens, 0 where there is no ground. Resistance: ohm, 0 for a ground without "
                    "resistance, which takes whatever arrives."
                ),
            ),
            choice(
                "POLICY",
                tr("Where a cell has a source and a ground"),
                ["keepall", "rmvsrc", "rmvgnd", "rmvall"],
                tr(
                    "What is kept: both (keepall), the ground (rmvsrc), the source (rmvgnd) or neither (rmvall). A "
                    "ground without resistance would swallow its source, so keepall removes it there."
                ),
                advanced=True,
            ),
            with_help(
                flag("UNIT_CURRENTS", tr("All sources are 1 ampere"), ""),
                tr("Take every source for one of 1 ampere, whatever its strength is said to be."),
                advanced=True,
            ),
            with_help(
                flag("DIRECT_GROUNDS", tr("All grounds are without resistance"), ""),
                tr("Take every ground for one without resistance, whatever its value is said to be."),
                advanced=True,
            ),
            *circuit(),
            *graph(symmetric=True),
            output(tr("Current"), tr("The current through every cell, in ampere.")),
            optional_map(
                "VOLTAGE",
                tr("Voltage"),
                tr("The voltage of every cell that is connected with a source and a ground, in volt."),
            ),
        ]

    def validate(self, provided: set[str], choices: dict[str, str]) -> str:
        for points, raster, what in (
            ("SOURCES", "SOURCE_RASTER", tr("Sources")),
            ("GROUNDS", "GROUND_RASTER", tr("Grounds")),
        ):
            named = provided & {points, raster}
            if not named:
                text = tr("{what} are missing: choose either a layer of points or a raster.")
                return text.format(what=what)
            if len(named) == 2:
                return tr("{what} are given twice: choose either points or a raster, not both.").format(what=what)
        return ""

    def task(self, inputs: ParameterValues) -> Task:
        sources = inputs.amounts("SOURCES", "STRENGTH_FIELD", "SOURCE_RASTER", default=1.0)
        reciprocal = inputs.choice("GROUND_VALUES") == "resistance"
        grounds = inputs.amounts("GROUNDS", "GROUND_FIELD", "GROUND_RASTER", default=np.inf, reciprocal=reciprocal)
        negative = int((grounds < 0).sum())
        if negative:
            row, column = np.argwhere(grounds < 0)[0] + 1
            text = tr("Grounds are negative in {count:,} cells, the first at row {row}, column {column}.")
            raise QgsProcessingException(text.format(count=negative, row=row, column=column))
        for what, values in ((tr("source"), sources), (tr("ground"), grounds)):
            if not (values[inputs.crossable] != 0).any():
                text = tr("No {what} lies on a cell of '{layer}' that can be crossed ({count:,} lie elsewhere).")
                raise QgsProcessingException(
                    text.format(what=what, layer=inputs.landscape.name, count=int((values != 0).sum()))
                )
        arrays = {"sources": sources, "grounds": grounds}
        if inputs.short_circuits is not None:
            arrays["short_circuits"] = inputs.short_circuits
        task = inputs.task(
            "circuit.advanced",
            arrays,
            policy=inputs.choice("POLICY"),
            unit_currents=inputs.flag("UNIT_CURRENTS"),
            direct_grounds=inputs.flag("DIRECT_GROUNDS"),
        )
        return replace(task, rasters=("currents", "potentials"))

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        currents, potentials = result.outputs["currents"], result.outputs["potentials"]
        return [
            RasterOutput("OUTPUT", currents, current_style(currents, "A"), band_names=(tr("current, ampere"),)),
            RasterOutput("VOLTAGE", potentials, distance_style(potentials, "V"), band_names=(tr("voltage, volt"),)),
        ]

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = result.metrics
        text = tr("Largest current that is not conserved, beside the largest current: {:.1e}.")
        feedback.pushInfo(text.format(numbers["kcl_residual"]))
        if numbers["cells_without_flow"]:
            text = tr(
                "{cells_without_flow:,} cells lie in parts of the landscape without a source or without a ground: "
                "nothing flows there."
            )
            feedback.pushWarning(text.format(**numbers))


def _places(
    points: str, raster: str, field: str, what: str, field_title: str, of_points: str, of_field: str, of_raster: str
) -> list[QgsProcessingParameterDefinition]:
    return [
        with_help(
            QgsProcessingParameterFeatureSource(points, tr("{what}: points").format(what=what), POINTS, optional=True),
            of_points + " " + tr("Any coordinate system. Give either points or a raster."),
        ),
        with_help(
            QgsProcessingParameterField(
                field, field_title, None, points, QgsProcessingParameterField.DataType.Numeric, optional=True
            ),
            of_field,
        ),
        with_help(
            QgsProcessingParameterRasterLayer(raster, tr("{what}: raster").format(what=what), optional=True),
            of_raster + " " + tr("Its first band is used. Give either points or a raster."),
        ),
    ]
