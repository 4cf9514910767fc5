"""Connected habitat: how much habitat lies within reach of each cell, as a map and in all (Van Moorter et al. 2023)."""

from collections.abc import Callable
from dataclasses import dataclass

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..distances.base import AbstractDistance
from ..graph.grid_graph import ArrayInput, GridGraph
from ..hashable_function import HashableFunction
from .rsp_betweenness import validate_quality

#: Targets at a time: enough for what they share, few enough for progress in between.
BATCH = 8


@dataclass(frozen=True)
class ConnectedHabitat:
    """Habitat within reach.

    Attributes
    ----------
    raster
        h_s = qs_s Σ_t K_st qt_t of each cell; NaN where it is not active.
    total
        Σ_s h_s, the functional habitat of the landscape.
    pairs, unreachable_pairs
        How many pairs of different cells that have quality can reach each other, and how many cannot.
    """

    raster: Float[np.ndarray, "rows columns"]
    total: float
    pairs: int
    unreachable_pairs: int


def connected_habitat(
    grid: GridGraph,
    distance: AbstractDistance,
    proximity: Callable[[Array], Array],
    quality: ArrayInput | None = None,
    *,
    targets: ArrayInput | None = None,
    target_quality: ArrayInput | None = None,
    batch: int = BATCH,
    progress: Callable[[int, int], None] | None = None,
) -> ConnectedHabitat:
    """Return how much habitat each cell of habitat is connected with, over the whole landscape.

    Its total is Σ_s Σ_t qs_s K_st qt_t, K_st = f(d_st): the `QualityWeightedConnectivity` of f(d) = exp(−d / α).

    Parameters
    ----------
    grid
        The landscape.
    distance
        Any distance, from sources to targets.
    proximity
        f, of a finite distance; where there is no way the proximity is 0.
    quality
        qs, habitat quality of sources, a raster, zero or more; 1 everywhere if left out.
    targets
        Vertex numbers; by default every vertex that has quality as a target. See `landmarks` for fewer.
    target_quality
        qt, a raster; the quality of sources if left out.
    batch
        Targets at a time.
    progress
        Called with the number of targets done and of all.

    Raises
    ------
    ValueError
        Quality that is negative, NaN or infinite in an active cell; no target that has quality; targets that are not
        vertices.

    Notes
    -----
    Time grows with cells times targets, memory with cells times `batch`.

    References
    ----------
    Van Moorter, B. et al. (2023). Accelerating advances in landscape connectivity modelling with the ConScape library.
    Methods in Ecology and Evolution 14, 133–145.

    Examples
    --------
    >>> from permea.engine import LCPDistance
    >>> found = connected_habitat(GridGraph(np.ones((1, 2))), LCPDistance(), lambda cost: jnp.exp(-cost))
    >>> found.raster.round(6), round(found.total, 6)
    (array([[1.367879, 1.367879]]), 2.735759)
    """
    start = validate_quality(grid, quality)
    end = start if target_quality is None else validate_quality(grid, target_quality)
    active = np.asarray(grid.active)
    values = end[active]
    chosen = np.flatnonzero(values > 0) if targets is None else np.asarray(grid.vertex_indices(targets, "targets"))
    if not (values[chosen] > 0).any():
        raise ValueError(f"none of {chosen.size:,} targets has a quality above 0: there is nothing to reach")
    batch = min(batch, chosen.size)
    # Functions are told apart by what they compute; modules with numbers in them go as they are.
    nearness = proximity if isinstance(proximity, eqx.Module) else HashableFunction(proximity)
    sources = jnp.asarray(start[active])
    total, pairs, unreachable = np.zeros(grid.n_vertices), 0, 0
    for first in range(0, chosen.size, batch):
        part = chosen[first : first + batch]
        # A last batch of another length would be compiled anew; a vertex that does not exist is reached from nowhere.
        more = batch - part.size
        padded = np.concatenate([part, np.full(more, grid.n_vertices, part.dtype)])
        weights = np.concatenate([values[part], np.zeros(more)])
        found, joined, missed = _batch(
            distance, nearness, grid, sources, jnp.asarray(padded, dtype=int), jnp.asarray(weights)
        )
        total += np.asarray(found)
        pairs, unreachable = pairs + int(joined), unreachable + int(missed)
        if progress is not None:
            progress(min(first + batch, chosen.size), chosen.size)
    raster = np.full(grid.shape, np.nan)
    raster[active] = total
    return ConnectedHabitat(raster, float(total.sum()), pairs, unreachable)


@eqx.filter_jit
def _batch(
    distance: AbstractDistance,
    proximity: Callable[[Array], Array],
    grid: GridGraph,
    quality: Float[Array, "n"],
    targets: Int[Array, "batch"],
    target_quality: Float[Array, "batch"],
) -> tuple[Float[Array, "n"], Int[Array, ""], Int[Array, ""]]:
    distances = distance(grid, targets=targets)
    reachable = jnp.isfinite(distances)
    nearness = jnp.where(reachable, proximity(jnp.where(reachable, distances, 0.0)), 0.0)
    apart = jnp.arange(grid.n_vertices)[:, None] != targets[None]
    asked = (quality > 0)[:, None] & (target_quality > 0)[None] & apart
    return quality * (nearness @ target_quality), (asked & reachable).sum(), (asked & ~reachable).sum()
