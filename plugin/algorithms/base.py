"""What all of Permea's algorithms do alike."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
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

from ..engine_environment import EngineNotFound, engine_python
from ..i18n import tr
from ..layers import write_raster
from ..runner import Result, Task, run
from .help import Help, as_html
from .outputs import NumberOutput, RasterOutput
from .parameter_values import ParameterValues
from .step_feedback import StepFeedback
from .styles import style_when_loaded
from .tables import Table, require_writable_tables, write_tables

RESOURCES = Path(__file__).resolve().parents[2] / "resources"
# Pixels: what the panel beside a dialog has room for, half of what the pictures have.
PANEL_WIDTH = 230
GEOTIFF = (".tif", ".tiff")


@dataclass(frozen=True)
class Group:
    """A group of algorithms in the toolbox.

    Parameters
    ----------
    id
        Fixed; scripts may depend on it. Also the name of the group's icon.
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
    """An algorithm as the toolbox sees it: a name, a place, a help.

    Attributes
    ----------
    identifier, title
        The fixed name for scripts, and what the user reads.
    section
        The group in the toolbox.
    summary
        One line for tooltips and lists.
    help
        The rest of what a user wants to know.
    figures
        The numbers that it returns besides its layers.
    """

    identifier: ClassVar[str]
    title: ClassVar[str]
    section: ClassVar[Group]
    summary: ClassVar[str]
    help: ClassVar[Help]
    figures: ClassVar[tuple[NumberOutput, ...]] = ()

    @abstractmethod
    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        """Return the parameters, inputs first."""

    @abstractmethod
    def execute(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        """Do the work and return the outputs by name."""

    def fault(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        """Return what is wrong with the parameters taken together, or nothing."""
        return ""

    def checkParameterValues(self, parameters: dict, context: QgsProcessingContext) -> tuple[bool, str]:
        accepted, message = super().checkParameterValues(parameters, context)
        if not accepted:
            return accepted, message
        fault = self.fault(parameters, context)
        return not fault, fault

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        # Again, as a model runs its steps without checking them.
        if fault := self.fault(parameters, context):
            raise QgsProcessingException(fault)
        try:
            return self.execute(parameters, context, feedback)
        except QgsProcessingException as error:
            # QGIS shows a user the words of this very class, but of a subclass Python's traceback.
            reason = str(error)
        # Not from within: QGIS never lets go of what is raised here, nor of the rasters that its context would hold.
        raise QgsProcessingException(reason)

    def initAlgorithm(self, configuration: dict | None = None) -> None:
        for parameter in self.parameters():
            self.addParameter(parameter)
        for figure in self.figures:
            self.addOutput(figure.definition())

    def createInstance(self) -> PermeaAlgorithm:
        return type(self)()

    def output_paths(self, parameters: dict[str, Any], context: QgsProcessingContext) -> dict[str, str]:
        """Return where each raster output goes, asked before the run so that an hour's work is not lost at its end.

        Raises
        ------
        QgsProcessingException
            The folder is missing, the file is not to be a GeoTIFF, or a table not in a format that can be written.
        """
        require_writable_tables(self, parameters, context)
        paths = {}
        for definition in self.destinationParameterDefinitions():
            if not isinstance(definition, QgsProcessingParameterRasterDestination):
                continue
            path = self.parameterAsOutputLayer(parameters, definition.name(), context)
            if not path:
                continue
            if Path(path).suffix.lower() not in GEOTIFF:
                text = tr("{output} is written as GeoTIFF: choose a file name that ends in .tif instead of '{name}'.")
                raise QgsProcessingException(text.format(output=definition.description(), name=Path(path).name))
            if not Path(path).parent.is_dir():
                text = tr("{output} cannot be written: there is no folder '{folder}'. Create it or choose another.")
                raise QgsProcessingException(text.format(output=definition.description(), folder=Path(path).parent))
            paths[definition.name()] = path
        return paths

    def name(self) -> str:
        return self.identifier

    def displayName(self) -> str:
        return self.title

    def group(self) -> str:
        return self.section.title

    def groupId(self) -> str:
        return self.section.id

    def icon(self) -> QIcon:
        return QIcon(self.svgIconPath())

    def svgIconPath(self) -> str:
        return str(RESOURCES / "icons" / f"{self.section.id}.svg")

    def shortDescription(self) -> str:
        return self.summary

    def shortHelpString(self) -> str:
        return as_html(self, QUrl.fromLocalFile(str(RESOURCES / "help" / "images")).toString(), PANEL_WIDTH)

    def helpUrl(self) -> str:
        return QUrl.fromLocalFile(str(RESOURCES / "help" / f"{self.identifier}.html")).toString()


class EngineRequiredAlgorithm(PermeaAlgorithm):
    """An algorithm that cannot run without the engine, and says so in the toolbox."""

    def canExecute(self) -> tuple[bool, str]:
        try:
            engine_python()
        except EngineNotFound as reason:
            return False, str(reason)
        return True, ""


class EngineAlgorithm(EngineRequiredAlgorithm):
    """An algorithm that reads a landscape, lets the engine compute, and writes maps of it."""

    @abstractmethod
    def task(self, inputs: ParameterValues) -> Task:
        """Return what the engine is to do."""

    @abstractmethod
    def maps(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        """Return the maps to write; those of outputs that nobody asked for are left out."""

    def tables(self, inputs: ParameterValues, result: Result) -> list[Table]:
        """Return the tables and lines to write; none by default."""
        return []

    def complaint(self, given: set[str], choices: dict[str, str]) -> str:
        """Return what is wrong with a combination of parameters, or nothing.

        Parameters
        ----------
        given
            Names of the parameters that are filled in.
        choices
            The word chosen for each choice.
        """
        return ""

    def remarks(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        """Say in the log what is particular to this algorithm's result."""

    def fault(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        inputs = ParameterValues(self, parameters, context, QgsProcessingFeedback())
        definitions = self.parameterDefinitions()
        given = {definition.name() for definition in definitions if inputs.is_given(definition.name())}
        choices = {d.name(): inputs.choice(d.name()) for d in definitions if d.type() == "enum"}
        return self.complaint(given, choices)

    def execute(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        paths = self.output_paths(parameters, context)
        inputs = ParameterValues(self, parameters, context, StepFeedback(feedback, 0, 10))
        result = run(self.task(inputs), StepFeedback(feedback, 10, 90))
        return self.deliver(inputs, result, paths, context, feedback)

    def deliver(
        self,
        inputs: ParameterValues,
        result: Result,
        paths: dict[str, str],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Write the maps and tables, report, and return the outputs by name.

        Parameters
        ----------
        inputs, result
            What the engine was given, and what it returned.
        paths
            Where each map goes.
        context, feedback
            As Processing hands them to an algorithm.
        """
        tables = self.tables(inputs, result)
        with write_tables(self, tables, inputs.parameters, context, inputs.landscape.frame.crs) as layers:
            self._write(self.maps(inputs, result), inputs, paths, context, StepFeedback(feedback, 90, 100))
        self._report(inputs, result, feedback)
        return {**paths, **layers, **{figure.name: result.numbers[figure.key] for figure in self.figures}}

    def _write(
        self,
        maps: list[RasterOutput],
        inputs: ParameterValues,
        paths: dict[str, str],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> None:
        feedback.setProgressText(tr("Writing the result"))
        frame = inputs.landscape.frame
        for each in (each for each in maps if each.output in paths):
            path, names = paths[each.output], each.band_names
            write_raster(path, each.values, frame, dtype=each.dtype, band_names=names, feedback=feedback)
            style_when_loaded(path, each.style, context)

    def _report(self, inputs: ParameterValues, result: Result, feedback: QgsProcessingFeedback) -> None:
        raster, numbers = inputs.landscape, result.numbers
        crossed = tr("{valid:,} of {all:,} cells hold data; {active:,} can be crossed.").format(
            valid=raster.valid_cells, all=raster.valid.size, active=numbers["active_cells"]
        )
        if "components" in numbers:
            parts = tr("Connected parts of the landscape: {components:,}.")
            crossed += " " + parts.format(components=numbers["components"])
        lines = [
            tr("Landscape '{name}': {frame}.").format(name=raster.name, frame=raster.frame),
            crossed,
            tr("Computed in {seconds:.1f} s with {solver}.").format(
                seconds=numbers["seconds"], solver=numbers["solver"] or tr("no solver")
            ),
        ]
        # A direct solver has none, and says so with 0 or with nothing.
        if numbers["iterations"]:
            lines.append(tr("Iterations: {}.").format(numbers["iterations"]))
        if numbers["residual"]:
            lines.append(tr("Relative residual: {:.1e}.").format(numbers["residual"]))
        for line in lines:
            feedback.pushInfo(line)
        self.remarks(result, feedback)
