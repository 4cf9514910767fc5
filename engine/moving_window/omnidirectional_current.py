"""Where movement in all directions goes, in landscapes of any size: currents in moving windows (Omniscape's method)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np

from ..graph.grid_graph import EdgeRule
from ..hashable_function import HashableFunction
from ..linalg.stencil_matrix import neighbour_offsets
from ..storage.fingerprint import hash_raster, row_strips, to_manifest
from ..storage.npy_raster import on_disk, raster_of
from ..storage.raster_like import RasterLike
from .batch_checkpoint import BatchCheckpoint
from .current_batch import CurrentBatchJob
from .dispatch.base import AbstractExecutor, SerialExecutor
from .ordered_batches import Progress, iterate_in_order
from .source_strengths import Condition, SourceStrengths, check_shapes
from .target_blocks import TargetBlocks
from .tiling import tile_of_blocks
from .validation import initialise_output, validate_landscape, validate_output
from .window_operation import WindowOperation

MAPS = ("current", "flow_potential", "normalized_current")
CURRENT_WRT = ("permeability", "resistance", "sources")


@dataclass(frozen=True)
class MovingWindowCurrentResult:
    """Currents of all windows together.

    Attributes
    ----------
    maps
        By name, (rows, columns), NaN where a cell is no vertex: "current", the cumulative current in ampere;
        "flow_potential", what it would be if nothing resisted; "normalized_current", the one divided by the other, NaN
        where neither is.
    total
        Current that arrives at all targets together, in ampere.
    windows, skipped
        How many windows were computed, and how many have no source at their target.
    """

    maps: Mapping[str, Any]
    total: float
    windows: int
    skipped: int


@dataclass(frozen=True)
class CurrentSensitivity:
    """A weighted sum of cumulative current and its derivative.

    Attributes
    ----------
    total
        Σ weights · current.
    raster
        Its derivative by every cell, or x times that; NaN where a cell is no vertex.
    windows, skipped
        As for `MovingWindowCurrentResult`.
    """

    total: float
    raster: Any
    windows: int
    skipped: int


class MovingWindowCurrent:
    """Omnidirectional current: every source is connected with every target within a radius.

    The raster is cut into blocks of cells. The centre of each block is a target: it is grounded, and a current as large
    as the sum of the block's source strengths is fed into the sources within the radius, each with a share as large as
    its strength. The currents of all windows are added up.

    Parameters
    ----------
    permeability
        Conductance of the cells, 0 or NaN for barriers: anything with rows and columns that can be sliced.
    radius
        How far sources lie from their target, in the unit of `pixel_size`.
    block
        Cells of a block, each way; odd.
    buffer
        How much further current may stray, likewise.
    sources
        Strength of each cell as a source and as a target, 0 or more, NaN for none; the permeability if left out.
    source_threshold
        Strengths in `sources` that are lower are none.
    resistance_cutoff
        Without `sources`: cells of a higher resistance are no sources.
    conditions
        What a source must share with its target.
    correct_artifacts
        Whether currents are corrected for the concentration of a block's current at its centre.
    as_omniscape
        Whether windows at the edge are those of Omniscape 0.6.2, see the notes.
    neighbors, edge_rule, pixel_size
        As for `GridGraph`.
    batch
        About how many windows are computed together; chosen from their size if left out.

    Raises
    ------
    ValueError
        Rasters of different sizes, an even block, a radius that does not reach beyond a block; on running, values that
        are no permeability or no strength, no source at all, an edge rule with a direction.

    Notes
    -----
    With `as_omniscape`, as in version 0.6.2: near the upper and left edge the sources that are left out, lest a block
    be connected with itself, are not those of the block but lie below and right of it; blocks that reach beyond the
    raster are no targets; nor are those whose centre is a barrier; and sources on barriers take a share of the current,
    which is lost. Otherwise a block's own sources are left out everywhere, every block with a source is a target at the
    vertex nearest to its centre, and sources are vertices.

    References
    ----------
    McRae, B. H. et al. (2016). Conserving nature's stage: mapping omnidirectional connectivity for resilient
    terrestrial landscapes in the Pacific Northwest. The Nature Conservancy, Portland.
    Landau, V. A. et al. (2021). Omniscape.jl: Software to compute omnidirectional landscape connectivity. Journal of
    Open Source Software 6 (57), 2829.

    Examples
    --------
    >>> row = MovingWindowCurrent(
    ...     permeability=np.ones((1, 3)), radius=1.0, sources=np.array([[0.0, 1.0, 1.0]]), as_omniscape=False
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
        as_omniscape: bool = True,
        neighbors: str = "queen",
        edge_rule: EdgeRule = "mean",
        pixel_size: tuple[float | int, float | int] = (1.0, 1.0),
        batch: int | None = None,
    ):
        self.permeability = on_disk(raster_of(permeability, "permeability"))
        shape = tuple(self.permeability.shape)
        given = None if sources is None else on_disk(raster_of(sources, "sources"))
        check_shapes(shape, given, conditions)
        if not resistance_cutoff > 0:
            raise ValueError(f"resistance_cutoff must be positive, not {resistance_cutoff!r}")
        if not 0 <= source_threshold < np.inf:
            raise ValueError(f"source_threshold must be 0 or more, not {source_threshold!r}")
        anywhere = as_omniscape and given is not None
        self.sources = SourceStrengths(
            self.permeability, given, float(source_threshold), float(resistance_cutoff), anywhere
        )
        size = (float(pixel_size[0]), float(pixel_size[1]))
        self.blocks = TargetBlocks(block, float(radius), float(buffer), size)
        self.windows = WindowOperation(shape, block, self.blocks.reach)
        self._conditions = tuple(conditions)
        self._correct, self._as_omniscape = bool(correct_artifacts), bool(as_omniscape)
        self._rules = {
            "neighbors": neighbors,
            "edge_rule": HashableFunction(edge_rule) if callable(edge_rule) else edge_rule,
        }
        self._batch = batch

    def run(
        self,
        *,
        flow_potential: bool = False,
        normalized: bool = False,
        outputs: Mapping[str, Any] | None = None,
        dispatch: AbstractExecutor | None = None,
        checkpoint: str | PathLike | None = None,
        progress: Progress | None = None,
    ) -> MovingWindowCurrentResult:
        """Compute the maps.

        Parameters
        ----------
        flow_potential, normalized
            Which maps to return besides the cumulative current.
        outputs
            Rasters to write into, in memory or on disk, by the names of the maps; new arrays where left out.
        dispatch
            Who computes: this process, if left out, or a cluster.
        checkpoint
            Folder to keep finished batches in, and to take those of an earlier run from.
        progress
            Called after every batch with the batches done, of how many, and the seconds left (None if unknown).
        """
        wanted = [name for name, yes in zip(MAPS, (True, flow_potential, normalized), strict=True) if yes]
        analysis = self._analysis(potential=len(wanted) > 1)
        self._check()
        maps = {}
        for name in wanted:
            given = (outputs or {}).get(name)
            maps[name] = self._output(given)
        # The flow potential is added up where the normalized current will be, if nobody wants it for itself.
        targets = [maps[name] for name in wanted[:2]]
        total, computed = self._add_up(analysis, targets, dispatch, checkpoint, progress)
        if not total > 0:
            why = "every way is barred" + (", or no source suits its target" if self._conditions else "")
            raise ValueError(f"no current arrives at any target: {why}")
        if normalized:
            _divide(maps["current"], targets[1], maps["normalized_current"])
        return MovingWindowCurrentResult(maps, total, computed, self.windows.count - computed)

    def gradient(
        self,
        weights: RasterLike,
        respect_to: str = "permeability",
        output: Any = None,
        *,
        elasticity: bool = False,
        dispatch: AbstractExecutor | None = None,
        checkpoint: str | PathLike | None = None,
        progress: Progress | None = None,
    ) -> CurrentSensitivity:
        """Differentiate a weighted sum of the cumulative current: one more solve for every window.

        Parameters
        ----------
        weights
            Of each cell's current, NaN for none: with 1 in a place of interest and 0 elsewhere, the derivative says on
            what the current there depends.
        respect_to
            "permeability" p; "resistance" r = 1/p; or "sources", their strengths. Without a raster of sources the
            strengths change with the permeability, and the derivative follows. 0 for cells that are no source.
        output
            Raster to write into, in memory or on disk; a new array if left out.
        elasticity
            Whether to multiply with the cell's own value, x ∂C/∂x: the gain per relative change.
        dispatch, checkpoint, progress
            As for `run`.

        Raises
        ------
        ValueError
            An unknown `respect_to`, weights of another size.

        Notes
        -----
        A current along an edge that no current flows along has no derivative by the edge's ends; 0 is taken.
        """
        if respect_to not in CURRENT_WRT:
            raise ValueError(f"respect_to must be one of {', '.join(CURRENT_WRT)}, not {respect_to!r}")
        weights = on_disk(raster_of(weights, "weights"))
        if tuple(weights.shape) != self.windows.shape:
            raise ValueError(f"weights have {tuple(weights.shape)} cells, the landscape {self.windows.shape}")
        analysis = self._analysis(weights=weights, respect_to=respect_to, elasticity=bool(elasticity))
        self._check()
        output = self._output(output, weights)
        total, computed = self._add_up(analysis, [output], dispatch, checkpoint, progress)
        return CurrentSensitivity(total, output, computed, self.windows.count - computed)

    def summary(self) -> str:
        """Say how many windows there are, and how large they are."""
        (rows, columns), (down, across) = self.windows.layout, self.blocks.reach
        return (
            f"{self.windows.count:,} targets ({rows:,} × {columns:,}), one for each block of {self.blocks.width} × "
            f"{self.blocks.width} cells, in windows of {2 * down + 1} × {2 * across + 1} cells"
        )

    def _analysis(
        self,
        *,
        potential: bool = False,
        weights: RasterLike | None = None,
        respect_to: str | None = None,
        elasticity: bool = False,
    ) -> CurrentBatchJob:
        directions = {"rook": 4, "queen": 8}.get(self._rules["neighbors"])
        if directions is None:
            raise ValueError(f'neighbors must be "queen" or "rook", not {self._rules["neighbors"]!r}')
        steps = np.array(neighbour_offsets(directions))
        lengths = np.hypot(*(steps * self.blocks.pixel_size).T)
        shape = self.blocks.sources().shape
        correction = self.blocks.correction(steps, lengths) if self._correct else np.ones(shape)
        tiles = self.windows.grouped(tile_of_blocks(self.windows, self._batch, on_host=True))
        return CurrentBatchJob(
            self.permeability,
            self.sources,
            self._conditions,
            self.blocks,
            tiles,
            correction,
            self._as_omniscape,
            self._rules["neighbors"],
            self._rules["edge_rule"],
            potential,
            weights,
            respect_to,
            elasticity,
        )

    def _check(self) -> None:
        self.sources.check()
        validate_landscape(self.sources, self.permeability, None)
        for number, condition in enumerate(self._conditions, start=1):
            condition.check(f"condition {number}")

    def _add_up(
        self,
        analysis: CurrentBatchJob,
        rasters: Sequence[Any],
        dispatch: AbstractExecutor | None,
        checkpoint: str | PathLike | None,
        progress: Progress | None,
    ) -> tuple[float, int]:
        """Add up the rasters of all batches; return the sum of their numbers, and how many windows were computed."""
        kept = None if checkpoint is None else BatchCheckpoint(checkpoint, self._content(analysis))
        for raster in rasters:
            initialise_output(raster, self.sources, self.permeability, None)
        total, computed = 0.0, 0
        for batch in iterate_in_order(analysis, dispatch or SerialExecutor(), kept, progress):
            total, computed = total + batch.total, computed + batch.windows
            if batch.raster is not None:
                parts = batch.raster.reshape(-1, *analysis.tiles.window_shape)
                for raster, part in zip(rasters, parts, strict=True):
                    analysis.tiles.add_window(raster, batch.number, part)
        if not computed:
            raise ValueError(self._why_nothing())
        return total, computed

    def _why_nothing(self) -> str:
        """Say why no window was computed: a map of zeros would say nothing."""
        width = self.blocks.width
        text = f"no window has current: no block of {width} × {width} cells has a source strength and others around"
        if self._as_omniscape:
            text += (
                "; as in Omniscape, blocks that reach beyond the raster and blocks whose centre is a barrier are left "
                "out: take smaller blocks, or do without these rules"
            )
        return text

    def _output(self, given: Any, *more: RasterLike) -> Any:
        output = np.empty(self.windows.shape) if given is None else on_disk(given)
        conditions = [raster for each in self._conditions for raster in (each.present, each.future)]
        validate_output(output, self.windows.shape, [self.permeability, self.sources.given, *conditions, *more])
        return output

    def _content(self, analysis: CurrentBatchJob) -> dict[str, Any]:
        """Return all that the results depend on."""
        rasters = {"permeability": self.permeability, "sources": self.sources.given, "weights": analysis.weights}
        for number, condition in enumerate(self._conditions, start=1):
            rasters |= {f"condition {number}": condition.present, f"condition {number} in the future": condition.future}
        return {
            "inputs": {name: hash_raster(raster) for name, raster in rasters.items() if raster is not None},
            "shape": list(self.windows.shape),
            "batch": list(analysis.tiles.core),
            "potential": analysis.potential,
            "respect_to": analysis.respect_to,
            "elasticity": analysis.elasticity,
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
                    **self._rules,
                }
            ),
        }


def _divide(current: RasterLike, potential: RasterLike, output: Any) -> None:
    """Write current / potential, NaN where no window reaches."""
    for place in row_strips(tuple(current.shape)):
        own, least = np.asarray(current[place]), np.asarray(potential[place])
        output[place] = np.where(least > 0, own / np.where(least > 0, least, 1.0), np.nan)
