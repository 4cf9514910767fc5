"""The parts of least-cost paths by the number of paths that share them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ...runner import Result
from ..parameter_values import ParameterValues
from ..styles import shared_path_style
from ..tables import Column, Table


def shared_path_table(output: str, inputs: ParameterValues, result: Result) -> Table:
    """Return the parts of least-cost paths as lines, those of most paths last, so that they are drawn on top.

    Parameters
    ----------
    output
        Name of the output parameter.
    inputs, result
        Inputs and result of the engine's task.
    """
    ends = result.outputs["path_ends"].tolist()
    paths = np.split(result.outputs["path_cells"][:], ends[:-1]) if ends else []
    parts = sorted(shared_parts(paths), key=lambda part: part[0])
    counts = [count for count, _ in parts]
    lines = [inputs.landscape.grid.centres(cells) for _, cells in parts]
    return Table(
        output, (Column("paths", "integer"),), [(n,) for n in counts], lines, shared_path_style("paths", counts)
    )


def shared_parts(paths: Sequence[np.ndarray]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the parts of some paths, each once, with the number of paths that use it in either direction.

    Parameters
    ----------
    paths
        Cells of each path, integer (n, 2): row and column.

    Yields
    ------
    tuple
        Number of paths, and the cells of the part, integer (k, 2).

    Examples
    --------
    >>> first, second = np.array([[0, 0], [0, 1], [0, 2]]), np.array([[1, 3], [0, 2], [0, 1]])
    >>> [(count, cells.tolist()) for count, cells in shared_parts([first, second])]
    [(1, [[0, 0], [0, 1]]), (2, [[0, 1], [0, 2]]), (1, [[1, 3], [0, 2]])]
    """
    steps = [_steps(path) for path in paths]
    known, numbers, counts = np.unique(
        np.concatenate([np.zeros((0, 4), np.int64), *steps]), axis=0, return_inverse=True, return_counts=True
    )
    is_new, start = np.ones(len(known), bool), 0
    for path in paths:
        own = numbers.reshape(-1)[start : start + len(path) - 1]
        start += len(own)
        # A least-cost path takes no step twice, so each of its steps occurs once in it.
        uses = np.where(is_new[own], counts[own], 0)
        is_new[own] = False
        bounds = np.flatnonzero(np.diff(uses)) + 1
        for part in np.split(np.arange(len(own)), bounds):
            if len(part) and uses[part[0]]:
                yield int(uses[part[0]]), path[part[0] : part[-1] + 2]


def _steps(path: np.ndarray) -> np.ndarray:
    """Return the two cells of each step, in an order that does not depend on its direction, (n − 1, 4)."""
    first, second = path[:-1], path[1:]
    is_later = (first[:, 0] > second[:, 0]) | ((first[:, 0] == second[:, 0]) & (first[:, 1] > second[:, 1]))
    return np.where(is_later[:, None], np.hstack([second, first]), np.hstack([first, second])).astype(np.int64)
