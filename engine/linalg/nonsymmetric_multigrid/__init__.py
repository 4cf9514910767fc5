"""Multigrid for nonsymmetric transition systems (I − W) x = b, such as a random walk to one target has.

`NonsymmetricMultigrid` is the solver; an `OrderedSystem` hands over the downstream ordering of the cells, on which its
relaxation and coarsening rely where the walk has a direction. Hierarchies are cached between solves.
"""

from .solver import NAME, NonsymmetricMultigrid, OrderedSystem

__all__ = [
    "NAME",
    "NonsymmetricMultigrid",
    "OrderedSystem",
]
