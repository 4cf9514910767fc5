"""The currents of one window after the other: who is joined, potentials, currents, and their derivatives."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int

from ..linalg.auto import select_solver
from .envelope_cholesky_kernels import (
    conductance_gradient,
    current_cotangent,
    factor,
    flow,
    label_component,
    substitute,
)

#: The widest windows that are factored row by row; the time grows like the fourth power of the width, and less than the
#: third with the solvers for whole rasters, which take some milliseconds for a start.
MAX_WINDOW_WIDTH = 150


class WindowCircuit:
    """A window of a raster with its target on the ground; taken up again for one window after the other.

    Parameters
    ----------
    disc
        Which cells of the window there are, (rows, columns), if they lie in the raster.
    steps
        Where each direction of an edge leads, (directions, 2).

    Attributes
    ----------
    joined
        Which cells are joined to the target, once a window was taken up.

    Examples
    --------
    >>> window = WindowCircuit(np.ones((1, 3), bool), np.array([(-1, 0), (0, -1), (0, 1), (1, 0)]))
    >>> chain = np.zeros((1, 3, 4))
    >>> chain[0, :2, 2] = chain[0, 1:, 1] = 1.0
    >>> window.take_up(chain, np.array([0, 0]), np.array([0, 0]))
    >>> window.currents(np.array([[0.0, 0.0, 2.0]]))
    array([[2., 2., 2.]])
    """

    def __init__(self, disc: Bool[np.ndarray, "height width"], steps: Int[np.ndarray, "directions 2"]):
        self._disc, self._steps = disc, steps
        height, width = disc.shape
        self.joined = np.zeros(disc.shape, bool)
        self._number = np.empty(disc.shape, np.int64)
        self._cells = np.empty((height * width, 2), np.int64)
        self._narrow = width <= MAX_WINDOW_WIDTH
        if self._narrow:
            self._first, self._last = (np.empty(height * width, np.int64) for _ in range(2))
            # A row of L begins at a neighbour, no further back than a row of the window and two cells; and 4 columns of
            # it are computed at once.
            self._lower, self._row_of = np.empty((height * width, width + 8)), np.empty(width + 8)
        self.potential = np.zeros(disc.shape)
        self.missed = 0.0

    def take_up(
        self,
        conductances: Float[np.ndarray, "rows columns directions"],
        corner: Int[np.ndarray, "2"],
        target: Int[np.ndarray, "2"],
    ) -> None:
        """Look at another window.

        Parameters
        ----------
        conductances
            Of the edges of the raster, the same both ways, 0 where there is none.
        corner
            Row and column of the raster at which the window begins.
        target
            Row and column in the window.

        Raises
        ------
        ValueError
            The conductances span too many orders of magnitude.
        """
        self._given = conductances, self._steps, corner
        self._target = target
        self._count = label_component(
            *self._given[:2], self._disc, corner, target, self.joined, self._number, self._cells
        )
        if self._narrow:
            places = (self.joined, self._number, self._cells, self._count)
            if not factor(*self._given, *places, self._first, self._last, self._lower, self._row_of):
                raise ValueError(
                    "the equations of a window cannot be solved: the permeability spans too many orders of magnitude"
                )
        else:
            self._by_raster = self._whole_raster()

    def currents(self, feeding: Float[np.ndarray, "height width"]) -> Float[np.ndarray, "height width"]:
        """Return the current through every cell, in ampere, when current is fed into cells and leaves at the target.

        What is fed into the target itself, or where no way leads to it, does not flow. Currents along an edge below
        1e-8 of the largest are none.
        """
        self.potential = self._solve(np.where(self.joined, feeding, 0.0))
        current = np.empty(self.joined.shape)
        self._least, missed = flow(*self._given, self.joined, self._target, self.potential, feeding, current)
        largest = current.max()
        self.missed = missed / largest if largest > 0 else 0.0
        return current

    def derivatives(
        self, weights: Float[np.ndarray, "height width"], gradient: Float[np.ndarray, "rows columns directions"]
    ) -> Float[np.ndarray, "height width"]:
        """Return the derivative of Σ weights · current by what is fed into each cell; after `currents`.

        Parameters
        ----------
        weights
            Of each cell's current.
        gradient
            The derivative by the conductances is added to this, half to each direction of an edge.

        Notes
        -----
        With A v = b the grounded Laplacian's equations and C = Σ_i g_i I_i(v, w, b), I_i = ½ (Σ_j w_ij |v_i − v_j| +
        b_i), the adjoint λ = A⁻¹ ∂C/∂v gives ∂C/∂w_ij = ½ (g_i + g_j) |v_i − v_j| − (v_i − v_j)(λ_i − λ_j) and
        ∂C/∂b_i = λ_i + ½ (g_i + g_target), as all that is fed leaves at the target.
        """
        around = (self.joined, self.potential, self._least, weights)
        pulled, by_feeding = np.empty(self.joined.shape), np.empty(self.joined.shape)
        current_cotangent(*self._given, *around, pulled)
        adjoint = self._solve(pulled)
        places = (self.joined, self._target, self.potential, adjoint)
        conductance_gradient(*self._given, *places, self._least, weights, gradient, by_feeding)
        return by_feeding

    def _solve(self, fed: np.ndarray) -> np.ndarray:
        # Not kept as an attribute: a window that holds itself is freed late, with its factor.
        return self._substitute(fed) if self._narrow else self._by_raster(fed)

    def _substitute(self, fed: np.ndarray) -> np.ndarray:
        rows, columns = self._cells[: self._count].T
        vector = np.ascontiguousarray(fed[rows, columns])
        substitute(self._last, self._lower, self._count, vector)
        potential = np.zeros(self.joined.shape)
        potential[rows, columns] = vector
        return potential

    def _whole_raster(self) -> Callable[[np.ndarray], np.ndarray]:
        """Return how to solve with the window as a raster of its own."""
        conductances, steps, corner = self._given
        height, width = self.joined.shape
        part = conductances[corner[0] : corner[0] + height, corner[1] : corner[1] + width]
        edges = np.where(self.joined, np.moveaxis(part, -1, 0), 0.0)
        framed = np.pad(self.joined, 1)
        for one, (down, right) in zip(edges, steps, strict=True):
            one *= framed[1 + down : 1 + down + height, 1 + right : 1 + right + width]
        center = edges.sum(0)
        row, column = self._target
        edges[:, row, column] = 0.0
        for step, (down, right) in enumerate(steps):
            if 0 <= row + down < height and 0 <= column + right < width:
                edges[len(steps) - 1 - step, row + down, column + right] = 0.0
        center[row, column] = 1.0
        center[~self.joined] = 1.0
        solver = select_solver((height, width), 1, symmetric=True).solver

        def solve(fed: np.ndarray) -> np.ndarray:
            right_hand_side = fed.copy()
            right_hand_side[row, column] = 0.0
            if not right_hand_side.any():
                return right_hand_side
            return np.array(solver.solve_on_host(center, -edges, right_hand_side[None], False))[0]

        return solve
