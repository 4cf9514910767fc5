"""Killed random walks: how likely a walker is to arrive, as a free energy that never over- or underflows.

A walker steps from i to j with weight W_ij = P_ij exp(−θ C_ij) ≤ P_ij; the rest of its weight is lost. The weight that
reaches target t from i, z_i = Σ over paths of Π W, decays like exp(−θ · distance) and leaves the range of
floating-point numbers on real landscapes, so what is computed is φ_i = −log z_i.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from jaxtyping import Array, Float, Int
from scipy.sparse.csgraph import dijkstra
from scipy.sparse.linalg import splu

from ..sparse import edge_list
from ..stencil import Stencil, neighbours
from .interface import AbstractSolver
from .journal import note

#: A scaled arrival weight below this is not trusted: less than half of the digits of the exponent range are left for
#: the products inside the elimination.
RESOLVED = 1e-140

#: Rounds of rescaling; each resolves at least some three hundred e-foldings more, so this is never reached by a
#: landscape that fits into memory.
MOST_ROUNDS = 500


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def free_energies(
    solver: AbstractSolver,
    log_transitions: Float[Array, "directions rows columns"],
    energies: Float[Array, "directions rows columns"],
    target: Int[Array, ""],
) -> Float[Array, "rows columns"]:
    """Return φ = −log z for one target: 0 there, infinite where it cannot be reached.

    Parameters
    ----------
    solver
        For the gradient's linear solve.
    log_transitions
        log P of stepping from a cell to its neighbour, −inf where there is no edge.
    energies
        θ C of that step, zero or more; anything where there is no edge.
    target
        Flat raster index.

    Notes
    -----
    φ_i = −log Σ_j exp(log P_ij − θ C_ij − φ_j). Let W̃_ij = exp(log P_ij − θ C_ij + φ_i − φ_j), whose rows sum to one:
    the walk given that it arrives (Doob's h-transform). Then (I − W̃) dφ = Σ_j W̃_ij (θ dC_ij + C_ij dθ − d log P_ij),
    so the gradient is one transposed solve with I − W̃.

    References
    ----------
    Kivimäki, I., Shimbo, M. & Saerens, M. (2014). Developments in the theory of randomized shortest paths with a
    comparison of graph node distances. Physica A 393, 600–616. Eq. 20.
    """
    return _on_host(log_transitions, energies, target)


def _on_host(log_transitions, energies, target):
    result = jax.ShapeDtypeStruct(log_transitions.shape[1:], jnp.float64)
    return jax.pure_callback(_rescaled, result, log_transitions, energies, target, vmap_method="sequential")


def _forward(solver, log_transitions, energies, target):
    potential = _on_host(log_transitions, energies, target)
    return potential, (log_transitions, energies, target, potential)


def _backward(solver, remembered, cotangent):
    log_transitions, energies, target, potential = remembered
    walk = arriving_walk(log_transitions - jnp.where(log_transitions > -jnp.inf, energies, 0.0), potential, target)
    place = jnp.arange(potential.size).reshape(potential.shape)
    pull = jnp.where(jnp.isfinite(potential) & (place != target), cotangent, 0.0)
    system = absorbing_system(walk)
    sent = solver.solve_prepared(solver.prepare(system), pull[None], transposed=True)[0]
    flow = sent * walk
    return -flow, flow, None


free_energies.defvjp(_forward, _backward)


def arriving_walk(
    log_weights: Float[Array, "directions rows columns"],
    potential: Float[Array, "rows columns"],
    target: Int[Array, ""],
) -> Float[Array, "directions rows columns"]:
    """Return the transition probabilities of the walk given that it arrives at the target.

    W̃_ij = W_ij z_j / Σ_k W_ik z_k; rows sum to one, except at the target and where it cannot be reached: there all 0.
    """
    there = neighbours(potential, log_weights.shape[0], fill=jnp.inf)
    usable = (log_weights > -jnp.inf) & jnp.isfinite(there)
    exponent = jnp.where(usable, log_weights - jnp.where(usable, there, 0.0), -jnp.inf)
    place = jnp.arange(potential.size).reshape(potential.shape)
    moves = jnp.isfinite(potential) & (place != target)
    # Rows that do not move would be a softmax of nothing, NaN; a harmless 0 stands in for them.
    share = jax.nn.softmax(jnp.where(moves, exponent, 0.0), axis=0)
    return jnp.where(moves & usable, share, 0.0)


def absorbing_system(walk: Float[Array, "directions rows columns"]) -> Stencil:
    """Return I − W̃, which is nonsingular as every cell with a row arrives at the target."""
    return Stencil(jnp.ones(walk.shape[1:]), -walk)


def _rescaled(log_transitions, energies, target) -> np.ndarray:
    """Solve z = W z in a scale that is adjusted until no entry is out of range.

    Scaled by potentials φ the unknown is z̃_i = z_i exp(φ_i). Starting from the least energy θ d ≤ −log z every z̃ is at
    most one; those that have not underflowed give the true −log z, from which the least energy of the remaining cells
    is measured anew, and so on outwards.
    """
    log_transitions, energies = np.asarray(log_transitions), np.asarray(energies)
    shape, size, target = log_transitions.shape[1:], log_transitions[0].size, int(target)
    result = np.full(size, np.inf)
    if not 0 <= target < size:
        return result.reshape(shape)
    result[target] = 0.0
    exists = np.isfinite(log_transitions)
    start, end, log_weight = edge_list(log_transitions - np.where(exists, energies, 0.0), exists)
    energy = edge_list(energies, exists)[2]
    if (energy < 0).any() or np.isnan(energy).any():
        raise ValueError(f"the cost is negative or undefined on {int((~(energy >= 0)).sum())} edges; it must not be")
    # Once arrived a walker stays: edges that leave the target are not taken.
    kept = start != target
    start, end, log_weight, energy = start[kept], end[kept], log_weight[kept], energy[kept]
    potential = _least_energy(start, end, energy, size, np.array([target]), np.zeros(1))
    cells = np.flatnonzero(np.isfinite(potential))
    cells = cells[cells != target]
    if cells.size == 0:
        return result.reshape(shape)
    inside = np.isfinite(potential[start]) & np.isfinite(potential[end])
    start, end, log_weight, energy = start[inside], end[inside], log_weight[inside], energy[inside]
    number = np.full(size, -1)
    number[cells] = np.arange(cells.size)
    to_target = end == target
    for rounds in range(1, MOST_ROUNDS + 1):
        with np.errstate(over="ignore", under="ignore"):
            weight = np.exp(log_weight + potential[start] - potential[end])
        arrive = np.bincount(number[start[to_target]], weight[to_target], cells.size)
        z = _solve_walk(number[start[~to_target]], number[end[~to_target]], weight[~to_target], arrive)
        resolved = np.isfinite(z) & (z > RESOLVED)
        if not resolved.any():
            raise RuntimeError("the randomized shortest paths could not be scaled into the range of numbers")
        near = cells[resolved]
        shift = np.log(z[resolved])
        potential[near] -= shift
        if resolved.all():
            # The last correction has to be small, so that products inside the elimination kept all their digits.
            if np.abs(shift).max() < 100.0:
                note("free energy (SuperLU)", 1, rounds, _defect(start, end, log_weight, potential, target))
                break
        else:
            seeds = np.append(near, target)
            potential = _least_energy(start, end, energy, size, seeds, potential[seeds])
    else:
        raise RuntimeError(f"the free energy did not settle within {MOST_ROUNDS} rounds of rescaling")
    result[cells] = potential[cells]
    return result.reshape(shape)


def _solve_walk(start, end, weight, arrive) -> np.ndarray:
    """Solve z = W z + arrive."""
    size = arrive.size
    system = sp.identity(size, format="csc") - sp.csc_matrix((weight, (start, end)), shape=(size, size))
    options = {"SymmetricMode": True}
    factor = splu(sp.csc_matrix(system), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options)
    z = factor.solve(arrive)
    return z + factor.solve(arrive - system @ z)


def _least_energy(start, end, energy, size, seeds, offsets) -> np.ndarray:
    """Return the least energy to reach any seed, where seed k already costs offsets[k]."""
    # One more vertex joins the seeds. Its edges must not be zero, which csgraph could take for a missing edge.
    base = offsets.min() - 1.0
    settled = np.zeros(size, bool)
    settled[seeds] = True
    outside = ~settled[start]
    rows = np.concatenate([end[outside], np.full(seeds.size, size)])
    columns = np.concatenate([start[outside], seeds])
    values = np.concatenate([np.maximum(energy[outside], np.finfo(float).tiny), offsets - base])
    graph = sp.csr_matrix((values, (rows, columns)), shape=(size + 1, size + 1))
    return dijkstra(graph, indices=size)[:size] + base


def _defect(start, end, log_weight, potential, target) -> float:
    """Return by how much the rows of the arriving walk miss one."""
    rows = np.bincount(start, np.exp(log_weight + potential[start] - potential[end]), potential.size)
    movers = np.flatnonzero(np.isfinite(potential))
    movers = movers[movers != target]
    return float(np.abs(rows[movers] - 1).max(initial=0.0))
