"""All that arrives at one target, computed on the host from conductances and costs."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ..linalg.krylov.cpu.fgmres import KrylovWorkspace, PaddedStencil, solve
from ..linalg.nonsymmetric_multigrid.coarsening_kernels import UNORDERED
from ..linalg.nonsymmetric_multigrid.hierarchy import VCycle
from ..linalg.nonsymmetric_multigrid.setup_kernels import cost_rhs, scaled_weights
from ..linalg.solver_stats import log_solve
from ..parallel.numba_jit import parallel_starmap
from .newton_scaling import newton_log_scaling
from .transition_data import TransitionData

NAME = "multigrid of walks"

Raster = Float[np.ndarray, "rows columns"]


class HittingResult(NamedTuple):
    """What arrives from every cell; see `arrival.Arrived`. It is not to be used unless it has succeeded."""

    potential: Raster
    scaled: Raster
    spent: Raster
    succeeded: bool


def solve_hitting_cpu(
    terrain: TransitionData, theta: float, target: int, *, spent: bool, tolerance: float, iterations: int
) -> HittingResult:
    """Compute what arrives at one target.

    Parameters
    ----------
    terrain, theta, target
        As in `newton_log_scaling`.
    spent
        Whether costs are wanted, too.
    tolerance, iterations
        As in `WalkMultigrid`.
    """
    room = KrylovWorkspace.on(terrain.frame)
    settled = newton_log_scaling(terrain, theta, target, room.basis)
    frame, _, costs, places, ends, offsets, numbers = terrain
    potential = frame.inside(settled.potential)
    if settled.hierarchy is None:
        return HittingResult(potential, potential, potential, False)
    edges, place = np.empty((len(places), terrain.cells)), terrain.place(target)
    given = (settled.logarithms, offsets, numbers, place, settled.potential, edges, frame.width)
    parallel_starmap(scaled_weights, [(*given, *band) for band in frame.bands])
    matrix = PaddedStencil(frame, np.ones(terrain.cells), edges, offsets, settled.factor)
    by = (matrix, VCycle(settled.hierarchy), room)
    b, scaled = np.zeros(terrain.cells), np.zeros(frame.size)
    b[target] = 1
    # In the scale of its potential what arrives is about the same everywhere.
    frame.inside(scaled)[:] = settled.rank < UNORDERED
    scaled[place] = 1
    found = [solve(*by, b, scaled, tolerance, iterations)]
    if spent and found[0].succeeded:
        given = (edges, costs, places, ends, offsets, found[0].x, b, frame.width)
        parallel_starmap(cost_rhs, [(*given, *band) for band in frame.bands])
        found.append(solve(*by, b, np.zeros(frame.size), tolerance, iterations))
    for each in found:
        log_solve(NAME, 1, each.iterations, each.defect)
    rasters = [frame.inside(each.x) for each in found]
    return HittingResult(potential, rasters[0], rasters[-1], found[-1].succeeded)
