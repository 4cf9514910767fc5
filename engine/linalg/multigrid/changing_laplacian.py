"""Potentials on a landscape that changes a little between solves, which reuse the old hierarchy and potentials."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ...parallel import parallel_starmap
from ..krylov import SymmetricMatrix, apply, conjugate_gradients_cpu, pad_vectors
from .cpu import w_cycle
from .thresholds import FLOAT32_MIN_EIGENVALUE

#: Number of iterations with the hierarchy of an older matrix, after which a new one is built: that takes about as long.
OLD_HIERARCHY_ITERATIONS = 6

#: Growth of a conductance, as a factor, beyond which the old hierarchy needs too many iterations.
MAX_GROWTH = 4.0

#: Largest number of iterations with the hierarchy of the present matrix.
ITERATIONS = 200

#: An initial guess is discarded if its residual is larger than this multiple of the right-hand side.
WORST_GUESS = 30.0


class WarmSolution(NamedTuple):
    """A solution, with its residual and number of iterations.

    Attributes
    ----------
    x
        The potentials, determined up to a constant in each component.
    power
        The dissipated power b · L⁺ b, computed as 2 b · x − x · L x: accurate to about twice as many digits as x.
    iterations
        Number of applications of the preconditioner.
    residual
        b − L x relative to b, both measured as √(Σ r_i² / L_ii).
    rebuilt
        Whether a new hierarchy was built.
    """

    x: Float[np.ndarray, "rows columns"]
    power: float
    iterations: int
    residual: float
    rebuilt: bool


class ChangingLaplacian:
    """Solve L x = b by conjugate gradients, where entries of the graph Laplacian L change between solves.

    The hierarchy of an older L is a good preconditioner as long as few cells have changed, and the last potentials are
    a good initial guess. A new hierarchy is built where the old one needs too many iterations.

    Parameters
    ----------
    center, edges
        L, as in `StencilMatrix`, in double precision and C order. They are not copied: change them in place and call
        `has_changed`.

    Notes
    -----
    L is singular: b must sum to zero in each connected component, and be 0 in cells without edges.

    Examples
    --------
    >>> edges = np.zeros((4, 1, 2))
    >>> edges[2, 0, 0] = edges[1, 0, 1] = -2.0
    >>> solution = ChangingLaplacian(-edges.sum(0), edges).solve(np.array([[1.0, -1.0]]), tolerance=1e-10)
    >>> round(float(solution.x[0, 0] - solution.x[0, 1]), 9)
    0.5
    """

    def __init__(self, center: Float[np.ndarray, "rows columns"], edges: Float[np.ndarray, "directions rows columns"]):
        self._center, self._edges = center, edges
        self._no_entries = np.zeros(center.size)
        self._rebuild()

    def of_copy(
        self, center: Float[np.ndarray, "rows columns"], edges: Float[np.ndarray, "directions rows columns"]
    ) -> "ChangingLaplacian":
        """Return a solver for copies of the arrays; the two share the hierarchy until one of them rebuilds it."""
        other = object.__new__(ChangingLaplacian)
        other.__dict__.update(self.__dict__)
        other._center, other._edges = center, edges
        other._preconditioner = w_cycle.WCycle(self._hierarchy, 1)
        return other

    def has_changed(self, *, growth: float = 1.0) -> None:
        """Note that entries of L have changed.

        Parameters
        ----------
        growth
            Largest factor by which a conductance has grown; infinite where there was none before.
        """
        self._is_old = True
        self._is_useless = self._is_useless or growth > MAX_GROWTH

    def refresh(self) -> None:
        """Build the hierarchy of the present matrix, unless the last one was built of it."""
        if self._is_old:
            self._rebuild()

    def solve(
        self,
        b: Float[np.ndarray, "rows columns"],
        guess: Float[np.ndarray, "rows columns"] | None = None,
        *,
        tolerance: float,
    ) -> WarmSolution:
        """Compute the potentials.

        Parameters
        ----------
        b
            Injected currents.
        guess
            Initial guess, such as the potentials before a change.
        tolerance
            Largest residual, as in `WarmSolution`. The residual of the solution is larger if `ITERATIONS` iterations do
            not suffice.
        """
        scale = self._norm(b)
        if scale == 0:
            return WarmSolution(np.zeros(b.shape), 0.0, 0, 0.0, rebuilt=False)
        x = np.zeros(b.shape) if guess is None else guess
        residual = b if guess is None else b - self._applied(x)
        relative = self._norm(residual) / scale
        if relative > WORST_GUESS:
            x, residual, relative = np.zeros(b.shape), b, 1.0
        iterations, rebuilt = 0, False
        if relative > tolerance and self._is_old and not self._is_useless:
            x, residual, relative, steps = self._improve(x, b, residual, scale, tolerance, OLD_HIERARCHY_ITERATIONS)
            iterations += steps
        if relative > tolerance:
            rebuilt = self._is_old
            self.refresh()
            x, residual, relative, steps = self._improve(x, b, residual, scale, tolerance, ITERATIONS)
            iterations += steps
        power = float(np.einsum("ij,ij->", b, x) + np.einsum("ij,ij->", residual, x))
        return WarmSolution(x, power, iterations, relative, rebuilt)

    def _improve(self, x, b, residual, scale, tolerance, iterations):
        """Return x after conjugate gradients, its residual and norm, and the number of iterations."""
        within = tolerance * scale / self._norm(residual)
        result = conjugate_gradients_cpu(
            self._matrix,
            lambda _: self._preconditioner,
            residual[None],
            tolerance=within,
            iterations=iterations,
        )
        x = x + result.x[0]
        residual = b - self._applied(x)
        return x, residual, self._norm(residual) / scale, int(result.iterations[0])

    @property
    def _matrix(self) -> SymmetricMatrix:
        """The present matrix, without row sums: nothing is grounded."""
        return self._hierarchy.matrix._replace(forward=self._forward, row_sums=self._no_entries)

    def _rebuild(self) -> None:
        hierarchy = w_cycle.build(self._center, self._edges, np.float32)
        if hierarchy.min_eigenvalue < FLOAT32_MIN_EIGENVALUE:
            hierarchy = w_cycle.build(self._center, self._edges, np.float64)
        self._hierarchy = hierarchy
        self._preconditioner = w_cycle.WCycle(self._hierarchy, 1)
        self._is_old = self._is_useless = False

    @property
    def _forward(self) -> tuple[np.ndarray, ...]:
        half = len(self._edges) // 2
        rows = [edges.reshape(-1) for edges in self._edges[half:]]
        if half == 4:
            return tuple(rows)
        return rows[0], self._no_entries, rows[1], self._no_entries

    def _norm(self, residual: np.ndarray) -> float:
        weights = self._hierarchy.levels[0].shape.inside(self._hierarchy.levels[0].inverse_diagonal)
        return float(np.sqrt(np.einsum("ij,ij,ij->", residual, residual, weights)))

    def _applied(self, x: np.ndarray) -> np.ndarray:
        shape = self._hierarchy.levels[0].shape
        padded, applied = np.zeros((1, shape.size)), np.empty((1, x.size))
        values = x.reshape(-1)
        parallel_starmap(pad_vectors, [(values, padded[0], shape.width, *band) for band in shape.bands])
        args = (self._forward, self._no_entries, padded, applied, shape.width)
        parallel_starmap(apply, [(*args, *band) for band in shape.bands])
        return applied.reshape(x.shape)
