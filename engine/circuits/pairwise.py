"""Pairwise mode: resistances and current maps between all pairs of focal nodes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from ..counts import count_of
from ..graph import FocalNodes, each_pair, pair_indices, require_two_nodes
from ..storage import ProgressCallback, ResultCache, no_progress
from .accumulator import CumulativeCurrent, CurrentAccumulator, accumulate
from .base import Circuit
from .grid_circuit import GridCircuit
from .network_circuit import NetworkCircuit
from .network_current_sum import sum_network_pair_currents
from .point_current_sum import sum_point_pair_currents, sums_by_sorting
from .point_pairs import PointPairSolver
from .region_current_sum import MIN_LOW_RANK_PAIRS, sum_region_pair_currents
from .region_pairs import MAX_BOUNDARY_CELLS, RegionPairSolver
from .validation import require_valid_resistances

#: Pairs of ids, as tuples or as an array.
Pairs = Sequence[tuple[int, int]] | Int[np.ndarray, "pairs 2"]


@dataclass(frozen=True)
class ResistanceMatrix:
    """Effective resistances between focal nodes, in ohm.

    Parameters
    ----------
    ids
        Ids of the focal nodes.
    matrix
        0 on the diagonal and between focal nodes at the same node of the circuit, infinite between components, NaN for
        excluded pairs.
    """

    ids: Int[np.ndarray, " n"]
    matrix: Float[np.ndarray, "n n"]

    def three_columns(self) -> Float[np.ndarray, "pairs 3"]:
        """Return a row (id, id, resistance) for every pair, as in Circuitscape's `resistances_3columns` files.

        Examples
        --------
        >>> ResistanceMatrix(np.array([3, 5]), np.array([[0.0, 2.5], [2.5, 0.0]])).three_columns()
        array([[3. , 5. , 2.5]])
        """
        first, second = np.triu_indices(len(self.ids), 1)
        return np.stack([self.ids[first], self.ids[second], self.matrix[first, second]], axis=1).astype(float)

    @property
    def unconnected(self) -> int:
        """Number of pairs in different components."""
        return int(np.isinf(self.matrix[np.triu_indices(len(self.ids), 1)]).sum())


@dataclass(frozen=True)
class PairResult:
    """Potentials and currents for 1 A from the second focal node of a pair to the first, which is at 0 V.

    Parameters
    ----------
    first, second
        Ids of the focal nodes.
    resistance
        Effective resistance, in ohm.
    potentials
        In volt; NaN in cells outside the circuit, and in those not connected with the pair.
    currents
        In ampere; NaN in cells outside the circuit.
    residual
        Largest violation of Kirchhoff's current law; see `NodeCurrents`.
    """

    first: int
    second: int
    resistance: float
    potentials: np.ndarray
    currents: np.ndarray
    residual: float


class Pairwise:
    """Pairwise mode: current between all pairs of focal nodes.

    Parameters
    ----------
    circuit
        The landscape, or a network.
    focal
        Focal nodes. For its own pairs, the cells of a focal region and of the short-circuit regions that it touches
        are one node; for all other pairs they are ordinary cells.
    pairs
        Pairs of ids; all by default.
    cache
        Cache of solutions, from which an interrupted run resumes; nothing is cached by default.
    max_boundary_cells
        Largest number of boundary cells of focal regions for which all pairs share one circuit; bounds the memory.
    min_low_rank_pairs
        Smallest number of pairs of focal regions whose currents are summed by a low-rank basis.

    Raises
    ------
    ValueError
        There are fewer than two focal nodes, or none in the landscape; a pair has an unknown id.

    Notes
    -----
    n focal points take n − 1 solves, for any number of pairs, because the potentials of a pair are the difference
    of the potentials from each of its points to a third one (superposition). Resistances between focal regions take no
    solve per pair either: the block of the inverse between the boundary cells of all regions is computed once, and
    each pair is a small dense system in it.

    References
    ----------
    McRae, B. H., Dickson, B. G., Keitt, T. H., Shah, V. B. (2008). Using circuit theory to model connectivity in
    ecology, evolution, and conservation. Ecology 89, 2712–2724.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from ..graph.grid_graph import GridGraph
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
        pairs: Pairs | None = None,
        *,
        cache: ResultCache | None = None,
        max_boundary_cells: int = MAX_BOUNDARY_CELLS,
        min_low_rank_pairs: int = MIN_LOW_RANK_PAIRS,
    ):
        require_two_nodes(focal, circuit)
        focal = _with_touched_regions(focal, circuit)
        self.circuit, self.focal = circuit, focal
        self._requested = _pair_mask(focal, pairs)
        nodes = focal.nodes(circuit)
        single = all(len(cells) == 1 for cells in focal.cells) or all(len(of_one) <= 1 for of_one in nodes)
        extends_circuit = any((circuit.node_of[cells] < 0).any() and len(cells) > 1 for cells in focal.cells)
        if single and not extends_circuit:
            self._solver = PointPairSolver(circuit, focal, nodes, cache)
        else:
            self._solver = RegionPairSolver(circuit, focal, nodes, cache, max_boundary_cells=max_boundary_cells)
        self._min_low_rank_pairs = min_low_rank_pairs

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Requested pairs of ids, in the order of their maps."""
        return list(each_pair(self.pair_ids))

    @cached_property
    def pair_ids(self) -> Int[np.ndarray, "pairs 2"]:
        """Requested pairs of ids as an array."""
        return self.focal.ids[pair_indices(self._requested)]

    @property
    def n_pairs(self) -> int:
        """Number of requested pairs."""
        return int(np.count_nonzero(self._requested)) // 2

    @property
    def uses_superposition(self) -> bool:
        """Whether the sum over all pairs is computed without the map of any pair: focal points on a raster."""
        return isinstance(self._solver, PointPairSolver) and isinstance(self.circuit, GridCircuit)

    @property
    def sums_network(self) -> bool:
        """Whether the sum over all pairs of a network is computed without the currents of any pair."""
        is_network = isinstance(self._solver, PointPairSolver) and isinstance(self.circuit, NetworkCircuit)
        return is_network and sums_by_sorting(self._requested)

    @property
    def uses_shared_circuit(self) -> bool:
        """Whether the maps of several pairs are summed at once: focal regions on a raster that share a circuit."""
        plain = isinstance(self.circuit, GridCircuit) and not self.circuit.merged_nodes.size
        return plain and isinstance(self._solver, RegionPairSolver) and not self._solver.needs_own_circuit

    def resistances(self, *, retain: bool = False, on_partial: ProgressCallback = no_progress) -> ResistanceMatrix:
        """Return the resistances between all focal nodes.

        Parameters
        ----------
        retain
            Whether to retain the solutions for maps or their sum.
        on_partial
            Called with the number of completed solves or pairs, their total, and a function that returns the partial
            matrix.
        """

        def report(done: int, total: int, matrix: Callable[[], np.ndarray]) -> None:
            """Report the partial matrix, with excluded pairs masked."""
            on_partial(done, total, lambda: self._mask(matrix()))

        matrix = self._mask(self._solver.resistances(self._requested, report, retain=retain))
        require_valid_resistances(self.focal.ids, matrix)
        return ResistanceMatrix(self.focal.ids, matrix)

    def maps(self, pairs: Pairs | None = None) -> Iterator[PairResult]:
        """Yield the maps of each pair of connected focal nodes.

        Parameters
        ----------
        pairs
            Pairs of ids; all requested pairs by default.
        """
        requested = self._requested if pairs is None else self._requested & _pair_mask(self.focal, pairs)
        for i, j, resistance, values, currents in self._solver.solve_pairs(requested):
            ids = int(self.focal.ids[i]), int(self.focal.ids[j])
            potentials, through = self._solver.pair_maps(i, j, resistance, values, currents)
            yield PairResult(*ids, resistance, potentials, through, currents.residual)

    def cumulative(
        self,
        *,
        zero_focal_currents: bool = False,
        with_maximum: bool = True,
        on_progress: Callable[[float], None] = lambda fraction: None,
    ) -> CumulativeCurrent:
        """Return the sum and the maximum of the current maps of all pairs.

        Parameters
        ----------
        zero_focal_currents
            Whether the current through the two focal nodes of a pair counts as zero.
        with_maximum
            Whether to compute the maximum. Without it, the sum over all pairs of n focal points on a raster takes
            n log² n operations for each edge instead of n².
        on_progress
            Called with the fraction that is done, for focal points on a raster; not called otherwise.

        Notes
        -----
        Memory does not depend on the number of pairs.
        """
        if self.uses_superposition:
            return sum_point_pair_currents(
                self._solver, self._requested, zero_focal_currents, with_maximum, on_progress
            )
        zero_map = self.circuit.to_map(np.zeros(self.circuit.node_of.size))
        if self.uses_shared_circuit:
            sums = CurrentAccumulator(zero_map)
            for _, partial_sum in self.partial_sums(zero_focal_currents=zero_focal_currents):
                sums.add_sum(partial_sum)
            return sums.result
        maps = ((self.currents_for_sum(pair, zero_focal_currents), pair.residual) for pair in self.maps())
        return accumulate(zero_map, maps)

    def cumulative_of_network(self, on_progress: Callable[[float], None] = lambda fraction: None) -> CumulativeCurrent:
        """Return the sums of the currents of all pairs through nodes and along branches.

        Parameters
        ----------
        on_progress
            Called with the fraction that is done.

        Returns
        -------
        CumulativeCurrent
            Currents through the nodes, followed by those along the branches in the order of `NetworkCircuit.branches`;
            no maximum.

        Raises
        ------
        ValueError
            The sum needs the currents of each pair; see `sums_network`.
        """
        if not self.sums_network:
            raise ValueError("only all pairs of focal points in a network can be summed without the currents of a pair")
        return sum_network_pair_currents(self._solver, on_progress)

    def partial_sums(
        self,
        skip: int = 0,
        *,
        zero_focal_currents: bool = False,
        on_progress: Callable[[float], None] = lambda pairs: None,
    ) -> Iterator[tuple[int, CumulativeCurrent]]:
        """Yield the number of pairs and their sum of currents, block by block.

        Parameters
        ----------
        skip
            Number of pairs to skip, as many as an earlier run has summed.
        zero_focal_currents
            As in `cumulative`.
        on_progress
            Called with the number of pairs done, skipped ones included; a fraction of a block counts as pairs.

        Raises
        ------
        ValueError
            The pairs do not share a circuit; see `uses_shared_circuit`.
        """
        if not self.uses_shared_circuit:
            raise ValueError("only focal regions on a raster whose pairs share a circuit can be summed block by block")
        return sum_region_pair_currents(
            self._solver,
            self._requested,
            zero_focal_currents,
            skip,
            on_progress,
            min_low_rank_pairs=self._min_low_rank_pairs,
        )

    def currents_for_sum(self, pair: PairResult, zero_focal_currents: bool) -> np.ndarray:
        """Return the currents of a pair as they enter the sum: 0 at its focal nodes if `zero_focal_currents`."""
        if not zero_focal_currents:
            return pair.currents
        positions = _positions(self.focal, np.array([pair.first, pair.second]))
        cells = np.concatenate([self.focal.cells[position] for position in positions])
        ends = np.isin(self.circuit.node_of, self.circuit.nodes_at(cells))
        ends[cells] = True
        return np.where(ends.reshape(pair.currents.shape), 0.0, pair.currents)

    def _mask(self, matrix: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
        matrix[~self._requested] = np.nan
        np.fill_diagonal(matrix, 0.0)
        return matrix


def _with_touched_regions(focal: FocalNodes, circuit: Circuit) -> FocalNodes:
    """Extend focal regions by the short-circuit regions that they touch and that are not part of the circuit."""
    inactive = [group for group in circuit.groups if (circuit.node_of[group] < 0).all()]
    if not inactive:
        return focal
    extended = []
    for cells in focal.cells:
        touched = [group for group in inactive if len(cells) > 1 and np.isin(group, cells).any()]
        extended.append(np.unique(np.concatenate([cells, *touched])))
    return FocalNodes(focal.ids, tuple(extended))


def _positions(focal: FocalNodes, ids: Int[np.ndarray, " *k"]) -> Int[np.ndarray, " *k"]:
    """Return the positions of some ids among the focal nodes."""
    order = np.argsort(focal.ids)
    return order[np.searchsorted(focal.ids, ids, sorter=order)]


def _pair_mask(focal: FocalNodes, pairs: Pairs | None) -> np.ndarray:
    """Return the requested pairs as a symmetric matrix."""
    mask = np.full((len(focal),) * 2, pairs is None)
    if pairs is not None:
        ids = np.asarray(pairs, np.int64).reshape(-1, 2)
        unknown = np.setdiff1d(ids, focal.ids)
        if unknown.size:
            raise ValueError(
                f"{count_of(unknown.size, 'id of pairs is', 'ids of pairs are')} not among the focal nodes, the first "
                f"is {unknown[0]}"
            )
        i, j = _positions(focal, ids).T
        mask[i, j] = mask[j, i] = True
    np.fill_diagonal(mask, False)
    return mask
