"""Barriers and pinch points between features."""

from __future__ import annotations

from qgis.core import (
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterDistance,
    QgsProcessingParameterNumber,
)

from ...distance_registry import distance_help, distance_info, distance_labels, distance_names
from ...i18n import tr
from ...runner import Result, Task
from ..base import FLOWS, EngineAlgorithm
from ..formatting import format_number
from ..help import Help
from ..outputs import NumberOutput, RasterOutput, common_outputs
from ..parameter_values import ParameterValues
from ..parameters import (
    choice,
    cost,
    focal_nodes,
    graph,
    landscape,
    number,
    optional_map,
    output,
    theta,
    theta_help,
    validate_focal,
    with_help,
)
from ..styles import current_style, sensitivity_style


class Barriers(EngineAlgorithm):
    """Where raising permeability brings places closest together, and where movement is pinched."""

    identifier = "barriers"
    title = tr("Barriers and pinch points")
    toolbox_group = FLOWS
    summary = tr("Where raising permeability gains most between places, and where current in corridors is dense.")
    help = Help(
        description=tr(
            "For every cell, by how much the mean distance between the focal nodes falls for each unit of permeability "
            "that the cell gains: the exact derivative, all cells at once. If wanted, too: Barrier Mapper's "
            "improvement score for strips of restored land, what restoring each cell (or a disc around it) to a given "
            "resistance gains, exactly, and the current that has to keep to the least-cost corridors (pinch points)."
        ),
        when_to_use=tr(
            "Use it to decide where to restore: high values are barriers that hold many ways up. A derivative tells of "
            "small changes; where land would be restored for good, look at the gain of restoring, which is that of the "
            "whole change, or at the improvement score of strips. Pinch points are the opposite: places that work, "
            "that all movement depends on, and that should be protected. For habitat quality, or places drawn at "
            "random, use “Sensitivity of connectivity”."
        ),
        outputs=tr(
            "A raster in the unit of the distance for each unit of permeability: 0 where a change does nothing; with "
            "least cost only the cells of the cheapest paths count, with resistance all. The improvement score is what "
            "the best restored window saves, in map units times resistance; infinite, and transparent, where it joins "
            "what nothing joins now; so is the gain of restoring, by which the mean distance of the pairs that can "
            "reach each other falls. It is told for every cell with data, also of permeability 0; each cell or disc is "
            "restored alone. Pinch points are in ampere, 1 for each pair."
        ),
        references=(
            "McRae, B. H., Hall, S. A., Beier, P. & Theobald, D. M. (2012). Where to restore ecological connectivity? "
            "Detecting barriers and quantifying restoration benefits. PLoS ONE 7, e52604.",
            "McRae, B. H. (2012). Pinchpoint Mapper connectivity analysis software. The Nature Conservancy, Seattle.",
        ),
        caption=tr(
            "The sample: where more permeability takes most off the mean resistance between nine habitat patches "
            "(rings); bright where it helps most."
        ),
    )
    number_outputs = (
        *common_outputs(),
        NumberOutput("focal_nodes", tr("Focal nodes")),
        NumberOutput("mean_distance", tr("Mean distance between focal nodes that can reach each other")),
        NumberOutput("pairs", tr("Pairs that can, there and back counted apart")),
        NumberOutput("unreachable_pairs", tr("Pairs left out because no way joins them")),
        NumberOutput("minimum", tr("Smallest gain")),
        NumberOutput("maximum", tr("Largest gain")),
        NumberOutput("largest_improvement", tr("Largest finite improvement score (empty if not asked for)")),
        NumberOutput("largest_restored_gain", tr("Largest finite gain of restoring (empty if not asked for)")),
        NumberOutput(
            "newly_connecting_cells",
            tr("Cells whose restoring joins what no way joins (empty if not asked for)"),
            output="JOINING_CELLS",
        ),
        NumberOutput(
            "kcl_residual",
            tr("Largest current that is not conserved (empty without pinch points)"),
            output="UNCONSERVED",
        ),
    )

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        radius = QgsProcessingParameterDistance(
            "SEARCH_RADIUS", tr("Radius of restored windows"), None, "INPUT", optional=True, minValue=1e-9
        )
        disc = QgsProcessingParameterDistance(
            "RESTORED_RADIUS", tr("Radius of restored discs"), None, "INPUT", optional=True, minValue=1e-9
        )
        cutoff = QgsProcessingParameterNumber(
            "CUTOFF",
            tr("Width of corridors for pinch points"),
            QgsProcessingParameterNumber.Type.Double,
            optional=True,
            minValue=0,
        )
        return [
            *landscape(),
            *focal_nodes(),
            choice(
                "DISTANCE",
                tr("Distance"),
                distance_names("flow.barriers", first="resistance"),
                distance_help("flow.barriers", between_nodes=True, first="resistance")
                + " "
                + tr(
                    "The least cost between regions is that of their nearest cells; for resistance the two regions of "
                    "a pair are one node each."
                ),
            ),
            theta(theta_help() + " " + tr("Only for randomized shortest paths.")),
            cost(),
            with_help(
                radius,
                tr(
                    "Radius, in map units, of the windows that the improvement score supposes to be restored; needed "
                    "for that map."
                ),
            ),
            number(
                "RESTORED",
                tr("Resistance of restored land"),
                1.0,
                tr(
                    "Cost of a map unit of restored land, that is 1 / its permeability; for the improvement score and "
                    "the gain of restoring. Cells that are better already stay as they are."
                ),
                minimum=1e-9,
            ),
            with_help(
                disc,
                tr(
                    "Radius, in map units, of the discs that the gain of restoring supposes to be restored; empty for "
                    "single cells. Only with least cost: by resistance every disc would be a system of its own."
                ),
            ),
            with_help(
                cutoff,
                tr(
                    "By how much a way may cost more than the cheapest and still belong to the corridor, in map units "
                    "times resistance; needed for the map of pinch points."
                ),
            ),
            *graph(symmetric=True),
            output(tr("Barriers"), tr("What each unit of permeability more takes off the mean distance.")),
            optional_map(
                "IMPROVEMENT",
                tr("Improvement score"),
                tr("What the best pair of focal nodes saves if a window around the cell is restored."),
            ),
            optional_map(
                "RESTORED_GAIN",
                tr("Gain of restoring"),
                tr(
                    "By how much the mean distance falls if the cell, or the disc around it, is restored: exact, not a "
                    "derivative. Least cost and resistance only; by resistance the time grows with the square of the "
                    "number of cells, so that 100 000 cells take several minutes."
                ),
            ),
            optional_map(
                "PINCH_POINTS",
                tr("Pinch points"),
                tr("Current within the corridors of all pairs, in ampere."),
            ),
        ]

    def validate(self, provided: set[str], choices: dict[str, str]) -> str:
        for wanted, needed, text in (
            ("IMPROVEMENT", "SEARCH_RADIUS", tr("The improvement score needs the radius of restored windows.")),
            ("PINCH_POINTS", "CUTOFF", tr("Pinch points need the width of corridors.")),
        ):
            if wanted in provided and needed not in provided:
                return text
        restoration = distance_info(choices["DISTANCE"]).restoration
        if "RESTORED_GAIN" in provided and "cell" not in restoration:
            return tr("The gain of restoring is known for {distances}: choose one of them.").format(
                distances=distance_labels("flow.barriers", having="cell")
            )
        if {"RESTORED_GAIN", "RESTORED_RADIUS"} <= provided and "disc" not in restoration:
            return tr(
                "The gain of restoring whole discs is known for {distances} only: leave their radius empty for single "
                "cells, or choose {distances}."
            ).format(distances=distance_labels("flow.barriers", having="disc"))
        return validate_focal(provided)

    def task(self, inputs: ParameterValues) -> Task:
        focal = inputs.focal
        more, rasters = {}, ["gain"]
        if inputs.is_provided("IMPROVEMENT"):
            more |= {
                "search_radius": inputs.number("SEARCH_RADIUS"),
                "restored_resistance": inputs.number("RESTORED"),
            }
            rasters.append("improvement")
        if inputs.is_provided("RESTORED_GAIN"):
            more["restored_permeability"] = 1 / inputs.number("RESTORED")
            if inputs.is_provided("RESTORED_RADIUS"):
                more["restored_radius"] = inputs.number("RESTORED_RADIUS")
            rasters.append("restored_gain")
        if inputs.is_provided("PINCH_POINTS"):
            more["cutoff"] = inputs.number("CUTOFF")
            rasters.append("pinch_points")
        return inputs.task(
            "flow.barriers",
            {"focal_ids": focal.cell_ids, "focal_cells": focal.cells},
            rasters=tuple(rasters),
            distance=inputs.choice("DISTANCE"),
            theta=inputs.number("THETA"),
            cost=inputs.choice("COST"),
            **more,
        )

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        gain = result.outputs["gain"]
        # A better cell may also invite a detour, as of randomized paths, unless the distance is monotone.
        style = current_style if distance_info(inputs.choice("DISTANCE")).monotone else sensitivity_style
        found = [RasterOutput("OUTPUT", gain, style(gain), band_names=(tr("gain per unit of permeability"),))]
        for output_, name, band, unit in (
            ("IMPROVEMENT", "improvement", tr("cost saved, map units × resistance"), ""),
            ("RESTORED_GAIN", "restored_gain", tr("gain of restoring"), ""),
            ("PINCH_POINTS", "pinch_points", tr("current, ampere"), "A"),
        ):
            if name in result.outputs:
                values = result.outputs[name]
                found.append(RasterOutput(output_, values, current_style(values, unit), band_names=(band,)))
        return found

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = result.metrics
        text = tr("Mean distance of {nodes:,} focal nodes: {distance}. A unit of permeability gains up to {gain}.")
        distance, gain = format_number(numbers["mean_distance"]), format_number(numbers["maximum"])
        feedback.pushInfo(text.format(nodes=numbers["focal_nodes"], distance=distance, gain=gain))
        if numbers["largest_restored_gain"] is not None:
            text = tr("Restoring gains up to {gain}; {joining_cells:,} cells or discs would join what no way joins.")
            gain = format_number(numbers["largest_restored_gain"])
            feedback.pushInfo(text.format(gain=gain, joining_cells=numbers["newly_connecting_cells"]))
        if numbers["unreachable_pairs"]:
            text = tr(
                "{unreachable_pairs:,} pairs are left out: barriers (no data or zero permeability) cut them off from "
                "each other. “Connected components” shows the parts of the landscape."
            )
            feedback.pushWarning(text.format(**numbers))
