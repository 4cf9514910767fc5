"""The example models that come with Permea, as algorithms of its provider."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
)
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QWidget

from ..engine_offer import offer_missing_engine
from ..i18n import tr
from .base import RESOURCES, algorithm_dialog
from .destinations import require_valid_destinations
from .errors_in_words import checked_in_words, errors_in_words
from .parameter_checks import invalid_parameters, with_named_choices
from .parameter_types import UNIT
from .results import group_when_loaded
from .step_feedback import StepFeedback

MODELS = RESOURCES / "models"
ICON = RESOURCES / "icons" / "models.svg"


class ErrorRecordingFeedback(StepFeedback):
    """Records the errors that it forwards."""

    def __init__(self, parent: QgsProcessingFeedback) -> None:
        super().__init__(parent, 0, 100)
        self.errors: list[str] = []

    def reportError(self, error: str, fatalError: bool = False) -> None:
        self.errors.append(error)
        super().reportError(error, fatalError)


class BundledModel(QgsProcessingModelAlgorithm):
    """A model read from a file; its id is the file name without underscores.

    Parameters
    ----------
    path
        A `.model3` file.

    Raises
    ------
    QgsProcessingException
        The file cannot be read.

    Attributes
    ----------
    files_in_folders
        See `PermeaAlgorithm`: no model writes to a folder.
    needs_engine
        Whether it cannot run without the engine.
    """

    files_in_folders: ClassVar[dict[str, tuple[str, ...]]] = {}
    needs_engine = True

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        if not self.fromFile(str(path)):
            raise QgsProcessingException(tr("The model '{path}' cannot be read.").format(path=path))
        for child in self.childAlgorithms().values():
            self._copy_widget_metadata(child)

    def _copy_widget_metadata(self, child: QgsProcessingModelChildAlgorithm) -> None:
        """Show the model's inputs with the captions and units of the step's parameters that take their values."""
        for name, sources in child.parameterSources().items():
            in_step = child.algorithm() and child.algorithm().parameterDefinition(name)
            for source in sources:
                in_model = self.parameterDefinition(source.parameterName())
                if in_step and in_model is not None and in_model.type() == in_step.type():
                    metadata = {
                        key: in_step.metadata()[key] for key in ("widget_wrapper", UNIT) if key in in_step.metadata()
                    }
                    in_model.setMetadata({**in_model.metadata(), **metadata})

    def createInstance(self) -> BundledModel:
        return BundledModel(self._path)

    def createCustomParametersWidget(self, parent: QWidget | None = None) -> QWidget:
        """Offer the engine if it is missing, then return the dialog."""
        offer_missing_engine()
        return algorithm_dialog(self, parent)

    def checkParameterValues(self, parameters: dict, context: QgsProcessingContext) -> tuple[bool, str]:
        return checked_in_words(lambda: self._check(parameters, context))

    def _check(self, parameters: dict, context: QgsProcessingContext) -> tuple[bool, str]:
        parameters = with_named_choices(self, parameters)
        error = invalid_parameters(self, parameters)
        return (False, error) if error else super().checkParameterValues(parameters, context)

    def processAlgorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        return errors_in_words(lambda: self._process(parameters, context, feedback), feedback)

    def _process(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        # QGIS applies defaults in its dialog only.
        definitions = self.parameterDefinitions()
        defaults = {d.name(): d.defaultValue() for d in definitions if not d.isDestination()}
        # Each step checks its own outputs only: the first could overwrite the input of the last.
        require_valid_destinations(self, parameters, context)
        recorder, start = ErrorRecordingFeedback(feedback), datetime.now()
        try:
            values = {**defaults, **with_named_choices(self, parameters)}
            results = super().processAlgorithm(values, context, recorder)
            group_when_loaded(self.displayName(), start, context)
            return results
        except QgsProcessingException as error:
            # The exception says which step failed, and only the log says why.
            message = ": ".join([str(error), *recorder.errors[-1:]])
        raise QgsProcessingException(message)

    def name(self) -> str:
        return self._path.stem.replace("_", "")

    def group(self) -> str:
        return tr("Examples")

    def groupId(self) -> str:
        return "examples"

    def icon(self) -> QIcon:
        return QIcon(str(ICON))

    def svgIconPath(self) -> str:
        return str(ICON)


def bundled_models() -> list[Path]:
    """Return the files of all bundled models."""
    return sorted(MODELS.glob("*.model3"))
