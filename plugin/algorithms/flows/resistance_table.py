"""Table of the resistances between focal nodes."""

from __future__ import annotations

import numpy as np

from ...runner import Result
from ..pair_tables import id_kind
from ..parameter_values import ParameterValues
from ..tables import Column, Table


def resistance_table(inputs: ParameterValues, result: Result) -> Table:
    """Return the resistances of a current flow: one row for each pair, or for each focal node of one to all.

    Pairs that are not computed (NaN) have no row.
    """
    names, labels = inputs.focal.named(), dict(zip(inputs.focal.ids.tolist(), inputs.focal.labels))
    ids, resistances = result.outputs["ids"].tolist(), result.outputs["resistances"]
    kind = id_kind(inputs.focal)
    if resistances.ndim == 1:
        columns = (Column("id", kind), Column("label", "text"), Column("resistance"))
        rows = [(names[id], labels[id], value) for id, value in zip(ids, resistances.tolist())]
        return Table("RESISTANCES", columns, rows)
    columns = (
        Column("from_id", kind),
        Column("to_id", kind),
        Column("from_label", "text"),
        Column("to_label", "text"),
        Column("resistance"),
    )
    rows = [
        (names[ids[i]], names[ids[j]], labels[ids[i]], labels[ids[j]], resistances[i, j])
        for i, j in zip(*np.triu_indices(len(ids), 1))
        if not np.isnan(resistances[i, j])
    ]
    return Table("RESISTANCES", columns, rows)
