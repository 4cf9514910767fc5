"""Current between every two focal nodes: resistances, and maps pair by pair or summed over all pairs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from ..graph.focal_nodes import FocalNodes, require_two_nodes, selected_pairs
from ..storage.result_cache import ProgressCallback, ResultCache, no_progress
from .accumulator import CumulativeCurrent, CurrentAccumulator, streamed
from .base import Circuit
from .grid_circuit import GridCircuit
from .point_current_sum import sum_point_pair_currents
from .point_pairs import PointPairSolver
from .region_current_sum import sum_region_pair_currents
from .region_pairs import RegionPairSolver
from .validation import require_possible


@dataclass(frozen=True)
class ResistanceMatrix:
    """Effective resistances between focal nodes, in ohm.

    Parameters
    ----------
    ids
        Of the focal nodes.
    matrix
        0 on the diagonal and between focal nodes that are one node of the circuit, infinite between those that are not
        connected, NaN for pairs that were left out.
    """

    ids: Int[np.ndarray, "n"]
    matrix: Float[np.ndarray, "n n"]

    def three_columns(self) -> Float[np.ndarray, "pairs 3"]:
        """Return a row (id, id, resistance) for every pair.

        Examples
        --------
        >>> ResistanceMatrix(np.array([3, 5]), np.array([[0.0, 2.5], [2.5, 0.0]])).three_columns()
        array([[3. , 5. , 2.5]])
        """
        first, second = np.triu_indices(len(self.ids), 1)
        return np.stack([self.ids[first], self.ids[second], self.matrix[first, second]], axis=1).astype(float)

    @property
    def unconnected(self) -> int:
        """How many pairs are not connected."""
        return int(np.isinf(self.matrix[np.triu_indices(len(self.ids), 1)]).sum())


@dataclass(frozen=True)
class PairResult:
    """What flows when 1 A enters at the second focal node of a pair and leaves at the first, which is at 0 V.

    Parameters
    ----------
    first, second
        Ids.
    resistance
        Between the two, in ohm.
    potentials
        In volt; NaN where there is no node, or none that is connected with the pair.
    currents
        In ampere; NaN where there is no node.
    residual
        How badly current is conserved; see `Currents`.
    """

    first: int
    second: int
    resistance: float
    potentials: np.ndarray
    currents: np.ndarray
    residual: float


class Pairwise:
    """Current between every two focal nodes.

    Parameters
    ----------
    circuit
        The landscape, or a network.
    focal
        Focal nodes. The cells of a focal region are one node for the pairs that it belongs to, together with the
        short-circuit regions that they touch, and ordinary cells for all other pairs.
    pairs
        Which pairs, as pairs of ids; all by default.
    finished
        What an earlier run of the same question worked out, and where this one keeps what it works out; nothing is
        kept by default.

    Raises
    ------
    ValueError
        Fewer than two focal nodes; none in the landscape; a pair of which an id is not given.

    Notes
    -----
    n focal points take n − 1 solves, however many pairs there are: what flows between two of them is the difference of
    what flows from each to a third. Focal regions take none per pair, either, unless maps are asked for: the network
    between the cells at their rims, everything else eliminated, is found once, and pairs are solved in it.

    References
    ----------
    McRae, B. H., Dickson, B. G., Keitt, T. H., Shah, V. B. (2008). Using circuit theory to model connectivity in
    ecology, evolution, and conservation. Ecology 89, 2712–2724.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from ..grid import GridGraph
    >>> circuit = GridCircuit(GridGraph(jnp.ones((1, 4))))
    >>> focal = FocalNodes.from_raster(np.array([[1, 0, 0, 2]]))
    >>> Pairwise(circuit, focal).resistances().matrix.round(9)
    array([[0., 3.],
           [3., 0.]])
    >>> [pair.currents.round(9) for pair in Pairwise(circuit, focal).maps()]
    [array([[1., 1., 1., 1.]])]
    """

    def __init__(
        self,
        circuit: Circuit,
        focal: FocalNodes,
        pairs: Sequence[tuple[int, int]] | None = None,
        *,
        finished: ResultCache | None = None,
    ):
        require_two_nodes(focal, circuit)
        focal = _with_what_they_claim(focal, circuit)
        self.circuit, self.focal = circuit, focal
        self._asked = _asked(focal, pairs)
        nodes = focal.nodes(circuit)
        one_each = all(len(places) == 1 for places in focal.cells) or all(len(mine) <= 1 for mine in nodes)
        claims = any((circuit.node_of[places] < 0).any() and len(places) > 1 for places in focal.cells)
        kind = PointPairSolver if one_each and not claims else RegionPairSolver
        self._solution = kind(circuit, focal, nodes, finished)

    def resistances(self, *, keep: bool = False, so_far: ProgressCallback = no_progress) -> ResistanceMatrix:
        """Return the resistances between all focal nodes.

        Parameters
        ----------
        keep
            Whether maps or their sum will be asked for, too: then what is solved for is kept for them.
        so_far
            Told how many of how many solves or pairs are done, with what gives the matrix so far.
        """

        def tell(done: int, of: int, matrix: Callable[[], np.ndarray]) -> None:
            so_far(done, of, lambda: self._of_those_asked_for(matrix()))

        matrix = self._of_those_asked_for(self._solution.resistances(self._asked, tell, keep=keep))
        require_possible(self.focal.ids, matrix)
        return ResistanceMatrix(self.focal.ids, matrix)

    def _of_those_asked_for(self, matrix: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
        matrix[~self._asked] = np.nan
        np.fill_diagonal(matrix, 0.0)
        return matrix

    @property
    def superposed(self) -> bool:
        """Whether the sum over all pairs takes no map of any pair: focal points on a raster."""
        return isinstance(self._solution, PointPairSolver) and isinstance(self.circuit, GridCircuit)

    @property
    def summed_together(self) -> bool:
        """Whether the maps of several pairs are added up at once: focal regions on a raster that share a circuit."""
        plain = isinstance(self.circuit, GridCircuit) and not self.circuit.merged_nodes.size
        return plain and isinstance(self._solution, RegionPairSolver) and not self._solution.apart

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """The pairs of ids that are asked for, in the order of their maps."""
        ids = self.focal.ids.tolist()
        return [(ids[one], ids[other]) for one, other in selected_pairs(self._asked)]

    def maps(self, among: Sequence[tuple[int, int]] | None = None) -> Iterator[PairResult]:
        """Give the maps of one pair after the other; those that are not connected have none.

        Parameters
        ----------
        among
            Pairs of ids; all that were asked for by default.
        """
        wanted = self._asked if among is None else self._asked & _asked(self.focal, among)
        for first, second, resistance, values, currents in self._solution.solved(wanted):
            ids = int(self.focal.ids[first]), int(self.focal.ids[second])
            potentials, shown = self._solution.shown(first, second, resistance, values, currents)
            yield PairResult(*ids, resistance, potentials, shown, currents.residual)

    def cumulative(self, *, zero_at_focal: bool = False, largest: bool = True) -> CumulativeCurrent:
        """Return the currents of all pairs: their sum, and the largest, for every place.

        Parameters
        ----------
        zero_at_focal
            Whether the current through the two focal nodes of a pair counts as 0.
        largest
            Whether the largest is wanted. Without it, what all pairs of n focal points on a raster add up to takes
            n log² n steps for each edge instead of n².

        Notes
        -----
        Memory does not depend on the number of pairs.
        """
        if self.superposed:
            return sum_point_pair_currents(self._solution, self._asked, zero_at_focal, largest)
        nothing = self.circuit.laid_out(np.zeros(self.circuit.node_of.size))
        if self.summed_together:
            sums = CurrentAccumulator(nothing)
            for _, some in self.sums(zero_at_focal=zero_at_focal):
                sums.add_sum(some)
            return sums.result
        return streamed(nothing, ((self.counted(pair, zero_at_focal), pair.residual) for pair in self.maps()))

    def sums(
        self, done: int = 0, *, zero_at_focal: bool = False, so_far: Callable[[float], None] = lambda pairs: None
    ) -> Iterator[tuple[int, CumulativeCurrent]]:
        """Give the currents of all pairs, some pairs at a time: how many, and their sum; where `summed_together`.

        Parameters
        ----------
        done
            How many pairs to leave out; as many as this gave another time.
        zero_at_focal
            As in `cumulative`.
        so_far
            Told how many pairs are done, those left out included, before so many are given.
        """
        return sum_region_pair_currents(self._solution, self._asked, zero_at_focal, done, so_far)

    def counted(self, pair: PairResult, zero_at_focal: bool) -> np.ndarray:
        """Return the currents of a pair as they count in the sum: 0 at its focal nodes, if so wanted."""
        if not zero_at_focal:
            return pair.currents
        number = {int(identity): place for place, identity in enumerate(self.focal.ids)}
        places = np.concatenate([self.focal.cells[number[identity]] for identity in (pair.first, pair.second)])
        ends = np.isin(self.circuit.node_of, self.circuit.nodes_at(places))
        ends[places] = True
        return np.where(ends.reshape(pair.currents.shape), 0.0, pair.currents)


def _with_what_they_claim(focal: FocalNodes, circuit: Circuit) -> FocalNodes:
    """Return focal regions with the short-circuit regions off the landscape that they touch: these become theirs."""
    lost = [group for group in circuit.groups if (circuit.node_of[group] < 0).all()]
    if not lost:
        return focal
    places = []
    for mine in focal.cells:
        touched = [group for group in lost if len(mine) > 1 and np.isin(group, mine).any()]
        places.append(np.unique(np.concatenate([mine, *touched])))
    return FocalNodes(focal.ids, tuple(places))


def _asked(focal: FocalNodes, pairs: Sequence[tuple[int, int]] | None) -> np.ndarray:
    """Return which pairs are asked for, as a symmetric matrix."""
    asked = np.full((len(focal),) * 2, pairs is None)
    if pairs is not None:
        number = {int(identity): place for place, identity in enumerate(focal.ids)}
        unknown = sorted({int(identity) for pair in pairs for identity in pair} - set(number))
        if unknown:
            raise ValueError(f"{len(unknown)} ids of pairs are not those of focal nodes, the first is {unknown[0]}")
        for one, other in pairs:
            asked[number[int(one)], number[int(other)]] = asked[number[int(other)], number[int(one)]] = True
    np.fill_diagonal(asked, False)
    return asked
