"""Multigrid: symmetric systems solved on ever coarser rasters, in time proportional to the number of cells."""

from .cpu.cycle_kernels import presmooth, prolong_and_postsmooth, prolonged_rows, residual, restrict_residual
from .solver import Multigrid

__all__ = [
    "Multigrid",
    "presmooth",
    "prolong_and_postsmooth",
    "prolonged_rows",
    "residual",
    "restrict_residual",
]
