"""The page of a report: its sections in their order, in the template."""

from __future__ import annotations

import traceback
from datetime import datetime
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from qgis.core import QgsProcessingException

from ...detailed_exception import log_details
from ...i18n import tr
from ...layers import StagedFiles
from ...system_errors import system_reason
from ..results import permea_version
from .contents import Contents
from .destination import REPORT
from .map_sections import landscape_section, map_sections, table_sections
from .settings import settings_of
from .text_sections import (
    citation_section,
    computation_section,
    details_section,
    lead,
    numbers_section,
    reading_section,
    repeat_section,
    settings_section,
    warnings_section,
)

TEMPLATE = Path(__file__).resolve().parents[3] / "resources" / "report" / "page.html"

# Height of a map in print, so that the report of a single map takes two pages.
PRINTED_HEIGHT_CM = 9.0


def write_report(contents: Contents, staged: StagedFiles) -> dict[str, Any]:
    """Write the report of a run, if it is requested, and return the output by name.

    Parameters
    ----------
    contents
        The run.
    staged
        Files of the run, with which the report appears.

    Raises
    ------
    QgsProcessingException
        The disk is full, or the folder cannot be written.
    """
    path = ""
    if contents.algorithm.parameterDefinition(REPORT) is not None:
        path = contents.algorithm.parameterAsFileOutput(dict(contents.parameters), REPORT, contents.context)
    if not path:
        return {}
    contents.log.setProgressText(tr("Writing the report"))
    try:
        page = page_of(contents, datetime.now().astimezone())
    except (QgsProcessingException, MemoryError):
        raise
    except Exception:
        # The results of hours are worth more than their report.
        log_details(traceback.format_exc().splitlines(), contents.log)
        contents.log.pushWarning(
            tr("The report could not be made, because of an error in Permea. The results are complete.")
        )
        return {}
    try:
        staged.path(Path(path)).write_bytes(page.encode("utf-8"))
    except OSError as error:
        text = tr("The report cannot be written to '{path}': {reason}.")
        raise QgsProcessingException(text.format(path=path, reason=system_reason(error))) from error
    return {REPORT: path}


def page_of(contents: Contents, now: datetime) -> str:
    """Return the page of a run as HTML.

    Parameters
    ----------
    contents
        The run.
    now
        Date and time of the run.
    """
    unit = contents.grid.unit if contents.grid is not None else tr("map units")
    settings = settings_of(contents.algorithm, contents.parameters, contents.context, unit)
    sections = [
        warnings_section(contents.log.warnings),
        *map_sections(contents),
        *table_sections(contents),
        numbers_section(contents),
        reading_section(contents),
        landscape_section(contents),
        settings_section(settings),
        computation_section(contents),
        repeat_section(contents),
        citation_section(contents, now),
        details_section(contents),
    ]
    proportion = 1.0
    if contents.grid is not None:
        (left, top), (right, bottom) = contents.grid.corners()
        proportion = (right - left) / (top - bottom)
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        language="en",
        version=escape(permea_version()),
        title=escape(contents.title),
        lead=lead(contents, settings, now),
        map_width=f"{100 * min(1.0, proportion):.1f}%",
        print_width=f"{min(17.0, max(1.0, PRINTED_HEIGHT_CM * proportion)):.1f}cm",
        sections="\n".join(filter(None, sections)),
    )
