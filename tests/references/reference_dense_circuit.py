"""Circuitscape's four modes once more, with loops over cells and dense matrices, and nothing of the engine.

A landscape is an array of conductances, 0 where there is no cell; short-circuit and focal regions are arrays of ids.
"""

import numpy as np

#: Currents along an edge this small beside the largest are none.
NEGLIGIBLE = 1e-8


class DenseCircuit:
    """Nodes, the conductance between any two of them, and the components they form.

    Cells of one region are one node, those without conductance too, if one of the region has any.
    """

    def __init__(self, conductance, regions, *, rook, mean_of_resistances):
        self.shape = conductance.shape
        alive = set(regions[(conductance > 0) & (regions > 0)].tolist())
        self.node_of, numbers = np.full(self.shape, -1), {}
        for cell in np.ndindex(self.shape):
            region = int(regions[cell])
            if region in alive or conductance[cell] > 0:
                self.node_of[cell] = numbers.setdefault(("region", region) if region in alive else cell, len(numbers))
        self.between = np.zeros((len(numbers),) * 2)
        for cell in np.argwhere(self.node_of >= 0):
            for step in [(0, 1), (1, 0)] if rook else [(0, 1), (1, 0), (1, 1), (-1, 1)]:
                other = cell + step
                if (other < 0).any() or (other >= self.shape).any() or self.node_of[tuple(other)] < 0:
                    continue
                one, two = conductance[tuple(cell)], conductance[tuple(other)]
                edge = (one + two) / 2
                if mean_of_resistances:
                    edge = 2 / (1 / one + 1 / two) if one > 0 and two > 0 else 0.0
                self._join(self.node_of[tuple(cell)], self.node_of[tuple(other)], edge / np.hypot(*step))
        self._label()

    @classmethod
    def of_edges(cls, edges, conductances, count):
        """A network."""
        self = cls.__new__(cls)
        self.shape, self.node_of, self.between = (count,), np.arange(count), np.zeros((count, count))
        for (one, other), conductance in zip(edges, conductances, strict=True):
            self._join(one, other, conductance)
        self._label()
        return self

    def _join(self, one, other, conductance):
        if one != other:
            self.between[[one, other], [other, one]] += conductance

    def _label(self):
        count = len(self.between)
        reach = np.linalg.matrix_power((self.between > 0) + np.eye(count), max(count, 1)) > 0
        self.component = reach.argmax(1) if count else np.empty(0, int)

    def node_at(self, cells):
        return int(max(self.node_of[cell] for cell in cells))

    def laid_out(self, values):
        return np.where(self.node_of >= 0, np.append(values, 0.0)[self.node_of], 0.0)

    def potentials(self, fed, to_ground, held):
        """Solve where something is fed and something else is held or grounded; 0 V elsewhere."""
        values = np.zeros(len(self.between))
        free = ~held
        laplacian = np.diag(self.between.sum(1) + to_ground) - self.between
        values[free] = np.linalg.lstsq(laplacian[np.ix_(free, free)], fed[free], rcond=1e-13)[0]
        return values

    def currents(self, values, to_ground=0.0):
        along = self.between * (values[:, None] - values)
        along[np.abs(along) < NEGLIGIBLE * np.abs(along).max(initial=0.0)] = 0.0
        lost = to_ground * values
        into, out = np.maximum(-along, 0).sum(1), np.maximum(along, 0).sum(1)
        return np.maximum(into + np.maximum(-lost, 0), out + np.maximum(lost, 0))

    def advanced(self, fed, conductance, policy, *, among=None):
        """Potentials and currents by node, and whether anything was solved, as Circuitscape settles conflicts.

        Finite grounds are in its matrix before they are settled, and "rmvall" removes but the source.
        """
        to_ground, conflict = np.where(np.isinf(conductance), 0.0, conductance), (fed != 0) & (conductance > 0)
        if policy in ("rmvsrc", "rmvall"):
            fed = np.where(conflict, 0.0, fed)
        if policy == "rmvgnd":
            conductance = np.where(conflict, 0.0, conductance)
        conductance = np.where(np.isinf(conductance) & (fed > 0), 0.0, conductance)
        values, through, solved = np.zeros(len(fed)), np.zeros(len(fed)), False
        for component in np.unique(self.component):
            mine = self.component == component
            if (among is not None and not mine[among]) or fed[mine].sum() == 0 or conductance[mine].sum() == 0:
                continue
            held = ~mine | np.isinf(conductance)
            found = self.potentials(np.where(mine, fed, 0.0), to_ground, held)
            values += found
            through += self.currents(found, np.where(mine, to_ground, 0.0))
            solved = True
        return values, through, solved


def burnt_in(regions, *focal):
    """Regions, with focal nodes burnt in one after the other, each with all regions that it touches."""
    regions = regions.copy()
    for cells in focal:
        rows, columns = np.transpose(cells)
        number = regions.max() + 1
        touched = regions[rows, columns]
        regions[np.isin(regions, touched[touched > 0])] = number
        regions[rows, columns] = number
    return regions


def pairwise(conductance, regions, focal, **how):
    """Resistance, voltages and currents by pair of ids; −1 and None where there is no way."""
    found = {}
    for one in focal:
        for other in (identity for identity in focal if identity > one):
            circuit = DenseCircuit(conductance, burnt_in(regions, focal[one], focal[other]), **how)
            ends = [circuit.node_at(focal[identity]) for identity in (one, other)]
            if min(ends) < 0 or circuit.component[ends[0]] != circuit.component[ends[1]]:
                found[one, other] = -1.0, None, None
                continue
            fed = np.zeros(len(circuit.between))
            fed[ends[1]] = ends[0] != ends[1]
            held = circuit.component != circuit.component[ends[0]]
            held[ends[0]] = True
            values = circuit.potentials(fed, 0.0, held)
            maps = circuit.laid_out(values), circuit.laid_out(circuit.currents(values))
            found[one, other] = float(values[ends[1]]), *maps
    return found


def sweep(conductance, regions, focal, strengths, excluded, *, one_to_all, **how):
    """Resistance, voltages and currents by id; −1 where nothing can be reached."""
    found = {}
    for mine in focal:
        taking_part = [other for other in focal if frozenset((mine, other)) not in excluded]
        circuit = DenseCircuit(conductance, burnt_in(regions, *(focal[other] for other in taking_part)), **how)
        fed, grounds = np.zeros((2, len(circuit.between)))
        for other in taking_part:
            node = circuit.node_at(focal[other])
            if node >= 0 and (other == mine) == one_to_all:
                fed[node] += strengths.get(other, 1.0)
            elif node >= 0:
                grounds[node] = np.inf
        node = circuit.node_at(focal[mine])
        values, through, solved = np.zeros(len(fed)), np.zeros(len(fed)), False
        if node >= 0:
            values, through, solved = circuit.advanced(fed, grounds, "rmvgnd" if one_to_all else "rmvsrc", among=node)
        resistance = float(values[node]) / strengths.get(mine, 1.0) if solved and one_to_all else 0.0
        found[mine] = (resistance if solved else -1.0), circuit.laid_out(values), circuit.laid_out(through)
    return found
