"""Validation of rasters, block by block, with error messages that say which cells are invalid and what to do."""

from .cells import (
    CellCounter,
    ComputableValidator,
    FiniteValidator,
    InvalidCells,
    declare_nodata_advice,
    exact,
    format_cells,
)
from .conditions import ConditionValidator
from .landscape import LandscapeValidator
from .meaning import range_warning
from .quality import QualityValidator, StrengthValidator, WeightValidator

__all__ = [
    "CellCounter",
    "ComputableValidator",
    "ConditionValidator",
    "FiniteValidator",
    "InvalidCells",
    "LandscapeValidator",
    "QualityValidator",
    "StrengthValidator",
    "WeightValidator",
    "declare_nodata_advice",
    "exact",
    "format_cells",
    "range_warning",
]
