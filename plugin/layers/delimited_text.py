"""Tables in delimited text (CSV) that QGIS reads without a word although rows have too many fields."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
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
    data = path.read_bytes()
    text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", errors="replace")
    lines = text.splitlines()
    separator = _separator(lines[0], layer.fields().names()) if lines else None
    if separator is None:
        return
    reader = csv.reader(lines, delimiter=separator)
    count = len(next(reader))
    for fields in reader:
        while fields and not fields[-1].strip():
            fields.pop()
        if len(fields) > count:
            raise QgsProcessingException(
                tr(
                    "'{name}', line {line}: {fields} fields under {headings} headings ('{text}'). If the numbers have "
                    "decimal commas, separate the columns by semicolons or tabs, or write decimal points."
                ).format(
                    name=path.name,
                    line=reader.line_num,
                    fields=len(fields),
                    headings=count,
                    text=lines[reader.line_num - 1][:60],
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
