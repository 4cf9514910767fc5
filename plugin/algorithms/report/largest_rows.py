"""The rows of a table with the largest values."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from ...i18n import tr
from ..formatting import format_column
from ..results import with_unit
from ..tables import Column, Table

LISTED_ROWS = 10

# Wider tables, such as matrices, do not fit on a page.
MAX_COLUMNS = 9

# Longer tables are not searched: that would take as long as writing them.
MAX_ROWS = 1_000_000


@dataclass(frozen=True, eq=False)
class LargestRows:
    """The rows of a table with the largest values in a column.

    Parameters
    ----------
    column
        Name of the column.
    rows
        The rows, largest value first.
    values
        All finite values of the column.
    count, missing
        Number of rows, and of those without a value.
    """

    column: str
    rows: list[Sequence[Any]]
    values: np.ndarray
    count: int
    missing: int


def largest_rows(table: Table) -> LargestRows | None:
    """Return the rows with the largest values in the last column of numbers; None if the table has none."""
    numbers = [index for index, column in enumerate(table.columns) if column.kind == "real"]
    if (
        not table.lists_largest
        or not numbers
        or len(table.columns) > MAX_COLUMNS
        or not 0 < len(table.rows) <= MAX_ROWS
    ):
        return None
    index = numbers[-1]
    finite = [row for row in table.rows if row[index] is not None and math.isfinite(row[index])]
    rows = heapq.nlargest(LISTED_ROWS, finite, key=lambda row: row[index])
    values = np.array([row[index] for row in finite], float)
    return LargestRows(heading(table.columns[index]), rows, values, len(table.rows), len(table.rows) - len(finite))


def rows_html(table: Table, largest: LargestRows) -> str:
    """Return the rows as an HTML table with a caption."""
    shown = tr("{shown} of {count:# row|# rows}").format(shown=len(largest.rows), count=largest.count)
    if largest.missing:
        shown += tr("; {missing:,} without a value").format(missing=largest.missing)
    title = tr("Largest values of “{column}” ({shown}):").format(column=largest.column, shown=shown)
    heads = "".join(f"<th{_number_class(column.kind)}>{escape(heading(column))}</th>" for column in table.columns)
    texts = [_texts([row[index] for row in largest.rows], column.kind) for index, column in enumerate(table.columns)]
    body = "".join(
        "<tr>"
        + "".join(f"<td{_number_class(column.kind)}>{escape(text)}</td>" for text, column in zip(row, table.columns))
        + "</tr>"
        for row in zip(*texts)
    )
    table = f"<table><tr>{heads}</tr>{body}</table>"
    return f'<p class="note">{escape(title)}</p><div class="wide">{table}</div>'


def heading(column: Column) -> str:
    """Return what a column holds, with its unit: “cost, m × resistance”."""
    return with_unit(column.name.replace("_", " "), column.unit)


def _number_class(kind: str) -> str:
    return ' class="number"' if kind == "real" else ""


def _texts(values: Sequence[Any], kind: str) -> list[str]:
    """Return the cells of a column as text; empty where a value is missing."""
    if kind != "real":
        return ["" if value is None else str(value) for value in values]
    is_finite = [value is not None and math.isfinite(value) for value in values]
    numbers = iter(format_column([float(value) for value, finite in zip(values, is_finite) if finite]))
    return [next(numbers) if finite else "" for finite in is_finite]
