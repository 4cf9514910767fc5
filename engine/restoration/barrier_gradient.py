"""The barrier map: derivative of the mean distance between focal nodes by the permeability of every cell."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..connectivity import MeanPathLength, sensitivity
from ..distances import AbstractDistance, LCPDistance, ResistanceDistance
from ..graph import FocalNodes, GridGraph, focal_point_vertices, focal_vertices
from .region_resistance_gradient import region_resistances

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class BarrierMap:
    """Decrease of the mean distance between focal nodes per unit of permeability.

    Attributes
    ----------
    gain
        −∂d̄/∂p of every cell, with d̄ the mean distance; NaN in inactive cells. Apart from rounding, 0 or more for least
        cost and resistance.
    distance
        d̄, the mean over the ordered pairs of focal nodes in the same component.
    pairs, unreachable_pairs
        Number of ordered pairs in the same component, and in different components.
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
    progress: Progress | None = None,
) -> BarrierMap:
    """Return the decrease of the mean distance between focal nodes per unit of permeability of each cell.

    Parameters
    ----------
    grid
        The landscape.
    focal
        Focal nodes. The least-cost distance between regions is that between their nearest cells; for the resistance
        distance each region is a single node for its own pairs, and ordinary cells for all others. Other distances are
        defined between points.
    distance
        The distance; least cost by default.
    progress
        Called with the number of focal nodes, or pairs of regions, processed and their total.

    Raises
    ------
    ValueError
        Fewer than two focal nodes, or one without an active cell; regions with a distance that is defined between
        points; all pairs in different components.

    Notes
    -----
    Least cost: the derivative of a distance with respect to the cost of an edge is 1 on the path and 0 off it, so only
    cells on least-cost paths have a gain. Resistance: ∂R/∂w_e = −(v_i − v_j)², so the gain is large across
    bottlenecks, where the potential falls steeply.

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
    total, gradient, pairs, unreachable = _gradient_of_sum(distance, grid, focal, progress)
    if not pairs:
        raise ValueError(
            f"no focal node can reach another: all {len(focal):,} lie in different connected components of the "
            "landscape, so there is no distance to differentiate"
        )
    gain = np.where(np.asarray(grid.active), -gradient / pairs, np.nan)
    # Adding 0 turns −0 into 0.
    return BarrierMap(gain + 0.0, total / pairs, pairs, unreachable)


@singledispatch
def _gradient_of_sum(
    distance: AbstractDistance, grid: GridGraph, focal: FocalNodes, progress: Progress | None
) -> tuple[float, np.ndarray, int, int]:
    """Return the sum of distances over ordered pairs, its gradient, and the numbers of connected and other pairs."""
    points = focal_point_vertices(grid, focal, "the gradient of this distance")
    result = sensitivity(MeanPathLength(distance), grid, points, batch=distance.gradient_batch, progress=progress)
    pairs = result.pairs
    return result.connectivity * pairs if pairs else 0.0, result.raster * pairs, pairs, result.unreachable_pairs


@_gradient_of_sum.register(ResistanceDistance)
def _resistance_gradient(
    distance: ResistanceDistance, grid: GridGraph, focal: FocalNodes, progress: Progress | None
) -> tuple[float, np.ndarray, int, int]:
    nodes = focal_vertices(grid, focal)
    if all(len(vertices) == 1 for vertices in nodes):
        return _gradient_of_sum.dispatch(AbstractDistance)(distance, grid, focal, progress)
    cells = np.asarray(grid.cells)
    total, gradient, pairs, unreachable = region_resistances(grid, [cells[vertices] for vertices in nodes], progress)
    # Unordered pairs, each of which counts in both directions.
    return 2 * total, 2 * gradient, 2 * pairs, 2 * unreachable


@_gradient_of_sum.register(LCPDistance)
def _least_cost_gradient(
    distance: LCPDistance, grid: GridGraph, focal: FocalNodes, progress: Progress | None
) -> tuple[float, np.ndarray, int, int]:
    nodes = focal_vertices(grid, focal)
    # Padding with a vertex that does not exist gives all nodes one shape, which is compiled once.
    padded = np.full((len(nodes), max(len(vertices) for vertices in nodes)), grid.n_vertices)
    for node, vertices in enumerate(nodes):
        padded[node, : len(vertices)] = vertices
    total, gradient, pairs, unreachable = 0.0, np.zeros(grid.shape), 0, 0
    for node in range(len(nodes)):
        sources = np.delete(padded, node, axis=0)
        (costs, reachable), cost_gradient = _least_costs_to_node(
            distance, grid, jnp.asarray(padded[node]), jnp.asarray(sources)
        )
        total, gradient = total + float(costs), gradient + np.asarray(cost_gradient)
        pairs, unreachable = pairs + int(reachable), unreachable + len(sources) - int(reachable)
        if progress is not None:
            progress(node + 1, len(nodes))
    return total, gradient, pairs, unreachable


@eqx.filter_jit
def _least_costs_to_node(
    distance: LCPDistance, grid: GridGraph, target: Int[Array, " m"], sources: Int[Array, "n m"]
) -> tuple[tuple[Float[Array, ""], Int[Array, ""]], Float[Array, "rows columns"]]:
    """Return the sum of finite least costs from nodes to one node and their number, and the gradient of the sum."""

    def sum_of_costs(permeability: Float[Array, "rows columns"]):
        """Return the sum of the finite least costs, and their number."""
        landscape = GridGraph(
            permeability, grid.active, grid.n_vertices, grid.neighbors, grid.edge_rule, grid.pixel_size
        )
        costs = jnp.take(distance.nearest(landscape, target), sources, mode="fill", fill_value=jnp.inf).min(1)
        reachable = jnp.isfinite(costs)
        return jnp.where(reachable, costs, 0.0).sum(), reachable.sum()

    return jax.value_and_grad(sum_of_costs, has_aux=True)(grid.permeability)
