"""Sensitivity of connectivity: its gradient with respect to every cell of the landscape."""

from collections.abc import Callable
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..graph import ArrayInput, GridGraph
from .habitat_quality import validate_batch, validate_quality
from .measures import AbstractConnectivity

#: The rasters with respect to which connectivity can be differentiated.
WRT = ("permeability", "resistance", "quality")


@dataclass(frozen=True)
class Sensitivity:
    """A measure of connectivity and its derivative.

    Attributes
    ----------
    connectivity
        The measure C.
    raster
        ∂C/∂x of every cell, or x ∂C/∂x; NaN in inactive cells.
    pairs, unreachable_pairs
        Numbers of connected and of unconnected pairs of different cells.
    """

    connectivity: float
    raster: np.ndarray
    pairs: int
    unreachable_pairs: int


def sensitivity(
    connectivity: AbstractConnectivity,
    grid: GridGraph,
    sources: ArrayInput | None = None,
    targets: ArrayInput | None = None,
    *,
    quality: ArrayInput | None = None,
    wrt: str = "permeability",
    elasticity: bool = False,
    batch: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Sensitivity:
    """Return the derivative of a measure of connectivity with respect to every cell of the landscape.

    Parameters
    ----------
    connectivity
        The measure to differentiate.
    grid
        The landscape.
    sources, targets
        Vertex numbers, or rows and columns. By default all vertices are sources, and the targets are the sources.
    quality
        Raster of habitat quality; 1 everywhere by default.
    wrt
        Differentiate with respect to "permeability" p; "resistance" r = 1/p, ∂C/∂r = −p² ∂C/∂p; or "quality".
    elasticity
        Whether to multiply by the cell's value, x ∂C/∂x, the change of C per relative change of x.
    batch
        Targets differentiated at a time, 1 or more; all by default. Batches need less memory and report progress.
    progress
        Called with the number of targets processed and their total.

    Raises
    ------
    ValueError
        An unknown `wrt`; a batch below 1; quality that is negative, NaN or infinite in an active cell; invalid vertices
        or no target.

    Examples
    --------
    >>> from permea.engine import LCPDistance, MeanPathLength
    >>> corridor = GridGraph(jnp.array([[1.0, 0.5, 1.0]]), edge_rule="resistance")
    >>> sensitivity(MeanPathLength(LCPDistance()), corridor, [0], [2], elasticity=True).raster
    array([[-0.5, -2. , -0.5]])
    """
    if wrt not in WRT:
        raise ValueError(f"wrt must be one of {', '.join(WRT)}, not {wrt!r}")
    quality = jnp.asarray(validate_quality(grid, quality))
    sources = None if sources is None else grid.vertex_indices(sources, "sources")
    source_vertices = np.arange(grid.n_vertices) if sources is None else np.asarray(sources)
    target_vertices = source_vertices if targets is None else np.asarray(grid.vertex_indices(targets, "targets"))
    n_targets = target_vertices.size
    batch = n_targets if batch is None else validate_batch(batch, n_targets)
    # Distances have faster algorithms for targets that are the sources, all at once.
    targets_are_sources = targets is None and batch == n_targets

    total, pairs, unreachable = 0.0, 0, 0
    gradient = np.zeros(grid.shape)
    for first in range(0, n_targets, batch):
        part = target_vertices[first : first + batch]
        # Padding with vertices that do not exist gives the last batch the shape that is already compiled.
        padded = np.concatenate([part, np.full(batch - part.size, grid.n_vertices, part.dtype)])
        partial_sum, (connected, unconnected), batch_gradient = _batch_gradient(
            connectivity, grid, sources, None if targets_are_sources else jnp.asarray(padded), quality, wrt == "quality"
        )
        total, pairs, unreachable = total + float(partial_sum), pairs + int(connected), unreachable + int(unconnected)
        gradient += np.asarray(batch_gradient)
        if progress is not None:
            progress(min(first + batch, n_targets), n_targets)

    measure, scale = (float(value) for value in jax.value_and_grad(connectivity.aggregate)(total, jnp.array(pairs)))
    permeability = np.where(np.asarray(grid.active), np.asarray(grid.permeability), np.nan)
    raster = np.where(np.asarray(grid.active), gradient * scale, np.nan)
    values = np.asarray(quality) if wrt == "quality" else permeability
    if wrt == "resistance":
        raster, values = -(permeability**2) * raster, 1 / permeability
    return Sensitivity(measure, raster * values if elasticity else raster, pairs, unreachable)


@eqx.filter_jit
def _batch_gradient(connectivity, grid, sources, targets, quality, wrt_quality):
    """Return the partial sum of a batch, the numbers of connected and unconnected pairs, and the gradient."""

    def partial_sum(permeability: Float[Array, "rows columns"], quality: Float[Array, "rows columns"]):
        """Return the partial sum of the measure, and the numbers of connected and unconnected pairs."""
        landscape = GridGraph(
            permeability, grid.active, grid.n_vertices, grid.neighbors, grid.edge_rule, grid.pixel_size
        )
        total, connected, unconnected = connectivity.partial_sum(landscape, sources, targets, quality)
        return total, (connected, unconnected)

    differentiate = jax.value_and_grad(partial_sum, argnums=1 if wrt_quality else 0, has_aux=True)
    (total, counts), gradient = differentiate(grid.permeability, quality)
    return total, counts, gradient
