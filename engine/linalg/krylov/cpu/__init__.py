"""The CPU backend: Numba kernels and LAPACK."""
