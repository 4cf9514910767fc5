"""Conversion between QGIS layers and arrays: reading, validation, alignment, rasterization, writing.

A raster layer becomes a `StreamedRaster` (float64 values and a mask of valid cells in files for the engine, and their
`RasterGrid`) or, where it is small, a `Raster` with the same arrays in memory. Point and polygon layers become cells.
Results of the engine are written as GeoTIFFs on the grid of their input.
"""

from ..cancelled import Cancelled
from .alignment import AlignedBand, align
from .amounts import sparse_blocks, stream_point_amounts, stream_raster_amounts
from .bands import (
    ASCII_GRID_HEADER,
    ASCII_GRID_HEADER_BYTES,
    Band,
    ascii_grid_size,
    open_band,
    read_raster,
    require_well_formed_grid,
    warn_about_other_bands,
)
from .cell_mask import CellMask
from .computed_raster import ComputedRaster, RasterRows
from .delimited_text import require_regular_rows
from .features import FeatureReader, chosen_geometry_check, id_of, number_of, remember_loaded, require_current
from .focal_node_features import read_focal_nodes
from .focal_nodes import FocalNodes, focal_nodes_from_ids
from .gdal_errors import collected_gdal_errors, writing_reason
from .gdal_options import gdal_option
from .grid_difference import describe_difference, offset_in_cells
from .layer_sources import SourceFile, source_files
from .lost_amounts import warn_about_grounds, warn_about_sources
from .main_thread import in_main_thread, is_main_thread
from .outputs import (
    CHECKPOINT_MANIFEST,
    GEOPACKAGE_SUFFIX,
    RASTER_SIDECARS,
    GeoPackageUpdate,
    StagedFiles,
    can_hold_description,
    count_rows,
    created_folder,
    delete_layer,
    files_of_dataset,
    holds_results,
    layer_names,
    require_layer_replaceable,
    save_layer_metadata,
    stage_metadata_file,
    write_raster,
)
from .points import Points, point_cells, read_points
from .raster_grid import Raster, RasterGrid
from .reclassification import Reclassified, reclassify
from .reduced_landscape import ReducedLandscape, read_reduced, write_painted
from .same_grid import stream_same_grid
from .short_circuit_regions import circuit_cells, read_short_circuit_regions
from .source_features import read_sources
from .statistics_files import no_statistics_file, set_auxiliary_crs
from .streaming import (
    StreamedRaster,
    mask_landscape,
    save_rows,
    stream_condition,
    stream_landscape,
    stream_quality,
    stream_strengths,
    stream_weights,
    write_rows,
)
from .validation import (
    CellCounter,
    declare_nodata_advice,
    exact,
    format_cells,
    range_warning,
)

__all__ = [
    "ASCII_GRID_HEADER",
    "ASCII_GRID_HEADER_BYTES",
    "CHECKPOINT_MANIFEST",
    "GEOPACKAGE_SUFFIX",
    "RASTER_SIDECARS",
    "AlignedBand",
    "Band",
    "Cancelled",
    "CellCounter",
    "CellMask",
    "ComputedRaster",
    "FeatureReader",
    "FocalNodes",
    "GeoPackageUpdate",
    "Points",
    "Raster",
    "RasterGrid",
    "RasterRows",
    "Reclassified",
    "ReducedLandscape",
    "SourceFile",
    "StagedFiles",
    "StreamedRaster",
    "align",
    "ascii_grid_size",
    "require_well_formed_grid",
    "save_rows",
    "sparse_blocks",
    "mask_landscape",
    "point_cells",
    "range_warning",
    "chosen_geometry_check",
    "circuit_cells",
    "collected_gdal_errors",
    "describe_difference",
    "focal_nodes_from_ids",
    "gdal_option",
    "id_of",
    "in_main_thread",
    "is_main_thread",
    "number_of",
    "can_hold_description",
    "count_rows",
    "created_folder",
    "declare_nodata_advice",
    "delete_layer",
    "exact",
    "files_of_dataset",
    "format_cells",
    "holds_results",
    "layer_names",
    "no_statistics_file",
    "offset_in_cells",
    "open_band",
    "read_focal_nodes",
    "read_points",
    "read_raster",
    "read_reduced",
    "reclassify",
    "read_short_circuit_regions",
    "read_sources",
    "remember_loaded",
    "require_current",
    "require_layer_replaceable",
    "require_regular_rows",
    "save_layer_metadata",
    "stage_metadata_file",
    "set_auxiliary_crs",
    "source_files",
    "stream_condition",
    "stream_landscape",
    "stream_point_amounts",
    "stream_quality",
    "stream_raster_amounts",
    "stream_same_grid",
    "stream_strengths",
    "stream_weights",
    "warn_about_grounds",
    "warn_about_other_bands",
    "warn_about_sources",
    "write_painted",
    "write_raster",
    "write_rows",
    "writing_reason",
]
