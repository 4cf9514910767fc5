"""What QGIS shows of the results of a run: names of layers, a group in the layer tree, and how they were made."""

from .loading import Presentation, group_when_loaded, show_when_loaded
from .parameters_as_text import plain_values
from .presenter import ResultPresenter
from .provenance import Provenance, permea_version, provenance_of
from .titles import named_distance, sensitivity_title, with_distance, with_theta
from .units import OF_LEAST_COST, cost_unit, distance_unit, length_unit, sensitivity_unit, with_unit, without_unit

__all__ = [
    "OF_LEAST_COST",
    "Presentation",
    "Provenance",
    "ResultPresenter",
    "cost_unit",
    "distance_unit",
    "length_unit",
    "permea_version",
    "plain_values",
    "group_when_loaded",
    "named_distance",
    "provenance_of",
    "sensitivity_title",
    "sensitivity_unit",
    "show_when_loaded",
    "with_distance",
    "with_theta",
    "with_unit",
    "without_unit",
]
