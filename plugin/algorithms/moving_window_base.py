"""What the algorithms about currents in moving windows share: what moves in them, and how windows are cut."""

from __future__ import annotations

from typing import Any

import numpy as np
from qgis.core import (
    QgsProcessingFeedback,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterRasterLayer,
)

from ..i18n import tr
from ..runner import Result
from .condition_parameters import conditions, read_conditions, validate_conditions
from .outputs import NumberOutput, common_outputs
from .parameters import distance, number, with_help
from .streamed_inputs import StreamedParameterValues
from .window_base import WindowedAlgorithm

DEFAULT_RADIUS = 1000.0
DEFAULT_BLOCK = 5


class MovingWindowAlgorithm(WindowedAlgorithm):
    """Currents from the sources around to every block, as in Omniscape."""

    def windows(self) -> list[QgsProcessingParameterDefinition]:
        """Return what moves, how far, and how windows are cut."""
        return [
            with_help(
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
                None,
                tr(
                    "Without a raster of strengths: cells of a higher resistance (1 / permeability) than this are no "
                    "sources. All cells are sources if it is not set."
                ),
                minimum=0,
            ),
            _distance_or_none(
                "BUFFER",
                tr("Buffer"),
                tr("How much further than the radius, in map units, current may stray from the target."),
            ),
            *conditions(),
            with_help(
                QgsProcessingParameterBoolean("CORRECT", tr("Correct for blocks"), defaultValue=True),
                tr("Make up for the current that is concentrated at the centres of blocks. Nothing for blocks of 1."),
                advanced=True,
            ),
            with_help(
                QgsProcessingParameterBoolean("AS_OMNISCAPE", tr("Edges as in Omniscape"), defaultValue=True),
                tr(
                    "On: the same numbers as Omniscape 0.6.2, whose windows at the upper and left edge leave out the "
                    "wrong sources, and which has no targets in the rest of a block at the lower and right edge or "
                    "where the centre of a block is a barrier. Off: none of this."
                ),
                advanced=True,
            ),
        ]

    def validate(self, provided: set[str], choices: dict[str, str]) -> str:
        return validate_conditions(provided, choices)

    def source_inputs(self, inputs: StreamedParameterValues) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return the rasters and parameters of a task about these windows."""
        arrays = {"sources": inputs.strengths("SOURCE_STRENGTH")} if inputs.is_provided("SOURCE_STRENGTH") else {}
        rasters, compared = read_conditions(inputs)
        parameters: dict[str, Any] = {
            "radius": inputs.number("RADIUS"),
            "buffer": inputs.number("BUFFER"),
            "block": inputs.whole_number("BLOCK_SIZE"),
            "threshold": inputs.number("THRESHOLD"),
            "correct_artifacts": inputs.flag("CORRECT"),
            "as_omniscape": inputs.flag("AS_OMNISCAPE"),
        }
        if compared:
            parameters["conditions"] = compared
        if cutoff := inputs.number("CUTOFF"):
            parameters["cutoff"] = cutoff
        return arrays | rasters, {**parameters, **self._execution_parameters(inputs)}

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        if result.metrics["skipped_windows"]:
            text = tr("{skipped_windows:,} windows whose target is no source were skipped.")
            feedback.pushInfo(text.format(**result.metrics))


def moving_window_outputs(values: str, *further: NumberOutput) -> tuple[NumberOutput, ...]:
    """Return what a run over these windows reports.

    Parameters
    ----------
    values
        What the values of its map are called.
    further
        What it reports besides.
    """
    return (
        *(figure for figure in common_outputs() if figure.key != "components"),
        *further,
        NumberOutput("windows", tr("Windows that were computed")),
        NumberOutput("skipped_windows", tr("Windows skipped because their target is no source")),
        NumberOutput("minimum", tr("Smallest {values}").format(values=values)),
        NumberOutput("maximum", tr("Largest {values}").format(values=values)),
    )


def _distance_or_none(name: str, description: str, text: str) -> QgsProcessingParameterDefinition:
    """Return a length in the units of the landscape that may be 0, which it is by default; advanced."""
    parameter = distance(name, description, 0.0, text)
    parameter.setMinimum(0.0)
    return with_help(parameter, text, advanced=True)
