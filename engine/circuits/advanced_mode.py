"""Advanced mode: any current sources and grounds in one circuit."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from ..counts import count_of
from ..graph import LARGEST_VALUE
from .base import Circuit, GroundConductances
from .short_circuits import sum_by_node

Policy = Literal["keepall", "rmvsrc", "rmvgnd", "rmvall"]


@dataclass(frozen=True)
class AdvancedResult:
    """Potentials and currents between sources and grounds.

    Parameters
    ----------
    potentials
        In volt; NaN in cells outside the circuit, and in components without both a source and a ground.
    currents
        In ampere; 0 where no current flows, NaN in cells outside the circuit.
    residual
        Largest violation of Kirchhoff's current law; see `NodeCurrents`.
    unsolved
        Number of nodes in components with a source but without a ground, where no solution exists.
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
    """Solve for the currents from sources to grounds.

    Parameters
    ----------
    circuit
        The landscape, or a network.
    sources
        Current injected into every cell, in ampere; negative where current is withdrawn, 0 for none. Sources in cells
        of one node add.
    grounds
        Ground conductance of every cell, in siemens: infinite for a direct ground, 0 for none. Grounds in cells of one
        node add.
    policy
        How to resolve conflicts at nodes with both a source and a ground: "keepall" keeps both, "rmvsrc" removes the
        source, "rmvgnd" the ground, "rmvall" both. A direct ground absorbs all current injected at its node, so
        "keepall" removes direct grounds at nodes with a positive source.
    unit_currents
        Whether to set every source to 1 A.
    direct_grounds
        Whether to make every ground a direct ground.
    as_circuitscape
        Whether to resolve conflicts exactly as Circuitscape 5 does. There, "rmvall" removes the source only; "rmvgnd"
        removes direct grounds only (finite grounds still drain current, but a component without other grounds is
        skipped); components whose sources sum to zero are skipped as well.

    Raises
    ------
    ValueError
        The shape of a map differs from the circuit's; sources are not finite; grounds are negative or NaN; the
        landscape contains no source or no ground; no source is connected with a ground; an unknown policy.

    References
    ----------
    McRae, B. H., Shah, V. B., Mohapatra, T. K. (2013). Circuitscape 4 user guide. The Nature Conservancy. Advanced
    mode.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from ..graph.grid_graph import GridGraph
    >>> from .grid_circuit import GridCircuit
    >>> circuit = GridCircuit(GridGraph(jnp.ones((1, 3))))
    >>> flow = advanced(circuit, np.array([[1.0, 0.0, 0.0]]), np.array([[0.0, 0.0, 0.5]]))
    >>> flow.potentials.round(9), flow.currents.round(9)
    (array([[4., 3., 2.]]), array([[1., 1., 1.]]))
    """
    injected, conductance = _at_nodes(circuit, sources, grounds, unit_currents, direct_grounds)
    before = int(np.count_nonzero(injected)), int(np.count_nonzero(conductance))
    resolve = _resolve_conflicts_circuitscape if as_circuitscape else _resolve_conflicts
    injected, conductance, effective = resolve(injected, conductance, policy)
    components = circuit.components
    has_source, has_ground = np.zeros((2, components.max() + 1), bool)
    has_source[components[injected != 0]] = True
    if as_circuitscape:
        has_source &= sum_by_node(components, injected, len(has_source)) != 0
    has_ground[components[effective > 0]] = True
    if not (has_source & has_ground).any():
        skipped = (
            "" if has_source[components[injected != 0]].all() else "; components whose sources sum to 0 are skipped"
        )
        raise ValueError(
            "no source is connected with a ground, so that the current could not leave the circuit: there are sources "
            f"at {count_of(before[0], 'node')} and grounds at {count_of(before[1], 'node')}"
            + _describe_remaining(before, (int(np.count_nonzero(injected)), int(np.count_nonzero(effective))), policy)
            + skipped
        )
    injected = np.where((has_source & has_ground)[components], injected, 0.0)
    fixed = np.flatnonzero(np.isinf(conductance))
    finite = np.flatnonzero((conductance > 0) & np.isfinite(conductance))
    to_ground = GroundConductances(finite, conductance[finite])
    nodes = np.flatnonzero(injected)
    potentials = circuit.grounded(fixed, to_ground).solve(nodes, injected[nodes][None])[0]
    solved = (circuit.node_of >= 0) & (has_source & has_ground)[components][circuit.node_of]
    potentials = np.where(solved, potentials, 0.0)
    currents = circuit.currents(potentials, to_ground, terminals=np.concatenate([nodes, fixed]))
    return AdvancedResult(
        circuit.to_map(np.where(solved, potentials, np.nan)),
        circuit.to_map(currents.through),
        currents.residual,
        int((has_source & ~has_ground)[components].sum()),
    )


def _describe_remaining(before: tuple[int, int], after: tuple[int, int], policy: Policy) -> str:
    """Return how many sources and grounds a conflict policy has left, for an error message; empty if all."""
    if after == before:
        return ", in different connected components"
    reason = " (a node with a source cannot be grounded directly)" if policy == "keepall" else ""
    return (
        f"; where both are at the same node, the conflict policy {policy!r} decides{reason}, which leaves sources at "
        f"{count_of(after[0], 'node')} and grounds at {count_of(after[1], 'node')}"
    )


def _at_nodes(circuit, sources, grounds, unit_currents, direct_grounds) -> tuple[np.ndarray, np.ndarray]:
    """Return the injected current and the ground conductance of every node."""
    sources, grounds = np.asarray(sources, float), np.asarray(grounds, float)
    for name, values in (("sources", sources), ("grounds", grounds)):
        if values.shape != circuit.shape:
            raise ValueError(f"{name} have shape {values.shape}, the circuit {circuit.shape}")
    for name, values, valid, limits in (
        ("sources", sources, np.abs(sources) <= LARGEST_VALUE, f"from −{LARGEST_VALUE:g} to {LARGEST_VALUE:g} A"),
        (
            "grounds",
            grounds,
            (grounds >= 0) & ((grounds <= LARGEST_VALUE) | np.isinf(grounds)),
            f"from 0 to {LARGEST_VALUE:g} S, or infinite for a direct ground",
        ),
    ):
        if not valid.all():
            first = tuple(int(index) for index in np.argwhere(~valid)[0])
            raise ValueError(
                f"{name} are invalid in {count_of((~valid).sum(), 'cell')}, the first at {first} ({values[first]:g}); "
                f"they must be {limits}"
            )
    if unit_currents:
        sources = (sources != 0).astype(float)
    if direct_grounds:
        grounds = np.where(grounds > 0, np.inf, 0.0)
    is_node = circuit.node_of >= 0
    number = circuit.node_of[is_node]
    injected = sum_by_node(number, sources.ravel()[is_node], circuit.n_nodes)
    conductance = sum_by_node(number, grounds.ravel()[is_node], circuit.n_nodes)
    for name, by_cell, by_node in (("source", sources, injected), ("ground", grounds, conductance)):
        if not by_node.any():
            reason = "those at one node cancel" if by_cell.ravel()[is_node].any() else "none on an active cell"
            raise ValueError(f"no {name} in the landscape: {np.count_nonzero(by_cell)} given, {reason}")
    return injected, conductance


def _resolve_conflicts(
    injected: np.ndarray, conductance: np.ndarray, policy: Policy
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Resolve conflicts between sources and grounds of one node.

    Returns
    -------
    injected, conductance, effective
        Injected current, ground conductance, and the part of the latter that makes a component a grounded one.
    """
    conflict = _conflicts(injected, conductance, policy)
    if policy in ("rmvsrc", "rmvall"):
        injected = np.where(conflict, 0.0, injected)
    if policy in ("rmvgnd", "rmvall"):
        conductance = np.where(conflict, 0.0, conductance)
    if policy == "keepall":
        conductance = np.where((injected > 0) & np.isinf(conductance), 0.0, conductance)
    return injected, conductance, conductance


def _resolve_conflicts_circuitscape(
    injected: np.ndarray, conductance: np.ndarray, policy: Policy
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Resolve conflicts like Circuitscape, which assembles finite grounds first; returns as `_resolve_conflicts`."""
    conflict = _conflicts(injected, conductance, policy)
    effective = conductance
    if policy in ("rmvsrc", "rmvall"):
        injected = np.where(conflict, 0.0, injected)
    if policy == "rmvgnd":
        effective = np.where(conflict, 0.0, effective)
    effective = np.where((injected > 0) & np.isinf(effective), 0.0, effective)
    return injected, np.where(np.isinf(conductance), effective, conductance), effective


def _conflicts(injected: np.ndarray, conductance: np.ndarray, policy: Policy) -> np.ndarray:
    """Return the nodes with both a source and a ground."""
    if policy not in ("keepall", "rmvsrc", "rmvgnd", "rmvall"):
        raise ValueError(f"policy must be keepall, rmvsrc, rmvgnd or rmvall, not {policy!r}")
    return (injected != 0) & (conductance > 0)
