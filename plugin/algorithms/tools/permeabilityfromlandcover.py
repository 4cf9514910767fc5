"""Permeability or resistance from classes of land cover."""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from qgis.core import (
    NULL,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterBand,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterMatrix,
    QgsProcessingParameterRasterLayer,
    QgsProcessingUtils,
)

from ...i18n import tr
from ...layers import open_band, reclassify, write_raster
from ...runner import require_disk_space
from ..base import TOOLS, PermeaAlgorithm
from ..help import Help
from ..outputs import NumberOutput
from ..parameter_values import is_provided
from ..parameters import choice, output, with_help
from ..renderers import style_when_loaded
from ..step_feedback import StepFeedback
from ..styles import distance_style, habitat_style, sample_rows

# A message that lists a thousand classes helps nobody.
CLASSES_IN_A_MESSAGE = 20

BYTES_PER_CELL = 8


class PermeabilityFromLandCover(PermeaAlgorithm):
    """A landscape from a land-cover map and a value for each class."""

    identifier = "permeabilityfromlandcover"
    title = tr("Permeability from land cover")
    toolbox_group = TOOLS
    summary = tr("Gives each class of a land-cover raster its permeability or resistance, from a table.")
    help = Help(
        description=tr(
            "Turns a raster of land-cover classes into a landscape: each class gets the permeability, or the "
            "resistance, that a table or the list below says."
        ),
        when_to_use=tr(
            "Use it first, to make the landscape that the other algorithms need. The values come from telemetry, "
            "from genetic data or from experts; try several sets of them, as results depend on them. A raster that "
            "holds permeability or resistance already needs none of this: all algorithms take it as it is, "
            "“Least-cost distance” for example."
        ),
        outputs=tr(
            "A raster on the cells of the land cover. Cells without data stay without data, which is a barrier. "
            "Classes that no value is given for are listed with their numbers of cells: they end the run, or become "
            "cells without data if that is chosen."
        ),
        references=(
            "Zeller, K. A., McGarigal, K. & Whiteley, A. R. (2012). Estimating landscape resistance to movement: a "
            "review. Landscape Ecology 27, 777–797.",
        ),
        caption=tr(
            "The sample: permeability of seven classes of land cover, from water and dense city (pale) to closed "
            "forest (dark green)."
        ),
    )
    number_outputs = (
        NumberOutput("classes", tr("Classes of the raster that have a value")),
        NumberOutput("missing_classes", tr("Classes of the raster that have none")),
        NumberOutput("missing_cells", tr("Cells of classes that have none")),
        NumberOutput("barrier_cells", tr("Cells of permeability 0")),
    )

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            with_help(
                QgsProcessingParameterRasterLayer("INPUT", tr("Land cover")),
                tr("A raster of class numbers, of any size: it is read and written block by block."),
            ),
            with_help(
                QgsProcessingParameterBand("BAND", tr("Band"), 1, "INPUT", optional=True),
                tr("The band that holds the classes; the first one if nothing is chosen."),
            ),
            with_help(
                QgsProcessingParameterFeatureSource(
                    "TABLE", tr("Class table"), [QgsProcessing.SourceType.TypeVector], optional=True
                ),
                tr(
                    "A table with a row for each class, such as a CSV file. Give either a table or the list of classes "
                    "and values."
                ),
            ),
            with_help(
                QgsProcessingParameterField("CLASS_FIELD", tr("Field with the class"), None, "TABLE", optional=True),
                tr("The field of the table that holds the number of the class."),
            ),
            with_help(
                QgsProcessingParameterField("VALUE_FIELD", tr("Field with the value"), None, "TABLE", optional=True),
                tr("The field of the table that holds the permeability or resistance of the class."),
            ),
            with_help(
                QgsProcessingParameterMatrix(
                    "MATRIX", tr("Classes and values"), 1, False, [tr("class"), tr("value")], optional=True
                ),
                tr("Class and value, row by row, where there is no table."),
            ),
            choice(
                "VALUES",
                tr("The values are"),
                ["permeability", "resistance"],
                tr(
                    "Permeability: the higher, the easier to cross; 0 is a barrier. Resistance: the higher, the harder "
                    "to cross; it must be above 0. The result holds the values as they are given."
                ),
            ),
            choice(
                "MISSING",
                tr("Classes without a value"),
                ["error", "nodata"],
                tr(
                    "Error: the run ends and lists them with their numbers of cells. Nodata: their cells get no data, "
                    "and so are barriers; the log lists them."
                ),
            ),
            output(tr("Landscape"), tr("The permeability or resistance of each cell.")),
        ]

    def validation_error(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        return _validation_error({name for name in parameters if is_provided(parameters, name)}, parameters)

    def run_algorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        path = self.output_paths(parameters, context)["OUTPUT"]
        layer = self.parameterAsRasterLayer(parameters, "INPUT", context)
        if layer is None:
            raise QgsProcessingException(self.invalidRasterError(parameters, "INPUT"))
        meaning = self.parameterAsEnumString(parameters, "VALUES", context)
        values = _checked(self._rows(parameters, context), meaning)
        source = open_band(layer, self.parameterAsInt(parameters, "BAND", context) or 1)
        require_disk_space(source.frame.rows * source.frame.columns * BYTES_PER_CELL)
        with tempfile.TemporaryDirectory(dir=QgsProcessingUtils.tempFolder()) as folder:
            feedback.setProgressText(tr("Reading the land cover"))
            found = reclassify(source, values, Path(folder), StepFeedback(feedback, 0, 50))
            if not found.cells and not found.missing:
                raise QgsProcessingException(
                    tr("'{layer}' is empty: every cell is nodata. Check its nodata value and its extent.").format(
                        layer=source.name
                    )
                )
            listed = _listed(found.missing)
            if listed and (not found.cells or self.parameterAsEnumString(parameters, "MISSING", context) == "error"):
                text = tr(
                    "'{layer}': no {meaning} is given for {count} of its classes: {classes}. Add them to the table, "
                    "or have them become nodata."
                )
                raise QgsProcessingException(
                    text.format(layer=source.name, meaning=meaning, count=len(found.missing), classes=listed)
                )
            feedback.setProgressText(tr("Writing the result"))
            write_raster(
                path, found.values, source.frame, band_names=(meaning,), feedback=StepFeedback(feedback, 50, 100)
            )
            style = habitat_style if meaning == "permeability" else distance_style
            style_when_loaded(path, style(sample_rows(found.values)), context)
        _report(found.cells, found.missing, values, feedback)
        return {
            "OUTPUT": path,
            "CLASSES": len(found.cells),
            "MISSING_CLASSES": len(found.missing),
            "MISSING_CELLS": sum(found.missing.values()),
            "BARRIER_CELLS": sum(count for each, count in found.cells.items() if values[each] == 0),
        }

    def _rows(self, parameters: dict[str, Any], context: QgsProcessingContext) -> Iterator[tuple[str, Any, Any]]:
        """Where a row stands, its class and its value."""
        if is_provided(parameters, "TABLE"):
            table = self.parameterAsSource(parameters, "TABLE", context)
            if table is None:
                raise QgsProcessingException(self.invalidSourceError(parameters, "TABLE"))
            fields = [self.parameterAsString(parameters, name, context) for name in ("CLASS_FIELD", "VALUE_FIELD")]
            for name in fields:
                if table.fields().indexOf(name) < 0:
                    text = tr("'{table}' has no field '{name}': choose one of {fields}.")
                    known = ", ".join(table.fields().names())
                    raise QgsProcessingException(text.format(table=table.sourceName(), name=name, fields=known))
            for feature in table.getFeatures():
                where = tr("'{table}', feature {id}").format(table=table.sourceName(), id=feature.id())
                yield (where, *(feature.attribute(name) for name in fields))
            return
        cells = self.parameterAsMatrix(parameters, "MATRIX", context)
        for row in range(len(cells) // 2):
            yield tr("row {row} of the list").format(row=row + 1), cells[2 * row], cells[2 * row + 1]


def _validation_error(provided: set[str], parameters: dict[str, Any]) -> str:
    if "TABLE" in provided:
        if not {"CLASS_FIELD", "VALUE_FIELD"} <= provided:
            return tr("Choose the fields of the table that hold the class and its value.")
        return tr("Values are given twice: choose either a table or the list.") if _has_list(parameters) else ""
    return "" if _has_list(parameters) else tr("No values: choose a class table, or fill in the list of classes.")


def _has_list(parameters: dict[str, Any]) -> bool:
    """Whether the list holds anything; one that nobody has touched comes from the dialog as a single empty cell."""
    cells = parameters.get("MATRIX") or []
    return any(cell not in (None, NULL, "") for cell in (cells if isinstance(cells, list) else [cells]))


def _checked(rows: Iterable[tuple[str, Any, Any]], meaning: str) -> dict[float, float]:
    """The value of each class; raises what is wrong with the first row that is not right."""
    values: dict[float, float] = {}
    for where, given_class, given_value in rows:
        number, value = _number(given_class), _number(given_value)
        if math.isnan(number):
            raise QgsProcessingException(
                tr("{where}: the class is '{given}', which is no number.").format(where=where, provided=given_class)
            )
        fault = ""
        if math.isnan(value):
            fault = tr("'{given}' is no number").format(provided=given_value)
        elif math.isinf(value):
            fault = tr("it is infinite; leave the class out and have it become nodata for a barrier")
        elif value < 0:
            fault = tr("{value:g} is negative").format(value=value)
        elif value == 0 and meaning == "resistance":
            fault = tr(
                "a resistance of zero would make movement free; use a small positive one, or nodata for a barrier"
            )
        elif values.get(number, value) != value:
            fault = tr("it was {before:g} before and is {value:g} here").format(before=values[number], value=value)
        if fault:
            raise QgsProcessingException(
                tr("{where}: the {meaning} of class {number:g} cannot be used: {fault}.").format(
                    where=where, meaning=meaning, number=number, fault=fault
                )
            )
        values[number] = value
    if not values:
        raise QgsProcessingException(tr("The class table has no rows."))
    return values


def _number(provided: Any) -> float:
    try:
        return float(provided)
    except (TypeError, ValueError):
        return math.nan


def _listed(missing: Counter) -> str:
    items = [
        tr("{number:g} ({count:,} cells)").format(number=number, count=count) for number, count in missing.most_common()
    ]
    shown = ", ".join(items[:CLASSES_IN_A_MESSAGE])
    if len(items) <= CLASSES_IN_A_MESSAGE:
        return shown
    return tr("{shown} and {more} more").format(shown=shown, more=len(items) - CLASSES_IN_A_MESSAGE)


def _report(cells: Counter, missing: Counter, values: dict[float, float], feedback: QgsProcessingFeedback) -> None:
    for number, count in sorted(cells.items()):
        feedback.pushInfo(
            tr("Class {number:g}: {value:g} in {count:,} cells.").format(
                number=number, value=values[number], count=count
            )
        )
    unused = sorted(set(values) - set(cells))
    if unused:
        shown = ", ".join(f"{number:g}" for number in unused[:CLASSES_IN_A_MESSAGE])
        feedback.pushInfo(
            tr("{count} classes of the table do not occur in the raster: {classes}.").format(
                count=len(unused), classes=shown
            )
        )
    if missing:
        text = tr("Classes without a value, now without data: {classes}.")
        feedback.pushWarning(text.format(classes=_listed(missing)))
