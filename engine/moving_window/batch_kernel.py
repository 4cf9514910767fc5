"""The compiled computation of a batch: accessible habitat of all its windows, and its gradient, in one call."""

from collections.abc import Callable
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..distances import AbstractDistance, edge_costs
from ..graph import EdgeRule, GridGraph
from .block_starts import BlockGeometry, connectivity_from_cells
from .distance_kernels import distance_kernel


class TileArrays(eqx.Module):
    """The part of a landscape that contains a batch of windows, and the windows.

    Parameters
    ----------
    permeability, active
        Permeability of every cell, and which cells are vertices.
    quality
        Habitat quality; 0 in cells that are not vertices.
    corners
        Row and column of the tile at which each window begins.
    seeds
        Flat index in each window (row · columns + column) of the vertex that represents the block; −1 for a window that
        is skipped.
    """

    permeability: Float[Array, "rows columns"]
    active: Bool[Array, "rows columns"]
    quality: Float[Array, "rows columns"]
    corners: Int[Array, "windows 2"]
    seeds: Int[Array, " windows"]


class WindowKernel(eqx.Module):
    """The computation in a window, apart from the landscape.

    Parameters
    ----------
    distance, proximity
        The distance d, and the dispersal kernel f that turns it into the proportion of movement that covers it.
    permeability_of
        Permeability as a function of quality; None where it is a separate raster.
    core, buffer
        Cells of a block, and around it.
    wrt
        "permeability" or "quality"; None for connectivity without its gradient.
    from_blocks
        Whether movement leads from the blocks to the cells around them, or in the opposite direction.
    within_blocks
        Whether the cells of the block itself count.
    neighbors, edge_rule, pixel_size
        As for `GridGraph`.
    starts
        Where movement starts in a block: "centre", at its centre, or "cells", in each of its cells.
    """

    distance: AbstractDistance
    proximity: Callable[[Array], Array]
    permeability_of: Callable[[Array], Array] | None
    core: tuple[int, int] = eqx.field(static=True)
    buffer: tuple[int, int] = eqx.field(static=True)
    wrt: str | None = eqx.field(static=True)
    from_blocks: bool = eqx.field(static=True)
    within_blocks: bool = eqx.field(static=True)
    neighbors: str = eqx.field(static=True)
    edge_rule: EdgeRule = eqx.field(static=True)
    pixel_size: tuple[float, float] = eqx.field(static=True)
    starts: str = eqx.field(static=True, default="centre")

    @property
    def window_shape(self) -> tuple[int, int]:
        """(rows, columns) of a window."""
        return self.core[0] + 2 * self.buffer[0], self.core[1] + 2 * self.buffer[1]

    @property
    def uses_cpu_kernels(self) -> bool:
        """Whether one call to the CPU kernels gives the distances of all windows."""
        if self.starts == "cells":
            return True
        kernel = distance_kernel(self.distance)
        return kernel is not None and kernel.supports(self.distance, self.window_shape)

    @property
    def sequential(self) -> bool:
        """Whether windows are computed one after the other, because batching saves no time on this backend."""
        kernel = distance_kernel(self.distance)
        return kernel is not None and kernel.sequential and jax.default_backend() == "cpu"

    def accessible_habitat(
        self,
        permeability: Float[Array, "rows columns"],
        quality: Float[Array, "rows columns"],
        tile: TileArrays,
        threads: int,
    ) -> tuple[Float[Array, " windows"], Float[Array, " windows"]]:
        """Return the quality of each block, and Σ_j f(d_j) q_j over the cells j around it."""
        distances = self._distances(permeability, tile, threads)
        qualities = extract_windows(quality, tile.corners, self.window_shape)
        counted = jnp.isfinite(distances) & (self.within_blocks | ~self._block_mask())
        proximity = jnp.where(counted, self.proximity(jnp.where(counted, distances, 0.0)), 0.0)
        return self._block_quality(quality, tile), (proximity * qualities).sum((1, 2))

    def connectivity(
        self,
        permeability: Float[Array, "rows columns"],
        quality: Float[Array, "rows columns"],
        tile: TileArrays,
        threads: int,
    ) -> tuple[Float[Array, ""], Float[Array, " windows"]]:
        """Return Σ q_block Σ_j f(d_j) q_j over the windows, and Σ_j f(d_j) q_j of each, the mean over its starts."""
        if self.starts == "centre":
            block_quality, accessible = self.accessible_habitat(permeability, quality, tile, threads)
            return (block_quality * accessible).sum(), accessible
        costs = edge_costs(self._grid(permeability, tile.active), self.distance.cost)
        total, of_windows = connectivity_from_cells(
            costs,
            quality,
            tile.active,
            self.proximity.alpha,
            tile.corners,
            tile.seeds,
            BlockGeometry(self.core, self.buffer),
            threads,
        )
        block_quality = self._block_quality(jax.lax.stop_gradient(quality), tile)
        has_habitat = block_quality > 0
        return total, jnp.where(has_habitat, of_windows / jnp.where(has_habitat, block_quality, 1.0), 0.0)

    def _block_quality(self, quality: Array, tile: TileArrays) -> Float[Array, " windows"]:
        qualities = extract_windows(quality, tile.corners, self.window_shape)
        return jnp.where(self._block_mask(), qualities, 0.0).sum((1, 2)) * (tile.seeds >= 0)

    def _distances(self, permeability: Array, tile: TileArrays, threads: int) -> Float[Array, "windows height width"]:
        """Return the distances between the seed and every cell of each window."""
        if self.uses_cpu_kernels:
            grid = self._grid(permeability, tile.active)
            return distance_kernel(self.distance).distances(
                self.distance, grid, tile.corners, tile.seeds, self.window_shape, self.from_blocks, threads
            )
        windows = [extract_windows(raster, tile.corners, self.window_shape) for raster in (permeability, tile.active)]
        if self.sequential:
            return jax.lax.map(lambda window: self._window_distances(*window), (*windows, tile.seeds))
        return jax.vmap(self._window_distances)(*windows, tile.seeds)

    def _window_distances(self, permeability: Array, active: Array, seed: Array) -> Float[Array, "height width"]:
        """Return the distances of one window, infinite in inactive cells and from a skipped seed."""
        grid = self._grid(permeability, active)
        vertices = jnp.append(grid.vertex_numbers.ravel(), grid.n_vertices)
        vertex = vertices[jnp.where(seed < 0, -1, seed)][None]
        if self.from_blocks:
            return grid.node_values_to_array(self.distance(grid, vertex)[0], jnp.inf)
        return grid.node_values_to_array(self.distance(grid, targets=vertex)[:, 0], jnp.inf)

    def _grid(self, permeability: Array, active: Array) -> GridGraph:
        # The number of vertices is unknown under tracing; the size of the raster bounds it, and surplus vertices are
        # padding.
        return GridGraph(permeability, active, active.size, self.neighbors, self.edge_rule, self.pixel_size)

    def _block_mask(self) -> Bool[Array, "height width"]:
        (top, left), (rows, columns) = self.buffer, self.core
        return jnp.zeros(self.window_shape, bool).at[top : top + rows, left : left + columns].set(True)


@eqx.filter_jit
def compute_batch(
    kernel: WindowKernel, tile: TileArrays, threads: int
) -> tuple[Float[Array, " windows"], Float[Array, "rows columns"] | None]:
    """Return Σ_j f(d_j) q_j of each window, and the gradient of Σ q_block Σ_j f(d_j) q_j in the cells of the tile.

    Parameters
    ----------
    kernel
        The computation in a window.
    tile
        The landscape and the windows.
    threads
        Number of threads of the CPU kernels; the result does not depend on it.
    """

    def total(permeability: Array, quality: Array):
        """Return the sum over the windows, and the accessible habitat of each."""
        if kernel.permeability_of is not None:
            # Inactive cells get a quality that occurs elsewhere, where the function is certainly defined.
            defined = jnp.where(tile.active, quality, quality.max(where=tile.active, initial=0.0))
            permeability = permeability + _zero_with_gradient(kernel.permeability_of(defined), tile.active)
        return kernel.connectivity(permeability, quality, tile, threads)

    if kernel.wrt is None:
        return total(tile.permeability, tile.quality)[1], None
    differentiate = jax.grad(total, argnums=1 if kernel.wrt == "quality" else 0, has_aux=True)
    gradient, accessible = differentiate(tile.permeability, tile.quality)
    return accessible, jnp.where(tile.active, gradient, 0.0)


def _zero_with_gradient(raster: Array, active: Array) -> Array:
    """Return 0 with the derivative of a raster whose values are already in the tile."""
    values = jnp.where(active, raster, 0.0)
    return values - jax.lax.stop_gradient(values)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def extract_windows(raster: Array, corners: Int[Array, "windows 2"], shape: tuple[int, int]) -> Array:
    """Extract windows from a raster.

    Parameters
    ----------
    raster
        Any raster, (rows, columns).
    corners
        Row and column of the raster at which each window begins.
    shape
        (rows, columns) of a window.

    Notes
    -----
    The transpose adds the cotangents of the windows one after the other, so that sums are the same on every device.

    Examples
    --------
    >>> extract_windows(jnp.arange(3.0)[None], jnp.array([[0, 0], [0, 1]]), (1, 2))
    Array([[[0., 1.]],
    <BLANKLINE>
           [[1., 2.]]], dtype=float64)
    """
    return jax.vmap(lambda corner: jax.lax.dynamic_slice(raster, corner, shape))(corners)


def _fwd(raster, corners, shape):
    return extract_windows(raster, corners, shape), (jnp.zeros_like(raster), corners)


def _bwd(shape, residuals, cotangent):
    zeros, corners = residuals

    def add(number: Array, total: Array) -> Array:
        """Add the cotangent of one window."""
        corner = corners[number]
        window = jax.lax.dynamic_slice(total, corner, shape)
        return jax.lax.dynamic_update_slice(total, window + cotangent[number], corner)

    return jax.lax.fori_loop(0, corners.shape[0], add, zeros), None


extract_windows.defvjp(_fwd, _bwd)
