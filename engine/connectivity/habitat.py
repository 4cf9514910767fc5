"""Connected habitat: the habitat accessible from each cell, as a map and in total (Van Moorter et al. 2023)."""

from collections.abc import Callable
from dataclasses import dataclass

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..distances import AbstractDistance
from ..graph import ArrayInput, GridGraph
from ..hashable_function import HashableFunction
from .habitat_quality import validate_batch, validate_targets

#: Targets at a time: enough to share the work that batches have in common, few enough to report progress in between.
BATCH = 8


@dataclass(frozen=True)
class ConnectedHabitat:
    """Habitat connected with each cell.

    Attributes
    ----------
    raster
        h_s = qs_s Σ_t K_st qt_t of each cell; NaN in inactive cells.
    total
        Σ_s h_s, the functional habitat of the landscape.
    pairs, unreachable_pairs
        Numbers of connected and of unconnected pairs of different cells with quality.
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
    """Return the habitat that each cell is connected with, over the whole landscape.

    Its total is Σ_s Σ_t qs_s K_st qt_t, K_st = f(d_st): the `QualityWeightedConnectivity` of f(d) = exp(−d / α).

    Parameters
    ----------
    grid
        The landscape.
    distance
        Any distance, from sources to targets.
    proximity
        The dispersal kernel f of a finite distance; the proximity of unconnected cells is 0.
    quality
        qs, raster of the habitat quality of sources, zero or more; 1 everywhere by default.
    targets
        Vertex numbers, or rows and columns; by default every vertex with target quality. See `landmarks` for fewer.
    target_quality
        qt, raster of the habitat quality of targets; that of sources by default.
    batch
        Targets at a time, 1 or more.
    progress
        Called with the number of targets processed and their total.

    Raises
    ------
    ValueError
        Quality that is negative, NaN or infinite in an active cell; no target with quality; invalid vertices; a batch
        below 1.

    Notes
    -----
    Time grows with the number of cells times targets, memory with the number of cells times `batch`.

    References
    ----------
    Van Moorter, B. et al. (2023). Accelerating advances in landscape connectivity modelling with the ConScape library.
    Methods in Ecology and Evolution 14, 133–145.

    Examples
    --------
    >>> from permea.engine import LCPDistance
    >>> habitat = connected_habitat(GridGraph(np.ones((1, 2))), LCPDistance(), lambda cost: jnp.exp(-cost))
    >>> habitat.raster.round(6), round(habitat.total, 6)
    (array([[1.367879, 1.367879]]), 2.735759)
    """
    quality, target_quality, target_vertices = validate_targets(grid, quality, target_quality, targets)
    n_targets = target_vertices.size
    batch = validate_batch(batch, n_targets)
    # Functions are compared by their code; modules with parameters are traced.
    if not isinstance(proximity, eqx.Module):
        proximity = HashableFunction(proximity)
    active = np.asarray(grid.active)
    source_quality = jnp.asarray(quality[active])
    accessible, pairs, unreachable = np.zeros(grid.n_vertices), 0, 0
    for first in range(0, n_targets, batch):
        part = target_vertices[first : first + batch]
        # Padding with vertices that do not exist gives the last batch the shape that is already compiled.
        padding = batch - part.size
        padded = np.concatenate([part, np.full(padding, grid.n_vertices, part.dtype)])
        weights = np.concatenate([target_quality[first : first + batch], np.zeros(padding)])
        partial_sum, connected, unconnected = _accessible_habitat(
            distance, proximity, grid, source_quality, jnp.asarray(padded, dtype=int), jnp.asarray(weights)
        )
        accessible += np.asarray(partial_sum)
        pairs, unreachable = pairs + int(connected), unreachable + int(unconnected)
        if progress is not None:
            progress(min(first + batch, n_targets), n_targets)
    raster = np.full(grid.shape, np.nan)
    raster[active] = accessible
    return ConnectedHabitat(raster, float(accessible.sum()), pairs, unreachable)


@eqx.filter_jit
def _accessible_habitat(
    distance: AbstractDistance,
    proximity: Callable[[Array], Array],
    grid: GridGraph,
    quality: Float[Array, " n"],
    targets: Int[Array, " batch"],
    target_quality: Float[Array, " batch"],
) -> tuple[Float[Array, " n"], Int[Array, ""], Int[Array, ""]]:
    """Return qs_s Σ_t K_st qt_t over a batch of targets, and the numbers of connected and unconnected pairs."""
    distances = distance(grid, targets=targets)
    connected = jnp.isfinite(distances)
    kernel = jnp.where(connected, proximity(jnp.where(connected, distances, 0.0)), 0.0)
    distinct = jnp.arange(grid.n_vertices)[:, None] != targets[None]
    counted = (quality > 0)[:, None] & (target_quality > 0)[None] & distinct
    return quality * (kernel @ target_quality), (counted & connected).sum(), (counted & ~connected).sum()
