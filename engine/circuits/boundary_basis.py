"""Low-rank basis of the boundary currents of all pairs of focal regions.

Seen from far away, the direction in which current leaves a region hardly changes how it is distributed over the
region's boundary. To ten digits, the boundary currents of all pairs of a region lie in the span of about a dozen basis
vectors, and so do the potentials.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from .region_pairs import BoundaryCurrents

#: Singular values below this fraction of the norm of a region's boundary currents are truncated.
TRUNCATION_RTOL = 1e-10


class BoundaryCurrentBasis(NamedTuple):
    """Basis vectors of boundary currents, and the coefficients of every pair.

    Parameters
    ----------
    vectors
        Currents injected at every boundary node, for each basis vector.
    starts
        Number of each region's first basis vector, followed by the number of all basis vectors.
    first, second
        Coefficients of each pair for the basis vectors of its first and of its second region, padded with zeros.
    """

    vectors: Float[np.ndarray, "basis boundary_nodes"]
    starts: Int[np.ndarray, " regions+1"]
    first: Float[np.ndarray, "pairs most"]
    second: Float[np.ndarray, "pairs most"]


def boundary_current_basis(
    pairs: list[tuple[int, int]],
    currents: list[BoundaryCurrents],
    positions: list[Int[np.ndarray, " _"]],
    components: Int[np.ndarray, " boundary_nodes"],
) -> BoundaryCurrentBasis:
    """Return a basis of the boundary currents of some pairs.

    Parameters
    ----------
    pairs
        First and second region.
    currents
        Boundary currents of each pair.
    positions
        Positions of the boundary nodes of each region among all boundary nodes.
    components
        Component of every boundary node.

    Notes
    -----
    For each region, the basis consists of a uniform current in each component that its boundary touches, and of the
    leading right singular vectors of the rest (truncated SVD).

    Examples
    --------
    >>> currents = BoundaryCurrents(1.0, np.array([-1.0]), np.array([1.0]), {0: 0.0})
    >>> basis = boundary_current_basis([(0, 1)], [currents], [np.array([0]), np.array([1])], np.array([0, 0]))
    >>> basis.first @ basis.vectors[:1] + basis.second @ basis.vectors[1:]
    array([[-1.,  1.]])
    """
    ends, n_boundary = np.array(pairs).reshape(-1, 2), len(components)
    vectors, starts = [], [0]
    rows: dict[tuple[int, int], np.ndarray] = {}
    for region, boundary in enumerate(positions):
        as_first, as_second = np.flatnonzero(ends[:, 0] == region), np.flatnonzero(ends[:, 1] == region)
        of_region = [currents[n].first for n in as_first] + [currents[n].second for n in as_second]
        if of_region:
            samples = np.stack(of_region)
            uniform = components[boundary] == np.unique(components[boundary])[:, None]
            uniform = uniform / np.sqrt(uniform.sum(1, keepdims=True))
            # The uniform part is exact; truncating it would violate the conservation of current in a component.
            uniform_weights = samples @ uniform.T
            weights, singular_values, basis = np.linalg.svd(samples - uniform_weights @ uniform, full_matrices=False)
            significant = singular_values > TRUNCATION_RTOL * np.linalg.norm(samples, 2)
            on_all_nodes = np.zeros((len(uniform) + significant.sum(), n_boundary))
            on_all_nodes[:, boundary] = np.concatenate([uniform, basis[significant]])
            vectors.append(on_all_nodes)
            weights = weights[:, significant] * singular_values[significant]
            weights = np.concatenate([uniform_weights, weights], axis=1)
            for n, row in zip(as_first, weights[: len(as_first)], strict=True):
                rows[n, 0] = row
            for n, row in zip(as_second, weights[len(as_first) :], strict=True):
                rows[n, 1] = row
        starts.append(starts[-1] + (len(vectors[-1]) if of_region else 0))
    most = max(np.diff(starts), default=0)
    coefficients = np.zeros((2, len(pairs), most))
    for (n, end), row in rows.items():
        coefficients[end, n, : len(row)] = row
    all_vectors = np.concatenate(vectors) if vectors else np.zeros((0, n_boundary))
    return BoundaryCurrentBasis(all_vectors, np.array(starts), *coefficients)
