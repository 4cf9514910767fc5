"""Approximate solves in single precision by generalized conjugate residuals."""

import numpy as np
from jaxtyping import Float32

from ...parallel import parallel_starmap
from ..multigrid import residual as residual_rows
from .gcr_kernels import image_from_residual, update
from .hierarchy import FLOAT32, ONE_RHS, VCycle


def solve_gcr(
    cycle: VCycle, b: Float32[np.ndarray, " padded"], *, tolerance: float, max_cycles: int
) -> tuple[Float32[np.ndarray, " padded"], float]:
    """Solve A x = b to a loose tolerance, A being the finest operator of a hierarchy.

    Parameters
    ----------
    cycle
        Preconditioner; its hierarchy holds A.
    b
        Right-hand side, padded.
    tolerance
        Largest residual entry, relative to the largest entry of b.
    max_cycles
        Largest number of V-cycles.

    Returns
    -------
    x, residual
        The solution, padded, and the largest entry of its residual relative to the largest entry of b.

    References
    ----------
    Eisenstat, S. C., Elman, H. C. & Schultz, M. H. (1983). Variational iterative methods for nonsymmetric systems of
    linear equations. SIAM Journal on Numerical Analysis 20, 345–357.
    """
    level = cycle.hierarchy.levels[0]
    shape, x, residual = level.shape, np.zeros_like(b), b.copy()
    b_norm = residual_norm = max(float(b.max()), float(-b.min()), 0.0)
    chunks = [((first + 1) * shape.width, (last + 1) * shape.width) for first, last in shape.bands]
    directions: list[tuple[np.ndarray, np.ndarray]] = []
    while len(directions) < max_cycles and residual_norm > tolerance * b_norm:
        cycle.right_hand_side[:] = residual
        cycle.run()
        direction, next_residual = cycle.solution.copy(), np.zeros((1, shape.size), FLOAT32)
        args = (level.off_diagonals, level.inverse_diagonal, residual[None], direction[None], ONE_RHS, next_residual)
        parallel_starmap(residual_rows, [(*args, shape.width, *band) for band in shape.bands])
        image = next_residual[0]
        sums = parallel_starmap(image_from_residual, [(residual, image, *chunk) for chunk in chunks])
        for previous_direction, previous_image in directions:
            factor = np.dot(previous_image, image) / np.dot(previous_image, previous_image)
            direction -= factor * previous_direction
            image -= factor * previous_image
        if directions:
            sums = [(np.dot(image, image), np.dot(image, residual))]
        square, product = (sum(each) for each in zip(*sums, strict=True))
        if not 0 < square < np.inf:
            break
        args = (product / square, direction, image, x, residual)
        residual_norm = max(parallel_starmap(update, [(*args, *chunk) for chunk in chunks]))
        directions.append((direction, image))
    return x, residual_norm / max(b_norm, float(np.finfo(FLOAT32).tiny))
