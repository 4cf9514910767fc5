"""Batches of windows in which current flows to a target each; the answer of a batch is added to the maps."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..connectivity.landmark_targets import nearest_to_centre
from ..distances.resistance import require_undirected
from ..graph.grid_graph import EdgeRule, GridGraph
from ..linalg.solver_stats import log_solve
from ..linalg.stencil_matrix import neighbour_offsets
from ..parallel.blas_threads import blas_limited_pool
from ..parallel.chunks import chunk_ranges, directions_first, directions_last
from ..storage.raster_like import RasterLike
from .batch import AbstractBatchJob, BatchResult
from .envelope_cholesky_kernels import distribute_injection, strength_gradient
from .source_strengths import Condition, SourceStrengths
from .target_blocks import TargetBlocks
from .window_circuit import WindowCircuit
from .window_operation import WindowOperation

#: Windows that one thread adds up. Fixed, so that sums do not depend on the number of threads.
WINDOWS_PER_BLOCK = 16

#: How much of the largest current may appear or vanish in a cell.
ACCURATE = 1e-6


@dataclass(frozen=True)
class CurrentBatchJob(AbstractBatchJob):
    """All that is needed to compute the currents of any batch; goes to workers as a whole.

    Attributes
    ----------
    permeability, sources, conditions
        The landscape, how strong its sources are, and which suit a target.
    blocks, tiles
        Targets and discs, and the batches: the cores are tiles of blocks.
    correction
        By what the currents of a window are multiplied.
    as_omniscape
        Whether windows at the edge are as in Omniscape 0.6.2.
    neighbors, edge_rule
        As for `GridGraph`.
    potential
        Whether the flow potential is computed as well.
    weights
        Of the cells' currents, to differentiate the weighted sum; None for the maps.
    respect_to
        "permeability", "resistance" or "sources"; None for the maps.
    elasticity
        Whether derivatives are multiplied with the cell's own value.
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
    potential: bool
    weights: RasterLike | None = None
    respect_to: str | None = None
    elasticity: bool = False

    @property
    def answer_bytes(self) -> int:
        """Bytes of the maps of a tile with its buffer, or of the derivative."""
        rows, columns = self.tiles.window_shape
        return (2 if self.potential else 1) * rows * columns * np.dtype(float).itemsize

    def is_empty(self, number: int) -> bool:
        """Return whether no target of a batch has a strength."""
        return not (self.sources[self.tiles.core_place(number)] > 0).any()

    def batch(self, number: int, threads: int) -> BatchResult:
        """Compute one batch: maps (current, flow potential) or the derivative of every cell of the tile."""
        tile = _read(self, number)
        targets = _targets(self, tile)
        if not targets:
            return BatchResult(number, 0.0, 0, None)
        parts = [targets[first:last] for first, last in chunk_ranges(len(targets), WINDOWS_PER_BLOCK)]
        with blas_limited_pool(), ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(lambda part: _TargetGroup(self, tile, part), parts))
        worst = max(part.missed for part in found)
        if not worst <= ACCURATE:
            raise ValueError(
                f"current appears or vanishes in cells, up to {worst:.1e} of the largest current of a window: the "
                "permeability spans too many orders of magnitude"
            )
        log_solve("currents in windows (grounded at the target)", len(targets), 0, worst)
        total = sum(part.total for part in found)
        if self.weights is None:
            return BatchResult(number, total, len(targets), _added([part.maps for part in found]))
        by_conductance = _added([part.by_conductance for part in found])
        by_strength = _added([part.by_strength for part in found])
        return BatchResult(number, total, len(targets), _by_cell(self, tile, by_conductance, by_strength))


@dataclass(frozen=True)
class _TileData:
    """A tile with its buffer, read."""

    there: np.ndarray
    permeability: np.ndarray
    strengths: np.ndarray
    conductances: np.ndarray
    uniform: np.ndarray | None
    layers: np.ndarray
    future: np.ndarray
    weights: np.ndarray | None


@dataclass(frozen=True)
class _Target:
    """Where a target is in its tile, how strong, and the value of each condition there."""

    place: np.ndarray
    block: np.ndarray
    blank: np.ndarray
    strength: float
    wanted: np.ndarray


class _TargetGroup:
    """The currents of some targets, added up."""

    def __init__(self, analysis: CurrentBatchJob, tile: _TileData, targets: list[_Target]):
        self._analysis, self._tile = analysis, tile
        blocks = analysis.blocks
        self._disc = blocks.sources()
        self._reach = np.array(blocks.reach)
        self._limits = np.array([condition.limits for condition in analysis.conditions]).reshape(-1, 2)
        steps = np.array(neighbour_offsets(tile.conductances.shape[2]))
        self._window = WindowCircuit(blocks.landscape(), steps)
        # Where nothing resists, there is no disc either: Omniscape's flow potential fills the square.
        self._open = WindowCircuit(np.ones_like(self._disc), steps) if analysis.potential else None
        self._taken_up = None
        self.total, self.missed = 0.0, 0.0
        shape = tile.there.shape
        if analysis.weights is None:
            self.maps = np.zeros((2 if analysis.potential else 1, *shape))
        else:
            self.by_conductance, self.by_strength = np.zeros(tile.conductances.shape), np.zeros(shape)
        counted, feeding = np.empty(self._disc.shape, bool), np.empty(self._disc.shape)
        for target in targets:
            self._add(target, counted, feeding)

    def _add(self, target: _Target, counted: np.ndarray, feeding: np.ndarray) -> None:
        tile, corner = self._tile, target.place - self._reach
        place = tuple(slice(at, at + length) for at, length in zip(corner, self._disc.shape, strict=True))
        conditions = (tile.layers, target.wanted, self._limits)
        given = (tile.strengths, tile.there, self._disc, corner, target.blank, target.strength)
        shared = distribute_injection(*given, *conditions, counted, feeding)
        if not feeding.any():
            return
        if not tile.permeability[tuple(target.place)] > 0:
            self._add_potential(place, corner, feeding)
            return
        window, correction = self._window, self._analysis.correction
        window.take_up(tile.conductances, corner, self._reach)
        current = window.currents(feeding)
        self.missed = max(self.missed, window.missed)
        if tile.weights is None:
            self.total += current[tuple(self._reach)]
            self.maps[0][place] += correction * current
            self._add_potential(place, corner, feeding)
            return
        weights = np.ascontiguousarray(tile.weights[place] * correction)
        self.total += float((weights * current).sum())
        by_feeding = window.derivatives(weights, self.by_conductance)
        found = (counted, feeding, by_feeding, tile.strengths, corner, shared, target.strength)
        strength_gradient(*found, target.block, self.by_strength)

    def _add_potential(self, place: tuple, corner: np.ndarray, feeding: np.ndarray) -> None:
        if self._open is None:
            return
        # All windows in the middle of a raster are alike.
        cut = self._tile.there[place].tobytes()
        if cut != self._taken_up:
            self._open.take_up(self._tile.uniform, corner, self._reach)
            self._taken_up = cut
        self.maps[1][place] += self._analysis.correction * self._open.currents(feeding)
        self.missed = max(self.missed, self._open.missed)


def _read(analysis: CurrentBatchJob, number: int) -> _TileData:
    tiles = analysis.tiles
    there = tiles.inside(number)
    permeability = np.asarray(tiles.extract(analysis.permeability, number), float)
    permeability = np.where(np.isfinite(permeability) & (permeability > 0), permeability, 0.0)
    layers = [_known(tiles, each.present, number, there) for each in analysis.conditions]
    future = [
        _known(tiles, each.present if each.future is None else each.future, number, there)
        for each in analysis.conditions
    ]
    weights = None
    if analysis.weights is not None:
        weights = np.asarray(tiles.extract(analysis.weights, number), float)
        weights = np.where(np.isfinite(weights), weights, 0.0)
    return _TileData(
        there,
        permeability,
        np.asarray(tiles.extract(analysis.sources, number), float),
        _conductances(analysis, permeability, permeability > 0),
        _conductances(analysis, there.astype(float), there) if analysis.potential else None,
        np.array(layers).reshape(-1, *there.shape),
        np.array(future).reshape(-1, *there.shape),
        weights,
    )


def _known(tiles: WindowOperation, raster: RasterLike, number: int, there: np.ndarray) -> np.ndarray:
    return np.where(there, np.asarray(tiles.extract(raster, number), float), np.nan)


def _targets(analysis: CurrentBatchJob, tile: _TileData) -> list[_Target]:
    """Return the targets of a tile that have a strength."""
    width, half = analysis.blocks.width, analysis.blocks.half
    (top, left), (rows, columns) = analysis.tiles.buffer, analysis.tiles.core
    targets = []
    for row in range(top, top + rows, width):
        for column in range(left, left + columns, width):
            block = (slice(row, row + width), slice(column, column + width))
            strength = tile.strengths[block].sum()
            # Omniscape leaves out blocks that reach beyond the raster.
            if not strength > 0 or (analysis.as_omniscape and not tile.there[block].all()):
                continue
            place = np.array([row + half, column + half])
            if not analysis.as_omniscape:
                open_ = tile.permeability[block].ravel() > 0
                if not open_.any():
                    continue
                place = np.array([row, column]) + np.divmod(nearest_to_centre(open_[None], (width, width))[0], width)
            around = np.array([row, row + width - 1, column, column + width - 1])
            wanted = [
                condition.at_target(future[block])
                for condition, future in zip(analysis.conditions, tile.future, strict=True)
            ]
            targets.append(
                _Target(place, around, _blank(analysis, tile, place, around), float(strength), np.array(wanted))
            )
    return targets


def _blank(analysis: CurrentBatchJob, tile: _TileData, place: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Return the first and last row, and column, whose sources do not count: those of the target's own block.

    Omniscape counts them from the corner of the window as it is cut off at the edge of the raster, as if it were whole:
    near the upper and left edge they lie below or right of the block.
    """
    if not analysis.as_omniscape:
        return block
    first = place - np.array(analysis.blocks.reach)
    inside = np.array([np.argmax(tile.there.any(1)), np.argmax(tile.there.any(0))])
    shift = np.maximum(inside - first, 0)
    return block + np.repeat(shift, 2)


def _by_cell(
    analysis: CurrentBatchJob, tile: _TileData, by_conductance: np.ndarray, by_strength: np.ndarray
) -> np.ndarray:
    """Return the derivative by what every cell of the tile holds, or its elasticity."""
    if analysis.respect_to == "sources":
        return by_strength * tile.strengths if analysis.elasticity else by_strength
    there = tile.permeability > 0
    slope = np.asarray(_pull_back(tile.permeability, there, directions_first(by_conductance), *_rules(analysis)))
    if analysis.sources.given is None:
        slope = slope + np.where(tile.strengths > 0, by_strength, 0.0)
    slope = np.where(there, slope, 0.0)
    if analysis.respect_to == "resistance":
        # ∂C/∂r = −p² ∂C/∂p, and r ∂C/∂r = −p ∂C/∂p.
        return -slope * tile.permeability ** (1 if analysis.elasticity else 2)
    return slope * tile.permeability if analysis.elasticity else slope


def _conductances(analysis: CurrentBatchJob, permeability: np.ndarray, active: np.ndarray) -> np.ndarray:
    """Return the conductance of every edge, the directions of a cell side by side in memory."""
    return directions_last(np.asarray(_edges(jnp.asarray(permeability), jnp.asarray(active), *_rules(analysis))))


def _rules(analysis: CurrentBatchJob) -> tuple:
    return analysis.neighbors, analysis.edge_rule, analysis.blocks.pixel_size


@eqx.filter_jit
def _edges(permeability, active, neighbors, edge_rule, pixel_size):
    grid = GridGraph(permeability, active, active.size, neighbors, edge_rule, pixel_size)
    require_undirected(grid)
    return grid.edges


@eqx.filter_jit
def _pull_back(permeability, active, by_edge, *rules):
    # Where there is nothing any permeability does.
    anywhere = jnp.where(active, permeability, 1.0)
    return jax.vjp(lambda values: _edges(values, active, *rules), anywhere)[1](by_edge)[0]


def _added(rasters: list[np.ndarray]) -> np.ndarray:
    total = rasters[0]
    for raster in rasters[1:]:
        total += raster
    return total
