"""Vertex elimination: the Jacobian of a program accumulated on its graph, in any order (Griewank and Walther 2008).

The vertices of the graph are the intermediate results of a program, numbered from 1 on in the order in which they are
computed; its inputs have negative numbers. The edge from i to j holds ∂v_j/∂v_i. Eliminating the vertex j adds
c_kj · c_ji to the edge from i to k for each predecessor i and successor k. What is left when all intermediate vertices
are eliminated are the edges from inputs to outputs: the Jacobian.

References
----------
Griewank, A. and Walther, A. (2008). Evaluating Derivatives, 2nd ed., SIAM. Chapters 9 and 10.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .pattern import Pattern
from .products import Product, Sum, Values, multiplications


class Edge(NamedTuple):
    """A partial derivative: its pattern, and whether it only copies entries, which multiplies nothing."""

    pattern: Pattern
    copies: bool


@dataclass(frozen=True)
class ComputationalGraph:
    """The partial derivatives of a program.

    Parameters
    ----------
    edges
        The edges by the numbers of the vertices that they lead from and to.
    outputs
        Vertices that are outputs of the program.
    """

    edges: Mapping[tuple[int, int], Edge]
    outputs: frozenset[int]

    def pruned(self, inputs: Sequence[int]) -> "ComputationalGraph":
        """Return the graph of what lies on a path from an input to an output."""
        forward = _reachable(self.edges, inputs)
        backward = _reachable([(target, source) for source, target in self.edges], self.outputs)
        used = forward & backward
        return ComputationalGraph(
            {ends: edge for ends, edge in self.edges.items() if used.issuperset(ends)}, self.outputs
        )

    @property
    def intermediate(self) -> list[int]:
        """The vertices to eliminate, in ascending order: those that lie between two others."""
        return sorted({target for _, target in self.edges if target > 0} & {source for source, _ in self.edges})


def _reachable(edges: Iterable[tuple[int, int]], start: Iterable[int]) -> set[int]:
    neighbors: dict[int, list[int]] = {}
    for source, target in edges:
        neighbors.setdefault(source, []).append(target)
    reached, waiting = set(start), list(start)
    while waiting:
        new = [target for target in neighbors.get(waiting.pop(), ()) if target not in reached]
        reached.update(new)
        waiting.extend(new)
    return reached


class Step(NamedTuple):
    """Addition of the product of two edges to the edge between their ends."""

    source: int
    via: int
    target: int
    product: Product
    sum: Sum | None


@dataclass
class Elimination:
    """The elimination of vertices, in numbers of operations and in steps that can be evaluated.

    Parameters
    ----------
    graph
        The graph, which is not changed.
    products
        Products of patterns that were planned before, shared between eliminations of the same graph.
    """

    graph: ComputationalGraph
    products: dict[tuple[int, int], Product] = field(default_factory=dict)
    order_counts: list[tuple[int, int]] = field(default_factory=list)
    num_adds: int = 0
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.successors: dict[int, dict[int, Edge]] = {}
        self.predecessors: dict[int, dict[int, Edge]] = {}
        for (source, target), edge in self.graph.edges.items():
            self._insert(source, target, edge)

    @property
    def order(self) -> list[int]:
        """The vertices eliminated so far."""
        return [vertex for vertex, _ in self.order_counts]

    @property
    def num_muls(self) -> int:
        """Number of multiplications so far."""
        return sum(count for _, count in self.order_counts)

    def _insert(self, source: int, target: int, edge: Edge) -> None:
        self.successors.setdefault(source, {})[target] = edge
        self.predecessors.setdefault(target, {})[source] = edge

    def cost(self, vertex: int) -> int:
        """Return the number of multiplications that eliminating a vertex takes now; copies multiply nothing."""
        return sum(
            multiplications(after.pattern, before.pattern)
            for after, before in self._pairs(vertex)
            if not (after.copies or before.copies)
        )

    def degree(self, vertex: int) -> int:
        """Return the Markowitz degree of a vertex: its cost if copies multiplied, too.

        For scalars it is the number of predecessors times the number of successors.
        """
        return sum(multiplications(after.pattern, before.pattern) for after, before in self._pairs(vertex))

    def _pairs(self, vertex: int) -> list[tuple[Edge, Edge]]:
        """Return the pairs of edges out of a vertex and into it."""
        before = self.predecessors.get(vertex, {}).values()
        return [(after, edge) for after in self.successors.get(vertex, {}).values() for edge in before]

    def eliminate(self, vertex: int) -> None:
        """Eliminate a vertex."""
        self.order_counts.append((vertex, self.cost(vertex)))
        after, before = self.successors.pop(vertex, {}), self.predecessors.get(vertex, {})
        for target, right in after.items():
            del self.predecessors[target][vertex]
            for source, left in before.items():
                self._add(
                    source, vertex, target, self._product(right.pattern, left.pattern), right.copies and left.copies
                )
        if vertex not in self.graph.outputs:
            for source in self.predecessors.pop(vertex, {}):
                del self.successors[source][vertex]

    def _product(self, left: Pattern, right: Pattern) -> Product:
        ends = (id(left), id(right))
        if ends not in self.products:
            self.products[ends] = Product(left, right)
            # The patterns must live as long as their numbers are in use.
            self.products[ends].factors = (left, right)
        return self.products[ends]

    def _add(self, source: int, via: int, target: int, product: Product, copies: bool) -> None:
        present = self.successors.get(source, {}).get(target)
        if present is None:
            self.steps.append(Step(source, via, target, product, None))
            self._insert(source, target, Edge(product.pattern, copies))
        else:
            total = Sum(present.pattern, product.pattern)
            self.num_adds += total.additions
            self.steps.append(Step(source, via, target, product, total))
            self._insert(source, target, Edge(total.pattern, False))

    def accumulate(self, values: Mapping[tuple[int, int], Values]) -> dict[tuple[int, int], Values]:
        """Return the values of all edges after the steps, from the values of the graph's edges."""
        values = dict(values)
        for source, via, target, product, total in self.steps:
            added = product(values[via, target], values[source, via])
            values[source, target] = added if total is None else total(values[source, target], added)
        return values


def markowitz(elimination: Elimination, highest: bool) -> Elimination:
    """Eliminate the vertex of lowest degree until none is left; of equals, the one of lowest or of highest number."""
    degrees = {vertex: elimination.degree(vertex) for vertex in elimination.graph.intermediate}
    while degrees:
        vertex = min(degrees, key=lambda vertex: (degrees[vertex], -vertex if highest else vertex))
        neighbors = {*elimination.predecessors[vertex], *elimination.successors[vertex]}
        elimination.eliminate(vertex)
        del degrees[vertex]
        degrees.update({neighbor: elimination.degree(neighbor) for neighbor in neighbors & degrees.keys()})
    return elimination


def in_order(elimination: Elimination, order: Iterable[int]) -> Elimination:
    """Eliminate vertices in an order."""
    for vertex in order:
        elimination.eliminate(vertex)
    return elimination
