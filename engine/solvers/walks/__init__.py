"""Multigrid for walks that have a direction: randomized shortest paths to one target on large rasters."""

from .solver import Ranked, WalkMultigrid

__all__ = ["Ranked", "WalkMultigrid"]
