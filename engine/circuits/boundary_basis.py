"""What enters at the cells of focal regions while current flows between any two of them, as sums of few patterns.

Seen from far away, where the current goes that leaves a region hardly changes how it spreads over the region's rim. The
patterns of all its pairs are, to ten digits, sums of about a dozen; so are the potentials that they cause.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from .region_pairs import BoundaryCurrents

#: What is left out of a region's patterns, relative to the largest.
LEFT_OUT = 1e-10


class BoundaryCurrentBasis(NamedTuple):
    """Patterns, and what pairs are made of.

    Parameters
    ----------
    amounts
        What enters at every terminal, for every pattern.
    first
        Number of each region's first pattern, and one more than that of the last region's last.
    mine, theirs
        Of each pair: how much of each pattern of its first region, and of its second; zeros beyond those there are.
    """

    amounts: Float[np.ndarray, "patterns terminals"]
    first: Int[np.ndarray, "regions+1"]
    mine: Float[np.ndarray, "pairs most"]
    theirs: Float[np.ndarray, "pairs most"]


def boundary_current_basis(
    pairs: list[tuple[int, int]],
    entering: list[BoundaryCurrents],
    of: list[Int[np.ndarray, "_"]],
    components: Int[np.ndarray, "terminals"],
) -> BoundaryCurrentBasis:
    """Return few patterns that what enters in all of some pairs is made of.

    Parameters
    ----------
    pairs
        First and second region.
    entering
        What enters in each of them, at the rim of the first and of the second.
    of
        Which terminals are the rim of each region.
    components
        Of the terminals.

    Notes
    -----
    What enters a component of a region's rim evenly, and singular vectors of the rest; what is left out has a norm of
    1e-10 of what is kept.

    Examples
    --------
    >>> answer = BoundaryCurrents(1.0, np.array([-1.0]), np.array([1.0]), {0: 0.0})
    >>> found = boundary_current_basis([(0, 1)], [answer], [np.array([0]), np.array([1])], np.array([0, 0]))
    >>> found.mine @ found.amounts[:1] + found.theirs @ found.amounts[1:]
    array([[-1.,  1.]])
    """
    ends, terminals = np.array(pairs).reshape(-1, 2), len(components)
    patterns, first = [], [0]
    parts: dict[tuple[int, int], np.ndarray] = {}
    for region, rim in enumerate(of):
        begins, comes = np.flatnonzero(ends[:, 0] == region), np.flatnonzero(ends[:, 1] == region)
        given = [entering[n].mine for n in begins] + [entering[n].theirs for n in comes]
        if given:
            amounts = np.stack(given)
            even = components[rim] == np.unique(components[rim])[:, None]
            even = even / np.sqrt(even.sum(1, keepdims=True))
            # What enters a component is kept to the last digit, or current would get lost in it.
            evenly = amounts @ even.T
            weights, sizes, basis = np.linalg.svd(amounts - evenly @ even, full_matrices=False)
            kept = sizes > LEFT_OUT * np.linalg.norm(amounts, 2)
            spread = np.zeros((len(even) + kept.sum(), terminals))
            spread[:, rim] = np.concatenate([even, basis[kept]])
            patterns.append(spread)
            weights = np.concatenate([evenly, weights[:, kept] * sizes[kept]], axis=1)
            for n, row in zip(begins, weights[: len(begins)], strict=True):
                parts[n, 0] = row
            for n, row in zip(comes, weights[len(begins) :], strict=True):
                parts[n, 1] = row
        first.append(first[-1] + (len(patterns[-1]) if given else 0))
    most = max(np.diff(first), default=0)
    shares = np.zeros((2, len(pairs), most))
    for (n, side), row in parts.items():
        shares[side, n, : len(row)] = row
    amounts = np.concatenate(patterns) if patterns else np.zeros((0, terminals))
    return BoundaryCurrentBasis(amounts, np.array(first), *shares)
