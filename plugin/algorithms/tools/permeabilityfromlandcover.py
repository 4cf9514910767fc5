"""Permeability or resistance from land-cover classes."""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
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
)

from ...decimal_numbers import decimal_mark, parse_number
from ...i18n import tr
from ...layers import (
    Reclassified,
    StagedFiles,
    open_band,
    range_warning,
    reclassify,
    require_regular_rows,
    write_raster,
)
from ...runner import require_disk_space
from ...temporary_folder import temporary_folder
from ..base import TOOLS, PermeaAlgorithm
from ..formatting import join_names
from ..help import Help
from ..outputs import NumberOutput
from ..parameter_types import choice, either, with_help
from ..parameter_values import feature_reader
from ..parameters import LANDSCAPE_VALUES, raster_destination
from ..plain_values import is_provided
from ..report import Contents, MapFile, write_report
from ..styles import distance_style, habitat_style, sample_rows
from ..timed_step import TimedStep

# float64
BYTES_PER_CELL = 8

# Every line in QGIS's log costs a redraw.
MAX_CLASSES_IN_LOG = 100

# Location for messages, class and value.
Row = tuple[str, Any, Any]


class PermeabilityFromLandCover(PermeaAlgorithm):
    """Reclassify a land-cover raster into permeability or resistance."""

    identifier = "permeabilityfromlandcover"
    title = tr("Permeability from land cover")
    search_words = "friction, cost surface, conductance, resistance surface, reclassify, landscape"
    toolbox_group = TOOLS
    summary = tr("Reclassifies a land-cover raster into permeability or resistance, with a table of values.")
    help = Help(
        description=tr(
            "Reclassifies a land-cover raster into a landscape: each class gets the permeability, or the resistance, "
            "given in a table or in the list below."
        ),
        when_to_use=tr(
            "Use it first, to make the landscape that the other algorithms need. The values come from telemetry, "
            "genetic data or expert opinion; try several sets of values, because results depend on them. A raster "
            "that already holds permeability or resistance does not need it: all algorithms use such a raster "
            "directly, “Least-cost distance” for example."
        ),
        outputs=tr(
            "A raster on the grid of the land cover. Cells without data remain nodata, which is a barrier. Classes "
            "without a value are listed with their numbers of cells: they cause an error or, if chosen, become "
            "nodata."
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
    writes_report = True
    number_outputs = (
        NumberOutput("classes", tr("Classes of the raster with a value")),
        NumberOutput("missing_classes", tr("Classes of the raster without a value")),
        NumberOutput("missing_cells", tr("Cells of classes without a value")),
        NumberOutput("barrier_cells", tr("Cells of permeability 0")),
    )

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        table, matrix = either(
            with_help(
                QgsProcessingParameterFeatureSource(
                    "TABLE", tr("Class table"), [QgsProcessing.SourceType.TypeVector], optional=True
                ),
                tr(
                    "A table with one row for each class, such as a CSV file; numbers may have decimal commas if "
                    "semicolons or tabs separate the columns. Choose either a table or the list of classes and values."
                ),
            ),
            with_help(
                QgsProcessingParameterMatrix(
                    "MATRIX", tr("Classes and values"), 1, False, [tr("class"), tr("value")], optional=True
                ),
                tr("Class and value, row by row, if there is no table."),
            ),
        )
        return [
            with_help(
                QgsProcessingParameterRasterLayer("INPUT", tr("Land cover")),
                tr("A raster of class numbers, of any size: it is read and written in blocks."),
            ),
            with_help(
                QgsProcessingParameterBand("BAND", tr("Band"), 1, "INPUT", optional=True),
                tr("The band with the classes; the first one if nothing is chosen."),
            ),
            table,
            with_help(
                QgsProcessingParameterField("CLASS_FIELD", tr("Class field"), None, "TABLE", optional=True),
                tr("The field of the table with the number of the class."),
            ),
            with_help(
                QgsProcessingParameterField("VALUE_FIELD", tr("Value field"), None, "TABLE", optional=True),
                tr("The field of the table with the permeability or resistance of the class."),
            ),
            matrix,
            choice(
                "VALUES",
                tr("Values: permeability or resistance"),
                LANDSCAPE_VALUES,
                tr(
                    "Permeability: the higher, the easier to cross; 0 is a barrier. Resistance: the higher, the harder "
                    "to cross; it must be above 0. There is no default. The output holds the values as they are in the "
                    "table."
                ),
                required=True,
            ),
            choice(
                "MISSING",
                tr("Classes without a value"),
                {"error": tr("Stop with an error"), "nodata": tr("Set to nodata")},
                tr(
                    "Stop with an error: the message lists them with their numbers of cells. Set to nodata: their "
                    "cells become barriers, and the log lists them."
                ),
            ),
            raster_destination(tr("Landscape"), tr("The permeability or resistance of each cell.")),
        ]

    def validation_error(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        provided = {name for name in parameters if is_provided(parameters, name)}
        if "TABLE" not in provided:
            return "" if "MATRIX" in provided else tr("No values: choose a class table, or fill in the list.")
        if not {"CLASS_FIELD", "VALUE_FIELD"} <= provided:
            return tr("Choose the class field and the value field of the table.")
        return tr("Two sets of values: choose either a table or the list.") if "MATRIX" in provided else ""

    def run_algorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        path = self.output_paths(parameters, context)["OUTPUT"]
        layer = self.parameterAsRasterLayer(parameters, "INPUT", context)
        if layer is None:
            raise QgsProcessingException(self.invalidRasterError(parameters, "INPUT"))
        quantity = self.parameterAsEnumString(parameters, "VALUES", context)
        values = _validated_values(self._rows(parameters, context, feedback), quantity)
        positive = [value for value in values.values() if value > 0]
        if positive and (warning := range_warning(tr("the list of values"), quantity, min(positive), max(positive))):
            feedback.pushWarning(warning)
        source = open_band(layer, self.parameterAsInt(parameters, "BAND", context) or 1)
        require_disk_space(source.grid.rows * source.grid.columns * BYTES_PER_CELL)
        with tempfile.TemporaryDirectory(dir=temporary_folder()) as folder:
            reading, writing = TimedStep(feedback, 0, 50), TimedStep(feedback, 50, 100)
            reading.setProgressText(tr("Reading the land cover"))
            reclassified = reclassify(source, values, Path(folder), reading)
            if not reclassified.cells and not reclassified.missing:
                raise QgsProcessingException(
                    tr("'{layer}' is empty: every cell is nodata. Check its nodata value and its extent.").format(
                        layer=source.name
                    )
                )
            missing = _describe_classes(reclassified.missing)
            stop = self.parameterAsEnumString(parameters, "MISSING", context) == "error"
            if missing and (stop or not reclassified.cells):
                text = tr("'{layer}': {count:# class has|# classes have} no {quantity}: {classes}. {advice}")
                advice = (
                    tr("Add them to the table, or choose to set them to nodata.")
                    if reclassified.cells
                    else tr("None of the classes of the raster is in the table: compare the class numbers.")
                )
                raise QgsProcessingException(
                    text.format(
                        layer=source.name,
                        quantity=quantity,
                        count=len(reclassified.missing),
                        classes=missing,
                        advice=advice,
                    )
                )
            writing.setProgressText(tr("Writing the results"))
            title = tr("Permeability") if quantity == "permeability" else tr("Resistance")
            with StagedFiles() as staged:
                write_raster(
                    path,
                    reclassified.values,
                    source.grid,
                    band_names=(quantity,),
                    tags=self.presenter.tags("OUTPUT", title),
                    feedback=writing,
                    staged=staged,
                )
                style = (habitat_style if quantity == "permeability" else distance_style)(
                    sample_rows(reclassified.values)
                )
                numbers = {output: _number(output.key, reclassified, values) for output in self.number_outputs}
                _log_classes(reclassified.cells, reclassified.missing, values, feedback)
                maps = [
                    MapFile(
                        self.presenter.name("OUTPUT", title), staged.file_of(Path(path)), style, lists_largest=False
                    )
                ]
                contents = Contents(self, parameters, context, source.grid, maps, feedback, numbers=numbers)
                report = write_report(contents, staged)
                staged.replace_targets()
            self.presenter.show("OUTPUT", path, style, title)
        return {"OUTPUT": path, **report, **{output.name: value for output, value in numbers.items()}}

    def _rows(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> list[Row]:
        """Return the location of each row (for messages), its class and its value; rows without either are left out."""
        rows = (
            self._table_rows(parameters, context, feedback)
            if is_provided(parameters, "TABLE")
            else self._list_rows(parameters, context)
        )
        return [row for row in rows if not (_is_blank(row[1]) and _is_blank(row[2]))]

    def _table_rows(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Iterator[Row]:
        table = feature_reader(self, parameters, "TABLE", context, feedback)
        names = [self.parameterAsString(parameters, name, context) for name in ("CLASS_FIELD", "VALUE_FIELD")]
        fields = [table.field_index(name) for name in names]
        require_regular_rows(self.parameterAsVectorLayer(parameters, "TABLE", context))
        for feature in table.features(geometry=False):
            location = tr("'{table}', feature {id}").format(table=table.name, id=feature.id())
            yield (location, *(feature.attribute(field) for field in fields))

    def _list_rows(self, parameters: dict[str, Any], context: QgsProcessingContext) -> Iterator[Row]:
        cells = self.parameterAsMatrix(parameters, "MATRIX", context)
        if len(cells) % 2 and _is_blank(cells[-1]):
            cells = cells[:-1]
        if len(cells) % 2:
            text = tr(
                "The list of classes and values has {count:# entry|# entries}, an odd number: '{last}' is a class "
                "without a value. In scripts a comma separates entries, so write numbers with a decimal point."
            )
            raise QgsProcessingException(text.format(count=len(cells), last=cells[-1]))
        for row in range(len(cells) // 2):
            yield tr("row {row} of the list").format(row=row + 1), cells[2 * row], cells[2 * row + 1]


def _number(key: str, reclassified: Reclassified, values: dict[float, float]) -> int:
    """Return the number of classes or cells of a kind."""
    if key == "barrier_cells":
        return sum(count for number, count in reclassified.cells.items() if values[number] == 0)
    missing = reclassified.missing
    return {"classes": len(reclassified.cells), "missing_classes": len(missing)}.get(key, sum(missing.values()))


def _is_blank(cell: Any) -> bool:
    return cell is None or cell == NULL or (isinstance(cell, str) and not cell.strip())


def _validated_values(rows: Sequence[Row], quantity: str) -> dict[float, float]:
    """Return the value of each class.

    Raises
    ------
    QgsProcessingException
        A class or value is invalid; the message names the first one.
    """
    values: dict[float, float] = {}
    class_mark, value_mark = (_decimal_mark([row[column] for row in rows]) for column in (1, 2))
    for location, class_cell, value_cell in rows:
        number, value = _to_float(class_cell, class_mark), _to_float(value_cell, value_mark)
        if math.isnan(number):
            raise QgsProcessingException(
                tr("{location}: the class '{cell}' is not a number.").format(location=location, cell=class_cell)
            )
        error = ""
        if math.isnan(value):
            error = tr("'{cell}' is not a number").format(cell=value_cell)
        elif math.isinf(value):
            error = tr("it is infinite; for a barrier remove the class from the table and set it to nodata")
        elif value < 0:
            error = tr("{value:g} is negative").format(value=value)
        elif value == 0 and quantity == "resistance":
            error = tr("a resistance of zero makes movement free; use a small positive value, or nodata for a barrier")
        elif values.get(number, value) != value:
            error = tr("it is {first:g} in an earlier row and {second:g} here").format(
                first=values[number], second=value
            )
        if error:
            raise QgsProcessingException(
                tr("{location}: invalid {quantity} of class {number:g}: {error}.").format(
                    location=location, quantity=quantity, number=number, error=error
                )
            )
        values[number] = value
    if not values:
        raise QgsProcessingException(tr("The class table has no rows."))
    return values


def _decimal_mark(cells: Iterable[Any]) -> str:
    try:
        return decimal_mark(cell for cell in cells if isinstance(cell, str))
    except ValueError as error:
        raise QgsProcessingException(tr("The class table: {reason}.").format(reason=error)) from error


def _to_float(cell: Any, mark: str) -> float:
    if isinstance(cell, str):
        number = parse_number(cell, mark)
        return math.nan if number is None else number
    try:
        return float(cell)
    except (TypeError, ValueError):
        return math.nan


def _describe_classes(cell_counts: Counter) -> str:
    return join_names(
        [
            tr("{number:g} ({count:# cell|# cells})").format(number=number, count=count)
            for number, count in cell_counts.most_common()
        ]
    )


def _log_classes(cells: Counter, missing: Counter, values: dict[float, float], feedback: QgsProcessingFeedback) -> None:
    for number, count in sorted(cells.items())[:MAX_CLASSES_IN_LOG]:
        feedback.pushInfo(
            tr("Class {number:g}: {value:g} in {count:# cell|# cells}.").format(
                number=number, value=values[number], count=count
            )
        )
    if len(cells) > MAX_CLASSES_IN_LOG:
        feedback.pushInfo(tr("({count:# more class|# more classes})").format(count=len(cells) - MAX_CLASSES_IN_LOG))
    unused = sorted(set(values) - set(cells))
    if unused:
        feedback.pushInfo(
            tr("{count:# class|# classes} of the table {count:does|do} not occur in the raster: {classes}.").format(
                count=len(unused), classes=join_names([f"{number:g}" for number in unused])
            )
        )
    if missing:
        text = tr("Classes without a value, set to nodata: {classes}.")
        feedback.pushWarning(text.format(classes=_describe_classes(missing)))
