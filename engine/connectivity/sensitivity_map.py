"""Where changing the landscape would help or hurt connectivity most: the gradient of a connectivity."""

from collections.abc import Callable
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..graph.grid_graph import ArrayInput, GridGraph
from .measures import AbstractConnectivity
from .rsp_betweenness import validate_quality

WRT = ("permeability", "resistance", "quality")


@dataclass(frozen=True)
class Sensitivity:
    """A connectivity and its derivative.

    Attributes
    ----------
    connectivity
        C, the number.
    raster
        ∂C/∂x of every cell, or x ∂C/∂x; NaN where the cell is not active.
    pairs, unreachable_pairs
        How many pairs of different places entered the number, and how many cannot reach each other.
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
    respect_to: str = "permeability",
    elasticity: bool = False,
    batch: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Sensitivity:
    """Return the derivative of a connectivity with respect to every cell of the landscape.

    Parameters
    ----------
    connectivity
        What to differentiate.
    grid
        The landscape.
    sources, targets
        Vertex numbers. Sources left out are all vertices; targets left out are the sources.
    quality
        Habitat quality, a raster; 1 everywhere if left out.
    respect_to
        "permeability" p; "resistance" r = 1/p, ∂C/∂r = −p² ∂C/∂p; or "quality".
    elasticity
        Whether to multiply with the cell's own value, x ∂C/∂x: the gain per relative change.
    batch
        Targets to differentiate at a time; all of them by default. Less memory, and progress in between.
    progress
        Called with the number of targets done and of all.

    Raises
    ------
    ValueError
        An unknown `respect_to`; quality that is negative, NaN or infinite in an active cell.

    Examples
    --------
    >>> from permea.engine import LCPDistance, MeanPathLength
    >>> corridor = GridGraph(jnp.array([[1.0, 0.5, 1.0]]), edge_rule="resistance")
    >>> sensitivity(MeanPathLength(LCPDistance()), corridor, [0], [2], elasticity=True).raster
    array([[-0.5, -2. , -0.5]])
    """
    if respect_to not in WRT:
        raise ValueError(f"respect_to must be one of {', '.join(WRT)}, not {respect_to!r}")
    weight = jnp.asarray(validate_quality(grid, quality))
    start = None if sources is None else grid.vertex_indices(sources, "sources")
    own_sources = np.arange(grid.n_vertices) if start is None else np.asarray(start)
    end = own_sources if targets is None else np.asarray(grid.vertex_indices(targets, "targets"))
    batch = end.size if batch is None else min(batch, end.size)
    # Targets that are the very sources, all at once, are a case of its own that a distance has shorter ways for.
    same = targets is None and batch == end.size

    total, pairs, unreachable = 0.0, 0, 0
    gradient = np.zeros(grid.shape)
    for first in range(0, end.size, batch):
        part = end[first : first + batch]
        # A last batch of another length would be compiled anew; vertices that do not exist add nothing.
        padded = np.concatenate([part, np.full(batch - part.size, grid.n_vertices, part.dtype)])
        value, (found, missed), slope = _batch_gradient(
            connectivity, grid, start, None if same else jnp.asarray(padded), weight, respect_to == "quality"
        )
        total, pairs, unreachable = total + float(value), pairs + int(found), unreachable + int(missed)
        gradient += np.asarray(slope)
        if progress is not None:
            progress(min(first + batch, end.size), end.size)

    # The number is linear in the sum once the pairs are counted.
    scale = float(connectivity.finish(jnp.array(1.0), jnp.array(pairs))) if pairs else 1.0
    result = float(connectivity.finish(jnp.array(total), jnp.array(pairs)))
    permeability = np.where(np.asarray(grid.active), np.asarray(grid.permeability), np.nan)
    raster = np.where(np.asarray(grid.active), gradient * scale, np.nan)
    own = np.asarray(weight) if respect_to == "quality" else permeability
    if respect_to == "resistance":
        raster, own = -(permeability**2) * raster, 1 / permeability
    return Sensitivity(result, raster * own if elasticity else raster, pairs, unreachable)


@eqx.filter_jit
def _batch_gradient(connectivity, grid, sources, targets, quality, by_quality):
    def total(permeability: Float[Array, "rows columns"], quality: Float[Array, "rows columns"]):
        landscape = GridGraph(
            permeability, grid.active, grid.n_vertices, grid.neighbors, grid.edge_rule, grid.pixel_size
        )
        value, pairs, unreachable = connectivity.total(landscape, sources, targets, quality)
        return value, (pairs, unreachable)

    differentiate = jax.value_and_grad(total, argnums=1 if by_quality else 0, has_aux=True)
    (value, counts), slope = differentiate(grid.permeability, quality)
    return value, counts, slope
