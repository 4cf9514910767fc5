"""Focal nodes included in a run, the pairs excluded from it, and the source strengths of the focal nodes."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ...circuitscape import excluded_pairs, read_pairs, warn_about_unknown_ids
from ...i18n import tr
from ...layers import FocalNodes, number_of
from ...runner import Task
from ..formatting import join_names
from ..parameter_values import ParameterValues


def run_names(task: Task) -> list[str]:
    """Return the names of the runs of a task: ids of focal nodes, or pairs of ids such as ``1_2``."""
    ids = np.unique(task.arrays["focal_ids"]).tolist()
    if task.parameters["mode"] != "pairwise":
        return [str(id) for id in ids]
    return [f"{first}_{second}" for first, second in combinations(ids, 2)]


def select_pairs(focal: FocalNodes, path: Path, feedback: QgsProcessingFeedback) -> tuple[np.ndarray, np.ndarray]:
    """Apply a Circuitscape file of pairs to include or exclude.

    Parameters
    ----------
    focal, path
        The focal nodes, and the file.
    feedback
        Receives a warning about ids that are not those of focal nodes.

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
    if not pairs.mentioned:
        raise QgsProcessingException(tr("'{name}' lists no pair of focal nodes.").format(name=path.name))
    known = focal.ids.tolist()
    unknown = sorted(pairs.mentioned - set(known))
    if not all(isinstance(name, int) for name in focal.names) or len(unknown) == len(pairs.mentioned):
        raise QgsProcessingException(
            tr("'{name}' lists none of the focal nodes: its ids are {ids}, the focal nodes are {known}.").format(
                name=path.name,
                ids=", ".join(str(id) for id in sorted(pairs.mentioned)[:5]),
                known=", ".join(str(name) for name in focal.names[:5]),
            )
        )
    warn_about_unknown_ids(pairs, known, path.name, feedback)
    included = [id for id in known if id in pairs.mentioned] if pairs.include else known
    if len(included) < 2:
        raise QgsProcessingException(
            tr("'{name}' leaves a single focal node; at least two are needed.").format(name=path.name)
        )
    ids = np.array(included, np.int64)
    return ids, excluded_pairs(pairs, ids)


def read_strengths(inputs: ParameterValues) -> np.ndarray:
    """Return the source strength of each focal node, float64 (n, 2): id and strength.

    Raises
    ------
    QgsProcessingException
        There is no such field, a strength is 0 or not a finite number, or features of a focal node have different
        strengths.
    """
    features, field = inputs.features("FOCAL"), inputs.field("STRENGTH_FIELD")
    index = features.field_index(field)
    names = features.ids(inputs.field("ID_FIELD"))
    ids = {name: id for id, name in inputs.focal.named().items()}
    strengths: dict[int, float] = {}
    invalid, different = [], []
    for feature in features.features(geometry=False):
        id = ids.get(names[feature.id()])
        if id is None:
            continue
        value = number_of(feature.attribute(index))
        if not value:
            invalid.append(str(feature.id()))
        elif strengths.setdefault(id, value) != value:
            different.append(f"{names[feature.id()]} ({strengths[id]:g}, {value:g})")
    if invalid:
        raise QgsProcessingException(
            tr(
                "The field '{field}' must hold numbers other than 0, but {count:# feature does|# features do} not: "
                "{features}."
            ).format(field=field, count=len(invalid), features=join_names(invalid))
        )
    if different:
        raise QgsProcessingException(
            tr(
                "The field '{field}' holds different source strengths for features of one focal node: {nodes}. Give "
                "them the same one."
            ).format(field=field, nodes=join_names(different))
        )
    return np.array(sorted(strengths.items()), float)
