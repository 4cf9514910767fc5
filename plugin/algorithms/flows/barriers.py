"""Barriers and pinch points between features."""

from __future__ import annotations

from qgis.core import (
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterDistance,
    QgsProcessingParameterNumber,
)

from ...runner import Result, Task
from ...translation import tr
from ..algorithm import FLOWS, EngineAlgorithm
from ..documentation import Help
from ..inputs import Inputs
from ..parameters import (
    choice,
    cost,
    explained,
    focal_complaint,
    focal_nodes,
    graph,
    landscape,
    number,
    optional_map,
    output,
    theta,
    theta_help,
)
from ..results import Figure, Map, figures_of_every_run, in_digits
from ..styles import current_style, sensitivity_style


class Barriers(EngineAlgorithm):
    """Where raising permeability brings places closest together, and where movement is pinched."""

    identifier = "barriers"
    title = tr("Barriers and pinch points")
    section = FLOWS
    summary = tr("Where raising permeability gains most between places, and where current in corridors is dense.")
    help = Help(
        what=tr(
            "For every cell, by how much the mean distance between the focal nodes falls for each unit of permeability "
            "that the cell gains: the exact derivative, all cells at once. If wanted, too: Barrier Mapper's "
            "improvement score for strips of restored land, and the current that has to keep to the least-cost "
            "corridors (pinch points)."
        ),
        when=tr(
            "Use it to decide where to restore: high values are barriers that hold many ways up. A derivative tells of "
            "small changes; where whole strips would be restored, look at the improvement score. Pinch points are the "
            "opposite: places that work, that all movement depends on, and that should be protected. For habitat "
            "quality, or places drawn at random, use “Sensitivity of connectivity”."
        ),
        result=tr(
            "A raster in the unit of the distance for each unit of permeability: 0 where a change does nothing; with "
            "least cost only the cells of the cheapest paths count, with resistance all. The improvement score is what "
            "the best restored window saves, in map units times resistance; infinite, and transparent, where it joins "
            "what nothing joins now. Pinch points are in ampere, 1 for each pair."
        ),
        reads=(
            "McRae, B. H., Hall, S. A., Beier, P. & Theobald, D. M. (2012). Where to restore ecological connectivity? "
            "Detecting barriers and quantifying restoration benefits. PLoS ONE 7, e52604.",
            "McRae, B. H. (2012). Pinchpoint Mapper connectivity analysis software. The Nature Conservancy, Seattle.",
        ),
        picture=tr(
            "The sample: where more permeability takes most off the mean resistance between nine habitat patches "
            "(rings); bright where it helps most."
        ),
    )
    figures = (
        *figures_of_every_run(),
        Figure("focal_nodes", tr("Focal nodes")),
        Figure("mean_distance", tr("Mean distance between focal nodes that can reach each other")),
        Figure("pairs", tr("Pairs that can, there and back counted apart")),
        Figure("unreachable_pairs", tr("Pairs left out because no way joins them")),
        Figure("minimum", tr("Smallest gain")),
        Figure("maximum", tr("Largest gain")),
        Figure("largest_improvement", tr("Largest finite improvement score (empty if not asked for)")),
        Figure("unconserved", tr("Largest current that is not conserved (empty without pinch points)")),
    )

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        radius = QgsProcessingParameterDistance(
            "SEARCH_RADIUS", tr("Radius of restored windows"), None, "INPUT", optional=True, minValue=1e-9
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
                ["resistance", "leastcost", "rsp"],
                tr(
                    "Which distance is to fall: resistance (all ways, without a plan), least cost (the one best way) "
                    "or randomized shortest paths (in between, see θ). Regions of several cells need least cost."
                ),
            ),
            theta(theta_help() + " " + tr("Only for randomized shortest paths.")),
            cost(),
            explained(
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
                tr("Cost of a map unit of restored land, for the improvement score."),
                minimum=1e-9,
                advanced=True,
            ),
            explained(
                cutoff,
                tr(
                    "By how much a way may cost more than the cheapest and still belong to the corridor, in map units "
                    "times resistance; needed for the map of pinch points."
                ),
            ),
            *graph(both_ways_alike=True),
            output(tr("Barriers"), tr("What each unit of permeability more takes off the mean distance.")),
            optional_map(
                "IMPROVEMENT",
                tr("Improvement score"),
                tr("What the best pair of focal nodes saves if a window around the cell is restored."),
            ),
            optional_map(
                "PINCH_POINTS",
                tr("Pinch points"),
                tr("Current within the corridors of all pairs, in ampere."),
            ),
        ]

    def complaint(self, given: set[str], choices: dict[str, str]) -> str:
        for wanted, needed, text in (
            ("IMPROVEMENT", "SEARCH_RADIUS", tr("The improvement score needs the radius of restored windows.")),
            ("PINCH_POINTS", "CUTOFF", tr("Pinch points need the width of corridors.")),
        ):
            if wanted in given and needed not in given:
                return text
        return focal_complaint(given)

    def task(self, inputs: Inputs) -> Task:
        focal = inputs.focal
        more, rasters = {}, ["gain"]
        if inputs.is_given("IMPROVEMENT"):
            more |= {
                "search_radius": inputs.number("SEARCH_RADIUS"),
                "restored_resistance": inputs.number("RESTORED"),
            }
            rasters.append("improvement")
        if inputs.is_given("PINCH_POINTS"):
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

    def maps(self, inputs: Inputs, result: Result) -> list[Map]:
        gain = result.outputs["gain"]
        # Of randomized paths a better cell may also invite a detour.
        style = sensitivity_style if inputs.choice("DISTANCE") == "rsp" else current_style
        found = [Map("OUTPUT", gain, style(gain), band_names=(tr("gain per unit of permeability"),))]
        for output_, name, band, unit in (
            ("IMPROVEMENT", "improvement", tr("cost saved, map units × resistance"), ""),
            ("PINCH_POINTS", "pinch_points", tr("current, ampere"), "A"),
        ):
            if name in result.outputs:
                values = result.outputs[name]
                found.append(Map(output_, values, current_style(values, unit), band_names=(band,)))
        return found

    def remarks(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = result.numbers
        text = tr("Mean distance of {nodes:,} focal nodes: {distance}. A unit of permeability gains up to {gain}.")
        distance, gain = in_digits(numbers["mean_distance"]), in_digits(numbers["maximum"])
        feedback.pushInfo(text.format(nodes=numbers["focal_nodes"], distance=distance, gain=gain))
        if numbers["unreachable_pairs"]:
            text = tr(
                "{unreachable_pairs:,} pairs are left out: barriers (no data or zero permeability) cut them off from "
                "each other. “Connected components” shows the parts of the landscape."
            )
            feedback.pushWarning(text.format(**numbers))
