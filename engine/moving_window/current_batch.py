"""Batches of windows of omnidirectional current: sum of the currents to the targets of a tile, and its gradient."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..connectivity import nearest_to_centre
from ..distances import require_undirected
from ..graph import EdgeRule, GridGraph
from ..linalg import log_solve, neighbour_offsets
from ..parallel import blas_limited_pool, chunk_ranges, directions_first, directions_last
from ..storage import RasterLike
from .batch import AbstractBatchJob, BatchResult
from .injection_kernels import distribute_injection, strength_gradient
from .source_strengths import Condition, SourceStrengths
from .target_blocks import TargetBlocks
from .window_circuit import WindowCircuit
from .window_operation import WindowOperation

#: Windows that one thread adds up. Fixed, so that sums do not depend on the number of threads.
WINDOWS_PER_CHUNK = 16

#: Largest accepted violation of Kirchhoff's current law in a cell, relative to the largest current of its window.
KCL_TOL = 1e-6


@dataclass(frozen=True, kw_only=True)
class CurrentBatchJob(AbstractBatchJob):
    """Data needed to compute the currents of any batch, or their gradient. Can be sent to workers.

    Attributes
    ----------
    permeability, sources, conditions
        The landscape, its source strengths, and the conditions that match sources with targets.
    blocks, tiles
        Blocks of targets with their discs, and the batches, whose cores are tiles of blocks.
    correction
        Factors by which the currents of a window are multiplied.
    as_omniscape
        Whether windows at the edge are those of Omniscape 0.6.2.
    neighbors, edge_rule
        As for `GridGraph`.
    max_factored_width
        As for `WindowCircuit`.
    potential
        Whether the flow potential is computed as well.
    weights
        Weights of the cells' currents, to differentiate their sum; None for the maps.
    wrt
        "permeability", "resistance" or "sources"; None for the maps.
    elasticity
        Whether derivatives are multiplied by the cell's value.
    """

    permeability: RasterLike
    sources: SourceStrengths
    conditions: tuple[Condition, ...]
    blocks: TargetBlocks
    tiles: WindowOperation
    correction: np.ndarray
    as_omniscape: bool
    neighbors: str
    edge_rule: EdgeRule
    max_factored_width: int
    potential: bool
    weights: RasterLike | None = None
    wrt: str | None = None
    elasticity: bool = False

    @property
    def result_bytes(self) -> int:
        """Bytes of the maps of a tile with its buffer, or of the gradient."""
        rows, columns = self.tiles.window_shape
        return (2 if self.potential else 1) * rows * columns * np.dtype(float).itemsize

    def is_empty(self, number: int) -> bool:
        """Return whether no target of a batch has a strength."""
        return not (self.sources[self.tiles.core_slices(number)] > 0).any()

    def compute(self, number: int, threads: int) -> BatchResult:
        """Compute one batch: maps (current, flow potential), or the derivative with respect to every cell."""
        tile = _read_tile(self, number)
        targets = _targets(self, tile)
        if not targets:
            return BatchResult(number, 0.0, 0, None)
        chunks = [targets[first:last] for first, last in chunk_ranges(len(targets), WINDOWS_PER_CHUNK)]
        with blas_limited_pool(), ThreadPoolExecutor(threads) as pool:
            groups = list(pool.map(lambda chunk: _TargetGroup(self, tile, chunk), chunks))
        kcl_residual = max(group.kcl_residual for group in groups)
        if not kcl_residual <= KCL_TOL:
            raise ValueError(
                f"current is not conserved in cells, by up to {kcl_residual:.1e} of the largest current of a window: "
                "the permeability spans too many orders of magnitude"
            )
        log_solve("currents in windows (grounded at the target)", len(targets), 0, kcl_residual)
        total = sum(group.total for group in groups)
        if self.weights is None:
            return BatchResult(number, total, len(targets), _sum_in_place([group.maps for group in groups]))
        by_conductance = _sum_in_place([group.by_conductance for group in groups])
        by_strength = _sum_in_place([group.by_strength for group in groups])
        return BatchResult(number, total, len(targets), _cell_gradient(self, tile, by_conductance, by_strength))


@dataclass(frozen=True)
class _TileData:
    """A tile with its buffer, read from the landscape.

    `inside` marks the cells that lie in the raster; `uniform` holds the edge conductances of a landscape without
    resistance; `present` and `future` hold one raster for each condition.
    """

    inside: np.ndarray
    permeability: np.ndarray
    strengths: np.ndarray
    conductances: np.ndarray
    uniform: np.ndarray | None
    present: np.ndarray
    future: np.ndarray
    weights: np.ndarray | None


@dataclass(frozen=True)
class _Target:
    """Cell of a target, its block, the block of excluded sources, its current, and its value of each condition.

    Blocks are first and last row, first and last column of the tile.
    """

    cell: np.ndarray
    block: np.ndarray
    excluded_block: np.ndarray
    current: float
    condition_values: np.ndarray


class _TargetGroup:
    """The currents to a group of targets, added up."""

    def __init__(self, job: CurrentBatchJob, tile: _TileData, targets: list[_Target]):
        self._job, self._tile = job, tile
        blocks, width = job.blocks, job.max_factored_width
        self._source_disc = blocks.source_disc()
        self._center = np.array(blocks.half_window)
        self._limits = np.array([condition.limits for condition in job.conditions]).reshape(-1, 2)
        steps = np.array(neighbour_offsets(tile.conductances.shape[2]))
        self._circuit = WindowCircuit(blocks.window_disc(), steps, width)
        # Without resistance there is no disc either: Omniscape's flow potential fills the square.
        square = np.ones_like(self._source_disc)
        self._uniform_circuit = WindowCircuit(square, steps, width) if job.potential else None
        self._uniform_key = None
        self.total, self.kcl_residual = 0.0, 0.0
        shape = tile.inside.shape
        if job.weights is None:
            self.maps = np.zeros((2 if job.potential else 1, *shape))
        else:
            self.by_conductance, self.by_strength = np.zeros(tile.conductances.shape), np.zeros(shape)
        selected, injected = np.empty(square.shape, bool), np.empty(square.shape)
        for target in targets:
            self._add(target, selected, injected)

    def _add(self, target: _Target, selected: np.ndarray, injected: np.ndarray) -> None:
        """Add the currents of the window of one target, or their derivatives."""
        tile, corner = self._tile, target.cell - self._center
        window = tuple(slice(low, low + length) for low, length in zip(corner, selected.shape, strict=True))
        sources = (tile.strengths, tile.inside, self._source_disc, corner, target.excluded_block, target.current)
        conditions = (tile.present, target.condition_values, self._limits)
        total_strength = distribute_injection(*sources, *conditions, selected, injected)
        if not injected.any():
            return
        if not tile.permeability[tuple(target.cell)] > 0:
            self._add_flow_potential(window, corner, injected)
            return
        circuit, correction = self._circuit, self._job.correction
        circuit.set_window(tile.conductances, corner, self._center)
        current = circuit.currents(injected)
        self.kcl_residual = max(self.kcl_residual, circuit.kcl_residual)
        if tile.weights is None:
            self.total += current[tuple(self._center)]
            self.maps[0][window] += correction * current
            self._add_flow_potential(window, corner, injected)
            return
        weights = np.ascontiguousarray(tile.weights[window] * correction)
        self.total += float((weights * current).sum())
        by_injection = circuit.derivatives(weights, self.by_conductance)
        injection = (selected, injected, by_injection, tile.strengths, corner, total_strength, target.current)
        strength_gradient(*injection, target.block, self.by_strength)

    def _add_flow_potential(self, window: tuple, corner: np.ndarray, injected: np.ndarray) -> None:
        """Add the currents of a window without resistance."""
        if self._uniform_circuit is None:
            return
        # All windows in the interior of a raster have the same equations, which are factored once.
        key = self._tile.inside[window].tobytes()
        if key != self._uniform_key:
            self._uniform_circuit.set_window(self._tile.uniform, corner, self._center)
            self._uniform_key = key
        self.maps[1][window] += self._job.correction * self._uniform_circuit.currents(injected)
        self.kcl_residual = max(self.kcl_residual, self._uniform_circuit.kcl_residual)


def _read_tile(job: CurrentBatchJob, number: int) -> _TileData:
    """Read the part of the landscape that a batch needs."""
    tiles = job.tiles
    inside = tiles.inside(number)
    permeability = np.asarray(tiles.extract(job.permeability, number), float)
    permeability = np.where(np.isfinite(permeability) & (permeability > 0), permeability, 0.0)
    present = [_read_condition(tiles, each.present, number, inside) for each in job.conditions]
    future = [
        _read_condition(tiles, each.present if each.future is None else each.future, number, inside)
        for each in job.conditions
    ]
    weights = None
    if job.weights is not None:
        weights = np.asarray(tiles.extract(job.weights, number), float)
        weights = np.where(np.isfinite(weights), weights, 0.0)
    return _TileData(
        inside,
        permeability,
        np.asarray(tiles.extract(job.sources, number), float),
        _conductances(job, permeability, permeability > 0),
        _conductances(job, inside.astype(float), inside) if job.potential else None,
        np.array(present).reshape(-1, *inside.shape),
        np.array(future).reshape(-1, *inside.shape),
        weights,
    )


def _read_condition(tiles: WindowOperation, raster: RasterLike, number: int, inside: np.ndarray) -> np.ndarray:
    return np.where(inside, np.asarray(tiles.extract(raster, number), float), np.nan)


def _targets(job: CurrentBatchJob, tile: _TileData) -> list[_Target]:
    """Return the targets of a tile that have a strength."""
    width, half = job.blocks.width, job.blocks.half_width
    (top, left), (rows, columns) = job.tiles.buffer, job.tiles.core
    targets = []
    for row in range(top, top + rows, width):
        for column in range(left, left + columns, width):
            slices = (slice(row, row + width), slice(column, column + width))
            current = tile.strengths[slices].sum()
            # Omniscape skips blocks that extend beyond the raster.
            if not current > 0 or (job.as_omniscape and not tile.inside[slices].all()):
                continue
            cell = np.array([row + half, column + half])
            if not job.as_omniscape:
                active = tile.permeability[slices].ravel() > 0
                if not active.any():
                    continue
                cell = np.array([row, column]) + np.divmod(nearest_to_centre(active[None], (width, width))[0], width)
            block = np.array([row, row + width - 1, column, column + width - 1])
            values = [
                condition.at_target(future[slices])
                for condition, future in zip(job.conditions, tile.future, strict=True)
            ]
            excluded = _excluded_block(job, tile, cell, block)
            targets.append(_Target(cell, block, excluded, float(current), np.array(values)))
    return targets


def _excluded_block(job: CurrentBatchJob, tile: _TileData, cell: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Return the block whose sources do not count: the target's own.

    Omniscape counts its rows and columns from the corner of the window clipped to the raster, as if it were whole: near
    the upper and left edge the excluded block lies below or to the right of the target's.
    """
    if not job.as_omniscape:
        return block
    corner = cell - np.array(job.blocks.half_window)
    raster_corner = np.array([np.argmax(tile.inside.any(1)), np.argmax(tile.inside.any(0))])
    shift = np.maximum(raster_corner - corner, 0)
    return block + np.repeat(shift, 2)


def _cell_gradient(
    job: CurrentBatchJob, tile: _TileData, by_conductance: np.ndarray, by_strength: np.ndarray
) -> np.ndarray:
    """Return the derivative with respect to the value of every cell of the tile, or its elasticity."""
    if job.wrt == "sources":
        return by_strength * tile.strengths if job.elasticity else by_strength
    active = tile.permeability > 0
    by_edge = directions_first(by_conductance)
    gradient = np.asarray(_conductances_vjp(tile.permeability, active, by_edge, *_graph_rules(job)))
    if job.sources.raster is None:
        gradient = gradient + np.where(tile.strengths > 0, by_strength, 0.0)
    gradient = np.where(active, gradient, 0.0)
    if job.wrt == "resistance":
        # ∂C/∂r = −p² ∂C/∂p, and r ∂C/∂r = −p ∂C/∂p.
        return -gradient * tile.permeability ** (1 if job.elasticity else 2)
    return gradient * tile.permeability if job.elasticity else gradient


def _conductances(job: CurrentBatchJob, permeability: np.ndarray, active: np.ndarray) -> np.ndarray:
    """Return the conductance of every edge, (rows, columns, directions)."""
    return directions_last(np.asarray(_edges(jnp.asarray(permeability), jnp.asarray(active), *_graph_rules(job))))


def _graph_rules(job: CurrentBatchJob) -> tuple:
    return job.neighbors, job.edge_rule, job.blocks.pixel_size


@eqx.filter_jit
def _edges(permeability, active, neighbors, edge_rule, pixel_size):
    grid = GridGraph(permeability, active, active.size, neighbors, edge_rule, pixel_size)
    require_undirected(grid)
    return grid.edges


@eqx.filter_jit
def _conductances_vjp(permeability, active, by_edge, *graph_rules):
    # Inactive cells get a permeability of 1, where every edge rule is differentiable; their gradient is discarded.
    positive = jnp.where(active, permeability, 1.0)
    return jax.vjp(lambda values: _edges(values, active, *graph_rules), positive)[1](by_edge)[0]


def _sum_in_place(rasters: list[np.ndarray]) -> np.ndarray:
    """Return the sum of the rasters, accumulated in the first one."""
    total = rasters[0]
    for raster in rasters[1:]:
        total += raster
    return total
