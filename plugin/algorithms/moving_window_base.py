"""Base class of the algorithms about omnidirectional current in moving windows, as in Omniscape."""

from __future__ import annotations

from typing import Any

import numpy as np
from qgis.core import QgsProcessingFeedback, QgsProcessingParameterDefinition, QgsProcessingParameterRasterLayer

from ..i18n import tr
from ..runner import Result
from .condition_parameters import conditions, read_conditions, validate_conditions
from .outputs import NumberOutput, Unit, common_window_outputs, range_outputs
from .parameter_types import boolean, distance, number, only_with, only_without, with_help
from .parameters import alignment_note
from .streamed_inputs import StreamedParameterValues
from .window_base import WindowedAlgorithm

DEFAULT_RADIUS = 1000.0
DEFAULT_BLOCK = 5

# With a smaller cutoff no cell would be a source.
MIN_CUTOFF = 1e-9


class MovingWindowAlgorithm(WindowedAlgorithm):
    """Current from the surrounding sources to every block of cells, as in Omniscape."""

    default_block = DEFAULT_BLOCK

    def window_parameters(self) -> list[QgsProcessingParameterDefinition]:
        """Return the sources, the radius, the blocks and the conditions."""
        return [
            with_help(
                QgsProcessingParameterRasterLayer("SOURCE_STRENGTH", tr("Source strength"), optional=True),
                tr("How much movement starts and ends in each cell, 0 or more, for example habitat quality.")
                + f" {alignment_note()} "
                + tr("If nothing is chosen, the strength is the permeability, that is 1 / resistance."),
            ),
            distance(
                "RADIUS",
                tr("Radius"),
                DEFAULT_RADIUS,
                tr(
                    "Largest distance of a source from its target, in map units: the movement distance of the species. "
                    "The time grows approximately with the third power of the radius."
                ),
            ),
            number(
                "BLOCK_SIZE",
                tr("Block size, in cells"),
                self.default_block,
                tr(
                    "Width of the blocks of cells that share one window; an odd number, so that a block has a centre. "
                    "1 uses one window for every cell. Blocks of up to a tenth of the radius change the result little "
                    "and save much time; larger ones are visible as a pattern on the map. On sensitivity maps blocks "
                    "of 3 cells can show as a faint mesh where the map is smooth."
                ),
                minimum=1,
                integer=True,
            ),
            only_with(
                number(
                    "THRESHOLD",
                    tr("Source threshold"),
                    0,
                    tr("Cells of lower source strength are not sources. Only with a raster of source strengths."),
                    minimum=0,
                ),
                SOURCE_STRENGTH=(),
            ),
            only_without(
                number(
                    "CUTOFF",
                    tr("Resistance cutoff of sources"),
                    None,
                    tr(
                        "Without a raster of source strengths: cells of higher resistance (1 / permeability) are not "
                        "sources. Empty: all cells are sources."
                    ),
                    minimum=MIN_CUTOFF,
                ),
                "SOURCE_STRENGTH",
            ),
            distance(
                "BUFFER",
                tr("Buffer"),
                0.0,
                tr("Distance beyond the radius, in map units, within which current may flow around the window."),
                minimum=0.0,
                advanced=True,
            ),
            *conditions(),
            boolean(
                "CORRECT",
                tr("Correct block artifacts"),
                tr("Correct for the concentration of current at the centres of blocks. No effect with block size 1."),
                default=True,
                advanced=True,
            ),
            boolean(
                "AS_OMNISCAPE",
                tr("Treat edges as Omniscape does"),
                tr(
                    "Off: all windows are treated alike. On: the same results as Omniscape 0.6.2, with its errors, to "
                    "compare the two programs: it excludes the wrong sources from windows near the upper and left "
                    "edge, so that most of the current of a few strong sources may be missing there, and has no "
                    "targets in incomplete blocks at the lower and right edge or in blocks whose centre is a barrier."
                ),
                advanced=True,
            ),
        ]

    def validate(self, provided: set[str], choices: dict[str, str]) -> str:
        return validate_conditions(provided, choices)

    def window_inputs(self, inputs: StreamedParameterValues) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return the arrays and parameters of a task with these windows."""
        arrays = {"sources": inputs.strengths("SOURCE_STRENGTH")} if inputs.is_provided("SOURCE_STRENGTH") else {}
        condition_arrays, condition_parameters = read_conditions(inputs)
        _warn_of_small_buffer(inputs)
        task_parameters: dict[str, Any] = {
            "radius": inputs.length("RADIUS", margin=inputs.whole_number("BLOCK_SIZE")),
            "buffer": inputs.length("BUFFER"),
            "block": inputs.whole_number("BLOCK_SIZE"),
            "threshold": inputs.number("THRESHOLD"),
            "correct_artifacts": inputs.flag("CORRECT"),
            "as_omniscape": inputs.flag("AS_OMNISCAPE"),
        }
        if condition_parameters:
            task_parameters["conditions"] = condition_parameters
        if inputs.is_provided("CUTOFF"):
            task_parameters["cutoff"] = inputs.number("CUTOFF")
        return arrays | condition_arrays, {**task_parameters, **self.execution_task_parameters(inputs)}

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        if result.metrics["skipped_windows"]:
            text = tr("{skipped_windows:# window was|# windows were} skipped because their target is not a source.")
            feedback.pushInfo(text.format(**result.metrics))


def moving_window_outputs(quantity: str, *extra: NumberOutput, unit: Unit) -> tuple[NumberOutput, ...]:
    """Return the numbers of a run with these windows.

    Parameters
    ----------
    quantity
        Name of the mapped quantity.
    extra
        Numbers specific to the algorithm.
    unit
        Unit of the mapped quantity.
    """
    return (
        *common_window_outputs(),
        *extra,
        NumberOutput("windows", tr("Windows computed")),
        NumberOutput("skipped_windows", tr("Windows skipped because their target is not a source")),
        *range_outputs(quantity, unit),
    )


def _warn_of_small_buffer(inputs: StreamedParameterValues) -> None:
    """Warn of a buffer that adds no cells to the windows."""
    buffer, side = inputs.number("BUFFER"), min(inputs.landscape.grid.pixel_size)
    if 0 < buffer < side / 2:
        text = tr(
            "The buffer ({buffer:g}) is shorter than half the side of a cell ({side:g}), so that it hardly adds cells "
            "to the windows. It is in map units; set it to 0 for none."
        )
        inputs.feedback.pushWarning(text.format(buffer=buffer, side=side))
