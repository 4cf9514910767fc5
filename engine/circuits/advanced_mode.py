"""Any currents and any grounds at once."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from .base import Circuit, GroundConductances
from .short_circuits import sum_by_node

Policy = Literal["keepall", "rmvsrc", "rmvgnd", "rmvall"]


@dataclass(frozen=True)
class AdvancedResult:
    """What flows from given sources to given grounds.

    Parameters
    ----------
    potentials
        In volt; NaN where there is no node, or none that is connected with both a source and a ground.
    currents
        In ampere; 0 where nothing flows, NaN where there is no node.
    residual
        How badly current is conserved; see `Currents`.
    unsolved
        How many nodes are connected with a source but with no ground, so that nothing can be said of them.
    """

    potentials: np.ndarray
    currents: np.ndarray
    residual: float
    unsolved: int


def advanced(
    circuit: Circuit,
    sources: Float[np.ndarray, "..."],
    grounds: Float[np.ndarray, "..."],
    *,
    policy: Policy = "keepall",
    unit_currents: bool = False,
    direct_grounds: bool = False,
    as_circuitscape: bool = False,
) -> AdvancedResult:
    """Return what flows from sources to grounds.

    Parameters
    ----------
    circuit
        The landscape, or a network.
    sources
        Current that enters at every place, in ampere; negative where it is taken away, 0 for none. Sources at places
        of one node add.
    grounds
        Conductance of every place to the ground, in siemens: infinite for a direct ground, 0 for none. Grounds at
        places of one node add.
    policy
        What is kept where a node has both: "keepall", "rmvsrc" (the ground), "rmvgnd" (the source), "rmvall" (neither).
        A direct ground swallows whatever enters at it; so with "keepall" it is dropped where current enters.
    unit_currents
        Whether every source counts as 1 A.
    direct_grounds
        Whether every ground counts as a direct one.
    as_circuitscape
        Whether to resolve conflicts to the letter of Circuitscape 5: there, "rmvall" removes the source alone, and
        "rmvgnd" a direct ground alone (one of a finite conductance still lets current out, but a component with no
        others is left out); components whose sources add up to nothing are left out, too.

    Raises
    ------
    ValueError
        Maps of another shape than the circuit's, values that are not numbers, negative or undefined grounds, no source
        or no ground in the landscape, no source that is connected with a ground.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from ..grid import GridGraph
    >>> from .grid_circuit import GridCircuit
    >>> circuit = GridCircuit(GridGraph(jnp.ones((1, 3))))
    >>> flow = advanced(circuit, np.array([[1.0, 0.0, 0.0]]), np.array([[0.0, 0.0, 0.5]]))
    >>> flow.potentials.round(9), flow.currents.round(9)
    (array([[4., 3., 2.]]), array([[1., 1., 1.]]))
    """
    fed, conductance = _at_nodes(circuit, sources, grounds, unit_currents, direct_grounds)
    given = np.count_nonzero(fed), np.count_nonzero(conductance)
    settle = _resolve_conflicts_circuitscape if as_circuitscape else _resolve_conflicts
    fed, conductance, counted = settle(fed, conductance, policy)
    components = circuit.components
    sourced, earthed = np.zeros((2, components.max() + 1), bool)
    sourced[components[fed != 0]] = True
    if as_circuitscape:
        sourced &= sum_by_node(components, fed, len(sourced)) != 0
    earthed[components[counted > 0]] = True
    if not (sourced & earthed).any():
        balanced = "" if sourced[components[fed != 0]].all() else "; where sources add up to nothing none counts"
        raise ValueError(
            "no source is connected with a ground, so that current could not leave: there are sources at "
            f"{given[0]:,} nodes and grounds at {given[1]:,}; {policy!r} leaves {np.count_nonzero(fed):,} and "
            f"{np.count_nonzero(counted):,} of them{balanced}"
        )
    fed = np.where((sourced & earthed)[components], fed, 0.0)
    held = np.flatnonzero(np.isinf(conductance))
    finite = np.flatnonzero((conductance > 0) & np.isfinite(conductance))
    to_ground = GroundConductances(finite, conductance[finite])
    terminals = np.flatnonzero(fed)
    values = circuit.grounded(held, to_ground).potentials(terminals, fed[terminals][None])[0]
    solved = (circuit.node_of >= 0) & (sourced & earthed)[components][circuit.node_of]
    values = np.where(solved, values, 0.0)
    currents = circuit.currents(values, to_ground, open_nodes=np.concatenate([terminals, held]))
    return AdvancedResult(
        circuit.laid_out(np.where(solved, values, np.nan)),
        circuit.laid_out(currents.through),
        currents.residual,
        int((sourced & ~earthed)[components].sum()),
    )


def _at_nodes(circuit, sources, grounds, unit_currents, direct_grounds) -> tuple[np.ndarray, np.ndarray]:
    """Return what is fed into every node and its conductance to the ground."""
    sources, grounds = np.asarray(sources, float), np.asarray(grounds, float)
    for name, values in (("sources", sources), ("grounds", grounds)):
        if values.shape != circuit.shape:
            raise ValueError(f"{name} have shape {values.shape}, the circuit {circuit.shape}")
    for name, values, wrong in (
        ("sources", sources, ~np.isfinite(sources)),
        ("grounds", grounds, ~(grounds >= 0)),
    ):
        if wrong.any():
            place = tuple(int(index) for index in np.argwhere(wrong)[0])
            raise ValueError(
                f"{name} are negative, infinite or not a number in {wrong.sum()} places, the first at {place} "
                f"({values[place]:g}); sources must be finite, grounds conductances of 0 or more"
            )
    if unit_currents:
        sources = (sources != 0).astype(float)
    if direct_grounds:
        grounds = np.where(grounds > 0, np.inf, 0.0)
    there = circuit.node_of >= 0
    number = circuit.node_of[there]
    fed = sum_by_node(number, sources.ravel()[there], circuit.count)
    conductance = sum_by_node(number, grounds.ravel()[there], circuit.count)
    for name, given, found in (("source", sources, fed), ("ground", grounds, conductance)):
        if not found.any():
            raise ValueError(f"no {name} in the landscape: {np.count_nonzero(given)} given, none on an active cell")
    return fed, conductance


def _resolve_conflicts(
    fed: np.ndarray, conductance: np.ndarray, policy: Policy
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Resolve conflicts between sources and grounds of one node.

    Returns
    -------
    fed, conductance, counted
        What is fed, the conductance to the ground, and that part of it which makes a component one with a ground.
    """
    conflict = _conflicts(fed, conductance, policy)
    if policy in ("rmvsrc", "rmvall"):
        fed = np.where(conflict, 0.0, fed)
    if policy in ("rmvgnd", "rmvall"):
        conductance = np.where(conflict, 0.0, conductance)
    if policy == "keepall":
        conductance = np.where((fed > 0) & np.isinf(conductance), 0.0, conductance)
    return fed, conductance, conductance


def _resolve_conflicts_circuitscape(
    fed: np.ndarray, conductance: np.ndarray, policy: Policy
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Resolve conflicts as Circuitscape does, which takes finite grounds into its matrix before; as `_resolve_conflicts`."""
    conflict = _conflicts(fed, conductance, policy)
    counted = conductance
    if policy in ("rmvsrc", "rmvall"):
        fed = np.where(conflict, 0.0, fed)
    if policy == "rmvgnd":
        counted = np.where(conflict, 0.0, counted)
    counted = np.where((fed > 0) & np.isinf(counted), 0.0, counted)
    return fed, np.where(np.isinf(conductance), counted, conductance), counted


def _conflicts(fed: np.ndarray, conductance: np.ndarray, policy: Policy) -> np.ndarray:
    if policy not in ("keepall", "rmvsrc", "rmvgnd", "rmvall"):
        raise ValueError(f"policy must be keepall, rmvsrc, rmvgnd or rmvall, not {policy!r}")
    return (fed != 0) & (conductance > 0)
