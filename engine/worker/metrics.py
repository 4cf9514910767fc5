"""Metrics of results: the scalars that a task returns besides its arrays."""

from typing import Any

import numpy as np

from ..graph import GridGraph, connected_components
from ..linalg import SolveRecord


def landscape_metrics(grid: GridGraph) -> dict[str, Any]:
    """Return the number of active cells and of connected components."""
    return {"active_cells": grid.n_vertices, "components": int(np.asarray(connected_components(grid)).max())}


def solver_metrics(stats: list[SolveRecord]) -> dict[str, Any]:
    """Return the names of the solvers, and the largest number of iterations and residual of the solutions.

    Solvers that were given up are named, but their iterations and residuals do not count.

    Examples
    --------
    >>> given_up = SolveRecord("multigrid", 1, 90, 1.0, succeeded=False)
    >>> solver_metrics([given_up, SolveRecord("nested dissection", 1, 0, 1e-15)])["solver"]
    'nested dissection, after multigrid was given up'
    """
    used = [solve for solve in stats if solve.succeeded]
    names = list(dict.fromkeys(solve.solver for solve in used))
    given_up = list(dict.fromkeys(solve.solver for solve in stats if not solve.succeeded))
    after = [f"after {' and '.join(given_up)} was given up"] if names and given_up else []
    return {
        "solver": ", ".join(names + after) or None,
        # A direct solver does not iterate, and a search for paths has no residual.
        "iterations": max((solve.iterations for solve in used), default=0) or None,
        "residual": max((solve.residual for solve in used if solve.residual is not None), default=None),
    }


def range_metrics(values: np.ndarray) -> dict[str, Any]:
    """Return minimum, maximum and mean of the finite values; None if there are none.

    Examples
    --------
    >>> float(range_metrics(np.array([1.0, 3.0, np.inf]))["mean"])
    2.0
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return {"minimum": None, "maximum": None, "mean": None}
    return {"minimum": finite.min(), "maximum": finite.max(), "mean": finite.mean()}


def resistance_metrics(mode: str, resistances: np.ndarray) -> dict[str, Any]:
    """Return the range of effective resistances, and the number of runs whose focal nodes are not connected.

    Parameters
    ----------
    mode
        "pairwise", "one_to_all" or "all_to_one", which has no resistances.
    resistances
        In ohm, infinite where not connected, NaN where excluded: (n, n) for pairs, else (n,).
    """
    values = resistances[np.triu_indices(len(resistances), 1)] if mode == "pairwise" else resistances
    included = values[~np.isnan(values)]
    is_resistance = mode != "all_to_one"
    ranges = range_metrics(included if is_resistance else included[:0])
    return {"unconnected": int(np.isinf(included).sum())} | ranges
