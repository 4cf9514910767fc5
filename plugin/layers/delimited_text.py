"""Tables in delimited text (CSV) that QGIS reads without a warning although rows have too many fields."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TextIO
from urllib.parse import unquote, urlparse

from qgis.core import QgsProcessingException, QgsProviderRegistry, QgsVectorLayer

from ..i18n import tr

SUFFIXES = (".csv", ".tsv", ".txt")
SEPARATORS = ",;\t|"


def require_regular_rows(layer: QgsVectorLayer | None) -> None:
    """Raise an error if a row of a CSV file has more fields than there are headings, which drops its last values.

    A decimal comma in a file whose columns are separated by commas does that: "1,2,5" is read as 1 and 2.

    Parameters
    ----------
    layer
        The table; layers that are no delimited text are not checked.

    Raises
    ------
    QgsProcessingException
        Gives the file, the line and what to do.
    """
    path = _text_file(layer)
    if path is None:
        return
    with path.open("rb") as binary:
        is_wide = binary.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    with path.open(encoding="utf-16" if is_wide else "utf-8-sig", errors="replace", newline="") as file:
        heading = file.readline()
        separator = _separator(heading.rstrip("\r\n"), layer.fields().names())
        if separator is None:
            return
        count = len(next(csv.reader([heading], delimiter=separator)))
        _require_fields(path.name, file, separator, count)


def _require_fields(name: str, rows: TextIO, separator: str, count: int) -> None:
    reader = csv.reader(rows, delimiter=separator)
    with suppress(csv.Error):  # such as a quote without an end: QGIS has its own rules for what follows
        for fields in reader:
            while fields and not fields[-1].strip():
                fields.pop()
            if len(fields) > count:
                raise QgsProcessingException(
                    tr(
                        "'{name}', line {line}: {fields} fields under {headings} headings ('{text}'). If the numbers "
                        "have decimal commas, separate the columns by semicolons or tabs, or write decimal points."
                    ).format(
                        name=name,
                        line=reader.line_num + 1,
                        fields=len(fields),
                        headings=count,
                        text=separator.join(fields)[:60],
                    )
                )


def _text_file(layer: QgsVectorLayer | None) -> Path | None:
    """Return the file of a layer of delimited text; None for other layers."""
    if layer is None or layer.dataProvider() is None:
        return None
    provider = layer.dataProvider()
    name = QgsProviderRegistry.instance().decodeUri(provider.name(), provider.dataSourceUri()).get("path") or ""
    path = Path(unquote(urlparse(name).path) if name.startswith("file:") else name)
    return path if path.suffix.lower() in SUFFIXES and path.is_file() else None


def _separator(heading: str, names: Sequence[str]) -> str | None:
    """Return the separator that divides a heading into names of fields; None if none does."""
    for separator in SEPARATORS:
        headings = [field.strip() for field in next(csv.reader([heading], delimiter=separator), [])]
        if len(headings) > 1 and set(headings) <= set(names):
            return separator
    return None
