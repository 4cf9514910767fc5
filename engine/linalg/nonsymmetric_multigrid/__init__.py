"""Multigrid for walks that have a direction: randomized shortest paths to one target on large rasters."""

from .solver import NonsymmetricMultigrid, OrderedSystem

__all__ = ["OrderedSystem", "NonsymmetricMultigrid"]
