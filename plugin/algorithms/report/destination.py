"""The parameter that asks for a report."""

from __future__ import annotations

from qgis.core import QgsProcessingParameterFileDestination

from ...i18n import tr
from ..parameter_types import Parameter, with_help

#: Name of the parameter.
REPORT = "REPORT"


def report_destination() -> Parameter:
    """Return the destination of the report; scripts that do not name it get none."""
    report = QgsProcessingParameterFileDestination(
        REPORT, tr("Report"), tr("HTML files (*.html)"), optional=True, createByDefault=True
    )
    return with_help(
        report,
        tr(
            "An HTML page about the run, for the browser and for e-mail: the maps with legend and scale, histograms, "
            "the largest values, all parameters, warnings, how to repeat the run and what to cite. It needs no other "
            "file and no network."
        ),
    )
