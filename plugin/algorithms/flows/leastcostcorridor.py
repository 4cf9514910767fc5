"""Least-cost corridors between features."""

from __future__ import annotations

import numpy as np
from qgis.core import (
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
)

from ...i18n import tr
from ...layers import ComputedRaster
from ...runner import Result, Task
from ..base import FLOWS, EngineAlgorithm
from ..formatting import format_number
from ..help import Help
from ..outputs import NumberOutput, RasterOutput, common_outputs
from ..pair_tables import pair_arrays, path_table, sources_and_targets, warn_about_components, warn_about_isolated
from ..parameter_types import boolean, choice, line_destination, number, only_without, optional_raster_destination
from ..parameter_values import ParameterValues
from ..parameters import focal_nodes, graph, landscape, raster_destination, targets, validate_focal
from ..results import OF_LEAST_COST, cost_unit, with_unit
from ..styles import allocation_style, corridor_style, direction_style
from ..tables import Table

MAX_INT32 = np.iinfo(np.int32).max


class LeastCostCorridor(EngineAlgorithm):
    """Excess cost of the least-cost path through each cell, over the least-cost path."""

    identifier = "leastcostcorridor"
    title = tr("Least-cost corridor")
    search_words = "corridor, linkage, friction, cost surface, Linkage Mapper, UNICOR"
    toolbox_group = FLOWS
    summary = tr("How much more a path through each cell costs than the least-cost path.")
    help = Help(
        description=tr(
            "For every cell, the excess cost of the cheapest path through it over the least-cost path: the sum of its "
            "cost distances to both ends, minus the cost of the least-cost path. Between two layers, or between pairs "
            "of focal nodes: each cell then takes the smallest value of all pairs."
        ),
        when_to_use=tr(
            "Use it to see how wide a corridor is and where it has alternatives, that is which cells are nearly as "
            "good as the least-cost path. For the path alone use “Least-cost paths”; if all routes count rather than "
            "the best one, “Current flow”."
        ),
        outputs=tr(
            "A raster in map units times resistance: 0 along the least-cost path, 500 where the detour costs as much "
            "as 500 m through cells of resistance 1. Normalised, the values are fractions of the least cost: 0.1 is "
            "ten percent more. Cells above the cutoff, and cells through which no path leads, are nodata. Without a "
            "cutoff the map shows the best fifth of the landscape; the rest is transparent."
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
        NumberOutput("corridors", tr("Corridors (connected pairs)")),
        NumberOutput("least_cost", tr("Smallest least-cost distance of all pairs"), unit=cost_unit),
        NumberOutput("corridor_cells", tr("Cells of the corridors")),
        NumberOutput("maximum", tr("Largest value in the corridors"), unit=lambda inputs: _unit(inputs)),
    )

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            *landscape(),
            *focal_nodes(),
            *targets(),
            only_without(
                choice(
                    "PAIRS",
                    tr("Corridors between"),
                    {"all": tr("All pairs"), "minimum_planar_graph": tr("Minimum planar graph")},
                    tr(
                        "Among focal nodes: all pairs, or the minimum planar graph, that is only neighbours, whose "
                        "cost-weighted Voronoi regions share a boundary. With targets there is one corridor, from all "
                        "focal nodes together to all targets together."
                    ),
                ),
                "TARGETS",
            ),
            boolean(
                "NORMALISED",
                tr("Normalise (divide by the least cost)"),
                tr(
                    "On: values are fractions of the least cost of their pair, so that long and short corridors are "
                    "equally wide."
                ),
            ),
            number(
                "THRESHOLD",
                tr("Cost-weighted corridor width cutoff"),
                None,
                tr(
                    "The largest value that belongs to a corridor, in the units of the map: map units times "
                    "resistance, or a fraction of the least cost if normalised. Empty: no cutoff."
                ),
                minimum=1e-12,
                unit="corridor",
            ),
            *graph(),
            raster_destination(
                tr("Least-cost corridor"),
                tr("Excess cost of a path through each cell; nodata above the cutoff."),
            ),
            line_destination(
                "PATHS",
                tr("Least-cost paths"),
                tr(
                    "The least-cost path of each pair, with ids, length and cost; with targets, from each focal node "
                    "to the nearest target."
                ),
                optional=True,
            ),
            optional_raster_destination(
                "ALLOCATION",
                tr("Cost-weighted allocation"),
                tr(
                    "For every cell the id of the focal node with the smallest cost distance, numbered from 1 if the "
                    "ids are not whole numbers."
                ),
            ),
            optional_raster_destination(
                "BACKLINK",
                tr("Back link (direction)"),
                tr(
                    "For every cell the direction of the next step of the least-cost path to its focal node: 1 east, "
                    "2 south-east, and clockwise to 8 north-east; 0 in a focal node."
                ),
            ),
        ]

    def validate(self, provided: set[str], choices: dict[str, str]) -> str:
        if "TARGETS" not in provided and choices["EDGE_RULE"] == "target":
            return tr(
                "Corridors among focal nodes are undirected, so the edge conductance rule cannot be the permeability "
                "of the target cell: choose mean permeability or mean resistance."
            )
        return validate_focal(provided)

    def task(self, inputs: ParameterValues) -> Task:
        with_allocation = inputs.is_provided("ALLOCATION") or inputs.is_provided("BACKLINK")
        return inputs.task(
            "leastcost.corridor",
            pair_arrays(inputs),
            rasters=("corridor", "allocation", "direction") if with_allocation else ("corridor",),
            pairs=inputs.choice("PAIRS"),
            relative=inputs.flag("NORMALISED"),
            truncate_at=inputs.number("THRESHOLD") if inputs.is_provided("THRESHOLD") else None,
            paths=inputs.is_provided("PATHS"),
            allocation=with_allocation,
        )

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        corridor = result.outputs["corridor"]
        normalised = inputs.flag("NORMALISED")
        name = with_unit(tr("excess cost"), _unit(inputs))
        title = tr("Normalised least-cost corridor") if normalised else ""
        style = corridor_style(corridor, _unit(inputs), cutoff=inputs.is_provided("THRESHOLD"))
        rasters = [RasterOutput("OUTPUT", corridor, style, band_names=(name,), title=title, lists_largest=False)]
        if "allocation" in result.outputs:
            focal = sources_and_targets(inputs)[0]
            nearest, direction = result.outputs["allocation"], result.outputs["direction"]
            ids = ComputedRaster(lambda index: np.where(index < 0, np.nan, focal.ids[index]), nearest, dtype=float)
            # Ids are any whole numbers; GeoTIFFs of 64-bit integers need a newer GDAL than QGIS may have.
            id_type = "int32" if np.abs(focal.ids).max() <= MAX_INT32 else "float64"
            style = allocation_style(focal.ids.tolist(), focal.labels)
            directions = ComputedRaster(lambda code: np.where(code < 0, np.nan, code), direction, dtype=float)
            rasters += [
                RasterOutput("ALLOCATION", ids, style, id_type, (tr("nearest focal node"),)),
                RasterOutput("BACKLINK", directions, direction_style(), "int32", (tr("direction of the next step"),)),
            ]
        return rasters

    def table_outputs(self, inputs: ParameterValues, result: Result) -> list[Table]:
        if "pairs" not in result.outputs:
            return []
        which = "nearest" if inputs.is_provided("TARGETS") else inputs.choice("PAIRS")
        return [path_table("PATHS", inputs, result, which)]

    def warn_about_result(self, inputs: ParameterValues, result: Result, feedback: QgsProcessingFeedback) -> None:
        if inputs.flag("NORMALISED") and result.metrics["coincident_pairs"]:
            text = tr(
                "{coincident_pairs:# pair|# pairs} of focal nodes {coincident_pairs:shares|share} a cell. Their least "
                "cost is 0, so they have no normalised corridor and are left out."
            )
            feedback.pushWarning(text.format(**result.metrics))
        sources, targets = sources_and_targets(inputs)
        if targets is sources:
            warn_about_components(result.outputs["joined"], sources, feedback)
        else:
            warn_about_isolated(result.outputs["joined"], sources, targets, feedback)

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = result.metrics
        text = tr(
            "{corridors:# corridor|# corridors} over {corridor_cells:# cell|# cells}; the smallest least-cost distance "
            "is {least}."
        )
        feedback.pushInfo(text.format(least=format_number(numbers["least_cost"]), **numbers))


def _unit(inputs: ParameterValues) -> str:
    """Return the unit of the excess costs."""
    return OF_LEAST_COST if inputs.flag("NORMALISED") else cost_unit(inputs)
