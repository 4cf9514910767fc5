"""Output files: GeoTIFFs and layers of GeoPackages, which replace their targets only when they are complete."""

from .folders import CHECKPOINT_MANIFEST, created_folder, holds_results
from .geopackage import (
    GEOPACKAGE_SUFFIX,
    GeoPackageUpdate,
    can_hold_description,
    count_rows,
    delete_layer,
    files_of_dataset,
    layer_names,
    require_layer_replaceable,
    save_layer_metadata,
)
from .metadata_file import stage_metadata_file
from .raster_writer import RASTER_SIDECARS, write_raster
from .staged_files import StagedFiles

__all__ = [
    "CHECKPOINT_MANIFEST",
    "GEOPACKAGE_SUFFIX",
    "RASTER_SIDECARS",
    "GeoPackageUpdate",
    "StagedFiles",
    "can_hold_description",
    "count_rows",
    "created_folder",
    "delete_layer",
    "files_of_dataset",
    "holds_results",
    "layer_names",
    "require_layer_replaceable",
    "save_layer_metadata",
    "stage_metadata_file",
    "write_raster",
]
