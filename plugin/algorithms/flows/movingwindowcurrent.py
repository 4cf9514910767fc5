"""Omnidirectional current in landscapes of any size, by moving windows as in Omniscape."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingFeedback,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
)

from ...runner import Result, Task
from ...translation import tr
from ..algorithm import FLOWS
from ..documentation import Help
from ..inputs import Inputs
from ..parameters import distance, explained, graph, landscape, number, output
from ..results import Figure, Map, figures_of_every_run, in_digits
from ..styles import current_style, habitat_style, sampled
from ..windowed import WindowedAlgorithm

DEFAULT_RADIUS = 1000.0
DEFAULT_BLOCK = 5


class MovingWindowCurrent(WindowedAlgorithm):
    """Currents from all sources around to every block, added up."""

    identifier = "movingwindowcurrent"
    title = tr("Moving-window current")
    section = FLOWS
    summary = tr("Where movement in all directions goes, in landscapes of any size, as in Omniscape.")
    help = Help(
        what=tr(
            "A window moves over the landscape. Its centre, a block of cells, is a target: a current as large as the "
            "source strengths of the block flows to it from all sources within the radius, each giving as much as it "
            "is strong. The currents of all windows are added up. This is Omniscape's method."
        ),
        when=tr(
            "Use it where there are no patches to connect, but movement everywhere and in all directions: for ranges "
            "of species across a region, for networks between natural lands, for landscapes too large for the memory. "
            "To connect given places use “Current flow”. Try a part of a large raster first; a run of hours should "
            "have a folder of finished batches."
        ),
        result=tr(
            "The cumulative current of every cell in ampere: high where much movement passes, because there are many "
            "sources around or because there is no other way. The flow potential is what the current would be if "
            "nothing resisted; it shows the sources alone. The normalised current, the one divided by the other, shows "
            "the landscape alone: about 1 where movement spreads, above where it is channelled, below where it is "
            "kept away. Windows at the edge are as in Omniscape 0.6.2; the method reference tells how."
        ),
        reads=(
            "McRae, B. H. et al. (2016). Conserving nature's stage: mapping omnidirectional connectivity for resilient "
            "terrestrial landscapes in the Pacific Northwest. The Nature Conservancy, Portland.",
            "Landau, V. A., Shah, V. B., Anantharaman, R. & Hall, K. R. (2021). Omniscape.jl: Software to compute "
            "omnidirectional landscape connectivity. Journal of Open Source Software 6 (57), 2829.",
        ),
        picture=tr(
            "The sample: current of all windows with a radius of 1 km between good habitat everywhere; bright "
            "where much movement passes."
        ),
    )
    figures = (
        *(figure for figure in figures_of_every_run() if figure.key != "components"),
        Figure("total_current", tr("Current that arrives at all targets together, in ampere")),
        Figure("windows", tr("Windows that were computed")),
        Figure("skipped_windows", tr("Windows skipped because their target is no source")),
        Figure("minimum", tr("Smallest cumulative current")),
        Figure("maximum", tr("Largest cumulative current")),
    )
    task_name = "windowed.current"

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            *landscape(),
            explained(
                QgsProcessingParameterRasterLayer("SOURCE_STRENGTH", tr("Source strength"), optional=True),
                tr(
                    "How much movement begins and ends in each cell, 0 or more, for example habitat quality. If its "
                    "cells do not lie on those of the landscape they are brought there, and the log says so. If "
                    "nothing is chosen, the strength is the permeability, that is 1 / resistance."
                ),
            ),
            distance(
                "RADIUS",
                tr("Radius"),
                DEFAULT_RADIUS,
                tr(
                    "How far, in map units, sources lie from their target: how far the species moves. The work grows "
                    "about with the third power of the radius."
                ),
            ),
            number(
                "BLOCK_SIZE",
                tr("Block size, in cells"),
                DEFAULT_BLOCK,
                tr(
                    "Width of the blocks of cells that share one window; an odd number, so that a block has a centre. "
                    "1 is one window for every cell. Up to a tenth of the radius changes little and saves much."
                ),
                minimum=1,
                whole=True,
            ),
            number(
                "THRESHOLD",
                tr("Source threshold"),
                0,
                tr("Cells whose source strength is lower than this are no sources. Only with a raster of strengths."),
                minimum=0,
            ),
            number(
                "CUTOFF",
                tr("Highest resistance of a source"),
                0,
                tr(
                    "Without a raster of strengths: cells of a higher resistance (1 / permeability) than this are no "
                    "sources. 0: all cells are sources."
                ),
                minimum=0,
            ),
            distance_or_none(
                "BUFFER",
                tr("Buffer"),
                tr("How much further than the radius, in map units, current may stray from the target."),
            ),
            explained(
                QgsProcessingParameterBoolean("CORRECT", tr("Correct for blocks"), defaultValue=True),
                tr("Make up for the current that is concentrated at the centres of blocks. Nothing for blocks of 1."),
                advanced=True,
            ),
            explained(
                QgsProcessingParameterBoolean("AS_OMNISCAPE", tr("Edges as in Omniscape"), defaultValue=True),
                tr(
                    "On: the same numbers as Omniscape 0.6.2, whose windows at the upper and left edge leave out the "
                    "wrong sources, and which has no targets in the rest of a block at the lower and right edge or "
                    "where the centre of a block is a barrier. Off: none of this."
                ),
                advanced=True,
            ),
            self._batch(),
            self._checkpoint(),
            self._cluster(),
            *graph(both_ways_alike=True),
            output(tr("Cumulative current"), tr("The current of all windows through every cell, in ampere.")),
            explained(
                QgsProcessingParameterRasterDestination(
                    "FLOW_POTENTIAL", tr("Flow potential"), optional=True, createByDefault=False
                ),
                tr("What the current would be if nothing resisted, in ampere. Takes about half as long again."),
            ),
            explained(
                QgsProcessingParameterRasterDestination(
                    "NORMALIZED_CURRENT", tr("Normalised current"), optional=True, createByDefault=False
                ),
                tr("Cumulative current divided by flow potential; no data where no window reaches."),
            ),
        ]

    def complaint(self, given: set[str], choices: dict[str, str]) -> str:
        return ""

    def task(self, inputs: Inputs) -> Task:
        arrays = {"sources": inputs.strengths("SOURCE_STRENGTH")} if inputs.is_given("SOURCE_STRENGTH") else {}
        parameters: dict[str, Any] = {
            "radius": inputs.number("RADIUS"),
            "buffer": inputs.number("BUFFER"),
            "block": inputs.whole_number("BLOCK_SIZE"),
            "threshold": inputs.number("THRESHOLD"),
            "correct_artifacts": inputs.flag("CORRECT"),
            "as_omniscape": inputs.flag("AS_OMNISCAPE"),
            "flow_potential": inputs.is_given("FLOW_POTENTIAL"),
            "normalized_current": inputs.is_given("NORMALIZED_CURRENT"),
        }
        if cutoff := inputs.number("CUTOFF"):
            parameters["cutoff"] = cutoff
        return inputs.task(self.task_name, arrays, **parameters, **self._who_computes(inputs))

    def maps(self, inputs: Inputs, result: Result) -> list[Map]:
        styles = {"flow_potential": current_style, "normalized_current": habitat_style, "current": current_style}
        names = {
            "current": ("OUTPUT", tr("cumulative current, ampere")),
            "flow_potential": ("FLOW_POTENTIAL", tr("flow potential, ampere")),
            "normalized_current": ("NORMALIZED_CURRENT", tr("normalised current")),
        }
        return [
            Map(names[key][0], values, styles[key](sampled(values)), band_names=(names[key][1],))
            for key, values in result.outputs.items()
        ]

    def remarks(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = result.numbers
        text = tr("{total} A arrive at the targets of {windows:,} windows.")
        feedback.pushInfo(text.format(total=in_digits(numbers["total_current"]), windows=numbers["windows"]))
        if numbers["skipped_windows"]:
            feedback.pushInfo(
                tr("{skipped_windows:,} windows whose target is no source were skipped.").format(**numbers)
            )


def distance_or_none(name: str, description: str, text: str) -> QgsProcessingParameterDefinition:
    """Return a length in the units of the landscape that may be 0, which it is by default; advanced."""
    parameter = distance(name, description, 0.0, text)
    parameter.setMinimum(0.0)
    return explained(parameter, text, advanced=True)
