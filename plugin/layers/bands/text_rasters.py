"""Rasters in text files, whose numbers may have decimal commas."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import PurePath

from osgeo import gdal
from qgis.core import QgsProcessingException

from ...i18n import tr
from ..gdal_errors import collected_gdal_errors
from .ascii_grid import ASCII_GRID_HEADER_BYTES, DECIMAL, NO_THOUSANDS, Word, require_well_formed_grid

BLOCK_BYTES = 1 << 24

#: Drivers that read other text with whatever their version makes of a decimal comma.
TEXT_DRIVERS = ("XYZ", "GRASSASCIIGrid", "ISG", "GSAG", "ZMap")

#: By default GDAL reads a grid without decimal points as whole numbers.
EXACT = "DATATYPE=Float64"

#: A line whose columns other characters than commas separate, with a number that has a comma.
COMMA_IN_COLUMN = re.compile(
    rb"(?:^|[ \t;])([^\s;,]*\d,\d[^\s;]*)[ \t;]+[^\s;]|[^\s;,][ \t;]+([^\s;,]*\d,\d[^\s;]*)", re.MULTILINE
)

#: A number in such a column that has no decimal comma but a comma, or none but a point.
NO_DECIMAL = re.compile(rb"(?<![^\s;])(?!" + DECIMAL + rb"(?![^\s;]))[^\s;]*(?:\d,|[.]\d)[^\s;]*")

#: Columns of x, y and a value at the beginning of a line.
COLUMNS = re.compile(rb"^[ \t;]*" + rb"[ \t;]+".join([rb"([+-]?[\d,]+(?:[eE][+-]?\d+)?)"] * 3) + rb"[ \t;]*\r?$", re.M)


def comma_in_grid(path: str, dataset: gdal.Dataset) -> Word | None:
    """Return the first number with a decimal comma of a raster in a text; None if there is none.

    Parameters
    ----------
    path
        Name by which GDAL opens the raster.
    dataset
        The raster.

    Raises
    ------
    QgsProcessingException
        The grid has words, missing values, or numbers with several readings; or it is another text, or a virtual raster
        of texts, with decimal commas, which GDAL does not read right. The message names file and line.
    """
    driver = dataset.GetDriver().ShortName
    if driver == "AAIGrid":
        return _checked_grid(path, *_version(path))
    if driver in TEXT_DRIVERS:
        comma = _comma_in_columns(path, *_version(path))
        if comma is not None and not _is_read_right(path, dataset):
            raise _comma_error(path, comma)
        return comma
    if driver == "VRT":
        for source in dataset.GetFileList() or ():
            if source != path:
                _require_points_in_source(source)
    return None


def decimal_comma_note(name: str, comma: Word) -> str:
    """Return what the user must know about a grid that is read with decimal commas."""
    return tr("'{name}': commas in numbers are read as decimal commas, the first in line {line}: {comma}.").format(
        name=name, line=comma.line, comma=comma.text
    )


def with_all_digits(options: list[str]) -> list[str]:
    """Return options for opening a grid with all digits of its numbers."""
    return [*(option for option in options if not option.upper().startswith("DATATYPE=")), EXACT]


def _require_points_in_source(path: str) -> None:
    dataset = None
    with collected_gdal_errors():
        dataset = gdal.OpenEx(path, gdal.OF_RASTER | gdal.OF_READONLY, allowed_drivers=["AAIGrid", *TEXT_DRIVERS])
    if dataset is None:
        return
    comma = comma_in_grid(path, dataset)
    if comma is not None:
        raise _comma_error(path, comma)


@lru_cache(maxsize=64)
def _checked_grid(path: str, _size: int, _time: int) -> Word | None:
    head = b"".join(_blocks(path, 0, ASCII_GRID_HEADER_BYTES))
    return require_well_formed_grid(PurePath(path).name, head, lambda skip: _blocks(path, skip))


@lru_cache(maxsize=64)
def _comma_in_columns(path: str, _size: int, _time: int) -> Word | None:
    """Return the first number with a decimal comma in a text of columns; raise an error if others are not like it."""
    line, rest, first, invalid, may_be_thousands = 1, b"", None, None, True
    for block in (*_blocks(path, 0), b"\n"):
        cut = block.rfind(b"\n") + 1
        data, rest = rest + block[:cut], block[cut:] if cut else rest + block
        if not cut:
            continue
        if b"," in data:
            first = first or _word(COMMA_IN_COLUMN, data, line)
            may_be_thousands = may_be_thousands and NO_THOUSANDS.search(data.replace(b";", b" ")) is None
        invalid = invalid or _word(NO_DECIMAL, data, line)
        line += data.count(b"\n")
    if first is not None and invalid is not None:
        raise _comma_error(path, first if invalid.line > first.line else invalid)
    if first is not None and may_be_thousands:
        raise _comma_error(path, first)
    return first


def _word(pattern: re.Pattern[bytes], data: bytes, line: int) -> Word | None:
    match = pattern.search(data)
    if match is None:
        return None
    text = next((group for group in match.groups() if group), match[0])
    return Word(text[:60].decode("ascii", "replace"), line + data.count(b"\n", 0, match.start()))


def _is_read_right(path: str, dataset: gdal.Dataset) -> bool:
    """Return whether GDAL reads the first value of a text of columns where and as it is written."""
    columns = COLUMNS.search(b"".join(_blocks(path, 0, ASCII_GRID_HEADER_BYTES)))
    if columns is None or dataset.GetDriver().ShortName != "XYZ":
        return False
    x, y, value = (float(column.replace(b",", b".")) for column in columns.groups())
    left, width, _, top, _, height = dataset.GetGeoTransform()
    cell = int((x - left) // width), int((y - top) // height)
    if not (0 <= cell[0] < dataset.RasterXSize and 0 <= cell[1] < dataset.RasterYSize):
        return False
    stored = dataset.GetRasterBand(1).ReadRaster(*cell, 1, 1, buf_type=gdal.GDT_Float64)
    return stored is not None and math.isclose(struct.unpack("d", bytes(stored))[0], value, rel_tol=1e-6)


def _comma_error(path: str, comma: Word) -> QgsProcessingException:
    return QgsProcessingException(
        tr(
            "'{name}', line {line}: '{comma}' has a decimal comma or a separator of thousands, which QGIS may not read "
            "right. Write the file with decimal points and load it again."
        ).format(name=PurePath(path).name, line=comma.line, comma=comma.text)
    )


def _version(path: str) -> tuple[int, int]:
    """Return size and time of a file, which tell whether it is still the same."""
    status = gdal.VSIStatL(path)
    return (status.size, status.mtime) if status is not None else (0, 0)


def _blocks(path: str, skip: int, size: int = 0) -> Iterator[bytes]:
    """Yield the content of a file after some bytes, block by block, or only its first bytes."""
    file = None
    with collected_gdal_errors():
        file = gdal.VSIFOpenL(path, "rb")
    if file is None:
        return
    try:
        gdal.VSIFSeekL(file, skip, 0)
        while block := gdal.VSIFReadL(1, size or BLOCK_BYTES, file):
            yield bytes(block)
            if size:
                return
    finally:
        gdal.VSIFCloseL(file)
