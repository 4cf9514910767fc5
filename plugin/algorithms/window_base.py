"""Base class of the algorithms with moving windows, for rasters of any size."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from ..i18n import tr
from ..runner import Result, Task, open_job
from ..settings import CLUSTER
from .base import EngineAlgorithm
from .formatting import format_number
from .parameter_types import distance, number, with_help
from .parameter_values import ParameterValues
from .parameters import (
    DEFAULT_DISPERSAL,
    alignment_note,
    cost,
    dispersal,
    distance_choice,
    graph,
    landscape,
    only_rsp,
    raster_destination,
    theta,
    validate_direction,
)
from .resume import checkpoint_folder, checkpoint_parameter, log_checkpoint_done, resumable
from .step_feedback import StepFeedback
from .streamed_inputs import StreamedParameterValues
from .timed_step import TimedStep

# At three times the dispersal distance, exp(−distance / dispersal distance) is 5 %.
DEFAULT_RANGE = 3 * DEFAULT_DISPERSAL

# Smaller blocks take many times longer for changes of a few percent.
DEFAULT_COARSENING = 0.1


class WindowedAlgorithm(EngineAlgorithm):
    """Quality-weighted connectivity within a range, with moving windows; rasters are read and written in blocks.

    Attributes
    ----------
    task_name
        Name of the engine's task.
    output_title, output_help
        Label and help of the raster output.
    default_coarsening
        Default width of blocks, as a fraction of the range.
    block_note
        A sentence about the blocks, for the help.
    """

    task_name: str
    output_title: str
    output_help: str
    default_coarsening = DEFAULT_COARSENING
    block_note = tr("The quality of a block is concentrated at its centre.")

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            *landscape(),
            with_help(
                QgsProcessingParameterRasterLayer("QUALITY", tr("Habitat quality"), optional=True),
                tr(
                    "Habitat quality of each cell, 0 or more; 1 everywhere if nothing is chosen. Its first band is "
                    "used."
                )
                + f" {alignment_note()}",
            ),
            distance_choice(self.task_name),
            theta(only_rsp()),
            *self.extra_parameters(),
            distance(
                "RANGE",
                tr("Dependency range (half width of the window)"),
                DEFAULT_RANGE,
                tr(
                    "Half the width of the window around each cell, in map units: habitat outside the window is "
                    "ignored, and paths do not leave it. Three times the dispersal distance is enough in permeable "
                    "landscapes. The time grows with the square of the range (for the resistance with its fourth "
                    "power)."
                ),
            ),
            dispersal(),
            number(
                "COARSENING",
                tr("Coarsening (width of blocks as a fraction of the range)"),
                self.default_coarsening,
                tr(
                    "Width of the blocks of cells that share a window, as a fraction of the dependency range: 0 uses "
                    "one window for every cell, which is exact and slow; {default:g} is a good start."
                ).format(default=self.default_coarsening)
                + f" {self.block_note}",
                minimum=0,
                maximum=1,
            ),
            cost(),
            *self.execution_parameters(),
            *graph(),
            raster_destination(self.output_title, self.output_help),
        ]

    def extra_parameters(self) -> list[QgsProcessingParameterDefinition]:
        """Return the parameters specific to this algorithm."""
        return []

    def extra_task_parameters(self, inputs: ParameterValues) -> dict[str, Any]:
        """Return the task's parameters specific to this algorithm."""
        return {}

    @staticmethod
    def execution_parameters() -> list[QgsProcessingParameterDefinition]:
        """Return the size of batches, the checkpoint folder and the cluster; advanced."""
        cluster = QgsProcessingParameterString(
            "CLUSTER", tr("Cluster address"), defaultValue=CLUSTER.text() or None, optional=True
        )
        return [
            number(
                "BATCH",
                tr("Windows per batch (0: automatic)"),
                0,
                tr(
                    "Approximate number of windows computed together. 0: chosen from their size, so that a batch takes "
                    "a few hundred MB. Smaller batches need less memory. The result does not depend on it, but a run "
                    "can only be resumed with the same number."
                ),
                minimum=0,
                integer=True,
                advanced=True,
            ),
            checkpoint_parameter(
                tr(
                    "An empty folder in which every finished batch is saved, if the disk has enough space for all of "
                    "them. It takes several times the disk space of the result; it may be deleted after the run."
                ),
            ),
            with_help(
                cluster,
                tr(
                    "Address of the scheduler of a Dask cluster that computes the batches, such as "
                    "tcp://10.0.0.1:8786; “local” for one process on each core of this computer; empty for a single "
                    "process. The engine and all workers need the package “distributed”, and the workers must be able "
                    "to read QGIS's temporary folder. The default address can be set under Plugins ▸ Permea ▸ "
                    "Engine…."
                ),
                advanced=True,
            ),
        ]

    def validate(self, provided: set[str], choices: dict[str, str]) -> str:
        return validate_direction(choices)

    def task(self, inputs: ParameterValues) -> Task:
        arrays = {"quality": inputs.quality("QUALITY")} if inputs.is_provided("QUALITY") else {}
        coarsening = inputs.number("COARSENING")
        task_parameters: dict[str, Any] = {
            "distance": inputs.choice("DISTANCE"),
            "theta": inputs.number("THETA"),
            "cost": inputs.choice("COST"),
            "alpha": inputs.number("ALPHA"),
            # The blocks are a fraction of the range, and at most as wide as the landscape.
            "range": inputs.length("RANGE", factor=1 / coarsening if coarsening else 1.0),
            "coarsening": coarsening,
            **self.extra_task_parameters(inputs),
        }
        return inputs.task(self.task_name, arrays, **task_parameters, **self.execution_task_parameters(inputs))

    @staticmethod
    def execution_task_parameters(inputs: ParameterValues) -> dict[str, Any]:
        """Return the task's parameters of batches, checkpoint and cluster, as far as they are set."""
        task_parameters: dict[str, Any] = {}
        if batch := inputs.whole_number("BATCH"):
            task_parameters["batch"] = batch
        if folder := checkpoint_folder(inputs):
            task_parameters["checkpoint"] = folder
        if address := inputs.text("CLUSTER"):
            task_parameters["cluster"] = address
        return task_parameters

    def run_algorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        paths = self.output_paths(parameters, context)
        with open_job(feedback) as job:
            inputs = StreamedParameterValues(
                self, parameters, context, TimedStep(feedback, 0, 10), job.folder, paths.values()
            )
            folder = checkpoint_folder(inputs)
            task = self.task(inputs)
            with resumable(folder, feedback):
                result = job.run(task, StepFeedback(feedback, 10, 90))
            outputs = self.write_outputs(inputs, result, paths, context, feedback)
        log_checkpoint_done(folder, feedback)
        return outputs

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = result.metrics
        text = tr("Connectivity of the present landscape: {connectivity}, from {windows:# window|# windows}.")
        feedback.pushInfo(text.format(connectivity=format_number(numbers["connectivity"]), windows=numbers["windows"]))
        if numbers["skipped_windows"]:
            text = tr("{skipped_windows:# window|# windows} without habitat {skipped_windows:was|were} skipped.")
            feedback.pushInfo(text.format(**numbers))
