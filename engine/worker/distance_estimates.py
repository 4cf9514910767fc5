"""Memory and time of the tasks that accept any distance, by the kind of computation that a distance takes.

The registry names the kind of each distance (`DistanceEntry.estimate`): searches for cheapest paths, symmetric or
nonsymmetric linear systems, or a closed form. A new distance of a known kind needs nothing here.
"""

import abc
from typing import ClassVar

from ..counts import count_of
from ..linalg import predicted_factor_bytes, select_solver
from ..moving_window import WindowOperation
from ..parallel import cpu_count
from .machine_speed import speed_factors
from .resource_estimates import (
    BASE_BYTES,
    START_SECONDS,
    WINDOW_BYTES_PER_CELL,
    WINDOW_GRADIENT_BYTES_PER_CELL,
    randomized_paths,
    resistance_map,
    shortest_paths,
    symmetric_solves,
)
from .task import ResourceEstimate

#: Bytes of each thread for each entry of the dense blocks of a window.
WINDOW_BLOCK_BYTES = 60

#: Seconds of one core for each cell and target of a closed form.
CLOSED_FORM_SECONDS = 1e-8

#: Seconds for the exact gain of a cell by resistance, and number of cells that share one factorization.
GAIN_SECONDS, GAIN_CELLS_PER_FACTOR = 3e-4, 166

#: Seconds for each cell, times the cells of its disc, times the focal nodes.
DISC_SECONDS = 1e-7


class AbstractDistanceEstimate(abc.ABC):
    """Estimates for one kind of computation.

    Attributes
    ----------
    window_seconds
        Seconds of one core for a unit of `window_work`.
    dense_arithmetic
        Whether the time of windows scales with the dense benchmark of `machine_speed`; else with the sparse one.
    batched_windows
        Whether CPU kernels compute the windows of a batch in parallel.
    """

    window_seconds: ClassVar[float]
    dense_arithmetic: ClassVar[bool] = False
    batched_windows: ClassVar[bool] = False

    @abc.abstractmethod
    def matrix(self, shape: tuple[int, int], nodes: int, targets: int | None) -> ResourceEstimate:
        """Estimate the distances between nodes, or from them to targets."""

    @abc.abstractmethod
    def maps(self, shape: tuple[int, int], targets: int, batch: int) -> ResourceEstimate:
        """Estimate the distances from every cell to targets, a batch of targets at a time."""

    @abc.abstractmethod
    def gradient(self, shape: tuple[int, int], targets: int, right_hand_sides: int, batch: int = 1) -> ResourceEstimate:
        """Estimate distances to targets with their gradient.

        Parameters
        ----------
        shape
            (rows, columns) of the landscape.
        targets
            Number of targets, for distances computed target by target.
        right_hand_sides
            Number of right-hand sides, for distances solved for all nodes at once.
        batch
            Number of targets at a time.
        """

    def restoration(
        self, shape: tuple[int, int], nodes: int, cells_of_nodes: int, cells_of_disc: int | float
    ) -> ResourceEstimate:
        """Estimate the exact gains of restoring each cell, or a disc around it."""
        cells = shape[0] * shape[1]
        searches = shortest_paths(cells, 2 * nodes, 2 * nodes + 40)
        return ResourceEstimate(searches.bytes, searches.seconds + DISC_SECONDS * cells * cells_of_disc * nodes)

    def windows(self, all_windows: WindowOperation, tiles: WindowOperation, *, gradient: bool) -> ResourceEstimate:
        """Estimate the windows of a landscape, of which one batch is in memory."""
        height, width = all_windows.window_shape
        in_batch = (tiles.core[0] // all_windows.core[0]) * (tiles.core[1] // all_windows.core[1])
        window_bytes, tile_bytes = WINDOW_GRADIENT_BYTES_PER_CELL if gradient else WINDOW_BYTES_PER_CELL
        nbytes = in_batch * height * width * window_bytes + tiles.window_shape[0] * tiles.window_shape[1] * tile_bytes
        nbytes += self.window_workspace(height, width, in_batch)
        seconds = self.window_seconds * self.window_work(height, width) * (1.0 if gradient else 0.7)
        slower = speed_factors()[0 if self.dense_arithmetic else 1]
        threads = cpu_count() if self.batched_windows else 1
        return ResourceEstimate(
            BASE_BYTES + int(nbytes), START_SECONDS + slower * seconds * all_windows.count / threads
        )

    def window_work(self, height: int, width: int) -> int | float:
        """Work in a window, in the unit of `window_seconds`: its cells."""
        return height * width

    def window_workspace(self, height: int, width: int, in_batch: int) -> int:
        """Bytes of workspace in addition to the arrays of the batch."""
        return 0

    def solver_message(self, shape: tuple[int, int], nodes: int) -> str | None:
        """Return the solver of the distances between nodes, with the reason for its choice; None without a solver."""
        return None

    def map_message(self, shape: tuple[int, int]) -> str | None:
        """Return the solver of the distances from every cell, with the reason for its choice; None without a solver."""
        return None


class ShortestPathEstimate(AbstractDistanceEstimate):
    """A search for cheapest paths from each node."""

    window_seconds = 9e-8
    batched_windows = True

    def matrix(self, shape, nodes, targets):
        """One search for each node, or for each target if those are fewer."""
        return shortest_paths(shape[0] * shape[1], nodes if targets is None else min(nodes, targets), is_map=False)

    def maps(self, shape, targets, batch):
        """One search for each target."""
        return shortest_paths(shape[0] * shape[1], targets, min(targets, batch))

    def gradient(self, shape, targets, right_hand_sides, batch=1):
        """One search for each target, and the flow along its tree."""
        return shortest_paths(shape[0] * shape[1], targets, min(targets, batch), gradient=True)


class ClosedFormEstimate(AbstractDistanceEstimate):
    """A formula of the two cells."""

    window_seconds = CLOSED_FORM_SECONDS

    def matrix(self, shape, nodes, targets):
        """The landscape alone."""
        return shortest_paths(shape[0] * shape[1], 0)

    def maps(self, shape, targets, batch):
        """A batch of rasters."""
        return shortest_paths(shape[0] * shape[1], 0, min(targets, batch))

    def gradient(self, shape, targets, right_hand_sides, batch=1):
        """A batch of rasters."""
        return self.maps(shape, targets, batch)


class SymmetricSolveEstimate(AbstractDistanceEstimate):
    """Symmetric linear systems with one matrix for all nodes."""

    window_seconds = 1.1e-9
    dense_arithmetic = True
    batched_windows = True

    def matrix(self, shape, nodes, targets):
        """One right-hand side for each node but one."""
        nodes += targets or 0
        solves = symmetric_solves(shape, max(nodes - 1, 1))
        return ResourceEstimate(solves.bytes + 8 * nodes * shape[0] * shape[1], solves.seconds)

    def maps(self, shape, targets, batch):
        """A factor and its selected inverse for each batch."""
        batch = min(targets, batch)
        each = resistance_map(shape, batch)
        return ResourceEstimate(each.bytes, None if each.seconds is None else each.seconds * -(-targets // batch))

    def gradient(self, shape, targets, right_hand_sides, batch=1):
        """Solves for all nodes at once; the gradient needs no further solve."""
        return symmetric_solves(shape, max(right_hand_sides, 1), gradient=True)

    def restoration(self, shape, nodes, cells_of_nodes, cells_of_disc):
        """One solve for each cell of a node, and a factorization for each block of cells."""
        cells = shape[0] * shape[1]
        solves, factor = symmetric_solves(shape, cells_of_nodes), symmetric_solves(shape, 1)
        known = solves.seconds is not None and factor.seconds is not None
        blocks = cells / GAIN_CELLS_PER_FACTOR
        factors = blocks * (factor.seconds - START_SECONDS) if known else 0.0
        seconds = solves.seconds + factors + GAIN_SECONDS * cells if known else None
        return ResourceEstimate(solves.bytes + 8 * cells * cells_of_nodes, seconds)

    def window_work(self, height, width):
        """Elimination row by row, and the back substitution."""
        return height * width**3

    def window_workspace(self, height, width, in_batch):
        """The dense blocks of the rows, for each thread."""
        return cpu_count() * height * width**2 * WINDOW_BLOCK_BYTES

    def solver_message(self, shape, nodes):
        """The solver for one right-hand side for each node but one."""
        return select_solver(shape, max(nodes - 1, 1), symmetric=True).reason

    def map_message(self, shape):
        """Nested dissection, the only solver with a selected inverse."""
        cells = count_of(shape[0] * shape[1], "cell")
        return f"{cells}: nested dissection and its selected inverse, exact for every cell"


class NonsymmetricSolveEstimate(AbstractDistanceEstimate):
    """A nonsymmetric linear system for each target."""

    window_seconds = 8e-8
    dense_arithmetic = True

    def matrix(self, shape, nodes, targets):
        """One system for each target."""
        return randomized_paths(shape, nodes if targets is None else targets)

    def maps(self, shape, targets, batch):
        """One system for each target."""
        return randomized_paths(shape, targets)

    def gradient(self, shape, targets, right_hand_sides, batch=1):
        """One system for each target, and its transpose."""
        return randomized_paths(shape, targets, gradient=True)

    def window_work(self, height, width):
        """Nested dissection of the window."""
        return (height * width) ** 1.5

    def window_workspace(self, height, width, in_batch):
        """A factor for each window of the batch."""
        return in_batch * predicted_factor_bytes((height, width), symmetric=False)

    def solver_message(self, shape, nodes):
        """The solver for one target."""
        return select_solver(shape, 1, symmetric=False).reason

    def map_message(self, shape):
        """The solver for one target."""
        return self.solver_message(shape, 1)


#: Estimates by the names that the registry uses.
ESTIMATES: dict[str, AbstractDistanceEstimate] = {
    "shortest_paths": ShortestPathEstimate(),
    "symmetric_solves": SymmetricSolveEstimate(),
    "nonsymmetric_solves": NonsymmetricSolveEstimate(),
    "closed_form": ClosedFormEstimate(),
}
