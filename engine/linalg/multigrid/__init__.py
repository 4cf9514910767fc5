"""Multigrid: symmetric systems solved on ever coarser rasters, in time proportional to the number of cells."""

from .changing_laplacian import ChangingLaplacian, WarmSolution
from .cpu.cycle_kernels import presmooth, prolong_and_postsmooth, prolonged_rows, residual, restrict_residual
from .solver import Multigrid

__all__ = [
    "ChangingLaplacian",
    "Multigrid",
    "WarmSolution",
    "presmooth",
    "prolong_and_postsmooth",
    "prolonged_rows",
    "residual",
    "restrict_residual",
]
