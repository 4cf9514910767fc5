"""Multigrid: symmetric systems solved on ever coarser rasters, in time proportional to the number of cells."""

from .solver import Multigrid

__all__ = ["Multigrid"]
