"""Movement from cells of origin to one target: its distance map, flow and sensitivity.

For all distances one individual (or one ampere) starts, divided evenly among the cells of origin that can reach the
target, and the measure is the mean of the distance map over these cells:

- least cost: the cost of the cheapest path from each cell to the target;
- resistance: the voltage of each cell above the target while the ampere flows. With one origin it is the effective
  resistance between origin and target;
- randomized shortest paths: the expected cost of the paths from each cell (see `randomized`).
"""

import abc
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from ..linalg import WarmSolution
from ..shortest_paths import backpropagate, dijkstra_search, mark_ties, stencil_offsets, validate_costs
from .edge_kernels import (
    add_derivatives_of_cells,
    add_flow_through_cells,
    currents,
    derivatives_of_cost,
    derivatives_of_power,
)
from .landscape import Landscape

#: Relative residual of potentials that are shown, whose errors are then far below a grey level of the picture. The
#: mean, a dissipated power, has about twice as many digits.
TOLERANCE = 5e-5

#: Relative residual of potentials whose differences are shown.
CHANGE_TOLERANCE = 1e-7


class Origins(NamedTuple):
    """The cells of origin that can reach the target, other than the target.

    Attributes
    ----------
    weights
        Share of each cell; their sum is 1 unless there is no such cell.
    count, unreached
        Number of cells of origin that can reach the target and that cannot.
    """

    weights: Float[np.ndarray, "rows columns"]
    count: int
    unreached: int


def origins_of(
    reached: Bool[np.ndarray, "rows columns"],
    active: Bool[np.ndarray, "rows columns"],
    target: int,
    cells: Int[np.ndarray, " n"] | None,
) -> Origins:
    """Return the cells where movement to a target starts, with their weights.

    Parameters
    ----------
    reached
        Whether each cell can reach the target.
    active
        Whether each cell is passable.
    target
        Flat raster index of the target.
    cells
        Flat raster indices of the cells of origin; None for all cells.
    """
    starts = np.array(active) if cells is None else np.zeros(active.shape, bool)
    if cells is not None:
        starts.reshape(-1)[cells] = True
    starts.reshape(-1)[target] = False
    unreached = int(np.count_nonzero(starts & ~reached))
    starts &= reached
    count = int(np.count_nonzero(starts))
    return Origins(starts / max(count, 1), count, unreached)


class Movement(abc.ABC):
    """Movement to a target.

    Attributes
    ----------
    distance
        Distance map; infinite where the target cannot be reached.
    origins
        Where movement starts.
    """

    distance: Float[np.ndarray, "rows columns"]
    origins: Origins

    @property
    def mean(self) -> float:
        """Mean distance of the cells of origin; NaN if none can reach the target."""
        if not self.origins.count:
            return float("nan")
        reached = np.where(self.origins.weights > 0, self.distance, 0.0)
        return float(np.einsum("ij,ij->", self.origins.weights, reached))

    @property
    @abc.abstractmethod
    def flow(self) -> Float[np.ndarray, "rows columns"]:
        """Flow through each cell: in ampere, or as a share of the individuals."""

    @property
    @abc.abstractmethod
    def gradient(self) -> Float[np.ndarray, "rows columns"]:
        """Derivative of the mean by the permeability of each cell."""


class _EdgeMovement(Movement):
    """Movement along edges, whose flows and derivatives by conductance give those of the cells."""

    def __init__(self, landscape: Landscape, target: int):
        self.landscape, self.target = landscape, target

    @property
    @abc.abstractmethod
    def _edge_flows(self) -> np.ndarray:
        """Flow along each edge."""

    @property
    @abc.abstractmethod
    def _edge_derivatives(self) -> np.ndarray:
        """Derivative of the mean by the conductance of each edge."""

    @cached_property
    def flow(self) -> Float[np.ndarray, "rows columns"]:
        """Half of the sum of the flows along the edges of each cell and of the flow that starts or ends there."""
        # Flow through a cell passes two of its edges; flow that starts or ends there, only one.
        flow = self.origins.weights / 2
        flow.reshape(-1)[self.target] = 0.5 if self.origins.count else 0.0
        add_flow_through_cells(self._edge_flows, self.landscape.offsets, flow)
        return flow

    @cached_property
    def gradient(self) -> Float[np.ndarray, "rows columns"]:
        """Derivative of the mean by the permeability of each cell."""
        landscape, gradient = self.landscape, np.zeros(self.landscape.shape)
        args = (landscape.permeability, landscape.rule, landscape.lengths, landscape.offsets)
        add_derivatives_of_cells(*args, self._edge_derivatives, gradient)
        return gradient


class LeastCostMovement(_EdgeMovement):
    """Movement along the least-cost paths to a target, by one search from the target.

    Parameters
    ----------
    landscape
        The landscape. It must not change before all results have been computed.
    target
        Flat raster index of the target.
    cells
        Flat raster indices of the cells of origin; None for all.
    """

    def __init__(self, landscape: Landscape, target: int, cells: Int[np.ndarray, " n"] | None = None):
        super().__init__(landscape, target)
        shape, costs = landscape.shape, validate_costs(landscape.costs)
        self._offsets = stencil_offsets(landscape.costs.shape, reverse=True, undirected=True)
        start = (np.array([target]), np.zeros(1))
        self._forest = dijkstra_search(costs, self._offsets, landscape.permeability.size, [start])
        self.distance = self._forest.distance[0].reshape(shape)
        self.origins = origins_of(np.isfinite(self.distance), landscape.active, target, cells)

    @cached_property
    def _edge_flows(self) -> np.ndarray:
        landscape, forest = self.landscape, self._forest
        last_step = forest.last_step[0].copy()
        mark_ties(validate_costs(landscape.costs), *self._offsets, forest.distance[0], last_step)
        flows = np.zeros(landscape.costs.shape)
        weights = self.origins.weights.reshape(-1)
        backpropagate(*self._offsets, last_step, forest.order[0], weights, flows.reshape(-1))
        return flows

    @property
    def _edge_derivatives(self) -> np.ndarray:
        derivatives = np.empty_like(self.landscape.costs)
        args = (self.landscape.costs, self._edge_flows, float(self.landscape.factor))
        derivatives_of_cost(*args, derivatives)
        return derivatives


class CurrentMovement(_EdgeMovement):
    """Electric current to a target, by one linear system.

    Parameters
    ----------
    landscape, target, cells
        As for `LeastCostMovement`.
    guess
        Initial guess of the potentials, such as those before a change.
    tolerance
        Largest relative residual of the potentials.
    """

    def __init__(
        self,
        landscape: Landscape,
        target: int,
        cells: Int[np.ndarray, " n"] | None = None,
        guess: Float[np.ndarray, "rows columns"] | None = None,
        tolerance: float = TOLERANCE,
    ):
        super().__init__(landscape, target)
        components = landscape.components
        reached = components == components.reshape(-1)[target]
        self.origins = origins_of(reached, landscape.active, target, cells)
        injected = self.origins.weights.copy()
        injected.reshape(-1)[target] = -1.0 if self.origins.count else 0.0
        #: How the potentials were computed.
        self.solution: WarmSolution = landscape.solver.solve(injected, guess, tolerance=tolerance)
        self.potentials = self.solution.x
        self.distance = np.where(reached, self.potentials - self.potentials.reshape(-1)[target], np.inf)

    @property
    def mean(self) -> float:
        """Mean voltage of the cells of origin, which is the dissipated power; NaN if none can reach the target."""
        return self.solution.power if self.origins.count else float("nan")

    @cached_property
    def _edge_flows(self) -> np.ndarray:
        flows = np.empty_like(self.landscape.costs)
        currents(self.landscape.edges, self.landscape.offsets, self.potentials, flows)
        return flows

    @property
    def _edge_derivatives(self) -> np.ndarray:
        derivatives = np.empty_like(self.landscape.costs)
        derivatives_of_power(self.landscape.edges, self.landscape.offsets, self.potentials, derivatives)
        return derivatives
