"""What the algorithms for landscapes of any size share: windows that move over a raster that nobody holds."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from ..cluster_setting import cluster_address
from ..distance_registry import distance_help, distance_names
from ..i18n import tr
from ..runner import Result, Task, open_job
from .base import EngineAlgorithm
from .formatting import format_number
from .parameter_values import ParameterValues
from .parameters import (
    DEFAULT_DISPERSAL,
    choice,
    cost,
    dispersal,
    distance,
    graph,
    landscape,
    number,
    output,
    theta,
    theta_help,
    validate_direction,
    with_help,
)
from .resume import checkpoint_folder, checkpoint_parameter, log_checkpoint_done, resume_hint
from .step_feedback import StepFeedback
from .streamed_inputs import StreamedParameterValues

# At three times the dispersal distance, 5 % of the movers are left.
DEFAULT_RANGE = 3 * DEFAULT_DISPERSAL

# Coarser blocks can be seen as squares in the map; finer ones take many times longer for a few percent.
DEFAULT_COARSENING = 0.1


class WindowedAlgorithm(EngineAlgorithm):
    """Quality-weighted connectivity within a range, by windows; QGIS holds a few blocks of the rasters at a time.

    Attributes
    ----------
    task_name
        The engine's name for it.
    output_title, output_help
        What the map is called and what its values mean.
    """

    task_name: str
    output_title: str
    output_help: str

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            *landscape(),
            with_help(
                QgsProcessingParameterRasterLayer("QUALITY", tr("Habitat quality"), optional=True),
                tr(
                    "How good each cell is to live in, 0 or more; 1 everywhere if nothing is chosen. The first band is "
                    "used. If its cells do not lie on those of the landscape they are brought there, and the log says "
                    "so."
                ),
            ),
            choice(
                "DISTANCE",
                tr("Distance"),
                distance_names(self.task_name),
                distance_help(self.task_name),
            ),
            theta(theta_help() + " " + tr("Only for randomized shortest paths.")),
            *self.extra_parameters(),
            distance(
                "RANGE",
                tr("Dependency range"),
                DEFAULT_RANGE,
                tr(
                    "How far, in map units, a place looks for habitat: cells further away than this to the north, "
                    "south, east or west do not count, and ways do not leave the window either. Three times the "
                    "dispersal distance is enough in easy land. The work grows with the square of the range (of "
                    "resistance, with its fourth power)."
                ),
            ),
            dispersal(),
            number(
                "COARSENING",
                tr("Coarsening"),
                DEFAULT_COARSENING,
                tr(
                    "Width of the blocks of cells that share one window, as a part of the dependency range: 0 is one "
                    "window for every cell, exact and slow; 0.1 is a good beginning. The quality of a block is "
                    "concentrated at its centre."
                ),
                minimum=0,
                maximum=1,
            ),
            cost(),
            self._batch(),
            self._checkpoint(),
            self._cluster(),
            *graph(),
            output(self.output_title, self.output_help),
        ]

    def extra_parameters(self) -> list[QgsProcessingParameterDefinition]:
        """Return the parameters of this algorithm alone."""
        return []

    def extra_task_parameters(self, inputs: ParameterValues) -> dict[str, Any]:
        """Return the task's parameters of this algorithm alone."""
        return {}

    @staticmethod
    def _batch() -> QgsProcessingParameterDefinition:
        return number(
            "BATCH",
            tr("Windows at a time (0: automatic)"),
            0,
            tr(
                "About how many windows are computed together. 0: chosen from their size, so that a batch takes "
                "a few 100 MB. Fewer need less memory. The result does not depend on it, but an earlier run can "
                "be continued only with the same number."
            ),
            minimum=0,
            whole=True,
            advanced=True,
        )

    @staticmethod
    def _checkpoint() -> QgsProcessingParameterDefinition:
        return checkpoint_parameter(
            tr("Folder of finished batches, to continue an earlier run"),
            tr(
                "An empty folder in which every finished batch is kept, if its disk has room for all of them. The "
                "folder takes some times the disk space of the result, and may be deleted afterwards."
            ),
        )

    @staticmethod
    def _cluster() -> QgsProcessingParameterDefinition:
        address = QgsProcessingParameterString(
            "CLUSTER", tr("Cluster address"), defaultValue=cluster_address() or None, optional=True
        )
        return with_help(
            address,
            tr(
                "Address of the scheduler of a Dask cluster, such as tcp://10.0.0.1:8786, which then computes the "
                "batches; “local” for one process on each core of this computer; empty for a single process. The "
                "engine and all workers need the package “distributed”, and the workers must be able to read QGIS's "
                "temporary folder. Plugins ▸ Permea ▸ Engine… keeps an address for all runs."
            ),
            advanced=True,
        )

    def validate(self, provided: set[str], choices: dict[str, str]) -> str:
        return validate_direction(choices)

    def task(self, inputs: ParameterValues) -> Task:
        arrays = {"quality": inputs.quality("QUALITY")} if inputs.is_provided("QUALITY") else {}
        parameters: dict[str, Any] = {
            "distance": inputs.choice("DISTANCE"),
            "theta": inputs.number("THETA"),
            "cost": inputs.choice("COST"),
            "alpha": inputs.number("ALPHA"),
            "range": inputs.number("RANGE"),
            "coarsening": inputs.number("COARSENING"),
            **self.extra_task_parameters(inputs),
        }
        return inputs.task(self.task_name, arrays, **parameters, **self._execution_parameters(inputs))

    @staticmethod
    def _execution_parameters(inputs: ParameterValues) -> dict[str, Any]:
        """Return what the task is told of batches, of an earlier run and of a cluster."""
        parameters: dict[str, Any] = {}
        if batch := inputs.whole_number("BATCH"):
            parameters["batch"] = batch
        if folder := checkpoint_folder(inputs):
            parameters["checkpoint"] = folder
        if address := inputs.text("CLUSTER"):
            parameters["cluster"] = address
        return parameters

    def run_algorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        paths = self.output_paths(parameters, context)
        with open_job(feedback) as job:
            inputs = StreamedParameterValues(
                self, parameters, context, StepFeedback(feedback, 0, 10), job.folder, paths.values()
            )
            folder = checkpoint_folder(inputs)
            task = self.task(inputs)
            with resume_hint(folder, feedback):
                result = job.run(task, StepFeedback(feedback, 10, 90))
            outputs = self.write_outputs(inputs, result, paths, context, feedback)
        log_checkpoint_done(folder, feedback)
        return outputs

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = result.metrics
        text = tr("Connectivity of the landscape as it is: {connectivity}, from {windows:,} windows.")
        feedback.pushInfo(text.format(connectivity=format_number(numbers["connectivity"]), windows=numbers["windows"]))
        if numbers["skipped_windows"]:
            text = tr("{skipped_windows:,} windows without habitat were skipped.")
            feedback.pushInfo(text.format(**numbers))
