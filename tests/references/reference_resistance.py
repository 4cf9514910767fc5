"""Independent reference: the effective resistance between two cells with four neighbours, in forty decimal digits."""

import mpmath
import numpy as np
import reference_dense

DIGITS = 40


def resistance(permeability, first, second):
    """Return the effective resistance between two cells, each given as (row, column)."""
    with mpmath.workdps(DIGITS):
        cells = [mpmath.mpf(float(value)) for value in np.ravel(permeability)]
        return float(_exact(cells, np.shape(permeability), first, second))


def log_gradient(permeability, first, second):
    """Return the derivative of the effective resistance by the log of every cell."""
    shape = np.shape(permeability)
    with mpmath.workdps(DIGITS):
        cells = [mpmath.mpf(float(value)) for value in np.ravel(permeability)]
        step = mpmath.mpf(10) ** -12

        def moved(cell, sign):
            values = [value * mpmath.exp(sign * step) if n == cell else value for n, value in enumerate(cells)]
            return _exact(values, shape, first, second)

        return np.reshape([float((moved(n, 1) - moved(n, -1)) / (2 * step)) for n in range(len(cells))], shape)


def _exact(cells, shape, first, second):
    values = np.reshape(np.array(cells, object), shape)
    number = np.cumsum([value > 0 for value in cells]).reshape(shape) - 1
    laplacian = mpmath.zeros(int(number.max()) + 1)
    for cell in np.argwhere(values > 0):
        for neighbour in cell + reference_dense.STEPS["rook"]:
            if ((neighbour >= 0) & (neighbour < shape)).all() and values[tuple(neighbour)] > 0:
                weight = (values[tuple(cell)] + values[tuple(neighbour)]) / 2
                i, j = int(number[tuple(cell)]), int(number[tuple(neighbour)])
                laplacian[i, j] -= weight
                laplacian[i, i] += weight
    source, ground = int(number[first]), int(number[second])
    # Grounded by 1 S at one end, through which no current flows, as the injected currents are balanced.
    laplacian[ground, ground] += 1
    injected = mpmath.zeros(laplacian.rows, 1)
    injected[source], injected[ground] = 1, -1
    potential = mpmath.lu_solve(laplacian, injected)
    return potential[source] - potential[ground]
