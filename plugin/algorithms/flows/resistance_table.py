"""Table of the resistances between focal nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ...runner import Result
from ..pair_tables import id_kind
from ..parameter_values import ParameterValues
from ..row_sequences import RowSequence, upper_triangle
from ..tables import Column, Table


def resistance_table(inputs: ParameterValues, result: Result) -> Table:
    """Return the resistances of a current flow: one row for each pair, or for each focal node of one to all.

    Pairs that are not computed (NaN) have no row.
    """
    names, labels = inputs.focal.named(), dict(zip(inputs.focal.ids.tolist(), inputs.focal.labels))
    ids, resistances = result.outputs["ids"].tolist(), result.outputs["resistances"]
    kind = id_kind(inputs.focal)
    if resistances.ndim == 1:
        columns = (Column("id", kind), Column("label", "text"), Column("resistance", unit="Ω"))
        rows = [(names[id], labels[id], value) for id, value in zip(ids, resistances.tolist())]
        return Table("RESISTANCES", columns, rows)
    columns = (
        Column("from_id", kind),
        Column("to_id", kind),
        Column("from_label", "text"),
        Column("to_label", "text"),
        Column("resistance", unit="Ω"),
    )
    names, labels = [names[id] for id in ids], [labels[id] for id in ids]

    def rows() -> Iterator[tuple]:
        return ((names[i], names[j], labels[i], labels[j], value) for i, j, value in upper_triangle(resistances))

    count = int(np.count_nonzero(np.triu(~np.isnan(resistances), 1)))
    return Table("RESISTANCES", columns, RowSequence(count, rows))


def count_rows(arrays: Mapping[str, np.ndarray], mode: str) -> int:
    """Return the number of rows of the table, before the run.

    Parameters
    ----------
    arrays
        Input arrays of the task: the ids of the focal nodes of each cell, and excluded pairs, if any.
    mode
        ``"pairwise"``, ``"one_to_all"`` or ``"all_to_one"``.

    Examples
    --------
    >>> count_rows({"focal_ids": np.array([1, 1, 2, 3]), "excluded": np.array([[1, 3]])}, "pairwise")
    2
    """
    nodes = len(np.unique(arrays["focal_ids"]))
    return nodes * (nodes - 1) // 2 - len(arrays.get("excluded", ())) if mode == "pairwise" else nodes
