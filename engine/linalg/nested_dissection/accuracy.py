"""Limits of accuracy that both backends apply."""

#: Relative residual above which the solution is useless: not rounding, but a matrix singular to working precision.
RESIDUAL_LIMIT = 1e-8

#: Relative residual above which a solution is refined by another substitution with the same factor.
REFINEMENT_THRESHOLD = 4e-15

#: Largest (A⁻¹)_ii A_ii of a matrix that counts as nonsingular. Entries of A are known to 1e-16 of the diagonal. The
#: coupling of a region to the rest is a small difference of large numbers: above this limit fewer than four of its
#: digits are known.
GROWTH_LIMIT = 1e12
