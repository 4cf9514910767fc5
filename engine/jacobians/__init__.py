"""Sparse Jacobians by vertex elimination, in the order that takes the fewest operations.

`jacve` returns the Jacobian of a function, accumulated on the graph of its elementary operations in a chosen order;
`elimination_orders` compares the numbers of operations of forward, reverse and Markowitz's orders.
"""

from .vertex_elimination import EliminationOrder, elimination_orders, jacve

__all__ = ["EliminationOrder", "elimination_orders", "jacve"]
