"""Movement along randomized shortest paths to one target."""

from functools import cached_property

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..connectivity import MeanPathLength, conditioned_walk, expected_passage, sensitivity
from ..distances import RSPDistance, edge_costs
from ..graph import GridGraph
from ..linalg import AbstractLinearSolver
from .landscape import Landscape
from .movement import Movement, origins_of


class RandomizedMovement(Movement):
    """Movement along randomized shortest paths to a target.

    Parameters
    ----------
    landscape, target, cells
        As for `movement.LeastCostMovement`.
    theta
        Inverse temperature θ.
    """

    def __init__(self, landscape: Landscape, target: int, theta: float, cells: Int[np.ndarray, " n"] | None = None):
        self._target, self._cells, self._distance = target, cells, RSPDistance(theta)
        height, width = landscape.pixel_size
        pixel_size = (height * landscape.factor, width * landscape.factor)
        neighbors = "queen" if landscape.directions == 8 else "rook"
        self._grid = GridGraph(
            landscape.permeability, neighbors=neighbors, edge_rule=landscape.edge_rule, pixel_size=pixel_size
        )
        self.distance = np.full(landscape.shape, np.inf)
        # Before painting, the target may have been a barrier, which is no vertex.
        if landscape.active.reshape(-1)[target]:
            vertex = self._vertices(np.array([target]))
            to_target = np.asarray(self._distance(self._grid, None, vertex))[:, 0]
            self.distance.reshape(-1)[np.asarray(self._grid.cells)] = to_target
        self.origins = origins_of(np.isfinite(self.distance), landscape.active, target, cells)

    @cached_property
    def flow(self) -> Float[np.ndarray, "rows columns"]:
        """Net passages through each cell: opposite steps along an edge cancel."""
        if not self.origins.count:
            return np.zeros(self.distance.shape)
        grid, distance = self._grid, self._distance
        costs = edge_costs(grid, distance.cost, fill=0.0)
        target = jnp.array(self._target)
        return np.asarray(
            _net_passage(distance, distance.solver_for(grid), grid.edges, costs, target, self.origins.weights)
        )

    @cached_property
    def gradient(self) -> Float[np.ndarray, "rows columns"]:
        """Derivative of the mean by the permeability of each cell."""
        if not self.origins.count:
            return np.zeros(self.distance.shape)
        sources = None if self._cells is None else self._vertices(self._cells)
        measure = MeanPathLength(self._distance)
        raster = sensitivity(measure, self._grid, sources, self._vertices(np.array([self._target]))).raster
        return np.where(np.isfinite(raster), raster, 0.0)

    def _vertices(self, cells: np.ndarray) -> np.ndarray:
        return np.asarray(self._grid.vertex_numbers).ravel()[cells]


@eqx.filter_jit
def _net_passage(
    distance: RSPDistance,
    solver: AbstractLinearSolver,
    conductances: Float[Array, "directions rows columns"],
    costs: Float[Array, "directions rows columns"],
    target: Int[Array, ""],
    starts: Float[Array, "rows columns"],
) -> Float[Array, "rows columns"]:
    """Return the net passages through each cell."""
    walk = conditioned_walk(distance, solver, conductances, costs, target)
    return expected_passage(walk, starts, target, "net").cells
