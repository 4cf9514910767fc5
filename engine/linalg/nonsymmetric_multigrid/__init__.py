"""Multigrid for nonsymmetric transition systems (I − W) x = b, which arise from random walks to one target.

`NonsymmetricMultigrid` is the solver; an `OrderedSystem` supplies the downstream ordering of the cells, on which its
relaxation and coarsening rely where the walk has a direction. Hierarchies are cached between solves.
"""

from .solver import NAME, NonsymmetricMultigrid, OrderedSystem

__all__ = [
    "NAME",
    "NonsymmetricMultigrid",
    "OrderedSystem",
]
