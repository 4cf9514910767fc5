"""Multigrid: symmetric systems solved on ever coarser rasters, in time proportional to the number of cells."""

from .changing_laplacian import ChangingLaplacian, WarmSolution
from .cpu.cycle_kernels import presmooth, residual, restrict_residual
from .cpu.w_cycle import correct_and_postsmooth
from .solver import Multigrid

__all__ = [
    "ChangingLaplacian",
    "Multigrid",
    "WarmSolution",
    "correct_and_postsmooth",
    "presmooth",
    "residual",
    "restrict_residual",
]
