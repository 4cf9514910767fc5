"""Batches of windows: a tile of blocks with the cells of all their windows, computed in one call."""

import abc
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from ..connectivity import nearest_to_centre
from ..storage import RasterLike
from .batch_kernel import TileArrays, WindowKernel, compute_batch
from .window_operation import WindowOperation

#: Where skipped windows cost as much as others, batches with few windows to compute are reduced to one of these
#: fractions of their size: two sizes are compiled instead of one for every number of windows.
BATCH_FRACTIONS = (4, 1)


class AbstractBatchJob(abc.ABC):
    """A computation batch by batch, with the landscape from which it reads. Can be sent to workers.

    Attributes
    ----------
    tiles
        The batches; their cores are tiles of blocks.
    """

    tiles: WindowOperation

    @property
    @abc.abstractmethod
    def result_bytes(self) -> int:
        """Bytes of the raster, or rasters, of a batch that has a window."""

    @abc.abstractmethod
    def is_empty(self, number: int) -> bool:
        """Return whether a batch has no window to compute; cheaper than computing it."""

    @abc.abstractmethod
    def compute(self, number: int, threads: int) -> "BatchResult":
        """Compute one batch; the result does not depend on the number of threads."""


@dataclass(frozen=True)
class ConnectivityBatchJob(AbstractBatchJob):
    """Data needed to compute any batch of a connectivity map or its gradient. Can be sent to workers.

    Attributes
    ----------
    kernel
        The computation in a window.
    quality, permeability
        The landscape; permeability is None where it is a function of quality.
    tiles
        The batches; their cores are tiles of blocks.
    wrt
        "permeability", "resistance", "quality", or None for connectivity without its gradient.
    elasticity
        Whether derivatives are multiplied by the cell's value.
    """

    kernel: WindowKernel
    quality: RasterLike
    permeability: RasterLike | None
    tiles: WindowOperation
    wrt: str | None
    elasticity: bool

    @property
    def blocks(self) -> tuple[int, int]:
        """Rows and columns of blocks in a tile."""
        (rows, columns), (height, width) = self.tiles.core, self.kernel.core
        return rows // height, columns // width

    @property
    def result_bytes(self) -> int:
        """Bytes of a value, which covers the core of a tile, or of a gradient, which covers its buffer as well."""
        rows, columns = self.tiles.core if self.wrt is None else self.tiles.window_shape
        return rows * columns * np.dtype(float).itemsize

    def is_empty(self, number: int) -> bool:
        """Return whether no window of a batch contains habitat."""
        return select_windows(self, read_tile(self, number)) is None

    def compute(self, number: int, threads: int) -> "BatchResult":
        """Compute one batch: the windows that contain habitat, in one call."""
        tile = read_tile(self, number)
        selected = select_windows(self, tile)
        if selected is None:
            return BatchResult(number, 0.0, 0, None)
        accessible, gradient = compute_batch(self.kernel, to_arrays(tile, selected), threads)
        gradient = None if gradient is None else np.asarray(gradient)
        return to_result(self, number, tile, selected, np.asarray(accessible), gradient)


@dataclass(frozen=True)
class BatchResult:
    """The result of one batch.

    Attributes
    ----------
    number
        Number of the tile.
    total
        The batch's contribution to the analysis' total, such as Σ q_block Σ_j f(d_j) q_j.
    windows
        Number of windows computed; the others contain no habitat, or no source.
    raster
        One or several rasters of the tile with its buffer; for connectivity without its gradient, q_i Σ_j f(d_j) q_j of
        every cell of the tile. None if there is no window to compute.
    """

    number: int
    total: float
    windows: int
    raster: np.ndarray | None


def run_batch(job: AbstractBatchJob, number: int, threads: int) -> BatchResult:
    """Compute one batch, in any process.

    Parameters
    ----------
    job
        The computation.
    number
        Number of the tile.
    threads
        Number of threads; the result does not depend on it.
    """
    return job.compute(number, threads)


@dataclass(frozen=True)
class TileData:
    """A tile with its buffer, read from the landscape."""

    permeability: np.ndarray
    active: np.ndarray
    quality: np.ndarray


@dataclass(frozen=True)
class SelectedWindows:
    """The windows of a tile that are computed.

    Attributes
    ----------
    blocks
        Numbers of their blocks in the tile.
    corners, seeds
        As in `TileArrays`, padded to one of the sizes that are compiled.
    """

    blocks: np.ndarray
    corners: np.ndarray
    seeds: np.ndarray

    def padded_to(self, size: int) -> "SelectedWindows":
        """Return the windows with skipped ones appended, `size` in all."""
        n_skipped = size - self.seeds.size
        corners = np.concatenate([self.corners, np.zeros((n_skipped, 2), int)])
        return SelectedWindows(self.blocks, corners, np.concatenate([self.seeds, np.full(n_skipped, -1)]))


def read_tile(job: ConnectivityBatchJob, number: int) -> TileData:
    """Read the part of the landscape that a batch needs."""
    tiles = job.tiles
    quality = np.asarray(tiles.extract(job.quality, number), float)
    if job.permeability is not None:
        permeability = np.asarray(tiles.extract(job.permeability, number), float)
        active = np.isfinite(permeability) & (permeability > 0)
    else:
        known = tiles.inside(number) & np.isfinite(quality)
        permeability = permeability_of_quality(job.kernel, np.where(known, quality, 0.0))
        active = known & np.isfinite(permeability) & (permeability > 0)
    return TileData(np.where(active, permeability, 0.0), active, np.where(active, quality, 0.0))


def permeability_of_quality(kernel: WindowKernel, quality: np.ndarray) -> np.ndarray:
    """Return the permeability as a function of the quality."""
    return np.asarray(kernel.permeability_of(jnp.asarray(quality)), float)


def select_windows(job: ConnectivityBatchJob, tile: TileData) -> SelectedWindows | None:
    """Return the windows of a tile that contain habitat, or None if there are none."""
    kernel = job.kernel
    (rows, columns), (height, width), (top, left) = job.blocks, kernel.core, kernel.buffer
    core = (slice(top, top + rows * height), slice(left, left + columns * width))

    def by_block(raster: np.ndarray) -> np.ndarray:
        """Return the cells of each block of the core as a row."""
        blocks = raster[core].reshape(rows, height, columns, width).swapaxes(1, 2)
        return blocks.reshape(rows * columns, height * width)

    active = by_block(tile.active)
    has_habitat = by_block(tile.quality).sum(1) > 0
    if job.wrt == "quality" and not job.elasticity:
        # The derivative with respect to the quality of an empty block is positive if there is habitat around it.
        has_habitat[:] = True
        if not tile.quality.any():
            return None
    selected = np.flatnonzero(has_habitat & active.any(1))
    if not selected.size:
        return None
    center = nearest_to_centre(active[selected], (height, width))
    seeds = (top + center // width) * kernel.window_shape[1] + left + center % width
    corners = np.stack([selected // columns * height, selected % columns * width], -1)
    full = rows * columns
    size = full
    if not kernel.uses_cpu_kernels:
        size = min(-(-full // part) for part in BATCH_FRACTIONS if -(-full // part) >= selected.size)
    return SelectedWindows(selected, corners, seeds).padded_to(size)


def to_arrays(tile: TileData, selected: SelectedWindows) -> TileArrays:
    """Return the JAX arrays of a tile."""
    arrays = (tile.permeability, tile.active, tile.quality, selected.corners, selected.seeds)
    return TileArrays(*(jnp.asarray(array) for array in arrays))


def to_result(
    job: ConnectivityBatchJob,
    number: int,
    tile: TileData,
    selected: SelectedWindows,
    accessible: np.ndarray,
    gradient: np.ndarray | None,
) -> BatchResult:
    """Return the result of a batch from the accessible habitat of its windows, and the gradient."""
    kernel = job.kernel
    (rows, columns), (height, width), (top, left) = job.blocks, kernel.core, kernel.buffer
    by_block = np.zeros(rows * columns)
    by_block[selected.blocks] = accessible[: selected.blocks.size]
    quality = tile.quality[top : top + rows * height, left : left + columns * width]
    contributions = quality * np.kron(by_block.reshape(rows, columns), np.ones((height, width)))
    connectivity = float(contributions.sum())
    if gradient is None:
        return BatchResult(number, connectivity, selected.blocks.size, contributions)
    values = tile.quality if job.wrt == "quality" else tile.permeability
    if job.wrt == "resistance":
        # ∂C/∂r = −p² ∂C/∂p, and r ∂C/∂r = −p ∂C/∂p.
        gradient = -gradient * values * (1.0 if job.elasticity else values)
    elif job.elasticity:
        gradient = gradient * values
    return BatchResult(number, connectivity, selected.blocks.size, gradient)
