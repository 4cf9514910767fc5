"""Least-cost corridors: how much longer the way is if it must pass through a cell."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..distances import LCPDistance
from ..grid import GridGraph, Numbers


@dataclass(frozen=True)
class Corridor:
    """A least-cost corridor.

    Parameters
    ----------
    excess
        By how much the cheapest way through a cell costs more than the cheapest way; NaN beyond the truncation and
        where no way leads.
    least_cost
        Of the cheapest way.
    """

    excess: Float[np.ndarray, "rows columns"]
    least_cost: float


def corridor(
    grid: GridGraph,
    sources: Numbers,
    targets: Numbers,
    *,
    distance: LCPDistance | None = None,
    relative: bool = False,
    truncate_at: float | None = None,
) -> Corridor:
    """Return the corridor between two sets of places.

    excess(x) = d(sources, x) + d(x, targets) − d(sources, targets)

    Parameters
    ----------
    grid
        The landscape.
    sources, targets
        Vertex numbers: each set may be the cells of a patch.
    distance
        What a step costs; resistance times length by default.
    relative
        Whether the excess is divided by the least cost.
    truncate_at
        The largest excess that still belongs to the corridor, in the units of the result.

    Raises
    ------
    ValueError
        No way leads from the sources to the targets; a truncation that is negative; a relative excess of a way that
        costs nothing.

    References
    ----------
    McRae, B. H., Kavanagh, D. M. (2011). Linkage Mapper connectivity analysis software. The Nature Conservancy.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> grid = GridGraph(jnp.ones((2, 3)), neighbors="rook")
    >>> corridor(grid, [0], [2]).excess
    array([[0., 0., 0.],
           [2., 2., 2.]])
    >>> corridor(grid, [0], [2], truncate_at=1.0).excess
    array([[ 0.,  0.,  0.],
           [nan, nan, nan]])
    """
    distance = LCPDistance() if distance is None else distance
    if truncate_at is not None and not truncate_at >= 0:
        raise ValueError(f"truncate_at must be 0 or more, not {truncate_at}")
    there = np.asarray(distance.allocation(grid, sources, reverse=False)[0])
    back = np.asarray(distance.allocation(grid, targets)[0])
    through = there + back
    least = float(through.min())
    if not np.isfinite(least):
        raise ValueError(
            f"no way leads from the {np.size(sources)} sources to the {np.size(targets)} targets: they lie in "
            "different components"
        )
    excess = through - least
    if relative:
        if least == 0:
            raise ValueError("sources and targets touch: the least cost is 0, and no excess is relative to it")
        excess = excess / least
    hidden = ~np.isfinite(excess) if truncate_at is None else ~(excess <= truncate_at)
    values = np.asarray(grid.node_values_to_array(np.where(hidden, np.nan, excess)))
    return Corridor(values, least)
