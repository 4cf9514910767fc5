"""Omnidirectional current flow in landscapes of any size: currents in moving windows (Omniscape's method)."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np

from ..counts import count_of
from ..graph import EdgeRule
from ..hashable_function import HashableFunction
from ..linalg import neighbour_offsets
from ..storage import RasterLike, as_raster, hash_raster, on_disk, row_strips, to_manifest
from .batch_checkpoint import BatchCheckpoint
from .current_batch import CurrentBatchJob
from .current_results import CurrentSensitivity, MovingWindowCurrentResult
from .dispatch.base import AbstractExecutor, SerialExecutor
from .ordered_batches import Progress, iterate_in_order
from .source_strengths import Condition, SourceStrengths, validate_shapes
from .target_blocks import TargetBlocks
from .tiling import batch_shape
from .validation import initialise_output, validate_landscape, validate_output
from .window_circuit import MAX_FACTORED_WIDTH
from .window_operation import WindowOperation

MAPS = ("current", "flow_potential", "normalized_current")
CURRENT_WRT = ("permeability", "resistance", "sources")


class MovingWindowCurrent:
    """Omnidirectional current: every source is connected with every target within a radius.

    The raster is divided into blocks of cells. The centre of each block is a target, which is grounded. A current equal
    to the sum of the block's source strengths is injected into the sources within the radius, in proportion to their
    strengths. The currents of all windows are added up.

    Parameters
    ----------
    permeability
        Conductance of the cells, 0 or NaN for barriers: anything with rows and columns that can be sliced.
    radius
        Largest distance between a source and its target, in the unit of `pixel_size`.
    block
        Width of a block in cells; odd.
    buffer
        Distance beyond the radius that current may cross, likewise.
    sources
        Strength of each cell as a source and as a target, 0 or more, NaN for none; the permeability if None.
    source_threshold
        Cells with a lower strength in `sources` are not sources; ignored without `sources`.
    resistance_cutoff
        Cells of a higher resistance are not sources; ignored with `sources`.
    conditions
        Conditions that match sources with targets.
    correct_artifacts
        Whether currents are corrected for the concentration of a block's current at its centre.
    as_omniscape
        Whether windows at the edge are those of Omniscape 0.6.2, with its faults, to compare with it; see the notes.
    neighbors, edge_rule, pixel_size
        As for `GridGraph`.
    batch
        Approximate number of windows that are computed together; chosen from their size if None.
    max_factored_width
        The widest windows that are factored directly, see `WindowCircuit`.

    Raises
    ------
    ValueError
        Rasters of different shapes, an even block, a radius that does not reach beyond a block. When run: invalid
        permeability or strengths, no source at all, an edge rule that makes the graph directed.

    Notes
    -----
    A block's own sources are excluded, so that it is not connected with itself; every block with a source is a target
    at the vertex nearest to its centre, and only vertices are sources. `as_omniscape` reproduces version 0.6.2 instead:
    near the upper and left edge, the sources that are excluded are not those of the block but lie below and to the
    right of it, so that most of the current of few strong sources may be missing; blocks that extend beyond the raster
    are not targets, nor are those whose centre is a barrier; and the parts of sources on barriers are not injected.

    References
    ----------
    McRae, B. H. et al. (2016). Conserving nature's stage: mapping omnidirectional connectivity for resilient
    terrestrial landscapes in the Pacific Northwest. The Nature Conservancy, Portland.
    Landau, V. A. et al. (2021). Omniscape.jl: Software to compute omnidirectional landscape connectivity. Journal of
    Open Source Software 6 (57), 2829.

    Examples
    --------
    >>> row = MovingWindowCurrent(
    ...     permeability=np.ones((1, 3)), radius=1.0, sources=np.array([[0.0, 1.0, 1.0]])
    ... )
    >>> row.run().maps["current"]
    array([[0., 2., 2.]])
    """

    def __init__(
        self,
        *,
        permeability: RasterLike,
        radius: float | int,
        block: int = 1,
        buffer: float | int = 0.0,
        sources: RasterLike | None = None,
        source_threshold: float | int = 0.0,
        resistance_cutoff: float | int = np.inf,
        conditions: Sequence[Condition] = (),
        correct_artifacts: bool = True,
        as_omniscape: bool = False,
        neighbors: str = "queen",
        edge_rule: EdgeRule = "mean",
        pixel_size: tuple[float | int, float | int] = (1.0, 1.0),
        batch: int | None = None,
        max_factored_width: int = MAX_FACTORED_WIDTH,
    ):
        self.permeability = on_disk(as_raster(permeability, "permeability"))
        shape = tuple(self.permeability.shape)
        strengths = None if sources is None else on_disk(as_raster(sources, "sources"))
        validate_shapes(shape, strengths, conditions)
        if not resistance_cutoff > 0:
            raise ValueError(f"resistance_cutoff must be positive, not {resistance_cutoff!r}")
        if not 0 <= source_threshold < np.inf:
            raise ValueError(f"source_threshold must be 0 or more, not {source_threshold!r}")
        include_barriers = as_omniscape and strengths is not None
        self.sources = SourceStrengths(
            self.permeability, strengths, float(source_threshold), float(resistance_cutoff), include_barriers
        )
        size = (float(pixel_size[0]), float(pixel_size[1]))
        self.blocks = TargetBlocks(block, float(radius), float(buffer), size).within(shape)
        self.windows = WindowOperation(shape, block, self.blocks.half_window)
        self._conditions = tuple(conditions)
        self._correct, self._as_omniscape = bool(correct_artifacts), bool(as_omniscape)
        self._graph_rules = {
            "neighbors": neighbors,
            "edge_rule": HashableFunction(edge_rule) if callable(edge_rule) else edge_rule,
        }
        self._batch, self._max_factored_width = batch, max_factored_width

    def run(
        self,
        *,
        flow_potential: bool = False,
        normalized: bool = False,
        outputs: Mapping[str, Any] | None = None,
        executor: AbstractExecutor | None = None,
        checkpoint: str | PathLike | None = None,
        progress: Progress | None = None,
    ) -> MovingWindowCurrentResult:
        """Compute the maps.

        Parameters
        ----------
        flow_potential, normalized
            Which maps to return besides the cumulative current.
        outputs
            Rasters to write into, in memory or on disk, by the names of the maps ("current", "flow_potential",
            "normalized_current"); new arrays for the others.
        executor
            Where batches are computed: this process if None, or a cluster.
        checkpoint
            Folder in which completed batches are stored, and from which an earlier run is resumed.
        progress
            Called after every batch with the number of batches completed, their total number, and the estimated
            remaining seconds (None if unknown).

        Raises
        ------
        ValueError
            Invalid rasters (see the class); an output for a map that is not computed, of another shape, or given twice;
            no current reaches any target.
        """
        names = [name for name, included in zip(MAPS, (True, flow_potential, normalized), strict=True) if included]
        surplus = sorted((outputs or {}).keys() - set(names))
        if surplus:
            raise ValueError(f"outputs has a raster for {surplus[0]!r}; the maps to compute are {', '.join(names)}")
        job = self._batch_job(potential=len(names) > 1)
        self._validate()
        maps: dict[str, Any] = {}
        for name in names:
            maps[name] = self._output((outputs or {}).get(name), *maps.values())
        # Without a raster of its own, the flow potential accumulates in that of the normalized current.
        accumulators = [maps[name] for name in names[:2]]
        total, computed = self._accumulate(job, accumulators, executor, checkpoint, progress)
        if not total > 0:
            reason = "barriers separate all sources from their targets"
            if self._conditions:
                reason += ", or no source suits its target"
            raise ValueError(f"no current reaches any target: {reason}")
        if normalized:
            _divide(maps["current"], accumulators[1], maps["normalized_current"])
        return MovingWindowCurrentResult(maps, total, computed, self.windows.count - computed)

    def gradient(
        self,
        weights: RasterLike,
        wrt: str = "permeability",
        output: Any = None,
        *,
        elasticity: bool = False,
        executor: AbstractExecutor | None = None,
        checkpoint: str | PathLike | None = None,
        progress: Progress | None = None,
    ) -> CurrentSensitivity:
        """Differentiate a weighted sum of the cumulative current; takes one adjoint solve for every window.

        Parameters
        ----------
        weights
            Weight of each cell's current, NaN for none: with 1 in a region of interest and 0 elsewhere, the derivative
            shows the cells on which the current there depends.
        wrt
            "permeability" p; "resistance" r = 1/p; or "sources", their strengths. Without a raster of sources the
            strengths change with the permeability, and the derivative includes that. 0 for cells that are not sources.
        output
            Raster to write into, in memory or on disk; a new array if None.
        elasticity
            Whether to multiply by the cell's value, x ∂C/∂x: the gain per relative change.
        executor, checkpoint, progress
            As for `run`.

        Raises
        ------
        ValueError
            An unknown `wrt`, weights of another shape.

        Notes
        -----
        |current| along an edge without current is not differentiable by its ends' potentials; the subgradient 0 is
        used.
        """
        if wrt not in CURRENT_WRT:
            raise ValueError(f"wrt must be one of {', '.join(CURRENT_WRT)}, not {wrt!r}")
        weights = on_disk(as_raster(weights, "weights"))
        if tuple(weights.shape) != self.windows.shape:
            raise ValueError(f"weights have {tuple(weights.shape)} cells, the landscape {self.windows.shape}")
        job = self._batch_job(weights=weights, wrt=wrt, elasticity=bool(elasticity))
        self._validate()
        output = self._output(output, weights)
        total, computed = self._accumulate(job, [output], executor, checkpoint, progress)
        return CurrentSensitivity(total, output, computed, self.windows.count - computed)

    def summary(self) -> str:
        """Describe the number and size of the windows."""
        (rows, columns), (down, across) = self.windows.layout, self.blocks.half_window
        return (
            f"{count_of(self.windows.count, 'target')} ({rows:,} × {columns:,}), one for each block of "
            f"{self.blocks.width} × {self.blocks.width} cells, in windows of {2 * down + 1} × {2 * across + 1} cells"
        )

    def _batch_job(
        self,
        *,
        potential: bool = False,
        weights: RasterLike | None = None,
        wrt: str | None = None,
        elasticity: bool = False,
    ) -> CurrentBatchJob:
        """Return the job that executors compute batch by batch: the maps, or the gradient with respect to `wrt`."""
        directions = {"rook": 4, "queen": 8}.get(self._graph_rules["neighbors"])
        if directions is None:
            raise ValueError(f'neighbors must be "queen" or "rook", not {self._graph_rules["neighbors"]!r}')
        steps = np.array(neighbour_offsets(directions))
        lengths = np.hypot(*(steps * self.blocks.pixel_size).T)
        correction = np.ones(self.blocks.source_disc().shape)
        if self._correct:
            correction = self.blocks.correction(steps, lengths, self._max_factored_width)
        return CurrentBatchJob(
            permeability=self.permeability,
            sources=self.sources,
            conditions=self._conditions,
            blocks=self.blocks,
            tiles=self.windows.grouped(batch_shape(self.windows, self._batch, cpu_kernels=True)),
            correction=correction,
            as_omniscape=self._as_omniscape,
            neighbors=self._graph_rules["neighbors"],
            edge_rule=self._graph_rules["edge_rule"],
            max_factored_width=self._max_factored_width,
            potential=potential,
            weights=weights,
            wrt=wrt,
            elasticity=elasticity,
        )

    def _validate(self) -> None:
        """Check the values of all rasters."""
        self.sources.validate()
        validate_landscape(self.sources, self.permeability, None)
        for number, condition in enumerate(self._conditions, start=1):
            condition.validate(f"condition {number}")

    def _accumulate(
        self,
        job: CurrentBatchJob,
        rasters: Sequence[Any],
        executor: AbstractExecutor | None,
        checkpoint: str | PathLike | None,
        progress: Progress | None,
    ) -> tuple[float, int]:
        """Add up the rasters of all batches; return the sum of their totals, and the number of windows computed."""
        stored = None if checkpoint is None else BatchCheckpoint(checkpoint, self._manifest(job))
        for raster in rasters:
            initialise_output(raster, self.sources, self.permeability, None)
        total, computed = 0.0, 0
        for batch in iterate_in_order(job, executor or SerialExecutor(), stored, progress):
            total, computed = total + batch.total, computed + batch.windows
            if batch.raster is not None:
                batch_rasters = batch.raster.reshape(-1, *job.tiles.window_shape)
                for raster, batch_raster in zip(rasters, batch_rasters, strict=True):
                    job.tiles.add_window(raster, batch.number, batch_raster)
        if not computed:
            raise ValueError(self._no_window_message())
        return total, computed

    def _no_window_message(self) -> str:
        width = self.blocks.width
        text = f"no window has current: no block of {width} × {width} cells has a source strength and sources around it"
        if self._as_omniscape:
            text += (
                "; as in Omniscape, blocks that extend beyond the raster and blocks whose centre is a barrier are left "
                "out: use smaller blocks, or do not treat edges as Omniscape does"
            )
        return text

    def _output(self, output: Any, *more_inputs: RasterLike) -> Any:
        """Return the raster to write into, validated: it must not be one of the inputs or of the other rasters."""
        output = np.empty(self.windows.shape) if output is None else on_disk(output)
        conditions = [raster for each in self._conditions for raster in (each.present, each.future)]
        inputs = [self.permeability, self.sources.raster, *conditions, *more_inputs]
        validate_output(output, self.windows.shape, inputs)
        return output

    def _manifest(self, job: CurrentBatchJob) -> dict[str, Any]:
        """Return everything that the results depend on."""
        rasters = {"permeability": self.permeability, "sources": self.sources.raster, "weights": job.weights}
        for number, condition in enumerate(self._conditions, start=1):
            rasters |= {f"condition {number}": condition.present, f"condition {number} in the future": condition.future}
        return {
            "inputs": {name: hash_raster(raster) for name, raster in rasters.items() if raster is not None},
            "shape": list(self.windows.shape),
            "batch": list(job.tiles.core),
            "potential": job.potential,
            "respect_to": job.wrt,
            "elasticity": job.elasticity,
            **to_manifest(
                {
                    "radius": self.blocks.radius,
                    "block": self.blocks.width,
                    "buffer": self.blocks.buffer,
                    "pixel_size": self.blocks.pixel_size,
                    "source_threshold": self.sources.threshold,
                    "resistance_cutoff": self.sources.cutoff,
                    "conditions": [(each.comparison, *each.limits) for each in self._conditions],
                    "correct_artifacts": self._correct,
                    "as_omniscape": self._as_omniscape,
                    **self._graph_rules,
                }
            ),
        }


def _divide(current: RasterLike, potential: RasterLike, output: Any) -> None:
    """Write current / potential, NaN where the potential is 0."""
    for strip in row_strips(tuple(current.shape)):
        numerator, denominator = np.asarray(current[strip]), np.asarray(potential[strip])
        positive = denominator > 0
        output[strip] = np.where(positive, numerator / np.where(positive, denominator, 1.0), np.nan)
