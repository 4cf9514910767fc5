"""Connectivity of landscapes of any size and its sensitivity, window by window."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from os import PathLike
from typing import Any

import numpy as np
from jaxtyping import Array

from ..connectivity import WRT
from ..counts import count_of
from ..distances import AbstractDistance
from ..graph import EdgeRule
from ..hashable_function import HashableFunction
from ..storage import RasterLike, as_raster, hash_raster, on_disk, to_manifest
from .batch import BatchResult, ConnectivityBatchJob, permeability_of_quality
from .batch_checkpoint import BatchCheckpoint
from .batch_kernel import WindowKernel
from .dispatch.base import AbstractExecutor, SerialExecutor
from .ordered_batches import Progress, iterate_in_order
from .tiling import batch_shape, windows_for_range
from .validation import initialise_output, validate_landscape, validate_output, validate_starts
from .window_operation import Extent


@dataclass(frozen=True)
class WindowedConnectivity:
    """Connectivity and the contribution of each cell.

    Attributes
    ----------
    connectivity
        The connectivity C.
    raster
        q_i Σ_j f(d_j) q_j of every cell, with the distances of the centre of its block: the cell's contribution to C.
        NaN in cells that are not vertices.
    windows, skipped
        Number of windows computed, and of those skipped because their block contains no habitat.
    """

    connectivity: float
    raster: Any
    windows: int
    skipped: int


@dataclass(frozen=True)
class WindowedSensitivity:
    """Connectivity and its derivative with respect to each cell.

    Attributes
    ----------
    connectivity
        The connectivity C.
    raster
        ∂C/∂x of every cell, or x ∂C/∂x; NaN in cells that are not vertices.
    windows, skipped
        Number of windows computed, and of those skipped because their block contains no habitat.
    """

    connectivity: float
    raster: Any
    windows: int
    skipped: int


class _WindowedAnalysis:
    """The parameters and the run of both analyses; `ConnectivityAnalysis` documents the parameters."""

    def __init__(
        self,
        *,
        quality: RasterLike,
        permeability: RasterLike | Callable[[Array], Array],
        distance: AbstractDistance,
        proximity: Callable[[Array], Array],
        dependency_range: Extent,
        coarsening: float | int = 0.0,
        from_blocks: bool | None = None,
        within_blocks: bool = True,
        neighbors: str = "queen",
        edge_rule: EdgeRule = "mean",
        pixel_size: tuple[float, float] = (1.0, 1.0),
        batch: int | None = None,
        starts: str = "centre",
    ):
        self.quality = on_disk(as_raster(quality, "quality"))
        self._permeability_is_function = callable(permeability)
        self.permeability = None
        if not self._permeability_is_function:
            self.permeability = on_disk(as_raster(permeability, "permeability"))
        shape = tuple(self.quality.shape)
        if self.permeability is not None and tuple(self.permeability.shape) != shape:
            raise ValueError(f"quality has {shape} cells, permeability {tuple(self.permeability.shape)}")
        self.windows = windows_for_range(shape, dependency_range, coarsening)
        self._distance, self._proximity = distance, _hashable(proximity)
        self._permeability_of = _hashable(permeability) if self._permeability_is_function else None
        from_blocks = not distance.cheaper_to_targets if from_blocks is None else bool(from_blocks)
        self._block_rules = {"from_blocks": from_blocks, "within_blocks": bool(within_blocks)}
        self._starts = starts
        validate_starts(starts, distance, proximity, **self._block_rules)
        self._graph_rules = {
            "neighbors": neighbors,
            "edge_rule": HashableFunction(edge_rule) if callable(edge_rule) else edge_rule,
            "pixel_size": (float(pixel_size[0]), float(pixel_size[1])),
        }
        self._batch = batch

    def batch_job(self, wrt: str | None = None, elasticity: bool = False) -> ConnectivityBatchJob:
        """Return the job that executors compute batch by batch.

        Parameters
        ----------
        wrt
            "permeability", "resistance" or "quality"; None for connectivity without its gradient.
        elasticity
            Whether derivatives are multiplied by the cell's value.
        """
        variable = "quality" if wrt == "quality" else "permeability" if wrt else None
        kernel = WindowKernel(
            self._distance,
            self._proximity,
            self._permeability_of,
            self.windows.core,
            self.windows.buffer,
            variable,
            **self._block_rules,
            **self._graph_rules,
            starts=self._starts,
        )
        tiles = self.windows.grouped(batch_shape(self.windows, self._batch, kernel.uses_cpu_kernels))
        return ConnectivityBatchJob(kernel, self.quality, self.permeability, tiles, wrt, elasticity)

    def summary(self) -> str:
        """Describe the number and size of the windows."""
        (rows, columns), (height, width), (down, across) = (
            self.windows.layout,
            self.windows.window_shape,
            self.windows.core,
        )
        return (
            f"{count_of(self.windows.count, 'window')} ({rows:,} × {columns:,}) of {height} × {width} cells, "
            f"one for each block of {down} × {across}"
        )

    def _run(
        self,
        job: ConnectivityBatchJob,
        output: Any,
        executor: AbstractExecutor | None,
        checkpoint: str | PathLike | None,
        progress: Progress | None,
        merge: Callable[[Any, BatchResult], None],
    ) -> tuple[float, Any, int, int]:
        """Merge the batches into the output; return the connectivity, the output, and the windows done and skipped."""
        permeability_of = partial(permeability_of_quality, job.kernel) if self._permeability_is_function else None
        validate_landscape(self.quality, self.permeability, permeability_of)
        output = np.empty(self.windows.shape) if output is None else on_disk(output)
        validate_output(output, self.windows.shape, [self.quality, self.permeability])
        stored = None if checkpoint is None else BatchCheckpoint(checkpoint, self._manifest(job))
        initialise_output(output, self.quality, self.permeability, permeability_of)
        total, computed = 0.0, 0
        for batch in iterate_in_order(job, executor or SerialExecutor(), stored, progress):
            total, computed = total + batch.total, computed + batch.windows
            if batch.raster is not None:
                merge(output, batch)
        return total, output, computed, self.windows.count - computed

    def _manifest(self, job: ConnectivityBatchJob) -> dict[str, Any]:
        """Return everything that the results depend on."""
        inputs = {"quality": hash_raster(self.quality)}
        if self.permeability is not None:
            inputs["permeability"] = hash_raster(self.permeability)
        return {
            "inputs": inputs,
            "shape": list(self.windows.shape),
            "batch": list(job.blocks),
            "respect_to": job.wrt,
            "elasticity": job.elasticity,
            # Checkpoints of runs from the centres of blocks are older than the choice of starts.
            **to_manifest(
                {
                    name: getattr(job.kernel, name)
                    for name in job.kernel.__dataclass_fields__
                    if name != "wrt" and (name, self._starts) != ("starts", "centre")
                }
            ),
        }


class ConnectivityAnalysis(_WindowedAnalysis):
    """Habitat accessible within a dependency range, in a landscape of any size: C = Σ_B Q_B Σ_j f(d_cj) q_j.

    The raster is divided into blocks of cells. The quality of a block, Q_B, is concentrated at the vertex c nearest to
    its centre, from where movement leads to every cell j within the dependency range, along paths inside the window.
    With blocks of one cell and a range as long as the raster this is Σ_i Σ_j q_i f(d_ij) q_j.

    Parameters
    ----------
    quality
        Habitat quality, zero or more: anything with rows and columns that can be sliced, in memory or on disk.
    permeability
        A raster likewise, zero or NaN for barriers; or a differentiable function of an array of qualities.
    distance
        Any distance.
    proximity
        The dispersal kernel f, a function of an array of distances, such as `ExponentialKernel(alpha)`.
    dependency_range
        Number of cells that a window extends from the centre of its block: one number, or rows and columns.
    coarsening
        Width of a block as a fraction of the range, 0 to 1; rounded up to an odd number of cells. 0 means one window
        for every cell.
    from_blocks
        Whether movement leads from the blocks to the cells around them, or from the cells to the blocks; the same for
        symmetric distances. By default it leads from the blocks, except for randomized shortest paths, whose distances
        to one vertex are computed thousands of times faster than those from it.
    within_blocks
        Whether the cells of a block contribute to the block itself.
    neighbors, edge_rule, pixel_size
        As for `GridGraph`.
    batch
        Approximate number of windows that are computed together; chosen from their size if None.
    starts
        "centre": movement starts at the centre of each block, to which its quality is assigned. "cells": it starts in
        every cell of the block, with the quality of that cell, and far from the block follows the paths from its
        centre (`connectivity_from_cells`); for least cost and `ExponentialKernel` only. The centres of blocks then do
        not show on maps of the gradient.

    Raises
    ------
    ValueError
        Rasters of different shapes, an invalid range or coarsening. When run: invalid permeability or quality, with the
        number of cells and the first of them.

    Examples
    --------
    >>> from permea.engine import LCPDistance
    >>> from permea.engine.moving_window import ExponentialKernel
    >>> analysis = ConnectivityAnalysis(
    ...     quality=np.array([[1.0, 0.0, 2.0]]),
    ...     permeability=np.ones((1, 3)),
    ...     distance=LCPDistance(),
    ...     proximity=ExponentialKernel(1.0),
    ...     dependency_range=2,
    ... )
    >>> round(analysis.run().connectivity, 6)
    5.541341
    """

    def run(
        self,
        output: Any = None,
        *,
        executor: AbstractExecutor | None = None,
        checkpoint: str | PathLike | None = None,
        progress: Progress | None = None,
    ) -> WindowedConnectivity:
        """Compute the connectivity.

        Parameters
        ----------
        output
            Raster to write each cell's contribution into, in memory or on disk; a new array if None.
        executor
            Where batches are computed; this process if None.
        checkpoint
            Folder in which completed batches are stored, and from which an earlier run is resumed.
        progress
            Called after every batch with the number of batches completed, their total number, and the estimated
            remaining seconds (None if unknown).
        """
        job = self.batch_job()

        def merge(raster: Any, batch: BatchResult) -> None:
            """Write the contributions of a batch, except to inactive cells."""
            core = job.tiles.core_slices(batch.number)
            initial = np.asarray(raster[core])
            contributions = batch.raster[: initial.shape[0], : initial.shape[1]]
            raster[core] = np.where(np.isnan(initial), initial, contributions)

        return WindowedConnectivity(*self._run(job, output, executor, checkpoint, progress, merge))


class SensitivityAnalysis(_WindowedAnalysis):
    """Gradient of the connectivity of `ConnectivityAnalysis`: where changes of a landscape of any size matter most.

    The parameters are those of `ConnectivityAnalysis`.

    Notes
    -----
    The result is the exact gradient of the windowed connectivity, including partial windows at the edge. Where
    permeability is a function of quality, the derivative with respect to quality includes both effects of quality.

    Examples
    --------
    >>> from permea.engine import LCPDistance
    >>> from permea.engine.moving_window import ExponentialKernel
    >>> analysis = SensitivityAnalysis(
    ...     quality=np.array([[1.0, 0.0, 2.0]]),
    ...     permeability=np.ones((1, 3)),
    ...     distance=LCPDistance(),
    ...     proximity=ExponentialKernel(1.0),
    ...     dependency_range=2,
    ... )
    >>> analysis.run("permeability").raster.round(6)
    array([[0.270671, 0.541341, 0.270671]])
    """

    def run(
        self,
        wrt: str = "permeability",
        output: Any = None,
        *,
        elasticity: bool = False,
        executor: AbstractExecutor | None = None,
        checkpoint: str | PathLike | None = None,
        progress: Progress | None = None,
    ) -> WindowedSensitivity:
        """Compute the gradient.

        Parameters
        ----------
        wrt
            "permeability" p; "resistance" r = 1/p; or "quality".
        output
            Raster to write into, in memory or on disk; a new array if None.
        elasticity
            Whether to multiply by the cell's value, x ∂C/∂x: the gain per relative change.
        executor, checkpoint, progress
            As for `ConnectivityAnalysis.run`.

        Raises
        ------
        ValueError
            An unknown `wrt`.
        """
        if wrt not in WRT:
            raise ValueError(f"wrt must be one of {', '.join(WRT)}, not {wrt!r}")
        job = self.batch_job(wrt, bool(elasticity))

        def merge(raster: Any, batch: BatchResult) -> None:
            """Add the gradient of a batch."""
            job.tiles.add_window(raster, batch.number, batch.raster)

        return WindowedSensitivity(*self._run(job, output, executor, checkpoint, progress, merge))


def _hashable(function: Callable) -> Callable:
    """Make a plain function hashable by its code; callables with parameters, such as `ExponentialKernel`, stay."""
    return HashableFunction(function) if hasattr(function, "__code__") else function
