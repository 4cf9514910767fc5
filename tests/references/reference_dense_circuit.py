"""Independent reference: Circuitscape's four modes with loops over cells and dense matrices, without the engine.

A landscape is an array of conductances, 0 where there is no cell; short-circuit and focal regions are arrays of ids.
"""

import numpy as np

#: Currents along an edge below this fraction of the largest are 0.
NEGLIGIBLE = 1e-8


class DenseCircuit:
    """Nodes, the conductance between any two of them, and the components they form.

    The cells of a region are one node, including those without conductance, if one of them has any.
    """

    def __init__(self, conductance, regions, *, rook, mean_of_resistances):
        self.shape = conductance.shape
        alive = set(regions[(conductance > 0) & (regions > 0)].tolist())
        self.node_of, numbers = np.full(self.shape, -1), {}
        for cell in np.ndindex(self.shape):
            region = int(regions[cell])
            if region in alive or conductance[cell] > 0:
                self.node_of[cell] = numbers.setdefault(("region", region) if region in alive else cell, len(numbers))
        self.matrix = np.zeros((len(numbers),) * 2)
        for cell in np.argwhere(self.node_of >= 0):
            for step in [(0, 1), (1, 0)] if rook else [(0, 1), (1, 0), (1, 1), (-1, 1)]:
                other = cell + step
                if (other < 0).any() or (other >= self.shape).any() or self.node_of[tuple(other)] < 0:
                    continue
                a, b = conductance[tuple(cell)], conductance[tuple(other)]
                edge = (a + b) / 2
                if mean_of_resistances:
                    edge = 2 / (1 / a + 1 / b) if a > 0 and b > 0 else 0.0
                self._join(self.node_of[tuple(cell)], self.node_of[tuple(other)], edge / np.hypot(*step))
        self._label()

    @classmethod
    def of_edges(cls, edges, conductances, count):
        """Make the circuit of a network."""
        self = cls.__new__(cls)
        self.shape, self.node_of, self.matrix = (count,), np.arange(count), np.zeros((count, count))
        for (i, j), conductance in zip(edges, conductances, strict=True):
            self._join(i, j, conductance)
        self._label()
        return self

    def _join(self, i, j, conductance):
        if i != j:
            self.matrix[[i, j], [j, i]] += conductance

    def _label(self):
        count = len(self.matrix)
        reach = np.linalg.matrix_power((self.matrix > 0) + np.eye(count), max(count, 1)) > 0
        self.component = reach.argmax(1) if count else np.empty(0, int)

    def node_at(self, cells):
        return int(max(self.node_of[cell] for cell in cells))

    def to_map(self, values):
        return np.where(self.node_of >= 0, np.append(values, 0.0)[self.node_of], 0.0)

    def potentials(self, injected, to_ground, fixed):
        """Return the potentials for injected currents, with some nodes fixed at 0 V and some grounded."""
        values = np.zeros(len(self.matrix))
        free = ~fixed
        laplacian = np.diag(self.matrix.sum(1) + to_ground) - self.matrix
        values[free] = np.linalg.lstsq(laplacian[np.ix_(free, free)], injected[free], rcond=1e-13)[0]
        return values

    def currents(self, values, to_ground=0.0):
        along = self.matrix * (values[:, None] - values)
        along[np.abs(along) < NEGLIGIBLE * np.abs(along).max(initial=0.0)] = 0.0
        drained = to_ground * values
        inflow, outflow = np.maximum(-along, 0).sum(1), np.maximum(along, 0).sum(1)
        return np.maximum(inflow + np.maximum(-drained, 0), outflow + np.maximum(drained, 0))

    def advanced(self, injected, conductance, policy, *, component_of=None):
        """Return potentials and currents by node, and whether any component was solved, as Circuitscape does.

        It assembles finite grounds before it resolves conflicts, and "rmvall" removes the source only.
        """
        to_ground, conflict = np.where(np.isinf(conductance), 0.0, conductance), (injected != 0) & (conductance > 0)
        if policy in ("rmvsrc", "rmvall"):
            injected = np.where(conflict, 0.0, injected)
        if policy == "rmvgnd":
            conductance = np.where(conflict, 0.0, conductance)
        conductance = np.where(np.isinf(conductance) & (injected > 0), 0.0, conductance)
        values, currents, is_solved = np.zeros(len(injected)), np.zeros(len(injected)), False
        for component in np.unique(self.component):
            members = self.component == component
            if (
                (component_of is not None and not members[component_of])
                or injected[members].sum() == 0
                or conductance[members].sum() == 0
            ):
                continue
            fixed = ~members | np.isinf(conductance)
            result = self.potentials(np.where(members, injected, 0.0), to_ground, fixed)
            values += result
            currents += self.currents(result, np.where(members, to_ground, 0.0))
            is_solved = True
        return values, currents, is_solved


def with_focal_nodes(regions, *focal):
    """Return regions with focal nodes added one after the other, each merged with all regions that it touches."""
    regions = regions.copy()
    for cells in focal:
        rows, columns = np.transpose(cells)
        number = regions.max() + 1
        touched = regions[rows, columns]
        regions[np.isin(regions, touched[touched > 0])] = number
        regions[rows, columns] = number
    return regions


def pairwise(conductance, regions, focal, **how):
    """Return resistance, voltages and currents by pair of ids; −1 and None between unconnected nodes."""
    result = {}
    for first in focal:
        for second in (identity for identity in focal if identity > first):
            circuit = DenseCircuit(conductance, with_focal_nodes(regions, focal[first], focal[second]), **how)
            ends = [circuit.node_at(focal[identity]) for identity in (first, second)]
            if min(ends) < 0 or circuit.component[ends[0]] != circuit.component[ends[1]]:
                result[first, second] = -1.0, None, None
                continue
            injected = np.zeros(len(circuit.matrix))
            injected[ends[1]] = ends[0] != ends[1]
            fixed = circuit.component != circuit.component[ends[0]]
            fixed[ends[0]] = True
            values = circuit.potentials(injected, 0.0, fixed)
            maps = circuit.to_map(values), circuit.to_map(circuit.currents(values))
            result[first, second] = float(values[ends[1]]), *maps
    return result


def one_against_all(conductance, regions, focal, strengths, excluded, *, one_to_all, **how):
    """Return resistance, voltages and currents by id; −1 if no other focal node is connected."""
    result = {}
    for identity in focal:
        taking_part = [other for other in focal if frozenset((identity, other)) not in excluded]
        circuit = DenseCircuit(conductance, with_focal_nodes(regions, *(focal[other] for other in taking_part)), **how)
        injected, grounds = np.zeros((2, len(circuit.matrix)))
        for other in taking_part:
            node = circuit.node_at(focal[other])
            if node >= 0 and (other == identity) == one_to_all:
                injected[node] += strengths.get(other, 1.0)
            elif node >= 0:
                grounds[node] = np.inf
        node = circuit.node_at(focal[identity])
        values, currents, is_solved = np.zeros(len(injected)), np.zeros(len(injected)), False
        if node >= 0:
            values, currents, is_solved = circuit.advanced(
                injected, grounds, "rmvgnd" if one_to_all else "rmvsrc", component_of=node
            )
        resistance = float(values[node]) / strengths.get(identity, 1.0) if is_solved and one_to_all else 0.0
        result[identity] = (resistance if is_solved else -1.0), circuit.to_map(values), circuit.to_map(currents)
    return result
