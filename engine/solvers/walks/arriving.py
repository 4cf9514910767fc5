"""All that arrives at one target, computed on the host from conductances and costs."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ...compiled import on_all_cores
from ...stencil import steps_of
from ..journal import note
from ..multigrid.framed import Frame
from .hierarchy import Cycle
from .minimal_residual import Matrix, Room, solve
from .settling import settle
from .taking_in import scale_weights, spend
from .thinning import NOWHERE

NAME = "multigrid of walks"

Raster = Float[np.ndarray, "rows columns"]


class Arrived(NamedTuple):
    """What arrives from every cell; see `arrival.Arrived`. It is not to be used unless it has succeeded."""

    potential: Raster
    scaled: Raster
    spent: Raster
    succeeded: bool


def arrive(
    conductances: Float[np.ndarray, "directions rows columns"],
    costs: Float[np.ndarray, "directions rows columns"],
    theta: float,
    target: int,
    *,
    spent: bool,
    tolerance: float,
    iterations: int,
) -> Arrived:
    """Compute what arrives at one target.

    Parameters
    ----------
    conductances, costs
        Of every step; 0 where there is none.
    theta
        θ.
    target
        Flat raster index.
    spent
        Whether costs are wanted, too.
    tolerance, iterations
        As in `WalkMultigrid`.
    """
    directions, rows, columns = conductances.shape
    settled = settle(conductances, costs, theta, target)
    nothing = np.zeros((rows, columns))
    if settled.hierarchy is None:
        return Arrived(settled.potential, nothing, nothing, False)
    frame = Frame(rows, columns)
    offsets = np.array([down * frame.width + right for down, right in steps_of(directions)])
    numbers = np.arange(8) if directions == 8 else np.array([1, 3, 4, 6])
    potential, edges = np.full(frame.size, np.inf), np.empty((directions, rows * columns))
    frame.inside(potential)[:] = settled.potential
    place = target + frame.width + 1 + target // columns
    given = (settled.logarithms, offsets, numbers, place, potential, edges, frame.width)
    on_all_cores(scale_weights, [(*given, *band) for band in frame.bands])
    matrix = Matrix(frame, np.ones(rows * columns), edges, offsets, settled.factor)
    by = (matrix, Cycle(settled.hierarchy), Room.on(frame))

    b, scaled = np.zeros(rows * columns), np.zeros(frame.size)
    b[target] = 1
    # In the scale of its potential what arrives is about the same everywhere.
    frame.inside(scaled)[:] = settled.rank < NOWHERE
    scaled[place] = 1
    found = [solve(*by, b, scaled, tolerance, iterations)]
    if spent and found[0].succeeded:
        flat_costs = np.ascontiguousarray(costs, float).reshape(directions, -1)
        given = (edges, flat_costs, offsets, found[0].x, b, frame.width)
        on_all_cores(spend, [(*given, *band) for band in frame.bands])
        found.append(solve(*by, b, np.zeros(frame.size), tolerance, iterations))
    for each in found:
        note(NAME, 1, each.iterations, each.defect)
    rasters = [frame.inside(each.x) for each in found]
    return Arrived(settled.potential, rasters[0], rasters[-1], found[-1].succeeded)
