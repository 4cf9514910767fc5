"""Limits of accuracy that both backends apply."""

#: Componentwise relative residual above which a solution is useless: rounding cannot explain it, but a matrix that is
#: singular to working precision can.
RESIDUAL_LIMIT = 1e-8

#: Componentwise relative residual above which a solution is refined by another substitution with the same factor.
REFINEMENT_THRESHOLD = 4e-15

#: Largest (F_ss⁻¹)_ii A_ii, F_ss being the pivot block of a front, of a matrix that counts as nonsingular. Entries of A
#: are known to 1e-16 of the diagonal. The coupling of a region to the rest is a small difference of large numbers:
#: above this limit fewer than four of its digits are known.
GROWTH_LIMIT = 1e12
