"""Least-cost corridors between features."""

from __future__ import annotations

from typing import Any

import numpy as np
from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterNumber,
)

from ...i18n import tr
from ...runner import Result, Task
from ..base import FLOWS, EngineAlgorithm
from ..formatting import format_number
from ..help import Help
from ..outputs import NumberOutput, RasterOutput, common_outputs
from ..pair_tables import pair_arrays, path_table, sources_and_targets, warn_about_components
from ..parameter_values import ParameterValues
from ..parameters import (
    choice,
    flag,
    focal_nodes,
    graph,
    landscape,
    lines,
    optional_map,
    output,
    targets,
    validate_focal,
    with_help,
)
from ..styles import allocation_style, corridor_style, direction_style
from ..tables import Table


class LeastCostCorridor(EngineAlgorithm):
    """How much a detour through every cell would cost."""

    identifier = "leastcostcorridor"
    title = tr("Least-cost corridor")
    toolbox_group = FLOWS
    summary = tr("How much more the way between points or polygons costs if it must pass through each cell.")
    help = Help(
        description=tr(
            "For every cell, by how much the cheapest way through it costs more than the cheapest way: the sum of its "
            "cost distances to the two ends, less the cost of the best way. Between two layers, or among all pairs of "
            "focal nodes, of which each cell takes the pair that it serves best."
        ),
        when_to_use=tr(
            "Use it to see how wide a corridor is and where it has alternatives: the cells that are nearly as good as "
            "the least-cost path. For the path alone use “Least-cost paths”; where many ways count together rather "
            "than the best one, “Current flow”."
        ),
        outputs=tr(
            "A raster in map units times resistance: 0 along the least-cost path, 500 where the detour costs as much "
            "as 500 m through cells of resistance 1. Normalised, it is a part of the cost of the best way: 0.1 is "
            "ten percent more. Cells beyond the threshold, and those that no way leads through, have no data."
        ),
        references=(
            "McRae, B. H. & Kavanagh, D. M. (2011). Linkage Mapper connectivity analysis software. The Nature "
            "Conservancy, Seattle.",
            "Beier, P., Majka, D. R. & Newell, S. L. (2009). Uncertainty analysis of least-cost modeling for designing "
            "wildlife linkages. Ecological Applications 19, 2067–2077.",
        ),
        caption=tr(
            "The sample: corridors between neighbours among nine habitat patches (rings), and their paths; dark "
            "where a detour costs little."
        ),
    )
    number_outputs = (
        *common_outputs(),
        NumberOutput("corridors", tr("Pairs that corridors join")),
        NumberOutput("least_cost", tr("Cost of the cheapest way of all")),
        NumberOutput("corridor_cells", tr("Cells of the corridors")),
        NumberOutput("maximum", tr("Largest value in the corridors")),
    )

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        threshold = QgsProcessingParameterNumber(
            "THRESHOLD",
            tr("Threshold (largest value kept)"),
            QgsProcessingParameterNumber.Type.Double,
            optional=True,
            minValue=1e-12,
        )
        return [
            *landscape(),
            *focal_nodes(),
            *targets(),
            choice(
                "PAIRS",
                tr("Corridors between"),
                ["all", "minimum_planar_graph"],
                tr(
                    "Among focal nodes: all pairs, or the minimum planar graph, that is only neighbours, whose ground "
                    "meets when every cell belongs to the focal node that reaches it most cheaply. With targets there "
                    "is one corridor, from all focal nodes together to all targets together."
                ),
            ),
            flag(
                "NORMALISED",
                tr("Normalise (divide by the cost of the best way)"),
                tr(
                    "On: the value is a part of the cost of the best way of its pair, so that long and short corridors "
                    "are equally wide."
                ),
            ),
            with_help(
                threshold,
                tr(
                    "The largest value that still belongs to the corridor, in the units of the map: map units times "
                    "resistance, or with the division above a part of the best cost. Empty: everything is shown."
                ),
            ),
            *graph(),
            output(
                tr("Least-cost corridor"),
                tr("What the detour through each cell costs; no data beyond the threshold."),
            ),
            lines(
                "PATHS",
                tr("Least-cost paths"),
                tr(
                    "The best way of each pair, with ids, length and cost; with targets, from each focal node to the "
                    "nearest target."
                ),
                optional=True,
            ),
            optional_map(
                "ALLOCATION",
                tr("Cost-weighted allocation"),
                tr(
                    "For every cell the id of the focal node that reaches it most cheaply, numbered from 1 if the ids "
                    "are not whole numbers."
                ),
            ),
            optional_map(
                "BACKLINK",
                tr("Direction of the way back"),
                tr(
                    "For every cell the direction of the next step on the cheapest way back to its focal node: 1 east, "
                    "2 south-east, and on clockwise to 8 north-east; 0 in a focal node."
                ),
            ),
        ]

    def validate(self, provided: set[str], choices: dict[str, str]) -> str:
        if "TARGETS" not in provided and choices["EDGE_RULE"] == "target":
            return tr(
                "Corridors among focal nodes have no direction, so the step between two cells cannot take the value of "
                "the target alone: choose mean or resistance."
            )
        return validate_focal(provided)

    def task(self, inputs: ParameterValues) -> Task:
        ground = inputs.is_provided("ALLOCATION") or inputs.is_provided("BACKLINK")
        return inputs.task(
            "leastcost.corridor",
            pair_arrays(inputs),
            rasters=("corridor", "allocation", "direction") if ground else ("corridor",),
            pairs=inputs.choice("PAIRS"),
            relative=inputs.flag("NORMALISED"),
            truncate_at=inputs.number("THRESHOLD") if inputs.is_provided("THRESHOLD") else None,
            paths=inputs.is_provided("PATHS"),
            allocation=ground,
        )

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        corridor = result.outputs["corridor"]
        unit = tr("part of the best cost") if inputs.flag("NORMALISED") else tr("map units × resistance")
        name = tr("cost of the detour, {unit}").format(unit=unit)
        found = [RasterOutput("OUTPUT", corridor, corridor_style(corridor), band_names=(name,))]
        if "allocation" in result.outputs:
            focal = sources_and_targets(inputs)[0]
            nearest, direction = result.outputs["allocation"], result.outputs["direction"]
            ground = np.where(nearest < 0, np.nan, focal.ids[nearest])
            back = np.where(direction < 0, np.nan, direction)
            found += [
                RasterOutput(
                    "ALLOCATION",
                    ground,
                    allocation_style(focal.ids.tolist(), focal.labels),
                    "int32",
                    (tr("nearest focal node"),),
                ),
                RasterOutput("BACKLINK", back, direction_style(), "int32", (tr("direction of the next step"),)),
            ]
        return found

    def table_outputs(self, inputs: ParameterValues, result: Result) -> list[Table]:
        if "pairs" not in result.outputs:
            return []
        which = "nearest" if inputs.is_provided("TARGETS") else inputs.choice("PAIRS")
        return [path_table("PATHS", inputs, result, which)]

    def write_outputs(
        self,
        inputs: ParameterValues,
        result: Result,
        paths: dict[str, str],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        outputs = super().write_outputs(inputs, result, paths, context, feedback)
        if "joined" in result.outputs:
            warn_about_components(result.outputs["joined"], inputs.focal, feedback)
        return outputs

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = result.metrics
        text = tr("{corridors:,} corridors over {corridor_cells:,} cells; the cheapest way costs {least}.")
        feedback.pushInfo(text.format(least=format_number(numbers["least_cost"]), **numbers))
