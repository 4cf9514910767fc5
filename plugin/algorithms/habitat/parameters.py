"""What algorithms share that ask about all habitat at once: its quality, and landmarks that stand for many cells."""

from __future__ import annotations

from qgis.core import QgsProcessingFeedback, QgsProcessingParameterDefinition, QgsProcessingParameterRasterLayer

from ...i18n import tr
from ...runner import Result
from ..outputs import NumberOutput
from ..parameters import number, with_help

DEFAULT_WIDTH = 20


def habitat(*, optional: bool) -> list[QgsProcessingParameterDefinition]:
    """Return the raster of habitat quality."""
    text = tr(
        "How good each cell is to live in, 0 or more. The first band is used. If its cells do not lie on those of the "
        "landscape they are brought there, and the log says so."
    )
    if optional:
        text += " " + tr("Give either sources or habitat quality.")
    return [with_help(QgsProcessingParameterRasterLayer("QUALITY", tr("Habitat quality"), optional=optional), text)]


def landmarks() -> QgsProcessingParameterDefinition:
    """Return how many cells one target stands for."""
    return number(
        "LANDMARKS",
        tr("Width of the blocks that share a target, in cells"),
        DEFAULT_WIDTH,
        tr(
            "Targets are computed one after the other. To have fewer, the habitat of a block of so many by so many "
            "cells is taken to be in the cell nearest to its centre. 1 makes every cell of habitat a target: exact, "
            "and only for small landscapes. Halve it and compare to see what it does to the map."
        ),
        minimum=1,
        whole=True,
    )


def landmark_outputs() -> tuple[NumberOutput, ...]:
    """Return what a run reports about them."""
    return (
        NumberOutput("targets", tr("Targets")),
        NumberOutput("pairs", tr("Pairs of cells and targets that are joined")),
        NumberOutput("unreachable_pairs", tr("Pairs left out because no way joins them")),
    )


def log_landmarks(result: Result, feedback: QgsProcessingFeedback) -> None:
    """Say in the log how many pairs there were, and how many are not joined."""
    text = tr("{pairs:,} pairs of places with {targets:,} targets.")
    feedback.pushInfo(text.format(**result.metrics))
    if result.metrics["unreachable_pairs"]:
        text = tr(
            "{unreachable_pairs:,} pairs are left out: barriers (no data or zero permeability) cut them off from each "
            "other. “Connected components” shows the parts of the landscape."
        )
        feedback.pushWarning(text.format(**result.metrics))
