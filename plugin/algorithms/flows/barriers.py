"""Barriers and pinch points between features."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProcessingFeedback, QgsProcessingParameterDefinition

from ...distance_registry import distance_info, distance_labels, distances_having
from ...i18n import tr
from ...runner import Result, Task
from ..base import FLOWS, EngineAlgorithm
from ..formatting import format_number
from ..help import Help
from ..outputs import NumberOutput, RasterOutput, common_outputs, conservation_output
from ..pair_tables import warn_about_excluded_pairs
from ..parameter_types import distance, number, only_with, only_with_any, optional_raster_destination
from ..parameter_values import ParameterValues
from ..parameters import (
    cost,
    distance_choice,
    focal_nodes,
    graph,
    landscape,
    only_rsp,
    raster_destination,
    theta,
    unreachable,
    validate_focal,
)
from ..results import cost_unit, distance_unit, with_distance
from ..styles import current_style, gain_style, sensitivity_style


class Barriers(EngineAlgorithm):
    """Where higher permeability reduces the distances between places most, and where movement is constricted."""

    identifier = "barriers"
    title = tr("Barriers and pinch points")
    search_words = (
        "barrier, bottleneck, pinch point, pinchpoint, restoration, where to restore, road, conservation priority, "
        "corridor, linkage, circuit theory, Linkage Mapper, Barrier Mapper, Pinchpoint Mapper"
    )
    toolbox_group = FLOWS
    summary = tr("Where higher permeability connects focal nodes best, and where current in corridors is constricted.")
    help = Help(
        description=tr(
            "For every cell, the decrease of the mean distance between the focal nodes per unit of permeability added "
            "to the cell: the exact derivative, for all cells at once. Optional maps: Barrier Mapper's improvement "
            "score for circular search windows, the exact gain from restoring each cell (or a disc around it) to a "
            "given resistance, and the current within least-cost corridors (pinch points)."
        ),
        when_to_use=tr(
            "Use it to decide where to restore: high values are barriers on important routes. A derivative describes "
            "small changes; if land would be restored completely, use the gain from restoration, which is exact for "
            "the whole change, or the improvement score. Pinch points are the opposite: functioning bottlenecks that "
            "all movement depends on, and that need protection. For habitat quality, or randomly sampled places, use "
            "“Sensitivity of connectivity”."
        ),
        outputs=tr(
            "A raster in units of the distance per unit of permeability: 0 where a change has no effect; for the least "
            "cost only cells of least-cost paths have an effect, for the resistance all cells. The improvement score "
            "is the cost saved by the best restored window, in map units times resistance. The gain from restoration "
            "is the decrease of the mean distance of the connected pairs. Both are computed for all cells with data, "
            "including cells of permeability 0; each cell or disc is restored on its own. Where restoration connects "
            "pairs that are not connected now, the gain has no limit: such cells are nodata, and the log counts them. "
            "Pinch points are in ampere, with 1 ampere for each pair."
        ),
        references=(
            "McRae, B. H., Hall, S. A., Beier, P. & Theobald, D. M. (2012). Where to restore ecological connectivity? "
            "Detecting barriers and quantifying restoration benefits. PLoS ONE 7, e52604.",
            "McRae, B. H. (2012). Pinchpoint Mapper connectivity analysis software. The Nature Conservancy, Seattle.",
        ),
        caption=tr(
            "The sample: where more permeability reduces the mean resistance between nine habitat patches (rings); "
            "darker blue where it helps most."
        ),
    )
    number_outputs = (
        *common_outputs(),
        NumberOutput("focal_nodes", tr("Focal nodes")),
        NumberOutput("mean_distance", tr("Mean distance between connected focal nodes"), unit=distance_unit),
        NumberOutput("pairs", tr("Connected pairs, with each direction counted")),
        NumberOutput("unreachable_pairs", tr("Pairs excluded because no path connects them")),
        NumberOutput("minimum", tr("Smallest gain per unit of permeability"), unit=distance_unit),
        NumberOutput("maximum", tr("Largest gain per unit of permeability"), unit=distance_unit),
        NumberOutput(
            "largest_improvement",
            tr("Largest finite improvement score"),
            remark=tr("(empty if not computed)"),
            unit=cost_unit,
        ),
        NumberOutput(
            "largest_restored_gain",
            tr("Largest finite gain from restoration"),
            remark=tr("(empty if not computed)"),
            unit=distance_unit,
        ),
        NumberOutput(
            "newly_connecting_cells",
            tr("Cells whose restoration connects pairs not connected now"),
            remark=tr("(empty if not computed)"),
            output="JOINING_CELLS",
        ),
        NumberOutput(
            "newly_connecting_windows",
            tr("Search windows whose restoration connects pairs not connected now"),
            remark=tr("(empty if not computed)"),
            output="JOINING_WINDOWS",
        ),
        conservation_output(tr("(empty without pinch points)")),
    )

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            *landscape(),
            *focal_nodes(),
            distance_choice(
                "flow.barriers",
                tr(
                    "The least cost between regions is that of their nearest cells; for the resistance each region of "
                    "a pair is one node."
                ),
                between_nodes=True,
                first="resistance",
            ),
            theta(only_rsp()),
            cost(),
            only_with(
                distance(
                    "SEARCH_RADIUS",
                    tr("Search radius of the improvement score"),
                    None,
                    tr(
                        "Radius, in map units, of the circular windows that the improvement score assumes to be "
                        "restored; required for that map."
                    ),
                ),
                IMPROVEMENT=(),
            ),
            only_with_any(
                number(
                    "RESTORED",
                    tr("Resistance of restored land"),
                    1.0,
                    tr(
                        "Cost per map unit of restored land, that is 1 / permeability, for the improvement score and "
                        "the gain from restoration. Cells of lower resistance remain unchanged."
                    ),
                    minimum=1e-9,
                ),
                "IMPROVEMENT",
                "RESTORED_GAIN",
            ),
            only_with(
                distance(
                    "RESTORED_RADIUS",
                    tr("Radius of restored discs"),
                    None,
                    tr(
                        "Radius, in map units, of the discs that the gain from restoration assumes to be restored; "
                        "empty for single cells. Least cost only."
                    ),
                ),
                RESTORED_GAIN=(),
                DISTANCE=distances_having("flow.barriers", "disc"),
            ),
            only_with(
                number(
                    "CUTOFF",
                    tr("Cost-weighted corridor width cutoff of pinch points"),
                    None,
                    tr(
                        "Largest excess cost over the least-cost path that belongs to a corridor, in map units times "
                        "resistance; required for the map of pinch points."
                    ),
                    minimum=0,
                    unit="cost",
                ),
                PINCH_POINTS=(),
            ),
            *graph(symmetric=True),
            only_with_any(
                unreachable(
                    tr("Cells that connect separated places"),
                    tr(
                        "How the maps of the improvement score and of the gain from restoration show cells whose "
                        "restoration connects places that are not connected now, so that the gain has no limit."
                    ),
                ),
                "IMPROVEMENT",
                "RESTORED_GAIN",
            ),
            raster_destination(tr("Barriers"), tr("Decrease of the mean distance per unit of permeability.")),
            optional_raster_destination(
                "IMPROVEMENT",
                tr("Improvement score"),
                tr("Cost saved for the best pair of focal nodes if a window around the cell is restored."),
            ),
            only_with(
                optional_raster_destination(
                    "RESTORED_GAIN",
                    tr("Gain from restoration"),
                    tr(
                        "Decrease of the mean distance if the cell, or the disc around it, is restored: exact, not a "
                        "derivative. Least cost and resistance only; for the resistance the time grows with the square "
                        "of the number of cells: 100,000 cells take several minutes."
                    ),
                ),
                DISTANCE=distances_having("flow.barriers", "cell"),
            ),
            optional_raster_destination(
                "PINCH_POINTS",
                tr("Pinch points"),
                tr("Current within the corridors of all pairs, in ampere."),
            ),
        ]

    def validate(self, provided: set[str], choices: dict[str, str]) -> str:
        for output, requirement, text in (
            ("IMPROVEMENT", "SEARCH_RADIUS", tr("The improvement score needs a search radius.")),
            ("PINCH_POINTS", "CUTOFF", tr("Pinch points need a corridor width cutoff.")),
        ):
            if output in provided and requirement not in provided:
                return text
        restoration = distance_info(choices["DISTANCE"]).restoration
        if "RESTORED_GAIN" in provided and "cell" not in restoration:
            return tr("The gain from restoration is available for {distances}: choose one of them.").format(
                distances=distance_labels("flow.barriers", having="cell")
            )
        if {"RESTORED_GAIN", "RESTORED_RADIUS"} <= provided and "disc" not in restoration:
            return tr(
                "The gain from restoring discs is available for {distances} only: leave their radius empty for single "
                "cells, or choose {distances}."
            ).format(distances=distance_labels("flow.barriers", having="disc"))
        return validate_focal(provided)

    def task(self, inputs: ParameterValues) -> Task:
        optional: dict[str, Any] = {}
        rasters = ["gain"]
        if inputs.is_provided("IMPROVEMENT"):
            optional |= {
                "search_radius": inputs.number("SEARCH_RADIUS"),
                "restored_resistance": inputs.number("RESTORED"),
            }
            rasters.append("improvement")
        if inputs.is_provided("RESTORED_GAIN"):
            optional["restored_permeability"] = 1 / inputs.number("RESTORED")
            if inputs.is_provided("RESTORED_RADIUS"):
                optional["restored_radius"] = inputs.length("RESTORED_RADIUS")
            rasters.append("restored_gain")
        if inputs.is_provided("PINCH_POINTS"):
            optional["cutoff"] = inputs.number("CUTOFF")
            rasters.append("pinch_points")
        focal = inputs.focal
        return inputs.task(
            "flow.barriers",
            {"focal_ids": focal.cell_ids, "focal_cells": focal.cells},
            rasters=tuple(rasters),
            distance=inputs.choice("DISTANCE"),
            theta=inputs.number("THETA"),
            cost=inputs.choice("COST"),
            **optional,
        )

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        gain = result.outputs["gain"]
        # A better cell may also invite a detour, so gains may be negative unless the distance is monotone.
        style = gain_style if distance_info(inputs.choice("DISTANCE")).monotone else sensitivity_style
        unit = distance_unit(inputs)
        rasters = [
            RasterOutput(
                "OUTPUT",
                gain,
                style(gain, tr("{unit} per unit").format(unit=unit).strip()),
                band_names=(tr("gain per unit of permeability"),),
                title=with_distance(tr("Barriers"), inputs),
            )
        ]
        for output, key, band_name, style in (
            ("IMPROVEMENT", "improvement", tr("cost saved, {unit}").format(unit=cost_unit(inputs)), gain_style),
            ("RESTORED_GAIN", "restored_gain", tr("gain from restoration"), gain_style),
            ("PINCH_POINTS", "pinch_points", tr("current, ampere"), current_style),
        ):
            if key in result.outputs:
                values = result.outputs[key]
                units = {"IMPROVEMENT": cost_unit(inputs), "RESTORED_GAIN": unit, "PINCH_POINTS": "A"}
                rasters.append(RasterOutput(output, values, style(values, units[output]), band_names=(band_name,)))
        return rasters

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = result.metrics
        text = tr(
            "Mean distance of {nodes:# focal node|# focal nodes}: {distance}. Largest gain per unit of permeability: "
            "{gain}."
        )
        distance, gain = format_number(numbers["mean_distance"]), format_number(numbers["maximum"])
        feedback.pushInfo(text.format(nodes=numbers["focal_nodes"], distance=distance, gain=gain))
        if numbers["largest_restored_gain"] is not None:
            text = tr(
                "Largest gain from restoration: {gain}. Restoration at {cells:# cell|# cells} would connect pairs that "
                "are not connected now."
            )
            gain = format_number(numbers["largest_restored_gain"])
            feedback.pushInfo(text.format(gain=gain, cells=numbers["newly_connecting_cells"]))
        if numbers["newly_connecting_windows"]:
            text = tr("{windows:# search window|# search windows} would connect pairs that are not connected now.")
            feedback.pushInfo(text.format(windows=numbers["newly_connecting_windows"]))
        if numbers["newly_connecting_windows"] or numbers["newly_connecting_cells"]:
            text = tr(
                "Cells whose restoration connects separated places are nodata on the maps, unless “Cells that connect "
                "separated places” is set to infinity."
            )
            feedback.pushInfo(text)
        warn_about_excluded_pairs(numbers["unreachable_pairs"], feedback)
