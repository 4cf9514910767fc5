"""Connectivity of landscapes of any size and its sensitivity, window by window."""

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
from jaxtyping import Array

from ..connectivity.sensitivity_map import WRT
from ..distances import AbstractDistance, RSPDistance
from ..graph.grid_graph import EdgeRule
from ..hashable_function import HashableFunction
from ..storage.fingerprint import hash_raster, to_manifest
from ..storage.npy_raster import on_disk, raster_of
from ..storage.raster_like import RasterLike
from .batch import BatchResult, ConnectivityBatchJob, permeability_by_quality
from .batch_checkpoint import BatchCheckpoint
from .batch_kernel import WindowKernel
from .dispatch.base import AbstractExecutor, SerialExecutor
from .ordered_batches import Progress, iterate_in_order
from .tiling import tile_of_blocks, windows_of_range
from .validation import initialise_output, validate_landscape, validate_output
from .window_operation import Extent


@dataclass(frozen=True)
class WindowedConnectivity:
    """A connectivity, and where it comes from.

    Attributes
    ----------
    connectivity
        C, the number.
    raster
        q_i Σ_j f(d_j) q_j of every cell, with the distances of the centre of its block: the cell's part of C. NaN where
        a cell is no vertex.
    windows, skipped
        How many windows were computed, and how many hold no habitat.
    """

    connectivity: float
    raster: Any
    windows: int
    skipped: int


@dataclass(frozen=True)
class WindowedSensitivity:
    """A connectivity and its derivative.

    Attributes
    ----------
    connectivity
        C, the number.
    raster
        ∂C/∂x of every cell, or x ∂C/∂x; NaN where a cell is no vertex.
    windows, skipped
        How many windows were computed, and how many hold no habitat.
    """

    connectivity: float
    raster: Any
    windows: int
    skipped: int


class _WindowedAnalysis:
    """What both analyses are given; see there."""

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
    ):
        self.quality = on_disk(raster_of(quality, "quality"))
        self.by_quality = callable(permeability)
        self.permeability = None if self.by_quality else on_disk(raster_of(permeability, "permeability"))
        shape = tuple(self.quality.shape)
        if self.permeability is not None and tuple(self.permeability.shape) != shape:
            raise ValueError(f"quality has {shape} cells, permeability {tuple(self.permeability.shape)}")
        self.windows = windows_of_range(shape, dependency_range, coarsening)
        self._distance, self._proximity = distance, _formula(proximity)
        self._permeability_of = _formula(permeability) if self.by_quality else None
        from_blocks = not isinstance(distance, RSPDistance) if from_blocks is None else bool(from_blocks)
        self._directions = {"from_blocks": from_blocks, "within_blocks": bool(within_blocks)}
        self._graph = {
            "neighbors": neighbors,
            "edge_rule": HashableFunction(edge_rule) if callable(edge_rule) else edge_rule,
            "pixel_size": (float(pixel_size[0]), float(pixel_size[1])),
        }
        self._batch = batch

    def analysis(self, respect_to: str | None = None, elasticity: bool = False) -> ConnectivityBatchJob:
        """Return what is sent to whoever computes a batch."""
        by = "quality" if respect_to == "quality" else "permeability" if respect_to else None
        program = WindowKernel(
            self._distance,
            self._proximity,
            self._permeability_of,
            self.windows.core,
            self.windows.buffer,
            by,
            **self._directions,
            **self._graph,
        )
        tiles = self.windows.grouped(tile_of_blocks(self.windows, self._batch, program.on_host))
        return ConnectivityBatchJob(program, self.quality, self.permeability, tiles, respect_to, elasticity)

    def summary(self) -> str:
        """Say how many windows there are, and how large they are."""
        (rows, columns), (height, width), (down, across) = (
            self.windows.layout,
            self.windows.window_shape,
            self.windows.core,
        )
        return (
            f"{self.windows.count:,} windows ({rows:,} × {columns:,}) of {height} × {width} cells, "
            f"one for each block of {down} × {across}"
        )

    def _run(self, analysis, output, dispatch, checkpoint, progress, merge):
        def to_permeability(quality: np.ndarray) -> np.ndarray:
            return permeability_by_quality(analysis.program, quality)

        by_quality = to_permeability if self.by_quality else None
        validate_landscape(self.quality, self.permeability, by_quality)
        output = np.empty(self.windows.shape) if output is None else on_disk(output)
        validate_output(output, self.windows.shape, [self.quality, self.permeability])
        kept = None if checkpoint is None else BatchCheckpoint(checkpoint, self._content(analysis))
        initialise_output(output, self.quality, self.permeability, by_quality)
        total, computed = 0.0, 0
        for batch in iterate_in_order(analysis, dispatch or SerialExecutor(), kept, progress):
            total, computed = total + batch.total, computed + batch.windows
            if batch.raster is not None:
                merge(output, batch)
        return total, output, computed, self.windows.count - computed

    def _content(self, analysis: ConnectivityBatchJob) -> dict[str, Any]:
        """Return all that the results depend on."""
        inputs = {"quality": hash_raster(self.quality)}
        if self.permeability is not None:
            inputs["permeability"] = hash_raster(self.permeability)
        return {
            "inputs": inputs,
            "shape": list(self.windows.shape),
            "batch": list(analysis.blocks),
            "respect_to": analysis.respect_to,
            "elasticity": analysis.elasticity,
            **to_manifest(
                {
                    name: getattr(analysis.program, name)
                    for name in analysis.program.__dataclass_fields__
                    if name != "respect_to"
                }
            ),
        }


class ConnectivityAnalysis(_WindowedAnalysis):
    """Habitat that can be reached within a range, over a landscape of any size: C = Σ_B Q_B Σ_j f(d_cj) q_j.

    The raster is cut into blocks of cells. The quality of a block, Q_B, is concentrated at the vertex c nearest to its
    centre, and movement leads from there to every cell j within the dependency range, along ways inside the window.
    With blocks of one cell and a range as long as the raster this is Σ_i Σ_j q_i f(d_ij) q_j.

    Parameters
    ----------
    quality
        Habitat quality, zero or more: anything with rows and columns that can be sliced, in memory or on disk.
    permeability
        Likewise, zero or NaN for barriers; or a function that gives it from an array of qualities, differentiable.
    distance
        Any distance.
    proximity
        f, a function of arrays of distances, such as `Exponential(alpha)`.
    dependency_range
        How many cells a window reaches from the centre of its block: one number, or rows and columns.
    coarsening
        0 to 1: how many cells wide a block is, as a part of the range; rounded up to an odd number. 0 is one window for
        every cell.
    from_blocks
        Whether movement leads from the blocks to the cells around, or from the cells to the blocks; the same where
        distances are the same both ways. Left out, it leads from the blocks, except along randomized shortest paths,
        which to one place are found thousands of times faster than from it.
    within_blocks
        Whether the cells of a block reach the block itself.
    neighbors, edge_rule, pixel_size
        As for `GridGraph`.
    batch
        About how many windows are computed together; chosen from their size if left out.

    Raises
    ------
    ValueError
        Rasters of different sizes, a range or coarsening that is none; on running, values that are no permeability or
        no quality (how many, and where the first is).

    Examples
    --------
    >>> from permea.engine import LCPDistance
    >>> from permea.engine.moving_window import Exponential
    >>> analysis = ConnectivityAnalysis(
    ...     quality=np.array([[1.0, 0.0, 2.0]]),
    ...     permeability=np.ones((1, 3)),
    ...     distance=LCPDistance(),
    ...     proximity=Exponential(1.0),
    ...     dependency_range=2,
    ... )
    >>> round(analysis.run().connectivity, 6)
    5.541341
    """

    def run(
        self,
        output: Any = None,
        *,
        dispatch: AbstractExecutor | None = None,
        checkpoint: str | PathLike | None = None,
        progress: Progress | None = None,
    ) -> WindowedConnectivity:
        """Compute it.

        Parameters
        ----------
        output
            Raster to write each cell's part into, in memory or on disk; a new array if left out.
        dispatch
            Who computes; this process if left out.
        checkpoint
            Folder to keep finished batches in, and to take those of an earlier run from.
        progress
            Called after every batch with the batches done, of how many, and the seconds left (None if unknown).
        """
        analysis = self.analysis()

        def merge(raster: Any, batch: BatchResult) -> None:
            place = analysis.tiles.core_place(batch.number)
            part = np.asarray(raster[place])
            here = batch.raster[: part.shape[0], : part.shape[1]]
            raster[place] = np.where(np.isnan(part), part, here)

        return WindowedConnectivity(*self._run(analysis, output, dispatch, checkpoint, progress, merge))


class SensitivityAnalysis(_WindowedAnalysis):
    """Where a change of a landscape of any size matters most: the gradient of what `ConnectivityAnalysis` computes.

    The parameters are the same.

    Notes
    -----
    The result is the exact gradient of the windowed connectivity, partial windows at the edge and all. Where
    permeability is a function of quality, the derivative by quality follows both ways in which quality acts.

    Examples
    --------
    >>> from permea.engine import LCPDistance
    >>> from permea.engine.moving_window import Exponential
    >>> analysis = SensitivityAnalysis(
    ...     quality=np.array([[1.0, 0.0, 2.0]]),
    ...     permeability=np.ones((1, 3)),
    ...     distance=LCPDistance(),
    ...     proximity=Exponential(1.0),
    ...     dependency_range=2,
    ... )
    >>> analysis.run("permeability").raster.round(6)
    array([[0.270671, 0.541341, 0.270671]])
    """

    def run(
        self,
        respect_to: str = "permeability",
        output: Any = None,
        *,
        elasticity: bool = False,
        dispatch: AbstractExecutor | None = None,
        checkpoint: str | PathLike | None = None,
        progress: Progress | None = None,
    ) -> WindowedSensitivity:
        """Compute it.

        Parameters
        ----------
        respect_to
            "permeability" p; "resistance" r = 1/p; or "quality".
        output
            Raster to write into, in memory or on disk; a new array if left out.
        elasticity
            Whether to multiply with the cell's own value, x ∂C/∂x: the gain per relative change.
        dispatch
            Who computes; this process if left out.
        checkpoint
            Folder to keep finished batches in, and to take those of an earlier run from.
        progress
            Called after every batch with the batches done, of how many, and the seconds left (None if unknown).

        Raises
        ------
        ValueError
            An unknown `respect_to`.
        """
        if respect_to not in WRT:
            raise ValueError(f"respect_to must be one of {', '.join(WRT)}, not {respect_to!r}")
        analysis = self.analysis(respect_to, bool(elasticity))

        def merge(raster: Any, batch: BatchResult) -> None:
            analysis.tiles.add_window(raster, batch.number, batch.raster)

        return WindowedSensitivity(*self._run(analysis, output, dispatch, checkpoint, progress, merge))


def _formula(function: Callable) -> Callable:
    """Let functions be told apart by what they compute; those that hold numbers to differentiate or change are left."""
    return HashableFunction(function) if hasattr(function, "__code__") else function
