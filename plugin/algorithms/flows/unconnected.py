"""Focal nodes that current does not join, in words."""

from __future__ import annotations

import numpy as np

from ...i18n import tr
from ...layers import FocalNodes
from ...runner import Result

# A warning that lists a thousand parts of a landscape helps nobody.
PARTS_IN_A_MESSAGE = 10


def describe_components(focal: FocalNodes, result: Result) -> str:
    """Say which focal nodes current can reach from which.

    Parameters
    ----------
    focal
        The focal nodes.
    result
        With the ids of those that take part, and their resistances.
    """
    names, ids = focal.named(), result.outputs["ids"].tolist()
    values, numbers = result.outputs["resistances"], result.numbers
    if values.ndim == 1:
        alone = [str(names[one]) for one, value in zip(ids, values.tolist()) if np.isinf(value)]
        text = tr("{count:,} focal nodes are connected with no other, as barriers part them: {which}.")
        return text.format(count=len(alone), which=", ".join(alone[:20]))
    groups: list[list[int]] = []
    for number in range(len(ids)):
        mine = next((group for group in groups if np.isfinite(values[group[0], number])), None)
        if mine is None:
            groups.append([number])
        else:
            mine.append(number)
    parts = ["; ".join(", ".join(str(names[ids[n]]) for n in group[:20]) for group in groups[:PARTS_IN_A_MESSAGE])]
    if len(groups) > PARTS_IN_A_MESSAGE:
        parts.append(tr("and {} more parts").format(len(groups) - PARTS_IN_A_MESSAGE))
    text = tr(
        "{count:,} pairs are not connected, as barriers part them; their resistance is left empty. Focal nodes that "
        "can reach each other: {parts}."
    )
    return text.format(count=numbers["unconnected"], parts=" ".join(parts))
