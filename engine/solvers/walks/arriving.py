"""All that arrives at one target, computed on the host from conductances and costs."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ...compiled import on_all_cores
from ..journal import note
from .hierarchy import Cycle
from .minimal_residual import Matrix, Room, solve
from .settling import settle
from .taking_in import scale_weights, spend
from .terrain import Terrain
from .thinning import NOWHERE

NAME = "multigrid of walks"

Raster = Float[np.ndarray, "rows columns"]


class Arrived(NamedTuple):
    """What arrives from every cell; see `arrival.Arrived`. It is not to be used unless it has succeeded."""

    potential: Raster
    scaled: Raster
    spent: Raster
    succeeded: bool


def arrive(terrain: Terrain, theta: float, target: int, *, spent: bool, tolerance: float, iterations: int) -> Arrived:
    """Compute what arrives at one target.

    Parameters
    ----------
    terrain, theta, target
        As in `settle`.
    spent
        Whether costs are wanted, too.
    tolerance, iterations
        As in `WalkMultigrid`.
    """
    room = Room.on(terrain.frame)
    settled = settle(terrain, theta, target, room.basis)
    frame, _, costs, places, ends, offsets, numbers = terrain
    potential = frame.inside(settled.potential)
    if settled.hierarchy is None:
        return Arrived(potential, potential, potential, False)
    edges, place = np.empty((len(places), terrain.cells)), terrain.place(target)
    given = (settled.logarithms, offsets, numbers, place, settled.potential, edges, frame.width)
    on_all_cores(scale_weights, [(*given, *band) for band in frame.bands])
    matrix = Matrix(frame, np.ones(terrain.cells), edges, offsets, settled.factor)
    by = (matrix, Cycle(settled.hierarchy), room)
    b, scaled = np.zeros(terrain.cells), np.zeros(frame.size)
    b[target] = 1
    # In the scale of its potential what arrives is about the same everywhere.
    frame.inside(scaled)[:] = settled.rank < NOWHERE
    scaled[place] = 1
    found = [solve(*by, b, scaled, tolerance, iterations)]
    if spent and found[0].succeeded:
        given = (edges, costs, places, ends, offsets, found[0].x, b, frame.width)
        on_all_cores(spend, [(*given, *band) for band in frame.bands])
        found.append(solve(*by, b, np.zeros(frame.size), tolerance, iterations))
    for each in found:
        note(NAME, 1, each.iterations, each.defect)
    rasters = [frame.inside(each.x) for each in found]
    return Arrived(potential, rasters[0], rasters[-1], found[-1].succeeded)
