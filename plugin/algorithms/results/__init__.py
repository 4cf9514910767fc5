"""What QGIS shows of the results of a run: names of layers, a group in the layer tree, and how they were made."""

from .loading import Presentation, show_when_loaded
from .parameters_as_text import plain_values
from .presenter import ResultPresenter
from .provenance import Provenance, permea_version, provenance_of
from .titles import named_distance, sensitivity_title, with_distance, with_theta

__all__ = [
    "Presentation",
    "Provenance",
    "ResultPresenter",
    "permea_version",
    "plain_values",
    "named_distance",
    "provenance_of",
    "sensitivity_title",
    "show_when_loaded",
    "with_distance",
    "with_theta",
]
