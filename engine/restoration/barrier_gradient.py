"""The barrier map: what each unit of permeability more in a cell would take off the distances between focal nodes."""

from collections.abc import Callable
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..connectivity.measures import MeanPathLength
from ..connectivity.sensitivity_map import sensitivity
from ..distances import AbstractDistance, LCPDistance, ResistanceDistance
from ..graph.focal_nodes import FocalNodes, focal_point_vertices, focal_vertices
from ..graph.grid_graph import GridGraph
from .region_resistance_gradient import region_resistances


@dataclass(frozen=True)
class BarrierMap:
    """Where raising permeability gains most for each unit.

    Parameters
    ----------
    gain
        −∂d̄/∂p of every cell, d̄ being the mean distance; but for rounding 0 or more for least cost and resistance, NaN
        where the cell is not active.
    distance
        d̄: the mean over the ordered pairs of focal nodes that can reach each other.
    pairs, unreachable_pairs
        How many ordered pairs these are, and how many cannot reach each other.
    """

    gain: Float[np.ndarray, "rows columns"]
    distance: float
    pairs: int
    unreachable_pairs: int


def barrier_map(
    grid: GridGraph,
    focal: FocalNodes,
    distance: AbstractDistance | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> BarrierMap:
    """Return what each unit of permeability more would take off the mean distance between focal nodes.

    Parameters
    ----------
    grid
        The landscape.
    focal
        Focal nodes. The least cost between regions of several cells is that of their nearest cells; for the resistance
        the two regions of a pair are one node each, and ordinary cells for all other pairs. Randomized shortest paths
        lead from cell to cell.
    distance
        Least cost by default.
    progress
        Called with the number of focal nodes done and of all.

    Raises
    ------
    ValueError
        Fewer than two focal nodes, or some without a cell that can be entered; regions with randomized shortest paths;
        no pair can reach each other.

    Notes
    -----
    Least cost: the derivative of a distance by the cost of an edge is 1 on the path and 0 off it, so only cells of the
    paths count. Resistance: ∂R/∂w_e = −(v_i − v_j)², so cells count where a large potential falls: across bottlenecks.

    References
    ----------
    McRae, B. H., Hall, S. A., Beier, P., Theobald, D. M. (2012). Where to restore ecological connectivity? Detecting
    barriers and quantifying restoration benefits. PLoS ONE 7, e52604.

    Examples
    --------
    >>> corridor = GridGraph(jnp.array([[1.0, 0.5, 1.0]]), edge_rule="resistance")
    >>> barrier_map(corridor, FocalNodes(np.array([1, 2]), (np.array([0]), np.array([2])))).gain
    array([[0.5, 4. , 0.5]])
    """
    distance = LCPDistance() if distance is None else distance
    if isinstance(distance, LCPDistance):
        total, gradient, pairs, unreachable = _least_costs(grid, focal_vertices(grid, focal), distance, progress)
    elif isinstance(distance, ResistanceDistance) and any(len(mine) > 1 for mine in focal_vertices(grid, focal)):
        cells = np.asarray(grid.cells)
        places = [cells[mine] for mine in focal_vertices(grid, focal)]
        found = region_resistances(grid, places, progress)
        # There and back.
        total, gradient, pairs, unreachable = (2 * each for each in found)
    else:
        points = focal_point_vertices(grid, focal, "the gradient of this distance")
        # The gradient of resistance comes from the block of potentials between all nodes.
        batch = None if isinstance(distance, ResistanceDistance) else 1
        found = sensitivity(MeanPathLength(distance), grid, points, batch=batch, progress=progress)
        pairs, unreachable = found.pairs, found.unreachable_pairs
        total, gradient = found.connectivity * pairs if pairs else 0.0, found.raster * pairs
    if not pairs:
        raise ValueError(
            f"none of the {unreachable:,} pairs of focal nodes can reach each other: they lie in different connected "
            "components of the landscape, so there is no distance to differentiate"
        )
    gain = np.where(np.asarray(grid.active), -gradient / pairs, np.nan)
    # Of a cell that does not matter the gain is 0, not −0.
    return BarrierMap(gain + 0.0, total / pairs, pairs, unreachable)


def _least_costs(
    grid: GridGraph,
    nodes: list[np.ndarray],
    distance: LCPDistance,
    progress: Callable[[int, int], None] | None,
) -> tuple[float, np.ndarray, int, int]:
    """Return the sum of the least costs between focal nodes, its gradient, and the pairs that can reach each other."""
    # Filled up with vertices that do not exist, so that all have one shape and are compiled once.
    longest = max(len(mine) for mine in nodes)
    filled = np.full((len(nodes), longest), grid.n_vertices)
    for number, mine in enumerate(nodes):
        filled[number, : len(mine)] = mine
    total, gradient, pairs, unreachable = 0.0, np.zeros(grid.shape), 0, 0
    for number in range(len(nodes)):
        others = np.delete(filled, number, axis=0)
        (value, reached), slope = _to_one(distance, grid, jnp.asarray(filled[number]), jnp.asarray(others))
        total, gradient = total + float(value), gradient + np.asarray(slope)
        pairs, unreachable = pairs + int(reached), unreachable + len(others) - int(reached)
        if progress is not None:
            progress(number + 1, len(nodes))
    return total, gradient, pairs, unreachable


@eqx.filter_jit
def _to_one(
    distance: LCPDistance, grid: GridGraph, target: Int[Array, "m"], sources: Int[Array, "n m"]
) -> tuple[tuple[Float[Array, ""], Int[Array, ""]], Float[Array, "rows columns"]]:
    def total(permeability: Float[Array, "rows columns"]):
        landscape = GridGraph(
            permeability, grid.active, grid.n_vertices, grid.neighbors, grid.edge_rule, grid.pixel_size
        )
        costs = jnp.take(distance.nearest(landscape, target), sources, mode="fill", fill_value=jnp.inf).min(1)
        reached = jnp.isfinite(costs)
        return jnp.where(reached, costs, 0.0).sum(), reached.sum()

    return jax.value_and_grad(total, has_aux=True)(grid.permeability)
