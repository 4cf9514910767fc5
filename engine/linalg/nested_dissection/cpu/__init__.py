"""Nested dissection on the CPU: LAPACK and Numba kernels, one thread per tile or node of the elimination tree."""
