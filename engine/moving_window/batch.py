"""Batches of windows: a tile of blocks with all that their windows hold, computed at once."""

import abc
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from ..connectivity.landmark_targets import nearest_to_centre
from ..storage.raster_like import RasterLike
from .batch_kernel import TileArrays, WindowKernel, compute
from .window_operation import WindowOperation

#: Where windows are gone through one by one whether they are skipped or not, batches with few of them are cut down to
#: one of these parts: two sizes are compiled, not one for every number of windows.
PARTS = (4, 1)


class AbstractBatchJob(abc.ABC):
    """What is to be computed batch by batch, of a landscape that it knows how to read.

    Attributes
    ----------
    tiles
        The batches: the cores are tiles of blocks.
    """

    tiles: WindowOperation

    @property
    @abc.abstractmethod
    def answer_bytes(self) -> int:
        """Bytes of the raster, or rasters, of a batch that has a window."""

    @abc.abstractmethod
    def is_empty(self, number: int) -> bool:
        """Return whether a batch certainly has no window to compute; cheaper than to compute it."""

    @abc.abstractmethod
    def batch(self, number: int, threads: int) -> "BatchResult":
        """Compute one batch; the result does not depend on the number of threads."""


@dataclass(frozen=True)
class ConnectivityBatchJob(AbstractBatchJob):
    """All that is needed to compute any batch: what, where and how it is cut up. Goes to workers as a whole.

    Attributes
    ----------
    program
        What is computed.
    quality, permeability
        The landscape; permeability is None where it is a function of quality.
    tiles
        The batches: the cores are tiles of blocks.
    respect_to
        "permeability", "resistance", "quality", or None for the value alone.
    elasticity
        Whether derivatives are multiplied with the cell's own value.
    """

    program: WindowKernel
    quality: RasterLike
    permeability: RasterLike | None
    tiles: WindowOperation
    respect_to: str | None
    elasticity: bool

    @property
    def blocks(self) -> tuple[int, int]:
        """How many blocks a tile has, below each other and side by side."""
        (rows, columns), (height, width) = self.tiles.core, self.program.core
        return rows // height, columns // width

    @property
    def answer_bytes(self) -> int:
        """Bytes of the part of a value that belongs to a tile, or of a derivative, which reaches into its buffer."""
        rows, columns = self.tiles.core if self.respect_to is None else self.tiles.window_shape
        return rows * columns * np.dtype(float).itemsize

    def is_empty(self, number: int) -> bool:
        """Return whether no window of a batch holds habitat."""
        return select_windows(self, read_tile(self, number)) is None

    def batch(self, number: int, threads: int) -> "BatchResult":
        """Compute one batch: the windows that hold habitat, in one call."""
        landscape = read_tile(self, number)
        chosen = select_windows(self, landscape)
        if chosen is None:
            return BatchResult(number, 0.0, 0, None)
        reach, slope = compute(self.program, to_arrays(landscape, chosen), threads)
        return to_result(
            self, number, landscape, chosen, np.asarray(reach), None if slope is None else np.asarray(slope)
        )


@dataclass(frozen=True)
class BatchResult:
    """What was found in one batch.

    Attributes
    ----------
    number
        Of the tile.
    total
        Its part of the number that the analysis is about, such as Σ q_block Σ_j f(d_j) q_j.
    windows
        How many windows were computed; the others hold no habitat, or no source.
    raster
        One or several rasters of the tile with its buffer; for the value of a connectivity alone, q_i Σ_j f(d_j) q_j of
        every cell of the tile. None where there is no window to compute.
    """

    number: int
    total: float
    windows: int
    raster: np.ndarray | None


def run_batch(analysis: AbstractBatchJob, number: int, threads: int) -> BatchResult:
    """Compute one batch, wherever this is called.

    Parameters
    ----------
    analysis
        What, where and how it is cut up.
    number
        Of the tile.
    threads
        How many threads may be used; the result does not depend on it.
    """
    return analysis.batch(number, threads)


@dataclass(frozen=True)
class TileData:
    """A tile with its buffer, read."""

    permeability: np.ndarray
    active: np.ndarray
    quality: np.ndarray


@dataclass(frozen=True)
class SelectedWindows:
    """The windows of a tile that are computed: their blocks' numbers in the tile; corners and seeds, filled up."""

    blocks: np.ndarray
    corners: np.ndarray
    seeds: np.ndarray


def read_tile(analysis: ConnectivityBatchJob, number: int) -> TileData:
    """Read what a batch needs of the landscape."""
    tiles = analysis.tiles
    quality = np.asarray(tiles.extract(analysis.quality, number), float)
    if analysis.permeability is not None:
        permeability = np.asarray(tiles.extract(analysis.permeability, number), float)
        there = np.isfinite(permeability) & (permeability > 0)
    else:
        known = tiles.inside(number) & np.isfinite(quality)
        permeability = permeability_by_quality(analysis.program, np.where(known, quality, 0.0))
        there = known & np.isfinite(permeability) & (permeability > 0)
    return TileData(np.where(there, permeability, 0.0), there, np.where(there, quality, 0.0))


def permeability_by_quality(program: WindowKernel, quality: np.ndarray) -> np.ndarray:
    """Return the permeability that a quality means."""
    return np.asarray(program.permeability_of(jnp.asarray(quality)), float)


def select_windows(analysis: ConnectivityBatchJob, landscape: TileData) -> SelectedWindows | None:
    """Return the windows of a tile that hold habitat, or None if there are none."""
    program = analysis.program
    (rows, columns), (height, width), (top, left) = analysis.blocks, program.core, program.buffer
    inner = (slice(top, top + rows * height), slice(left, left + columns * width))

    def by_block(raster: np.ndarray) -> np.ndarray:
        blocks = raster[inner].reshape(rows, height, columns, width).swapaxes(1, 2)
        return blocks.reshape(rows * columns, height * width)

    active = by_block(landscape.active)
    habitat = by_block(landscape.quality).sum(1) > 0
    if analysis.respect_to == "quality" and not analysis.elasticity:
        # Habitat that were made in an empty block would count, if there is habitat around.
        habitat[:] = True
        if not landscape.quality.any():
            return None
    present = np.flatnonzero(habitat & active.any(1))
    if not present.size:
        return None
    place = nearest_to_centre(active[present], (height, width))
    seeds = (top + place // width) * program.window_shape[1] + left + place % width
    corners = np.stack([present // columns * height, present % columns * width], -1)
    full = rows * columns
    size = full if program.on_host else min(-(-full // part) for part in PARTS if -(-full // part) >= present.size)
    more = size - present.size
    return SelectedWindows(
        present,
        np.concatenate([corners, np.zeros((more, 2), int)]),
        np.concatenate([seeds, np.full(more, -1)]),
    )


def to_arrays(landscape: TileData, chosen: SelectedWindows) -> TileArrays:
    """Return the arrays that are computed with."""
    arrays = (landscape.permeability, landscape.active, landscape.quality, chosen.corners, chosen.seeds)
    return TileArrays(*(jnp.asarray(array) for array in arrays))


def to_result(
    analysis: ConnectivityBatchJob,
    number: int,
    landscape: TileData,
    chosen: SelectedWindows,
    reach: np.ndarray,
    slope: np.ndarray | None,
) -> BatchResult:
    """Make a batch's answer of what was computed."""
    program = analysis.program
    (rows, columns), (height, width), (top, left) = analysis.blocks, program.core, program.buffer
    of_block = np.zeros(rows * columns)
    of_block[chosen.blocks] = reach[: chosen.blocks.size]
    quality = landscape.quality[top : top + rows * height, left : left + columns * width]
    habitat = quality * np.kron(of_block.reshape(rows, columns), np.ones((height, width)))
    connectivity = float(habitat.sum())
    if slope is None:
        return BatchResult(number, connectivity, chosen.blocks.size, habitat)
    own = landscape.quality if analysis.respect_to == "quality" else landscape.permeability
    if analysis.respect_to == "resistance":
        # ∂C/∂r = −p² ∂C/∂p, and r ∂C/∂r = −p ∂C/∂p.
        slope = -slope * own * (1.0 if analysis.elasticity else own)
    elif analysis.elasticity:
        slope = slope * own
    return BatchResult(number, connectivity, chosen.blocks.size, slope)
