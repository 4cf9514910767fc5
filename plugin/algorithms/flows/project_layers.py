"""The result files of a Circuitscape project as layers of the project in QGIS."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from osgeo import gdal
from qgis.core import QgsCoordinateReferenceSystem, QgsProcessingContext, QgsProcessingFeedback
from qgis.PyQt.QtCore import QUrl

from ...i18n import tr
from ..renderers import Style
from ..report import MapFile
from ..results import Presentation, ResultPresenter, show_when_loaded
from ..styles import current_style, distance_style

# Of a project with more files only the sums and the tables of resistances are loaded.
MAX_LAYERS = 20

# Largest number of maps of single runs in a report.
MAX_MAPS = 4

# Rows and columns from which the colours of a map are computed.
STYLE_SIZE = 1000

# By the end of the file's name: what it holds, and the columns and the separator of a table.
CONTENTS = {
    "cum_curmap": (tr("Cumulative current"), (), ""),
    "max_curmap": (tr("Maximum current"), (), ""),
    "curmap": (tr("Current"), (), ""),
    "voltmap": (tr("Voltage"), (), ""),
    "resistances_3columns": (tr("Resistances"), ("from_id", "to_id", "resistance"), " "),
    "resistances": (tr("Resistances"), ("id", "resistance"), " "),
    "node_currents": (tr("Currents of nodes"), ("id", "current"), "\t"),
    "branch_currents": (tr("Currents of branches"), ("from_id", "to_id", "current"), "\t"),
    "voltages": (tr("Voltages of nodes"), ("id", "voltage"), "\t"),
}
ENDING = r"(?:_(cum|\d+(?:_\d+)?))?\.(?:asc|asc\.gz|tif|out|txt)"


@dataclass(frozen=True)
class ResultFile:
    """A result file.

    Parameters
    ----------
    path
        The file.
    content
        Key of `CONTENTS`.
    run
        Ids of the focal nodes, such as ``"1_2"``; ``"cum"`` for a sum, empty for the whole project.
    """

    path: Path
    content: str
    run: str

    @property
    def source(self) -> str:
        """Data source of the layer."""
        _, columns, separator = CONTENTS[self.content]
        if not columns:
            return f"/vsigzip/{self.path}" if self.path.suffix == ".gz" else str(self.path)
        url = QUrl.fromLocalFile(str(self.path)).toString()
        delimiter = {" ": "%20", "\t": "%5Ct"}[separator]
        options = f"type=csv&delimiter={delimiter}&useHeader=No&detectTypes=yes&geomType=none&watchFile=no"
        return f"delimitedtext://{url}?{options}"

    @property
    def quantity(self) -> str:
        """What the values of a map are."""
        return CONTENTS[self.content][0].lower()

    def title(self, project: str) -> str:
        """Return the name of the layer."""
        title = CONTENTS[self.content][0]
        if self.run not in ("", "cum"):
            title = tr("{title} {nodes}").format(title=title, nodes=self.run.replace("_", "–"))
        return tr("{title}, {subject}").format(title=title, subject=project)

    def style(self) -> Style | None:
        """Return the style of a map, from its values; None for a table."""
        if CONTENTS[self.content][1]:
            return None
        dataset = gdal.Open(self.source)
        band = dataset.GetRasterBand(1)
        columns, rows = min(band.XSize, STYLE_SIZE), min(band.YSize, STYLE_SIZE)
        values = np.frombuffer(band.ReadRaster(buf_xsize=columns, buf_ysize=rows, buf_type=gdal.GDT_Float64))
        values = np.where(values == band.GetNoDataValue(), np.nan, values).reshape(rows, columns)
        is_logarithm = bool((values < 0).any())  # of projects with log_transform_maps
        if self.content == "voltmap":
            return distance_style(values, "V")
        return distance_style(values, "log10 A") if is_logarithm else current_style(values, "A")


def load_result_files(
    names: Sequence[str],
    folder: Path,
    project: str,
    crs: QgsCoordinateReferenceSystem,
    presenter: ResultPresenter,
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback,
) -> None:
    """Have QGIS load maps and tables at the end of the run.

    Parameters
    ----------
    names, folder
        Names of the files, and their folder.
    project
        Name of the Circuitscape project, with which the names of its files begin.
    crs
        CRS of the maps, which ESRI grids do not hold.
    presenter
        Names the group and documents the results.
    context, feedback
        Context of the run, whose project receives the layers; receives how many files are not loaded.
    """
    if context.project() is None:
        return
    files = result_files(names, folder, project)
    shown = files if len(files) <= MAX_LAYERS else [file for file in files if file.run in ("", "cum")]
    if len(shown) < len(files):
        text = tr("{shown:,} of {all:,} maps and tables {shown:is|are} loaded; those of single runs are in '{folder}'.")
        feedback.pushInfo(text.format(shown=len(shown), all=len(files), folder=folder))
    for position, file in enumerate(shown):
        title, columns = file.title(project), CONTENTS[file.content][1]
        details = QgsProcessingContext.LayerDetails(title, context.project(), "")
        context.addLayerToLoadOnCompletion(file.source, details)
        metadata = presenter.provenance.metadata(title)
        presentation = Presentation(
            title, title, presenter.group, position, file.style(), metadata, None if columns else crs, columns
        )
        show_when_loaded(file.source, presentation, context)


def maps_of_project(names: Sequence[str], folder: Path, project: str) -> list[MapFile]:
    """Return the maps among some files for the report: the sums, or the first single maps if there are none.

    Parameters
    ----------
    names, folder, project
        As `load_result_files`.
    """
    files = [file for file in result_files(names, folder, project) if not CONTENTS[file.content][1]]
    sums = [file for file in files if file.run in ("", "cum")]
    return [
        MapFile(file.title(project), file.source, file.style(), quantity=file.quantity)
        for file in sums or files[:MAX_MAPS]
    ]


def result_files(names: Sequence[str], folder: Path, project: str) -> list[ResultFile]:
    """Return the maps and tables among some files, sums first and tables last.

    A matrix of resistances is left out: the file of three columns holds the same.

    Examples
    --------
    >>> names = ["land_curmap_1_2.asc", "land_cum_curmap.asc", "land_resistances.out", "land_resistances_3columns.out"]
    >>> [(file.content, file.run) for file in result_files(names, Path("results"), "land")]
    [('cum_curmap', ''), ('curmap', '1_2'), ('resistances_3columns', '')]
    """
    contents = "|".join(sorted(CONTENTS, key=len, reverse=True))
    pattern = re.compile(rf"{re.escape(project)}_({contents}){ENDING}")
    found = [(name, pattern.fullmatch(name)) for name in names]
    files = [ResultFile(folder / name, match[1], match[2] or "") for name, match in found if match]
    if any(file.content == "resistances_3columns" for file in files):
        files = [file for file in files if file.content != "resistances"]
    order = list(CONTENTS)
    return sorted(files, key=lambda file: order.index(file.content))
