"""Focal nodes included in a run, the pairs excluded from it, and the source strengths of the focal nodes."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
from qgis.core import QgsProcessingException

from ...circuitscape import read_pairs
from ...i18n import tr
from ...layers import FocalNodes
from ...runner import Task
from ..formatting import join_names
from ..parameter_values import ParameterValues


def run_names(task: Task) -> list[str]:
    """Return the names of the runs of a task: ids of focal nodes, or pairs of ids such as ``1_2``."""
    ids = np.unique(task.arrays["focal_ids"]).tolist()
    if task.parameters["mode"] != "pairwise":
        return [str(id) for id in ids]
    return [f"{first}_{second}" for first, second in combinations(ids, 2)]


def select_pairs(focal: FocalNodes, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Apply a Circuitscape file of pairs to include or exclude.

    Returns
    -------
    included
        Ids of the included focal nodes, int64.
    excluded
        Excluded pairs of included focal nodes, int64 (n, 2).

    Raises
    ------
    QgsProcessingException
        There is no such file, it mentions no focal node, or it leaves fewer than two.
    """
    if not path.is_file():
        raise QgsProcessingException(tr("There is no file of pairs '{path}'.").format(path=path))
    pairs = read_pairs(path)
    known = focal.ids.tolist()
    unknown = sorted(pairs.mentioned - set(known))
    if not all(isinstance(name, int) for name in focal.names) or len(unknown) == len(pairs.mentioned):
        raise QgsProcessingException(
            tr("'{name}' mentions none of the focal nodes: its ids are {ids}, the focal nodes are {known}.").format(
                name=path.name,
                ids=", ".join(str(id) for id in unknown[:5]),
                known=", ".join(str(name) for name in focal.names[:5]),
            )
        )
    included = [id for id in known if id in pairs.mentioned] if pairs.include else known
    if len(included) < 2:
        raise QgsProcessingException(
            tr("'{name}' leaves a single focal node; at least two are needed.").format(name=path.name)
        )
    excluded = [pair for pair in combinations(included, 2) if (pair in pairs.listed) != pairs.include]
    return np.array(included, np.int64), np.array(excluded, np.int64).reshape(-1, 2)


def read_strengths(inputs: ParameterValues) -> np.ndarray:
    """Return the source strength of each focal node, float64 (n, 2): id and strength.

    Raises
    ------
    QgsProcessingException
        A strength is 0 or not a finite number.
    """
    field, id_field = inputs.text("STRENGTH_FIELD"), inputs.text("ID_FIELD") if inputs.is_provided("ID_FIELD") else ""
    ids = {str(name): id for id, name in inputs.focal.named().items()}
    strengths: dict[int, float] = {}
    invalid = []
    for feature in inputs.features("FOCAL").getFeatures():
        name = feature.attribute(id_field) if id_field else feature.id()
        name = str(int(name)) if isinstance(name, float) and name.is_integer() else str(name).strip()
        value = feature.attribute(field)
        if name not in ids or ids[name] in strengths:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value) or value == 0:
            invalid.append(str(feature.id()))
            continue
        strengths[ids[name]] = float(value)
    if invalid:
        raise QgsProcessingException(
            tr("The field '{field}' must hold numbers other than 0, but {count:,} features do not: {features}.").format(
                field=field, count=len(invalid), features=join_names(invalid)
            )
        )
    return np.array(sorted(strengths.items()), float)
