"""Features of vector layers and tables: their fields, ids and geometries, and the cells of a raster under them.

Every algorithm reads features through `FeatureReader`. Geometries are checked here rather than by QGIS, whose own check
stops at the first invalid polygon without naming it.
"""

from .attributes import id_of, label_of, number_of
from .cell_list import CellList
from .cell_locator import Cell, CellLocator
from .feature_cells import FeatureCells, require_features
from .file_changes import require_current
from .file_stamps import remember_loaded
from .lists import listed, named_features, shortened
from .polygon_cells import PolygonCells
from .reader import FeatureReader, chosen_geometry_check

__all__ = [
    "Cell",
    "CellList",
    "CellLocator",
    "FeatureCells",
    "FeatureReader",
    "PolygonCells",
    "chosen_geometry_check",
    "id_of",
    "label_of",
    "listed",
    "named_features",
    "number_of",
    "remember_loaded",
    "require_current",
    "require_features",
    "shortened",
]
