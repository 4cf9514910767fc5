"""Base classes of Permea's algorithms."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterRasterDestination,
)
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QWidget

from ..cancelled import Cancelled
from ..detailed_exception import log_details
from ..engine_environment import engine_python
from ..engine_errors import EngineNotFound
from ..engine_offer import can_offer_engine, offer_missing_engine
from ..i18n import tr
from ..layers import StagedFiles, write_raster
from ..runner import Result, Task, open_job
from .applicability import ineffective_parameters
from .destinations import GEOTIFF_SUFFIXES, not_a_geotiff, require_valid_destinations
from .errors_in_words import checked_in_words, errors_in_words
from .help import Help, as_html
from .input_crs import open_in_main_thread
from .input_layers import load_rasters
from .landscape_warnings import landscape_warnings
from .number_limits import is_number, number_error
from .outputs import NumberOutput, RasterOutput, solver_details
from .parameter_checks import invalid_parameters, with_named_choices
from .parameter_values import ParameterValues
from .plain_values import PlainValues
from .report import report_destination, write_run_report
from .results import ResultPresenter
from .run_log import RunLog
from .step_feedback import StepFeedback
from .tables import Table, write_tables
from .timed_step import TimedStep

RESOURCES = Path(__file__).resolve().parents[2] / "resources"
# Width of the pictures in the help panel of a dialog, in pixels: half of their full width.
PANEL_WIDTH = 230
# Module of the algorithms' dialog, which is imported when one is opened.
ALGORITHM_DIALOG = f"{__name__.partition('.plugin.')[0]}.ui.algorithm_dialog"


def algorithm_dialog(algorithm: QgsProcessingAlgorithm, parent: QWidget | None) -> QWidget:
    """Return QGIS's dialog of an algorithm, in which a cancelled run is not called a failure."""
    return import_module(ALGORITHM_DIALOG).AlgorithmDialog(algorithm, parent=parent)


@dataclass(frozen=True)
class Group:
    """A group of algorithms in the toolbox.

    Parameters
    ----------
    id
        Fixed id for scripts.
    title
        What the user reads.
    """

    id: str
    title: str


DISTANCES = Group("distances", tr("Distances"))
FLOWS = Group("flows", tr("Flows and corridors"))
SENSITIVITY = Group("sensitivity", tr("Sensitivity"))
HABITAT = Group("habitat", tr("Habitat"))
TOOLS = Group("tools", tr("Tools"))


class PermeaAlgorithm(QgsProcessingAlgorithm):
    """A Processing algorithm with a group, an icon and help.

    Attributes
    ----------
    identifier, title
        The fixed id for scripts, and what the user reads.
    search_words
        Words besides those of the title by which the toolbox finds it: names that other programs and fields use,
        separated by commas.
    toolbox_group
        The group in the toolbox.
    summary
        One line for tooltips and lists.
    help
        The help text.
    number_outputs
        The numbers and texts that it returns besides its layers.
    files_in_folders
        Patterns, in lower case, of the names of files that it writes to a folder that the user chooses, by the name of
        the parameter.
    results_group
        Name of the group of its layers; if empty, each run has a group with its subject and time in the name.
    presenter
        Names, tags and styles of the results of the run; set when it starts.
    source_regions
        Whether its sources may be lines and polygons, each of which is one source of several cells.
    writes_report
        Whether it writes a report of the run, if the user wants one.
    """

    identifier: ClassVar[str]
    title: ClassVar[str]
    search_words: ClassVar[str]
    toolbox_group: ClassVar[Group]
    summary: ClassVar[str]
    help: ClassVar[Help]
    number_outputs: ClassVar[tuple[NumberOutput, ...]] = ()
    files_in_folders: ClassVar[dict[str, tuple[str, ...]]] = {}
    results_group: ClassVar[str] = ""
    presenter: ResultPresenter
    source_regions: ClassVar[bool] = False
    writes_report: ClassVar[bool] = False

    @abstractmethod
    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        """Return the parameters, inputs first."""

    @abstractmethod
    def run_algorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Run the algorithm and return its outputs by name; the feedback is the `RunLog` of the run."""

    def validation_error(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        """Return an error message about the combination of parameters; empty if they are valid."""
        return ""

    def checkParameterValues(self, parameters: dict, context: QgsProcessingContext) -> tuple[bool, str]:
        return checked_in_words(lambda: self._check(parameters, context))

    def _check(self, parameters: dict, context: QgsProcessingContext) -> tuple[bool, str]:
        parameters = with_named_choices(self, parameters)
        if error := invalid_parameters(self, parameters):
            return False, error
        load_rasters(self, parameters, context)
        accepted, message = super().checkParameterValues(parameters, context)
        if not accepted:
            return accepted, message
        error = self.validation_error(parameters, context)
        return not error, error

    def prepareAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> bool:
        errors_in_words(lambda: self.prepare_inputs(parameters, context), feedback)
        return True

    def prepare_inputs(self, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
        """Open in the main thread what the run reads, before it starts."""
        open_in_main_thread(self, parameters, context)

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        return errors_in_words(lambda: self._process(parameters, context, RunLog(feedback)), feedback)

    def _process(self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: RunLog) -> dict[str, Any]:
        parameters = with_named_choices(self, parameters)
        # Validated again here because models run their steps without checking the parameters.
        if error := invalid_parameters(self, parameters) or self.validation_error(parameters, context):
            raise QgsProcessingException(error)
        warnings = landscape_warnings(self, parameters, context)
        for warning in [*ineffective_parameters(self, parameters), *warnings]:
            feedback.pushWarning(warning)
        self.presenter = ResultPresenter(self, parameters, context, self.results_group)
        try:
            return self.run_algorithm(parameters, context, feedback)
        except Cancelled:
            # As QGIS's own algorithms do: an exception would be shown as a failure.
            feedback.pushInfo(tr("Cancelled."))
            return {}

    def initAlgorithm(self, configuration: dict | None = None) -> None:
        for parameter in self.parameters():
            self.addParameter(parameter)
        if self.writes_report:
            self.addParameter(report_destination())
        for output in self.number_outputs:
            self.addOutput(output.definition())

    def createInstance(self) -> PermeaAlgorithm:
        return type(self)()

    def createCustomParametersWidget(self, parent: QWidget | None = None) -> QWidget:
        return algorithm_dialog(self, parent)

    def output_paths(self, parameters: dict[str, Any], context: QgsProcessingContext) -> dict[str, str]:
        """Return the file of each raster output, checked before the run rather than after hours of computing.

        Raises
        ------
        QgsProcessingException
            An output cannot be written where it is to go, or would overwrite an input or another output.
        """
        require_valid_destinations(self, parameters, context)
        paths = {}
        for definition in self.destinationParameterDefinitions():
            if not isinstance(definition, QgsProcessingParameterRasterDestination):
                continue
            path = self.parameterAsOutputLayer(parameters, definition.name(), context)
            if path and Path(path).suffix.lower() not in GEOTIFF_SUFFIXES:
                # The default format of temporary rasters is a setting of QGIS.
                raise QgsProcessingException(not_a_geotiff(definition.description(), path))
            if path:
                paths[definition.name()] = path
        return paths

    def name(self) -> str:
        return self.identifier

    def displayName(self) -> str:
        return self.title

    def group(self) -> str:
        return self.toolbox_group.title

    def groupId(self) -> str:
        return self.toolbox_group.id

    def icon(self) -> QIcon:
        return QIcon(self.svgIconPath())

    def svgIconPath(self) -> str:
        return str(RESOURCES / "icons" / "algorithms" / f"{self.identifier}.svg")

    def tags(self) -> list[str]:
        return self.search_words.split(", ")

    def shortDescription(self) -> str:
        return self.summary

    def shortHelpString(self) -> str:
        images_url = QUrl.fromLocalFile(str(RESOURCES / "help" / "images" / "panel")).toString()
        return as_html(self, self.help, images_url, PANEL_WIDTH)

    def helpUrl(self) -> str:
        return QUrl.fromLocalFile(str(RESOURCES / "help" / f"{self.identifier}.html")).toString()


class EngineRequiredAlgorithm(PermeaAlgorithm):
    """An algorithm that needs the engine; QGIS offers to install it, or says why it cannot run."""

    needs_engine = True

    def canExecute(self) -> tuple[bool, str]:
        try:
            engine_python()
        except EngineNotFound as error:
            return can_offer_engine(), "" if can_offer_engine() else str(error)
        return True, ""

    def createCustomParametersWidget(self, parent: QWidget | None = None) -> QWidget:
        """Offer the engine if it is missing, then return the dialog."""
        offer_missing_engine()
        return super().createCustomParametersWidget(parent)


class EngineAlgorithm(EngineRequiredAlgorithm):
    """An algorithm that runs one task of the engine on a landscape raster and writes its results."""

    writes_report = True
    #: Reads the values of the parameters of a run.
    values_class: ClassVar[type[ParameterValues]] = ParameterValues

    @abstractmethod
    def task(self, inputs: ParameterValues) -> Task:
        """Return the task for the engine."""

    @abstractmethod
    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        """Return the rasters; those without a destination are not written."""

    def table_outputs(self, inputs: ParameterValues, result: Result) -> list[Table]:
        """Return the tables and line layers; none by default."""
        return []

    def validate(self, provided: set[str], choices: dict[str, str]) -> str:
        """Return an error message about the combination of parameters; empty if they are valid.

        Parameters
        ----------
        provided
            Names of the parameters that have a value.
        choices
            Value of each enum parameter.
        """
        return ""

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        """Log what is specific to this algorithm's result."""

    def warn_about_result(self, inputs: ParameterValues, result: Result, feedback: QgsProcessingFeedback) -> None:
        """Warn, after the summary, about what the result leaves out; nothing by default."""

    def validation_error(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        inputs = PlainValues(self, parameters, context, QgsProcessingFeedback())
        definitions = self.parameterDefinitions()
        provided = {definition.name() for definition in definitions if inputs.is_provided(definition.name())}
        choices = {d.name(): inputs.choice(d.name()) for d in definitions if d.type() == "enum"}
        numbers = {d.name(): inputs.number(d.name()) for d in definitions if d.name() in provided and is_number(d)}
        return number_error(definitions, numbers) or self.validate(provided, choices)

    def run_algorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        paths = self.output_paths(parameters, context)
        with open_job(feedback) as job:
            inputs = self.values_class(self, parameters, context, TimedStep(feedback, 0, 10), job.folder)
            result = job.run(self.task(inputs), StepFeedback(feedback, 10, 90))
            return self.write_outputs(inputs, result, paths, context, feedback)

    def write_outputs(
        self,
        inputs: ParameterValues,
        result: Result,
        paths: dict[str, str],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Write the rasters and tables, log the result, and return the outputs by name.

        Parameters
        ----------
        inputs, result
            Inputs and result of the engine's task.
        paths
            File of each raster output.
        context, feedback
            As passed to the algorithm by Processing.
        """
        tables = self.table_outputs(inputs, result)
        parameters, crs, writing = inputs.parameters, inputs.grid.crs, StepFeedback(feedback, 90, 95)
        with StagedFiles() as staged, write_tables(self, tables, parameters, context, crs, staged, writing) as layers:
            rasters = self.raster_outputs(inputs, result)
            self._write_rasters(rasters, inputs, paths, staged, TimedStep(feedback, 95, 99))
            self._log_summary(inputs, result, feedback)
            self.warn_about_result(inputs, result, feedback)
            report = write_run_report(self, inputs, result, rasters, tables, paths, staged, context, feedback)
        feedback.setProgress(100)
        numbers = {output.name: result.metrics[output.key] for output in self.number_outputs}
        return {**paths, **layers, **report, **numbers}

    def _write_rasters(
        self,
        rasters: list[RasterOutput],
        inputs: ParameterValues,
        paths: dict[str, str],
        staged: StagedFiles,
        feedback: QgsProcessingFeedback,
    ) -> None:
        feedback.setProgressText(tr("Writing the results"))
        for raster in (raster for raster in rasters if raster.output in paths):
            path = paths[raster.output]
            write_raster(
                path,
                raster.values,
                inputs.grid,
                dtype=raster.dtype,
                band_names=raster.band_names,
                keep_infinity=inputs.keeps_infinity,
                tags=self.presenter.tags(raster.output, raster.title),
                feedback=feedback,
                staged=staged,
            )
            self.presenter.show(raster.output, path, raster.style, raster.title)

    def _log_summary(self, inputs: ParameterValues, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = result.metrics
        seconds = tr("Computed in {seconds:.1f} s.").format(seconds=numbers["seconds"])
        for line in [*self.input_summary(inputs, result), seconds]:
            feedback.pushInfo(line)
        self.log_result(result, feedback)
        log_details(solver_details(numbers), feedback)

    def input_summary(self, inputs: ParameterValues, result: Result) -> list[str]:
        """Return the lines of the log about the landscape."""
        landscape, numbers = inputs.landscape, result.metrics
        cells = tr(
            "{valid:,} of {all:# cell|# cells} {valid:has|have} data; {active:# cell is|# cells are} passable."
        ).format(valid=landscape.valid_cells, all=landscape.valid.size, active=numbers["active_cells"])
        if "components" in numbers:
            text = tr("Connected components of the landscape: {components:,}.")
            cells += " " + text.format(components=numbers["components"])
        return [tr("Landscape '{name}': {grid}.").format(name=landscape.name, grid=landscape.grid), cells]
