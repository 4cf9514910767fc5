"""Thresholds of rounding that both backends use."""

#: Row sums below this, relative to the diagonal, are rounding errors of 0.
ROW_SUM_RTOL = 1e-14

#: Eigenvalues of the coarsest operator, scaled to a diagonal of ones, below this are 0 up to rounding.
NULL_SPACE_TOL = 1e-14

#: Below this smallest eigenvalue of the coarsest operator (scaled to a diagonal of ones) a part of the landscape is
#: nearly isolated, from the ground or from the rest. Its potential is then so large that single precision hides the
#: differences in it.
FLOAT32_MIN_EIGENVALUE = 1e-5

#: Largest difference between entries that should be equal, relative to the diagonal.
SYMMETRY_RTOL = 1e-12
