"""What is computed in the windows of a batch: one compiled call for all of them."""

from collections.abc import Callable
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..distances import AbstractDistance, LCPDistance, ResistanceDistance
from ..distances.cost_functions import edge_costs
from ..distances.resistance import require_undirected
from ..graph.grid_graph import EdgeRule, GridGraph
from .least_cost import least_costs_in_windows
from .resistance import MAX_WINDOW_WIDTH, resistances_in_windows


class TileArrays(eqx.Module):
    """The part of a landscape that a batch of windows lies in, and the windows.

    Parameters
    ----------
    permeability, active
        Of every cell, and which of them are vertices.
    quality
        0 where a cell is no vertex.
    corners
        Row and column of the tile at which each window begins.
    seeds
        The place in each window (row · columns + column) at which its block's quality is concentrated; −1 for a window
        that is skipped.
    """

    permeability: Float[Array, "rows columns"]
    active: Bool[Array, "rows columns"]
    quality: Float[Array, "rows columns"]
    corners: Int[Array, "windows 2"]
    seeds: Int[Array, "windows"]


class WindowKernel(eqx.Module):
    """What is computed, apart from the landscape.

    Parameters
    ----------
    distance, proximity
        d, and f, which turns it into the part of the movement that arrives.
    permeability_of
        Permeability as a function of quality; None where it is a raster of its own.
    core, buffer
        Cells of a block, and around it.
    respect_to
        "permeability" or "quality"; None for the value alone.
    from_blocks
        Whether movement leads from the blocks to the cells around, or the other way.
    within_blocks
        Whether the cells of the block itself count.
    neighbors, edge_rule, pixel_size
        As for `GridGraph`.
    """

    distance: AbstractDistance
    proximity: Callable[[Array], Array]
    permeability_of: Callable[[Array], Array] | None
    core: tuple[int, int] = eqx.field(static=True)
    buffer: tuple[int, int] = eqx.field(static=True)
    respect_to: str | None = eqx.field(static=True)
    from_blocks: bool = eqx.field(static=True)
    within_blocks: bool = eqx.field(static=True)
    neighbors: str = eqx.field(static=True)
    edge_rule: EdgeRule = eqx.field(static=True)
    pixel_size: tuple[float, float] = eqx.field(static=True)

    @property
    def window_shape(self) -> tuple[int, int]:
        """(rows, columns) of a window."""
        return self.core[0] + 2 * self.buffer[0], self.core[1] + 2 * self.buffer[1]

    @property
    def on_host(self) -> bool:
        """Whether the distances of all windows come from one call to compiled loops on the processor."""
        on_cpu = jax.default_backend() == "cpu"
        if isinstance(self.distance, LCPDistance):
            return self.distance.method == "dijkstra" or (self.distance.method == "automatic" and on_cpu)
        if isinstance(self.distance, ResistanceDistance):
            return self.distance.solver is None and on_cpu and self.window_shape[1] <= MAX_WINDOW_WIDTH
        return False

    @property
    def by_turns(self) -> bool:
        """Whether windows are better computed one after the other: factorisations on the processor gain nothing."""
        return jax.default_backend() == "cpu" and isinstance(self.distance, ResistanceDistance)

    def reach(
        self,
        permeability: Float[Array, "rows columns"],
        quality: Float[Array, "rows columns"],
        tile: TileArrays,
        threads: int,
    ) -> tuple[Float[Array, "windows"], Float[Array, "windows"]]:
        """Return the quality of each block, and Σ_j f(d_j) q_j over the cells j around it."""
        distances = self._distances(permeability, tile, threads)
        qualities = windows_of(quality, tile.corners, self.window_shape)
        counted = jnp.isfinite(distances) & (self.within_blocks | ~self._block())
        proximity = jnp.where(counted, self.proximity(jnp.where(counted, distances, 0.0)), 0.0)
        present = jnp.where(self._block(), qualities, 0.0).sum((1, 2)) * (tile.seeds >= 0)
        return present, (proximity * qualities).sum((1, 2))

    def _distances(self, permeability: Array, tile: TileArrays, threads: int) -> Float[Array, "windows height width"]:
        if not self.on_host:
            parts = [windows_of(raster, tile.corners, self.window_shape) for raster in (permeability, tile.active)]
            if self.by_turns:
                return jax.lax.map(lambda window: self._in_one_window(*window), (*parts, tile.seeds))
            return jax.vmap(self._in_one_window)(*parts, tile.seeds)
        grid = self._grid(permeability, tile.active)
        if isinstance(self.distance, LCPDistance):
            costs = edge_costs(grid, self.distance.cost)
            return least_costs_in_windows(
                costs, tile.corners, tile.seeds, self.window_shape, not self.from_blocks, threads
            )
        require_undirected(grid)
        return resistances_in_windows(grid.edges, tile.corners, tile.seeds, self.window_shape, threads)

    def _in_one_window(self, permeability: Array, active: Array, seed: Array) -> Float[Array, "height width"]:
        grid = self._grid(permeability, active)
        numbers = jnp.append(grid.vertex_numbers.ravel(), grid.n_vertices)
        place = numbers[jnp.where(seed < 0, -1, seed)][None]
        if self.from_blocks:
            return grid.node_values_to_array(self.distance(grid, place)[0], jnp.inf)
        return grid.node_values_to_array(self.distance(grid, targets=place)[:, 0], jnp.inf)

    def _grid(self, permeability: Array, active: Array) -> GridGraph:
        # The vertices cannot be counted here; those beyond the last one are places that do not exist.
        return GridGraph(permeability, active, active.size, self.neighbors, self.edge_rule, self.pixel_size)

    def _block(self) -> Bool[Array, "height width"]:
        (top, left), (rows, columns) = self.buffer, self.core
        return jnp.zeros(self.window_shape, bool).at[top : top + rows, left : left + columns].set(True)


@eqx.filter_jit
def compute(
    program: WindowKernel, tile: TileArrays, threads: int
) -> tuple[Float[Array, "windows"], Float[Array, "rows columns"] | None]:
    """Return Σ_j f(d_j) q_j of each window, and the derivative of Σ q_block Σ_j f(d_j) q_j by every cell of the tile.

    Parameters
    ----------
    program
        What is computed.
    tile
        Where.
    threads
        How many the host's loops may use; the result does not depend on it.
    """

    def total(permeability: Array, quality: Array):
        if program.permeability_of is not None:
            # Where there is nothing, any quality does; one that occurs is safe to compute with.
            anywhere = jnp.where(tile.active, quality, quality.max(where=tile.active, initial=0.0))
            permeability = permeability + _no_value(program.permeability_of(anywhere), tile.active)
        present, reach = program.reach(permeability, quality, tile, threads)
        return (present * reach).sum(), reach

    if program.respect_to is None:
        return total(tile.permeability, tile.quality)[1], None
    differentiate = jax.grad(total, argnums=1 if program.respect_to == "quality" else 0, has_aux=True)
    slope, reach = differentiate(tile.permeability, tile.quality)
    return reach, jnp.where(tile.active, slope, 0.0)


def _no_value(raster: Array, active: Array) -> Array:
    """Return 0 with the derivative of a raster: the values are in the tile already."""
    there = jnp.where(active, raster, 0.0)
    return there - jax.lax.stop_gradient(there)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def windows_of(raster: Array, corners: Int[Array, "windows 2"], shape: tuple[int, int]) -> Array:
    """Cut windows out of a raster.

    Notes
    -----
    Backwards the windows are added up one after the other, so that the sum is the same on every device.

    Examples
    --------
    >>> windows_of(jnp.arange(3.0)[None], jnp.array([[0, 0], [0, 1]]), (1, 2))
    Array([[[0., 1.]],
    <BLANKLINE>
           [[1., 2.]]], dtype=float64)
    """
    return jax.vmap(lambda corner: jax.lax.dynamic_slice(raster, corner, shape))(corners)


def _cut(raster, corners, shape):
    return windows_of(raster, corners, shape), (jnp.zeros_like(raster), corners)


def _add_up(shape, remembered, cotangent):
    empty, corners = remembered

    def add(number: Array, total: Array) -> Array:
        corner = corners[number]
        there = jax.lax.dynamic_slice(total, corner, shape)
        return jax.lax.dynamic_update_slice(total, there + cotangent[number], corner)

    return jax.lax.fori_loop(0, corners.shape[0], add, empty), None


windows_of.defvjp(_cut, _add_up)
