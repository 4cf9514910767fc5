"""The circuit of one window grounded at its target: potentials, currents and their derivatives."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int

from ..linalg import require_solved, select_solver
from .envelope_cholesky_kernels import factor, label_component, substitute
from .window_current_kernels import conductance_gradient, current_cotangent, node_currents

#: The widest windows that are factored within their envelope. The time of that grows with the fourth power of the
#: width; that of the solvers for whole rasters with less than the third, after a start of some milliseconds.
MAX_FACTORED_WIDTH = 150


class WindowCircuit:
    """A window of a raster, grounded at its target; reused for one window after the other.

    Parameters
    ----------
    disc
        Mask of the window's cells, (rows, columns).
    steps
        Row and column offset of each direction of an edge, (directions, 2).
    max_factored_width
        The widest windows that are factored within their envelope; wider ones use the solvers for whole rasters.

    Attributes
    ----------
    connected
        Mask of the cells that are connected to the target, after `set_window`.
    potential
        Potential of the cells in volt, after `currents`.
    kcl_residual
        Largest violation of Kirchhoff's current law in a cell relative to the largest current, after `currents`.

    Examples
    --------
    >>> window = WindowCircuit(np.ones((1, 3), bool), np.array([(-1, 0), (0, -1), (0, 1), (1, 0)]))
    >>> chain = np.zeros((1, 3, 4))
    >>> chain[0, :2, 2] = chain[0, 1:, 1] = 1.0
    >>> window.set_window(chain, np.array([0, 0]), np.array([0, 0]))
    >>> window.currents(np.array([[0.0, 0.0, 2.0]]))
    array([[2., 2., 2.]])
    """

    def __init__(
        self,
        disc: Bool[np.ndarray, "height width"],
        steps: Int[np.ndarray, "directions 2"],
        max_factored_width: int = MAX_FACTORED_WIDTH,
    ):
        self._disc, self._steps = disc, steps
        height, width = disc.shape
        self.connected = np.zeros(disc.shape, bool)
        self._index = np.empty(disc.shape, np.int64)
        self._cells = np.empty((height * width, 2), np.int64)
        self._is_factored = width <= max_factored_width
        if self._is_factored:
            self._first, self._last = (np.empty(height * width, np.int64) for _ in range(2))
            # A row of L begins at a neighbour, at most a row of the window and two cells earlier; and four columns of
            # it are computed at once.
            self._lower, self._row_buffer = np.empty((height * width, width + 8)), np.empty(width + 8)
        self.potential = np.zeros(disc.shape)
        self.kcl_residual = 0.0

    def set_window(
        self,
        conductances: Float[np.ndarray, "rows columns directions"],
        corner: Int[np.ndarray, "2"],
        target: Int[np.ndarray, "2"],
    ) -> None:
        """Move to another window and factor its equations.

        Parameters
        ----------
        conductances
            Edge conductances of the raster, symmetric; 0 where there is no edge.
        corner
            Row and column of the raster at which the window begins.
        target
            Row and column in the window.

        Raises
        ------
        ValueError
            The conductances span too many orders of magnitude.
        """
        self._edges = conductances, self._steps, corner
        self._target = target
        self._count = label_component(
            conductances, self._steps, self._disc, corner, target, self.connected, self._index, self._cells
        )
        if self._is_factored:
            component = (self.connected, self._index, self._cells, self._count)
            if not factor(*self._edges, *component, self._first, self._last, self._lower, self._row_buffer):
                raise ValueError(
                    "the equations of a window cannot be solved: the permeability spans too many orders of magnitude"
                )
        else:
            self._solve_raster = self._raster_solver()

    def currents(self, injected: Float[np.ndarray, "height width"]) -> Float[np.ndarray, "height width"]:
        """Return the current through every cell, in ampere.

        Parameters
        ----------
        injected
            Current injected into each cell. All of it leaves at the target, except that injected into the target
            itself or into cells that are not connected to it, which does not flow.

        Notes
        -----
        Branch currents below 1e-8 of the largest are rounding errors and count as 0.
        """
        self.potential = self._solve(np.where(self.connected, injected, 0.0))
        current = np.empty(self.connected.shape)
        self._threshold, kcl_residual = node_currents(
            *self._edges, self.connected, self._target, self.potential, injected, current
        )
        largest = current.max()
        self.kcl_residual = kcl_residual / largest if largest > 0 else 0.0
        return current

    def derivatives(
        self, weights: Float[np.ndarray, "height width"], gradient: Float[np.ndarray, "rows columns directions"]
    ) -> Float[np.ndarray, "height width"]:
        """Return the derivative of Σ weights · current with respect to the current injected into each cell.

        Call it after `currents`, for the same window.

        Parameters
        ----------
        weights
            Weight of each cell's current.
        gradient
            The derivative with respect to the conductances is added to this, half to each direction of an edge.

        Notes
        -----
        One adjoint solve; `window_current_kernels` has the formulas.
        """
        state = (self.connected, self.potential, self._threshold, weights)
        cotangent, by_injection = np.empty(self.connected.shape), np.empty(self.connected.shape)
        current_cotangent(*self._edges, *state, cotangent)
        adjoint = self._solve(cotangent)
        state = (self.connected, self._target, self.potential, adjoint, self._threshold, weights)
        conductance_gradient(*self._edges, *state, gradient, by_injection)
        return by_injection

    def _solve(self, injected: np.ndarray) -> np.ndarray:
        # A method stored as an attribute would make the window refer to itself, and free its factor late.
        return self._substitute(injected) if self._is_factored else self._solve_raster(injected)

    def _substitute(self, injected: np.ndarray) -> np.ndarray:
        rows, columns = self._cells[: self._count].T
        vector = np.ascontiguousarray(injected[rows, columns])
        substitute(self._last, self._lower, self._count, vector)
        potential = np.zeros(self.connected.shape)
        potential[rows, columns] = vector
        return potential

    def _raster_solver(self) -> Callable[[np.ndarray], np.ndarray]:
        """Return a function that solves the window's equations with the solvers for whole rasters."""
        conductances, steps, corner = self._edges
        height, width = self.connected.shape
        window = conductances[corner[0] : corner[0] + height, corner[1] : corner[1] + width]
        edges = np.where(self.connected, np.moveaxis(window, -1, 0), 0.0)
        padded = np.pad(self.connected, 1)
        for edge, (down, right) in zip(edges, steps, strict=True):
            edge *= padded[1 + down : 1 + down + height, 1 + right : 1 + right + width]
        center = edges.sum(0)
        row, column = self._target
        edges[:, row, column] = 0.0
        for step, (down, right) in enumerate(steps):
            if 0 <= row + down < height and 0 <= column + right < width:
                edges[len(steps) - 1 - step, row + down, column + right] = 0.0
        center[row, column] = 1.0
        center[~self.connected] = 1.0
        solver = select_solver((height, width), 1, symmetric=True).solver

        def solve(injected: np.ndarray) -> np.ndarray:
            """Return the potentials, in volt, for currents injected into the cells."""
            right_hand_side = injected.copy()
            right_hand_side[row, column] = 0.0
            if not right_hand_side.any():
                return right_hand_side
            return np.array(require_solved(solver.solve_arrays(center, -edges, right_hand_side[None])))[0]

        return solve
