"""Values of tables that the format of a file cannot hold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from osgeo import gdal
from qgis.core import QgsProcessingException

from ..i18n import tr
from ..layers import collected_gdal_errors

# Formats with a limited length of texts and digits, which GDAL cuts with no more than a warning.
LOSSY_SUFFIXES = (".shp", ".shz", ".dbf", ".tab")

# Relative difference of decimal numbers that counts as rounding.
ROUNDING = 1e-6


def require_unchanged_values(columns: Sequence[str], rows: Iterable[Sequence[Any]], file: Path, path: Path) -> None:
    """Raise an error if a file does not hold the values written to it.

    Parameters
    ----------
    columns, rows
        Names of the columns, and values in their order; None where a value is missing.
    file
        The file that was written.
    path
        The file that the user has chosen, for its format and the message.

    Raises
    ------
    QgsProcessingException
        Names the first value that was cut or rounded.
    """
    if path.suffix.lower() not in LOSSY_SUFFIXES:
        return
    dataset = None
    with collected_gdal_errors():
        dataset = gdal.OpenEx(str(file), gdal.OF_VECTOR | gdal.OF_READONLY)
    if dataset is None:
        return  # the number of rows in the file is checked elsewhere
    for row, feature in zip(rows, dataset.GetLayer(0)):
        for index, (column, value) in enumerate(zip(columns, row)):
            stored = feature.GetField(index)
            if not _is_same(value, stored):
                raise QgsProcessingException(
                    tr(
                        "'{name}' cannot hold all results: in the field '{field}', {value} would become {stored}, "
                        "because texts and numbers of this format have a limited length. Save it as a GeoPackage "
                        "(.gpkg) instead."
                    ).format(name=path.name, field=column, value=_shortened(value), stored=_shortened(stored))
                )


def _is_same(value: Any, stored: Any) -> bool:
    if value is None or value == "" or (isinstance(value, float) and not math.isfinite(value)):
        return True
    if isinstance(value, float):
        return isinstance(stored, (int, float)) and math.isclose(value, stored, rel_tol=ROUNDING)
    return stored == value


def _shortened(value: Any) -> str:
    text = f"'{value}'" if isinstance(value, str) else str(value)
    return (
        text
        if len(text) <= 60
        else tr("{text}…' ({count:# character|# characters})").format(text=text[:40], count=len(text) - 2)
    )
