"""The cells under a stroke of a round brush."""

import numpy as np
from jaxtyping import Int


def cells_near(
    start: tuple[float, float], end: tuple[float, float], radius: float, shape: tuple[int, int]
) -> Int[np.ndarray, "n 2"]:
    """Return the rows and columns of the cells whose centres lie within a radius of a line, and of the cell at its end.

    Examples
    --------
    >>> cells_near((0.5, 0.5), (0.5, 2.5), 0.1, (1, 4)).tolist()
    [[0, 0], [0, 1], [0, 2]]
    """
    (row, column), (last_row, last_column) = start, end
    top, bottom = sorted((row, last_row))
    left, right = sorted((column, last_column))
    rows = np.arange(max(int(top - radius) - 1, 0), min(int(bottom + radius) + 2, shape[0]))
    columns = np.arange(max(int(left - radius) - 1, 0), min(int(right + radius) + 2, shape[1]))
    down, across = rows[:, None] + 0.5 - row, columns + 0.5 - column
    length = np.hypot(last_row - row, last_column - column)
    along = 0.0
    if length > 0:
        unit = (last_row - row) / length, (last_column - column) / length
        along = np.clip(down * unit[0] + across * unit[1], 0, length)
        down, across = down - along * unit[0], across - along * unit[1]
    near = np.hypot(down, across) <= radius
    cells = np.stack(np.nonzero(near), -1) + [rows[0] if rows.size else 0, columns[0] if columns.size else 0]
    end_cell = np.array([[int(np.floor(last_row)), int(np.floor(last_column))]])
    inside = 0 <= end_cell[0, 0] < shape[0] and 0 <= end_cell[0, 1] < shape[1]
    return np.unique(np.concatenate([cells, end_cell]) if inside else cells, axis=0)
